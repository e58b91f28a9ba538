//! What pages and machines see of promotions.

use contract::{
    Answer, ApiError, Page,
    board::EnvironmentHead,
    promotions::{Demand, PromotionLine, PromotionStatus, PromotionView, PromotionsQuery},
};
use domain::{
    actor::{Act, Actor},
    deployment::Cause,
    promotion::{Blocker, Headline, Phase, Plan, Promotion, PromotionAct, headline},
    state::Mark,
    strategy::Strategy,
};
use store::{ClusterKind, Environment, LoadedPromotion, PromotionFilter, PromotionRow, PromotionStage, Read, Version};

use super::{facts, history, names::Names, pieces, plan::PlanError, request::Asked, strategy_words, taken_back};
use crate::{Engine, approvals, compare, error::OrFail, lists};

/// Entries of a journal on its promotion's page: more than a promotion of days has, and less than a storm of alerts makes.
const JOURNAL_AT_MOST: u32 = 500;

/// A promotion for machines.
pub(crate) fn status(found: &LoadedPromotion, names: &Names, public_url: &str) -> PromotionStatus {
    let promotion = &found.promotion;
    PromotionStatus {
        number: promotion.number,
        service: names.service.clone(),
        version: names.version.clone(),
        environment: names.environment.clone(),
        phase: promotion.phase_word().to_owned(),
        is_over: promotion.is_over(),
        words: headline(promotion).words,
        revision: found.revision,
        requested_at: promotion.requested_at,
        approved_at: promotion.approved_at,
        started_at: promotion.run().map(|run| run.started_at),
        finished_at: promotion.finished_at(),
        link: format!("{public_url}/promotions/{}", promotion.number),
    }
}

/// A row of a list.
pub(crate) fn line(row: PromotionRow) -> PromotionLine {
    PromotionLine {
        number: row.number,
        service: row.service.to_string(),
        environment: row.environment_title,
        version: row.version.to_string(),
        cause: row.cause,
        headline: Headline { mark: row.mark, words: row.words, percent: row.percent },
        requested_by: row.requested_by,
        requested_at: row.requested_at,
        started_at: row.started_at,
        finished_at: row.finished_at,
    }
}

/// The list, newest first.
///
/// # Errors
/// Not found, for a service or environment that is not there.
pub(crate) async fn list(engine: &Engine, query: PromotionsQuery) -> Answer<Page<PromotionLine>> {
    let mut read = engine.store().read().await.or_fail(engine)?;
    let mut filter = PromotionFilter::default();
    if let Some(name) = lists::given(query.service.as_ref()) {
        filter.service = Some(engine.service_named(&mut read, name).await?.id);
    }
    if let Some(name) = lists::given(query.environment.as_ref()) {
        filter.environment = Some(engine.environment_named(&mut read, name).await?.id);
    }
    filter.stage = match query.state.as_deref() {
        Some("live") => Some(PromotionStage::Live),
        Some("waiting") => Some(PromotionStage::Waiting),
        Some("over") => Some(PromotionStage::Over),
        None | Some("") => None,
        Some(_) => return Err(ApiError::invalid("state", "live, waiting or over")),
    };
    let page = read.promotions(&filter, lists::paging(query.page)).await.or_fail(engine)?;
    Ok(lists::page(page, query.page, line))
}

