//! The candidate of a workload on a real control plane: what is made, what stays, who is left alone.

use std::time::{Duration, Instant};

use domain::{
    ids::TargetId,
    image::ContainerImage,
    names::WorkloadName,
    observation::{Observed, WorkloadRef},
    rollout::{Rollout, judge},
    traffic::{CandidateName, RouteKind, RouteObserved, TrafficLayer},
};
use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{Pod, Service},
};
use kube::{
    Api,
    api::{DeleteParams, ListParams, Patch, PatchParams, PostParams},
};
use ports::{
    ApplyOutcome, CandidateChange, CandidateFound, Cluster, ClusterError, InventoryEvent, NamespaceScope, Route,
};
use practice::stories::Disturbance;
use serde_json::{Value, json};

use crate::{
    setup::{Room, slipway},
    stage::{create, create_service, disturb},
    writing::{TARGET, change, deployment, image, see, workload},
};

pub fn gateway(name: &str) -> TrafficLayer {
    let name = WorkloadName::parse(name).unwrap();
    TrafficLayer::GatewayApi { service: name.clone(), kind: RouteKind::Http, route: name }
}

pub fn route(room: &Room, layer: TrafficLayer) -> Route {
    route_for(room, TARGET, "cart", layer)
}

pub fn route_for(room: &Room, target: TargetId, name: &str, layer: TrafficLayer) -> Route {
    let candidate = workload(room, &format!("{name}-canary"));
    Route { target, stable: workload(room, name), candidate, track: CandidateName::Canary, layer }
}

pub fn candidate(route: &Route, sequence: i64, generation: u32, pods: u32) -> CandidateChange {
    let like = change(&route.stable, sequence, "2.0");
    CandidateChange {
        route: route.clone(),
        stamp: domain::observation::Stamp { target: route.target, generation, ..like.stamp },
        images: vec![image("app", "registry.test/cart:2.0")],
        pods,
        change_cause: like.change_cause,
    }
}

