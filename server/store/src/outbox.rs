//! What must happen once: effects written in the deciding transaction, and the messages that they
//! keep up to date. Of each promotion only the oldest untold effect is handed out, so that one
//! promotion is never told by two workers at once.

use chrono::{DateTime, Utc};
use domain::{ids::PromotionId, promotion::Effect};
use sqlx::types::Json;
use uuid::Uuid;

use crate::{
    Read, StoreError, Tx,
    columns::record,
    connection::{execute, fetch_all, fetch_one, fetch_optional},
    statements::statements,
};

/// Which effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EffectKey {
    /// The promotion.
    pub promotion: PromotionId,
    /// The revision that the decision made.
    pub revision: i64,
    /// Its place in the decision, from 0.
    pub ordinal: i64,
}

/// An effect that was handed out.
#[derive(Clone, Debug, PartialEq)]
pub struct DueEffect {
    /// Which.
    pub key: EffectKey,
    /// What to do.
    pub effect: Effect,
    /// When it was decided.
    pub created_at: DateTime<Utc>,
    /// Tries begun so far.
    pub attempts: u32,
    /// When the last try began: with `attempts` above 0 its result may be unknown.
    pub attempted_at: Option<DateTime<Utc>>,
    /// Why the last try failed.
    pub last_error: Option<String>,
}

record! {
    struct EffectColumns {
        promotion_id: PromotionId,
        revision: i64,
        ordinal: i64,
        effect: Effect,
        created_at: DateTime<Utc>,
        attempts: u32,
        attempted_at: Option<DateTime<Utc>>,
        last_error: Option<String>,
    }
}

impl From<EffectColumns> for DueEffect {
    fn from(row: EffectColumns) -> Self {
        Self {
            key: EffectKey { promotion: row.promotion_id, revision: row.revision, ordinal: row.ordinal },
            effect: row.effect,
            created_at: row.created_at,
            attempts: row.attempts,
            attempted_at: row.attempted_at,
            last_error: row.last_error,
        }
    }
}

record! {
    /// The message about a promotion.
    pub struct Message {
        /// The promotion.
        pub promotion_id: PromotionId,
        /// The channel, as it was given or as the receiver answered it.
        pub channel: String,
        /// The receiver's identifier; `None` while it is not known whether posting succeeded.
        pub message: Option<String>,
        /// When posting was tried first.
        pub attempted_at: DateTime<Utc>,
        /// The revision that the message tells; 0 before it tells any.
        pub told_revision: i64,
    }
}

const INSERT: &str = "
    INSERT INTO outbox (promotion_id, revision, ordinal, effect, created_at, due_at, attempts)
    VALUES ($1, $2, $3, $4, $5, $5, 0)";

const ATTEMPT: &str = "
    UPDATE outbox SET attempts = attempts + 1, attempted_at = $5, lease_until = $6
    WHERE promotion_id = $1 AND revision = $2 AND ordinal = $3 AND lease_owner = $4 AND done_at IS NULL";

const FINISH: &str = "
    UPDATE outbox SET done_at = $3, last_error = NULL, lease_owner = NULL, lease_until = NULL
    WHERE promotion_id = $1 AND revision <= $2 AND effect ->> 'effect' = 'tell_messenger' AND done_at IS NULL";

const FINISH_ONE: &str = "
    UPDATE outbox SET done_at = $4, last_error = NULL, lease_owner = NULL, lease_until = NULL
    WHERE promotion_id = $1 AND revision = $2 AND ordinal = $3 AND done_at IS NULL";

const RETRY: &str = "
    UPDATE outbox SET due_at = $5, last_error = $6, lease_owner = NULL, lease_until = NULL
    WHERE promotion_id = $1 AND revision = $2 AND ordinal = $3 AND lease_owner = $4 AND done_at IS NULL";

const PENDING: &str = "
    SELECT (SELECT COUNT(*) FROM outbox WHERE done_at IS NULL) + (SELECT COUNT(*) FROM deliveries WHERE done_at IS NULL)";

const BEGIN_MESSAGE: &str = "
    INSERT INTO messages (promotion_id, channel, attempted_at, told_revision) VALUES ($1, $2, $3, 0)
    ON CONFLICT (promotion_id) DO NOTHING";

