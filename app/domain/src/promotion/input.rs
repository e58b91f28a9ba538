//! What comes into a decision and what comes out of it.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Alert, JournalEntry, Plan, Promotion, RefusedWrite};
use crate::{
    actor::{Identity, NotAllowed, Role},
    analysis::Sample,
    capacity::Capacity,
    git::GitSight,
    ids::{ClusterId, PersonId, PromotionId, VersionId},
    job::{JobObserved, JobRef},
    observation::{Observed, PlacedWorkload},
    outside::{CallAnswer, CallId, DeployerCall, Report},
    strategy::Asked,
    traffic::{RouteObserved, Weight},
};

/// What a person saw of a run when they acted. What has changed since they have not meant: a second tap must not let the
/// next step go, nor may an older page end a pause that another person has made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AsSeen {
    /// The index of the step, from 0; where a tool is in charge, of the tool's.
    pub step: usize,
    /// Since when it is held, when it is.
    pub held_since: Option<DateTime<Utc>>,
    /// The share that a person has set.
    pub by_hand: Option<Weight>,
}

impl AsSeen {
    /// A step that is not held, and whose share is its own.
    #[must_use]
    pub const fn step(step: usize) -> Self {
        Self { step, held_since: None, by_hand: None }
    }
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A person consents to the plan that they read.
    Approve {
        /// Who; must be a person.
        by: Identity,
        /// What they said.
        comment: Option<String>,
        /// The number of the plan that they read.
        plan_number: u32,
    },
    /// A person says no, with a reason.
    Reject {
        /// Who.
        by: Identity,
        /// Why.
        reason: String,
    },
    /// Withdraw it before its start.
    Cancel {
        /// Who.
        by: Identity,
        /// Why.
        reason: String,
    },
    /// Stop it after its start; what ran before comes back.
    Abort {
        /// Who.
        by: Identity,
        /// Why.
        reason: String,
    },
    /// Another promotion takes its place.
    Supersede {
        /// That promotion's number.
        by: i64,
        /// Who asked for that one.
        who: Identity,
    },
    /// Give up taking it back: nobody can reach what is left. The target is free again.
    Abandon {
        /// Who.
        by: Identity,
        /// Why.
        reason: String,
    },
    /// Let nothing go on by itself; what is there stays as it is.
    Hold {
        /// Who.
        by: Identity,
        /// Why.
        reason: String,
    },
    /// Let it go on: ends a hold, or the step that asks.
    GoOn {
        /// Who.
        by: Identity,
        /// What they saw.
        seen: AsSeen,
    },
    /// End the present step before its time.
    Skip {
        /// Who.
        by: Identity,
        /// What they saw.
        seen: AsSeen,
    },
    /// Set the share of the traffic by hand; it stays there until someone lets it go on.
    SetWeight {
        /// Who.
        by: Identity,
        /// What they saw.
        seen: AsSeen,
        /// The share.
        weight: Weight,
        /// Why.
        reason: String,
    },
    /// Leave the remaining pauses and shares out.
    PromoteNow {
        /// Who.
        by: Identity,
        /// What they saw.
        seen: AsSeen,
        /// Why.
        reason: String,
    },
    /// An outside deployer reports how it gets on.
    Reported {
        /// Who brings the report.
        by: Identity,
        /// The call that it is about.
        about: CallId,
        /// What it says.
        report: Report,
    },
    /// An outside deployer was told, or was tried to be.
    Called {
        /// The generation of the run that wanted the call.
        generation: u32,
        /// What came of it.
        answer: CallAnswer,
    },
    /// Tell the outside deployer once more.
    CallAgain {
        /// Who.
        by: Identity,
    },
    /// Objects were read; those that could not be are left out.
    Observed(Sight),
    /// Clusters refused what was to be written; trying again will not help.
    RefusedByCluster {
        /// The generation of the run that was to be written.
        generation: u32,
        /// What they refused.
        writes: Vec<RefusedWrite>,
    },
    /// Another system tells of alerts, all at once.
    Alerted {
        /// Who tells.
        by: Identity,
        /// The alerts, in any order.
        alerts: Vec<Alert>,
    },
    /// Rules were evaluated.
    Measured(Vec<Sample>),
    /// Time went by.
    Clock,
}

/// What was read of the clusters for one promotion.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sight {
    /// Workloads and candidates, each by where it stands.
    pub workloads: Vec<(PlacedWorkload, Observed)>,
    /// What moves the traffic of a workload, by the workload.
    pub routes: Vec<(PlacedWorkload, RouteObserved)>,
    /// What decides about the pods of a workload that has a candidate, by the workload. What is left out
    /// is as it was.
    pub capacities: Vec<(PlacedWorkload, Capacity)>,
    /// What was heard of the Git repository, where the version lives in one.
    pub git: Option<GitSight>,
    /// Jobs of steps, each by its cluster. What is left out is as it was.
    pub jobs: Vec<((ClusterId, JobRef), JobObserved)>,
    /// What could not be written or read meanwhile, in words with the cluster's name; it is tried again.
    pub trouble: Option<String>,
}

/// Who holds the target now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Occupant {
    /// The promotion.
    pub id: PromotionId,
    /// Its number.
    pub number: i64,
}

/// What the deciding transaction knows besides the promotion itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// What the plan would be if it were made now: images, workloads and rules of this moment. What has started keeps
    /// its plan, and this is that one.
    pub plan_now: Plan,
    /// The environment that must be healthy before a start, when the rules name one: its name, and whether
    /// the version is healthy there now.
    pub healthy_before: Option<(String, bool)>,
    /// Another promotion that holds the target.
    pub occupant: Option<Occupant>,
    /// The sequence number that a start at this target would get.
    pub next_sequence: i64,
    /// The version that is known to run in the target, until the start.
    pub runs: Option<VersionId>,
    /// Those among the approvers who may approve at this moment; nobody is asked any more once it has started.
    pub may_approve: BTreeSet<PersonId>,
}

