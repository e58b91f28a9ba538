//! Routes and who may use them. A route cannot be added without saying so, and the table that comes of
//! it is what the test of all routes goes by.

use std::sync::Arc;

use axum::{
    Router,
    handler::Handler,
    http::Method,
    middleware,
    routing::{MethodFilter, MethodRouter, on},
};
use tower_sessions::SessionManagerLayer;

use super::{Sessions, Web, actor, metrics, pages};

/// Who may use a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everyone; no session is looked at.
    Public,
    /// Everyone; who is signed in is known (signing in, one-time links).
    Visitor,
    /// People who are signed in. What they may do is asked in the use case.
    Person,
    /// Machines with an API token. What they may do is asked in the use case.
    Token,
    /// Whoever has the token of the metrics, or everyone where none is set.
    Metrics,
}

/// A route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteEntry {
    /// The method.
    pub method: Method,
    /// The pattern: `/services/{service}`.
    pub path: String,
    /// Who may use it.
    pub access: Access,
}

/// Routes on their way to a router.
pub(super) struct Routes {
    web: Arc<Web>,
    router: Router<Arc<Web>>,
    table: Vec<RouteEntry>,
}

impl Routes {
    pub fn new(web: &Arc<Web>) -> Self {
        Self { web: Arc::clone(web), router: Router::new(), table: Vec::new() }
    }

    /// Adds a route. GET takes HEAD as well.
    pub fn add<H, T>(&mut self, access: Access, method: Method, path: &str, handler: H)
    where
        H: Handler<T, Arc<Web>>,
        T: 'static,
    {
        let filter = match method {
            Method::GET => MethodFilter::GET,
            Method::PUT => MethodFilter::PUT,
            Method::DELETE => MethodFilter::DELETE,
            _ => MethodFilter::POST,
        };
        let guarded = self.guarded(access, on(filter, handler));
        let router = std::mem::take(&mut self.router);
        self.router = router.route(path, guarded);
        self.table.push(RouteEntry { method, path: path.to_owned(), access });
    }

    /// Adds the one route of a finished router that is open to everyone.
    pub fn merge_public(&mut self, path: &str, router: Router<Arc<Web>>) {
        self.router = std::mem::take(&mut self.router).merge(router);
        self.table.push(RouteEntry { method: Method::GET, path: path.to_owned(), access: Access::Public });
    }

    /// Every route so far.
    pub fn table(&self) -> &[RouteEntry] {
        &self.table
    }

    /// The router: what is not in it is answered by the page that says so.
    pub fn finish(self, sessions: SessionManagerLayer<Sessions>) -> Router<Arc<Web>> {
        self.router.fallback(pages::not_found).layer(sessions)
    }

    fn guarded(&self, access: Access, route: MethodRouter<Arc<Web>>) -> MethodRouter<Arc<Web>> {
        let web = Arc::clone(&self.web);
        match access {
            Access::Public => route,
            Access::Visitor => route.route_layer(middleware::from_fn_with_state(web, actor::anyone)),
            Access::Person => route.route_layer(middleware::from_fn_with_state(web, actor::person)),
            Access::Token => route.route_layer(middleware::from_fn_with_state(web, actor::token)),
            Access::Metrics => route.route_layer(middleware::from_fn_with_state(web, metrics::guard)),
        }
    }
}
