//! Moving traffic on a real control plane, with the definitions of kinds as their projects publish
//! them: every write passes validation, and what was there before is there again afterwards.

use domain::{
    aside::{Aside, MatchBy, TesterMatch},
    names::WorkloadName,
    traffic::{RouteKind, RouteObservation, RouteObserved, TrafficLayer, Weight},
};
use kube::{
    Api,
    api::{DeleteParams, DynamicObject, Patch, PatchParams, PostParams},
    core::ApiResource,
};
use ports::{ApplyOutcome, Cluster, ClusterError, Route, RouteChange};
use serde_json::{Value, json};

use crate::{
    candidates::{candidate, complete, route, wait_for},
    setup::{Room, slipway},
    stage::{create, create_service},
    writing::{change, deployment, workload},
};

pub fn name(text: &str) -> WorkloadName {
    WorkloadName::parse(text).unwrap()
}

pub fn kind(api_version: &str, kind: &str, plural: &str) -> ApiResource {
    let (group, version) = api_version.rsplit_once('/').unwrap_or(("", api_version));
    ApiResource {
        group: group.to_owned(),
        version: version.to_owned(),
        api_version: api_version.to_owned(),
        kind: kind.to_owned(),
        plural: plural.to_owned(),
    }
}

pub fn objects(room: &Room, kind: &ApiResource) -> Api<DynamicObject> {
    Api::namespaced_with(room.admin.clone(), room.namespace.as_str(), kind)
}

pub async fn make(room: &Room, kind: &ApiResource, object: Value) {
    let mut object = object;
    object["apiVersion"] = json!(kind.api_version);
    object["kind"] = json!(kind.kind);
    let object: DynamicObject = serde_json::from_value(object).unwrap();
    objects(room, kind).create(&PostParams::default(), &object).await.unwrap();
}

pub async fn present(cluster: &dyn Cluster, route: &Route) -> RouteObservation {
    match cluster.observe_route(route).await.unwrap() {
        RouteObserved::Present(seen) => *seen,
        RouteObserved::Missing => panic!("{} is missing", route.layer.words()),
    }
}

pub fn share(route: &Route, generation: u32, percent: u8, saved: &Value) -> RouteChange {
    let like = change(&route.stable, 1, "2.0");
    RouteChange {
        route: route.clone(),
        stamp: domain::observation::Stamp { target: route.target, generation, ..like.stamp },
        weight: Weight::percent(percent).unwrap(),
        aside: Aside::NOTHING,
        over: vec![],
        saved: saved.clone(),
        change_cause: like.change_cause,
    }
}

/// An object without what every write changes: our marks, and the cluster's own notes.
pub fn bare(object: &DynamicObject) -> Value {
    let mut object = serde_json::to_value(object).unwrap();
    let metadata = object["metadata"].as_object_mut().unwrap();
    for field in ["resourceVersion", "managedFields", "generation"] {
        metadata.remove(field);
    }
    if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
        annotations.retain(|key, _| !key.starts_with("slipway.dev/") && key != "kubernetes.io/change-cause");
    }
    if metadata.get("annotations") == Some(&json!({})) {
        metadata.remove("annotations");
    }
    object
}

/// A workload with a Service and a candidate that runs.
pub async fn with_candidate(layer: TrafficLayer) -> (Room, Route) {
    let room = Room::new().await;
    create(&room.admin, &deployment(&room, "cart", 2, "1.0")).await.unwrap();
    create_service(&room.admin, &workload(&room, "cart")).await.unwrap();
    let (cluster, route) = (slipway(), route(&room, layer));
    assert_eq!(cluster.apply_candidate(&candidate(&route, 1, 1, 1)).await, Ok(ApplyOutcome::Written));
    complete(&*cluster, &route.candidate, 1).await;
    complete(&*cluster, &route.stable, 2).await;
    (room, route)
}

