//! Environments and their rules.

#![expect(clippy::too_many_arguments, reason = "each is a field of a form")]

use crate::json::Json;
use contract::environments::EnvironmentView;
use domain::environment::EnvironmentKind;
use leptos::prelude::*;

use crate::error::AppError;

/// All environments, in their order.
#[server(name = LoadEnvironments, prefix = "/do", endpoint = "environments", input = Json, output = Json)]
pub async fn environments() -> Result<Vec<EnvironmentView>, AppError> {
    let (backend, actor) = super::backend()?;
    Ok(backend.environments(&actor).await?)
}

/// Adds an environment or changes the one that is named.
#[server(prefix = "/do", endpoint = "save_environment")]
pub async fn save_environment(
    /// Whether it is to be new.
    #[server(default)]
    is_new: bool,
    #[server(default)] name: String,
    #[server(default)] title: String,
    kind: EnvironmentKind,
    approvals: u8,
    #[server(default)] healthy_in: String,
    rollout_budget_seconds: u32,
    watch_seconds: u32,
    #[server(default)] clusters: Vec<String>,
) -> Result<(), AppError> {
    let (backend, actor) = super::backend()?;
    let input = contract::environments::EnvironmentInput {
        name,
        title,
        kind,
        approvals,
        healthy_in,
        rollout_budget_seconds,
        watch_seconds,
        clusters: clusters.into_iter().filter(|name| !name.is_empty()).collect(),
    };
    if is_new {
        backend.add_environment(&actor, input).await?;
    } else {
        backend.change_environment(&actor, input).await?;
    }
    leptos_axum::redirect(&crate::routes::settings(crate::routes::Settings::Environments));
    Ok(())
}

/// Moves an environment one place earlier.
#[server(prefix = "/do", endpoint = "move_environment_up")]
pub async fn move_environment_up(name: String) -> Result<(), AppError> {
    let (backend, actor) = super::backend()?;
    Ok(backend.move_environment_up(&actor, &name).await?)
}
