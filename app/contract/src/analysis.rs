//! What is measured of a promotion, and where it is asked for.

use chrono::{DateTime, Utc};
use domain::{
    analysis::{Finite, Unit},
    state::Mark,
};
use serde::{Deserialize, Serialize};

/// What is measured of a promotion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnalysisView {
    /// The rules, in the order of the plan.
    pub rules: Vec<RuleView>,
    /// The steps behind the lines; the last one may still run.
    pub bands: Vec<StepBand>,
}

/// A step of the promotion as a stretch of time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepBand {
    /// Its name: `25 %`.
    pub words: String,
    /// When it began.
    pub from: DateTime<Utc>,
    /// When it ended; `None` while it runs.
    pub to: Option<DateTime<Utc>>,
}

/// A rule, how it stands and what it saw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleView {
    /// Its name: `error-rate`.
    pub rule: String,
    /// What it measures: `error rate`.
    pub what: String,
    /// What it asks, in words: `above 5 % 3 times in a row takes it back, above 1 % warns; over 1 min, every 1 min`.
    pub asks: String,
    /// The unit of the values.
    pub unit: Unit,
    /// Beyond it people are told.
    pub warning: Option<Finite>,
    /// Beyond it, often enough, the version is taken back.
    pub breach: Option<Finite>,
    /// How it stands.
    pub mark: Mark,
    /// The same in words, the latest verdict's own.
    pub words: String,
    /// Whether it is only recorded.
    pub is_dry_run: bool,
    /// What was seen, oldest first.
    pub samples: Vec<SamplePoint>,
}

/// One evaluation of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SamplePoint {
    /// The moment that was asked about.
    pub at: DateTime<Utc>,
    /// The value of the new version, when there was one.
    pub canary: Option<Finite>,
    /// The value of the stable version, when it was asked and there was one.
    pub stable: Option<Finite>,
    /// The verdict.
    pub mark: Mark,
    /// The verdict's words, with what the source said beside it.
    pub words: String,
    /// The question, as it was put.
    pub query: String,
}

/// Where the metrics of a cluster are, as it is set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetricSourceView {
    /// The address; `practice` for the practice cluster's own numbers.
    pub address: String,
    /// Whether it is the practice cluster's own, which cannot be changed.
    pub is_practice: bool,
    /// The user name, where a password opens it.
    pub user: Option<String>,
    /// Whether a token or a password is kept.
    pub has_secret: bool,
}

/// Where the metrics of a cluster are, as it is typed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetricSourceInput {
    /// The cluster's name.
    pub cluster: String,
    /// The address before `/api/v1`.
    pub address: String,
    /// A bearer token; empty with a user, or where everybody is let in.
    pub token: String,
    /// The user name, where a password opens it.
    pub user: String,
    /// The password; never shown again.
    pub password: String,
    /// Whether to keep the token or password that is known; only at the same address.
    pub keeps_secret: bool,
}
