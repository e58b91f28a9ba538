//! How a run goes back: traffic before pods, each move as soon as what it stands on is there, and until
//! the budget is used up. What others have set is left, and said.

use chrono::{DateTime, Utc};

use super::{
    JournalEvent, Move, Phase, Promotion, RouteProgress, Run, StableWant, TakeBackCause, TakenBack, WorkloadProgress,
    decide::Draft,
    goals::goal_back,
    jobs,
    progress::{is_drained, last_pods, open_in_words, overtaken, stands_against, take_in, words_of},
    tell::{Seen, Telling},
};
use crate::{
    aside::Aside,
    observation::{PlacedWorkload, PodCounts},
    traffic::Weight,
};

/// The first move back, made at once where nothing stands against it. Answers it in words, where the
/// traffic or a candidate is moved.
pub(super) fn begin_back(promotion: &Promotion, run: &mut Run, now: DateTime<Utc>) -> Option<String> {
    run.hold = None;
    run.by_hand = None;
    run.asked = None;
    jobs::end(run, now);
    // What comes now is not what was waited for until now: it has a budget of its own.
    run.wanted_since = Some(now);
    run.waits_since = None;
    let first = run.wanted.toward(&goal_back(run));
    let is_free = |next: &Move| match next {
        Move::Stable(_) => true,
        Move::Shift(_) | Move::Aside(_) | Move::Remove | Move::Grow(_) => may_go_back(promotion, run, Some(next), now),
    };
    let first = first.filter(is_free)?;
    let words = (!matches!(first, Move::Stable(_))).then(|| words_of(promotion, run, &first));
    run.want(first, now);
    words
}

/// Takes in what a run sees that is taken back.
pub(super) fn taking_back(draft: &mut Draft, mut run: Run, cause: TakeBackCause, since: DateTime<Utc>, seen: &Seen) {
    run.look(draft.now, draft.next.trouble.is_some());
    let telling = Telling::hear(&draft.next, &run, seen, Some(&cause));
    if let Some(object) = telling.overtaken {
        return overtaken(draft, run, object);
    }
    let mut left = left_as_it_is(&cause);
    left.extend(telling.left.iter().cloned());
    left.extend(run.refused.iter().map(|write| write.words.clone()));
    left.dedup();
    let keeps_candidate = telling.keeps_candidate;
    take_in(draft, &mut run, telling);
    jobs::hear(draft, &mut run, seen);
    let next = run.wanted.toward(&goal_back(&run));
    // Whoever has ended writes nothing any more: the traffic of the others goes home first.
    let is_home = run.routes.iter().all(|route| route.is_settled);
    let is_removal = next == Some(Move::Remove);
    if is_removal && keeps_candidate && is_home {
        return draft.end(run, cause, TakenBack::Incomplete { what: left.join("; ") });
    }
    note_settled(&mut run, draft.now);
    if may_go_back(&draft.next, &run, next.as_ref(), draft.now) {
        let Some(next) = next else {
            let back =
                if left.is_empty() { TakenBack::Complete } else { TakenBack::Incomplete { what: left.join("; ") } };
            return draft.end(run, cause, back);
        };
        draft.note_rule("strategy", JournalEvent::Moves { next: words_of(&draft.next, &run, &next) });
        run.want(next, draft.now);
    }
    if run.is_over_budget(since, draft.next.plan.rollout_budget_seconds, draft.now) {
        left.push(open_in_words(&run));
        left.extend(last_pods(&draft.next, &run).filter(|_| is_removal));
        left.retain(|words| !words.is_empty());
        return draft.end(run, cause, TakenBack::Incomplete { what: left.join("; ") });
    }
    draft.next.phase = Phase::TakingBack { run, cause, since };
}

/// Takes in what a run sees that is taken back while some of its clusters do not answer: where what comes
/// back is there, the traffic goes home to it, whatever the others do. Each of those waits for its own pods
/// (see [`waits_for_its_own`]), and nothing else moves or ends before everything was seen.
pub(super) fn partly_seen(draft: &mut Draft, mut run: Run, cause: TakeBackCause, since: DateTime<Utc>, seen: &Seen) {
    let Some(next @ Move::Shift(_)) = run.wanted.toward(&goal_back(&run)) else { return };
    let telling = Telling::hear(&draft.next, &run, seen, Some(&cause));
    if telling.overtaken.is_some() || telling.routes.is_empty() {
        return;
    }
    for now in telling.workloads {
        run.progress.iter_mut().filter(|known| known.placed == now.placed).for_each(|known| *known = now.clone());
    }
    for now in telling.candidates {
        run.candidates.iter_mut().filter(|known| known.placed == now.placed).for_each(|known| *known = now.clone());
    }
    if !telling.routes.iter().any(|route| goes_home(&run, route)) {
        return;
    }
    draft.note_rule("strategy", JournalEvent::Moves { next: words_of(&draft.next, &run, &next) });
    run.want(next, draft.now);
    draft.next.phase = Phase::TakingBack { run, cause, since };
}

