//! Promotions: the state as versioned JSON, the columns that repeat of it what SQL needs, the
//! journal, and the leases by which reconcilers share the work. The lists are in
//! `promotion_lists.rs`.

use chrono::{DateTime, Utc};
use domain::{
    actor::Identity,
    ids::{PersonId, PromotionId, TargetId, VersionId},
    promotion::{Blocker, JournalEntry, JournalEvent, Occupant, Phase, Promotion, headline},
};
use serde::{Deserialize, Serialize};
use sqlx::types::Json;
use uuid::Uuid;

use crate::{
    Entity, Read, StoreError, Tx,
    columns::record,
    connection::{execute, fetch_all, fetch_one, fetch_optional},
    statements::statements,
};

/// The form of the stored state. Raise it, and read the former one too, when a change of
/// [`Promotion`] cannot read what is stored.
const STATE_FORM: u32 = 1;

#[derive(Serialize)]
struct StateOut<'a> {
    v: u32,
    promotion: &'a Promotion,
}

#[derive(Deserialize)]
struct StateIn {
    v: u32,
    promotion: serde_json::Value,
}

record! {
    struct StateColumns {
        state: serde_json::Value,
        revision: i64,
    }
}

/// A promotion and the revision at which it was read.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadedPromotion {
    /// The promotion.
    pub promotion: Promotion,
    /// Rises with each [`Tx::save_promotion`].
    pub revision: i64,
}

impl TryFrom<StateColumns> for LoadedPromotion {
    type Error = StoreError;

    fn try_from(row: StateColumns) -> Result<Self, StoreError> {
        let corrupt = |error| StoreError::corrupt("promotion", error);
        let state: StateIn = serde_json::from_value(row.state).map_err(corrupt)?;
        if state.v != STATE_FORM {
            let why = format!("its form is {}, this Slipway reads {STATE_FORM}", state.v);
            return Err(StoreError::corrupt("promotion", why));
        }
        let promotion = serde_json::from_value(state.promotion).map_err(corrupt)?;
        Ok(Self { promotion, revision: row.revision })
    }
}

/// One entry of a promotion's journal.
#[derive(Clone, Debug, PartialEq)]
pub struct JournalRow {
    /// Its place, from 1.
    pub ordinal: i64,
    /// The entry.
    pub entry: JournalEntry,
}

record! {
    struct JournalColumns {
        ordinal: i64,
        at: DateTime<Utc>,
        by_whom: Identity,
        event: JournalEvent,
    }
}

record! {
    struct OccupantColumns {
        id: PromotionId,
        number: i64,
    }
}

record! {
    struct IdColumn {
        id: PromotionId,
    }
}

const INSERT: &str = "
    INSERT INTO promotions (id, number, service_id, environment_id, target_id, version_id, previous_version_id, phase,
        cause, reason, occupies, is_over, needs_approval, mark, words, percent, revision, sequence, requested_by,
        requested_by_id, requested_at, approved_at, started_at, finished_at, wake_at, state, approved_by)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, 1, $17, $18, $19, $20, $21, $22,
        $23, $24, $25, $26)";

const SAVE: &str = "
    UPDATE promotions SET version_id = $3, phase = $4, occupies = $5, is_over = $6, needs_approval = $7, mark = $8,
        words = $9, percent = $10, sequence = $11, approved_at = $12, started_at = $13, finished_at = $14,
        wake_at = $15, state = $16, approved_by = $17, previous_version_id = $18, revision = revision + 1
    WHERE id = $1 AND revision = $2";

const BY_ID: &str = "SELECT state, revision FROM promotions WHERE id = $1";

const BY_NUMBER: &str = "SELECT state, revision FROM promotions WHERE number = $1";

const REVISION: &str = "SELECT revision FROM promotions WHERE id = $1";

const RELEASE: &str = "
    UPDATE promotions SET lease_owner = NULL, lease_until = NULL WHERE id = $1 AND lease_owner = $2";

const RENEW_LEASES: &str = "UPDATE promotions SET lease_until = $2 WHERE lease_owner = $1 AND NOT is_over";

// The condition must not look at `wake_at`: a row that another transaction holds is judged by what it
// was before, and the wake-up would be lost under what that transaction writes.
const WAKE: &str = "
    UPDATE promotions SET wake_at = CASE WHEN wake_at < $2 THEN wake_at ELSE $2 END WHERE id = $1 AND NOT is_over";

