//! Webhooks to outside deployers, what came of each try, and the secrets that sign them. A webhook is
//! written in the transaction that decides it. Of each promotion only the oldest open one is handed out,
//! so that a deployer never hears of the abort before the start.

use chrono::{DateTime, Utc};
use domain::ids::{PromotionId, TargetId};
use sqlx::types::Json;
use uuid::Uuid;

use crate::{
    Entity, Read, StoreError, Tx,
    columns::{BoxError, Stored, record},
    connection::{execute, fetch_all, fetch_optional},
    statements::statements,
};

/// What became of a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryState {
    /// It is being sent.
    Open,
    /// The receiver has it.
    Taken,
    /// The receiver will not have it.
    Refused,
    /// It was not wanted any more before the receiver had it.
    Dropped,
}

impl DeliveryState {
    const ALL: [Self; 4] = [Self::Open, Self::Taken, Self::Refused, Self::Dropped];

    /// The word for columns.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Taken => "taken",
            Self::Refused => "refused",
            Self::Dropped => "dropped",
        }
    }
}

impl Stored for DeliveryState {
    type Raw = String;

    fn from_raw(raw: String) -> Result<Self, BoxError> {
        let found = Self::ALL.into_iter().find(|state| state.as_str() == raw);
        found.ok_or_else(|| format!("unknown state of a delivery '{raw}'").into())
    }
}

record! {
    /// A webhook.
    pub struct Delivery {
        /// Its identity, the same at every try.
        pub id: String,
        /// The promotion.
        pub promotion_id: PromotionId,
        /// The target, whose secret signs it.
        pub target_id: TargetId,
        /// The generation of the run that wants it.
        pub generation: u32,
        /// `start` or `abort`.
        pub call: String,
        /// Where it goes.
        pub address: String,
        /// What it says, byte by byte.
        pub body: String,
        /// When it was decided.
        pub created_at: DateTime<Utc>,
        /// When it is tried next, while it is open.
        pub due_at: DateTime<Utc>,
        /// Tries begun so far.
        pub attempts: u32,
        /// What became of it.
        pub state: DeliveryState,
        /// When it was taken, refused or dropped.
        pub done_at: Option<DateTime<Utc>>,
    }
}

record! {
    /// One try of sending a webhook.
    pub struct DeliveryAttempt {
        /// Which webhook.
        pub delivery_id: String,
        /// Which try, from 1.
        pub number: u32,
        /// When it began.
        pub begun_at: DateTime<Utc>,
        /// When it ended; `None` while it is under way, or when nobody knows.
        pub ended_at: Option<DateTime<Utc>>,
        /// The status of the answer, when there was one.
        pub status: Option<u32>,
        /// What came of it, in words.
        pub words: Option<String>,
    }
}

record! {
    /// What signs the webhooks of a target.
    pub struct DeployerSecret {
        /// The target.
        pub target_id: TargetId,
        /// The secret, as the engine sealed it.
        pub sealed: Vec<u8>,
        /// The one before, which signs too until `former_until`.
        pub former: Option<Vec<u8>>,
        /// Until when.
        pub former_until: Option<DateTime<Utc>>,
        /// When the secret was made.
        pub made_at: DateTime<Utc>,
    }
}

record! {
    struct ReportColumns {
        content: serde_json::Value,
    }
}

macro_rules! columns {
    () => {
        "id, promotion_id, target_id, generation, call, address, body, created_at, due_at, attempts, state, done_at"
    };
}
pub(crate) use columns as delivery_columns;

const PUT: &str = "
    INSERT INTO deliveries (id, promotion_id, target_id, generation, call, address, body, created_at, due_at,
        attempts, state)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, 'open')
    ON CONFLICT (id) DO UPDATE SET due_at = excluded.due_at, state = 'open', done_at = NULL";

const ATTEMPT: &str = "
    UPDATE deliveries SET attempts = attempts + 1, lease_until = $3
    WHERE id = $1 AND lease_owner = $2 AND done_at IS NULL";

const INSERT_ATTEMPT: &str = "
    INSERT INTO delivery_attempts (delivery_id, number, begun_at)
    SELECT id, attempts, $2 FROM deliveries WHERE id = $1";

