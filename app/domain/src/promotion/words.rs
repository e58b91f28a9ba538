//! A promotion's state in words, the same everywhere: Board, promotion page, Slack.

use chrono::{DateTime, Utc};

use super::{
    Blocker, Failure, Phase, Promotion, Run, StableWant, StepWait, TakenBack, WorkloadProgress, ending, judging,
    outside, progress::open_in_words,
};
use crate::{
    analysis::Unanswered,
    moment_words,
    state::Mark,
    strategy::{Asked, Step},
    traffic::Weight,
};

/// The state in one line, with its mark.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Headline {
    /// Icon and colour.
    pub mark: Mark,
    /// The words, with the person or the time it waits for.
    pub words: String,
    /// Progress in percent while it moves.
    pub percent: Option<u8>,
}

/// What a waiting promotion waits for, in words.
#[must_use]
pub fn words_for_blocker(blocker: &Blocker) -> String {
    match blocker {
        Blocker::Approvals { have, need } if *have == 0 => match need {
            1 => "waits for 1 approval".to_owned(),
            n => format!("waits for {n} approvals"),
        },
        Blocker::Approvals { have, need } => format!("waits for {} more of {need} approvals", need - have),
        Blocker::NotHealthyBefore { environment } => {
            format!("waits until this version is healthy in {environment}")
        }
        Blocker::Queue { behind } => format!("waits in the queue behind promotion {behind}"),
    }
}

/// The state of a promotion in one line.
#[must_use]
pub fn headline(promotion: &Promotion) -> Headline {
    let line = |mark, words: String| Headline { mark, words, percent: None };
    match &promotion.phase {
        Phase::Waiting { blockers } => {
            let words: Vec<_> = blockers.iter().map(words_for_blocker).collect();
            line(Mark::Waiting, if words.is_empty() { "about to start".to_owned() } else { words.join("; ") })
        }
        Phase::Starting { .. } if promotion.outside().is_some() => {
            moving(promotion, "starting: the deployer is told".to_owned(), Some(0))
        }
        Phase::Starting { .. } => moving(promotion, "starting: looks at the workloads first".to_owned(), Some(0)),
        Phase::Progressing { run, step, since } => progressing(promotion, run, *step, *since),
        Phase::TakingBack { run, cause, .. } if run.outside.is_some() => {
            let words = format!("taking back: {} ({})", outside::last_words(promotion, run), cause.words());
            moving(promotion, words, run.outside.as_ref().and_then(|outside| outside.percent))
        }
        Phase::TakingBack { run, cause, .. } => {
            let how_far = match run.wanted.stable.want {
                // What ran before runs as it did: only traffic and the candidate are left to take back.
                StableWant::AsItIs if run.wanted.weight.want > Weight::NONE || is_sent_there(run) => {
                    "the traffic goes back".to_owned()
                }
                StableWant::AsItIs => "the traffic is back, the candidate ends".to_owned(),
                StableWant::Version | StableWant::Before => {
                    to_be_brought(promotion, run).unwrap_or_else(|| pods_in_words(&run.progress))
                }
            };
            let words = format!("taking back: {how_far} ({})", cause.words());
            moving(promotion, words, percent(&run.progress))
        }
        Phase::Watching { run, until, .. } => match judging::proposal(run) {
            Some(why) => line(Mark::Waiting, format!("proposes a rollback: {why}")),
            None => line(Mark::Done, format!("done, watched until {}", moment_words::minute(*until))),
        },
        // What spoke against the version at the end of its watch is not forgotten with it.
        Phase::Succeeded { run, .. } => match judging::proposal(run) {
            Some(why) => line(Mark::Done, format!("done; a rollback was proposed: {why}")),
            None => line(Mark::Done, "done".to_owned()),
        },
        Phase::Failed { failure, back, .. } => line(Mark::Failed, failed_in_words(failure, back)),
        Phase::Aborted { by, back, .. } => match back {
            TakenBack::Incomplete { what } => line(Mark::Failed, format!("aborted, someone must look: {what}")),
            TakenBack::NotNeeded | TakenBack::Complete => line(Mark::Nothing, format!("aborted by {}", by.shown())),
        },
        Phase::Rejected { by, .. } => line(Mark::Failed, format!("rejected by {}", by.shown())),
        Phase::Cancelled { by, .. } => line(Mark::Nothing, format!("cancelled by {}", by.shown())),
        Phase::Expired { .. } => line(Mark::Nothing, "expired: nobody acted on it".to_owned()),
        Phase::Superseded { by, .. } => line(Mark::Nothing, format!("superseded by promotion {by}")),
    }
}

