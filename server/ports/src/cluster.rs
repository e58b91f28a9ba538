//! A Kubernetes cluster as the engine needs it: look at a workload, state what it should be, list
//! what is there, say what is allowed, tell when something changes.
//!
//! [`Cluster::apply`] states a wanted end: applying twice is harmless. It is fenced by the
//! [`Stamp`] on the object: who finds a later mark than their own must not write.

use std::sync::Arc;

use async_trait::async_trait;
use domain::{
    aside::Aside,
    capacity::Capacity,
    delegated::ToolAct,
    evidence::PodReport,
    ids::TargetId,
    image::ContainerImage,
    job::{JobObserved, JobRef},
    names::{Namespace, WorkloadName},
    observation::{Manager, Observed, PodObservation, Stamp, WorkloadObservation, WorkloadRef},
    promotion::Nudge,
    traffic::{CandidateName, RouteObserved, TrafficLayer, Weight},
};
use futures_core::stream::BoxStream;
use secrecy::SecretString;

use crate::job::{JobChange, JobFound};

use crate::permissions::PermissionUse;

/// Where a cluster is and how to get in. Only these are ever taken from a kubeconfig.
#[derive(Clone, Debug)]
pub enum ConnectionSettings {
    /// An API server by address, certificate authority and token.
    Token {
        /// `https://host:port`.
        server: String,
        /// PEM of the certificate authority; the system's roots when absent.
        certificate_authority: Option<String>,
        /// A service account's token.
        token: SecretString,
    },
    /// The cluster that this process runs in, by the mounted service account.
    InCluster,
    /// The practice cluster, labelled as such on every screen.
    Practice,
}

/// Makes a [`Cluster`] from settings; does not talk to it yet.
pub trait ClusterConnector: Send + Sync + 'static {
    /// A handle to the cluster.
    ///
    /// # Errors
    /// [`ClusterError::Settings`] when address, certificate or token cannot be used.
    fn connect(&self, settings: &ConnectionSettings) -> Result<Arc<dyn Cluster>, ClusterError>;

    /// Takes address, certificate authority and token of a context out of a kubeconfig, and nothing
    /// else. `context` is the file's current one when absent.
    ///
    /// # Errors
    /// [`ClusterError::Settings`] with the reason and what to do, when the context needs anything
    /// else (a program, a file, another provider).
    fn read_kubeconfig(&self, text: &str, context: Option<&str>) -> Result<ConnectionSettings, ClusterError>;

    /// The commands by which a platform engineer makes a service account for Slipway, with its role
    /// and a token.
    fn access_commands(&self) -> String;
}

/// Which namespaces to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NamespaceScope {
    /// Every namespace that the credentials may list.
    All,
    /// Only these.
    Only(Vec<Namespace>),
}

/// What one workload should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkloadChange {
    /// Which object.
    pub workload: WorkloadRef,
    /// Our mark for this change.
    pub stamp: Stamp,
    /// What the pod template should be.
    pub template: TemplateChange,
    /// The images, by container, over which it may be written; containers that are not named may run
    /// anything.
    pub over: Vec<ContainerImage>,
    /// What is asked of the tool in charge besides, once the object is as wanted; what it has done already, or
    /// cannot do where it is, is not asked again.
    pub act: Option<ToolAct>,
    /// Whether it may be written though a plain Helm release made it.
    pub may_write_helm: bool,
    /// For `kubernetes.io/change-cause`: who, what, why in one line.
    pub change_cause: String,
}

/// What to do to the pod template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TemplateChange {
    /// Set the images of these containers; every other byte stays.
    Images(Vec<ContainerImage>),
    /// Put back the whole template as it was saved before the change.
    Restore(serde_json::Value),
}

/// What the candidate of a workload should be: a second Deployment, made from the workload as it is
/// now, with a Service of its own where the layer needs one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CandidateChange {
    /// The traffic that will reach it.
    pub route: Route,
    /// Our mark for this change.
    pub stamp: Stamp,
    /// The images that differ from the workload's, by container.
    pub images: Vec<ContainerImage>,
    /// Its pods; 0 when there should be neither Deployment nor Service.
    pub pods: u32,
    /// For `kubernetes.io/change-cause`: who, what, why in one line.
    pub change_cause: String,
}

/// Between which Deployments which layer moves traffic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The target whose traffic it is: several may share the object that says the shares.
    pub target: TargetId,
    /// The Deployment that serves.
    pub stable: WorkloadRef,
    /// The Deployment that is tried beside it.
    pub candidate: WorkloadRef,
    /// How candidates are called there, by which their pods are told apart too.
    pub track: CandidateName,
    /// What moves the traffic.
    pub layer: TrafficLayer,
}

