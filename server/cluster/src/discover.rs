//! Listing what is there, with pods, so that what is offered shows how it is.

use domain::{image::ContainerImage, observation::WorkloadKind};
use futures::future::try_join_all;
use kube::api::DynamicObject;
use ports::{ClusterError, DiscoveredWorkload, NamespaceScope};

use crate::{
    connect::{Kinds, KubeCluster},
    error::sort,
    inventory::Inventory,
    marks,
    observe::list,
    pods::PodRecord,
    records::{SetRecord, WorkloadRecord},
    tools,
};

impl KubeCluster {
    pub(crate) async fn list_workloads(&self, scope: &NamespaceScope) -> Result<Vec<DiscoveredWorkload>, ClusterError> {
        let kinds = self.kinds_in(scope);
        let objects = tools::apis(self.client(), scope).into_iter().map(|(kind, api)| async move {
            match list(&api, None).await {
                Ok(objects) => Ok(records(kind, objects)),
                Err(error) if tools::is_absent(&error) => Ok(Vec::new()),
                Err(error) => Err(error),
            }
        });
        let objects = try_join_all(objects).await.map_err(|e| sort(&e))?;
        let objects: Vec<WorkloadRecord> = objects.into_iter().flatten().collect();
        let found = try_join_all(kinds.iter().map(|kinds| workloads(kinds, &objects))).await.map_err(|e| sort(&e))?;
        let mut all: Vec<DiscoveredWorkload> = found.into_iter().flatten().collect();
        let others = objects.into_iter().filter(WorkloadRecord::has_no_pods).map(|record| with_names(record, &all));
        let others: Vec<_> = others.collect();
        all.extend(others);
        all.sort_by(|a, b| a.observation.workload.cmp(&b.observation.workload));
        Ok(all)
    }
}

/// An object of a tool, with the names of the images of which it says the tag alone, where what runs shows them.
fn with_names(record: WorkloadRecord, all: &[DiscoveredWorkload]) -> DiscoveredWorkload {
    let mut observation = record.observe(Vec::new());
    let workload = &observation.workload;
    let is_made_by_it = |one: &&DiscoveredWorkload| {
        let label = |key: &str| one.labels.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str());
        workload.kind == WorkloadKind::HelmRelease
            && label(marks::FLUX_RELEASE) == Some(workload.name.as_str())
            && label(marks::FLUX_RELEASE_NAMESPACE) == Some(workload.namespace.as_str())
    };
    let mut running = record.running_images();
    // Not everything that a release makes is seen here: an image counts that is called like the release or its chart.
    let is_its_own = |one: &&ContainerImage| {
        let name = tools::name_in(&one.image);
        name == workload.name.as_str() || Some(name) == record.chart()
    };
    let made = all.iter().filter(is_made_by_it).flat_map(|one| &one.observation.images);
    running.extend(made.filter(is_its_own).cloned());
    for said in &mut observation.images {
        if let Some(whole) = tools::whole(&said.image, running.iter().map(|one| one.image.as_str())) {
            said.image = whole;
        }
    }
    DiscoveredWorkload { observation, labels: record.labels }
}

fn records(kind: WorkloadKind, objects: Vec<DynamicObject>) -> Vec<WorkloadRecord> {
    let readable = |object| match WorkloadRecord::of(kind, object) {
        Ok(record) => Some(record),
        Err(why) => {
            tracing::warn!(error = %why, "an object that cannot be read is left out");
            None
        }
    };
    objects.into_iter().filter_map(readable).collect()
}

/// The workloads of these namespaces that have pods: Deployments, and those of `objects` that are there.
async fn workloads(kinds: &Kinds, objects: &[WorkloadRecord]) -> Result<Vec<DiscoveredWorkload>, kube::Error> {
    let (deployments, sets, pods) =
        futures::try_join!(list(&kinds.deployments, None), list(&kinds.replica_sets, None), list(&kinds.pods, None),)?;
    let mut inventory = Inventory::default();
    let deployments = records(WorkloadKind::Deployment, deployments);
    for record in deployments.into_iter().filter(|record| !record.is_candidate()) {
        inventory.put_deployment(record);
    }
    let is_here = |record: &&WorkloadRecord| {
        let namespace = &record.workload().namespace;
        !record.has_no_pods() && kinds.namespace.as_ref().is_none_or(|here| here == namespace.as_str())
    };
    for record in objects.iter().filter(is_here) {
        inventory.put_deployment(record.clone());
    }
    for set in sets.into_iter().filter_map(SetRecord::new) {
        inventory.put_set(set);
    }
    for pod in pods.into_iter().filter_map(PodRecord::new) {
        inventory.put_pod(pod);
    }
    let found = inventory.workloads().into_iter().filter_map(|workload| {
        let observation = inventory.observe(&workload)?;
        Some(DiscoveredWorkload { observation, labels: inventory.labels(&workload) })
    });
    Ok(found.collect())
}
