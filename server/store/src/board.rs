//! The Board: a page of services and, for each environment, what is known of them there. A fixed
//! number of statements for a page, however large.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use domain::{
    ids::{DeploymentId, EnvironmentId, PromotionId, ServiceId, TargetId, VersionId},
    image::ContainerImage,
    names::{ClusterName, Namespace, TeamName, WorkloadName},
    state::Mark,
    version::VersionLabel,
};
use serde_json::Value;

use crate::{
    Paging, Read, ServiceRow, StoreError,
    columns::{anywhere, record},
    connection::{fetch_all, fetch_one},
    dialect::with_services,
    statements::statements,
};

/// A state that a service can be looked for by: it holds when it holds in any environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BoardState {
    /// A promotion is live.
    Moving,
    /// A promotion waits.
    Waiting,
    /// What runs is bad, or the last promotion lately went bad.
    Failed,
}

/// Which services; what is `None` does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BoardFilter {
    /// Somewhere in name or title.
    pub text: Option<String>,
    /// The owner.
    pub team: Option<TeamName>,
    /// The tier.
    pub tier: Option<u8>,
    /// The state.
    pub state: Option<BoardState>,
}

/// How many services the filter leaves, in all and by state; a service may count in several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BoardCounts {
    /// All that the filter leaves, without its state.
    pub services: i64,
    /// Where a promotion is live.
    pub moving: i64,
    /// Where a promotion waits.
    pub waiting: i64,
    /// Where something is bad.
    pub failed: i64,
}

/// A page of the Board.
#[derive(Clone, Debug, PartialEq)]
pub struct BoardPage {
    /// The services, by team and name.
    pub rows: Vec<BoardRow>,
    /// How many services the filter leaves, with its state.
    pub total: i64,
    /// Counts for the filters.
    pub counts: BoardCounts,
}

/// A service on the Board.
#[derive(Clone, Debug, PartialEq)]
pub struct BoardRow {
    /// The service.
    pub service: ServiceRow,
    /// One cell for each environment that was asked for, in that order.
    pub cells: Vec<BoardCell>,
}

/// A service in an environment.
#[derive(Clone, Debug, PartialEq)]
pub struct BoardCell {
    /// The environment.
    pub environment: EnvironmentId,
    /// The target; `None` when there is none (deployments may be reported all the same).
    pub target: Option<TargetId>,
    /// What was seen to run, by cluster, namespace and workload.
    pub running: Vec<BoardRunning>,
    /// The last deployment that succeeded.
    pub latest: Option<BoardDeployment>,
    /// The live promotion first, then those that are watched, those that wait (oldest first), those
    /// that ended lately (last first).
    pub promotions: Vec<BoardPromotion>,
    /// What the environment before has and this one has not; `None` when one of them is not known.
    pub ahead: Option<Ahead>,
}

/// How far the environment before is ahead. Negative when it is behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ahead {
    /// Versions.
    pub versions: i64,
    /// Commits.
    pub commits: i64,
    /// The version here.
    pub from: VersionId,
    /// The version in the environment before.
    pub to: VersionId,
}

/// The place of a version among those of its service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    id: VersionId,
    ordinal: i64,
    commits_total: i64,
}

impl BoardCell {
    /// The version here: what all workloads run, else what was deployed last.
    fn place(&self) -> Option<Place> {
        let mut running = self.running.iter().map(BoardRunning::place);
        let first = running.next().flatten();
        match first {
            Some(place) if running.all(|other| other.is_some_and(|other| other.id == place.id)) => Some(place),
            Some(_) | None => self.latest.as_ref().map(BoardDeployment::place),
        }
    }
}

record! {
    /// What runs in a workload.
    pub struct BoardRunning {
        /// The target.
        pub target_id: TargetId,
        /// The cluster.
        pub cluster: ClusterName,
        /// The namespace.
        pub namespace: Namespace,
        /// The Deployment.
        pub workload: WorkloadName,
        /// The version; `None` when Slipway does not know it.
        pub version_id: Option<VersionId>,
        /// The version's label.
        pub label: Option<VersionLabel>,
        /// The version's place in its service.
        pub ordinal: Option<i64>,
        /// Commits up to and with the version.
        pub commits_total: Option<i64>,
        /// The images, when the version is not known.
        pub images: Option<Vec<ContainerImage>>,
        /// How it is.
        pub mark: Mark,
        /// How it is, in words.
        pub words: String,
        /// Pods asked for.
        pub wanted: u32,
        /// Pods of the current template that are available.
        pub available: u32,
        /// Whether someone else than Slipway set these images.
        pub is_changed_by_others: bool,
        /// Since when these images run.
        pub since: DateTime<Utc>,
    }
}

