//! Outside deployers of targets.

use contract::deployers::{DeployerInput, PingView};
use leptos::prelude::*;

use crate::error::AppError;

/// Has a target deployed by a program outside; answers the secret when one was made, which is never shown
/// again, and an empty text otherwise.
#[server(prefix = "/do", endpoint = "set_deployer")]
pub async fn set_deployer(service: String, environment: String, input: DeployerInput) -> Result<String, AppError> {
    let (backend, actor) = super::backend()?;
    Ok(backend.set_deployer(&actor, &service, &environment, input).await?.unwrap_or_default())
}

/// Makes a new secret, which is never shown again.
#[server(prefix = "/do", endpoint = "new_deployer_secret")]
pub async fn new_deployer_secret(service: String, environment: String) -> Result<String, AppError> {
    let (backend, actor) = super::backend()?;
    Ok(backend.new_deployer_secret(&actor, &service, &environment).await?)
}

/// Sends a ping.
#[server(prefix = "/do", endpoint = "ping_deployer")]
pub async fn ping_deployer(service: String, environment: String) -> Result<PingView, AppError> {
    let (backend, actor) = super::backend()?;
    Ok(backend.ping_deployer(&actor, &service, &environment).await?)
}
