//! Incidents.

use chrono::{DateTime, Utc};
use domain::{
    deployment::Severity,
    ids::{DeploymentId, EnvironmentId, IncidentId, ServiceId},
    names::{EnvironmentName, ServiceName, TeamName},
    version::VersionLabel,
};

use crate::{
    Entity, Page, Paging, Read, StoreError, Tx,
    columns::record,
    connection::{execute, fetch_all, fetch_one, fetch_optional},
    paging::COUNTED,
    statements::statements,
};

record! {
    /// An incident.
    pub struct Incident {
        /// Identity.
        pub id: IncidentId,
        /// The number that people use.
        pub number: i64,
        /// What it is about.
        pub title: String,
        /// How bad.
        pub severity: Severity,
        /// When it began.
        pub opened_at: DateTime<Utc>,
        /// When someone noticed.
        pub detected_at: Option<DateTime<Utc>>,
        /// When it was over.
        pub resolved_at: Option<DateTime<Utc>>,
        /// The service.
        pub service_id: Option<ServiceId>,
        /// The environment.
        pub environment_id: Option<EnvironmentId>,
        /// The deployment that caused it.
        pub deployment_id: Option<DeploymentId>,
        /// What happened; may be empty.
        pub summary: String,
    }
}

record! {
    /// An incident in a list.
    pub struct IncidentRow {
        /// Identity.
        pub id: IncidentId,
        /// The number that people use.
        pub number: i64,
        /// What it is about.
        pub title: String,
        /// How bad.
        pub severity: Severity,
        /// When it began.
        pub opened_at: DateTime<Utc>,
        /// When someone noticed.
        pub detected_at: Option<DateTime<Utc>>,
        /// When it was over.
        pub resolved_at: Option<DateTime<Utc>>,
        /// The service's name.
        pub service: Option<ServiceName>,
        /// The service's name for people.
        pub service_title: Option<String>,
        /// The environment's name.
        pub environment: Option<EnvironmentName>,
        /// The environment's name for people.
        pub environment_title: Option<String>,
        /// The deployment that caused it.
        pub deployment_id: Option<DeploymentId>,
        /// The label of that deployment's version.
        pub version: Option<VersionLabel>,
        /// The number of the promotion that it was.
        pub promotion_number: Option<i64>,
    }
}

/// Which incidents of a list; what is `None` does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IncidentFilter {
    /// Whether it is still open.
    pub is_open: Option<bool>,
    /// The service.
    pub service: Option<ServiceId>,
    /// The team that owns the service.
    pub team: Option<TeamName>,
    /// How bad.
    pub severity: Option<Severity>,
}

macro_rules! columns {
    () => {
        "id, number, title, severity, opened_at, detected_at, resolved_at, service_id, environment_id, deployment_id,
         summary"
    };
}

macro_rules! filtered {
    () => {
        " FROM incidents i
        LEFT JOIN services s ON s.id = i.service_id
        LEFT JOIN teams t ON t.id = s.team_id
        LEFT JOIN environments e ON e.id = i.environment_id
        LEFT JOIN deployments d ON d.id = i.deployment_id
        LEFT JOIN versions v ON v.id = d.version_id
        LEFT JOIN promotions p ON p.id = d.promotion_id
        WHERE ($1 IS NULL OR (i.resolved_at IS NULL) = $1) AND ($2 IS NULL OR i.service_id = $2)
            AND ($3 IS NULL OR t.name = $3) AND ($4 IS NULL OR i.severity = $4) "
    };
}

const INSERT: &str =
    concat!("INSERT INTO incidents (", columns!(), ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)");

const UPDATE: &str = "
    UPDATE incidents SET title = $2, severity = $3, opened_at = $4, detected_at = $5, resolved_at = $6,
        service_id = $7, environment_id = $8, deployment_id = $9, summary = $10
    WHERE id = $1";

const BY_ID: &str = concat!("SELECT ", columns!(), " FROM incidents WHERE id = $1");

const BY_NUMBER: &str = concat!("SELECT ", columns!(), " FROM incidents WHERE number = $1");

const PAGE: &str = concat!(
    "SELECT i.id, i.number, i.title, i.severity, i.opened_at, i.detected_at, i.resolved_at, s.name AS service,
        s.title AS service_title, e.name AS environment, e.title AS environment_title, i.deployment_id,
        v.label AS version, p.number AS promotion_number",
    filtered!(),
    "ORDER BY i.opened_at DESC, i.id DESC LIMIT $5 OFFSET $6"
);

const COUNT: &str = concat!("SELECT COUNT(*) FROM (SELECT 1", filtered!(), "LIMIT $5) AS counted");

statements!("incidents.rs": INSERT, UPDATE, BY_ID, BY_NUMBER, PAGE, COUNT);

impl Tx {
    /// Adds an incident; its number comes from [`Tx::next`].
    ///
    /// # Errors
    /// [`StoreError::ForeignKey`].
    pub async fn insert_incident(&mut self, incident: &Incident) -> Result<(), StoreError> {
        execute!(
            self,
            INSERT,
            incident.id.uuid(),
            incident.number,
            incident.title.as_str(),
            incident.severity.as_str(),
            incident.opened_at,
            incident.detected_at,
            incident.resolved_at,
            incident.service_id.map(ServiceId::uuid),
            incident.environment_id.map(EnvironmentId::uuid),
            incident.deployment_id.map(DeploymentId::uuid),
            incident.summary.as_str(),
        )?;
        self.signal(Entity::Incident, incident.id.uuid(), 0);
        Ok(())
    }

    /// Changes an incident; its number stays. Tells whether it is there.
    ///
    /// # Errors
    /// [`StoreError::ForeignKey`].
    pub async fn update_incident(&mut self, incident: &Incident) -> Result<bool, StoreError> {
        let written = execute!(
            self,
            UPDATE,
            incident.id.uuid(),
            incident.title.as_str(),
            incident.severity.as_str(),
            incident.opened_at,
            incident.detected_at,
            incident.resolved_at,
            incident.service_id.map(ServiceId::uuid),
            incident.environment_id.map(EnvironmentId::uuid),
            incident.deployment_id.map(DeploymentId::uuid),
            incident.summary.as_str(),
        )?;
        self.signal(Entity::Incident, incident.id.uuid(), 0);
        Ok(written == 1)
    }
}

impl Read {
    /// The incident with this identity.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn incident(&mut self, id: IncidentId) -> Result<Option<Incident>, StoreError> {
        fetch_optional!(self, BY_ID => Incident, id.uuid())
    }

    /// The incident with this number.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn incident_by_number(&mut self, number: i64) -> Result<Option<Incident>, StoreError> {
        fetch_optional!(self, BY_NUMBER => Incident, number)
    }

    /// A page of incidents, the one that began last first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn incidents(
        &mut self,
        filter: &IncidentFilter,
        paging: Paging,
    ) -> Result<Page<IncidentRow>, StoreError> {
        let (is_open, service) = (filter.is_open, filter.service.map(ServiceId::uuid));
        let team = filter.team.as_ref().map(TeamName::as_str);
        let severity = filter.severity.map(Severity::as_str);
        let (limit, offset) = (i64::from(paging.limit), i64::from(paging.offset));
        let rows = fetch_all!(self, PAGE => IncidentRow, is_open, service, team, severity, limit, offset)?;
        let (total,) = fetch_one!(self, COUNT => (i64,), is_open, service, team, severity, COUNTED)?;
        Ok(Page { rows, total })
    }
}
