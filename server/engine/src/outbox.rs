//! Delivers what must happen once: one message per promotion, kept up to its state, and one for each step
//! that says something.
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
    promotion::{Effect, Promotion, headline},
    state::Mark,
    strategy::Step,
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
        match (slack, effect.effect) {
            // Nobody wants to be told.
            (Slack::Off, _) => self.finish(effect).await,
            (Slack::Sealed, _) => self.set_aside(effect, slack::CANNOT_BE_OPENED).await,
            (Slack::Ready(ready), Effect::TellMessenger) => self.tell_state(effect, ready).await,
            (Slack::Ready(ready), Effect::Announce { step }) => self.announce(effect, step, ready).await,
            // Webhooks have a table of their own.
            (Slack::Ready(_), Effect::CallDeployer { .. }) => self.finish(effect).await,
        }
    }

    /// Brings the message about a promotion up to its state.
    async fn tell_state(&self, effect: &DueEffect, ready: &slack::Ready) -> Result<(), StoreError> {
        let slack::Ready { messenger, channel } = ready;
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
            Err(NotSent { error, is_certainly_unposted }) => self.put_off(effect, &error, is_certainly_unposted).await,
        }
    }

    /// Posts what a step says, as a message of its own; where an earlier try may have posted it, that is
    /// looked for first.
    async fn announce(&self, effect: &DueEffect, step: u32, ready: &slack::Ready) -> Result<(), StoreError> {
        let slack::Ready { messenger, channel } = ready;
        let now = self.now();
        let mut tx = self.store().begin().await?;
        tx.record_attempt(&effect.key, self.owner(), now, lease_from(now)).await?;
        let Some(loaded) = tx.promotion(effect.key.promotion).await? else { return tx.commit().await };
        let names = names::of(&mut tx, &loaded.promotion).await?;
        tx.commit().await?;
        let Some(message) = self.message_of_step(&loaded.promotion, step, effect.key.revision, &names) else {
            return self.finish(effect).await;
        };
        let key = MessageKey { promotion: loaded.promotion.id, step: Some(step) };
        let posted = match effect.attempts {
            0 => Ok(None),
            _ => messenger.find(channel, key, look_from(effect.created_at)).await,
        };
        let sent = match posted {
            Ok(Some(_)) => Ok(()),
            Ok(None) => messenger.post(channel, key, &message).await.map(drop),
            Err(error) => Err(error),
        };
        match sent {
            Ok(()) => {
                let mut tx = self.store().begin().await?;
                tx.finish_effect(&effect.key, self.now()).await?;
                slack::note_success(&mut tx, self.now()).await?;
                tx.commit().await
            }
            Err(error) => self.put_off(effect, &error, false).await,
        }
    }

    async fn finish(&self, effect: &DueEffect) -> Result<(), StoreError> {
        let mut tx = self.store().begin().await?;
        tx.finish_effects(effect.key.promotion, effect.key.revision, self.now()).await?;
        tx.finish_effect(&effect.key, self.now()).await?;
        tx.commit().await
    }

    /// The messenger did not take it: Settings tell why, and it is tried again when the messenger said, or
    /// later with each try. `is_unposted`: there is no message for certain, so none need be looked for.
    async fn put_off(&self, effect: &DueEffect, error: &MessengerError, is_unposted: bool) -> Result<(), StoreError> {
        let wait = match error {
            MessengerError::RateLimited { seconds } => i64::try_from(*seconds).ok(),
            MessengerError::Unknown(_) | MessengerError::Refused(_) => None,
        };
        let (due, why) = (self.due_again(effect, wait), error.to_string());
        tracing::warn!(
            promotion.id = %effect.key.promotion,
            outbox.attempts = effect.attempts,
            error.message = %why,
            "a message could not be delivered; it is tried again"
        );
        let mut tx = self.store().begin().await?;
        if is_unposted {
            tx.forget_message(effect.key.promotion).await?;
        }
        tx.retry_effect(&effect.key, self.owner(), due, &why).await?;
        slack::note_failure(&mut tx, &why, self.now()).await?;
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

    /// What a step says; `None` when it is none that says something.
    fn message_of_step(
        &self,
        promotion: &Promotion,
        step: u32,
        revision: i64,
        names: &names::Names,
    ) -> Option<PromotionMessage> {
        let Step::Notify { notice } = promotion.plan.steps.get(usize::try_from(step).ok()?)? else { return None };
        Some(PromotionMessage {
            title: format!("{} {} to {}", names.service, names.version, names.environment_title),
            state: notice.as_str().to_owned(),
            mark: Mark::Moving,
            details: vec![format!("step {} of promotion {}", step + 1, promotion.number)],
            link: self.link_to(promotion),
            revision,
        })
    }

    fn link_to(&self, promotion: &Promotion) -> String {
        format!("{}/promotions/{}", self.parts.public_url, promotion.number)
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
            link: self.link_to(promotion),
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
    let key = MessageKey { promotion: promotion.id, step: None };
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
