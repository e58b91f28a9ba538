-- A Deployment belongs to one target: a second one would put back pod templates that the first has
-- moved on from. Where two have one already, the first keeps it until somebody decides.
CREATE TABLE target_deployments (
    target_id UUID NOT NULL REFERENCES targets (id) ON DELETE CASCADE,
    cluster_id UUID NOT NULL REFERENCES clusters (id),
    namespace TEXT COLLATE "C" NOT NULL,
    workload TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (cluster_id, namespace, workload)
);

CREATE INDEX target_deployments_by_target ON target_deployments (target_id);

INSERT INTO target_deployments (target_id, cluster_id, namespace, workload)
SELECT DISTINCT target_id, cluster_id, namespace, workload FROM target_workloads WHERE true ORDER BY target_id
ON CONFLICT DO NOTHING;

-- Whether a cluster does not answer, or answers that it does not let us in. NULL stands for the former
-- where the trouble began before this column.
ALTER TABLE clusters ADD COLUMN trouble TEXT;
