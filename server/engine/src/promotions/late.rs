//! What comes after a breach that is found while a version is only watched: where its plan says so, a
//! rollback to what worked before is asked for in the name of the rule. Every pass asks again while the
//! breach stands, which finds the rollback that is there; so a crash in between loses nothing.

use contract::{Answer, ErrorKind, promotions::RequestRollback};
use domain::{
    actor::{Actor, Role},
    promotion::Promotion,
};

use crate::{Engine, compare, error::OrFail};

impl Engine {
    /// Starts the rollback that a promotion wants, if it wants one and nothing speaks against it.
    pub(super) async fn roll_back_late(&self, promotion: &Promotion) -> Answer<()> {
        let Some((rule, why)) = promotion.wants_rollback() else { return Ok(()) };
        let mut read = self.store().read().await.or_fail(self)?;
        let names = super::names::of(&mut read, promotion).await.or_fail(self)?;
        let asked = self.asked(&mut read, &names.service, &names.environment).await?;
        let Some(version) = read.version(promotion.plan.version).await.or_fail(self)? else { return Ok(()) };
        let to = match self.rollback_version(&mut read, &asked, None).await {
            Ok(to) => to,
            // Nothing worked before: the proposal stands, and a person decides.
            Err(error) if error.kind == ErrorKind::Conflict => return Ok(()),
            Err(error) => return Err(error),
        };
        let between = compare::between(self, &mut read, &asked.service, Some(&version), &to).await?;
        // Across an irreversible migration a person is asked first.
        if !between.migrations.is_empty() {
            return Ok(());
        }
        drop(read);
        let actor = Actor { identity: rule, role: Role::ReleaseManager, from: None };
        let request = RequestRollback {
            service: names.service.to_string(),
            environment: names.environment.to_string(),
            version: Some(to.label.to_string()),
            whole_templates: false,
            reason: format!("promotion {} is watched: {why}", promotion.number),
        };
        match self.request_rollback(&actor, request).await {
            Ok(number) => tracing::info!(promotion.number, rollback.number = number, "a late breach starts a rollback"),
            // What was asked is right and yet refused: the proposal stands, and a person decides.
            Err(error) if matches!(error.kind, ErrorKind::Conflict | ErrorKind::Refused) => {
                tracing::warn!(promotion.number, error.message = %error, "a late breach starts no rollback");
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }
}
