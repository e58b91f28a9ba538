//! Slack as a [`Messenger`]: one message per promotion, updated in place, found again by the metadata
//! it carries. Talks to four methods of Slack's Web API; the base address can be another one, so that
//! tests (and compatible servers) take its place.
//!
//! Fails as [`MessengerError`] says: a rate limit and a refusal mean that nothing was sent; everything
//! else may have been sent.

mod answer;
mod blocks;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use ports::{MessageKey, MessageRef, Messenger, MessengerError, PromotionMessage};
use reqwest::{Method, Url};
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::{client::Client, judge::Denied};
use answer::{Channels, History, Posted};

/// Where Slack's Web API is.
pub const DEFAULT_BASE: &str = "https://slack.com/api";

/// The type of our message metadata.
const EVENT_TYPE: &str = "slipway_promotion";

/// Messages on a page of history: Slack's limit is 999 and it recommends at most 200.
const HISTORY_PAGE: &str = "200";

/// Pages that are looked through: a lost answer is looked up within minutes, never after 4,000 messages.
const PAGES: usize = 20;

/// Slack's clock may be behind ours by this much.
const CLOCK_SKEW_SECONDS: i64 = 60;

/// Slack, with a bot token.
#[derive(Clone)]
pub struct Slack {
    client: Client,
    base: Url,
    token: SecretString,
}

impl Slack {
    /// Slack at `base` ([`DEFAULT_BASE`] in production). Needs the scopes `chat:write` and
    /// `channels:history` (and `channels:read` where a channel is given by name).
    ///
    /// # Errors
    /// [`Denied`] when `base` is no address for calls.
    pub fn new(client: Client, base: &str, token: SecretString) -> Result<Self, Denied> {
        let base = Url::parse(base).map_err(|error| Denied::Address(error.to_string()))?;
        if base.cannot_be_a_base() {
            return Err(Denied::Address("it names no host".to_owned()));
        }
        Ok(Self { client, base, token })
    }

    /// The same Slack with another token.
    #[must_use]
    pub fn with_token(&self, token: SecretString) -> Self {
        Self { token, ..self.clone() }
    }

    fn method(&self, name: &str) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().push(name);
        }
        url
    }

    async fn write<T: answer::FromAnswer>(&self, name: &str, body: &Value) -> Result<T, MessengerError> {
        let answer = self.client.call(Method::POST, self.method(name), &self.token, Some(body)).await;
        answer::read(name, answer)
    }

    async fn ask<T: answer::FromAnswer>(&self, name: &str, query: &[(&str, &str)]) -> Result<T, MessengerError> {
        let mut url = self.method(name);
        url.query_pairs_mut().extend_pairs(query.iter().filter(|(_, value)| !value.is_empty()));
        answer::read(name, self.client.call(Method::GET, url, &self.token, None).await)
    }

    /// Reading a channel needs its identifier; posting also takes `#name`.
    async fn channel_id(&self, channel: &str) -> Result<String, MessengerError> {
        if is_channel_id(channel) {
            return Ok(channel.to_owned());
        }
        let name = channel.trim_start_matches('#');
        let mut cursor = String::new();
        for _ in 0..PAGES {
            let query = [("limit", HISTORY_PAGE), ("exclude_archived", "true"), ("cursor", &cursor)];
            let page: Channels = self.ask("conversations.list", &query).await?;
            if let Some(found) = page.channels.into_iter().find(|c| c.name == name) {
                return Ok(found.id);
            }
            cursor = page.response_metadata.next_cursor;
            if cursor.is_empty() {
                break;
            }
        }
        Err(MessengerError::Refused("channel_not_found".to_owned()))
    }
}

impl std::fmt::Debug for Slack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Slack").field("base", &self.base.as_str()).finish_non_exhaustive()
    }
}

fn is_channel_id(channel: &str) -> bool {
    channel.len() >= 2
        && channel.starts_with(['C', 'G', 'D'])
        && channel.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
}

/// What posting and updating say alike.
fn content(key: MessageKey, message: &PromotionMessage) -> Value {
    let mut payload = json!({ "promotion": key.promotion.to_string(), "revision": message.revision });
    if let Some(step) = key.step {
        payload["step"] = step.into();
    }
    json!({
        "text": blocks::fallback(message),
        "blocks": blocks::blocks(message),
        "parse": "none",
        "unfurl_links": false,
        "unfurl_media": false,
        "metadata": {
            "event_type": EVENT_TYPE,
            "event_payload": payload,
        },
    })
}

#[async_trait]
impl Messenger for Slack {
    async fn post(
        &self,
        channel: &str,
        key: MessageKey,
        message: &PromotionMessage,
    ) -> Result<MessageRef, MessengerError> {
        let mut body = content(key, message);
        body["channel"] = channel.into();
        let posted: Posted = self.write("chat.postMessage", &body).await?;
        Ok(MessageRef { channel: posted.channel, message: posted.ts })
    }

    async fn update(&self, at: &MessageRef, key: MessageKey, message: &PromotionMessage) -> Result<(), MessengerError> {
        let mut body = content(key, message);
        body["channel"] = at.channel.as_str().into();
        body["ts"] = at.message.as_str().into();
        let _: Posted = self.write("chat.update", &body).await?;
        Ok(())
    }

    async fn find(
        &self,
        channel: &str,
        key: MessageKey,
        since: DateTime<Utc>,
    ) -> Result<Option<MessageRef>, MessengerError> {
        let channel = self.channel_id(channel).await?;
        let promotion = key.promotion.to_string();
        let oldest = (since - TimeDelta::seconds(CLOCK_SKEW_SECONDS)).timestamp().to_string();
        let mut cursor = String::new();
        for _ in 0..PAGES {
            let query = [
                ("channel", channel.as_str()),
                ("oldest", oldest.as_str()),
                ("limit", HISTORY_PAGE),
                ("include_all_metadata", "true"),
                ("cursor", cursor.as_str()),
            ];
            let page: History = self.ask("conversations.history", &query).await?;
            let found = page.messages.into_iter().find(|m| m.metadata.is_about(EVENT_TYPE, &promotion, key.step));
            if let Some(found) = found {
                return Ok(Some(MessageRef { channel, message: found.ts }));
            }
            cursor = page.response_metadata.next_cursor;
            if cursor.is_empty() {
                return Ok(None);
            }
        }
        // Not found is only said after the last page: posting again would repeat the message.
        Err(MessengerError::Unknown("the channel has more messages than can be looked through".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::is_channel_id;

    #[test]
    fn identifiers_are_told_from_names() {
        for id in ["C024BE91L", "G012", "D0"] {
            assert!(is_channel_id(id), "{id}");
        }
        for name in ["#releases", "releases", "C", "", "Channel", "DEPLOYS-EU"] {
            assert!(!is_channel_id(name), "{name}");
        }
    }
}
