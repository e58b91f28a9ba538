//! What people do to a promotion under way: pause, go on, skip, set a share, leave the rest out.

use chrono::{DateTime, Utc};

use super::{
    AsSeen, Hold, Input, JournalEvent, Phase, Promotion, Refusal, Run,
    decide::{Draft, needs_reason},
    homecoming::CAPACITY,
    judging,
    progress::next_step,
};
use crate::{
    actor::{Act, Actor, Identity, Role},
    delegated::ToolAct,
    strategy::{Asked, Step},
    traffic::Weight,
};

/// A run under way, its step and since when.
fn under_way(draft: &Draft) -> Result<(Run, usize, DateTime<Utc>), Refusal> {
    match &draft.next.phase {
        Phase::Progressing { run, step, since } => Ok((run.clone(), *step, *since)),
        _ => Err(not_under_way(&draft.next)),
    }
}

fn not_under_way(promotion: &Promotion) -> Refusal {
    if promotion.is_over() { Refusal::Over(super::headline(promotion).words) } else { Refusal::NotUnderWay }
}

/// What a person sees of a run at this step.
fn seen(run: &Run, step: usize) -> AsSeen {
    let held_since = run.hold.as_ref().map(|hold| hold.since);
    AsSeen { step: run.step_of_tool().unwrap_or(step), held_since, by_hand: run.by_hand }
}

fn is_as_seen(run: &Run, step: usize, as_seen: AsSeen) -> Result<(), Refusal> {
    if seen(run, step) == as_seen { Ok(()) } else { Err(Refusal::StepChanged) }
}

impl Promotion {
    /// What a person sees of it, to act on; `None` where it is not under way.
    #[must_use]
    pub fn as_seen(&self) -> Option<AsSeen> {
        match &self.phase {
            Phase::Progressing { run, step, .. } => Some(seen(run, *step)),
            _ => None,
        }
    }
}

impl Input {
    /// What whoever acts on something that is not there any more is told: that, rather than why what is there now does
    /// not allow it.
    #[must_use]
    pub fn refused(&self, promotion: &Promotion, refusal: Refusal) -> Refusal {
        let (Self::GoOn { seen, .. }
        | Self::Skip { seen, .. }
        | Self::SetWeight { seen, .. }
        | Self::PromoteNow { seen, .. }) = self
        else {
            return refusal;
        };
        let has_changed = promotion.as_seen().is_some_and(|now| now != *seen);
        // Whether who was asked a moment ago may do it now says nothing to them.
        let is_answer = matches!(self, Self::GoOn { .. });
        let is_theirs = is_answer || !matches!(refusal, Refusal::NotAllowed(_));
        if has_changed && is_theirs { Refusal::StepChanged } else { refusal }
    }
}

/// Lets nothing go on by itself.
pub(super) fn hold(draft: &mut Draft, by: &Identity, reason: String) -> Result<(), Refusal> {
    let (mut run, step, since) = under_way(draft)?;
    // What nobody could let go on again must not be paused.
    may_hold(&draft.next)?;
    let why = needs_reason(reason)?;
    draft.note(by, JournalEvent::Held { why: why.clone() });
    run.hold = Some(Hold { by: by.clone(), why, since: draft.now, lifts: false, until: None });
    draft.next.phase = Phase::Progressing { run, step, since };
    Ok(())
}

/// Ends a hold, or the step that asks: whichever they saw.
pub(super) fn go_on(draft: &mut Draft, by: &Identity, seen: AsSeen) -> Result<(), Refusal> {
    let (mut run, step, since) = under_way(draft)?;
    if tool_step(&run).is_some() {
        return ask_tool_to_go_on(draft, by, run, step, since, seen);
    }
    is_as_seen(&run, step, seen)?;
    let is_asked = draft.next.plan.steps.get(step).and_then(Step::asked).is_some();
    may_go_on(&draft.next)?;
    draft.note(by, JournalEvent::WentOn);
    // A wait for the analysis that nobody was asked about stays.
    if run.hold.as_ref().is_some_and(|hold| hold.by == Identity::rule(judging::ANALYSIS)) {
        judging::answered_for(&mut run, draft.now);
    }
    run.is_short_accepted |= run.hold.as_ref().is_some_and(|hold| hold.by == Identity::rule(CAPACITY));
    let was_held = run.hold.take().is_some();
    // Who ends a pause ends nothing else: what was asked, or set by hand, before it still stands.
    if !was_held && (run.by_hand.is_some() || is_asked) {
        leave_step(draft, run, step);
    } else {
        draft.next.phase = Phase::Progressing { run, step, since };
    }
    Ok(())
}

/// The step of a tool that waits, as a person sees it; `None` where none does, or has been asked already.
fn tool_step(run: &Run) -> Option<Option<u32>> {
    let waiting = run.progress.iter().filter_map(|p| p.tool.as_ref()).find(|tool| tool.waits.is_some())?;
    run.asked.is_none().then_some(waiting.step)
}

