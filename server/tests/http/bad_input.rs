//! What nobody should send: the answer is a refusal that helps, never a failure of ours.

use axum::{
    body::Body,
    http::{Method, header},
};
use domain::actor::Role;
use serde_json::{Value, json};

use crate::app::TestApp;

const VERSIONS: &str = "/api/v1/services/cart/versions";

#[tokio::test]
async fn attack_13_malformed_json_is_a_problem_that_names_the_place() {
    let app = TestApp::new().await;
    app.company(0).await;
    let ci = app.machine(Role::Developer).await;
    for text in ["", "{", "[1,", "{\"version\": 1e999}", "\u{0}", "nope", "{\"a\":1}}"] {
        let answer = ci.post_raw(VERSIONS, "application/json", text.to_owned()).await;
        assert!(answer.status == 400 || answer.status == 422, "{text}: {} {}", answer.status, answer.text);
        answer.problem(answer.status);
    }
    let unknown = ci.post(VERSIONS, &json!({ "version": "2.0", "imagee": "x" })).await.problem(422);
    assert!(unknown["detail"].as_str().unwrap().contains("imagee"), "{unknown}");
    let commits = json!({ "version": "2.0", "commits": [{ "hash": "abcdef1", "author": "A", "title": 7 }] });
    let nested = ci.post(VERSIONS, &commits).await.problem(422);
    assert_eq!(nested["field"], "commits[0].title", "{nested}");
    let field = ci.post(VERSIONS, &json!({ "version": "not a label!" })).await.problem(422);
    assert_eq!(field["field"], "version", "{field}");
    assert_eq!(app.labels().await, ["1.0"]);
    app.finish().await;
}

#[tokio::test]
async fn attack_44_oversized_bodies_are_refused_before_they_are_read() {
    let app = TestApp::new().await;
    app.company(0).await;
    let ci = app.machine(Role::Developer).await;
    let large = "x".repeat(1024 * 1024 + 1);
    ci.post_raw(VERSIONS, "application/json", large.clone()).await.problem(413);
    ci.post_raw(VERSIONS, "application/json", large.repeat(3)).await.problem(413);
    let mut browser = app.signed_in(Role::Admin).await;
    for path in ["/do/add_service", "/sign-in", "/link/x"] {
        let answer = browser.post_raw(path, "application/x-www-form-urlencoded", large.repeat(3)).await;
        assert_eq!(answer.status, 413, "{path}");
    }
    let form = format!("email={}", "x".repeat(20_000));
    assert_eq!(app.browser().post_raw("/sign-in", "application/x-www-form-urlencoded", form).await.status, 413);
    // A body without a length is counted while it is read.
    let pieces = futures::stream::iter((0..3000).map(|_| Ok::<_, std::io::Error>("x".repeat(1024))));
    ci.post_raw(VERSIONS, "application/json", Body::from_stream(pieces)).await.problem(413);
    app.finish().await;
}

#[tokio::test]
async fn nested_json_does_not_overflow() {
    let app = TestApp::new().await;
    app.company(0).await;
    let ci = app.machine(Role::Developer).await;
    let deep = format!("{{\"version\":{}", "[".repeat(200_000));
    let answer = ci.post_raw(VERSIONS, "application/json", deep).await;
    assert!(answer.status == 400 || answer.status == 422, "{}", answer.status);
    app.finish().await;
}

#[tokio::test]
async fn other_media_types_methods_and_addresses_are_problems_too() {
    let app = TestApp::new().await;
    let ci = app.machine(Role::Developer).await;
    ci.post_raw(VERSIONS, "text/plain", "{}").await.problem(415);
    ci.post_raw(VERSIONS, "application/x-www-form-urlencoded", "a=b").await.problem(415);
    ci.get("/api/v1/nothing").await.problem(404);
    ci.get("/api/nothing").await.problem(404);
    ci.get("/api/v1/promotions/abc").await.problem(400);
    ci.get("/api/v1/promotions/99999999999999999999").await.problem(400);
    ci.get("/api/v1/promotions/1?wait=-1").await.problem(400);
    ci.get("/api/v1/services/%ff%fe/versions").await.problem(400);
    let delete = ci.request(Method::DELETE, "/api/v1/promotions/1").body(Body::empty()).unwrap();
    let answer = crate::client::send(&app.router, delete).await;
    answer.problem(405);
    assert!(answer.header("allow").contains("GET"), "{}", answer.header("allow"));
    app.finish().await;
}

