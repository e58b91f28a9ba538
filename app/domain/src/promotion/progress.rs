//! How a live run goes on: it waits until what it wants is seen, then makes the next move to where its
//! step leads.

use std::cmp::Ordering;

use chrono::{DateTime, Duration, Utc};

use super::{
    Failure, JobRun, JournalEvent, Move, Phase, Promotion, RouteProgress, Run, StableWant, TakeBackCause, TakenBack,
    WorkloadProgress,
    decide::Draft,
    ending,
    goals::goal,
    homecoming::{self, CAPACITY, Way},
    jobs,
    judging::{self, Answer},
    tell::{Seen, Telling},
};
use crate::{
    aside::Aside,
    delegated::ToolAct,
    observation::{Observed, PlacedWorkload},
    rollout::RolloutFailure,
    strategy::Step,
    traffic::Weight,
};

/// How long a candidate stays after its traffic is gone: proxies and connections take a moment to
/// follow (Argo Rollouts and Flagger wait as long).
pub const DRAIN_SECONDS: i64 = 30;

/// The last healthy pods are never left without traffic, and traffic never goes where no pod is
/// ready: why a share must not be moved now.
pub(super) fn guard(promotion: &Promotion, run: &Run, next: &Move) -> Option<String> {
    match next {
        Move::Shift(weight) => {
            run.routes.iter().find_map(|route| stands_against(run, route, *weight, &run.wanted.aside))
        }
        Move::Aside(aside) => {
            run.routes.iter().find_map(|route| stands_against(run, route, run.wanted.weight.want, aside))
        }
        Move::Remove if !run.is_short_accepted => last_pods(promotion, run),
        Move::Remove | Move::Grow(_) | Move::Stable(_) => None,
    }
}

/// Why a candidate must not be removed now, in words with the numbers: its pods are the last that are ready. Where
/// nothing moves the traffic but the pods, they serve until they end; elsewhere somebody may need them yet.
pub(super) fn last_pods(promotion: &Promotion, run: &Run) -> Option<String> {
    promotion.plan.workloads.iter().find_map(|planned| {
        let candidate = planned.placed_candidate()?;
        let (stays, goes) = (ready(&run.progress, &planned.placed), ready(&run.candidates, &candidate));
        let name = &candidate.workload.name;
        (stays == 0 && goes > 0).then(|| {
            format!(
                "{} {name} stays: its {goes} ready pods are the last ones, the workload has none",
                planned.cluster_name
            )
        })
    })
}

/// The ready pods of one workload, as last seen.
fn ready(progress: &[WorkloadProgress], placed: &PlacedWorkload) -> u32 {
    progress.iter().find(|p| p.placed == *placed).map_or(0, |p| p.counts.ready)
}

/// Why the traffic of one route must not be moved to `weight` now.
pub(super) fn stands_against(run: &Run, route: &RouteProgress, weight: Weight, aside: &Aside) -> Option<String> {
    let (on_candidate, on_stable) = (ready(&run.candidates, &route.candidate), ready(&run.progress, &route.placed));
    let stays = match weight.cmp(&route.seen) {
        Ordering::Greater => (on_candidate == 0).then_some(on_stable),
        // Where nothing is ready on either side, what ran before is the better guess.
        Ordering::Less => (on_stable == 0 && on_candidate > 0).then_some(on_candidate),
        Ordering::Equal => (on_candidate == 0 && aside.testers.is_some()).then_some(on_stable),
    }?;
    Some(format!("{} stays as it is: no pod is ready where the traffic would go, {stays} where it is", route.shown))
}

/// The first look is over: the first move of the first step.
pub(super) fn begin(draft: &mut Draft, mut run: Run, seen: &Seen) {
    let telling = Telling::hear(&draft.next, &run, seen, None);
    (run.progress, run.candidates, run.routes) = (telling.workloads, telling.candidates, telling.routes);
    homecoming::look(&mut run, seen);
    let next = run.wanted.toward(&goal(&draft.next, &run, 0));
    match next.filter(|_| run.hold.is_none()) {
        // A rolling promotion has one move, which its journal has told already.
        Some(next @ Move::Stable(_)) => run.want(next, draft.now),
        Some(next) => make(draft, &mut run, next),
        None => {}
    }
    ending::enter(draft, &mut run, 0);
    draft.next.phase = Phase::Progressing { run, step: 0, since: draft.now };
}

