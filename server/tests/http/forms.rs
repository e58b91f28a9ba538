//! Server functions: for scripts the right status, for plain forms the way back with what was typed.

use contract::environments::EnvironmentsBackend as _;
use domain::actor::Role;
use serde_json::json;

use crate::app::TestApp;

#[tokio::test]
async fn a_script_gets_the_status_of_the_errors_kind() {
    let app = TestApp::new().await;
    app.company(0).await;
    let mut browser = app.signed_in(Role::ReleaseManager).await;
    browser.is_script = true;
    let cases = [
        ("/do/add_service", vec![("name", "new-one"), ("team", "checkout"), ("tier", "2")], 200, ""),
        ("/do/add_service", vec![("name", "cart"), ("team", "checkout"), ("tier", "2")], 422, "invalid"),
        ("/do/add_service", vec![("name", "Not A Name"), ("team", "checkout"), ("tier", "2")], 422, "invalid"),
        ("/do/cancel", vec![("number", "4711"), ("reason", "x")], 404, "not_found"),
        ("/do/set_slack", vec![("channel", "x")], 403, "refused"),
        ("/do/add_service", vec![("tier", "many")], 422, "invalid"),
    ];
    for (path, fields, status, kind) in cases {
        let answer = browser.post(path, &fields).await;
        assert_eq!(answer.status, status, "{path} {fields:?}: {}", answer.text);
        if !kind.is_empty() {
            let error = answer.json();
            assert_eq!(error["kind"], kind, "{error}");
            assert!(!error["message"].as_str().unwrap().is_empty());
            assert_eq!(answer.header("content-type"), "application/json");
        }
    }
    let invalid = browser.post("/do/add_service", &[("name", "Not A Name"), ("tier", "2")]).await;
    assert_eq!(invalid.json()["field"], "name");
    app.finish().await;
}

#[tokio::test]
async fn a_plain_form_is_led_back_with_what_was_typed_and_why_it_failed() {
    let app = TestApp::new().await;
    app.company(0).await;
    let mut browser = app.signed_in(Role::ReleaseManager).await;
    browser.page = "/add-service".to_owned();
    let fields = [("name", "Not A Name"), ("team", "checkout"), ("tier", "2"), ("description", "Sells <things>")];
    let back = browser.post("/do/add_service", &fields).await;
    assert_eq!(back.status, 303);
    assert!(back.location().starts_with("/add-service?returned="), "{}", back.location());
    let target = back.location().to_owned();
    let page = browser.get(&target).await;
    assert_eq!(page.status, 200);
    assert!(page.text.contains("Not A Name") && page.text.contains("Sells &lt;things&gt;"), "{}", page.text);
    assert!(page.text.contains("only a to z"), "{}", page.text);
    let again = browser.get(&target).await;
    assert!(!again.text.contains("Not A Name"), "it is given once");
    let mut other = app.signed_in(Role::ReleaseManager).await;
    let back = browser.post("/do/add_service", &fields).await;
    assert!(!other.get(back.location()).await.text.contains("Not A Name"), "it is its session's");
    app.finish().await;
}

#[tokio::test]
async fn a_plain_form_leads_on_to_where_the_function_says() {
    let app = TestApp::new().await;
    app.company(1).await;
    app.version("2.0").await;
    let mut browser = app.signed_in(Role::Developer).await;
    browser.page = "/promote?service=cart&environment=production".to_owned();
    let fields = [
        ("service", "cart"),
        ("environment", "production"),
        ("version", "2.0"),
        ("reason", "Mends refunds"),
        ("key", "k1"),
    ];
    let first = browser.post("/do/request_promotion", &fields).await;
    assert_eq!(first.status, 303);
    assert!(first.location().starts_with("/promotions/"), "{}", first.location());
    assert_eq!(browser.get(first.location()).await.status, 200);
    let twice = browser.post("/do/request_promotion", &fields).await;
    assert_eq!(twice.location(), first.location(), "a double click asks once");
    let number = first.location().strip_prefix("/promotions/").unwrap().parse().unwrap();
    app.withdraw(number).await;
    app.finish().await;
}

#[tokio::test]
async fn a_result_that_is_shown_once_reaches_the_page_and_no_address() {
    let app = TestApp::new().await;
    let mut browser = app.signed_in(Role::Admin).await;
    browser.page = "/settings/tokens".to_owned();
    let made = browser.post("/do/make_token", &[("name", "ci"), ("role", "developer"), ("days", "30")]).await;
    assert_eq!(made.status, 303);
    assert!(!made.location().contains("slipway_"), "{}", made.location());
    let page = browser.get(made.location()).await;
    let secret: String = page
        .text
        .split("slipway_")
        .map(|rest| rest.chars().take_while(|c| is_secret(*c)).collect())
        .find(|s: &String| s.len() == 43)
        .unwrap();
    assert!(!browser.get(made.location()).await.text.contains(&secret), "and never again");
    assert!(!browser.get("/settings/tokens").await.text.contains(&secret), "and never again");
    app.finish().await;
}

