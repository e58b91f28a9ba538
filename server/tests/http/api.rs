//! The API as a pipeline uses it.

use std::time::Duration;

use axum::http::Method;
use contract::services::ServicesBackend as _;
use domain::actor::Role;
use serde_json::{Value, json};

use crate::app::TestApp;

const VERSIONS: &str = "/api/v1/services/cart/versions";

fn digest(letter: char) -> String {
    format!("sha256:{}", letter.to_string().repeat(64))
}

fn version(label: &str, letter: char) -> Value {
    json!({
        "version": label,
        "image": format!("r.example/cart:{label}"),
        "digest": digest(letter),
        "commit": "8c1f02e9aa",
        "commits": [
            { "hash": "8c1f02e9aa", "author": "Theo", "title": "Mend refunds", "committed_at": "2026-03-01T10:00:00Z" },
        ],
        "checks": [{ "name": "unit", "verdict": "passed", "counts": { "tests_run": 412, "tests_failed": 0 } }],
    })
}

#[tokio::test]
async fn registering_is_idempotent_and_another_digest_is_a_conflict() {
    let app = TestApp::new().await;
    app.company(0).await;
    let ci = app.machine(Role::Developer).await;
    let first = ci.post(VERSIONS, &version("2.0", 'a')).await;
    assert_eq!(first.status, 201, "{}", first.text);
    assert_eq!(first.json(), json!({ "service": "cart", "version": "2.0", "is_new": true, "is_pinned": true }));
    let again = ci.post(VERSIONS, &version("2.0", 'a')).await;
    assert_eq!((again.status, again.json()["is_new"].clone()), (200, json!(false)));
    ci.post(VERSIONS, &version("2.0", 'b')).await.problem(409);
    assert_eq!(app.labels().await, ["2.0", "1.0"]);
    let list = ci.get(&format!("{VERSIONS}?size=1")).await.json();
    assert_eq!((&list["total"], &list["size"]), (&json!(2), &json!(1)));
    assert_eq!(list["versions"][0]["version"], "2.0");
    assert_eq!(list["versions"][0]["checks"], "passed");
    app.finish().await;
}

#[tokio::test]
async fn two_registrations_at_the_same_time_are_one() {
    let app = TestApp::new().await;
    app.company(0).await;
    let ci = app.machine(Role::Developer).await;
    let body = version("2.0", 'a');
    let (one, two) = tokio::join!(ci.post(VERSIONS, &body), ci.post(VERSIONS, &body));
    let mut statuses = [one.status, two.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 201], "{} {}", one.text, two.text);
    assert_eq!(app.labels().await, ["2.0", "1.0"]);
    app.finish().await;
}

#[tokio::test]
async fn checks_are_added_later_and_replaced_by_name() {
    let app = TestApp::new().await;
    app.company(0).await;
    let ci = app.machine(Role::Developer).await;
    ci.post(VERSIONS, &version("2.0", 'a')).await;
    let checks = json!({ "checks": [{ "name": "unit", "verdict": "failed", "link": "https://ci.example/1",
        "counts": { "tests_run": 412, "tests_failed": 3 } }] });
    assert_eq!(ci.post(&format!("{VERSIONS}/2.0/checks"), &checks).await.status, 204);
    assert_eq!(ci.get(VERSIONS).await.json()["versions"][0]["checks"], "failed");
    ci.post(&format!("{VERSIONS}/9.9/checks"), &checks).await.problem(404);
    app.finish().await;
}

#[tokio::test]
async fn a_deployment_is_reported_and_updated_by_its_key() {
    let app = TestApp::new().await;
    app.company(0).await;
    let ci = app.machine(Role::Developer).await;
    let report = |outcome: &str| json!({ "service": "cart", "environment": "production", "version": "1.0", "outcome": outcome, "key": "run-7" });
    let first = ci.post("/api/v1/deployments", &report("running")).await;
    assert_eq!((first.status, first.json()), (201, json!({ "is_new": true })), "{}", first.text);
    let again = ci.post("/api/v1/deployments", &report("succeeded")).await;
    assert_eq!((again.status, again.json()), (200, json!({ "is_new": false })), "{}", again.text);
    app.finish().await;
}

