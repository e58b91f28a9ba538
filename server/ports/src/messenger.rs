//! A place where people are told about promotions (Slack). One message per promotion, updated as
//! it moves, and one for each of its steps that says something; a message carries a key by which it is
//! found again when an answer was lost.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::ids::PromotionId;

/// What makes a message unique at the receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageKey {
    /// The promotion that it is about.
    pub promotion: PromotionId,
    /// The index of the step that says it; `None` for the message that is kept up to the promotion's state.
    pub step: Option<u32>,
}

/// Where a message stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageRef {
    /// The channel's identifier, as the receiver answered it.
    pub channel: String,
    /// The receiver's identifier of the message in the channel (Slack's `ts`).
    pub message: String,
}

/// What a message about a promotion says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PromotionMessage {
    /// One line: `cart 2.30.4 to production`.
    pub title: String,
    /// The state in words: `rolling out, 2 of 3 pods`.
    pub state: String,
    /// A picture word for the state: `done`, `moving`, `waiting`, `failed`, `nothing`.
    pub mark: domain::state::Mark,
    /// Lines below: who asked, why, what changes.
    pub details: Vec<String>,
    /// The promotion's page.
    pub link: String,
    /// The promotion's revision that the text describes; a later one is never overwritten by an earlier one.
    pub revision: i64,
}

/// What the caller can do about a failed message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MessengerError {
    /// Nothing was sent; try again no sooner than this.
    #[error("the messenger asks to wait {seconds} s")]
    RateLimited {
        /// How long to wait.
        seconds: u64,
    },
    /// No answer: it may or may not have been sent.
    #[error("no answer from the messenger: {0}")]
    Unknown(String),
    /// The receiver refused: a person must mend the settings (`channel_not_found`, `invalid_auth`).
    #[error("the messenger refused: {0}")]
    Refused(String),
}

/// Sends and updates messages.
#[async_trait]
pub trait Messenger: Send + Sync + 'static {
    /// Posts a new message.
    ///
    /// # Errors
    /// [`MessengerError`]; after `Unknown` look with [`Messenger::find`] before posting again.
    async fn post(
        &self,
        channel: &str,
        key: MessageKey,
        message: &PromotionMessage,
    ) -> Result<MessageRef, MessengerError>;

    /// Replaces the text of a message.
    ///
    /// # Errors
    /// [`MessengerError`]; repeating an update is harmless.
    async fn update(&self, at: &MessageRef, key: MessageKey, message: &PromotionMessage) -> Result<(), MessengerError>;

    /// Looks for a message by its key among those posted since `since`.
    ///
    /// # Errors
    /// [`MessengerError`].
    async fn find(
        &self,
        channel: &str,
        key: MessageKey,
        since: DateTime<Utc>,
    ) -> Result<Option<MessageRef>, MessengerError>;
}
