//! What an observation does to a live promotion.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::{
    Failure, JournalEvent, Phase, Promotion, Run, SavedWorkload, TakeBackCause, TakenBack, WorkloadPlan,
    WorkloadProgress,
    decide::Draft,
    desired::{is_put_back, known_images, shown, stamp},
};
use crate::{
    image::ContainerImage,
    observation::{Observed, PlacedWorkload, PodCounts, Stamp, WorkloadObservation},
    rollout::{Rollout, judge},
};

type Seen<'a> = BTreeMap<&'a PlacedWorkload, &'a Observed>;

/// Takes in what workloads look like. Where some could not be read, the others can still go bad, and
/// nothing else is concluded.
pub(super) fn observed(draft: &mut Draft, seen: &[(PlacedWorkload, Observed)]) {
    if draft.next.is_over() {
        return;
    }
    let seen: Seen = seen.iter().map(|(placed, observed)| (placed, observed)).collect();
    if !draft.next.plan.workloads.iter().all(|planned| seen.contains_key(&planned.placed)) {
        return partly_observed(draft, &seen);
    }
    if draft.next.trouble.take().is_some() {
        draft.note_rule("rollout", JournalEvent::TroubleOver);
    }
    match draft.next.phase.clone() {
        Phase::Starting { run } => starting(draft, run, &seen),
        Phase::Progressing { run, step, since } => progressing(draft, run, step, since, &seen),
        Phase::TakingBack { run, cause, since } => taking_back(draft, run, cause, since, &seen),
        Phase::Watching { run, finished_at, .. } => watching(draft, &run, finished_at, &seen),
        _ => {}
    }
}

/// What is bad is bad whether or not the other clusters answer.
fn partly_observed(draft: &mut Draft, seen: &Seen) {
    let Phase::Progressing { run, .. } = draft.next.phase.clone() else {
        return;
    };
    if let Some(cause) = first_bad(&draft.next, &run, seen) {
        draft.take_back_by_rule(run, cause);
    }
}

/// The first of the workloads that were read that went bad.
fn first_bad(promotion: &Promotion, run: &Run, seen: &Seen) -> Option<TakeBackCause> {
    let mark = stamp(promotion, run);
    promotion.plan.workloads.iter().find_map(|planned| {
        let now = seen.get(&planned.placed)?;
        match tell(planned, now, mark, &planned.images, run) {
            Told::Bad(_, cause) => Some(cause),
            Told::Progress(_) | Told::Overtaken(_) => None,
        }
    })
}

/// The version runs already: only pods that fail bring it back. What somebody else has changed since
/// is theirs, and ends the watch.
fn watching(draft: &mut Draft, run: &Run, finished_at: DateTime<Utc>, seen: &Seen) {
    match first_bad(&draft.next, run, seen) {
        // Another promotion that has started since ends the watch; two writers would fight.
        Some(_) if draft.facts.occupant.is_some() => {}
        Some(cause @ TakeBackCause::Rollout { .. }) => draft.take_back_by_rule(run.clone(), cause),
        Some(_) => {
            draft.note_rule("watch", JournalEvent::Succeeded);
            draft.next.phase = Phase::Succeeded { run: run.clone(), finished_at };
        }
        None => {}
    }
}

/// Looks before the first write: everything that would make the change wrong is found here.
fn starting(draft: &mut Draft, mut run: Run, seen: &Seen) {
    if draft.next.plan.workloads.is_empty() {
        let message = "the target has no workloads any more; set them on the service's page, then promote again";
        return draft.fail_at_start(run, message.to_owned());
    }
    for planned in draft.next.plan.workloads.clone() {
        match entry(seen, &planned) {
            Observed::Missing => {
                let message = format!(
                    "{} is not there; create the Deployment or correct the target, then promote again",
                    shown(&planned)
                );
                return draft.fail_at_start(run, message);
            }
            Observed::Present(now) => {
                if let Err(message) = fit_to_start(&planned, now) {
                    return draft.fail_at_start(run, message);
                }
                // A database that was restored may have forgotten later starts at this target.
                let left = now.stamp.filter(|left| left.target == draft.next.target);
                run.sequence = left.map_or(run.sequence, |left| run.sequence.max(left.sequence + 1));
                run.saved.push(SavedWorkload {
                    placed: planned.placed.clone(),
                    uid: now.uid.clone(),
                    images: now.images.clone(),
                    template: now.template.clone(),
                });
            }
        }
    }
    let from = run.saved.iter().flat_map(|saved| touched(&draft.next, saved)).collect();
    let to = draft.next.plan.workloads.iter().flat_map(|w| w.images.iter().map(|i| i.image.clone())).collect();
    draft.note_rule("rollout", JournalEvent::RollingOut { from, to });
    run.next_generation(draft.now);
    draft.next.phase = Phase::Progressing { run, step: 0, since: draft.now };
}

