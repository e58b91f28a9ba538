//! Listing what is there, with pods, so that what is offered shows how it is.

use futures::future::try_join_all;
use ports::{ClusterError, DiscoveredWorkload, NamespaceScope};

use crate::{
    connect::{Kinds, KubeCluster},
    error::sort,
    inventory::Inventory,
    observe::list,
    pods::PodRecord,
    records::{DeploymentRecord, SetRecord},
};

impl KubeCluster {
    pub(crate) async fn list_workloads(&self, scope: &NamespaceScope) -> Result<Vec<DiscoveredWorkload>, ClusterError> {
        let found = try_join_all(self.kinds_in(scope).iter().map(workloads)).await.map_err(|e| sort(&e))?;
        let mut all: Vec<DiscoveredWorkload> = found.into_iter().flatten().collect();
        all.sort_by(|a, b| a.observation.workload.cmp(&b.observation.workload));
        Ok(all)
    }
}

async fn workloads(kinds: &Kinds) -> Result<Vec<DiscoveredWorkload>, kube::Error> {
    let (deployments, sets, pods) =
        futures::try_join!(list(&kinds.deployments, None), list(&kinds.replica_sets, None), list(&kinds.pods, None),)?;
    let mut inventory = Inventory::default();
    for object in deployments {
        match DeploymentRecord::new(object) {
            Ok(record) if record.is_candidate() => {}
            Ok(record) => drop(inventory.put_deployment(record)),
            Err(why) => tracing::warn!(error = %why, "a Deployment that cannot be read is left out"),
        }
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
