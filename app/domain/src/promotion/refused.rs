//! What clusters will never take: at the start it fails, on the way it takes the version back, and while that is taken
//! back it holds up nothing else.

use serde::{Deserialize, Serialize};

use super::{Phase, Run, TakeBackCause, decide::Draft};
use crate::observation::PlacedWorkload;

/// Which part of a workload's change a write was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WritePart {
    /// The workload itself.
    Workload,
    /// The candidate beside it.
    Candidate,
    /// Who gets which share of its traffic.
    Route,
    /// The Job of a step.
    Job,
}

/// A write that a cluster will never take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedWrite {
    /// The workload that it was for.
    pub placed: PlacedWorkload,
    /// Which part of it.
    pub part: WritePart,
    /// The object and the cluster's words.
    pub words: String,
}

impl Run {
    /// Whether a cluster has refused this on the way back: it stays as it is then.
    pub(super) fn is_refused(&self, placed: &PlacedWorkload, part: WritePart) -> bool {
        self.refused.iter().any(|write| write.placed == *placed && write.part == part)
    }
}

/// Takes in what clusters refused. A refusal of what is not wanted any more says nothing.
pub(super) fn by_clusters(draft: &mut Draft, generation: u32, writes: Vec<RefusedWrite>) {
    let Some(message) = writes.first().map(|write| write.words.clone()) else { return };
    match draft.next.phase.clone() {
        Phase::Starting { run } if run.generation == generation => draft.fail_at_start(run, message),
        Phase::Progressing { run, .. } if run.generation == generation => {
            draft.take_back_by_rule(run, TakeBackCause::RefusedByCluster { message });
        }
        Phase::TakingBack { mut run, cause, since } if run.generation == generation => {
            for write in writes {
                if !run.is_refused(&write.placed, write.part) {
                    run.refused.push(write);
                }
            }
            draft.next.phase = Phase::TakingBack { run, cause, since };
        }
        Phase::Waiting { .. }
        | Phase::Starting { .. }
        | Phase::Progressing { .. }
        | Phase::TakingBack { .. }
        | Phase::Watching { .. }
        | Phase::Succeeded { .. }
        | Phase::Failed { .. }
        | Phase::Aborted { .. }
        | Phase::Rejected { .. }
        | Phase::Cancelled { .. }
        | Phase::Expired { .. }
        | Phase::Superseded { .. } => {}
    }
}
