//! Every route and every role: what is not allowed is refused, by the router's own table.

use std::collections::BTreeSet;

use axum::{
    body::Body,
    http::{Method, Request, header},
};
use domain::actor::{Act, Actor, Role};
use serde_json::{Value, json};
use server::http::{Access, RouteEntry, route_table};

use crate::{
    app::{Settings, TestApp, machine_actor},
    client::send,
};

/// A path that fits the pattern.
fn filled(pattern: &str) -> String {
    pattern.replace("{number}", "1").replace("{*file}", "x.js").replace(['{', '}'], "")
}

fn request(route: &RouteEntry) -> axum::http::request::Builder {
    Request::builder().method(route.method.clone()).uri(filled(&route.path))
}

#[tokio::test]
async fn attack_03_nobody_gets_past_a_route_without_credentials() {
    let app = TestApp::with(Settings { metrics_token: Some("metrics-token-4711"), ..Settings::default() }).await;
    app.admin().await;
    let table = route_table(&app.web);
    assert!(table.len() > 60, "{}", table.len());
    for route in &table {
        let as_page = request(route).header(header::ACCEPT, "text/html").body(Body::empty()).unwrap();
        let page = send(&app.router, as_page).await;
        let as_script = request(route).body(Body::empty()).unwrap();
        let script = send(&app.router, as_script).await;
        match route.access {
            Access::Public | Access::Visitor => {
                assert!(page.status != 401 && page.status < 500, "{route:?}: {}", page.status);
                assert!(!page.location().starts_with("/sign-in?next"), "{route:?}");
            }
            Access::Person => {
                assert_eq!(page.status, 303, "{route:?}");
                assert!(page.location().starts_with("/sign-in"), "{route:?}: {}", page.location());
                assert_eq!(script.status, 401, "{route:?}");
            }
            Access::Token => {
                script.problem(401);
                assert_eq!(script.header("www-authenticate"), "Bearer");
            }
            Access::Metrics => assert_eq!(script.status, 401, "{route:?}"),
        }
    }
    app.finish().await;
}

#[tokio::test]
async fn only_these_routes_are_open_to_everyone() {
    let app = TestApp::new().await;
    let open: BTreeSet<String> = route_table(&app.web)
        .iter()
        .filter(|r| matches!(r.access, Access::Public | Access::Visitor))
        .map(|r| format!("{} {}", r.method, r.path))
        .collect();
    let expected = [
        "GET /api/openapi.json",
        "GET /assets/{hash}/{*file}",
        "GET /health",
        "GET /link/{token}",
        "GET /ready",
        "GET /sign-in",
        "GET /startup",
        "POST /link/{token}",
        "POST /sign-in",
        "POST /sign-out",
    ];
    assert_eq!(open, expected.iter().map(ToString::to_string).collect());
    app.finish().await;
}

#[tokio::test]
async fn attack_40_nothing_that_writes_is_reached_by_get() {
    let app = TestApp::new().await;
    let table = route_table(&app.web);
    for route in table.iter().filter(|r| r.path.starts_with("/do/")) {
        assert_eq!(route.method, Method::POST, "{route:?}");
    }
    app.finish().await;
}

/// A session is nothing to the API, and a token is nothing to pages.
#[tokio::test]
async fn credentials_are_taken_only_where_they_belong() {
    let app = TestApp::new().await;
    let mut browser = app.signed_in(Role::Admin).await;
    browser.is_script = true;
    browser.get("/api/v1/promotions/1").await.problem(401);
    browser.post_json("/api/v1/promotions", &json!({})).await.problem(401);
    let machine = app.machine(Role::Admin).await;
    assert_eq!(machine.post("/do/frame", &json!({})).await.status, 401);
    assert_eq!(machine.get("/audit").await.status, 401);
    app.finish().await;
}

/// Where the version of a target lives.
const GIT: &str = "/api/v1/services/{service}/targets/{environment}/git";

