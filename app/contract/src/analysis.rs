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
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MetricSourceView {
    /// The address; `practice` for the practice cluster's own numbers.
    pub address: String,
    /// Whether it is the practice cluster's own, which cannot be changed.
    pub is_practice: bool,
    /// How it lets Slipway in.
    pub access: MetricAccess,
    /// The user name, where a password opens it.
    pub user: Option<String>,
    /// The labels that name the cluster, where several share the source: `cluster="eu-1"`; empty where it has its own.
    pub matchers: String,
    /// On whose behalf it is asked, where several share it.
    pub tenant: Option<String>,
}

/// How a metric source lets Slipway in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum MetricAccess {
    /// It lets everybody in.
    #[default]
    Open,
    /// By a bearer token.
    Token,
    /// By a user name and a password (basic authentication).
    Password,
}

impl MetricAccess {
    /// The word for machines.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Token => "token",
            Self::Password => "password",
        }
    }
}

/// Where the metrics of a cluster are, as it is typed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetricSourceInput {
    /// The cluster's name.
    pub cluster: String,
    /// The address before `/api/v1`.
    pub address: String,
    /// How it lets Slipway in.
    pub access: MetricAccess,
    /// The bearer token; empty keeps the one that is known, at the same address only.
    pub token: String,
    /// The user name, where a password opens it.
    pub user: String,
    /// The password; empty keeps the one that is known, for the same user at the same address only.
    pub password: String,
    /// The labels that name the cluster, where several share the source; empty where it has its own.
    pub matchers: String,
    /// On whose behalf it is asked (`X-Scope-OrgID`); empty for nobody's.
    pub tenant: String,
}

/// What 'Test' found of a metric source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MetricTestView {
    /// What is wrong, when something is.
    pub problem: Option<String>,
    /// The version that it says it has; not every one says it.
    pub version: Option<String>,
    /// Whether it has numbers of a data plane, when that was asked.
    pub plane: Option<PlaneFound>,
}

/// Whether a metric source has numbers of a data plane.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PlaneFound {
    /// The data plane, in words.
    pub plane: String,
    /// How many series it has of requests.
    pub series: u64,
    /// The question, as it was put.
    pub query: String,
    /// What is wrong, when there is none; and what to look at.
    pub problem: Option<String>,
    /// How many seconds lie between two scrapes; `None` as long as they have not been there for ten minutes.
    pub scrape_seconds: Option<u32>,
    /// Which rules look at too few scrapes.
    pub warnings: Vec<String>,
}
