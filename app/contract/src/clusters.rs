//! Clusters: connecting, testing, discovering what runs.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::{actor::Actor, observation::WorkloadKind, state::Mark};
use serde::{Deserialize, Serialize};

use crate::{
    Answer,
    analysis::{MetricSourceInput, MetricSourceView, MetricTestView},
};

/// A connected cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterView {
    /// Name.
    pub name: String,
    /// `https://host:port`, `in-cluster` or `practice`.
    pub address: String,
    /// Whether it is the practice cluster.
    pub is_practice: bool,
    /// Namespaces that are watched; empty for all.
    pub namespaces: Vec<String>,
    /// State.
    pub mark: Mark,
    /// State in words, with since when.
    pub words: String,
    /// Since when it is as it is.
    pub since: Option<DateTime<Utc>>,
    /// Environments that use it.
    pub environments: Vec<String>,
    /// Workloads that are watched there.
    pub workloads: u64,
}

/// How a cluster is connected. Only what is needed is ever taken from a kubeconfig.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterInput {
    /// Name.
    pub name: String,
    /// `token`, `kubeconfig` or `in_cluster`.
    pub method: String,
    /// `https://host:port`, for `token`.
    pub server: String,
    /// PEM of the certificate authority, for `token`.
    pub certificate_authority: String,
    /// A service account's token, for `token`; never shown again. Empty on a change keeps the present one.
    pub token: String,
    /// The file's text, for `kubeconfig`.
    pub kubeconfig: String,
    /// The context in it; the current one when empty.
    pub context: String,
    /// Namespaces to watch, separated by commas; all when empty.
    pub namespaces: String,
}

/// What stands still without a permission.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PermissionNeed {
    /// Every promotion.
    #[default]
    Always,
    /// Canary and blue-green promotions only.
    Candidates,
    /// Promotions of what other tools are in charge of only.
    Delegated,
    /// Steps that run a Job only.
    Jobs,
    /// None: pages do not show why pods fail.
    Reasons,
}

/// One permission.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PermissionLine {
    /// `patch deployments.apps`.
    pub what: String,
    /// Where: a namespace or `all namespaces`.
    pub namespace: String,
    /// What for.
    pub needed_for: String,
    /// Whether it is granted.
    pub is_granted: bool,
    /// What needs it.
    #[serde(default)]
    pub need: PermissionNeed,
}

/// What 'Test connection' found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionView {
    /// The API server's version, when it answered.
    pub version: Option<String>,
    /// What is wrong, when something is.
    pub problem: Option<String>,
    /// The permissions asked about.
    pub permissions: Vec<PermissionLine>,
    /// Commands that grant what is missing.
    pub commands: Option<String>,
}

/// A Deployment, or another tool's object, found in a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundWorkload {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Kind.
    #[serde(default)]
    pub kind: WorkloadKind,
    /// Containers, or places where a tool reads a version, with their images.
    pub containers: Vec<(String, String)>,
    /// Ready pods of wanted ones.
    pub ready: u32,
    /// Ready pods of wanted ones.
    pub wanted: u32,
    /// The service it belongs to already.
    pub service: Option<String>,
    /// Why it cannot be taken: another tool owns it, or it has nowhere to put a version.
    pub managed_by: Option<String>,
    /// What a person must still do before a promotion can write it, where it can be taken.
    pub caution: Option<String>,
    /// A guess of the service's name, from labels.
    pub suggested_service: String,
    /// A guess of the team, from labels; may be empty.
    pub suggested_team: String,
    /// A guess of the environment, from the namespace; may be empty.
    pub suggested_environment: String,
}

/// A found Deployment that becomes a target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdoptWorkload {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Kind.
    #[serde(default)]
    pub kind: WorkloadKind,
    /// The container whose image is the version's.
    pub container: String,
    /// The service's name; made when it is not there.
    pub service: String,
    /// The team's name; made when it is not there.
    pub team: String,
    /// The environment's name.
    pub environment: String,
}

/// What adopting did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adopted {
    /// Services made.
    pub services: u64,
    /// Targets made.
    pub targets: u64,
    /// Versions made from what runs.
    pub versions: u64,
    /// What was left out, and why.
    pub left_out: Vec<String>,
}

/// Use cases of clusters.
#[async_trait]
pub trait ClustersBackend: Send + Sync {
    /// All clusters by name.
    async fn clusters(&self, actor: &Actor) -> Answer<Vec<ClusterView>>;
    /// Connects one.
    async fn add_cluster(&self, actor: &Actor, input: ClusterInput) -> Answer<()>;
    /// Changes one; its name stays.
    async fn change_cluster(&self, actor: &Actor, input: ClusterInput) -> Answer<()>;
    /// Removes one that no target uses.
    async fn remove_cluster(&self, actor: &Actor, name: &str) -> Answer<()>;
    /// Says what works and which permissions are missing.
    async fn test_cluster(&self, actor: &Actor, name: &str) -> Answer<ConnectionView>;
    /// Lists what runs there.
    async fn discover(&self, actor: &Actor, cluster: &str) -> Answer<Vec<FoundWorkload>>;
    /// Makes services, targets and first versions from what runs.
    async fn adopt(&self, actor: &Actor, cluster: &str, workloads: Vec<AdoptWorkload>) -> Answer<Adopted>;
    /// Where a cluster's metrics are asked for; `None` when nobody has said.
    ///
    /// # Errors
    /// Not found.
    async fn metric_source(&self, actor: &Actor, cluster: &str) -> Answer<Option<MetricSourceView>>;
    /// Sets where a cluster's metrics are asked for.
    ///
    /// # Errors
    /// Invalid with the field; conflict for the practice cluster, which has its own.
    async fn set_metric_source(&self, actor: &Actor, input: MetricSourceInput) -> Answer<()>;
    /// Forgets where a cluster's metrics are asked for.
    ///
    /// # Errors
    /// Not found.
    async fn clear_metric_source(&self, actor: &Actor, cluster: &str) -> Answer<()>;
    /// Asks the source what it is, and whether it has numbers of a data plane: one of those that a
    /// strategy names, or none when empty.
    ///
    /// # Errors
    /// Not found; invalid for a data plane that is none.
    async fn test_metric_source(&self, actor: &Actor, cluster: &str, plane: &str) -> Answer<MetricTestView>;
}
