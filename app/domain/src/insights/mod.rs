//! How well releasing goes, by the five measures of DORA (dora.dev, guide of January 2026), computed
//! from plain facts. Everything counts per unit, a service in a production environment; what is not
//! defined by DORA is decided here and said aloud in [`how`].
//!
//! A [`Ledger`] judges each deployment once, from all facts; figures of a range only add up what it
//! says, so that figures of two ranges side by side are the figures of both together.

mod figures;
mod ledger;
mod range;
mod spread;
#[cfg(test)]
mod tests;
mod words;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

pub use figures::{Figures, Week};
pub use ledger::{Because, Judgement, Ledger, Recovery, Row};
pub use range::Range;
pub use spread::Spread;
pub use words::{Change, count_change, duration_change, frequency, how, percentage, point_change};

use crate::{
    deployment::{Cause, Outcome, Severity},
    environment::EnvironmentKind,
    ids::{DeploymentId, EnvironmentId, ServiceId},
};

/// How long after a deployment a hotfix is taken as its repair, and how long a deployment that looks
/// good is not counted yet. Most regressions are seen within a day; longer would keep the latest
/// figures open for days.
pub const EVALUATION_WINDOW_HOURS: i64 = 24;

/// What is counted: a service in an environment. An environment on several clusters is one unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Unit {
    /// The service.
    pub service: ServiceId,
    /// The environment.
    pub environment: EnvironmentId,
}

/// A deployment as the figures need it, made by Slipway or reported by another pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeploymentFact {
    /// Identity.
    pub id: DeploymentId,
    /// Where.
    pub unit: Unit,
    /// The environment's kind; only production counts.
    pub kind: EnvironmentKind,
    /// The version's place in the order of the service's versions.
    pub version: i64,
    /// Why.
    pub cause: Cause,
    /// How it ended.
    pub outcome: Outcome,
    /// When it started.
    pub started_at: DateTime<Utc>,
    /// When it ended; `None` while it runs.
    pub finished_at: Option<DateTime<Utc>>,
}

/// A commit of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitFact {
    /// The service.
    pub service: ServiceId,
    /// The place in the order of versions of the first one that has it.
    pub version: i64,
    /// When it was committed.
    pub committed_at: DateTime<Utc>,
}

/// An incident that is linked to a deployment. Others are about availability, not about deploying.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncidentFact {
    /// The deployment that caused it.
    pub deployment: DeploymentId,
    /// How bad.
    pub severity: Severity,
    /// When it began.
    pub opened_at: DateTime<Utc>,
    /// When it was over.
    pub resolved_at: Option<DateTime<Utc>>,
}

/// All that is known. The order within each list does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Deployments.
    pub deployments: Vec<DeploymentFact>,
    /// Commits of the versions deployed, each once per service.
    pub commits: Vec<CommitFact>,
    /// Linked incidents.
    pub incidents: Vec<IncidentFact>,
    /// The highest version that had reached each unit before the first deployment listed here; a
    /// unit that is missing had nothing, so its first deployment has no lead time.
    pub reached_before: BTreeMap<Unit, i64>,
}
