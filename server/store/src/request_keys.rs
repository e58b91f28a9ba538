//! The keys of requests: who asks again with the same one is answered with the promotion that it led to, however that
//! has ended. Several requests may have led to one promotion.

use domain::ids::PromotionId;
use uuid::Uuid;

use crate::{
    LoadedPromotion, Read, StoreError, Tx,
    connection::{execute, fetch_optional},
    statements::statements,
};

const SET: &str = "
    INSERT INTO request_keys (promotion_id, key)
    SELECT $1, $2 WHERE NOT EXISTS (SELECT 1 FROM request_keys WHERE promotion_id = $1 AND key = $2)";

const BY_KEY: &str = "SELECT promotion_id FROM request_keys WHERE key = $1";

statements!("request_keys.rs": SET, BY_KEY);

impl Tx {
    /// Gives a promotion the key of a request that led to it, beside those that it has.
    ///
    /// # Errors
    /// [`StoreError::Unique`] with [`crate::Unique::RequestKey`] when another one has it.
    pub async fn set_request_key(&mut self, id: PromotionId, key: &str) -> Result<(), StoreError> {
        execute!(self, SET, id.uuid(), key).map(drop)
    }
}

impl Read {
    /// The promotion to which the request with this key led.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when its state cannot be read.
    pub async fn promotion_by_key(&mut self, key: &str) -> Result<Option<LoadedPromotion>, StoreError> {
        let found: Option<(Uuid,)> = fetch_optional!(self, BY_KEY => (Uuid,), key)?;
        match found {
            Some((id,)) => self.promotion(PromotionId::new(id)).await,
            None => Ok(None),
        }
    }
}
