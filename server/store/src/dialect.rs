//! The few statements that differ between the databases, each as two texts side by side.

use crate::{deliveries::delivery_columns, statements::statements};

/// Which database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// A file, written by one connection at a time.
    Sqlite,
    /// A server, shared by several Slipways.
    Postgres,
}

impl Dialect {
    pub(crate) const fn pick(self, sqlite: &'static str, postgres: &'static str) -> &'static str {
        match self {
            Self::Sqlite => sqlite,
            Self::Postgres => postgres,
        }
    }

    /// Leases promotions that are due. `$1` owner, `$2` lease end, `$3` now, `$4` limit.
    pub(crate) const fn claim_promotions(self) -> &'static str {
        self.pick(CLAIM_PROMOTIONS_SQLITE, CLAIM_PROMOTIONS_POSTGRES)
    }

    /// Loads a promotion to change it. `$1` id.
    pub(crate) const fn load_promotion(self) -> &'static str {
        self.pick(LOAD_PROMOTION_SQLITE, LOAD_PROMOTION_POSTGRES)
    }

    /// Leases the oldest untold effect of each promotion. `$1` owner, `$2` lease end, `$3` now, `$4` limit.
    pub(crate) const fn claim_effects(self) -> &'static str {
        self.pick(CLAIM_EFFECTS_SQLITE, CLAIM_EFFECTS_POSTGRES)
    }

    /// Leases the oldest open webhook of each promotion. `$1` owner, `$2` lease end, `$3` now, `$4` limit.
    pub(crate) const fn claim_deliveries(self) -> &'static str {
        self.pick(CLAIM_DELIVERIES_SQLITE, CLAIM_DELIVERIES_POSTGRES)
    }

    /// Inserts commits from one JSON array. `$1` version, `$2` service, `$3` ordinal, `$4` array.
    pub(crate) const fn insert_commits(self) -> &'static str {
        self.pick(INSERT_COMMITS_SQLITE, INSERT_COMMITS_POSTGRES)
    }

    /// Holds a service's row until the end of the transaction, so that two registrations of its
    /// versions go one after the other. `$1` id.
    pub(crate) const fn lock_service(self) -> &'static str {
        self.pick(LOCK_SERVICE_SQLITE, LOCK_SERVICE_POSTGRES)
    }

    /// Holds a target's row until the end of the transaction, so that everything that is decided about
    /// promotions into it goes one after the other. `$1` id.
    pub(crate) const fn hold_target(self) -> &'static str {
        self.pick(HOLD_TARGET_SQLITE, HOLD_TARGET_POSTGRES)
    }

    /// The same for the target of a promotion. `$1` the promotion's id.
    pub(crate) const fn hold_target_of(self) -> &'static str {
        self.pick(HOLD_TARGET_OF_SQLITE, HOLD_TARGET_OF_POSTGRES)
    }

    /// Holds a name until the end of the transaction, whether anything of this name is stored or not.
    /// `$1` the name.
    pub(crate) const fn hold(self) -> &'static str {
        self.pick(HOLD_SQLITE, HOLD_POSTGRES)
    }
}

/// Puts the identities of a JSON array of hexadecimal digits, `$1`, before a statement as `asked`.
macro_rules! with_services {
    (sqlite, $rest:expr) => {
        concat!("WITH asked (id) AS (SELECT unhex(value) FROM json_each($1)) ", $rest)
    };
    (postgres, $rest:expr) => {
        concat!(
            "WITH asked (id) AS (SELECT CAST(given.id AS UUID) FROM jsonb_array_elements_text($1) AS given (id)) ",
            $rest
        )
    };
}
pub(crate) use with_services;

// What is taken back is claimed first: traffic goes home before anything else is looked at.
const CLAIM_PROMOTIONS_SQLITE: &str = "
    UPDATE promotions SET lease_owner = $1, lease_until = $2
    WHERE id IN (
        SELECT id FROM promotions
        WHERE wake_at <= $3 AND (lease_until IS NULL OR lease_until < $3)
        ORDER BY CASE phase WHEN 'taking_back' THEN 0 ELSE 1 END, wake_at, id LIMIT $4)
    RETURNING id";

const CLAIM_PROMOTIONS_POSTGRES: &str = "
    UPDATE promotions SET lease_owner = $1, lease_until = $2
    WHERE id IN (
        SELECT id FROM promotions
        WHERE wake_at <= $3 AND (lease_until IS NULL OR lease_until < $3)
        ORDER BY CASE phase WHEN 'taking_back' THEN 0 ELSE 1 END, wake_at, id LIMIT $4 FOR UPDATE SKIP LOCKED)
    RETURNING id";

// One writer at a time is SQLite's rule, so the row needs no lock there.
const LOAD_PROMOTION_SQLITE: &str = "SELECT state, revision FROM promotions WHERE id = $1";

const LOAD_PROMOTION_POSTGRES: &str = "SELECT state, revision FROM promotions WHERE id = $1 FOR NO KEY UPDATE";

const CLAIM_EFFECTS_SQLITE: &str = "
    UPDATE outbox SET lease_owner = $1, lease_until = $2
    WHERE (promotion_id, revision, ordinal) IN (
        SELECT promotion_id, revision, ordinal FROM outbox AS head
        WHERE done_at IS NULL AND due_at <= $3 AND (lease_until IS NULL OR lease_until < $3)
            AND NOT EXISTS (
                SELECT 1 FROM outbox AS earlier
                WHERE earlier.promotion_id = head.promotion_id AND earlier.done_at IS NULL
                    AND (earlier.revision, earlier.ordinal) < (head.revision, head.ordinal))
        ORDER BY due_at, promotion_id LIMIT $4)
    RETURNING promotion_id, revision, ordinal, effect, created_at, attempts, attempted_at, last_error";

