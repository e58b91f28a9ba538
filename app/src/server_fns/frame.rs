//! The frame around every page.

use contract::frame::Frame;
use leptos::prelude::*;
use leptos::server_fn::codec::Json;

use crate::error::AppError;

/// Who is signed in and what needs them.
#[server(name = LoadFrame, prefix = "/do", endpoint = "frame", input = Json)]
pub async fn frame() -> Result<Frame, AppError> {
    let (backend, actor) = super::backend()?;
    Ok(backend.frame(&actor).await?)
}
