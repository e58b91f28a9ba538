-- What moves and what moved: promotions, what must be told, deployments, what runs, incidents.

CREATE TABLE counters (
    name TEXT NOT NULL PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT;

-- `state` is the truth; the other columns repeat of it what SQL filters, sorts or shows in lists.
CREATE TABLE promotions (
    id BLOB NOT NULL PRIMARY KEY,
    number INTEGER NOT NULL,
    service_id BLOB NOT NULL REFERENCES services (id),
    environment_id BLOB NOT NULL REFERENCES environments (id),
    target_id BLOB NOT NULL REFERENCES targets (id),
    version_id BLOB NOT NULL REFERENCES versions (id),
    previous_version_id BLOB REFERENCES versions (id),
    phase TEXT NOT NULL,
    cause TEXT NOT NULL,
    reason TEXT NOT NULL,
    occupies INTEGER NOT NULL,
    is_over INTEGER NOT NULL,
    needs_approval INTEGER NOT NULL,
    mark TEXT NOT NULL,
    words TEXT NOT NULL,
    percent INTEGER,
    revision INTEGER NOT NULL,
    sequence INTEGER,
    requested_by TEXT NOT NULL,
    requested_by_id BLOB,
    requested_at TEXT NOT NULL,
    approved_at TEXT,
    started_at TEXT,
    finished_at TEXT,
    wake_at TEXT,
    lease_owner BLOB,
    lease_until TEXT,
    request_key TEXT,
    state TEXT NOT NULL
) STRICT;

CREATE UNIQUE INDEX promotions_number_unique ON promotions (number);

-- A request that a pipeline repeats finds the first one's promotion.
CREATE UNIQUE INDEX promotions_key_unique ON promotions (request_key);

-- Two promotions never hold one target at the same time.
CREATE UNIQUE INDEX promotions_occupied_unique ON promotions (target_id) WHERE occupies;

CREATE INDEX promotions_by_sequence ON promotions (target_id, sequence);

CREATE INDEX promotions_by_wake ON promotions (wake_at) WHERE wake_at IS NOT NULL;

CREATE INDEX promotions_open_by_target ON promotions (target_id) WHERE NOT is_over;

CREATE INDEX promotions_open_by_request ON promotions (requested_at, id) WHERE NOT is_over;

CREATE INDEX promotions_by_request ON promotions (requested_at, id);

CREATE INDEX promotions_by_service ON promotions (service_id, requested_at, id);

CREATE INDEX promotions_by_requester ON promotions (requested_by_id, requested_at, id);

CREATE INDEX promotions_by_finish ON promotions (finished_at);

CREATE TABLE promotion_journal (
    promotion_id BLOB NOT NULL REFERENCES promotions (id),
    ordinal INTEGER NOT NULL,
    at TEXT NOT NULL,
    by_whom TEXT NOT NULL,
    event TEXT NOT NULL,
    PRIMARY KEY (promotion_id, ordinal)
) STRICT;

CREATE TABLE outbox (
    promotion_id BLOB NOT NULL REFERENCES promotions (id),
    revision INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    effect TEXT NOT NULL,
    created_at TEXT NOT NULL,
    due_at TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    attempted_at TEXT,
    last_error TEXT,
    done_at TEXT,
    lease_owner BLOB,
    lease_until TEXT,
    PRIMARY KEY (promotion_id, revision, ordinal)
) STRICT;

CREATE INDEX outbox_by_due ON outbox (due_at) WHERE done_at IS NULL;

-- `message` is missing from the attempt to post until the receiver has answered.
CREATE TABLE messages (
    promotion_id BLOB NOT NULL PRIMARY KEY REFERENCES promotions (id),
    channel TEXT NOT NULL,
    message TEXT,
    attempted_at TEXT NOT NULL,
    told_revision INTEGER NOT NULL
) STRICT;

CREATE TABLE deployments (
    id BLOB NOT NULL PRIMARY KEY,
    promotion_id BLOB REFERENCES promotions (id),
    service_id BLOB NOT NULL REFERENCES services (id),
    environment_id BLOB NOT NULL REFERENCES environments (id),
    version_id BLOB NOT NULL REFERENCES versions (id),
    previous_version_id BLOB REFERENCES versions (id),
    cause TEXT NOT NULL,
    outcome TEXT NOT NULL,
    requested_at TEXT,
    approved_at TEXT,
    started_at TEXT NOT NULL,
    finished_at TEXT,
    requested_by TEXT NOT NULL,
    reported_by TEXT,
    external_id TEXT
) STRICT;

CREATE UNIQUE INDEX deployments_promotion_unique ON deployments (promotion_id);

CREATE UNIQUE INDEX deployments_external_unique ON deployments (service_id, environment_id, external_id);

CREATE INDEX deployments_by_start ON deployments (started_at, id);

CREATE INDEX deployments_by_finish ON deployments (finished_at, id);

CREATE INDEX deployments_by_service_start ON deployments (service_id, started_at, id);

CREATE INDEX deployments_by_service_finish ON deployments (service_id, finished_at, id);

CREATE INDEX deployments_by_place ON deployments (service_id, environment_id, outcome, finished_at);

CREATE INDEX deployments_by_version ON deployments (version_id);

-- The last deployment of each service into each environment that succeeded, kept beside the
-- deployments so that the Board does not search them.
CREATE TABLE latest_deployments (
    service_id BLOB NOT NULL REFERENCES services (id),
    environment_id BLOB NOT NULL REFERENCES environments (id),
    deployment_id BLOB NOT NULL REFERENCES deployments (id),
    version_id BLOB NOT NULL REFERENCES versions (id),
    finished_at TEXT NOT NULL,
    PRIMARY KEY (service_id, environment_id)
) STRICT;

CREATE INDEX latest_deployments_by_version ON latest_deployments (version_id);

-- What the watches saw last. `version_id` is missing when Slipway does not know what runs.
CREATE TABLE running (
    target_id BLOB NOT NULL REFERENCES targets (id) ON DELETE CASCADE,
    cluster_id BLOB NOT NULL REFERENCES clusters (id),
    namespace TEXT NOT NULL,
    workload TEXT NOT NULL,
    images TEXT NOT NULL,
    version_id BLOB REFERENCES versions (id),
    mark TEXT NOT NULL,
    words TEXT NOT NULL,
    wanted INTEGER NOT NULL,
    updated INTEGER NOT NULL,
    ready INTEGER NOT NULL,
    available INTEGER NOT NULL,
    is_changed_by_others INTEGER NOT NULL,
    since TEXT NOT NULL,
    seen_at TEXT NOT NULL,
    PRIMARY KEY (target_id, cluster_id, namespace, workload)
) STRICT;

CREATE INDEX running_by_workload ON running (cluster_id, namespace, workload);

CREATE INDEX running_by_version ON running (version_id);

CREATE TABLE incidents (
    id BLOB NOT NULL PRIMARY KEY,
    number INTEGER NOT NULL,
    title TEXT NOT NULL,
    severity TEXT NOT NULL,
    opened_at TEXT NOT NULL,
    detected_at TEXT,
    resolved_at TEXT,
    service_id BLOB REFERENCES services (id),
    environment_id BLOB REFERENCES environments (id),
    deployment_id BLOB REFERENCES deployments (id),
    summary TEXT NOT NULL
) STRICT;

CREATE UNIQUE INDEX incidents_number_unique ON incidents (number);

CREATE INDEX incidents_by_opening ON incidents (opened_at, id);

CREATE INDEX incidents_by_service ON incidents (service_id, opened_at, id);

CREATE INDEX incidents_by_deployment ON incidents (deployment_id);
