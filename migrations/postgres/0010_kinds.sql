-- A workload may be another tool's object. Two objects of one name in one namespace are never two
-- targets, whatever their kinds: where a tool makes a Deployment of its own name, two would write one.
ALTER TABLE target_workloads ADD COLUMN kind TEXT NOT NULL DEFAULT 'deployment';

ALTER TABLE running ADD COLUMN kind TEXT NOT NULL DEFAULT 'deployment';
