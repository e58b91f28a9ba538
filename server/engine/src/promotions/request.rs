//! Asking for a promotion and rolling back: the promotion is made and judged in one transaction,
//! together with what it supersedes.

use contract::{
    Answer, ApiError,
    promotions::{RequestPromotion, RequestRollback},
};
use domain::{
    actor::{Act, Actor},
    deployment::Cause,
    ids::{PromotionId, VersionId},
    promotion::{
        Input, JournalEntry, JournalEvent, Phase, Plan, Promotion, PromotionAct, Supersedes, WholeTemplate, decide,
    },
    version::VersionLabel,
};
use store::{Environment, Read, Service, StoreError, SucceededBefore, Target, Tx, Version};

use super::{advance, beforehand, facts, plan};
use crate::{Engine, audit, edge, error::OrFail, judging};

/// What a request is about, looked up.
pub(crate) struct Asked {
    pub(crate) service: Service,
    pub(crate) environment: Environment,
    pub(crate) target: Target,
}

/// A promotion as asked for, before it has a number.
struct Draft<'a> {
    actor: &'a Actor,
    asked: &'a Asked,
    version: &'a Version,
    cause: Cause,
    reason: String,
    supersedes: Supersedes,
    key: Option<String>,
    /// Whether pod templates come back whole.
    is_whole: bool,
}

/// What a rollback means.
pub(crate) enum WayBack {
    /// A promotion of its own to this version.
    Rollback(Version),
    /// The abort of what is tried beside what serves.
    Abort {
        /// What is tried.
        live: Box<Promotion>,
        /// What serves, and stays.
        runs: Version,
    },
}

/// What came of putting a request into the database.
enum Put {
    /// The promotion has this number.
    Done(i64),
    /// Someone else was first somewhere; look again.
    LostRace,
}

impl Engine {
    /// Looks up service, environment and target by name.
    ///
    /// # Errors
    /// Not found, with the name; a service without a target there is refused with what to do.
    pub(crate) async fn asked(&self, read: &mut Read, service: &str, environment: &str) -> Answer<Asked> {
        let service = self.service_named(read, service).await?;
        let environment = self.environment_named(read, environment).await?;
        let target = read.target_of(service.id, environment.id).await.or_fail(self)?;
        let target = target.ok_or_else(|| {
            let message =
                format!("{} has no target in {}; set its workloads there first", service.name, environment.title);
            ApiError::conflict(message)
        })?;
        Ok(Asked { service, environment, target })
    }

    /// Looks up a version of a service by its label.
    ///
    /// # Errors
    /// Not found, with the label.
    pub(crate) async fn version_of(&self, read: &mut Read, service: &Service, label: &str) -> Answer<Version> {
        let label = VersionLabel::parse(label).map_err(|e| ApiError::invalid("version", e.to_string()))?;
        let found = read.version_by_label(service.id, &label).await.or_fail(self)?;
        found.ok_or_else(|| ApiError::not_found("version", &format!("{label} of {}", service.name)))
    }

    pub(crate) async fn request(&self, actor: &Actor, request: RequestPromotion) -> Answer<i64> {
        actor.may(Act::RequestPromotion)?;
        let reason = edge::reason(&request.reason)?;
        let key = request.key.as_deref().map(|key| edge::some_line("key", key, edge::NAME_AT_MOST)).transpose()?;
        for _ in 0..advance::TRIES {
            if let Put::Done(number) = self.try_request(actor, &request, &reason, key.as_deref()).await? {
                return Ok(number);
            }
        }
        Err(advance::too_busy())
    }

    async fn try_request(
        &self,
        actor: &Actor,
        request: &RequestPromotion,
        reason: &str,
        key: Option<&str>,
    ) -> Answer<Put> {
        let mut tx = self.store().begin().await.or_fail(self)?;
        let asked = self.asked(&mut tx, &request.service, &request.environment).await?;
        tx.hold_target(asked.target.id).await.or_fail(self)?;
        let version = self.version_of(&mut tx, &asked.service, &request.version).await?;
        let cause = if version.flags.is_hotfix { Cause::Hotfix } else { Cause::Planned };
        if let Some(known) = self.asked_already(&mut tx, &asked, version.id, cause, key).await? {
            // The key says from now on which request this was, whoever came first.
            if let Some(key) = key {
                tx.set_request_key(known.id, key).await.or_fail(self)?;
                tx.commit().await.or_fail(self)?;
            }
            return Ok(Put::Done(known.number));
        }
        if runs(&mut tx, &asked).await.or_fail(self)? == Some(version.id) {
            let message =
                format!("{} {} runs in {} already", asked.service.name, version.label, asked.environment.title);
            return Err(ApiError::conflict(message));
        }
        let supersedes =
            if request.supersede { self.supersedes(&mut tx, actor, &asked).await? } else { Supersedes::Nobody };
        let (reason, key) = (reason.to_owned(), key.map(str::to_owned));
        self.put(tx, Draft { actor, asked: &asked, version: &version, cause, reason, supersedes, key, is_whole: false })
            .await
    }

