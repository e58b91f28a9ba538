//! Versions and their comparison.

use contract::{compare::Comparison, versions::VersionView};
use leptos::prelude::*;
use leptos::server_fn::codec::Json;

use crate::error::AppError;

/// A version's page.
#[server(name = LoadVersion, prefix = "/do", endpoint = "version", input = Json)]
pub async fn version(service: String, label: String) -> Result<VersionView, AppError> {
    let (backend, actor) = super::backend()?;
    Ok(backend.version(&actor, &service, &label).await?)
}

/// What would change from one version to another.
#[server(name = LoadCompare, prefix = "/do", endpoint = "compare", input = Json)]
pub async fn compare(service: String, from: Option<String>, to: String) -> Result<Comparison, AppError> {
    let (backend, actor) = super::backend()?;
    Ok(backend.compare(&actor, &service, from.as_deref(), &to).await?)
}
