-- Who may do what, and who did: people, sessions, tokens, audit, settings.

CREATE TABLE people (
    id BLOB NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    email TEXT NOT NULL,
    password_hash TEXT,
    role TEXT NOT NULL,
    is_active INTEGER NOT NULL,
    search TEXT NOT NULL,
    created_at TEXT NOT NULL,
    last_seen_at TEXT
) STRICT;

CREATE UNIQUE INDEX people_email_unique ON people (email);

CREATE TABLE one_time_links (
    token_hash BLOB NOT NULL PRIMARY KEY,
    purpose TEXT NOT NULL,
    person_id BLOB REFERENCES people (id),
    created_at TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    used_at TEXT
) STRICT;

-- `id` is the SHA-256 of what the cookie carries.
CREATE TABLE sessions (
    id BLOB NOT NULL PRIMARY KEY,
    data BLOB NOT NULL,
    person_id BLOB REFERENCES people (id),
    expires_at INTEGER NOT NULL
) STRICT;

CREATE INDEX sessions_by_expiry ON sessions (expires_at);

CREATE INDEX sessions_by_person ON sessions (person_id);

CREATE TABLE tokens (
    id BLOB NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    secret_hash BLOB NOT NULL,
    role TEXT NOT NULL,
    owner_id BLOB NOT NULL REFERENCES people (id),
    created_at TEXT NOT NULL,
    last_used_at TEXT,
    expires_at TEXT,
    revoked_at TEXT
) STRICT;

CREATE UNIQUE INDEX tokens_secret_unique ON tokens (secret_hash);

-- Entries outlive what they speak of, so nothing here refers to another table.
CREATE TABLE audit (
    id BLOB NOT NULL PRIMARY KEY,
    at TEXT NOT NULL,
    who TEXT NOT NULL,
    actor TEXT NOT NULL,
    person_id BLOB,
    act TEXT NOT NULL,
    entity_kind TEXT NOT NULL,
    entity_id BLOB,
    entity_label TEXT NOT NULL,
    reason TEXT,
    from_address TEXT,
    result TEXT NOT NULL,
    details TEXT NOT NULL
) STRICT;

CREATE INDEX audit_by_time ON audit (at, id);

CREATE INDEX audit_by_person ON audit (person_id, at, id);

CREATE INDEX audit_by_act ON audit (act, at, id);

CREATE INDEX audit_by_entity ON audit (entity_kind, entity_id, at, id);

CREATE TABLE settings (
    key TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;
