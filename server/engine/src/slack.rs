//! The Slack connection: its settings, its state.

use std::sync::Arc;

use async_trait::async_trait;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use contract::{
    Answer, ApiError,
    slack::{SlackBackend, SlackInput, SlackView},
};
use domain::{
    actor::{Act, Actor},
    moment_words,
    state::Mark,
};
use ports::Messenger;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use store::{Held, StoreError, Tx};

use crate::{Engine, audit, error::OrFail};

const SETTINGS: &str = "slack";
const STATE: &str = "slack.state";

/// Where the sealed token belongs.
const TOKEN_PLACE: &str = "slack:token";

#[derive(Default, Serialize, Deserialize)]
struct Settings {
    channel: String,
    sealed_token: Option<String>,
}

#[derive(Default, Serialize, Deserialize)]
struct State {
    told_at: Option<DateTime<Utc>>,
    failed_at: Option<DateTime<Utc>>,
    error: Option<String>,
}

/// A messenger that is set up.
pub(crate) struct Ready {
    pub(crate) messenger: Arc<dyn Messenger>,
    pub(crate) channel: String,
}

/// What people read when the token cannot be read.
pub(crate) const CANNOT_BE_OPENED: &str =
    "Slack's token cannot be opened with this encryption key; set it again in Settings";

/// The messenger as set up now.
pub(crate) enum Slack {
    /// Nobody wants to be told.
    Off,
    /// Somebody wants to be told, but the token cannot be opened with this server's key.
    Sealed,
    /// It can be used.
    Ready(Ready),
}

/// The messenger as set up now.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn load(engine: &Engine) -> Result<Slack, StoreError> {
    let mut read = engine.store().read().await?;
    let settings: Settings = read.setting(SETTINGS).await?.unwrap_or_default();
    let Some(sealed) = settings.sealed_token.filter(|_| !settings.channel.is_empty()) else {
        return Ok(Slack::Off);
    };
    let opened = STANDARD.decode(sealed).ok().and_then(|bytes| engine.sealer().open(TOKEN_PLACE, &bytes).ok());
    Ok(match opened {
        Some(token) => Slack::Ready(Ready { messenger: (engine.parts.messengers)(&token), channel: settings.channel }),
        None => Slack::Sealed,
    })
}

/// Notes that a message went out.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn note_success(tx: &mut Tx, now: DateTime<Utc>) -> Result<(), StoreError> {
    tx.put_setting(STATE, &State { told_at: Some(now), failed_at: None, error: None }).await
}

/// Notes that a message could not be sent.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn note_failure(tx: &mut Tx, error: &str, now: DateTime<Utc>) -> Result<(), StoreError> {
    let before: State = tx.setting(STATE).await?.unwrap_or_default();
    let state = State { failed_at: Some(before.failed_at.unwrap_or(now)), error: Some(error.to_owned()), ..before };
    tx.put_setting(STATE, &state).await
}

#[async_trait]
impl SlackBackend for Engine {
    async fn slack(&self, actor: &Actor) -> Answer<SlackView> {
        actor.may(Act::ManageIntegrations)?;
        let mut read = self.store().read().await.or_fail(self)?;
        let settings: Settings = read.setting(SETTINGS).await.or_fail(self)?.unwrap_or_default();
        let state: State = read.setting(STATE).await.or_fail(self)?.unwrap_or_default();
        let has_token = settings.sealed_token.is_some();
        let (mark, words) = match &state {
            _ if !has_token || settings.channel.is_empty() => {
                (Mark::Nothing, "not set up: promotions are not announced".to_owned())
            }
            State { error: Some(error), failed_at: Some(at), .. } => {
                (Mark::Failed, format!("fails since {}: {error}", moment_words::minute(*at)))
            }
            State { told_at: Some(at), .. } => (Mark::Done, format!("last message {}", moment_words::minute(*at))),
            State { .. } => (Mark::Waiting, "set up; nothing was announced yet".to_owned()),
        };
        Ok(SlackView { has_token, channel: settings.channel, mark, words })
    }

    async fn set_slack(&self, actor: &Actor, input: SlackInput) -> Answer<()> {
        actor.may(Act::ManageIntegrations)?;
        let channel = input.channel.trim().trim_start_matches('#').to_owned();
        let allowed = |c: char| c.is_alphanumeric() || "._-".contains(c);
        if channel.chars().count() > 80 || !channel.chars().all(allowed) {
            return Err(ApiError::invalid("channel", "a channel's name or identifier is needed, such as releases"));
        }
        let mut tx = self.store().begin().await.or_fail(self)?;
        tx.hold(Held::Setting(SETTINGS)).await.or_fail(self)?;
        let before: Settings = tx.setting(SETTINGS).await.or_fail(self)?.unwrap_or_default();
        let token = input.token.trim();
        let sealed_token = if token.is_empty() {
            before.sealed_token
        } else {
            if !token.is_ascii() || token.contains(char::is_whitespace) || token.len() > 500 {
                return Err(ApiError::invalid("token", "a bot token is needed, such as xoxb-…"));
            }
            let sealed = self.sealer().seal(&*self.parts.randomness, TOKEN_PLACE, &SecretString::from(token));
            Some(STANDARD.encode(sealed.map_err(|e| self.defect(&e))?))
        };
        let label = if channel.is_empty() { "Slack off".to_owned() } else { format!("Slack channel {channel}") };
        tx.put_setting(SETTINGS, &Settings { channel, sealed_token }).await.or_fail(self)?;
        tx.put_setting(STATE, &State::default()).await.or_fail(self)?;
        let entry = audit::Entry::done("slack.set", "settings", &label, format!("set up {label}"));
        audit::record(&mut tx, self, actor, entry).await.or_fail(self)?;
        tx.commit().await.or_fail(self)
    }
}