/// A promotion's page.
///
/// # Errors
/// The store's trouble.
pub(crate) async fn promotion(
    engine: &Engine,
    read: &mut Read,
    actor: &Actor,
    found: LoadedPromotion,
) -> Answer<PromotionView> {
    let LoadedPromotion { promotion, revision } = found;
    let names = super::names::of(read, &promotion).await.or_fail(engine)?;
    let journal = read.journal(promotion.id, JOURNAL_AT_MOST).await.or_fail(engine)?;
    let earlier = journal.first().map_or(0, |row| u64::try_from(row.ordinal - 1).unwrap_or_default());
    let entries: Vec<_> = journal.into_iter().map(|row| row.entry).collect();
    let service = read.service(promotion.service).await.or_fail(engine)?;
    let service = service.ok_or_else(|| ApiError::not_found("service", &names.service))?;
    let environment = read.environment(promotion.environment).await.or_fail(engine)?;
    let environment = environment.ok_or_else(|| ApiError::not_found("environment", &names.environment))?;
    let to = version(engine, read, promotion.plan.version).await?;
    let from = match promotion.previous_version {
        Some(id) => Some(version(engine, read, id).await?),
        None => None,
    };
    let comparison = compare::between(engine, read, &service, from.as_ref(), &to).await?;
    let from_label = from.map(|version| version.label.to_string());
    let practice = practice_clusters(read).await.or_fail(engine)?;
    let is_practice = |planned: &domain::promotion::WorkloadPlan| practice.contains(&planned.placed.cluster);
    let demands = demands(engine, read, &promotion, &environment, &comparison).await?;
    let running = match promotion.run() {
        Some(run) if !run.progress.is_empty() => vec![],
        Some(_) | None => read.running_in_target(promotion.target).await.or_fail(engine)?,
    };
    let rolled_back_by = history::rolled_back_by(read, &promotion).await.or_fail(engine)?;
    let roll_back_to = roll_back_to(engine, read, actor, &promotion, &service, &environment).await?;
    let approval_refusal = match &promotion.phase {
        Phase::Waiting { blockers } if blockers.iter().any(|b| matches!(b, Blocker::Approvals { .. })) => {
            promotion.permits(actor, PromotionAct::Approve).err().map(|refusal| refusal.to_string())
        }
        _ => None,
    };
    let is_practice_work = promotion.plan.workloads.iter().any(is_practice)
        || promotion.outside().is_some_and(domain::outside::OutsideDeployer::is_practice);
    let mut workloads = pieces::workloads(&promotion, &running, is_practice);
    if rolled_back_by.is_some() {
        // What it brought is gone: there is nothing of it to take back.
        workloads.iter_mut().for_each(|workload| workload.by_hand = None);
    }
    Ok(PromotionView {
        line: PromotionLine {
            number: promotion.number,
            service: names.service,
            environment: names.environment_title,
            version: names.version,
            cause: promotion.cause,
            headline: headline(&promotion),
            requested_by: promotion.requested_by.shown(),
            requested_at: promotion.requested_at,
            started_at: promotion.run().map(|run| run.started_at),
            finished_at: promotion.finished_at(),
        },
        environment: head(&environment, is_practice_work),
        team: names.team,
        id: promotion.id.to_string(),
        revision,
        reason: promotion.reason.clone(),
        strategy: strategy_words::in_short(&promotion),
        how: strategy_words::planned_in_full(&promotion),
        plan_number: promotion.plan.number,
        next: pieces::next(&promotion),
        steps: pieces::steps(&promotion, rolled_back_by),
        workloads,
        outside: super::outside::view(read, &promotion).await.or_fail(engine)?,
        git: super::git::view(&promotion),
        traffic: super::traffic::view(&promotion, from_label),
        failing: super::evidence::view(read, &promotion).await.or_fail(engine)?,
        analysis: super::analysis::view(read, &promotion, &entries).await.or_fail(engine)?,
        comparison,
        demands,
        approvals: pieces::approvals(&promotion),
        approvals_needed: promotion.plan.approvals,
        journal: pieces::journal(&entries),
        earlier_entries: earlier,
        allowed: promotion.allowed(actor),
        approval_refusal,
        roll_back_to,
        rolled_back_by,
        started_at: promotion.run().map(|run| run.started_at),
        approved_at: promotion.approved_at,
    })
}

/// An environment as a column's head.
pub(crate) fn head(environment: &Environment, is_practice: bool) -> EnvironmentHead {
    EnvironmentHead {
        name: environment.name.to_string(),
        title: environment.title.clone(),
        kind: environment.kind,
        is_practice,
    }
}

pub(super) async fn practice_clusters(read: &mut Read) -> Result<Vec<domain::ids::ClusterId>, store::StoreError> {
    let clusters = read.clusters().await?;
    Ok(clusters.into_iter().filter(|c| c.kind == ClusterKind::Practice).map(|c| c.id).collect())
}

pub(super) async fn version(engine: &Engine, read: &mut Read, id: domain::ids::VersionId) -> Answer<Version> {
    let found = read.version(id).await.or_fail(engine)?;
    found.ok_or_else(|| ApiError::not_found("version", &id.to_string()))
}

/// The version that a rollback of this promotion goes to, when the actor may and it makes sense.
async fn roll_back_to(
    engine: &Engine,
    read: &mut Read,
    actor: &Actor,
    promotion: &Promotion,
    service: &store::Service,
    environment: &Environment,
) -> Answer<Option<String>> {
    let has_worked = matches!(promotion.phase, Phase::Succeeded { .. } | Phase::Watching { .. });
    if !has_worked || actor.may(Act::RollBack).is_err() {
        return Ok(None);
    }
    let Some(target) = read.target(promotion.target).await.or_fail(engine)? else {
        return Ok(None);
    };
    let asked = Asked { service: service.clone(), environment: environment.clone(), target };
    // Only what still runs can be rolled back; after a later promotion the button belongs to that one.
    if super::request::runs(read, &asked).await.or_fail(engine)? != Some(promotion.plan.version) {
        return Ok(None);
    }
    match super::request::previous(read, &asked, Some(promotion.plan.version)).await.or_fail(engine)? {
        Some(id) => Ok(Some(version(engine, read, id).await?.label.to_string())),
        None => Ok(None),
    }
}

