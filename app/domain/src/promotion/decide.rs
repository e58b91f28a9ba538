//! The one way from one state to the next. Pure: state, facts, input and time come in; the next
//! state, what to tell and when to look again come out.

use chrono::{DateTime, Duration, Utc};

use super::{
    APPROVAL_LASTS_DAYS, Approval, Blocker, Decision, Effect, Facts, Failure, Input, JournalEntry, JournalEvent,
    LOOK_EVERY_SECONDS, LOOK_WHILE_WATCHING_SECONDS, Phase, Plan, Promotion, Refusal, Run, Supersedes, TakeBackCause,
    TakenBack, WAITING_LASTS_DAYS, alerts, judging, observe, outside, refused, steering, way_back, words::headline,
};
use crate::{actor::Identity, analysis::Sample, ids::PersonId};

/// Collects what a decision changes.
pub(super) struct Draft<'a> {
    pub(super) next: Promotion,
    pub(super) facts: &'a Facts,
    pub(super) now: DateTime<Utc>,
    pub(super) taken: Vec<Sample>,
    /// The steps that have begun and say something to the channel.
    pub(super) announced: Vec<u32>,
    /// Whether what an outside deployer was told is told once more.
    pub(super) calls_again: bool,
    journal: Vec<JournalEntry>,
    supersedes: bool,
}

impl Draft<'_> {
    pub(super) fn note(&mut self, by: &Identity, event: JournalEvent) {
        self.journal.push(JournalEntry { at: self.now, by: by.clone(), event });
    }

    pub(super) fn note_rule(&mut self, rule: &str, event: JournalEvent) {
        self.note(&Identity::rule(rule), event);
    }

    /// Goes on to taking back, or ends at once when nothing was written yet.
    pub(super) fn take_back(&mut self, mut run: Run, by: &Identity, cause: TakeBackCause) {
        self.note(by, JournalEvent::TakingBack { cause: cause.clone() });
        if !run.has_written() {
            self.end(run, cause, TakenBack::NotNeeded);
            return;
        }
        if let Some(what) = outside::left_to_people(&self.next) {
            self.end(run, cause, TakenBack::Incomplete { what });
            return;
        }
        if let Some(outside) = &mut run.outside {
            outside.next_call();
            self.next.trouble = None;
        }
        if let Some(next) = way_back::begin_back(&self.next, &mut run, self.now) {
            self.note_rule("strategy", JournalEvent::Moves { next });
        }
        self.next.phase = Phase::TakingBack { run, cause, since: self.now };
    }

    /// Ends a run that does not succeed.
    pub(super) fn end(&mut self, run: Run, cause: TakeBackCause, back: TakenBack) {
        let finished_at = self.now;
        self.next.trouble = None;
        self.next.phase = match cause {
            TakeBackCause::Aborted { by, reason } => {
                self.note_rule("rollout", JournalEvent::Aborted { back: back.clone() });
                Phase::Aborted { run, by, reason, back, finished_at }
            }
            TakeBackCause::Superseded { by } => {
                self.note_rule("queue", JournalEvent::Superseded { by });
                Phase::Superseded { by, run: Some(run), finished_at }
            }
            cause => {
                self.note_rule("rollout", JournalEvent::Failed { why: cause.words(), back: back.clone() });
                Phase::Failed { run: Some(run), failure: Failure::TakenBack { cause }, back, finished_at }
            }
        };
    }

    /// The same, because of what is seen in the clusters.
    pub(super) fn take_back_by_rule(&mut self, run: Run, cause: TakeBackCause) {
        self.take_back(run, &Identity::rule("rollout"), cause);
    }

    pub(super) fn fail_at_start(&mut self, run: Run, message: String) {
        let back = TakenBack::NotNeeded;
        self.note_rule("start", JournalEvent::Failed { why: message.clone(), back: back.clone() });
        let failure = Failure::Start { message };
        self.next.trouble = None;
        self.next.phase = Phase::Failed { run: Some(run), failure, back, finished_at: self.now };
    }
}

