-- The Board reads one row for each cell, so what it shows of versions lies beside what runs and what
-- was deployed last. A version never changes, so the copies cannot grow stale.

ALTER TABLE running ADD COLUMN version_label TEXT;

ALTER TABLE running ADD COLUMN version_ordinal INTEGER;

ALTER TABLE running ADD COLUMN version_commits INTEGER;

UPDATE running SET
    version_label = (SELECT label FROM versions WHERE id = version_id),
    version_ordinal = (SELECT ordinal FROM versions WHERE id = version_id),
    version_commits = (SELECT commits_total FROM versions WHERE id = version_id);

ALTER TABLE latest_deployments ADD COLUMN previous_version_id BLOB REFERENCES versions (id);

ALTER TABLE latest_deployments ADD COLUMN version_label TEXT NOT NULL DEFAULT '';

ALTER TABLE latest_deployments ADD COLUMN version_ordinal INTEGER NOT NULL DEFAULT 0;

ALTER TABLE latest_deployments ADD COLUMN version_commits INTEGER NOT NULL DEFAULT 0;

UPDATE latest_deployments SET
    previous_version_id = (SELECT previous_version_id FROM deployments WHERE id = deployment_id),
    version_label = (SELECT label FROM versions WHERE id = version_id),
    version_ordinal = (SELECT ordinal FROM versions WHERE id = version_id),
    version_commits = (SELECT commits_total FROM versions WHERE id = version_id);

-- Found by what is searched for, and failures without reading everything that runs.
CREATE INDEX promotions_by_version ON promotions (version_id);

CREATE INDEX running_failed ON running (target_id) WHERE mark = 'failed';

CREATE INDEX promotions_by_end ON promotions (service_id, is_over, finished_at);

-- What people search the audit by, in lower case as the program makes it: the databases do not agree
-- on the lower case of letters beyond ASCII.
ALTER TABLE audit ADD COLUMN actor_search TEXT NOT NULL DEFAULT '';

ALTER TABLE audit ADD COLUMN entity_search TEXT NOT NULL DEFAULT '';

UPDATE audit SET actor_search = LOWER(actor), entity_search = LOWER(entity_label);
