//! Prometheus, and everything that answers its HTTP API (Thanos, Mimir, VictoriaMetrics), as a
//! [`MetricSource`]. Asks `/api/v1/query` and `/api/v1/query_range` by POST, with a token, a password
//! or neither.
//!
//! Fails as [`MetricError`] says. Redirects are not followed: they would carry the credentials to an
//! address that nobody judged.

mod answer;

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::analysis::{Reading, SampleRange, Tenant};
use ports::{MetricCredentials, MetricError, MetricSource};
use reqwest::Url;

use crate::client::{CallError, Caller, Client};

/// A question takes this long at most: what is not answered by then would hold up the next evaluation.
const TIMEOUT: Duration = Duration::from_secs(10);

/// An answer is at most this large. One series of 200 values has 8 KB; more means that the query does
/// not add its series up.
const ANSWER_LIMIT: usize = 1024 * 1024;

/// A Prometheus.
#[derive(Clone)]
pub struct Prometheus {
    client: Client,
    base: Url,
    credentials: MetricCredentials,
    tenant: Option<Tenant>,
    timeout: Duration,
}

impl Prometheus {
    /// The Prometheus at `address`, the part before `/api/v1`. Connects only where the client's judge
    /// allows it.
    ///
    /// # Errors
    /// [`MetricError::Settings`] when `address` is none for calls.
    pub fn new(client: Client, address: &str, credentials: MetricCredentials) -> Result<Self, MetricError> {
        let base = Url::parse(address.trim()).map_err(|error| MetricError::Settings(error.to_string()))?;
        client.look_at(&base).map_err(|denied| MetricError::Settings(denied.to_string()))?;
        if base.query().is_some() || base.fragment().is_some() {
            return Err(MetricError::Settings("the address ends before any ? or #".to_owned()));
        }
        Ok(Self { client, base, credentials, tenant: None, timeout: TIMEOUT })
    }

    /// The same asked on behalf of a tenant (`X-Scope-OrgID`), where several share it.
    #[must_use]
    pub fn of_tenant(self, tenant: Option<Tenant>) -> Self {
        Self { tenant, ..self }
    }

    fn caller(&self) -> Caller<'_> {
        Caller { credentials: &self.credentials, tenant: self.tenant.as_ref() }
    }

    /// The same with another limit to the time of a question (10 s).
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// An address of its API.
    fn at(&self, method: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(["api", "v1"]).extend(method);
        }
        url
    }

    /// The version that it says it has. Not all that speak the protocol say one; that is no trouble.
    async fn version(&self) -> Option<String> {
        let url = self.at(&["status", "buildinfo"]);
        let raw = self.client.read(url, self.caller(), self.timeout, ANSWER_LIMIT).await.ok()?;
        answer::version(&raw)
    }

    async fn ask(&self, method: &str, form: &[(&str, &str)]) -> Result<Reading, MetricError> {
        let url = self.at(&[method]);
        // The source gives up with us, instead of working on for nobody.
        let timeout = format!("{}ms", self.timeout.as_millis());
        let form: Vec<(&str, &str)> = form.iter().copied().chain([("timeout", timeout.as_str())]).collect();
        match self.client.ask(url, self.caller(), &form, self.timeout, ANSWER_LIMIT).await {
            Ok(raw) => answer::read(&raw),
            Err(CallError::Denied(denied)) => Err(MetricError::Settings(denied.to_string())),
            Err(CallError::NoAnswer(what)) => Err(MetricError::Unreachable(what)),
            Err(error @ CallError::TooLarge) => {
                Err(MetricError::Query(format!("{error}; add its series up, as sum(...) does")))
            }
        }
    }
}

impl std::fmt::Debug for Prometheus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Prometheus").field("base", &self.base.as_str()).finish_non_exhaustive()
    }
}

/// A time as the API takes it: seconds since 1970 with milliseconds.
fn timestamp(at: DateTime<Utc>) -> String {
    let millis = at.timestamp_millis();
    format!("{}.{:03}", millis.div_euclid(1_000), millis.rem_euclid(1_000))
}

#[async_trait]
impl MetricSource for Prometheus {
    async fn instant(&self, query: &str, at: DateTime<Utc>) -> Result<Reading, MetricError> {
        self.ask("query", &[("query", query), ("time", &timestamp(at))]).await
    }

    async fn range(&self, query: &str, range: &SampleRange) -> Result<Reading, MetricError> {
        let (start, end) = (timestamp(range.from), timestamp(range.to));
        let step = range.step_seconds.to_string();
        self.ask("query_range", &[("query", query), ("start", &start), ("end", &end), ("step", &step)]).await
    }

    async fn check(&self, at: DateTime<Utc>) -> Result<Option<String>, MetricError> {
        match self.instant("vector(1)", at).await?.latest() {
            Some(one) if one.to_bits() == 1.0_f64.to_bits() => Ok(self.version().await),
            _ => Err(MetricError::NotASource("it does not say that 1 is 1".to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn times_are_written_in_seconds() {
        for (millis, text) in [(1_772_442_000_042, "1772442000.042"), (1_772_442_000_000, "1772442000.000")] {
            assert_eq!(timestamp(DateTime::from_timestamp_millis(millis).unwrap()), text);
        }
    }
}
