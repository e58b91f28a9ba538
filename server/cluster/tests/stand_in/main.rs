//! A stand-in for an API server that answers what a test says: races, refusals and nonsense that a
//! real one cannot be made to show at will. What a real one does is tested on a real one.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::{
    collections::VecDeque,
    convert::Infallible,
    sync::{Arc, Mutex},
};

use cluster::KubeCluster;
use domain::{
    aside::Aside,
    evidence::{LogTail, Told},
    ids::{PromotionId, TargetId},
    image::ContainerImage,
    names::{ContainerName, Namespace, WorkloadName},
    observation::{ContainerTrouble, Manager, PodObservation, Stamp, WorkloadRef},
    traffic::{CandidateName, RouteKind, RouteObserved, TrafficLayer, Weight, candidate_of},
};
use http::{Request, Response};
use kube::client::Body;
use ports::{ApplyOutcome, Cluster, ClusterError, Route, RouteChange, TemplateChange, WorkloadChange};
use serde_json::{Value, json};

type Asked = Arc<Mutex<Vec<(String, Value)>>>;

/// The target of every change in these tests.
const TARGET: TargetId = TargetId::new(uuid::Uuid::from_u128(8));

/// A cluster whose server gives these answers, in this order, and what it was asked.
fn server(answers: Vec<(u16, String)>) -> (KubeCluster, Asked) {
    let asked = Asked::default();
    let log = Arc::clone(&asked);
    let answers = Arc::new(Mutex::new(VecDeque::from(answers)));
    let service = tower::service_fn(move |request: Request<Body>| {
        let (log, answers) = (Arc::clone(&log), Arc::clone(&answers));
        async move {
            let method = request.method().to_string();
            let request_line = request.uri().to_string();
            let body = request.into_body().collect_bytes().await.unwrap();
            // What is read is asked for in the address, what is written in the body.
            let said = match serde_json::from_slice(&body) {
                Ok(body) => body,
                Err(_) => Value::String(request_line),
            };
            log.lock().unwrap().push((method, said));
            let (code, text) = answers.lock().unwrap().pop_front().unwrap();
            Ok::<_, Infallible>(Response::builder().status(code).body(Body::from(text.into_bytes())).unwrap())
        }
    });
    (KubeCluster::with_client(kube::Client::new(service, "default")), asked)
}

fn workload() -> WorkloadRef {
    WorkloadRef::deployment(Namespace::parse("shop").unwrap(), WorkloadName::parse("cart").unwrap())
}

fn deployment(version: &str, image: &str, mark: Option<i64>) -> (u16, String) {
    let annotations = mark.map_or(json!({}), |sequence| {
        json!({"slipway.dev/target": TARGET.to_string(), "slipway.dev/promotion": uuid::Uuid::from_u128(1).to_string(),
               "slipway.dev/sequence": sequence.to_string(), "slipway.dev/generation": "0"})
    });
    let object = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "cart", "namespace": "shop", "uid": "u", "resourceVersion": version,
                     "annotations": annotations},
        "spec": {"template": {"spec": {"containers": [{"name": "app", "image": image}]}}},
    });
    (200, object.to_string())
}

fn refused(code: u16, message: &str) -> (u16, String) {
    let status = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code,
                        "reason": "Reason", "message": message});
    (code, status.to_string())
}

fn change() -> WorkloadChange {
    let image = ContainerImage { container: ContainerName::parse("app").unwrap(), image: "cart:2".to_owned() };
    WorkloadChange {
        workload: workload(),
        stamp: Stamp {
            target: TARGET,
            promotion: PromotionId::new(uuid::Uuid::from_u128(1)),
            sequence: 5,
            generation: 0,
        },
        template: TemplateChange::Images(vec![image]),
        over: vec![],
        act: None,
        may_write_helm: false,
        change_cause: "cart 2".to_owned(),
    }
}

fn methods(asked: &Asked) -> Vec<String> {
    asked.lock().unwrap().iter().map(|(method, _)| method.clone()).collect()
}

#[tokio::test]
async fn a_lost_race_reads_again_and_writes_on_what_it_read() {
    let (cluster, asked) = server(vec![
        deployment("10", "cart:1", None),
        refused(409, "changed"),
        deployment("11", "cart:1", None),
        deployment("12", "cart:2", Some(5)),
    ]);
    assert_eq!(cluster.apply(&change()).await, Ok(ApplyOutcome::Written));
    assert_eq!(methods(&asked), ["GET", "PATCH", "GET", "PATCH"]);
    let patches: Vec<Value> = asked.lock().unwrap().iter().map(|(_, body)| body.clone()).collect();
    assert_eq!(patches[1][0]["value"], "10");
    assert_eq!(patches[3][0]["value"], "11");
}

