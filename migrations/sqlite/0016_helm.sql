-- Who has said that Slipway may write what a plain Helm release made, for which target. A row that is gone was
-- taken back; the audit has both.
CREATE TABLE helm_consents (
    target_id BLOB NOT NULL PRIMARY KEY REFERENCES targets (id) ON DELETE CASCADE,
    given_by TEXT NOT NULL,
    given_at TEXT NOT NULL,
    reason TEXT NOT NULL
) STRICT;
