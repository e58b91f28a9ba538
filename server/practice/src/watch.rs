//! Watching the practice cluster: everything that is there, then [`InventoryEvent::Synced`], then
//! every change. Watches look again when something is written, when a test says so, and every
//! quarter of a second of real time otherwise.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use domain::observation::WorkloadRef;
use futures::stream::{self, BoxStream, StreamExt};
use ports::{ClusterError, InventoryEvent, NamespaceScope};
use tokio::sync::watch::{self, Receiver, Sender};

use crate::cluster::{Inner, PracticeCluster, is_in_scope, storage_trouble};
use crate::faults;

/// The watches under way, and how far each has looked.
#[derive(Debug)]
pub(crate) struct Watchers {
    turn: Sender<u64>,
    settled: Sender<()>,
    looked: Mutex<BTreeMap<u64, u64>>,
}

impl Default for Watchers {
    fn default() -> Self {
        Self { turn: watch::Sender::new(0), settled: watch::Sender::new(()), looked: Mutex::default() }
    }
}

impl Watchers {
    /// Has every watch look again.
    pub(crate) fn wake(&self) {
        self.turn.send_modify(|turn| *turn += 1);
    }

    fn looked(&self) -> MutexGuard<'_, BTreeMap<u64, u64>> {
        self.looked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn register(&self) -> u64 {
        let mut looked = self.looked();
        let id = looked.last_key_value().map_or(0, |(id, _)| id + 1);
        looked.insert(id, 0);
        id
    }

    fn has_looked(&self, id: u64, turn: u64) {
        self.looked().insert(id, turn);
        self.settled.send_replace(());
    }

    fn leave(&self, id: u64) {
        self.looked().remove(&id);
        self.settled.send_replace(());
    }
}

impl PracticeCluster {
    /// Has every watch look again: for tests, after their clock moved.
    pub fn tick(&self) {
        self.inner.watchers.wake();
    }

    /// Has every watch look again and waits until each has told all it saw and was asked for more.
    /// A watch whose reader stopped reading without dropping it keeps this waiting.
    pub async fn settle(&self) {
        let watchers = &self.inner.watchers;
        let mut settled = watchers.settled.subscribe();
        watchers.wake();
        let turn = *watchers.turn.borrow();
        while watchers.looked().values().any(|looked| *looked < turn) {
            // The sender lives as long as the cluster: this cannot fail while `self` is borrowed.
            if settled.changed().await.is_err() {
                return;
            }
        }
    }
}

/// What was told of a workload: its identity and version.
type Known = BTreeMap<WorkloadRef, (String, u64)>;

struct Watcher {
    cluster: Arc<Inner>,
    scope: NamespaceScope,
    id: u64,
    turns: Receiver<u64>,
    known: Known,
    is_synced: bool,
    is_lost: bool,
    queue: VecDeque<InventoryEvent>,
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.cluster.watchers.leave(self.id);
    }
}

pub(crate) fn stream(cluster: Arc<Inner>, scope: NamespaceScope) -> BoxStream<'static, InventoryEvent> {
    let start = move || Watcher {
        id: cluster.watchers.register(),
        turns: cluster.watchers.turn.subscribe(),
        cluster,
        scope,
        known: Known::new(),
        is_synced: false,
        is_lost: false,
        queue: VecDeque::new(),
    };
    // Registered by the first poll: a stream that nobody reads holds up nothing.
    stream::once(async move { start() }).flat_map(|watcher| stream::unfold(watcher, next)).boxed()
}

async fn next(mut watcher: Watcher) -> Option<(InventoryEvent, Watcher)> {
    loop {
        if let Some(event) = watcher.queue.pop_front() {
            return Some((event, watcher));
        }
        let turn = *watcher.turns.borrow_and_update();
        watcher.look();
        if watcher.queue.is_empty() {
            watcher.cluster.watchers.has_looked(watcher.id, turn);
            watcher.wait().await;
        }
    }
}

impl Watcher {
    fn look(&mut self) {
        let seen = if self.cluster.faults.is_reachable() {
            self.cluster.read(|state, now| {
                let in_scope = state
                    .deployments
                    .values_mut()
                    .filter(|d| is_in_scope(&d.workload, &self.scope) && !d.is_candidate());
                let mut changed = Vec::new();
                let mut versions = Known::new();
                for deployment in in_scope {
                    deployment.play(now, &self.cluster.pace);
                    let version = deployment.version_at(deployment.played_to, &self.cluster.pace.timing);
                    let mark = (deployment.uid.clone(), version);
                    if self.known.get(&deployment.workload) != Some(&mark) {
                        changed.push(self.cluster.observe(deployment, now));
                    }
                    versions.insert(deployment.workload.clone(), mark);
                }
                (changed, versions)
            })
        } else {
            self.lose(faults::unreachable());
            return;
        };
        match seen {
            Ok((changed, versions)) => {
                let gone = self.known.keys().filter(|w| !versions.contains_key(w));
                self.queue.extend(gone.cloned().map(InventoryEvent::Deleted));
                self.queue.extend(changed.into_iter().map(|o| InventoryEvent::Changed(Box::new(o))));
                self.known = versions;
                if !self.is_synced {
                    self.queue.push_back(InventoryEvent::Synced);
                }
                (self.is_synced, self.is_lost) = (true, false);
            }
            Err(error) => self.lose(storage_trouble(&error)),
        }
    }

    /// Tells the loss once; after it everything is told again.
    fn lose(&mut self, error: ClusterError) {
        if !self.is_lost {
            self.queue.push_back(InventoryEvent::Lost(error));
        }
        self.known.clear();
        (self.is_synced, self.is_lost) = (false, true);
    }

    async fn wait(&mut self) {
        let turned = self.turns.changed();
        match self.cluster.tick {
            // A closed channel cannot be: the sender lives in the cluster that this watch holds.
            None => drop(turned.await),
            // Either is a reason to look again.
            Some(tick) => drop(tokio::time::timeout(tick, turned).await),
        }
    }
}
