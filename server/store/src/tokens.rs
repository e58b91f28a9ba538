//! API tokens: machine identities. Only the hash of the secret is stored.

use chrono::{DateTime, Utc};
use domain::{
    actor::Role,
    ids::{PersonId, TokenId},
};

use crate::{
    Read, StoreError, Tx,
    columns::record,
    connection::{execute, fetch_all, fetch_optional},
    statements::statements,
};

record! {
    /// An API token.
    pub struct Token {
        /// Identity.
        pub id: TokenId,
        /// Its name.
        pub name: String,
        /// The SHA-256 of the secret, 32 bytes.
        pub secret_hash: Vec<u8>,
        /// What it is trusted with.
        pub role: Role,
        /// Who made it.
        pub owner_id: PersonId,
        /// When it was made.
        pub created_at: DateTime<Utc>,
        /// When it was used last, to the nearest minutes.
        pub last_used_at: Option<DateTime<Utc>>,
        /// When it ends; `None` for never.
        pub expires_at: Option<DateTime<Utc>>,
        /// When it was revoked.
        pub revoked_at: Option<DateTime<Utc>>,
    }
}

macro_rules! columns {
    () => {
        "id, name, secret_hash, role, owner_id, created_at, last_used_at, expires_at, revoked_at"
    };
}

const INSERT: &str = concat!("INSERT INTO tokens (", columns!(), ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)");

const BY_ID: &str = concat!("SELECT ", columns!(), " FROM tokens WHERE id = $1");

const USABLE: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM tokens WHERE secret_hash = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)"
);

const LIST: &str = concat!("SELECT ", columns!(), " FROM tokens ORDER BY name, id");

const USED: &str = "
    UPDATE tokens SET last_used_at = $2 WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < $3)";

const REVOKE: &str = "UPDATE tokens SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL";

statements!("tokens.rs": INSERT, BY_ID, USABLE, LIST, USED, REVOKE);

impl Tx {
    /// Adds a token.
    ///
    /// # Errors
    /// [`StoreError::ForeignKey`] for an unknown owner.
    pub async fn insert_token(&mut self, token: &Token) -> Result<(), StoreError> {
        execute!(
            self,
            INSERT,
            token.id.uuid(),
            token.name.as_str(),
            token.secret_hash.as_slice(),
            token.role.as_str(),
            token.owner_id.uuid(),
            token.created_at,
            token.last_used_at,
            token.expires_at,
            token.revoked_at,
        )
        .map(drop)
    }

    /// Notes that a token was used, unless it was used at `not_after` or later: a request must not
    /// cost a write each time.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn token_used(
        &mut self,
        id: TokenId,
        now: DateTime<Utc>,
        not_after: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        execute!(self, USED, id.uuid(), now, not_after).map(drop)
    }

    /// Revokes a token. Tells whether it was usable until now.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn revoke_token(&mut self, id: TokenId, now: DateTime<Utc>) -> Result<bool, StoreError> {
        Ok(execute!(self, REVOKE, id.uuid(), now)? == 1)
    }
}

impl Read {
    /// The token with this identity.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn token(&mut self, id: TokenId) -> Result<Option<Token>, StoreError> {
        fetch_optional!(self, BY_ID => Token, id.uuid())
    }

    /// The token with this secret, unless it is revoked or has ended.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn usable_token(&mut self, secret_hash: &[u8], now: DateTime<Utc>) -> Result<Option<Token>, StoreError> {
        fetch_optional!(self, USABLE => Token, secret_hash, now)
    }

    /// All tokens by name, revoked ones too.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tokens(&mut self) -> Result<Vec<Token>, StoreError> {
        fetch_all!(self, LIST => Token)
    }
}
