//! Approvals.

use crate::json::Json;
use contract::approvals::ApprovalsView;
use leptos::prelude::*;

use crate::error::AppError;

/// What waits for me.
#[server(name = LoadApprovals, prefix = "/do", endpoint = "approvals", input = Json, output = Json)]
pub async fn approvals() -> Result<ApprovalsView, AppError> {
    let (backend, actor) = super::backend()?;
    Ok(backend.approvals(&actor).await?)
}
