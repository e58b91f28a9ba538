//! Teams.

use domain::{ids::TeamId, names::TeamName};

use crate::{
    Read, StoreError, Tx,
    columns::record,
    connection::{execute, fetch_all, fetch_optional},
    statements::statements,
};

record! {
    /// A team that owns services.
    pub struct Team {
        /// Identity.
        pub id: TeamId,
        /// Its name in addresses.
        pub name: TeamName,
        /// Its name for people.
        pub title: String,
    }
}

const INSERT: &str = "INSERT INTO teams (id, name, title) VALUES ($1, $2, $3)";

const LIST: &str = "SELECT id, name, title FROM teams ORDER BY name, id";

const BY_NAME: &str = "SELECT id, name, title FROM teams WHERE name = $1";

statements!("teams.rs": INSERT, LIST, BY_NAME);

impl Tx {
    /// Adds a team.
    ///
    /// # Errors
    /// [`StoreError::Unique`] with [`crate::Unique::TeamName`].
    pub async fn insert_team(&mut self, team: &Team) -> Result<(), StoreError> {
        execute!(self, INSERT, team.id.uuid(), team.name.as_str(), team.title.as_str()).map(drop)
    }
}

impl Read {
    /// All teams by name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn teams(&mut self) -> Result<Vec<Team>, StoreError> {
        fetch_all!(self, LIST => Team)
    }

    /// The team of this name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn team_by_name(&mut self, name: &TeamName) -> Result<Option<Team>, StoreError> {
        fetch_optional!(self, BY_NAME => Team, name.as_str())
    }
}
