//! Deployments: that a version went into an environment, by a promotion or reported by someone
//! else's pipeline; and beside them the last one that succeeded at each place.

use chrono::{DateTime, Utc};
use domain::{
    deployment::{Cause, Outcome},
    ids::{DeploymentId, EnvironmentId, PromotionId, ServiceId, VersionId},
    names::{EnvironmentName, ServiceName, TeamName},
    version::VersionLabel,
};

use crate::{
    Entity, Page, Paging, Read, StoreError, Tx,
    columns::{END_OF_TIME, record},
    connection::{execute, fetch_all, fetch_one, fetch_optional},
    paging::COUNTED,
    statements::statements,
};

record! {
    /// A deployment.
    pub struct Deployment {
        /// Identity.
        pub id: DeploymentId,
        /// The promotion that it is; `None` when it was reported.
        pub promotion_id: Option<PromotionId>,
        /// The service.
        pub service_id: ServiceId,
        /// The environment.
        pub environment_id: EnvironmentId,
        /// The version.
        pub version_id: VersionId,
        /// What ran before.
        pub previous_version_id: Option<VersionId>,
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
        /// Who reported it, as shown; `None` for a promotion.
        pub reported_by: Option<String>,
        /// The reporter's own identifier, unique for service and environment.
        pub external_id: Option<String>,
    }
}

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
    }
}

record! {
    /// The last deployment into an environment that succeeded.
    pub struct LatestDeployment {
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
        /// When it ended.
        pub finished_at: DateTime<Utc>,
    }
}

record! {
    /// A version that succeeded at a place, for going back to it.
    pub struct SucceededBefore {
        /// The version.
        pub version_id: VersionId,
        /// The version's label.
        pub label: VersionLabel,
        /// The version's place in its service.
        pub ordinal: i64,
        /// When it succeeded there last.
        pub finished_at: DateTime<Utc>,
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

macro_rules! columns {
    () => {
        "id, promotion_id, service_id, environment_id, version_id, previous_version_id, cause, outcome, requested_at,
         approved_at, started_at, finished_at, requested_by, reported_by, external_id"
    };
}

const INSERT: &str = concat!(
    "INSERT INTO deployments (",
    columns!(),
    ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)"
);

const PUT: &str = concat!(
    "INSERT INTO deployments (",
    columns!(),
    ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
    ON CONFLICT (promotion_id) DO UPDATE SET version_id = excluded.version_id,
        previous_version_id = excluded.previous_version_id, cause = excluded.cause, outcome = excluded.outcome,
        approved_at = excluded.approved_at, started_at = excluded.started_at, finished_at = excluded.finished_at
    RETURNING id"
);

const FINISH: &str = "UPDATE deployments SET outcome = $2, finished_at = $3 WHERE id = $1";

// The last one is written over by a later one; or by whatever is last when itself, `$3`, is no
// success any more.
const SET_LATEST: &str = "
    INSERT INTO latest_deployments (service_id, environment_id, deployment_id, version_id, finished_at)
    SELECT service_id, environment_id, id, version_id, finished_at FROM deployments
    WHERE service_id = $1 AND environment_id = $2 AND outcome = 'succeeded' AND finished_at IS NOT NULL
    ORDER BY finished_at DESC, id DESC LIMIT 1
    ON CONFLICT (service_id, environment_id) DO UPDATE SET deployment_id = excluded.deployment_id,
        version_id = excluded.version_id, finished_at = excluded.finished_at
    WHERE latest_deployments.deployment_id = $3 OR latest_deployments.finished_at <= excluded.finished_at";

const CLEAR_LATEST: &str = "
    DELETE FROM latest_deployments WHERE service_id = $1 AND environment_id = $2
        AND NOT EXISTS (
            SELECT 1 FROM deployments d
            WHERE d.service_id = $1 AND d.environment_id = $2 AND d.outcome = 'succeeded'
                AND d.finished_at IS NOT NULL)";

const BY_ID: &str = concat!("SELECT ", columns!(), " FROM deployments WHERE id = $1");

const BY_PROMOTION: &str = concat!("SELECT ", columns!(), " FROM deployments WHERE promotion_id = $1");

const BY_EXTERNAL_ID: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM deployments WHERE service_id = $1 AND environment_id = $2 AND external_id = $3"
);

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
            d.started_at, d.finished_at, d.requested_by, d.reported_by"
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

