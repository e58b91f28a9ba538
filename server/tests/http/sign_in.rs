//! Signing in and out, one-time links, and what guessing gets.

use axum::http::{Method, header};
use contract::{
    audit::{AuditBackend as _, AuditQuery},
    people::PeopleBackend as _,
};
use domain::actor::Role;

use crate::app::{PASSWORD, Settings, TestApp, email};

#[tokio::test]
async fn the_first_administrator_is_made_by_the_printed_link_and_only_once() {
    let app = TestApp::new().await;
    let link = app.engine.first_link().await.unwrap().unwrap();
    let mut browser = app.browser();
    let page = browser.get(&link).await;
    assert_eq!(page.status, 200);
    assert!(page.text.contains("first administrator"), "{}", page.text);
    let short = [("name", "Ada Linden"), ("email", "ada@x.test"), ("password", "short-canary")];
    let refused = browser.post(&link, &[short[0], short[1], ("password", "canary")]).await;
    assert_eq!(refused.status, 303);
    let again = browser.get(refused.location()).await;
    assert!(again.text.contains("Ada Linden") && again.text.contains("ada@x.test"), "what was typed comes back");
    assert!(again.text.contains("at least 12 characters") && !again.text.contains("canary"), "{}", again.text);
    let done = browser.post(&link, &[short[0], short[1], ("password", PASSWORD)]).await;
    assert_eq!((done.status, done.location()), (303, "/"));
    assert_eq!(browser.get("/settings/people").await.status, 200);
    let mut other = app.browser();
    assert_eq!(other.get(&link).await.status, 404);
    let late = other.post(&link, &[short[0], ("email", "eve@x.test"), ("password", PASSWORD)]).await;
    assert!(late.location().starts_with(&link), "{}", late.location());
    assert_eq!(other.get("/settings/people").await.status, 303);
    assert_eq!(app.engine.first_link().await.unwrap(), None);
    app.finish().await;
}

#[tokio::test]
async fn a_demo_link_signs_in_by_a_button_and_not_by_being_looked_at() {
    let app = TestApp::new().await;
    app.person(Role::Developer).await;
    let link = app.engine.sign_in_link(app.person_id(Role::Developer).await, 1).await.unwrap();
    let mut browser = app.browser();
    let page = browser.get(&link).await;
    assert!(page.text.contains("Sign in as The developer"), "{}", page.text);
    assert_eq!(browser.get("/approvals").await.status, 303);
    assert_eq!(browser.post(&link, &[]).await.location(), "/");
    assert_eq!(browser.get("/approvals").await.status, 200);
    app.finish().await;
}

#[tokio::test]
async fn who_approves_begins_where_approvals_wait() {
    let app = TestApp::new().await;
    for (role, page) in [(Role::Approver, "/approvals"), (Role::ReleaseManager, "/")] {
        app.person(role).await;
        let link = app.engine.sign_in_link(app.person_id(role).await, 1).await.unwrap();
        assert_eq!(app.browser().post(&link, &[]).await.location(), page);
        let mail = email(role);
        let named = [("email", mail.as_str()), ("password", PASSWORD), ("next", "/insights")];
        assert_eq!(app.browser().post("/sign-in", &named).await.location(), "/insights");
    }
    app.finish().await;
}

#[tokio::test]
async fn one_goes_on_to_the_page_that_was_asked_for_and_nowhere_else() {
    let app = TestApp::new().await;
    app.admin().await;
    let mut browser = app.browser();
    let asked = browser.get("/promotions/7?tab=journal").await;
    assert_eq!(asked.location(), "/sign-in?next=%2Fpromotions%2F7%3Ftab%3Djournal");
    let (mail, next) = (email(Role::Admin), "/promotions/7?tab=journal");
    let done = browser.post("/sign-in", &[("email", &mail), ("password", PASSWORD), ("next", next)]).await;
    assert_eq!(done.location(), next);
    for evil in ["//evil.test", "https://evil.test/", "/\\evil.test", "/\r\nset-cookie: a=b"] {
        let mut browser = app.browser();
        let done = browser.post("/sign-in", &[("email", &mail), ("password", PASSWORD), ("next", evil)]).await;
        assert_eq!(done.location(), "/", "{evil}");
    }
    app.finish().await;
}

