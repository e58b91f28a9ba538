//! The Slack connection.

use crate::json::Json;
use contract::slack::SlackView;
use leptos::prelude::*;

use crate::error::AppError;

/// What is set.
#[server(name = LoadSlack, prefix = "/do", endpoint = "slack", input = Json, output = Json)]
pub async fn slack() -> Result<SlackView, AppError> {
    let (backend, actor) = super::backend()?;
    Ok(backend.slack(&actor).await?)
}

/// Sets token and channel.
#[server(prefix = "/do", endpoint = "set_slack")]
pub async fn set_slack(#[server(default)] token: String, #[server(default)] channel: String) -> Result<(), AppError> {
    let (backend, actor) = super::backend()?;
    Ok(backend.set_slack(&actor, contract::slack::SlackInput { token, channel }).await?)
}
