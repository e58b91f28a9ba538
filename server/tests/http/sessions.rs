//! Sessions and their cookie.

use std::time::Duration;

use axum::{
    body::Body,
    http::{Method, Request, header},
};
use contract::people::PeopleBackend as _;
use domain::actor::Role;

use crate::{
    app::{PASSWORD, Settings, TestApp, email},
    client::{HOST, send},
};

async fn sign_in_cookie(app: &TestApp) -> String {
    app.admin().await;
    let mut browser = app.browser();
    let done = browser.post("/sign-in", &[("email", &email(Role::Admin)), ("password", PASSWORD)]).await;
    done.headers.get_all("set-cookie").iter().map(|c| c.to_str().unwrap().to_owned()).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn the_cookie_is_bound_to_the_host_under_https_and_plain_without() {
    let app = TestApp::with(Settings { is_https: true, ..Settings::default() }).await;
    let cookie = sign_in_cookie(&app).await;
    assert!(cookie.starts_with("__Host-slipway="), "{cookie}");
    for part in ["HttpOnly", "SameSite=Lax", "Secure", "Path=/"] {
        assert!(cookie.contains(part), "{part}: {cookie}");
    }
    assert!(!cookie.contains("Domain"), "{cookie}");
    app.finish().await;
    let app = TestApp::new().await;
    let cookie = sign_in_cookie(&app).await;
    assert!(cookie.starts_with("slipway=") && !cookie.contains("Secure"), "{cookie}");
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
    app.finish().await;
}

#[tokio::test]
async fn attack_35_a_session_from_before_is_worth_nothing_after_signing_in() {
    let app = TestApp::new().await;
    app.admin().await;
    let mut browser = app.browser();
    let refused = browser.post("/sign-in", &[("email", "x"), ("password", "x")]).await;
    assert_eq!(refused.status, 303);
    let planted = browser.clone();
    assert_eq!(planted.cookies.len(), 1);
    browser.post("/sign-in", &[("email", &email(Role::Admin)), ("password", PASSWORD)]).await;
    assert_ne!(planted.cookies, browser.cookies);
    assert_eq!(planted.clone().get("/approvals").await.status, 303);
    assert_eq!(browser.get("/approvals").await.status, 200);
    app.finish().await;
}

#[tokio::test]
async fn signing_out_ends_the_session_and_not_only_the_cookie() {
    for is_https in [false, true] {
        let app = TestApp::with(Settings { is_https, ..Settings::default() }).await;
        let mut browser = app.signed_in(Role::Viewer).await;
        let stolen = browser.clone();
        let out = browser.post("/sign-out", &[]).await;
        assert_eq!((out.status, out.location()), (303, "/sign-in"));
        assert!(browser.cookies.is_empty());
        let removal = out.headers.get_all("set-cookie").iter().any(|c| {
            let text = c.to_str().unwrap();
            text.contains("Max-Age=0") && text.contains("Path=/") && (!is_https || text.contains("Secure"))
        });
        assert!(removal, "{:?}", out.headers);
        assert_eq!(stolen.clone().get("/approvals").await.status, 303);
        app.finish().await;
    }
}

#[tokio::test]
async fn a_session_ends_without_requests_and_in_any_case_after_two_weeks() {
    let app = TestApp::new().await;
    let mut idle = app.signed_in(Role::Viewer).await;
    let mut busy = app.signed_in(Role::Viewer).await;
    for _ in 0..13 * 2 {
        app.clock.advance(Duration::from_secs(12 * 3600));
        assert_eq!(busy.get("/approvals").await.status, 200);
    }
    assert_eq!(idle.get("/approvals").await.status, 303);
    app.clock.advance(Duration::from_secs(23 * 3600));
    assert_eq!(busy.get("/approvals").await.status, 200);
    app.clock.advance(Duration::from_secs(2 * 3600));
    assert_eq!(busy.get("/approvals").await.status, 303);
    app.finish().await;
}

#[tokio::test]
async fn attack_12_a_role_counts_from_the_next_request_and_who_is_kept_out_is_out() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let mut browser = app.signed_in(Role::ReleaseManager).await;
    browser.is_script = true;
    let id = app.person_id(Role::ReleaseManager).await;
    let audit = serde_json::json!({ "query": { "page": { "page": 1, "size": 10 } } });
    assert_eq!(browser.post_json("/do/audit", &audit).await.status, 200);
    app.engine.set_role(&admin, id, Role::Viewer).await.unwrap();
    assert_eq!(browser.post_json("/do/audit", &audit).await.status, 403);
    app.engine.set_active(&admin, id, false).await.unwrap();
    assert_eq!(browser.post_json("/do/audit", &audit).await.status, 401);
    app.engine.set_active(&admin, id, true).await.unwrap();
    assert_eq!(browser.post_json("/do/audit", &audit).await.status, 401, "an ended session does not come back");
    app.finish().await;
}

#[tokio::test]
async fn what_the_database_holds_signs_nobody_in() {
    let app = TestApp::new().await;
    let browser = app.signed_in(Role::Admin).await;
    let cookie = browser.cookies.values().next().unwrap().clone();
    let database = app.database_bytes();
    let holds = |needle: &[u8]| database.windows(needle.len()).any(|w| w == needle);
    assert!(holds(b"admin@slipway.test"));
    assert!(!holds(cookie.as_bytes()));
    assert!(!holds(PASSWORD.as_bytes()));
    app.finish().await;
}

#[tokio::test]
async fn attack_40_forms_are_taken_from_our_own_pages_only() {
    let app = TestApp::new().await;
    let browser = app.signed_in(Role::Admin).await;
    let cases = [
        (Some("https://evil.test"), Some("cross-site"), 403),
        (Some("https://evil.test"), None, 403),
        (Some("null"), None, 403),
        (Some("http://sub.slipway.test"), Some("same-site"), 403),
        (Some("http://slipway.test:8080"), None, 403),
        (Some("http://slipway.test"), Some("same-origin"), 303),
        (Some("http://slipway.test"), None, 303),
    ];
    for (origin, site, expected) in cases {
        for path in ["/do/set_theme", "/sign-out", "/sign-in", "/link/x"] {
            let mut request = Request::builder()
                .method(Method::POST)
                .uri(path)
                .header(header::HOST, HOST)
                .header(header::ACCEPT, "text/html")
                .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                .header(header::COOKIE, format!("slipway={}", app.signed_in(Role::Admin).await.cookies["slipway"]));
            if let Some(origin) = origin {
                request = request.header(header::ORIGIN, origin);
            }
            if let Some(site) = site {
                request = request.header("sec-fetch-site", site);
            }
            let answer = send(browser.router(), request.body(Body::from("theme=dark")).unwrap()).await;
            assert_eq!(answer.status, expected, "{path} from {origin:?} {site:?}: {}", answer.text);
            app.clock.advance(Duration::from_secs(120));
        }
    }
    app.finish().await;
}
