//! What measurements do to a promotion: while the version gets traffic, a breach takes it back, what is
//! not known pauses it and asks, and no step raises the share before the rules have spoken about the
//! share as it is. While it is only watched, a breach proposes a rollback. Without rules nothing of this
//! happens.

use chrono::{DateTime, Duration, Utc};

use super::{
    Hold, JournalEvent, Move, Phase, Promotion, Run, StableWant, StepWait, TakeBackCause, UNSEEN_AFTER_SECONDS,
    decide::Draft,
};
use crate::{
    actor::Identity,
    analysis::{
        BuiltInCheck, Comparison, Conclusion, Folded, LateBreach, Measure, Moment, Sample, Unanswered, Verdict, Watch,
        conclude, dry_run_breaches, warnings,
    },
    moment_words,
    strategy::{AnalysisLength, Step},
    traffic::Weight,
};

/// The rule that speaks in the journal and holds.
pub(super) const ANALYSIS: &str = "analysis";

/// What people are asked when a step that judges has nothing to judge by.
const NOBODY_JUDGES: &str =
    "no rule can judge the version here; say on the target's page who counts its requests, or let it go on without";

/// What is being judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The candidate, beside what serves.
    Candidate,
    /// The workload itself, after the rollout.
    Workload,
}

/// Whether a step may end.
pub(super) enum Answer {
    /// Nothing speaks against it.
    Yes,
    /// Something must be known first.
    NotYet,
    /// The version is bad.
    Never(TakeBackCause),
}

impl Promotion {
    /// What is judged just now, when something is.
    #[must_use]
    pub fn judged(&self) -> Option<Subject> {
        match &self.phase {
            Phase::Progressing { run, step, .. } if is_judged(self, run, *step) => Some(Subject::Candidate),
            Phase::Watching { .. } => Some(Subject::Workload),
            Phase::Waiting { .. }
            | Phase::Starting { .. }
            | Phase::Progressing { .. }
            | Phase::TakingBack { .. }
            | Phase::Succeeded { .. }
            | Phase::Failed { .. }
            | Phase::Aborted { .. }
            | Phase::Rejected { .. }
            | Phase::Cancelled { .. }
            | Phase::Expired { .. }
            | Phase::Superseded { .. } => None,
        }
    }

    /// By which rule and why a version that is only watched is to be rolled back by itself, where its plan says that it
    /// is.
    #[must_use]
    pub fn wants_rollback(&self) -> Option<(Identity, String)> {
        match &self.phase {
            Phase::Watching { run, .. } if self.plan.judging.late_breach == LateBreach::RollBack => proposed(run),
            _ => None,
        }
    }

    /// The rules that are to be evaluated at `now`.
    #[must_use]
    pub fn due(&self, now: DateTime<Utc>) -> Vec<&Watch> {
        let run = self.run().filter(|_| self.judged().is_some());
        run.map(|run| due(run, now).collect()).unwrap_or_default()
    }
}

fn gets_traffic(run: &Run) -> bool {
    run.wanted.weight.want > Weight::NONE
}

/// A version is judged while it gets a share, and wherever a step says so.
fn is_judged(promotion: &Promotion, run: &Run, step: usize) -> bool {
    gets_traffic(run) || matches!(promotion.plan.steps.get(step), Some(Step::Analysis { .. }))
}

/// The rules that can speak about the version as it is: those about requests need some.
fn speaking(run: &Run) -> impl Iterator<Item = &Watch> {
    let is_rolled_out = run.wanted.stable.want == StableWant::Version;
    let has_requests = is_rolled_out || gets_traffic(run) || run.wanted.aside.mirror > Weight::NONE;
    // The target's own address is answered by what serves: of a preview it says nothing.
    let reaches_it = is_rolled_out || gets_traffic(run);
    // Beside a version that gets everything there is nothing to compare it with.
    let has_both = !is_rolled_out && run.wanted.weight.want < Weight::ALL;
    run.watches.iter().filter(move |watch| {
        (has_requests || !watch.rule.measure().counts_requests())
            && (reaches_it || !matches!(watch.rule.measure(), Measure::BuiltIn { check: BuiltInCheck::HealthRequest }))
            && (has_both || matches!(watch.rule.comparison(), Comparison::Limits(_)))
    })
}

fn due(run: &Run, now: DateTime<Utc>) -> impl Iterator<Item = &Watch> {
    speaking(run).filter(move |watch| counts(run, watch) && watch.is_due(now))
}