impl Run {
    /// The index of the step of the tool in charge, where it has steps.
    #[must_use]
    pub fn step_of_tool(&self) -> Option<usize> {
        let step = self.progress.iter().find_map(|p| p.tool.as_ref()?.step)?;
        usize::try_from(step).ok()
    }
}

fn ask_tool_to_go_on(
    draft: &mut Draft,
    by: &Identity,
    mut run: Run,
    step: usize,
    since: DateTime<Utc>,
    seen: AsSeen,
) -> Result<(), Refusal> {
    let at = tool_step(&run).ok_or(Refusal::StepChanged)?;
    is_as_seen(&run, step, seen)?;
    draft.note(by, JournalEvent::WentOn);
    run.asked = Some(ToolAct::GoOn { step: at });
    draft.next.phase = Phase::Progressing { run, step, since };
    Ok(())
}

/// Ends the present step before its time.
pub(super) fn skip(draft: &mut Draft, by: &Identity, seen: AsSeen) -> Result<(), Refusal> {
    let (mut run, step, _) = under_way(draft)?;
    is_as_seen(&run, step, seen)?;
    match draft.next.plan.steps.get(step) {
        Some(Step::Rollout) | None => return Err(Refusal::RolloutNotSkipped),
        Some(present) => {
            let words = present.words();
            draft.note(by, JournalEvent::Skipped { words });
        }
    }
    judging::answered_for(&mut run, draft.now);
    run.hold = None;
    run.left_out.push(step);
    leave_step(draft, run, step);
    Ok(())
}

/// Goes to the next step; what a person has set is over with this one, and never more than it gives.
fn leave_step(draft: &mut Draft, mut run: Run, step: usize) {
    run.by_hand = None;
    next_step(draft, run, step);
}

/// Sets the share by hand: at most what the approved steps have given so far.
pub(super) fn set_weight(
    draft: &mut Draft,
    by: &Identity,
    seen: AsSeen,
    weight: Weight,
    reason: String,
) -> Result<(), Refusal> {
    let (mut run, step, since) = under_way(draft)?;
    // What was decided at a small share must not take a bigger one away.
    is_as_seen(&run, step, seen)?;
    let reason = needs_reason(reason)?;
    may_set_weight(&draft.next)?;
    let most = draft.next.most_weight(step);
    if weight > most {
        return Err(Refusal::TooMuch { most });
    }
    draft.note(by, JournalEvent::WeightSet { weight, reason: reason.clone() });
    run.by_hand = Some(weight);
    run.hold = None;
    draft.next.phase = Phase::Progressing { run, step, since };
    Ok(())
}

impl Promotion {
    /// The share that the approved steps give up to the one of this index, the highest until then.
    #[must_use]
    pub fn most_weight(&self, step: usize) -> Weight {
        let mut so_far = self.plan.steps.iter().take(step + 1).filter_map(Step::weight);
        so_far.next_back().unwrap_or(Weight::NONE)
    }
}

/// Whether there is a share that a person can set now.
pub(super) fn may_set_weight(promotion: &Promotion) -> Result<(), Refusal> {
    let Phase::Progressing { step, .. } = &promotion.phase else { return Err(not_under_way(promotion)) };
    let is_gradual = promotion
        .plan
        .workloads
        .iter()
        .any(|planned| planned.candidate.as_ref().is_some_and(|candidate| candidate.layer.is_gradual()));
    let is_at_rollout = matches!(promotion.plan.steps.get(*step), Some(Step::Rollout) | None);
    if is_gradual && !is_at_rollout && promotion.most_weight(*step) > Weight::NONE {
        Ok(())
    } else {
        Err(Refusal::NoWeights)
    }
}

/// Leaves the pauses and shares out that are left before everything.
pub(super) fn promote_now(draft: &mut Draft, by: &Identity, seen: AsSeen, reason: String) -> Result<(), Refusal> {
    let (mut run, step, since) = under_way(draft)?;
    // A second press must not leave out what the first one has led to.
    is_as_seen(&run, step, seen)?;
    may_promote_now(&draft.next)?;
    let reason = needs_reason(reason)?;
    draft.note(by, JournalEvent::StepsLeftOut { reason });
    if may_tool_promote_now(&run) {
        run.asked = Some(ToolAct::PromoteNow);
        let steps = run.progress.iter().find_map(|p| Some(p.tool.as_ref()?.steps.len())).unwrap_or_default();
        run.left_out.extend(run.step_of_tool().unwrap_or_default()..steps);
        draft.next.phase = Phase::Progressing { run, step, since };
        return Ok(());
    }
    run.hold = None;
    run.by_hand = None;
    let target = end_of_steps(&draft.next, step);
    run.left_out.extend(step..target);
    next_step(draft, run, target - 1);
    Ok(())
}