pub fn http_route() -> Value {
    json!({
        "metadata": {"name": "web", "labels": {"team": "checkout"}},
        "spec": {
            "parentRefs": [{"name": "public", "sectionName": "https"}],
            "hostnames": ["cart.test"],
            "rules": [
                {"matches": [{"path": {"type": "PathPrefix", "value": "/cart"},
                              "headers": [{"name": "x-version", "value": "1"}]}],
                 "filters": [{"type": "RequestHeaderModifier", "requestHeaderModifier": {"add": [{"name": "a", "value": "b"}]}}],
                 "backendRefs": [{"name": "cart", "port": 80}],
                 "timeouts": {"request": "5s"}},
                {"backendRefs": [{"name": "cart", "port": 80, "weight": 4,
                                  "filters": [{"type": "RequestHeaderModifier", "requestHeaderModifier": {"remove": ["c"]}}]},
                                 {"name": "old", "port": 80, "weight": 1}]},
                {"filters": [{"type": "RequestRedirect", "requestRedirect": {"scheme": "https", "statusCode": 301}}]},
                {"backendRefs": [{"name": "pay", "port": 80}]},
            ],
        },
    })
}

fn grpc_route() -> Value {
    json!({
        "metadata": {"name": "web"},
        "spec": {"parentRefs": [{"name": "public"}],
                 "rules": [{"matches": [{"method": {"service": "shop.Cart"}}],
                            "backendRefs": [{"name": "cart", "port": 80}]}]},
    })
}

pub fn virtual_service() -> Value {
    json!({
        "metadata": {"name": "web"},
        "spec": {
            "hosts": ["cart.test"], "gateways": ["istio-system/public"],
            "http": [
                {"name": "beta", "match": [{"headers": {"x-beta": {"exact": "1"}}}],
                 "route": [{"destination": {"host": "beta"}}]},
                {"name": "main", "timeout": "5s", "retries": {"attempts": 2, "perTryTimeout": "2s"},
                 "mirror": {"host": "cart"}, "mirrorPercentage": {"value": 12.5},
                 "route": [{"destination": {"host": "cart", "subset": "v1", "port": {"number": 80}},
                            "headers": {"response": {"set": {"x": "y"}}}}]},
                {"name": "shared", "match": [{"uri": {"prefix": "/old"}}],
                 "route": [{"destination": {"host": "cart"}, "weight": 80}, {"destination": {"host": "old"}, "weight": 20}]},
            ],
        },
    })
}

#[tokio::test]
async fn shares_pass_validation_and_everything_else_is_as_before() {
    let service = name("cart");
    let gateway = |kind| TrafficLayer::GatewayApi { service: service.clone(), kind, route: name("web") };
    let table = [
        (kind("gateway.networking.k8s.io/v1", "HTTPRoute", "httproutes"), gateway(RouteKind::Http), http_route()),
        (kind("gateway.networking.k8s.io/v1", "GRPCRoute", "grpcroutes"), gateway(RouteKind::Grpc), grpc_route()),
        (
            kind("networking.istio.io/v1", "VirtualService", "virtualservices"),
            TrafficLayer::Istio { service: service.clone(), virtual_service: name("web") },
            virtual_service(),
        ),
    ];
    for (kind, layer, object) in table {
        let (room, route) = with_candidate(layer).await;
        let cluster = slipway();
        assert_eq!(cluster.observe_route(&route).await, Ok(RouteObserved::Missing), "{}", kind.kind);
        make(&room, &kind, object).await;
        let api = objects(&room, &kind);
        let before = api.get("web").await.unwrap();
        let first = present(&*cluster, &route).await;
        assert_eq!((first.weight, first.stamp, &first.unfit), (Weight::NONE, None, &None));
        for (generation, percent) in [(2, 10), (3, 33), (4, 100), (5, 50)] {
            let wanted = share(&route, generation, percent, &first.rules);
            assert_eq!(cluster.apply_route(&wanted).await, Ok(ApplyOutcome::Written), "{} {percent}", kind.kind);
            assert_eq!(cluster.apply_route(&wanted).await, Ok(ApplyOutcome::Unchanged));
            let seen = present(&*cluster, &route).await;
            assert_eq!((seen.weight, seen.stamp), (wanted.weight, Some(wanted.stamp)));
            let late = share(&route, generation - 1, 0, &first.rules);
            assert_eq!(cluster.apply_route(&late).await, Ok(ApplyOutcome::Overtaken(wanted.stamp)));
        }
        assert_eq!(cluster.apply_route(&share(&route, 6, 0, &first.rules)).await, Ok(ApplyOutcome::Written));
        let after = api.get("web").await.unwrap();
        assert_eq!(bare(&after), bare(&before), "{}", kind.kind);
        // Testers and copies beside it pass validation too, and leave nothing behind.
        for (generation, percent, by) in
            [(10, 0, MatchBy::Header), (11, 20, MatchBy::Cookie), (12, 100, MatchBy::Cookie)]
        {
            let testers = TesterMatch::new(by, "tester", "always").unwrap();
            let mirror = if kind.kind == "VirtualService" { Weight::NONE } else { Weight::percent(30).unwrap() };
            let aside = Aside { testers: Some(testers), mirror };
            let wanted = RouteChange { aside, ..share(&route, generation, percent, &first.rules) };
            assert_eq!(cluster.apply_route(&wanted).await, Ok(ApplyOutcome::Written), "{} {percent}", kind.kind);
            assert_eq!(cluster.apply_route(&wanted).await, Ok(ApplyOutcome::Unchanged));
            let seen = present(&*cluster, &route).await;
            assert_eq!((seen.weight, &seen.aside), (wanted.weight, &wanted.aside), "{}", kind.kind);
        }
        assert_eq!(cluster.apply_route(&share(&route, 13, 0, &first.rules)).await, Ok(ApplyOutcome::Written));
        assert_eq!(bare(&api.get("web").await.unwrap()), bare(&before), "{}", kind.kind);
        // Without what was saved, the proportions are the same.
        assert_eq!(cluster.apply_route(&share(&route, 17, 20, &first.rules)).await, Ok(ApplyOutcome::Written));
        assert_eq!(cluster.apply_route(&share(&route, 18, 0, &Value::Null)).await, Ok(ApplyOutcome::Written));
        assert_eq!(cluster.apply_route(&share(&route, 19, 0, &first.rules)).await, Ok(ApplyOutcome::Written));
        assert_eq!(bare(&api.get("web").await.unwrap()), bare(&before), "{}", kind.kind);
        room.leave().await;
    }
}

