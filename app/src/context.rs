//! What the server gives to every request, and how server functions take it.
//!
//! [`provide`] is called by the server for pages and for server functions alike; without it a server
//! function answers 'unavailable' and never panics, for Leptos runs the application once without any
//! request to list its routes.

use chrono::{DateTime, Utc};
use contract::people::LinkPurpose;
#[cfg(feature = "ssr")]
use leptos::prelude::*;

#[cfg(feature = "ssr")]
use crate::{
    error::{Answer, AppError},
    returned::Returned,
};
#[cfg(feature = "ssr")]
use std::sync::Arc;

/// Where the browser half lies: `/assets/<hash>`; `None` when this server was built without one, and
/// then pages go out without script and style.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assets {
    /// The folder, with a slash at its begin and none at its end.
    pub base: Option<String>,
}

/// The server's time when the request came in.
#[cfg(feature = "ssr")]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Now(pub(crate) DateTime<Utc>);

/// What a one-time link in the address is for; `None` when it is unknown, used or too old.
#[derive(Clone, Debug)]
pub(crate) struct Link(pub(crate) Option<LinkPurpose>);

/// Everything that one request brings.
#[cfg(feature = "ssr")]
#[derive(Clone)]
pub struct ForRequest {
    /// The use cases.
    pub backend: Arc<dyn contract::Backend>,
    /// Who asks; `None` when nobody is signed in.
    pub actor: Option<domain::actor::Actor>,
    /// When, by the server's clock.
    pub now: DateTime<Utc>,
    /// Where the browser half lies.
    pub assets: Assets,
    /// What came of the form before, by the one-time id in the address.
    pub returned: Option<Returned>,
    /// What the one-time link in the address is for, on its page.
    pub link: Option<LinkPurpose>,
}

/// Puts a request's things into Leptos' context.
#[cfg(feature = "ssr")]
pub fn provide(request: ForRequest) {
    provide_context(request.backend);
    if let Some(actor) = request.actor {
        provide_context(actor);
    }
    provide_context(Now(request.now));
    provide_context(request.assets);
    if let Some(returned) = request.returned {
        provide_context(returned);
    }
    provide_context(Link(request.link));
}

/// The use cases and who asks.
///
/// # Errors
/// `Unauthenticated` when nobody is signed in, `Unavailable` outside a request.
#[cfg(feature = "ssr")]
pub(crate) fn backend() -> Answer<(Arc<dyn contract::Backend>, domain::actor::Actor)> {
    let backend = use_context::<Arc<dyn contract::Backend>>()
        .ok_or_else(|| AppError(contract::ApiError::unavailable("this server is not ready yet")))?;
    let actor = use_context::<domain::actor::Actor>().ok_or_else(|| AppError(contract::ApiError::unauthenticated()))?;
    Ok((backend, actor))
}

/// The server's time when the request came in; the browser's own where no server said so.
pub(crate) fn now() -> DateTime<Utc> {
    #[cfg(feature = "hydrate")]
    let now = chrono::DateTime::from_timestamp_millis(js_sys::Date::now() as i64).unwrap_or_default();
    #[cfg(all(feature = "ssr", not(feature = "hydrate")))]
    let now = use_context::<Now>().map(|now| now.0).unwrap_or_default();
    #[cfg(not(any(feature = "ssr", feature = "hydrate")))]
    let now = DateTime::<Utc>::default();
    now
}

/// Sets the status of the page that is being rendered; does nothing in the browser.
pub(crate) fn set_status(status: u16) {
    #[cfg(feature = "ssr")]
    if let (Some(options), Ok(status)) =
        (use_context::<leptos_axum::ResponseOptions>(), http::StatusCode::from_u16(status))
    {
        options.set_status(status);
    }
    #[cfg(not(feature = "ssr"))]
    let _ = status;
}
