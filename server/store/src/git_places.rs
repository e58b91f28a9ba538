//! Where the versions of targets live in Git repositories, and what lets Slipway in, sealed by the caller.

use chrono::{DateTime, Utc};
use domain::{git::GitPlace, ids::TargetId};
use sqlx::types::Json;

use crate::{
    Read, StoreError, Tx,
    columns::record,
    connection::{execute, fetch_optional},
    statements::statements,
};

record! {
    /// The Git place of a target.
    pub struct TargetGit {
        /// Whose version lives there.
        pub target_id: TargetId,
        /// Where.
        pub place: GitPlace,
        /// The user whose password the token is; `None` with a deploy key, or where everybody is let in.
        pub user_name: Option<String>,
        /// The keys by which an ssh host is believed.
        pub known_hosts: Option<String>,
        /// The token or the deploy key, as the engine sealed it; `None` where everybody is let in.
        pub sealed_secret: Option<Vec<u8>>,
        /// When it was set.
        pub changed_at: DateTime<Utc>,
    }
}

const PUT: &str = "
    INSERT INTO git_places (target_id, place, user_name, known_hosts, sealed_secret, changed_at)
    VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (target_id) DO UPDATE SET place = excluded.place, user_name = excluded.user_name,
        known_hosts = excluded.known_hosts, sealed_secret = excluded.sealed_secret, changed_at = excluded.changed_at";

const DELETE: &str = "DELETE FROM git_places WHERE target_id = $1";

const OF_TARGET: &str = "
    SELECT target_id, place, user_name, known_hosts, sealed_secret, changed_at FROM git_places WHERE target_id = $1";

statements!("git_places.rs": PUT, DELETE, OF_TARGET);

impl Tx {
    /// Sets the Git place of a target, in place of the one before.
    ///
    /// # Errors
    /// [`StoreError::ForeignKey`] when there is no such target.
    pub async fn put_git_place(&mut self, git: &TargetGit) -> Result<(), StoreError> {
        execute!(
            self,
            PUT,
            git.target_id.uuid(),
            Json(&git.place),
            git.user_name.as_deref(),
            git.known_hosts.as_deref(),
            git.sealed_secret.as_deref(),
            git.changed_at,
        )?;
        Ok(())
    }

    /// Forgets the Git place of a target. Tells whether there was one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn delete_git_place(&mut self, target: TargetId) -> Result<bool, StoreError> {
        Ok(execute!(self, DELETE, target.uuid())? == 1)
    }
}

impl Read {
    /// The Git place of a target.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn git_place(&mut self, target: TargetId) -> Result<Option<TargetGit>, StoreError> {
        fetch_optional!(self, OF_TARGET => TargetGit, target.uuid())
    }
}