/// Pods that are being added are not ill: whether all are ready is asked once they have been.
fn counts(run: &Run, watch: &Watch) -> bool {
    let is_growing = run.settled_at.is_none() && run.wanted.candidates.generation > run.wanted.weight.generation;
    let is_of_readiness = matches!(
        watch.rule.measure(),
        Measure::BuiltIn { check: BuiltInCheck::HealthByReadiness | BuiltInCheck::PodsNotReady }
    );
    !(is_growing && is_of_readiness)
}

/// Whether a watch whose time is over has something open yet: a rollback that its plan asks for, or an evaluation that
/// fell into its time.
pub(super) fn is_open(promotion: &Promotion, run: &Run, until: DateTime<Utc>) -> bool {
    promotion.wants_rollback().is_some() || due(run, until).next().is_some()
}

/// The time to look again, brought forward to the next evaluation.
pub(super) fn no_later(promotion: &Promotion, now: DateTime<Utc>, look: DateTime<Utc>) -> DateTime<Utc> {
    let run = promotion.run().filter(|_| promotion.judged().is_some());
    let next = run.and_then(|run| speaking(run).filter(|w| counts(run, w)).map(Watch::next_evaluation).min());
    // What is overdue could not be measured just now; asking again at once would not help.
    next.map_or(look, |next| look.min(next.max(now + Duration::seconds(1))))
}

/// The rules begin to count when the version first gets traffic.
pub(super) fn begin(promotion: &Promotion, run: &mut Run, next: &Move, now: DateTime<Utc>) {
    let Move::Shift(weight) = next else { return };
    if *weight > Weight::NONE && run.watches.is_empty() {
        run.watches = watches(promotion, now);
    }
}

/// A step that judges looks at what is there from now on, whatever was seen or answered before.
pub(super) fn begin_analysis(promotion: &Promotion, run: &mut Run, now: DateTime<Utc>) {
    if run.watches.is_empty() {
        run.watches = watches(promotion, now);
    }
    for watch in &mut run.watches {
        watch.weight_changed(now);
    }
    run.is_unjudged = false;
}

/// What a step that judges waits for: its time or its measurements, unless what is left of them could not
/// make a breach any more.
pub(super) fn analysis_waits(run: &Run, length: AnalysisLength, since: DateTime<Utc>) -> StepWait {
    let deciding: Vec<&Watch> = speaking(run).filter(|watch| watch.decides()).collect();
    if run.is_unjudged || deciding.is_empty() {
        return StepWait::Nothing;
    }
    match length {
        AnalysisLength::Seconds(seconds) => {
            let end = since + Duration::seconds(i64::from(seconds));
            if deciding.iter().all(|watch| watch.is_decided_as_good(watch.left_until(end))) {
                return StepWait::Nothing;
            }
            StepWait::Doing { words: format!("judged until {}", moment_words::second(end)), until: Some(end) }
        }
        AnalysisLength::Measurements(count) => {
            let left = |watch: &Watch| count.saturating_sub(watch.counted());
            let is_done = |watch: &&Watch| left(watch) == 0 || watch.is_decided_as_good(left(watch));
            if deciding.iter().all(is_done) {
                return StepWait::Nothing;
            }
            let least = deciding.iter().map(|watch| watch.counted().min(count)).min().unwrap_or(0);
            StepWait::Doing { words: format!("judged, {least} of {}", length.words()), until: None }
        }
    }
}

/// After the rollout the workload itself is judged, by a fresh count.
pub(super) fn begin_watch(promotion: &Promotion, run: &mut Run, now: DateTime<Utc>) {
    run.watches = watches(promotion, now);
    run.is_unjudged = false;
}

fn watches(promotion: &Promotion, now: DateTime<Utc>) -> Vec<Watch> {
    promotion.plan.analysis.iter().map(|rule| Watch::new(rule.clone(), now)).collect()
}

/// What was wanted is there for the first time. Was it a share, then what was measured before is about
/// the share before.
pub(super) fn weight_is_there(run: &mut Run, now: DateTime<Utc>) {
    let is_share = run.wanted.weight.generation == run.generation;
    let Some(since) = run.wanted_since.filter(|_| is_share) else { return };
    for watch in run.watches.iter_mut().filter(|watch| watch.counts_from() <= since) {
        watch.weight_changed(now);
    }
}

/// A person lets it go on although the analysis does not know: for this share they have answered.
pub(super) fn answered_for(run: &mut Run, now: DateTime<Utc>) {
    let is_held = run.hold.as_ref().is_some_and(|hold| hold.by == Identity::rule(ANALYSIS));
    if !is_held && run.awaits.is_none() {
        return;
    }
    run.is_unjudged = true;
    run.awaits = None;
    for watch in &mut run.watches {
        let is_open = conclude(std::slice::from_ref(watch), Moment::Ending) != Conclusion::GoOn;
        if is_open {
            watch.restarted(now);
        }
    }
}

