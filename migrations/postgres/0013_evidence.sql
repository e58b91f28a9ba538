-- Why pods of a promotion fail, as their cluster told it while they were there. Only the last ones are kept.
CREATE TABLE pod_evidence (
    promotion_id UUID NOT NULL REFERENCES promotions (id),
    cluster_id UUID NOT NULL,
    namespace TEXT COLLATE "C" NOT NULL,
    pod TEXT COLLATE "C" NOT NULL,
    at TIMESTAMPTZ NOT NULL,
    evidence JSONB NOT NULL,
    PRIMARY KEY (promotion_id, cluster_id, namespace, pod)
);
