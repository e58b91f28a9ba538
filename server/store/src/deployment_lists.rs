//! Lists of deployments, newest first by the time that they name.

use chrono::{DateTime, Utc};
use domain::{
    deployment::{Cause, Outcome},
    ids::{DeploymentId, EnvironmentId, ServiceId, VersionId},
    names::{EnvironmentName, ServiceName, TeamName},
    version::VersionLabel,
};

use crate::{
    Page, Paging, Read, StoreError,
    columns::{END_OF_TIME, record},
    connection::{fetch_all, fetch_one},
    paging::COUNTED,
    statements::statements,
};

record! {
    /// A deployment in a list.
    pub struct DeploymentRow {
        /// Identity.
        pub id: DeploymentId,
        /// The promotion's number; `None` when it was reported.
        pub promotion_number: Option<i64>,
        /// The service.
        pub service_id: ServiceId,
        /// The service's name.
        pub service: ServiceName,
        /// The service's name for people.
        pub service_title: String,
        /// The owner.
        pub team: TeamName,
        /// The environment.
        pub environment_id: EnvironmentId,
        /// The environment's name.
        pub environment: EnvironmentName,
        /// The environment's name for people.
        pub environment_title: String,
        /// The version.
        pub version_id: VersionId,
        /// The version's label.
        pub version: VersionLabel,
        /// The label of what ran before.
        pub previous_version: Option<VersionLabel>,
        /// Why.
        pub cause: Cause,
        /// How it ended.
        pub outcome: Outcome,
        /// When it was asked for.
        pub requested_at: Option<DateTime<Utc>>,
        /// When the last needed approval was given.
        pub approved_at: Option<DateTime<Utc>>,
        /// When it started.
        pub started_at: DateTime<Utc>,
        /// When it ended.
        pub finished_at: Option<DateTime<Utc>>,
        /// Who asked, as shown.
        pub requested_by: String,
        /// Who reported it, as shown.
        pub reported_by: Option<String>,
        /// Whether it was there before Slipway: nobody knows when it was made.
        pub is_found: bool,
    }
}

/// Which time a list of deployments goes by, newest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeploymentSort {
    /// When it started.
    #[default]
    Started,
    /// When it ended; what is under way is left out.
    Finished,
}

/// Which deployments of a list; what is `None` does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeploymentFilter {
    /// The service.
    pub service: Option<ServiceId>,
    /// The team that owns the service.
    pub team: Option<TeamName>,
    /// The environment.
    pub environment: Option<EnvironmentId>,
    /// Why.
    pub cause: Option<Cause>,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// Started (or, by [`DeploymentSort::Finished`], ended) then or later.
    pub from: Option<DateTime<Utc>>,
    /// Before then.
    pub to: Option<DateTime<Utc>>,
}

macro_rules! from {
    () => {
        " FROM deployments d
        JOIN services s ON s.id = d.service_id
        JOIN teams t ON t.id = s.team_id
        JOIN environments e ON e.id = d.environment_id
        JOIN versions v ON v.id = d.version_id
        LEFT JOIN versions b ON b.id = d.previous_version_id
        LEFT JOIN promotions p ON p.id = d.promotion_id "
    };
}

macro_rules! row_columns {
    () => {
        "SELECT d.id, p.number AS promotion_number, d.service_id, s.name AS service, s.title AS service_title,
            t.name AS team, d.environment_id, e.name AS environment, e.title AS environment_title, d.version_id,
            v.label AS version, b.label AS previous_version, d.cause, d.outcome, d.requested_at, d.approved_at,
            d.started_at, d.finished_at, d.requested_by, d.reported_by, d.is_found"
    };
}

// `$6` and `$7` are never missing: a range that is open is written with times beyond all others,
// so that the index on the time carries it.
macro_rules! filters {
    ($time:literal) => {
        concat!(
            " AND ($2 IS NULL OR t.name = $2) AND ($3 IS NULL OR d.environment_id = $3)
              AND ($4 IS NULL OR d.cause = $4) AND ($5 IS NULL OR d.outcome = $5) AND d.",
            $time,
            " >= $6 AND d.",
            $time,
            " < $7 "
        )
    };
}

