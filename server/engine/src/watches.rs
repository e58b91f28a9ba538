//! One watch per connected cluster, in a task of its own, kept while the cluster is connected as it is.
//!
//! Promises: whatever a watch tells becomes rows, also when the database did not answer at first; a
//! watch that ends or panics is begun anew. A watch tells only changes of the cluster, so whatever
//! changes on our side of the same rows (a target gets workloads, a version is registered whose images
//! run already) is heard as a signal, through the store and so from other servers too, and looked at.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use domain::{
    ids::{ClusterId, ServiceId, VersionId},
    observation::{Observed, WorkloadRef},
};
use futures::StreamExt;
use ports::{Cluster, ClusterError, InventoryEvent, NamespaceScope};
use store::{Change, Entity, Running, StoreError, Target};
use tokio::{
    sync::broadcast::error::RecvError,
    task::{AbortHandle, JoinError, JoinSet},
    time::{Instant, MissedTickBehavior},
};
use tokio_util::sync::CancellationToken;

use crate::{
    Engine, clusters,
    error::chain,
    inventory::{Told, scope_of, version_of},
};

/// How often the list of clusters is compared with the watches that run, beside signals.
const PERIOD: Duration = Duration::from_secs(10);

/// Pause before a watch that ended is set up again, and before a cluster that did not answer is asked
/// again.
const AGAIN_AFTER: Duration = Duration::from_secs(3);

/// How often an event is tried to be kept, with pauses of ½, 1, 2 s: a database that begins anew takes
/// seconds.
const TRIES: u32 = 4;

/// When an event could not be kept at all, everything is told anew after this.
const RESYNC_AFTER: Duration = Duration::from_secs(60);

/// Changes on our side that come together are looked at in one go: a pipeline reports a version and
/// its checks within moments.
const GATHER: Duration = Duration::from_millis(200);

/// A cluster that takes longer than this to show one workload is treated as one that does not answer.
const PATIENCE: Duration = Duration::from_secs(15);

/// What makes a watch another one.
#[derive(Clone, PartialEq)]
struct Watched {
    row: (store::ClusterKind, Option<String>, Option<String>, Option<Vec<u8>>),
    scope: NamespaceScope,
}

impl Watched {
    fn of(cluster: &store::Cluster) -> Self {
        let row =
            (cluster.kind, cluster.server.clone(), cluster.certificate_authority.clone(), cluster.sealed_token.clone());
        Self { row, scope: scope_of(cluster) }
    }
}

/// The watches that run.
#[derive(Default)]
struct Watches {
    tasks: JoinSet<()>,
    of: HashMap<ClusterId, (Watched, AbortHandle)>,
}

impl Watches {
    /// Begins what is missing, ends what is too many.
    fn match_with(&mut self, engine: &Engine, clusters: Vec<store::Cluster>) {
        let wanted: HashMap<_, _> = clusters.into_iter().map(|c| (c.id, Watched::of(&c))).collect();
        self.of.retain(|id, (watched, task)| {
            let stays = wanted.get(id) == Some(watched);
            if !stays {
                task.abort();
            }
            stays
        });
        for (id, watched) in wanted {
            if !self.of.contains_key(&id) {
                let (engine, scope) = (engine.clone(), watched.scope.clone());
                let task = self.tasks.spawn(async move { engine.watch(id, scope).await });
                self.of.insert(id, (watched, task));
            }
        }
    }

    /// Waits until one has ended; it begins anew when the watches are matched again.
    async fn one_ended(&mut self) {
        let Some(ended) = self.tasks.join_next_with_id().await else { return std::future::pending().await };
        let id = match &ended {
            Ok((id, ())) => *id,
            Err(error) => error.id(),
        };
        if let Some(error) = ended.err().filter(|error| !JoinError::is_cancelled(error)) {
            tracing::error!(error.message = %error, "the watch of a cluster ended; it begins anew");
        }
        self.of.retain(|_, (_, task)| task.id() != id);
    }
}

