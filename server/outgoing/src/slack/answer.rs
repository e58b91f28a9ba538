//! Reads Slack's answers. Slack says `ok: false` with a word under status 200; only 429 and failures
//! of its servers use the status.

use ports::MessengerError;
use reqwest::header::RETRY_AFTER;
use serde::{Deserialize, de::DeserializeOwned};

use crate::client::{CallError, RawAnswer, cut};

/// How long to wait when Slack does not say for how long: its windows are a minute long.
const DEFAULT_WAIT_SECONDS: u64 = 30;

/// Words of Slack for its own troubles; the call may have had its effect.
const TROUBLES: [&str; 4] = ["internal_error", "fatal_error", "service_unavailable", "request_timeout"];

/// A shape that an answer can have.
pub(super) trait FromAnswer: DeserializeOwned {}

/// Where a message stands.
#[derive(Deserialize)]
pub(super) struct Posted {
    /// The channel's identifier.
    pub channel: String,
    /// The message's identifier.
    pub ts: String,
}

/// A page of a channel's messages, newest first.
#[derive(Deserialize)]
pub(super) struct History {
    /// The messages.
    #[serde(default)]
    pub messages: Vec<Message>,
    /// Where the next page begins.
    #[serde(default)]
    pub response_metadata: Next,
}

/// A message as history has it.
#[derive(Deserialize)]
pub(super) struct Message {
    /// Its identifier.
    #[serde(default)]
    pub ts: String,
    /// What its sender attached.
    #[serde(default)]
    pub metadata: Metadata,
}

/// What a sender attached to a message.
#[derive(Default, Deserialize)]
pub(super) struct Metadata {
    #[serde(default)]
    event_type: String,
    #[serde(default)]
    event_payload: serde_json::Value,
}

impl Metadata {
    /// Whether this is ours and names `promotion`, and `step` or none.
    pub fn is_about(&self, event_type: &str, promotion: &str, step: Option<u32>) -> bool {
        let says = |field| self.event_payload.get(field);
        self.event_type == event_type
            && says("promotion").is_some_and(|found| found == promotion)
            && says("step").and_then(serde_json::Value::as_u64) == step.map(u64::from)
    }
}

/// A page of channels.
#[derive(Deserialize)]
pub(super) struct Channels {
    /// The channels.
    #[serde(default)]
    pub channels: Vec<Channel>,
    /// Where the next page begins.
    #[serde(default)]
    pub response_metadata: Next,
}

/// A channel.
#[derive(Deserialize)]
pub(super) struct Channel {
    /// Its identifier.
    pub id: String,
    /// Its name, without `#`.
    pub name: String,
}

/// Where the next page begins; empty on the last.
#[derive(Default, Deserialize)]
pub(super) struct Next {
    /// Slack's cursor.
    #[serde(default)]
    pub next_cursor: String,
}

impl FromAnswer for Posted {}
impl FromAnswer for History {}
impl FromAnswer for Channels {}

#[derive(Deserialize)]
struct Verdict {
    ok: bool,
    #[serde(default)]
    error: String,
}

/// Makes of an answer to `method` what it says, or what the caller can do about it.
pub(super) fn read<T: FromAnswer>(method: &str, answer: Result<RawAnswer, CallError>) -> Result<T, MessengerError> {
    let answer = match answer {
        Ok(answer) => answer,
        Err(CallError::Denied(denied)) => return Err(MessengerError::Refused(denied.to_string())),
        Err(CallError::NoAnswer(what)) => return Err(MessengerError::Unknown(what)),
        Err(error @ CallError::TooLarge) => return Err(MessengerError::Unknown(error.to_string())),
    };
    let wait = answer.headers.get(RETRY_AFTER).and_then(|v| v.to_str().ok()).and_then(|v| v.trim().parse().ok());
    let limited = MessengerError::RateLimited { seconds: wait.unwrap_or(DEFAULT_WAIT_SECONDS) };
    match answer.status {
        200 => {}
        429 => return Err(limited),
        500.. => return Err(MessengerError::Unknown(format!("status {} to {method}", answer.status))),
        other => return Err(MessengerError::Refused(format!("status {other} to {method}"))),
    }
    let unreadable =
        |error: serde_json::Error| MessengerError::Unknown(format!("an answer that is not Slack's: {error}"));
    let verdict: Verdict = serde_json::from_slice(&answer.body).map_err(unreadable)?;
    match (verdict.ok, verdict.error.as_str()) {
        (true, _) => serde_json::from_slice(&answer.body).map_err(unreadable),
        (false, "ratelimited" | "rate_limited") => Err(limited),
        (false, word) if TROUBLES.contains(&word) => Err(MessengerError::Unknown(word.to_owned())),
        (false, word) => Err(MessengerError::Refused(cut(word, 100))),
    }
}
