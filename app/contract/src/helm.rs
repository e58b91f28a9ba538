//! Consent that Slipway may write what a plain Helm release made.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::actor::Actor;
use serde::{Deserialize, Serialize};

use crate::Answer;

/// A consent, for reading.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HelmConsentView {
    /// Who gave it.
    pub by: String,
    /// When.
    pub at: DateTime<Utc>,
    /// Why.
    pub reason: String,
}

/// Use cases of such consents.
#[async_trait]
pub trait HelmBackend: Send + Sync {
    /// A person says that Slipway may write what a plain Helm release made, in a target.
    ///
    /// # Errors
    /// Refused for a machine; invalid without a reason.
    async fn give_helm_consent(&self, actor: &Actor, service: &str, environment: &str, reason: String) -> Answer<()>;

    /// Takes it back: promotions are refused there again.
    ///
    /// # Errors
    /// Not found when there is none.
    async fn take_back_helm_consent(&self, actor: &Actor, service: &str, environment: &str) -> Answer<()>;
}