#[tokio::test]
async fn a_lost_race_against_a_later_mark_stops() {
    let (cluster, asked) =
        server(vec![deployment("10", "cart:1", None), refused(409, "changed"), deployment("11", "cart:9", Some(6))]);
    let later = Stamp { sequence: 6, ..change().stamp };
    assert_eq!(cluster.apply(&change()).await, Ok(ApplyOutcome::Overtaken(later)));
    assert_eq!(methods(&asked), ["GET", "PATCH", "GET"]);
}

#[tokio::test]
async fn races_lost_again_and_again_are_a_conflict() {
    let rounds = (0..6).flat_map(|n| [deployment(&n.to_string(), "cart:1", None), refused(409, "changed")]);
    let (cluster, asked) = server(rounds.collect());
    assert_eq!(cluster.apply(&change()).await, Err(ClusterError::Conflict));
    assert_eq!(methods(&asked).len(), 12);
}

#[tokio::test]
async fn an_object_deleted_between_reading_and_writing_is_missing() {
    let (cluster, _) = server(vec![deployment("10", "cart:1", None), refused(404, "gone")]);
    assert_eq!(cluster.apply(&change()).await, Ok(ApplyOutcome::Missing));
}

#[tokio::test]
async fn refusals_are_told_apart_and_never_tried_again() {
    for (code, expected) in [
        (401, ClusterError::Unauthorized("why".into())),
        (403, ClusterError::Forbidden("why".into())),
        (422, ClusterError::Invalid("why".into())),
        (429, ClusterError::Unreachable("why".into())),
        (500, ClusterError::Unreachable("why".into())),
        (503, ClusterError::Unreachable("why".into())),
    ] {
        let (cluster, asked) = server(vec![deployment("10", "cart:1", None), refused(code, "why")]);
        assert_eq!(cluster.apply(&change()).await, Err(expected.clone()));
        assert_eq!(methods(&asked), ["GET", "PATCH"]);
        let (cluster, asked) = server(vec![refused(code, "why")]);
        assert_eq!(cluster.observe(&workload()).await, Err(expected));
        assert_eq!(methods(&asked), ["GET"]);
    }
}

#[tokio::test]
async fn what_is_no_api_server_is_an_error_and_no_panic() {
    for (code, text) in
        [(200, "<html>hello</html>"), (200, ""), (200, "[]"), (200, "{\"metadata\": {}}"), (404, "<html>")]
    {
        let (cluster, _) = server(vec![(code, text.to_owned())]);
        let seen = cluster.observe(&workload()).await;
        let is_told = match code {
            404 => seen == Ok(domain::observation::Observed::Missing),
            _ => matches!(seen, Err(ClusterError::Settings(_) | ClusterError::Invalid(_))),
        };
        assert!(is_told, "{code} {text}: {seen:?}");
    }
}

#[tokio::test]
async fn a_kind_that_the_cluster_does_not_know_is_missing() {
    // This is what an API server answers for a group that nobody has defined.
    let unknown = || (404, "404 page not found\n".to_owned());
    let none = json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSliceList", "metadata": {}, "items": []});
    let answers = vec![unknown(), unknown(), unknown(), unknown(), (200, none.to_string())];
    let (cluster, asked) = server(answers);
    let name = WorkloadName::parse("cart").unwrap();
    let layer = TrafficLayer::Istio { service: name.clone(), virtual_service: name };
    let candidate = candidate_of(&workload(), CandidateName::Canary);
    let route = Route { target: TARGET, stable: workload(), candidate, track: CandidateName::Canary, layer };
    assert_eq!(cluster.observe_route(&route).await, Ok(RouteObserved::Missing));
    assert_eq!(asked.lock().unwrap().len(), 5);
}

/// An Ingress with a path to the Service `cart`, and the mark of a change of this generation.
fn ingress(version: &str, generation: Option<u32>) -> (u16, String) {
    let annotations = generation.map_or(json!({}), |generation| {
        let mark = json!({"promotion": uuid::Uuid::from_u128(1), "sequence": 1, "generation": generation, "cause": ""});
        json!({format!("slipway.dev/target-{}", TARGET.uuid().simple()): mark.to_string()})
    });
    let path = json!({"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "cart"}}});
    let object = json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {"name": "web", "namespace": "shop", "uid": "i", "resourceVersion": version,
                     "annotations": annotations},
        "spec": {"rules": [{"http": {"paths": [path]}}]},
    });
    (200, object.to_string())
}

