-- A deployment that was there before Slipway is one to go back to, but nobody knows when it was made:
-- it counts in no figure.
ALTER TABLE deployments ADD COLUMN is_found BOOLEAN NOT NULL DEFAULT FALSE;

UPDATE deployments SET is_found = TRUE WHERE reported_by = 'found in the cluster' AND external_id LIKE 'adopted-%';
