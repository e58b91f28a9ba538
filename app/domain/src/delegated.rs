//! Objects that another tool works on: Argo Rollouts' Rollout, Argo CD's Application, Flux's Kustomization
//! and HelmRelease. Slipway sets the version where the tool reads it; here is what the tool says of it, and
//! the rule by which that is judged. Pure; a status that is not of the present specification says nothing.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    image::ContainerImage,
    moment_words,
    observation::{PodCounts, WorkloadKind, WorkloadObservation},
    rollout::{Rollout, RolloutFailure, early_failure},
    traffic::Weight,
};

/// What a person, or taking back, asks of a tool beside the version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case")]
pub enum ToolAct {
    /// End the pause in which it is.
    GoOn {
        /// The index of the step that was seen: what has gone on since is left alone. `None` where the
        /// tool has no steps.
        step: Option<u32>,
    },
    /// Begin with what the specification says.
    Begin,
    /// Leave the remaining steps out.
    PromoteNow,
    /// Take the traffic back at once, and come back without steps.
    Back,
}

/// Why a Rollout is paused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// Argo Rollouts' reason: `CanaryPauseStep`, `BlueGreenPause`, `InconclusiveAnalysisRun`.
    pub reason: String,
    /// Until when, where the step says how long.
    pub until: Option<DateTime<Utc>>,
}

/// A step of a tool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "StoredStep")]
pub struct ToolStep {
    /// In words: `25 %`, `Pause 30s`.
    pub words: String,
    /// Whether the share and what runs stay as they are, as by [`crate::strategy::Step::stays`].
    pub stays: bool,
}

/// A step as it is stored; words alone do not say what it does, and are a step of their own.
#[derive(Deserialize)]
#[serde(untagged)]
enum StoredStep {
    Words(String),
    Whole { words: String, stays: bool },
}

impl From<StoredStep> for ToolStep {
    fn from(stored: StoredStep) -> Self {
        match stored {
            StoredStep::Words(words) => Self { words, stays: false },
            StoredStep::Whole { words, stays } => Self { words, stays },
        }
    }
}

/// What Argo Rollouts says of a Rollout.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RolloutStatus {
    /// `Healthy`, `Progressing`, `Paused` or `Degraded`.
    pub phase: String,
    /// Why, in its words.
    pub message: Option<String>,
    /// Whether what serves is what the specification asks for (`currentPodHash` is `stableRS`).
    pub is_at_stable: bool,
    /// Whether it was aborted: the traffic is back, the specification still asks for the version.
    pub is_aborted: bool,
    /// Whether it leaves the remaining steps out.
    pub is_promoting_now: bool,
    /// The steps; empty without any.
    pub steps: Vec<ToolStep>,
    /// The index of the step under way; the number of steps when all are done.
    pub step: Option<u32>,
    /// The share that the new pods have, as the tool says it.
    pub weight: Option<Weight>,
    /// Why it is paused.
    pub pauses: Vec<Pause>,
    /// Why a version cannot be set in it, with what to do.
    pub unfit: Option<String>,
}

/// What Argo CD says of an Application.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApplicationStatus {
    /// Whether its status is of the present source.
    pub is_fresh: bool,
    /// `Synced`, `OutOfSync` or `Unknown`.
    pub sync: String,
    /// `Healthy`, `Progressing`, `Degraded`, `Suspended`, `Missing` or `Unknown`.
    pub health: String,
    /// The phase of the last sync of the present source: `Running`, `Succeeded`, `Failed`, `Error`.
    pub operation: Option<String>,
    /// What is wrong, in its words.
    pub message: Option<String>,
    /// Whether it syncs by itself; otherwise Slipway asks for each sync.
    pub is_automatic: bool,
    /// Whether a sync is under way or asked for.
    pub is_busy: bool,
    /// What runs, of an Application that names images itself; otherwise these are the images of what was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub running: Option<Vec<ContainerImage>>,
    /// The commit that it has compared with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// The commit of the last sync.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation_revision: Option<String>,
    /// Whether it was asked to look into the repository and has not yet.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_looking: bool,
    /// Whether [`Self::message`] is of something that is wrong now, not of a sync that failed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_broken: bool,
    /// Why a version cannot be set in it, with what to do.
    pub unfit: Option<String>,
}

/// What Flux says of a Kustomization or a HelmRelease.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FluxStatus {
    /// The condition `Ready` of the present generation: `True`, `False` or `Unknown`; `None` while there is none.
    pub ready: Option<String>,
    /// Its reason: `ReconciliationSucceeded`, `UpgradeFailed`.
    pub reason: String,
    /// Its message.
    pub message: Option<String>,
    /// Whether Flux has given up (the condition `Stalled`).
    pub is_stalled: bool,
    /// The commit that it has brought, of a Kustomization that names no image itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// The commit that it has tried last, of such a one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempted: Option<String>,
    /// Why a version cannot be set in it, with what to do.
    pub unfit: Option<String>,
    /// Why it cannot be told which commit it has brought, with what to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unfit_for_commits: Option<String>,
}

