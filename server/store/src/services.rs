//! Services.

use chrono::{DateTime, Utc};
use domain::{
    ids::{ServiceId, TeamId},
    names::{ServiceName, TeamName},
    version::{VersionLabel, WebLink},
};

use serde_json::Value;

use crate::{
    Entity, Page, Paging, Read, StoreError, Tx,
    columns::{anywhere, record},
    connection::{execute, fetch_all, fetch_one, fetch_optional},
    dialect::with_services,
    paging::COUNTED,
    statements::statements,
};

record! {
    /// A deployable unit with an owner.
    pub struct Service {
        /// Identity.
        pub id: ServiceId,
        /// Its name in addresses.
        pub name: ServiceName,
        /// Its name for people.
        pub title: String,
        /// The team that owns it.
        pub team_id: TeamId,
        /// How much depends on it: 1 (most) to 3.
        pub tier: u8,
        /// What it does; may be empty.
        pub description: String,
        /// Where its source is.
        pub repository: Option<WebLink>,
        /// What to do when it breaks.
        pub runbook: Option<WebLink>,
        /// When it was added.
        pub created_at: DateTime<Utc>,
    }
}

record! {
    /// A service in a list.
    pub struct ServiceRow {
        /// Identity.
        pub id: ServiceId,
        /// Its name in addresses.
        pub name: ServiceName,
        /// Its name for people.
        pub title: String,
        /// The owner.
        pub team: TeamName,
        /// The owner's name for people.
        pub team_title: String,
        /// 1 to 3.
        pub tier: u8,
    }
}

record! {
    /// What a list of services says beside their names.
    pub struct ServiceFacts {
        /// The service.
        pub service_id: ServiceId,
        /// What it does; may be empty.
        pub description: String,
        /// The label of its newest version.
        pub newest: Option<VersionLabel>,
        /// When that was built.
        pub newest_at: Option<DateTime<Utc>>,
        /// In how many environments it has a target.
        pub targets: i64,
    }
}

/// Which services of a list; what is `None` does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceFilter {
    /// Somewhere in name or title, upper or lower case.
    pub text: Option<String>,
    /// The owner.
    pub team: Option<TeamName>,
    /// The tier.
    pub tier: Option<u8>,
}