const LATEST_OF_SERVICE: &str = "
    SELECT l.service_id, l.environment_id, l.deployment_id, l.version_id, v.label, v.ordinal, l.finished_at
    FROM latest_deployments l JOIN versions v ON v.id = l.version_id
    WHERE l.service_id = $1 ORDER BY l.environment_id";

const LATEST_AT: &str = "
    SELECT l.service_id, l.environment_id, l.deployment_id, l.version_id, v.label, v.ordinal, l.finished_at
    FROM latest_deployments l JOIN versions v ON v.id = l.version_id
    WHERE l.service_id = $1 AND l.environment_id = $2";

const SUCCEEDED_BEFORE: &str = "
    SELECT d.version_id, v.label, v.ordinal, MAX(d.finished_at) AS finished_at
    FROM deployments d JOIN versions v ON v.id = d.version_id
    WHERE d.service_id = $1 AND d.environment_id = $2 AND d.outcome = 'succeeded' AND d.finished_at IS NOT NULL
    GROUP BY d.version_id, v.label, v.ordinal ORDER BY 4 DESC, d.version_id LIMIT $3";

const HAS_SUCCEEDED: &str = "
    SELECT EXISTS (
        SELECT 1 FROM deployments
        WHERE service_id = $1 AND environment_id = $2 AND outcome = 'succeeded' AND version_id = $3)";

statements!("deployments.rs":
    INSERT, PUT, FINISH, SET_LATEST, CLEAR_LATEST, BY_ID, BY_PROMOTION, BY_EXTERNAL_ID, PAGE_STARTED, PAGE_FINISHED,
    PAGE_STARTED_OF_SERVICE, PAGE_FINISHED_OF_SERVICE, COUNT_STARTED, COUNT_FINISHED, COUNT_STARTED_OF_SERVICE,
    COUNT_FINISHED_OF_SERVICE, OF_VERSION, LATEST_OF_SERVICE, LATEST_AT, SUCCEEDED_BEFORE, HAS_SUCCEEDED,
);

/// Binds a deployment's columns in their order.
macro_rules! write_deployment {
    ($run:ident, $read:expr, $sql:expr $(=> $row:ty)?, $d:expr) => {
        $run!(
            $read,
            $sql $(=> $row)?,
            $d.id.uuid(),
            $d.promotion_id.map(PromotionId::uuid),
            $d.service_id.uuid(),
            $d.environment_id.uuid(),
            $d.version_id.uuid(),
            $d.previous_version_id.map(VersionId::uuid),
            $d.cause.as_str(),
            $d.outcome.as_str(),
            $d.requested_at,
            $d.approved_at,
            $d.started_at,
            $d.finished_at,
            $d.requested_by.as_str(),
            $d.reported_by.as_deref(),
            $d.external_id.as_deref(),
        )
    };
}

impl Tx {
    /// Writes the deployment that a promotion is, or what is new of it; gives its identity, which is
    /// that of the first time.
    ///
    /// # Errors
    /// [`StoreError::ForeignKey`].
    pub async fn put_deployment(&mut self, deployment: &Deployment) -> Result<DeploymentId, StoreError> {
        let (id,) = write_deployment!(fetch_one, self, PUT => (uuid::Uuid,), deployment)?;
        self.settle_latest(deployment.service_id, deployment.environment_id, DeploymentId::new(id)).await?;
        Ok(DeploymentId::new(id))
    }

