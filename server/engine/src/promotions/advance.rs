//! The one writer: loads a promotion, decides, saves what was decided together with its journal,
//! outbox, deployment and audit, and signals. Pages, API and reconciler all go through here. A lost
//! race loads and decides again.

use contract::{Answer, ApiError};
use domain::{
    actor::Actor,
    ids::PromotionId,
    promotion::{Decision, Effect, Input, Promotion, Refusal, decide},
};
use store::{StoreError, Tx, Unique};

use super::{by_rule, facts};
use crate::{Engine, audit, error::OrFail};

/// How often a lost race is decided again before the caller is told. Each loss means that someone
/// else got on, so this many in a row do not happen with people.
pub(super) const TRIES: usize = 20;

/// A person's or token's act that goes into the audit together with what it decides.
#[derive(Clone)]
pub(crate) struct Deed<'a> {
    /// Who.
    pub(crate) actor: &'a Actor,
    /// `promotion.approve`, …
    pub(crate) act: &'static str,
    /// `approved`, …
    pub(crate) verb: &'a str,
    /// Why, when it was said.
    pub(crate) reason: Option<String>,
}

/// A report of an outside deployer, to be kept with what it does.
#[derive(Clone, Copy)]
pub(super) struct KeptReport<'a> {
    /// The identity that the deployer gave it.
    pub(super) key: &'a str,
    /// What it says.
    pub(super) content: &'a serde_json::Value,
}

