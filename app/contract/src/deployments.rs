//! Deployments: every change everywhere by time, and those that other pipelines report.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::{
    actor::Actor,
    deployment::{Cause, Outcome},
};
use serde::{Deserialize, Serialize};

use crate::{Answer, Page, PageRequest, board::EnvironmentHead, board::TeamChoice};

/// Filters of the list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeploymentsQuery {
    /// Service by name.
    pub service: Option<String>,
    /// Team by name.
    pub team: Option<String>,
    /// Environment by name.
    pub environment: Option<String>,
    /// Cause.
    pub cause: Option<Cause>,
    /// Outcome.
    pub outcome: Option<Outcome>,
    /// Started at or after.
    pub from: Option<DateTime<Utc>>,
    /// Started before.
    pub to: Option<DateTime<Utc>>,
    /// Page.
    pub page: PageRequest,
}

/// A deployment in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeploymentLine {
    /// The service.
    pub service: String,
    /// The environment's title.
    pub environment: String,
    /// The version.
    pub version: String,
    /// The version before.
    pub previous: Option<String>,
    /// Why.
    pub cause: Cause,
    /// How it ended.
    pub outcome: Outcome,
    /// When it was asked for, when that is known.
    pub requested_at: Option<DateTime<Utc>>,
    /// When it was approved.
    pub approved_at: Option<DateTime<Utc>>,
    /// When it started.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// The promotion's number, when Slipway did it.
    pub promotion: Option<i64>,
    /// Who asked for or reported it.
    pub by: String,
    /// Whether it was there before Slipway: nobody knows when and how it was made, so it counts in no
    /// figure.
    #[serde(default)]
    pub is_found: bool,
    /// The number of the rollback that has taken it away since; told where the history of one service
    /// is shown.
    #[serde(default)]
    pub rolled_back_by: Option<i64>,
}

/// The Deployments page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeploymentsView {
    /// The rows, by the time they started, newest first.
    pub page: Page<DeploymentLine>,
    /// Environments to filter by.
    pub environments: Vec<EnvironmentHead>,
    /// Teams to filter by.
    pub teams: Vec<TeamChoice>,
    /// What was asked.
    pub query: DeploymentsQuery,
}

/// A deployment that a pipeline did itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ReportDeployment {
    /// The service's name.
    pub service: String,
    /// The environment's name.
    pub environment: String,
    /// The version's label.
    pub version: String,
    /// `running`, `succeeded`, `failed` or `aborted`.
    #[cfg_attr(feature = "openapi", schema(value_type = String, example = "succeeded"))]
    pub outcome: Outcome,
    /// `planned`, `hotfix` or `rollback`; planned when absent.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub cause: Option<Cause>,
    /// When it started; now when absent.
    #[serde(default)]
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended; now when absent and it is not running.
    #[serde(default)]
    pub finished_at: Option<DateTime<Utc>>,
    /// The pipeline's own identity of this deployment: the same again updates it.
    pub key: String,
}

/// Use cases of deployments.
#[async_trait]
pub trait DeploymentsBackend: Send + Sync {
    /// The page.
    async fn deployments(&self, actor: &Actor, query: DeploymentsQuery) -> Answer<DeploymentsView>;
    /// Takes in a deployment that a pipeline did; answers whether it was new.
    async fn report_deployment(&self, actor: &Actor, report: ReportDeployment) -> Answer<bool>;
}
