-- Why pods of a promotion fail, as their cluster told it while they were there. Only the last ones are kept.
CREATE TABLE pod_evidence (
    promotion_id BLOB NOT NULL REFERENCES promotions (id),
    cluster_id BLOB NOT NULL,
    namespace TEXT NOT NULL,
    pod TEXT NOT NULL,
    at TEXT NOT NULL,
    evidence TEXT NOT NULL,
    PRIMARY KEY (promotion_id, cluster_id, namespace, pod)
) STRICT;
