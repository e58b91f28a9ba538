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

/// Whether a plain Helm release made a Deployment of a target, as its clusters say it now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "made", rename_all = "snake_case")]
pub enum HelmOwnership {
    /// One did.
    ByRelease {
        /// `Helm (release cart)`.
        release: String,
    },
    /// None did.
    NotByHelm,
    /// Not every cluster says it.
    Unknown,
}

/// Use cases of such consents.
#[async_trait]
pub trait HelmBackend: Send + Sync {
    /// Whether a plain Helm release made a Deployment of a target. A cluster that does not answer soon is not waited
    /// for.
    ///
    /// # Errors
    /// Not found; conflict where the service has no target.
    async fn helm_ownership(&self, actor: &Actor, service: &str, environment: &str) -> Answer<HelmOwnership>;

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