fn fit_to_start(planned: &WorkloadPlan, now: &WorkloadObservation) -> Result<(), String> {
    let name = shown(planned);
    if let Some(manager) = &now.manager {
        return Err(format!(
            "{name} belongs to {}, which would undo this change. {}",
            manager.words(),
            manager.advice()
        ));
    }
    if now.is_paused {
        return Err(format!("{name} is paused in the cluster; resume it (kubectl rollout resume) and promote again"));
    }
    if let Some(absent) = planned.images.iter().find(|i| now.image_of(i.container.as_str()).is_none()) {
        let there: Vec<_> = now.images.iter().map(|i| i.container.as_str()).collect();
        return Err(format!(
            "{name} has no container {}, only {}; correct the target's containers",
            absent.container,
            there.join(", ")
        ));
    }
    Ok(())
}

/// The saved images of the containers that this promotion sets.
fn touched(promotion: &Promotion, saved: &SavedWorkload) -> Vec<String> {
    let planned = promotion.plan.workloads.iter().find(|w| w.placed == saved.placed);
    let set = |c: &ContainerImage| planned.is_some_and(|w| w.images.iter().any(|i| i.container == c.container));
    saved.images.iter().filter(|c| set(c)).map(|c| c.image.clone()).collect()
}

/// What one workload tells a live promotion.
enum Told {
    /// It is as far as its progress says.
    Progress(WorkloadProgress),
    /// It went bad.
    Bad(WorkloadProgress, TakeBackCause),
    /// Someone marked it after us.
    Overtaken(String),
}

fn progressing(draft: &mut Draft, mut run: Run, step: usize, since: DateTime<Utc>, seen: &Seen) {
    run.look(draft.now);
    let mark = stamp(&draft.next, &run);
    let mut progress = Vec::new();
    let mut bad = None;
    for planned in draft.next.plan.workloads.clone() {
        match tell(&planned, entry(seen, &planned), mark, &planned.images, &run) {
            Told::Progress(one) => progress.push(one),
            Told::Bad(one, cause) => {
                progress.push(one);
                bad = bad.or(Some(cause));
            }
            Told::Overtaken(workload) => return overtaken(draft, run, workload),
        }
    }
    let moved = note_pods(&run.progress, &progress);
    run.progress = progress;
    if let Some(words) = moved {
        draft.note_rule("rollout", JournalEvent::Pods { progress: words });
    }
    if let Some(cause) = bad {
        return draft.take_back_by_rule(run, cause);
    }
    if run.progress.iter().all(|p| p.is_complete) {
        return complete(draft, run);
    }
    let budget = draft.next.plan.rollout_budget_seconds;
    if run.is_over_budget(since, budget, draft.now) {
        let progress = run.progress.iter().map(|p| p.words.clone()).collect::<Vec<_>>().join("; ");
        return draft.take_back_by_rule(run, TakeBackCause::Budget { seconds: budget, progress });
    }
    draft.next.phase = Phase::Progressing { run, step, since };
}

fn complete(draft: &mut Draft, run: Run) {
    let finished_at = draft.now;
    let watch = draft.next.plan.watch_seconds;
    if watch == 0 {
        draft.note_rule("rollout", JournalEvent::Succeeded);
        draft.next.phase = Phase::Succeeded { run, finished_at };
    } else {
        let until = finished_at + chrono::Duration::seconds(i64::from(watch));
        draft.note_rule("watch", JournalEvent::WatchStarted { until });
        draft.next.phase = Phase::Watching { run, finished_at, until };
    }
}

fn overtaken(draft: &mut Draft, run: Run, workload: String) {
    let why = format!("{workload} was written by a later promotion");
    let back = TakenBack::Incomplete { what: why.clone() };
    draft.note_rule("rollout", JournalEvent::Failed { why, back: back.clone() });
    let finished_at = draft.now;
    draft.next.phase = Phase::Failed { run: Some(run), failure: Failure::Overtaken { workload }, back, finished_at };
}

fn taking_back(draft: &mut Draft, mut run: Run, cause: TakeBackCause, since: DateTime<Utc>, seen: &Seen) {
    run.look(draft.now);
    let mark = stamp(&draft.next, &run);
    let mut progress = Vec::new();
    let mut left = left_as_it_is(&cause);
    for planned in draft.next.plan.workloads.clone() {
        if !is_put_back(&planned, &cause) {
            continue;
        }
        let Some(saved) = run.saved.iter().find(|s| s.placed == planned.placed) else {
            continue;
        };
        match tell(&planned, entry(seen, &planned), mark, &saved.images, &run) {
            Told::Progress(one) => progress.push(one),
            // What ran before has trouble of its own: nothing better is known, so it is left to the budget.
            Told::Bad(one, TakeBackCause::Rollout { .. }) => progress.push(one),
            Told::Bad(one, cause) => {
                left.push(cause.words());
                progress.push(WorkloadProgress { is_complete: true, ..one });
            }
            Told::Overtaken(workload) => return overtaken(draft, run, workload),
        }
    }
    if let Some(words) = note_pods(&run.progress, &progress) {
        draft.note_rule("rollout", JournalEvent::Pods { progress: words });
    }
    run.progress = progress;
    if run.progress.iter().all(|p| p.is_complete) {
        let back = if left.is_empty() { TakenBack::Complete } else { TakenBack::Incomplete { what: left.join("; ") } };
        return draft.end(run, cause, back);
    }
    if run.is_over_budget(since, draft.next.plan.rollout_budget_seconds, draft.now) {
        let open = run.progress.iter().filter(|p| !p.is_complete);
        left.extend(open.map(|p| format!("{} {}: {}", p.cluster_name, p.placed.workload, p.words)));
        return draft.end(run, cause, TakenBack::Incomplete { what: left.join("; ") });
    }
    draft.next.phase = Phase::TakingBack { run, cause, since };
}