/// Takes in what a progressing run sees.
pub(super) fn progressing(draft: &mut Draft, mut run: Run, step: usize, since: DateTime<Utc>, seen: &Seen) {
    run.look(draft.now, draft.next.trouble.is_some());
    let telling = Telling::hear(&draft.next, &run, seen, None);
    if let Some(object) = telling.overtaken {
        return overtaken(draft, run, object);
    }
    let bad = telling.bad.clone();
    keep_what_others_changed(&mut run, seen);
    take_in(draft, &mut run, telling);
    homecoming::look(&mut run, seen);
    jobs::hear(draft, &mut run, seen);
    let bad = lasting(&mut run, bad, draft.now);
    let bad = bad.or_else(|| unserved(&mut run, |_| true, draft.now)).or_else(|| jobs::bad(&run, draft.now));
    if let Some(cause) = bad {
        return draft.take_back_by_rule(run, cause);
    }
    if !is_settled(&run) {
        run.settled_at = None;
        let budget = draft.next.plan.rollout_budget_seconds;
        // Time in which a tool waits by its own steps is not the version's.
        let waits = run.progress.iter().any(|p| p.is_waiting);
        if waits {
            run.waits_since = None;
        } else {
            run.waits(draft.now);
        }
        if !waits && run.is_over_budget(since, budget, draft.now) {
            let progress = open_in_words(&run);
            return draft.take_back_by_rule(run, TakeBackCause::Budget { seconds: budget, progress });
        }
        draft.next.phase = Phase::Progressing { run, step, since };
        return;
    }
    if run.settled_at.is_none() {
        judging::weight_is_there(&mut run, draft.now);
    }
    run.settled_at.get_or_insert(draft.now);
    go_on(draft, run, step, since);
}

/// Takes in what a progressing run sees while some of its clusters do not answer: what is bad is bad whatever the others
/// would say, and nothing goes on.
pub(super) fn partly_seen(draft: &mut Draft, mut run: Run, step: usize, since: DateTime<Utc>, seen: &Seen) {
    run.look(draft.now, true);
    let telling = Telling::hear(&draft.next, &run, seen, None);
    for now in telling.routes {
        run.routes.iter_mut().filter(|known| known.placed == now.placed).for_each(|known| *known = now.clone());
    }
    jobs::hear(draft, &mut run, seen);
    let bad = lasting(&mut run, telling.bad, draft.now);
    // What nobody could read says nothing of this moment.
    let is_read = |route: &RouteProgress| seen.route(&route.placed).is_some();
    match bad.or_else(|| unserved(&mut run, is_read, draft.now)).or_else(|| jobs::failed(&run)) {
        Some(cause) => draft.take_back_by_rule(run, cause),
        None => draft.next.phase = Phase::Progressing { run, step, since },
    }
}

/// How long pods may be impossible to make without one having come: a quota leaves room as soon as former pods have
/// ended, and a webhook that was away comes back.
const UNMADE_SECONDS: i64 = 30;

/// What is bad and stays so. Pods that cannot be made just now may be made yet, as long as others come.
fn lasting(run: &mut Run, bad: Option<TakeBackCause>, now: DateTime<Utc>) -> Option<TakeBackCause> {
    if !bad.as_ref().is_some_and(is_unmade) {
        run.unmade_since = None;
        return bad;
    }
    let lasts = now >= *run.unmade_since.get_or_insert(now) + Duration::seconds(UNMADE_SECONDS);
    bad.filter(|_| lasts)
}

/// Whether it is only that pods cannot be made.
pub(super) const fn is_unmade(cause: &TakeBackCause) -> bool {
    matches!(cause, TakeBackCause::Rollout { failure: RolloutFailure::Replicas { .. }, .. })
}

/// How long a candidate may have traffic and no address: one that restarts for a moment is not given up,
/// and what is sent there fails meanwhile.
const UNSERVED_SECONDS: i64 = 5;

