//! Delivers what must happen once: one message per promotion, kept up to its state.
//!
//! The attempt is recorded before sending. When an answer was lost, the receiver is asked whether
//! the message is there before anything is posted again; so a message is never lost, and not
//! repeated where the receiver can be asked.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use contract::Answer;
use domain::{
    ids::PromotionId,
    promotion::{Promotion, headline},
};
use ports::{MessageKey, MessageRef, Messenger, MessengerError, PromotionMessage};
use store::{DueEffect, StoreError};
use tokio_util::sync::CancellationToken;

use crate::{Engine, error::OrFail, promotions::names, slack};

const LEASE_SECONDS: i64 = 60;
const CLAIM: u32 = 100;
const PERIOD: Duration = Duration::from_secs(1);

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
        }
    }

    /// Delivers everything that is due; answers how many promotions were told about.
    ///
    /// # Errors
    /// The store's trouble. A messenger's trouble is kept with the effect and tried again.
    pub async fn deliver_due(&self) -> Answer<usize> {
        let now = self.now();
        let until = now + chrono::Duration::seconds(LEASE_SECONDS);
        let mut tx = self.store().begin().await.or_fail(self)?;
        let due = tx.claim_effects(self.owner(), now, until, CLAIM).await.or_fail(self)?;
        tx.commit().await.or_fail(self)?;
        // A message always tells the present state, so the newest effect of a promotion stands for all.
        let mut newest: BTreeMap<PromotionId, DueEffect> = BTreeMap::new();
        for effect in due {
            let known = newest.get(&effect.key.promotion);
            let attempts = known.map_or(0, |k| k.attempts).max(effect.attempts);
            let newer = known.is_none_or(|k| k.key.revision <= effect.key.revision);
            let keep = if newer { effect } else { known.cloned().unwrap_or(effect) };
            newest.insert(keep.key.promotion, DueEffect { attempts, ..keep });
        }
        let told = newest.len();
        for effect in newest.into_values() {
            self.deliver(&effect).await.or_fail(self)?;
        }
        Ok(told)
    }

    async fn deliver(&self, effect: &DueEffect) -> Result<(), StoreError> {
        let settings = slack::load(self).await?;
        let Some(slack::Ready { messenger, channel }) = settings else {
            // Nobody wants to be told.
            return self.finish(effect).await;
        };
        let mut tx = self.store().begin().await?;
        tx.record_attempt(&effect.key, self.owner(), self.now()).await?;
        let loaded = tx.promotion(effect.key.promotion).await?;
        let known = tx.message(effect.key.promotion).await?;
        if known.is_none() {
            tx.begin_message(effect.key.promotion, &channel, self.now()).await?;
        }
        let Some(loaded) = loaded else { return tx.commit().await };
        let names = names::of(&mut tx, &loaded.promotion).await?;
        tx.commit().await?;
        if known.as_ref().is_some_and(|m| m.message.is_some() && m.told_revision >= loaded.revision) {
            return self.finish(effect).await;
        }
        let message = self.message_about(&loaded.promotion, loaded.revision, &names);
        match send(&messenger, &channel, known.as_ref(), &loaded.promotion, &message).await {
            Ok(at) => {
                let mut tx = self.store().begin().await?;
                tx.set_message(effect.key.promotion, &at.channel, &at.message, loaded.revision).await?;
                tx.finish_effects(effect.key.promotion, loaded.revision, self.now()).await?;
                slack::note_success(&mut tx, self.now()).await?;
                tx.commit().await
            }
            Err(error) => self.put_off(effect, &error).await,
        }
    }

    async fn finish(&self, effect: &DueEffect) -> Result<(), StoreError> {
        let mut tx = self.store().begin().await?;
        tx.finish_effects(effect.key.promotion, effect.key.revision, self.now()).await?;
        tx.commit().await
    }

    async fn put_off(&self, effect: &DueEffect, error: &MessengerError) -> Result<(), StoreError> {
        let wait = match error {
            MessengerError::RateLimited { seconds } => i64::try_from(*seconds).unwrap_or(LONGEST_WAIT_SECONDS),
            MessengerError::Unknown(_) | MessengerError::Refused(_) => 1_i64 << effect.attempts.min(8),
        };
        let due = self.now() + chrono::Duration::seconds(wait.clamp(1, LONGEST_WAIT_SECONDS));
        tracing::warn!(
            promotion.id = %effect.key.promotion,
            outbox.attempts = effect.attempts,
            error.message = %error,
            "a message could not be delivered; it is tried again"
        );
        let mut tx = self.store().begin().await?;
        tx.retry_effect(&effect.key, self.owner(), due, &error.to_string()).await?;
        slack::note_failure(&mut tx, &error.to_string(), self.now()).await?;
        tx.commit().await
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

/// Posts or updates. Whatever was begun before is looked for first.
async fn send(
    messenger: &Arc<dyn Messenger>,
    channel: &str,
    known: Option<&store::Message>,
    promotion: &Promotion,
    message: &PromotionMessage,
) -> Result<MessageRef, MessengerError> {
    let key = MessageKey { promotion: promotion.id };
    let at = match known {
        Some(store::Message { message: Some(at), channel, .. }) => {
            Some(MessageRef { channel: channel.clone(), message: at.clone() })
        }
        Some(begun) => messenger.find(channel, key, look_from(begun.attempted_at)).await?,
        None => None,
    };
    match at {
        Some(at) => {
            messenger.update(&at, key, message).await?;
            Ok(at)
        }
        None => messenger.post(channel, key, message).await,
    }
}

fn look_from(attempted_at: DateTime<Utc>) -> DateTime<Utc> {
    attempted_at - chrono::Duration::seconds(LOOK_BACK_SECONDS)
}
