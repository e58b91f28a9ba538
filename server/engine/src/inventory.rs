//! Keeps what runs true: what a cluster shows becomes rows that the Board reads. Also tells who
//! changed what behind our back, and wakes promotions whose pods moved. Who looks, and when, is in
//! `watches.rs`.

use std::collections::HashSet;

use domain::{
    ids::{ClusterId, TargetId, VersionId},
    image::{ContainerImage, Image, TagAlone},
    observation::{PodCounts, WorkloadObservation, WorkloadRef},
    promotion::Promotion,
    rollout::{Rollout, judge},
    state::Mark,
};
use ports::{InventoryEvent, NamespaceScope};
use store::{ClusterState, Read, Running, StoreError, Target, Tx};

use crate::{Engine, clusters};

/// Rows that are forgotten in one transaction: few enough that others may write in between.
const FORGOTTEN_AT_ONCE: usize = 200;

impl Engine {
    /// The clusters that are connected.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn connected_clusters(&self) -> Result<Vec<store::Cluster>, StoreError> {
        self.store().read().await?.clusters().await
    }

    /// Takes in one event of a watch. The same one again changes nothing.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn take_in(
        &self,
        id: ClusterId,
        event: &InventoryEvent,
        told: &mut Told,
    ) -> Result<(), StoreError> {
        match event {
            InventoryEvent::Changed(seen) => {
                told.note(&seen.workload);
                self.take_in_workload(id, seen).await
            }
            InventoryEvent::Deleted(workload) => self.forget(id, workload).await,
            InventoryEvent::Synced => {
                if let Some(names) = &told.names {
                    self.forget_untold(id, names).await?;
                }
                self.note_state(id, &ClusterState::Reachable { version: None }).await?;
                told.names = None;
                Ok(())
            }
            InventoryEvent::Lost(error) => {
                *told = Told::default();
                self.note_state(id, &clusters::away(error)).await
            }
        }
    }

    /// Reads every connected cluster once and takes in what is there, as the watches do all the time.
    ///
    /// # Errors
    /// When the store fails; a cluster that does not answer is noted as such.
    pub async fn look_once(&self) -> Result<(), StoreError> {
        for cluster in self.connected_clusters().await? {
            let found = match self.clusters().handle(cluster.id).await {
                Ok(handle) => handle.discover(&scope_of(&cluster)).await,
                Err(error) => Err(error),
            };
            let mut told = Told::default();
            match found {
                Ok(found) => {
                    for one in found {
                        let event = InventoryEvent::Changed(Box::new(one.observation));
                        self.take_in(cluster.id, &event, &mut told).await?;
                    }
                    self.take_in(cluster.id, &InventoryEvent::Synced, &mut told).await?;
                }
                Err(error) => self.take_in(cluster.id, &InventoryEvent::Lost(error), &mut told).await?,
            }
        }
        Ok(())
    }

    /// Keeps whether a cluster answers.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn note_state(&self, id: ClusterId, state: &ClusterState) -> Result<(), StoreError> {
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
            // What is seen may wake promotions of the target: after what is being decided about them.
            tx.hold_target(target.id).await?;
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
        let images = seen.shown_images();
        let version = version_of(tx, target, cluster, &seen.workload, &images).await?;
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
            kind: seen.workload.kind,
            images,
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

    /// Forgets a workload that is gone.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn forget(&self, id: ClusterId, workload: &WorkloadRef) -> Result<(), StoreError> {
        let targets = self.store().read().await?.targets_of_workload(id, workload).await?;
        let rows: Vec<_> = targets.into_iter().map(|target| (target.id, workload.clone())).collect();
        self.forget_rows(id, &rows).await
    }

    /// After everything present was told, what was not told is gone.
    async fn forget_untold(&self, id: ClusterId, told: &HashSet<WorkloadRef>) -> Result<(), StoreError> {
        let known = self.store().read().await?.running_in_cluster(id).await?;
        let rows = known.into_iter().map(|row| {
            let workload = WorkloadRef { namespace: row.namespace, name: row.workload, kind: row.kind };
            (row.target_id, workload)
        });
        let gone: Vec<_> = rows.filter(|(_, workload)| !told.contains(workload)).collect();
        self.forget_rows(id, &gone).await
    }

    async fn forget_rows(&self, id: ClusterId, rows: &[(TargetId, WorkloadRef)]) -> Result<(), StoreError> {
        for some in rows.chunks(FORGOTTEN_AT_ONCE) {
            let mut tx = self.store().begin().await?;
            for (target, workload) in some {
                tx.delete_running(*target, id, workload).await?;
                tx.wake_open(*target, self.now()).await?;
            }
            tx.commit().await?;
        }
        Ok(())
    }
}

