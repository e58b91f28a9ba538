//! Traffic that others move too, on a real control plane: a second target, a person, another tool, a
//! second worker. Nobody's share is written over, and the object is as it was in the end.

use domain::{
    names::WorkloadName,
    traffic::{RouteKind, TrafficLayer, Weight},
};
use kube::{
    api::{Patch, PatchParams},
    core::ApiResource,
};
use ports::{ApplyOutcome, Cluster, ClusterError, Route, RouteChange};
use serde_json::{Value, json};

use crate::{
    candidates::{candidate, route_for},
    setup::{Room, slipway},
    stage::{create, create_service},
    traffic::{bare, http_route, kind, make, name, objects, present, share, virtual_service, with_candidate},
    writing::{deployment, workload},
};

/// The Deployment and the Service of a second target, with a candidate that runs.
async fn second_target(room: &Room, layer: TrafficLayer) -> Route {
    create(&room.admin, &deployment(room, "pay", 1, "1.0")).await.unwrap();
    create_service(&room.admin, &workload(room, "pay")).await.unwrap();
    let target = domain::ids::TargetId::new(uuid::Uuid::from_u128(9));
    let pay = route_for(room, target, "pay", layer);
    let mut made = candidate(&pay, 7, 1, 1);
    made.images = vec![crate::writing::image("app", "registry.test/pay:2.0")];
    assert_eq!(slipway().apply_candidate(&made).await, Ok(ApplyOutcome::Written));
    pay
}

