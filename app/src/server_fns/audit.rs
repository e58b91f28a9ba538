//! The audit.

use crate::json::Json;
use contract::{
    Page,
    audit::{AuditLine, AuditQuery},
};
use leptos::prelude::*;

use crate::error::AppError;

/// Who did what, newest first.
#[server(name = LoadAudit, prefix = "/do", endpoint = "audit", input = Json, output = Json)]
pub async fn audit(query: AuditQuery) -> Result<Page<AuditLine>, AppError> {
    let (backend, actor) = super::backend()?;
    Ok(backend.audit(&actor, query).await?)
}
