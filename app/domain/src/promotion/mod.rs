//! A promotion: one request to put one version of one service into one environment, from request
//! to end, as a pure state machine. [`decide`] is the only way from one state to the next;
//! [`desired`] says what the clusters should look like in a state.

mod acts;
mod alerts;
mod by_git;
mod decide;
mod desired;
mod ending;
mod goals;
mod homecoming;
mod input;
mod jobs;
mod journal;
mod judging;
mod observe;
mod outside;
mod phase;
mod plan;
mod progress;
mod refused;
mod run;
mod shares;
mod start;
mod steering;
mod tell;
mod wanted;
mod way_back;
mod words;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub use acts::PromotionAct;
pub use alerts::{Alert, AlertAsks, KnownAlert};
pub use by_git::{DesiredCommit, DesiredNudge, Nudge, revisions_to_ask};
pub use decide::decide;
pub use desired::{Desired, DesiredCandidate, DesiredJob, DesiredRoute, DesiredTemplate, DesiredWorkload, desired};
pub use ending::StepWait;
pub use input::{AsSeen, Decision, Effect, Facts, Input, Occupant, Refusal, Sight};
pub use jobs::JobRun;
pub use journal::{JournalEntry, JournalEvent};
pub use judging::Subject;
pub use phase::{Failure, Phase, TakeBackCause, TakenBack};
pub use plan::{Approval, Blocker, CandidatePlan, Plan, WholeTemplate, WorkloadPlan};
pub use progress::DRAIN_SECONDS;
pub use refused::{RefusedWrite, WritePart};
pub use run::{Hold, OutsideRun, RouteProgress, Run, SavedRoute, SavedWorkload, WorkloadProgress};
pub use wanted::{CandidateSize, Goal, Move, Part, StableWant, Wanted};
pub use words::{Headline, headline, words_for_blocker};

use crate::{
    actor::Identity,
    deployment::{Cause, Outcome},
    ids::{EnvironmentId, PromotionId, ServiceId, TargetId, VersionId},
};

/// How long an approval lasts before it must be given again.
pub const APPROVAL_LASTS_DAYS: i64 = 7;

/// How long a promotion may wait before it expires: long enough for a holiday, short enough that
/// nobody is surprised by what suddenly starts.
pub const WAITING_LASTS_DAYS: i64 = 14;

/// How often a live promotion is looked at when nothing calls for it sooner.
pub const LOOK_EVERY_SECONDS: i64 = 2;

/// How often a promotion that is only being watched is looked at.
pub(crate) const LOOK_WHILE_WATCHING_SECONDS: i64 = 5;

/// How coarsely a run remembers when it was last looked at: finer would be a write for every look.
pub(crate) const LOOKED_AT_EVERY_SECONDS: i64 = 20;

/// A longer time without a look is one in which nobody could: Slipway or a cluster was away. It does
/// not count towards the time budget, which is the version's.
pub(crate) const UNSEEN_AFTER_SECONDS: i64 = 60;

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

/// Whose promotions into the same target a promotion ends, at the moment when nothing else keeps it
/// from starting; before that it only waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Supersedes {
    /// Nobody's: it waits in the queue.
    #[default]
    Nobody,
    /// Those that the same person asked for.
    Own,
    /// Everybody's, as the role of who asked for it allows.
    Any,
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
    /// Whose promotions it ends when nothing but they keep it from starting.
    #[serde(default)]
    pub supersedes: Supersedes,
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
    /// The pod templates that come back whole, where that was chosen for a rollback; elsewhere only images
    /// are set.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub templates: Vec<WholeTemplate>,
    /// Where it is.
    pub phase: Phase,
    /// What keeps us from telling, when something does.
    pub trouble: Option<Trouble>,
}

impl Promotion {
    /// Whether this promotion may end `other`, which is open for the same target: as far as
    /// [`Supersedes`] says, and never a rollback unless it is one itself.
    #[must_use]
    pub fn may_supersede(&self, other: &Self) -> bool {
        let is_stronger = other.cause != Cause::Rollback || self.cause == Cause::Rollback;
        let is_whose = match self.supersedes {
            Supersedes::Nobody => false,
            Supersedes::Own => {
                self.requested_by.person().is_some() && self.requested_by.person() == other.requested_by.person()
            }
            Supersedes::Any => true,
        };
        is_stronger && is_whose && other.id != self.id && !other.is_over()
    }

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

    /// Where it is, as far as there is work at once when that changes: its phase, its step, and what
    /// is wanted of the clusters.
    #[must_use]
    pub fn place(&self) -> (std::mem::Discriminant<Phase>, Option<usize>, u32) {
        let step = match &self.phase {
            Phase::Progressing { step, .. } => Some(*step),
            _ => None,
        };
        (std::mem::discriminant(&self.phase), step, self.run().map_or(0, |run| run.generation))
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

    /// Whether it is live and the version is tried beside what serves, which it has not touched: taking it
    /// back leaves what runs.
    #[must_use]
    pub fn is_tried_beside(&self) -> bool {
        let (Phase::Starting { run } | Phase::Progressing { run, .. } | Phase::TakingBack { run, .. }) = &self.phase
        else {
            return false;
        };
        self.plan.strategy.candidate().is_some() && run.wanted.stable.want == StableWant::AsItIs
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

    /// The outcome of the deployment that this promotion is, once it wants something of the clusters;
    /// `None` before, and for one that was refused when it looked at them.
    /// A promotion that was superseded in the middle counts as aborted.
    #[must_use]
    pub fn outcome(&self) -> Option<Outcome> {
        match &self.phase {
            Phase::Progressing { .. } | Phase::TakingBack { .. } => Some(Outcome::Running),
            Phase::Watching { .. } | Phase::Succeeded { .. } => Some(Outcome::Succeeded),
            Phase::Failed { run: Some(run), .. } if run.has_written() => Some(Outcome::Failed),
            Phase::Aborted { run, .. } | Phase::Superseded { run: Some(run), .. } if run.has_written() => {
                Some(Outcome::Aborted)
            }
            Phase::Failed { .. }
            | Phase::Aborted { .. }
            | Phase::Superseded { .. }
            | Phase::Starting { .. }
            | Phase::Waiting { .. }
            | Phase::Rejected { .. }
            | Phase::Cancelled { .. }
            | Phase::Expired { .. } => None,
        }
    }
}
