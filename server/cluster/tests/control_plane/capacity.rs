//! Autoscalers and disruption budgets on a real control plane, under the minimal role: read, never
//! written, and said where they may not be read.

use domain::{
    capacity::{Capacity, Covered},
    traffic::TrafficLayer,
};
use k8s_openapi::api::{
    autoscaling::v2::HorizontalPodAutoscaler, core::v1::ServiceAccount, policy::v1::PodDisruptionBudget,
};
use kube::{Api, api::PostParams};
use ports::{ApplyOutcome, ClusterConnector, ConnectionSettings};
use serde_json::{Value, json};

use crate::{
    candidates::{candidate, complete, gateway, route, wait_for},
    setup::{Room, minimal_settings, slipway},
    stage::{create, create_service},
    writing::{deployment, workload},
};

async fn make<K>(room: &Room, object: Value)
where
    K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>
        + serde::de::DeserializeOwned
        + serde::Serialize
        + Clone
        + std::fmt::Debug,
{
    let api = Api::<K>::namespaced(room.admin.clone(), room.namespace.as_str());
    api.create(&PostParams::default(), &serde_json::from_value(object).unwrap()).await.unwrap();
}

fn autoscaler(least: u32, most: u32) -> Value {
    json!({"metadata": {"name": "cart"},
           "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "cart"},
                    "minReplicas": least, "maxReplicas": most,
                    "metrics": [{"type": "Resource", "resource": {"name": "cpu",
                                 "target": {"type": "Utilization", "averageUtilization": 70}}}]}})
}

fn budget(name: &str, selector: &Value) -> Value {
    json!({"metadata": {"name": name}, "spec": {"minAvailable": 1, "selector": selector}})
}

#[tokio::test]
async fn an_autoscaler_and_budgets_are_read_and_stay_as_they_are() {
    let room = Room::new().await;
    create(&room.admin, &deployment(&room, "cart", 2, "1.0")).await.unwrap();
    create_service(&room.admin, &workload(&room, "cart")).await.unwrap();
    make::<PodDisruptionBudget>(&room, budget("everything", &json!({}))).await;
    make::<PodDisruptionBudget>(&room, budget("pay", &json!({"matchLabels": {"app": "pay"}}))).await;
    // Without a source of metrics the controller still keeps to its least.
    make::<HorizontalPodAutoscaler>(&room, autoscaler(4, 9)).await;
    let cluster = slipway();
    complete(&*cluster, &workload(&room, "cart"), 4).await;
    let sides = route(&room, gateway("cart"));
    let look = || async { cluster.observe_capacity(&sides).await.unwrap() };
    let is_known = |seen: &Capacity| {
        let budgets: Vec<_> = seen.budgets.iter().map(|b| (b.name.as_str(), b.covers, b.allowed)).collect();
        budgets == [("everything", Covered::Stable, 3)]
            && seen.autoscaler.as_ref().is_some_and(|found| (found.least, found.most, found.desired) == (4, 9, 4))
    };
    let seen = wait_for("both controllers", look, is_known).await;
    assert!(seen.unread.is_empty(), "{seen:?}");

    // Beside a candidate: one budget counts both sides, and neither object was touched.
    let autoscalers = Api::<HorizontalPodAutoscaler>::namespaced(room.admin.clone(), room.namespace.as_str());
    let before = autoscalers.get("cart").await.unwrap();
    assert_eq!(cluster.apply_candidate(&candidate(&sides, 1, 1, 3)).await, Ok(ApplyOutcome::Written));
    complete(&*cluster, &sides.candidate, 3).await;
    let counts_both = |seen: &Capacity| {
        let budgets: Vec<_> = seen.budgets.iter().map(|b| (b.name.as_str(), b.covers, b.allowed)).collect();
        budgets == [("everything", Covered::Both, 6)]
    };
    wait_for("the candidate's pods", look, counts_both).await;
    assert_eq!(autoscalers.get("cart").await.unwrap().spec, before.spec);
    room.leave().await;
}

#[tokio::test]
async fn without_the_permission_that_is_said_and_nothing_else_is_missing() {
    let room = Room::new().await;
    create(&room.admin, &deployment(&room, "cart", 1, "1.0")).await.unwrap();
    make::<ServiceAccount>(&room, json!({"metadata": {"name": "narrow"}})).await;
    let binding = json!({"metadata": {"name": "narrow"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "slipway"},
        "subjects": [{"kind": "ServiceAccount", "name": "narrow", "namespace": room.namespace.as_str()}]});
    make::<k8s_openapi::api::rbac::v1::RoleBinding>(&room, binding).await;
    let accounts = Api::<ServiceAccount>::namespaced(room.admin.clone(), room.namespace.as_str());
    let request = serde_json::from_value(json!({"spec": {"audiences": []}})).unwrap();
    let made = accounts.create_token_request("narrow", &PostParams::default(), &request).await.unwrap();
    let ConnectionSettings::Token { server, certificate_authority, .. } = minimal_settings() else {
        panic!("no token")
    };
    let token = made.status.unwrap().token.into();
    let cluster =
        cluster::KubeConnector.connect(&ConnectionSettings::Token { server, certificate_authority, token }).unwrap();
    let seen = cluster.observe_capacity(&route(&room, TrafficLayer::Replicas)).await.unwrap();
    assert_eq!((seen.autoscaler, seen.budgets.len()), (None, 0));
    assert!(seen.unread[0].contains("horizontalpodautoscalers.autoscaling"), "{:?}", seen.unread);
    assert!(seen.unread[1].contains("poddisruptionbudgets.policy"), "{:?}", seen.unread);
    room.leave().await;
}