const INSERT: &str = "
    INSERT INTO services (id, name, title, team_id, tier, description, repository, runbook, search, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";

const UPDATE: &str = "
    UPDATE services SET name = $2, title = $3, team_id = $4, tier = $5, description = $6, repository = $7,
        runbook = $8, search = $9
    WHERE id = $1";

const BY_ID: &str = "
    SELECT id, name, title, team_id, tier, description, repository, runbook, created_at
    FROM services WHERE id = $1";

const BY_NAME: &str = "
    SELECT id, name, title, team_id, tier, description, repository, runbook, created_at
    FROM services WHERE name = $1";

const PAGE: &str = "
    SELECT s.id, s.name, s.title, t.name AS team, t.title AS team_title, s.tier
    FROM services s JOIN teams t ON t.id = s.team_id
    WHERE ($1 IS NULL OR s.search LIKE $1 ESCAPE '\\') AND ($2 IS NULL OR t.name = $2) AND ($3 IS NULL OR s.tier = $3)
    ORDER BY s.name, s.id LIMIT $4 OFFSET $5";

const COUNT: &str = "
    SELECT COUNT(*) FROM (
        SELECT 1 FROM services s JOIN teams t ON t.id = s.team_id
        WHERE ($1 IS NULL OR s.search LIKE $1 ESCAPE '\\') AND ($2 IS NULL OR t.name = $2)
            AND ($3 IS NULL OR s.tier = $3)
        LIMIT $4) AS counted";

macro_rules! facts {
    () => {
        "SELECT s.id AS service_id, s.description, v.label AS newest, v.created_at AS newest_at,
            (SELECT COUNT(*) FROM targets t WHERE t.service_id = s.id) AS targets
        FROM asked
        JOIN services s ON s.id = asked.id
        LEFT JOIN versions v ON v.service_id = s.id
            AND v.ordinal = (SELECT MAX(o.ordinal) FROM versions o WHERE o.service_id = s.id)
        ORDER BY s.name, s.id"
    };
}

const FACTS_SQLITE: &str = with_services!(sqlite, facts!());

const FACTS_POSTGRES: &str = with_services!(postgres, facts!());

statements!("services.rs": INSERT, UPDATE, BY_ID, BY_NAME, PAGE, COUNT, FACTS_SQLITE, FACTS_POSTGRES);

/// What the search looks into: lower case, made here so that both databases agree on letters
/// beyond ASCII.
fn search_text(service: &Service) -> String {
    format!("{} {}", service.name, service.title).to_lowercase()
}

impl Tx {
    /// Adds a service.
    ///
    /// # Errors
    /// [`StoreError::Unique`] with [`crate::Unique::ServiceName`]; [`StoreError::ForeignKey`] for
    /// an unknown team.
    pub async fn insert_service(&mut self, service: &Service) -> Result<(), StoreError> {
        execute!(
            self,
            INSERT,
            service.id.uuid(),
            service.name.as_str(),
            service.title.as_str(),
            service.team_id.uuid(),
            i64::from(service.tier),
            service.description.as_str(),
            service.repository.as_ref().map(WebLink::as_str),
            service.runbook.as_ref().map(WebLink::as_str),
            search_text(service),
            service.created_at,
        )?;
        self.signal(Entity::Service, service.id.uuid(), 0);
        Ok(())
    }

    /// Changes a service; `created_at` stays. Tells whether it is there.
    ///
    /// # Errors
    /// As for [`Tx::insert_service`].
    pub async fn update_service(&mut self, service: &Service) -> Result<bool, StoreError> {
        let written = execute!(
            self,
            UPDATE,
            service.id.uuid(),
            service.name.as_str(),
            service.title.as_str(),
            service.team_id.uuid(),
            i64::from(service.tier),
            service.description.as_str(),
            service.repository.as_ref().map(WebLink::as_str),
            service.runbook.as_ref().map(WebLink::as_str),
            search_text(service),
        )?;
        self.signal(Entity::Service, service.id.uuid(), 0);
        Ok(written == 1)
    }
}

impl Read {
    /// The service with this identity.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn service(&mut self, id: ServiceId) -> Result<Option<Service>, StoreError> {
        fetch_optional!(self, BY_ID => Service, id.uuid())
    }

    /// The service of this name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn service_by_name(&mut self, name: &ServiceName) -> Result<Option<Service>, StoreError> {
        fetch_optional!(self, BY_NAME => Service, name.as_str())
    }

    /// A page of services by name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn services(&mut self, filter: &ServiceFilter, paging: Paging) -> Result<Page<ServiceRow>, StoreError> {
        let text = anywhere(filter.text.as_deref());
        let (text, team) = (text.as_deref(), filter.team.as_ref().map(TeamName::as_str));
        let tier = filter.tier.map(i64::from);
        let (limit, offset) = (i64::from(paging.limit), i64::from(paging.offset));
        let rows = fetch_all!(self, PAGE => ServiceRow, text, team, tier, limit, offset)?;
        let (total,) = fetch_one!(self, COUNT => (i64,), text, team, tier, COUNTED)?;
        Ok(Page { rows, total })
    }

    /// What a list says of these services beside their names, by name; those that are gone are left
    /// out.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn service_facts(&mut self, services: &[ServiceId]) -> Result<Vec<ServiceFacts>, StoreError> {
        let asked = services.iter().map(|id| Value::String(id.uuid().simple().to_string())).collect();
        let text = self.dialect().pick(FACTS_SQLITE, FACTS_POSTGRES);
        fetch_all!(self, text => ServiceFacts, &Value::Array(asked))
    }
}
