//! A promotion: one request to put one version of one service into one environment, from request
//! to end, as a pure state machine. [`decide`] is the only way from one state to the next;
//! [`desired`] says what the clusters should look like in a state.

mod decide;
mod desired;
mod input;
mod journal;
mod observe;
mod words;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub use decide::{PromotionAct, decide};
pub use desired::{Desired, DesiredTemplate, DesiredWorkload, desired};
pub use input::{Decision, Effect, Facts, Input, Occupant, Refusal};
pub use journal::{JournalEntry, JournalEvent};
pub use words::{Headline, headline, words_for_blocker};

use crate::{
    actor::Identity,
    deployment::{Cause, Outcome},
    ids::{EnvironmentId, PersonId, PromotionId, ServiceId, TargetId, VersionId},
    image::ContainerImage,
    observation::{PlacedWorkload, PodCounts, PodObservation},
    rollout::RolloutFailure,
    strategy::{Step, Strategy},
};

/// How long an approval lasts before it must be given again.
pub const APPROVAL_LASTS_DAYS: i64 = 7;

/// How long a promotion may wait before it expires: long enough for a holiday, short enough that
/// nobody is surprised by what suddenly starts.
pub const WAITING_LASTS_DAYS: i64 = 14;

/// How often a live promotion is looked at when nothing calls for it sooner.
pub const LOOK_EVERY_SECONDS: i64 = 2;

/// One workload and what this promotion sets in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkloadPlan {
    /// Which object in which cluster.
    pub placed: PlacedWorkload,
    /// The cluster's name, for people.
    pub cluster_name: String,
    /// The images to set, by container.
    pub images: Vec<ContainerImage>,
}

/// Exactly what is asked for. An approval binds to it; any change makes a new plan and voids the
/// approvals of the former.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Rises with each change of the plan.
    pub number: u32,
    /// The version.
    pub version: VersionId,
    /// The strategy.
    pub strategy: Strategy,
    /// Its steps.
    pub steps: Vec<Step>,
    /// What is set where.
    pub workloads: Vec<WorkloadPlan>,
    /// The revision of the environment's rules under which it was made.
    pub rules_revision: i64,
    /// Distinct people who must approve.
    pub approvals: u8,
    /// The environment where the version must be healthy before.
    pub healthy_in: Option<EnvironmentId>,
    /// Wall-clock budget of the rollout in seconds.
    pub rollout_budget_seconds: u32,
    /// How long to watch after the end, in seconds.
    pub watch_seconds: u32,
}

/// A consent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// Who.
    pub person: PersonId,
    /// Their name as shown.
    pub name: String,
    /// When.
    pub at: DateTime<Utc>,
    /// What they said, when they said something.
    pub comment: Option<String>,
    /// The plan that they consented to.
    pub plan_number: u32,
}

/// What stands between a waiting promotion and its start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "blocker", rename_all = "snake_case")]
pub enum Blocker {
    /// Consent is missing.
    Approvals {
        /// Distinct people who approved this plan.
        have: u8,
        /// How many must.
        need: u8,
    },
    /// The version is not healthy in the environment before.
    NotHealthyBefore {
        /// That environment's name.
        environment: String,
    },
    /// Another promotion holds the target.
    Queue {
        /// Its number.
        behind: i64,
    },
}

/// A pod template as it was before the change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedWorkload {
    /// Which object.
    pub placed: PlacedWorkload,
    /// Kubernetes' identity of the object then.
    pub uid: String,
    /// The images then.
    pub images: Vec<ContainerImage>,
    /// The whole template then.
    pub template: serde_json::Value,
}

/// What was last seen of one workload, for the screen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkloadProgress {
    /// Which object.
    pub placed: PlacedWorkload,
    /// The cluster's name.
    pub cluster_name: String,
    /// The pods in numbers.
    pub counts: PodCounts,
    /// The pods, for squares and reasons; at most [`Self::MAX_PODS`].
    pub pods: Vec<PodObservation>,
    /// One line: `2 of 3 pods available`.
    pub words: String,
    /// Whether this workload is where it should be.
    pub is_complete: bool,
    /// Whether our mark of the present generation was seen on it; when it is gone again, someone
    /// else wrote the object.
    pub was_ours: bool,
}

impl WorkloadProgress {
    /// How many pods are kept for the screen; a promotion's state must stay small.
    pub const MAX_PODS: usize = 40;
}

/// What exists of a promotion from its start on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// The place in the order of starts at this target.
    pub sequence: i64,
    /// When it started.
    pub started_at: DateTime<Utc>,
    /// Rises only when what is wanted changes.
    pub generation: u32,
    /// What ran before, to be put back.
    pub saved: Vec<SavedWorkload>,
    /// What was last seen.
    pub progress: Vec<WorkloadProgress>,
}