/// What was told since the watch began anew.
pub(crate) struct Told {
    /// The names so far; `None` once everything was told and nothing more is to be compared.
    names: Option<HashSet<WorkloadRef>>,
}

impl Default for Told {
    fn default() -> Self {
        Self { names: Some(HashSet::new()) }
    }
}

impl Told {
    fn note(&mut self, workload: &WorkloadRef) {
        if let Some(names) = &mut self.names {
            names.insert(workload.clone());
        }
    }

    /// Whether everything that is there was told.
    pub(crate) fn is_complete(&self) -> bool {
        self.names.is_none()
    }
}

/// The namespaces that a cluster is watched in.
pub(crate) fn scope_of(cluster: &store::Cluster) -> NamespaceScope {
    cluster.namespaces.clone().map_or(NamespaceScope::All, NamespaceScope::Only)
}

/// The version whose images run in the containers that this target has in a workload; `None` when no
/// version has all of them. Of several with the same images it is the one that is being promoted there,
/// else the one that was deployed there last, else the newest.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn version_of(
    read: &mut Read,
    target: &Target,
    cluster: ClusterId,
    workload: &WorkloadRef,
    images: &[ContainerImage],
) -> Result<Option<VersionId>, StoreError> {
    let mut common: Option<Vec<VersionId>> = None;
    for row in target.workloads.iter().filter(|row| row.cluster == cluster && row.workload == *workload) {
        let text = images.iter().find(|i| i.container == row.container).map(|i| &i.image);
        let Some(text) = text else { return Ok(None) };
        let found = match (Image::parse(text, None), TagAlone::parse(text)) {
            (Ok(image), _) => read.versions_by_image(target.service, &image).await?,
            (Err(_), Some(tag)) => read.versions_by_tag(target.service, &tag, row.component.as_ref()).await?,
            (Err(_), None) => return Ok(None),
        };
        let found: Vec<_> = found.into_iter().map(|v| v.id).collect();
        common = Some(match common {
            None => found,
            Some(known) => known.into_iter().filter(|id| found.contains(id)).collect(),
        });
    }
    let common = common.unwrap_or_default();
    if common.len() < 2 {
        return Ok(common.into_iter().next());
    }
    let live = read.open_promotions(target.id).await?;
    let live = live.iter().map(|l| &l.promotion).find(|p| p.occupies()).map(|p| p.plan.version);
    let latest = read.latest_deployment(target.service, target.environment).await?.map(|d| d.version_id);
    let preferred = [live, latest].into_iter().flatten().find(|id| common.contains(id));
    Ok(preferred.or_else(|| common.first().copied()))
}

/// The health of a workload on the Board.
fn health(seen: &WorkloadObservation) -> (Mark, String) {
    let rollout = judge(seen);
    let done = seen.tool.as_ref().and_then(domain::delegated::ToolStatus::done);
    if let (Rollout::Complete { .. }, Some(done)) = (&rollout, done) {
        return (Mark::Done, done.to_owned());
    }
    match rollout {
        Rollout::Failed { failure } => (Mark::Failed, failure.words()),
        Rollout::Complete { .. } if seen.wanted_replicas == 0 => (Mark::Nothing, "scaled to nothing".to_owned()),
        Rollout::Complete { .. } => (Mark::Done, pods_in_words(seen)),
        Rollout::Paused => (Mark::Waiting, "paused in the cluster".to_owned()),
        Rollout::ByTool { words, waits: true } => (Mark::Waiting, words),
        rollout @ (Rollout::Unseen | Rollout::Moving { .. } | Rollout::ByTool { waits: false, .. }) => {
            (Mark::Moving, rollout.words())
        }
    }
}

fn pods_in_words(seen: &WorkloadObservation) -> String {
    match seen.ready_replicas {
        1 => "1 pod".to_owned(),
        n => format!("{n} pods"),
    }
}
