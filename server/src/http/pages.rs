//! The pages: the application rendered on the server, with what the request brings.

use std::sync::Arc;

use app::{context::ForRequest, returned::Returned};
use axum::{
    Extension,
    extract::{Request, State},
    http::{HeaderValue, Method, StatusCode, header},
    response::{IntoResponse as _, Redirect, Response},
};
use contract::{ApiError, people::LinkPurpose};
use domain::actor::Actor;
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

/// Adds every page that the application has.
pub(super) fn add(routes: &mut Routes) {
    for listing in generate_route_list(app::App) {
        let access = if OPEN_PAGES.contains(&listing.path()) { Access::Visitor } else { Access::Person };
        routes.add(access, Method::GET, listing.path(), page);
    }
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
    render_app_async_with_context(provide, app::shell)(request).await
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