const SET_MESSAGE: &str = "
    UPDATE messages SET channel = $2, message = $3, told_revision = $4 WHERE promotion_id = $1 AND told_revision <= $4";

const MESSAGE: &str = "
    SELECT promotion_id, channel, message, attempted_at, told_revision FROM messages WHERE promotion_id = $1";

const FORGET_MESSAGE: &str = "DELETE FROM messages WHERE promotion_id = $1 AND message IS NULL";

statements!("outbox.rs":
    INSERT, ATTEMPT, FINISH, FINISH_ONE, RETRY, PENDING, BEGIN_MESSAGE, SET_MESSAGE, MESSAGE, FORGET_MESSAGE,
);

impl Tx {
    /// Writes the effects of the decision that made `revision`; due at once.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn insert_effects(
        &mut self,
        promotion: PromotionId,
        revision: i64,
        effects: &[Effect],
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        for (ordinal, effect) in (0_i64..).zip(effects) {
            execute!(self, INSERT, promotion.uuid(), revision, ordinal, Json(effect), now)?;
        }
        Ok(())
    }

    /// Hands out at most `limit` due effects, longest due first: the oldest untold one of each
    /// promotion, and none while another worker has it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn claim_effects(
        &mut self,
        owner: Uuid,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<DueEffect>, StoreError> {
        let text = self.dialect().claim_effects();
        let rows = fetch_all!(self, text => EffectColumns, owner, until, now, i64::from(limit))?;
        Ok(rows.into_iter().map(DueEffect::from).collect())
    }

    /// Notes that a try begins and renews the lease; commit it before sending.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when another worker has the effect by now, or it is done: do not send.
    pub async fn record_attempt(
        &mut self,
        key: &EffectKey,
        owner: Uuid,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let written = execute!(self, ATTEMPT, key.promotion.uuid(), key.revision, key.ordinal, owner, now, until)?;
        if written == 1 { Ok(()) } else { Err(self.lost_race()) }
    }

    /// Marks what a promotion's message was to tell up to and with `revision` as done: who told the later
    /// state has told the earlier ones. Gives how many.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn finish_effects(
        &mut self,
        promotion: PromotionId,
        revision: i64,
        now: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        execute!(self, FINISH, promotion.uuid(), revision, now)
    }

    /// Marks one effect as done.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn finish_effect(&mut self, key: &EffectKey, now: DateTime<Utc>) -> Result<(), StoreError> {
        execute!(self, FINISH_ONE, key.promotion.uuid(), key.revision, key.ordinal, now).map(drop)
    }

    /// Gives an effect back, to be tried again at `due_at`. Nothing happens when another worker has
    /// it by now.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn retry_effect(
        &mut self,
        key: &EffectKey,
        owner: Uuid,
        due_at: DateTime<Utc>,
        error: &str,
    ) -> Result<(), StoreError> {
        execute!(self, RETRY, key.promotion.uuid(), key.revision, key.ordinal, owner, due_at, error).map(drop)
    }

    /// Notes that a message is about to be posted; nothing happens when one is noted already.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn begin_message(
        &mut self,
        promotion: PromotionId,
        channel: &str,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        execute!(self, BEGIN_MESSAGE, promotion.uuid(), channel, now).map(drop)
    }

    /// Notes where the message is and which revision it tells. A later one is never lowered; tells
    /// whether it was written.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_message(
        &mut self,
        promotion: PromotionId,
        channel: &str,
        message: &str,
        told_revision: i64,
    ) -> Result<bool, StoreError> {
        Ok(execute!(self, SET_MESSAGE, promotion.uuid(), channel, message, told_revision)? == 1)
    }

    /// Forgets a message that was certainly not posted.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn forget_message(&mut self, promotion: PromotionId) -> Result<(), StoreError> {
        execute!(self, FORGET_MESSAGE, promotion.uuid()).map(drop)
    }
}

impl Read {
    /// How many effects are not done, webhooks among them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn pending_effects(&mut self) -> Result<i64, StoreError> {
        Ok(fetch_one!(self, PENDING => (i64,))?.0)
    }

    /// The message about a promotion.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn message(&mut self, promotion: PromotionId) -> Result<Option<Message>, StoreError> {
        fetch_optional!(self, MESSAGE => Message, promotion.uuid())
    }
}