/// Decides what an input does to a promotion.
///
/// Repeating an observation changes nothing; time alone never undoes anything.
///
/// # Errors
/// [`Refusal`] says which rule refused the input; the promotion stays as it was.
pub fn decide(promotion: &Promotion, facts: &Facts, input: Input, now: DateTime<Utc>) -> Result<Decision, Refusal> {
    let mut next = promotion.clone();
    // What ran when it was asked for may have been replaced by what it waited for.
    if matches!(next.phase, Phase::Waiting { .. } | Phase::Starting { .. }) {
        next.previous_version = facts.runs.or(next.previous_version);
    }
    let mut draft = Draft {
        next,
        facts,
        now,
        taken: Vec::new(),
        announced: Vec::new(),
        calls_again: false,
        journal: Vec::new(),
        supersedes: false,
    };
    match input {
        Input::Approve { by, comment, plan_number } => approve(&mut draft, &by, comment, plan_number)?,
        Input::Reject { by, reason } => reject(&mut draft, by, reason)?,
        Input::Cancel { by, reason } => cancel(&mut draft, by, reason)?,
        Input::Abort { by, reason } => abort(&mut draft, by, reason)?,
        Input::Supersede { by, who } => supersede(&mut draft, by, &who),
        Input::Abandon { by, reason } => abandon(&mut draft, &by, reason)?,
        Input::Hold { by, reason } => steering::hold(&mut draft, &by, reason)?,
        Input::GoOn { by, seen } => steering::go_on(&mut draft, &by, seen)?,
        Input::Skip { by, seen } => steering::skip(&mut draft, &by, seen)?,
        Input::SetWeight { by, seen, weight, reason } => steering::set_weight(&mut draft, &by, seen, weight, reason)?,
        Input::PromoteNow { by, seen, reason } => steering::promote_now(&mut draft, &by, seen, reason)?,
        Input::Reported { by, about, report } => outside::reported(&mut draft, &by, about, report)?,
        Input::Called { generation, answer } => outside::called(&mut draft, generation, answer),
        Input::CallAgain { by } => outside::call_again(&mut draft, &by)?,
        Input::Observed(_) if promotion.outside().is_some() => {}
        Input::Observed(seen) => observe::observed(&mut draft, &seen),
        Input::RefusedByCluster { generation, writes } => refused::by_clusters(&mut draft, generation, writes),
        Input::Alerted { by, alerts } => alerts::alerted(&mut draft, &by, alerts),
        Input::Measured(samples) => judging::measured(&mut draft, samples),
        Input::Clock if promotion.outside().is_some() => outside::look(&mut draft),
        Input::Clock => {}
    }
    settle_waiting(&mut draft);
    judging::settle_undecided(&mut draft);
    settle_watching(&mut draft);
    let Draft { next, journal, supersedes, taken: samples, announced, calls_again, .. } = draft;
    let mut outbox = if headline(promotion) == headline(&next) && !journal.iter().any(is_told) {
        vec![]
    } else {
        vec![Effect::TellMessenger]
    };
    outbox.extend(announced.into_iter().map(|step| Effect::Announce { step }));
    let again = next.call().filter(|_| calls_again);
    let again = again.map(|(call, id)| Effect::CallDeployer { call, generation: id.generation });
    outbox.extend(outside::effect(promotion, &next).or(again));
    let asked = |of: &Promotion| of.run().and_then(|run| run.asked);
    let is_asked = asked(&next).is_some() && asked(&next) != asked(promotion);
    let has_moved = is_asked || promotion.place() != next.place();
    let wake_at = wake_at(&next, now, has_moved);
    Ok(Decision { next, journal, outbox, supersedes, samples, wake_at })
}

/// What people in the channel want to hear even when the headline stays.
fn is_told(entry: &JournalEntry) -> bool {
    matches!(
        entry.event,
        JournalEvent::Requested { .. }
            | JournalEvent::Approved { .. }
            | JournalEvent::Rejected { .. }
            | JournalEvent::Warned { .. }
            | JournalEvent::Alerted { .. }
    )
}

pub(super) fn needs_reason(reason: String) -> Result<String, Refusal> {
    let reason = reason.trim().to_owned();
    if reason.is_empty() { Err(Refusal::ReasonNeeded) } else { Ok(reason) }
}

/// Only a promotion that waits can be approved, rejected or cancelled.
pub(super) fn waiting(promotion: &Promotion) -> Result<(), Refusal> {
    match &promotion.phase {
        Phase::Waiting { .. } => Ok(()),
        _ if promotion.is_over() => Err(Refusal::Over(headline(promotion).words)),
        _ => Err(Refusal::Started),
    }
}

