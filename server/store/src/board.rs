//! The Board: a page of services and, for each environment, what is known of them there. A fixed
//! number of statements for a page, however large.

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
    board_fold::{CellColumns, fold},
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

/// What runs in a workload.
#[derive(Clone, Debug, PartialEq)]
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

// One row for each workload of each target, or one for a target without any.
macro_rules! cells {
    () => {
        "SELECT t.id AS target_id, t.service_id, t.environment_id, l.deployment_id, l.version_id AS latest_version_id,
            l.version_label AS latest_label, l.version_ordinal AS latest_ordinal, l.version_commits AS latest_commits,
            l.previous_version_id, l.finished_at, c.name AS cluster, r.namespace, r.workload, r.version_id,
            r.version_label AS label, r.version_ordinal AS ordinal, r.version_commits AS commits_total,
            CASE WHEN r.version_id IS NULL THEN r.images END AS images, r.mark, r.words, r.wanted, r.available,
            r.is_changed_by_others, r.since
        FROM asked
        JOIN targets t ON t.service_id = asked.id
        LEFT JOIN latest_deployments l ON l.service_id = t.service_id AND l.environment_id = t.environment_id
        LEFT JOIN running r ON r.target_id = t.id
        LEFT JOIN clusters c ON c.id = r.cluster_id"
    };
}

// Deployments that were reported of places that are no targets.
macro_rules! reported {
    () => {
        "SELECT l.service_id, l.environment_id, l.deployment_id, l.version_id, l.version_label AS label,
            l.version_ordinal AS ordinal, l.version_commits AS commits_total, l.previous_version_id, l.finished_at
        FROM asked
        JOIN latest_deployments l ON l.service_id = asked.id
        WHERE NOT EXISTS (
            SELECT 1 FROM targets t WHERE t.service_id = l.service_id AND t.environment_id = l.environment_id)"
    };
}

macro_rules! promotion_columns {
    () => {
        "p.id, p.number, p.target_id, p.version_id, v.label, p.phase, p.occupies, p.is_over, p.needs_approval, p.mark,
         p.words, p.percent, p.revision, p.requested_at, p.started_at, p.finished_at"
    };
}

// Written as `is_over = …`, so that SQLite, which keeps no statistics, takes the index that begins with
// both columns.
macro_rules! promotions {
    () => {
        concat!(
            "SELECT ",
            promotion_columns!(),
            " FROM asked
            JOIN promotions p ON p.service_id = asked.id AND p.is_over = FALSE
            JOIN versions v ON v.id = p.version_id
            UNION ALL
            SELECT ",
            promotion_columns!(),
            " FROM asked
            JOIN promotions p ON p.service_id = asked.id AND p.is_over = TRUE AND p.finished_at >= $2
            JOIN versions v ON v.id = p.version_id"
        )
    };
}

const CELLS_SQLITE: &str = with_services!(sqlite, cells!());

const CELLS_POSTGRES: &str = with_services!(postgres, cells!());

const REPORTED_SQLITE: &str = with_services!(sqlite, reported!());

const REPORTED_POSTGRES: &str = with_services!(postgres, reported!());

const PROMOTIONS_SQLITE: &str = with_services!(sqlite, promotions!());

const PROMOTIONS_POSTGRES: &str = with_services!(postgres, promotions!());

statements!("board.rs":
    SERVICES, COUNTS, CELLS_SQLITE, CELLS_POSTGRES, REPORTED_SQLITE, REPORTED_POSTGRES, PROMOTIONS_SQLITE,
    PROMOTIONS_POSTGRES,
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
        let cells = fetch_all!(self, dialect.pick(CELLS_SQLITE, CELLS_POSTGRES) => CellColumns, &asked)?;
        let reported = fetch_all!(self, dialect.pick(REPORTED_SQLITE, REPORTED_POSTGRES) => BoardDeployment, &asked)?;
        let promotions = fetch_all!(
            self, dialect.pick(PROMOTIONS_SQLITE, PROMOTIONS_POSTGRES) => BoardPromotion, &asked, ended_since
        )?;
        Ok(fold(services, environments, cells, reported, promotions))
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