#[tokio::test]
async fn a_route_is_accepted_when_its_gateway_says_so_of_what_it_says_now() {
    let layer = TrafficLayer::GatewayApi { service: name("cart"), kind: RouteKind::Http, route: name("web") };
    let (room, route) = with_candidate(layer).await;
    let cluster = slipway();
    let kind = kind("gateway.networking.k8s.io/v1", "HTTPRoute", "httproutes");
    make(&room, &kind, http_route()).await;
    let api = objects(&room, &kind);
    let accept = |generation: i64, resolved: &'static str| {
        let api = api.clone();
        async move {
            let condition = |kind: &str, status: &str| {
                json!({"type": kind, "status": status, "observedGeneration": generation, "reason": "BackendNotFound",
                       "message": "no Service", "lastTransitionTime": "2026-03-02T09:00:00Z"})
            };
            let status = json!({"status": {"parents": [{
                "parentRef": {"name": "public", "sectionName": "https"}, "controllerName": "gateway.test/controller",
                "conditions": [condition("Accepted", "True"), condition("ResolvedRefs", resolved)]}]}});
            api.patch_status("web", &PatchParams::default(), &Patch::Merge(status)).await.unwrap();
        }
    };
    let seen = present(&*cluster, &route).await;
    assert!(!seen.is_accepted && seen.complaint.unwrap().contains("no gateway"));
    accept(1, "True").await;
    let seen = present(&*cluster, &route).await;
    assert!(seen.is_accepted && seen.complaint.is_none());
    assert_eq!(cluster.apply_route(&share(&route, 2, 10, &seen.rules)).await, Ok(ApplyOutcome::Written));
    assert!(!present(&*cluster, &route).await.is_accepted, "what was accepted was another state");
    accept(2, "False").await;
    let seen = present(&*cluster, &route).await;
    assert_eq!((seen.is_accepted, seen.complaint.as_deref()), (false, Some("BackendNotFound: no Service")));
    accept(2, "True").await;
    let look = || async { present(&*cluster, &route).await };
    let seen = wait_for("the address", look, |seen| seen.candidate_endpoints == Some(1)).await;
    assert!(seen.is_accepted);
    // A mark alone is no other state.
    assert_eq!(cluster.apply_route(&share(&route, 3, 10, &seen.rules)).await, Ok(ApplyOutcome::Written));
    assert!(present(&*cluster, &route).await.is_accepted);
    room.leave().await;
}