/// Who may consent to a promotion at all, by rule; the role is asked in [`Actor::may`].
///
/// # Errors
/// The rule that refuses.
pub(crate) fn may_consent(promotion: &Promotion, by: &Identity) -> Result<PersonId, Refusal> {
    let Identity::Person { id, .. } = by else {
        return Err(Refusal::MachineApproval);
    };
    if promotion.requested_by.person() == Some(*id) {
        return Err(Refusal::OwnRequest);
    }
    Ok(*id)
}

fn approve(draft: &mut Draft, by: &Identity, comment: Option<String>, plan_number: u32) -> Result<(), Refusal> {
    waiting(&draft.next)?;
    let person = may_consent(&draft.next, by)?;
    replan(draft);
    if plan_number != draft.next.plan.number {
        return Err(Refusal::PlanChanged);
    }
    drop_stale_approvals(draft);
    if draft.next.approvals.iter().any(|a| a.person == person) {
        return Err(Refusal::AlreadyApproved);
    }
    let comment = comment.map(|c| c.trim().to_owned()).filter(|c| !c.is_empty());
    let at = draft.now;
    draft.next.approvals.push(Approval { person, name: by.shown(), at, comment: comment.clone(), plan_number });
    let have = u8::try_from(draft.next.approvals.len()).unwrap_or(u8::MAX);
    let need = draft.next.plan.approvals;
    if have >= need && draft.next.approved_at.is_none() {
        draft.next.approved_at = Some(at);
    }
    draft.note(by, JournalEvent::Approved { have, need, comment });
    Ok(())
}

fn reject(draft: &mut Draft, by: Identity, reason: String) -> Result<(), Refusal> {
    waiting(&draft.next)?;
    may_consent(&draft.next, &by)?;
    let reason = needs_reason(reason)?;
    draft.note(&by, JournalEvent::Rejected { reason: reason.clone() });
    draft.next.phase = Phase::Rejected { by, reason, finished_at: draft.now };
    Ok(())
}

fn cancel(draft: &mut Draft, by: Identity, reason: String) -> Result<(), Refusal> {
    waiting(&draft.next)?;
    let reason = reason.trim().to_owned();
    draft.note(&by, JournalEvent::Cancelled { reason: reason.clone() });
    draft.next.phase = Phase::Cancelled { by, reason, finished_at: draft.now };
    Ok(())
}

fn abort(draft: &mut Draft, by: Identity, reason: String) -> Result<(), Refusal> {
    let reason = needs_reason(reason)?;
    match draft.next.phase.clone() {
        Phase::Waiting { .. } => Err(Refusal::NotStarted),
        Phase::TakingBack { .. } => Err(Refusal::AlreadyTakingBack),
        Phase::Starting { run } | Phase::Progressing { run, .. } => {
            draft.take_back(run, &by.clone(), TakeBackCause::Aborted { by, reason });
            Ok(())
        }
        // What is only being watched has let go of the target; while another promotion holds it,
        // two writers would fight.
        Phase::Watching { .. } if draft.facts.occupant.is_some() => Err(Refusal::Over(headline(&draft.next).words)),
        Phase::Watching { run, .. } => {
            draft.take_back(run, &by.clone(), TakeBackCause::Aborted { by, reason });
            Ok(())
        }
        Phase::Succeeded { .. }
        | Phase::Failed { .. }
        | Phase::Aborted { .. }
        | Phase::Rejected { .. }
        | Phase::Cancelled { .. }
        | Phase::Expired { .. }
        | Phase::Superseded { .. } => Err(Refusal::Over(headline(&draft.next).words)),
    }
}

/// A newer promotion takes the place: a waiting one ends, a live one is taken back, a watch ends
/// well. What is over or on its way back stays.
fn supersede(draft: &mut Draft, by: i64, who: &Identity) {
    match draft.next.phase.clone() {
        Phase::Waiting { .. } => {
            draft.note(who, JournalEvent::Superseded { by });
            draft.next.phase = Phase::Superseded { by, run: None, finished_at: draft.now };
        }
        Phase::Starting { run } | Phase::Progressing { run, .. } => {
            draft.take_back(run, who, TakeBackCause::Superseded { by });
        }
        Phase::Watching { run, finished_at, .. } => {
            draft.note_rule("watch", JournalEvent::Succeeded);
            draft.next.phase = Phase::Succeeded { run, finished_at };
        }
        Phase::TakingBack { .. }
        | Phase::Succeeded { .. }
        | Phase::Failed { .. }
        | Phase::Aborted { .. }
        | Phase::Rejected { .. }
        | Phase::Cancelled { .. }
        | Phase::Expired { .. }
        | Phase::Superseded { .. } => {}
    }
}