/// Which share of the traffic the candidate should get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteChange {
    /// The traffic; its layer has an object that says the shares.
    pub route: Route,
    /// Our mark for this change.
    pub stamp: Stamp,
    /// The candidate's share.
    pub weight: Weight,
    /// What the candidate gets beside it.
    pub aside: Aside,
    /// The shares over which it may be written: what was there, or on its way, when it was decided.
    /// Another was set by someone else, and stays. Nothing is said where this is empty.
    pub over: Vec<Weight>,
    /// What the object said before the first change, as [`RouteObservation::rules`] gave it; put back
    /// exactly when the share is nothing and nothing is beside it.
    ///
    /// [`RouteObservation::rules`]: domain::traffic::RouteObservation::rules
    pub saved: serde_json::Value,
    /// For `kubernetes.io/change-cause`: who, what, why in one line.
    pub change_cause: String,
}

/// What Slipway has made for a candidate, as it was found in a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CandidateFound {
    /// The candidate: its Deployment, or only its Service, is there.
    pub candidate: WorkloadRef,
    /// The mark that it carries.
    pub stamp: Stamp,
}

/// What [`Cluster::apply`] found and did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApplyOutcome {
    /// The object was written now.
    Written,
    /// The object was as wanted and carried our mark already; nothing was written.
    Unchanged,
    /// Our mark is there but the images are not ours: a person or a tool changed them since.
    /// Nothing was written.
    ChangedByOthers,
    /// The object carries a later mark; nothing was written.
    Overtaken(Stamp),
    /// Another tool owns the object; nothing was written.
    Managed(Manager),
    /// The object is not there; nothing was written.
    Missing,
}

/// What the caller can do about a failed call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClusterError {
    /// No answer, or an answer that says 'later': try again with patience.
    #[error("the cluster cannot be reached: {0}")]
    Unreachable(String),
    /// The credentials are not accepted: a person must renew them.
    #[error("the cluster does not accept the credentials: {0}")]
    Unauthorized(String),
    /// The credentials do not allow this: a person must grant it.
    #[error("the cluster does not allow it: {0}")]
    Forbidden(String),
    /// The object changed between reading and writing, several times: try again.
    #[error("the object changed while it was being written")]
    Conflict,
    /// The API server refused the content: trying again will not help.
    #[error("the cluster refused the change: {0}")]
    Invalid(String),
    /// Address, certificate or token cannot be used as given.
    #[error("the connection settings cannot be used: {0}")]
    Settings(String),
}

/// A permission that Slipway needs, and whether it has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permission {
    /// The verb: `get`, `list`, `watch`, `patch`, …
    pub verb: String,
    /// The resource with its group: `deployments.apps`.
    pub resource: String,
    /// The namespace asked about; `None` for all of them.
    pub namespace: Option<Namespace>,
    /// What it is needed for, in words.
    pub needed_for: String,
    /// For which promotions.
    pub used: PermissionUse,
    /// Whether the cluster says yes.
    pub is_granted: bool,
}

/// What 'Test connection' found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionReport {
    /// The API server's version, such as `v1.36.3`.
    pub version: String,
    /// Each permission that Slipway needs.
    pub permissions: Vec<Permission>,
}

/// A Deployment, or another tool's object, that is there, offered for becoming a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiscoveredWorkload {
    /// What it looks like now.
    pub observation: WorkloadObservation,
    /// Labels of the object, to guess service and team from.
    pub labels: Vec<(String, String)>,
}

/// What a watch tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InventoryEvent {
    /// The watch is established and everything present has been told: what was not told is gone.
    Synced,
    /// The workload is like this now (told on every change of it or of its pods).
    Changed(Box<WorkloadObservation>),
    /// The workload is gone.
    Deleted(WorkloadRef),
    /// The watch broke; it is being set up again by itself.
    Lost(ClusterError),
}