/// Whether traffic goes to a candidate that nobody can reach, and has for a while, by the routes that `is_read` says.
fn unserved(run: &mut Run, is_read: impl Fn(&RouteProgress) -> bool, now: DateTime<Utc>) -> Option<TakeBackCause> {
    let is_unserved =
        |route: &&RouteProgress| is_read(route) && route.seen > Weight::NONE && route.endpoints.unwrap_or(0) == 0;
    let Some(found) = run.routes.iter().find(is_unserved) else {
        run.unserved_since = None;
        return None;
    };
    let since = *run.unserved_since.get_or_insert(now);
    let is_long = now >= since + Duration::seconds(UNSERVED_SECONDS);
    is_long.then(|| TakeBackCause::Unserved { route: found.shown.clone(), share: found.seen })
}

/// Until this promotion writes a workload, others may change what is not its image: put back is what was
/// there at the last moment, not what was there when a person was first asked.
fn keep_what_others_changed(run: &mut Run, seen: &Seen) {
    if run.wanted.stable.want != StableWant::AsItIs {
        return;
    }
    for saved in &mut run.saved {
        if let Some(Observed::Present(now)) = seen.workload(&saved.placed)
            && now.images == saved.images
        {
            saved.uid.clone_from(&now.uid);
            saved.template.clone_from(&now.template);
        }
    }
}

/// Everything wanted is seen: the next move of this step, or the next step.
pub(super) fn go_on(draft: &mut Draft, mut run: Run, step: usize, since: DateTime<Utc>) {
    let next = run.wanted.toward(&goal(&draft.next, &run, step));
    homecoming::lift(draft, &mut run, next.as_ref());
    // A pause keeps what is there; traffic that a person takes away goes all the same.
    let is_taken_away =
        matches!(next, Some(Move::Shift(share)) if run.by_hand.is_some() && share < run.wanted.weight.want);
    if run.hold.is_some() && !is_taken_away {
        run.waits_since = None;
        draft.next.phase = Phase::Progressing { run, step, since };
        return;
    }
    if let Some(next) = next {
        let next = match homecoming::way(&draft.next, &run, next, draft.now) {
            Way::Free(next) => next,
            Way::Short(why) => {
                homecoming::wait(draft, &mut run, why, since);
                draft.next.phase = Phase::Progressing { run, step, since };
                return;
            }
        };
        if let Some(progress) = not_addressed(&run, &next) {
            run.waits(draft.now);
            let seconds = draft.next.plan.rollout_budget_seconds;
            if run.is_over_budget(since, seconds, draft.now) {
                return draft.take_back_by_rule(run, TakeBackCause::Budget { seconds, progress });
            }
        } else {
            // What is there and gone again by turns never stays for as long as a move may need: its budget
            // goes on until the move is made.
            make(draft, &mut run, next);
        }
        draft.next.phase = Phase::Progressing { run, step, since };
        return;
    }
    run.waits_since = None;
    // What a person has set stays until a person lets it go on.
    let is_done = run.by_hand.is_none() && ending::waits(&draft.next, &run, step, since).is_over(draft.now);
    if !is_done {
        draft.next.phase = Phase::Progressing { run, step, since };
        return;
    }
    match judging::may_end(draft, &mut run, step) {
        // Nothing of the promotion is left when it ends.
        Answer::Yes if step + 1 >= draft.next.plan.steps.len() && !jobs::are_gone(draft, &mut run) => {
            draft.next.phase = Phase::Progressing { run, step, since };
        }
        Answer::Yes => next_step(draft, run, step),
        Answer::NotYet => draft.next.phase = Phase::Progressing { run, step, since },
        Answer::Never(cause) => judging::take_back(draft, run, cause),
    }
}

/// Ends the present step.
pub(super) fn next_step(draft: &mut Draft, mut run: Run, step: usize) {
    let next = step + 1;
    let Some(words) = draft.next.plan.steps.get(next).map(Step::words) else {
        return complete(draft, run);
    };
    run.reached = next;
    ending::leave(&mut run, draft.now);
    draft.note_rule("strategy", JournalEvent::StepBegan { number: next + 1, words });
    ending::enter(draft, &mut run, next);
    draft.next.phase = Phase::Progressing { run, step: next, since: draft.now };
}