/// What the environment asks of this promotion and how far that is met; once it has started, as it
/// was then.
async fn demands(
    engine: &Engine,
    read: &mut Read,
    promotion: &Promotion,
    environment: &Environment,
    comparison: &contract::compare::Comparison,
) -> Answer<Vec<Demand>> {
    let is_waiting = matches!(promotion.phase, Phase::Waiting { .. });
    let (plan, service) = (&promotion.plan, promotion.service);
    let (have, need) = (promotion.approvals.len(), promotion.plan.approvals);
    let by = if is_waiting && have < usize::from(need) {
        let approved = promotion.approvals.iter().map(|one| one.person);
        let not: Vec<_> = approved.chain(promotion.requested_by.person()).collect();
        Some(approvals::who_can(read, &not).await.or_fail(engine)?)
    } else {
        None
    };
    let mut demands = vec![pieces::approval_demand(have, need, promotion.cause, by)];
    if let Some(before) = plan.healthy_in {
        let healthy = facts::healthy_in(read, service, before, plan.version).await.or_fail(engine)?;
        demands.extend(healthy.map(|health| healthy_demand(&health, is_waiting)));
    }
    if is_waiting && promotion.cause != Cause::Rollback {
        let never = history::never_before(read, service, environment, plan.healthy_in, plan.version);
        demands.extend(never.await.or_fail(engine)?.map(|title| never_demand(&title)));
    }
    if is_waiting {
        let before = history::taken_back_before(read, service, environment.id, plan.version).await.or_fail(engine)?;
        demands.extend(before.map(|before| taken_back_demand(&before)));
    }
    demands.extend(version_demands(comparison, &taken_back::when(promotion)));
    Ok(demands)
}

pub(super) fn taken_back_demand(before: &PromotionRow) -> Demand {
    let title = "Was taken back here".to_owned();
    // What a person has ended may have had reasons of its own.
    let mark = if before.mark == Mark::Failed { Mark::Failed } else { Mark::Waiting };
    Demand { mark, title, detail: format!("promotion {}: {}", before.number, before.words) }
}

/// `is_now`: whether it still matters; once started it was healthy, whatever it is now.
pub(super) fn healthy_demand(health: &facts::Health, is_now: bool) -> Demand {
    let title = &health.environment;
    let rule = "this version must run there with every pod ready";
    let (mark, title, detail) = match (&health.why_not, is_now) {
        (None, true) => (Mark::Done, format!("Healthy in {title}"), rule.to_owned()),
        (_, false) => (Mark::Done, format!("Was healthy in {title}"), rule.to_owned()),
        (Some(why), true) => (Mark::Waiting, format!("Not healthy in {title} yet"), format!("{rule}; {why}")),
    };
    Demand { mark, title, detail }
}

fn never_demand(before: &str) -> Demand {
    let detail = "this version has gone past the environment before this one".to_owned();
    Demand { mark: Mark::Waiting, title: format!("Never in {before}"), detail }
}

/// What is to be known of the version itself: missing checks, back-out, migrations, pinning.
/// `when` says when it is taken back by itself.
pub(super) fn version_demands(comparison: &contract::compare::Comparison, when: &str) -> Vec<Demand> {
    // The checks themselves stand in the comparison; here is only what they leave open.
    let mut demands = Vec::new();
    if comparison.checks.is_empty() {
        let detail = "no pipeline has reported tests or scans of this version".to_owned();
        demands.push(Demand { mark: Mark::Nothing, title: "No checks".to_owned(), detail });
    }
    let back = match &comparison.from {
        Some(from) if comparison.migrations.is_empty() => {
            let detail = format!("{from} comes back by itself {when}, and by one click later");
            Demand { mark: Mark::Done, title: "Back-out: previous version".to_owned(), detail }
        }
        Some(from) => {
            let detail = format!(
                "{} cannot be taken back in the database; {from} may not run with it",
                comparison.migrations.join(", ")
            );
            Demand { mark: Mark::Waiting, title: "Irreversible migration".to_owned(), detail }
        }
        None => {
            let detail = "nothing is known to have run here before".to_owned();
            Demand { mark: Mark::Nothing, title: "Back-out: none".to_owned(), detail }
        }
    };
    demands.push(back);
    if comparison.images.iter().any(|i| i.digest.is_none()) {
        let detail = "without a digest the tag may mean another image tomorrow".to_owned();
        demands.push(Demand { mark: Mark::Waiting, title: "Not pinned".to_owned(), detail });
    }
    demands
}

/// The plan as it would be made now, or why none can be.
pub(super) async fn plan_now(
    engine: &Engine,
    read: &mut Read,
    asked: &Asked,
    to: &Version,
    strategy: &Strategy,
) -> Answer<Result<Plan, PlanError>> {
    let Asked { environment, target, .. } = asked;
    let made = facts::make_plan(read, (to.id, target), strategy, (&environment.rules, &environment.title));
    made.await.or_fail(engine)
}
