//! The Board.

use crate::json::Json;
use contract::board::{BoardQuery, BoardView};
use leptos::prelude::*;

use crate::error::AppError;

/// The Board as asked for.
#[server(name = LoadBoard, prefix = "/do", endpoint = "board", input = Json, output = Json)]
pub async fn board(query: BoardQuery) -> Result<BoardView, AppError> {
    let (backend, actor) = super::backend()?;
    Ok(backend.board(&actor, query).await?)
}