/// Takes samples in.
pub(super) fn measured(draft: &mut Draft, samples: Vec<Sample>) {
    match draft.next.phase.clone() {
        Phase::Progressing { mut run, step, since } if is_judged(&draft.next, &run, step) => {
            if !fold(draft, &mut run, samples) {
                return;
            }
            match conclude(speaking(&run), Moment::Underway) {
                Conclusion::Breach { rule, words } => {
                    return take_back(draft, run, TakeBackCause::Breach { rule, words });
                }
                Conclusion::Hold { why, .. } => hold(draft, &mut run, why, true),
                Conclusion::GoOn => lift(draft, &mut run),
                Conclusion::Wait { .. } | Conclusion::Inconclusive { .. } => {}
            }
            // Where a cluster does not answer, nobody knows whether the pods are there that more traffic needs.
            if run.settled_at.is_some() && draft.next.trouble.is_none() {
                super::progress::go_on(draft, run, step, since);
            } else {
                draft.next.phase = Phase::Progressing { run, step, since };
            }
        }
        Phase::Watching { mut run, finished_at, until } => {
            let before = proposal(&run);
            if !fold(draft, &mut run, samples) {
                return;
            }
            if let (None, Conclusion::Breach { rule, words }) = (before, conclude(&run.watches, Moment::Underway)) {
                draft.note_rule(ANALYSIS, JournalEvent::ProposesRollback { rule, words });
            }
            draft.next.phase = Phase::Watching { run, finished_at, until };
        }
        Phase::Waiting { .. }
        | Phase::Starting { .. }
        | Phase::Progressing { .. }
        | Phase::TakingBack { .. }
        | Phase::Succeeded { .. }
        | Phase::Failed { .. }
        | Phase::Aborted { .. }
        | Phase::Rejected { .. }
        | Phase::Cancelled { .. }
        | Phase::Expired { .. }
        | Phase::Superseded { .. } => {}
    }
}

/// Folds what was due: a sample that another server has taken in its own way already, or that was taken
/// before the share changed, is dropped. Tells whether anything was taken in.
fn fold(draft: &mut Draft, run: &mut Run, samples: Vec<Sample>) -> bool {
    let recorded_before = dry_run_breaches(&run.watches);
    for sample in samples {
        let Some(watch) = run.watches.iter_mut().find(|watch| *watch.rule.name() == sample.rule) else { continue };
        if !watch.is_due(sample.at) {
            continue;
        }
        let Folded::Counted { is_news } = watch.fold(&sample) else { continue };
        let is_bad = matches!(sample.judgement.verdict, Verdict::Warning | Verdict::Breach);
        if is_news && is_bad && !watch.rule.is_dry_run() {
            let (rule, words) = (sample.rule.clone(), sample.judgement.words.clone());
            draft.note_rule(ANALYSIS, JournalEvent::Warned { rule, words });
        }
        draft.taken.push(sample);
    }
    let recorded = dry_run_breaches(&run.watches).into_iter().filter(|breach| !recorded_before.contains(breach));
    for (rule, words) in recorded {
        draft.note_rule(ANALYSIS, JournalEvent::Recorded { rule, words });
    }
    !draft.taken.is_empty()
}

/// The traffic goes back first, in the very decision that saw the breach.
pub(super) fn take_back(draft: &mut Draft, run: Run, cause: TakeBackCause) {
    draft.take_back(run, &Identity::rule(ANALYSIS), cause);
}

/// Pauses and asks, unless somebody holds it already or has answered for this share.
fn hold(draft: &mut Draft, run: &mut Run, why: String, lifts: bool) {
    if run.hold.is_some() || run.is_unjudged {
        return;
    }
    run.awaits = None;
    draft.note_rule(ANALYSIS, JournalEvent::Held { why: why.clone() });
    // What ends by itself when it is known waits for that; a source that is broken must not undo a version.
    let undecided = draft.next.plan.judging.undecided;
    let has_end = !lifts && undecided.then != Unanswered::Wait;
    let until = has_end.then(|| draft.now + Duration::minutes(i64::from(undecided.minutes)));
    run.hold = Some(Hold { by: Identity::rule(ANALYSIS), why, since: draft.now, lifts, until });
}

