//! The page on which a promotion is asked for: what would change, what is asked of it, what it would meet.

use contract::{
    Answer,
    board::EnvironmentHead,
    compare::Comparison,
    promotions::{Demand, PromoteView},
    services::TargetNow,
};
use domain::{
    actor::{Act, Actor},
    deployment::Cause,
    promotion::{Plan, Promotion},
};
use store::{Environment, Paging, PromotionFilter, PromotionRow, PromotionStage, Read, Target, Version};

use super::{
    beforehand, facts, history, pieces,
    request::{Asked, runs},
    strategy_words, taken_back,
    views::{head, healthy_demand, line, plan_now, practice_clusters, taken_back_demand, version, version_demands},
};
use crate::{Engine, approvals, compare, error::OrFail, versions};

/// Versions offered to choose from.
const CHOICES: u32 = 50;

/// Promotions into the same target that are shown.
const OTHERS: u32 = 20;

/// What a version means for the target, by what the database says.
#[derive(Default)]
struct Chosen {
    demands: Vec<Demand>,
    warnings: Vec<String>,
    plan: Option<Plan>,
    refusal: Option<String>,
}

/// The page.
///
/// # Errors
/// Not found, with the name; what merely stands in the way is in the view.
pub(crate) async fn view(
    engine: &Engine,
    actor: &Actor,
    service: &str,
    environment: &str,
    label: Option<&str>,
) -> Answer<PromoteView> {
    let mut read = engine.store().read().await.or_fail(engine)?;
    let asked = engine.asked(&mut read, service, environment).await?;
    let all = read.environments().await.or_fail(engine)?;
    let (environment, environments) = heads(engine, &mut read, &asked, &all).await?;
    let choices = versions::lines(engine, &mut read, &asked.service, CHOICES).await?;
    let from = match runs(&mut read, &asked).await.or_fail(engine)? {
        Some(id) => Some(version(engine, &mut read, id).await?),
        None => None,
    };
    let to = match label.filter(|l| !l.is_empty()) {
        Some(label) => Some(engine.version_of(&mut read, &asked.service, label).await?),
        None => default_version(engine, &mut read, &asked, &all, from.as_ref()).await?,
    };
    let comparison = match &to {
        Some(to) => Some(compare::between(engine, &mut read, &asked.service, from.as_ref(), to).await?),
        None => None,
    };
    let others = others(engine, &mut read, &asked).await?;
    let mut chosen = match (&to, &comparison) {
        (Some(to), Some(comparison)) => {
            chosen(engine, actor, &mut read, &asked, (from.as_ref(), to), comparison).await?
        }
        _ => Chosen::default(),
    };
    let may_not = actor.may(Act::RequestPromotion).err().map(|e| e.to_string());
    let occupant = read.occupant(asked.target.id).await.or_fail(engine)?.map(|occupant| occupant.number);
    let can_supersede = engine.supersedes(&mut read, actor, &asked).await.is_ok();
    // No transaction stays open while a cluster is asked.
    drop(read);
    // Nothing goes any way that cannot be planned.
    let strategy = chosen.plan.as_ref().map(|plan| strategy_words::in_full(&asked, plan.git.as_ref()));
    let now = match chosen.plan.take() {
        Some(plan) => beforehand::rehearse(engine, &asked, plan, occupant).await,
        None => TargetNow::default(),
    };
    let refused = now.refused.iter().map(|why| why.trim_end_matches('.'));
    let refused = refused.map(|why| format!("As things are it would be refused at its start: {why}."));
    let what = to.as_ref().map_or_else(String::new, |v| format!(" {}", v.label));
    let verb = if asked.environment.rules.approvals.people() > 0 { "Ask to promote" } else { "Promote" };
    Ok(PromoteView {
        service: asked.service.name.to_string(),
        environment,
        environments,
        version: to.as_ref().map(|v| v.label.to_string()),
        versions: choices,
        comparison,
        demands: chosen.demands,
        strategy: strategy.unwrap_or_default(),
        can_supersede,
        others: others.into_iter().map(line).collect(),
        button: format!("{verb} {}{what} to {}", asked.service.name, asked.environment.title),
        refusal: may_not.or(chosen.refusal),
        warnings: chosen.warnings.into_iter().chain(refused).chain(now.warnings).collect(),
        capacity: now.capacity,
        unknown: now.unknown,
    })
}

