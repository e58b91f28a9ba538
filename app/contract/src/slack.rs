//! The Slack connection.

use async_trait::async_trait;
use domain::{actor::Actor, state::Mark};
use serde::{Deserialize, Serialize};

use crate::Answer;

/// What Settings shows of Slack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlackView {
    /// Whether a token is set.
    pub has_token: bool,
    /// The channel.
    pub channel: String,
    /// State.
    pub mark: Mark,
    /// State in words: the last error, or when the last message went out.
    pub words: String,
}

/// What is set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlackInput {
    /// A bot token; empty keeps the present one.
    pub token: String,
    /// The channel; empty switches messages off.
    pub channel: String,
}

/// Use cases of Slack.
#[async_trait]
pub trait SlackBackend: Send + Sync {
    /// What is set.
    async fn slack(&self, actor: &Actor) -> Answer<SlackView>;
    /// Sets it.
    async fn set_slack(&self, actor: &Actor, input: SlackInput) -> Answer<()>;
}
