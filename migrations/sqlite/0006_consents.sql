-- Who approved the present plan, so that what waits for somebody is counted and listed without reading
-- every promotion's state: identifiers with a blank between them.
ALTER TABLE promotions ADD COLUMN approved_by TEXT NOT NULL DEFAULT '';

UPDATE promotions SET approved_by = COALESCE((
    SELECT group_concat(json_extract(given.value, '$.person'), ' ')
    FROM json_each(promotions.state, '$.promotion.approvals') AS given), '')
WHERE NOT is_over;

CREATE INDEX promotions_needing_approval ON promotions (requested_at, id) WHERE needs_approval;
