//! Watching: one watch per kind and namespace, joined into workloads. Tells everything that is
//! there, then [`InventoryEvent::Synced`], then each workload that changed, gathered for a moment so
//! that a pod's start is one event and not five. After trouble it starts over by itself.

use std::{
    collections::{BTreeSet, HashMap, HashSet, VecDeque},
    hash::{DefaultHasher, Hash, Hasher},
    time::Duration,
};

use domain::observation::{WorkloadKind, WorkloadObservation, WorkloadRef};
use futures::stream::{self, BoxStream, SelectAll, StreamExt};
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api,
    api::DynamicObject,
    runtime::watcher::{self, Event, watcher},
};
use ports::{ClusterError, InventoryEvent, NamespaceScope};
use tokio::time::{Instant, sleep, timeout_at};

use crate::{
    connect::{Kinds, KubeCluster},
    error::{sort, sort_status},
    inventory::Inventory,
    pods::PodRecord,
    records::{SetRecord, WorkloadRecord},
    tools,
};

/// How long changes of one workload are gathered: short beside a second, long beside the burst of
/// updates when a pod changes.
const GATHER: Duration = Duration::from_millis(100);

/// How long a watch request lasts before it is renewed. A connection that dies silently is noticed
/// 5 s later (kube's rule), so this bounds for how long the Board can show the past.
const WATCH_SECONDS: u32 = 55;

/// How long the first lists may take without a single object arriving.
const SYNC_PATIENCE: Duration = Duration::from_secs(30);

/// How often a tool is looked for that was not there: it is seldom installed while one waits.
const LOOK_FOR_TOOLS: Duration = Duration::from_secs(30);

/// The first and the longest pause before starting over. They get longer until a watch has held for as long as
/// the longest: a cluster whose lists are well and whose watches are not is not listed every second.
const BACK_OFF: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

pub(crate) fn stream(cluster: KubeCluster, scope: NamespaceScope) -> BoxStream<'static, InventoryEvent> {
    let watch = Watch {
        cluster,
        scope,
        session: None,
        queue: VecDeque::new(),
        pause: Duration::ZERO,
        synced_at: None,
        lost: None,
    };
    stream::unfold(watch, |mut watch| async move { Some((watch.next().await, watch)) }).boxed()
}

struct Watch {
    cluster: KubeCluster,
    scope: NamespaceScope,
    session: Option<Session>,
    queue: VecDeque<InventoryEvent>,
    pause: Duration,
    /// Since when everything that is there is known, while it is.
    synced_at: Option<Instant>,
    /// What was told of the loss that lasts; a loss is told once, and again when its cause changes.
    lost: Option<ClusterError>,
}

impl Watch {
    async fn next(&mut self) -> InventoryEvent {
        loop {
            if let Some(event) = self.queue.pop_front() {
                return event;
            }
            let session = match &mut self.session {
                Some(session) => session,
                none => {
                    sleep(self.pause).await;
                    none.insert(Session::open(&self.cluster, &self.scope))
                }
            };
            match session.step().await {
                Ok(events) => {
                    if events.last() == Some(&InventoryEvent::Synced) {
                        (self.synced_at, self.lost) = (Some(Instant::now()), None);
                    }
                    self.queue.extend(events);
                }
                Err(error) => self.lose(error),
            }
        }
    }

    fn lose(&mut self, error: ClusterError) {
        self.session = None;
        if self.synced_at.take().is_some_and(|at| at.elapsed() >= BACK_OFF.1) {
            self.pause = Duration::ZERO;
        }
        self.pause = (self.pause * 2).clamp(BACK_OFF.0, BACK_OFF.1);
        if self.lost.as_ref() != Some(&error) {
            self.lost = Some(error.clone());
            self.queue.push_back(InventoryEvent::Lost(error));
        }
    }
}

/// What a watch of one kind in one namespace told.
enum Told {
    /// A new round of everything begins.
    Begin,
    /// The object is like this, in a round or after it.
    Deployment(Box<Result<WorkloadRecord, String>>, String),
    Set(SetRecord),
    Pod(Box<PodRecord>),
    /// The object is gone.
    Gone(String),
    /// The round is over: what was not in it is gone.
    End,
    /// An object without identity, which no API server sends.
    Nothing,
}

type Source = usize;

/// One attempt at watching: from the first lists until the first trouble.
struct Session {
    told: SelectAll<BoxStream<'static, (Source, Result<Told, watcher::Error>)>>,
    /// Sources whose first round is not over.
    unsynced: HashSet<Source>,
    /// The objects of each source, and those of the round under way.
    known: HashMap<Source, HashSet<String>>,
    rounds: HashMap<Source, HashSet<String>>,
    inventory: Inventory,
    changed: BTreeSet<WorkloadRef>,
    /// What was told of each workload, as a number.
    marks: HashMap<WorkloadRef, u64>,
    /// When the gathered changes are told, or patience ends.
    due: Instant,
    is_synced: bool,
}

