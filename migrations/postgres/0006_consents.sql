-- Who approved the present plan, so that what waits for somebody is counted and listed without reading
-- every promotion's state: identifiers with a blank between them.
ALTER TABLE promotions ADD COLUMN approved_by TEXT COLLATE "C" NOT NULL DEFAULT '';

UPDATE promotions SET approved_by = COALESCE((
    SELECT string_agg(given.value ->> 'person', ' ')
    FROM jsonb_array_elements(promotions.state -> 'promotion' -> 'approvals') AS given (value)), '')
WHERE NOT is_over;

CREATE INDEX promotions_needing_approval ON promotions (requested_at, id) WHERE needs_approval;
