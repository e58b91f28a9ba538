//! Keeps what runs true: one watch per connected cluster, whose events become rows that the Board
//! reads. Also tells who changed what behind our back, and wakes promotions whose pods moved.

use std::{collections::HashMap, time::Duration};

use domain::{
    ids::{ClusterId, VersionId},
    image::Image,
    observation::{PodCounts, WorkloadObservation, WorkloadRef},
    promotion::Promotion,
    rollout::{Rollout, judge},
    state::Mark,
};
use futures::StreamExt;
use ports::{InventoryEvent, NamespaceScope};
use store::{ClusterState, Read, Running, StoreError, Target, Tx};
use tokio_util::sync::CancellationToken;

use crate::Engine;

/// How often the list of clusters is compared with the watches that run, beside signals.
const PERIOD: Duration = Duration::from_secs(10);

/// Pause before a watch that ended is set up again.
const AGAIN_AFTER: Duration = Duration::from_secs(3);

/// What makes a watch another one.
#[derive(Clone, PartialEq)]
struct Watched {
    row: (store::ClusterKind, Option<String>, Option<String>, Option<Vec<u8>>),
    scope: NamespaceScope,
}

impl Engine {
    /// Keeps one watch per connected cluster until cancelled.
    pub(crate) async fn keep_inventory(&self, cancel: CancellationToken) {
        let mut running: HashMap<ClusterId, (Watched, CancellationToken)> = HashMap::new();
        let mut changes = self.store().changes();
        loop {
            match self.connected().await {
                Ok(clusters) => self.match_watches(&cancel, &mut running, clusters),
                Err(error) => tracing::warn!(error.message = %error, "the list of clusters cannot be read"),
            }
            loop {
                tokio::select! {
                    () = cancel.cancelled() => return,
                    change = changes.recv() => match change {
                        Ok(change) if !matches!(change.entity, store::Entity::Cluster | store::Entity::Everything) => {}
                        _ => break,
                    },
                    () = tokio::time::sleep(PERIOD) => break,
                }
            }
        }
    }

    async fn connected(&self) -> Result<Vec<store::Cluster>, StoreError> {
        self.store().read().await?.clusters().await
    }