#[tokio::test]
async fn attack_34_a_refusal_says_the_same_whoever_was_asked_for() {
    let app = TestApp::new().await;
    app.admin().await;
    let mut texts = Vec::new();
    for mail in [email(Role::Admin), "nobody@x.test".to_owned()] {
        let mut browser = app.browser();
        let refused = browser.post("/sign-in", &[("email", &mail), ("password", "wrong-canary")]).await;
        assert_eq!(refused.status, 303);
        let page = browser.get(refused.location()).await;
        assert_eq!(page.status, 200);
        assert!(!page.text.contains("wrong-canary"));
        assert!(page.text.contains(&mail), "what was typed comes back");
        texts.push(page.text.replace(&mail, "").contains("-mail address or password is wrong"));
    }
    assert_eq!(texts, [true, true]);
    app.finish().await;
}

#[tokio::test]
async fn attack_34_guessing_is_slowed_down_even_with_the_right_password() {
    let app = TestApp::new().await;
    app.admin().await;
    let mail = email(Role::Admin);
    for number in 0..8 {
        let mut browser = app.browser();
        browser.peer = format!("203.0.113.{number}:1").parse().unwrap();
        let refused = browser.post("/sign-in", &[("email", &mail), ("password", "guess")]).await;
        assert!(refused.location().contains("returned="), "{}", refused.location());
    }
    let mut browser = app.browser();
    let slowed = browser.post("/sign-in", &[("email", &mail.to_uppercase()), ("password", PASSWORD)]).await;
    assert_eq!((slowed.location(), slowed.header("retry-after")), ("/sign-in?wait=60", "60"));
    assert!(browser.cookies.is_empty(), "nothing is kept of it");
    assert!(browser.get(slowed.location()).await.text.contains("oo many attempts"));
    app.clock.advance(std::time::Duration::from_secs(61));
    let done = browser.post("/sign-in", &[("email", &mail), ("password", PASSWORD)]).await;
    assert_eq!(done.location(), "/");
    app.finish().await;
}

#[tokio::test]
async fn a_refused_sign_in_is_in_the_audit_with_its_address_and_one_that_is_not_looked_at_is_not() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let mail = email(Role::Admin);
    for _ in 0..12 {
        let mut browser = app.browser();
        browser.peer = "203.0.113.5:1".parse().unwrap();
        browser.post("/sign-in", &[("email", &mail), ("password", "guess-canary")]).await;
    }
    let query = AuditQuery { act: Some("person.sign_in_refused".to_owned()), ..AuditQuery::default() };
    let audit = app.engine.audit(&admin, query).await.unwrap();
    assert_eq!(audit.total, 8, "as many as were looked at");
    let row = &audit.rows[0];
    assert_eq!(row.sentence, format!("refused a sign-in as {mail}: the password was wrong"));
    assert_eq!((row.from.as_deref(), row.is_done), (Some("203.0.113.5"), false));
    let database = app.database_bytes();
    assert!(!database.windows(12).any(|part| part == b"guess-canary"), "never the password");
    app.finish().await;
}

#[tokio::test]
async fn the_audit_names_the_address_behind_a_trusted_proxy() {
    let app = TestApp::with(Settings { trusted_proxies: vec!["10.0.0.0/8"], ..Settings::default() }).await;
    let admin = app.admin().await;
    let mut browser = app.browser();
    browser.peer = "10.0.0.1:1".parse().unwrap();
    let body = format!("email={}&password={}", email(Role::Admin), PASSWORD.replace(' ', "+"));
    let request = browser
        .request(Method::POST, "/sign-in")
        .header("x-forwarded-for", "6.6.6.6, 192.0.2.44")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(body.into())
        .unwrap();
    assert_eq!(browser.send(request).await.location(), "/");
    let audit = app.engine.audit(&admin, AuditQuery::default()).await.unwrap();
    let entry = audit.rows.iter().find(|row| row.act == "person.sign_in").unwrap();
    assert_eq!(entry.from.as_deref(), Some("192.0.2.44"));
    app.finish().await;
}

#[tokio::test]
async fn a_new_password_ends_the_sessions_of_before() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let mut browser = app.signed_in(Role::Developer).await;
    let link = app.engine.reset_password(&admin, app.person_id(Role::Developer).await).await.unwrap();
    let mut other = app.browser();
    assert_eq!(other.post(&link, &[("password", "another good password")]).await.location(), "/");
    assert_eq!(browser.get("/approvals").await.status, 303);
    assert_eq!(other.get("/approvals").await.status, 200);
    app.finish().await;
}