/// Makes a move, unless something forbids it now.
fn make(draft: &mut Draft, run: &mut Run, next: Move) {
    // Proxies and connections take a moment to follow the traffic: whatever it leaves stays meanwhile.
    let ends_pods = matches!(next, Move::Remove | Move::Stable(_));
    if ends_pods && !is_drained(run, draft.now) {
        return;
    }
    if let Some(why) = guard(&draft.next, run, &next) {
        let by = crate::actor::Identity::rule(CAPACITY);
        let hold = super::Hold { by, why: why.clone(), since: draft.now, lifts: false, until: None };
        draft.note_rule(CAPACITY, JournalEvent::Held { why });
        run.hold = Some(hold);
        return;
    }
    let words = words_of(&draft.next, run, &next);
    draft.note_rule("strategy", JournalEvent::Moves { next: words });
    judging::begin(&draft.next, run, &next, draft.now);
    run.want(next, draft.now);
}

/// Which candidate's pods more traffic would not reach yet: a ready pod is not yet an address that
/// proxies know.
fn not_addressed(run: &Run, next: &Move) -> Option<String> {
    let is_rising = match next {
        Move::Shift(weight) => *weight > run.wanted.weight.want,
        Move::Aside(aside) => !aside.is_nothing(),
        Move::Grow(_) | Move::Stable(_) | Move::Remove => false,
    };
    run.routes.iter().filter(|_| is_rising).find_map(|route| {
        let (endpoints, pods) = (route.endpoints?, run.wanted.pods_of(&route.placed));
        let name = &route.candidate.workload.name;
        (endpoints < pods).then(|| format!("Service {name} has {endpoints} of {pods} ready addresses"))
    })
}

pub(super) fn words_of(promotion: &Promotion, run: &Run, next: &Move) -> String {
    let pods = |n: u32| if n == 1 { "1 pod".to_owned() } else { format!("{n} pods") };
    match next {
        Move::Grow(sizes) => format!("the candidate gets {}", pods(sizes.iter().map(|size| size.pods).sum())),
        Move::Shift(weight) if run.wanted.weight.want > *weight => {
            format!("traffic to the candidate goes down to {weight}")
        }
        Move::Shift(weight) => match promotion.share_in_fact(*weight) {
            in_fact if in_fact == *weight => format!("{weight} of the traffic goes to the candidate"),
            in_fact => format!("{in_fact} of the traffic goes to the candidate, as near to {weight} as pods can be"),
        },
        Move::Aside(aside) if aside.is_nothing() => "nothing goes to the candidate beside its share".to_owned(),
        Move::Aside(aside) => format!("beside its share the candidate gets: {}", aside.words()),
        Move::Stable(StableWant::Version) => "the workloads themselves get the version".to_owned(),
        Move::Stable(StableWant::AsItIs | StableWant::Before) => "the workloads get back what they ran".to_owned(),
        Move::Remove => "the candidate is removed".to_owned(),
    }
}

/// Whether traffic has been where it is for long enough that the pods of the other side may end.
pub(super) fn is_drained(run: &Run, now: DateTime<Utc>) -> bool {
    // Where the pods are the share, no traffic moves before they do.
    let had_traffic = run.wanted.weight.generation > 0 && !run.routes.is_empty();
    !had_traffic || run.settled_at.is_some_and(|at| now >= at + Duration::seconds(DRAIN_SECONDS))
}

/// Whether everything that is wanted is seen.
fn is_settled(run: &Run) -> bool {
    run.progress.iter().all(|p| p.is_complete)
        && (!run.wanted.has_candidates() || run.candidates.iter().all(|p| p.is_complete))
        && run.routes.iter().all(|r| r.is_settled)
}

/// What is wanted and not seen yet.
pub(super) fn open_in_words(run: &Run) -> String {
    let pods = run.progress.iter().chain(&run.candidates).filter(|p| !p.is_complete).map(|p| p.words.clone());
    let routes = run.routes.iter().filter(|r| !r.is_settled).map(|r| format!("{}: {}", r.shown, r.words));
    let jobs = run.jobs.iter().filter(|job| job.unwanted_since.is_some() && !job.is_gone).map(JobRun::words);
    pods.chain(routes).chain(jobs).collect::<Vec<_>>().join("; ")
}