#[tokio::test]
async fn a_second_ingress_is_made_changed_and_removed_and_a_strangers_stays() {
    let layer = TrafficLayer::IngressNginx { service: name("cart"), ingress: name("web") };
    let (room, route) = with_candidate(layer).await;
    let cluster = slipway();
    let kind = kind("networking.k8s.io/v1", "Ingress", "ingresses");
    let path = |path: &str, service: &str| json!({"path": path, "pathType": "Prefix", "backend": {"service": {"name": service, "port": {"name": "http"}}}});
    make(
        &room,
        &kind,
        json!({
            "metadata": {"name": "web", "annotations": {"nginx.ingress.kubernetes.io/rewrite-target": "/"}},
            "spec": {"ingressClassName": "nginx", "tls": [{"hosts": ["cart.test"], "secretName": "cart"}],
                     "rules": [{"host": "cart.test", "http": {"paths": [path("/cart", "cart"), path("/pay", "pay")]}}]},
        }),
    )
    .await;
    let api = objects(&room, &kind);
    let before = api.get("web").await.unwrap();
    let saved = present(&*cluster, &route).await.rules;
    for (generation, percent) in [(2, 5), (3, 50)] {
        let wanted = share(&route, generation, percent, &saved);
        assert_eq!(cluster.apply_route(&wanted).await, Ok(ApplyOutcome::Written));
        assert_eq!(cluster.apply_route(&wanted).await, Ok(ApplyOutcome::Unchanged));
        let seen = present(&*cluster, &route).await;
        assert_eq!((seen.weight, seen.is_accepted, &seen.complaint), (wanted.weight, true, &None));
        let second = api.get("cart-canary").await.unwrap();
        assert_eq!(
            second.metadata.annotations.as_ref().unwrap()["nginx.ingress.kubernetes.io/canary-weight"],
            percent.to_string()
        );
        assert_eq!(second.data["spec"]["rules"][0]["http"]["paths"], json!([path("/cart", "cart-canary")]));
        assert_eq!(second.metadata.owner_references, None);
    }
    for (generation, by, key) in [(4, MatchBy::Header, "canary-by-header"), (5, MatchBy::Cookie, "canary-by-cookie")] {
        let testers = Some(TesterMatch::new(by, "tester", "always").unwrap());
        let aside = Aside { testers, mirror: Weight::NONE };
        let wanted = RouteChange { aside, ..share(&route, generation, 50, &saved) };
        assert_eq!(cluster.apply_route(&wanted).await, Ok(ApplyOutcome::Written));
        let annotations = api.get("cart-canary").await.unwrap().metadata.annotations.unwrap();
        let said = annotations.iter().filter(|(k, _)| k.contains("canary-by")).collect::<Vec<_>>();
        assert_eq!(annotations[&format!("nginx.ingress.kubernetes.io/{key}")], "tester", "{said:?}");
        assert_eq!(present(&*cluster, &route).await.aside, wanted.aside, "{said:?}");
    }
    assert_eq!(bare(&api.get("web").await.unwrap()), bare(&before));
    assert_eq!(cluster.apply_route(&share(&route, 6, 0, &saved)).await, Ok(ApplyOutcome::Written));
    assert!(api.get_opt("cart-canary").await.unwrap().is_none());
    assert_eq!(bare(&api.get("web").await.unwrap()), bare(&before));

    make(&room, &kind, json!({"metadata": {"name": "cart-canary"}, "spec": before.data["spec"]})).await;
    let outcome = cluster.apply_route(&share(&route, 7, 5, &saved)).await;
    assert!(matches!(&outcome, Err(ClusterError::Invalid(why)) if why.contains("Ingress cart-canary")), "{outcome:?}");
    api.delete("cart-canary", &DeleteParams::default()).await.unwrap();

    // Somebody deletes the first one: ours goes too, and a stranger's stays.
    assert_eq!(cluster.apply_route(&share(&route, 8, 20, &saved)).await, Ok(ApplyOutcome::Written));
    api.delete("web", &DeleteParams::default()).await.unwrap();
    assert_eq!(cluster.apply_route(&share(&route, 9, 0, &saved)).await, Ok(ApplyOutcome::Missing));
    assert!(api.get_opt("cart-canary").await.unwrap().is_none());
    make(&room, &kind, json!({"metadata": {"name": "cart-canary"}, "spec": before.data["spec"]})).await;
    assert_eq!(cluster.apply_route(&share(&route, 10, 0, &saved)).await, Ok(ApplyOutcome::Missing));
    assert!(api.get_opt("cart-canary").await.unwrap().is_some());
    room.leave().await;
}

