//! Headers that every answer carries, and the policy for what a page may load.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, header},
    middleware::Next,
    response::Response,
};

use super::Web;

/// A year, for sites that are reached over https only.
const TRANSPORT_SECURITY: &str = "max-age=31536000";

/// What an answer that is no page may load: nothing.
const NOTHING: &str = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// The policy of a page: our own files, scripts by nonce, WebAssembly, and nothing inline.
#[must_use]
pub fn page_policy(nonce: &str) -> String {
    format!(
        "default-src 'none'; script-src 'nonce-{nonce}' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self'; \
         font-src 'self'; connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; \
         frame-ancestors 'none'"
    )
}

/// Adds what is missing. A page has set its own policy by then; files that may be cached for ever have
/// said so.
pub async fn layer(State(web): State<Arc<Web>>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let always = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    for (name, value) in always {
        headers.insert(name, HeaderValue::from_static(value));
    }
    missing(headers, header::CONTENT_SECURITY_POLICY, NOTHING);
    missing(headers, header::CACHE_CONTROL, "no-store");
    if web.settings.public_url.is_https {
        missing(headers, header::STRICT_TRANSPORT_SECURITY, TRANSPORT_SECURITY);
    }
    response
}

fn missing(headers: &mut HeaderMap, name: HeaderName, value: &'static str) {
    headers.entry(name).or_insert(HeaderValue::from_static(value));
}