/// A tool that brings versions into a cluster in its own way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tool {
    /// Argo Rollouts.
    ArgoRollouts,
    /// Argo CD.
    ArgoCd,
    /// Flux.
    Flux,
}

impl Tool {
    /// As people call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ArgoRollouts => "Argo Rollouts",
            Self::ArgoCd => "Argo CD",
            Self::Flux => "Flux",
        }
    }
}

/// What the tool in charge says of its object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "tool", rename_all = "snake_case")]
pub enum ToolStatus {
    /// Argo Rollouts.
    ArgoRollouts(RolloutStatus),
    /// Argo CD.
    ArgoCd(ApplicationStatus),
    /// Flux.
    Flux(FluxStatus),
}

/// How far a tool is, kept with the promotion for the screen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolProgress {
    /// Who works: `Argo Rollouts`.
    pub tool: String,
    /// Its steps; empty where it has none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<ToolStep>,
    /// The index of the step under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<u32>,
    /// The share that the version has, where it says one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<Weight>,
    /// Why it does not go on by itself, or not yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits: Option<String>,
    /// Whether it waits until someone lets it go on, and not for a time.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub waits_for_someone: bool,
    /// Whether steps are left that it can leave out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub may_promote_now: bool,
    /// Whether it does nothing before it is told to.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_idle: bool,
    /// Whether it has not looked into the repository since the commit that it should bring.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_behind: bool,
}

/// Reasons of Flux that do not go away by another try. What fails in a release is tried again as often as that says
/// (`upgrade.remediation.retries`), and stalls then.
const FLUX_FAILURES: [&str; 3] = ["RetriesExceeded", "BuildFailed", "HealthCheckFailed"];

impl ToolStatus {
    /// Which tool says it.
    #[must_use]
    pub const fn tool(&self) -> Tool {
        match self {
            Self::ArgoRollouts(_) => Tool::ArgoRollouts,
            Self::ArgoCd(_) => Tool::ArgoCd,
            Self::Flux(_) => Tool::Flux,
        }
    }

    /// Why a version cannot be set in the object now, with what to do.
    #[must_use]
    pub fn unfit(&self) -> Option<&str> {
        match self {
            Self::ArgoRollouts(status) => status.unfit.as_deref(),
            Self::ArgoCd(status) => status.unfit.as_deref(),
            Self::Flux(status) => status.unfit.as_deref(),
        }
    }

    /// Why it cannot be told which commit has been brought, with what to do.
    #[must_use]
    pub fn unfit_for_commits(&self) -> Option<&str> {
        match self {
            Self::ArgoRollouts(_) | Self::ArgoCd(_) => None,
            Self::Flux(status) => status.unfit_for_commits.as_deref(),
        }
    }

    /// How far it is.
    #[must_use]
    pub fn progress(&self) -> ToolProgress {
        let none = ToolProgress {
            tool: self.tool().name().to_owned(),
            steps: Vec::new(),
            step: None,
            weight: None,
            waits: None,
            waits_for_someone: false,
            may_promote_now: false,
            is_idle: false,
            is_behind: false,
        };
        match self {
            Self::ArgoRollouts(status) => ToolProgress {
                steps: status.steps.clone(),
                step: status.step,
                weight: status.weight,
                waits: status.waits(),
                waits_for_someone: status.pauses.first().is_some_and(|pause| pause.until.is_none()),
                may_promote_now: !status.is_at_stable && !status.is_promoting_now && !status.is_aborted,
                ..none
            },
            Self::ArgoCd(status) => ToolProgress { is_idle: status.is_idle(), ..none },
            Self::Flux(_) => none,
        }
    }

    /// The commits that it names.
    pub fn revisions(&self) -> impl Iterator<Item = &str> {
        let named = match self {
            Self::ArgoRollouts(_) => [None, None],
            Self::ArgoCd(status) => [status.revision.as_deref(), status.operation_revision.as_deref()],
            Self::Flux(status) => [status.revision.as_deref(), status.attempted.as_deref()],
        };
        named.into_iter().flatten()
    }

    /// What is said when everything is as wanted; `None` where pods say it.
    #[must_use]
    pub const fn done(&self) -> Option<&'static str> {
        match self {
            Self::ArgoRollouts(_) => None,
            Self::ArgoCd(_) => Some("synced and healthy"),
            Self::Flux(_) => Some("ready"),
        }
    }
}

impl ApplicationStatus {
    /// Whether a sync must be asked for: one that was under way at the write has not brought it.
    fn is_idle(&self) -> bool {
        self.is_fresh && !self.is_automatic && !self.is_busy && self.operation.is_none() && self.sync == "OutOfSync"
    }
}

