//! People and their roles.

use crate::json::Json;
use contract::people::PersonView;
use domain::{actor::Role, ids::PersonId};
use leptos::prelude::*;

use crate::error::AppError;

/// All people.
#[server(name = LoadPeople, prefix = "/do", endpoint = "people", input = Json, output = Json)]
pub async fn people() -> Result<Vec<PersonView>, AppError> {
    let (backend, actor) = super::backend()?;
    Ok(backend.people(&actor).await?)
}

/// Adds a person; answers the path of the one-time link on which they set their password.
#[server(prefix = "/do", endpoint = "invite")]
pub async fn invite(
    #[server(default)] name: String,
    #[server(default)] email: String,
    role: Role,
) -> Result<String, AppError> {
    let (backend, actor) = super::backend()?;
    Ok(backend.invite(&actor, contract::people::PersonInput { name, email, role }).await?)
}

/// Changes a person's role.
#[server(prefix = "/do", endpoint = "set_role")]
pub async fn set_role(person: PersonId, role: Role) -> Result<(), AppError> {
    let (backend, actor) = super::backend()?;
    Ok(backend.set_role(&actor, person, role).await?)
}

/// Lets a person in or keeps them out.
#[server(prefix = "/do", endpoint = "set_active")]
pub async fn set_active(person: PersonId, is_active: bool) -> Result<(), AppError> {
    let (backend, actor) = super::backend()?;
    Ok(backend.set_active(&actor, person, is_active).await?)
}

/// Makes a new one-time link for a person's password; answers its path.
#[server(prefix = "/do", endpoint = "reset_password")]
pub async fn reset_password(person: PersonId) -> Result<String, AppError> {
    let (backend, actor) = super::backend()?;
    Ok(backend.reset_password(&actor, person).await?)
}