/// Looks until it is as wanted.
pub async fn wait_for<T, F: Future<Output = T>>(
    what: &str,
    mut look: impl FnMut() -> F,
    is_wanted: impl Fn(&T) -> bool,
) -> T
where
    T: std::fmt::Debug,
{
    let started = Instant::now();
    loop {
        let seen = look().await;
        if is_wanted(&seen) {
            return seen;
        }
        assert!(started.elapsed() < Duration::from_secs(60), "waited in vain for {what}: {seen:#?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

pub async fn complete(cluster: &dyn Cluster, workload: &WorkloadRef, pods: u32) {
    let is_complete = |seen: &Observed| matches!(seen, Observed::Present(seen) if seen.ready_replicas == pods && matches!(judge(seen), Rollout::Complete { .. }));
    wait_for("complete", || async { cluster.observe(workload).await.unwrap() }, is_complete).await;
}

async fn gone(cluster: &dyn Cluster, workload: &WorkloadRef) {
    let look = || async { cluster.observe(workload).await.unwrap() };
    wait_for("its end", look, |seen| *seen == Observed::Missing).await;
}

/// A workload as real ones are, with a Service.
async fn create_rich(room: &Room) {
    let labels = json!({"app.kubernetes.io/name": "cart", "app.kubernetes.io/part-of": "shop", "tier": "web"});
    let object = json!({
        "metadata": {"name": "cart", "labels": {"team": "checkout", "argocd.argoproj.io/instance": "web"},
                     "annotations": {"argocd.argoproj.io/tracking-id": "web:apps/Deployment:else/cart"}},
        "spec": {
            "replicas": 3, "minReadySeconds": 1, "progressDeadlineSeconds": 90, "revisionHistoryLimit": 4,
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "50%", "maxUnavailable": 0}},
            "selector": {"matchLabels": {"app.kubernetes.io/name": "cart"},
                         "matchExpressions": [{"key": "tier", "operator": "In", "values": ["web", "api"]}]},
            "template": {
                "metadata": {"labels": labels, "annotations": {"prometheus.io/scrape": "true"}},
                "spec": {"terminationGracePeriodSeconds": 1, "containers": [
                    {"name": "app", "image": "registry.test/cart:1.0", "env": [{"name": "A", "value": "b"}],
                     "ports": [{"name": "web", "containerPort": 8080}],
                     "readinessProbe": {"httpGet": {"path": "/ready", "port": "web"}}},
                    {"name": "proxy", "image": "registry.test/proxy:1.0"}]},
            },
        },
    });
    let deployments = Api::<Deployment>::namespaced(room.admin.clone(), room.namespace.as_str());
    deployments.create(&PostParams::default(), &serde_json::from_value(object).unwrap()).await.unwrap();
    let service = json!({
        "metadata": {"name": "cart"},
        "spec": {"type": "NodePort", "selector": {"app.kubernetes.io/name": "cart", "tier": "web"},
                 "sessionAffinity": "ClientIP",
                 "ports": [{"name": "http", "port": 80, "targetPort": "web", "appProtocol": "http"}]},
    });
    let services = Api::<Service>::namespaced(room.admin.clone(), room.namespace.as_str());
    services.create(&PostParams::default(), &serde_json::from_value(service).unwrap()).await.unwrap();
}

async fn json_of<K>(room: &Room, name: &str) -> Option<Value>
where
    K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>
        + serde::de::DeserializeOwned
        + serde::Serialize
        + Clone
        + std::fmt::Debug,
{
    let api = Api::<K>::namespaced(room.admin.clone(), room.namespace.as_str());
    api.get_opt(name).await.unwrap().map(|object| serde_json::to_value(object).unwrap())
}

#[tokio::test]
async fn a_candidate_is_made_from_the_workload_grown_and_removed() {
    let room = Room::new().await;
    create_rich(&room).await;
    let cluster = slipway();
    let route = route(&room, gateway("cart"));
    complete(&*cluster, &route.stable, 3).await;
    let stable_before = json_of::<Deployment>(&room, "cart").await.unwrap();
    let service_before = json_of::<Service>(&room, "cart").await.unwrap();

    assert_eq!(cluster.apply_candidate(&candidate(&route, 1, 1, 1)).await, Ok(ApplyOutcome::Written));
    complete(&*cluster, &route.candidate, 1).await;
    let made = json_of::<Deployment>(&room, "cart-canary").await.unwrap();
    let labels = json!({"app.kubernetes.io/name": "cart-canary", "app.kubernetes.io/part-of": "shop", "tier": "web",
                        "slipway.dev/track": "canary"});
    let mut template = stable_before["spec"]["template"].clone();
    template["metadata"]["labels"] = labels;
    template["spec"]["containers"][0]["image"] = json!("registry.test/cart:2.0");
    assert_eq!(made["spec"]["template"], template);
    for field in ["strategy", "minReadySeconds", "progressDeadlineSeconds"] {
        assert_eq!(made["spec"][field], stable_before["spec"][field], "{field}");
    }
    let ours = json!({"slipway.dev/candidate-of": "cart", "app.kubernetes.io/managed-by": "slipway"});
    assert_eq!(made["metadata"]["labels"], ours);
    assert_eq!(made["metadata"]["ownerReferences"], Value::Null);
    let service = json_of::<Service>(&room, "cart-canary").await.unwrap();
    assert_eq!(service["metadata"]["labels"], ours);
    assert_eq!(service["spec"]["type"], "ClusterIP");
    assert_eq!(service["spec"]["sessionAffinity"], "ClientIP");
    let port = json!([{"name": "http", "protocol": "TCP", "port": 80, "targetPort": "web", "appProtocol": "http"}]);
    assert_eq!(service["spec"]["ports"], port);

    // The stable Service's selector finds the stable pods alone, and nothing of them was touched.
    let pods = Api::<Pod>::namespaced(room.admin.clone(), room.namespace.as_str());
    let selected = |selector: &str| {
        let (pods, params) = (pods.clone(), ListParams::default().labels(selector));
        async move { pods.list(&params).await.unwrap().items.len() }
    };
    assert_eq!(selected("app.kubernetes.io/name=cart,tier=web").await, 3);
    assert_eq!(selected("app.kubernetes.io/name=cart-canary,tier=web,slipway.dev/track=canary").await, 1);
    assert_eq!(json_of::<Deployment>(&room, "cart").await.unwrap(), stable_before);
    assert_eq!(json_of::<Service>(&room, "cart").await.unwrap(), service_before);

    // It is no workload of its own.
    let scope = NamespaceScope::Only(vec![room.namespace.clone()]);
    let found = cluster.discover(&scope).await.unwrap();
    assert_eq!(found.iter().map(|f| f.observation.workload.name.as_str()).collect::<Vec<_>>(), ["cart"]);
    let mut stream = cluster.watch(scope);
    let told = crate::watching::until(&mut stream, "synced", |e| *e == InventoryEvent::Synced).await;
    assert_eq!(told.len(), 2, "{told:#?}");

    assert_eq!(cluster.apply_candidate(&candidate(&route, 1, 2, 2)).await, Ok(ApplyOutcome::Written));
    complete(&*cluster, &route.candidate, 2).await;
    assert_eq!(see(&*cluster, &route.candidate).await.revision.as_deref(), Some("1"));
    assert_eq!(cluster.apply_candidate(&candidate(&route, 1, 3, 0)).await, Ok(ApplyOutcome::Written));
    gone(&*cluster, &route.candidate).await;
    assert_eq!(json_of::<Service>(&room, "cart-canary").await, None);
    wait_for("the pods' end", || selected("slipway.dev/track=canary"), |left| *left == 0).await;
    assert_eq!(cluster.apply_candidate(&candidate(&route, 1, 3, 0)).await, Ok(ApplyOutcome::Unchanged));
    // The watch told nothing of all this: what it tells next is about the workload.
    disturb(&room.admin, &route.stable, &Disturbance::Scale(2)).await.unwrap();
    let told = crate::watching::until(&mut stream, "the scaling", |e| {
        crate::watching::shows(e, |seen| seen.wanted_replicas == 2)
    })
    .await;
    assert!(told.iter().all(|e| crate::watching::shows(e, |seen| seen.workload == route.stable)), "{told:#?}");
    room.leave().await;
}

#[tokio::test]
async fn what_others_made_under_the_candidates_name_is_never_touched() {
    let room = Room::new().await;
    create(&room.admin, &deployment(&room, "cart", 1, "1.0")).await.unwrap();
    create_service(&room.admin, &workload(&room, "cart")).await.unwrap();
    let (cluster, route) = (slipway(), route(&room, gateway("cart")));
    assert_eq!(cluster.apply(&change(&route.stable, 1, "1.1")).await, Ok(ApplyOutcome::Written));

    // A stranger's Service alone.
    create_service(&room.admin, &route.candidate).await.unwrap();
    let service = json_of::<Service>(&room, "cart-canary").await.unwrap();
    assert_eq!(cluster.apply_candidate(&candidate(&route, 1, 2, 1)).await, Ok(ApplyOutcome::ChangedByOthers));
    assert_eq!(json_of::<Deployment>(&room, "cart-canary").await, None);
    assert_eq!(cluster.apply_candidate(&candidate(&route, 1, 3, 0)).await, Ok(ApplyOutcome::Unchanged));
    assert_eq!(json_of::<Service>(&room, "cart-canary").await.unwrap(), service);

    // A Deployment copied from the workload, our marks and all.
    let mut copy = json_of::<Deployment>(&room, "cart").await.unwrap();
    copy["metadata"] = json!({"name": "cart-canary", "annotations": copy["metadata"]["annotations"]});
    copy["spec"]["selector"]["matchLabels"] = json!({"app": "copy"});
    copy["spec"]["template"]["metadata"]["labels"] = json!({"app": "copy"});
    let deployments = Api::<Deployment>::namespaced(room.admin.clone(), room.namespace.as_str());
    deployments.create(&PostParams::default(), &serde_json::from_value(copy).unwrap()).await.unwrap();
    let uid = see(&*cluster, &route.candidate).await.uid;
    for (generation, pods) in [(2, 1), (3, 0)] {
        let outcome = cluster.apply_candidate(&candidate(&route, 1, generation, pods)).await;
        assert_eq!(outcome, Ok(ApplyOutcome::ChangedByOthers));
    }
    assert_eq!(see(&*cluster, &route.candidate).await.uid, uid);
    room.leave().await;
}

#[tokio::test]
async fn a_candidate_serves_on_without_its_workload_and_its_service_is_made_again() {
    let room = Room::new().await;
    create(&room.admin, &deployment(&room, "cart", 1, "1.0")).await.unwrap();
    create_service(&room.admin, &workload(&room, "cart")).await.unwrap();
    let (cluster, route) = (slipway(), route(&room, gateway("cart")));
    assert_eq!(cluster.apply_candidate(&candidate(&route, 1, 1, 1)).await, Ok(ApplyOutcome::Written));
    let services = Api::<Service>::namespaced(room.admin.clone(), room.namespace.as_str());
    drop(services.delete("cart-canary", &DeleteParams::default()).await.unwrap());
    assert_eq!(cluster.apply_candidate(&candidate(&route, 1, 2, 1)).await, Ok(ApplyOutcome::Written));
    assert!(json_of::<Service>(&room, "cart-canary").await.is_some());
    // What is left of it alone is removed too.
    let deployments = Api::<Deployment>::namespaced(room.admin.clone(), room.namespace.as_str());
    drop(deployments.delete("cart-canary", &DeleteParams::default()).await.unwrap());
    gone(&*cluster, &route.candidate).await;
    assert_eq!(cluster.apply_candidate(&candidate(&route, 1, 3, 0)).await, Ok(ApplyOutcome::Written));
    assert_eq!(json_of::<Service>(&room, "cart-canary").await, None);

    assert_eq!(cluster.apply_candidate(&candidate(&route, 2, 1, 1)).await, Ok(ApplyOutcome::Written));
    complete(&*cluster, &route.candidate, 1).await;
    // Somebody replaces the workload by force: what may be all that serves stays.
    let params = DeleteParams::foreground();
    drop(deployments.delete("cart", &params).await.unwrap());
    gone(&*cluster, &route.stable).await;
    create(&room.admin, &deployment(&room, "cart", 1, "1.0")).await.unwrap();
    complete(&*cluster, &route.stable, 1).await;
    assert_eq!(see(&*cluster, &route.candidate).await.ready_replicas, 1);
    assert!(json_of::<Service>(&room, "cart-canary").await.is_some());
    disturb(&room.admin, &route.stable, &Disturbance::Delete).await.unwrap();
    gone(&*cluster, &route.stable).await;
    assert_eq!(cluster.apply_candidate(&candidate(&route, 2, 2, 0)).await, Ok(ApplyOutcome::Written));
    gone(&*cluster, &route.candidate).await;
    let outcome = cluster.apply_candidate(&candidate(&route, 3, 1, 1)).await;
    assert!(matches!(&outcome, Err(ClusterError::Invalid(why)) if why.contains("is not there")), "{outcome:?}");
    room.leave().await;
}

#[tokio::test]
async fn what_was_made_is_found_by_its_mark_and_removed_by_it_alone() {
    let room = Room::new().await;
    create(&room.admin, &deployment(&room, "cart", 1, "1.0")).await.unwrap();
    create_service(&room.admin, &workload(&room, "cart")).await.unwrap();
    let (cluster, route) = (slipway(), route(&room, gateway("cart")));
    let scope = NamespaceScope::Only(vec![room.namespace.clone()]);
    assert_eq!(cluster.candidates(&scope).await, Ok(vec![]));
    // A worker that was stopped for long makes what was removed meanwhile.
    let late = candidate(&route, 1, 1, 1);
    assert_eq!(cluster.apply_candidate(&candidate(&route, 1, 2, 0)).await, Ok(ApplyOutcome::Unchanged));
    assert_eq!(cluster.apply_candidate(&late).await, Ok(ApplyOutcome::Written));
    let found = vec![CandidateFound { candidate: route.candidate.clone(), stamp: late.stamp }];
    assert_eq!(cluster.candidates(&scope).await, Ok(found.clone()));
    // Without its Deployment, its Service is found.
    let deployments = Api::<Deployment>::namespaced(room.admin.clone(), room.namespace.as_str());
    drop(deployments.delete("cart-canary", &DeleteParams::default()).await.unwrap());
    gone(&*cluster, &route.candidate).await;
    assert_eq!(cluster.candidates(&scope).await, Ok(found));
    let removed = CandidateChange { pods: 0, ..late };
    assert_eq!(cluster.apply_candidate(&removed).await, Ok(ApplyOutcome::Written));
    assert_eq!(cluster.candidates(&scope).await, Ok(vec![]));
    // What a later promotion has taken over is not removed by an earlier mark.
    assert_eq!(cluster.apply_candidate(&candidate(&route, 2, 1, 1)).await, Ok(ApplyOutcome::Written));
    assert!(matches!(cluster.apply_candidate(&removed).await, Ok(ApplyOutcome::Overtaken(_))));
    room.leave().await;
}

#[tokio::test]
async fn another_service_that_would_send_to_the_candidate_is_told_before_there_is_one() {
    let room = Room::new().await;
    create_rich(&room).await;
    let cluster = slipway();
    let selector = TrafficLayer::Selector { service: WorkloadName::parse("cart").unwrap() };
    let route = route(&room, selector);
    let look = || async {
        match cluster.observe_route(&route).await.unwrap() {
            RouteObserved::Present(seen) => seen.unfit,
            RouteObserved::Missing => panic!("it is missing"),
        }
    };
    assert_eq!(look().await, None);
    let all = json!({"metadata": {"name": "all-web"}, "spec": {"selector": {"tier": "web"}, "ports": [{"port": 80}]}});
    let services = Api::<Service>::namespaced(room.admin.clone(), room.namespace.as_str());
    services.create(&PostParams::default(), &serde_json::from_value(all).unwrap()).await.unwrap();
    let why = look().await.unwrap();
    assert!(why.contains("Service all-web") && why.contains("add app.kubernetes.io/name=cart"), "{why}");
    room.leave().await;
}

#[tokio::test]
async fn what_a_former_promotion_left_is_made_from_the_workload_anew() {
    let room = Room::new().await;
    create(&room.admin, &deployment(&room, "cart", 1, "1.0")).await.unwrap();
    let (cluster, route) = (slipway(), route(&room, TrafficLayer::Replicas));
    assert_eq!(cluster.apply_candidate(&candidate(&route, 1, 1, 1)).await, Ok(ApplyOutcome::Written));
    let patch = json!({"spec": {"template": {"spec": {"containers": [
        {"name": "app", "env": [{"name": "NEW", "value": "1"}]}]}}}});
    let deployments = Api::<Deployment>::namespaced(room.admin.clone(), room.namespace.as_str());
    deployments.patch("cart", &PatchParams::default(), &Patch::Strategic(patch)).await.unwrap();
    let next = CandidateChange {
        images: vec![ContainerImage { image: "registry.test/cart:3.0".to_owned(), ..image("app", "") }],
        ..candidate(&route, 2, 1, 1)
    };
    assert_eq!(cluster.apply_candidate(&next).await, Ok(ApplyOutcome::Written));
    let made = see(&*cluster, &route.candidate).await;
    assert_eq!(made.template["spec"]["containers"][0]["env"][0]["name"], "NEW");
    assert_eq!(made.images[0].image, "registry.test/cart:3.0");
    assert_eq!(made.template["metadata"]["labels"], json!({"app": "cart", "slipway.dev/track": "canary"}));
    room.leave().await;
}

#[tokio::test]
async fn a_service_that_cannot_tell_the_sides_apart_is_told_before_anything_is_made() {
    let room = Room::new().await;
    create(&room.admin, &deployment(&room, "cart", 1, "1.0")).await.unwrap();
    let (cluster, route) =
        (slipway(), route(&room, TrafficLayer::Selector { service: WorkloadName::parse("cart").unwrap() }));
    assert_eq!(cluster.observe_route(&route).await, Ok(RouteObserved::Missing));
    let service = json!({"metadata": {"name": "cart"}, "spec": {"selector": {"app": "pay"}, "ports": [{"port": 80}]}});
    let services = Api::<Service>::namespaced(room.admin.clone(), room.namespace.as_str());
    services.create(&PostParams::default(), &serde_json::from_value(service).unwrap()).await.unwrap();
    let RouteObserved::Present(seen) = cluster.observe_route(&route).await.unwrap() else { panic!("it is there") };
    assert!(seen.unfit.as_ref().is_some_and(|why| why.contains("app=pay")), "{seen:#?}");
    let outcome = cluster.apply_candidate(&candidate(&route, 1, 1, 1)).await;
    assert!(matches!(&outcome, Err(ClusterError::Invalid(why)) if why.contains("app=pay")), "{outcome:?}");
    assert_eq!(cluster.observe(&route.candidate).await, Ok(Observed::Missing));
    room.leave().await;
}
