//! `GET /metrics` in Prometheus' text format. What is a state rather than an event (connections,
//! promotions by phase, a reconciler's age) is read when somebody asks.

use std::sync::{Arc, atomic::Ordering};

use axum::{
    extract::{Request, State},
    http::{Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use secrecy::ExposeSecret as _;
use subtle::ConstantTimeEq as _;

use super::{
    Web, actor, health,
    routes::{Access, Routes},
};
use crate::telemetry::{DATABASE_CONNECTIONS, PROMOTIONS, RECONCILER_AGE, RECONCILER_PASSES};

/// The phases that are not an end; all are always told, so that a phase that is empty again reads 0.
const OPEN_PHASES: [&str; 5] = ["waiting", "starting", "progressing", "taking_back", "watching"];

/// Adds the page.
pub(super) fn add(routes: &mut Routes) {
    routes.add(Access::Metrics, Method::GET, "/metrics", show);
}

/// Asks for the token where one is set.
pub(super) async fn guard(State(web): State<Arc<Web>>, request: Request, next: Next) -> Response {
    let is_open = match &web.settings.metrics_token {
        None => true,
        Some(token) => {
            let given = actor::bearer(&request).unwrap_or_default();
            bool::from(given.as_bytes().ct_eq(token.expose_secret().as_bytes()))
        }
    };
    if is_open { next.run(request).await } else { StatusCode::UNAUTHORIZED.into_response() }
}

async fn show(State(web): State<Arc<Web>>) -> Response {
    for pool in web.store.pools() {
        let gauge = |state: &'static str| metrics::gauge!(DATABASE_CONNECTIONS, "pool" => pool.name, "state" => state);
        gauge("idle").set(f64::from(pool.idle));
        gauge("used").set(f64::from(pool.open.saturating_sub(pool.idle)));
        gauge("max").set(f64::from(pool.max));
    }
    reconcilers(&web);
    if let Err(error) = promotions(&web).await {
        // The other figures are worth having, above all when the database is in trouble.
        tracing::warn!(error.chain = %error, "promotions cannot be counted for the metrics");
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], web.metrics.render()).into_response()
}

fn reconcilers(web: &Web) {
    let vitals = web.engine.vitals();
    let passes =
        |result: &'static str| metrics::counter!(RECONCILER_PASSES, "reconciler" => "promotions", "result" => result);
    passes("done").absolute(vitals.passes.load(Ordering::Relaxed));
    passes("failed").absolute(vitals.failures.load(Ordering::Relaxed));
    if let Some(age) = health::reconciler_age(web) {
        metrics::gauge!(RECONCILER_AGE, "reconciler" => "promotions").set(age.as_seconds_f64());
    }
}

async fn promotions(web: &Web) -> Result<(), store::StoreError> {
    let mut read = web.store.read().await?;
    let counted = read.open_promotions_by_phase().await?;
    for phase in OPEN_PHASES {
        let count = counted.iter().find(|(word, _)| word == phase).map_or(0, |(_, count)| *count);
        metrics::gauge!(PROMOTIONS, "phase" => phase).set(f64::from(u32::try_from(count).unwrap_or(u32::MAX)));
    }
    Ok(())
}
