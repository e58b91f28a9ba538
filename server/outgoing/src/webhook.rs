//! Webhooks, signed in the manner of the Standard Webhooks specification 1.0: the headers `webhook-id`,
//! `webhook-timestamp` (seconds since 1970) and `webhook-signature`, which holds `v1,` and the base64 of
//! HMAC-SHA256 over `id.timestamp.body`, once for each secret.
//!
//! Redirects are not followed: they would carry what is signed to an address that nobody judged. Of an
//! answer only its status and a first line count.

use std::time::Duration;

use async_trait::async_trait;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use ports::{Webhook, WebhookAnswer, WebhookSender};
use reqwest::Url;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;

use crate::client::{CallError, Client, RawAnswer, cut};

/// A try takes this long at most: a receiver takes note and works later.
const TIMEOUT: Duration = Duration::from_secs(10);

/// An answer is read to this many bytes at most; only its first line is shown.
const ANSWER_LIMIT: usize = 16 * 1024;

/// How much of an answer is shown, in characters.
const SHOWN: usize = 200;

/// What precedes a secret.
const PREFIX: &str = "whsec_";

/// Sends webhooks by the client for outgoing calls.
#[derive(Clone)]
pub struct Webhooks {
    client: Client,
    timeout: Duration,
}

impl Webhooks {
    /// Sends where the client's judge allows it.
    #[must_use]
    pub const fn new(client: Client) -> Self {
        Self { client, timeout: TIMEOUT }
    }

    /// The same with another limit to the time of a try (10 s).
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }
}

/// The value of `webhook-signature`.
///
/// # Errors
/// When a secret is not base64.
pub fn signature(id: &str, timestamp: i64, body: &str, secrets: &[SecretString]) -> Result<String, NotASecret> {
    let signed = format!("{id}.{timestamp}.{body}");
    let one = |secret: &SecretString| {
        let text = secret.expose_secret();
        let key = STANDARD.decode(text.strip_prefix(PREFIX).unwrap_or(text)).map_err(|_| NotASecret)?;
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).map_err(|_| NotASecret)?;
        mac.update(signed.as_bytes());
        Ok(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
    };
    Ok(secrets.iter().map(one).collect::<Result<Vec<_>, _>>()?.join(" "))
}

/// A secret that cannot sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the secret that signs is damaged; make a new one")]
pub struct NotASecret;

#[async_trait]
impl WebhookSender for Webhooks {
    fn look_at(&self, address: &str) -> Result<(), String> {
        let url = Url::parse(address).map_err(|error| error.to_string())?;
        self.client.look_at(&url).map_err(|denied| denied.to_string())
    }

    async fn send(&self, webhook: &Webhook) -> WebhookAnswer {
        let refused = |words: String| WebhookAnswer::Refused { status: None, words };
        let url = match Url::parse(&webhook.address) {
            Ok(url) => url,
            Err(error) => return refused(format!("the address cannot be used: {error}")),
        };
        let timestamp = webhook.at.timestamp();
        let signature = match signature(&webhook.id, timestamp, &webhook.body, &webhook.secrets) {
            Ok(signature) => signature,
            Err(error) => return refused(error.to_string()),
        };
        let headers = [
            ("content-type", "application/json".to_owned()),
            ("webhook-id", webhook.id.clone()),
            ("webhook-timestamp", timestamp.to_string()),
            ("webhook-signature", signature),
        ];
        let called = self.client.post(url, &headers, webhook.body.clone(), self.timeout, ANSWER_LIMIT).await;
        match called {
            Ok(answer) => judged(&answer),
            Err(CallError::Denied(denied)) => refused(denied.to_string()),
            Err(CallError::NoAnswer(why)) => WebhookAnswer::Again { status: None, words: why, wait_seconds: None },
            Err(error @ CallError::TooLarge) => refused(error.to_string()),
        }
    }
}

/// What an answer means: 2xx has it, what may pass is tried again, the rest is for a person.
fn judged(answer: &RawAnswer) -> WebhookAnswer {
    let status = answer.status;
    let said = first_line(&answer.body);
    let words = if said.is_empty() { format!("it answered {status}") } else { format!("it answered {status}: {said}") };
    match status {
        200..=299 => WebhookAnswer::Taken { status },
        408 | 425 | 429 | 500..=599 => {
            let wait = answer.headers.get("retry-after").and_then(|value| value.to_str().ok()?.trim().parse().ok());
            WebhookAnswer::Again { status: Some(status), words, wait_seconds: wait }
        }
        _ => WebhookAnswer::Refused { status: Some(status), words: format!("{words}. {}", advice(status)) },
    }
}

fn advice(status: u16) -> &'static str {
    match status {
        300..=399 => "Redirects are not followed; set the address that it leads to",
        401 | 403 => "Let the receiver check the signature with the secret of this target, or make a new secret",
        404 | 405 | 410 => "Correct the address of the target's deployer",
        413 | 414 | 422 | 400 | 415 => "Look in the receiver's log for what it does not take",
        _ => "Look in the receiver's log, then send it again",
    }
}

fn first_line(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    cut(line, SHOWN).trim().to_owned()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    /// The example of the Standard Webhooks specification.
    #[test]
    fn a_signature_is_that_of_the_specification() {
        let secret = SecretString::from("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let body = r#"{"test": 2432232314}"#;
        let id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
        let signed = signature(id, 1_614_265_330, body, &[secret.clone(), secret]).unwrap();
        let one = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        assert_eq!(signed, format!("{one} {one}"));
        assert_eq!(signature(id, 0, body, &[SecretString::from("whsec_*")]), Err(NotASecret));
    }

    #[test]
    fn what_a_receiver_says_cannot_read_as_something_else() {
        let said = "\n\u{202E}no\u{200B} such\u{2066} site\nmore";
        assert_eq!(first_line(said.as_bytes()), "no such  site");
    }

    #[test]
    fn of_an_answer_the_status_decides() {
        let table = [
            (200, "taken"),
            (202, "taken"),
            (302, "refused"),
            (400, "refused"),
            (401, "refused"),
            (404, "refused"),
            (408, "again"),
            (409, "refused"),
            (425, "again"),
            (429, "again"),
            (500, "again"),
            (503, "again"),
        ];
        for (status, meaning) in table {
            let answer =
                RawAnswer { status, headers: reqwest::header::HeaderMap::new(), body: b"\n no\x07 \nx".to_vec() };
            let found = match judged(&answer) {
                WebhookAnswer::Taken { .. } => "taken",
                WebhookAnswer::Refused { words, .. } => {
                    assert!(words.starts_with(&format!("it answered {status}: no. ")), "{words}");
                    "refused"
                }
                WebhookAnswer::Again { .. } => "again",
            };
            assert_eq!(found, meaning, "{status}");
        }
    }
}
