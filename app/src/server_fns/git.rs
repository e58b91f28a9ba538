//! Versions that live in Git repositories.

use contract::git::{GitInput, GitTestView};
use leptos::prelude::*;

use crate::error::AppError;

/// Says where the version of a target lives.
#[server(prefix = "/do", endpoint = "set_git_place")]
pub async fn set_git_place(service: String, environment: String, input: GitInput) -> Result<(), AppError> {
    let (backend, actor) = super::backend()?;
    Ok(backend.set_git_place(&actor, &service, &environment, input).await?)
}

/// Forgets it.
#[server(prefix = "/do", endpoint = "clear_git_place")]
pub async fn clear_git_place(service: String, environment: String) -> Result<(), AppError> {
    let (backend, actor) = super::backend()?;
    Ok(backend.clear_git_place(&actor, &service, &environment).await?)
}

/// Reads the fields, and changes nothing.
#[server(prefix = "/do", endpoint = "test_git_place")]
pub async fn test_git_place(service: String, environment: String) -> Result<GitTestView, AppError> {
    let (backend, actor) = super::backend()?;
    Ok(backend.test_git_place(&actor, &service, &environment).await?)
}
