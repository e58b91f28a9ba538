//! The Board: services down, environments across.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::{actor::Actor, environment::EnvironmentKind, state::Mark};
use serde::{Deserialize, Serialize};

use crate::{Answer, PageRequest};

/// What to show of the Board; it stands in the address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoardQuery {
    /// Only this team, by name.
    pub team: Option<String>,
    /// Only this tier, 1 to 3.
    pub tier: Option<u8>,
    /// Only services with a cell in this state.
    pub state: Option<BoardState>,
    /// Only services whose name has this text.
    pub text: Option<String>,
    /// Only services that differ between environments.
    pub only_differences: bool,
    /// Order.
    pub sort: BoardSort,
    /// Page.
    pub page: PageRequest,
}

/// States that the Board counts and filters by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BoardState {
    /// A promotion is under way.
    Moving,
    /// A promotion waits.
    Waiting,
    /// The last change failed or pods are unhealthy.
    Failed,
    /// Something runs that Slipway did not bring there.
    ChangedByOthers,
}

/// Orders of the Board.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BoardSort {
    /// What needs a person first.
    #[default]
    Need,
    /// By team and name.
    Name,
    /// What changed last first.
    Age,
}

/// The Board.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoardView {
    /// The columns, in order.
    pub environments: Vec<EnvironmentHead>,
    /// The rows by team.
    pub groups: Vec<BoardGroup>,
    /// Services by state, over all that match team, tier and text.
    pub counts: BoardCounts,
    /// Services that match all filters.
    pub total: u64,
    /// Services there are.
    pub services: u64,
    /// Teams to filter by.
    pub teams: Vec<TeamChoice>,
    /// What was asked.
    pub query: BoardQuery,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvironmentHead {
    /// Name in addresses.
    pub name: String,
    /// Title on screen.
    pub title: String,
    /// Kind.
    pub kind: EnvironmentKind,
    /// Whether it runs on the practice cluster.
    pub is_practice: bool,
}

/// A team to choose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TeamChoice {
    /// Name in addresses.
    pub name: String,
    /// Title on screen.
    pub title: String,
}

/// Counts by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoardCounts {
    /// Services with a promotion under way.
    pub moving: u64,
    /// Services with a promotion that waits.
    pub waiting: u64,
    /// Services with a failure.
    pub failed: u64,
    /// Services with a change by others.
    pub changed_by_others: u64,
}

/// The services of a team.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoardGroup {
    /// The team's title.
    pub team: String,
    /// Its services.
    pub rows: Vec<BoardRow>,
}

/// A service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoardRow {
    /// Name.
    pub service: String,
    /// Tier, 1 to 3.
    pub tier: u8,
    /// One cell per environment, in their order; `None` where the service has no target.
    pub cells: Vec<Option<BoardCell>>,
}

/// A service in an environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoardCell {
    /// State.
    pub mark: Mark,
    /// What runs, as a label; `None` when nothing is known to run.
    pub version: Option<String>,
    /// Whether that label is a version that Slipway knows (otherwise it is an image reference).
    pub is_known: bool,
    /// Since when, for the age; the page turns it into words.
    pub since: Option<DateTime<Utc>>,
    /// Pods ready of wanted, when they are watched.
    pub pods: Option<(u32, u32)>,
    /// Why it is as it is, in words; absent when all is quiet.
    pub reason: Option<String>,
    /// Progress in percent while it moves.
    pub percent: Option<u8>,
    /// The promotion that is under way or waits, or that failed last.
    pub promotion: Option<i64>,
    /// What the environment before has and this one has not.
    pub ahead: Option<Ahead>,
    /// What can be promoted to here, by label: what runs in the environment before.
    pub promotable: Option<String>,
    /// Whether there is an earlier version that the actor may roll back to.
    pub can_roll_back: bool,
}

/// How far the environment before is ahead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ahead {
    /// The label here.
    pub from: String,
    /// The label there.
    pub to: String,
    /// Versions between.
    pub versions: u64,
    /// Commits between.
    pub commits: u64,
}

/// Use cases of the Board.
#[async_trait]
pub trait BoardBackend: Send + Sync {
    /// The Board as asked for.
    async fn board(&self, actor: &Actor, query: BoardQuery) -> Answer<BoardView>;
}
