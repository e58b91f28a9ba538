//! Delivers what must happen once: one message per promotion, kept up to its state.
//!
//! The attempt is recorded before sending. When an answer was lost, the receiver is asked whether
//! the message is there before anything is posted again; so a message is never lost, and not
//! repeated where the receiver can be asked. What goes wrong with one effect is kept with it, and the
//! others go on.

use std::{collections::BTreeMap, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use contract::Answer;
use domain::{
    ids::PromotionId,
    promotion::{Promotion, headline},
};
use futures::FutureExt as _;
use ports::{MessageKey, MessageRef, Messenger, MessengerError, PromotionMessage};
use store::{DueEffect, StoreError};
use tokio_util::sync::CancellationToken;

use crate::{
    Engine,
    error::{OrFail, chain},
    promotions::names,
    slack::{self, Slack},
};

/// How long an effect is ours from each attempt on. Looking for a message and posting it take at most
/// 15 s each.
const LEASE_SECONDS: i64 = 60;

/// Effects that are claimed in one go. Each attempt renews its own lease, so that those which wait in
/// the batch for longer than a lease may go to another server, and are then left to it.
const CLAIM: u32 = 100;

const PERIOD: Duration = Duration::from_secs(1);

/// Changes that come together are answered by one claim.
const GATHER: Duration = Duration::from_millis(10);

/// How far back a message is looked for beyond the first attempt: clocks differ.
const LOOK_BACK_SECONDS: i64 = 300;

/// Longest wait between tries: a channel that is mended is told within this.
const LONGEST_WAIT_SECONDS: i64 = 300;

impl Engine {
    /// Delivers until cancelled.
    pub(crate) async fn deliver_for_ever(&self, cancel: CancellationToken) {
        let mut changes = self.store().changes();
        loop {
            if let Err(error) = self.deliver_due().await {
                tracing::warn!(error.message = %error, "a pass of the outbox failed; it is repeated");
            }
            tokio::select! {
                () = cancel.cancelled() => return,
                _ = changes.recv() => {}
                () = tokio::time::sleep(PERIOD) => {}
            }
            tokio::time::sleep(GATHER).await;
            while changes.try_recv().is_ok() {}
        }
    }

    /// Delivers everything that is due; answers how many promotions were to be told about.
    ///
    /// # Errors
    /// The store's trouble when it does not answer. Any other trouble is kept with its effect, which is
    /// tried again.
    pub async fn deliver_due(&self) -> Answer<usize> {
        let now = self.now();
        let mut tx = self.store().begin().await.or_fail(self)?;
        let due = tx.claim_effects(self.owner(), now, lease_from(now), CLAIM).await.or_fail(self)?;
        tx.commit().await.or_fail(self)?;
        if due.is_empty() {
            return Ok(0);
        }
        let slack = slack::load(self).await.or_fail(self)?;
        // A message always tells the present state, so one effect of a promotion stands for all.
        let each: BTreeMap<PromotionId, DueEffect> = due.into_iter().map(|e| (e.key.promotion, e)).collect();
        for effect in each.values() {
            let delivered = AssertUnwindSafe(self.deliver(effect, &slack)).catch_unwind().await;
            let why = match delivered {
                Ok(Ok(())) => continue,
                Ok(Err(StoreError::Conflict)) => {
                    tracing::debug!(promotion.id = %effect.key.promotion, "another server has the message by now");
                    continue;
                }
                Ok(Err(error @ StoreError::Unavailable(_))) => return Err(self.store_failed(error)),
                Ok(Err(error)) => chain(&error),
                Err(_) => "a defect: it panicked".to_owned(),
            };
            self.set_aside(effect, &why).await.or_fail(self)?;
        }
        if matches!(slack, Slack::Sealed) {
            let mut tx = self.store().begin().await.or_fail(self)?;
            slack::note_failure(&mut tx, slack::CANNOT_BE_OPENED, self.now()).await.or_fail(self)?;
            tx.commit().await.or_fail(self)?;
        }
        Ok(each.len())
    }

    async fn deliver(&self, effect: &DueEffect, slack: &Slack) -> Result<(), StoreError> {
        let slack::Ready { messenger, channel } = match slack {
            // Nobody wants to be told.
            Slack::Off => return self.finish(effect).await,
            Slack::Sealed => return self.set_aside(effect, slack::CANNOT_BE_OPENED).await,
            Slack::Ready(ready) => ready,
        };
        let now = self.now();
        let mut tx = self.store().begin().await?;
        tx.record_attempt(&effect.key, self.owner(), now, lease_from(now)).await?;
        let loaded = tx.promotion(effect.key.promotion).await?;
        let known = tx.message(effect.key.promotion).await?;
        if known.is_none() {
            tx.begin_message(effect.key.promotion, channel, now).await?;
        }
        let Some(loaded) = loaded else { return tx.commit().await };
        let names = names::of(&mut tx, &loaded.promotion).await?;
        tx.commit().await?;
        if known.as_ref().is_some_and(|m| m.message.is_some() && m.told_revision >= loaded.revision) {
            return self.finish(effect).await;
        }
        let message = self.message_about(&loaded.promotion, loaded.revision, &names);
        match send(messenger, channel, known.as_ref(), &loaded.promotion, &message).await {
            Ok(at) => {
                let mut tx = self.store().begin().await?;
                tx.set_message(effect.key.promotion, &at.channel, &at.message, loaded.revision).await?;
                tx.finish_effects(effect.key.promotion, loaded.revision, self.now()).await?;
                slack::note_success(&mut tx, self.now()).await?;
                tx.commit().await
            }
            Err(NotSent { error, is_certainly_unposted }) => {
                let wait = match &error {
                    MessengerError::RateLimited { seconds } => i64::try_from(*seconds).ok(),
                    MessengerError::Unknown(_) | MessengerError::Refused(_) => None,
                };
                self.put_off(effect, &error.to_string(), wait, is_certainly_unposted).await
            }
        }
    }

    async fn finish(&self, effect: &DueEffect) -> Result<(), StoreError> {
        let mut tx = self.store().begin().await?;
        tx.finish_effects(effect.key.promotion, effect.key.revision, self.now()).await?;
        tx.commit().await
    }

    /// The messenger did not take it: Settings tell why, and it is tried again after `wait` seconds, or
    /// later with each try when the messenger did not say. `is_unposted`: there is no message for
    /// certain, so none need be looked for.
    async fn put_off(
        &self,
        effect: &DueEffect,
        why: &str,
        wait: Option<i64>,
        is_unposted: bool,
    ) -> Result<(), StoreError> {
        let due = self.due_again(effect, wait);
        tracing::warn!(
            promotion.id = %effect.key.promotion,
            outbox.attempts = effect.attempts,
            error.message = why,
            "a message could not be delivered; it is tried again"
        );
        let mut tx = self.store().begin().await?;
        if is_unposted {
            tx.forget_message(effect.key.promotion).await?;
        }
        tx.retry_effect(&effect.key, self.owner(), due, why).await?;
        slack::note_failure(&mut tx, why, self.now()).await?;
        tx.commit().await
    }

    /// Slipway itself cannot make this message, and may not the next time: it is tried ever more rarely.
    async fn set_aside(&self, effect: &DueEffect, why: &str) -> Result<(), StoreError> {
        tracing::error!(
            promotion.id = %effect.key.promotion,
            outbox.attempts = effect.attempts,
            error.message = why,
            "a message could not be made; it is tried again"
        );
        let now = self.now();
        let due = self.due_again(effect, None);
        let mut tx = self.store().begin().await?;
        // The attempt was lost together with what failed in its transaction.
        match tx.record_attempt(&effect.key, self.owner(), now, lease_from(now)).await {
            Err(StoreError::Conflict) => return Ok(()),
            recorded => recorded?,
        }
        tx.retry_effect(&effect.key, self.owner(), due, why).await?;
        tx.commit().await
    }

    fn due_again(&self, effect: &DueEffect, wait: Option<i64>) -> DateTime<Utc> {
        let wait = wait.unwrap_or(1_i64 << effect.attempts.clamp(0, 9));
        self.now() + chrono::Duration::seconds(wait.clamp(1, LONGEST_WAIT_SECONDS))
    }

    fn message_about(&self, promotion: &Promotion, revision: i64, names: &names::Names) -> PromotionMessage {
        let line = headline(promotion);
        let mut details = vec![format!("{} asked: “{}”", promotion.requested_by.shown(), promotion.reason)];
        if let Some(previous) = &names.previous {
            details.push(format!("{previous} → {}", names.version));
        }
        if !promotion.approvals.is_empty() {
            let people: Vec<_> = promotion.approvals.iter().map(|a| a.name.as_str()).collect();
            details.push(format!("approved by {}", people.join(", ")));
        }
        PromotionMessage {
            title: format!("{} {} to {}", names.service, names.version, names.environment_title),
            state: line.words,
            mark: line.mark,
            details,
            link: format!("{}/promotions/{}", self.parts.public_url, promotion.number),
            revision,
        }
    }
}

/// Why a message did not go out.
struct NotSent {
    error: MessengerError,
    /// Whether there is no message for certain.
    is_certainly_unposted: bool,
}

/// Posts or updates. Whatever was begun before is looked for first.
async fn send(
    messenger: &Arc<dyn Messenger>,
    channel: &str,
    known: Option<&store::Message>,
    promotion: &Promotion,
    message: &PromotionMessage,
) -> Result<MessageRef, NotSent> {
    let unsure = |error| NotSent { error, is_certainly_unposted: false };
    let key = MessageKey { promotion: promotion.id };
    let at = match known {
        Some(store::Message { message: Some(at), channel, .. }) => {
            Some(MessageRef { channel: channel.clone(), message: at.clone() })
        }
        Some(begun) => messenger.find(channel, key, look_from(begun.attempted_at)).await.map_err(unsure)?,
        None => None,
    };
    match at {
        Some(at) => {
            messenger.update(&at, key, message).await.map_err(unsure)?;
            Ok(at)
        }
        None => messenger.post(channel, key, message).await.map_err(|error| {
            let is_certainly_unposted = match &error {
                MessengerError::RateLimited { .. } | MessengerError::Refused(_) => true,
                MessengerError::Unknown(_) => false,
            };
            NotSent { error, is_certainly_unposted }
        }),
    }
}

fn look_from(attempted_at: DateTime<Utc>) -> DateTime<Utc> {
    attempted_at - chrono::Duration::seconds(LOOK_BACK_SECONDS)
}

fn lease_from(now: DateTime<Utc>) -> DateTime<Utc> {
    now + chrono::Duration::seconds(LEASE_SECONDS)
}
