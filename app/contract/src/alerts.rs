//! Alerts that a monitoring system tells of.

use std::collections::BTreeMap;

use async_trait::async_trait;
use domain::actor::Actor;
use serde::{Deserialize, Serialize};

use crate::Answer;

/// By which labels alerts are matched to promotions, and which severities do what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertRules {
    /// The label that names the service.
    pub service: String,
    /// The label that names the environment.
    pub environment: String,
    /// The label that names the namespace.
    pub namespace: String,
    /// The label that names the Deployment.
    pub deployment: String,
    /// The label that names the severity.
    pub severity: String,
    /// The severities that take back.
    pub take_back: Vec<String>,
    /// The severities that pause.
    pub pause: Vec<String>,
}

impl Default for AlertRules {
    fn default() -> Self {
        let word = str::to_owned;
        Self {
            service: word("service"),
            environment: word("environment"),
            namespace: word("namespace"),
            deployment: word("deployment"),
            severity: word("severity"),
            take_back: vec![word("critical")],
            pause: vec![word("warning")],
        }
    }
}

/// An alert as Alertmanager tells of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AlertInput {
    /// `firing` or `resolved`.
    #[cfg_attr(feature = "openapi", schema(example = "firing"))]
    pub status: String,
    /// Its labels; `alertname` is its name. A label `slipway` with `pause`, `take_back` or `note` says what it asks for
    /// in place of its severity.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Its annotations; `summary` or `description` is shown.
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
    /// When it began, as it came: with the fingerprint it tells this occurrence from others.
    #[serde(default, rename = "startsAt")]
    pub starts_at: String,
    /// Alertmanager's own hash of the labels.
    #[serde(default)]
    pub fingerprint: String,
}

/// What an alert did to a promotion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AlertEffect {
    /// The alert's name.
    pub alert: String,
    /// The promotion's number.
    pub promotion: i64,
    /// What it asked for, and whether it was new: `take_back`, `rollback` (of a version that is only watched: proposed,
    /// or started where that was said), `pause`, `note`, `resolved`, `known`.
    pub did: String,
}

/// What came of alerts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AlertsTaken {
    /// What each did.
    pub effects: Vec<AlertEffect>,
    /// How many touch no promotion that is under way.
    pub untouched: u64,
}

/// Use cases of alerts.
#[async_trait]
pub trait AlertsBackend: Send + Sync {
    /// Takes alerts in. Telling of one again changes nothing.
    ///
    /// # Errors
    /// Invalid with the field.
    async fn take_alerts(&self, actor: &Actor, rules: AlertRules, alerts: Vec<AlertInput>) -> Answer<AlertsTaken>;
}
