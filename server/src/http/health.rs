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
use engine::ClusterSign;
use serde::Serialize;
use tokio::time::timeout;

use super::{
    Web,
    routes::{Access, Routes},
};

/// For each dependency: what takes longer than this for one word is of no use to anyone. All are asked side by
/// side, so that whoever asks has the answer before they give up (an orchestrator waits for seconds).
const PATIENCE: Duration = Duration::from_secs(2);

/// For the clusters together: the list of them has to be read before they are asked.
const LIST_PATIENCE: Duration = Duration::from_millis(2_800);

/// A pass takes milliseconds and comes twice a second; patience with a cluster is within a minute.
const RECONCILER_LATE_SECONDS: i64 = 90;

/// A backup, or a database that changes over to another machine, holds writes up for seconds.
const UNWRITABLE_SECONDS: i64 = 10;

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
    let (database, clusters, slack) = tokio::join!(database(&web), clusters(&web), slack(&web));
    let mut dependencies = vec![database];
    // Without the database nothing is known of the others.
    if dependencies.iter().all(|d| d.status == Condition::Healthy) {
        dependencies.push(reconciler(&web));
        dependencies.extend(clusters);
        dependencies.extend(slack);
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
    let message = match timeout(PATIENCE, web.store.ping()).await {
        Ok(Ok(_)) => None,
        Ok(Err(error)) => {
            tracing::warn!(error.chain = %error, "the database does not answer");
            Some("does not answer".to_owned())
        }
        Err(_) => Some(format!("no answer within {} s", PATIENCE.as_secs())),
    };
    let since = unwritable_since(web).filter(|_| message.is_none());
    let message = message.or_else(|| since.map(|_| "can be read and not be written".to_owned()));
    let status = if message.is_none() { Condition::Healthy } else { Condition::Unhealthy };
    Dependency { name: "database".to_owned(), status, duration_ms: millis(begun), since, message }
}

/// Since when the reconciler cannot write to the database, where that is longer than it may take.
fn unwritable_since(web: &Web) -> Option<DateTime<Utc>> {
    let since = web.engine.vitals().unwritable_since.load(Ordering::Relaxed);
    let since = DateTime::from_timestamp(since, 0).filter(|_| since > 0)?;
    Some(since).filter(|since| (web.clock.now() - *since).num_seconds() > UNWRITABLE_SECONDS)
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

/// Clusters as they answer now, and as their watches found them.
async fn clusters(web: &Web) -> Vec<Dependency> {
    let begun = Instant::now();
    let of = |sign: ClusterSign| Dependency {
        name: format!("cluster {}", sign.name),
        status: if sign.trouble.is_some() { Condition::Degraded } else { Condition::Healthy },
        duration_ms: u64::try_from(sign.took.as_millis()).unwrap_or(u64::MAX),
        since: sign.since,
        message: sign.trouble,
    };
    match timeout(LIST_PATIENCE, web.engine.signs_of_clusters(PATIENCE)).await {
        Ok(Ok(signs)) => signs.into_iter().map(of).collect(),
        failed => {
            if let Ok(Err(error)) = failed {
                tracing::warn!(error.chain = %error, "the clusters cannot be listed");
            }
            vec![degraded("clusters", begun, "cannot be listed")]
        }
    }
}

/// Slack as its last message went; nothing where it is not set up.
async fn slack(web: &Web) -> Option<Dependency> {
    let begun = Instant::now();
    let actor = Actor { identity: Identity::rule("health"), role: Role::Admin, from: None };
    let Ok(answer) = timeout(PATIENCE, web.engine.slack(&actor)).await else {
        return Some(degraded("slack", begun, "how it is cannot be read"));
    };
    let view = answer.ok().filter(|view| view.mark != Mark::Nothing)?;
    if view.mark == Mark::Failed {
        return Some(degraded("slack", begun, "messages cannot be sent"));
    }
    let (name, status) = ("slack".to_owned(), Condition::Healthy);
    Some(Dependency { name, status, duration_ms: millis(begun), since: None, message: None })
}

fn degraded(name: &str, begun: Instant, message: &str) -> Dependency {
    let (name, message) = (name.to_owned(), Some(message.to_owned()));
    Dependency { name, status: Condition::Degraded, duration_ms: millis(begun), since: None, message }
}

fn millis(begun: Instant) -> u64 {
    u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX)
}
