//! What is looked up in the clusters before somebody decides: how the workloads of a target are set now. It helps to
//! decide and is not needed for it: a cluster that does not answer within [`PATIENCE`] is left out.

use std::time::Duration;

use domain::{
    ids::VersionId,
    observation::{Observed, PlacedWorkload, WorkloadKind, WorkloadObservation},
    promotion::{SavedWorkload, WholeTemplate, WorkloadPlan},
    rollout,
    template::changed_places,
};
use futures::future::join_all;
use ports::template_images;
use store::{Read, StoreError};

use super::request::Asked;
use crate::Engine;

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

/// What should be known of the workloads' own settings before their pods are replaced.
pub(super) async fn capacity_warnings(engine: &Engine, planned: &[WorkloadPlan]) -> Vec<String> {
    let present = present(engine, placed(planned)).await;
    let tried = |at: &PlacedWorkload| planned.iter().any(|one| one.placed == *at && one.candidate.is_some());
    present.iter().flat_map(|(placed, seen)| rollout::capacity_warnings(seen, tried(placed))).collect()
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