/// Whether the traffic of one workload may go home now.
fn goes_home(run: &Run, route: &RouteProgress) -> bool {
    !waits_for_its_own(run, route) && stands_against(run, route, Weight::NONE, &Aside::NOTHING).is_none()
}

/// Whether the traffic of one workload stays with its candidate because what comes back is not there yet,
/// though the traffic of others goes home already.
pub(super) fn waits_for_its_own(run: &Run, route: &RouteProgress) -> bool {
    let is_coming = run.wanted.stable.want == StableWant::Before;
    let own = run.progress.iter().find(|progress| progress.placed == route.placed);
    is_coming && own.is_some_and(|own| !own.is_complete) && !is_carried(run, route)
}

/// Since when the shares are what is wanted: the candidate's pods may end some time after.
fn note_settled(run: &mut Run, now: DateTime<Utc>) {
    if run.routes.iter().all(|r| r.is_settled) {
        run.settled_at.get_or_insert(now);
    } else {
        run.settled_at = None;
    }
}

/// Whether what the next move back stands on is there; without a move, whether all is back. A
/// candidate may be as bad as it likes meanwhile.
fn may_go_back(promotion: &Promotion, run: &Run, next: Option<&Move>, now: DateTime<Utc>) -> bool {
    let is_back = run.progress.iter().all(|p| p.is_complete);
    match next {
        Some(Move::Stable(_) | Move::Grow(_) | Move::Aside(_)) => true,
        // What still serves may be worse than what is coming back: traffic does not wait for the last pod.
        // Each route waits for its own pods, and for no other's.
        Some(Move::Shift(_)) => run.routes.is_empty() || run.routes.iter().any(|route| goes_home(run, route)),
        Some(Move::Remove) => {
            is_back
                && run.routes.iter().all(|r| r.is_settled)
                && is_drained(run, now)
                && last_pods(promotion, run).is_none()
        }
        None => {
            is_back
                && run.jobs.iter().all(|job| job.is_gone)
                && (!run.wanted.has_candidates() || run.candidates.iter().all(|p| p.is_complete))
        }
    }
}

/// Whether what comes back of one workload can carry what its candidate carries. Pods of the template
/// that is being replaced do not count: they are about to end.
fn is_carried(run: &Run, route: &RouteProgress) -> bool {
    let count = |progress: &[WorkloadProgress], placed: &PlacedWorkload, of: fn(&PodCounts) -> u32| {
        progress.iter().find(|p| p.placed == *placed).map_or(0, |p| of(&p.counts))
    };
    let coming = count(&run.progress, &route.placed, |counts| counts.available);
    let serving = count(&run.candidates, &route.candidate, |counts| counts.ready);
    if serving == 0 {
        // Nobody is served there: whatever is ready is better, also while it is replaced.
        return count(&run.progress, &route.placed, |counts| counts.ready) > 0;
    }
    coming >= serving
}

fn left_as_it_is(cause: &TakeBackCause) -> Vec<String> {
    match cause {
        TakeBackCause::ChangedByOthers { .. } | TakeBackCause::Deleted { .. } | TakeBackCause::RouteChanged { .. } => {
            vec![cause.words()]
        }
        TakeBackCause::Rollout { .. }
        | TakeBackCause::Budget { .. }
        | TakeBackCause::Aborted { .. }
        | TakeBackCause::Superseded { .. }
        | TakeBackCause::RefusedByCluster { .. }
        | TakeBackCause::Unserved { .. }
        | TakeBackCause::Deployer { .. }
        | TakeBackCause::Job { .. }
        | TakeBackCause::Breach { .. }
        | TakeBackCause::Undecided { .. }
        | TakeBackCause::Alert { .. } => Vec::new(),
    }
}