/// Whether steps are left that can be left out.
pub(super) fn may_promote_now(promotion: &Promotion) -> Result<(), Refusal> {
    match &promotion.phase {
        Phase::Progressing { step, run, .. } if step + 1 < promotion.plan.steps.len() || may_tool_promote_now(run) => {
            Ok(())
        }
        Phase::Progressing { .. } => Err(Refusal::RolloutNotSkipped),
        _ => Err(not_under_way(promotion)),
    }
}

/// Whether a tool has steps left that it can leave out, and was not asked to yet.
fn may_tool_promote_now(run: &Run) -> bool {
    run.asked != Some(ToolAct::PromoteNow)
        && run.progress.iter().any(|p| p.was_ours && p.tool.as_ref().is_some_and(|tool| tool.may_promote_now))
}

/// Whom the present step asks, where letting the promotion go on answers it; `None` where that ends a pause.
fn question(promotion: &Promotion) -> Option<Asked> {
    let Phase::Progressing { run, step, .. } = &promotion.phase else { return None };
    let leaves_step = tool_step(run).is_none() && run.hold.is_none();
    promotion.plan.steps.get(*step).filter(|_| leaves_step)?.asked()
}

/// Whether `actor` is among those whom a step asks.
fn may_answer(asked: Asked, actor: &Actor) -> Result<(), Refusal> {
    actor.may(Act::AnswerStep)?;
    let place = |role| Role::ALL.iter().position(|one| *one == role);
    if place(actor.role) >= place(asked.role()) { Ok(()) } else { Err(Refusal::AsksOthers { asked, role: actor.role }) }
}

/// Whether the present step asks `actor`.
pub(super) fn is_asked(promotion: &Promotion, actor: &Actor) -> bool {
    question(promotion).is_some_and(|asked| may_answer(asked, actor).is_ok())
}

/// Whether `actor` is trusted to let it go on: who is asked, or who runs releases.
pub(super) fn may_let_go_on(promotion: &Promotion, actor: &Actor) -> Result<(), Refusal> {
    match question(promotion) {
        Some(asked) => may_answer(asked, actor),
        None => Ok(actor.may(Act::SteerPromotion)?),
    }
}

/// Whether `actor` could answer what the present step asks, and with `is_all` every step that would be left out: what
/// others are asked is not left out over their heads.
pub(super) fn may_leave_out(promotion: &Promotion, actor: &Actor, is_all: bool) -> Result<(), Refusal> {
    actor.may(Act::SteerPromotion)?;
    let Phase::Progressing { step, .. } = &promotion.phase else { return Ok(()) };
    let end = if is_all { end_of_steps(promotion, *step) } else { step + 1 };
    let steps = promotion.plan.steps.iter().take(end).skip(*step);
    steps.filter_map(Step::asked).try_for_each(|asked| may_answer(asked, actor))
}

/// The index of the step to which one goes who leaves all the others out after this one.
fn end_of_steps(promotion: &Promotion, step: usize) -> usize {
    let steps = &promotion.plan.steps;
    let everything = steps.iter().rposition(|step| *step == Step::Weight { weight: Weight::ALL });
    everything.unwrap_or(steps.len().saturating_sub(1)).max(step + 1)
}

/// Whether a hold, or the step that asks, can be ended now.
pub(super) fn may_go_on(promotion: &Promotion) -> Result<(), Refusal> {
    match &promotion.phase {
        Phase::Progressing { run, step, .. }
            if run.hold.is_some()
                || run.by_hand.is_some()
                || tool_step(run).is_some()
                || promotion.plan.steps.get(*step).and_then(Step::asked).is_some() =>
        {
            Ok(())
        }
        Phase::Progressing { .. } => Err(Refusal::NotHeld),
        _ => Err(not_under_way(promotion)),
    }
}

/// Whether it can be paused now.
pub(super) fn may_hold(promotion: &Promotion) -> Result<(), Refusal> {
    match &promotion.phase {
        Phase::Progressing { run, .. } => match &run.hold {
            Some(hold) if hold.stays() => Err(Refusal::HeldAlready(hold.why.clone())),
            _ if promotion.plan.steps.len() > 1 => Ok(()),
            _ => Err(run
                .progress
                .iter()
                .find_map(|p| p.tool.as_ref())
                .map_or(Refusal::NoSteps, |tool| Refusal::StepsOfTool { tool: tool.tool.clone() })),
        },
        _ => Err(not_under_way(promotion)),
    }
}

/// Whether the present step can be ended before its time.
pub(super) fn may_skip(promotion: &Promotion) -> Result<(), Refusal> {
    match &promotion.phase {
        Phase::Progressing { step, .. } if step + 1 >= promotion.plan.steps.len() => Err(Refusal::RolloutNotSkipped),
        _ => may_promote_now(promotion),
    }
}