#[tokio::test]
async fn a_late_worker_takes_away_the_second_ingress_that_it_made_for_nothing() {
    let service = |name: &str, labels: Value| {
        let object = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "labels": labels},
                            "spec": {"selector": {"app": "cart"}}});
        (200, object.to_string())
    };
    let pods = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "cart"},
        "spec": {"selector": {"matchLabels": {"app": "cart"}}, "template": {"metadata": {"labels": {"app": "cart"}}}}});
    let made = json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {"name": "cart-canary", "uid": "second", "resourceVersion": "7",
                     "labels": {"slipway.dev/candidate-of": "cart"}}});
    let none = json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSliceList", "metadata": {}, "items": []});
    let round = |main: (u16, String), second: (u16, String)| {
        let ours = json!({"slipway.dev/candidate-of": "cart"});
        [
            main,
            second,
            service("cart", json!({})),
            (200, pods.to_string()),
            service("cart-canary", ours),
            (200, none.to_string()),
        ]
    };
    let refused = |code: u16| {
        let status = json!({"kind": "Status", "status": "Failure", "reason": "Conflict", "message": "m", "code": code});
        (code, status.to_string())
    };
    // Between its reading and its writing another worker has given a share and taken it away again.
    let mut answers: Vec<(u16, String)> = round(ingress("1", None), refused(404)).into();
    let others = json!({"apiVersion": "networking.k8s.io/v1", "kind": "IngressList", "metadata": {}, "items": []});
    answers.push((200, others.to_string()));
    answers.extend([(201, made.to_string()), refused(409)]);
    answers.extend(round(ingress("3", Some(9)), (200, made.to_string())));
    answers.push((200, made.to_string()));
    let (cluster, asked) = server(answers);
    let name = WorkloadName::parse("cart").unwrap();
    let layer = TrafficLayer::IngressNginx { service: name, ingress: WorkloadName::parse("web").unwrap() };
    let candidate = candidate_of(&workload(), CandidateName::Canary);
    let stamp = |generation| Stamp {
        target: TARGET,
        promotion: PromotionId::new(uuid::Uuid::from_u128(1)),
        sequence: 1,
        generation,
    };
    let change = RouteChange {
        route: Route { target: TARGET, stable: workload(), candidate, track: CandidateName::Canary, layer },
        stamp: stamp(5),
        weight: Weight::at_most(10),
        aside: Aside::NOTHING,
        over: vec![],
        saved: json!({}),
        change_cause: String::new(),
    };
    assert_eq!(cluster.apply_route(&change).await, Ok(ApplyOutcome::Overtaken(stamp(9))));
    let asked = asked.lock().unwrap();
    let writes: Vec<&str> = asked.iter().map(|(method, _)| method.as_str()).filter(|m| *m != "GET").collect();
    assert_eq!(writes, ["POST", "PATCH", "DELETE"]);
    assert_eq!(asked.last().unwrap().1["preconditions"], json!({"uid": "second", "resourceVersion": "7"}));
}

#[tokio::test]
async fn a_deployment_without_pods_belongs_to_the_rollout_that_takes_its_template() {
    let idle = || {
        let mut object: Value = serde_json::from_str(&deployment("10", "cart:1", None).1).unwrap();
        object["spec"]["replicas"] = json!(0);
        (200, object.to_string())
    };
    let rollouts = |reference: Value| {
        let rollout = json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout",
            "metadata": {"name": "cart-rollout", "namespace": "shop"}, "spec": {"workloadRef": reference}});
        let list =
            json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "RolloutList", "metadata": {}, "items": [rollout]});
        (200, list.to_string())
    };
    let to = |name: &str| json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": name});
    let (cluster, asked) = server(vec![idle(), rollouts(to("cart"))]);
    let owner = Manager::Controller { kind: "Rollout".to_owned(), name: "cart-rollout".to_owned() };
    assert_eq!(cluster.apply(&change()).await, Ok(ApplyOutcome::Managed(owner)));
    assert_eq!(methods(&asked), ["GET", "GET"]);
    for others in [rollouts(to("pay")), rollouts(Value::Null), refused(404, "no such kind"), refused(403, "not yours")]
    {
        let (cluster, _) = server(vec![idle(), others, deployment("11", "cart:2", Some(5))]);
        assert_eq!(cluster.apply(&change()).await, Ok(ApplyOutcome::Written));
    }
}

