//! The pages: the application rendered on the server, with what the request brings.
//!
//! Every page is answered: one that is not ready in time, for whatever reason, is given up with 503.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use app::{context::ForRequest, returned::Returned};
use axum::{
    Extension,
    body::Body,
    extract::{Request, State},
    http::{HeaderValue, Method, StatusCode, header},
    response::{IntoResponse as _, Redirect, Response},
};
use contract::{ApiError, people::LinkPurpose};
use domain::actor::Actor;
use http_body_util::BodyExt as _;
use leptos::prelude::use_context;
use leptos_axum::{ResponseOptions, generate_route_list, render_app_async_with_context};
use tower_sessions::Session;

use super::{
    Web,
    actor::{self, SignedIn},
    assets, headers, problem, returned,
    routes::{Access, Routes},
    sign_in,
};

/// Pages for who is not signed in.
const OPEN_PAGES: [&str; 2] = [app::routes::SIGN_IN, sign_in::LINK];

/// For a whole page, its data included: nobody waits longer, and a page takes milliseconds. Whatever
/// waits on the way (a connection, a statement) has a shorter limit and says what it is.
const PATIENCE: Duration = Duration::from_secs(20);

/// Adds every page that the application has.
pub(super) fn add(routes: &mut Routes) {
    for path in paths() {
        let access = if OPEN_PAGES.contains(&path.as_str()) { Access::Visitor } else { Access::Person };
        routes.add(access, Method::GET, path, page);
    }
}

/// The patterns of the application's pages, listed once in a process.
///
/// Leptos lists them by running the application while a switch of the whole process is set by which no
/// resource loads its data. A page that begins to be rendered at such a moment, for whatever router,
/// would wait for its data for ever. As every router asks here before there is any, no page can be
/// rendered while they are listed.
fn paths() -> &'static [String] {
    static PATHS: OnceLock<Vec<String>> = OnceLock::new();
    PATHS.get_or_init(|| generate_route_list(app::App).iter().map(|listing| listing.path().to_owned()).collect())
}

async fn page(
    State(web): State<Arc<Web>>,
    who: Option<Extension<SignedIn>>,
    session: Session,
    request: Request,
) -> Response {
    let path = request.uri().path();
    let who = who.map(|Extension(who)| who.actor);
    if path == app::routes::SIGN_IN && who.is_some() {
        return Redirect::to(&sign_in::next_of(request.uri().query())).into_response();
    }
    let link = match sign_in::token_of(path) {
        Some(token) => web.engine.look_at_link(token).await.ok(),
        None => None,
    };
    let returned = match returned::take(&session, request.uri().query()).await {
        Ok(returned) => returned.or_else(|| sign_in::too_many(path, request.uri().query())),
        Err(error) => return actor::refusal(&request, web.session_failed(&error)),
    };
    render(&web, who, returned, link, request).await
}

/// What a request brings, for pages and server functions.
pub(super) fn for_request(
    web: &Web,
    actor: Option<Actor>,
    returned: Option<Returned>,
    link: Option<LinkPurpose>,
) -> ForRequest {
    let base = assets::hash().map(|_| format!("/{}", assets::folder()));
    let assets = app::context::Assets { base };
    ForRequest { backend: Arc::clone(&web.backend), actor, now: web.clock.now(), assets, returned, link }
}

async fn render(
    web: &Web,
    actor: Option<Actor>,
    returned: Option<Returned>,
    link: Option<LinkPurpose>,
    request: Request,
) -> Response {
    let context = for_request(web, actor, returned, link);
    let provide = move || {
        app::context::provide(context.clone());
        let policy =
            leptos::nonce::use_nonce().and_then(|nonce| HeaderValue::from_str(&headers::page_policy(&nonce)).ok());
        if let (Some(policy), Some(options)) = (policy, use_context::<ResponseOptions>()) {
            options.insert_header(header::CONTENT_SECURITY_POLICY, policy);
        }
    };
    in_time(PATIENCE, async { whole(render_app_async_with_context(provide, app::shell)(request).await).await }).await
}

/// A page with all of its body, so that what is missing at its end can still be told by the status.
async fn whole(response: Response) -> Response {
    let (head, body) = response.into_parts();
    match body.collect().await {
        Ok(body) => Response::from_parts(head, Body::from(body.to_bytes())),
        Err(error) => {
            tracing::error!(error.message = %error, "a page broke off");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// A page, or 503 after `patience`.
async fn in_time(patience: Duration, page: impl Future<Output = Response>) -> Response {
    if let Ok(page) = tokio::time::timeout(patience, page).await {
        return page;
    }
    tracing::error!(patience_s = patience.as_secs(), "a page was not ready in time and is given up");
    (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "5")]).into_response()
}

/// What is nowhere: a problem for machines, the application's own page for who is signed in.
pub(super) async fn not_found(State(web): State<Arc<Web>>, mut request: Request) -> Response {
    if request.uri().path().starts_with("/api/") {
        return StatusCode::NOT_FOUND.into_response();
    }
    let (session, from) = actor::about(&request);
    match actor::signed_in(&web, session.as_ref(), from).await {
        Ok(Some(who)) if request.method() == Method::GET && problem::takes_pages(&request) => {
            request.extensions_mut().insert(who.clone());
            let mut response = render(&web, Some(who.actor), None, None, request).await;
            if response.status().is_success() {
                *response.status_mut() = StatusCode::NOT_FOUND;
            }
            response
        }
        Ok(Some(_)) => actor::refusal(&request, ApiError::not_found("page", request.uri().path())),
        Ok(None) => actor::not_signed_in(&request),
        Err(error) => actor::refusal(&request, error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_page_that_is_never_ready_is_given_up_with_503() {
        let never = in_time(Duration::from_millis(1), std::future::pending());
        let answered = tokio::time::timeout(Duration::from_secs(60), never).await;
        let status = answered.map(|response| response.status());
        assert_eq!(status, Ok(StatusCode::SERVICE_UNAVAILABLE));
        let ready = in_time(Duration::from_secs(60), async { StatusCode::NO_CONTENT.into_response() }).await;
        assert_eq!(ready.status(), StatusCode::NO_CONTENT);
    }

    #[tokio::test]
    async fn a_page_whose_body_never_ends_is_given_up_as_well() {
        let endless = || Body::from_stream(futures::stream::pending::<Result<&[u8], std::io::Error>>());
        let never = in_time(Duration::from_millis(1), whole(Response::new(endless())));
        let answered = tokio::time::timeout(Duration::from_secs(60), never).await;
        assert_eq!(answered.map(|response| response.status()), Ok(StatusCode::SERVICE_UNAVAILABLE));
    }

    #[test]
    fn the_pages_are_listed_once_in_a_process() {
        assert!(std::ptr::eq(paths(), paths()));
        assert!(paths().iter().any(|path| path == "/services/{name}"), "{:?}", paths());
    }
}