    /// Whose promotions somebody may supersede here.
    ///
    /// # Errors
    /// Refused with the rule when that leaves out one that is open now.
    pub(super) async fn supersedes(&self, read: &mut Read, actor: &Actor, asked: &Asked) -> Answer<Supersedes> {
        if actor.may(Act::StopAnyPromotion).is_ok() {
            return Ok(Supersedes::Any);
        }
        let open = read.open_promotions(asked.target.id).await.or_fail(self)?;
        let foreign = open
            .iter()
            .map(|stored| &stored.promotion)
            .find(|other| actor.identity.person().is_none() || other.requested_by.person() != actor.identity.person());
        match foreign {
            None => Ok(Supersedes::Own),
            Some(other) => Err(ApiError::refused(format!(
                "promotion {} of {} is open there, and your role does not let you stop promotions of others; leave \
                 out to supersede it, and wait behind it",
                other.number,
                other.requested_by.shown()
            ))),
        }
    }

    pub(crate) async fn request_rollback(&self, actor: &Actor, request: RequestRollback) -> Answer<i64> {
        actor.may(Act::RollBack)?;
        let reason = edge::reason(&request.reason)?;
        for _ in 0..advance::TRIES {
            if let Put::Done(number) = self.try_rollback(actor, &request, &reason).await? {
                return Ok(number);
            }
        }
        Err(advance::too_busy())
    }

    async fn try_rollback(&self, actor: &Actor, request: &RequestRollback, reason: &str) -> Answer<Put> {
        let mut tx = self.store().begin().await.or_fail(self)?;
        let asked = self.asked(&mut tx, &request.service, &request.environment).await?;
        tx.hold_target(asked.target.id).await.or_fail(self)?;
        let version = match self.way_back(&mut tx, &asked, request.version.as_deref()).await? {
            WayBack::Rollback(version) => version,
            WayBack::Abort { live, .. } => {
                drop(tx);
                return self.abort_instead(actor, &live, reason).await;
            }
        };
        let cause = Cause::Rollback;
        if let Some(known) = self.asked_already(&mut tx, &asked, version.id, cause, None).await? {
            let is_whole = !known.templates.is_empty();
            if is_whole == request.whole_templates {
                return Ok(Put::Done(known.number));
            }
            let what = if is_whole { "whole pod templates" } else { "images alone" };
            return Err(ApiError::conflict(format!(
                "promotion {} rolls back to {} already, with {what}; wait for its end, or abort it first",
                known.number, version.label
            )));
        }
        let (supersedes, reason) = (Supersedes::Any, reason.to_owned());
        self.put(
            tx,
            Draft {
                actor,
                asked: &asked,
                version: &version,
                cause,
                reason,
                supersedes,
                key: None,
                is_whole: request.whole_templates,
            },
        )
        .await
    }

    /// What a rollback means here: where a version is only being tried beside what serves, taking that one
    /// back is all there is to do, and what runs stays.
    ///
    /// # Errors
    /// As [`Engine::rollback_version`].
    pub(crate) async fn way_back(&self, read: &mut Read, asked: &Asked, label: Option<&str>) -> Answer<WayBack> {
        let label = label.filter(|label| !label.is_empty());
        if let Some((live, runs)) = tried_beside(read, asked).await.or_fail(self)?
            && label.is_none_or(|label| label == runs.label.as_str())
        {
            return Ok(WayBack::Abort { live: Box::new(live), runs });
        }
        self.rollback_version(read, asked, label).await.map(WayBack::Rollback)
    }

    /// Aborts what is tried beside what serves; one that is on its way back already is found as it is.
    async fn abort_instead(&self, actor: &Actor, live: &Promotion, reason: &str) -> Answer<Put> {
        if !matches!(live.phase, Phase::TakingBack { .. }) {
            let input = Input::Abort { by: actor.identity.clone(), reason: reason.to_owned() };
            self.act(actor, live.number, PromotionAct::Abort, Some(reason), input).await?;
        }
        Ok(Put::Done(live.number))
    }