const END_ATTEMPT: &str = "
    UPDATE delivery_attempts SET ended_at = $2, status = $3, words = $4
    WHERE delivery_id = $1 AND number = (SELECT attempts FROM deliveries WHERE id = $1)";

const AGAIN: &str = "
    UPDATE deliveries SET due_at = $3, lease_owner = NULL, lease_until = NULL
    WHERE id = $1 AND lease_owner = $2 AND done_at IS NULL";

const FINISH: &str = "
    UPDATE deliveries SET state = $3, done_at = $4, lease_owner = NULL, lease_until = NULL
    WHERE id = $1 AND lease_owner = $2 AND done_at IS NULL";

const DROP_EARLIER: &str = "
    UPDATE deliveries SET state = 'dropped', done_at = $3, lease_owner = NULL, lease_until = NULL
    WHERE promotion_id = $1 AND generation < $2 AND done_at IS NULL AND (lease_until IS NULL OR lease_until < $3)";

const BY_ID: &str = concat!("SELECT ", columns!(), " FROM deliveries WHERE id = $1");

const OF_PROMOTION: &str =
    concat!("SELECT ", columns!(), " FROM deliveries WHERE promotion_id = $1 ORDER BY generation, id");

const ATTEMPTS_OF: &str = "
    SELECT a.delivery_id, a.number, a.begun_at, a.ended_at, a.status, a.words
    FROM delivery_attempts a JOIN deliveries d ON d.id = a.delivery_id
    WHERE d.promotion_id = $1 ORDER BY d.generation DESC, a.number DESC LIMIT $2";

const PUT_SECRET: &str = "
    INSERT INTO deployer_secrets (target_id, sealed, former, former_until, made_at) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (target_id) DO UPDATE SET sealed = excluded.sealed, former = excluded.former,
        former_until = excluded.former_until, made_at = excluded.made_at";

const SECRET: &str = "
    SELECT target_id, sealed, former, former_until, made_at FROM deployer_secrets WHERE target_id = $1";

const INSERT_REPORT: &str = "
    INSERT INTO deployer_reports (promotion_id, report_id, at, content) VALUES ($1, $2, $3, $4)
    ON CONFLICT (promotion_id, report_id) DO NOTHING";

const REPORT: &str = "SELECT content FROM deployer_reports WHERE promotion_id = $1 AND report_id = $2";

statements!("deliveries.rs":
    PUT, ATTEMPT, INSERT_ATTEMPT, END_ATTEMPT, AGAIN, FINISH, DROP_EARLIER, BY_ID, OF_PROMOTION, ATTEMPTS_OF, PUT_SECRET, SECRET,
    INSERT_REPORT, REPORT,
);

/// What came of a try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptEnd<'a> {
    /// The status of the answer, when there was one.
    pub status: Option<u16>,
    /// In words.
    pub words: &'a str,
    /// What follows.
    pub next: AfterAttempt,
}

/// What follows a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterAttempt {
    /// Nothing: it is done.
    Done(DeliveryState),
    /// Another one at this time.
    Again(DateTime<Utc>),
}

impl Tx {
    /// Writes a webhook, due at `due_at`; one that is known is opened again as it was.
    ///
    /// # Errors
    /// [`StoreError::ForeignKey`].
    pub async fn put_delivery(&mut self, delivery: &Delivery) -> Result<(), StoreError> {
        execute!(
            self,
            PUT,
            delivery.id.as_str(),
            delivery.promotion_id.uuid(),
            delivery.target_id.uuid(),
            i64::from(delivery.generation),
            delivery.call.as_str(),
            delivery.address.as_str(),
            delivery.body.as_str(),
            delivery.created_at,
            delivery.due_at,
        )?;
        Ok(())
    }

    /// Hands out at most `limit` webhooks that are due, longest due first: the oldest open one of each
    /// promotion, and none while another worker has it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn claim_deliveries(
        &mut self,
        owner: Uuid,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<Delivery>, StoreError> {
        let text = self.dialect().claim_deliveries();
        fetch_all!(self, text => Delivery, owner, until, now, i64::from(limit))
    }

