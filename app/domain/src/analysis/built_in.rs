//! The checks that need no metric source: what the pods of the new version show.

use super::{BuiltInCheck, Reading};
use crate::{
    observation::{PodCounts, PodObservation, WorkloadObservation},
    rollout::is_hopeless,
};

/// What is seen of a workload that had `settled` pods when its version was all there: those that an autoscaler has
/// added since are only starting, and say nothing of the version.
#[must_use]
pub fn without_later_pods(seen: &WorkloadObservation, settled: u32) -> WorkloadObservation {
    WorkloadObservation { wanted_replicas: seen.wanted_replicas.min(settled), ..seen.clone() }
}

/// Takes a built-in check's reading from what is seen of a side's workloads; `None` for the request to
/// the target, which somebody must make first: its reading is 1 when it failed and 0 when it did not.
/// Without workloads nothing is measured.
#[must_use]
pub fn built_in_reading(check: BuiltInCheck, seen: &[WorkloadObservation]) -> Option<Reading> {
    let new_pods = || seen.iter().flat_map(|w| &w.pods).filter(|p| p.is_updated && !p.is_terminating);
    let count = |is_counted: fn(&PodObservation) -> bool| number(new_pods().filter(|p| is_counted(p)).count());
    let value = match check {
        BuiltInCheck::HealthRequest => return None,
        _ if seen.is_empty() => return Some(Reading::series([])),
        BuiltInCheck::PodsNotReady => count(|pod| !pod.is_ready),
        BuiltInCheck::Restarts => f64::from(new_pods().map(|p| p.restarts).max().unwrap_or(0)),
        BuiltInCheck::WaitingReasons => count(|pod| pod.trouble.as_ref().is_some_and(is_hopeless)),
        BuiltInCheck::HealthByReadiness => {
            let is_short = |w: &WorkloadObservation| PodCounts::from(w).available < w.wanted_replicas;
            f64::from(u8::from(seen.iter().any(is_short)))
        }
    };
    Some(Reading::value(value))
}

fn number(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}
