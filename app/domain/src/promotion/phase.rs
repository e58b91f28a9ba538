//! Where a promotion is. Each phase carries exactly the data that exists in it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Blocker, Run};
use crate::{actor::Identity, analysis::RuleName, rollout::RolloutFailure, traffic::Weight};

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
    /// Someone else changed what moves the traffic in the middle; it stays as they set it.
    RouteChanged {
        /// The object, as `cluster namespace/kind name`.
        route: String,
        /// What it says now.
        what: String,
    },
    /// A workload was deleted in the middle.
    Deleted {
        /// The workload, as `cluster namespace/name`.
        workload: String,
    },
    /// A candidate got traffic, and none of its pods could be reached.
    Unserved {
        /// The object that sends it there, as `cluster namespace/kind name`.
        route: String,
        /// The share that went nowhere.
        share: Weight,
    },
    /// The cluster refused what was to be written.
    RefusedByCluster {
        /// The cluster's words.
        message: String,
    },
    /// A Job of a step did not do what it was for.
    Job {
        /// Which, as `Job cluster namespace/name`.
        job: String,
        /// Why, in words.
        why: String,
    },
    /// The outside deployer could not do it.
    Deployer {
        /// Its words.
        message: String,
    },
    /// What was measured is beyond a limit.
    Breach {
        /// The rule.
        rule: RuleName,
        /// Why, in words: `error rate 7.1 % is above 5 % in 3 evaluations in a row`.
        words: String,
    },
    /// An alert of another system asked for it.
    Alert {
        /// Which, with what it says.
        words: String,
    },
    /// The analysis could not tell, and nobody answered in time.
    Undecided {
        /// What was not known.
        why: String,
        /// How many minutes it waited for an answer.
        minutes: u32,
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
