//! Holding what is read, changed and written back as a whole, so that of two changes at once the second
//! starts from the first. It is held before it is read, until the end of the transaction, also while it has
//! no row yet. A target and a service have a row of their own to hold: [`Tx::hold_target`],
//! [`Tx::lock_service`].

use domain::analysis::JudgingSettings;

use crate::{JudgingScope, StoreError, Tx, connection::execute};

/// What is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// Clusters, what lets Slipway in, and their metric sources.
    Clusters,
    /// Environments: their order, and which of them ask for which.
    Environments,
    /// What a scope says about judging versions.
    Judging(JudgingScope),
    /// People: one of them stays administrator.
    People,
    /// The value of a setting, by its key.
    Setting(&'static str),
}

impl Held {
    /// The name by which the database knows it: `judging:tier:1`.
    fn key(self) -> String {
        match self {
            Self::Clusters => "clusters".to_owned(),
            Self::Environments => "environments".to_owned(),
            Self::Judging(scope) => format!("judging:{}", scope.key()),
            Self::People => "people".to_owned(),
            Self::Setting(key) => format!("setting:{key}"),
        }
    }
}

impl Tx {
    /// Holds it until the end of the transaction; who holds it already is waited for. A transaction holds
    /// one of these, so that none waits for another in a circle.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn hold(&mut self, what: Held) -> Result<(), StoreError> {
        let text = self.dialect().hold();
        execute!(self, text, what.key())?;
        Ok(())
    }

    /// What a scope says about judging versions, held until the end of the transaction to be changed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn judging_to_change(&mut self, scope: JudgingScope) -> Result<JudgingSettings, StoreError> {
        self.hold(Held::Judging(scope)).await?;
        let [settings, ..] = self.judging([scope; 4]).await?;
        Ok(settings)
    }
}
