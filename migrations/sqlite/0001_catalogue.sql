-- What there is: teams, services, environments, clusters, targets, versions.
-- Text is compared byte by byte, which is what SQLite does by itself; the other database is told to.

CREATE TABLE teams (
    id BLOB NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    title TEXT NOT NULL
) STRICT;

CREATE UNIQUE INDEX teams_name_unique ON teams (name);

CREATE TABLE services (
    id BLOB NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    title TEXT NOT NULL,
    team_id BLOB NOT NULL REFERENCES teams (id),
    tier INTEGER NOT NULL CHECK (tier BETWEEN 1 AND 3),
    description TEXT NOT NULL,
    repository TEXT,
    runbook TEXT,
    search TEXT NOT NULL,
    created_at TEXT NOT NULL
) STRICT;

CREATE UNIQUE INDEX services_name_unique ON services (name);

CREATE INDEX services_by_team ON services (team_id, name);

CREATE TABLE environments (
    id BLOB NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    title TEXT NOT NULL,
    kind TEXT NOT NULL,
    position INTEGER NOT NULL,
    rules_revision INTEGER NOT NULL,
    approvals INTEGER NOT NULL CHECK (approvals BETWEEN 0 AND 5),
    healthy_in_id BLOB REFERENCES environments (id),
    rollout_budget_seconds INTEGER NOT NULL,
    watch_seconds INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX environments_name_unique ON environments (name);

CREATE TABLE clusters (
    id BLOB NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    server TEXT,
    certificate_authority TEXT,
    sealed_token BLOB,
    namespaces TEXT,
    created_at TEXT NOT NULL,
    reachable_since TEXT,
    unreachable_since TEXT,
    message TEXT,
    version TEXT
) STRICT;

CREATE UNIQUE INDEX clusters_name_unique ON clusters (name);

CREATE TABLE environment_clusters (
    environment_id BLOB NOT NULL REFERENCES environments (id) ON DELETE CASCADE,
    cluster_id BLOB NOT NULL REFERENCES clusters (id),
    PRIMARY KEY (environment_id, cluster_id)
) STRICT;

CREATE INDEX environment_clusters_by_cluster ON environment_clusters (cluster_id);

CREATE TABLE targets (
    id BLOB NOT NULL PRIMARY KEY,
    service_id BLOB NOT NULL REFERENCES services (id),
    environment_id BLOB NOT NULL REFERENCES environments (id),
    strategy TEXT NOT NULL
) STRICT;

CREATE UNIQUE INDEX targets_service_unique ON targets (service_id, environment_id);

CREATE INDEX targets_by_environment ON targets (environment_id);

-- One row per container that a version's image goes to. A container belongs to one target.
CREATE TABLE target_workloads (
    target_id BLOB NOT NULL REFERENCES targets (id) ON DELETE CASCADE,
    cluster_id BLOB NOT NULL REFERENCES clusters (id),
    namespace TEXT NOT NULL,
    workload TEXT NOT NULL,
    container TEXT NOT NULL,
    component TEXT,
    PRIMARY KEY (cluster_id, namespace, workload, container)
) STRICT;

CREATE INDEX target_workloads_by_target ON target_workloads (target_id);

-- `ordinal` counts a service's versions without gaps; `commits_total` counts its commits up to and
-- including this version, each once: what lies between two versions is a subtraction.
CREATE TABLE versions (
    id BLOB NOT NULL PRIMARY KEY,
    service_id BLOB NOT NULL REFERENCES services (id),
    label TEXT NOT NULL,
    label_search TEXT NOT NULL,
    ordinal INTEGER NOT NULL,
    commit_hash TEXT,
    commits_new INTEGER NOT NULL,
    commits_total INTEGER NOT NULL,
    is_hotfix INTEGER NOT NULL,
    has_irreversible_migration INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    registered_by TEXT NOT NULL
) STRICT;

CREATE UNIQUE INDEX versions_label_unique ON versions (service_id, label);

CREATE UNIQUE INDEX versions_ordinal_unique ON versions (service_id, ordinal);

CREATE INDEX versions_by_label ON versions (label_search);

CREATE INDEX versions_by_commit ON versions (commit_hash);

CREATE TABLE version_images (
    version_id BLOB NOT NULL REFERENCES versions (id),
    ordinal INTEGER NOT NULL,
    component TEXT,
    repository TEXT NOT NULL,
    tag TEXT,
    digest TEXT,
    PRIMARY KEY (version_id, ordinal)
) STRICT;

CREATE INDEX version_images_by_digest ON version_images (digest);

CREATE INDEX version_images_by_tag ON version_images (repository, tag);

-- `is_first` marks the first version of the service that contains the commit: pipelines report
-- commits since the last version they deployed, so that lists of versions overlap.
CREATE TABLE version_commits (
    version_id BLOB NOT NULL REFERENCES versions (id),
    ordinal INTEGER NOT NULL,
    service_id BLOB NOT NULL,
    version_ordinal INTEGER NOT NULL,
    hash TEXT NOT NULL,
    author TEXT NOT NULL,
    title TEXT NOT NULL,
    committed_at TEXT NOT NULL,
    is_first INTEGER NOT NULL,
    PRIMARY KEY (version_id, ordinal)
) STRICT;

CREATE INDEX version_commits_by_service ON version_commits (service_id, version_ordinal, ordinal);

CREATE INDEX version_commits_by_hash ON version_commits (hash);

CREATE TABLE version_checks (
    version_id BLOB NOT NULL REFERENCES versions (id),
    name TEXT NOT NULL,
    verdict TEXT NOT NULL,
    link TEXT,
    tests_run INTEGER,
    tests_failed INTEGER,
    critical INTEGER,
    high INTEGER,
    medium INTEGER,
    low INTEGER,
    PRIMARY KEY (version_id, name)
) STRICT;