impl Promotion {
    /// What ends the present pause without a person, in words; `None` where only a person does.
    #[must_use]
    pub fn hold_ends(&self) -> Option<String> {
        let hold = self.run()?.hold.as_ref()?;
        let at = hold.until.map(moment_words::minute);
        match (at, self.plan.judging.undecided.then) {
            (Some(at), Unanswered::TakeBack) => Some(format!("taken back at {at} unless someone lets it go on")),
            (Some(at), Unanswered::GoOn) => Some(format!("goes on at {at} unless someone says otherwise")),
            (Some(_), Unanswered::Wait) => None,
            (None, _) => hold.lifts.then(|| "goes on by itself when that is over".to_owned()),
        }
    }
}

fn progressing(promotion: &Promotion, run: &Run, step: usize, since: DateTime<Utc>) -> Headline {
    if let Some(heard) = &run.outside {
        let words = format!("deploying: {}", outside::last_words(promotion, run));
        return moving(promotion, words, heard.percent);
    }
    if promotion.plan.strategy.candidate().is_none() {
        if let Some(words) = to_be_brought(promotion, run) {
            return moving(promotion, words, Some(0));
        }
        if let Some(line) = by_tool(promotion, run) {
            return line;
        }
        let words = format!("rolling out: {}", pods_in_words(&run.progress));
        return moving(promotion, words, percent(&run.progress));
    }
    let (strategy, share) = (promotion.plan.strategy.words(), share_in_words(promotion, run));
    let steps = promotion.plan.steps.len().max(1);
    let percent = u8::try_from(step * 100 / steps).ok();
    if let Some(hold) = &run.hold {
        let ends = promotion.hold_ends().map(|ends| format!("; {ends}")).unwrap_or_default();
        let words = format!("{share}, paused by {}: {}{ends}", hold.by.shown(), hold.why);
        return Headline { mark: Mark::Waiting, words, percent };
    }
    match (promotion.plan.steps.get(step), run.by_hand) {
        (Some(Step::Rollout) | None, _)
            if run.wanted.weight.want == Weight::NONE && run.progress.iter().all(|p| p.is_complete) =>
        {
            let words = format!("{strategy} over: all pods run the version, the candidate ends");
            moving(promotion, words, percent)
        }
        (Some(Step::Rollout) | None, _) => moving(
            promotion,
            format!("{share}, the workloads get the version: {}", pods_in_words(&run.progress)),
            percent,
        ),
        _ if run.settled_at.is_none() => moving(promotion, format!("{share}: {}", open_in_words(run)), percent),
        (Some(step), Some(_)) => {
            let who = step.asked().filter(|asked| !asked.is_usual()).map_or("someone", Asked::words);
            waits(promotion, format!("{share}, set by hand: waits until {who} lets it go on"), percent)
        }
        (Some(_), None) if run.awaits.is_some() => {
            let awaits = run.awaits.clone().unwrap_or_default();
            moving(promotion, format!("{share}, waits for the analysis: {awaits}"), percent)
        }
        (Some(_), None) => match ending::waits(promotion, run, step, since) {
            StepWait::Person { asked } => {
                let who = if asked.is_usual() { "someone" } else { asked.words() };
                waits(promotion, format!("{share}, waits for {who} to let it go on"), percent)
            }
            StepWait::Time { until } => {
                moving(promotion, format!("{share} until {}", moment_words::second(until)), percent)
            }
            StepWait::Doing { words, .. } => moving(promotion, format!("{share}, {words}"), percent),
            StepWait::Nothing => moving(promotion, share, percent),
        },
    }
}

