-- Where a chart has the name of an image, a cluster says the tag alone: versions are found by that too.
DROP INDEX version_images_by_tag;

CREATE INDEX version_images_by_tag ON version_images (tag, repository);
