//! What the deciding transaction knows besides the promotion: loaded in that transaction, so that
//! rules are judged by what holds at the moment of effect. What waits is judged by everything that a start asks
//! for; what has started is not, so that no setting that cannot be read keeps anybody from taking it back.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    actor::{Act, Actor, Identity},
    analysis::{JudgingSettings, Level},
    deployment::Cause,
    environment::{EnvironmentRules, Quorum},
    ids::{ClusterId, EnvironmentId, PersonId, ServiceId, TargetId, VersionId},
    outside::Deployer,
    promotion::{Facts, Phase, Plan, Promotion},
    state::Mark,
    strategy::Strategy,
};
use store::{Read, StoreError, Target};

use super::plan::{PlanError, Wish};
use crate::judging;

/// Loads the facts about a promotion. `asking` is the person who approves just now, if one does:
/// whether they may counts like that of those who approved before.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn load(
    read: &mut Read,
    promotion: &Promotion,
    asking: Option<PersonId>,
) -> Result<Facts, StoreError> {
    let occupant = read.occupant(promotion.target).await?;
    let occupant = occupant.filter(|o| o.id != promotion.id);
    let next_sequence = read.next_sequence(promotion.target).await?;
    let is_waiting = matches!(promotion.phase, Phase::Waiting { .. });
    let runs = if is_waiting || matches!(promotion.phase, Phase::Starting { .. }) {
        running(read, promotion.target, promotion.service, promotion.environment).await?
    } else {
        None
    };
    if !is_waiting {
        let (plan_now, may_approve) = (promotion.plan.clone(), BTreeSet::new());
        return Ok(Facts { plan_now, healthy_before: None, occupant, next_sequence, runs, may_approve });
    }
    let environment = read.environment(promotion.environment).await?;
    let (rules, title) = environment.map(|e| (e.rules, e.title)).unwrap_or_default();
    let rules = if promotion.cause == Cause::Rollback { without_entry(rules) } else { rules };
    let plan_now = plan_now(read, promotion, &rules, &title).await?;
    let healthy_before = match plan_now.healthy_in {
        Some(before) => healthy_in(read, promotion.service, before, promotion.plan.version).await?,
        None => None,
    };
    let may_approve = may_approve(read, promotion, asking).await?;
    Ok(Facts {
        plan_now,
        healthy_before: healthy_before.map(|health| match health.why_not {
            None => (health.environment, true),
            Some(why) => (format!("{} ({why})", health.environment), false),
        }),
        occupant,
        next_sequence,
        runs,
        may_approve,
    })
}

/// The version that runs in a target now: what the watches see on all workloads or, where nobody
/// watches, the last that was deployed. `None` when that is not one known version.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn running(
    read: &mut Read,
    target: TargetId,
    service: ServiceId,
    environment: EnvironmentId,
) -> Result<Option<VersionId>, StoreError> {
    let running = read.running_in_target(target).await?;
    let latest = read.latest_deployment(service, environment).await?;
    // What came last may have been seen there by its promotion, and not yet by a watch.
    let is_newer = latest.as_ref().is_some_and(|d| running.iter().all(|r| r.seen_at < d.finished_at));
    if let Some(first) = running.first().filter(|_| !is_newer) {
        let is_one = running.iter().all(|r| r.version_id == first.version_id);
        return Ok(first.version_id.filter(|_| is_one));
    }
    Ok(latest.map(|d| d.version_id))
}

/// A rollback to what succeeded here before skips entry and approvals.
pub(crate) fn without_entry(rules: EnvironmentRules) -> EnvironmentRules {
    EnvironmentRules { approvals: Quorum::NONE, healthy_in: None, ..rules }
}

/// A rollback to what has worked here before is not tried step by step: who takes back is in a hurry.
pub(crate) fn strategy_for(cause: Cause, target: &Strategy) -> Strategy {
    match cause {
        Cause::Rollback => Strategy::Rolling,
        Cause::Planned | Cause::Hotfix => target.clone(),
    }
}

/// The plan as it would be made now. When none can be made any more, one without workloads: the
/// start refuses it with what to do.
async fn plan_now(
    read: &mut Read,
    promotion: &Promotion,
    rules: &EnvironmentRules,
    environment: &str,
) -> Result<Plan, StoreError> {
    let tier = read.service(promotion.service).await?.map(|service| service.tier).unwrap_or_default();
    let (mut made, mut levels) = (None, Level::ALL.map(|level| (level, JudgingSettings::default())));
    if let Some(target) = read.target(promotion.target).await? {
        levels = judging::levels(read, tier, &target).await?;
        let strategy = strategy_for(promotion.cause, &target.strategy);
        let version = promotion.plan.version;
        made = make_plan(read, (version, &target), &strategy, (rules, environment)).await?.ok();
    }
    let none = || Plan { workloads: vec![], git: None, deployer: Deployer::Clusters, ..promotion.plan.clone() };
    Ok(made.map_or_else(none, |plan| super::plan::judged(plan, promotion.cause, levels)))
}