    /// Adds a deployment that was reported. Look with [`Read::deployment_by_external_id`] before:
    /// a pipeline that retries then finds what it reported.
    ///
    /// # Errors
    /// [`StoreError::Unique`] with [`crate::Unique::ExternalDeployment`]; [`StoreError::ForeignKey`].
    pub async fn insert_deployment(&mut self, deployment: &Deployment) -> Result<(), StoreError> {
        write_deployment!(execute, self, INSERT, deployment)?;
        self.settle_latest(deployment.service_id, deployment.environment_id, deployment.id).await
    }

    /// Ends a deployment that was reported before. Tells whether it is there.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn finish_deployment(
        &mut self,
        id: DeploymentId,
        outcome: Outcome,
        finished_at: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        execute!(self, FINISH, id.uuid(), outcome.as_str(), finished_at)?;
        let Some(deployment) = self.deployment(id).await? else {
            return Ok(false);
        };
        self.settle_latest(deployment.service_id, deployment.environment_id, id).await?;
        Ok(true)
    }

    /// Keeps the last one that succeeded right after `changed` was written.
    async fn settle_latest(
        &mut self,
        service: ServiceId,
        environment: EnvironmentId,
        changed: DeploymentId,
    ) -> Result<(), StoreError> {
        execute!(self, CLEAR_LATEST, service.uuid(), environment.uuid())?;
        execute!(self, SET_LATEST, service.uuid(), environment.uuid(), changed.uuid())?;
        self.signal(Entity::Deployment, changed.uuid(), 0);
        Ok(())
    }
}

impl Read {
    /// The deployment with this identity.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn deployment(&mut self, id: DeploymentId) -> Result<Option<Deployment>, StoreError> {
        fetch_optional!(self, BY_ID => Deployment, id.uuid())
    }

    /// The deployment that a promotion is.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn deployment_of_promotion(&mut self, id: PromotionId) -> Result<Option<Deployment>, StoreError> {
        fetch_optional!(self, BY_PROMOTION => Deployment, id.uuid())
    }

    /// The deployment that was reported with this identifier.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn deployment_by_external_id(
        &mut self,
        service: ServiceId,
        environment: EnvironmentId,
        external_id: &str,
    ) -> Result<Option<Deployment>, StoreError> {
        fetch_optional!(self, BY_EXTERNAL_ID => Deployment, service.uuid(), environment.uuid(), external_id)
    }

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

    /// The last deployment of a service into each environment that succeeded.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn latest_deployments(&mut self, service: ServiceId) -> Result<Vec<LatestDeployment>, StoreError> {
        fetch_all!(self, LATEST_OF_SERVICE => LatestDeployment, service.uuid())
    }

    /// The last deployment of a service into an environment that succeeded.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn latest_deployment(
        &mut self,
        service: ServiceId,
        environment: EnvironmentId,
    ) -> Result<Option<LatestDeployment>, StoreError> {
        fetch_optional!(self, LATEST_AT => LatestDeployment, service.uuid(), environment.uuid())
    }

    /// The versions of a service that succeeded in an environment, the last success first: what one
    /// can go back to. The first of them is usually the one that runs.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn succeeded_before(
        &mut self,
        service: ServiceId,
        environment: EnvironmentId,
        limit: u32,
    ) -> Result<Vec<SucceededBefore>, StoreError> {
        let limit = i64::from(limit);
        fetch_all!(self, SUCCEEDED_BEFORE => SucceededBefore, service.uuid(), environment.uuid(), limit)
    }

    /// Whether a version has ever succeeded at a place.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn has_succeeded(
        &mut self,
        service: ServiceId,
        environment: EnvironmentId,
        version: VersionId,
    ) -> Result<bool, StoreError> {
        let row = fetch_one!(self, HAS_SUCCEEDED => (bool,), service.uuid(), environment.uuid(), version.uuid())?;
        Ok(row.0)
    }
}
