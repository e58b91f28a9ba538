//! Consent that Slipway may write what a plain Helm release made.

use leptos::prelude::*;

use crate::error::AppError;

/// Gives it, for a target.
#[server(prefix = "/do", endpoint = "give_helm_consent")]
pub async fn give_helm_consent(
    service: String,
    environment: String,
    #[server(default)] reason: String,
) -> Result<(), AppError> {
    let (backend, actor) = super::backend()?;
    Ok(backend.give_helm_consent(&actor, &service, &environment, reason).await?)
}

/// Takes it back.
#[server(prefix = "/do", endpoint = "take_back_helm_consent")]
pub async fn take_back_helm_consent(service: String, environment: String) -> Result<(), AppError> {
    let (backend, actor) = super::backend()?;
    Ok(backend.take_back_helm_consent(&actor, &service, &environment).await?)
}