impl BoardRunning {
    fn place(&self) -> Option<Place> {
        Some(Place { id: self.version_id?, ordinal: self.ordinal?, commits_total: self.commits_total? })
    }
}

record! {
    /// The last deployment that succeeded.
    pub struct BoardDeployment {
        /// The service.
        pub service_id: ServiceId,
        /// The environment.
        pub environment_id: EnvironmentId,
        /// The deployment.
        pub deployment_id: DeploymentId,
        /// The version.
        pub version_id: VersionId,
        /// The version's label.
        pub label: VersionLabel,
        /// The version's place in its service.
        pub ordinal: i64,
        /// Commits up to and with the version.
        pub commits_total: i64,
        /// What ran before it; `None` for the first one.
        pub previous_version_id: Option<VersionId>,
        /// When it ended.
        pub finished_at: DateTime<Utc>,
    }
}

impl BoardDeployment {
    const fn place(&self) -> Place {
        Place { id: self.version_id, ordinal: self.ordinal, commits_total: self.commits_total }
    }
}

record! {
    /// A promotion.
    pub struct BoardPromotion {
        /// Identity.
        pub id: PromotionId,
        /// The number that people use.
        pub number: i64,
        /// The target.
        pub target_id: TargetId,
        /// The version.
        pub version_id: VersionId,
        /// The version's label.
        pub label: VersionLabel,
        /// The phase's word.
        pub phase: String,
        /// Whether it holds the target.
        pub occupies: bool,
        /// Whether it has ended.
        pub is_over: bool,
        /// Whether it waits for consent.
        pub needs_approval: bool,
        /// Icon and colour.
        pub mark: Mark,
        /// The state in words.
        pub words: String,
        /// Progress in percent while it moves.
        pub percent: Option<u8>,
        /// Rises with each change.
        pub revision: i64,
        /// When it was asked for.
        pub requested_at: DateTime<Utc>,
        /// When it started.
        pub started_at: Option<DateTime<Utc>>,
        /// When it ended, or when the rollout was complete.
        pub finished_at: Option<DateTime<Utc>>,
    }
}

record! {
    /// A service in an environment.
    struct BoardTarget {
        id: TargetId,
        service_id: ServiceId,
        environment_id: EnvironmentId,
    }
}

record! {
    struct CountColumns {
        services: i64,
        moving: i64,
        waiting: i64,
        failed: i64,
    }
}

// `$1` since when a failed promotion counts as late. Sets that do not depend on the service, so
// that each is made once.
macro_rules! with_states {
    ($rest:expr) => {
        concat!(
            "WITH moving AS (SELECT service_id FROM promotions WHERE NOT is_over AND occupies),
            waiting AS (SELECT service_id FROM promotions WHERE NOT is_over AND phase = 'waiting'),
            failed AS (
                SELECT t.service_id FROM running r JOIN targets t ON t.id = r.target_id WHERE r.mark = 'failed'
                UNION
                SELECT p.service_id FROM promotions p
                WHERE p.finished_at >= $1 AND p.is_over AND p.mark = 'failed' AND p.started_at IS NOT NULL
                    AND NOT EXISTS (
                        SELECT 1 FROM promotions later
                        WHERE later.target_id = p.target_id AND later.sequence > p.sequence)
            ) ",
            $rest
        )
    };
}

macro_rules! filtered {
    () => {
        " FROM services s JOIN teams t ON t.id = s.team_id
        WHERE ($2 IS NULL OR s.search LIKE $2 ESCAPE '\\') AND ($3 IS NULL OR t.name = $3)
            AND ($4 IS NULL OR s.tier = $4) "
    };
}

const SERVICES: &str = with_states!(concat!(
    "SELECT s.id, s.name, s.title, t.name AS team, t.title AS team_title, s.tier",
    filtered!(),
    "AND ($5 IS NULL OR ($5 = 'moving' AND s.id IN (SELECT service_id FROM moving))
        OR ($5 = 'waiting' AND s.id IN (SELECT service_id FROM waiting))
        OR ($5 = 'failed' AND s.id IN (SELECT service_id FROM failed)))
    ORDER BY t.name, s.name, s.id LIMIT $6 OFFSET $7"
));

const COUNTS: &str = with_states!(concat!(
    "SELECT COUNT(*) AS services,
        COUNT(CASE WHEN s.id IN (SELECT service_id FROM moving) THEN 1 END) AS moving,
        COUNT(CASE WHEN s.id IN (SELECT service_id FROM waiting) THEN 1 END) AS waiting,
        COUNT(CASE WHEN s.id IN (SELECT service_id FROM failed) THEN 1 END) AS failed",
    filtered!()
));