#[tokio::test]
async fn hostile_strings_in_every_field_are_kept_as_text_or_refused() {
    let app = TestApp::new().await;
    app.company(0).await;
    let ci = app.machine(Role::Developer).await;
    let hostile = [
        "'; DROP TABLE people; --",
        "\u{0}",
        "\u{202E}evil",
        "../../etc/passwd",
        "%s%n{{7*7}}${7*7}",
        "<script>alert(1)</script>",
        "\u{FFFF}\u{1F600}",
        " ",
        &"long ".repeat(2_000),
    ];
    for text in hostile {
        let bodies = [
            (VERSIONS, json!({ "version": text, "image": "r.example/cart:1" })),
            (VERSIONS, json!({ "version": "3.0", "image": text })),
            (VERSIONS, json!({ "version": "3.1", "image": "r.example/cart:3.1", "digest": text })),
            (VERSIONS, json!({ "version": "3.2", "image": "r.example/cart:3.2", "commit": text })),
            (VERSIONS, version_with_commit(text)),
            (
                "/api/v1/deployments",
                json!({ "service": "cart", "environment": "production", "version": "1.0",
                "outcome": "succeeded", "key": text }),
            ),
            (
                "/api/v1/deployments",
                json!({ "service": text, "environment": text, "version": text,
                "outcome": "succeeded", "key": "k" }),
            ),
            (
                "/api/v1/promotions",
                json!({ "service": "cart", "environment": "production", "version": text,
                "reason": text }),
            ),
            (
                "/api/v1/incidents",
                json!({ "title": text, "severity": "minor", "service": "cart",
                "environment": "production" }),
            ),
        ];
        for (path, body) in bodies {
            let answer = ci.post(path, &body).await;
            assert!(answer.status < 500 && answer.status != 401, "{path} {body}: {} {}", answer.status, answer.text);
            if answer.status >= 400 {
                answer.problem(answer.status);
            }
        }
    }
    let mut reader = app.signed_in(Role::Admin).await;
    for path in ["/", "/services/cart", "/deployments", "/incidents", "/audit", "/search?q=%27%3B+DROP"] {
        let page = reader.get(path).await;
        assert_eq!(page.status, 200, "{path}");
        assert!(!page.text.contains("<script>alert"), "{path}");
    }
    app.finish().await;
}

fn version_with_commit(text: &str) -> Value {
    json!({ "version": format!("4.{}", text.len()), "image": "r.example/cart:4",
        "commits": [{ "hash": "abcdef1", "author": text, "title": text, "committed_at": "2026-03-01T10:00:00Z" }],
        "checks": [{ "name": text, "verdict": "passed", "link": text }] })
}

#[tokio::test]
async fn wrong_states_and_double_clicks_are_conflicts_that_say_so() {
    let app = TestApp::new().await;
    app.company(1).await;
    app.version("2.0").await;
    let number = app.promotion("2.0").await.to_string();
    let mut approver = app.signed_in(Role::Approver).await;
    approver.is_script = true;
    let mut manager = app.signed_in(Role::ReleaseManager).await;
    manager.is_script = true;
    let abort = manager.post("/do/abort", &[("number", &number), ("reason", "x")]).await;
    assert_eq!(abort.status, 409, "it has not started: {}", abort.text);
    let stale = [("number", number.as_str()), ("plan_number", "99"), ("judgement", "approve")];
    assert_eq!(approver.post("/do/judge", &stale).await.status, 409);
    let cancel = [("number", number.as_str()), ("reason", "not needed")];
    let mut twin = manager.clone();
    let (one, two) = tokio::join!(manager.post("/do/cancel", &cancel), twin.post("/do/cancel", &cancel));
    let mut statuses = [one.status, two.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409], "{} {}", one.text, two.text);
    let late = [("number", number.as_str()), ("plan_number", "1"), ("judgement", "approve")];
    assert_eq!(approver.post("/do/judge", &late).await.status, 409);
    app.finish().await;
}

#[tokio::test]
async fn strange_requests_do_not_reach_anything() {
    let app = TestApp::new().await;
    app.admin().await;
    let mut browser = app.signed_in(Role::Viewer).await;
    for path in ["/%00", "/services/%00", "/services/..%2f..%2fetc", "/do/nothing", "/do/", "//", "/?page=%ff&q=%00"] {
        let answer = browser.get(path).await;
        assert!(answer.status < 500, "{path}: {}", answer.status);
    }
    assert_eq!(browser.post("/do/nothing", &[]).await.status, 404);
    for cookie in ["slipway=", "slipway=x", "slipway=AAAAAAAAAAAAAAAAAAAAAA", "slipway=\"; x", "=; =="] {
        let request = axum::http::Request::builder()
            .uri("/approvals")
            .header(header::ACCEPT, "text/html")
            .header(header::COOKIE, cookie)
            .body(Body::empty())
            .unwrap();
        assert_eq!(crate::client::send(&app.router, request).await.status, 303, "{cookie}");
    }
    app.finish().await;
}

#[tokio::test]
async fn a_word_that_is_neither_yes_nor_no_is_refused() {
    let app = TestApp::new().await;
    app.company(0).await;
    let mut manager = app.signed_in(Role::Admin).await;
    manager.is_script = true;
    for (word, status) in [("maybe", 422), ("yes", 200), ("no", 200), ("", 200)] {
        let place = [("level", "target"), ("service", "cart"), ("environment", "production"), ("rule", "restarts")];
        let form: Vec<_> = place.into_iter().chain([("breach", "3"), ("dry_run", word)]).collect();
        assert_eq!(manager.post("/do/set_rule", &form).await.status, status, "{word}");
    }
    app.finish().await;
}
