//! What is looked up in the clusters before somebody decides: how the workloads of a target are set now. It helps to
//! decide and is not needed for it: a cluster that does not answer within [`PATIENCE`] is left out.

use std::time::Duration;

use contract::{Answer, services::TargetNow};
use domain::{
    delegated::ToolStatus,
    ids::VersionId,
    observation::{Observed, PlacedWorkload, WorkloadKind, WorkloadObservation},
    promotion::{Plan, Promotion, SavedWorkload, WholeTemplate, WorkloadPlan},
    rollout,
    template::changed_places,
};
use futures::future::join_all;
use ports::template_images;
use store::{Paging, Read, StoreError};

use super::{
    field::{self, Look},
    request::{Asked, runs},
    views::plan_now,
};
use crate::{Engine, error::OrFail};

/// How long a page waits for the clusters.
const PATIENCE: Duration = Duration::from_secs(2);

/// Workloads as they are now; those that are there and can be asked.
pub(crate) async fn present(
    engine: &Engine,
    workloads: impl Iterator<Item = &PlacedWorkload>,
) -> Vec<(PlacedWorkload, WorkloadObservation)> {
    let looks = workloads.map(|placed| async move {
        let look = async {
            let cluster = engine.clusters().handle(placed.cluster).await.ok()?;
            cluster.observe(&placed.workload).await.ok()
        };
        match tokio::time::timeout(PATIENCE, look).await {
            Ok(Some(Observed::Present(seen))) => Some((placed.clone(), *seen)),
            Ok(Some(Observed::Missing) | None) | Err(_) => None,
        }
    });
    join_all(looks).await.into_iter().flatten().collect()
}

fn placed(planned: &[WorkloadPlan]) -> impl Iterator<Item = &PlacedWorkload> {
    planned.iter().map(|one| &one.placed)
}

/// What a plan would meet if it started now. While another promotion is at work in the target (`occupant`, its number),
/// what it has set there refuses nothing: this one would wait for its end.
pub(super) async fn rehearse(engine: &Engine, asked: &Asked, plan: Plan, occupant: Option<i64>) -> TargetNow {
    let at = (asked.service.id, asked.environment.id, asked.target.id);
    let rehearsal = Promotion::rehearsal(plan, at, engine.now());
    let Look { seen, troubles, unsized_because } = field::look_within(engine.clusters(), &rehearsal, PATIENCE).await;
    let mut unknown = troubles;
    let refused = match occupant {
        None => rehearsal.refused_at_start(&seen),
        Some(number) => {
            unknown.push(format!("promotion {number} is at work here: what comes after it is known when it has ended"));
            Vec::new()
        }
    };
    let (mut warnings, mut capacity) = (Vec::new(), Vec::new());
    for planned in &rehearsal.plan.workloads {
        let now = seen.workloads.iter().find(|(placed, _)| *placed == planned.placed);
        let Some((_, Observed::Present(now))) = now else { continue };
        warnings.extend(rollout::capacity_warnings(now, planned.candidate.is_some()));
        if let Some(ToolStatus::ArgoRollouts(status)) = &now.tool
            && !status.steps.is_empty()
        {
            let steps: Vec<&str> = status.steps.iter().map(|step| step.words.as_str()).collect();
            let (cluster, steps) = (&planned.cluster_name, steps.join(" → "));
            capacity.push(format!("steps of {cluster} {}: {steps}", now.workload));
        }
        let shares = rehearsal.plan.shares_in_fact(now.wanted_replicas);
        if planned.candidate.is_some() && !shares.is_empty() {
            let (cluster, name, pods) = (&planned.cluster_name, &now.workload, now.wanted_replicas);
            capacity.push(format!("by whole pods beside the {pods} of {cluster} {name}, {}", shares.join(", ")));
        }
    }
    capacity.extend(seen.capacities.iter().flat_map(|(_, known)| known.lines()));
    let unsized_because = unsized_because.into_iter().map(|why| format!("what sizes the workload is not known: {why}"));
    capacity.extend(unsized_because);
    TargetNow { refused, warnings, capacity, unknown }
}

/// What a promotion would meet in a target at this moment, by what runs there, or the newest version there is; nothing is
/// known where there is none.
///
/// # Errors
/// When the database fails.
pub(crate) async fn target_now(engine: &Engine, service: &str, environment: &str) -> Answer<TargetNow> {
    let mut read = engine.store().read().await.or_fail(engine)?;
    let asked = engine.asked(&mut read, service, environment).await?;
    let version = match runs(&mut read, &asked).await.or_fail(engine)? {
        Some(id) => read.version(id).await.or_fail(engine)?,
        None => {
            let newest = read.versions_of_service(asked.service.id, Paging::first(1)).await.or_fail(engine)?;
            newest.rows.into_iter().next().map(|row| row.version)
        }
    };
    let Some(version) = version else { return Ok(TargetNow::default()) };
    let made = plan_now(engine, &mut read, &asked, &version, &asked.target.strategy).await?;
    let occupant = read.occupant(asked.target.id).await.or_fail(engine)?.map(|occupant| occupant.number);
    // No transaction stays open while a cluster is asked.
    drop(read);
    Ok(match made {
        Ok(plan) => rehearse(engine, &asked, plan, occupant).await,
        Err(error) => TargetNow { refused: vec![error.to_string()], ..TargetNow::default() },
    })
}

/// The pod templates with which the version ran last in the place, as they were saved when the next one came; empty where
/// none were.
///
/// # Errors
/// [`StoreError`].
pub(super) async fn saved_over(
    read: &mut Read,
    asked: &Asked,
    version: VersionId,
) -> Result<Vec<SavedWorkload>, StoreError> {
    let next = read.last_promotion_over(asked.target.id, version).await?;
    Ok(next.and_then(|next| next.promotion.run().map(|run| run.saved.clone())).unwrap_or_default())
}

/// The templates that can come back whole: those of Deployments that were saved with the images of the plan in them.
/// One with other images says nothing about its version; what another tool sets is that tool's.
pub(super) fn whole_templates(planned: &[WorkloadPlan], saved: &[SavedWorkload]) -> Vec<WholeTemplate> {
    let of = |one: &WorkloadPlan| {
        let is_of_version = |saved: &&SavedWorkload| {
            let inside = template_images(&saved.template);
            saved.placed == one.placed && one.images.iter().all(|image| inside.contains(image))
        };
        let saved = saved.iter().find(is_of_version)?;
        Some(WholeTemplate { placed: one.placed.clone(), template: saved.template.clone() })
    };
    planned.iter().filter(|one| one.placed.workload.kind == WorkloadKind::Deployment).filter_map(of).collect()
}

/// In which places the pod templates differ now from those with which the version ran, by workload.
pub(super) async fn changed_since(engine: &Engine, planned: &[WorkloadPlan], saved: &[SavedWorkload]) -> Vec<String> {
    let whole = whole_templates(planned, saved);
    if whole.is_empty() {
        return Vec::new();
    }
    let mut changed = Vec::new();
    for (placed, seen) in present(engine, self::placed(planned)).await {
        let then = whole.iter().find(|whole| whole.placed == placed);
        let places = then.map(|then| changed_places(&then.template, &seen.template)).unwrap_or_default();
        changed.extend(places.into_iter().map(|place| format!("{}: {place}", placed.workload)));
    }
    changed
}
