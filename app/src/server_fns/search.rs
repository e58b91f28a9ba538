//! Search.

use crate::json::Json;
use contract::search::Found;
use leptos::prelude::*;

use crate::error::AppError;

/// Finds at most 30 things, best first; nothing for a blank text.
#[server(name = LoadSearch, prefix = "/do", endpoint = "search", input = Json, output = Json)]
pub async fn search(text: String) -> Result<Vec<Found>, AppError> {
    let (backend, actor) = super::backend()?;
    match super::given(text) {
        Some(text) => Ok(backend.search(&actor, &text).await?),
        None => Ok(Vec::new()),
    }
}
