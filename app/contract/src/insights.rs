//! Insights: how well are we doing, from the deployments themselves.

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};
use domain::actor::Actor;
use domain::deployment::Severity;
use serde::{Deserialize, Serialize};

use crate::{Answer, board::TeamChoice};

/// What to show.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InsightsQuery {
    /// Days back from today: 30, 90 or 365; 90 when absent.
    pub days: Option<u16>,
    /// Team by name.
    pub team: Option<String>,
    /// Service by name.
    pub service: Option<String>,
}

/// One figure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tile {
    /// Its name: `Change lead time`.
    pub title: String,
    /// The figure in words: `9 h 20 min`; `None` when there is not enough to say.
    pub figure: Option<String>,
    /// The unit or basis: `median of 212 commits`.
    pub basis: String,
    /// The difference to the range before, in words.
    pub change: Option<String>,
    /// Whether that difference is good (`true`), bad, or neither.
    pub is_better: Option<bool>,
    /// One value a week, oldest first; `None` where a week has none.
    pub trend: Vec<Option<f64>>,
    /// What must be reported for the figure to appear.
    pub when_empty: String,
}

/// A week of deployments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WeekBar {
    /// The Monday it begins with.
    pub monday: NaiveDate,
    /// Deployments that succeeded.
    pub succeeded: u32,
    /// Changes that failed.
    pub failed: u32,
    /// Whether the week is not whole within the range.
    pub is_partial: bool,
}

/// A recovery as a point.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecoveryPoint {
    /// When it was over.
    pub at: DateTime<Utc>,
    /// How long it took.
    pub minutes: f64,
    /// The incident's severity, when there was one.
    pub severity: Option<Severity>,
    /// The service.
    pub service: String,
}

/// A service's weeks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceWeeks {
    /// The service.
    pub service: String,
    /// One entry a week: deployments, failed changes.
    pub weeks: Vec<(u32, u32)>,
    /// Deployments in the range.
    pub deployments: u32,
    /// Failed changes in the range.
    pub failed: u32,
}

/// The Insights page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InsightsView {
    /// What was asked, completed.
    pub query: InsightsQuery,
    /// First day of the range.
    pub from: NaiveDate,
    /// Last day of the range.
    pub to: NaiveDate,
    /// The environment that the figures are about, where there is one of kind production.
    pub environment: Option<String>,
    /// The figures.
    pub tiles: Vec<Tile>,
    /// Deployments by week.
    pub weeks: Vec<WeekBar>,
    /// Recoveries.
    pub recoveries: Vec<RecoveryPoint>,
    /// By service, most deployments first.
    pub services: Vec<ServiceWeeks>,
    /// How each figure is computed, in sentences.
    pub how: Vec<(String, String)>,
    /// Teams to choose.
    pub teams: Vec<TeamChoice>,
}

/// Use cases of figures.
#[async_trait]
pub trait InsightsBackend: Send + Sync {
    /// The page.
    async fn insights(&self, actor: &Actor, query: InsightsQuery) -> Answer<InsightsView>;
}
