//! What happened in a promotion, in order. Events carry data; the words are made here, so that an
//! old entry reads like a new one.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{AlertAsks, TakeBackCause, TakenBack};
use crate::{
    actor::Identity,
    analysis::RuleName,
    duration_words,
    git::CommitHash,
    image::{in_words, short_image},
    moment_words,
    outside::{self, DeployerCall, ReportState},
    state::Mark,
    traffic::Weight,
};

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalEntry {
    /// When.
    pub at: DateTime<Utc>,
    /// Who, or which rule.
    pub by: Identity,
    /// What.
    pub event: JournalEvent,
}

/// What can happen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum JournalEvent {
    /// It was asked for.
    Requested {
        /// Why.
        reason: String,
    },
    /// A person consented.
    Approved {
        /// How many have now.
        have: u8,
        /// How many must.
        need: u8,
        /// What they said.
        comment: Option<String>,
    },
    /// Approvals do not count any more.
    ApprovalsVoid {
        /// Why.
        why: String,
    },
    /// A person said no.
    Rejected {
        /// Why.
        reason: String,
    },
    /// It was withdrawn.
    Cancelled {
        /// Why.
        reason: String,
    },
    /// It waited too long.
    Expired,
    /// It is held up by something else than before.
    Waits {
        /// For what, in words.
        for_what: Vec<String>,
    },
    /// It holds the target.
    Started,
    /// What ran before is saved and the new images are being set.
    RollingOut {
        /// From which images.
        from: Vec<String>,
        /// To which images.
        to: Vec<String>,
    },
    /// The next step of the strategy began.
    StepBegan {
        /// Which, from 1.
        number: usize,
        /// The step in words.
        words: String,
    },
    /// Something is wanted of the clusters that was not before.
    Moves {
        /// In words.
        next: String,
    },
    /// It does not go on by itself.
    Held {
        /// Why.
        why: String,
    },
    /// A person let it go on, or what was missing is known.
    WentOn,
    /// What was measured is beyond a limit that people are told of, or not often enough beyond one that
    /// takes the version back.
    Warned {
        /// The rule.
        rule: RuleName,
        /// Why, in words.
        words: String,
    },
    /// A rule that is only recorded would have taken the version back.
    Recorded {
        /// The rule.
        rule: RuleName,
        /// Why, in words.
        words: String,
    },
    /// What was measured after the end speaks for a rollback, which a person must ask for.
    ProposesRollback {
        /// The rule.
        rule: RuleName,
        /// Why, in words.
        words: String,
    },
    /// Another system has told of an alert.
    Alerted {
        /// Which, with what it says.
        words: String,
        /// What it asks for.
        asks: AlertAsks,
    },
    /// An alert is over.
    AlertResolved {
        /// Which.
        words: String,
    },
    /// A Job of a step has begun, or ended.
    Job {
        /// In words.
        words: String,
        /// Whether it failed, or was left.
        is_bad: bool,
    },
    /// A step told the channel something.
    Announced {
        /// What.
        words: String,
    },
    /// A person ended a step before its time.
    Skipped {
        /// The step in words.
        words: String,
    },
    /// A person set the share of the traffic.
    WeightSet {
        /// The share.
        weight: Weight,
        /// Why.
        reason: String,
    },
    /// A person promoted it without the remaining steps.
    StepsLeftOut {
        /// Why.
        reason: String,
    },
    /// The repository says what is wanted.
    Committed {
        /// By which commit.
        hash: CommitHash,
        /// Whether Slipway made it; otherwise the file said so already.
        is_ours: bool,
        /// Whether it puts back what was there before.
        is_back: bool,
    },
    /// Pods moved.
    Pods {
        /// In words, by workload.
        progress: String,
    },
    /// The outside deployer has what it is to do.
    Told {
        /// What.
        call: DeployerCall,
    },
    /// A person had it told once more.
    SentAgain {
        /// What.
        call: DeployerCall,
    },
    /// The outside deployer says how it gets on.
    Reported {
        /// How far it is.
        state: ReportState,
        /// How much of it, in percent.
        percent: Option<u8>,
        /// In its words; may be empty.
        message: String,
        /// Where more can be read.
        link: Option<String>,
    },
    /// A cluster, the Git repository or the outside deployer cannot be told or asked.
    Trouble {
        /// In words.
        message: String,
    },
    /// It is over again.
    TroubleOver,
    /// It is being taken back.
    TakingBack {
        /// Why.
        cause: TakeBackCause,
    },
    /// A person gave up taking it back.
    Abandoned {
        /// Why.
        reason: String,
    },
    /// The rollout is complete and is being watched.
    WatchStarted {
        /// Until when.
        until: DateTime<Utc>,
    },
    /// The version runs.
    Succeeded,
    /// The version does not run.
    Failed {
        /// Why.
        why: String,
        /// Whether what ran before runs again.
        back: TakenBack,
    },
    /// A person stopped it and it is settled.
    Aborted {
        /// Whether what ran before runs again.
        back: TakenBack,
    },
    /// Another one took its place.
    Superseded {
        /// Its number.
        by: i64,
    },
}