    fn match_watches(
        &self,
        cancel: &CancellationToken,
        running: &mut HashMap<ClusterId, (Watched, CancellationToken)>,
        clusters: Vec<store::Cluster>,
    ) {
        let gone: Vec<_> = running.keys().filter(|id| clusters.iter().all(|c| c.id != **id)).copied().collect();
        for id in gone {
            if let Some((_, stop)) = running.remove(&id) {
                stop.cancel();
            }
        }
        for cluster in clusters {
            let scope = scope_of(&cluster);
            let row = (
                cluster.kind,
                cluster.server.clone(),
                cluster.certificate_authority.clone(),
                cluster.sealed_token.clone(),
            );
            let watched = Watched { row, scope };
            if running.get(&cluster.id).is_some_and(|(known, _)| *known == watched) {
                continue;
            }
            let stop = cancel.child_token();
            if let Some((_, old)) = running.insert(cluster.id, (watched.clone(), stop.clone())) {
                old.cancel();
            }
            let engine = self.clone();
            tokio::spawn(async move {
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = engine.watch(cluster.id, watched.scope) => {}
                }
            });
        }
    }

    async fn watch(&self, id: ClusterId, scope: NamespaceScope) {
        loop {
            match self.clusters().handle(id).await {
                Ok(handle) => {
                    let mut events = handle.watch(scope.clone());
                    let mut told = Told::default();
                    while let Some(event) = events.next().await {
                        if let Err(error) = self.take_in(id, event, &mut told).await {
                            tracing::warn!(cluster.id = %id, error.message = %error, "what a cluster told could not be kept");
                        }
                    }
                }
                Err(error) => {
                    let state = ClusterState::Unreachable { message: error.to_string() };
                    if let Err(error) = self.note_state(id, &state).await {
                        tracing::warn!(cluster.id = %id, error.message = %error, "a cluster's state could not be kept");
                    }
                }
            }
            tokio::time::sleep(AGAIN_AFTER).await;
        }
    }

    /// Takes in one event of a watch.
    async fn take_in(&self, id: ClusterId, event: InventoryEvent, told: &mut Told) -> Result<(), StoreError> {
        match event {
            InventoryEvent::Changed(seen) => {
                told.names.push(seen.workload.clone());
                self.take_in_workload(id, &seen).await
            }
            InventoryEvent::Deleted(workload) => self.forget(id, &workload).await,
            InventoryEvent::Synced => {
                let names = std::mem::take(&mut told.names);
                self.forget_untold(id, &names).await?;
                self.note_state(id, &ClusterState::Reachable { version: None }).await
            }
            InventoryEvent::Lost(error) => {
                told.names.clear();
                self.note_state(id, &ClusterState::Unreachable { message: error.to_string() }).await
            }
        }
    }

    /// Reads every connected cluster once and takes in what is there, as the watches do all the time.
    ///
    /// # Errors
    /// When the store fails; a cluster that does not answer is noted as such.
    pub async fn look_once(&self) -> Result<(), StoreError> {
        for cluster in self.connected().await? {
            let found = match self.clusters().handle(cluster.id).await {
                Ok(handle) => handle.discover(&scope_of(&cluster)).await,
                Err(error) => Err(error),
            };
            let mut told = Told::default();
            match found {
                Ok(found) => {
                    for one in found {
                        let event = InventoryEvent::Changed(Box::new(one.observation));
                        self.take_in(cluster.id, event, &mut told).await?;
                    }
                    self.take_in(cluster.id, InventoryEvent::Synced, &mut told).await?;
                }
                Err(error) => self.take_in(cluster.id, InventoryEvent::Lost(error), &mut told).await?,
            }
        }
        Ok(())
    }

    async fn note_state(&self, id: ClusterId, state: &ClusterState) -> Result<(), StoreError> {
        let mut tx = self.store().begin().await?;
        let is_new = tx.set_cluster_state(id, state, self.now()).await?;
        if is_new {
            tx.signal(store::Entity::Cluster, id.uuid(), 0);
        }
        tx.commit().await
    }

    /// Takes in what was seen of a workload, by a watch or by other means.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn take_in_workload(&self, id: ClusterId, seen: &WorkloadObservation) -> Result<(), StoreError> {
        // Most workloads of a cluster are not ours; reading first keeps them off the writer.
        let targets = self.store().read().await?.targets_of_workload(id, &seen.workload).await?;
        if targets.is_empty() {
            return Ok(());
        }
        let mut tx = self.store().begin().await?;
        for target in &targets {
            let running = self.running(&mut tx, id, target, seen).await?;
            let is_new = tx.put_running(&running).await?;
            if is_new {
                // A live promotion need not wait for its next look.
                tx.wake_open(target.id, self.now()).await?;
            }
        }
        tx.commit().await
    }

    async fn running(
        &self,
        tx: &mut Tx,
        cluster: ClusterId,
        target: &Target,
        seen: &WorkloadObservation,
    ) -> Result<Running, StoreError> {
        let version = version_of(tx, target, seen).await?;
        let latest = tx.latest_deployment(target.service, target.environment).await?;
        let live = tx.open_promotions(target.id).await?;
        let ours = |p: &Promotion| p.occupies() && version == Some(p.plan.version);
        let is_ours = live.iter().any(|l| ours(&l.promotion))
            || latest.as_ref().is_some_and(|d| version == Some(d.version_id))
            || latest.is_none() && version.is_some();
        let (mark, words) = health(seen);
        let counts = PodCounts::from(seen);
        Ok(Running {
            target_id: target.id,
            cluster_id: cluster,
            namespace: seen.workload.namespace.clone(),
            workload: seen.workload.name.clone(),
            images: seen.images.clone(),
            version_id: version,
            mark,
            words,
            wanted: counts.wanted,
            updated: counts.updated,
            ready: counts.ready,
            available: counts.available,
            is_changed_by_others: !is_ours,
            since: self.now(),
            seen_at: self.now(),
        })
    }

    async fn forget(&self, id: ClusterId, workload: &WorkloadRef) -> Result<(), StoreError> {
        let targets = self.store().read().await?.targets_of_workload(id, workload).await?;
        if targets.is_empty() {
            return Ok(());
        }
        let mut tx = self.store().begin().await?;
        for target in &targets {
            tx.delete_running(target.id, id, workload).await?;
            tx.wake_open(target.id, self.now()).await?;
        }
        tx.commit().await
    }

    /// After everything present was told, what was not told is gone.
    async fn forget_untold(&self, id: ClusterId, told: &[WorkloadRef]) -> Result<(), StoreError> {
        let known = self.store().read().await?.running_in_cluster(id).await?;
        for running in known {
            let workload = WorkloadRef { namespace: running.namespace, name: running.workload };
            if told.contains(&workload) {
                continue;
            }
            self.forget(id, &workload).await?;
        }
        Ok(())
    }
}

/// What was told since the watch began anew.
#[derive(Default)]
struct Told {
    names: Vec<WorkloadRef>,
}

/// The namespaces that a cluster is watched in.
pub(crate) fn scope_of(cluster: &store::Cluster) -> NamespaceScope {
    cluster.namespaces.clone().map_or(NamespaceScope::All, NamespaceScope::Only)
}

/// The version whose images run in the containers of this target; `None` when no version has them
/// or they belong to different ones.
async fn version_of(
    read: &mut Read,
    target: &Target,
    seen: &WorkloadObservation,
) -> Result<Option<VersionId>, StoreError> {
    let mut common: Option<Vec<VersionId>> = None;
    for row in target.workloads.iter().filter(|row| row.workload == seen.workload) {
        let Some(Ok(image)) = seen.image_of(row.container.as_str()).map(|text| Image::parse(text, None)) else {
            return Ok(None);
        };
        let found: Vec<_> = read.versions_by_image(target.service, &image).await?.into_iter().map(|v| v.id).collect();
        common = Some(match common {
            None => found,
            Some(known) => known.into_iter().filter(|id| found.contains(id)).collect(),
        });
    }
    Ok(common.unwrap_or_default().into_iter().next())
}

/// The health of a workload on the Board.
fn health(seen: &WorkloadObservation) -> (Mark, String) {
    match judge(seen) {
        Rollout::Failed { failure } => (Mark::Failed, failure.words()),
        Rollout::Complete { .. } if seen.wanted_replicas == 0 => (Mark::Nothing, "scaled to nothing".to_owned()),
        Rollout::Complete { .. } => (Mark::Done, pods_in_words(seen)),
        Rollout::Paused => (Mark::Waiting, "paused in the cluster".to_owned()),
        rollout @ (Rollout::Unseen | Rollout::Moving { .. }) => (Mark::Moving, rollout.words()),
    }
}

fn pods_in_words(seen: &WorkloadObservation) -> String {
    match seen.ready_replicas {
        1 => "1 pod".to_owned(),
        n => format!("{n} pods"),
    }
}
