//! What an observation does to a live promotion.

use chrono::{DateTime, Utc};

use super::{
    JournalEvent, Phase, Run, Sight, TakeBackCause, by_git,
    decide::{Draft, trouble},
    progress, start,
    tell::{Seen, Telling},
    way_back,
};

/// Takes in what objects look like. Where some could not be read, the others can still go bad, and
/// nothing else is concluded.
pub(super) fn observed(draft: &mut Draft, sight: &Sight) {
    if draft.next.is_over() {
        return;
    }
    if let Some(git) = &sight.git {
        by_git::hear(draft, git);
    }
    let seen = Seen::new(sight);
    if seen.is_whole(&draft.next) {
        wholly_observed(draft, &seen, sight.trouble.is_some());
    } else {
        partly_observed(draft, &seen);
    }
    if let Some(message) = &sight.trouble {
        trouble(draft, message.clone());
    }
}

/// Everything was read; `is_troubled` when something could not be written all the same.
fn wholly_observed(draft: &mut Draft, seen: &Seen, is_troubled: bool) {
    if !is_troubled && draft.next.trouble.take().is_some() {
        draft.note_rule("rollout", JournalEvent::TroubleOver);
    }
    match draft.next.phase.clone() {
        Phase::Starting { run } => start::starting(draft, run, seen),
        Phase::Progressing { run, step, since } => progress::progressing(draft, run, step, since, seen),
        Phase::TakingBack { run, cause, since } => way_back::taking_back(draft, run, cause, since, seen),
        Phase::Watching { run, finished_at, .. } => watching(draft, &run, finished_at, seen),
        Phase::Waiting { .. }
        | Phase::Succeeded { .. }
        | Phase::Failed { .. }
        | Phase::Aborted { .. }
        | Phase::Rejected { .. }
        | Phase::Cancelled { .. }
        | Phase::Expired { .. }
        | Phase::Superseded { .. } => {}
    }
}

/// What is bad is bad whether or not the other clusters answer, and what goes back there goes back.
fn partly_observed(draft: &mut Draft, seen: &Seen) {
    match draft.next.phase.clone() {
        Phase::Progressing { run, step, since } => progress::partly_seen(draft, run, step, since, seen),
        Phase::TakingBack { run, cause, since } => way_back::partly_seen(draft, run, cause, since, seen),
        Phase::Watching { run, .. } => {
            let bad = Telling::hear(&draft.next, &run, seen, None).bad.filter(is_of_the_version);
            if let Some(cause) = bad.filter(|_| draft.facts.occupant.is_none()) {
                draft.take_back_by_rule(run, cause);
            }
        }
        Phase::Waiting { .. }
        | Phase::Starting { .. }
        | Phase::Succeeded { .. }
        | Phase::Failed { .. }
        | Phase::Aborted { .. }
        | Phase::Rejected { .. }
        | Phase::Cancelled { .. }
        | Phase::Expired { .. }
        | Phase::Superseded { .. } => {}
    }
}

/// Whether pods of the version fail. That no more of them can be made (a quota that an autoscaler has met) says nothing
/// of it, and what ran before would meet the same.
fn is_of_the_version(cause: &TakeBackCause) -> bool {
    matches!(cause, TakeBackCause::Rollout { .. }) && !progress::is_unmade(cause)
}

/// The version runs already: only pods that fail bring it back. What somebody else has changed since
/// is theirs, and ends the watch.
fn watching(draft: &mut Draft, run: &Run, finished_at: DateTime<Utc>, seen: &Seen) {
    match Telling::hear(&draft.next, run, seen, None).bad {
        // Another promotion that has started since ends the watch; two writers would fight.
        Some(_) if draft.facts.occupant.is_some() => {}
        Some(cause) if is_of_the_version(&cause) => draft.take_back_by_rule(run.clone(), cause),
        Some(cause) if progress::is_unmade(&cause) => {}
        Some(_) => {
            draft.note_rule("watch", JournalEvent::Succeeded);
            draft.next.phase = Phase::Succeeded { run: run.clone(), finished_at };
        }
        None => {}
    }
}