enum Failed {
    Refused(Refusal),
    Store(StoreError),
    Gone,
    KnownReport,
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Engine {
    /// Gives an input to a promotion; answers it as it is then.
    ///
    /// # Errors
    /// The rule that refused, or the store's trouble; the promotion stays as it was.
    pub(crate) async fn advance(&self, id: PromotionId, input: Input, deed: Option<Deed<'_>>) -> Answer<Promotion> {
        self.advance_keeping(id, &input, deed, None).await
    }

    /// The same with a report, which is kept in the transaction that takes it in.
    ///
    /// # Errors
    /// As [`Self::advance`]; conflict too when the report is kept already.
    pub(super) async fn advance_reported(
        &self,
        id: PromotionId,
        input: Input,
        deed: Option<Deed<'_>>,
        report: KeptReport<'_>,
    ) -> Answer<Promotion> {
        self.advance_keeping(id, &input, deed, Some(report)).await
    }

    async fn advance_keeping(
        &self,
        id: PromotionId,
        input: &Input,
        deed: Option<Deed<'_>>,
        report: Option<KeptReport<'_>>,
    ) -> Answer<Promotion> {
        for _ in 0..TRIES {
            match self.try_to_advance(id, input, deed.as_ref(), report).await {
                Ok(advanced) => return Ok(advanced),
                Err(Failed::Store(error)) if is_lost_race(&error) => {}
                Err(Failed::Store(error)) => return Err(self.store_failed(error)),
                Err(Failed::KnownReport) => return Err(ApiError::conflict("this report was taken before")),
                Err(Failed::Gone) => return Err(ApiError::not_found("promotion", &id.to_string())),
                Err(Failed::Refused(refusal)) => {
                    if let Some(deed) = &deed {
                        self.audit_refusal(id, deed, &refusal).await.or_fail(self)?;
                    }
                    return Err(refusal.into());
                }
            }
        }
        Err(too_busy())
    }

    async fn try_to_advance(
        &self,
        id: PromotionId,
        input: &Input,
        deed: Option<&Deed<'_>>,
        report: Option<KeptReport<'_>>,
    ) -> Result<Promotion, Failed> {
        let mut tx = self.store().begin().await?;
        let Some(stored) = tx.load_promotion(id).await? else {
            return Err(Failed::Gone);
        };
        let asking = match input {
            Input::Approve { by, .. } => by.person(),
            _ => None,
        };
        let facts = facts::load(&mut tx, &stored.promotion, asking).await?;
        let decision = decide(&stored.promotion, &facts, input.clone(), self.now()).map_err(Failed::Refused)?;
        if let Some(report) = report
            && !tx.insert_report(id, report.key, self.now(), report.content).await?
        {
            return Err(Failed::KnownReport);
        }
        let is_new = decision.next != stored.promotion || !decision.journal.is_empty() || !decision.outbox.is_empty();
        if !is_new && deed.is_none() && report.is_none() {
            tx.postpone_promotion(id, stored.revision, decision.wake_at).await?;
            tx.commit().await?;
            return Ok(stored.promotion);
        }
        // What rules do because of it stands after it in the audit.
        if let Some(deed) = deed {
            let sentence = sentence(&mut tx, &decision.next, deed.verb).await?;
            let entry = audit::Entry {
                act: deed.act,
                kind: "promotion",
                id: Some(id.uuid()),
                label: format!("promotion {}", decision.next.number),
                sentence,
                reason: deed.reason.clone(),
                is_done: true,
            };
            audit::record(&mut tx, self, deed.actor, entry).await?;
        }
        save(&mut tx, &stored.promotion, stored.revision, &decision, self).await?;
        tx.commit().await?;
        Ok(decision.next)
    }

    /// A refused act leaves its row too, in a transaction of its own.
    pub(crate) async fn audit_refusal(
        &self,
        id: PromotionId,
        deed: &Deed<'_>,
        refusal: &Refusal,
    ) -> Result<(), StoreError> {
        let mut tx = self.store().begin().await?;
        let Some(stored) = tx.promotion(id).await? else { return Ok(()) };
        let tried = sentence(&mut tx, &stored.promotion, deed.verb).await?;
        let entry = audit::Entry {
            act: deed.act,
            kind: "promotion",
            id: Some(id.uuid()),
            label: format!("promotion {}", stored.promotion.number),
            sentence: format!("was refused: {tried} ({refusal})"),
            reason: deed.reason.clone(),
            is_done: false,
        };
        audit::record(&mut tx, self, deed.actor, entry).await?;
        tx.commit().await
    }
}

/// Whether an error only says that someone else was first.
pub(super) const fn is_lost_race(error: &StoreError) -> bool {
    matches!(error, StoreError::Conflict | StoreError::Unique { what: Unique::Occupancy | Unique::RequestKey })
}

/// What somebody hears who lost every race.
pub(super) fn too_busy() -> ApiError {
    ApiError::unavailable("too many changes at the same time; try again in a moment")
}

/// Saves a decision in the transaction that made it, with what it does to other promotions.
///
/// # Errors
/// [`StoreError::Conflict`] when someone else was first.
pub(crate) async fn save(
    tx: &mut Tx,
    before: &Promotion,
    revision: i64,
    decision: &Decision,
    engine: &Engine,
) -> Result<(), StoreError> {
    save_one(tx, before, revision, decision, engine).await?;
    if decision.supersedes {
        supersede_others(tx, &decision.next, engine).await?;
    }
    Ok(())
}

/// Ends what else is open for the target, in the name of who asked for this one.
async fn supersede_others(tx: &mut Tx, newer: &Promotion, engine: &Engine) -> Result<(), StoreError> {
    for other in tx.open_promotions(newer.target).await? {
        if !newer.may_supersede(&other.promotion) {
            continue;
        }
        let known = facts::load(tx, &other.promotion, None).await?;
        let input = Input::Supersede { by: newer.number, who: newer.requested_by.clone() };
        let Ok(decision) = decide(&other.promotion, &known, input, engine.now()) else { continue };
        if decision.next == other.promotion {
            continue;
        }
        save_one(tx, &other.promotion, other.revision, &decision, engine).await?;
        let tried = sentence(tx, &other.promotion, "superseded").await?;
        let mut entry = audit::Entry::done(
            "promotion.supersede",
            "promotion",
            &format!("promotion {}", other.promotion.number),
            format!("{tried} by promotion {}", newer.number),
        );
        entry.id = Some(other.promotion.id.uuid());
        entry.reason = Some(newer.reason.clone());
        audit::record_of(tx, engine, &newer.requested_by, entry).await?;
    }
    Ok(())
}

async fn save_one(
    tx: &mut Tx,
    before: &Promotion,
    revision: i64,
    decision: &Decision,
    engine: &Engine,
) -> Result<(), StoreError> {
    let next = &decision.next;
    let now = engine.now();
    let revision = tx.save_promotion(next, revision, decision.wake_at).await?;
    tx.append_journal(next.id, &decision.journal).await?;
    by_rule::record(tx, next, &decision.journal, engine).await?;
    tx.insert_samples(next.id, &decision.samples).await?;
    let is_told = |effect: &Effect| matches!(effect, Effect::TellMessenger | Effect::Announce { .. });
    let told: Vec<_> = decision.outbox.iter().copied().filter(is_told).collect();
    tx.insert_effects(next.id, revision, &told, now).await?;
    super::outside::write_calls(tx, next, &decision.outbox, engine).await?;
    if let Some(deployment) = super::deployment::of(next) {
        tx.put_deployment(&deployment).await?;
    }
    if before.occupies() && !next.occupies() {
        // Who waits behind this one is woken at once; the period is only the fallback.
        tx.wake_open(next.target, now).await?;
    }
    if !before.occupies() && next.occupies() {
        // A new start ends the watch of the one before.
        tx.wake_open(next.target, now).await?;
    }
    Ok(())
}

/// `approved promotion 1042 (cart 2.30.4 to production)`.
pub(crate) async fn sentence(tx: &mut Tx, promotion: &Promotion, verb: &str) -> Result<String, StoreError> {
    Ok(format!("{verb} {}", named(tx, promotion).await?))
}

/// `promotion 1042 (cart 2.30.4 to production)`.
pub(super) async fn named(tx: &mut Tx, promotion: &Promotion) -> Result<String, StoreError> {
    let names = super::names::of(tx, promotion).await?;
    let (number, environment) = (promotion.number, names.environment_title);
    Ok(format!("promotion {number} ({} {} to {environment})", names.service, names.version))
}

/// A person's or token's deed.
pub(crate) fn deed<'a>(actor: &'a Actor, act: &'static str, verb: &'a str, reason: Option<&str>) -> Deed<'a> {
    Deed { actor, act, verb, reason: reason.map(str::to_owned) }
}
