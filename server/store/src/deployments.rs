//! Deployments: that a version went into an environment, by a promotion or reported by someone
//! else's pipeline; and beside them the last one that succeeded at each place. The lists are in
//! `deployment_lists.rs`.

use chrono::{DateTime, Utc};
use domain::{
    deployment::{Cause, Outcome},
    ids::{DeploymentId, EnvironmentId, PromotionId, ServiceId, VersionId},
    version::VersionLabel,
};

use crate::{
    Entity, Read, StoreError, Tx,
    columns::record,
    connection::{execute, fetch_all, fetch_one, fetch_optional},
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
        /// Whether a rollback has taken it away since.
        pub was_rolled_back: bool,
    }
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

const MARK_FOUND: &str = "UPDATE deployments SET is_found = $2 WHERE id = $1";

const FINISH: &str = "UPDATE deployments SET outcome = $2, finished_at = $3 WHERE id = $1";

// The last one is written over by a later one; or by whatever is last when itself, `$3`, is no
// success any more.
const SET_LATEST: &str = "
    INSERT INTO latest_deployments (service_id, environment_id, deployment_id, version_id, previous_version_id,
        version_label, version_ordinal, version_commits, finished_at)
    SELECT d.service_id, d.environment_id, d.id, d.version_id, d.previous_version_id, v.label, v.ordinal,
        v.commits_total, d.finished_at
    FROM deployments d JOIN versions v ON v.id = d.version_id
    WHERE d.service_id = $1 AND d.environment_id = $2 AND d.outcome = 'succeeded' AND d.finished_at IS NOT NULL
    ORDER BY d.finished_at DESC, d.id DESC LIMIT 1
    ON CONFLICT (service_id, environment_id) DO UPDATE SET deployment_id = excluded.deployment_id,
        version_id = excluded.version_id, previous_version_id = excluded.previous_version_id,
        version_label = excluded.version_label, version_ordinal = excluded.version_ordinal,
        version_commits = excluded.version_commits, finished_at = excluded.finished_at
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

const LATEST_OF_SERVICE: &str = "
    SELECT l.service_id, l.environment_id, l.deployment_id, l.version_id, l.version_label AS label,
        l.version_ordinal AS ordinal, l.finished_at
    FROM latest_deployments l
    WHERE l.service_id = $1 ORDER BY l.environment_id";

const LATEST_AT: &str = "
    SELECT l.service_id, l.environment_id, l.deployment_id, l.version_id, l.version_label AS label,
        l.version_ordinal AS ordinal, l.finished_at
    FROM latest_deployments l
    WHERE l.service_id = $1 AND l.environment_id = $2";

const SUCCEEDED_BEFORE: &str = "
    SELECT s.version_id, s.label, s.ordinal, s.finished_at, EXISTS (
        SELECT 1 FROM deployments r
        WHERE r.service_id = $1 AND r.environment_id = $2 AND r.outcome = 'succeeded' AND r.cause = 'rollback'
            AND r.previous_version_id = s.version_id AND r.finished_at > s.finished_at
    ) AS was_rolled_back
    FROM (
        SELECT d.version_id, v.label, v.ordinal, MAX(d.finished_at) AS finished_at
        FROM deployments d JOIN versions v ON v.id = d.version_id
        WHERE d.service_id = $1 AND d.environment_id = $2 AND d.outcome = 'succeeded' AND d.finished_at IS NOT NULL
        GROUP BY d.version_id, v.label, v.ordinal ORDER BY 4 DESC, d.version_id LIMIT $3
    ) s ORDER BY s.finished_at DESC, s.version_id";

const HAS_SUCCEEDED: &str = "
    SELECT EXISTS (
        SELECT 1 FROM deployments
        WHERE service_id = $1 AND environment_id = $2 AND outcome = 'succeeded' AND version_id = $3)";

statements!("deployments.rs":
    INSERT, PUT, MARK_FOUND, FINISH, SET_LATEST, CLEAR_LATEST, BY_ID, BY_PROMOTION, BY_EXTERNAL_ID, LATEST_OF_SERVICE, LATEST_AT,
    SUCCEEDED_BEFORE, HAS_SUCCEEDED,
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

    /// Marks a deployment as one that was there before anyone looked: it counts in no figure, because
    /// nobody knows when it was made. Tells whether it is there.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn mark_deployment_found(&mut self, id: DeploymentId) -> Result<bool, StoreError> {
        Ok(execute!(self, MARK_FOUND, id.uuid(), true)? == 1)
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
