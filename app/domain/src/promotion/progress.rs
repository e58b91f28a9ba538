//! How a live run goes on and back: it waits until what it wants is seen, then makes the next move to
//! where its step, or taking back, leads.

use std::cmp::Ordering;

use chrono::{DateTime, Duration, Utc};

use super::{
    Failure, Goal, JournalEvent, Move, Phase, Promotion, RouteProgress, Run, StableWant, TakeBackCause, TakenBack,
    WorkloadPlan, WorkloadProgress,
    decide::Draft,
    homecoming::{self, CAPACITY, Way},
    judging::{self, Answer},
    tell::{Seen, Telling, sizes},
};
use crate::{
    aside::Aside,
    delegated::ToolAct,
    observation::{Observed, PlacedWorkload, PodCounts},
    strategy::Step,
    traffic::Weight,
};

/// How long a candidate stays after its traffic is gone: proxies and connections take a moment to
/// follow (Argo Rollouts and Flagger wait as long).
pub const DRAIN_SECONDS: i64 = 30;

/// Where the steps up to the present one lead.
fn goal(promotion: &Promotion, run: &Run, step: usize) -> Goal {
    let done = promotion.plan.steps.iter().take(step + 1);
    if done.clone().any(|step| *step == Step::Rollout) {
        return everything_first(promotion, run).unwrap_or_else(Goal::rolled_out);
    }
    let mut by_steps = done.clone().filter_map(|step| match step {
        Step::Weight { weight } => Some(*weight),
        Step::Preview | Step::Testers { .. } | Step::Mirror { .. } | Step::Pause { .. } | Step::Ask | Step::Rollout => {
            None
        }
    });
    let weight = run.by_hand.or(by_steps.next_back()).unwrap_or(Weight::NONE);
    let has_preview = done.clone().any(|step| *step == Step::Preview);
    let aside = aside(done);
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

/// What the candidate gets beside its share after these steps: the last testers, and copies until the
/// next weight.
fn aside<'a>(done: impl Iterator<Item = &'a Step>) -> Aside {
    done.fold(Aside::NOTHING, |aside, step| match step {
        Step::Testers { testers } => Aside { testers: Some(testers.clone()), ..aside },
        Step::Mirror { share } => Aside { mirror: *share, ..aside },
        Step::Weight { .. } => Aside { mirror: Weight::NONE, ..aside },
        Step::Preview | Step::Pause { .. } | Step::Ask | Step::Rollout => aside,
    })
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
fn goal_back(run: &Run) -> Goal {
    let stable = match run.wanted.stable.want {
        StableWant::AsItIs => StableWant::AsItIs,
        StableWant::Version | StableWant::Before => StableWant::Before,
    };
    Goal::nothing_tried(stable)
}

/// The first move back, made at once where nothing stands against it. Answers it in words, where the
/// traffic or a candidate is moved.
pub(super) fn begin_back(run: &mut Run, now: DateTime<Utc>) -> Option<String> {
    run.hold = None;
    run.by_hand = None;
    run.asked = None;
    // What comes now is not what was waited for until now: it has a budget of its own.
    run.wanted_since = Some(now);
    run.waits_since = None;
    let first = run.wanted.toward(&goal_back(run));
    let is_free = |next: &Move| match next {
        Move::Stable(_) => true,
        Move::Shift(_) | Move::Aside(_) | Move::Remove | Move::Grow(_) => may_go_back(run, Some(next), now),
    };
    let first = first.filter(is_free)?;
    let words = (!matches!(first, Move::Stable(_))).then(|| words_of(run, &first));
    run.want(first, now);
    words
}

/// The last healthy pods are never left without traffic, and traffic never goes where no pod is
/// ready: why a share must not be moved now.
fn guard(run: &Run, next: &Move) -> Option<String> {
    match next {
        Move::Shift(weight) => {
            run.routes.iter().find_map(|route| stands_against(run, route, *weight, &run.wanted.aside))
        }
        Move::Aside(aside) => {
            run.routes.iter().find_map(|route| stands_against(run, route, run.wanted.weight.want, aside))
        }
        // Where nothing moves the traffic but the pods, those of the candidate serve until they end.
        Move::Remove if run.routes.is_empty() && !run.is_short_accepted => {
            let (stays, goes) = (ready(&run.progress), ready(&run.candidates));
            (stays == 0 && goes > 0)
                .then(|| format!("the candidate stays: its {goes} ready pods are the last ones, the workload has none"))
        }
        Move::Remove | Move::Grow(_) | Move::Stable(_) => None,
    }
}

/// Why the traffic of one route must not be moved to `weight` now.
pub(super) fn stands_against(run: &Run, route: &RouteProgress, weight: Weight, aside: &Aside) -> Option<String> {
    let ready_at = |progress: &[WorkloadProgress], placed: &PlacedWorkload| {
        progress.iter().find(|p| p.placed == *placed).map_or(0, |p| p.counts.ready)
    };
    let on_candidate = ready_at(&run.candidates, &route.candidate);
    let on_stable = ready_at(&run.progress, &route.placed);
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
    match run.wanted.toward(&goal(&draft.next, &run, 0)) {
        // A rolling promotion has one move, which its journal has told already.
        Some(next @ Move::Stable(_)) => run.want(next, draft.now),
        Some(next) => make(draft, &mut run, next),
        None => {}
    }
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
    if let Some(cause) = bad.or_else(|| unserved(&mut run, draft.now)) {
        return draft.take_back_by_rule(run, cause);
    }
    if !is_settled(&run) {
        run.settled_at = None;
        let budget = draft.next.plan.rollout_budget_seconds;
        // Time in which a tool waits by its own steps is not the version's.
        let waits = run.progress.iter().any(|p| p.tool.as_ref().is_some_and(|tool| tool.waits.is_some()));
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

/// How long a candidate may have traffic and no address: one that restarts for a moment is not given up,
/// and what is sent there fails meanwhile.
const UNSERVED_SECONDS: i64 = 5;

/// Whether traffic goes to a candidate that nobody can reach, and has for a while.
fn unserved(run: &mut Run, now: DateTime<Utc>) -> Option<TakeBackCause> {
    let is_unserved = |route: &&RouteProgress| route.seen > Weight::NONE && route.endpoints.unwrap_or(0) == 0;
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
    if run.hold.is_some() {
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
    let is_done = match draft.next.plan.steps.get(step) {
        Some(Step::Pause { seconds }) if run.by_hand.is_none() => {
            draft.now >= since + Duration::seconds(i64::from(*seconds))
        }
        // What a person has set stays until a person lets it go on.
        Some(Step::Ask | Step::Pause { .. }) => false,
        Some(_) if run.by_hand.is_some() => false,
        Some(Step::Preview | Step::Weight { .. } | Step::Testers { .. } | Step::Mirror { .. } | Step::Rollout)
        | None => true,
    };
    if !is_done {
        draft.next.phase = Phase::Progressing { run, step, since };
        return;
    }
    match judging::may_end(draft, &mut run, step) {
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
    run.awaits = None;
    draft.note_rule("strategy", JournalEvent::StepBegan { number: next + 1, words });
    draft.next.phase = Phase::Progressing { run, step: next, since: draft.now };
}

/// Makes a move, unless something forbids it now.
fn make(draft: &mut Draft, run: &mut Run, next: Move) {
    // Proxies and connections take a moment to follow the traffic: whatever it leaves stays meanwhile.
    let ends_pods = matches!(next, Move::Remove | Move::Stable(_));
    if ends_pods && !is_drained(run, draft.now) {
        return;
    }
    if let Some(why) = guard(run, &next) {
        let by = crate::actor::Identity::rule(CAPACITY);
        let hold = super::Hold { by, why: why.clone(), since: draft.now, lifts: false };
        draft.note_rule(CAPACITY, JournalEvent::Held { why });
        run.hold = Some(hold);
        return;
    }
    draft.note_rule("strategy", JournalEvent::Moves { next: words_of(run, &next) });
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

fn words_of(run: &Run, next: &Move) -> String {
    let pods = |n: u32| if n == 1 { "1 pod".to_owned() } else { format!("{n} pods") };
    match next {
        Move::Grow(sizes) => format!("the candidate gets {}", pods(sizes.iter().map(|size| size.pods).sum())),
        Move::Shift(weight) if run.wanted.weight.want > *weight => {
            format!("traffic to the candidate goes down to {weight}")
        }
        Move::Shift(weight) => format!("{weight} of the traffic goes to the candidate"),
        Move::Aside(aside) if aside.is_nothing() => "nothing goes to the candidate beside its share".to_owned(),
        Move::Aside(aside) => format!("beside its share the candidate gets: {}", aside.words()),
        Move::Stable(StableWant::Version) => "the workloads themselves get the version".to_owned(),
        Move::Stable(StableWant::AsItIs | StableWant::Before) => "the workloads get back what they ran".to_owned(),
        Move::Remove => "the candidate is removed".to_owned(),
    }
}

/// Whether traffic has been where it is for long enough that the pods of the other side may end.
fn is_drained(run: &Run, now: DateTime<Utc>) -> bool {
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
    pods.chain(routes).collect::<Vec<_>>().join("; ")
}

/// Keeps what was seen, with a line for the journal when pods came or went.
fn take_in(draft: &mut Draft, run: &mut Run, telling: Telling) {
    let words = [note_pods(&run.progress, &telling.workloads), note_pods(&run.candidates, &telling.candidates)];
    note_tools(draft, run, &telling.workloads);
    run.progress = telling.workloads;
    run.candidates = telling.candidates;
    run.routes = telling.routes;
    let moved: Vec<String> = words.into_iter().flatten().collect();
    if !moved.is_empty() {
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

fn overtaken(draft: &mut Draft, run: Run, workload: String) {
    let why = format!("{workload} was written by a later promotion");
    let back = TakenBack::Incomplete { what: why.clone() };
    draft.note_rule("rollout", JournalEvent::Failed { why, back: back.clone() });
    let finished_at = draft.now;
    draft.next.phase = Phase::Failed { run: Some(run), failure: Failure::Overtaken { workload }, back, finished_at };
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
    let keeps_candidate = telling.keeps_candidate;
    take_in(draft, &mut run, telling);
    let next = run.wanted.toward(&goal_back(&run));
    if next == Some(Move::Remove) && keeps_candidate {
        return draft.end(run, cause, TakenBack::Incomplete { what: left.join("; ") });
    }
    note_settled(&mut run, draft.now);
    if may_go_back(&run, next.as_ref(), draft.now) {
        let Some(next) = next else {
            let back =
                if left.is_empty() { TakenBack::Complete } else { TakenBack::Incomplete { what: left.join("; ") } };
            return draft.end(run, cause, back);
        };
        draft.note_rule("strategy", JournalEvent::Moves { next: words_of(&run, &next) });
        run.want(next, draft.now);
    }
    if run.is_over_budget(since, draft.next.plan.rollout_budget_seconds, draft.now) {
        left.push(open_in_words(&run));
        left.retain(|words| !words.is_empty());
        return draft.end(run, cause, TakenBack::Incomplete { what: left.join("; ") });
    }
    draft.next.phase = Phase::TakingBack { run, cause, since };
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
fn may_go_back(run: &Run, next: Option<&Move>, now: DateTime<Utc>) -> bool {
    let is_back = run.progress.iter().all(|p| p.is_complete);
    match next {
        Some(Move::Stable(_) | Move::Grow(_) | Move::Aside(_)) => true,
        // What still serves may be worse than what is coming back: traffic does not wait for the last pod.
        Some(next @ Move::Shift(_)) => {
            (is_back || run.routes.iter().all(|route| is_carried(run, route))) && guard(run, next).is_none()
        }
        Some(Move::Remove) => is_back && run.routes.iter().all(|r| r.is_settled) && is_drained(run, now),
        None => is_back && (!run.wanted.has_candidates() || run.candidates.iter().all(|p| p.is_complete)),
    }
}

fn ready(progress: &[WorkloadProgress]) -> u32 {
    progress.iter().map(|p| p.counts.ready).sum()
}

/// Whether what comes back of one workload can carry what its candidate carries. Pods of the template
/// that is being replaced do not count: they are about to end.
fn is_carried(run: &Run, route: &RouteProgress) -> bool {
    let count = |progress: &[WorkloadProgress], placed: &PlacedWorkload, of: fn(&PodCounts) -> u32| {
        progress.iter().find(|p| p.placed == *placed).map_or(0, |p| of(&p.counts))
    };
    let coming = count(&run.progress, &route.placed, |counts| counts.available);
    let serving = count(&run.candidates, &route.candidate, |counts| counts.ready);
    coming >= serving.max(1)
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
        | TakeBackCause::Breach { .. } => Vec::new(),
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