    /// The version that a rollback goes to: the one asked for, which must have succeeded here
    /// before, or the last that did before the present one.
    ///
    /// # Errors
    /// Refused with the rule when there is none.
    pub(crate) async fn rollback_version(
        &self,
        read: &mut Read,
        asked: &Asked,
        label: Option<&str>,
    ) -> Answer<Version> {
        let place = format!("{} in {}", asked.service.name, asked.environment.title);
        let Some(label) = label else {
            // Who comes second wants what who came first wanted, and not what that one takes away.
            if let Some(version) = under_way_back_to(read, asked).await.or_fail(self)? {
                return Ok(version);
            }
            let now = runs(read, asked).await.or_fail(self)?;
            let found = previous(read, asked, now).await.or_fail(self)?;
            let id = found.ok_or_else(|| {
                ApiError::conflict(format!(
                    "no earlier version of {place} is known to have worked, so there is nothing to roll back to"
                ))
            })?;
            let version = read.version(id).await.or_fail(self)?;
            return version.ok_or_else(|| ApiError::not_found("version", &id.to_string()));
        };
        let version = self.version_of(read, &asked.service, label).await?;
        let (service, environment) = (asked.service.id, asked.environment.id);
        if read.has_succeeded(service, environment, version.id).await.or_fail(self)? {
            Ok(version)
        } else {
            let message =
                format!("{} never worked for {place}, so it is not a rollback; promote it instead", version.label);
            Err(ApiError::conflict(message))
        }
    }

    /// A repeated request (a double click, a pipeline's retry, a second person with the same wish) finds
    /// the first one's promotion: two of them would outlive an abort of one.
    async fn asked_already(
        &self,
        read: &mut Read,
        asked: &Asked,
        version: VersionId,
        cause: Cause,
        key: Option<&str>,
    ) -> Answer<Option<Promotion>> {
        if let Some(key) = key
            && let Some(found) = read.promotion_by_key(key).await.or_fail(self)?
        {
            let known = found.promotion;
            return if known.target == asked.target.id && known.plan.version == version {
                Ok(Some(known))
            } else {
                let message = format!("the key was used for promotion {}, which is another request", known.number);
                Err(ApiError::conflict(message))
            };
        }
        let open = read.open_promotions(asked.target.id).await.or_fail(self)?;
        let same = |p: &Promotion| p.plan.version == version && p.cause == cause && !is_on_its_way_back(p);
        Ok(open.into_iter().map(|stored| stored.promotion).find(same))
    }

    async fn put(&self, mut tx: Tx, draft: Draft<'_>) -> Answer<Put> {
        let plan = self.plan_for(&mut tx, &draft).await?;
        let templates = if draft.is_whole { self.whole_templates(&mut tx, &draft, &plan).await? } else { vec![] };
        let written = match self.write(&mut tx, draft, plan, templates).await {
            Ok(number) => tx.commit().await.map(|()| number),
            Err(error) => Err(error),
        };
        match written {
            Ok(number) => Ok(Put::Done(number)),
            Err(error) if advance::is_lost_race(&error) => Ok(Put::LostRace),
            Err(error) => Err(self.store_failed(error)),
        }
    }

    async fn plan_for(&self, tx: &mut Tx, draft: &Draft<'_>) -> Answer<Plan> {
        let Asked { environment, target, .. } = draft.asked;
        let rules = match draft.cause {
            Cause::Rollback => facts::without_entry(environment.rules.clone()),
            Cause::Planned | Cause::Hotfix => environment.rules.clone(),
        };
        let strategy = facts::strategy_for(draft.cause, &target.strategy);
        let levels = judging::levels(tx, draft.asked.service.tier, target).await.or_fail(self)?;
        let made = facts::make_plan(tx, (draft.version.id, target), &strategy, (&rules, &environment.title));
        made.await
            .or_fail(self)?
            .map(|plan| plan::judged(plan, draft.cause, levels))
            .map_err(|e| ApiError::conflict(e.to_string()))
    }

    /// The templates with which the version ran last in the place.
    ///
    /// # Errors
    /// Refused when none is known.
    async fn whole_templates(&self, tx: &mut Tx, draft: &Draft<'_>, plan: &Plan) -> Answer<Vec<WholeTemplate>> {
        if plan.git.is_some() {
            let message = "the version lives in a Git repository, and only its fields come back from here: put what else \
                           has changed back in the repository";
            return Err(ApiError::conflict(message.to_owned()));
        }
        let saved = beforehand::saved_over(tx, draft.asked, draft.version.id).await.or_fail(self)?;
        let whole = beforehand::whole_templates(&plan.workloads, &saved);
        if whole.is_empty() {
            let message = format!(
                "the pod templates with which {} ran here are not known; roll back its images alone",
                draft.version.label
            );
            return Err(ApiError::conflict(message));
        }
        Ok(whole)
    }

