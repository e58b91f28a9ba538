-- Where the version of a target lives, when that is a Git repository, and what lets Slipway in. The secret is
-- sealed by the engine; known_hosts are the keys by which an ssh host is believed.
CREATE TABLE git_places (
    target_id BLOB NOT NULL PRIMARY KEY REFERENCES targets (id) ON DELETE CASCADE,
    place TEXT NOT NULL,
    user_name TEXT,
    known_hosts TEXT,
    sealed_secret BLOB,
    changed_at TEXT NOT NULL
) STRICT;
