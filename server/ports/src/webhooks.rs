//! Signed webhooks to programs outside. A receiver knows by the identity what it has taken already, and
//! by the signature that it comes from here.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use secrecy::SecretString;

/// A webhook to send.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// Where to.
    pub address: String,
    /// The same at every try.
    pub id: String,
    /// The time of this try; receivers refuse what is old, so that nobody can send it again later.
    pub at: DateTime<Utc>,
    /// What it says, byte by byte as it is signed.
    pub body: String,
    /// What signs it: base64 after `whsec_`. More than one while a secret is replaced.
    pub secrets: Vec<SecretString>,
}

/// What came of a try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WebhookAnswer {
    /// The receiver has it: 2xx.
    Taken {
        /// The status.
        status: u16,
    },
    /// Trying again will not help: the address cannot be called, or the receiver will not have it.
    Refused {
        /// The status, when there was an answer.
        status: Option<u16>,
        /// Why, and what to do.
        words: String,
    },
    /// It may or may not have arrived; it is to be tried again.
    Again {
        /// The status, when there was an answer.
        status: Option<u16>,
        /// Why.
        words: String,
        /// How many seconds the receiver asks to be left alone.
        wait_seconds: Option<u64>,
    },
}

/// Sends webhooks.
#[async_trait]
pub trait WebhookSender: Send + Sync {
    /// Whether calls may go to an address, as far as that can be known without a call.
    ///
    /// # Errors
    /// Why not, in words.
    fn look_at(&self, address: &str) -> Result<(), String>;

    /// Tries once, within some seconds.
    async fn send(&self, webhook: &Webhook) -> WebhookAnswer;
}
