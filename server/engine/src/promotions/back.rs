//! Going back to an earlier version, said before it is done: which versions one can go back to, what comes back and what
//! does not.

use contract::{
    Answer,
    promotions::{ImageBack, RollbackChoice, RollbackView},
};
use domain::{
    deployment::{Cause, Outcome},
    promotion::WorkloadPlan,
};
use store::{DeploymentFilter, DeploymentSort, Paging, Read, StoreError, Version};

use super::{
    beforehand, facts,
    request::{Asked, WayBack},
    views::{head, plan_now, practice_clusters, version},
};
use crate::{Engine, compare, error::OrFail};

/// Versions offered to choose from.
const CHOICES: u32 = 50;

/// Deployments among which those versions are looked for.
const LOOKED_AT: u32 = 200;

/// What a rollback would do.
///
/// # Errors
/// Refused with the rule when there is nothing to roll back to.
pub(super) async fn view(
    engine: &Engine,
    service: &str,
    environment: &str,
    label: Option<&str>,
) -> Answer<RollbackView> {
    let mut read = engine.store().read().await.or_fail(engine)?;
    let asked = engine.asked(&mut read, service, environment).await?;
    let way = engine.way_back(&mut read, &asked, label).await?;
    let is_abort = matches!(way, WayBack::Abort { .. });
    let (from, to) = match way {
        WayBack::Abort { live, runs } => (Some(live.plan.version), runs),
        WayBack::Rollback(version) => (super::request::runs(&mut read, &asked).await.or_fail(engine)?, version),
    };
    let from = match from {
        Some(id) => Some(version(engine, &mut read, id).await?),
        None => None,
    };
    let comparison = compare::between(engine, &mut read, &asked.service, from.as_ref(), &to).await?;
    let is_outside = asked.target.deployer.outside().is_some();
    let choices = choices(&mut read, &asked, from.as_ref()).await.or_fail(engine)?;
    let strategy = facts::strategy_for(Cause::Rollback, &asked.target.strategy);
    let made = plan_now(engine, &mut read, &asked, &to, &strategy).await?;
    let is_by_git = made.as_ref().is_ok_and(|plan| plan.git.is_some());
    let mut not_brought_back = stays(is_abort, is_outside, is_by_git);
    for label in &comparison.migrations {
        not_brought_back.push(format!("{label} carries an irreversible migration; {} may not run with it.", to.label));
    }
    // What runs stays when only a try is aborted.
    let planned = made.ok().filter(|_| !is_abort).map(|plan| plan.workloads).unwrap_or_default();
    let saved = beforehand::saved_over(&mut read, &asked, to.id).await.or_fail(engine)?;
    let practice = practice_clusters(&mut read).await.or_fail(engine)?;
    let occupant = read.occupant(asked.target.id).await.or_fail(engine)?;
    // No transaction is open while clusters are asked.
    drop(read);
    // A repository has no templates to bring back whole.
    let changed_since = if is_by_git { Vec::new() } else { beforehand::changed_since(engine, &planned, &saved).await };
    Ok(RollbackView {
        service: asked.service.name.to_string(),
        environment: head(&asked.environment, asked.target.workloads.iter().any(|w| practice.contains(&w.cluster))),
        from: from.map(|v| v.label.to_string()),
        to: to.label.to_string(),
        choices,
        comparison,
        comes_back: planned.iter().flat_map(images).collect(),
        changed_since,
        not_brought_back,
        aborts: occupant.map(|o| o.number),
        is_abort,
        is_outside,
    })
}

/// What a rollback leaves as it is, whatever the version.
fn stays(is_abort: bool, is_outside: bool, is_by_git: bool) -> Vec<String> {
    let rest = if is_outside {
        "Only the version comes back: the deployer is told which, and everything else stays as it has set it."
    } else if is_by_git {
        "Only the fields that hold the version come back in Git: everything else there stays as it is."
    } else {
        "Only images come back, or whole pod templates where that is chosen: ConfigMaps, Secrets, Services and the number \
         of pods stay as they are."
    };
    let rest = (!is_abort).then_some(rest);
    rest.into_iter().chain(["The database stays as the newer version left it."]).map(str::to_owned).collect()
}

/// The versions that succeeded in the place before, but for the one that runs, the last success first.
async fn choices(read: &mut Read, asked: &Asked, from: Option<&Version>) -> Result<Vec<RollbackChoice>, StoreError> {
    let filter = DeploymentFilter {
        service: Some(asked.service.id),
        environment: Some(asked.environment.id),
        outcome: Some(Outcome::Succeeded),
        ..DeploymentFilter::default()
    };
    let paging = Paging { limit: LOOKED_AT, offset: 0 };
    let deployments = read.deployments(&filter, DeploymentSort::Finished, paging).await?.rows;
    let before = read.succeeded_before(asked.service.id, asked.environment.id, CHOICES + 1).await?;
    let others = before.into_iter().filter(|one| from.is_none_or(|from| from.id != one.version_id));
    let choice = |one: store::SucceededBefore| {
        let last = deployments.iter().find(|deployment| deployment.version_id == one.version_id);
        RollbackChoice {
            version: one.label.to_string(),
            at: last.and_then(|last| last.finished_at).or(Some(one.finished_at)),
            by: last.map(|last| last.requested_by.clone()).unwrap_or_default(),
            was_rolled_back: one.was_rolled_back,
        }
    };
    Ok(others.map(choice).collect())
}

fn images(planned: &WorkloadPlan) -> Vec<ImageBack> {
    let back = planned.images.iter().map(|image| ImageBack {
        workload: format!("{} in {}", planned.placed.workload, planned.cluster_name),
        container: image.container.to_string(),
        image: image.image.clone(),
    });
    back.collect()
}