impl JournalEvent {
    /// The event in two or three words: `Approved, 1 of 2`.
    #[must_use]
    pub fn title(&self) -> String {
        match self {
            Self::Requested { .. } => "Asked".into(),
            Self::Approved { have, need, .. } => format!("Approved, {have} of {need}"),
            Self::ApprovalsVoid { .. } => "Approvals void".into(),
            Self::Rejected { .. } => "Rejected".into(),
            Self::Cancelled { .. } => "Cancelled".into(),
            Self::Expired => "Expired".into(),
            Self::Waits { .. } => "Waits".into(),
            Self::Started => "Started".into(),
            Self::RollingOut { .. } => "Rolling out".into(),
            Self::StepBegan { number, .. } => format!("Step {number}"),
            Self::Moves { .. } => "Moves".into(),
            Self::Held { .. } => "Paused".into(),
            Self::WentOn => "Goes on".into(),
            Self::Warned { .. } => "Warning".into(),
            Self::Recorded { .. } => "Only recorded".into(),
            Self::ProposesRollback { .. } => "Proposes a rollback".into(),
            Self::Alerted { .. } => "Alert".into(),
            Self::AlertResolved { .. } => "Alert resolved".into(),
            Self::Announced { .. } => "Message".into(),
            Self::Job { .. } => "Job".into(),
            Self::Skipped { .. } => "Skipped".into(),
            Self::WeightSet { weight, .. } => format!("Set to {weight}"),
            Self::StepsLeftOut { .. } => "Promoted at once".into(),
            Self::Committed { is_ours: true, is_back: false, .. } => "Committed".into(),
            Self::Committed { is_ours: true, is_back: true, .. } => "Committed back".into(),
            Self::Committed { is_ours: false, .. } => "In Git already".into(),
            Self::Pods { .. } => "Pods".into(),
            Self::Told { .. } => "Told".into(),
            Self::SentAgain { .. } => "Sent again".into(),
            Self::Reported { state, .. } => format!("Deployer: {}", state.as_str()),
            Self::Trouble { .. } => "Cannot tell".into(),
            Self::TroubleOver => "Can tell again".into(),
            Self::TakingBack { cause: TakeBackCause::Aborted { .. } } => "Abort".into(),
            Self::TakingBack { .. } => "Taking back".into(),
            Self::Abandoned { .. } => "Given up".into(),
            Self::WatchStarted { .. } => "Watching".into(),
            Self::Succeeded => "Done".into(),
            Self::Failed { .. } => "Failed".into(),
            Self::Aborted { .. } => "Aborted".into(),
            Self::Superseded { .. } => "Superseded".into(),
        }
    }

    /// The rest of the sentence; may be empty.
    #[must_use]
    pub fn detail(&self) -> String {
        match self {
            Self::Requested { reason }
            | Self::Rejected { reason }
            | Self::Cancelled { reason }
            | Self::WeightSet { reason, .. }
            | Self::StepsLeftOut { reason }
            | Self::Abandoned { reason } => quoted(reason),
            Self::Announced { words } => quoted(words),
            Self::Job { words, .. } => words.clone(),
            Self::Approved { comment, .. } => comment.as_deref().map(quoted).unwrap_or_default(),
            Self::ApprovalsVoid { why } => why.clone(),
            Self::Expired => format!("nothing happened for {} days", super::WAITING_LASTS_DAYS),
            Self::Waits { for_what } => for_what.join("; "),
            Self::Started => "holds the target, and looks first".into(),
            Self::RollingOut { from, to } => format!("{} → {}", short_images(from), short_images(to)),
            Self::StepBegan { words, .. } | Self::Skipped { words } => words.clone(),
            Self::Moves { next } => next.clone(),
            Self::Held { why } => why.clone(),
            Self::WentOn => String::new(),
            Self::Warned { words, .. } | Self::ProposesRollback { words, .. } => words.clone(),
            Self::Alerted { words, asks } => match asks {
                AlertAsks::Note => words.clone(),
                AlertAsks::Pause => format!("{words}; asks to pause"),
                AlertAsks::TakeBack => format!("{words}; asks to take it back"),
            },
            Self::AlertResolved { words } => words.clone(),
            Self::Recorded { words, .. } => format!("would be taken back: {words}"),
            Self::Committed { hash, is_ours: true, .. } => format!("commit {}", hash.short()),
            Self::Committed { hash, is_ours: false, .. } => format!("commit {} says it, none was made", hash.short()),
            Self::Pods { progress } => progress.clone(),
            Self::Told { call } => format!("the deployer has the {}", call.as_str()),
            Self::SentAgain { call } => format!("the {}, under the same id", call.as_str()),
            Self::Reported { percent, message, .. } => outside::in_words(*percent, message),
            Self::Trouble { message } => message.clone(),
            Self::TroubleOver => "what did not answer answers again".into(),
            Self::TakingBack { cause } => cause.words(),
            Self::WatchStarted { until } => format!("until {}", moment_words::minute(*until)),
            Self::Succeeded => "the new version runs".into(),
            Self::Failed { why, back } => format!("{why}; {}", back.words()),
            Self::Aborted { back } => back.words(),
            Self::Superseded { by } => format!("promotion {by} takes its place"),
        }
    }