/// What a commit that no tool has brought yet waits for.
fn to_be_brought(promotion: &Promotion, run: &Run) -> Option<String> {
    let open = |progress: &&WorkloadProgress| !progress.is_complete && !progress.was_ours;
    promotion.git().and_then(|_| run.progress.iter().find(open)).map(|progress| progress.words.clone())
}

/// What the tool in charge does, or waits for.
fn by_tool(promotion: &Promotion, run: &Run) -> Option<Headline> {
    let open = run.progress.iter().filter(|p| !p.is_complete).find_map(|p| Some((p, p.tool.as_ref()?)));
    let (progress, tool) = open?;
    let steps = u64::try_from(tool.steps.len()).ok().filter(|steps| *steps > 0);
    let part = |step: u32| u8::try_from(u64::from(step) * 100 / steps?).ok();
    let percent = tool.step.and_then(part);
    let words = format!("{}: {}", tool.tool, progress.words);
    Some(if progress.is_waiting && run.asked.is_none() {
        waits(promotion, words, percent)
    } else {
        moving(promotion, words, percent)
    })
}

fn waits(promotion: &Promotion, words: String, percent: Option<u8>) -> Headline {
    Headline { mark: Mark::Waiting, ..moving(promotion, words, percent) }
}

/// Whether a candidate still gets a share, as far as objects say it that are ours to set.
fn is_sent_there(run: &Run) -> bool {
    run.routes.iter().any(|route| route.seen > Weight::NONE && !route.is_left)
}

/// `canary at 25 %`.
fn share_in_words(promotion: &Promotion, run: &Run) -> String {
    let strategy = promotion.plan.strategy.words();
    let share = match run.wanted.weight.want {
        Weight::NONE => return format!("{strategy} without traffic"),
        weight => match promotion.share_in_fact(weight) {
            in_fact if in_fact == weight => format!("{strategy} at {weight}"),
            in_fact => format!("{strategy} at {in_fact}, as near to {weight} as pods can be"),
        },
    };
    match judging::warned(run) {
        Some(what) => format!("{share} (warning: {what})"),
        None => share,
    }
}

fn moving(promotion: &Promotion, words: String, percent: Option<u8>) -> Headline {
    match &promotion.trouble {
        Some(trouble) => Headline {
            mark: Mark::Waiting,
            words: format!("cannot tell since {}: {}", moment_words::minute(trouble.since), trouble.message),
            percent,
        },
        None => Headline { mark: Mark::Moving, words, percent },
    }
}

fn failed_in_words(failure: &Failure, back: &TakenBack) -> String {
    match (failure, back) {
        (Failure::Start { message }, _) => format!("not started: {message}"),
        (Failure::Overtaken { workload }, _) => format!("stopped: {workload} was written by a later promotion"),
        (Failure::TakenBack { cause }, TakenBack::Complete | TakenBack::NotNeeded) => {
            format!("taken back: {}", cause.words())
        }
        (Failure::TakenBack { cause }, TakenBack::Incomplete { what }) => {
            let why = cause.words();
            if *what == why {
                format!("failed, someone must look: {why}")
            } else {
                format!("failed: {why}; someone must look: {what}")
            }
        }
    }
}

fn pods_in_words(progress: &[WorkloadProgress]) -> String {
    let (available, wanted) = pods(progress);
    if wanted == 0 { "about to begin".to_owned() } else { format!("{available} of {wanted} pods") }
}

fn pods(progress: &[WorkloadProgress]) -> (u32, u32) {
    let sum = |count: fn(&WorkloadProgress) -> u32| progress.iter().map(count).fold(0, u32::saturating_add);
    let ours = |p: &WorkloadProgress| if p.was_ours { p.counts.available.min(p.counts.wanted) } else { 0 };
    (sum(ours), sum(|p| p.counts.wanted))
}

fn percent(progress: &[WorkloadProgress]) -> Option<u8> {
    let (available, wanted) = pods(progress);
    (wanted > 0).then(|| u8::try_from(u64::from(available) * 100 / u64::from(wanted)).unwrap_or(100))
}
