//! API tokens: machine identities for pipelines.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::{
    actor::{Actor, Role},
    ids::TokenId,
};
use serde::{Deserialize, Serialize};

use crate::Answer;

/// A token in Settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenView {
    /// Identity.
    pub id: TokenId,
    /// Name.
    pub name: String,
    /// Role.
    pub role: Role,
    /// Who made it.
    pub owner: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last used.
    pub last_used_at: Option<DateTime<Utc>>,
    /// Until when it works.
    pub expires_at: Option<DateTime<Utc>>,
    /// Whether it was revoked.
    pub is_revoked: bool,
}

/// What is set when a token is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenInput {
    /// Name.
    pub name: String,
    /// Role; at most the maker's own.
    pub role: Role,
    /// Days until it ends, 1 to 730.
    pub days: u16,
}

/// Use cases of tokens.
#[async_trait]
pub trait TokensBackend: Send + Sync {
    /// All tokens, newest first.
    async fn tokens(&self, actor: &Actor) -> Answer<Vec<TokenView>>;
    /// Makes one; answers its secret, which is never shown again.
    async fn make_token(&self, actor: &Actor, input: TokenInput) -> Answer<String>;
    /// Ends one.
    async fn revoke_token(&self, actor: &Actor, id: TokenId) -> Answer<()>;
}
