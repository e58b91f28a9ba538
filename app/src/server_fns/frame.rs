//! The frame around every page.

use crate::json::Json;
use contract::frame::Frame;
use leptos::prelude::*;

use crate::error::AppError;

/// Who is signed in and what needs them.
#[server(name = LoadFrame, prefix = "/do", endpoint = "frame", input = Json, output = Json)]
pub async fn frame() -> Result<Frame, AppError> {
    let (backend, actor) = super::backend()?;
    Ok(backend.frame(&actor).await?)
}
