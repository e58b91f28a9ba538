//! What the figures are made of: the deployments of a range that ended in production, but for those
//! that were only found there, the commits that each brought, the incidents. The figures themselves are rules of `domain`.

use chrono::{DateTime, Utc};
use domain::{
    deployment::{Cause, Outcome, Severity},
    ids::{DeploymentId, EnvironmentId, IncidentId, ServiceId, VersionId},
    names::{EnvironmentName, ServiceName, TeamName},
    version::VersionLabel,
};

use crate::{Read, StoreError, columns::record, connection::fetch_all, statements::statements};

/// Which part of the company, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InsightsFilter {
    /// Ended (or, for incidents, began) then or later.
    pub from: DateTime<Utc>,
    /// Before then.
    pub to: DateTime<Utc>,
    /// The service; `None` for all.
    pub service: Option<ServiceId>,
    /// The team that owns the service; `None` for all.
    pub team: Option<TeamName>,
}

record! {
    /// A deployment into a production environment that has ended.
    pub struct InsightsDeployment {
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
        /// The version.
        pub version_id: VersionId,
        /// The version's label.
        pub version: VersionLabel,
        /// The version's place in its service.
        pub ordinal: i64,
        /// Whether the version was made to mend something broken.
        pub is_hotfix: bool,
        /// What ran before.
        pub previous_version_id: Option<VersionId>,
        /// That version's label.
        pub previous_version: Option<VersionLabel>,
        /// That version's place in its service.
        pub previous_ordinal: Option<i64>,
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
        pub finished_at: DateTime<Utc>,
    }
}

record! {
    /// When a commit was made that a deployment brought.
    pub struct CommitTime {
        /// The deployment.
        pub deployment_id: DeploymentId,
        /// The service.
        pub service_id: ServiceId,
        /// The place in its service of the version that brought the commit.
        pub version_ordinal: i64,
        /// When the commit was made.
        pub committed_at: DateTime<Utc>,
    }
}

record! {
    /// An incident.
    pub struct InsightsIncident {
        /// Identity.
        pub id: IncidentId,
        /// The number that people use.
        pub number: i64,
        /// What it is about.
        pub title: String,
        /// How bad.
        pub severity: Severity,
        /// The service.
        pub service_id: Option<ServiceId>,
        /// The deployment that caused it.
        pub deployment_id: Option<DeploymentId>,
        /// When it began.
        pub opened_at: DateTime<Utc>,
        /// When someone noticed.
        pub detected_at: Option<DateTime<Utc>>,
        /// When it was over.
        pub resolved_at: Option<DateTime<Utc>>,
    }
}

macro_rules! deployments {
    ($where:literal) => {
        concat!(
            "SELECT d.id, p.number AS promotion_number, d.service_id, s.name AS service, s.title AS service_title,
                t.name AS team, d.environment_id, e.name AS environment, d.version_id, v.label AS version, v.ordinal,
                v.is_hotfix, d.previous_version_id, b.label AS previous_version, b.ordinal AS previous_ordinal, d.cause, d.outcome, d.requested_at, d.approved_at,
                d.started_at, d.finished_at
             FROM deployments d
             JOIN environments e ON e.id = d.environment_id
             JOIN services s ON s.id = d.service_id
             JOIN teams t ON t.id = s.team_id
             JOIN versions v ON v.id = d.version_id
             LEFT JOIN versions b ON b.id = d.previous_version_id
             LEFT JOIN promotions p ON p.id = d.promotion_id
             WHERE d.finished_at >= $1 AND d.finished_at < $2 AND e.kind = 'production' AND NOT d.is_found AND ",
            $where,
            " AND ($4 IS NULL OR t.name = $4) ORDER BY d.finished_at, d.id"
        )
    };
}

