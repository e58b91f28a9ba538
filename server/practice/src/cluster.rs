//! The practice cluster itself: [`ports::Cluster`] over the stored Deployments. Every call plays the
//! Deployment up to the clock's time first, so that reading at a time gives what a real cluster
//! would show then, whoever read before.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::{
    capacity::Capacity,
    evidence::PodReport,
    job::{JobObserved, JobRef},
    names::{Namespace, WorkloadName},
    observation::{Observed, PodObservation, WorkloadObservation, WorkloadRef},
    promotion::Nudge,
    traffic::RouteObserved,
};
use futures::stream::BoxStream;
use ports::{
    ApplyOutcome, CandidateChange, CandidateFound, Clock, Cluster, ClusterError, ConnectionReport, DiscoveredWorkload,
    InventoryEvent, JobChange, JobFound, Judgement, NamespaceScope, Permission, Route, RouteChange, TemplateChange,
    WorkloadChange,
};
use serde_json::Value;

use crate::{
    behaviour::Timing,
    controller::Pace,
    deployment::Deployment,
    faults::{self, Fate, Faults},
    state::{AcceptedWrite, State, Storage, Writer},
    watch::{self, Watchers},
};

/// How a practice cluster behaves and where it keeps what it knows.
#[derive(Clone, Debug)]
pub struct PracticeSettings {
    /// Decides start delays and names: the same seed gives the same cluster.
    pub seed: u64,
    /// The shortest and the longest start of a pod.
    pub start_delay: (Duration, Duration),
    /// The start of a version whose tag ends in `-slow`.
    pub slow_start: Duration,
    /// The file that keeps the state; memory when absent.
    pub state_file: Option<PathBuf>,
    /// How often watches look again by themselves, in real time; `None` when a test's clock moves
    /// and [`PracticeCluster::tick`] says so.
    pub tick: Option<Duration>,
}

impl Default for PracticeSettings {
    fn default() -> Self {
        Self {
            seed: 1,
            start_delay: (Duration::from_secs(1), Duration::from_secs(3)),
            slow_start: Duration::from_secs(10),
            state_file: None,
            tick: Some(Duration::from_millis(250)),
        }
    }
}

impl PracticeSettings {
    fn pace(&self) -> Pace {
        let ms = |d: Duration| i64::try_from(d.as_millis()).unwrap_or(i64::MAX / 4);
        let (start_min_ms, longest_ms) = (ms(self.start_delay.0), ms(self.start_delay.1));
        Pace {
            // The kubelet waits 10 s, 20 s, ... up to 5 min between restarts; here it is a tenth, so
            // that a loop is seen within seconds.
            timing: Timing { run_ms: 300, back_off_ms: 1_000, back_off_cap_ms: 30_000, up_ms: 3_000, down_ms: 2_000 },
            start_min_ms,
            start_max_ms: longest_ms.max(start_min_ms),
            slow_ms: ms(self.slow_start),
            end_ms: 500,
            lag_ms: 50,
        }
    }
}

pub(crate) struct Inner {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) seed: u64,
    pub(crate) pace: Pace,
    pub(crate) tick: Option<Duration>,
    storage: Mutex<Storage>,
    pub(crate) faults: Faults,
    pub(crate) watchers: Watchers,
}

/// An in-process cluster that behaves like Kubernetes; clones are the same cluster.
#[derive(Clone)]
pub struct PracticeCluster {
    pub(crate) inner: Arc<Inner>,
}