/// Each route of the API with a body that can be read, and the act that it takes.
fn api_acts() -> Vec<(Method, &'static str, Value, Act)> {
    let check = json!({ "checks": [{ "name": "unit", "verdict": "passed" }] });
    let deployment = json!({ "service": "x", "environment": "x", "version": "1", "outcome": "succeeded", "key": "k" });
    let promotion = json!({ "service": "x", "environment": "x", "version": "1", "reason": "because" });
    let incident = json!({ "title": "x", "severity": "major", "service": "x", "environment": "x" });
    let service = json!({ "name": "x", "team": "x" });
    let (here, breach) = (json!({ "service": "x", "environment": "x" }), json!({ "rule": "error-rate", "breach": 3 }));
    vec![
        (Method::POST, "/api/v1/services", service, Act::ManageServices),
        (Method::GET, "/api/v1/services/{service}/versions", Value::Null, Act::Read),
        (Method::POST, "/api/v1/services/{service}/versions", json!({ "version": "1" }), Act::RegisterVersion),
        (Method::POST, "/api/v1/services/{service}/versions/{version}/checks", check, Act::RegisterVersion),
        (Method::POST, "/api/v1/deployments", deployment, Act::ReportDeployment),
        (Method::POST, "/api/v1/promotions", promotion, Act::RequestPromotion),
        (Method::GET, "/api/v1/promotions/{number}", Value::Null, Act::Read),
        (
            Method::POST,
            "/api/v1/promotions/{number}/report",
            json!({ "id": "1", "delivery": "call_00000000000000000000000000000007_1", "state": "running" }),
            Act::ReportProgress,
        ),
        (Method::POST, "/api/v1/incidents", incident, Act::ManageIncidents),
        (Method::POST, "/api/v1/alerts", json!({ "version": "4", "alerts": [] }), Act::SendAlerts),
        (Method::GET, "/api/v1/clusters/{cluster}/metrics", Value::Null, Act::Read),
        (Method::PUT, "/api/v1/clusters/{cluster}/metrics", json!({ "address": "x" }), Act::ManageIntegrations),
        (Method::DELETE, "/api/v1/clusters/{cluster}/metrics", Value::Null, Act::ManageIntegrations),
        (Method::POST, "/api/v1/clusters/{cluster}/metrics/test", json!({}), Act::ManageIntegrations),
        (Method::GET, "/api/v1/services/{service}/environments/{environment}/rules", Value::Null, Act::Read),
        (Method::PUT, "/api/v1/rules", json!({ "place": here, "change": breach }), Act::ManageServices),
        (Method::DELETE, "/api/v1/rules/{rule}", Value::Null, Act::ManageEnvironments),
        (
            Method::PUT,
            "/api/v1/services/{service}/environments/{environment}/health",
            json!({ "address": "" }),
            Act::ManageServices,
        ),
        (Method::PUT, "/api/v1/judging", json!({ "place": { "tier": 1 }, "policy": {} }), Act::ManageEnvironments),
        (Method::POST, "/api/v1/incidents/{number}/resolve", Value::Null, Act::ManageIncidents),
        (Method::GET, GIT, Value::Null, Act::Read),
        (Method::PUT, GIT, json!({ "branch": "main" }), Act::ManageServices),
        (Method::DELETE, GIT, Value::Null, Act::ManageServices),
        (Method::POST, "/api/v1/services/{service}/targets/{environment}/git/test", Value::Null, Act::ManageServices),
    ]
}

#[tokio::test]
async fn attack_01_every_route_of_the_api_asks_for_the_role() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let acts = api_acts();
    let named: BTreeSet<String> = acts.iter().map(|(method, path, ..)| format!("{method} {path}")).collect();
    let there: BTreeSet<String> = route_table(&app.web)
        .iter()
        .filter(|r| r.access == Access::Token)
        .map(|r| format!("{} {}", r.method, r.path))
        .collect();
    assert_eq!(named, there, "a new route must be named here with its act");
    for role in Role::OF_TOKENS {
        let machine = app.machine(role).await;
        let actor = machine_actor(role, &admin);
        for (method, path, body, act) in &acts {
            let path = filled(path);
            let answer = machine.send(method.clone(), &path, body).await;
            expect_role(&actor, *act, &path, answer.status, &answer.text);
        }
    }
    app.finish().await;
}