/// A change that has a tenth of the requests to an HTTPRoute copied.
fn copies() -> RouteChange {
    let name = WorkloadName::parse("cart").unwrap();
    let layer = TrafficLayer::GatewayApi { kind: RouteKind::Http, service: name.clone(), route: name };
    let candidate = candidate_of(&workload(), CandidateName::Canary);
    RouteChange {
        route: Route { target: TARGET, stable: workload(), candidate, track: CandidateName::Canary, layer },
        stamp: change().stamp,
        weight: Weight::NONE,
        aside: Aside { testers: None, mirror: Weight::at_most(10) },
        over: vec![],
        saved: json!([{"backendRefs": [{"name": "cart", "port": 80}]}]),
        change_cause: String::new(),
    }
}

#[tokio::test]
async fn a_route_of_which_the_cluster_drops_a_field_is_put_back_at_once_and_told() {
    let of = |kind: &str, name: &str, labels: Value, spec: Value| json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "labels": labels, "namespace": "shop"}, "spec": spec});
    let route = |version: &str, rules: &Value| {
        let mut route = of("HTTPRoute", "cart", json!({}), json!({"rules": rules}));
        route["metadata"]["resourceVersion"] = json!(version);
        (200, route.to_string())
    };
    let ok = |object: Value| (200, object.to_string());
    let before = json!([{"backendRefs": [{"name": "cart", "port": 80}]}]);
    let with = |mirror: Value| {
        json!([{"matches": [{"path": {"type": "PathPrefix", "value": "/"}}], "backendRefs": [{"name": "cart", "port": 80, "weight": 1}],
                "filters": [{"type": "RequestMirror", "requestMirror": mirror}]}])
    };
    let to = json!({"group": "", "kind": "Service", "name": "cart-canary", "port": 80});
    let mut whole = json!({"percent": 10});
    whole["backendRef"] = to.clone();
    let reads = || {
        let labels = json!({"slipway.dev/candidate-of": "cart"});
        let template = json!({"metadata": {"labels": {"app": "cart"}}});
        [
            route("1", &before),
            ok(of("Service", "cart", json!({}), json!({"selector": {"app": "cart"}}))),
            ok(of(
                "Deployment",
                "cart",
                json!({}),
                json!({"selector": {"matchLabels": {"app": "cart"}}, "template": template}),
            )),
            ok(of("Service", "cart-canary", labels, json!({"selector": {"app": "cart-canary"}}))),
            ok(json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSliceList", "metadata": {}, "items": []})),
        ]
    };
    // What a cluster fills in is no difference.
    let (cluster, asked) = server(reads().into_iter().chain([route("2", &with(whole))]).collect());
    assert_eq!(cluster.apply_route(&copies()).await, Ok(ApplyOutcome::Written));
    assert_eq!(methods(&asked).len(), 6);

    let dropped = with(json!({"backendRef": to}));
    let mark = json!({"promotion": uuid::Uuid::from_u128(1), "sequence": 5, "generation": 0, "cause": ""}).to_string();
    let marked = |version: &str| {
        let mut route: Value = serde_json::from_str(&route(version, &dropped).1).unwrap();
        route["metadata"]["annotations"] = json!({format!("slipway.dev/target-{}", TARGET.uuid().simple()): mark});
        ok(route)
    };
    // The gateway writes its status meanwhile.
    let answers = [marked("2"), marked("2"), refused(409, "changed"), marked("3"), route("4", &before)];
    let (cluster, asked) = server(reads().into_iter().chain(answers).collect());
    let outcome = cluster.apply_route(&copies()).await;
    let Err(ClusterError::Invalid(why)) = &outcome else { panic!("{outcome:?}") };
    assert!(why.contains("dropped percent of requestMirror") && why.contains("older than 1.3"), "{why}");
    let asked = asked.lock().unwrap();
    let (method, undo) = asked.last().unwrap();
    assert_eq!((asked.len(), method.as_str(), &undo[0]["value"]), (10, "PATCH", &json!("3")));
    assert_eq!(undo[1], json!({"op": "add", "path": "/spec/rules", "value": before}));
    let mark = format!("/metadata/annotations/slipway.dev~1target-{}", TARGET.uuid().simple());
    assert_eq!(undo[2], json!({"op": "remove", "path": mark}));
}

fn crashing(restarts: u32) -> PodObservation {
    PodObservation {
        name: "cart-7d9-x2".to_owned(),
        is_updated: true,
        is_ready: false,
        is_terminating: false,
        restarts,
        trouble: Some(ContainerTrouble {
            container: "app".to_owned(),
            reason: "CrashLoopBackOff".to_owned(),
            exit_code: Some(1),
            message: None,
        }),
        created_at: None,
    }
}

