//! What whoever runs Slipway looks at: health, metrics, files.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{
    body::Body,
    http::{Method, header},
};
use chrono::TimeDelta;
use contract::clusters::{ClusterInput, ClustersBackend as _};
use domain::actor::Role;
use store::{ClusterState, ClusterTrouble};

use crate::{
    app::{Settings, TestApp},
    client::Machine,
};

#[tokio::test]
async fn health_names_every_dependency_and_a_cluster_that_is_down_is_no_error() {
    let app = TestApp::new().await;
    app.company(0).await;
    let healthy = app.browser().get("/health").await;
    assert_eq!((healthy.status, healthy.json()["status"].as_str().unwrap()), (200, "healthy"), "{}", healthy.text);
    assert_eq!(healthy.json()["version"], env!("CARGO_PKG_VERSION"));
    let names: Vec<String> = healthy.json()["dependencies"]
        .as_array()
        .unwrap()
        .iter()
        .map(|d| {
            assert!(d["duration_ms"].is_u64() && d["status"].is_string(), "{d}");
            d["name"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(names, ["database", "reconciler", "cluster practice"]);
    let mut tx = app.engine.store().begin().await.unwrap();
    let id = tx.clusters().await.unwrap()[0].id;
    let (trouble, message) = (ClusterTrouble::Forbidden, "canary.internal does not allow it".to_owned());
    let state = ClusterState::Unreachable { trouble, message };
    tx.set_cluster_state(id, &state, app.engine.now()).await.unwrap();
    tx.commit().await.unwrap();
    let degraded = app.browser().get("/health").await;
    assert_eq!((degraded.status, degraded.json()["status"].as_str().unwrap()), (200, "degraded"));
    assert!(!degraded.text.contains("canary"), "addresses are for those who are signed in");
    assert_eq!(degraded.json()["dependencies"][2]["message"], "does not allow it");
    assert_eq!(app.browser().get("/ready").await.status, 200);
    app.finish().await;
}

/// A server that takes connections and never says a word, as one that is frozen; and how many it took.
fn frozen() -> (u16, Arc<AtomicUsize>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let (port, taken) = (listener.local_addr().unwrap().port(), Arc::new(AtomicUsize::new(0)));
    let (listener, count) = (tokio::net::TcpListener::from_std(listener).unwrap(), Arc::clone(&taken));
    tokio::spawn(async move {
        let mut open = vec![];
        while let Ok((connection, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            open.push(connection);
        }
    });
    (port, taken)
}

#[tokio::test]
async fn attack_44_a_frozen_api_server_is_told_of_in_time_and_not_asked_by_everybody() {
    let app = TestApp::with(Settings { clusters_at: vec!["127.0.0.1"], ..Settings::default() }).await;
    let admin = app.admin().await;
    let mut servers = vec![];
    for name in ["eu-1", "eu-2", "eu-3"] {
        let (port, taken) = frozen();
        let input = ClusterInput {
            name: name.to_owned(),
            method: "token".to_owned(),
            server: format!("https://127.0.0.1:{port}"),
            token: "secret".to_owned(),
            ..ClusterInput::default()
        };
        app.engine.add_cluster(&admin, input).await.unwrap();
        servers.push(taken);
    }
    let begun = Instant::now();
    let mut browsers = [app.browser(), app.browser(), app.browser()];
    let [one, two, three] = &mut browsers;
    let (one, two, three) = tokio::join!(one.get("/health"), two.get("/health"), three.get("/health"));
    // Each is waited for 2 s: one after another they would take 6 s.
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    for health in [one, two, three] {
        assert_eq!((health.status, health.json()["status"].as_str().unwrap()), (200, "degraded"), "{}", health.text);
        for n in 2..5 {
            assert_eq!(health.json()["dependencies"][n]["message"], "no answer within 2 s", "{}", health.text);
        }
    }
    for taken in servers {
        assert_eq!(taken.load(Ordering::SeqCst), 1, "who asks how Slipway is must not make it ask clusters");
    }
    app.finish().await;
}

/// Leptos lists the pages of the application with a switch of the whole process set, by which pages that begin
/// meanwhile would never get their data.
#[tokio::test]
async fn pages_are_answered_while_another_router_is_made() {
    let app = TestApp::new().await;
    let mut browser = app.signed_in(Role::Viewer).await;
    let is_over = Arc::new(AtomicBool::new(false));
    let (web, stop) = (Arc::clone(&app.web), Arc::clone(&is_over));
    let making = std::thread::spawn(move || {
        let mut made = 0;
        while !stop.load(Ordering::SeqCst) {
            drop(server::http::router(&web));
            made += 1;
        }
        made
    });
    for _ in 0..20 {
        assert_eq!(browser.get("/approvals").await.status, 200);
    }
    is_over.store(true, Ordering::SeqCst);
    assert!(making.join().unwrap() > 0);
    app.finish().await;
}

#[tokio::test]
async fn a_page_does_not_wait_long_for_a_database_that_gives_no_connection() {
    let app = TestApp::new().await;
    let mut browser = app.signed_in(Role::Viewer).await;
    let most = app.engine.store().pools().into_iter().find(|pool| pool.name == "reader").unwrap().max;
    let mut all = vec![];
    for _ in 0..most {
        all.push(app.engine.store().read().await.unwrap());
    }
    let begun = Instant::now();
    let busy = browser.get("/approvals").await;
    assert_eq!((busy.status, busy.header("retry-after")), (503, "2"));
    assert!(begun.elapsed() < Duration::from_secs(8), "the patience of what goes on by itself is 10 s");
    drop(all);
    assert_eq!(browser.get("/approvals").await.status, 200);
    app.finish().await;
}

#[tokio::test]
async fn a_reconciler_that_does_nothing_any_more_is_noticed() {
    let app = TestApp::new().await;
    app.engine.reconcile_due().await.unwrap();
    app.clock.advance(Duration::from_secs(600));
    let late = app.browser().get("/health").await;
    assert_eq!((late.status, late.json()["status"].as_str().unwrap()), (200, "degraded"), "{}", late.text);
    app.engine.reconcile_due().await.unwrap();
    assert_eq!(app.browser().get("/health").await.json()["status"], "healthy");
    app.finish().await;
}

#[tokio::test]
async fn a_database_that_can_only_be_read_makes_it_unhealthy() {
    let app = TestApp::new().await;
    let writing = app.engine.store().begin().await.unwrap();
    app.engine.reconcile_due().await.unwrap_err();
    assert_eq!(app.browser().get("/health").await.json()["status"], "healthy", "a backup takes a moment");
    app.clock.advance(Duration::from_secs(11));
    let health = app.browser().get("/health").await;
    let database = &health.json()["dependencies"][0];
    assert_eq!((health.status, database["status"].as_str().unwrap()), (503, "unhealthy"), "{}", health.text);
    assert_eq!(database["message"], "can be read and not be written");
    assert!(database["since"].is_string(), "{database}");
    assert_eq!(app.browser().get("/ready").await.status, 503);
    drop(writing);
    app.engine.reconcile_due().await.unwrap();
    assert_eq!(app.browser().get("/health").await.json()["status"], "healthy");
    assert_eq!(app.browser().get("/ready").await.status, 200);
    app.finish().await;
}

#[tokio::test]
async fn without_the_database_it_is_unhealthy_and_not_ready_but_alive() {
    let app = TestApp::new().await;
    let mut browser = app.signed_in(Role::Viewer).await;
    let machine = app.machine(Role::Viewer).await;
    app.engine.reconcile_due().await.unwrap();
    let engine = app.engine.clone();
    let (web, router, shutdown) = (app.web.clone(), app.router.clone(), app.shutdown.clone());
    app.finish().await;
    drop(web);
    engine.store().close().await;
    let health = crate::client::Browser::new(router.clone()).get("/health").await;
    assert_eq!((health.status, health.json()["status"].as_str().unwrap()), (503, "unhealthy"));
    assert_eq!(browser.get("/ready").await.status, 503);
    assert_eq!(browser.get("/startup").await.status, 200);
    assert_eq!(browser.get("/metrics").await.status, 200);
    assert_eq!(browser.get("/approvals").await.status, 503);
    machine.get("/api/v1/promotions/1").await.problem(503);
    drop(shutdown);
}

#[tokio::test]
async fn a_server_that_ends_wants_no_more_requests() {
    let app = TestApp::new().await;
    assert_eq!(app.browser().get("/ready").await.status, 200);
    app.shutdown.cancel();
    assert_eq!(app.browser().get("/ready").await.status, 503);
    assert_eq!(app.browser().get("/startup").await.text, "started");
    app.finish().await;
}

#[tokio::test]
async fn metrics_count_by_pattern_and_never_by_name() {
    let app = TestApp::new().await;
    app.company(1).await;
    app.version("2.0").await;
    let number = app.promotion("2.0").await;
    let mut browser = app.signed_in(Role::Viewer).await;
    browser.get("/services/canary-name").await;
    browser.get("/canary-nowhere").await;
    let strange = browser.request(Method::from_bytes(b"CANARY").unwrap(), "/").body(Body::empty()).unwrap();
    browser.send(strange).await;
    app.engine.reconcile_due().await.unwrap();
    let metrics = browser.get("/metrics").await;
    assert!(metrics.header("content-type").starts_with("text/plain"), "{}", metrics.header("content-type"));
    for line in [
        "slipway_http_requests_total{method=\"GET\",route=\"/services/{name}\",status=\"404\"}",
        "slipway_http_request_duration_seconds_bucket{method=\"GET\",route=\"/services/{name}\",le=\"0.1\"}",
        "slipway_database_connections{pool=\"writer\",state=\"max\"} 1",
        "slipway_promotions{phase=\"waiting\"} 1",
        "slipway_reconciler_passes_total{reconciler=\"promotions\",result=\"done\"}",
        "slipway_reconciler_age_seconds{reconciler=\"promotions\"}",
    ] {
        assert!(metrics.text.contains(line), "{line}\n{}", metrics.text);
    }
    assert!(!metrics.text.to_lowercase().contains("canary"), "{}", metrics.text);
    app.withdraw(number).await;
    app.finish().await;
}

#[tokio::test]
async fn metrics_ask_for_their_token_where_one_is_set() {
    let app = TestApp::with(Settings { metrics_token: Some("metrics-token-4711"), ..Settings::default() }).await;
    assert_eq!(app.browser().get("/metrics").await.status, 401);
    for (secret, status) in [("wrong", 401), ("metrics-token-4711x", 401), ("", 401), ("metrics-token-4711", 200)] {
        let answer = Machine::new(app.router.clone(), secret.to_owned()).get("/metrics").await;
        assert_eq!(answer.status, status, "{secret}");
    }
    app.finish().await;
}

#[tokio::test]
async fn embedded_files_are_cached_for_ever_and_pages_name_them() {
    let app = TestApp::new().await;
    let mut browser = app.browser();
    let page = browser.get("/sign-in").await;
    let Some(hash) = server::http::assets::hash() else {
        assert!(!page.text.contains("/assets/"), "a server without a site asks for none");
        return app.finish().await;
    };
    let style = format!("/assets/{hash}/slipway.css");
    assert!(page.text.contains(&style), "{}", page.text);
    let request = browser.request(Method::GET, &style).header(header::ACCEPT_ENCODING, "br").body(Body::empty());
    let file = browser.send(request.unwrap()).await;
    assert_eq!(file.status, 200);
    assert_eq!(file.header("cache-control"), "public, max-age=31536000, immutable");
    assert_eq!((file.header("content-encoding"), file.header("vary")), ("br", "Accept-Encoding"));
    assert!(file.header("content-type").starts_with("text/css"));
    assert_eq!(browser.get("/assets/0000000000000000/slipway.css").await.status, 404);
    app.finish().await;
}

#[tokio::test]
async fn a_request_is_named_by_us_and_not_by_its_sender() {
    let app = TestApp::new().await;
    let mut browser = app.browser();
    let request = browser.request(Method::GET, "/health").header("x-request-id", "canary\tforged").body(Body::empty());
    let answer = browser.send(request.unwrap()).await;
    let id = answer.header("x-request-id");
    assert_eq!(uuid::Uuid::parse_str(id).unwrap().get_version_num(), 7, "{id}");
    assert!(app.clock.advance(Duration::ZERO) - app.engine.now() < TimeDelta::seconds(1));
    app.finish().await;
}

#[tokio::test]
async fn attack_25_a_cluster_s_token_is_not_sent_to_another_address() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let input = |server: &str, token: &str| ClusterInput {
        name: "eu-1".to_owned(),
        method: "token".to_owned(),
        server: server.to_owned(),
        token: token.to_owned(),
        ..ClusterInput::default()
    };
    app.engine.add_cluster(&admin, input("https://8.8.8.8:6443", "secret")).await.unwrap();
    app.engine.change_cluster(&admin, input("https://8.8.8.8:6443", "")).await.unwrap();
    let refused = app.engine.change_cluster(&admin, input("https://8.8.4.4:6443", "")).await.unwrap_err();
    assert_eq!(refused.field(), Some("token"), "{}", refused.message);
    app.engine.change_cluster(&admin, input("https://8.8.4.4:6443", "another")).await.unwrap();
    // Where only metadata services are, nothing is looked for at all.
    let refused = app.engine.change_cluster(&admin, input("https://169.254.169.254", "another")).await.unwrap_err();
    assert_eq!(refused.field(), Some("server"), "{}", refused.message);
    app.finish().await;
}
