//! What environments, tiers, services and targets say about judging versions: one row for each that says
//! something.

use chrono::{DateTime, Utc};
use domain::{
    analysis::JudgingSettings,
    ids::{EnvironmentId, ServiceId, TargetId},
};

use sqlx::types::Json;

use crate::{
    Read, StoreError, Tx,
    columns::record,
    connection::{execute, fetch_all},
    statements::statements,
};

/// Who says something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JudgingScope {
    /// An environment.
    Environment(EnvironmentId),
    /// A tier.
    Tier(u8),
    /// A service.
    Service(ServiceId),
    /// A service in one environment.
    Target(TargetId),
}

impl JudgingScope {
    /// The key of its row: `tier:1`.
    pub(crate) fn key(self) -> String {
        match self {
            Self::Environment(id) => format!("environment:{}", id.uuid()),
            Self::Tier(tier) => format!("tier:{tier}"),
            Self::Service(id) => format!("service:{}", id.uuid()),
            Self::Target(id) => format!("target:{}", id.uuid()),
        }
    }
}

record! {
    struct JudgingRow {
        scope: String,
        settings: JudgingSettings,
    }
}

const PUT: &str = "
    INSERT INTO judging (scope, settings, changed_at) VALUES ($1, $2, $3)
    ON CONFLICT (scope) DO UPDATE SET settings = excluded.settings, changed_at = excluded.changed_at";

const DELETE: &str = "DELETE FROM judging WHERE scope = $1";

const OF_SCOPES: &str = "SELECT scope, settings FROM judging WHERE scope IN ($1, $2, $3, $4) ORDER BY scope";

statements!("judging.rs": PUT, DELETE, OF_SCOPES);

impl Tx {
    /// Sets what a scope says, in place of what it said before; saying nothing leaves no row.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn put_judging(
        &mut self,
        scope: JudgingScope,
        settings: &JudgingSettings,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        if *settings == JudgingSettings::default() {
            execute!(self, DELETE, scope.key())?;
        } else {
            execute!(self, PUT, scope.key(), Json(settings), now)?;
        }
        Ok(())
    }
}

impl Read {
    /// What these scopes say, each in its place; a scope that says nothing has the settings that change
    /// nothing.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn judging(&mut self, scopes: [JudgingScope; 4]) -> Result<[JudgingSettings; 4], StoreError> {
        let keys = scopes.map(JudgingScope::key);
        let [first, second, third, fourth] = &keys;
        let rows = fetch_all!(
            self,
            OF_SCOPES => JudgingRow,
            first.as_str(),
            second.as_str(),
            third.as_str(),
            fourth.as_str(),
        )?;
        Ok(keys.map(|key| {
            let found = rows.iter().find(|row| row.scope == key);
            found.map(|row| row.settings.clone()).unwrap_or_default()
        }))
    }
}
