//! Deployments.

use crate::json::Json;
use contract::deployments::{DeploymentsQuery, DeploymentsView};
use leptos::prelude::*;

use crate::error::AppError;

/// Every change everywhere, by time.
#[server(name = LoadDeployments, prefix = "/do", endpoint = "deployments", input = Json, output = Json)]
pub async fn deployments(query: DeploymentsQuery) -> Result<DeploymentsView, AppError> {
    let (backend, actor) = super::backend()?;
    Ok(backend.deployments(&actor, query).await?)
}