/// What each server function takes: a form (`None`: it reads by JSON) and the act.
fn form_acts() -> Vec<(&'static str, Value, Act)> {
    let page = json!({ "page": 1, "size": 10 });
    let nobody = "01900000-0000-7000-8000-000000000001";
    let board = json!({ "query": { "only_differences": false, "sort": "need", "page": page } });
    let promote = json!({ "service": "x", "environment": "x" });
    vec![
        ("frame", json!({}), Act::Read),
        ("board", board, Act::Read),
        ("approvals", json!({}), Act::Read),
        ("services", json!({ "query": { "page": page } }), Act::Read),
        ("service", json!({ "name": "x", "versions": page }), Act::Read),
        ("teams", json!({}), Act::Read),
        ("where_is_commit", json!({ "service": "x", "hash": "abcdef1" }), Act::Read),
        ("version", json!({ "service": "x", "label": "1" }), Act::Read),
        ("compare", json!({ "service": "x", "to": "1" }), Act::Read),
        ("promotions", json!({ "query": { "page": page } }), Act::Read),
        ("promotion", json!({ "number": 1 }), Act::Read),
        ("promote_view", promote.clone(), Act::Read),
        ("rollback_view", promote, Act::Read),
        ("deployments", json!({ "query": { "page": page } }), Act::Read),
        ("insights", json!({ "query": {} }), Act::Read),
        ("incidents", json!({ "page": page }), Act::Read),
        ("environments", json!({}), Act::Read),
        ("clusters", json!({}), Act::Read),
        ("search", json!({ "text": "x" }), Act::Read),
        ("audit", json!({ "query": { "page": page } }), Act::ReadAudit),
        ("people", json!({}), Act::ManagePeople),
        ("tokens", json!({}), Act::ManageTokens),
        ("slack", json!({}), Act::ManageIntegrations),
        ("discover", json!({ "cluster": "x" }), Act::ManageServices),
        ("set_theme", json!({ "theme": "dark" }), Act::Read),
        ("request_promotion", json!({ "service": "x", "environment": "x", "version": "1" }), Act::RequestPromotion),
        ("judge", json!({ "number": "1", "plan_number": "1", "judgement": "approve" }), Act::Approve),
        ("cancel", json!({ "number": "1" }), Act::StopOwnPromotion),
        ("abort", json!({ "number": "1" }), Act::StopOwnPromotion),
        ("abandon", json!({ "number": "1" }), Act::StopAnyPromotion),
        ("steer", json!({ "number": "1", "act": "skip" }), Act::SteerPromotion),
        ("roll_back", json!({ "service": "x", "environment": "x" }), Act::RollBack),
        ("add_service", json!({ "name": "x", "tier": "1" }), Act::ManageServices),
        ("change_service", json!({ "name": "x", "tier": "1" }), Act::ManageServices),
        ("set_target", json!({ "service": "x", "environment": "x" }), Act::ManageServices),
        (
            "set_strategy",
            json!({ "service": "x", "environment": "x", "input[strategy]": "rolling" }),
            Act::ManageServices,
        ),
        (
            "set_deployer",
            json!({ "service": "x", "environment": "x", "input[start]": "https://deploy.example" }),
            Act::ManageServices,
        ),
        ("set_git_place", json!({ "service": "x", "environment": "x", "input[branch]": "main" }), Act::ManageServices),
        ("clear_git_place", json!({ "service": "x", "environment": "x" }), Act::ManageServices),
        ("give_helm_consent", json!({ "service": "x", "environment": "x", "reason": "y" }), Act::ManageServices),
        ("take_back_helm_consent", json!({ "service": "x", "environment": "x" }), Act::ManageServices),
        ("test_git_place", json!({ "service": "x", "environment": "x" }), Act::ManageServices),
        ("new_deployer_secret", json!({ "service": "x", "environment": "x" }), Act::ManageServices),
        ("ping_deployer", json!({ "service": "x", "environment": "x" }), Act::ManageServices),
        ("adopt", json!({ "cluster": "x", "workloads[0][take]": "true" }), Act::ManageServices),
        ("open_incident", json!({ "severity": "major" }), Act::ManageIncidents),
        ("resolve_incident", json!({ "number": "1" }), Act::ManageIncidents),
        ("save_environment", environment(), Act::ManageEnvironments),
        ("move_environment_up", json!({ "name": "x" }), Act::ManageEnvironments),
        ("save_cluster", json!({ "is_new": "true", "name": "x" }), Act::ManageClusters),
        ("remove_cluster", json!({ "name": "x" }), Act::ManageClusters),
        ("test_cluster", json!({ "name": "x" }), Act::ManageClusters),
        ("judging", json!({ "service": "x", "environment": "x" }), Act::Read),
        ("helm_ownership", json!({ "service": "x", "environment": "x" }), Act::Read),
        ("target_now", json!({ "service": "x", "environment": "x" }), Act::Read),
        (
            "set_rule",
            json!({ "level": "target", "service": "x", "environment": "x", "rule": "p95", "breach": "3" }),
            Act::ManageServices,
        ),
        ("set_health", json!({ "service": "x", "environment": "x" }), Act::ManageServices),
        ("clear_rule", json!({ "level": "tier", "tier": "1", "rule": "p95" }), Act::ManageEnvironments),
        ("set_judging_policy", json!({ "level": "environment", "environment": "x" }), Act::ManageEnvironments),
        ("metric_source", json!({ "cluster": "x" }), Act::Read),
        ("set_metric_source", json!({ "cluster": "x" }), Act::ManageIntegrations),
        ("clear_metric_source", json!({ "cluster": "x" }), Act::ManageIntegrations),
        ("test_metric_source", json!({ "cluster": "x" }), Act::ManageIntegrations),
        ("invite", json!({ "role": "viewer" }), Act::ManagePeople),
        ("set_role", json!({ "person": nobody, "role": "viewer" }), Act::ManagePeople),
        ("set_active", json!({ "person": nobody, "is_active": "false" }), Act::ManagePeople),
        ("reset_password", json!({ "person": nobody }), Act::ManagePeople),
        ("make_token", json!({ "role": "viewer", "days": "1" }), Act::ManageTokens),
        ("revoke_token", json!({ "id": nobody }), Act::ManageTokens),
        ("set_slack", json!({ "channel": "x y" }), Act::ManageIntegrations),
    ]
}

