//! Versions and their comparison.

use crate::json::Json;
use contract::{compare::Comparison, versions::VersionView};
use leptos::prelude::*;

use crate::error::AppError;

/// A version's page.
#[server(name = LoadVersion, prefix = "/do", endpoint = "version", input = Json, output = Json)]
pub async fn version(service: String, label: String) -> Result<VersionView, AppError> {
    let (backend, actor) = super::backend()?;
    Ok(backend.version(&actor, &service, &label).await?)
}

/// What would change from one version to another.
#[server(name = LoadCompare, prefix = "/do", endpoint = "compare", input = Json, output = Json)]
pub async fn compare(service: String, from: Option<String>, to: String) -> Result<Comparison, AppError> {
    let (backend, actor) = super::backend()?;
    Ok(backend.compare(&actor, &service, from.as_deref(), &to).await?)
}
