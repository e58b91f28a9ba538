//! Signing in and out, and one-time links: plain forms, before any browser code.
//!
//! Attempts are limited per address and per account; every refusal says the same, whoever was asked for.

use std::sync::Arc;

use app::returned::Returned;
use axum::{
    extract::{Path, Request, State},
    http::{HeaderValue, Method, header},
    response::{IntoResponse, Redirect, Response},
};
use contract::{Answer, ApiError, people::LinkPurpose};
use domain::ids::PersonId;
use secrecy::SecretString;
use serde::Deserialize;
use tower_sessions::Session;

use super::{
    Web,
    address::ClientAddress,
    body::read_body,
    problem, returned,
    routes::{Access, Routes},
    session,
};

/// The page of a one-time link; the same address takes its form.
pub(super) const LINK: &str = "/link/{token}";

/// The address that a page finds what came of a link's form under: without the token, which must not
/// lie in a session.
const LINK_ACTION: &str = "/link";

/// These forms have three short fields.
const LARGEST_FORM: usize = 16 * 1024;

/// The parameter that says after how many seconds an attempt is free.
const WAIT: &str = "wait";

/// Adds the forms.
pub(super) fn add(routes: &mut Routes) {
    routes.add(Access::Visitor, Method::POST, app::routes::SIGN_IN, sign_in);
    routes.add(Access::Visitor, Method::POST, app::routes::SIGN_OUT, sign_out);
    routes.add(Access::Visitor, Method::POST, LINK, use_link);
}

#[derive(Deserialize)]
struct SignIn {
    #[serde(default)]
    email: String,
    #[serde(default)]
    password: SecretString,
    #[serde(default)]
    next: String,
}

/// Every field that one of the forms of a link has.
#[derive(Default, Deserialize)]
struct UseLink {
    #[serde(default)]
    name: String,
    #[serde(default)]
    email: String,
    #[serde(default)]
    password: SecretString,
}

async fn sign_in(State(web): State<Arc<Web>>, session: Session, request: Request) -> Response {
    let address = actor_address(&request);
    let (body, form) = match read_form::<SignIn>(request).await {
        Ok(read) => read,
        Err(refused) => return refused,
    };
    let next = returned::own_path(&form.next).to_owned();
    let page = app::routes::sign_in(&next);
    if let Err(seconds) = web.limits.attempt(address.counted(), &form.email, web.clock.now()) {
        tracing::warn!(client.address = address.shown(), "too many attempts to sign in");
        return wait(&page, seconds);
    }
    match web.engine.authenticate_password(&form.email, &form.password, address.shown()).await {
        Ok(person) => {
            web.limits.succeeded(&form.email);
            let_in(&web, &session, person, &next).await
        }
        Err(error) => {
            let action = app::routes::SIGN_IN.to_owned();
            back(
                &web,
                &session,
                Returned { action, fields: returned::fields(&body), error: Some(error), result: None },
                &page,
            )
            .await
        }
    }
}

async fn sign_out(State(web): State<Arc<Web>>, session: Session) -> Response {
    if let Err(error) = session.flush().await {
        let error = web.session_failed(&error);
        return problem::page(problem::status_of(&error), &error.message);
    }
    web.sign_outs.send_modify(|count| *count += 1);
    let mut response = Redirect::to(app::routes::SIGN_IN).into_response();
    let removal = HeaderValue::from_static(session::removal(web.settings.public_url.is_https));
    response.headers_mut().append(header::SET_COOKIE, removal);
    response
}

async fn use_link(
    State(web): State<Arc<Web>>,
    Path(token): Path<String>,
    session: Session,
    request: Request,
) -> Response {
    let address = actor_address(&request);
    let (body, form) = match read_form::<UseLink>(request).await {
        Ok(read) => read,
        Err(refused) => return refused,
    };
    let page = app::routes::link(&token);
    if let Err(seconds) = web.limits.attempt_from(address.counted(), web.clock.now()) {
        return wait(&page, seconds);
    }
    match spend(&web, &token, &form, address).await {
        Ok(person) => let_in(&web, &session, person, app::routes::HOME).await,
        Err(error) => {
            let action = LINK_ACTION.to_owned();
            back(
                &web,
                &session,
                Returned { action, fields: returned::fields(&body), error: Some(error), result: None },
                &page,
            )
            .await
        }
    }
}