macro_rules! page {
    ($where:literal, $time:literal) => {
        concat!(
            row_columns!(),
            from!(),
            "WHERE ",
            $where,
            filters!($time),
            "ORDER BY d.",
            $time,
            " DESC, d.id DESC LIMIT $8 OFFSET $9"
        )
    };
}

macro_rules! count {
    ($where:literal, $time:literal) => {
        concat!(
            "SELECT COUNT(*) FROM (SELECT 1 FROM deployments d
                JOIN services s ON s.id = d.service_id
                JOIN teams t ON t.id = s.team_id
             WHERE ",
            $where,
            filters!($time),
            "LIMIT $8) AS counted"
        )
    };
}

const PAGE_STARTED: &str = page!("($1 IS NULL OR d.service_id = $1)", "started_at");

const PAGE_FINISHED: &str = page!("($1 IS NULL OR d.service_id = $1)", "finished_at");

const PAGE_STARTED_OF_SERVICE: &str = page!("d.service_id = $1", "started_at");

const PAGE_FINISHED_OF_SERVICE: &str = page!("d.service_id = $1", "finished_at");

const COUNT_STARTED: &str = count!("($1 IS NULL OR d.service_id = $1)", "started_at");

const COUNT_FINISHED: &str = count!("($1 IS NULL OR d.service_id = $1)", "finished_at");

const COUNT_STARTED_OF_SERVICE: &str = count!("d.service_id = $1", "started_at");

const COUNT_FINISHED_OF_SERVICE: &str = count!("d.service_id = $1", "finished_at");

const OF_VERSION: &str =
    concat!(row_columns!(), from!(), "WHERE d.version_id = $1 ORDER BY d.started_at DESC, d.id DESC LIMIT $2");

statements!("deployment_lists.rs":
    PAGE_STARTED, PAGE_FINISHED, PAGE_STARTED_OF_SERVICE, PAGE_FINISHED_OF_SERVICE, COUNT_STARTED, COUNT_FINISHED,
    COUNT_STARTED_OF_SERVICE, COUNT_FINISHED_OF_SERVICE, OF_VERSION,
);

impl Read {
    /// A page of deployments, newest first by the time that `sort` names.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn deployments(
        &mut self,
        filter: &DeploymentFilter,
        sort: DeploymentSort,
        paging: Paging,
    ) -> Result<Page<DeploymentRow>, StoreError> {
        let (page, count) = match (sort, filter.service) {
            (DeploymentSort::Started, None) => (PAGE_STARTED, COUNT_STARTED),
            (DeploymentSort::Started, Some(_)) => (PAGE_STARTED_OF_SERVICE, COUNT_STARTED_OF_SERVICE),
            (DeploymentSort::Finished, None) => (PAGE_FINISHED, COUNT_FINISHED),
            (DeploymentSort::Finished, Some(_)) => (PAGE_FINISHED_OF_SERVICE, COUNT_FINISHED_OF_SERVICE),
        };
        let service = filter.service.map(ServiceId::uuid);
        let team = filter.team.as_ref().map(TeamName::as_str);
        let environment = filter.environment.map(EnvironmentId::uuid);
        let cause = filter.cause.map(Cause::as_str);
        let outcome = filter.outcome.map(Outcome::as_str);
        let from = filter.from.unwrap_or(DateTime::UNIX_EPOCH);
        let to = filter.to.unwrap_or(END_OF_TIME);
        let (limit, offset) = (i64::from(paging.limit), i64::from(paging.offset));
        let rows = fetch_all!(
            self, page => DeploymentRow, service, team, environment, cause, outcome, from, to, limit, offset
        )?;
        let (total,) = fetch_one!(
            self, count => (i64,), service, team, environment, cause, outcome, from, to, COUNTED
        )?;
        Ok(Page { rows, total })
    }

    /// Where a version is and was, newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn deployments_of_version(
        &mut self,
        version: VersionId,
        limit: u32,
    ) -> Result<Vec<DeploymentRow>, StoreError> {
        fetch_all!(self, OF_VERSION => DeploymentRow, version.uuid(), i64::from(limit))
    }
}
