//! Logs and metrics of this process.
//!
//! Both are global to a process: [`start_logging`] is called once by `main`; [`metrics`] installs the
//! recorder on first use and gives the same handle to everyone after that.

use std::{io::IsTerminal as _, sync::OnceLock, time::Duration};

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _};

use crate::config::LogFormat;

/// Requests answered, by method, route pattern and status.
pub const HTTP_REQUESTS: &str = "slipway_http_requests_total";

/// How long answers took, by method and route pattern.
pub const HTTP_DURATION: &str = "slipway_http_request_duration_seconds";

/// Connections to the database, by pool and state.
pub const DATABASE_CONNECTIONS: &str = "slipway_database_connections";

/// Promotions, by phase.
pub const PROMOTIONS: &str = "slipway_promotions";

/// Passes of a reconciler since the start, by name and result.
pub const RECONCILER_PASSES: &str = "slipway_reconciler_passes_total";

/// Seconds since a reconciler's last pass, by name.
pub const RECONCILER_AGE: &str = "slipway_reconciler_age_seconds";

/// Open streams of live updates.
pub const LIVE_STREAMS: &str = "slipway_live_streams";

/// From what a person does not notice to what they give up on.
const DURATION_BUCKETS: [f64; 10] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

/// Libraries that speak of normal traffic at levels meant for trouble: a stale cookie is a warning to
/// the session library, and its own reader's mistake to everyone else.
const QUIET: [&str; 3] = ["tower_sessions_core=error", "tower_sessions=error", "hyper_util=warn"];

/// Logging was started before.
#[derive(Debug, thiserror::Error)]
#[error("logging cannot be started")]
pub struct LoggingFailed(#[source] Box<dyn std::error::Error + Send + Sync>);

/// Sends log lines to standard error. `level` is a level or directives, checked by the configuration;
/// what it names itself wins over [`QUIET`].
///
/// # Errors
/// [`LoggingFailed`] when it was started before, or `level` cannot be read.
pub fn start_logging(format: LogFormat, level: &str) -> Result<(), LoggingFailed> {
    let directives = format!("{},{level}", QUIET.join(","));
    let filter = EnvFilter::try_new(directives).map_err(|error| LoggingFailed(error.into()))?;
    let registry = tracing_subscriber::registry().with(filter);
    let started = match format {
        LogFormat::Human => {
            let colours = std::io::stderr().is_terminal();
            registry.with(fmt::layer().with_writer(std::io::stderr).with_target(false).with_ansi(colours)).try_init()
        }
        LogFormat::Json => registry
            .with(fmt::layer().json().flatten_event(true).with_current_span(false).with_writer(std::io::stderr))
            .try_init(),
    };
    started.map_err(|error| LoggingFailed(error.into()))
}

/// The recorder of this process; installed on first use.
///
/// # Errors
/// [`BuildError`] when another recorder was installed before.
pub fn metrics() -> Result<PrometheusHandle, BuildError> {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    static TURN: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(handle) = HANDLE.get() {
        return Ok(handle.clone());
    }
    let builder = PrometheusBuilder::new();
    let builder = builder.set_buckets_for_metric(Matcher::Full(HTTP_DURATION.to_owned()), &DURATION_BUCKETS)?;
    let handle = builder.install_recorder()?;
    describe();
    Ok(HANDLE.get_or_init(|| handle).clone())
}

/// Histograms keep what was recorded until somebody asks; called now and then so that they stay small
/// where nobody does.
pub async fn keep_small(handle: PrometheusHandle) {
    let mut every = tokio::time::interval(Duration::from_secs(5));
    loop {
        every.tick().await;
        handle.run_upkeep();
    }
}

fn describe() {
    describe_counter!(HTTP_REQUESTS, Unit::Count, "HTTP requests answered");
    describe_histogram!(HTTP_DURATION, Unit::Seconds, "Time from a request's arrival to its answer's begin");
    describe_gauge!(DATABASE_CONNECTIONS, Unit::Count, "Connections to the database");
    describe_gauge!(PROMOTIONS, Unit::Count, "Promotions by phase");
    describe_counter!(RECONCILER_PASSES, Unit::Count, "Passes of a reconciler");
    describe_gauge!(RECONCILER_AGE, Unit::Seconds, "Time since a reconciler's last pass");
    describe_gauge!(LIVE_STREAMS, Unit::Count, "Open streams of live updates");
}
