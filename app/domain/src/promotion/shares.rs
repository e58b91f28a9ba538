//! Shares as they are, beside those that are wanted: what objects say, and where no object says it what the pods'
//! numbers give.

use super::{Plan, Promotion, Run, WorkloadPlan, WorkloadProgress};
use crate::{
    observation::PlacedWorkload,
    traffic::{TrafficLayer, Weight},
};

impl Promotion {
    /// The candidate's share that was last seen. Where clusters differ, that of the one which is furthest from
    /// `wanted`.
    #[must_use]
    pub fn share_seen(&self, wanted: Weight) -> Option<Weight> {
        let run = self.run()?;
        if run.routes.is_empty() {
            furthest(self.plan.workloads.iter().filter_map(|planned| share_by_pods(planned, run, wanted)), wanted)
        } else {
            furthest(run.routes.iter().map(|route| route.seen), wanted)
        }
    }
}

impl Promotion {
    /// What a share comes to beside the pods that its workloads need for all of their traffic; the share itself where
    /// that is not known. Not what is ready at this moment: it changes only with what is asked for.
    #[must_use]
    pub fn share_in_fact(&self, wanted: Weight) -> Weight {
        let of = |planned: &WorkloadPlan| {
            let (run, candidate) = (self.run()?, planned.candidate.as_ref()?);
            let load = run.loads.iter().find(|load| load.placed == planned.placed).map(|load| load.full);
            let full = load.filter(|full| *full > 0)?;
            Some(candidate.layer.comes_to(full, wanted))
        };
        furthest(self.plan.workloads.iter().filter_map(of), wanted).unwrap_or(wanted)
    }
}

impl Plan {
    /// What the shares of its steps come to beside `full` pods that serve, in words, where whole pods cannot express
    /// them: `10 % comes to 25 %`.
    #[must_use]
    pub fn shares_in_fact(&self, full: u32) -> Vec<String> {
        let Some((_, settings)) = self.strategy.candidate().filter(|_| full > 0) else { return Vec::new() };
        let mut lines = Vec::new();
        for weight in self.steps.iter().filter_map(|step| step.weight()) {
            let in_fact = settings.layer().comes_to(full, weight);
            let line = format!("{weight} comes to {in_fact}");
            if in_fact != weight && !lines.contains(&line) {
                lines.push(line);
            }
        }
        lines
    }
}

fn furthest(shares: impl Iterator<Item = Weight>, wanted: Weight) -> Option<Weight> {
    shares.max_by_key(|share| share.as_percent().abs_diff(wanted.as_percent()))
}

/// The share that the pods of a workload's candidate have beside its own; `None` without a candidate or pods.
fn share_by_pods(planned: &WorkloadPlan, run: &Run, wanted: Weight) -> Option<Weight> {
    let candidate = planned.placed_candidate()?;
    let ready = |seen: &[WorkloadProgress], placed: &PlacedWorkload| {
        seen.iter().find(|progress| progress.placed == *placed).map_or(0, |progress| progress.counts.ready)
    };
    let (stable, candidate) = (ready(&run.progress, &planned.placed), ready(&run.candidates, &candidate));
    (stable + candidate > 0).then(|| TrafficLayer::Replicas.achievable(stable, candidate, wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_clusters_differ_the_one_furthest_from_what_is_wanted_is_shown() {
        let of = |shares: &[u8], wanted| {
            let shares = shares.iter().map(|share| Weight::at_most(*share));
            furthest(shares, Weight::at_most(wanted)).map(Weight::as_percent)
        };
        assert_eq!(of(&[], 25), None);
        assert_eq!(of(&[25, 10], 25), Some(10));
        assert_eq!(of(&[10, 25], 25), Some(10), "whichever comes first by its name");
        assert_eq!(of(&[0, 40, 100], 60), Some(0));
        assert_eq!(of(&[50, 50], 50), Some(50));
    }
}