    /// Notes that a try begins and renews the lease; commit it before sending.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when another worker has it by now, or it is done: do not send.
    pub async fn begin_attempt(
        &mut self,
        id: &str,
        owner: Uuid,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        if execute!(self, ATTEMPT, id, owner, until)? == 0 {
            return Err(self.lost_race());
        }
        execute!(self, INSERT_ATTEMPT, id, now).map(drop)
    }

    /// Notes what came of the last try.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when another worker has it by now.
    pub async fn end_attempt(
        &mut self,
        delivery: &Delivery,
        owner: Uuid,
        now: DateTime<Utc>,
        end: AttemptEnd<'_>,
    ) -> Result<(), StoreError> {
        let id = delivery.id.as_str();
        execute!(self, END_ATTEMPT, id, now, end.status.map(i64::from), end.words)?;
        let written = match end.next {
            AfterAttempt::Done(state) => execute!(self, FINISH, id, owner, state.as_str(), now)?,
            AfterAttempt::Again(due_at) => execute!(self, AGAIN, id, owner, due_at)?,
        };
        self.signal(Entity::Promotion, delivery.promotion_id.uuid(), 0);
        if written == 1 { Ok(()) } else { Err(self.lost_race()) }
    }

    /// Ends a webhook without a try.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn drop_delivery(&mut self, id: &str, owner: Uuid, now: DateTime<Utc>) -> Result<(), StoreError> {
        execute!(self, FINISH, id, owner, DeliveryState::Dropped.as_str(), now).map(drop)
    }

    /// Ends the webhooks of a promotion from before `generation` without another try. One that a worker has
    /// just now stays that worker's to end.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn drop_earlier_deliveries(
        &mut self,
        promotion: PromotionId,
        generation: u32,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        execute!(self, DROP_EARLIER, promotion.uuid(), i64::from(generation), now).map(drop)
    }

    /// Sets what signs the webhooks of a target.
    ///
    /// # Errors
    /// [`StoreError::ForeignKey`].
    pub async fn put_deployer_secret(&mut self, secret: &DeployerSecret) -> Result<(), StoreError> {
        execute!(
            self,
            PUT_SECRET,
            secret.target_id.uuid(),
            secret.sealed.as_slice(),
            secret.former.as_deref(),
            secret.former_until,
            secret.made_at,
        )
        .map(drop)
    }

    /// Keeps a report under its identity; tells whether it is new.
    ///
    /// # Errors
    /// [`StoreError::ForeignKey`].
    pub async fn insert_report(
        &mut self,
        promotion: PromotionId,
        id: &str,
        at: DateTime<Utc>,
        content: &serde_json::Value,
    ) -> Result<bool, StoreError> {
        Ok(execute!(self, INSERT_REPORT, promotion.uuid(), id, at, Json(content))? == 1)
    }
}

impl Read {
    /// A webhook.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn delivery(&mut self, id: &str) -> Result<Option<Delivery>, StoreError> {
        fetch_optional!(self, BY_ID => Delivery, id)
    }

    /// The webhooks of a promotion, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn deliveries_of(&mut self, promotion: PromotionId) -> Result<Vec<Delivery>, StoreError> {
        fetch_all!(self, OF_PROMOTION => Delivery, promotion.uuid())
    }

    /// The last tries of a promotion's webhooks, latest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn attempts_of(
        &mut self,
        promotion: PromotionId,
        limit: u32,
    ) -> Result<Vec<DeliveryAttempt>, StoreError> {
        fetch_all!(self, ATTEMPTS_OF => DeliveryAttempt, promotion.uuid(), i64::from(limit))
    }

    /// What signs the webhooks of a target.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn deployer_secret(&mut self, target: TargetId) -> Result<Option<DeployerSecret>, StoreError> {
        fetch_optional!(self, SECRET => DeployerSecret, target.uuid())
    }

    /// What was reported under this identity.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn report(&mut self, promotion: PromotionId, id: &str) -> Result<Option<serde_json::Value>, StoreError> {
        let row = fetch_optional!(self, REPORT => ReportColumns, promotion.uuid(), id)?;
        Ok(row.map(|row| row.content))
    }
}
