//! Who asks: a person by their session, or a machine by its token. Both are looked up anew for each
//! request, so that a role that changed counts at once.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Request, State},
    http::{Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
};
use contract::ApiError;
use domain::{actor::Actor, ids::PersonId};
use tower_sessions::Session;

use super::{Web, address::ClientAddress, problem, problem::Problem, session};

/// A person with their session's request.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// The person.
    pub person: PersonId,
    /// With their role at this moment.
    pub actor: Actor,
}

/// Lets only people through who are signed in; others are led to the sign-in page.
pub async fn person(State(web): State<Arc<Web>>, mut request: Request, next: Next) -> Response {
    let (session, from) = about(&request);
    match signed_in(&web, session.as_ref(), from).await {
        Ok(Some(who)) => {
            request.extensions_mut().insert(who);
            next.run(request).await
        }
        Ok(None) => not_signed_in(&request),
        Err(error) => refusal(&request, error),
    }
}

/// Lets everyone through, and says who they are when they are signed in.
pub async fn anyone(State(web): State<Arc<Web>>, mut request: Request, next: Next) -> Response {
    let (session, from) = about(&request);
    match signed_in(&web, session.as_ref(), from).await {
        Ok(Some(who)) => {
            request.extensions_mut().insert(who);
        }
        Ok(None) => {}
        Err(error) => return refusal(&request, error),
    }
    next.run(request).await
}

/// Lets only machines through, by `Authorization: Bearer`. Cookies are not looked at: a browser must not
/// be led to use the API in its person's name.
pub async fn token(State(web): State<Arc<Web>>, mut request: Request, next: Next) -> Response {
    let from = address(&request).shown();
    let Some(secret) = bearer(&request).map(ToOwned::to_owned) else {
        return Problem::new(StatusCode::UNAUTHORIZED, "send an API token as 'Authorization: Bearer …'")
            .into_response();
    };
    match web.engine.actor_of_token(&secret, from).await {
        Ok(actor) => {
            request.extensions_mut().insert(actor);
            next.run(request).await
        }
        Err(error) => Problem::from(error).into_response(),
    }
}

/// The secret of `Authorization: Bearer …`.
pub fn bearer<B>(request: &axum::http::Request<B>) -> Option<&str> {
    let value = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, secret) = value.split_once(' ')?;
    let secret = secret.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !secret.is_empty()).then_some(secret)
}

/// Where the request comes from, as the outermost layer found it.
pub fn address<B>(request: &axum::http::Request<B>) -> ClientAddress {
    request.extensions().get().copied().unwrap_or(ClientAddress(None))
}

/// The person of the request's session, when they may still come in.
///
/// # Errors
/// The database's trouble, as an error for the reader.
pub async fn signed_in(
    web: &Web,
    session: Option<&Session>,
    from: Option<String>,
) -> Result<Option<SignedIn>, ApiError> {
    let Some(session) = session else { return Ok(None) };
    let Some(person) = session::person(session).await.map_err(|e| web.session_failed(&e))? else { return Ok(None) };
    match web.engine.actor_of_person(person, from).await {
        Ok(actor) => {
            session::renew(session, web.clock.now()).await.map_err(|e| web.session_failed(&e))?;
            Ok(Some(SignedIn { person, actor }))
        }
        Err(error) if problem::needs_sign_in(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The session and the address of a request. A request itself cannot be held while waiting: its body
/// belongs to one thread at a time.
pub fn about(request: &Request) -> (Option<Session>, Option<String>) {
    (request.extensions().get::<Session>().cloned(), address(request).shown())
}

/// Leads a reader to the sign-in page and back from there; tells everyone else.
pub fn not_signed_in(request: &Request) -> Response {
    if problem::takes_pages(request) {
        let asked = request.uri().path_and_query().map_or("/", |p| p.as_str());
        let next = if request.method() == Method::GET { asked } else { "/" };
        return Redirect::to(&app::routes::sign_in(next)).into_response();
    }
    refusal(request, ApiError::unauthenticated())
}

/// An error in the shape that pages, scripts and streams take.
pub fn refusal(request: &Request, error: ApiError) -> Response {
    let status = problem::status_of(&error);
    if problem::takes_pages(request) {
        problem::page(status, &error.message)
    } else {
        (status, Json(error)).into_response()
    }
}
