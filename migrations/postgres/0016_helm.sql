-- Who has said that Slipway may write what a plain Helm release made, for which target. A row that is gone was
-- taken back; the audit has both.
CREATE TABLE helm_consents (
    target_id UUID NOT NULL PRIMARY KEY REFERENCES targets (id) ON DELETE CASCADE,
    given_by JSONB NOT NULL,
    given_at TIMESTAMPTZ NOT NULL,
    reason TEXT NOT NULL
);
