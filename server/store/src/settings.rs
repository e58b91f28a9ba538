//! Settings by key, and counters that give out numbers without gaps.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use sqlx::types::Json;
use uuid::Uuid;

use crate::{
    Entity, Read, StoreError, Tx,
    connection::{execute, fetch_one, fetch_optional},
    statements::statements,
};

const GET: &str = "SELECT value FROM settings WHERE key = $1";

const PUT: &str = "
    INSERT INTO settings (key, value) VALUES ($1, $2)
    ON CONFLICT (key) DO UPDATE SET value = excluded.value";

const DELETE: &str = "DELETE FROM settings WHERE key = $1";

const NEXT: &str = "
    INSERT INTO counters (name, value) VALUES ($1, 1)
    ON CONFLICT (name) DO UPDATE SET value = counters.value + 1
    RETURNING value";

statements!("settings.rs": GET, PUT, DELETE, NEXT);

impl Tx {
    /// Sets a setting.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn put_setting<T: Serialize + Sync>(&mut self, key: &str, value: &T) -> Result<(), StoreError> {
        let value = serde_json::to_value(value).map_err(StoreError::internal)?;
        execute!(self, PUT, key, Json(&value))?;
        self.signal(Entity::Settings, Uuid::nil(), 0);
        Ok(())
    }

    /// Removes a setting. Tells whether it was there.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn delete_setting(&mut self, key: &str) -> Result<bool, StoreError> {
        let written = execute!(self, DELETE, key)?;
        self.signal(Entity::Settings, Uuid::nil(), 0);
        Ok(written == 1)
    }

    /// The next number of a counter, from 1: `promotion`, `incident`. No number is lost when the
    /// transaction is undone; until it ends, others wait.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn next(&mut self, counter: &str) -> Result<i64, StoreError> {
        Ok(fetch_one!(self, NEXT => (i64,), counter)?.0)
    }
}

impl Read {
    /// A setting; `None` when it was never set.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when what is stored is not a `T`.
    pub async fn setting<T: DeserializeOwned>(&mut self, key: &str) -> Result<Option<T>, StoreError> {
        let Some((value,)) = fetch_optional!(self, GET => (Json<Value>,), key)? else {
            return Ok(None);
        };
        serde_json::from_value(value.0).map(Some).map_err(|error| StoreError::corrupt("setting", error))
    }
}