/// Does what the link is for.
async fn spend(web: &Web, token: &str, form: &UseLink, address: ClientAddress) -> Answer<PersonId> {
    let (engine, from) = (&web.engine, address.shown());
    match engine.look_at_link(token).await? {
        LinkPurpose::FirstAdministrator => {
            engine.use_link_first_administrator(token, &form.name, &form.email, &form.password, from).await
        }
        LinkPurpose::SetPassword { .. } => engine.use_link_set_password(token, &form.password, from).await,
        LinkPurpose::SignIn { .. } => engine.use_link_sign_in(token, from).await,
    }
}

/// Begins the session and leads on; who wanted to go nowhere else to where their role has most to do.
async fn let_in(web: &Web, session: &Session, person: PersonId, next: &str) -> Response {
    match session::sign_in(session, person, web.clock.now()).await {
        Ok(()) if next == app::routes::HOME => {
            // Nobody is kept out because their role could not be read: the Board is everybody's.
            let role = web.engine.actor_of_person(person, None).await.map(|actor| actor.role);
            Redirect::to(role.map_or(app::routes::HOME, app::routes::first_page)).into_response()
        }
        Ok(()) => Redirect::to(next).into_response(),
        Err(error) => {
            let error = web.session_failed(&error);
            problem::page(problem::status_of(&error), &error.message)
        }
    }
}

async fn back(web: &Web, session: &Session, returned: Returned, page: &str) -> Response {
    match returned::keep(web, session, returned, page).await {
        Ok(target) => Redirect::to(&target).into_response(),
        Err(error) => {
            let error = web.session_failed(&error);
            problem::page(problem::status_of(&error), &error.message)
        }
    }
}

/// Leads back to the page, which says how long to wait. Nothing is written for an attempt that was not
/// looked at.
fn wait(page: &str, seconds: i64) -> Response {
    let mark = if page.contains('?') { '&' } else { '?' };
    let target = format!("{page}{mark}{WAIT}={seconds}");
    ([(header::RETRY_AFTER, seconds.to_string())], Redirect::to(&target)).into_response()
}

/// What [`wait`] led back with.
pub(super) fn too_many(path: &str, query: Option<&str>) -> Option<Returned> {
    let action = if path == app::routes::SIGN_IN { app::routes::SIGN_IN } else { LINK_ACTION };
    let seconds: u32 = parameter(query, WAIT)?.parse().ok()?;
    let message = format!("too many attempts; try again in {} seconds", seconds.min(3_600));
    let error = Some(ApiError::refused(message));
    Some(Returned { action: action.to_owned(), fields: vec![], error, result: None })
}

/// Where to go on to after signing in.
pub(super) fn next_of(query: Option<&str>) -> String {
    returned::own_path(&parameter(query, "next").unwrap_or_default()).to_owned()
}

/// The token of a link's page.
pub(super) fn token_of(path: &str) -> Option<&str> {
    path.strip_prefix("/link/").filter(|token| !token.is_empty() && !token.contains('/'))
}

fn parameter(query: Option<&str>, name: &str) -> Option<String> {
    let pairs = form_urlencoded::parse(query?.as_bytes());
    pairs.into_owned().find(|(key, _)| key == name).map(|(_, value)| value)
}

fn actor_address(request: &Request) -> ClientAddress {
    super::actor::address(request)
}

/// Reads a form with its raw body. What cannot be read is answered with a page.
async fn read_form<T: serde::de::DeserializeOwned>(request: Request) -> Result<(axum::body::Bytes, T), Response> {
    let body = read_body(request.into_body(), LARGEST_FORM).await.map_err(IntoResponse::into_response)?;
    let form = serde_urlencoded::from_bytes(&body);
    let unreadable = |_| problem::page(axum::http::StatusCode::BAD_REQUEST, "the form could not be read");
    let form = form.map_err(unreadable)?;
    Ok((body, form))
}