/// The plan of a version in a target under the rules of its environment, by what the database says now; or why none can
/// be made. Not judged yet.
///
/// # Errors
/// [`StoreError`].
pub(super) async fn make_plan(
    read: &mut Read,
    (version, target): (VersionId, &Target),
    strategy: &Strategy,
    (rules, environment): (&EnvironmentRules, &str),
) -> Result<Result<Plan, PlanError>, StoreError> {
    let images = read.version_images(version).await?;
    let git = read.git_place(target.id).await?;
    let may_write_helm = read.helm_consent(target.id).await?.is_some();
    let label = read.version(version).await?.map(|version| version.label.to_string()).unwrap_or_default();
    let names = cluster_names(read).await?;
    let git = git.as_ref().map(|git| &git.place);
    let wish = Wish { version, label: &label, images: &images, strategy, may_write_helm, git };
    Ok(super::plan::make(&wish, target, &names, rules, environment))
}

/// The names of all clusters.
pub(crate) async fn cluster_names(read: &mut Read) -> Result<BTreeMap<ClusterId, String>, StoreError> {
    Ok(read.clusters().await?.into_iter().map(|c| (c.id, c.name.to_string())).collect())
}

/// Whether a version is healthy in an environment.
pub(crate) struct Health {
    /// The environment's name for people.
    pub(crate) environment: String,
    /// Why it is not, when it is not: `nothing is known of production/cart`.
    pub(crate) why_not: Option<String>,
}

/// Whether `version` is healthy in `environment`: it runs in each of its workloads there with every
/// pod ready, as far as clusters that answer tell; or, where nobody watches the pods, it was the last
/// that was deployed there. What is not known is not healthy. `None` when the environment is gone.
pub(crate) async fn healthy_in(
    read: &mut Read,
    service: ServiceId,
    environment: EnvironmentId,
    version: VersionId,
) -> Result<Option<Health>, StoreError> {
    let Some(before) = read.environment(environment).await? else {
        return Ok(None);
    };
    let why_not = match read.target_of(service, environment).await? {
        None => Some("the service has no target there".to_owned()),
        Some(target) if target.workloads.is_empty() => {
            let latest = read.latest_deployment(service, environment).await?;
            match latest {
                Some(latest) if latest.version_id == version => None,
                Some(latest) => Some(format!("{} was deployed there last", latest.label)),
                None => Some("nothing was deployed there".to_owned()),
            }
        }
        Some(target) => why_not_healthy(read, &target, version).await?,
    };
    Ok(Some(Health { environment: before.title, why_not }))
}

async fn why_not_healthy(read: &mut Read, target: &Target, version: VersionId) -> Result<Option<String>, StoreError> {
    let clusters = read.clusters().await?;
    let running = read.running_in_target(target.id).await?;
    let planned: BTreeSet<_> = target.workloads.iter().map(|w| (w.cluster, &w.workload)).collect();
    for (cluster, workload) in planned {
        let row = running
            .iter()
            .find(|r| r.cluster_id == cluster && r.namespace == workload.namespace && r.workload == workload.name);
        let is_silent = clusters.iter().find(|c| c.id == cluster).filter(|c| c.unreachable_since.is_some());
        if let Some(silent) = is_silent {
            return Ok(Some(format!("cluster {} does not answer", silent.name)));
        }
        let Some(row) = row else { return Ok(Some(format!("nothing is known of {workload}"))) };
        match row.version_id {
            Some(runs) if runs == version && row.mark == Mark::Done => {}
            Some(runs) if runs == version => return Ok(Some(format!("{workload}: {}", row.words))),
            Some(other) => {
                let label = read.version(other).await?.map(|v| v.label.to_string()).unwrap_or_default();
                return Ok(Some(format!("{workload} runs {label}")));
            }
            None => return Ok(Some(format!("{workload} runs what Slipway does not know"))),
        }
    }
    Ok(None)
}

/// Those among the people who approved, or approve just now, that may approve at this moment.
async fn may_approve(
    read: &mut Read,
    promotion: &Promotion,
    asking: Option<PersonId>,
) -> Result<BTreeSet<PersonId>, StoreError> {
    let mut may = BTreeSet::new();
    for id in promotion.approvals.iter().map(|a| a.person).chain(asking) {
        let Some(person) = read.person(id).await? else { continue };
        let identity = Identity::Person { id: person.id, name: person.name };
        let actor = Actor { identity, role: person.role, from: None };
        if person.is_active && actor.may(Act::Approve).is_ok() {
            may.insert(id);
        }
    }
    Ok(may)
}