const WAKE_OPEN: &str = "
    UPDATE promotions SET wake_at = CASE WHEN wake_at < $2 THEN wake_at ELSE $2 END
    WHERE target_id = $1 AND NOT is_over";

const POSTPONE: &str = "UPDATE promotions SET wake_at = $3 WHERE id = $1 AND revision = $2 AND NOT is_over";

const PUT_OFF: &str = "
    UPDATE promotions SET wake_at = $3, lease_owner = NULL, lease_until = NULL
    WHERE id = $1 AND lease_owner = $2 AND NOT is_over";

const OCCUPANT: &str = "SELECT id, number FROM promotions WHERE target_id = $1 AND occupies";

const NEXT_SEQUENCE: &str = "SELECT COALESCE(MAX(sequence), 0) + 1 FROM promotions WHERE target_id = $1";

const OPEN_OF_TARGET: &str = "
    SELECT state, revision FROM promotions WHERE target_id = $1 AND NOT is_over ORDER BY requested_at, id";

const LAST_OVER: &str = "
    SELECT state, revision FROM promotions
    WHERE target_id = $1 AND previous_version_id = $2 AND sequence IS NOT NULL
    ORDER BY sequence DESC, id LIMIT 1";
const UNDER_WAY: &str = "
    SELECT state, revision FROM promotions WHERE (occupies OR phase = 'watching') AND NOT is_over ORDER BY requested_at, id";

const LAST_ORDINAL: &str = "SELECT COALESCE(MAX(ordinal), 0) FROM promotion_journal WHERE promotion_id = $1";

const APPEND: &str = "
    INSERT INTO promotion_journal (promotion_id, ordinal, at, by_whom, event) VALUES ($1, $2, $3, $4, $5)";

const JOURNAL: &str = "
    SELECT ordinal, at, by_whom, event FROM promotion_journal WHERE promotion_id = $1 ORDER BY ordinal DESC LIMIT $2";

statements!("promotions.rs":
    INSERT, SAVE, BY_ID, BY_NUMBER, REVISION, RELEASE, RENEW_LEASES, WAKE, WAKE_OPEN, POSTPONE, PUT_OFF, OCCUPANT, NEXT_SEQUENCE,
    OPEN_OF_TARGET, LAST_OVER, UNDER_WAY, LAST_ORDINAL, APPEND, JOURNAL,
);

fn needs_approval(promotion: &Promotion) -> bool {
    match &promotion.phase {
        Phase::Waiting { blockers } => blockers.iter().any(|b| matches!(b, Blocker::Approvals { .. })),
        _ => false,
    }
}

/// Who approved, as the column `approved_by` keeps it.
fn approved_by(promotion: &Promotion) -> String {
    let people: Vec<_> = promotion.approvals.iter().map(|a| a.person.uuid().to_string()).collect();
    people.join(" ")
}

const fn state(promotion: &Promotion) -> Json<StateOut<'_>> {
    Json(StateOut { v: STATE_FORM, promotion })
}

impl Tx {
    /// Adds a promotion at revision 1 and tells so after the commit. Its number comes from
    /// [`Tx::next`].
    ///
    /// # Errors
    /// [`StoreError::Unique`] with [`crate::Unique::Occupancy`] when it occupies a target that
    /// another one holds; [`StoreError::ForeignKey`].
    pub async fn insert_promotion(
        &mut self,
        promotion: &Promotion,
        wake_at: Option<DateTime<Utc>>,
    ) -> Result<i64, StoreError> {
        let line = headline(promotion);
        let run = promotion.run();
        execute!(
            self,
            INSERT,
            promotion.id.uuid(),
            promotion.number,
            promotion.service.uuid(),
            promotion.environment.uuid(),
            promotion.target.uuid(),
            promotion.plan.version.uuid(),
            promotion.previous_version.map(VersionId::uuid),
            promotion.phase_word(),
            promotion.cause.as_str(),
            promotion.reason.as_str(),
            promotion.occupies(),
            promotion.is_over(),
            needs_approval(promotion),
            line.mark.as_str(),
            line.words.as_str(),
            line.percent.map(i64::from),
            run.map(|run| run.sequence),
            promotion.requested_by.shown(),
            promotion.requested_by.person().map(PersonId::uuid),
            promotion.requested_at,
            promotion.approved_at,
            run.map(|run| run.started_at),
            promotion.finished_at(),
            wake_at,
            state(promotion),
            approved_by(promotion),
        )?;
        self.signal(Entity::Promotion, promotion.id.uuid(), 1);
        Ok(1)
    }

