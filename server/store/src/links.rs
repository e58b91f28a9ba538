//! Links that work once: the first administrator, signing in, invitations. Only the hash of the
//! secret is stored.

use chrono::{DateTime, Utc};
use domain::ids::PersonId;

use crate::{
    StoreError, Tx,
    columns::{BoxError, Stored, record},
    connection::{execute, fetch_optional},
    statements::statements,
};

/// What a link is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkPurpose {
    /// Makes the first administrator.
    FirstAdministrator,
    /// Signs a person in.
    SignIn,
    /// Has a person set their password.
    SetPassword,
}

impl LinkPurpose {
    const ALL: [Self; 3] = [Self::FirstAdministrator, Self::SignIn, Self::SetPassword];

    /// The word for columns.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FirstAdministrator => "first_administrator",
            Self::SignIn => "sign_in",
            Self::SetPassword => "set_password",
        }
    }
}

impl Stored for LinkPurpose {
    type Raw = String;

    fn from_raw(raw: String) -> Result<Self, BoxError> {
        let found = Self::ALL.into_iter().find(|purpose| purpose.as_str() == raw);
        found.ok_or_else(|| format!("unknown purpose of a link '{raw}'").into())
    }
}

record! {
    /// A link that works once.
    pub struct OneTimeLink {
        /// The SHA-256 of the secret, 32 bytes.
        pub token_hash: Vec<u8>,
        /// What it is for.
        pub purpose: LinkPurpose,
        /// Whom it is for; `None` for the first administrator.
        pub person_id: Option<PersonId>,
        /// When it was made.
        pub created_at: DateTime<Utc>,
        /// When it ends.
        pub expires_at: DateTime<Utc>,
    }
}

const INSERT: &str = "
    INSERT INTO one_time_links (token_hash, purpose, person_id, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)";

const CONSUME: &str = "
    UPDATE one_time_links SET used_at = $3 WHERE token_hash = $1 AND purpose = $2 AND used_at IS NULL AND expires_at > $3
    RETURNING token_hash, purpose, person_id, created_at, expires_at";

const PEEK: &str = "
    SELECT token_hash, purpose, person_id, created_at, expires_at FROM one_time_links
    WHERE token_hash = $1 AND used_at IS NULL AND expires_at > $2";

const REVOKE: &str = "DELETE FROM one_time_links WHERE purpose = $1 AND used_at IS NULL";

const REVOKE_OF: &str = "DELETE FROM one_time_links WHERE person_id = $1 AND used_at IS NULL";

const DELETE_EXPIRED: &str = "DELETE FROM one_time_links WHERE expires_at <= $1";

statements!("links.rs": INSERT, CONSUME, PEEK, REVOKE, REVOKE_OF, DELETE_EXPIRED);

impl Tx {
    /// Adds a link.
    ///
    /// # Errors
    /// [`StoreError::ForeignKey`] for an unknown person.
    pub async fn insert_link(&mut self, link: &OneTimeLink) -> Result<(), StoreError> {
        let (hash, person) = (link.token_hash.as_slice(), link.person_id.map(PersonId::uuid));
        execute!(self, INSERT, hash, link.purpose.as_str(), person, link.created_at, link.expires_at).map(drop)
    }

    /// Uses a link up. Of two who try at the same time one gets it; `None` for an unknown, used or
    /// expired one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn consume_link(
        &mut self,
        token_hash: &[u8],
        purpose: LinkPurpose,
        now: DateTime<Utc>,
    ) -> Result<Option<OneTimeLink>, StoreError> {
        fetch_optional!(self, CONSUME => OneTimeLink, token_hash, purpose.as_str(), now)
    }

    /// Forgets the unused links of a purpose; gives how many.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn revoke_links(&mut self, purpose: LinkPurpose) -> Result<u64, StoreError> {
        execute!(self, REVOKE, purpose.as_str())
    }

    /// Forgets the unused links of a person; gives how many.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn revoke_links_of(&mut self, person: PersonId) -> Result<u64, StoreError> {
        execute!(self, REVOKE_OF, person.uuid())
    }

    /// Forgets links that ended at `now` or before; gives how many.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn delete_expired_links(&mut self, now: DateTime<Utc>) -> Result<u64, StoreError> {
        execute!(self, DELETE_EXPIRED, now)
    }
}

impl crate::Read {
    /// A link that can still be used, without using it up: mail readers open links to look at them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn link(&mut self, token_hash: &[u8], now: DateTime<Utc>) -> Result<Option<OneTimeLink>, StoreError> {
        fetch_optional!(self, PEEK => OneTimeLink, token_hash, now)
    }
}
