//! A source of metrics: one query, one answer. Asking changes nothing there, so every call may be made
//! again.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::analysis::{Reading, SampleRange, Tenant};
use secrecy::SecretString;

/// How a source is asked to let us in.
#[derive(Clone, Debug, Default)]
pub enum MetricCredentials {
    /// It lets everybody in.
    #[default]
    None,
    /// By a token, sent as a bearer token.
    Token(SecretString),
    /// By a user name and a password (basic authentication).
    Password {
        /// The user name.
        user: String,
        /// The password.
        password: SecretString,
    },
}

/// Where metrics are.
#[derive(Clone, Debug)]
pub enum MetricSettings {
    /// Anything that answers Prometheus' HTTP API.
    Prometheus {
        /// The address before `/api/v1`: `https://prometheus.example`, with a path where it has one.
        address: String,
        /// How to get in.
        credentials: MetricCredentials,
        /// On whose behalf, where several share it.
        tenant: Option<Tenant>,
    },
    /// The practice cluster's own numbers, labelled as such on every screen.
    Practice,
}

/// What the caller can do about a failed call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MetricError {
    /// No answer, or one that says 'later': ask again with patience.
    #[error("the metric source cannot be reached: {0}")]
    Unreachable(String),
    /// The credentials are not accepted, or not for this: a person must renew or widen them.
    #[error("the metric source does not accept the credentials: {0}")]
    Unauthorized(String),
    /// The source refuses the query, or its answer is not one number: a person must mend the query.
    #[error("the query cannot be used: {0}")]
    Query(String),
    /// What answers does not speak the protocol: a person must mend the address.
    #[error("the address does not answer as a metric source does: {0}")]
    NotASource(String),
    /// The address may not be called, or cannot be: a person must mend the settings.
    #[error("the settings of the metric source cannot be used: {0}")]
    Settings(String),
}

impl MetricError {
    /// The reading that a sample keeps of a call that failed.
    #[must_use]
    pub fn reading(&self) -> Reading {
        Reading::Unreadable { why: self.to_string() }
    }
}

/// Asks targets over HTTP whether they are healthy.
#[async_trait]
pub trait HealthProbe: Send + Sync + 'static {
    /// Judges an address without calling it.
    ///
    /// # Errors
    /// [`MetricError::Settings`] when it may not be called, with what would permit it.
    fn look_at(&self, address: &str) -> Result<(), MetricError>;

    /// Asks by GET. The reading is 0 when it was answered with a status of 200 to 299 within `patience`, and
    /// 1 when not; its note says what came.
    ///
    /// # Errors
    /// [`MetricError::Settings`] when the address may not be called, which says nothing of the target.
    async fn ask(&self, address: &str, patience: std::time::Duration) -> Result<Reading, MetricError>;
}

/// Asks nobody: where no requests can be made.
struct NoRequests;

impl NoRequests {
    fn refusal() -> MetricError {
        MetricError::Settings("requests to targets are not made here".to_owned())
    }
}

#[async_trait]
impl HealthProbe for NoRequests {
    fn look_at(&self, _address: &str) -> Result<(), MetricError> {
        Err(Self::refusal())
    }

    async fn ask(&self, _address: &str, _patience: std::time::Duration) -> Result<Reading, MetricError> {
        Err(Self::refusal())
    }
}

/// Makes a [`MetricSource`] from settings; does not talk to it yet.
pub trait MetricConnector: Send + Sync + 'static {
    /// A handle to the source.
    ///
    /// # Errors
    /// [`MetricError::Settings`] when the address cannot be used.
    fn connect(&self, settings: &MetricSettings) -> Result<Arc<dyn MetricSource>, MetricError>;

    /// What asks targets for their health; nobody, unless it is said otherwise.
    fn health(&self) -> Arc<dyn HealthProbe> {
        Arc::new(NoRequests)
    }
}

/// One source of metrics.
#[async_trait]
pub trait MetricSource: Send + Sync + 'static {
    /// Asks for the value of `query` at `at`. No series and no number are both
    /// [`Reading::Nothing`]; warnings of the source are notes on the reading.
    ///
    /// # Errors
    /// [`MetricError`]; several series are [`MetricError::Query`], because choosing one would be luck.
    async fn instant(&self, query: &str, at: DateTime<Utc>) -> Result<Reading, MetricError>;

    /// Asks for the values of `query` along `range`, oldest first. Moments without a value are left out.
    ///
    /// # Errors
    /// As [`MetricSource::instant`].
    async fn range(&self, query: &str, range: &SampleRange) -> Result<Reading, MetricError>;

    /// Asks the source for something that every one of its kind knows: for 'Test'. Answers the version
    /// that it says it has; not every one says it.
    ///
    /// # Errors
    /// [`MetricError`] with what to mend.
    async fn check(&self, at: DateTime<Utc>) -> Result<Option<String>, MetricError>;
}
