-- What names a cluster in a metric source that several share: label matchers as text, empty where it has a source of
-- its own, and the tenant on whose behalf it is asked.
ALTER TABLE metric_sources ADD COLUMN matchers TEXT NOT NULL DEFAULT '';

ALTER TABLE metric_sources ADD COLUMN tenant TEXT;
