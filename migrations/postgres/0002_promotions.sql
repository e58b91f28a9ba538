-- What moves and what moved: promotions, what must be told, deployments, what runs, incidents.

CREATE TABLE counters (
    name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    value BIGINT NOT NULL
);

-- `state` is the truth; the other columns repeat of it what SQL filters, sorts or shows in lists.
CREATE TABLE promotions (
    id UUID NOT NULL PRIMARY KEY,
    number BIGINT NOT NULL,
    service_id UUID NOT NULL REFERENCES services (id),
    environment_id UUID NOT NULL REFERENCES environments (id),
    target_id UUID NOT NULL REFERENCES targets (id),
    version_id UUID NOT NULL REFERENCES versions (id),
    previous_version_id UUID REFERENCES versions (id),
    phase TEXT COLLATE "C" NOT NULL,
    cause TEXT COLLATE "C" NOT NULL,
    reason TEXT NOT NULL,
    occupies BOOLEAN NOT NULL,
    is_over BOOLEAN NOT NULL,
    needs_approval BOOLEAN NOT NULL,
    mark TEXT COLLATE "C" NOT NULL,
    words TEXT NOT NULL,
    percent BIGINT,
    revision BIGINT NOT NULL,
    sequence BIGINT,
    requested_by TEXT NOT NULL,
    requested_by_id UUID,
    requested_at TIMESTAMPTZ NOT NULL,
    approved_at TIMESTAMPTZ,
    started_at TIMESTAMPTZ,
    finished_at TIMESTAMPTZ,
    wake_at TIMESTAMPTZ,
    lease_owner UUID,
    lease_until TIMESTAMPTZ,
    request_key TEXT COLLATE "C",
    state JSONB NOT NULL
);

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
    promotion_id UUID NOT NULL REFERENCES promotions (id),
    ordinal BIGINT NOT NULL,
    at TIMESTAMPTZ NOT NULL,
    by_whom JSONB NOT NULL,
    event JSONB NOT NULL,
    PRIMARY KEY (promotion_id, ordinal)
);

CREATE TABLE outbox (
    promotion_id UUID NOT NULL REFERENCES promotions (id),
    revision BIGINT NOT NULL,
    ordinal BIGINT NOT NULL,
    effect JSONB NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    due_at TIMESTAMPTZ NOT NULL,
    attempts BIGINT NOT NULL,
    attempted_at TIMESTAMPTZ,
    last_error TEXT,
    done_at TIMESTAMPTZ,
    lease_owner UUID,
    lease_until TIMESTAMPTZ,
    PRIMARY KEY (promotion_id, revision, ordinal)
);

CREATE INDEX outbox_by_due ON outbox (due_at) WHERE done_at IS NULL;

-- `message` is missing from the attempt to post until the receiver has answered.
CREATE TABLE messages (
    promotion_id UUID NOT NULL PRIMARY KEY REFERENCES promotions (id),
    channel TEXT NOT NULL,
    message TEXT,
    attempted_at TIMESTAMPTZ NOT NULL,
    told_revision BIGINT NOT NULL
);

CREATE TABLE deployments (
    id UUID NOT NULL PRIMARY KEY,
    promotion_id UUID REFERENCES promotions (id),
    service_id UUID NOT NULL REFERENCES services (id),
    environment_id UUID NOT NULL REFERENCES environments (id),
    version_id UUID NOT NULL REFERENCES versions (id),
    previous_version_id UUID REFERENCES versions (id),
    cause TEXT COLLATE "C" NOT NULL,
    outcome TEXT COLLATE "C" NOT NULL,
    requested_at TIMESTAMPTZ,
    approved_at TIMESTAMPTZ,
    started_at TIMESTAMPTZ NOT NULL,
    finished_at TIMESTAMPTZ,
    requested_by TEXT NOT NULL,
    reported_by TEXT,
    external_id TEXT COLLATE "C"
);

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
    service_id UUID NOT NULL REFERENCES services (id),
    environment_id UUID NOT NULL REFERENCES environments (id),
    deployment_id UUID NOT NULL REFERENCES deployments (id),
    version_id UUID NOT NULL REFERENCES versions (id),
    finished_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (service_id, environment_id)
);

CREATE INDEX latest_deployments_by_version ON latest_deployments (version_id);

-- What the watches saw last. `version_id` is missing when Slipway does not know what runs.
CREATE TABLE running (
    target_id UUID NOT NULL REFERENCES targets (id) ON DELETE CASCADE,
    cluster_id UUID NOT NULL REFERENCES clusters (id),
    namespace TEXT COLLATE "C" NOT NULL,
    workload TEXT COLLATE "C" NOT NULL,
    images JSONB NOT NULL,
    version_id UUID REFERENCES versions (id),
    mark TEXT COLLATE "C" NOT NULL,
    words TEXT NOT NULL,
    wanted BIGINT NOT NULL,
    updated BIGINT NOT NULL,
    ready BIGINT NOT NULL,
    available BIGINT NOT NULL,
    is_changed_by_others BOOLEAN NOT NULL,
    since TIMESTAMPTZ NOT NULL,
    seen_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (target_id, cluster_id, namespace, workload)
);

CREATE INDEX running_by_workload ON running (cluster_id, namespace, workload);

CREATE INDEX running_by_version ON running (version_id);

CREATE TABLE incidents (
    id UUID NOT NULL PRIMARY KEY,
    number BIGINT NOT NULL,
    title TEXT NOT NULL,
    severity TEXT COLLATE "C" NOT NULL,
    opened_at TIMESTAMPTZ NOT NULL,
    detected_at TIMESTAMPTZ,
    resolved_at TIMESTAMPTZ,
    service_id UUID REFERENCES services (id),
    environment_id UUID REFERENCES environments (id),
    deployment_id UUID REFERENCES deployments (id),
    summary TEXT NOT NULL
);

CREATE UNIQUE INDEX incidents_number_unique ON incidents (number);

CREATE INDEX incidents_by_opening ON incidents (opened_at, id);

CREATE INDEX incidents_by_service ON incidents (service_id, opened_at, id);

CREATE INDEX incidents_by_deployment ON incidents (deployment_id);
