-- What was measured of a promotion: one row for each evaluation of a rule, with the question as it was
-- put. Only the last ones of each rule are kept.
CREATE TABLE samples (
    promotion_id UUID NOT NULL REFERENCES promotions (id),
    rule TEXT COLLATE "C" NOT NULL,
    at TIMESTAMPTZ NOT NULL,
    verdict TEXT COLLATE "C" NOT NULL,
    sample JSONB NOT NULL,
    PRIMARY KEY (promotion_id, rule, at)
);

-- Where the metrics of a cluster are asked for. The secret is sealed by the engine.
CREATE TABLE metric_sources (
    cluster_id UUID NOT NULL PRIMARY KEY REFERENCES clusters (id) ON DELETE CASCADE,
    kind TEXT COLLATE "C" NOT NULL,
    address TEXT NOT NULL,
    user_name TEXT,
    sealed_secret BYTEA,
    changed_at TIMESTAMPTZ NOT NULL
);
