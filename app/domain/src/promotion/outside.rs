//! A promotion to a target that an outside deployer deploys. The phases are those of every promotion;
//! what is observed are the deployer's reports and what came of telling it, in place of pods.
//!
//! What is wanted changes at most twice in a run: the version, then what ran before. Each change is one
//! call with an identity of its own, and a report counts only for the call that is wanted now. So what
//! comes late, twice or for something else changes nothing.

use chrono::{DateTime, Duration, Utc};

use super::{
    Effect, JournalEvent, LOOKED_AT_EVERY_SECONDS, Move, OutsideRun, Phase, Promotion, Refusal, Run, StableWant,
    TakeBackCause, TakenBack, Trouble,
    decide::{self, Draft},
    progress,
    words::headline,
};
use crate::{
    actor::Identity,
    moment_words,
    outside::{CallAnswer, CallId, DeployerCall, OutsideDeployer, Report, ReportState},
};

impl Promotion {
    /// The outside deployer that deploys it, where there is one.
    #[must_use]
    pub const fn outside(&self) -> Option<&OutsideDeployer> {
        self.plan.deployer.outside()
    }

    /// What an outside deployer is to be told now, and under which identity; `None` when there is
    /// nothing to tell, or nobody.
    #[must_use]
    pub fn call(&self) -> Option<(DeployerCall, CallId)> {
        self.outside()?;
        let (call, run) = match &self.phase {
            Phase::Progressing { run, .. } => (DeployerCall::Start, run),
            Phase::TakingBack { run, .. } => (DeployerCall::Abort, run),
            Phase::Waiting { .. }
            | Phase::Starting { .. }
            | Phase::Watching { .. }
            | Phase::Succeeded { .. }
            | Phase::Failed { .. }
            | Phase::Aborted { .. }
            | Phase::Rejected { .. }
            | Phase::Cancelled { .. }
            | Phase::Expired { .. }
            | Phase::Superseded { .. } => return None,
        };
        Some((call, CallId { promotion: self.id, generation: run.generation }))
    }

    /// Until when the deployer is waited for; `None` when it is not.
    #[must_use]
    pub fn deadline(&self) -> Option<DateTime<Utc>> {
        let seconds = self.outside()?.deadline_seconds();
        let (Phase::Progressing { run, since, .. } | Phase::TakingBack { run, since, .. }) = &self.phase else {
            return None;
        };
        let since = run.wanted_since.unwrap_or(*since);
        Some(since + Duration::seconds(i64::from(seconds) + run.unseen_seconds))
    }
}

/// What must be told once after a decision.
pub(super) fn effect(before: &Promotion, next: &Promotion) -> Option<Effect> {
    let (call, id) = next.call()?;
    let known = before.run().map_or(0, |run| run.generation);
    (id.generation > known).then_some(Effect::CallDeployer { call, generation: id.generation })
}

/// Time goes by.
pub(super) fn look(draft: &mut Draft) {
    match draft.next.phase.clone() {
        Phase::Starting { run } => start(draft, run),
        Phase::Progressing { run, step, since } => progressing(draft, run, step, since),
        Phase::TakingBack { run, cause, since } => taking_back(draft, run, cause, since),
        Phase::Waiting { .. }
        | Phase::Watching { .. }
        | Phase::Succeeded { .. }
        | Phase::Failed { .. }
        | Phase::Aborted { .. }
        | Phase::Rejected { .. }
        | Phase::Cancelled { .. }
        | Phase::Expired { .. }
        | Phase::Superseded { .. } => {}
    }
}

fn start(draft: &mut Draft, mut run: Run) {
    run.outside = Some(OutsideRun { before: draft.facts.runs, ..OutsideRun::default() });
    run.want(Move::Stable(StableWant::Version), draft.now);
    draft.next.phase = Phase::Progressing { run, step: 0, since: draft.now };
}

fn progressing(draft: &mut Draft, mut run: Run, step: usize, since: DateTime<Utc>) {
    run.look(draft.now, false);
    let seconds = draft.next.outside().map_or(0, OutsideDeployer::deadline_seconds);
    if run.is_over_budget(since, seconds, draft.now) {
        let progress = last_words(&draft.next, &run);
        return draft.take_back_by_rule(run, TakeBackCause::Budget { seconds, progress });
    }
    draft.next.phase = Phase::Progressing { run, step, since };
    expect_life(draft);
}

