//! One search for everything that has a name or a number.

use chrono::{DateTime, Utc};
use domain::{
    ids::{PersonId, PromotionId, ServiceId, VersionId},
    names::{EnvironmentName, ServiceName, TeamName},
    state::Mark,
    version::VersionLabel,
};

use crate::{
    CommitPlace, Read, StoreError,
    columns::{anywhere, prefix_end, record},
    connection::fetch_all,
    statements::statements,
};

/// What a search found, the best of each kind first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// Services by name and title.
    pub services: Vec<FoundService>,
    /// Versions by the beginning of their label.
    pub versions: Vec<FoundVersion>,
    /// Commits by the beginning of their hash.
    pub commits: Vec<CommitPlace>,
    /// Promotions by number.
    pub promotions: Vec<FoundPromotion>,
    /// People by name and address.
    pub people: Vec<FoundPerson>,
}

record! {
    /// A service that was found.
    pub struct FoundService {
        /// Identity.
        pub id: ServiceId,
        /// Its name.
        pub name: ServiceName,
        /// Its name for people.
        pub title: String,
        /// The owner.
        pub team: TeamName,
    }
}

record! {
    /// A version that was found.
    pub struct FoundVersion {
        /// Identity.
        pub id: VersionId,
        /// Its label.
        pub label: VersionLabel,
        /// The service.
        pub service_id: ServiceId,
        /// The service's name.
        pub service: ServiceName,
        /// When it was built.
        pub created_at: DateTime<Utc>,
    }
}

record! {
    /// A promotion that was found.
    pub struct FoundPromotion {
        /// Identity.
        pub id: PromotionId,
        /// Its number.
        pub number: i64,
        /// The service's name.
        pub service: ServiceName,
        /// The environment's name.
        pub environment: EnvironmentName,
        /// The version's label.
        pub version: VersionLabel,
        /// Icon and colour.
        pub mark: Mark,
        /// The state in words.
        pub words: String,
    }
}

record! {
    /// A person who was found.
    pub struct FoundPerson {
        /// Identity.
        pub id: PersonId,
        /// Their name.
        pub name: String,
        /// Their address.
        pub email: String,
    }
}

/// A hash is looked for from this many digits on: fewer find half of all commits.
const FEWEST_DIGITS: usize = 4;

const SERVICES: &str = "
    SELECT s.id, s.name, s.title, t.name AS team
    FROM services s JOIN teams t ON t.id = s.team_id
    WHERE s.search LIKE $1 ESCAPE '\\'
    ORDER BY CASE WHEN s.name = $2 THEN 0 WHEN s.name >= $2 AND s.name < $3 THEN 1 ELSE 2 END, s.name, s.id LIMIT $4";

const VERSIONS: &str = "
    SELECT v.id, v.label, v.service_id, s.name AS service, v.created_at
    FROM versions v JOIN services s ON s.id = v.service_id
    WHERE v.label_search >= $1 AND v.label_search < $2
    ORDER BY v.label_search, v.created_at DESC, v.id LIMIT $3";

const VERSIONS_OF_SERVICES: &str = "
    SELECT v.id, v.label, v.service_id, s.name AS service, v.created_at
    FROM services s JOIN versions v ON v.service_id = s.id
    WHERE s.search LIKE $4 ESCAPE '\\' AND v.label_search >= $1 AND v.label_search < $2
    ORDER BY s.name, v.ordinal DESC, v.id LIMIT $3";

const PROMOTIONS: &str = "
    SELECT p.id, p.number, s.name AS service, e.name AS environment, v.label AS version, p.mark, p.words
    FROM promotions p
    JOIN services s ON s.id = p.service_id
    JOIN environments e ON e.id = p.environment_id
    JOIN versions v ON v.id = p.version_id
    WHERE p.number = $1";

const PEOPLE: &str = "
    SELECT id, name, email FROM people WHERE is_active AND search LIKE $1 ESCAPE '\\' ORDER BY name, id LIMIT $2";

statements!("search.rs": SERVICES, VERSIONS, VERSIONS_OF_SERVICES, PROMOTIONS, PEOPLE);

impl Read {
    /// Looks for `text` in everything, upper or lower case, at most `limit` of each kind.
    /// `cart 2.30` finds versions `2.30…` of services like `cart`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn search(&mut self, text: &str, limit: u32) -> Result<Found, StoreError> {
        let Some(pattern) = anywhere(Some(text)) else {
            return Ok(Found::default());
        };
        let limit = i64::from(limit);
        let lower = text.trim().to_lowercase();
        let end = prefix_end(&lower);
        let services =
            fetch_all!(self, SERVICES => FoundService, pattern.as_str(), lower.as_str(), end.as_str(), limit)?;
        let people = fetch_all!(self, PEOPLE => FoundPerson, pattern.as_str(), limit)?;
        let versions = self.search_versions(&lower, limit).await?;
        let promotions = match lower.trim_start_matches("promotion").trim().trim_start_matches('#').parse::<i64>() {
            Ok(number) => fetch_all!(self, PROMOTIONS => FoundPromotion, number)?,
            Err(_) => vec![],
        };
        let is_hash = lower.len() >= FEWEST_DIGITS && lower.bytes().all(|b| b.is_ascii_hexdigit());
        let commits =
            if is_hash { self.commit_places(&lower, u32::try_from(limit).unwrap_or(u32::MAX)).await? } else { vec![] };
        Ok(Found { services, versions, commits, promotions, people })
    }

    async fn search_versions(&mut self, lower: &str, limit: i64) -> Result<Vec<FoundVersion>, StoreError> {
        let (services, label) = match lower.rsplit_once(char::is_whitespace) {
            Some((services, label)) => (anywhere(Some(services)), label),
            None => (None, lower),
        };
        let end = prefix_end(label);
        match services {
            Some(pattern) => fetch_all!(self, VERSIONS_OF_SERVICES => FoundVersion, label, end, limit, pattern),
            None => fetch_all!(self, VERSIONS => FoundVersion, label, end, limit),
        }
    }
}
