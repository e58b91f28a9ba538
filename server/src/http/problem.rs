//! Errors on the wire. For machines (everything under `/api/`): problem details (RFC 9457), always,
//! also where a layer refused before any handler ran. For people: a short page.

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderValue, StatusCode, header},
    middleware::Next,
    response::{Html, IntoResponse, Response},
};
use contract::{ApiError, ErrorKind};
use serde::Serialize;

/// The media type of problem details.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// Problem details as RFC 9457 names them, with two members of ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Problem {
    /// Which kind of problem, fit for comparing: `urn:slipway:problem:conflict`.
    #[serde(rename = "type")]
    #[schema(example = "urn:slipway:problem:conflict")]
    pub kind: String,
    /// The kind in words.
    #[schema(example = "Conflict")]
    pub title: String,
    /// The HTTP status.
    #[schema(example = 409)]
    pub status: u16,
    /// What happened and what to do.
    pub detail: String,
    /// The member of the request that is wrong, when it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// Where the log has more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
}

impl Problem {
    /// A problem that a layer or an extractor found.
    #[must_use]
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        let (word, title) = match status {
            StatusCode::BAD_REQUEST => ("malformed", "The request cannot be read"),
            StatusCode::UNAUTHORIZED => ("unauthenticated", "Not signed in"),
            StatusCode::FORBIDDEN => ("refused", "Refused"),
            StatusCode::NOT_FOUND => ("not-found", "Not found"),
            StatusCode::METHOD_NOT_ALLOWED => ("method-not-allowed", "Method not allowed"),
            StatusCode::REQUEST_TIMEOUT => ("timeout", "The request took too long"),
            StatusCode::CONFLICT => ("conflict", "Conflict"),
            StatusCode::PAYLOAD_TOO_LARGE => ("too-large", "The request is too large"),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => ("media-type", "Unsupported media type"),
            StatusCode::UNPROCESSABLE_ENTITY => ("invalid", "A value is wrong"),
            StatusCode::TOO_MANY_REQUESTS => ("too-many", "Too many requests"),
            StatusCode::SERVICE_UNAVAILABLE => ("unavailable", "Unavailable"),
            status if status.is_client_error() => ("refused", "Refused"),
            _ => ("internal", "Internal error"),
        };
        Self {
            kind: format!("urn:slipway:problem:{word}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: detail.into(),
            field: None,
            reference: None,
        }
    }
}

impl From<ApiError> for Problem {
    fn from(error: ApiError) -> Self {
        let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let field = error.field().map(ToOwned::to_owned);
        Self { field, reference: error.reference, ..Self::new(status, error.message) }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (status, [(header::CONTENT_TYPE, MEDIA_TYPE)], body).into_response();
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// Says of every 503 when to try again, makes every error under `/api/` a problem, and every bare error elsewhere a page for a reader who
/// takes one. What a handler said itself (JSON or a page) stays.
pub async fn layer(request: Request, next: Next) -> Response {
    let is_api = request.uri().path().starts_with("/api/");
    let takes_pages = takes_pages(&request);
    let mut response = next.run(request).await;
    let status = response.status();
    if status == StatusCode::SERVICE_UNAVAILABLE {
        // Machines that try again at once would make what is busy busier.
        response.headers_mut().entry(header::RETRY_AFTER).or_insert(HeaderValue::from_static("2"));
    }
    if !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let media = response.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let is_bare = media.is_empty() || media.starts_with("text/plain");
    if is_api && media != MEDIA_TYPE {
        keep_headers(&response, Problem::new(status, words(status)).into_response())
    } else if !is_api && is_bare && takes_pages {
        let page = page(status, words(status));
        keep_headers(&response, page)
    } else {
        response
    }
}

/// Whether the client is a browser that asks for a page.
pub fn takes_pages<B>(request: &axum::http::Request<B>) -> bool {
    let accept = request.headers().get(header::ACCEPT).and_then(|v| v.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/html"))
}

/// A short page without style or script, for errors that no page of the application can show.
pub fn page(status: StatusCode, text: &str) -> Response {
    let title = status.canonical_reason().unwrap_or("Error");
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    let html = format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title} - Slipway</title>\
         <meta name=\"viewport\" content=\"width=device-width\"></head>\
         <body><main><h1>{title}</h1><p>{text}</p><p><a href=\"/\">Back to Slipway</a></p></main></body></html>"
    );
    (status, Html(html)).into_response()
}

/// `Allow`, `Retry-After` and the like belong to the answer whatever its body says.
fn keep_headers(from: &Response, mut to: Response<Body>) -> Response {
    for (name, value) in from.headers() {
        if name != header::CONTENT_TYPE && name != header::CONTENT_LENGTH {
            to.headers_mut().insert(name, value.clone());
        }
    }
    to
}

fn words(status: StatusCode) -> &'static str {
    match status {
        StatusCode::BAD_REQUEST => "the request cannot be read",
        StatusCode::UNAUTHORIZED => "send a valid API token as 'Authorization: Bearer …'",
        StatusCode::FORBIDDEN => "the request was refused; a form must be sent from Slipway's own pages",
        StatusCode::NOT_FOUND => "there is nothing at this address",
        StatusCode::METHOD_NOT_ALLOWED => "this address does not take this method; see the header Allow",
        StatusCode::REQUEST_TIMEOUT => "the request did not arrive in time",
        StatusCode::PAYLOAD_TOO_LARGE => "the request is larger than this address takes",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "send the request as application/json",
        StatusCode::TOO_MANY_REQUESTS => "too many requests; try again later",
        StatusCode::SERVICE_UNAVAILABLE => "Slipway cannot answer at the moment; try again",
        StatusCode::GATEWAY_TIMEOUT => "the answer took too long; try again",
        status if status.is_client_error() => "the request was refused",
        _ => "something went wrong on our side; the log has it",
    }
}

/// The status that fits an error of the engine.
pub fn status_of(error: &ApiError) -> StatusCode {
    StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// Whether the reader must sign in (again).
pub fn needs_sign_in(error: &ApiError) -> bool {
    error.kind == ErrorKind::Unauthenticated
}