/// What cannot be taken back as long as its cluster is away must not hold the target for ever.
fn abandon(draft: &mut Draft, by: &Identity, reason: String) -> Result<(), Refusal> {
    let reason = needs_reason(reason)?;
    let (Phase::TakingBack { run, cause, .. }, Some(trouble)) = (draft.next.phase.clone(), draft.next.trouble.clone())
    else {
        return may_abandon(&draft.next);
    };
    draft.note(by, JournalEvent::Abandoned { reason: reason.clone() });
    let what = format!("given up by {}: {reason} ({})", by.shown(), trouble.message);
    draft.end(run, cause, TakenBack::Incomplete { what });
    Ok(())
}

/// Where the clusters answer, taking back ends by itself.
pub(super) fn may_abandon(promotion: &Promotion) -> Result<(), Refusal> {
    match promotion.phase {
        Phase::TakingBack { .. } if promotion.trouble.is_some() => Ok(()),
        Phase::TakingBack { .. } => Err(Refusal::EndsByItself),
        _ if promotion.is_over() => Err(Refusal::Over(headline(promotion).words)),
        _ => Err(Refusal::NotTakingBack),
    }
}

/// What waits, or is only being watched, has nothing to do in a cluster that is away.
pub(super) fn trouble(draft: &mut Draft, message: String) {
    if !draft.next.occupies() {
        return;
    }
    match &mut draft.next.trouble {
        Some(known) => {
            known.attempts = known.attempts.saturating_add(1);
            known.message = message;
        }
        None => {
            let since = draft.now;
            draft.next.trouble = Some(super::Trouble { message: message.clone(), since, attempts: 1 });
            draft.note_rule("rollout", JournalEvent::Trouble { message });
        }
    }
}

/// Makes the plan what it would be now. A change voids the approvals, visibly.
fn replan(draft: &mut Draft) {
    let plan_now = Plan { number: draft.next.plan.number, ..draft.facts.plan_now.clone() };
    if plan_now == draft.next.plan {
        return;
    }
    let why = if plan_now.rules_revision == draft.next.plan.rules_revision {
        "what would be set in the cluster has changed since"
    } else {
        "the rules of the environment have changed since"
    };
    draft.next.plan = Plan { number: plan_now.number + 1, ..plan_now };
    if !draft.next.approvals.is_empty() {
        draft.next.approvals.clear();
        draft.note_rule("approval", JournalEvent::ApprovalsVoid { why: why.to_owned() });
    }
    draft.next.approved_at = None;
}

/// Approvals lapse, and those of people who may not approve any more do not count.
fn drop_stale_approvals(draft: &mut Draft) {
    let (now, plan_number) = (draft.now, draft.next.plan.number);
    let is_fresh = |a: &Approval| a.plan_number == plan_number && now < a.at + Duration::days(APPROVAL_LASTS_DAYS);
    let before = draft.next.approvals.len();
    let may_approve = &draft.facts.may_approve;
    draft.next.approvals.retain(|a| is_fresh(a) && may_approve.contains(&a.person));
    if draft.next.approvals.len() < before {
        let why = format!("given more than {APPROVAL_LASTS_DAYS} days ago, or by someone who may not approve any more");
        draft.note_rule("approval", JournalEvent::ApprovalsVoid { why });
    }
    if draft.next.approvals.len() < usize::from(draft.next.plan.approvals) {
        draft.next.approved_at = None;
    }
}

