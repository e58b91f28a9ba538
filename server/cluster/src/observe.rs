//! Reading one workload: the Deployment or a tool's object, then, where it has pods of its own, its replica sets and pods by its own selector, joined
//! by owner references (a selector may also match pods of others).

use domain::observation::{Observed, WorkloadKind, WorkloadRef};
use kube::{
    Api, Resource,
    api::{DynamicObject, ListParams},
    core::Selector,
};
use ports::ClusterError;
use serde::de::DeserializeOwned;

use crate::{
    connect::KubeCluster,
    error::{bounded, is_missing, sort},
    inventory::Inventory,
    pods::PodRecord,
    records::{SetRecord, WorkloadRecord, present},
    tools::{self, argo_rollouts},
};

/// How many objects are asked for at a time: what kubectl does.
const PAGE: u32 = 500;

impl KubeCluster {
    pub(crate) async fn observe_workload(&self, workload: &WorkloadRef) -> Result<Observed, ClusterError> {
        let Some(deployment) = self.read(workload).await? else {
            return Ok(Observed::Missing);
        };
        if deployment.has_no_pods() {
            return Ok(present(deployment.observe(Vec::new())));
        }
        let selector = Selector::try_from(deployment.selector.clone())
            .map_err(|e| ClusterError::Invalid(format!("the selector of {workload} cannot be read: {e}")))?
            .to_string();
        let namespace = workload.namespace.as_str();
        let (sets, pods) = (self.replica_sets(namespace), self.pods(namespace));
        let (sets, pods) =
            futures::try_join!(list(&sets, Some(&selector)), list(&pods, Some(&selector))).map_err(|e| sort(&e))?;
        let mut inventory = Inventory::default();
        inventory.put_deployment(deployment);
        for set in sets.into_iter().filter_map(SetRecord::new) {
            inventory.put_set(set);
        }
        for pod in pods.into_iter().filter_map(PodRecord::new) {
            inventory.put_pod(pod);
        }
        Ok(inventory.observe(workload).map_or(Observed::Missing, present))
    }

    /// Reads the object alone.
    pub(crate) async fn read(&self, workload: &WorkloadRef) -> Result<Option<WorkloadRecord>, ClusterError> {
        let api = self.objects(&tools::resource(workload.kind), workload.namespace.as_str());
        let object = match bounded(api.get(workload.name.as_str())).await {
            Ok(object) => object,
            Err(error) if is_missing(&error) => return Ok(None),
            Err(error) => return Err(sort(&error)),
        };
        let mut record = WorkloadRecord::of(workload.kind, object).map_err(ClusterError::Invalid)?;
        if record.may_belong_to_rollout()
            && let Some(rollout) = self.rollout_of(workload).await?
        {
            record.note_rollout(&rollout);
        }
        Ok(Some(record))
    }

    /// The Rollout that takes the template of its pods from a Deployment.
    async fn rollout_of(&self, deployment: &WorkloadRef) -> Result<Option<String>, ClusterError> {
        let rollouts = self.objects(&tools::resource(WorkloadKind::Rollout), deployment.namespace.as_str());
        let rollouts = match list(&rollouts, None).await {
            Ok(rollouts) => rollouts,
            Err(error) if tools::is_absent(&error) => return Ok(None),
            Err(error) => return Err(sort(&error)),
        };
        let is_of =
            |rollout: &DynamicObject| argo_rollouts::template_of(&rollout.data) == Some(deployment.name.as_str());
        Ok(rollouts.into_iter().find(is_of).and_then(|rollout| rollout.metadata.name))
    }
}

/// Lists everything, page by page.
pub(crate) async fn list<K>(api: &Api<K>, selector: Option<&str>) -> Result<Vec<K>, kube::Error>
where
    K: Resource + Clone + DeserializeOwned + std::fmt::Debug,
{
    let mut all = Vec::new();
    let mut params = ListParams::default().limit(PAGE);
    if let Some(selector) = selector {
        params = params.labels(selector);
    }
    loop {
        let page = bounded(api.list(&params)).await?;
        all.extend(page.items);
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => params = params.continue_token(&token),
            None => return Ok(all),
        }
    }
}
