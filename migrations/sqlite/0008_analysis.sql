-- What was measured of a promotion: one row for each evaluation of a rule, with the question as it was
-- put. Only the last ones of each rule are kept.
CREATE TABLE samples (
    promotion_id BLOB NOT NULL REFERENCES promotions (id),
    rule TEXT NOT NULL,
    at TEXT NOT NULL,
    verdict TEXT NOT NULL,
    sample TEXT NOT NULL,
    PRIMARY KEY (promotion_id, rule, at)
) STRICT;

-- Where the metrics of a cluster are asked for. The secret is sealed by the engine.
CREATE TABLE metric_sources (
    cluster_id BLOB NOT NULL PRIMARY KEY REFERENCES clusters (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    address TEXT NOT NULL,
    user_name TEXT,
    sealed_secret BLOB,
    changed_at TEXT NOT NULL
) STRICT;
