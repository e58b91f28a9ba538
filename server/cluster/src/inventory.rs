//! Deployments, replica sets and pods joined into workloads by their owner references. Fed by lists
//! and by watches in any order; answers what a workload looks like now.

use std::collections::{BTreeSet, HashMap};

use domain::observation::{PodObservation, WorkloadKind, WorkloadObservation, WorkloadRef};

use crate::{
    pods::PodRecord,
    records::{SetRecord, WorkloadRecord},
    tools::argo_rollouts,
};

/// Everything that is known of a cluster's workloads, by Kubernetes' identities.
#[derive(Debug, Default)]
pub(crate) struct Inventory {
    deployments: HashMap<String, WorkloadRecord>,
    by_workload: HashMap<WorkloadRef, String>,
    sets: HashMap<String, SetRecord>,
    sets_of: HashMap<String, BTreeSet<String>>,
    pods: HashMap<String, PodRecord>,
    pods_of: HashMap<String, BTreeSet<String>>,
}

impl Inventory {
    /// Takes what is known of a Deployment; answers which workload it is.
    pub(crate) fn put_deployment(&mut self, record: WorkloadRecord) -> WorkloadRef {
        let workload = record.workload().clone();
        self.by_workload.insert(workload.clone(), record.uid().to_owned());
        self.deployments.insert(record.uid().to_owned(), record);
        workload
    }

    /// Takes a replica set; answers the workload that it belongs to, when that is known.
    pub(crate) fn put_set(&mut self, record: SetRecord) -> Option<WorkloadRef> {
        if let Some(owner) = &record.owner {
            self.sets_of.entry(owner.clone()).or_default().insert(record.uid.clone());
        }
        let uid = record.uid.clone();
        self.sets.insert(uid.clone(), record);
        self.workload_of_set(&uid)
    }

    /// Takes a pod; answers the workload that it belongs to, when that is known.
    pub(crate) fn put_pod(&mut self, record: PodRecord) -> Option<WorkloadRef> {
        // A pod without an owner belongs to nothing that is looked at.
        let owner = record.owner.clone()?;
        self.pods_of.entry(owner.clone()).or_default().insert(record.uid.clone());
        self.pods.insert(record.uid.clone(), record);
        self.workload_of_set(&owner)
    }

    /// Forgets an object of any kind; answers the workload whose picture changes.
    pub(crate) fn remove(&mut self, uid: &str) -> Option<WorkloadRef> {
        if let Some(record) = self.deployments.remove(uid) {
            let workload = record.workload().clone();
            // It may have been made again under the same name before its end was told.
            if self.by_workload.get(&workload).is_some_and(|known| known == uid) {
                self.by_workload.remove(&workload);
            }
            return Some(workload);
        }
        if let Some(pod) = self.pods.remove(uid) {
            let owner = pod.owner?;
            forget(&mut self.pods_of, &owner, uid);
            return self.workload_of_set(&owner);
        }
        let workload = self.workload_of_set(uid);
        let owner = self.sets.remove(uid)?.owner?;
        forget(&mut self.sets_of, &owner, uid);
        workload
    }

    /// Every workload there is, in order.
    pub(crate) fn workloads(&self) -> Vec<WorkloadRef> {
        let mut all: Vec<WorkloadRef> = self.by_workload.keys().cloned().collect();
        all.sort();
        all
    }

    pub(crate) fn labels(&self, workload: &WorkloadRef) -> Vec<(String, String)> {
        self.record(workload).map(|d| d.labels.clone()).unwrap_or_default()
    }

