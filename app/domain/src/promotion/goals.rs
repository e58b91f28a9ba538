//! Where a run leads: what its steps so far ask for, and what is wanted again when it is taken back.

use super::{Goal, Promotion, Run, StableWant, WorkloadPlan, tell::sizes};
use crate::{aside::Aside, strategy::Step, traffic::Weight};

/// Where the steps up to the present one lead.
pub(super) fn goal(promotion: &Promotion, run: &Run, step: usize) -> Goal {
    let done = promotion.plan.steps.iter().take(step + 1);
    if done.clone().any(|step| *step == Step::Rollout) {
        return everything_first(promotion, run).unwrap_or_else(Goal::rolled_out);
    }
    let mut by_steps = done.clone().filter_map(Step::weight);
    let weight = run.by_hand.or(by_steps.next_back()).unwrap_or(Weight::NONE);
    let has_preview = done.clone().any(|step| *step == Step::Preview);
    let aside = done.fold(Aside::NOTHING, |aside, step| step.aside_after(aside));
    let share = if has_preview { Weight::ALL } else { aside.load_with(weight) };
    let candidates = sizes(promotion, run, share);
    // Beside workloads that are scaled to nothing there is no traffic to share.
    let (weight, aside) =
        if candidates.is_empty() { (run.wanted.weight.want.min(weight), Aside::NOTHING) } else { (weight, aside) };
    Goal { stable: StableWant::AsItIs, candidates, weight, aside, is_exact: !has_route(promotion) }
}

/// Whether something besides the number of pods moves the traffic.
fn has_route(promotion: &Promotion) -> bool {
    let has_route = |planned: &WorkloadPlan| planned.candidate.as_ref().is_some_and(|one| one.layer.has_route());
    promotion.plan.workloads.iter().any(has_route)
}

/// A workload is replaced only while its candidate carries all of the traffic, whatever share the steps,
/// or people who left some of them out, have come to.
fn everything_first(promotion: &Promotion, run: &Run) -> Option<Goal> {
    let is_to_come = run.wanted.stable.want == StableWant::AsItIs && run.wanted.weight.want < Weight::ALL;
    let candidates = sizes(promotion, run, Weight::ALL);
    let is_needed = is_to_come && !candidates.is_empty() && has_route(promotion);
    let aside = Aside { mirror: Weight::NONE, ..run.wanted.aside.clone() };
    is_needed.then_some(Goal { stable: StableWant::AsItIs, candidates, weight: Weight::ALL, aside, is_exact: false })
}

/// Where taking back leads.
pub(super) fn goal_back(run: &Run) -> Goal {
    let stable = match run.wanted.stable.want {
        StableWant::AsItIs => StableWant::AsItIs,
        StableWant::Version | StableWant::Before => StableWant::Before,
    };
    Goal::nothing_tried(stable)
}
