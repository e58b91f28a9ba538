//! `POST /do/…`: the server functions, for scripts and for plain forms alike.
//!
//! Leptos answers every refusal with 500 and, to a plain form, puts the error into the address. Here a
//! script gets the status that the error's kind asks for, and a plain form is led back to its page, which
//! shows what was typed and what is wrong.

use std::sync::Arc;

use app::returned::Returned;
use axum::{
    Extension,
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    http::{HeaderValue, Method, StatusCode, header, request::Parts},
    response::{IntoResponse, Redirect, Response},
};
use contract::ApiError;
use leptos_axum::handle_server_fns_with_context;
use tower_sessions::Session;

use super::{
    Web,
    actor::SignedIn,
    body::read_body,
    pages, problem, returned,
    routes::{Access, Routes},
};

/// The header by which Leptos marks an error.
const ERROR_MARK: &str = "serverfnerror";

/// A kubeconfig is the largest that a form sends; a few hundred kilobytes with its certificates.
const LARGEST_FORM: usize = 512 * 1024;

/// What a server function answers to a form is small; pages of data go to scripts and are not read here.
const LARGEST_ANSWER: usize = 1024 * 1024;

/// Adds every server function. Each writes or reads by POST: a GET could be sent by any page on the web.
pub(super) fn add(routes: &mut Routes) {
    for (path, method) in leptos::server_fn::axum::server_fn_paths() {
        if method == Method::POST {
            routes.add(Access::Person, Method::POST, path, call);
        } else {
            tracing::error!(http.route = path, "a server function that is not POST is not served");
        }
    }
}

async fn call(
    State(web): State<Arc<Web>>,
    Extension(who): Extension<SignedIn>,
    session: Session,
    request: Request,
) -> Response {
    let is_plain = problem::takes_pages(&request);
    let (mut parts, body) = request.into_parts();
    let body = match read_body(body, LARGEST_FORM).await {
        Ok(body) => body,
        Err(status) => return status.into_response(),
    };
    let asked = Asked { path: parts.uri.path().to_owned(), back: returned::page_of_form(&parts.headers), body };
    if is_plain {
        // Without this Leptos would answer the form itself.
        parts.headers.remove(header::ACCEPT);
    }
    let context = pages::for_request(&web, Some(who.actor), None, None);
    let response = run(parts, asked.body.clone(), context).await;
    if is_plain { lead_on(&web, &session, asked, response).await } else { with_status(response).await }
}

struct Asked {
    path: String,
    back: String,
    body: Bytes,
}

async fn run(parts: Parts, body: Bytes, context: app::context::ForRequest) -> Response {
    let request = Request::from_parts(parts, Body::from(body));
    handle_server_fns_with_context(move || app::context::provide(context.clone()), request).await.into_response()
}

/// The answer to a script, with the status that the error's kind asks for.
async fn with_status(response: Response) -> Response {
    if !response.headers().contains_key(ERROR_MARK) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(body) = to_bytes(body, LARGEST_ANSWER).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    parts.status = problem::status_of(&read_error(&body));
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Response::from_parts(parts, Body::from(body))
}

/// The answer to a plain form: to where the function leads, or back to its page.
async fn lead_on(web: &Web, session: &Session, asked: Asked, response: Response) -> Response {
    let (parts, body) = response.into_parts();
    let Ok(body) = to_bytes(body, LARGEST_ANSWER).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let is_error = parts.headers.contains_key(ERROR_MARK) || !parts.status.is_success();
    let location = parts.headers.get(header::LOCATION).and_then(|l| l.to_str().ok());
    let target = match location.filter(|_| !is_error) {
        Some(location) => returned::own_path(location).to_owned(),
        None => {
            let error = is_error.then(|| read_error(&body));
            let result = error.is_none().then(|| String::from_utf8_lossy(&body).into_owned());
            // `null` is the answer of a function that has nothing to show.
            let result = result.filter(|result| !result.is_empty() && result != "null");
            let fields = returned::fields(&asked.body);
            let returned = Returned { action: asked.path, fields, error, result };
            match returned::keep(web, session, returned, &asked.back).await {
                Ok(target) => target,
                Err(error) => {
                    let error = web.session_failed(&error);
                    return problem::page(problem::status_of(&error), &error.message);
                }
            }
        }
    };
    let mut redirect = Redirect::to(&target).into_response();
    for cookie in parts.headers.get_all(header::SET_COOKIE) {
        redirect.headers_mut().append(header::SET_COOKIE, cookie.clone());
    }
    redirect
}

/// The error that a server function answered; what is none of ours is a form that could not be read.
fn read_error(body: &[u8]) -> ApiError {
    serde_json::from_slice(body).unwrap_or_else(|_| ApiError::invalid("form", "the form could not be read"))
}