fn environment() -> Value {
    json!({ "is_new": "true", "name": "X Y", "kind": "production", "approvals": "1", "rollout_budget_seconds": "600",
        "watch_seconds": "0" })
}

#[tokio::test]
async fn attack_01_every_server_function_asks_for_the_role() {
    let app = TestApp::new().await;
    let acts = form_acts();
    let named: BTreeSet<String> = acts.iter().map(|(name, ..)| format!("/do/{name}")).collect();
    let table = route_table(&app.web);
    let there: BTreeSet<String> = table.iter().filter(|r| r.path.starts_with("/do/")).map(|r| r.path.clone()).collect();
    assert_eq!(named, there, "a new server function must be named here with its act");
    for role in Role::ALL {
        let mut browser = app.signed_in(role).await;
        browser.is_script = true;
        let actor = app.person(role).await;
        for (name, body, act) in &acts {
            let path = format!("/do/{name}");
            let reads =
                body.as_object().unwrap().values().all(Value::is_string) && !body.as_object().unwrap().is_empty();
            let by_json = browser.post_json(&path, body).await;
            let answer = if reads && by_json.status == 422 {
                let fields: Vec<(&str, &str)> =
                    body.as_object().unwrap().iter().map(|(k, v)| (k.as_str(), v.as_str().unwrap())).collect();
                browser.post(&path, &fields).await
            } else {
                by_json
            };
            expect_role(&actor, *act, &path, answer.status, &answer.text);
        }
    }
    app.finish().await;
}

/// Refused for the role exactly when the rules say so.
fn expect_role(actor: &Actor, act: Act, path: &str, status: u16, text: &str) {
    let what = format!("{} {path}: {status} {text}", actor.role.words());
    let is_about_role = text.contains("does not include it");
    if actor.may(act).is_ok() {
        assert!(status != 401 && status < 500 && !is_about_role, "{what}");
        assert!(!text.contains("form could not be read"), "{what}");
    } else {
        assert!(status == 403 && is_about_role, "{what}");
    }
}
