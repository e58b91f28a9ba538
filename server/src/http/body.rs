//! Reading request bodies: limits, and JSON with the errors that a pipeline can act on.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    Json,
    body::{Body, BodyDataStream, Bytes},
    extract::{FromRequest, Request, rejection::JsonRejection},
    http::StatusCode,
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use futures::Stream;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::de::DeserializeOwned;

use tokio::time::{Sleep, sleep};

use super::problem::Problem;

/// Requests to the API. A version with 1,000 commits has some 300 kB.
const LARGEST_JSON: usize = 1024 * 1024;

/// For a whole body, however steadily it trickles in.
const BODY_PATIENCE: Duration = Duration::from_secs(60);

/// A layer that breaks off the body of a request that has not ended in time.
pub(super) async fn in_time(request: Request, next: Next) -> Response {
    next.run(request.map(|body| timed(body, BODY_PATIENCE))).await
}

fn timed(body: Body, patience: Duration) -> Body {
    Body::from_stream(Timed { body: body.into_data_stream(), until: Box::pin(sleep(patience)) })
}

/// A body with an end.
struct Timed {
    body: BodyDataStream,
    until: Pin<Box<Sleep>>,
}

impl Stream for Timed {
    type Item = Result<Bytes, axum::BoxError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.until.as_mut().poll(context).is_ready() {
            return Poll::Ready(Some(Err("the body took too long".into())));
        }
        Pin::new(&mut self.body).poll_next(context).map_err(Into::into)
    }
}

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

#[cfg(test)]
mod tests {
    use futures::{StreamExt as _, stream};

    use super::*;

    #[tokio::test]
    async fn attack_a_body_that_trickles_is_broken_off() {
        let endless = Body::from_stream(stream::repeat(()).then(async |()| {
            tokio::task::yield_now().await;
            Ok::<_, std::convert::Infallible>(Bytes::from_static(b"x"))
        }));
        let broken = read_body(timed(endless, Duration::ZERO), usize::MAX);
        let broken = tokio::time::timeout(Duration::from_secs(60), broken).await;
        assert_eq!(broken, Ok(Err(StatusCode::BAD_REQUEST)));
        let whole = timed(Body::from("whole"), Duration::from_secs(60));
        assert_eq!(read_body(whole, usize::MAX).await, Ok(Bytes::from_static(b"whole")));
    }
}