    /// What a workload looks like now; `None` when it is not there.
    pub(crate) fn observe(&self, workload: &WorkloadRef) -> Option<WorkloadObservation> {
        let record = self.record(workload)?;
        let no_sets = BTreeSet::new();
        let sets = self.sets_of.get(record.uid()).unwrap_or(&no_sets);
        let sets: Vec<&SetRecord> = sets.iter().filter_map(|uid| self.sets.get(uid)).collect();
        let current = current_set(record, &sets);
        let mut pods: Vec<(u64, PodObservation)> = Vec::new();
        for set in sets {
            let is_updated = current == Some(set.uid.as_str());
            let of_set = self.pods_of.get(&set.uid).into_iter().flatten().filter_map(|uid| self.pods.get(uid));
            pods.extend(of_set.map(|pod| (set.revision, pod.observe(is_updated))));
        }
        pods.sort_by(|(a_revision, a), (b_revision, b)| {
            let by_template = b.is_updated.cmp(&a.is_updated).then(b_revision.cmp(a_revision));
            by_template.then_with(|| a.name.cmp(&b.name))
        });
        let pods = pods.into_iter().map(|(_, pod)| pod).collect();
        let Some(rollout) = self.rollout_of(record) else { return Some(record.observe(pods)) };
        let mut record = record.clone();
        record.note_rollout(rollout);
        Some(record.observe(pods))
    }

    /// The Rollout that takes the template of its pods from a Deployment.
    fn rollout_of(&self, deployment: &WorkloadRecord) -> Option<&str> {
        if !deployment.may_belong_to_rollout() {
            return None;
        }
        let of = deployment.workload();
        let is_of = |record: &&WorkloadRecord| {
            let there = record.workload();
            there.kind == WorkloadKind::Rollout
                && there.namespace == of.namespace
                && argo_rollouts::template_of(&record.object) == Some(of.name.as_str())
        };
        self.deployments.values().find(is_of).map(|record| record.workload().name.as_str())
    }

    fn record(&self, workload: &WorkloadRef) -> Option<&WorkloadRecord> {
        self.deployments.get(self.by_workload.get(workload)?)
    }

    fn workload_of_set(&self, uid: &str) -> Option<WorkloadRef> {
        let owner = self.sets.get(uid)?.owner.as_ref()?;
        self.deployments.get(owner).map(|d| d.workload().clone())
    }
}

fn forget(index: &mut HashMap<String, BTreeSet<String>>, owner: &str, uid: &str) {
    if let Some(members) = index.get_mut(owner) {
        members.remove(uid);
        if members.is_empty() {
            index.remove(owner);
        }
    }
}

/// The replica set of the Deployment's template; the newest, should there be several.
fn current_set<'a>(deployment: &WorkloadRecord, sets: &[&'a SetRecord]) -> Option<&'a str> {
    let is_current = |set: &&&SetRecord| match &deployment.pod_hash {
        Some(hash) => set.pod_hash.as_ref() == Some(hash),
        None => set.template_hash == deployment.template_hash,
    };
    let same = sets.iter().filter(is_current);
    same.max_by_key(|set| set.revision).map(|set| set.uid.as_str())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use domain::observation::Manager;
    use serde_json::{Value, json};

    use super::*;

    fn record(kind: WorkloadKind, namespace: &str, name: &str, spec: Value) -> WorkloadRecord {
        let metadata = json!({"name": name, "namespace": namespace, "uid": format!("{namespace}-{name}-{}", kind.words()),
                              "resourceVersion": "1"});
        let object = json!({"metadata": metadata, "spec": spec});
        WorkloadRecord::of(kind, serde_json::from_value(object).unwrap()).unwrap()
    }

    #[test]
    fn a_deployment_without_pods_belongs_to_the_rollout_that_refers_to_it() {
        let reference = json!({"workloadRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "cart"}});
        let owner = Manager::Controller { kind: "Rollout".to_owned(), name: "slow".to_owned() };
        let table = [
            ("shop", 0, reference.clone(), Some(owner)),
            // It keeps its own pods beside the Rollout's until they are scaled down.
            ("shop", 2, reference.clone(), None),
            ("other", 0, reference, None),
            ("shop", 0, json!({"workloadRef": {"kind": "StatefulSet", "name": "cart"}}), None),
            ("shop", 0, json!({}), None),
        ];
        for (namespace, replicas, spec, expected) in table {
            let mut inventory = Inventory::default();
            let deployment = record(WorkloadKind::Deployment, "shop", "cart", json!({"replicas": replicas}));
            let workload = inventory.put_deployment(deployment);
            inventory.put_deployment(record(WorkloadKind::Rollout, namespace, "slow", spec.clone()));
            assert_eq!(inventory.observe(&workload).unwrap().manager, expected, "{namespace} {replicas} {spec}");
        }
    }
}
