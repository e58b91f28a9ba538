//! Pages as a reader without scripting gets them.

use domain::actor::Role;

use crate::app::{Settings, TestApp};

const PAGES: [&str; 9] = [
    "/",
    "/approvals",
    "/services/cart",
    "/services/cart/versions/2.0",
    "/promote?service=cart&environment=production&version=2.0",
    "/deployments",
    "/insights",
    "/audit",
    "/settings/people",
];

#[tokio::test]
async fn every_page_is_whole_without_scripting_and_bound_to_the_policy() {
    let app = TestApp::new().await;
    app.company(1).await;
    app.version("2.0").await;
    let number = app.promotion("2.0").await;
    let mut browser = app.signed_in(Role::Admin).await;
    let promotion = format!("/promotions/{number}");
    for path in PAGES.into_iter().chain([promotion.as_str()]) {
        let page = browser.get(path).await;
        assert_eq!(page.status, 200, "{path}");
        assert!(page.header("content-type").starts_with("text/html"), "{path}");
        assert_eq!(page.header("cache-control"), "no-store", "{path}");
        assert!(page.text.contains("<h1"), "{path}");
        let policy = page.header("content-security-policy");
        let nonce = policy.split("'nonce-").nth(1).unwrap().split('\'').next().unwrap();
        assert!(nonce.len() >= 16, "{policy}");
        assert!(policy.contains("'wasm-unsafe-eval'") && policy.contains("style-src 'self';"), "{policy}");
        assert!(!policy.contains("unsafe-inline"), "{policy}");
        for script in page.text.split("<script").skip(1) {
            let tag = script.split('>').next().unwrap();
            assert!(tag.contains(&format!("nonce=\"{nonce}\"")), "{path}: <script{tag}>");
        }
        for inline in [" style=\"", " onclick=", " onload=", "javascript:"] {
            assert!(!page.text.contains(inline), "{path} has {inline}");
        }
    }
    let policies: Vec<String> = vec![
        browser.get("/").await.header("content-security-policy").to_owned(),
        browser.get("/").await.header("content-security-policy").to_owned(),
    ];
    assert_ne!(policies[0], policies[1], "a nonce is used once");
    app.withdraw(number).await;
    app.finish().await;
}

#[tokio::test]
async fn what_is_nowhere_is_a_page_that_says_so() {
    let app = TestApp::new().await;
    let mut browser = app.signed_in(Role::Viewer).await;
    for path in ["/nowhere", "/services/unknown", "/promotions/4711", "/settings/nothing"] {
        let page = browser.get(path).await;
        assert_eq!(page.status, 404, "{path}");
        assert!(page.text.to_lowercase().contains("not found"), "{path}: {}", page.text);
    }
    let refused = browser.get("/audit").await;
    assert_eq!(refused.status, 403);
    app.finish().await;
}

#[tokio::test]
async fn attack_39_hostile_text_stays_text_on_every_page() {
    let app = TestApp::new().await;
    app.company(1).await;
    app.version("2.0").await;
    let mut browser = app.signed_in(Role::Developer).await;
    browser.is_script = true;
    let hostile = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&";
    let fields = [("service", "cart"), ("environment", "production"), ("version", "2.0"), ("reason", hostile)];
    let asked = browser.post("/do/request_promotion", &fields).await;
    assert_eq!(asked.status, 200, "{}", asked.text);
    let number: i64 = asked.text.parse().unwrap();
    let mut reader = app.signed_in(Role::Admin).await;
    for path in [format!("/promotions/{number}"), "/approvals".to_owned(), "/audit".to_owned(), "/".to_owned()] {
        let page = reader.get(&path).await;
        assert_eq!(page.status, 200);
        assert!(!page.text.contains("<script>alert") && !page.text.contains("<img src=x"), "{path}: {}", page.text);
    }
    let search = reader.get("/search?q=%3Cscript%3Ealert(1)%3C%2Fscript%3E").await;
    assert!(!search.text.contains("<script>alert"), "{}", search.text);
    app.withdraw(number).await;
    app.finish().await;
}

#[tokio::test]
async fn answers_carry_the_headers_that_browsers_guard_by() {
    let app = TestApp::with(Settings { is_https: true, ..Settings::default() }).await;
    let mut browser = app.signed_in(Role::Viewer).await;
    for path in ["/", "/sign-in", "/health", "/api/v1/promotions/1", "/nowhere", "/assets/x/y"] {
        let answer = browser.get(path).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "same-origin", "{path}");
        assert!(answer.header("content-security-policy").contains("frame-ancestors 'none'"), "{path}");
        assert_eq!(answer.header("strict-transport-security"), "max-age=31536000", "{path}");
        assert!(!answer.header("x-request-id").is_empty(), "{path}");
        assert!(!answer.header("cache-control").is_empty(), "{path}");
    }
    app.finish().await;
    let app = TestApp::new().await;
    assert_eq!(app.browser().get("/sign-in").await.header("strict-transport-security"), "");
    app.finish().await;
}

#[tokio::test]
async fn who_is_signed_in_is_not_asked_to_sign_in() {
    let app = TestApp::new().await;
    let mut browser = app.signed_in(Role::Viewer).await;
    assert_eq!(browser.get("/sign-in?next=%2Fapprovals").await.location(), "/approvals");
    assert_eq!(browser.get("/sign-in?next=%2F%2Fevil.test").await.location(), "/");
    app.finish().await;
}

#[tokio::test]
async fn the_settings_begin_with_a_page_that_everybody_may_see() {
    let app = TestApp::new().await;
    for role in domain::actor::Role::ALL {
        let mut browser = app.signed_in(role).await;
        let first = browser.get("/settings").await;
        assert_eq!((first.status, first.location()), (302, "/settings/environments"), "{role:?}");
        assert_eq!(browser.get(first.location()).await.status, 200, "{role:?}");
    }
    app.finish().await;
}