#[tokio::test]
async fn a_promotion_is_asked_for_once_by_its_key_and_waited_for() {
    let app = TestApp::new().await;
    app.company(1).await;
    app.version("2.0").await;
    let ci = app.machine(Role::Developer).await;
    let ask =
        json!({ "service": "cart", "version": "2.0", "environment": "production", "reason": "CI", "key": "run-7" });
    let first = ci.post("/api/v1/promotions", &ask).await;
    assert_eq!(first.status, 201, "{}", first.text);
    let number = first.json()["number"].as_i64().unwrap();
    assert_eq!(first.location(), format!("/api/v1/promotions/{number}"));
    assert_eq!(ci.post("/api/v1/promotions", &ask).await.json()["number"], number);
    let path = format!("/api/v1/promotions/{number}");
    let now = ci.get(&path).await.json();
    assert_eq!((&now["phase"], &now["is_over"]), (&json!("waiting"), &json!(false)));
    let waiting = tokio::spawn({
        let (ci, path) = (ci.clone(), format!("{path}?wait=50"));
        async move { ci.get(&path).await }
    });
    app.withdraw(number).await;
    let over = tokio::time::timeout(Duration::from_secs(20), waiting).await.unwrap().unwrap().json();
    assert_eq!((&over["phase"], &over["is_over"]), (&json!("cancelled"), &json!(true)));
    app.finish().await;
}

#[tokio::test]
async fn who_waits_for_a_promotion_is_answered_when_the_server_ends() {
    let app = TestApp::new().await;
    app.company(1).await;
    app.version("2.0").await;
    let number = app.promotion("2.0").await;
    let ci = app.machine(Role::Developer).await;
    app.shutdown.cancel();
    let path = format!("/api/v1/promotions/{number}?wait=50");
    let answer = tokio::time::timeout(Duration::from_secs(20), ci.get(&path)).await.unwrap();
    assert_eq!((answer.status, answer.json()["phase"].clone()), (200, json!("waiting")));
    app.withdraw(number).await;
    app.finish().await;
}

#[tokio::test]
async fn a_service_and_an_incident_come_by_the_api_too() {
    let app = TestApp::new().await;
    app.company(0).await;
    let machine = app.machine(Role::ReleaseManager).await;
    let service = json!({ "name": "search", "team": "discovery" });
    assert_eq!(machine.post("/api/v1/services", &service).await.status, 201);
    assert_eq!(machine.post("/api/v1/services", &service).await.problem(422)["field"], "name");
    let incident = json!({ "title": "Slow", "severity": "major", "service": "cart", "environment": "production" });
    let opened = machine.post("/api/v1/incidents", &incident).await;
    assert_eq!(opened.status, 201, "{}", opened.text);
    let resolve = format!("/api/v1/incidents/{}/resolve", opened.json()["number"]);
    assert_eq!(machine.post(&resolve, &Value::Null).await.status, 204);
    machine.post("/api/v1/incidents/4711/resolve", &Value::Null).await.problem(404);
    app.finish().await;
}

#[tokio::test]
async fn attack_32_a_token_ends_with_its_revocation_its_time_and_its_owner() {
    use contract::{people::PeopleBackend as _, tokens::TokensBackend as _};
    let app = TestApp::new().await;
    app.company(0).await;
    let admin = app.admin().await;
    let (revoked, expired) = (app.machine(Role::Developer).await, app.machine(Role::Viewer).await);
    assert_eq!(revoked.get(VERSIONS).await.status, 200);
    let tokens = app.engine.tokens(&admin).await.unwrap();
    let id = tokens.iter().find(|t| t.role == Role::Developer).unwrap().id;
    app.engine.revoke_token(&admin, id).await.unwrap();
    revoked.get(VERSIONS).await.problem(401);
    assert_eq!(expired.get(VERSIONS).await.status, 200);
    app.clock.advance(Duration::from_secs(31 * 86_400));
    expired.get(VERSIONS).await.problem(401);
    let owned = app.machine(Role::Developer).await;
    let other = app.person(Role::Developer).await;
    app.engine.set_role(&admin, other.identity.person().unwrap(), Role::Admin).await.unwrap();
    app.engine.set_active(&other_admin(&app).await, admin.identity.person().unwrap(), false).await.unwrap();
    owned.get(VERSIONS).await.problem(401);
    app.finish().await;
}

