-- Who brings versions into a target: Slipway itself into clusters, or a program outside.
ALTER TABLE targets ADD COLUMN deployer JSONB NOT NULL DEFAULT '{"by":"clusters"}';

-- What webhooks to an outside deployer are signed with, sealed by the engine. The former secret signs
-- too for a while after it was replaced.
CREATE TABLE deployer_secrets (
    target_id UUID NOT NULL PRIMARY KEY REFERENCES targets (id) ON DELETE CASCADE,
    sealed BYTEA NOT NULL,
    former BYTEA,
    former_until TIMESTAMPTZ,
    made_at TIMESTAMPTZ NOT NULL
);

-- Webhooks to outside deployers: written with the decision that wants them, sent until they are taken
-- or refused. The body is kept as it is signed.
CREATE TABLE deliveries (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    promotion_id UUID NOT NULL REFERENCES promotions (id),
    target_id UUID NOT NULL REFERENCES targets (id),
    generation BIGINT NOT NULL,
    call TEXT COLLATE "C" NOT NULL,
    address TEXT NOT NULL,
    body TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    due_at TIMESTAMPTZ NOT NULL,
    attempts BIGINT NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    done_at TIMESTAMPTZ,
    lease_owner UUID,
    lease_until TIMESTAMPTZ
);

CREATE INDEX deliveries_by_due ON deliveries (due_at) WHERE done_at IS NULL;

CREATE INDEX deliveries_by_promotion ON deliveries (promotion_id, generation);

CREATE TABLE delivery_attempts (
    delivery_id TEXT COLLATE "C" NOT NULL REFERENCES deliveries (id) ON DELETE CASCADE,
    number BIGINT NOT NULL,
    begun_at TIMESTAMPTZ NOT NULL,
    ended_at TIMESTAMPTZ,
    status BIGINT,
    words TEXT,
    PRIMARY KEY (delivery_id, number)
);

-- What outside deployers reported, by the identity that they gave the report.
CREATE TABLE deployer_reports (
    promotion_id UUID NOT NULL REFERENCES promotions (id),
    report_id TEXT COLLATE "C" NOT NULL,
    at TIMESTAMPTZ NOT NULL,
    content JSONB NOT NULL,
    PRIMARY KEY (promotion_id, report_id)
);
