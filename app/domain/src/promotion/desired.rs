//! What the clusters should look like in a state. Derived again on every pass, never queued.

use super::{Phase, Promotion, Run, TakeBackCause, WorkloadPlan};
use crate::{
    image::ContainerImage,
    observation::{PlacedWorkload, Stamp},
};

/// What the clusters should look like now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Desired {
    /// The mark that each write carries.
    pub stamp: Stamp,
    /// Each workload.
    pub workloads: Vec<DesiredWorkload>,
}

/// What one workload should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DesiredWorkload {
    /// Which object.
    pub placed: PlacedWorkload,
    /// The cluster's name, for messages.
    pub cluster_name: String,
    /// What its pod template should be.
    pub template: DesiredTemplate,
    /// The images, by container, over which this may be written: what ran before and what this
    /// promotion has set. Anything else was set by someone else and stays.
    pub over: Vec<ContainerImage>,
}

/// What a pod template should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DesiredTemplate {
    /// These images, everything else untouched.
    Images(Vec<ContainerImage>),
    /// Exactly this template.
    Restored(serde_json::Value),
}

/// What the clusters should look like now; `None` when this promotion wants nothing of them.
#[must_use]
pub fn desired(promotion: &Promotion) -> Option<Desired> {
    match &promotion.phase {
        Phase::Progressing { run, .. } => Some(Desired {
            stamp: stamp(promotion, run),
            workloads: promotion.plan.workloads.iter().map(|planned| with_images(planned, run)).collect(),
        }),
        Phase::TakingBack { run, cause, .. } => Some(Desired {
            stamp: stamp(promotion, run),
            workloads: promotion
                .plan
                .workloads
                .iter()
                .filter(|planned| is_put_back(planned, cause))
                .filter_map(|planned| restored(planned, run))
                .collect(),
        }),
        Phase::Waiting { .. }
        | Phase::Starting { .. }
        | Phase::Watching { .. }
        | Phase::Succeeded { .. }
        | Phase::Failed { .. }
        | Phase::Aborted { .. }
        | Phase::Rejected { .. }
        | Phase::Cancelled { .. }
        | Phase::Expired { .. }
        | Phase::Superseded { .. } => None,
    }
}

pub(super) fn stamp(promotion: &Promotion, run: &Run) -> Stamp {
    Stamp { target: promotion.target, promotion: promotion.id, sequence: run.sequence, generation: run.generation }
}

/// How a workload is named in messages: `eu-1 shop/cart`.
pub(super) fn shown(planned: &WorkloadPlan) -> String {
    format!("{} {}", planned.cluster_name, planned.placed.workload)
}

/// A workload that someone else changed, or deleted, in the middle stays as they left it.
pub(super) fn is_put_back(planned: &WorkloadPlan, cause: &TakeBackCause) -> bool {
    match cause {
        TakeBackCause::ChangedByOthers { workload, .. } | TakeBackCause::Deleted { workload } => {
            *workload != shown(planned)
        }
        TakeBackCause::Rollout { .. }
        | TakeBackCause::Budget { .. }
        | TakeBackCause::Aborted { .. }
        | TakeBackCause::Superseded { .. }
        | TakeBackCause::RefusedByCluster { .. } => true,
    }
}

/// The images that this run knows in the containers that it sets: those from before, and its own.
pub(super) fn known_images(planned: &WorkloadPlan, run: &Run) -> Vec<ContainerImage> {
    let is_set = |c: &&ContainerImage| planned.images.iter().any(|i| i.container == c.container);
    let saved = run.saved.iter().find(|saved| saved.placed == planned.placed);
    let before = saved.into_iter().flat_map(|saved| &saved.images).filter(is_set);
    planned.images.iter().chain(before).cloned().collect()
}

fn with_images(planned: &WorkloadPlan, run: &Run) -> DesiredWorkload {
    DesiredWorkload {
        over: known_images(planned, run),
        placed: planned.placed.clone(),
        cluster_name: planned.cluster_name.clone(),
        template: DesiredTemplate::Images(planned.images.clone()),
    }
}

fn restored(planned: &WorkloadPlan, run: &Run) -> Option<DesiredWorkload> {
    let saved = run.saved.iter().find(|saved| saved.placed == planned.placed)?;
    Some(DesiredWorkload {
        placed: planned.placed.clone(),
        cluster_name: planned.cluster_name.clone(),
        template: DesiredTemplate::Restored(saved.template.clone()),
        over: known_images(planned, run),
    })
}