/// Keeps what was seen, with a line for the journal when pods came or went.
pub(super) fn take_in(draft: &mut Draft, run: &mut Run, mut telling: Telling) {
    let words = [note_pods(&run.progress, &telling.workloads), note_pods(&run.candidates, &telling.candidates)];
    note_tools(draft, run, &telling.workloads);
    keep_most(&run.progress, &mut telling.workloads);
    keep_most(&run.candidates, &mut telling.candidates);
    run.progress = telling.workloads;
    run.candidates = telling.candidates;
    run.routes = telling.routes;
    let moved: Vec<String> = words.into_iter().flatten().collect();
    if !moved.is_empty() {
        run.unmade_since = None;
        draft.note_rule("rollout", JournalEvent::Pods { progress: moved.join("; ") });
    }
}

/// Takes in how far tools are: each of their steps has the budget anew, and what was asked of one is
/// answered once it is not any more where it was then.
fn note_tools(draft: &mut Draft, run: &mut Run, seen: &[WorkloadProgress]) {
    let mut has_moved = false;
    for now in seen {
        let Some(tool) = now.tool.as_ref().filter(|_| now.was_ours) else { continue };
        let before = run.progress.iter().find(|p| p.placed == now.placed);
        let before = before.filter(|before| before.was_ours).and_then(|before| before.tool.as_ref());
        if before.is_some_and(|before| (before.step, &before.waits) == (tool.step, &tool.waits)) {
            continue;
        }
        has_moved = true;
        if !now.is_complete {
            draft.note_rule("rollout", JournalEvent::Moves { next: format!("{}: {}", tool.tool, now.words) });
        }
    }
    if has_moved {
        run.wanted_since = Some(draft.now);
        run.waits_since = None;
    }
    let is_open = |now: &WorkloadProgress| {
        let Some(tool) = now.tool.as_ref().filter(|_| !now.is_complete) else { return false };
        match run.asked {
            Some(ToolAct::GoOn { step }) => tool.waits.is_some() && tool.step == step,
            Some(ToolAct::PromoteNow) => tool.may_promote_now,
            Some(ToolAct::Back | ToolAct::Begin) | None => false,
        }
    };
    if !seen.iter().any(is_open) {
        run.asked = None;
    }
}

pub(super) fn complete(draft: &mut Draft, mut run: Run) {
    let finished_at = draft.now;
    let watch = draft.next.plan.watch_seconds;
    if watch == 0 {
        draft.note_rule("rollout", JournalEvent::Succeeded);
        draft.next.phase = Phase::Succeeded { run, finished_at };
    } else {
        let until = finished_at + Duration::seconds(i64::from(watch));
        draft.note_rule("watch", JournalEvent::WatchStarted { until });
        judging::begin_watch(&draft.next, &mut run, finished_at);
        draft.next.phase = Phase::Watching { run, finished_at, until };
    }
}

pub(super) fn overtaken(draft: &mut Draft, run: Run, workload: String) {
    let why = format!("{workload} was written by a later promotion");
    let back = TakenBack::Incomplete { what: why.clone() };
    draft.note_rule("rollout", JournalEvent::Failed { why, back: back.clone() });
    let finished_at = draft.now;
    draft.next.phase = Phase::Failed { run: Some(run), failure: Failure::Overtaken { workload }, back, finished_at };
}

/// The most pods that were available of a workload since its last change, as far as it was seen before.
fn most_before(before: &[WorkloadProgress], p: &WorkloadProgress) -> u32 {
    before.iter().find(|b| b.placed == p.placed && b.was_ours).map_or(0, |b| b.most_available)
}

fn keep_most(before: &[WorkloadProgress], now: &mut [WorkloadProgress]) {
    for p in now.iter_mut() {
        p.most_available = most_before(before, p).max(p.counts.available);
    }
}

/// A journal line when pods of any workload came or went since the last look.
fn note_pods(before: &[WorkloadProgress], now: &[WorkloadProgress]) -> Option<String> {
    let moved = now.iter().any(|p| p.was_ours && p.counts.available > most_before(before, p));
    // What a tool does has its own lines.
    let words = |p: &WorkloadProgress| match p.tool {
        Some(_) => format!("{} of {} pods", p.counts.available.min(p.counts.wanted), p.counts.wanted),
        None => p.words.clone(),
    };
    let one = |p: &WorkloadProgress| {
        if now.len() == 1 { words(p) } else { format!("{} {}: {}", p.cluster_name, p.placed.workload, words(p)) }
    };
    moved.then(|| now.iter().map(one).collect::<Vec<_>>().join("; "))
}