/// Why a promotion is taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "because", rename_all = "snake_case")]
pub enum TakeBackCause {
    /// The rollout went bad.
    Rollout {
        /// The workload, as `cluster namespace/name`.
        workload: String,
        /// Kubernetes' reason.
        failure: RolloutFailure,
    },
    /// Slipway's own time budget ran out.
    Budget {
        /// The budget.
        seconds: u32,
        /// The state of the pods then.
        progress: String,
    },
    /// A person aborted it.
    Aborted {
        /// Who.
        by: Identity,
        /// Why.
        reason: String,
    },
    /// A newer promotion or a rollback takes its place.
    Superseded {
        /// Its number.
        by: i64,
    },
    /// Someone else changed a workload in the middle; that workload stays as they set it.
    ChangedByOthers {
        /// The workload, as `cluster namespace/name`.
        workload: String,
        /// What runs there now.
        images: Vec<String>,
    },
    /// A workload was deleted in the middle.
    Deleted {
        /// The workload, as `cluster namespace/name`.
        workload: String,
    },
    /// The cluster refused what was to be written.
    RefusedByCluster {
        /// The cluster's words.
        message: String,
    },
}

/// Whether what ran before runs again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "back", rename_all = "snake_case")]
pub enum TakenBack {
    /// Nothing had been changed.
    NotNeeded,
    /// All workloads run what they ran before.
    Complete,
    /// Not everything could be put back; a person must look.
    Incomplete {
        /// What is left, in words.
        what: String,
    },
}

/// Why a promotion failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "failure", rename_all = "snake_case")]
pub enum Failure {
    /// It was refused at its start, before anything was written.
    Start {
        /// Why and what to do.
        message: String,
    },
    /// It was taken back.
    TakenBack {
        /// Why.
        cause: TakeBackCause,
    },
    /// A later writer marked the object; this promotion stopped.
    Overtaken {
        /// The workload, as `cluster namespace/name`.
        workload: String,
    },
}

/// Where a promotion is. Each variant carries exactly the data that exists in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "snake_case")]
pub enum Phase {
    /// It has not started.
    Waiting {
        /// What stands in the way; empty only between two decisions.
        blockers: Vec<Blocker>,
    },
    /// It holds the target and looks at the workloads before it writes.
    Starting {
        /// The run; nothing is saved yet.
        run: Run,
    },
    /// The clusters are being brought to the version.
    Progressing {
        /// The run.
        run: Run,
        /// Index of the current step.
        step: usize,
        /// When the step began.
        since: DateTime<Utc>,
    },
    /// The clusters are being brought back to what ran before.
    TakingBack {
        /// The run.
        run: Run,
        /// Why.
        cause: TakeBackCause,
        /// Since when.
        since: DateTime<Utc>,
    },
    /// The version runs; it is watched for a while.
    Watching {
        /// The run.
        run: Run,
        /// When the rollout was complete.
        finished_at: DateTime<Utc>,
        /// Until when.
        until: DateTime<Utc>,
    },
    /// End: the version runs.
    Succeeded {
        /// The run.
        run: Run,
        /// When the rollout was complete.
        finished_at: DateTime<Utc>,
    },
    /// End: the version does not run.
    Failed {
        /// The run, unless it failed before one began.
        run: Option<Run>,
        /// Why.
        failure: Failure,
        /// Whether what ran before runs again.
        back: TakenBack,
        /// When.
        finished_at: DateTime<Utc>,
    },
    /// End: a person stopped it after its start.
    Aborted {
        /// The run.
        run: Run,
        /// Who.
        by: Identity,
        /// Why.
        reason: String,
        /// Whether what ran before runs again.
        back: TakenBack,
        /// When.
        finished_at: DateTime<Utc>,
    },
    /// End: a person said no.
    Rejected {
        /// Who.
        by: Identity,
        /// Why.
        reason: String,
        /// When.
        finished_at: DateTime<Utc>,
    },
    /// End: withdrawn before its start.
    Cancelled {
        /// Who.
        by: Identity,
        /// Why.
        reason: String,
        /// When.
        finished_at: DateTime<Utc>,
    },
    /// End: it waited too long.
    Expired {
        /// When.
        finished_at: DateTime<Utc>,
    },
    /// End: another promotion took its place.
    Superseded {
        /// Its number.
        by: i64,
        /// The run, when it had started.
        run: Option<Run>,
        /// When.
        finished_at: DateTime<Utc>,
    },
}

/// Something that keeps Slipway from telling how a live promotion goes. It is never a failure of
/// the version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// In words: `cluster eu-1 cannot be reached: …`.
    pub message: String,
    /// Since when.
    pub since: DateTime<Utc>,
    /// Tries since then.
    pub attempts: u32,
}

