-- Who brings versions into a target: Slipway itself into clusters, or a program outside.
ALTER TABLE targets ADD COLUMN deployer TEXT NOT NULL DEFAULT '{"by":"clusters"}';

-- What webhooks to an outside deployer are signed with, sealed by the engine. The former secret signs
-- too for a while after it was replaced.
CREATE TABLE deployer_secrets (
    target_id BLOB NOT NULL PRIMARY KEY REFERENCES targets (id) ON DELETE CASCADE,
    sealed BLOB NOT NULL,
    former BLOB,
    former_until TEXT,
    made_at TEXT NOT NULL
) STRICT;

-- Webhooks to outside deployers: written with the decision that wants them, sent until they are taken
-- or refused. The body is kept as it is signed.
CREATE TABLE deliveries (
    id TEXT NOT NULL PRIMARY KEY,
    promotion_id BLOB NOT NULL REFERENCES promotions (id),
    target_id BLOB NOT NULL REFERENCES targets (id),
    generation INTEGER NOT NULL,
    call TEXT NOT NULL,
    address TEXT NOT NULL,
    body TEXT NOT NULL,
    created_at TEXT NOT NULL,
    due_at TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    state TEXT NOT NULL,
    done_at TEXT,
    lease_owner BLOB,
    lease_until TEXT
) STRICT;

CREATE INDEX deliveries_by_due ON deliveries (due_at) WHERE done_at IS NULL;

CREATE INDEX deliveries_by_promotion ON deliveries (promotion_id, generation);

CREATE TABLE delivery_attempts (
    delivery_id TEXT NOT NULL REFERENCES deliveries (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    begun_at TEXT NOT NULL,
    ended_at TEXT,
    status INTEGER,
    words TEXT,
    PRIMARY KEY (delivery_id, number)
) STRICT;

-- What outside deployers reported, by the identity that they gave the report.
CREATE TABLE deployer_reports (
    promotion_id BLOB NOT NULL REFERENCES promotions (id),
    report_id TEXT NOT NULL,
    at TEXT NOT NULL,
    content TEXT NOT NULL,
    PRIMARY KEY (promotion_id, report_id)
) STRICT;
