//! A metric source that needs no metrics: it answers what a version's behaviour says, with a little
//! deterministic unrest. Knows only the queries of [`DataPlane::Practice`], such as
//! `practice:error_rate{namespace="shop",workload="cart-canary"}[60s]`.
//!
//! A workload without a ready pod gets no requests, so nothing is measured of it. Every reading says
//! that it is practice.
//!
//! [`DataPlane::Practice`]: domain::analysis::DataPlane::Practice

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    analysis::{Reading, SampleRange},
    names::{Namespace, WorkloadName},
    observation::{Observed, WorkloadRef},
};
use ports::{MetricConnector, MetricError, MetricSettings, MetricSource};

use crate::{
    behaviour::{Answers, Behaviour},
    cluster::PracticeCluster,
    randomness::hash,
};

/// The note on every reading.
pub const PRACTICE_NOTE: &str = "practice numbers, not measured";

/// Requests a second that a ready pod gets.
const REQUESTS_PER_POD: f64 = 10.0;

/// Numbers stand still for so long.
const UNREST_EVERY_SECONDS: i64 = 10;

/// The practice cluster's numbers; clones are the same source.
#[derive(Clone)]
pub struct PracticeMetrics {
    cluster: PracticeCluster,
    seed: u64,
    script: Arc<Mutex<VecDeque<Result<Reading, MetricError>>>>,
}

impl PracticeMetrics {
    /// The numbers of a practice cluster; the same seed gives the same unrest.
    #[must_use]
    pub fn new(cluster: PracticeCluster, seed: u64) -> Self {
        Self { cluster, seed, script: Arc::default() }
    }

    /// Answers the next question like this, whatever it is; several queue up, one per question.
    pub fn answer_next(&self, answer: Result<Reading, MetricError>) {
        self.script.lock().unwrap_or_else(PoisonError::into_inner).push_back(answer);
    }

    fn scripted(&self) -> Option<Result<Reading, MetricError>> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    /// The value of a question at a moment; nothing when nobody answers requests.
    fn value(&self, question: &Question<'_>, at: DateTime<Utc>) -> Result<Option<f64>, MetricError> {
        let seen = match self.cluster.inner.observe_now(&question.workload) {
            Ok(Observed::Present(seen)) => seen,
            Ok(Observed::Missing) => return Ok(None),
            Err(error) => return Err(MetricError::Unreachable(error.to_string())),
        };
        let ready = seen.pods.iter().filter(|p| p.is_ready && !p.is_terminating).count();
        if ready == 0 {
            return Ok(None);
        }
        let answers = Answers::worst(seen.images.iter().map(|c| Behaviour::of_image(&c.image).answers()));
        let rate = REQUESTS_PER_POD * f64::from(u32::try_from(ready).unwrap_or(u32::MAX));
        let steady = match question.what {
            "error_rate" | "success_rate" => answers.error_percent,
            "p50" => answers.p95_ms / 4.0,
            "p95" => answers.p95_ms,
            "p99" => answers.p95_ms * 1.6,
            "request_rate" => rate,
            "requests" => rate * question.window_seconds,
            other => return Err(MetricError::Query(format!("the practice cluster does not know {other}"))),
        };
        let value = steady * self.unrest(question, at);
        Ok(Some(if question.what == "success_rate" { 100.0 - value } else { value }))
    }

    /// Between 0.95 and 1.05, the same for the same question within a few seconds.
    fn unrest(&self, question: &Question<'_>, at: DateTime<Utc>) -> f64 {
        let moment = at.timestamp().div_euclid(UNREST_EVERY_SECONDS).to_string();
        let what = if question.what == "success_rate" { "error_rate" } else { question.what };
        let chance = hash(&[&self.seed.to_string(), &question.workload.to_string(), what, &moment]);
        0.95 + f64::from(u16::try_from(chance % 1_001).unwrap_or(500)) / 10_000.0
    }
}

/// Where nothing else can be asked.
impl MetricConnector for PracticeMetrics {
    fn connect(&self, settings: &MetricSettings) -> Result<Arc<dyn MetricSource>, MetricError> {
        match settings {
            MetricSettings::Practice => Ok(Arc::new(self.clone())),
            MetricSettings::Prometheus { .. } => {
                Err(MetricError::Settings("only the practice cluster's own numbers can be asked for here".to_owned()))
            }
        }
    }
}

#[async_trait]
impl MetricSource for PracticeMetrics {
    async fn instant(&self, query: &str, at: DateTime<Utc>) -> Result<Reading, MetricError> {
        if let Some(answer) = self.scripted() {
            return answer;
        }
        let value = self.value(&Question::parse(query)?, at)?;
        Ok(Reading::series(value).with_note(PRACTICE_NOTE))
    }

    async fn range(&self, query: &str, range: &SampleRange) -> Result<Reading, MetricError> {
        if let Some(answer) = self.scripted() {
            return answer;
        }
        let question = Question::parse(query)?;
        let step = TimeDelta::seconds(i64::from(range.step_seconds.max(1)));
        let (mut at, mut values) = (range.from, Vec::new());
        while at <= range.to {
            values.extend(self.value(&question, at)?);
            at += step;
        }
        Ok(Reading::series(values).with_note(PRACTICE_NOTE))
    }

    async fn check(&self, _at: DateTime<Utc>) -> Result<Option<String>, MetricError> {
        match self.scripted() {
            Some(Err(error)) => Err(error),
            Some(Ok(_)) | None => Ok(None),
        }
    }
}

/// A question of the practice data plane.
struct Question<'a> {
    what: &'a str,
    workload: WorkloadRef,
    window_seconds: f64,
}

impl<'a> Question<'a> {
    fn parse(query: &'a str) -> Result<Self, MetricError> {
        let parsed = || {
            let (what, rest) = query.trim().strip_prefix("practice:")?.split_once('{')?;
            let (labels, window) = rest.split_once('}')?;
            let label = |name: &str| {
                let of = |pair: &'a str| pair.split_once('=').filter(|(key, _)| *key == name);
                Some(labels.split(',').find_map(of)?.1.trim_matches('"'))
            };
            let namespace = Namespace::parse(label("namespace")?).ok()?;
            let name = WorkloadName::parse(label("workload")?).ok()?;
            let window_seconds = window.strip_prefix('[')?.strip_suffix("s]")?.parse::<u32>().ok()?;
            Some(Self {
                what,
                workload: WorkloadRef::deployment(namespace, name),
                window_seconds: f64::from(window_seconds),
            })
        };
        parsed().ok_or_else(|| {
            MetricError::Query("the practice cluster answers only the questions of its own data plane".to_owned())
        })
    }
}