    /// Holds a target until the end of the transaction: what is decided about promotions into it, by
    /// people and by passes on any server, goes one after the other.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn hold_target(&mut self, target: TargetId) -> Result<(), StoreError> {
        let text = self.dialect().hold_target();
        fetch_optional!(self, text => (Uuid,), target.uuid()).map(drop)
    }

    /// Loads a promotion to change it. Its target is held as by [`Tx::hold_target`]: saving it may
    /// change others of the same target. On PostgreSQL its row is held too, so that a wake-up that comes
    /// meanwhile is not overwritten.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when the state cannot be read.
    pub async fn load_promotion(&mut self, id: PromotionId) -> Result<Option<LoadedPromotion>, StoreError> {
        let text = self.dialect().hold_target_of();
        fetch_optional!(self, text => (Uuid,), id.uuid())?;
        let text = self.dialect().load_promotion();
        fetch_optional!(self, text => StateColumns, id.uuid())?.map(TryInto::try_into).transpose()
    }

    /// Saves the next state of a promotion that was read at `revision`, tells so after the commit
    /// and gives the new revision.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when it is of another revision by now; [`StoreError::Unique`] with
    /// [`crate::Unique::Occupancy`] when another promotion holds the target. Both mean: load and
    /// decide again in a new transaction.
    pub async fn save_promotion(
        &mut self,
        promotion: &Promotion,
        revision: i64,
        wake_at: Option<DateTime<Utc>>,
    ) -> Result<i64, StoreError> {
        let line = headline(promotion);
        let run = promotion.run();
        let written = execute!(
            self,
            SAVE,
            promotion.id.uuid(),
            revision,
            promotion.plan.version.uuid(),
            promotion.phase_word(),
            promotion.occupies(),
            promotion.is_over(),
            needs_approval(promotion),
            line.mark.as_str(),
            line.words.as_str(),
            line.percent.map(i64::from),
            run.map(|run| run.sequence),
            promotion.approved_at,
            run.map(|run| run.started_at),
            promotion.finished_at(),
            wake_at,
            state(promotion),
            approved_by(promotion),
            promotion.previous_version.map(VersionId::uuid),
        )?;
        if written != 1 {
            return Err(self.lost_race());
        }
        self.signal(Entity::Promotion, promotion.id.uuid(), revision + 1);
        Ok(revision + 1)
    }

    /// Adds entries to a promotion's journal, after those that are there.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn append_journal(&mut self, id: PromotionId, entries: &[JournalEntry]) -> Result<(), StoreError> {
        if entries.is_empty() {
            return Ok(());
        }
        let (last,) = fetch_one!(self, LAST_ORDINAL => (i64,), id.uuid())?;
        for (ordinal, entry) in (last + 1..).zip(entries) {
            execute!(self, APPEND, id.uuid(), ordinal, entry.at, Json(&entry.by), Json(&entry.event))?;
        }
        Ok(())
    }

    /// Leases at most `limit` promotions whose time to look has come and that nobody has leased,
    /// longest due first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn claim_promotions(
        &mut self,
        owner: Uuid,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<PromotionId>, StoreError> {
        let text = self.dialect().claim_promotions();
        let rows = fetch_all!(self, text => IdColumn, owner, until, now, i64::from(limit))?;
        Ok(rows.into_iter().map(|row| row.id).collect())
    }

    /// Gives a lease back; nothing happens when it is another's by now.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn release_promotion(&mut self, id: PromotionId, owner: Uuid) -> Result<(), StoreError> {
        execute!(self, RELEASE, id.uuid(), owner).map(drop)
    }

    /// Has all leases of an owner last until then.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn renew_leases(&mut self, owner: Uuid, until: DateTime<Utc>) -> Result<(), StoreError> {
        execute!(self, RENEW_LEASES, owner, until).map(drop)
    }

    /// Has a promotion looked at no later than `at`. Tells whether it is there and not over.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn wake_promotion(&mut self, id: PromotionId, at: DateTime<Utc>) -> Result<bool, StoreError> {
        Ok(execute!(self, WAKE, id.uuid(), at)? == 1)
    }
}

