//! Versions that live in Git repositories.

use contract::git::{GitInput, GitTestView};
use leptos::prelude::*;

use crate::error::AppError;

/// Says where the version of a target lives; says what was saved.
#[server(prefix = "/do", endpoint = "set_git_place")]
pub async fn set_git_place(service: String, environment: String, input: GitInput) -> Result<String, AppError> {
    let (backend, actor) = super::backend()?;
    backend.set_git_place(&actor, &service, &environment, input).await?;
    Ok("versions are committed to the repository".to_owned())
}

/// Forgets it; says what was saved.
#[server(prefix = "/do", endpoint = "clear_git_place")]
pub async fn clear_git_place(service: String, environment: String) -> Result<String, AppError> {
    let (backend, actor) = super::backend()?;
    backend.clear_git_place(&actor, &service, &environment).await?;
    Ok("versions are set in the cluster".to_owned())
}

/// Reads the fields, and changes nothing.
#[server(prefix = "/do", endpoint = "test_git_place")]
pub async fn test_git_place(service: String, environment: String) -> Result<GitTestView, AppError> {
    let (backend, actor) = super::backend()?;
    Ok(backend.test_git_place(&actor, &service, &environment).await?)
}
