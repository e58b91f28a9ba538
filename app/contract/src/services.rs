//! Services, teams and targets.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::{actor::Actor, observation::WorkloadKind};
use serde::{Deserialize, Serialize};

use crate::{
    Answer, Page, PageRequest,
    board::{BoardCell, EnvironmentHead, TeamChoice},
    deployers::DeployerView,
    deployments::DeploymentLine,
    git::GitView,
    helm::HelmConsentView,
    versions::VersionLine,
};

/// A service in the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceLine {
    /// Name.
    pub name: String,
    /// The team's title.
    pub team: String,
    /// Tier, 1 to 3.
    pub tier: u8,
    /// What it is for.
    pub description: String,
    /// The newest version.
    pub newest: Option<String>,
    /// When that was built.
    pub newest_at: Option<DateTime<Utc>>,
    /// In how many environments it has a target.
    pub targets: u64,
}

/// Filters of the list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServicesQuery {
    /// Text in the name.
    pub text: Option<String>,
    /// Team by name.
    pub team: Option<String>,
    /// Page.
    pub page: PageRequest,
}

/// What is set when a service is added or changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ServiceInput {
    /// Name, as it stands in addresses.
    pub name: String,
    /// The team's name; made when it is not there.
    pub team: String,
    /// Tier, 1 to 3.
    pub tier: u8,
    /// What it is for.
    pub description: String,
    /// Link to the repository; empty for none.
    pub repository: String,
    /// Link to the runbook; empty for none.
    pub runbook: String,
}

/// The workloads of a target, as they are set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetInput {
    /// All of them; none for a target that others deploy to and report.
    pub workloads: Vec<TargetWorkloadInput>,
    /// Whether those that are there may leave Slipway's hands, where none is given.
    #[serde(default)]
    pub leaves: bool,
}

impl From<Vec<TargetWorkloadInput>> for TargetInput {
    fn from(workloads: Vec<TargetWorkloadInput>) -> Self {
        Self { workloads, leaves: false }
    }
}

/// A workload of a target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetWorkloadInput {
    /// The cluster's name.
    pub cluster: String,
    /// The namespace.
    pub namespace: String,
    /// The object's name.
    pub workload: String,
    /// Its kind.
    #[serde(default)]
    pub kind: WorkloadKind,
    /// The container whose image is set; for another tool's object the place where that reads a version.
    pub container: String,
    /// Which image of a version with several goes there.
    pub component: Option<String>,
}

/// What stands for a field that a form did not send: what is set stays.
fn kept() -> String {
    StrategyInput::KEEP.to_owned()
}

impl StrategyInput {
    /// Whether pods are replaced a few at a time, as where nothing is said.
    #[must_use]
    pub fn is_rolling(&self) -> bool {
        matches!(self.strategy.as_str(), "" | "rolling")
    }

    /// The word for 'as it is'.
    pub const KEEP: &str = "keep";
}

/// How a version gets into a target, as it is typed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StrategyInput {
    /// `rolling`, `canary` or `blue_green`.
    pub strategy: String,
    /// The Deployment that serves the traffic.
    pub exposed: String,
    /// What moves the traffic: `replicas`, `selector`, `http_route`, `grpc_route`, `istio` or `ingress_nginx`.
    pub layer: String,
    /// The Service whose traffic is moved.
    pub service: String,
    /// The route, VirtualService or Ingress.
    pub route: String,
    /// The steps in one line: `10%, analysis:10m, 25%, notify:"25 % have it", ask`; the usual ones when empty.
    pub steps: String,
    /// Who counts the requests that the version is judged by: `envoy_gateway`, `istio_gateway`, `istio`,
    /// `istio_stock_envoy`, `ingress_nginx` or `practice`; nobody when empty, and who it was when the field is
    /// not sent or says `keep`.
    #[serde(default = "kept")]
    pub metrics: String,
    /// Over how many seconds they are looked at; the usual minute when empty, and what it was when the field is
    /// not sent or says `keep`.
    #[serde(default = "kept")]
    pub window: String,
}