/// Nobody but the deployer can say that what ran before runs again. When it does not, a person must.
fn taking_back(draft: &mut Draft, mut run: Run, cause: TakeBackCause, since: DateTime<Utc>) {
    run.look(draft.now, false);
    let seconds = draft.next.outside().map_or(0, OutsideDeployer::deadline_seconds);
    let is_late = run.is_over_budget(since, seconds, draft.now);
    let is_new = is_late && run.outside.as_ref().is_some_and(|outside| !outside.is_late);
    if let Some(outside) = run.outside.as_mut().filter(|_| is_new) {
        outside.is_late = true;
    }
    let last = last_words(&draft.next, &run);
    draft.next.phase = Phase::TakingBack { run, cause, since };
    if is_new {
        let within = crate::duration_words::exact(i64::from(seconds));
        ask(
            draft,
            format!(
                "the deployer has not said within {within} that what ran before runs again ({last}); look there, \
                 send it again, or give up taking back"
            ),
        );
    } else if !is_late {
        expect_life(draft);
    }
}

/// A deployer that should be heard of and is not keeps us from telling how it goes.
fn expect_life(draft: &mut Draft) {
    let Some(due) = life_due(&draft.next).filter(|due| draft.now >= *due) else { return };
    if draft.next.trouble.is_some() {
        return;
    }
    let every = draft.next.outside().and_then(OutsideDeployer::life_seconds).unwrap_or_default();
    let last = due - Duration::seconds(i64::from(every));
    let every = crate::duration_words::exact(i64::from(every));
    ask(
        draft,
        format!("nothing was heard of the deployer since {}, expected every {every}", moment_words::second(last)),
    );
}

/// When the deployer must be heard of next, while it works on what it was told.
fn life_due(promotion: &Promotion) -> Option<DateTime<Utc>> {
    let every = promotion.outside()?.life_seconds()?;
    let run = promotion.run()?;
    let outside = run.outside.as_ref()?;
    let last = outside.heard_at.max(outside.taken_at)?;
    Some(last + Duration::seconds(i64::from(every) + run.unseen_seconds))
}

/// When to look again: at the next moment at which something is due, and now and then, to know for how
/// long nobody looked.
pub(super) fn wake_at(promotion: &Promotion, now: DateTime<Utc>) -> DateTime<Utc> {
    let often = now + Duration::seconds(LOOKED_AT_EVERY_SECONDS);
    let due = [promotion.deadline(), life_due(promotion)];
    due.into_iter().flatten().filter(|due| *due > now).fold(often, DateTime::min)
}

/// Takes in what came of telling the deployer. What is said about a call that is not wanted any more
/// says nothing.
pub(super) fn called(draft: &mut Draft, generation: u32, answer: CallAnswer) {
    let Some((call, _)) = draft.next.call().filter(|(_, id)| id.generation == generation) else { return };
    if let CallAnswer::NotYet(message) = answer {
        return decide::trouble(draft, message);
    }
    let now = draft.now;
    let Some(outside) = heard(draft).filter(|outside| outside.taken_at.is_none()) else { return };
    match answer {
        CallAnswer::NotYet(_) => {}
        CallAnswer::Taken => {
            outside.taken_at = Some(now);
            outside.refused = None;
            let is_late = outside.is_late;
            draft.note_rule("deployer", JournalEvent::Told { call });
            if !is_late {
                end_trouble(draft);
            }
        }
        CallAnswer::Refused(message) => {
            outside.refused = Some(message.clone());
            ask(draft, format!("the deployer refuses the {}: {message}", call.as_str()));
        }
    }
}

/// A person has it sent again.
pub(super) fn call_again(draft: &mut Draft, by: &Identity) -> Result<(), Refusal> {
    may_call_again(&draft.next)?;
    let Some((call, _)) = draft.next.call() else { return Err(Refusal::NothingToSend) };
    if let Some(outside) = heard(draft) {
        outside.taken_at = None;
        outside.refused = None;
    }
    draft.note(by, JournalEvent::SentAgain { call });
    draft.calls_again = true;
    Ok(())
}

/// Whether there is something that can be sent again.
pub(super) fn may_call_again(promotion: &Promotion) -> Result<(), Refusal> {
    match promotion.call() {
        Some(_) => Ok(()),
        None if promotion.is_over() => Err(Refusal::Over(headline(promotion).words)),
        None => Err(Refusal::NothingToSend),
    }
}

