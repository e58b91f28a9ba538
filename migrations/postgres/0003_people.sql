-- Who may do what, and who did: people, sessions, tokens, audit, settings.

CREATE TABLE people (
    id UUID NOT NULL PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL,
    email TEXT COLLATE "C" NOT NULL,
    password_hash TEXT,
    role TEXT COLLATE "C" NOT NULL,
    is_active BOOLEAN NOT NULL,
    search TEXT COLLATE "C" NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    last_seen_at TIMESTAMPTZ
);

CREATE UNIQUE INDEX people_email_unique ON people (email);

CREATE TABLE one_time_links (
    token_hash BYTEA NOT NULL PRIMARY KEY,
    purpose TEXT COLLATE "C" NOT NULL,
    person_id UUID REFERENCES people (id),
    created_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    used_at TIMESTAMPTZ
);

-- `id` is the SHA-256 of what the cookie carries.
CREATE TABLE sessions (
    id BYTEA NOT NULL PRIMARY KEY,
    data BYTEA NOT NULL,
    person_id UUID REFERENCES people (id),
    expires_at BIGINT NOT NULL
);

CREATE INDEX sessions_by_expiry ON sessions (expires_at);

CREATE INDEX sessions_by_person ON sessions (person_id);

CREATE TABLE tokens (
    id UUID NOT NULL PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL,
    secret_hash BYTEA NOT NULL,
    role TEXT COLLATE "C" NOT NULL,
    owner_id UUID NOT NULL REFERENCES people (id),
    created_at TIMESTAMPTZ NOT NULL,
    last_used_at TIMESTAMPTZ,
    expires_at TIMESTAMPTZ,
    revoked_at TIMESTAMPTZ
);

CREATE UNIQUE INDEX tokens_secret_unique ON tokens (secret_hash);

-- Entries outlive what they speak of, so nothing here refers to another table.
CREATE TABLE audit (
    id UUID NOT NULL PRIMARY KEY,
    at TIMESTAMPTZ NOT NULL,
    who JSONB NOT NULL,
    actor TEXT NOT NULL,
    person_id UUID,
    act TEXT COLLATE "C" NOT NULL,
    entity_kind TEXT COLLATE "C" NOT NULL,
    entity_id UUID,
    entity_label TEXT NOT NULL,
    reason TEXT,
    from_address TEXT,
    result TEXT COLLATE "C" NOT NULL,
    details JSONB NOT NULL
);

CREATE INDEX audit_by_time ON audit (at, id);

CREATE INDEX audit_by_person ON audit (person_id, at, id);

CREATE INDEX audit_by_act ON audit (act, at, id);

CREATE INDEX audit_by_entity ON audit (entity_kind, entity_id, at, id);

CREATE TABLE settings (
    key TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    value JSONB NOT NULL
);