fn events() -> (u16, String) {
    let event = json!({
        "metadata": {"name": "cart.1", "namespace": "shop"}, "type": "Warning", "reason": "BackOff", "count": 4,
        "message": "Back-off restarting failed container app\u{1b}[31m", "lastTimestamp": "2026-03-02T09:00:00Z",
        "involvedObject": {"kind": "Pod", "name": "cart-7d9-x2"},
    });
    (200, json!({"kind": "EventList", "apiVersion": "v1", "metadata": {}, "items": [event]}).to_string())
}

#[tokio::test]
async fn a_failing_pod_is_asked_for_its_events_and_the_log_of_the_run_that_failed() {
    let log = "one\n\u{1b}[31mpanic: no ledger\u{1b}[0m\n".to_owned();
    let (cluster, asked) = server(vec![events(), (200, log)]);
    let report = cluster.report_of_pod(&workload().namespace, &crashing(3)).await.unwrap();
    let Told::Known(events) = &report.events else { panic!("{report:?}") };
    assert_eq!((events.len(), events[0].count, events[0].is_warning), (1, 4, true));
    assert_eq!(events[0].message, "Back-off restarting failed container app");
    assert_eq!(events[0].at.unwrap().to_rfc3339(), "2026-03-02T09:00:00+00:00");
    let Told::Known(log) = &report.log else { panic!("{report:?}") };
    assert_eq!((log.lines.join("|").as_str(), log.is_cut, log.of_previous_run), ("one|panic: no ledger", false, true));
    let lines: Vec<String> = asked.lock().unwrap().iter().map(|(_, line)| line.as_str().unwrap().to_owned()).collect();
    assert!(
        lines[0].starts_with("/api/v1/namespaces/shop/events?") && lines[0].contains("name%3Dcart-7d9-x2"),
        "{lines:?}"
    );
    let log = &lines[1];
    assert!(log.starts_with("/api/v1/namespaces/shop/pods/cart-7d9-x2/log?"), "{log}");
    for part in ["container=app", "previous=true", "tailLines=41", "limitBytes=262144"] {
        assert!(log.contains(part), "{log} has no {part}");
    }
    // The first run has none before it.
    let (cluster, asked) = server(vec![self::events(), (200, String::new())]);
    let report = cluster.report_of_pod(&workload().namespace, &crashing(0)).await.unwrap();
    assert_eq!(report.log, Told::Known(LogTail::default()));
    assert!(!asked.lock().unwrap()[1].1.as_str().unwrap().contains("previous"));
}

#[tokio::test]
async fn what_may_not_be_read_or_is_not_there_is_part_of_the_report() {
    let forbidden = || refused(403, "pods \"cart-7d9-x2\" is forbidden: cannot get resource \"pods/log\"");
    let (cluster, _) = server(vec![refused(403, "events is forbidden"), forbidden()]);
    let report = cluster.report_of_pod(&workload().namespace, &crashing(1)).await.unwrap();
    assert_eq!(report.events, Told::NotAllowed("list events".to_owned()));
    assert_eq!(report.log, Told::NotAllowed("get pods/log".to_owned()));

    // The run before is forgotten: the present one's log is better than nothing.
    let gone = || refused(400, "previous terminated container \"app\" in pod \"cart-7d9-x2\" not found");
    let (cluster, _) = server(vec![events(), gone(), (200, "starting".to_owned())]);
    let report = cluster.report_of_pod(&workload().namespace, &crashing(1)).await.unwrap();
    assert_eq!(report.log, Told::Known(LogTail::of("starting", false, false)));

    let waits = "container \"app\" in pod \"cart-7d9-x2\" is waiting to start: trying and failing to pull image";
    let (cluster, _) = server(vec![events(), refused(400, waits)]);
    let report = cluster.report_of_pod(&workload().namespace, &crashing(0)).await.unwrap();
    assert_eq!(report.log, Told::Unknown(waits.to_owned()));

    // A kubelet that is away keeps nobody from the events.
    let (cluster, _) = server(vec![events(), refused(500, "dial tcp 10.0.0.1:10250: connection refused")]);
    let report = cluster.report_of_pod(&workload().namespace, &crashing(0)).await.unwrap();
    assert!(matches!(&report.log, Told::Unknown(why) if why.contains("10250")), "{report:?}");
    assert!(matches!(&report.events, Told::Known(events) if events.len() == 1), "{report:?}");

    let (cluster, _) = server(vec![refused(401, "expired"), refused(401, "expired")]);
    let error = cluster.report_of_pod(&workload().namespace, &crashing(0)).await;
    assert_eq!(error, Err(ClusterError::Unauthorized("expired".to_owned())));
}