impl Session {
    fn open(cluster: &KubeCluster, scope: &NamespaceScope) -> Self {
        let mut told = SelectAll::new();
        let mut source = 0;
        for kinds in cluster.kinds_in(scope) {
            for stream in sources(kinds) {
                told.push(stream.map(move |item| (source, item)).boxed());
                source += 1;
            }
        }
        for (kind, api) in tools::apis(cluster.client(), scope) {
            told.push(objects(kind, api).map(move |item| (source, item)).boxed());
            source += 1;
        }
        Self {
            told,
            unsynced: (0..source).collect(),
            known: HashMap::new(),
            rounds: HashMap::new(),
            inventory: Inventory::default(),
            changed: BTreeSet::new(),
            marks: HashMap::new(),
            due: Instant::now() + SYNC_PATIENCE,
            // No namespace at all is nothing to wait for.
            is_synced: false,
        }
    }

    /// Waits for the next thing to happen and answers what there is to tell of it.
    async fn step(&mut self) -> Result<Vec<InventoryEvent>, ClusterError> {
        if self.is_synced && self.changed.is_empty() {
            let told = self.told.next().await;
            return self.take(told);
        }
        if !self.is_synced && self.unsynced.is_empty() {
            return Ok(self.first());
        }
        match timeout_at(self.due, self.told.next()).await {
            Ok(told) => self.take(told),
            Err(_) if self.is_synced => Ok(self.flush()),
            Err(_) => {
                let seconds = SYNC_PATIENCE.as_secs();
                Err(ClusterError::Unreachable(format!("nothing was listed for {seconds} s")))
            }
        }
    }

    fn take(
        &mut self,
        told: Option<(Source, Result<Told, watcher::Error>)>,
    ) -> Result<Vec<InventoryEvent>, ClusterError> {
        match told {
            Some((source, Ok(told))) => self.note(source, told),
            // The history that the watch wanted to go on from is gone: kube lists anew by itself.
            Some((_, Err(watcher::Error::WatchError(status)))) if status.code == 410 => {}
            Some((_, Err(error))) => return Err(sort_watch(&error)),
            None => return Err(ClusterError::Unreachable("the watch has ended".to_owned())),
        }
        Ok(Vec::new())
    }

    fn note(&mut self, source: Source, told: Told) {
        if !self.is_synced {
            self.due = Instant::now() + SYNC_PATIENCE;
        }
        let touched = match told {
            Told::Begin => {
                self.rounds.insert(source, HashSet::new());
                None
            }
            Told::End => {
                self.end_round(source);
                None
            }
            Told::Deployment(record, uid) => match *record {
                // Somebody may have taken a candidate over, or made a workload one.
                Ok(record) if record.is_candidate() => self.inventory.remove(&uid),
                Ok(record) => {
                    self.keep(source, uid);
                    Some(self.inventory.put_deployment(record))
                }
                Err(why) => {
                    tracing::warn!(error = %why, "an object that cannot be read is left out");
                    self.inventory.remove(&uid)
                }
            },
            Told::Set(record) => {
                self.keep(source, record.uid.clone());
                self.inventory.put_set(record)
            }
            Told::Pod(record) => {
                self.keep(source, record.uid.clone());
                self.inventory.put_pod(*record)
            }
            Told::Gone(uid) => {
                self.known.entry(source).or_default().remove(&uid);
                self.inventory.remove(&uid)
            }
            Told::Nothing => None,
        };
        self.touch(touched);
    }

    fn keep(&mut self, source: Source, uid: String) {
        if let Some(round) = self.rounds.get_mut(&source) {
            round.insert(uid.clone());
        }
        self.known.entry(source).or_default().insert(uid);
    }

    fn end_round(&mut self, source: Source) {
        let round = self.rounds.remove(&source).unwrap_or_default();
        let known = self.known.insert(source, round.clone()).unwrap_or_default();
        for uid in known.difference(&round) {
            let touched = self.inventory.remove(uid);
            self.touch(touched);
        }
        self.unsynced.remove(&source);
    }

    fn touch(&mut self, workload: Option<WorkloadRef>) {
        let Some(workload) = workload.filter(|_| self.is_synced) else {
            return;
        };
        if self.changed.is_empty() {
            self.due = Instant::now() + GATHER;
        }
        self.changed.insert(workload);
    }

    /// Everything that is there, and that this was everything.
    fn first(&mut self) -> Vec<InventoryEvent> {
        self.is_synced = true;
        self.changed = self.inventory.workloads().into_iter().collect();
        let mut events = self.flush();
        events.push(InventoryEvent::Synced);
        events
    }