#[tokio::test]
async fn two_targets_on_one_object_go_their_ways_and_it_is_as_before_in_the_end() {
    let rules = |list: &str, of: &dyn Fn(&str) -> Value| json!([{list: [of("cart")]}, {list: [of("pay")]}]);
    let http = rules("backendRefs", &|name| json!({"name": name, "port": 80}));
    let istio = rules("route", &|name| json!({"destination": {"host": name}}));
    let path = |name: &str| json!({"path": format!("/{name}"), "pathType": "Prefix", "backend": {"service": {"name": name, "port": {"number": 80}}}});
    let gateway = |service| TrafficLayer::GatewayApi { service, kind: RouteKind::Http, route: name("web") };
    type LayerOf<'a> = &'a dyn Fn(WorkloadName) -> TrafficLayer;
    let table: [(ApiResource, LayerOf<'_>, Value); 3] = [
        (
            kind("gateway.networking.k8s.io/v1", "HTTPRoute", "httproutes"),
            &gateway,
            json!({"metadata": {"name": "web"}, "spec": {"parentRefs": [{"name": "public"}], "rules": http}}),
        ),
        (
            kind("networking.istio.io/v1", "VirtualService", "virtualservices"),
            &|service| TrafficLayer::Istio { service, virtual_service: name("web") },
            json!({"metadata": {"name": "web"}, "spec": {"hosts": ["shop.test"], "http": istio}}),
        ),
        (
            kind("networking.k8s.io/v1", "Ingress", "ingresses"),
            &|service| TrafficLayer::IngressNginx { service, ingress: name("web") },
            json!({"metadata": {"name": "web"}, "spec": {"rules": [{"host": "shop.test", "http": {"paths": [path("cart"), path("pay")]}}]}}),
        ),
    ];
    for (kind, layer, object) in table {
        let (room, cart) = with_candidate(layer(name("cart"))).await;
        let pay = second_target(&room, layer(name("pay"))).await;
        let cluster = slipway();
        make(&room, &kind, object).await;
        let api = objects(&room, &kind);
        let before = api.get("web").await.unwrap();
        let look = async |percent_of_cart: u8, percent_of_pay: u8, generations: [u32; 2]| {
            for (route, percent, generation) in
                [(&cart, percent_of_cart, generations[0]), (&pay, percent_of_pay, generations[1])]
            {
                let seen = present(&*cluster, route).await;
                let mark = seen.stamp.map(|stamp| (stamp.target, stamp.generation));
                let wanted = Weight::percent(percent).unwrap();
                assert_eq!((seen.weight, mark), (wanted, Some((route.target, generation))), "{}", kind.kind);
            }
        };
        let of_cart = present(&*cluster, &cart).await.rules;
        let give = async |route: &Route, generation, percent, saved: &Value| {
            let wanted = share(route, generation, percent, saved);
            assert_eq!(cluster.apply_route(&wanted).await, Ok(ApplyOutcome::Written), "{}", kind.kind);
            assert_eq!(cluster.apply_route(&wanted).await, Ok(ApplyOutcome::Unchanged), "{}", kind.kind);
        };
        give(&cart, 5, 10, &of_cart).await;
        let of_pay = present(&*cluster, &pay).await.rules;
        give(&pay, 2, 25, &of_pay).await;
        look(10, 25, [5, 2]).await;
        give(&cart, 6, 50, &of_cart).await;
        look(50, 25, [6, 2]).await;
        give(&cart, 7, 0, &of_cart).await;
        look(0, 25, [7, 2]).await;
        give(&pay, 3, 0, &of_pay).await;
        look(0, 0, [7, 3]).await;
        assert_eq!(bare(&api.get("web").await.unwrap()), bare(&before), "{}", kind.kind);
        room.leave().await;
    }
}

#[tokio::test]
async fn a_share_that_somebody_set_meanwhile_is_not_written_over() {
    let layer = TrafficLayer::GatewayApi { service: name("cart"), kind: RouteKind::Http, route: name("web") };
    let (room, route) = with_candidate(layer).await;
    let cluster = slipway();
    make(&room, &kind("gateway.networking.k8s.io/v1", "HTTPRoute", "httproutes"), http_route()).await;
    let saved = present(&*cluster, &route).await.rules;
    assert_eq!(cluster.apply_route(&share(&route, 2, 10, &saved)).await, Ok(ApplyOutcome::Written));
    let by_hand = share(&route, 3, 40, &saved);
    assert_eq!(cluster.apply_route(&by_hand).await, Ok(ApplyOutcome::Written));
    let over = |percents: &[u8]| percents.iter().map(|percent| Weight::percent(*percent).unwrap()).collect();
    let decided_before = RouteChange { over: over(&[0, 10]), ..share(&route, 4, 25, &saved) };
    assert_eq!(cluster.apply_route(&decided_before).await, Ok(ApplyOutcome::ChangedByOthers));
    assert_eq!(present(&*cluster, &route).await.weight, by_hand.weight);
    let decided_after = RouteChange { over: over(&[40]), ..share(&route, 5, 25, &saved) };
    assert_eq!(cluster.apply_route(&decided_after).await, Ok(ApplyOutcome::Written));
    room.leave().await;
}

#[tokio::test]
async fn traffic_is_not_sent_where_there_is_no_service_nor_over_another_tool() {
    let layer = TrafficLayer::Istio { service: name("cart"), virtual_service: name("web") };
    let (room, route) = with_candidate(layer).await;
    let cluster = slipway();
    let kind = kind("networking.istio.io/v1", "VirtualService", "virtualservices");
    let mut object = virtual_service();
    object["metadata"]["annotations"]["argocd.argoproj.io/tracking-id"] =
        json!(format!("web:networking.istio.io/VirtualService:{}/web", room.namespace));
    make(&room, &kind, object).await;
    let saved = present(&*cluster, &route).await.rules;
    let outcome = cluster.apply_route(&share(&route, 2, 10, &saved)).await;
    assert!(matches!(outcome, Ok(ApplyOutcome::Managed(_))), "{outcome:?}");
    let patch = json!({"metadata": {"annotations": null}});
    objects(&room, &kind).patch("web", &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
    assert_eq!(cluster.apply_candidate(&candidate(&route, 1, 2, 0)).await, Ok(ApplyOutcome::Written));
    let outcome = cluster.apply_route(&share(&route, 3, 10, &saved)).await;
    assert!(matches!(&outcome, Err(ClusterError::Invalid(why)) if why.contains("cart-canary")), "{outcome:?}");
    assert_eq!(present(&*cluster, &route).await.weight, Weight::NONE);
    room.leave().await;
}

/// Writes until it is decided, as a reconciler does.
async fn decide(cluster: &dyn Cluster, wanted: &RouteChange) -> ApplyOutcome {
    loop {
        match cluster.apply_route(wanted).await {
            Err(ClusterError::Conflict) => {}
            outcome => return outcome.unwrap(),
        }
    }
}

#[tokio::test]
async fn of_two_workers_that_write_at_the_same_time_the_later_mark_stands_with_its_share() {
    let service = name("cart");
    let gateway = TrafficLayer::GatewayApi { service: service.clone(), kind: RouteKind::Http, route: name("web") };
    let ingress = json!({"metadata": {"name": "web"}, "spec": {"rules": [{"http": {"paths": [
        {"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "cart", "port": {"number": 80}}}}]}}]}});
    let table = [
        (kind("gateway.networking.k8s.io/v1", "HTTPRoute", "httproutes"), gateway, http_route()),
        (
            kind("networking.k8s.io/v1", "Ingress", "ingresses"),
            TrafficLayer::IngressNginx { service, ingress: name("web") },
            ingress,
        ),
    ];
    for (kind, layer, object) in table {
        let (room, route) = with_candidate(layer).await;
        let (one, two) = (slipway(), slipway());
        make(&room, &kind, object).await;
        let saved = present(&*one, &route).await.rules;
        for round in 1..=24_u32 {
            let percent = |number: u32| [10, 0, 50, 0, 0, 30][usize::try_from(number % 6).unwrap()];
            let early = share(&route, 2 * round, percent(2 * round), &saved);
            let late = share(&route, 2 * round + 1, percent(2 * round + 1), &saved);
            let (of_early, of_late) = futures::join!(decide(&*one, &early), decide(&*two, &late));
            assert_eq!(of_late, ApplyOutcome::Written);
            assert!(matches!(of_early, ApplyOutcome::Written | ApplyOutcome::Overtaken(_)), "{of_early:?}");
            let seen = present(&*one, &route).await;
            assert_eq!((seen.stamp, seen.weight), (Some(late.stamp), late.weight), "{} {round}", kind.kind);
        }
        room.leave().await;
    }
}