/// Something that must happen once, written as an outbox row in the deciding transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "effect", rename_all = "snake_case")]
pub enum Effect {
    /// Bring the promotion's message up to its state.
    TellMessenger,
    /// Tell the channel what a step says, in a message of its own.
    Announce {
        /// The index of the step.
        step: u32,
    },
    /// Tell the outside deployer.
    CallDeployer {
        /// What.
        call: DeployerCall,
        /// The generation of the run that wants it.
        generation: u32,
    },
}

/// The outcome of a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The next state.
    pub next: Promotion,
    /// What happened, in order.
    pub journal: Vec<JournalEntry>,
    /// What must happen once.
    pub outbox: Vec<Effect>,
    /// Whether what else is open at the target is superseded now, as far as
    /// [`Promotion::may_supersede`] says.
    pub supersedes: bool,
    /// The samples that were taken in, to be kept; others came too late or too early.
    pub samples: Vec<Sample>,
    /// When to look again; `None` only when it is over.
    pub wake_at: Option<DateTime<Utc>>,
}

/// Why an input was refused; the text says which rule and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The role does not include it.
    #[error(transparent)]
    NotAllowed(#[from] NotAllowed),
    /// Only people consent.
    #[error("a machine identity cannot approve; a person must")]
    MachineApproval,
    /// The requester does not count as an approver.
    #[error("who asked for a promotion cannot approve it; someone else must")]
    OwnRequest,
    /// The same person twice.
    #[error("you have approved this already")]
    AlreadyApproved,
    /// The plan changed since it was read.
    #[error("what would change is not what you read any more; read it again before you approve")]
    PlanChanged,
    /// It needs a reason.
    #[error("a reason is needed")]
    ReasonNeeded,
    /// It is over.
    #[error("this promotion is over: {0}")]
    Over(String),
    /// It has started, so it cannot be approved, rejected or cancelled any more.
    #[error("this promotion has started; abort it to stop it")]
    Started,
    /// It has not started, so there is nothing to abort.
    #[error("this promotion has not started; cancel it to withdraw it")]
    NotStarted,
    /// It is on its way back already.
    #[error("this promotion is being taken back already")]
    AlreadyTakingBack,
    /// Only taking back can be given up.
    #[error("only a promotion that is being taken back can be given up; abort it first")]
    NotTakingBack,
    /// Only a promotion under way can be paused, let go on or steered.
    #[error("this promotion is not under way, so there is nothing to steer")]
    NotUnderWay,
    /// There is nothing between which it could be paused.
    #[error("a rolling update has no steps to pause between; abort it to stop it")]
    NoSteps,
    /// A tool goes through the steps, and nothing of ours keeps it from that.
    #[error("{tool} goes through the steps by itself: pause it there, or abort here")]
    StepsOfTool {
        /// Its name.
        tool: String,
    },
    /// It is paused already.
    #[error("this promotion is paused already: {0}")]
    HeldAlready(String),
    /// It goes on by itself.
    #[error("this promotion goes on by itself; there is nothing to let go on")]
    NotHeld,
    /// The present step, or one that would be left out, asks people of another role.
    #[error("a step here asks {}; the role {} does not answer it", asked.words(), role.words())]
    AsksOthers {
        /// Whom it asks.
        asked: Asked,
        /// The role of who answered.
        role: Role,
    },
    /// Another step than the one that was seen, or it was paused or its share was set since.
    #[error("the promotion has gone on to another step since, or somebody has paused it or set its share; look again")]
    StepChanged,
    /// The last step cannot be left out.
    #[error("the rollout is what the promotion is for; it cannot be skipped, only aborted")]
    RolloutNotSkipped,
    /// Slipway rolls out itself, or nobody reports.
    #[error("nothing is reported about this promotion: Slipway itself rolls it out")]
    NothingToReport,
    /// There is no call.
    #[error("there is nothing to send: no outside deployer is waited for")]
    NothingToSend,
    /// A report with the identity of another promotion's call.
    #[error("the report is about a webhook of another promotion; nothing was changed")]
    ReportOfAnother,
    /// A report about a promotion that has not started.
    #[error("this promotion has not started, so nothing can be reported about it; nothing was changed")]
    ReportTooEarly,
    /// A report about a call that is not wanted any more.
    #[error(
        "the report is about a webhook that does not count any more; what is waited for is the {0}; nothing was changed"
    )]
    ReportTooLate(&'static str),
    /// A report that is older than what is known.
    #[error("the report comes out of order: {0}; nothing was changed")]
    ReportOutOfOrder(&'static str),
    /// More reports than anybody reads.
    #[error(
        "more than {} reports of progress came for this webhook; report its result",
        super::OutsideRun::MOST_REPORTS
    )]
    TooManyReports,
    /// There is no share to set.
    #[error("this promotion moves no traffic by weight")]
    NoWeights,
    /// The share is more than the approved steps give.
    #[error("the approved steps give at most {most} to the candidate at this point; promote at once to go further")]
    TooMuch {
        /// The most.
        most: Weight,
    },
    /// Everything that taking back needs answers.
    #[error(
        "taking back is under way and ends by itself; it can be given up only while a cluster, the Git repository or the outside deployer does not answer"
    )]
    EndsByItself,
}
