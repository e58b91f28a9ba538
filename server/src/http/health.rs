//! `/health`, `/ready` and `/startup`.
//!
//! Only the database makes Slipway unhealthy. A cluster or Slack that is down makes it degraded, and
//! degraded is not an error: restarting Slipway or sending people elsewhere would not help.

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use axum::{
    Json,
    extract::State,
    http::{Method, StatusCode},
    response::{IntoResponse as _, Response},
};
use chrono::{DateTime, TimeDelta, Utc};
use contract::slack::SlackBackend as _;
use domain::{
    actor::{Actor, Identity, Role},
    state::Mark,
};
use serde::Serialize;
use tokio::time::timeout;

use super::{
    Web,
    routes::{Access, Routes},
};

/// A database that takes longer than this for one word is of no use to anyone.
const DATABASE_PATIENCE: Duration = Duration::from_secs(2);

/// A pass takes milliseconds and comes twice a second; patience with a cluster is within a minute.
const RECONCILER_LATE_SECONDS: i64 = 90;

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
enum Condition {
    Healthy,
    Degraded,
    Unhealthy,
}

#[derive(Serialize)]
struct Health {
    status: Condition,
    version: &'static str,
    dependencies: Vec<Dependency>,
}

#[derive(Serialize)]
struct Dependency {
    name: String,
    status: Condition,
    /// How long it took to ask.
    duration_ms: u64,
    /// Since when it is not well.
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<DateTime<Utc>>,
    /// What is wrong, without addresses and secrets: everyone may read this.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

/// Adds the three.
pub(super) fn add(routes: &mut Routes) {
    routes.add(Access::Public, Method::GET, "/health", health);
    routes.add(Access::Public, Method::GET, "/ready", ready);
    routes.add(Access::Public, Method::GET, "/startup", startup);
}

async fn health(State(web): State<Arc<Web>>) -> Response {
    let mut dependencies = vec![database(&web).await];
    if dependencies.iter().all(|d| d.status == Condition::Healthy) {
        dependencies.push(reconciler(&web));
        dependencies.extend(clusters(&web).await);
        dependencies.extend(slack(&web).await);
    }
    let status = dependencies.iter().map(|d| d.status).max().unwrap_or(Condition::Healthy);
    let code = if status == Condition::Unhealthy { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    (code, Json(Health { status, version: env!("CARGO_PKG_VERSION"), dependencies })).into_response()
}

/// Whether requests should be sent here: not while ending, not without the database.
async fn ready(State(web): State<Arc<Web>>) -> Response {
    let is_ready = !web.shutdown.is_cancelled() && database(&web).await.status == Condition::Healthy;
    if is_ready { "ready".into_response() } else { (StatusCode::SERVICE_UNAVAILABLE, "not ready").into_response() }
}

/// This router is only there when starting is over.
async fn startup() -> &'static str {
    "started"
}

async fn database(web: &Web) -> Dependency {
    let begun = Instant::now();
    let message = match timeout(DATABASE_PATIENCE, web.store.ping()).await {
        Ok(Ok(_)) => None,
        Ok(Err(error)) => {
            tracing::warn!(error.chain = %error, "the database does not answer");
            Some("does not answer".to_owned())
        }
        Err(_) => Some(format!("no answer within {} s", DATABASE_PATIENCE.as_secs())),
    };
    let status = if message.is_none() { Condition::Healthy } else { Condition::Unhealthy };
    Dependency { name: "database".to_owned(), status, duration_ms: millis(begun), since: None, message }
}

/// How long ago the reconciler's last good pass was; `None` before the first.
pub(super) fn reconciler_age(web: &Web) -> Option<TimeDelta> {
    let last = web.engine.vitals().last_pass.load(Ordering::Relaxed);
    let last = DateTime::from_timestamp(last, 0).filter(|_| last > 0)?;
    Some((web.clock.now() - last).max(TimeDelta::zero()))
}

fn reconciler(web: &Web) -> Dependency {
    let late = reconciler_age(web).filter(|age| age.num_seconds() > RECONCILER_LATE_SECONDS);
    let message = late.map(|age| format!("no pass for {} s; promotions do not move", age.num_seconds()));
    let status = if late.is_some() { Condition::Degraded } else { Condition::Healthy };
    Dependency { name: "reconciler".to_owned(), status, duration_ms: 0, since: None, message }
}

/// Clusters as their watches found them.
async fn clusters(web: &Web) -> Vec<Dependency> {
    let begun = Instant::now();
    let found = match web.store.read().await {
        Ok(mut read) => read.clusters().await,
        Err(error) => Err(error),
    };
    let duration_ms = millis(begun);
    let dependency = |cluster: store::Cluster| {
        let since = cluster.unreachable_since;
        let status = if since.is_some() { Condition::Degraded } else { Condition::Healthy };
        let message = since.map(|_| "cannot be reached".to_owned());
        Dependency { name: format!("cluster {}", cluster.name), status, duration_ms, since, message }
    };
    match found {
        Ok(clusters) => clusters.into_iter().map(dependency).collect(),
        Err(error) => {
            tracing::warn!(error.chain = %error, "the clusters cannot be listed");
            let message = Some("cannot be listed".to_owned());
            vec![Dependency {
                name: "clusters".to_owned(),
                status: Condition::Degraded,
                duration_ms,
                since: None,
                message,
            }]
        }
    }
}

/// Slack as its last message went; nothing where it is not set up.
async fn slack(web: &Web) -> Option<Dependency> {
    let begun = Instant::now();
    let actor = Actor { identity: Identity::rule("health"), role: Role::Admin, from: None };
    let view = web.engine.slack(&actor).await.ok().filter(|view| view.mark != Mark::Nothing)?;
    let is_down = view.mark == Mark::Failed;
    let status = if is_down { Condition::Degraded } else { Condition::Healthy };
    let message = is_down.then(|| "messages cannot be sent".to_owned());
    Some(Dependency { name: "slack".to_owned(), status, duration_ms: millis(begun), since: None, message })
}

fn millis(begun: Instant) -> u64 {
    u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX)
}