fn is_secret(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-' || c == '_'
}

#[tokio::test]
async fn attack_31_what_was_typed_into_secret_fields_does_not_come_back() {
    let app = TestApp::new().await;
    let mut browser = app.signed_in(Role::Admin).await;
    browser.page = "/settings/clusters".to_owned();
    let fields = [
        ("is_new", "true"),
        ("name", "Not A Name"),
        ("method", "token"),
        ("server", "https://k8s.example"),
        ("token", "canary-token"),
        ("kubeconfig", "canary-kubeconfig"),
    ];
    let back = browser.post("/do/save_cluster", &fields).await;
    assert!(back.location().contains("returned="), "{}", back.location());
    let page = browser.get(back.location()).await;
    assert!(!page.text.contains("canary"), "{}", page.text);
    assert!(!String::from_utf8_lossy(&app.database_bytes()).contains("canary-"), "nor is it kept");
    app.finish().await;
}

#[tokio::test]
async fn the_theme_is_a_cookie_that_a_form_without_script_sets() {
    let app = TestApp::new().await;
    let mut browser = app.signed_in(Role::Viewer).await;
    browser.page = "/settings/me".to_owned();
    let set = browser.post("/do/set_theme", &[("theme", "dark")]).await;
    assert_eq!((set.status, set.location().starts_with("/settings/me")), (303, true));
    assert_eq!(browser.cookies["theme"], "dark");
    assert!(browser.get("/settings/me").await.text.contains("data-theme=\"dark\""));
    app.finish().await;
}

#[tokio::test]
async fn a_page_of_data_goes_to_scripts_whole() {
    let app = TestApp::new().await;
    app.company(0).await;
    let mut browser = app.signed_in(Role::Viewer).await;
    browser.is_script = true;
    let asked = json!({ "name": "cart", "versions": { "page": 1, "size": 10 } });
    let service = browser.post_json("/do/service", &asked).await;
    assert_eq!(service.status, 200, "{}", service.text);
    assert_eq!(service.json()["name"], "cart");
    app.finish().await;
}

#[tokio::test]
async fn after_a_plain_form_the_page_says_what_an_approval_came_to() {
    let app = TestApp::new().await;
    app.company(2).await;
    app.version("2.0").await;
    let number = app.promotion("2.0").await;
    let mut browser = app.signed_in(Role::Approver).await;
    browser.page = "/approvals".to_owned();
    let id = number.to_string();
    let word = [("number", id.as_str()), ("plan_number", "1"), ("judgement", "approve")];
    let back = browser.post("/do/judge", &word).await;
    assert_eq!(back.status, 303);
    let page = browser.get(back.location()).await;
    assert!(page.text.contains("Approved: cart 2.0 to production."), "{}", page.text);
    assert!(page.text.contains("It waits for 1 more of 2 approvals."), "{}", page.text);
    assert!(!browser.get("/approvals").await.text.contains("Approved: cart"), "it is said once");

    let mut other = app.signed_in(Role::ReleaseManager).await;
    other.page = format!("/promotions/{number}");
    let word = [("number", id.as_str()), ("plan_number", "1"), ("judgement", "reject"), ("comment", "Not this week")];
    let back = other.post("/do/judge", &word).await;
    let page = other.get(back.location()).await;
    assert!(page.text.contains("Rejected: cart 2.0 to production."), "{}", page.text);
    app.finish().await;
}

#[tokio::test]
async fn an_environment_is_of_the_kind_that_its_name_says_unless_one_is_chosen() {
    let app = TestApp::new().await;
    let mut browser = app.signed_in(Role::Admin).await;
    browser.page = "/settings/environments".to_owned();
    let cases = [
        ("qa", "", "", "staging", 0),
        ("live", "", "", "production", 1),
        ("prod-eu", "", "0", "production", 0),
        ("prod-us", "development", "", "development", 0),
    ];
    for (name, kind, approvals, is_of, people) in cases {
        let fields = [
            ("is_new", "true"),
            ("name", name),
            ("title", name),
            ("kind", kind),
            ("approvals", approvals),
            ("rollout_budget_seconds", "600"),
            ("watch_seconds", "0"),
        ];
        assert_eq!(browser.post("/do/save_environment", &fields).await.location(), "/settings/environments", "{name}");
        let admin = app.admin().await;
        let all = app.engine.environments(&admin).await.unwrap();
        let made = all.iter().find(|e| e.name == name).unwrap();
        assert_eq!((made.kind.words(), made.approvals), (is_of, people), "{name}");
    }
    browser.is_script = true;
    let unchosen = [("name", "live"), ("title", "Live"), ("rollout_budget_seconds", "600"), ("watch_seconds", "0")];
    let answer = browser.post("/do/save_environment", &unchosen).await;
    assert_eq!((answer.status, answer.json()["field"].as_str()), (422, Some("kind")), "a change says what it wants");
    app.finish().await;
}
