//! Consent that Slipway may write what a plain Helm release made. Without one such a promotion is refused: the
//! next `helm upgrade` undoes it. It is a person's, recorded per target, and can be taken back; the plan of a
//! promotion has it, so that approvals bind to it too.

use async_trait::async_trait;
use contract::{
    Answer, ApiError,
    helm::{HelmBackend, HelmConsentView, HelmOwnership},
};
use domain::{
    actor::{Act, Actor},
    ids::TargetId,
    observation::{Manager, PlacedWorkload},
};
use store::{Entity, HelmConsent, Read, StoreError, Tx};

use crate::{
    Engine, audit, edge,
    error::OrFail,
    promotions::{beforehand, request::Asked},
};

/// The consent for a target, for reading.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn view(read: &mut Read, target: TargetId) -> Result<Option<HelmConsentView>, StoreError> {
    let found = read.helm_consent(target).await?;
    let shown =
        |found: HelmConsent| HelmConsentView { by: found.given_by.shown(), at: found.given_at, reason: found.reason };
    Ok(found.map(shown))
}

fn label(asked: &Asked) -> String {
    format!("{} in {}", asked.service.name, asked.environment.title)
}

impl Engine {
    async fn keep_consent(
        &self,
        mut tx: Tx,
        actor: &Actor,
        asked: &Asked,
        (act, sentence): (&'static str, String),
        reason: Option<String>,
    ) -> Answer<()> {
        tx.signal(Entity::Service, asked.service.id.uuid(), 0);
        tx.wake_open(asked.target.id, self.now()).await.or_fail(self)?;
        let mut entry = audit::Entry::done(act, "target", &label(asked), sentence);
        entry.id = Some(asked.target.id.uuid());
        entry.reason = reason;
        audit::record(&mut tx, self, actor, entry).await.or_fail(self)?;
        tx.commit().await.or_fail(self)
    }
}

#[async_trait]
impl HelmBackend for Engine {
    async fn helm_ownership(&self, actor: &Actor, service: &str, environment: &str) -> Answer<HelmOwnership> {
        actor.may(Act::Read)?;
        let mut read = self.store().read().await.or_fail(self)?;
        let asked = self.asked(&mut read, service, environment).await?;
        // No transaction is open while clusters are asked.
        drop(read);
        let deployments = asked.target.workloads.iter().filter(|one| one.workload.kind.is_deployment());
        let placed: Vec<_> =
            deployments.map(|one| PlacedWorkload { cluster: one.cluster, workload: one.workload.clone() }).collect();
        let seen = beforehand::present(self, placed.iter()).await;
        let release = seen.iter().find_map(|(_, seen)| match &seen.manager {
            Some(manager @ Manager::Helm { .. }) => Some(manager.words()),
            Some(_) | None => None,
        });
        Ok(match release {
            Some(release) => HelmOwnership::ByRelease { release },
            None if seen.len() == placed.len() => HelmOwnership::NotByHelm,
            None => HelmOwnership::Unknown,
        })
    }

    async fn give_helm_consent(&self, actor: &Actor, service: &str, environment: &str, reason: String) -> Answer<()> {
        actor.may(Act::ManageServices)?;
        if actor.identity.person().is_none() {
            return Err(ApiError::refused("a machine cannot consent to this; a person must"));
        }
        let reason = edge::reason(&reason)?;
        let mut tx = self.store().begin().await.or_fail(self)?;
        let asked = self.asked(&mut tx, service, environment).await?;
        let consent = HelmConsent {
            target_id: asked.target.id,
            given_by: actor.identity.clone(),
            given_at: self.now(),
            reason: reason.clone(),
        };
        tx.put_helm_consent(&consent).await.or_fail(self)?;
        let sentence = format!("lets Slipway write what a plain Helm release made for {}", label(&asked));
        self.keep_consent(tx, actor, &asked, ("target.helm_consent", sentence), Some(reason)).await
    }

    async fn take_back_helm_consent(&self, actor: &Actor, service: &str, environment: &str) -> Answer<()> {
        actor.may(Act::ManageServices)?;
        let mut tx = self.store().begin().await.or_fail(self)?;
        let asked = self.asked(&mut tx, service, environment).await?;
        if !tx.delete_helm_consent(asked.target.id).await.or_fail(self)? {
            return Err(ApiError::not_found("consent for", &label(&asked)));
        }
        let sentence =
            format!("does not let Slipway write what a plain Helm release made for {} any more", label(&asked));
        self.keep_consent(tx, actor, &asked, ("target.helm_consent_back", sentence), None).await
    }
}
