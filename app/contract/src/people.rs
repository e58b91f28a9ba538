//! People, signing in, one-time links.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::{
    actor::{Actor, Role},
    ids::PersonId,
};
use serde::{Deserialize, Serialize};

use crate::Answer;

/// A person in Settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonView {
    /// Identity.
    pub id: PersonId,
    /// Name.
    pub name: String,
    /// E-mail address, by which they sign in.
    pub email: String,
    /// Role.
    pub role: Role,
    /// Whether they may sign in.
    pub is_active: bool,
    /// Whether they have set a password.
    pub has_password: bool,
    /// When they were last seen.
    pub last_seen_at: Option<DateTime<Utc>>,
}

/// What is set when a person is invited.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonInput {
    /// Name.
    pub name: String,
    /// E-mail address.
    pub email: String,
    /// Role.
    pub role: Role,
}

/// What a one-time link is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "for", rename_all = "snake_case")]
pub enum LinkPurpose {
    /// Makes the first administrator.
    FirstAdministrator,
    /// A person sets their first or a new password.
    SetPassword {
        /// Their name.
        name: String,
        /// Their e-mail address.
        email: String,
    },
    /// Signs in at once (the demo's people).
    SignIn {
        /// Their name.
        name: String,
    },
}

/// Use cases of people.
#[async_trait]
pub trait PeopleBackend: Send + Sync {
    /// All people by name.
    async fn people(&self, actor: &Actor) -> Answer<Vec<PersonView>>;
    /// Adds a person; answers the path of a one-time link on which they set their password.
    async fn invite(&self, actor: &Actor, input: PersonInput) -> Answer<String>;
    /// Changes a role; it counts from the next request on.
    async fn set_role(&self, actor: &Actor, person: PersonId, role: Role) -> Answer<()>;
    /// Lets a person in or keeps them out; keeping out ends their sessions.
    async fn set_active(&self, actor: &Actor, person: PersonId, is_active: bool) -> Answer<()>;
    /// Makes a new one-time link for a person's password; answers its path.
    async fn reset_password(&self, actor: &Actor, person: PersonId) -> Answer<String>;
}
