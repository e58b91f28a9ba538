//! Deployments.

use contract::deployments::{DeploymentsQuery, DeploymentsView};
use leptos::prelude::*;
use leptos::server_fn::codec::Json;

use crate::error::AppError;

/// Every change everywhere, by time.
#[server(name = LoadDeployments, prefix = "/do", endpoint = "deployments", input = Json)]
pub async fn deployments(query: DeploymentsQuery) -> Result<DeploymentsView, AppError> {
    let (backend, actor) = super::backend()?;
    Ok(backend.deployments(&actor, query).await?)
}
