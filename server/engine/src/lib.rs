//! The application layer: one function per use case for pages and API alike, and the reconcilers
//! that drive promotions. Knows the outside by ports only.
//!
//! [`Engine`] implements [`contract::Backend`]. Every use case asks for permission first, writes in
//! one transaction together with its audit row, and signals afterwards.

mod error;

use std::sync::Arc;

use ports::{Clock, ClusterConnector, Randomness};
use store::Store;

/// What the engine is made of; the composition root fills it in.
pub struct Parts {
    /// The database.
    pub store: Store,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Identifiers and secrets.
    pub randomness: Arc<dyn Randomness>,
    /// Makes handles to clusters.
    pub connector: Arc<dyn ClusterConnector>,
    /// Makes messengers from a token (Slack).
    pub messengers: Arc<dyn Fn(&secrecy::SecretString) -> Arc<dyn ports::Messenger> + Send + Sync>,
    /// Encrypts what must not be read from the database.
    pub sealing_key: [u8; 32],
    /// Where this installation is reached: `https://slipway.example`, without a slash at the end.
    pub public_url: String,
}

/// The use cases. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    parts: Arc<Parts>,
}

impl Engine {
    /// An engine of these parts; starts nothing by itself.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self { parts: Arc::new(parts) }
    }

    pub(crate) fn store(&self) -> &Store {
        &self.parts.store
    }

    pub(crate) fn now(&self) -> chrono::DateTime<chrono::Utc> {
        self.parts.clock.now()
    }
}