    fn flush(&mut self) -> Vec<InventoryEvent> {
        let changed = std::mem::take(&mut self.changed);
        changed.into_iter().filter_map(|workload| self.event(workload)).collect()
    }

    fn event(&mut self, workload: WorkloadRef) -> Option<InventoryEvent> {
        match self.inventory.observe(&workload) {
            Some(seen) => {
                let mark = mark_of(&seen);
                let is_new = self.marks.insert(workload, mark) != Some(mark);
                is_new.then(|| InventoryEvent::Changed(Box::new(seen)))
            }
            None => self.marks.remove(&workload).map(|_| InventoryEvent::Deleted(workload)),
        }
    }
}

/// A number that changes with what is seen.
fn mark_of(seen: &WorkloadObservation) -> u64 {
    let mut hasher = DefaultHasher::new();
    (&seen.uid, &seen.resource_version).hash(&mut hasher);
    for pod in &seen.pods {
        (&pod.name, pod.is_updated, pod.is_ready, pod.is_terminating, pod.restarts).hash(&mut hasher);
        if let Some(trouble) = &pod.trouble {
            (&trouble.container, &trouble.reason, trouble.exit_code, &trouble.message).hash(&mut hasher);
        }
    }
    hasher.finish()
}

fn sources(kinds: Kinds) -> [BoxStream<'static, Result<Told, watcher::Error>>; 3] {
    let config = || watcher::Config::default().timeout(WATCH_SECONDS);
    [
        watcher(kinds.deployments, config()).map(|e| e.map(deployment)).boxed(),
        watcher(kinds.replica_sets, config()).map(|e| e.map(replica_set)).boxed(),
        watcher(kinds.pods, config()).map(|e| e.map(pod)).boxed(),
    ]
}

fn deployment(event: Event<DynamicObject>) -> Told {
    object(WorkloadKind::Deployment, event)
}

fn object(kind: WorkloadKind, event: Event<DynamicObject>) -> Told {
    told(
        event,
        |o| o.metadata.uid.clone(),
        |object, uid| Told::Deployment(Box::new(WorkloadRecord::of(kind, object)), uid),
    )
}

/// Watches the objects of a tool that may not be there, or be none of ours to see: then there are none, and
/// it is looked for again after a while.
fn objects(kind: WorkloadKind, api: Api<DynamicObject>) -> BoxStream<'static, Result<Told, watcher::Error>> {
    struct Looking<S> {
        stream: S,
        is_absent: bool,
        ends_round: bool,
    }
    let stream = watcher(api, watcher::Config::default().timeout(WATCH_SECONDS)).boxed();
    let start = Looking { stream, is_absent: false, ends_round: false };
    stream::unfold(start, move |mut looking| async move {
        if std::mem::take(&mut looking.ends_round) {
            return Some((Ok(Told::End), looking));
        }
        if std::mem::take(&mut looking.is_absent) {
            sleep(LOOK_FOR_TOOLS).await;
        }
        let told = match looking.stream.next().await? {
            Err(
                watcher::Error::InitialListFailed(error)
                | watcher::Error::WatchStartFailed(error)
                | watcher::Error::WatchFailed(error),
            ) if tools::is_absent(&error) => {
                (looking.is_absent, looking.ends_round) = (true, true);
                Ok(Told::Begin)
            }
            told => told.map(|event| object(kind, event)),
        };
        Some((told, looking))
    })
    .boxed()
}

fn replica_set(event: Event<DynamicObject>) -> Told {
    told(event, |o| o.metadata.uid.clone(), |object, _| SetRecord::new(object).map_or(Told::Nothing, Told::Set))
}

fn pod(event: Event<Pod>) -> Told {
    told(
        event,
        |o| o.metadata.uid.clone(),
        |object, _| PodRecord::new(object).map_or(Told::Nothing, |record| Told::Pod(Box::new(record))),
    )
}

fn told<K>(event: Event<K>, uid: impl Fn(&K) -> Option<String>, there: impl Fn(K, String) -> Told) -> Told {
    match event {
        Event::Init => Told::Begin,
        Event::InitDone => Told::End,
        Event::Apply(object) | Event::InitApply(object) => match uid(&object) {
            Some(uid) => there(object, uid),
            None => Told::Nothing,
        },
        Event::Delete(object) => uid(&object).map_or(Told::Nothing, Told::Gone),
    }
}

fn sort_watch(error: &watcher::Error) -> ClusterError {
    match error {
        watcher::Error::InitialListFailed(cause)
        | watcher::Error::WatchStartFailed(cause)
        | watcher::Error::WatchFailed(cause) => sort(cause),
        watcher::Error::WatchError(status) => sort_status(status),
        watcher::Error::NoResourceVersion => ClusterError::Settings(
            "the server's answers have no resourceVersion: it is no Kubernetes API server".to_owned(),
        ),
    }
}