#[tokio::test]
async fn a_metric_source_is_set_by_api_and_its_secret_is_never_told() {
    let app = TestApp::new().await;
    app.company(0).await;
    app.connect("eu-1").await;
    let path = "/api/v1/clusters/eu-1/metrics";
    let ci = app.machine(Role::Admin).await;
    ci.get(path).await.problem(404);
    let secret = "metrics-canary-0815";
    let shared = |matchers: &str| {
        let source = json!({ "address": "https://prometheus.example", "access": "token", "token": secret });
        let mut source = source.as_object().unwrap().clone();
        source.extend([("matchers".to_owned(), json!(matchers)), ("tenant".to_owned(), json!("shop"))]);
        Value::Object(source)
    };
    let unnamed = ci.send(Method::PUT, path, &shared("eu-1")).await.problem(422);
    assert_eq!(unnamed["field"], "matchers", "{unnamed}");
    let input = shared("cluster=\"eu-1\"");
    let set = ci.send(Method::PUT, path, &input).await;
    assert_eq!(set.status, 204, "{}", set.text);
    let shown = ci.get(path).await;
    assert!(!shown.text.contains(secret));
    let expected = json!({
        "address": "https://prometheus.example", "is_practice": false, "access": "token", "user": null,
        "matchers": "cluster=\"eu-1\"", "tenant": "shop",
    });
    assert_eq!(shown.json(), expected);
    let private = json!({ "address": "https://10.0.0.1" });
    let refused = ci.send(Method::PUT, path, &private).await.problem(422);
    assert_eq!(refused["field"], "address");
    assert!(refused["detail"].as_str().unwrap().contains("outgoing_allow"), "{refused}");
    ci.send(Method::PUT, "/api/v1/clusters/practice/metrics", &input).await.problem(409);
    let test = ci.post(&format!("{path}/test"), &json!({ "plane": "squid" })).await.problem(422);
    assert_eq!(test["field"], "metrics");
    assert_eq!(ci.send(Method::DELETE, path, &Value::Null).await.status, 204);
    ci.get(path).await.problem(404);
    let mut browser = app.signed_in(Role::Admin).await;
    assert!(!browser.get("/audit").await.text.contains(secret));
    app.finish().await;
}

#[tokio::test]
async fn a_strategy_that_is_sent_without_the_data_plane_keeps_it() {
    let app = TestApp::new().await;
    app.company(0).await;
    let mut browser = app.signed_in(Role::Admin).await;
    let fields = |more: &[(&'static str, &'static str)]| {
        let canary = [
            ("service", "cart"),
            ("environment", "production"),
            ("input[strategy]", "canary"),
            ("input[exposed]", "cart"),
            ("input[layer]", "replicas"),
        ];
        canary.into_iter().chain(more.iter().copied()).collect::<Vec<_>>()
    };
    let all = fields(&[("input[metrics]", "practice"), ("input[window]", "30")]);
    assert_eq!(browser.post("/do/set_strategy", &all).await.status, 303);
    assert_eq!(browser.post("/do/set_strategy", &fields(&[("input[steps]", "10%, 1m")])).await.status, 303);
    let admin = app.admin().await;
    let strategy = async || app.engine.service(&admin, "cart", contract::PageRequest::default()).await.unwrap();
    let kept = strategy().await.targets.remove(0).strategy;
    assert_eq!((kept.steps.as_str(), kept.metrics.as_str(), kept.window.as_str()), ("10%, 1m", "practice", "30"));
    let nobody = fields(&[("input[metrics]", ""), ("input[window]", "")]);
    assert_eq!(browser.post("/do/set_strategy", &nobody).await.status, 303);
    let gone = strategy().await.targets.remove(0).strategy;
    assert_eq!((gone.metrics.as_str(), gone.window.as_str()), ("", ""), "an empty choice is one");
    app.finish().await;
}