impl PracticeCluster {
    /// A cluster whose time is `clock`'s.
    ///
    /// # Errors
    /// [`std::io::Error`] when the state file is there but cannot be read.
    pub fn open(clock: Arc<dyn Clock>, settings: PracticeSettings) -> std::io::Result<Self> {
        let pace = settings.pace();
        let storage = match settings.state_file {
            Some(path) => Storage::in_file(path)?,
            None => Storage::in_memory(),
        };
        let inner = Inner {
            clock,
            seed: settings.seed,
            pace,
            tick: settings.tick,
            storage: Mutex::new(storage),
            faults: Faults::default(),
            watchers: Watchers::default(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// A cluster in memory that moves only with `clock` and [`PracticeCluster::tick`]: for tests.
    #[must_use]
    pub fn for_tests(clock: Arc<dyn Clock>) -> Self {
        let inner = Inner {
            clock,
            seed: 1,
            pace: PracticeSettings::default().pace(),
            tick: None,
            storage: Mutex::new(Storage::in_memory()),
            faults: Faults::default(),
            watchers: Watchers::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Every accepted write still in the journal (the last 2,000), oldest first.
    ///
    /// # Errors
    /// [`std::io::Error`] when the state file cannot be read.
    pub fn journal(&self) -> std::io::Result<Vec<AcceptedWrite>> {
        self.inner.read(|state, _| state.journal.clone())
    }

    /// Slipway's accepted writes of one workload, oldest first: for 'nothing is applied twice'.
    ///
    /// # Errors
    /// As [`PracticeCluster::journal`].
    pub fn writes_of(&self, workload: &WorkloadRef) -> std::io::Result<Vec<AcceptedWrite>> {
        let journal = self.journal()?;
        Ok(journal.into_iter().filter(|w| w.by == Writer::Slipway && w.workload == *workload).collect())
    }

    /// What a workload is now, whatever becomes of calls: for tests that judge from outside.
    ///
    /// # Errors
    /// As [`PracticeCluster::journal`].
    pub fn peek(&self, workload: &WorkloadRef) -> std::io::Result<Observed> {
        self.inner.observe_now(workload)
    }

    /// The change cause that stands on a workload, as `kubernetes.io/change-cause` does.
    ///
    /// # Errors
    /// As [`PracticeCluster::journal`].
    pub fn change_cause(&self, workload: &WorkloadRef) -> std::io::Result<Option<String>> {
        self.inner.read(|state, _| state.get(workload).and_then(|d| d.change_cause.clone()))
    }
}

impl PracticeCluster {
    /// A change as it reaches the cluster: it may have no effect, or its answer may be lost.
    async fn change(
        &self,
        change: impl FnOnce(&Inner) -> std::io::Result<Result<ApplyOutcome, ClusterError>>,
    ) -> Result<ApplyOutcome, ClusterError> {
        let fate = self.inner.faults.fate().await;
        if let Fate::Failed(error) = fate {
            return Err(error);
        }
        let outcome = change(&self.inner).map_err(|e| storage_trouble(&e))?;
        if fate == Fate::AnswerLost { Err(faults::answer_lost()) } else { outcome }
    }
}

impl Inner {
    fn storage(&self) -> MutexGuard<'_, Storage> {
        self.storage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `look` on the state as it is stored now.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&mut State, DateTime<Utc>) -> T) -> std::io::Result<T> {
        let mut storage = self.storage();
        storage.refresh()?;
        let now = self.clock.now();
        storage.state.play_autoscalers(now, &self.pace);
        Ok(look(&mut storage.state, now))
    }

    /// Runs `change` on the state and keeps the result before answering, when it changed anything.
    pub(crate) fn write<T>(&self, change: impl FnOnce(&mut State, DateTime<Utc>) -> (T, bool)) -> std::io::Result<T> {
        let answer = {
            let mut storage = self.storage();
            let lock = storage.lock()?;
            let now = self.clock.now();
            storage.state.play_autoscalers(now, &self.pace);
            let (answer, has_changed) = change(&mut storage.state, now);
            if has_changed {
                storage.save(&lock)?;
            }
            answer
        };
        self.watchers.wake();
        Ok(answer)
    }

    pub(crate) fn observe_now(&self, workload: &WorkloadRef) -> std::io::Result<Observed> {
        self.read(|state, now| match state.get_mut(workload) {
            Some(deployment) => Observed::Present(Box::new(self.observe(deployment, now))),
            None => Observed::Missing,
        })
    }

    pub(crate) fn observe(&self, deployment: &mut Deployment, now: DateTime<Utc>) -> WorkloadObservation {
        deployment.play(now, &self.pace);
        deployment.observe(deployment.played_to, &self.pace.timing)
    }

    fn apply_now(&self, change: &WorkloadChange) -> std::io::Result<Result<ApplyOutcome, ClusterError>> {
        self.write(|state, now| {
            let outcome = self.apply_to(state, now, change);
            let has_written = outcome == Ok(ApplyOutcome::Written);
            (outcome, has_written)
        })
    }

    fn apply_to(
        &self,
        state: &mut State,
        now: DateTime<Utc>,
        change: &WorkloadChange,
    ) -> Result<ApplyOutcome, ClusterError> {
        let Some(deployment) = state.get_mut(&change.workload) else {
            return Ok(ApplyOutcome::Missing);
        };
        let seen = self.observe(deployment, now);
        let judgement = change.judge(&seen)?;
        if let Some(act) = change.act
            && matches!(judgement, Judgement::Write | Judgement::Answer(ApplyOutcome::Unchanged))
            && deployment.act(act, judgement != Judgement::Write)
        {
            deployment.look_again(now, &self.pace);
            if judgement != Judgement::Write {
                return Ok(ApplyOutcome::Written);
            }
        }
        if let Judgement::Answer(outcome) = judgement {
            return Ok(outcome);
        }
        let template = changed_template(&deployment.template, &change.template);
        let act = match &change.template {
            TemplateChange::Images(_) => "set images",
            TemplateChange::Restore(_) => "restore",
        };
        deployment.stamp = Some(change.stamp);
        deployment.change_cause = Some(change.change_cause.clone());
        deployment.template = template;
        // A Deployment's generation rises with its annotations too, not only with its spec.
        deployment.spec_changed(now, &self.pace);
        state.note(AcceptedWrite {
            at: now,
            workload: change.workload.clone(),
            by: Writer::Slipway,
            stamp: Some(change.stamp),
            images: change.template.images(),
            act: act.to_owned(),
        });
        Ok(ApplyOutcome::Written)
    }

    pub(crate) fn list(&self, scope: &NamespaceScope) -> std::io::Result<Vec<DiscoveredWorkload>> {
        self.read(|state, now| {
            let in_scope =
                state.deployments.values_mut().filter(|d| is_in_scope(&d.workload, scope) && !d.is_candidate());
            let found = in_scope.map(|deployment| DiscoveredWorkload {
                observation: self.observe(deployment, now),
                labels: deployment.labels.clone().into_iter().collect(),
            });
            found.collect()
        })
    }
}

pub(crate) fn is_in_scope(workload: &WorkloadRef, scope: &NamespaceScope) -> bool {
    match scope {
        NamespaceScope::All => true,
        NamespaceScope::Only(namespaces) => namespaces.contains(&workload.namespace),
    }
}

/// The template with the images set, or the saved one.
pub(crate) fn changed_template(template: &Value, change: &TemplateChange) -> Value {
    match change {
        TemplateChange::Restore(saved) => saved.clone(),
        TemplateChange::Images(images) => ports::with_images(template, images),
    }
}

/// A state file that cannot be read or written is to the caller a cluster that does not answer.
pub(crate) fn storage_trouble(error: &std::io::Error) -> ClusterError {
    ClusterError::Unreachable(format!("the practice cluster's state file: {error}"))
}

#[async_trait]
impl Cluster for PracticeCluster {
    async fn observe(&self, workload: &WorkloadRef) -> Result<Observed, ClusterError> {
        match self.inner.faults.fate().await {
            Fate::Answered => self.inner.observe_now(workload).map_err(|e| storage_trouble(&e)),
            Fate::AnswerLost => Err(faults::answer_lost()),
            Fate::Failed(error) => Err(error),
        }
    }

    async fn apply(&self, change: &WorkloadChange) -> Result<ApplyOutcome, ClusterError> {
        self.change(|inner| inner.apply_now(change)).await
    }

    async fn nudge(&self, workload: &WorkloadRef, nudge: Nudge) -> Result<ApplyOutcome, ClusterError> {
        match nudge {
            Nudge::Act(act) => self.change(|inner| inner.ask_now(workload, act)).await,
            // Nothing here is brought by a tool that could be asked for that.
            Nudge::Look | Nudge::Begin => Ok(ApplyOutcome::Unchanged),
        }
    }

    async fn apply_candidate(&self, change: &CandidateChange) -> Result<ApplyOutcome, ClusterError> {
        self.change(|inner| inner.apply_candidate_now(change)).await
    }

    async fn observe_route(&self, route: &Route) -> Result<RouteObserved, ClusterError> {
        match self.inner.faults.fate().await {
            Fate::Answered => self.inner.observe_route_now(route).map_err(|e| storage_trouble(&e)),
            Fate::AnswerLost => Err(faults::answer_lost()),
            Fate::Failed(error) => Err(error),
        }
    }

    async fn observe_capacity(&self, route: &Route) -> Result<Capacity, ClusterError> {
        match self.inner.faults.fate().await {
            Fate::Answered => self.inner.observe_capacity_now(route).map_err(|e| storage_trouble(&e)),
            Fate::AnswerLost => Err(faults::answer_lost()),
            Fate::Failed(error) => Err(error),
        }
    }

    async fn apply_route(&self, change: &RouteChange) -> Result<ApplyOutcome, ClusterError> {
        self.change(|inner| inner.apply_route_now(change)).await
    }

    async fn observe_job(&self, job: &JobRef, template: &WorkloadName) -> Result<JobObserved, ClusterError> {
        match self.inner.faults.fate().await {
            Fate::Answered => self.inner.observe_job_now(job, template).map_err(|e| storage_trouble(&e)),
            Fate::AnswerLost => Err(faults::answer_lost()),
            Fate::Failed(error) => Err(error),
        }
    }

    async fn apply_job(&self, change: &JobChange) -> Result<ApplyOutcome, ClusterError> {
        self.change(|inner| inner.apply_job_now(change)).await
    }

    async fn jobs(&self, scope: &NamespaceScope) -> Result<Vec<JobFound>, ClusterError> {
        match self.inner.faults.fate().await {
            Fate::Answered => self.inner.jobs_now(scope).map_err(|e| storage_trouble(&e)),
            Fate::AnswerLost => Err(faults::answer_lost()),
            Fate::Failed(error) => Err(error),
        }
    }

    async fn report_of_pod(&self, namespace: &Namespace, pod: &PodObservation) -> Result<PodReport, ClusterError> {
        match self.inner.faults.fate().await {
            Fate::Answered => self.inner.report_now(namespace, pod).map_err(|e| storage_trouble(&e)),
            Fate::AnswerLost => Err(faults::answer_lost()),
            Fate::Failed(error) => Err(error),
        }
    }

    async fn candidates(&self, scope: &NamespaceScope) -> Result<Vec<CandidateFound>, ClusterError> {
        match self.inner.faults.fate().await {
            Fate::Answered => self.inner.list_candidates(scope).map_err(|e| storage_trouble(&e)),
            Fate::AnswerLost => Err(faults::answer_lost()),
            Fate::Failed(error) => Err(error),
        }
    }

    async fn discover(&self, scope: &NamespaceScope) -> Result<Vec<DiscoveredWorkload>, ClusterError> {
        match self.inner.faults.fate().await {
            Fate::Answered => self.inner.list(scope).map_err(|e| storage_trouble(&e)),
            Fate::AnswerLost => Err(faults::answer_lost()),
            Fate::Failed(error) => Err(error),
        }
    }

    async fn check(&self, scope: &NamespaceScope) -> Result<ConnectionReport, ClusterError> {
        match self.inner.faults.fate().await {
            Fate::Answered => Ok(report(scope)),
            Fate::AnswerLost => Err(faults::answer_lost()),
            Fate::Failed(error) => Err(error),
        }
    }

    fn watch(&self, scope: NamespaceScope) -> BoxStream<'static, InventoryEvent> {
        watch::stream(Arc::clone(&self.inner), scope)
    }
}

/// A practice cluster allows everything that a real one is asked for.
fn report(scope: &NamespaceScope) -> ConnectionReport {
    let namespaces = match scope {
        NamespaceScope::All => vec![None],
        NamespaceScope::Only(namespaces) => namespaces.iter().cloned().map(Some).collect(),
    };
    let needed = namespaces.into_iter().flat_map(|namespace| {
        ports::NEEDED_PERMISSIONS.iter().map(move |needed| Permission {
            verb: needed.verb.to_owned(),
            resource: needed.resource_and_group(),
            namespace: namespace.clone(),
            needed_for: needed.needed_for.to_owned(),
            used: needed.used,
            is_granted: true,
        })
    });
    ConnectionReport { version: "practice".to_owned(), permissions: needed.collect() }
}