    /// How it is shown.
    #[must_use]
    pub const fn mark(&self) -> Mark {
        match self {
            Self::Approved { .. }
            | Self::Succeeded
            | Self::TroubleOver
            | Self::AlertResolved { .. }
            | Self::Reported { state: ReportState::Succeeded, .. } => Mark::Done,
            Self::Started
            | Self::RollingOut { .. }
            | Self::StepBegan { .. }
            | Self::Moves { .. }
            | Self::WentOn
            | Self::Announced { .. }
            | Self::Job { is_bad: false, .. }
            | Self::Skipped { .. }
            | Self::WeightSet { .. }
            | Self::StepsLeftOut { .. }
            | Self::Committed { .. }
            | Self::Pods { .. }
            | Self::Told { .. }
            | Self::SentAgain { .. }
            | Self::Reported { state: ReportState::Running, .. }
            | Self::WatchStarted { .. } => Mark::Moving,
            Self::Waits { .. }
            | Self::Held { .. }
            | Self::Warned { .. }
            | Self::Recorded { .. }
            | Self::Alerted { .. }
            | Self::ApprovalsVoid { .. }
            | Self::Trouble { .. } => Mark::Waiting,
            Self::Rejected { .. }
            | Self::Job { is_bad: true, .. }
            | Self::ProposesRollback { .. }
            | Self::Reported { state: ReportState::Failed, .. }
            | Self::TakingBack { .. }
            | Self::Abandoned { .. }
            | Self::Failed { .. }
            | Self::Aborted { .. } => Mark::Failed,
            Self::Requested { .. } | Self::Cancelled { .. } | Self::Expired | Self::Superseded { .. } => Mark::Nothing,
        }
    }
}

/// Images in one line: the digests are on the version's page.
fn short_images(images: &[String]) -> String {
    let names: Vec<&str> = images.iter().map(|image| short_image(image)).collect();
    names.join(", ")
}

fn quoted(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("“{text}”") }
}

impl TakeBackCause {
    /// Why, in one line.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Rollout { workload, failure } => format!("{}: {}", workload, failure.words()),
            Self::Budget { seconds, progress } => {
                format!("not complete within {}: {progress}", duration_words::exact(i64::from(*seconds)))
            }
            Self::Aborted { by, reason } => format!("{}: {}", by.shown(), quoted(reason)),
            Self::Superseded { by } => format!("promotion {by} takes its place"),
            Self::ChangedByOthers { workload, images } if images.is_empty() => {
                format!("{workload} was changed by someone else")
            }
            Self::ChangedByOthers { workload, images } => {
                let images: Vec<_> = images.iter().map(|image| in_words(image)).collect();
                format!("{workload} was changed by someone else to {}", images.join(", "))
            }
            Self::RouteChanged { route, what } => format!("{route} was changed by someone else: {what}"),
            Self::Deleted { workload } => format!("{workload} was deleted"),
            Self::Unserved { route, share } => {
                format!("{route} gives {share} to the candidate, of which no pod can be reached")
            }
            Self::RefusedByCluster { message } => format!("the cluster refused the change: {message}"),
            Self::Job { job, why } => format!("{job} {why}"),
            Self::Deployer { message } => format!("the deployer could not do it: {message}"),
            Self::Breach { words, .. } => words.clone(),
            Self::Alert { words } => format!("alert {words}"),
            Self::Undecided { why, minutes } => {
                let within = duration_words::exact(i64::from(*minutes) * 60);
                format!("{why}, and nobody answered within {within}")
            }
        }
    }
}

impl TakenBack {
    /// Whether what ran before runs again, in words.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::NotNeeded => "nothing had been changed".into(),
            Self::Complete => "what ran before runs again".into(),
            Self::Incomplete { what } => format!("not everything is back, someone must look: {what}"),
        }
    }
}
