//! Sends the webhooks to outside deployers: at least once, with an identity that stays, in the order in
//! which a promotion wants them.
//!
//! A try is noted before it is made. What came of it goes to the promotion first and is noted afterwards:
//! killed in between, the same is sent again, and the receiver leaves it out. What a promotion does not
//! want any more is not sent.

use std::time::Duration;

use chrono::{DateTime, Utc};
use contract::Answer;
use domain::{outside::CallAnswer, promotion::Input};
use ports::{Webhook, WebhookAnswer};
use store::{AfterAttempt, AttemptEnd, Delivery, DeliveryState, LoadedPromotion, StoreError};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{Engine, error::OrFail};

/// How long a webhook is ours from each try on; a try takes some 10 s.
const LEASE_SECONDS: i64 = 60;

/// Tries at the same time: a receiver that hangs holds up its own alone.
const AT_ONCE: usize = 32;

const PERIOD: Duration = Duration::from_millis(500);

/// Changes that come together are answered by one claim.
const GATHER: Duration = Duration::from_millis(10);

/// Longest wait between tries: a receiver that is mended is told within this.
const LONGEST_WAIT_SECONDS: i64 = 60;

/// The longest that a receiver can ask to be left alone, in seconds.
const LONGEST_ASKED_SECONDS: i64 = 300;

impl Engine {
    /// Sends until cancelled; tries that are under way are finished first.
    pub(crate) async fn send_for_ever(&self, cancel: CancellationToken) {
        let mut changes = self.store().changes();
        let mut tries = JoinSet::new();
        loop {
            if let Err(error) = self.begin_tries(&mut tries).await {
                tracing::warn!(error.message = %error, "webhooks that are due could not be claimed; it is tried again");
            }
            tokio::select! {
                () = cancel.cancelled() => break,
                Some(_) = tries.join_next() => {}
                _ = changes.recv() => {}
                () = tokio::time::sleep(PERIOD) => {}
            }
            tokio::time::sleep(GATHER).await;
            while changes.try_recv().is_ok() {}
        }
        tries.join_all().await;
    }

    /// Tries everything that is due once; answers how many.
    ///
    /// # Errors
    /// The store's trouble when it cannot be asked what is due.
    pub async fn send_due(&self) -> Answer<usize> {
        let mut tries = JoinSet::new();
        self.begin_tries(&mut tries).await?;
        Ok(tries.join_all().await.len())
    }

    async fn begin_tries(&self, tries: &mut JoinSet<()>) -> Answer<()> {
        let free = u32::try_from(AT_ONCE.saturating_sub(tries.len())).unwrap_or(0);
        if free == 0 {
            return Ok(());
        }
        let now = self.now();
        let mut tx = self.store().begin().await.or_fail(self)?;
        let due = tx.claim_deliveries(self.owner(), now, lease_from(now), free).await.or_fail(self)?;
        tx.commit().await.or_fail(self)?;
        for delivery in due {
            let engine = self.clone();
            tries.spawn(async move { engine.try_once(&delivery).await });
        }
        Ok(())
    }

    async fn try_once(&self, delivery: &Delivery) {
        match self.call_deployer(delivery).await {
            Ok(()) => {}
            Err(StoreError::Conflict) => {
                tracing::debug!(delivery.id, "another server has the webhook by now, or it is done");
            }
            // The lease ends, and it is sent again.
            Err(error) => {
                let error = crate::error::chain(&error);
                tracing::warn!(delivery.id, error.message = error, "what came of a webhook could not be noted");
            }
        }
    }

    async fn call_deployer(&self, delivery: &Delivery) -> Result<(), StoreError> {
        let now = self.now();
        let mut tx = self.store().begin().await?;
        let loaded = tx.promotion(delivery.promotion_id).await?;
        if !is_wanted(loaded.as_ref(), delivery) {
            tx.drop_delivery(&delivery.id, self.owner(), now).await?;
            return tx.commit().await;
        }
        tx.begin_attempt(&delivery.id, self.owner(), now, lease_from(now)).await?;
        let secret = tx.deployer_secret(delivery.target_id).await?;
        tx.commit().await?;
        let answer = match self.signing_secrets(secret.as_ref()) {
            Err(words) => WebhookAnswer::Refused { status: None, words },
            Ok(secrets) => {
                let webhook = Webhook {
                    address: delivery.address.clone(),
                    id: delivery.id.clone(),
                    at: now,
                    body: delivery.body.clone(),
                    secrets,
                };
                self.parts.webhooks.send(&webhook).await
            }
        };
        self.note_answer(delivery, answer).await
    }

    async fn note_answer(&self, delivery: &Delivery, answer: WebhookAnswer) -> Result<(), StoreError> {
        let now = self.now();
        let (status, words, next, answer) = match answer {
            WebhookAnswer::Taken { status } => (
                Some(status),
                format!("it answered {status}"),
                AfterAttempt::Done(DeliveryState::Taken),
                CallAnswer::Taken,
            ),
            WebhookAnswer::Refused { status, words } => {
                (status, words.clone(), AfterAttempt::Done(DeliveryState::Refused), CallAnswer::Refused(words))
            }
            WebhookAnswer::Again { status, words, wait_seconds } => {
                let again = AfterAttempt::Again(due_again(delivery, wait_seconds, now));
                let told = format!("the deployer could not be told: {words}; it is tried again");
                (status, words, again, CallAnswer::NotYet(told))
            }
        };
        let generation = delivery.generation;
        if let Err(error) = self.advance(delivery.promotion_id, Input::Called { generation, answer }, None).await {
            // Without the promotion's word the lease ends, and the same is sent again.
            tracing::warn!(delivery.id = %delivery.id, promotion.id = %delivery.promotion_id, error.message = %error, "the answer to a webhook is not noted");
            return Ok(());
        }
        let mut tx = self.store().begin().await?;
        // Decisions that come while a webhook is being sent leave it to the end of the try. They hold the target, as
        // this does: none can come in between.
        let loaded = tx.load_promotion(delivery.promotion_id).await?;
        let next = match next {
            AfterAttempt::Again(_) if !is_wanted(loaded.as_ref(), delivery) => {
                AfterAttempt::Done(DeliveryState::Dropped)
            }
            next => next,
        };
        let end = AttemptEnd { status, words: &words, next };
        tx.end_attempt(delivery, self.owner(), now, end).await?;
        tx.commit().await
    }
}

/// Whether a promotion still wants a webhook sent.
fn is_wanted(loaded: Option<&LoadedPromotion>, delivery: &Delivery) -> bool {
    let wanted = loaded.and_then(|loaded| loaded.promotion.call());
    wanted.is_some_and(|(_, id)| id.generation == delivery.generation)
}

fn due_again(delivery: &Delivery, asked: Option<u64>, now: DateTime<Utc>) -> DateTime<Utc> {
    let asked = asked.and_then(|seconds| i64::try_from(seconds).ok());
    let seconds = match asked {
        Some(seconds) => seconds.clamp(1, LONGEST_ASKED_SECONDS),
        None => (1_i64 << delivery.attempts.min(6)).min(LONGEST_WAIT_SECONDS),
    };
    now + chrono::Duration::seconds(seconds)
}

fn lease_from(now: DateTime<Utc>) -> DateTime<Utc> {
    now + chrono::Duration::seconds(LEASE_SECONDS)
}
