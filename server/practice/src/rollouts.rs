//! Argo Rollouts on the practice cluster: a Rollout that goes through its steps by itself. Its shares are
//! shares of the pods, as they are where no traffic layer is named.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    delegated::{Pause, RolloutStatus, ToolAct, ToolStep},
    observation::WorkloadRef,
    traffic::Weight,
};
use ports::{ApplyOutcome, ClusterError};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    behaviour::Timing,
    cluster::Inner,
    deployment::{Counts, Deployment},
};

/// A step of a Rollout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RolloutStep {
    /// The new pods get this share.
    Weight(Weight),
    /// Nothing changes for so many seconds; without a number until a person says so.
    Pause(Option<u32>),
}

impl RolloutStep {
    fn words(self) -> String {
        match self {
            Self::Weight(weight) => weight.to_string(),
            Self::Pause(Some(seconds)) => format!("Pause {seconds} s"),
            Self::Pause(None) => "Go on?".to_owned(),
        }
    }

    fn shown(self) -> ToolStep {
        ToolStep { words: self.words(), stays: matches!(self, Self::Pause(_)) }
    }
}

/// Where a Rollout is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Steps {
    pub(crate) steps: Vec<RolloutStep>,
    /// The step under way; all are done when it is their number.
    pub(crate) step: usize,
    /// Since when it is paused.
    pub(crate) paused_since: Option<DateTime<Utc>>,
    /// The template that serves; none before the first pods are there.
    pub(crate) stable: Option<Value>,
    /// The template that the steps are of.
    pub(crate) of: Option<Value>,
    pub(crate) is_aborted: bool,
    pub(crate) is_promoting_now: bool,
}

impl Steps {
    pub(crate) const fn new(steps: Vec<RolloutStep>) -> Self {
        Self { steps, step: 0, paused_since: None, stable: None, of: None, is_aborted: false, is_promoting_now: false }
    }

    fn pause_ends(&self) -> Option<DateTime<Utc>> {
        match self.steps.get(self.step) {
            Some(RolloutStep::Pause(Some(seconds))) => {
                Some(self.paused_since? + TimeDelta::seconds(i64::from(*seconds)))
            }
            _ => None,
        }
    }

    /// The share that the steps so far have asked for.
    fn weight(&self) -> Weight {
        if self.is_aborted {
            return Weight::NONE;
        }
        if self.is_promoting_now || self.step >= self.steps.len() {
            return Weight::ALL;
        }
        let asked = self.steps.iter().take(self.step + 1).rev().find_map(|step| match step {
            RolloutStep::Weight(weight) => Some(*weight),
            RolloutStep::Pause(_) => None,
        });
        asked.unwrap_or(Weight::NONE)
    }
}

impl Deployment {
    /// A Rollout in the middle of its steps; `None` for one that is at its end, and for a Deployment.
    fn under_way(&self) -> Option<&Steps> {
        self.steps.as_ref().filter(|steps| steps.stable.as_ref().is_some_and(|stable| *stable != self.template))
    }

    /// Whether its steps hold it: no progress is expected then.
    pub(crate) fn is_held(&self) -> bool {
        self.under_way().is_some_and(|steps| steps.paused_since.is_some() || steps.is_aborted)
    }

    /// How many pods of the current template there should be now.
    pub(crate) fn new_pods_wanted(&self) -> u32 {
        match self.under_way() {
            Some(steps) => (self.replicas * u32::from(steps.weight().as_percent())).div_ceil(100),
            None => self.replicas,
        }
    }

    /// When a pause ends.
    pub(crate) fn next_step_at(&self) -> Option<DateTime<Utc>> {
        self.under_way()?.pause_ends()
    }

    /// Goes on through the steps, as far as the pods are there; answers whether anything changed. A step is
    /// progress.
    pub(crate) fn go_through_steps(&mut self, at: DateTime<Utc>, timing: &Timing) -> bool {
        let has_changed = self.next_step(at, timing);
        if let Some(progress) = self.progress.as_mut().filter(|_| has_changed) {
            progress.updated_at = at;
        }
        has_changed
    }