#[tokio::test]
async fn a_services_selector_is_switched_when_somebody_else_writes_and_is_as_before_afterwards() {
    let (room, route) = with_candidate(TrafficLayer::Selector { service: name("cart") }).await;
    let cluster = slipway();
    let api = objects(&room, &kind("v1", "Service", "services"));
    let before = api.get("cart").await.unwrap();
    let saved = present(&*cluster, &route).await.rules;
    let others = async {
        for number in 0..40 {
            let patch = json!({"metadata": {"annotations": {"others.test/number": number.to_string()}}});
            api.patch("cart", &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
        }
    };
    let ours = async {
        for generation in 2..=13 {
            let percent = if generation % 2 == 0 { 100 } else { 0 };
            // A reconciler tries again after six lost races.
            loop {
                match cluster.apply_route(&share(&route, generation, percent, &saved)).await {
                    Ok(ApplyOutcome::Written) => break,
                    Err(ClusterError::Conflict) => {}
                    other => panic!("{other:?}"),
                }
            }
        }
    };
    futures::join!(others, ours);
    let after = api.get("cart").await.unwrap();
    assert_eq!(after.metadata.annotations.as_ref().unwrap()["others.test/number"], "39");
    assert_eq!(after.data, before.data);
    // With the stable pods gone nothing is ready: that is told, and the candidate takes over.
    assert_eq!(cluster.apply_route(&share(&route, 14, 100, &saved)).await, Ok(ApplyOutcome::Written));
    let look = || async { present(&*cluster, &route).await };
    wait_for("the candidate", look, |seen| seen.is_accepted && seen.weight == Weight::ALL).await;
    crate::stage::disturb(&room.admin, &route.stable, &practice::stories::Disturbance::Scale(0)).await.unwrap();
    assert_eq!(cluster.apply_route(&share(&route, 15, 0, &saved)).await, Ok(ApplyOutcome::Written));
    let seen = wait_for("no address", look, |seen| seen.complaint.is_some()).await;
    assert!(!seen.is_accepted && seen.complaint.unwrap().contains("no ready address"));
    room.leave().await;
}

#[tokio::test]
async fn a_service_that_is_applied_again_while_it_is_switched_serves_the_stable_pods() {
    let (room, route) = with_candidate(TrafficLayer::Selector { service: name("cart") }).await;
    let cluster = slipway();
    let api = objects(&room, &kind("v1", "Service", "services"));
    let saved = present(&*cluster, &route).await.rules;
    let manifest = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "cart"},
        "spec": {"selector": {"app": "cart"}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]}});
    let server_side = (PatchParams::apply("kubectl").force(), Patch::Apply(manifest));
    // Of a manifest that is applied from the client's side, this is what differs from what is there.
    let merged = json!({"spec": {"selector": {"app": "cart"}}});
    let client_side = (PatchParams::default(), Patch::Strategic(merged));
    for (generation, (params, patch)) in [(2, client_side), (4, server_side)] {
        assert_eq!(cluster.apply_route(&share(&route, generation, 100, &saved)).await, Ok(ApplyOutcome::Written));
        let switched = present(&*cluster, &route).await;
        assert_eq!((switched.weight, &switched.rules), (Weight::ALL, &saved));
        api.patch("cart", &params, &patch).await.unwrap();
        let seen = present(&*cluster, &route).await;
        assert_eq!((seen.weight, seen.unfit), (Weight::NONE, None));
        assert_eq!(api.get("cart").await.unwrap().data["spec"]["selector"], json!({"app": "cart"}));
        assert_eq!(cluster.apply_route(&share(&route, generation + 1, 0, &saved)).await, Ok(ApplyOutcome::Written));
    }
    // What selects neither side is told, and nothing is written over it.
    assert_eq!(cluster.apply_route(&share(&route, 6, 100, &saved)).await, Ok(ApplyOutcome::Written));
    let strange = Patch::Merge(json!({"spec": {"selector": {"version": "7"}}}));
    api.patch("cart", &PatchParams::default(), &strange).await.unwrap();
    let seen = present(&*cluster, &route).await;
    assert!(seen.weight == Weight::NONE && seen.unfit.unwrap().contains("version=7"));
    room.leave().await;
}