// A deployment brings the commits of the versions after the one that ran before. The first one at
// a place brings none that can be timed: the whole history is no lead time.
macro_rules! commits {
    ($where:literal) => {
        concat!(
            "SELECT d.id AS deployment_id, c.service_id, c.version_ordinal, c.committed_at
             FROM deployments d
             JOIN environments e ON e.id = d.environment_id
             JOIN services s ON s.id = d.service_id
             JOIN teams t ON t.id = s.team_id
             JOIN versions v ON v.id = d.version_id
             JOIN versions b ON b.id = d.previous_version_id
             JOIN version_commits c ON c.service_id = d.service_id AND c.version_ordinal > b.ordinal
                 AND c.version_ordinal <= v.ordinal AND c.is_first
             WHERE d.finished_at >= $1 AND d.finished_at < $2 AND e.kind = 'production' AND d.outcome = 'succeeded'
                 AND NOT d.is_found AND ",
            $where,
            " AND ($4 IS NULL OR t.name = $4) ORDER BY d.finished_at, d.id, c.committed_at, c.hash"
        )
    };
}

const DEPLOYMENTS: &str = deployments!("($3 IS NULL OR d.service_id = $3)");

const DEPLOYMENTS_OF_SERVICE: &str = deployments!("d.service_id = $3");

const COMMITS: &str = commits!("($3 IS NULL OR d.service_id = $3)");

const COMMITS_OF_SERVICE: &str = commits!("d.service_id = $3");

// An incident belongs to the range when it began in it, or when a deployment of the range caused it.
const INCIDENTS: &str = "
    SELECT i.id, i.number, i.title, i.severity, i.service_id, i.deployment_id, i.opened_at, i.detected_at,
        i.resolved_at
    FROM incidents i
    LEFT JOIN deployments d ON d.id = i.deployment_id
    LEFT JOIN services s ON s.id = COALESCE(i.service_id, d.service_id)
    LEFT JOIN teams t ON t.id = s.team_id
    WHERE ((i.opened_at >= $1 AND i.opened_at < $2) OR (d.finished_at >= $1 AND d.finished_at < $2))
        AND ($3 IS NULL OR s.id = $3) AND ($4 IS NULL OR t.name = $4)
    ORDER BY i.opened_at, i.id";

statements!("insights.rs": DEPLOYMENTS, DEPLOYMENTS_OF_SERVICE, COMMITS, COMMITS_OF_SERVICE, INCIDENTS);

impl Read {
    /// The deployments into production environments that ended in a range, in that order.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn insights_deployments(
        &mut self,
        filter: &InsightsFilter,
    ) -> Result<Vec<InsightsDeployment>, StoreError> {
        let text = if filter.service.is_some() { DEPLOYMENTS_OF_SERVICE } else { DEPLOYMENTS };
        let (service, team) = (filter.service.map(ServiceId::uuid), filter.team.as_ref().map(TeamName::as_str));
        fetch_all!(self, text => InsightsDeployment, filter.from, filter.to, service, team)
    }

    /// When the commits were made that the succeeded ones of these deployments brought: each commit
    /// that no earlier version of the service has, from the versions after what ran before. In the
    /// order of the deployments, earliest commit first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn insights_commits(&mut self, filter: &InsightsFilter) -> Result<Vec<CommitTime>, StoreError> {
        let text = if filter.service.is_some() { COMMITS_OF_SERVICE } else { COMMITS };
        let (service, team) = (filter.service.map(ServiceId::uuid), filter.team.as_ref().map(TeamName::as_str));
        fetch_all!(self, text => CommitTime, filter.from, filter.to, service, team)
    }

    /// The incidents that began in a range or were caused by a deployment that ended in it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn insights_incidents(&mut self, filter: &InsightsFilter) -> Result<Vec<InsightsIncident>, StoreError> {
        let (service, team) = (filter.service.map(ServiceId::uuid), filter.team.as_ref().map(TeamName::as_str));
        fetch_all!(self, INCIDENTS => InsightsIncident, filter.from, filter.to, service, team)
    }
}
