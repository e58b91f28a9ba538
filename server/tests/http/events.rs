//! Live updates.

use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::http::Response;
use contract::people::PeopleBackend as _;
use domain::actor::Role;
use futures::StreamExt as _;
use serde_json::Value;

use crate::app::TestApp;

/// Longer than anything here takes; the end of patience is a failure.
const PATIENCE: Duration = Duration::from_secs(20);

struct Stream {
    body: BodyDataStream,
    rest: String,
}

impl Stream {
    fn of(response: Response<Body>) -> Self {
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-cache");
        Self { body: response.into_body().into_data_stream(), rest: String::new() }
    }

    /// The next event that carries data; `None` when the stream ended.
    async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some((event, rest)) = self.rest.split_once("\n\n") {
                let data = event.lines().find_map(|line| line.strip_prefix("data: ")).map(ToOwned::to_owned);
                self.rest = rest.to_owned();
                if let Some(data) = data {
                    return Some(serde_json::from_str(&data).unwrap());
                }
                continue;
            }
            let piece = tokio::time::timeout(PATIENCE, self.body.next()).await.expect("something is told in time")?;
            self.rest.push_str(std::str::from_utf8(&piece.unwrap()).unwrap());
        }
    }

    /// Reads until an event is about this; other events are left out.
    async fn until(&mut self, entity: &str) -> Value {
        loop {
            let event = self.next().await.expect("the stream goes on");
            if event["entity"] == entity {
                return event;
            }
        }
    }

    async fn ends(&mut self) {
        while self.next().await.is_some() {}
    }
}

#[tokio::test]
async fn a_stream_tells_what_changed_and_nothing_more() {
    let app = TestApp::new().await;
    app.company(1).await;
    let browser = app.signed_in(Role::Viewer).await;
    let mut stream = Stream::of(browser.open("/events?page=%2F").await);
    app.version("2.0").await;
    let event = stream.until("version").await;
    assert_eq!(event.as_object().unwrap().keys().collect::<Vec<_>>(), ["entity", "id", "revision"]);
    let number = app.promotion("2.0").await;
    assert!(stream.until("promotion").await["revision"].as_i64().unwrap() > 0);
    app.withdraw(number).await;
    app.finish().await;
}

#[tokio::test]
async fn a_stream_begins_with_the_present_revision_of_its_page() {
    let app = TestApp::new().await;
    app.company(1).await;
    app.version("2.0").await;
    let number = app.promotion("2.0").await;
    app.clock.advance(Duration::from_secs(3600));
    let browser = app.signed_in(Role::Viewer).await;
    let mut stream = Stream::of(browser.open(&format!("/events?page=%2Fpromotions%2F{number}")).await);
    let event = stream.next().await.unwrap();
    assert_eq!(event["entity"], "promotion");
    assert!(event["revision"].as_i64().unwrap() >= 1, "{event}");
    app.withdraw(number).await;
    while stream.until("promotion").await["revision"].as_i64() <= event["revision"].as_i64() {}
    app.finish().await;
}

#[tokio::test]
async fn a_stream_tells_what_changed_while_the_page_was_on_its_way() {
    let app = TestApp::new().await;
    app.company(1).await;
    let browser = app.signed_in(Role::Viewer).await;
    let mut early = Stream::of(browser.open("/events?page=%2F").await);
    app.version("2.0").await;
    early.until("version").await;
    let mut late = Stream::of(browser.open("/events?page=%2F").await);
    late.until("version").await;
    app.clock.advance(Duration::from_secs(600));
    let number = app.promotion("2.0").await;
    early.until("promotion").await;
    let mut later = Stream::of(browser.open("/events?page=%2F").await);
    let mut told = Vec::new();
    while told.last().is_none_or(|entity| entity != "promotion") {
        told.push(later.next().await.unwrap()["entity"].as_str().unwrap().to_owned());
    }
    assert!(!told.contains(&"version".to_owned()), "what is old is not told: {told:?}");
    app.withdraw(number).await;
    app.finish().await;
}

#[tokio::test]
async fn attack_12_a_stream_ends_with_its_session() {
    let app = TestApp::new().await;
    let mut browser = app.signed_in(Role::Viewer).await;
    let mut own = Stream::of(browser.open("/events").await);
    let other = app.signed_in(Role::Developer).await;
    let mut others = Stream::of(other.open("/events").await);
    browser.post("/sign-out", &[]).await;
    own.ends().await;
    assert_eq!(browser.open("/events").await.status(), 303);
    app.company(0).await;
    others.until("version").await;
    app.finish().await;
}

#[tokio::test]
async fn attack_12_a_stream_ends_when_its_person_is_kept_out_or_gets_another_role() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    for role in [Role::Viewer, Role::Developer] {
        let browser = app.signed_in(role).await;
        let mut stream = Stream::of(browser.open("/events").await);
        let id = app.person_id(role).await;
        if role == Role::Viewer {
            app.engine.set_active(&admin, id, false).await.unwrap();
        } else {
            app.engine.set_role(&admin, id, Role::Viewer).await.unwrap();
        }
        stream.ends().await;
    }
    app.finish().await;
}

#[tokio::test]
async fn streams_end_with_the_server() {
    let app = TestApp::new().await;
    let browser = app.signed_in(Role::Viewer).await;
    let mut stream = Stream::of(browser.open("/events?page=%2Fpromotions%2F1").await);
    app.shutdown.cancel();
    stream.ends().await;
    app.finish().await;
}
