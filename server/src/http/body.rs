//! Reading request bodies: limits, and JSON with the errors that a pipeline can act on.

use axum::{
    Json,
    body::{Body, Bytes},
    extract::{FromRequest, Request, rejection::JsonRejection},
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::de::DeserializeOwned;

use super::problem::Problem;

/// Requests to the API. A version with 1,000 commits has some 300 kB.
const LARGEST_JSON: usize = 1024 * 1024;

/// Reads a whole body of at most `limit` bytes.
///
/// # Errors
/// The status to answer: too large, or broken off.
pub async fn read_body(body: Body, limit: usize) -> Result<Bytes, StatusCode> {
    match Limited::new(body, limit).collect().await {
        Ok(whole) => Ok(whole.to_bytes()),
        Err(error) if is_too_large(&*error) => Err(StatusCode::PAYLOAD_TOO_LARGE),
        Err(_) => Err(StatusCode::BAD_REQUEST),
    }
}

/// An inner layer's limit may have been hit as well.
fn is_too_large(error: &(dyn std::error::Error + 'static)) -> bool {
    error.is::<LengthLimitError>() || error.source().is_some_and(is_too_large)
}

/// JSON of the API; what cannot be read is a problem that names the place.
pub struct ApiJson<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for ApiJson<T> {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let (parts, body) = request.into_parts();
        let body = read_body(body, LARGEST_JSON).await.map_err(|status| {
            let detail = format!("at most {LARGEST_JSON} bytes are taken");
            let detail = if status == StatusCode::PAYLOAD_TOO_LARGE { detail } else { "the body broke off".to_owned() };
            Problem::new(status, detail).into_response()
        })?;
        let request = Request::from_parts(parts, Body::from(body));
        match Json::<T>::from_request(request, state).await {
            Ok(Json(value)) => Ok(Self(value)),
            Err(rejection) => Err(problem(&rejection).into_response()),
        }
    }
}

fn problem(rejection: &JsonRejection) -> Problem {
    let text = rejection.body_text();
    match rejection {
        JsonRejection::JsonDataError(_) => {
            // '…: commits[0].hash: missing field `title` at line 1 column 2': the part before the last
            // colon but one is the member's path.
            let words = text.split_once(": ").map_or(text.as_str(), |(_, rest)| rest);
            let path = words.split_once(": ").map(|(path, _)| path).filter(|path| !path.contains(' '));
            let field = path.map(ToOwned::to_owned);
            Problem { field, ..Problem::new(StatusCode::UNPROCESSABLE_ENTITY, words) }
        }
        JsonRejection::JsonSyntaxError(_) => {
            let words = text.split_once(": ").map_or(text.as_str(), |(_, rest)| rest);
            Problem::new(StatusCode::BAD_REQUEST, format!("this is not JSON: {words}"))
        }
        JsonRejection::MissingJsonContentType(_) => {
            Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "send the header 'Content-Type: application/json'")
        }
        other => Problem::new(other.status(), text),
    }
}
