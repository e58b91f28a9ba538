//! What an outside deployer's machine can do by the API, and what it is answered.

use contract::deployers::{DeployerInput, DeployersBackend as _};
use domain::actor::Role;
use serde_json::{Value, json};

use crate::app::TestApp;

/// A promotion of `cart` that a deployer was told to start: its number, and the webhook's id.
async fn told(app: &TestApp) -> (i64, String) {
    app.company(0).await;
    let input = DeployerInput {
        start: "https://deploy.example/start".to_owned(),
        abort: "https://deploy.example/abort".to_owned(),
        leaves: true,
        ..DeployerInput::default()
    };
    let secret = app.engine.set_deployer(&app.admin().await, "cart", "production", input).await.unwrap().unwrap();
    app.version("2.0").await;
    let number = app.promotion("2.0").await;
    app.engine.reconcile_due().await.unwrap();
    assert_eq!(app.engine.send_due().await.unwrap(), 1);
    let kept = app.database_bytes();
    let plain = secret.trim_start_matches("whsec_").as_bytes();
    assert!(!kept.windows(plain.len()).any(|window| window == plain), "the secret is sealed");
    (number, app.deployer.received().pop().unwrap().id)
}

fn report(delivery: &str, id: &str, state: &str) -> Value {
    json!({ "id": id, "delivery": delivery, "state": state, "percent": 50, "message": "machine 2 of 4" })
}

#[tokio::test]
async fn a_deployers_token_reports_and_nothing_else() {
    let app = TestApp::new().await;
    let (number, delivery) = told(&app).await;
    let at = format!("/api/v1/promotions/{number}/report");
    let machine = app.machine(Role::Deployer).await;
    let running = machine.post(&at, &report(&delivery, "r-1", "running")).await;
    assert_eq!(running.status, 200, "{}", running.text);
    let expected = json!({ "is_new": true, "phase": "progressing", "words": "deploying: 50 %, machine 2 of 4" });
    assert_eq!(running.json(), expected);
    let again = machine.post(&at, &report(&delivery, "r-1", "running")).await;
    assert_eq!((again.status, again.json()["is_new"].clone()), (200, json!(false)));
    machine.get(&format!("/api/v1/promotions/{number}")).await.problem(403);
    app.machine(Role::Developer).await.post(&at, &report(&delivery, "r-2", "failed")).await.problem(403);
    let done = machine.post(&at, &report(&delivery, "r-3", "succeeded")).await;
    assert_eq!((done.status, done.json()["phase"].clone()), (200, json!("succeeded")));
    app.finish().await;
}

#[tokio::test]
async fn what_does_not_count_is_answered_with_a_problem() {
    let app = TestApp::new().await;
    let (number, delivery) = told(&app).await;
    let at = format!("/api/v1/promotions/{number}/report");
    let machine = app.machine(Role::Deployer).await;
    machine.post(&at, &report(&delivery, "r-1", "running")).await;
    let conflicts = [
        (json!({ "id": "r-2", "delivery": delivery, "state": "running", "percent": 49 }), "out of order"),
        (report(&delivery, "r-1", "failed"), "another report came under this id"),
        (report(&delivery.replace("_1", "_2"), "r-3", "succeeded"), "does not count any more"),
    ];
    for (body, why) in conflicts {
        let problem = machine.post(&at, &body).await.problem(409);
        assert!(problem["detail"].as_str().unwrap().contains(why), "{problem}");
    }
    let wrong = [
        (json!({ "id": "r-4", "delivery": delivery, "state": "done" }), "state"),
        (json!({ "id": "r-4", "delivery": "call_1", "state": "failed" }), "delivery"),
        (json!({ "id": "r-4", "delivery": delivery, "state": "running", "percent": 101 }), "percent"),
        (json!({ "id": "r-4", "delivery": delivery, "state": "running", "link": "javascript:alert(1)" }), "link"),
        (json!({ "id": "r-4", "delivery": delivery, "state": "running", "message": "x".repeat(501) }), "message"),
        (json!({ "id": "", "delivery": delivery, "state": "running" }), "id"),
    ];
    for (body, field) in wrong {
        let problem = machine.post(&at, &body).await.problem(422);
        assert_eq!(problem["field"], field, "{problem}");
    }
    machine.post("/api/v1/promotions/404/report", &report(&delivery, "r-5", "failed")).await.problem(404);
    machine.post(&at, &report(&delivery, "r-6", "succeeded")).await;
    let late = machine.post(&at, &report(&delivery, "r-7", "failed")).await.problem(409);
    assert!(late["detail"].as_str().unwrap().contains("this promotion is over: done"), "{late}");
    app.finish().await;
}

#[tokio::test]
async fn a_target_is_given_to_a_deployer_by_a_form_that_shows_the_secret_once() {
    let app = TestApp::new().await;
    app.company(0).await;
    let mut rosa = app.signed_in(Role::ReleaseManager).await;
    rosa.is_script = true;
    let place = [("service", "cart"), ("environment", "production")];
    let form = [place.as_slice(), &[("input[start]", "https://deploy.example/start?key=4711")]].concat();
    let unsaid = rosa.post("/do/set_deployer", &form).await;
    assert_eq!(unsaid.status, 422, "{}", unsaid.text);
    let form = [form.as_slice(), &[("input[leaves]", "true")]].concat();
    let made = rosa.post("/do/set_deployer", &form).await;
    assert!(made.status == 200 && made.text.contains("whsec_"), "{} {}", made.status, made.text);
    let again = rosa.post("/do/set_deployer", &form).await;
    assert!(again.status == 200 && !again.text.contains("whsec_"), "{}", again.text);
    let ping = rosa.post("/do/ping_deployer", &place).await;
    assert!(ping.text.contains("deploy.example (start) answered 202"), "{}", ping.text);
    let page = json!({ "name": "cart", "versions": { "page": 1, "size": 10 } });
    assert!(rosa.post_json("/do/service", &page).await.text.contains("key=4711"));
    let mut viewer = app.signed_in(Role::Viewer).await;
    viewer.is_script = true;
    let seen = viewer.post_json("/do/service", &page).await;
    assert!(seen.text.contains("deploy.example") && !seen.text.contains("4711"), "{}", seen.text);
    app.finish().await;
}