async fn other_admin(app: &TestApp) -> domain::actor::Actor {
    app.engine.actor_of_person(app.person_id(Role::Developer).await, None).await.unwrap()
}

#[tokio::test]
async fn the_document_describes_every_route_of_the_api() {
    let app = TestApp::new().await;
    let answer = app.browser().get("/api/openapi.json").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"));
    let document = answer.json();
    let table = server::http::route_table(&app.web);
    let mut described = 0;
    for route in table.iter().filter(|r| r.access == server::http::Access::Token) {
        let operation = &document["paths"][&route.path][route.method.as_str().to_lowercase()];
        assert!(operation["responses"]["401"]["content"]["application/problem+json"].is_object(), "{route:?}");
        assert!(!operation["summary"].as_str().unwrap().is_empty(), "{route:?}");
        described += 1;
    }
    let there: usize =
        document["paths"].as_object().unwrap().values().map(|item| item.as_object().unwrap().len()).sum();
    assert_eq!(described, there);
    for schema in ["Problem", "RegisterVersion", "PromotionStatus", "RequestPromotion", "ReportDeployment"] {
        assert!(document["components"]["schemas"][schema].is_object(), "{schema}");
    }
    assert_eq!(document["components"]["securitySchemes"]["token"]["scheme"], "bearer");
    app.finish().await;
}

#[tokio::test]
async fn alertmanager_tells_of_alerts_and_hears_what_they_did() {
    let app = TestApp::new().await;
    app.company(0).await;
    let monitor = app.machine(Role::Monitor).await;
    // As Alertmanager sends it, with fields that Slipway does not look at.
    let webhook = json!({
        "version": "4", "groupKey": "{}:{alertname=\"Errors\"}", "truncatedAlerts": 0, "status": "firing",
        "receiver": "slipway", "groupLabels": { "alertname": "Errors" }, "commonLabels": {}, "commonAnnotations": {},
        "externalURL": "http://alertmanager.example",
        "alerts": [{
            "status": "firing", "labels": { "alertname": "Errors", "app": "cart", "severity": "page" },
            "annotations": { "summary": "too many" }, "startsAt": "2026-03-02T10:00:00.123Z",
            "endsAt": "0001-01-01T00:00:00Z", "generatorURL": "http://prometheus.example", "fingerprint": "c0ffee"
        }]
    });
    let taken = monitor.post("/api/v1/alerts?service=app&take_back=critical,page", &webhook).await;
    assert_eq!((taken.status, taken.json()), (200, json!({ "effects": [], "untouched": 1 })), "{}", taken.text);
    // A parameter that is misspelt would be read as if it had not been given.
    monitor.post("/api/v1/alerts?take_bakc=page", &webhook).await.problem(400);
    let mut other = webhook.clone();
    other["version"] = json!("5");
    assert_eq!(monitor.post("/api/v1/alerts", &other).await.problem(422)["field"], "version");
    other["version"] = json!("4");
    other["alerts"][0]["status"] = json!("burning");
    assert_eq!(monitor.post("/api/v1/alerts", &other).await.problem(422)["field"], "alerts[0].status");
    let storm = json!({ "version": "4", "alerts": vec![webhook["alerts"][0].clone(); 1_000] });
    assert_eq!(monitor.post("/api/v1/alerts?service=app", &storm).await.json()["untouched"], 1_000);
    let huge = json!({ "version": "4", "alerts": [], "x": "x".repeat(1_100_000) });
    monitor.post("/api/v1/alerts", &huge).await.problem(413);
    app.machine(Role::Developer).await.post("/api/v1/alerts", &webhook).await.problem(403);
    app.finish().await;
}
