//! A practice cluster with a guard before and after each call: to count, to hang, to die.

use async_trait::async_trait;
use domain::{
    capacity::Capacity,
    evidence::PodReport,
    job::{JobObserved, JobRef},
    names::{Namespace, WorkloadName},
    observation::{Observed, PodObservation, WorkloadRef},
    promotion::Nudge,
    traffic::RouteObserved,
};
use futures::{
    StreamExt as _,
    stream::{self, BoxStream},
};
use ports::{
    ApplyOutcome, CandidateChange, CandidateFound, Cluster, ClusterError, ConnectionReport, DiscoveredWorkload,
    InventoryEvent, JobChange, JobFound, NamespaceScope, Route, RouteChange, WorkloadChange,
};
use practice::PracticeCluster;

/// The kinds of calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// Something is read.
    Observe,
    /// Something is written.
    Apply,
    /// A watch begins.
    Watch,
}

/// Stands before and after calls.
#[async_trait]
pub trait Guard: Send + Sync + 'static {
    async fn before(&self, _call: Call) {}
    async fn after(&self, _call: Call) {}
}

pub struct Guarded<G> {
    pub inside: PracticeCluster,
    pub guard: std::sync::Arc<G>,
}

impl<G: Guard> Guarded<G> {
    pub fn new(inside: PracticeCluster, guard: G) -> Self {
        Self { inside, guard: std::sync::Arc::new(guard) }
    }

    async fn during<T>(&self, call: Call, inside: impl Future<Output = T>) -> T {
        self.guard.before(call).await;
        let answer = inside.await;
        self.guard.after(call).await;
        answer
    }
}

#[async_trait]
impl<G: Guard> Cluster for Guarded<G> {
    async fn observe(&self, workload: &WorkloadRef) -> Result<Observed, ClusterError> {
        self.during(Call::Observe, self.inside.observe(workload)).await
    }

    async fn apply(&self, change: &WorkloadChange) -> Result<ApplyOutcome, ClusterError> {
        self.during(Call::Apply, self.inside.apply(change)).await
    }

    async fn nudge(&self, workload: &WorkloadRef, nudge: Nudge) -> Result<ApplyOutcome, ClusterError> {
        self.during(Call::Apply, self.inside.nudge(workload, nudge)).await
    }

    async fn apply_candidate(&self, change: &CandidateChange) -> Result<ApplyOutcome, ClusterError> {
        self.during(Call::Apply, self.inside.apply_candidate(change)).await
    }

    async fn observe_route(&self, route: &Route) -> Result<RouteObserved, ClusterError> {
        self.during(Call::Observe, self.inside.observe_route(route)).await
    }

    async fn observe_capacity(&self, route: &Route) -> Result<Capacity, ClusterError> {
        self.during(Call::Observe, self.inside.observe_capacity(route)).await
    }

    async fn apply_route(&self, change: &RouteChange) -> Result<ApplyOutcome, ClusterError> {
        self.during(Call::Apply, self.inside.apply_route(change)).await
    }

    async fn observe_job(&self, job: &JobRef, template: &WorkloadName) -> Result<JobObserved, ClusterError> {
        self.during(Call::Observe, self.inside.observe_job(job, template)).await
    }

    async fn apply_job(&self, change: &JobChange) -> Result<ApplyOutcome, ClusterError> {
        self.during(Call::Apply, self.inside.apply_job(change)).await
    }

    async fn jobs(&self, scope: &NamespaceScope) -> Result<Vec<JobFound>, ClusterError> {
        self.during(Call::Observe, self.inside.jobs(scope)).await
    }

    async fn report_of_pod(&self, namespace: &Namespace, pod: &PodObservation) -> Result<PodReport, ClusterError> {
        self.during(Call::Observe, self.inside.report_of_pod(namespace, pod)).await
    }

    async fn candidates(&self, scope: &NamespaceScope) -> Result<Vec<CandidateFound>, ClusterError> {
        self.inside.candidates(scope).await
    }

    async fn discover(&self, scope: &NamespaceScope) -> Result<Vec<DiscoveredWorkload>, ClusterError> {
        self.inside.discover(scope).await
    }

    async fn check(&self, scope: &NamespaceScope) -> Result<ConnectionReport, ClusterError> {
        self.inside.check(scope).await
    }

    fn watch(&self, scope: NamespaceScope) -> BoxStream<'static, InventoryEvent> {
        let (guard, inside) = (std::sync::Arc::clone(&self.guard), self.inside.clone());
        let begin = async move {
            guard.before(Call::Watch).await;
            inside.watch(scope)
        };
        stream::once(begin).flatten().boxed()
    }
}