    async fn write(
        &self,
        tx: &mut Tx,
        draft: Draft<'_>,
        plan: Plan,
        templates: Vec<WholeTemplate>,
    ) -> Result<i64, StoreError> {
        let now = self.now();
        let number = tx.next("promotion").await?;
        let Asked { service, environment, target } = draft.asked;
        let promotion = Promotion {
            id: PromotionId::new(self.uuid()),
            number,
            service: service.id,
            environment: environment.id,
            target: target.id,
            cause: draft.cause,
            supersedes: draft.supersedes,
            reason: draft.reason.clone(),
            requested_by: draft.actor.identity.clone(),
            requested_at: now,
            approved_at: None,
            plan,
            previous_version: runs(tx, draft.asked).await?,
            approvals: vec![],
            templates,
            phase: Phase::Waiting { blockers: vec![] },
            trouble: None,
        };
        let revision = tx.insert_promotion(&promotion, Some(now)).await?;
        if let Some(key) = &draft.key {
            tx.set_request_key(promotion.id, key).await?;
        }
        let by = |event| JournalEntry { at: now, by: draft.actor.identity.clone(), event };
        let mut asked = vec![by(JournalEvent::Requested { reason: draft.reason.clone() })];
        if !promotion.templates.is_empty() {
            let names: Vec<String> =
                promotion.templates.iter().map(|whole| whole.placed.workload.to_string()).collect();
            let next = format!("the whole pod template comes back: {}", names.join(", "));
            asked.push(by(JournalEvent::Moves { next }));
        }
        tx.append_journal(promotion.id, &asked).await?;
        let (act, verb) = match draft.cause {
            Cause::Rollback => ("promotion.roll_back", "rolled back with"),
            Cause::Planned | Cause::Hotfix => ("promotion.request", "asked for"),
        };
        let sentence = advance::sentence(tx, &promotion, verb).await?;
        let label = format!("promotion {number}");
        let mut entry = audit::Entry::done(act, "promotion", &label, sentence);
        entry.id = Some(promotion.id.uuid());
        entry.reason = Some(draft.reason);
        audit::record(tx, self, draft.actor, entry).await?;
        // What rules do because of it stands after it in the audit.
        let known = facts::load(tx, &promotion, None).await?;
        // Time alone is never refused.
        if let Ok(mut decision) = decide(&promotion, &known, Input::Clock, now) {
            decision.outbox = vec![domain::promotion::Effect::TellMessenger];
            advance::save(tx, &promotion, revision, &decision, self).await?;
        }
        Ok(number)
    }
}

fn is_on_its_way_back(promotion: &Promotion) -> bool {
    matches!(promotion.phase, Phase::TakingBack { .. } | Phase::Watching { .. })
}

/// The version that runs in a target now: what the watches see on all workloads or, where nobody
/// watches, the last that was deployed. `None` when that is not one known version.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn runs(read: &mut Read, asked: &Asked) -> Result<Option<VersionId>, StoreError> {
    super::facts::running(read, asked.target.id, asked.service.id, asked.environment.id).await
}

/// The live promotion whose version is only tried beside what serves, with the version that serves.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn tried_beside(read: &mut Read, asked: &Asked) -> Result<Option<(Promotion, Version)>, StoreError> {
    let open = read.open_promotions(asked.target.id).await?;
    let Some(live) = open.into_iter().map(|stored| stored.promotion).find(Promotion::is_tried_beside) else {
        return Ok(None);
    };
    let runs = match runs(read, asked).await?.or(live.previous_version) {
        Some(id) => read.version(id).await?,
        None => None,
    };
    Ok(runs.map(|runs| (live, runs)))
}

/// The version that a rollback under way here goes to.
async fn under_way_back_to(read: &mut Read, asked: &Asked) -> Result<Option<Version>, StoreError> {
    let open = read.open_promotions(asked.target.id).await?.into_iter().map(|stored| stored.promotion);
    let is_live = |p: &Promotion| matches!(p.phase, Phase::Starting { .. } | Phase::Progressing { .. });
    match open.into_iter().find(|p| p.cause == Cause::Rollback && is_live(p)) {
        Some(live) => read.version(live.plan.version).await,
        None => Ok(None),
    }
}

/// The last version before `now` that succeeded here and was not rolled back since.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn previous(
    read: &mut Read,
    asked: &Asked,
    now: Option<VersionId>,
) -> Result<Option<VersionId>, StoreError> {
    let before = read.succeeded_before(asked.service.id, asked.environment.id, 20).await?;
    Ok(last_good(before, now).map(|b| b.version_id))
}

/// What one goes back to: the last that worked, is older than `now`, and was not taken away by a rollback. Of what is not
/// known to have worked nobody knows the age here: then the last that is another one.
pub(crate) fn last_good(before: Vec<SucceededBefore>, now: Option<VersionId>) -> Option<SucceededBefore> {
    let ordinal = before.iter().find(|b| Some(b.version_id) == now).map(|b| b.ordinal);
    let is_back = |b: &SucceededBefore| Some(b.version_id) != now && ordinal.is_none_or(|now| b.ordinal < now);
    before.into_iter().find(|b| is_back(b) && !b.was_rolled_back)
}
