//! Where a version lives in Git: said by a form or by the API, kept sealed, never shown again.

use axum::http::Method;
use domain::actor::Role;
use serde_json::{Value, json};

use crate::app::TestApp;

const AT: &str = "/api/v1/services/cart/targets/production/git";
const TOKEN: &str = "glpat-xq4711";
const KEY: &str = "-----BEGIN OPENSSH PRIVATE KEY-----\nxq4712\n-----END OPENSSH PRIVATE KEY-----";

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[tokio::test]
async fn a_form_says_where_a_version_lives_and_never_gives_a_secret_back() {
    let app = TestApp::new().await;
    app.company(0).await;
    let mut rosa = app.signed_in(Role::ReleaseManager).await;
    let page = "/services/cart/targets/production";
    rosa.page = page.to_owned();
    let seen = rosa.get(page).await;
    assert!(seen.text.contains("In a Git repository") && seen.text.contains("input[known_hosts]"), "{}", seen.text);
    let form = |fields: &'static str, token: &'static str| {
        vec![
            ("service", "cart"),
            ("environment", "production"),
            ("input[repository]", "https://git.example/shop/deploy.git"),
            ("input[branch]", "main"),
            ("input[file]", "apps/cart/kustomization.yaml"),
            ("input[fields]", fields),
            ("input[token]", token),
            ("input[deploy_key]", KEY),
        ]
    };
    // Without scripting: what was typed comes back, the secrets do not, the error stands at its field.
    let refused = rosa.post("/do/set_git_place", &form("images[name=", TOKEN)).await;
    assert_eq!(refused.status, 303, "{}", refused.text);
    let back = rosa.get(refused.location()).await;
    assert!(back.text.contains("is not a field; give keys with dots"), "{}", back.text);
    assert!(back.text.contains("apps/cart/kustomization.yaml"), "what was typed is there");
    assert!(!back.text.contains("xq471"), "the secrets are not");
    let saved = rosa.post("/do/set_git_place", &form("images[name=cart].newTag", TOKEN)).await;
    assert_eq!(saved.status, 303, "{}", saved.text);
    let seen = rosa.get(page).await;
    assert!(seen.text.contains("https://git.example/shop/deploy.git") && seen.text.contains("Read the fields now"));
    assert!(!seen.text.contains("xq471"));
    assert!(!contains(&app.database_bytes(), "xq471"), "the secret is sealed");
    let audit = app.signed_in(Role::Admin).await.get("/audit").await;
    assert!(
        audit.text.contains("has the version of cart in Production committed to apps/cart/kustomization.yaml"),
        "{}",
        audit.text
    );
    app.finish().await;
}

#[tokio::test]
async fn a_pipeline_says_it_by_the_api() {
    let app = TestApp::new().await;
    app.company(0).await;
    let machine = app.machine(Role::ReleaseManager).await;
    machine.get(AT).await.problem(404);
    let place = json!({ "repository": "git@git.example:shop/deploy.git", "branch": "main", "file": "apps/cart.yaml",
        "fields": "spec.values.image.tag", "deploy_key": KEY, "known_hosts": "git.example ssh-ed25519 AAAAC3Nz" });
    let set = machine.send(Method::PUT, AT, &place).await;
    assert_eq!(set.status, 204, "{}", set.text);
    let shown = machine.get(AT).await;
    assert_eq!((shown.status, shown.json()["is_by_key"].clone()), (200, json!(true)));
    assert_eq!(shown.json()["repository"], "ssh://git@git.example/shop/deploy.git");
    assert!(!shown.text.contains("xq471"), "{}", shown.text);
    let wrong = [
        ("repository", json!("file:///etc")),
        ("branch", json!("-x")),
        ("file", json!("../x.yaml")),
        ("fields", json!("")),
        ("known_hosts", json!("nonsense")),
        ("deploy_key", json!("ssh-ed25519 AAAA")),
    ];
    for (field, value) in wrong {
        let mut other = place.clone();
        other[field] = value;
        let problem = machine.send(Method::PUT, AT, &other).await.problem(422);
        assert_eq!(problem["field"], field, "{problem}");
    }
    let tried = machine.post(&format!("{AT}/test"), &json!({})).await;
    assert_eq!((tried.status, tried.json()["is_good"].clone()), (200, json!(false)), "{}", tried.text);
    app.machine(Role::Viewer).await.send(Method::PUT, AT, &place).await.problem(403);
    assert_eq!(machine.send(Method::DELETE, AT, &Value::Null).await.status, 204);
    machine.get(AT).await.problem(404);
    app.finish().await;
}
