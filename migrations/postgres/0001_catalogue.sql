-- What there is: teams, services, environments, clusters, targets, versions.
-- Text that is compared or sorted has the collation "C", so that both databases agree on its order.

CREATE TABLE teams (
    id UUID NOT NULL PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL,
    title TEXT NOT NULL
);

CREATE UNIQUE INDEX teams_name_unique ON teams (name);

CREATE TABLE services (
    id UUID NOT NULL PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL,
    title TEXT NOT NULL,
    team_id UUID NOT NULL REFERENCES teams (id),
    tier BIGINT NOT NULL CHECK (tier BETWEEN 1 AND 3),
    description TEXT NOT NULL,
    repository TEXT,
    runbook TEXT,
    search TEXT COLLATE "C" NOT NULL,
    created_at TIMESTAMPTZ NOT NULL
);

CREATE UNIQUE INDEX services_name_unique ON services (name);

CREATE INDEX services_by_team ON services (team_id, name);

CREATE TABLE environments (
    id UUID NOT NULL PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL,
    title TEXT NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    position BIGINT NOT NULL,
    rules_revision BIGINT NOT NULL,
    approvals BIGINT NOT NULL CHECK (approvals BETWEEN 0 AND 5),
    healthy_in_id UUID REFERENCES environments (id),
    rollout_budget_seconds BIGINT NOT NULL,
    watch_seconds BIGINT NOT NULL
);

CREATE UNIQUE INDEX environments_name_unique ON environments (name);

CREATE TABLE clusters (
    id UUID NOT NULL PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    server TEXT,
    certificate_authority TEXT,
    sealed_token BYTEA,
    namespaces JSONB,
    created_at TIMESTAMPTZ NOT NULL,
    reachable_since TIMESTAMPTZ,
    unreachable_since TIMESTAMPTZ,
    message TEXT,
    version TEXT
);

CREATE UNIQUE INDEX clusters_name_unique ON clusters (name);

CREATE TABLE environment_clusters (
    environment_id UUID NOT NULL REFERENCES environments (id) ON DELETE CASCADE,
    cluster_id UUID NOT NULL REFERENCES clusters (id),
    PRIMARY KEY (environment_id, cluster_id)
);

CREATE INDEX environment_clusters_by_cluster ON environment_clusters (cluster_id);

CREATE TABLE targets (
    id UUID NOT NULL PRIMARY KEY,
    service_id UUID NOT NULL REFERENCES services (id),
    environment_id UUID NOT NULL REFERENCES environments (id),
    strategy JSONB NOT NULL
);

CREATE UNIQUE INDEX targets_service_unique ON targets (service_id, environment_id);

CREATE INDEX targets_by_environment ON targets (environment_id);

-- One row per container that a version's image goes to. A container belongs to one target.
CREATE TABLE target_workloads (
    target_id UUID NOT NULL REFERENCES targets (id) ON DELETE CASCADE,
    cluster_id UUID NOT NULL REFERENCES clusters (id),
    namespace TEXT COLLATE "C" NOT NULL,
    workload TEXT COLLATE "C" NOT NULL,
    container TEXT COLLATE "C" NOT NULL,
    component TEXT COLLATE "C",
    PRIMARY KEY (cluster_id, namespace, workload, container)
);

CREATE INDEX target_workloads_by_target ON target_workloads (target_id);

-- `ordinal` counts a service's versions without gaps; `commits_total` counts its commits up to and
-- including this version, each once: what lies between two versions is a subtraction.
CREATE TABLE versions (
    id UUID NOT NULL PRIMARY KEY,
    service_id UUID NOT NULL REFERENCES services (id),
    label TEXT COLLATE "C" NOT NULL,
    label_search TEXT COLLATE "C" NOT NULL,
    ordinal BIGINT NOT NULL,
    commit_hash TEXT COLLATE "C",
    commits_new BIGINT NOT NULL,
    commits_total BIGINT NOT NULL,
    is_hotfix BOOLEAN NOT NULL,
    has_irreversible_migration BOOLEAN NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    registered_by TEXT NOT NULL
);

CREATE UNIQUE INDEX versions_label_unique ON versions (service_id, label);

CREATE UNIQUE INDEX versions_ordinal_unique ON versions (service_id, ordinal);

CREATE INDEX versions_by_label ON versions (label_search);

CREATE INDEX versions_by_commit ON versions (commit_hash);

CREATE TABLE version_images (
    version_id UUID NOT NULL REFERENCES versions (id),
    ordinal BIGINT NOT NULL,
    component TEXT COLLATE "C",
    repository TEXT COLLATE "C" NOT NULL,
    tag TEXT COLLATE "C",
    digest TEXT COLLATE "C",
    PRIMARY KEY (version_id, ordinal)
);

CREATE INDEX version_images_by_digest ON version_images (digest);

CREATE INDEX version_images_by_tag ON version_images (repository, tag);

-- `is_first` marks the first version of the service that contains the commit: pipelines report
-- commits since the last version they deployed, so that lists of versions overlap.
CREATE TABLE version_commits (
    version_id UUID NOT NULL REFERENCES versions (id),
    ordinal BIGINT NOT NULL,
    service_id UUID NOT NULL,
    version_ordinal BIGINT NOT NULL,
    hash TEXT COLLATE "C" NOT NULL,
    author TEXT NOT NULL,
    title TEXT NOT NULL,
    committed_at TIMESTAMPTZ NOT NULL,
    is_first BOOLEAN NOT NULL,
    PRIMARY KEY (version_id, ordinal)
);

CREATE INDEX version_commits_by_service ON version_commits (service_id, version_ordinal, ordinal);

CREATE INDEX version_commits_by_hash ON version_commits (hash);

CREATE TABLE version_checks (
    version_id UUID NOT NULL REFERENCES versions (id),
    name TEXT COLLATE "C" NOT NULL,
    verdict TEXT COLLATE "C" NOT NULL,
    link TEXT,
    tests_run BIGINT,
    tests_failed BIGINT,
    critical BIGINT,
    high BIGINT,
    medium BIGINT,
    low BIGINT,
    PRIMARY KEY (version_id, name)
);