macro_rules! targets {
    () => {
        "SELECT t.id, t.service_id, t.environment_id FROM asked JOIN targets t ON t.service_id = asked.id ORDER BY t.id"
    };
}

macro_rules! latest {
    () => {
        "SELECT l.service_id, l.environment_id, l.deployment_id, l.version_id, v.label, v.ordinal, v.commits_total,
            d.previous_version_id, l.finished_at
        FROM asked
        JOIN latest_deployments l ON l.service_id = asked.id
        JOIN deployments d ON d.id = l.deployment_id
        JOIN versions v ON v.id = l.version_id
        ORDER BY l.deployment_id"
    };
}

macro_rules! running {
    () => {
        "SELECT r.target_id, c.name AS cluster, r.namespace, r.workload, r.version_id, v.label, v.ordinal,
            v.commits_total, CASE WHEN r.version_id IS NULL THEN r.images END AS images, r.mark, r.words, r.wanted,
            r.available, r.is_changed_by_others, r.since
        FROM asked
        JOIN targets t ON t.service_id = asked.id
        JOIN running r ON r.target_id = t.id
        JOIN clusters c ON c.id = r.cluster_id
        LEFT JOIN versions v ON v.id = r.version_id
        ORDER BY r.target_id, c.name, r.namespace, r.workload"
    };
}

macro_rules! promotion_columns {
    () => {
        "p.id, p.number, p.target_id, p.version_id, v.label, p.phase, p.occupies, p.is_over, p.needs_approval, p.mark,
         p.words, p.percent, p.revision, p.requested_at, p.started_at, p.finished_at"
    };
}

macro_rules! promotions {
    () => {
        concat!(
            "SELECT ",
            promotion_columns!(),
            " FROM asked
            JOIN targets t ON t.service_id = asked.id
            JOIN promotions p ON p.target_id = t.id AND NOT p.is_over
            JOIN versions v ON v.id = p.version_id
            UNION ALL
            SELECT ",
            promotion_columns!(),
            " FROM promotions p
            JOIN asked ON asked.id = p.service_id
            JOIN versions v ON v.id = p.version_id
            WHERE p.is_over AND p.finished_at >= $2"
        )
    };
}

const TARGETS_SQLITE: &str = with_services!(sqlite, targets!());

const TARGETS_POSTGRES: &str = with_services!(postgres, targets!());

const LATEST_SQLITE: &str = with_services!(sqlite, latest!());

const LATEST_POSTGRES: &str = with_services!(postgres, latest!());

const RUNNING_SQLITE: &str = with_services!(sqlite, running!());

const RUNNING_POSTGRES: &str = with_services!(postgres, running!());

const PROMOTIONS_SQLITE: &str = with_services!(sqlite, promotions!());

const PROMOTIONS_POSTGRES: &str = with_services!(postgres, promotions!());

statements!("board.rs":
    SERVICES, COUNTS, TARGETS_SQLITE, TARGETS_POSTGRES, LATEST_SQLITE, LATEST_POSTGRES, RUNNING_SQLITE,
    RUNNING_POSTGRES, PROMOTIONS_SQLITE, PROMOTIONS_POSTGRES,
);

