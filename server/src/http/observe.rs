//! What is known of each request: an identity of its own, one line in the log, two metrics, the
//! client's address; and what happens when a handler panics.

use std::{any::Any, sync::Arc, time::Instant};

use axum::{
    body::Body,
    extract::{MatchedPath, Request, State},
    http::{HeaderValue, Response, StatusCode},
    middleware::Next,
    response::IntoResponse,
};
use tracing::Instrument as _;

use super::{Web, address};
use crate::telemetry::{HTTP_DURATION, HTTP_REQUESTS};

/// The header that names a request.
const REQUEST_ID: &str = "x-request-id";

/// Names the request, logs it, measures it. The name is always ours: one from outside could be made to
/// look like another's in the log.
pub async fn layer(State(web): State<Arc<Web>>, request: Request, next: Next) -> axum::response::Response {
    let id = web.randomness.uuid().to_string();
    let method = request.method().as_str().to_owned();
    // The pattern, never the path: names would make endless series of metrics.
    let route = request.extensions().get::<MatchedPath>().map_or("unmatched", MatchedPath::as_str).to_owned();
    let begun = Instant::now();
    let span = tracing::info_span!("http.request", request.id = id, http.method = method, http.route = route);
    let mut response = next.run(request).instrument(span).await;
    let (status, duration) = (response.status(), begun.elapsed());
    let known_method = if is_usual(&method) { method } else { "other".to_owned() };
    metrics::counter!(HTTP_REQUESTS, "method" => known_method.clone(), "route" => route.clone(), "status" => status.as_u16().to_string()).increment(1);
    metrics::histogram!(HTTP_DURATION, "method" => known_method.clone(), "route" => route.clone())
        .record(duration.as_secs_f64());
    let duration_ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let status_number = status.as_u16();
    if status.is_server_error() {
        tracing::warn!(
            request.id = id,
            http.method = known_method,
            http.route = route,
            http.status = status_number,
            duration_ms,
            "request answered with an error of ours"
        );
    } else {
        tracing::debug!(
            request.id = id,
            http.method = known_method,
            http.route = route,
            http.status = status_number,
            duration_ms,
            "request answered"
        );
    }
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

fn is_usual(method: &str) -> bool {
    ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"].contains(&method)
}

/// Finds the client's address for everything further in.
pub async fn address(State(web): State<Arc<Web>>, mut request: Request, next: Next) -> axum::response::Response {
    let found = address::of(&request, &web.settings.trusted_proxies);
    request.extensions_mut().insert(found);
    next.run(request).await
}

/// A handler panicked: a defect. The panic's text goes to the log and to nobody else.
#[expect(clippy::needless_pass_by_value, reason = "the shape that the layer asks for")]
pub fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response<Body> {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    tracing::error!(panic.text = text.unwrap_or("unknown"), "a handler panicked");
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}
