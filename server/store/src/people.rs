//! People who sign in.

use chrono::{DateTime, Utc};
use domain::{actor::Role, ids::PersonId};
use uuid::Uuid;

use crate::{
    Entity, Page, Paging, Read, StoreError, Tx,
    columns::{anywhere, record},
    connection::{execute, fetch_all, fetch_one, fetch_optional},
    paging::COUNTED,
    statements::statements,
};

record! {
    /// A person.
    pub struct Person {
        /// Identity.
        pub id: PersonId,
        /// Their name as shown.
        pub name: String,
        /// Their address; always lower case here.
        pub email: String,
        /// The hash of their password, when they have one.
        pub password_hash: Option<String>,
        /// What they are trusted with.
        pub role: Role,
        /// Whether they may sign in.
        pub is_active: bool,
        /// When they were added.
        pub created_at: DateTime<Utc>,
        /// When they were seen last.
        pub last_seen_at: Option<DateTime<Utc>>,
    }
}

macro_rules! columns {
    () => {
        "id, name, email, password_hash, role, is_active, created_at, last_seen_at"
    };
}

const INSERT: &str =
    concat!("INSERT INTO people (", columns!(), ", search) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)");

const UPDATE: &str = "
    UPDATE people SET name = $2, email = $3, password_hash = $4, role = $5, is_active = $6, search = $7 WHERE id = $1";

const SEEN: &str = "
    UPDATE people SET last_seen_at = $2 WHERE id = $1 AND (last_seen_at IS NULL OR last_seen_at < $3)";

const BY_ID: &str = concat!("SELECT ", columns!(), " FROM people WHERE id = $1");

const BY_EMAIL: &str = concat!("SELECT ", columns!(), " FROM people WHERE email = $1");

const PAGE: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM people WHERE ($1 IS NULL OR search LIKE $1 ESCAPE '\\') ORDER BY name, id LIMIT $2 OFFSET $3"
);

const COUNT: &str = "
    SELECT COUNT(*) FROM (
        SELECT 1 FROM people WHERE ($1 IS NULL OR search LIKE $1 ESCAPE '\\') LIMIT $2) AS counted";

const ACTIVE_WITH_ROLE: &str = "SELECT COUNT(*) FROM people WHERE is_active AND role = $1";

const NAMES_WITH_ROLE: &str = "
    SELECT id, name FROM people WHERE is_active AND role = $1 ORDER BY name, id LIMIT $2";

statements!("people.rs": INSERT, UPDATE, SEEN, BY_ID, BY_EMAIL, PAGE, COUNT, ACTIVE_WITH_ROLE, NAMES_WITH_ROLE);

fn search_text(person: &Person) -> String {
    format!("{} {}", person.name, person.email).to_lowercase()
}

impl Tx {
    /// Adds a person; the address is lowered.
    ///
    /// # Errors
    /// [`StoreError::Unique`] with [`crate::Unique::Email`].
    pub async fn insert_person(&mut self, person: &Person) -> Result<(), StoreError> {
        execute!(
            self,
            INSERT,
            person.id.uuid(),
            person.name.as_str(),
            person.email.trim().to_lowercase(),
            person.password_hash.as_deref(),
            person.role.as_str(),
            person.is_active,
            person.created_at,
            person.last_seen_at,
            search_text(person),
        )?;
        self.signal(Entity::Person, person.id.uuid(), 0);
        Ok(())
    }

    /// Changes a person; when they were added and seen stays. Tells whether they are there.
    ///
    /// # Errors
    /// [`StoreError::Unique`] with [`crate::Unique::Email`].
    pub async fn update_person(&mut self, person: &Person) -> Result<bool, StoreError> {
        let written = execute!(
            self,
            UPDATE,
            person.id.uuid(),
            person.name.as_str(),
            person.email.trim().to_lowercase(),
            person.password_hash.as_deref(),
            person.role.as_str(),
            person.is_active,
            search_text(person),
        )?;
        self.signal(Entity::Person, person.id.uuid(), 0);
        Ok(written == 1)
    }

    /// Notes that a person was seen, unless they were seen at `not_after` or later: a page view must
    /// not cost a write each time.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn person_seen(
        &mut self,
        id: PersonId,
        now: DateTime<Utc>,
        not_after: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        execute!(self, SEEN, id.uuid(), now, not_after).map(drop)
    }
}

impl Read {
    /// The person with this identity.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn person(&mut self, id: PersonId) -> Result<Option<Person>, StoreError> {
        fetch_optional!(self, BY_ID => Person, id.uuid())
    }

    /// The person with this address, upper or lower case.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn person_by_email(&mut self, email: &str) -> Result<Option<Person>, StoreError> {
        fetch_optional!(self, BY_EMAIL => Person, email.trim().to_lowercase())
    }

    /// A page of people by name; `text` somewhere in name or address.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn people(&mut self, text: Option<&str>, paging: Paging) -> Result<Page<Person>, StoreError> {
        let text = anywhere(text);
        let text = text.as_deref();
        let (limit, offset) = (i64::from(paging.limit), i64::from(paging.offset));
        let rows = fetch_all!(self, PAGE => Person, text, limit, offset)?;
        let (total,) = fetch_one!(self, COUNT => (i64,), text, COUNTED)?;
        Ok(Page { rows, total })
    }

    /// How many people with a role may sign in: the last administrator must stay one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn active_people_with(&mut self, role: Role) -> Result<i64, StoreError> {
        Ok(fetch_one!(self, ACTIVE_WITH_ROLE => (i64,), role.as_str())?.0)
    }

    /// People with a role who may sign in, with their names and by them; at most so many.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn names_with(&mut self, role: Role, limit: u32) -> Result<Vec<(PersonId, String)>, StoreError> {
        let rows: Vec<(Uuid, String)> =
            fetch_all!(self, NAMES_WITH_ROLE => (Uuid, String), role.as_str(), i64::from(limit))?;
        Ok(rows.into_iter().map(|(id, name)| (PersonId::new(id), name)).collect())
    }
}
