//! Incidents.

use crate::json::Json;
use contract::{Page, PageRequest, incidents::IncidentLine};
use domain::deployment::Severity;
use leptos::prelude::*;

use crate::error::AppError;

/// The list, newest first.
#[server(name = LoadIncidents, prefix = "/do", endpoint = "incidents", input = Json, output = Json)]
pub async fn incidents(page: PageRequest) -> Result<Page<IncidentLine>, AppError> {
    let (backend, actor) = super::backend()?;
    Ok(backend.incidents(&actor, page).await?)
}

/// Opens an incident; answers its number.
#[server(prefix = "/do", endpoint = "open_incident")]
pub async fn open_incident(
    #[server(default)] title: String,
    severity: Severity,
    #[server(default)] service: String,
    #[server(default)] environment: String,
    #[server(default)] caused_by_last_deployment: bool,
) -> Result<i64, AppError> {
    let (backend, actor) = super::backend()?;
    let incident =
        contract::incidents::OpenIncident { title, severity, service, environment, caused_by_last_deployment };
    let number = backend.open_incident(&actor, incident).await?;
    leptos_axum::redirect(crate::routes::INCIDENTS);
    Ok(number)
}

/// Resolves an incident.
#[server(prefix = "/do", endpoint = "resolve_incident")]
pub async fn resolve_incident(number: i64) -> Result<(), AppError> {
    let (backend, actor) = super::backend()?;
    Ok(backend.resolve_incident(&actor, number).await?)
}