/// What changed on our side and was not looked at yet.
#[derive(Default)]
struct Pending {
    services: BTreeSet<ServiceId>,
    versions: BTreeSet<VersionId>,
    everything: bool,
    due: Option<Instant>,
}

impl Pending {
    /// Notes a change when it matters here.
    fn hear(&mut self, change: Result<Change, RecvError>) {
        match change {
            Ok(Change { entity: Entity::Service, id, .. }) => drop(self.services.insert(ServiceId::new(id))),
            Ok(Change { entity: Entity::Version, id, .. }) => drop(self.versions.insert(VersionId::new(id))),
            Ok(Change { entity: Entity::Everything, .. }) | Err(RecvError::Lagged(_)) => self.everything = true,
            // The store outlives this task; without it there is nothing to keep.
            Ok(_) | Err(RecvError::Closed) => return,
        }
        self.due.get_or_insert(Instant::now() + GATHER);
    }
}

impl Engine {
    /// Keeps one watch per connected cluster until cancelled.
    pub(crate) async fn keep_inventory(&self, cancel: CancellationToken) {
        let mut watches = Watches::default();
        let mut changes = self.store().changes();
        let mut period = tokio::time::interval(PERIOD);
        period.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            match self.connected_clusters().await {
                Ok(clusters) => watches.match_with(self, clusters),
                Err(error) => tracing::warn!(error.message = %error, "the list of clusters cannot be read"),
            }
            loop {
                tokio::select! {
                    () = cancel.cancelled() => {
                        watches.tasks.shutdown().await;
                        return;
                    }
                    () = watches.one_ended() => {}
                    change = changes.recv() => match change {
                        Ok(change) if !matches!(change.entity, Entity::Cluster | Entity::Everything) => {}
                        _ => break,
                    },
                    _ = period.tick() => break,
                }
            }
        }
    }

    async fn watch(&self, id: ClusterId, scope: NamespaceScope) {
        loop {
            match self.clusters().handle(id).await {
                Ok(handle) => self.follow(id, &handle, &scope).await,
                Err(error) => {
                    if let Err(error) = self.note_state(id, &clusters::away(&error)).await {
                        tracing::warn!(cluster.id = %id, error.message = %error, "a cluster's state could not be kept");
                    }
                }
            }
            tokio::time::sleep(AGAIN_AFTER).await;
        }
    }

    /// Follows one watch until it ends, or must tell everything anew.
    async fn follow(&self, id: ClusterId, handle: &Arc<dyn Cluster>, scope: &NamespaceScope) {
        let mut changes = self.store().changes();
        let mut pending = Pending::default();
        let mut resync: Option<Instant> = None;
        let mut told = Told::default();
        let mut events = handle.watch(scope.clone());
        loop {
            // Until everything was told there is nothing to look at again.
            let look = pending.due.filter(|_| told.is_complete());
            tokio::select! {
                event = events.next() => {
                    let Some(event) = event else { return };
                    if !self.keep_event(id, &event, &mut told).await {
                        resync.get_or_insert(Instant::now() + RESYNC_AFTER);
                    }
                }
                change = changes.recv() => pending.hear(change),
                () = at(look) => {
                    let asked = std::mem::take(&mut pending);
                    if let Err(why) = self.look_again(id, handle, scope, &asked).await {
                        tracing::warn!(cluster.id = %id, error.message = why, "what changed here is not known yet");
                        pending = Pending { due: Some(Instant::now() + AGAIN_AFTER), ..asked };
                    }
                }
                () = at(resync) => return,
            }
        }
    }

    /// Takes in an event, several times if need be; tells whether it was kept.
    async fn keep_event(&self, id: ClusterId, event: &InventoryEvent, told: &mut Told) -> bool {
        for n in 0..TRIES {
            match self.take_in(id, event, told).await {
                Ok(()) => return true,
                // Target or cluster went away meanwhile: there is nothing to keep it for.
                Err(StoreError::ForeignKey) => return true,
                Err(error) => {
                    tracing::warn!(cluster.id = %id, error.chain = chain(&error), "what a cluster told could not be kept");
                }
            }
            if n + 1 < TRIES {
                tokio::time::sleep(Duration::from_millis(500) * 2_u32.pow(n)).await;
            }
        }
        false
    }

    /// Looks at those workloads of which we do not know what we should after a change on our side.
    ///
    /// # Errors
    /// Why it must be repeated.
    async fn look_again(
        &self,
        id: ClusterId,
        handle: &Arc<dyn Cluster>,
        scope: &NamespaceScope,
        asked: &Pending,
    ) -> Result<(), String> {
        let unknown = self.unknown(id, asked).await.map_err(|e| chain(&e))?;
        for workload in unknown.into_iter().filter(|w| is_in(scope, w)) {
            let seen = tokio::time::timeout(PATIENCE, handle.observe(&workload)).await;
            let taken = match seen {
                Ok(Ok(Observed::Present(seen))) => self.take_in_workload(id, &seen).await,
                Ok(Ok(Observed::Missing)) => self.forget(id, &workload).await,
                Ok(Err(error @ ClusterError::Unreachable(_))) => return Err(error.to_string()),
                Ok(Err(error)) => {
                    tracing::warn!(cluster.id = %id, %workload, error.message = %error, "a workload cannot be looked at");
                    continue;
                }
                Err(_) => return Err(format!("no answer within {} s", PATIENCE.as_secs())),
            };
            match taken {
                Ok(()) | Err(StoreError::ForeignKey) => {}
                Err(error) => return Err(chain(&error)),
            }
        }
        Ok(())
    }

    /// Workloads in this cluster, of the services asked for, that have no row or one with another
    /// version than their images are.
    async fn unknown(&self, id: ClusterId, asked: &Pending) -> Result<BTreeSet<WorkloadRef>, StoreError> {
        let mut read = self.store().read().await?;
        let mut targets: Vec<(Target, Vec<Running>)> = Vec::new();
        if asked.everything {
            let mut rows: HashMap<_, Vec<_>> = HashMap::new();
            for row in read.running_in_cluster(id).await? {
                rows.entry(row.target_id).or_default().push(row);
            }
            targets.extend(read.targets().await?.into_iter().map(|t| {
                let rows = rows.remove(&t.id).unwrap_or_default();
                (t, rows)
            }));
        } else {
            let mut services = asked.services.clone();
            for version in &asked.versions {
                services.extend(read.version(*version).await?.map(|v| v.service));
            }
            for service in services {
                let rows = read.running_of_service(service).await?;
                for target in read.targets_of_service(service).await? {
                    let rows = rows.iter().filter(|r| r.target_id == target.id).cloned().collect();
                    targets.push((target, rows));
                }
            }
        }
        let mut unknown = BTreeSet::new();
        for (target, rows) in targets {
            let here: HashSet<_> = target.workloads.iter().filter(|w| w.cluster == id).map(|w| &w.workload).collect();
            for workload in here {
                let is_it = |r: &&Running| {
                    r.cluster_id == id && r.namespace == workload.namespace && r.workload == workload.name
                };
                let is_known = match rows.iter().find(is_it) {
                    None => false,
                    Some(row) => row.version_id == version_of(&mut read, &target, id, workload, &row.images).await?,
                };
                if !is_known {
                    unknown.insert(workload.clone());
                }
            }
        }
        Ok(unknown)
    }
}

/// Waits until then; for ever when there is no such time.
async fn at(when: Option<Instant>) {
    match when {
        Some(when) => tokio::time::sleep_until(when).await,
        None => std::future::pending().await,
    }
}

fn is_in(scope: &NamespaceScope, workload: &WorkloadRef) -> bool {
    match scope {
        NamespaceScope::All => true,
        NamespaceScope::Only(namespaces) => namespaces.contains(&workload.namespace),
    }
}
