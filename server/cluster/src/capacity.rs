//! What decides about the pods of a workload besides its Deployment: the HorizontalPodAutoscaler that
//! sizes it, the PodDisruptionBudgets over its pods. They are only ever read; without the permission
//! that is said and nothing else is missing.

use std::collections::BTreeMap;

use domain::capacity::{Autoscaler, Capacity, Covered, DisruptionBudget};
use k8s_openapi::api::{autoscaling::v2::HorizontalPodAutoscaler, policy::v1::PodDisruptionBudget};
use kube::{
    Api,
    core::{Selector, SelectorExt},
};
use ports::{ClusterError, Route};

use crate::{
    connect::KubeCluster,
    error::sort,
    objects::{deployments, is_made_by_us},
    observe::list,
    sides::labels_at,
};

impl KubeCluster {
    pub(crate) async fn read_capacity(&self, route: &Route) -> Result<Capacity, ClusterError> {
        let namespace = route.stable.namespace.as_str();
        let autoscalers: Api<HorizontalPodAutoscaler> = Api::namespaced(self.client().clone(), namespace);
        let budgets: Api<PodDisruptionBudget> = Api::namespaced(self.client().clone(), namespace);
        let kind = deployments();
        let (stable, candidate) = futures::try_join!(
            self.find(&kind, namespace, route.stable.name.as_str()),
            self.find(&kind, namespace, route.candidate.name.as_str()),
        )?;
        let (autoscalers, budgets) = futures::join!(list(&autoscalers, None), list(&budgets, None));
        let mut unread = Vec::new();
        let autoscalers = readable(autoscalers, &mut unread, AUTOSCALERS_UNREAD)?;
        let budgets = readable(budgets, &mut unread, BUDGETS_UNREAD)?;
        let labels = |object: &kube::api::DynamicObject| labels_at(&object.data, "/spec/template/metadata/labels");
        let pods = stable.as_ref().map(labels).unwrap_or_default();
        let tried = candidate.as_ref().filter(|object| is_made_by_us(object)).map(labels);
        Ok(Capacity {
            autoscaler: autoscalers.iter().find_map(|found| autoscaler(found, route.stable.name.as_str())),
            budgets: budgets.iter().filter_map(|found| budget(found, &pods, tried.as_ref())).collect(),
            unread,
        })
    }
}

const AUTOSCALERS_UNREAD: &str = "HorizontalPodAutoscalers cannot be read here (grant list on \
    horizontalpodautoscalers.autoscaling): where one sizes the workload, the candidate is sized by the pods of the moment";

const BUDGETS_UNREAD: &str = "PodDisruptionBudgets cannot be read here (grant list on poddisruptionbudgets.policy)";

/// What was listed; nothing, and a line that says so, where the credentials do not allow it.
fn readable<K>(
    listed: Result<Vec<K>, kube::Error>,
    unread: &mut Vec<String>,
    words: &str,
) -> Result<Vec<K>, ClusterError> {
    match listed.map_err(|error| sort(&error)) {
        Ok(found) => Ok(found),
        Err(ClusterError::Forbidden(_)) => {
            unread.push(words.to_owned());
            Ok(Vec::new())
        }
        Err(error) => Err(error),
    }
}

/// The autoscaler, when it sizes the Deployment of this name.
fn autoscaler(found: &HorizontalPodAutoscaler, workload: &str) -> Option<Autoscaler> {
    let spec = found.spec.as_ref()?;
    let target = &spec.scale_target_ref;
    let is_of_apps = target.api_version.as_deref().is_none_or(|version| version.starts_with("apps/"));
    if target.kind != "Deployment" || target.name != workload || !is_of_apps {
        return None;
    }
    let pods = |number: i32| u32::try_from(number).unwrap_or(0);
    let owners = found.metadata.owner_references.iter().flatten();
    let made_by = owners.map(|owner| format!("{} {}", owner.kind, owner.name)).next();
    Some(Autoscaler {
        name: found.metadata.name.clone().unwrap_or_default(),
        least: spec.min_replicas.map_or(1, pods),
        most: pods(spec.max_replicas),
        desired: found.status.as_ref().map_or(0, |status| pods(status.desired_replicas)),
        made_by,
    })
}

/// The budget, when it covers the workload's pods.
fn budget(
    found: &PodDisruptionBudget,
    pods: &BTreeMap<String, String>,
    tried: Option<&BTreeMap<String, String>>,
) -> Option<DisruptionBudget> {
    let selector = found.spec.as_ref()?.selector.clone()?;
    let selector = Selector::try_from(selector).ok()?;
    if !selector.matches(pods) {
        return None;
    }
    let is_of_both = tried.is_some_and(|tried| selector.matches(tried));
    Some(DisruptionBudget {
        name: found.metadata.name.clone().unwrap_or_default(),
        covers: if is_of_both { Covered::Both } else { Covered::Stable },
        allowed: found.status.as_ref().map_or(0, |s| u32::try_from(s.disruptions_allowed).unwrap_or(0)),
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use serde_json::{Value, json};

    use super::*;

    fn scaler(target: Value, least: Value) -> Option<Autoscaler> {
        let object = json!({
            "metadata": {"name": "keda-hpa-cart", "ownerReferences": [{"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject",
                         "name": "cart", "uid": "u"}]},
            "spec": {"scaleTargetRef": target, "minReplicas": least, "maxReplicas": 12},
            "status": {"desiredReplicas": 7, "currentReplicas": 6},
        });
        autoscaler(&serde_json::from_value(object).unwrap(), "cart")
    }

    #[test]
    fn an_autoscaler_is_the_workloads_when_it_sizes_that_deployment() {
        let found = scaler(json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "cart"}), json!(3)).unwrap();
        assert_eq!((found.least, found.most, found.desired), (3, 12, 7));
        assert_eq!(found.words(), "HorizontalPodAutoscaler keda-hpa-cart of ScaledObject cart (3 to 12 pods)");
        let usual = scaler(json!({"kind": "Deployment", "name": "cart"}), Value::Null).unwrap();
        assert_eq!(usual.least, 1, "Kubernetes' default");
        for other in [
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "cart-canary"}),
            json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "cart"}),
            json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Deployment", "name": "cart"}),
        ] {
            assert_eq!(scaler(other, json!(1)), None);
        }
    }

    #[test]
    fn a_budget_covers_the_sides_that_its_selector_selects() {
        let labels = |app: &str| BTreeMap::from([("app".to_owned(), app.to_owned())]);
        let (pods, tried) = (labels("cart"), labels("cart-canary"));
        let table = [
            (json!({"matchLabels": {"app": "cart"}}), Some(Covered::Stable)),
            (json!({}), Some(Covered::Both)),
            (
                json!({"matchExpressions": [{"key": "app", "operator": "In", "values": ["cart", "cart-canary"]}]}),
                Some(Covered::Both),
            ),
            (json!({"matchLabels": {"app": "pay"}}), None),
            (Value::Null, None),
        ];
        for (selector, covers) in table {
            let object = json!({"metadata": {"name": "b"}, "spec": {"selector": selector},
                "status": {"currentHealthy": 3, "desiredHealthy": 2, "disruptionsAllowed": 1, "expectedPods": 3}});
            let found = budget(&serde_json::from_value(object).unwrap(), &pods, Some(&tried));
            assert_eq!(
                found.map(|found| (found.covers, found.allowed)),
                covers.map(|covers| (covers, 1)),
                "{selector}"
            );
        }
    }
}
