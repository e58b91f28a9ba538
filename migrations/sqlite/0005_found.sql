-- A deployment that was there before Slipway is one to go back to, but nobody knows when it was made:
-- it counts in no figure.
ALTER TABLE deployments ADD COLUMN is_found INTEGER NOT NULL DEFAULT 0;

UPDATE deployments SET is_found = 1 WHERE reported_by = 'found in the cluster' AND external_id LIKE 'adopted-%';