fn left_as_it_is(cause: &TakeBackCause) -> Vec<String> {
    match cause {
        TakeBackCause::ChangedByOthers { .. } | TakeBackCause::Deleted { .. } => vec![cause.words()],
        TakeBackCause::Rollout { .. }
        | TakeBackCause::Budget { .. }
        | TakeBackCause::Aborted { .. }
        | TakeBackCause::Superseded { .. }
        | TakeBackCause::RefusedByCluster { .. } => Vec::new(),
    }
}

fn entry<'a>(seen: &Seen<'a>, planned: &WorkloadPlan) -> &'a Observed {
    // `observed` has made sure that every workload was read; missing is the safe answer otherwise.
    seen.get(&planned.placed).copied().unwrap_or(&Observed::Missing)
}

/// Judges one workload that should carry `mark` and run `wanted`.
fn tell(planned: &WorkloadPlan, observed: &Observed, mark: Stamp, wanted: &[ContainerImage], run: &Run) -> Told {
    let was_ours = run.progress.iter().any(|p| p.placed == planned.placed && p.was_ours);
    let Observed::Present(now) = observed else {
        let gone = progress_of(planned, None, "it was deleted".to_owned(), was_ours, false);
        return Told::Bad(gone, TakeBackCause::Deleted { workload: shown(planned) });
    };
    if now.stamp.is_some_and(|found| found.is_after(&mark)) {
        return Told::Overtaken(shown(planned));
    }
    let is_ours = now.stamp == Some(mark);
    if !is_ours && !was_ours && now.shows_only(&known_images(planned, run)) {
        let words = "about to be changed".to_owned();
        return Told::Progress(progress_of(planned, Some(now), words, false, false));
    }
    let runs_wanted = wanted.iter().all(|w| now.image_of(w.container.as_str()) == Some(w.image.as_str()));
    if !is_ours || !runs_wanted {
        let images = now.images.iter().map(|i| i.image.clone()).collect();
        let words = "changed by someone else".to_owned();
        let cause = TakeBackCause::ChangedByOthers { workload: shown(planned), images };
        return Told::Bad(progress_of(planned, Some(now), words, true, false), cause);
    }
    let rollout = judge(now);
    let is_complete = matches!(rollout, Rollout::Complete { .. });
    let progress = progress_of(planned, Some(now), rollout.words(), true, is_complete);
    match rollout {
        Rollout::Failed { failure } => {
            Told::Bad(progress, TakeBackCause::Rollout { workload: shown(planned), failure })
        }
        Rollout::Unseen | Rollout::Paused | Rollout::Moving { .. } | Rollout::Complete { .. } => {
            Told::Progress(progress)
        }
    }
}

fn progress_of(
    planned: &WorkloadPlan,
    now: Option<&WorkloadObservation>,
    words: String,
    was_ours: bool,
    is_complete: bool,
) -> WorkloadProgress {
    let pods = now.map(|n| n.pods.iter().take(WorkloadProgress::MAX_PODS).cloned().collect()).unwrap_or_default();
    WorkloadProgress {
        placed: planned.placed.clone(),
        cluster_name: planned.cluster_name.clone(),
        counts: now.map(PodCounts::from).unwrap_or_default(),
        pods,
        words,
        is_complete,
        was_ours,
    }
}

/// A journal line when pods of any workload came or went since the last look.
fn note_pods(before: &[WorkloadProgress], now: &[WorkloadProgress]) -> Option<String> {
    let available_before = |p: &WorkloadProgress| {
        before.iter().find(|b| b.placed == p.placed && b.was_ours).map_or(0, |b| b.counts.available)
    };
    let moved = now.iter().any(|p| p.was_ours && available_before(p) != p.counts.available);
    let one = |p: &WorkloadProgress| {
        if now.len() == 1 { p.words.clone() } else { format!("{} {}: {}", p.cluster_name, p.placed.workload, p.words) }
    };
    moved.then(|| now.iter().map(one).collect::<Vec<_>>().join("; "))
}