/// Judges a waiting promotion again at the moment of effect and starts it when nothing stands in
/// the way.
fn settle_waiting(draft: &mut Draft) {
    let Phase::Waiting { blockers: known } = draft.next.phase.clone() else {
        return;
    };
    if draft.now >= draft.next.requested_at + Duration::days(WAITING_LASTS_DAYS) {
        draft.note_rule("expiry", JournalEvent::Expired);
        draft.next.phase = Phase::Expired { finished_at: draft.now };
        return;
    }
    replan(draft);
    drop_stale_approvals(draft);
    let blockers = blockers(draft);
    draft.supersedes = draft.next.supersedes != Supersedes::Nobody
        && blockers.iter().all(|blocker| matches!(blocker, Blocker::Queue { .. }));
    if blockers.is_empty() {
        start(draft);
    } else {
        if !same_kinds(&known, &blockers) {
            let for_what = blockers.iter().map(super::words_for_blocker).collect();
            draft.note_rule("start", JournalEvent::Waits { for_what });
        }
        draft.next.phase = Phase::Waiting { blockers };
    }
}

fn same_kinds(a: &[Blocker], b: &[Blocker]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| std::mem::discriminant(a) == std::mem::discriminant(b))
}

fn blockers(draft: &Draft) -> Vec<Blocker> {
    let mut blockers = Vec::new();
    let have = u8::try_from(draft.next.approvals.len()).unwrap_or(u8::MAX);
    let need = draft.next.plan.approvals;
    if have < need {
        blockers.push(Blocker::Approvals { have, need });
    }
    if let Some((environment, false)) = &draft.facts.healthy_before
        && draft.next.plan.healthy_in.is_some()
    {
        blockers.push(Blocker::NotHealthyBefore { environment: environment.clone() });
    }
    if let Some(occupant) = draft.facts.occupant.filter(|o| o.id != draft.next.id) {
        blockers.push(Blocker::Queue { behind: occupant.number });
    }
    blockers
}

fn start(draft: &mut Draft) {
    draft.note_rule("start", JournalEvent::Started);
    let run = Run::new(draft.facts.next_sequence, draft.now);
    draft.next.phase = Phase::Starting { run };
}

/// How long a watch stays open for what fell into its time: an evaluation, or a rollback that it leads to.
const WATCH_STAYS_OPEN_SECONDS: i64 = 120;

/// A watch ends well when its time is over, or when the next promotion has started.
fn settle_watching(draft: &mut Draft) {
    let Phase::Watching { run, finished_at, until } = draft.next.phase.clone() else { return };
    let may_stay_open = draft.now < until + Duration::seconds(WATCH_STAYS_OPEN_SECONDS);
    let is_over = draft.now >= until && !(may_stay_open && judging::is_open(&draft.next, &run, until));
    if is_over || draft.facts.occupant.is_some() {
        draft.note_rule("watch", JournalEvent::Succeeded);
        draft.next.phase = Phase::Succeeded { run, finished_at };
    }
}

/// When to look again. A waiting promotion is woken by what it waits for (an approval, the end of
/// the one before it); its time here is the fallback and the expiry. A phase that has just begun
/// has work at once.
fn wake_at(next: &Promotion, now: DateTime<Utc>, has_moved: bool) -> Option<DateTime<Utc>> {
    match &next.phase {
        Phase::Starting { .. } | Phase::Progressing { .. } | Phase::TakingBack { .. } if has_moved => Some(now),
        Phase::Waiting { .. } => {
            let expiry = next.requested_at + Duration::days(WAITING_LASTS_DAYS);
            Some(expiry.min(now + Duration::seconds(30)))
        }
        Phase::Progressing { .. } | Phase::TakingBack { .. } if next.outside().is_some() => {
            Some(outside::wake_at(next, now))
        }
        Phase::Starting { .. } | Phase::Progressing { .. } | Phase::TakingBack { .. } => {
            // With every failed try the next one waits twice as long, up to a minute.
            let patience = next.trouble.as_ref().map_or(0, |t| t.attempts.min(5));
            Some(judging::no_later(next, now, now + Duration::seconds((LOOK_EVERY_SECONDS << patience).min(60))))
        }
        Phase::Watching { until, .. } => {
            let usual = now + Duration::seconds(LOOK_WHILE_WATCHING_SECONDS);
            let look = if *until > now { usual.min(*until) } else { usual };
            Some(judging::no_later(next, now, look))
        }
        Phase::Succeeded { .. }
        | Phase::Failed { .. }
        | Phase::Aborted { .. }
        | Phase::Rejected { .. }
        | Phase::Cancelled { .. }
        | Phase::Expired { .. }
        | Phase::Superseded { .. } => None,
    }
}
