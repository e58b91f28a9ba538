//! Incidents, as far as the figures need them.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::{actor::Actor, deployment::Severity};
use serde::{Deserialize, Serialize};

use crate::{Answer, Page, PageRequest};

/// An incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncidentLine {
    /// The number.
    pub number: i64,
    /// What happened.
    pub title: String,
    /// How bad.
    pub severity: Severity,
    /// The service.
    pub service: String,
    /// The environment's title.
    pub environment: String,
    /// When it began.
    pub opened_at: DateTime<Utc>,
    /// When it was over.
    pub resolved_at: Option<DateTime<Utc>>,
    /// The version whose deployment caused it.
    pub caused_by: Option<String>,
    /// That deployment's promotion.
    pub promotion: Option<i64>,
}

/// What is set when an incident is opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct OpenIncident {
    /// What happened.
    pub title: String,
    /// `critical`, `major` or `minor`.
    #[cfg_attr(feature = "openapi", schema(value_type = String, example = "major"))]
    pub severity: Severity,
    /// The service's name.
    pub service: String,
    /// The environment's name.
    pub environment: String,
    /// Whether the last deployment there caused it.
    #[serde(default)]
    pub caused_by_last_deployment: bool,
}

/// Use cases of incidents.
#[async_trait]
pub trait IncidentsBackend: Send + Sync {
    /// The list, newest first.
    async fn incidents(&self, actor: &Actor, page: PageRequest) -> Answer<Page<IncidentLine>>;
    /// Opens one; answers its number.
    async fn open_incident(&self, actor: &Actor, incident: OpenIncident) -> Answer<i64>;
    /// Resolves one.
    async fn resolve_incident(&self, actor: &Actor, number: i64) -> Answer<()>;
}