/// One cluster.
#[async_trait]
pub trait Cluster: Send + Sync + 'static {
    /// Reads a workload and its pods.
    ///
    /// # Errors
    /// [`ClusterError`]; a missing object is not an error but [`Observed::Missing`].
    async fn observe(&self, workload: &WorkloadRef) -> Result<Observed, ClusterError>;

    /// Makes the workload what `change` says, unless a later mark, another tool or another
    /// person's change forbids it. Writes only with the resource version it read, and once (a tool in charge
    /// is told what is asked of it by a write of its own).
    ///
    /// # Errors
    /// [`ClusterError`]; after [`ClusterError::Unreachable`] the write may or may not have happened.
    async fn apply(&self, change: &WorkloadChange) -> Result<ApplyOutcome, ClusterError>;

    /// Asks the tool in charge of an object to bring what a Git repository says. Of the object nothing is changed but
    /// what the tool itself takes for such a wish; where it is at it already, or there is no such tool, nothing is
    /// written.
    ///
    /// # Errors
    /// [`ClusterError`], as for [`Cluster::apply`].
    async fn nudge(&self, workload: &WorkloadRef, nudge: Nudge) -> Result<ApplyOutcome, ClusterError>;

    /// Makes the candidate what `change` says. Only what carries our mark for the same target is
    /// changed or removed.
    ///
    /// # Errors
    /// [`ClusterError`], as for [`Cluster::apply`].
    async fn apply_candidate(&self, change: &CandidateChange) -> Result<ApplyOutcome, ClusterError>;

    /// Reads what says the shares of a route.
    ///
    /// # Errors
    /// [`ClusterError`]; a missing object is not an error but [`RouteObserved::Missing`].
    async fn observe_route(&self, route: &Route) -> Result<RouteObserved, ClusterError>;

    /// Reads what decides about the pods of a route's workload: the autoscaler that sizes it, the
    /// disruption budgets that cover it. What the credentials do not allow to be read is said in it.
    ///
    /// # Errors
    /// [`ClusterError`].
    async fn observe_capacity(&self, route: &Route) -> Result<Capacity, ClusterError>;

    /// Gives the candidate the share that `change` says, with the resource version that was read.
    /// Everything else that the object says stays.
    ///
    /// # Errors
    /// [`ClusterError`], as for [`Cluster::apply`].
    async fn apply_route(&self, change: &RouteChange) -> Result<ApplyOutcome, ClusterError>;

    /// Reads a Job of a step and its pods; where there is none, whether the CronJob of which it would be made
    /// is there.
    ///
    /// # Errors
    /// [`ClusterError`]; a missing object is not an error but [`JobObserved::Missing`].
    async fn observe_job(&self, job: &JobRef, template: &WorkloadName) -> Result<JobObserved, ClusterError>;

    /// Makes the Job what `change` says. One that is there is never made again.
    ///
    /// # Errors
    /// [`ClusterError`], as for [`Cluster::apply`]; [`ClusterError::Invalid`] when its CronJob is not there.
    async fn apply_job(&self, change: &JobChange) -> Result<ApplyOutcome, ClusterError>;

    /// Lists the Jobs that Slipway has made in `scope`, by namespace and name: what promotions that are over
    /// have left is found by it.
    ///
    /// # Errors
    /// [`ClusterError`].
    async fn jobs(&self, scope: &NamespaceScope) -> Result<Vec<JobFound>, ClusterError>;

    /// Reads why a pod does not run: its events and the end of the log of the container that fails. What the
    /// credentials do not include, or the cluster cannot tell, is said in the report.
    ///
    /// # Errors
    /// [`ClusterError`] when the cluster cannot be asked at all.
    async fn report_of_pod(&self, namespace: &Namespace, pod: &PodObservation) -> Result<PodReport, ClusterError>;

    /// Lists what Slipway has made for candidates in `scope`, by namespace and name: what promotions that
    /// are over have left is found by it.
    ///
    /// # Errors
    /// [`ClusterError`].
    async fn candidates(&self, scope: &NamespaceScope) -> Result<Vec<CandidateFound>, ClusterError>;

    /// Lists the Deployments, and the objects of tools that are there, in `scope`, by namespace and name.
    /// Candidates are left out.
    ///
    /// # Errors
    /// [`ClusterError`].
    async fn discover(&self, scope: &NamespaceScope) -> Result<Vec<DiscoveredWorkload>, ClusterError>;

    /// Asks what works and which permissions are missing.
    ///
    /// # Errors
    /// [`ClusterError`] when not even that can be asked.
    async fn check(&self, scope: &NamespaceScope) -> Result<ConnectionReport, ClusterError>;

    /// Tells every change of Deployments, of tools' objects and of their pods in `scope`, starting with
    /// everything that is there, then [`InventoryEvent::Synced`]. Never ends by itself; after a loss it starts over.
    fn watch(&self, scope: NamespaceScope) -> BoxStream<'static, InventoryEvent>;
}