impl Tx {
    /// Has every promotion of a target that is not over looked at no later than `at`: its pods
    /// moved, or the one before it ended. Tells how many.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn wake_open(&mut self, target: TargetId, at: DateTime<Utc>) -> Result<u64, StoreError> {
        execute!(self, WAKE_OPEN, target.uuid(), at)
    }

    /// After a look that changed nothing: sets when to look again, unless someone saved it since. Load
    /// it with [`Tx::load_promotion`] in the same transaction, or a wake-up meanwhile is overwritten.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn postpone_promotion(
        &mut self,
        id: PromotionId,
        revision: i64,
        wake_at: Option<DateTime<Utc>>,
    ) -> Result<bool, StoreError> {
        Ok(execute!(self, POSTPONE, id.uuid(), revision, wake_at)? == 1)
    }

    /// Gives a lease back and has the promotion looked at again at `wake_at` and no sooner, without
    /// reading its state; nothing happens when the lease is another's by now. Tells whether it did.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn put_off_promotion(
        &mut self,
        id: PromotionId,
        owner: Uuid,
        wake_at: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        Ok(execute!(self, PUT_OFF, id.uuid(), owner, wake_at)? == 1)
    }
}

impl Read {
    /// The promotion with this identity.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when the state cannot be read.
    pub async fn promotion(&mut self, id: PromotionId) -> Result<Option<LoadedPromotion>, StoreError> {
        fetch_optional!(self, BY_ID => StateColumns, id.uuid())?.map(TryInto::try_into).transpose()
    }

    /// The promotion with this number.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when the state cannot be read.
    pub async fn promotion_by_number(&mut self, number: i64) -> Result<Option<LoadedPromotion>, StoreError> {
        fetch_optional!(self, BY_NUMBER => StateColumns, number)?.map(TryInto::try_into).transpose()
    }

    /// The revision of a promotion, without its state.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn promotion_revision(&mut self, id: PromotionId) -> Result<Option<i64>, StoreError> {
        Ok(fetch_optional!(self, REVISION => (i64,), id.uuid())?.map(|(revision,)| revision))
    }

    /// The promotion that holds a target.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn occupant(&mut self, target: TargetId) -> Result<Option<Occupant>, StoreError> {
        let row = fetch_optional!(self, OCCUPANT => OccupantColumns, target.uuid())?;
        Ok(row.map(|row| Occupant { id: row.id, number: row.number }))
    }

    /// The sequence number that the next start at a target gets.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn next_sequence(&mut self, target: TargetId) -> Result<i64, StoreError> {
        Ok(fetch_one!(self, NEXT_SEQUENCE => (i64,), target.uuid())?.0)
    }

    /// The promotions of a target that are not over, oldest request first.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when a state cannot be read.
    pub async fn open_promotions(&mut self, target: TargetId) -> Result<Vec<LoadedPromotion>, StoreError> {
        let rows = fetch_all!(self, OPEN_OF_TARGET => StateColumns, target.uuid())?;
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// The promotion that started last in a target where `version` ran until then.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when its state cannot be read.
    pub async fn last_promotion_over(
        &mut self,
        target: TargetId,
        version: VersionId,
    ) -> Result<Option<LoadedPromotion>, StoreError> {
        let row = fetch_optional!(self, LAST_OVER => StateColumns, target.uuid(), version.uuid())?;
        row.map(TryInto::try_into).transpose()
    }

    /// All promotions that hold their target or are being watched, oldest request first.
    ///
    /// # Errors
    /// [`StoreError`]; of one that cannot be read [`StoreError::Corrupt`] stands in its place.
    pub async fn promotions_under_way(&mut self) -> Result<Vec<Result<LoadedPromotion, StoreError>>, StoreError> {
        let rows = fetch_all!(self, UNDER_WAY => StateColumns)?;
        Ok(rows.into_iter().map(TryInto::try_into).collect())
    }

    /// The last entries of a promotion's journal, at most so many, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when an entry cannot be read.
    pub async fn journal(&mut self, id: PromotionId, most: u32) -> Result<Vec<JournalRow>, StoreError> {
        let rows = fetch_all!(self, JOURNAL => JournalColumns, id.uuid(), i64::from(most))?;
        let entry = |row: JournalColumns| JournalRow {
            ordinal: row.ordinal,
            entry: JournalEntry { at: row.at, by: row.by_whom, event: row.event },
        };
        Ok(rows.into_iter().rev().map(entry).collect())
    }
}