/// The environment, and all in which the service has a target.
async fn heads(
    engine: &Engine,
    read: &mut Read,
    asked: &Asked,
    all: &[Environment],
) -> Answer<(EnvironmentHead, Vec<EnvironmentHead>)> {
    let targets = read.targets_of_service(asked.service.id).await.or_fail(engine)?;
    let practice = practice_clusters(read).await.or_fail(engine)?;
    let is_practice = |t: &Target| t.workloads.iter().any(|w| practice.contains(&w.cluster));
    let of = |e: &Environment| {
        let target = targets.iter().find(|t| t.environment == e.id)?;
        Some(head(e, is_practice(target)))
    };
    Ok((head(&asked.environment, is_practice(&asked.target)), all.iter().filter_map(of).collect()))
}

/// What is under way or waits in the same target.
async fn others(engine: &Engine, read: &mut Read, asked: &Asked) -> Answer<Vec<PromotionRow>> {
    let open = PromotionFilter {
        service: Some(asked.service.id),
        environment: Some(asked.environment.id),
        stage: Some(PromotionStage::Open),
        ..PromotionFilter::default()
    };
    Ok(read.promotions(&open, Paging::first(OTHERS)).await.or_fail(engine)?.rows)
}

async fn chosen(
    engine: &Engine,
    actor: &Actor,
    read: &mut Read,
    asked: &Asked,
    (from, to): (Option<&Version>, &Version),
    comparison: &Comparison,
) -> Answer<Chosen> {
    let runs_already = from.is_some_and(|from| from.id == to.id);
    let runs_already = runs_already.then(|| format!("{} runs in {} already", to.label, asked.environment.title));
    let (plan, unplanned) = match plan_now(engine, read, asked, to, &asked.target.strategy).await? {
        Ok(plan) => (Some(plan), None),
        Err(error) => (None, Some(error.to_string())),
    };
    let at = (asked.service.id, asked.environment.id, asked.target.id);
    let rehearsal = plan.clone().map(|plan| Promotion::rehearsal(plan, at, engine.now()));
    let mut demands = demands_before(engine, actor, read, asked, to).await?;
    // What cannot be planned cannot be taken back.
    demands.extend(rehearsal.iter().flat_map(|planned| version_demands(comparison, &taken_back::when(planned))));
    let warnings = warning(engine, read, asked, to).await?.into_iter().collect();
    Ok(Chosen { demands, warnings, plan, refusal: runs_already.or(unplanned) })
}

/// Said before the button, for it refuses nothing: the version goes past the environment before.
async fn warning(engine: &Engine, read: &mut Read, asked: &Asked, to: &Version) -> Answer<Option<String>> {
    let Asked { service, environment, .. } = asked;
    let never = history::never_before(read, service.id, environment, environment.rules.healthy_in, to.id);
    let say = |before| {
        let (name, label) = (&service.name, &to.label);
        format!("{name} {label} has never been in {before}, the environment before {}.", environment.title)
    };
    Ok(never.await.or_fail(engine)?.map(say))
}

/// What is verified one environment before; without one before, the newest version.
async fn default_version(
    engine: &Engine,
    read: &mut Read,
    asked: &Asked,
    all: &[Environment],
    from: Option<&Version>,
) -> Answer<Option<Version>> {
    let here = asked.environment.position;
    for before in all.iter().rev().filter(|e| e.position < here) {
        let Some(target) = read.target_of(asked.service.id, before.id).await.or_fail(engine)? else { continue };
        let there = Asked { service: asked.service.clone(), environment: before.clone(), target };
        return match runs(read, &there).await.or_fail(engine)? {
            Some(id) => Ok(Some(version(engine, read, id).await?)),
            None => Ok(None),
        };
    }
    let newest = read.versions_of_service(asked.service.id, Paging::first(1)).await.or_fail(engine)?;
    let newest = newest.rows.into_iter().next().map(|row| row.version);
    Ok(newest.filter(|v| from.is_none_or(|f| f.id != v.id)))
}

async fn demands_before(
    engine: &Engine,
    actor: &Actor,
    read: &mut Read,
    asked: &Asked,
    to: &Version,
) -> Answer<Vec<Demand>> {
    let rules = &asked.environment.rules;
    let need = rules.approvals.people();
    let not: Vec<_> = actor.identity.person().into_iter().collect();
    let by = if need > 0 { Some(approvals::who_can(read, &not).await.or_fail(engine)?) } else { None };
    let mut demands = vec![pieces::approval_demand(0, need, Cause::Planned, by)];
    if let Some(before) = rules.healthy_in {
        let healthy = facts::healthy_in(read, asked.service.id, before, to.id).await.or_fail(engine)?;
        demands.extend(healthy.map(|health| healthy_demand(&health, true)));
    }
    let before = history::taken_back_before(read, asked.service.id, asked.environment.id, to.id);
    demands.extend(before.await.or_fail(engine)?.map(|before| taken_back_demand(&before)));
    Ok(demands)
}
