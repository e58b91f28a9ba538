//! Who has said that Slipway may write what a plain Helm release made, by target.

use chrono::{DateTime, Utc};
use domain::{actor::Identity, ids::TargetId};
use sqlx::types::Json;

use crate::{
    Read, StoreError, Tx,
    columns::record,
    connection::{execute, fetch_optional},
    statements::statements,
};

record! {
    /// A consent.
    pub struct HelmConsent {
        /// For which target.
        pub target_id: TargetId,
        /// Who gave it.
        pub given_by: Identity,
        /// When.
        pub given_at: DateTime<Utc>,
        /// Why.
        pub reason: String,
    }
}

const PUT: &str = "
    INSERT INTO helm_consents (target_id, given_by, given_at, reason) VALUES ($1, $2, $3, $4)
    ON CONFLICT (target_id) DO UPDATE SET given_by = excluded.given_by, given_at = excluded.given_at,
        reason = excluded.reason";

const DELETE: &str = "DELETE FROM helm_consents WHERE target_id = $1";

const OF_TARGET: &str = "SELECT target_id, given_by, given_at, reason FROM helm_consents WHERE target_id = $1";

statements!("helm_consents.rs": PUT, DELETE, OF_TARGET);

impl Tx {
    /// Records a consent, in place of the one before.
    ///
    /// # Errors
    /// [`StoreError::ForeignKey`] when there is no such target.
    pub async fn put_helm_consent(&mut self, consent: &HelmConsent) -> Result<(), StoreError> {
        let given_by = Json(&consent.given_by);
        execute!(self, PUT, consent.target_id.uuid(), given_by, consent.given_at, consent.reason.as_str())?;
        Ok(())
    }

    /// Takes a consent back. Tells whether there was one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn delete_helm_consent(&mut self, target: TargetId) -> Result<bool, StoreError> {
        Ok(execute!(self, DELETE, target.uuid())? == 1)
    }
}

impl Read {
    /// The consent for a target.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn helm_consent(&mut self, target: TargetId) -> Result<Option<HelmConsent>, StoreError> {
        fetch_optional!(self, OF_TARGET => HelmConsent, target.uuid())
    }
}
