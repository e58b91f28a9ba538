-- Where the version of a target lives, when that is a Git repository, and what lets Slipway in. The secret is
-- sealed by the engine; known_hosts are the keys by which an ssh host is believed.
CREATE TABLE git_places (
    target_id UUID NOT NULL PRIMARY KEY REFERENCES targets (id) ON DELETE CASCADE,
    place JSONB NOT NULL,
    user_name TEXT,
    known_hosts TEXT,
    sealed_secret BYTEA,
    changed_at TIMESTAMPTZ NOT NULL
);
