//! API tokens.

use crate::json::Json;
use contract::tokens::TokenView;
use domain::{actor::Role, ids::TokenId};
use leptos::prelude::*;

use crate::error::AppError;

/// All tokens.
#[server(name = LoadTokens, prefix = "/do", endpoint = "tokens", input = Json, output = Json)]
pub async fn tokens() -> Result<Vec<TokenView>, AppError> {
    let (backend, actor) = super::backend()?;
    Ok(backend.tokens(&actor).await?)
}

/// Makes a token; answers its secret, which is never shown again.
#[server(prefix = "/do", endpoint = "make_token")]
pub async fn make_token(#[server(default)] name: String, role: Role, days: u16) -> Result<String, AppError> {
    let (backend, actor) = super::backend()?;
    Ok(backend.make_token(&actor, contract::tokens::TokenInput { name, role, days }).await?)
}

/// Ends a token.
#[server(prefix = "/do", endpoint = "revoke_token")]
pub async fn revoke_token(id: TokenId) -> Result<(), AppError> {
    let (backend, actor) = super::backend()?;
    Ok(backend.revoke_token(&actor, id).await?)
}