const CLAIM_EFFECTS_POSTGRES: &str = "
    UPDATE outbox SET lease_owner = $1, lease_until = $2
    WHERE (promotion_id, revision, ordinal) IN (
        SELECT promotion_id, revision, ordinal FROM outbox AS head
        WHERE done_at IS NULL AND due_at <= $3 AND (lease_until IS NULL OR lease_until < $3)
            AND NOT EXISTS (
                SELECT 1 FROM outbox AS earlier
                WHERE earlier.promotion_id = head.promotion_id AND earlier.done_at IS NULL
                    AND (earlier.revision, earlier.ordinal) < (head.revision, head.ordinal))
        ORDER BY due_at, promotion_id LIMIT $4 FOR UPDATE SKIP LOCKED)
    RETURNING promotion_id, revision, ordinal, effect, created_at, attempts, attempted_at, last_error";

const CLAIM_DELIVERIES_SQLITE: &str = concat!(
    "
    UPDATE deliveries SET lease_owner = $1, lease_until = $2
    WHERE id IN (
        SELECT id FROM deliveries AS head
        WHERE done_at IS NULL AND due_at <= $3 AND (lease_until IS NULL OR lease_until < $3)
            AND NOT EXISTS (
                SELECT 1 FROM deliveries AS earlier
                WHERE earlier.promotion_id = head.promotion_id AND earlier.done_at IS NULL
                    AND earlier.generation < head.generation)
        ORDER BY due_at, id LIMIT $4)
    RETURNING ",
    delivery_columns!()
);

const CLAIM_DELIVERIES_POSTGRES: &str = concat!(
    "
    UPDATE deliveries SET lease_owner = $1, lease_until = $2
    WHERE id IN (
        SELECT id FROM deliveries AS head
        WHERE done_at IS NULL AND due_at <= $3 AND (lease_until IS NULL OR lease_until < $3)
            AND NOT EXISTS (
                SELECT 1 FROM deliveries AS earlier
                WHERE earlier.promotion_id = head.promotion_id AND earlier.done_at IS NULL
                    AND earlier.generation < head.generation)
        ORDER BY due_at, id LIMIT $4 FOR UPDATE SKIP LOCKED)
    RETURNING ",
    delivery_columns!()
);

const INSERT_COMMITS_SQLITE: &str = "
    INSERT INTO version_commits
        (version_id, service_id, version_ordinal, ordinal, hash, author, title, committed_at, is_first)
    SELECT $1, $2, $3, json_extract(value, '$.ordinal'), json_extract(value, '$.hash'),
        json_extract(value, '$.author'), json_extract(value, '$.title'), json_extract(value, '$.at'),
        NOT EXISTS (
            SELECT 1 FROM version_commits AS known
            WHERE known.hash = json_extract(value, '$.hash') AND known.service_id = $2)
    FROM json_each($4)";

const INSERT_COMMITS_POSTGRES: &str = "
    INSERT INTO version_commits
        (version_id, service_id, version_ordinal, ordinal, hash, author, title, committed_at, is_first)
    SELECT $1, $2, $3, given.ordinal, given.hash, given.author, given.title, given.at,
        NOT EXISTS (
            SELECT 1 FROM version_commits AS known
            WHERE known.hash = given.hash AND known.service_id = $2)
    FROM jsonb_to_recordset($4) AS given (ordinal BIGINT, hash TEXT, author TEXT, title TEXT, at TIMESTAMPTZ)";

const LOCK_SERVICE_SQLITE: &str = "SELECT id FROM services WHERE id = $1";

const LOCK_SERVICE_POSTGRES: &str = "SELECT id FROM services WHERE id = $1 FOR NO KEY UPDATE";

const HOLD_TARGET_SQLITE: &str = "SELECT id FROM targets WHERE id = $1";

const HOLD_TARGET_POSTGRES: &str = "SELECT id FROM targets WHERE id = $1 FOR NO KEY UPDATE";

const HOLD_SQLITE: &str = "SELECT $1";

// There may be no row to hold. Two names with one hash wait for each other, and lose nothing.
const HOLD_POSTGRES: &str = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))";

const HOLD_TARGET_OF_SQLITE: &str = "SELECT target_id AS id FROM promotions WHERE id = $1";

const HOLD_TARGET_OF_POSTGRES: &str = "
    SELECT id FROM targets WHERE id = (SELECT target_id FROM promotions WHERE id = $1) FOR NO KEY UPDATE";

statements!("dialect.rs":
    CLAIM_PROMOTIONS_SQLITE, CLAIM_PROMOTIONS_POSTGRES, LOAD_PROMOTION_SQLITE, LOAD_PROMOTION_POSTGRES,
    CLAIM_EFFECTS_SQLITE, CLAIM_EFFECTS_POSTGRES, CLAIM_DELIVERIES_SQLITE, CLAIM_DELIVERIES_POSTGRES, INSERT_COMMITS_SQLITE, INSERT_COMMITS_POSTGRES,
    LOCK_SERVICE_SQLITE, LOCK_SERVICE_POSTGRES, HOLD_TARGET_SQLITE, HOLD_TARGET_POSTGRES, HOLD_SQLITE,
    HOLD_POSTGRES, HOLD_TARGET_OF_SQLITE, HOLD_TARGET_OF_POSTGRES,
);