/// Nobody answered in time for what the analysis does not know: what the plan says comes.
pub(super) fn settle_undecided(draft: &mut Draft) {
    let Phase::Progressing { run, .. } = &draft.next.phase else { return };
    let Some(hold) = run.hold.clone().filter(|hold| hold.until.is_some_and(|until| until <= draft.now)) else { return };
    // Nobody could answer while Slipway was away: the next look gives that time back.
    if run.looked_at.is_some_and(|at| draft.now > at + Duration::seconds(UNSEEN_AFTER_SECONDS)) {
        return;
    }
    let undecided = draft.next.plan.judging.undecided;
    let Phase::Progressing { mut run, step, since } = draft.next.phase.clone() else { return };
    match undecided.then {
        Unanswered::TakeBack => {
            let cause = TakeBackCause::Undecided { why: hold.why, minutes: undecided.minutes };
            take_back(draft, run, cause);
        }
        Unanswered::GoOn => {
            draft.note_rule(ANALYSIS, JournalEvent::WentOn);
            answered_for(&mut run, draft.now);
            run.hold = None;
            draft.next.phase = Phase::Progressing { run, step, since };
        }
        // The plan that set an end to it said otherwise; it is as if there were none.
        Unanswered::Wait => {}
    }
}

/// What was missing is known, and it is good.
fn lift(draft: &mut Draft, run: &mut Run) {
    if run.hold.as_ref().is_some_and(|hold| hold.lifts && hold.by == Identity::rule(ANALYSIS)) {
        draft.note_rule(ANALYSIS, JournalEvent::WentOn);
        run.hold = None;
    }
}

/// Whether the rules let the present step end. A step that judges asks them, and one that leads to more of
/// the version.
pub(super) fn may_end(draft: &mut Draft, run: &mut Run, step: usize) -> Answer {
    let steps = &draft.next.plan.steps;
    let is_analysis = matches!(steps.get(step), Some(Step::Analysis { .. }));
    // A message is said in passing.
    let next = steps.iter().skip(step + 1).find(|next| !matches!(next, Step::Notify { .. }));
    let leads_to_more = next.is_some_and(Step::leads_to_more);
    let is_asked = is_analysis || (!run.watches.is_empty() && gets_traffic(run) && leads_to_more);
    if run.is_unjudged || !is_asked {
        return Answer::Yes;
    }
    if is_analysis && !speaking(run).any(Watch::decides) {
        hold(draft, run, NOBODY_JUDGES.to_owned(), false);
        return Answer::NotYet;
    }
    let overdue = due(run, draft.now).next().map(|watch| watch.rule.measure().words().to_owned());
    if let Some(what) = overdue {
        run.awaits = Some(format!("{what} is about to be looked at"));
        return Answer::NotYet;
    }
    let is_pause = matches!(draft.next.plan.steps.get(step), Some(Step::Pause { .. } | Step::Analysis { .. }));
    match conclude(speaking(run), if is_pause { Moment::Ending } else { Moment::Underway }) {
        Conclusion::GoOn => return Answer::Yes,
        Conclusion::Breach { rule, words } => return Answer::Never(TakeBackCause::Breach { rule, words }),
        Conclusion::Wait { why, .. } => run.awaits = Some(why),
        // A pause that is shorter than a window says nothing of the version: the window is waited for.
        Conclusion::Inconclusive { rule, why } if is_unseen(run, &rule) => run.awaits = Some(why),
        Conclusion::Inconclusive { why, .. } => hold(draft, run, why, false),
        Conclusion::Hold { why, .. } => hold(draft, run, why, true),
    }
    Answer::NotYet
}

fn is_unseen(run: &Run, rule: &crate::analysis::RuleName) -> bool {
    run.watches.iter().any(|watch| watch.rule.name() == rule && watch.latest().is_none())
}

/// What people are warned of, without numbers, which change with every look.
pub(super) fn warned(run: &Run) -> Option<String> {
    let names: Vec<_> = warnings(&run.watches).into_iter().map(|(rule, _)| rule).collect();
    let is_warned = |watch: &&Watch| !watch.rule.is_dry_run() && names.contains(watch.rule.name());
    let words: Vec<_> = run.watches.iter().filter(is_warned).map(|watch| watch.rule.measure().words()).collect();
    (!words.is_empty()).then(|| words.join(", "))
}

/// Why a version that is only watched should be rolled back.
pub(super) fn proposal(run: &Run) -> Option<String> {
    proposed(run).map(|(_, why)| why)
}

/// By which rule, and why.
fn proposed(run: &Run) -> Option<(Identity, String)> {
    match conclude(&run.watches, Moment::Underway) {
        Conclusion::Breach { words, .. } => Some((Identity::rule(ANALYSIS), words)),
        Conclusion::GoOn | Conclusion::Wait { .. } | Conclusion::Inconclusive { .. } | Conclusion::Hold { .. } => {
            super::alerts::proposal(run).map(|why| (Identity::rule("alert"), why))
        }
    }
}
