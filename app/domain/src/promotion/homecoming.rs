//! Traffic that comes home needs pods there: an autoscaler takes them away while the candidate serves.
//! So it comes in the parts that the workload's pods can carry; where it cannot come in parts it waits,
//! with the numbers, and then asks a person. On the way back because of an abort or a breach nothing
//! here counts: traffic moves first.

use chrono::{DateTime, Duration, Utc};

use super::{Hold, JournalEvent, Move, Promotion, Run, StableWant, WorkloadProgress, decide::Draft, tell::Seen};
use crate::{actor::Identity, capacity::Load, traffic::Weight};

/// The rule that speaks in the journal and holds.
pub(super) const CAPACITY: &str = "capacity";

/// How long an autoscaler has to answer to a share: it looks every 15 s at figures that are up to a
/// minute old.
const CONTENT_AFTER_SECONDS: i64 = 90;

/// What becomes of a move.
pub(super) enum Way {
    /// This is made, or a part of it.
    Free(Move),
    /// Nothing yet, for this reason.
    Short(String),
}

/// Takes in what decides about pods, and what the workloads ask for.
pub(super) fn look(run: &mut Run, seen: &Seen) {
    let share = run.wanted.weight.want;
    // Once the workload is replaced, its pods say nothing of the traffic that it had.
    let is_learning = run.wanted.stable.want == StableWant::AsItIs;
    for (placed, capacity) in seen.capacities {
        let Some(pods) = counts(&run.progress, placed).map(|(_, wanted)| wanted) else { continue };
        match run.loads.iter_mut().find(|load| load.placed == *placed) {
            Some(load) => load.read(capacity.clone()),
            None => run.loads.push(Load::new(placed.clone(), capacity.clone(), pods, share)),
        }
    }
    for load in run.loads.iter_mut().filter(|_| is_learning) {
        if let Some((_, pods)) = counts(&run.progress, &load.placed) {
            load.look(pods, share);
        }
    }
}

/// Ready pods and those that are asked for.
fn counts(progress: &[WorkloadProgress], placed: &crate::observation::PlacedWorkload) -> Option<(u32, u32)> {
    progress.iter().find(|p| p.placed == *placed).map(|p| (p.counts.ready, p.counts.wanted))
}

/// What becomes of a move that the steps ask for.
pub(super) fn way(promotion: &Promotion, run: &Run, next: Move, now: DateTime<Utc>) -> Way {
    let Move::Shift(goal) = next else { return Way::Free(next) };
    let present = run.wanted.weight.want;
    if run.wanted.stable.want != StableWant::Version || goal >= present || run.is_short_accepted {
        return Way::Free(next);
    }
    let mut keeps = goal;
    let mut short = None;
    for load in &run.loads {
        let Some(planned) = promotion.plan.workloads.iter().find(|w| w.placed == load.placed) else { continue };
        let is_gradual = planned.candidate.as_ref().is_some_and(|candidate| candidate.layer.is_gradual());
        let (ready, wanted) = counts(&run.progress, &load.placed).unwrap_or_default();
        let has_had_time = run.settled_at.is_some_and(|at| now >= at + Duration::seconds(CONTENT_AFTER_SECONDS));
        let part = load.candidate_keeps(ready, present, has_had_time && ready >= wanted);
        let kept = if is_gradual || part == Weight::NONE { part } else { present };
        if kept >= present {
            let serving = planned.placed_candidate().and_then(|placed| counts(&run.candidates, &placed));
            short.get_or_insert_with(|| load.short_words(ready, serving.map_or(0, |(ready, _)| ready)));
        }
        keeps = keeps.max(kept);
    }
    match short {
        Some(why) => Way::Short(why),
        None => Way::Free(Move::Shift(keeps)),
    }
}

/// Waits for pods, and asks a person when they do not come.
pub(super) fn wait(draft: &mut Draft, run: &mut Run, why: String, since: DateTime<Utc>) {
    let budget = draft.next.plan.rollout_budget_seconds;
    run.waits(draft.now);
    if run.is_over_budget(since, budget, draft.now) {
        draft.note_rule(CAPACITY, JournalEvent::Held { why: why.clone() });
        run.hold =
            Some(Hold { by: Identity::rule(CAPACITY), why: why.clone(), since: draft.now, lifts: true, until: None });
    }
    run.short = Some(why);
}

/// What was missing is there: it goes on by itself.
pub(super) fn lift(draft: &mut Draft, run: &mut Run, next: Option<&Move>) {
    let is_ours = run.hold.as_ref().is_some_and(|hold| hold.lifts && hold.by == Identity::rule(CAPACITY));
    let is_free = || next.is_none_or(|next| matches!(way(&draft.next, run, next.clone(), draft.now), Way::Free(_)));
    if is_ours && is_free() {
        draft.note_rule(CAPACITY, JournalEvent::WentOn);
        run.hold = None;
    }
}
