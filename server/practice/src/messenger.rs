//! A messenger that keeps what it is told in memory, with faults on demand: a refusal, a rate limit,
//! or an answer that is lost after (or before) the effect.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use ports::{Clock, MessageKey, MessageRef, Messenger, MessengerError, PromotionMessage};

/// How the next call goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MessengerFault {
    /// It takes effect, but the answer is lost: the caller sees [`MessengerError::Unknown`].
    LostAnswer,
    /// It is lost on the way: no effect, and the caller sees [`MessengerError::Unknown`] too.
    LostRequest,
    /// No effect, and this answer.
    Answer(MessengerError),
}

/// A message as the receiver has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedMessage {
    /// Where it stands.
    pub at: MessageRef,
    /// Its key.
    pub key: MessageKey,
    /// When it was posted.
    pub posted_at: DateTime<Utc>,
    /// Every text it had, oldest first; the last is what people see.
    pub texts: Vec<PromotionMessage>,
}

#[derive(Default)]
struct State {
    messages: Vec<RecordedMessage>,
    faults: VecDeque<MessengerFault>,
    calls: usize,
}

/// Keeps messages in memory; clones are the same receiver.
#[derive(Clone)]
pub struct RecordingMessenger {
    clock: Arc<dyn Clock>,
    state: Arc<Mutex<State>>,
}

impl RecordingMessenger {
    /// An empty receiver whose messages are dated by `clock`.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, state: Arc::default() }
    }

    /// Makes the next call go wrong like this; several queue up, one per call of any kind.
    pub fn fail_next(&self, fault: MessengerFault) {
        self.state().faults.push_back(fault);
    }

    /// Every message that was posted, in that order.
    #[must_use]
    pub fn messages(&self) -> Vec<RecordedMessage> {
        self.state().messages.clone()
    }

    /// How many calls were made, failed ones included.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.state().calls
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a call's effect, or not, and its answer, or not, as the next fault says.
    fn run<T>(&self, effect: impl FnOnce(&mut State) -> Result<T, MessengerError>) -> Result<T, MessengerError> {
        let mut state = self.state();
        state.calls += 1;
        match state.faults.pop_front() {
            None => effect(&mut state),
            Some(MessengerFault::LostAnswer) => {
                effect(&mut state)?;
                Err(MessengerError::Unknown("the connection was closed before the answer".to_owned()))
            }
            Some(MessengerFault::LostRequest) => {
                Err(MessengerError::Unknown("the connection was closed before the answer".to_owned()))
            }
            Some(MessengerFault::Answer(error)) => Err(error),
        }
    }
}

#[async_trait]
impl Messenger for RecordingMessenger {
    async fn post(
        &self,
        channel: &str,
        key: MessageKey,
        message: &PromotionMessage,
    ) -> Result<MessageRef, MessengerError> {
        let posted_at = self.clock.now();
        self.run(|state| {
            let number = state.messages.len() + 1;
            let at =
                MessageRef { channel: channel.to_owned(), message: format!("{}.{number:06}", posted_at.timestamp()) };
            let texts = vec![message.clone()];
            state.messages.push(RecordedMessage { at: at.clone(), key, posted_at, texts });
            Ok(at)
        })
    }

    async fn update(&self, at: &MessageRef, key: MessageKey, message: &PromotionMessage) -> Result<(), MessengerError> {
        self.run(|state| {
            let found = state.messages.iter_mut().find(|m| m.at == *at && m.key == key);
            let found = found.ok_or_else(|| MessengerError::Refused("message_not_found".to_owned()))?;
            found.texts.push(message.clone());
            Ok(())
        })
    }

    async fn find(
        &self,
        channel: &str,
        key: MessageKey,
        since: DateTime<Utc>,
    ) -> Result<Option<MessageRef>, MessengerError> {
        self.run(|state| {
            let found = state.messages.iter().find(|m| m.at.channel == channel && m.key == key && m.posted_at >= since);
            Ok(found.map(|m| m.at.clone()))
        })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use domain::{ids::PromotionId, state::Mark};

    use super::*;
    use crate::clock::MockClock;

    fn message(revision: i64) -> PromotionMessage {
        PromotionMessage {
            title: "cart 2.0 to production".into(),
            state: "rolling out".into(),
            mark: Mark::Moving,
            details: vec![],
            link: "http://slipway.test/p/1".into(),
            revision,
        }
    }

    #[tokio::test]
    async fn a_message_whose_answer_was_lost_is_found_by_its_key() {
        let clock = Arc::new(MockClock::default());
        let receiver = RecordingMessenger::new(Arc::clone(&clock) as Arc<dyn Clock>);
        let key = MessageKey { promotion: PromotionId::new(uuid::Uuid::from_u128(1)), step: None };
        receiver.fail_next(MessengerFault::LostRequest);
        receiver.fail_next(MessengerFault::LostAnswer);
        assert!(receiver.post("C1", key, &message(1)).await.is_err());
        assert_eq!(receiver.messages(), vec![]);
        assert!(receiver.post("C1", key, &message(1)).await.is_err());
        let at = receiver.find("C1", key, clock.now()).await.unwrap().unwrap();
        receiver.update(&at, key, &message(2)).await.unwrap();
        let kept = receiver.messages();
        assert_eq!(kept.len(), 1);
        assert_eq!(kept[0].texts.iter().map(|t| t.revision).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(receiver.find("C2", key, clock.now()).await.unwrap(), None);
    }
}