/// What a promotion into a target would meet at this moment, as its clusters say it; each in a sentence.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetNow {
    /// Why it would be refused at its start, with what to do.
    pub refused: Vec<String>,
    /// What is out of the ordinary and would not keep it from starting.
    pub warnings: Vec<String>,
    /// What decides about the pods of its workloads, what its shares come to, and by which steps a tool goes.
    pub capacity: Vec<String>,
    /// What nobody could say in time.
    pub unknown: Vec<String>,
}

/// A target for reading.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetView {
    /// The environment.
    pub environment: EnvironmentHead,
    /// Its workloads; empty for an environment that others deploy to and report.
    pub workloads: Vec<TargetWorkloadInput>,
    /// How a version gets there.
    pub strategy: StrategyInput,
    /// The program outside that deploys it, where there is one.
    #[serde(default)]
    pub deployer: Option<DeployerView>,
    /// Where its version lives, when that is a Git repository.
    #[serde(default)]
    pub git: Option<GitView>,
    /// Who has said that what a plain Helm release made may be written, when somebody has.
    #[serde(default)]
    pub helm: Option<HelmConsentView>,
    /// What the Board shows.
    pub cell: BoardCell,
    /// The version that a rollback would go to.
    pub roll_back_to: Option<String>,
    /// The promotion that going back aborts, where its version is only tried beside what runs.
    pub aborts: Option<i64>,
}

/// A service's page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceView {
    /// Name.
    pub name: String,
    /// The team.
    pub team: TeamChoice,
    /// Tier.
    pub tier: u8,
    /// What it is for.
    pub description: String,
    /// Repository link.
    pub repository: Option<String>,
    /// Runbook link.
    pub runbook: Option<String>,
    /// Environments side by side.
    pub targets: Vec<TargetView>,
    /// Versions, newest first.
    pub versions: Page<VersionLine>,
    /// The last deployments.
    pub deployments: Vec<DeploymentLine>,
}

/// Where a commit is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitWhereabouts {
    /// The commit's hash.
    pub hash: String,
    /// Its title.
    pub title: String,
    /// The first version that has it.
    pub version: String,
    /// Each environment: title, and since when it runs there or why not in words.
    pub places: Vec<(String, bool, String)>,
}

/// Use cases of services.
#[async_trait]
pub trait ServicesBackend: Send + Sync {
    /// The list.
    async fn services(&self, actor: &Actor, query: ServicesQuery) -> Answer<Page<ServiceLine>>;
    /// The teams.
    async fn teams(&self, actor: &Actor) -> Answer<Vec<TeamChoice>>;
    /// A service's page.
    async fn service(&self, actor: &Actor, name: &str, versions: PageRequest) -> Answer<ServiceView>;
    /// Adds a service.
    async fn add_service(&self, actor: &Actor, input: ServiceInput) -> Answer<()>;
    /// Changes a service (its name stays).
    async fn change_service(&self, actor: &Actor, input: ServiceInput) -> Answer<()>;
    /// Sets the workloads of a service in an environment; an empty list makes it a target that others deploy to.
    ///
    /// # Errors
    /// Invalid with the field that cannot be; conflict while a promotion is at work there.
    async fn set_target(&self, actor: &Actor, service: &str, environment: &str, input: TargetInput) -> Answer<()>;
    /// Sets how versions get into a target.
    ///
    /// # Errors
    /// Invalid with the field that cannot be.
    async fn set_strategy(&self, actor: &Actor, service: &str, environment: &str, input: StrategyInput) -> Answer<()>;
    /// What a promotion into a target would meet at this moment. A cluster that does not answer soon is not waited
    /// for.
    ///
    /// # Errors
    /// Not found; conflict where the service has no target.
    async fn target_now(&self, actor: &Actor, service: &str, environment: &str) -> Answer<TargetNow>;
    /// Did my commit reach production?
    async fn where_is_commit(&self, actor: &Actor, service: &str, hash: &str) -> Answer<Vec<CommitWhereabouts>>;
}