/// A promotion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promotion {
    /// Identity.
    pub id: PromotionId,
    /// The number that people use: promotion 1042.
    pub number: i64,
    /// The service.
    pub service: ServiceId,
    /// The environment.
    pub environment: EnvironmentId,
    /// The target: the service in the environment.
    pub target: TargetId,
    /// Why it is made.
    pub cause: Cause,
    /// What the requester said.
    pub reason: String,
    /// Who asked.
    pub requested_by: Identity,
    /// When they asked.
    pub requested_at: DateTime<Utc>,
    /// When the last needed approval was given; `None` while it is missing or when none was asked for.
    pub approved_at: Option<DateTime<Utc>>,
    /// Exactly what is asked for.
    pub plan: Plan,
    /// What ran in the target when it was asked for.
    pub previous_version: Option<VersionId>,
    /// The consents given.
    pub approvals: Vec<Approval>,
    /// Where it is.
    pub phase: Phase,
    /// What keeps us from telling, when something does.
    pub trouble: Option<Trouble>,
}

impl Promotion {
    /// Whether it has ended.
    #[must_use]
    pub fn is_over(&self) -> bool {
        match &self.phase {
            Phase::Waiting { .. }
            | Phase::Starting { .. }
            | Phase::Progressing { .. }
            | Phase::TakingBack { .. }
            | Phase::Watching { .. } => false,
            Phase::Succeeded { .. }
            | Phase::Failed { .. }
            | Phase::Aborted { .. }
            | Phase::Rejected { .. }
            | Phase::Cancelled { .. }
            | Phase::Expired { .. }
            | Phase::Superseded { .. } => true,
        }
    }

    /// Whether it holds the target: from its start until rollout or taking back ends.
    #[must_use]
    pub fn occupies(&self) -> bool {
        matches!(self.phase, Phase::Starting { .. } | Phase::Progressing { .. } | Phase::TakingBack { .. })
    }

    /// The run, when there is one.
    #[must_use]
    pub fn run(&self) -> Option<&Run> {
        match &self.phase {
            Phase::Starting { run }
            | Phase::Progressing { run, .. }
            | Phase::TakingBack { run, .. }
            | Phase::Watching { run, .. }
            | Phase::Succeeded { run, .. }
            | Phase::Aborted { run, .. } => Some(run),
            Phase::Failed { run, .. } | Phase::Superseded { run, .. } => run.as_ref(),
            Phase::Waiting { .. } | Phase::Rejected { .. } | Phase::Cancelled { .. } | Phase::Expired { .. } => None,
        }
    }

    /// The word for machines and columns: `waiting`, `progressing`, …
    #[must_use]
    pub const fn phase_word(&self) -> &'static str {
        match self.phase {
            Phase::Waiting { .. } => "waiting",
            Phase::Starting { .. } => "starting",
            Phase::Progressing { .. } => "progressing",
            Phase::TakingBack { .. } => "taking_back",
            Phase::Watching { .. } => "watching",
            Phase::Succeeded { .. } => "succeeded",
            Phase::Failed { .. } => "failed",
            Phase::Aborted { .. } => "aborted",
            Phase::Rejected { .. } => "rejected",
            Phase::Cancelled { .. } => "cancelled",
            Phase::Expired { .. } => "expired",
            Phase::Superseded { .. } => "superseded",
        }
    }

    /// When it ended, or when the rollout was complete.
    #[must_use]
    pub fn finished_at(&self) -> Option<DateTime<Utc>> {
        match &self.phase {
            Phase::Waiting { .. } | Phase::Starting { .. } | Phase::Progressing { .. } | Phase::TakingBack { .. } => {
                None
            }
            Phase::Watching { finished_at, .. }
            | Phase::Succeeded { finished_at, .. }
            | Phase::Failed { finished_at, .. }
            | Phase::Aborted { finished_at, .. }
            | Phase::Rejected { finished_at, .. }
            | Phase::Cancelled { finished_at, .. }
            | Phase::Expired { finished_at }
            | Phase::Superseded { finished_at, .. } => Some(*finished_at),
        }
    }

    /// The outcome of the deployment that this promotion is, once it has started; `None` before.
    /// A promotion that was superseded in the middle counts as aborted.
    #[must_use]
    pub fn outcome(&self) -> Option<Outcome> {
        match &self.phase {
            Phase::Starting { .. } | Phase::Progressing { .. } | Phase::TakingBack { .. } => Some(Outcome::Running),
            Phase::Watching { .. } | Phase::Succeeded { .. } => Some(Outcome::Succeeded),
            Phase::Failed { run: Some(_), .. } => Some(Outcome::Failed),
            Phase::Aborted { .. } | Phase::Superseded { run: Some(_), .. } => Some(Outcome::Aborted),
            Phase::Failed { run: None, .. }
            | Phase::Superseded { run: None, .. }
            | Phase::Waiting { .. }
            | Phase::Rejected { .. }
            | Phase::Cancelled { .. }
            | Phase::Expired { .. } => None,
        }
    }
}
