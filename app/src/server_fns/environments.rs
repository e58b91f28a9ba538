//! Environments and their rules.

#![expect(clippy::too_many_arguments, reason = "each is a field of a form")]

use crate::json::Json;
use contract::environments::EnvironmentView;
#[cfg(feature = "ssr")]
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
    /// The word of a kind; empty for a new one: as its name says.
    #[server(default)]
    kind: String,
    /// A number; empty for a new one: as usual for its kind.
    #[server(default)]
    approvals: String,
    #[server(default)] healthy_in: String,
    rollout_budget_seconds: u32,
    watch_seconds: u32,
    #[server(default)] clusters: Vec<String>,
) -> Result<(), AppError> {
    let (backend, actor) = super::backend()?;
    let kind = match EnvironmentKind::parse(&kind) {
        Some(kind) => kind,
        None if is_new && kind.is_empty() => {
            let last = backend.environments(&actor).await?.last().map(|last| last.kind);
            EnvironmentKind::suggested(&name, last)
        }
        None => return Err(contract::ApiError::invalid("kind", "choose one of the kinds").into()),
    };
    let approvals = match approvals.parse() {
        Ok(people) => people,
        Err(_) if is_new && approvals.is_empty() => kind.usual_approvals().people(),
        Err(_) => return Err(contract::ApiError::invalid("approvals", "say how many people, 0 to 5").into()),
    };
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