/// Takes in what the deployer reports about a call.
pub(super) fn reported(draft: &mut Draft, by: &Identity, about: CallId, report: Report) -> Result<(), Refusal> {
    let call = is_awaited(&draft.next, about)?;
    let now = draft.now;
    let Some(outside) = heard(draft) else { return Err(Refusal::NothingToReport) };
    if report.at.is_some_and(|at| outside.said_at.is_some_and(|known| at < known)) {
        return Err(Refusal::ReportOutOfOrder("a later one is known already"));
    }
    if report.state == ReportState::Running {
        if report.percent.is_some_and(|percent| outside.percent.is_some_and(|known| percent < known)) {
            return Err(Refusal::ReportOutOfOrder("more than that was reported already"));
        }
        if outside.reports >= OutsideRun::MOST_REPORTS {
            return Err(Refusal::TooManyReports);
        }
    }
    let says_more = report.message != outside.message && !report.message.is_empty();
    outside.take(&report, now);
    // Whoever reports has it, whether or not the answer to the call came through.
    outside.taken_at.get_or_insert(now);
    outside.refused = None;
    let is_late = outside.is_late;
    if says_more || report.state != ReportState::Running {
        let Report { state, percent, message, link, .. } = report.clone();
        draft.note(by, JournalEvent::Reported { state, percent, message, link });
    }
    match (call, report.state) {
        // Who was asked when the time was over stays asked: nobody else ends it when the deployer falls silent again.
        (DeployerCall::Start | DeployerCall::Abort, ReportState::Running) if is_late => {}
        (DeployerCall::Start | DeployerCall::Abort, ReportState::Running) => end_trouble(draft),
        (DeployerCall::Start, ReportState::Succeeded) => {
            end_trouble(draft);
            if let Phase::Progressing { run, .. } = draft.next.phase.clone() {
                progress::complete(draft, run);
            }
        }
        (DeployerCall::Start, ReportState::Failed) => {
            let message = if report.message.is_empty() { "without saying why".to_owned() } else { report.message };
            if let Phase::Progressing { run, .. } = draft.next.phase.clone() {
                draft.take_back(run, by, TakeBackCause::Deployer { message });
            }
        }
        (DeployerCall::Abort, ReportState::Succeeded) => {
            if let Phase::TakingBack { run, cause, .. } = draft.next.phase.clone() {
                draft.end(run, cause, TakenBack::Complete);
            }
        }
        (DeployerCall::Abort, ReportState::Failed) => ask(
            draft,
            format!(
                "the deployer could not bring back what ran before ({}); look there, send it again, or give up taking \
                 back",
                if report.message.is_empty() { "it did not say why" } else { &report.message }
            ),
        ),
    }
    Ok(())
}

/// Whether a report about this call is waited for.
fn is_awaited(promotion: &Promotion, about: CallId) -> Result<DeployerCall, Refusal> {
    if promotion.outside().is_none() {
        return Err(Refusal::NothingToReport);
    }
    if about.promotion != promotion.id {
        return Err(Refusal::ReportOfAnother);
    }
    match promotion.call() {
        Some((call, id)) if id == about => Ok(call),
        Some((call, _)) => Err(Refusal::ReportTooLate(call.as_str())),
        None if promotion.finished_at().is_some() => Err(Refusal::Over(headline(promotion).words)),
        None => Err(Refusal::ReportTooEarly),
    }
}

fn heard<'a>(draft: &'a mut Draft) -> Option<&'a mut OutsideRun> {
    match &mut draft.next.phase {
        Phase::Progressing { run, .. } | Phase::TakingBack { run, .. } => run.outside.as_mut(),
        _ => None,
    }
}

/// A person must look; it goes on when the deployer is heard of.
fn ask(draft: &mut Draft, message: String) {
    if draft.next.trouble.as_ref().is_some_and(|known| known.message == message) {
        return;
    }
    draft.note_rule("deployer", JournalEvent::Trouble { message: message.clone() });
    draft.next.trouble = Some(Trouble { message, since: draft.now, attempts: 1 });
}

fn end_trouble(draft: &mut Draft) {
    if draft.next.trouble.take().is_some() {
        draft.note_rule("deployer", JournalEvent::TroubleOver);
    }
}

/// What is left where the deployer cannot be told to take back.
pub(super) fn left_to_people(promotion: &Promotion) -> Option<String> {
    let outside = promotion.outside()?;
    outside.address(DeployerCall::Abort).is_none().then(|| {
        "the deployer has no address for an abort; stop it by hand and see that what ran before runs".to_owned()
    })
}

/// How far the deployer says that it is.
pub(super) fn last_words(promotion: &Promotion, run: &Run) -> String {
    let Some(outside) = &run.outside else { return String::new() };
    let words = outside.words();
    match (&outside.refused, outside.heard_at, outside.taken_at) {
        (Some(why), _, _) => format!("refused: {why}"),
        (None, Some(_), _) if !words.is_empty() => words,
        (None, Some(_), _) => "the deployer is at work".to_owned(),
        (None, None, Some(_)) => "the deployer has it and has not reported yet".to_owned(),
        (None, None, None) => {
            let call = promotion.call().map_or(DeployerCall::Start, |(call, _)| call);
            let host = promotion.outside().and_then(|outside| outside.address(call)).map_or("", |a| a.host());
            format!("the deployer at {host} is told")
        }
    }
}