impl RolloutStatus {
    /// The step under way in words: `step 2 of 8 (pause 30 s), 25 %`.
    fn place(&self) -> String {
        let share = self.weight.map(|weight| weight.to_string());
        let step = self.step.and_then(|index| {
            let present = self.steps.get(usize::try_from(index).ok()?)?;
            Some(format!("step {} of {} ({})", index + 1, self.steps.len(), present.words))
        });
        match (step, share) {
            (Some(step), Some(share)) => format!("{step}, {share}"),
            (Some(words), None) | (None, Some(words)) => words,
            (None, None) => "under way".to_owned(),
        }
    }

    /// Why it waits, and for whom or until when.
    fn waits(&self) -> Option<String> {
        let pause = self.pauses.first()?;
        Some(match (pause.until, pause.reason.as_str()) {
            (Some(until), _) => format!("{}, pauses until {}", self.place(), moment_words::second(until)),
            (None, "InconclusiveAnalysisRun") => {
                format!("{}, its analysis says neither yes nor no: someone must say so", self.place())
            }
            (None, _) => format!("{}, waits for someone to let it go on", self.place()),
        })
    }
}

/// Judges an object by what the tool in charge says of it.
pub(crate) fn judge(seen: &WorkloadObservation, tool: &ToolStatus) -> Rollout {
    match tool {
        ToolStatus::ArgoRollouts(status) => judge_rollout(seen, status),
        ToolStatus::ArgoCd(status) => judge_application(status),
        ToolStatus::Flux(status) => judge_flux(seen, status),
    }
}

fn failed(tool: &str, message: impl Into<String>) -> Rollout {
    Rollout::Failed { failure: RolloutFailure::Tool { tool: tool.to_owned(), message: message.into() } }
}

fn moving(words: impl Into<String>) -> Rollout {
    Rollout::ByTool { words: words.into(), waits: false }
}

fn judge_rollout(seen: &WorkloadObservation, status: &RolloutStatus) -> Rollout {
    if seen.generation > seen.observed_generation {
        return Rollout::Unseen;
    }
    if let Some(failure) = early_failure(seen) {
        return Rollout::Failed { failure };
    }
    if status.is_aborted {
        return failed("Argo Rollouts", status.message.as_deref().unwrap_or("it was aborted in the cluster"));
    }
    if status.phase == "Degraded" {
        return failed("Argo Rollouts", status.message.as_deref().unwrap_or("it is degraded"));
    }
    if seen.is_paused {
        return Rollout::Paused;
    }
    if let Some(words) = status.waits() {
        return Rollout::ByTool { words, waits: true };
    }
    let counts = PodCounts::from(seen);
    if status.phase == "Healthy" && status.is_at_stable && counts.available >= counts.wanted {
        return Rollout::Complete { counts };
    }
    moving(status.place())
}

fn judge_application(status: &ApplicationStatus) -> Rollout {
    if !status.is_fresh {
        return Rollout::Unseen;
    }
    if let Some(phase @ ("Failed" | "Error")) = status.operation.as_deref() {
        let message = status.message.clone().unwrap_or_else(|| format!("the sync ended as {phase}"));
        return failed("Argo CD", message);
    }
    let is_syncing = status.is_busy || status.operation.as_deref() == Some("Running");
    match (status.sync.as_str(), status.health.as_str()) {
        // What was there before may be healthy while a sync of it, or of something else, is under way.
        ("Synced", "Healthy") if !is_syncing => Rollout::Complete { counts: PodCounts::default() },
        ("Synced", "Degraded") if !is_syncing => {
            failed("Argo CD", status.message.as_deref().unwrap_or("it is synced but degraded"))
        }
        ("Synced", "Suspended") => {
            Rollout::ByTool { words: "synced, suspended in the cluster".to_owned(), waits: true }
        }
        (sync, health) => {
            let why = status.message.as_deref().map(|message| format!(": {message}")).unwrap_or_default();
            moving(format!("{sync}, {health}{why}"))
        }
    }
}

fn judge_flux(seen: &WorkloadObservation, status: &FluxStatus) -> Rollout {
    if seen.is_paused {
        return Rollout::Paused;
    }
    let message = || status.message.clone().unwrap_or_else(|| status.reason.clone());
    match status.ready.as_deref() {
        Some("True") => Rollout::Complete { counts: PodCounts::default() },
        _ if status.is_stalled => failed("Flux", message()),
        Some("False") if FLUX_FAILURES.contains(&status.reason.as_str()) => failed("Flux", message()),
        Some(_) => moving(message()),
        // Each condition says of which generation it is, and those of others are not read. The object's own
        // `observedGeneration` follows only when all is well: a Kustomization that fails never has it.
        None => Rollout::Unseen,
    }
}

impl WorkloadKind {
    /// What of it holds the version, for messages: a container, or a place where the tool reads one.
    #[must_use]
    pub const fn place(self) -> &'static str {
        match self {
            Self::Deployment | Self::Rollout => "container",
            Self::Application | Self::Kustomization | Self::HelmRelease => "image",
        }
    }
}