impl Read {
    /// A page of the Board: services by team and name, with a cell for each of `environments` in
    /// their order. Promotions that ended (and failures) are shown from `ended_since` on.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn board(
        &mut self,
        filter: &BoardFilter,
        environments: &[EnvironmentId],
        ended_since: DateTime<Utc>,
        paging: Paging,
    ) -> Result<BoardPage, StoreError> {
        let counts = self.board_counts(filter, ended_since).await?;
        let total = match filter.state {
            None => counts.services,
            Some(BoardState::Moving) => counts.moving,
            Some(BoardState::Waiting) => counts.waiting,
            Some(BoardState::Failed) => counts.failed,
        };
        let services = self.board_services(filter, ended_since, paging).await?;
        let rows = self.board_rows(services, environments, ended_since).await?;
        Ok(BoardPage { rows, total, counts })
    }

    /// One service as the Board shows it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn board_row(
        &mut self,
        service: ServiceRow,
        environments: &[EnvironmentId],
        ended_since: DateTime<Utc>,
    ) -> Result<Option<BoardRow>, StoreError> {
        Ok(self.board_rows(vec![service], environments, ended_since).await?.pop())
    }

    async fn board_rows(
        &mut self,
        services: Vec<ServiceRow>,
        environments: &[EnvironmentId],
        ended_since: DateTime<Utc>,
    ) -> Result<Vec<BoardRow>, StoreError> {
        let ids = services.iter().map(|s| Value::String(s.id.uuid().simple().to_string())).collect();
        let asked = Value::Array(ids);
        let dialect = self.dialect();
        let targets = fetch_all!(self, dialect.pick(TARGETS_SQLITE, TARGETS_POSTGRES) => BoardTarget, &asked)?;
        let latest = fetch_all!(self, dialect.pick(LATEST_SQLITE, LATEST_POSTGRES) => BoardDeployment, &asked)?;
        let running = fetch_all!(self, dialect.pick(RUNNING_SQLITE, RUNNING_POSTGRES) => BoardRunning, &asked)?;
        let promotions = fetch_all!(
            self, dialect.pick(PROMOTIONS_SQLITE, PROMOTIONS_POSTGRES) => BoardPromotion, &asked, ended_since
        )?;
        Ok(fold(services, environments, targets, latest, running, promotions))
    }

    async fn board_counts(&mut self, filter: &BoardFilter, since: DateTime<Utc>) -> Result<BoardCounts, StoreError> {
        let text = anywhere(filter.text.as_deref());
        let team = filter.team.as_ref().map(TeamName::as_str);
        let tier = filter.tier.map(i64::from);
        let row = fetch_one!(self, COUNTS => CountColumns, since, text.as_deref(), team, tier)?;
        Ok(BoardCounts { services: row.services, moving: row.moving, waiting: row.waiting, failed: row.failed })
    }

    async fn board_services(
        &mut self,
        filter: &BoardFilter,
        since: DateTime<Utc>,
        paging: Paging,
    ) -> Result<Vec<ServiceRow>, StoreError> {
        let text = anywhere(filter.text.as_deref());
        let team = filter.team.as_ref().map(TeamName::as_str);
        let tier = filter.tier.map(i64::from);
        let state = filter.state.map(|state| match state {
            BoardState::Moving => "moving",
            BoardState::Waiting => "waiting",
            BoardState::Failed => "failed",
        });
        let (limit, offset) = (i64::from(paging.limit), i64::from(paging.offset));
        fetch_all!(self, SERVICES => ServiceRow, since, text.as_deref(), team, tier, state, limit, offset)
    }
}

/// Where a promotion stands in its cell.
fn rank(promotion: &BoardPromotion) -> (u8, i64) {
    let requested = promotion.requested_at.timestamp_micros();
    let ended = promotion.finished_at.map_or(0, |at| at.timestamp_micros());
    match (promotion.occupies, promotion.is_over, promotion.phase.as_str()) {
        (true, _, _) => (0, requested),
        (false, false, "waiting") => (2, requested),
        (false, false, _) => (1, requested),
        (false, true, _) => (3, -ended),
    }
}

fn fold(
    services: Vec<ServiceRow>,
    environments: &[EnvironmentId],
    targets: Vec<BoardTarget>,
    latest: Vec<BoardDeployment>,
    running: Vec<BoardRunning>,
    promotions: Vec<BoardPromotion>,
) -> Vec<BoardRow> {
    let mut running_in: HashMap<TargetId, Vec<BoardRunning>> = HashMap::new();
    for row in running {
        running_in.entry(row.target_id).or_default().push(row);
    }
    let mut promotions_to: HashMap<TargetId, Vec<BoardPromotion>> = HashMap::new();
    for row in promotions {
        promotions_to.entry(row.target_id).or_default().push(row);
    }
    let targets: HashMap<_, _> = targets.into_iter().map(|t| ((t.service_id, t.environment_id), t.id)).collect();
    let mut latest: HashMap<_, _> = latest.into_iter().map(|d| ((d.service_id, d.environment_id), d)).collect();
    let mut cell = |service: ServiceId, environment: EnvironmentId| {
        let target = targets.get(&(service, environment)).copied();
        let mut promotions = target.and_then(|id| promotions_to.remove(&id)).unwrap_or_default();
        promotions.sort_by_key(rank);
        BoardCell {
            environment,
            target,
            running: target.and_then(|id| running_in.remove(&id)).unwrap_or_default(),
            latest: latest.remove(&(service, environment)),
            promotions,
            ahead: None,
        }
    };
    let row = |service: ServiceRow| {
        let mut cells: Vec<_> = environments.iter().map(|environment| cell(service.id, *environment)).collect();
        set_ahead(&mut cells);
        BoardRow { service, cells }
    };
    services.into_iter().map(row).collect()
}

/// Compares each cell with the nearest one before it whose version is known.
fn set_ahead(cells: &mut [BoardCell]) {
    let mut before: Option<Place> = None;
    for cell in cells {
        let here = cell.place();
        if let (Some(to), Some(from)) = (before, here) {
            cell.ahead = Some(Ahead {
                versions: to.ordinal - from.ordinal,
                commits: to.commits_total - from.commits_total,
                from: from.id,
                to: to.id,
            });
        }
        before = here.or(before);
    }
}
