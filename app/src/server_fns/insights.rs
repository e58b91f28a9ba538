//! Figures.

use crate::json::Json;
use contract::insights::{InsightsQuery, InsightsView};
use leptos::prelude::*;

use crate::error::AppError;

/// How well are we doing?
#[server(name = LoadInsights, prefix = "/do", endpoint = "insights", input = Json, output = Json)]
pub async fn insights(query: InsightsQuery) -> Result<InsightsView, AppError> {
    let (backend, actor) = super::backend()?;
    Ok(backend.insights(&actor, query).await?)
}