    fn next_step(&mut self, at: DateTime<Utc>, timing: &Timing) -> bool {
        let counts = self.counts_at(at, timing);
        let new_ready = self.active_pods().filter(|p| self.is_current(p) && p.is_ready(at, timing)).count();
        let has_pods = u32::try_from(new_ready).unwrap_or(u32::MAX) >= self.new_pods_wanted();
        let is_all_new = counts.replicas == self.replicas && counts.updated == self.replicas && has_pods;
        let template = self.template.clone();
        let Some(steps) = self.steps.as_mut() else { return false };
        if steps.of.as_ref() != Some(&template) {
            let kept = steps.steps.clone();
            *steps = Steps { stable: steps.stable.take(), of: Some(template), ..Steps::new(kept) };
            return true;
        }
        if steps.stable.as_ref() == Some(&template) {
            return false;
        }
        if is_all_new && (steps.stable.is_none() || steps.weight() == Weight::ALL) {
            *steps = Steps {
                step: steps.steps.len(),
                stable: Some(template.clone()),
                of: Some(template),
                ..Steps::new(steps.steps.clone())
            };
            return true;
        }
        if steps.is_aborted || steps.is_promoting_now || steps.stable.is_none() {
            return false;
        }
        match steps.steps.get(steps.step) {
            Some(RolloutStep::Weight(_)) if has_pods => steps.step += 1,
            Some(RolloutStep::Pause(_)) if steps.paused_since.is_none() => steps.paused_since = Some(at),
            Some(RolloutStep::Pause(_)) if steps.pause_ends().is_some_and(|end| end <= at) => {
                steps.paused_since = None;
                steps.step += 1;
            }
            Some(RolloutStep::Weight(_) | RolloutStep::Pause(_)) | None => return false,
        }
        true
    }

    /// What Argo Rollouts would say of it.
    pub(crate) fn rollout_status(&self, counts: &Counts) -> Option<RolloutStatus> {
        let steps = self.steps.as_ref()?;
        let is_at_stable = steps.stable.as_ref() == Some(&self.template);
        let is_over_deadline = self.progress.as_ref().is_some_and(|p| p.reason == "ProgressDeadlineExceeded");
        let pause = steps.paused_since.filter(|_| !is_at_stable);
        let (phase, message) = match pause {
            _ if steps.is_aborted => ("Degraded", Some("RolloutAborted: Rollout aborted update")),
            _ if is_over_deadline => ("Degraded", Some("ProgressDeadlineExceeded: the new pods are not available")),
            Some(_) => ("Paused", Some("CanaryPauseStep")),
            None if is_at_stable && counts.ready >= self.replicas => ("Healthy", None),
            None => ("Progressing", None),
        };
        let unfit = (!is_at_stable && self.stamp.is_none()).then(|| {
            "it is in the middle of a rollout that Slipway did not begin; finish or undo that first".to_owned()
        });
        Some(RolloutStatus {
            phase: phase.to_owned(),
            message: message.map(str::to_owned),
            is_at_stable,
            is_aborted: steps.is_aborted,
            is_promoting_now: steps.is_promoting_now,
            steps: steps.steps.iter().map(|step| step.shown()).collect(),
            step: u32::try_from(steps.step).ok(),
            weight: (!is_at_stable).then(|| steps.weight()),
            pauses: pause
                .map(|_| Pause { reason: "CanaryPauseStep".to_owned(), until: steps.pause_ends() })
                .into_iter()
                .collect(),
            unfit,
        })
    }

    /// Does what is asked of it, as Argo Rollouts would by an entry in its status; answers whether it had to.
    pub(crate) fn act(&mut self, act: ToolAct, is_as_wanted: bool) -> bool {
        let Some(steps) = self.steps.as_mut().filter(|steps| steps.stable.as_ref() != Some(&self.template)) else {
            return false;
        };
        if steps.stable.is_none() {
            return false;
        }
        let is_new = match act {
            ToolAct::GoOn { step } => {
                let is_there = steps.paused_since.is_some() && step.map(|s| s as usize) == Some(steps.step);
                if is_there && is_as_wanted {
                    steps.paused_since = None;
                    steps.step += 1;
                }
                is_there && is_as_wanted
            }
            ToolAct::PromoteNow | ToolAct::Back if is_as_wanted => {
                !steps.is_aborted && !std::mem::replace(&mut steps.is_promoting_now, true)
            }
            ToolAct::Back => !std::mem::replace(&mut steps.is_aborted, true),
            ToolAct::PromoteNow | ToolAct::Begin => false,
        };
        if is_new {
            steps.paused_since = None;
            self.resource_version += 1;
        }
        is_new
    }
}

impl Inner {
    /// Asks a Rollout whose template another tool writes; nothing else of it is changed.
    pub(crate) fn ask_now(
        &self,
        workload: &WorkloadRef,
        act: ToolAct,
    ) -> std::io::Result<Result<ApplyOutcome, ClusterError>> {
        self.write(|state, now| {
            let Some(deployment) = state.get_mut(workload) else { return (Ok(ApplyOutcome::Missing), false) };
            deployment.play(now, &self.pace);
            let has_written = deployment.act(act, true);
            if has_written {
                deployment.look_again(now, &self.pace);
            }
            (Ok(if has_written { ApplyOutcome::Written } else { ApplyOutcome::Unchanged }), has_written)
        })
    }
}
