//! The web edge: one router, in which every route says who may use it.
//!
//! [`router`] is built from [`routes::Routes`], which takes no route without an [`routes::Access`]; what
//! is not in it is not there. Layers, from the outside: request id, log and metrics, headers, compression,
//! shape of errors, panics, the client's address, size and time of bodies, cross-site requests, then access.

mod actor;
mod address;
mod api;
mod api_alerts;
mod api_analysis;
mod api_git;
pub mod assets;
mod body;
mod compress;
mod events;
mod feed;
mod forms;
mod headers;
mod health;
mod limits;
mod metrics;
mod observe;
mod openapi;
mod pages;
mod problem;
mod returned;
mod routes;
mod session;
mod sign_in;

use std::{sync::Arc, time::Duration};

use axum::{Router, extract::DefaultBodyLimit, middleware};
use contract::{ApiError, Backend};
use engine::Engine;
use ipnet::IpNet;
use metrics_exporter_prometheus::PrometheusHandle;
use ports::{Clock, Randomness};
use secrecy::SecretString;
use store::Store;
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tower_http::{
    catch_panic::CatchPanicLayer, csrf::CsrfLayer, limit::RequestBodyLimitLayer, timeout::RequestBodyTimeoutLayer,
};

use crate::config::PublicUrl;
pub use feed::Feed;
pub use limits::SignInLimits;
pub use routes::{Access, RouteEntry};
pub use session::Sessions;

/// The largest request that is read at all; each access has its own, smaller limit where it can.
const LARGEST_BODY: usize = 2 * 1024 * 1024;

/// Between two pieces of a body: who sends slower than this holds a connection for nothing.
const PIECE_PATIENCE: Duration = Duration::from_secs(20);

/// For beginning to read where somebody waits for a page or a pipeline for its answer: a database that is
/// away is told of before they give up. A connection is free within milliseconds.
const READ_PATIENCE: Duration = Duration::from_secs(3);

/// Open streams of live updates on this server. Each is a connection, and fewer than those that can be open: pages,
/// acts and `/health` have places of their own.
const MOST_STREAMS: usize = crate::listen::MOST_CONNECTIONS * 2 / 3;

/// What of the configuration the edge needs.
#[derive(Clone, Debug)]
pub struct WebSettings {
    /// Where Slipway is reached.
    pub public_url: PublicUrl,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// After how many hours without a request a session ends.
    pub session_hours: u32,
    /// What `/metrics` asks for.
    pub metrics_token: Option<SecretString>,
}

/// What the edge is made of.
pub struct WebParts {
    /// The use cases.
    pub engine: Engine,
    /// The database, for sessions and health.
    pub store: Store,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Identifiers.
    pub randomness: Arc<dyn Randomness>,
    /// What of the configuration the edge needs.
    pub settings: WebSettings,
    /// The recorder of this process.
    pub metrics: PrometheusHandle,
    /// Cancelled when the server is to end.
    pub shutdown: CancellationToken,
}

/// Everything that handlers share.
pub struct Web {
    pub(crate) engine: Engine,
    pub(crate) backend: Arc<dyn Backend>,
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) randomness: Arc<dyn Randomness>,
    pub(crate) settings: WebSettings,
    pub(crate) metrics: PrometheusHandle,
    pub(crate) shutdown: CancellationToken,
    pub(crate) limits: SignInLimits,
    pub(crate) feed: Feed,
    pub(crate) sessions: Sessions,
    pub(crate) streams: Arc<Semaphore>,
    /// Rises with each sign-out on this server, so that streams look at their session again.
    pub(crate) sign_outs: watch::Sender<u64>,
}

impl Web {
    /// The edge of these parts. Follows the store's changes until `parts.shutdown`.
    #[must_use]
    pub fn new(parts: WebParts) -> Arc<Self> {
        let engine = parts.engine.impatient(READ_PATIENCE);
        let store = parts.store.impatient(READ_PATIENCE);
        let sessions = Sessions::new(store.clone(), Arc::clone(&parts.clock), parts.settings.session_hours);
        let feed = Feed::start(&parts.store, Arc::clone(&parts.clock), parts.shutdown.clone());
        Arc::new(Self {
            backend: Arc::new(engine.clone()),
            engine,
            store,
            clock: parts.clock,
            randomness: parts.randomness,
            settings: parts.settings,
            metrics: parts.metrics,
            shutdown: parts.shutdown,
            limits: SignInLimits::default(),
            feed,
            sessions,
            streams: Arc::new(Semaphore::new(MOST_STREAMS)),
            sign_outs: watch::Sender::new(0),
        })
    }

    /// The recorder of this process.
    #[must_use]
    pub fn recorder(&self) -> PrometheusHandle {
        self.metrics.clone()
    }

    /// What a session that cannot be read means to a reader; the log has the rest.
    pub(crate) fn session_failed(&self, error: &tower_sessions::session::Error) -> ApiError {
        let reference = self.reference();
        tracing::error!(error.reference = reference, error.chain = %error, "a session cannot be read or written");
        ApiError {
            reference: Some(reference),
            ..ApiError::unavailable("the database does not answer; try again in a moment")
        }
    }

    /// A short word that ties an answer to the log.
    pub(crate) fn reference(&self) -> String {
        let mut bytes = [0; 5];
        self.randomness.fill(&mut bytes);
        bytes.iter().map(|b| format!("{b:02x}")).collect()
    }
}

/// Every route with who may use it, for the test that goes through all of them.
#[must_use]
pub fn route_table(web: &Arc<Web>) -> Vec<RouteEntry> {
    all_routes(web).table().to_vec()
}

/// The whole edge.
pub fn router(web: &Arc<Web>) -> Router {
    all_routes(web)
        .finish(web.sessions.clone().layer(&web.settings.public_url))
        .layer(CsrfLayer::new())
        .layer(RequestBodyTimeoutLayer::new(PIECE_PATIENCE))
        .layer(middleware::from_fn(body::in_time))
        .layer(DefaultBodyLimit::disable())
        .layer(RequestBodyLimitLayer::new(LARGEST_BODY))
        .layer(middleware::from_fn_with_state(Arc::clone(web), observe::address))
        .layer(CatchPanicLayer::custom(observe::panicked))
        .layer(middleware::from_fn(problem::layer))
        .layer(middleware::from_fn(compress::layer))
        .layer(middleware::from_fn_with_state(Arc::clone(web), headers::layer))
        .layer(middleware::from_fn_with_state(Arc::clone(web), observe::layer))
        .with_state(Arc::clone(web))
}

fn all_routes(web: &Arc<Web>) -> routes::Routes {
    let mut routes = routes::Routes::new(web);
    health::add(&mut routes);
    metrics::add(&mut routes);
    assets_routes(&mut routes);
    sign_in::add(&mut routes);
    events::add(&mut routes);
    forms::add(&mut routes);
    pages::add(&mut routes);
    api::add(&mut routes);
    api_alerts::add(&mut routes);
    api_analysis::add(&mut routes);
    api_git::add(&mut routes);
    openapi::add(&mut routes);
    routes
}

fn assets_routes(routes: &mut routes::Routes) {
    routes.merge_public("/assets/{hash}/{*file}", assets::router());
}
