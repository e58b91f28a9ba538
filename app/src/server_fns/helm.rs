//! Consent that Slipway may write what a plain Helm release made.

use contract::helm::HelmOwnership;
use leptos::prelude::*;

use crate::{error::AppError, json::Json};

/// Whether a plain Helm release made a Deployment of a target.
#[server(name = LoadHelmOwnership, prefix = "/do", endpoint = "helm_ownership", input = Json, output = Json)]
pub async fn helm_ownership(service: String, environment: String) -> Result<HelmOwnership, AppError> {
    let (backend, actor) = super::backend()?;
    Ok(backend.helm_ownership(&actor, &service, &environment).await?)
}

/// Gives it, for a target; says what was saved.
#[server(prefix = "/do", endpoint = "give_helm_consent")]
pub async fn give_helm_consent(
    service: String,
    environment: String,
    #[server(default)] reason: String,
) -> Result<String, AppError> {
    let (backend, actor) = super::backend()?;
    backend.give_helm_consent(&actor, &service, &environment, reason).await?;
    Ok("Slipway may write what Helm made".to_owned())
}

/// Takes it back; says what was saved.
#[server(prefix = "/do", endpoint = "take_back_helm_consent")]
pub async fn take_back_helm_consent(service: String, environment: String) -> Result<String, AppError> {
    let (backend, actor) = super::backend()?;
    backend.take_back_helm_consent(&actor, &service, &environment).await?;
    Ok("Slipway may not write what Helm made".to_owned())
}
