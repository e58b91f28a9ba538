//! How a version gets into an environment: a strategy is a list of steps. Rolling is the simplest:
//! one step that replaces all pods under the Deployment's own settings. Canary and blue-green run the
//! version in a candidate beside what serves, move the traffic to it step by step, and bring it home:
//! the Deployment itself gets the version while the candidate carries the traffic, then the traffic
//! goes back to it and the candidate is removed. So every object is at the end what it was before,
//! but for the images.

mod step;

use serde::{Deserialize, Serialize};

pub use step::{AnalysisLength, Asked, Notice, Step};

use crate::{
    analysis::{
        Adjustment, DataPlane, HealthCheck, MetricRule, REQUESTS_THAT_SAY_SOMETHING, RuleChange, Trigger, changed,
        default_rules,
    },
    names::WorkloadName,
    traffic::{CandidateName, TrafficLayer, Weight},
};

/// A strategy, as a target asks for it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// Pods are replaced a few at a time, as the Deployment's own settings say.
    #[default]
    Rolling,
    /// The candidate gets more and more of the traffic.
    Canary(CandidateSettings),
    /// The candidate is there in full before it gets the traffic.
    BlueGreen(CandidateSettings),
}

/// How a candidate is tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "UncheckedSettings")]
pub struct CandidateSettings {
    exposed: WorkloadName,
    layer: TrafficLayer,
    steps: Vec<Step>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metrics: Option<DataPlane>,
    #[serde(skip_serializing_if = "Option::is_none")]
    window_seconds: Option<u32>,
}

#[derive(Deserialize)]
struct UncheckedSettings {
    exposed: WorkloadName,
    layer: TrafficLayer,
    steps: Vec<Step>,
    #[serde(default)]
    metrics: Option<DataPlane>,
    #[serde(default)]
    window_seconds: Option<u32>,
}

impl TryFrom<UncheckedSettings> for CandidateSettings {
    type Error = StepsError;

    fn try_from(unchecked: UncheckedSettings) -> Result<Self, StepsError> {
        let mut steps = unchecked.steps;
        // Could be asked for once, and was none.
        steps.retain(|step| unchecked.layer.has_route() || *step != Step::Preview);
        let settings = Self::new(unchecked.exposed, unchecked.layer, steps)?;
        settings.measured_by(unchecked.metrics).judged_over(unchecked.window_seconds)
    }
}

/// What is wrong with a list of steps; the text says which step.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StepsError {
    /// A weight that does not rise.
    #[error("step {number} asks for {weight} after {before}: weights must rise from step to step")]
    NotRising {
        /// Which step, from 1.
        number: usize,
        /// The weight.
        weight: Weight,
        /// The weight before it.
        before: Weight,
    },
    /// The layer has no shares.
    #[error("step {number} asks for {weight}, but {layer} is switched as a whole: only 100 % can be had")]
    NotGradual {
        /// Which step, from 1.
        number: usize,
        /// The weight.
        weight: Weight,
        /// The layer, in words.
        layer: String,
    },
    /// The rollout comes by itself.
    #[error("step {number} is the rollout, which comes by itself at the end")]
    Rollout {
        /// Which step, from 1.
        number: usize,
    },
    /// A pause that nobody waits for.
    #[error("step {number} pauses for {seconds} s; 1 second to 7 days are possible")]
    Pause {
        /// Which step, from 1.
        number: usize,
        /// How long.
        seconds: u32,
    },
    /// A window that says nothing, or never ends.
    #[error("a window of {seconds} s cannot be had; 15 to 3600 seconds can")]
    Window {
        /// How long.
        seconds: u32,
    },
    /// The layer cannot do it.
    #[error("step {number} cannot be had: {why}")]
    NotByThisLayer {
        /// Which step, from 1.
        number: usize,
        /// Why, in words.
        why: String,
    },
    /// A copy of nothing.
    #[error("step {number} copies no requests: a share of 1 to 100 % can be copied")]
    MirrorsNothing {
        /// Which step, from 1.
        number: usize,
    },
    /// A preview that everybody would see.
    #[error("step {number} is a preview, but {layer}: a candidate's pods get their part of the traffic at once")]
    NoPreview {
        /// Which step, from 1.
        number: usize,
        /// The layer, in words.
        layer: String,
    },
    /// A Job that has no time, or all the time in the world.
    #[error("step {number} gives its Job {seconds} s; 1 second to 24 hours are possible")]
    Job {
        /// Which step, from 1.
        number: usize,
        /// How long.
        seconds: u32,
    },
    /// An analysis that is none, or never ends.
    #[error(
        "step {number} looks for a time that cannot be had; 1 second to 7 days, or 1 to {} measurements, can",
        AnalysisLength::MOST_MEASUREMENTS
    )]
    Analysis {
        /// Which step, from 1.
        number: usize,
    },
    /// An analysis before anything of the version is there.
    #[error("step {number} has nothing to look at yet; put a weight, testers or a preview before it")]
    JudgesNothing {
        /// Which step, from 1.
        number: usize,
    },
    /// More steps than anybody reads.
    #[error("at most {} steps are possible", CandidateSettings::MAX_STEPS)]
    TooMany,
}

impl CandidateSettings {
    /// Windows that can be asked for: long enough for some scrapes, short enough for a step.
    pub const WINDOW_SECONDS: std::ops::RangeInclusive<u32> = 15..=3_600;
    /// The most steps that a target may ask for.
    pub const MAX_STEPS: usize = 30;
    /// The longest pause, in seconds: what waits longer expires.
    pub const MAX_PAUSE_SECONDS: u32 = 7 * 24 * 3600;
    /// The longest time that a Job may take, in seconds.
    pub const MAX_JOB_SECONDS: u32 = 24 * 3600;
    /// How long the usual canary stays at its first weight, in seconds.
    pub const FIRST_PAUSE_SECONDS: u32 = 30 * 60;
    /// How long the usual canary stays at a later weight, in seconds.
    pub const PAUSE_SECONDS: u32 = 10 * 60;
    /// How long the usual blue-green keeps the old side at full size after the switch, in seconds.
    pub const AFTER_SWITCH_SECONDS: u32 = 30;

    /// Settings for the workload `exposed`, which serves the traffic that `layer` moves.
    ///
    /// # Errors
    /// [`StepsError`] says which step cannot be.
    pub fn new(exposed: WorkloadName, layer: TrafficLayer, steps: Vec<Step>) -> Result<Self, StepsError> {
        if steps.len() > Self::MAX_STEPS {
            return Err(StepsError::TooMany);
        }
        for (index, step) in steps.iter().enumerate() {
            step.check(index + 1, steps.split_at(index).0, &layer)?;
        }
        Ok(Self { exposed, layer, steps, metrics: None, window_seconds: None })
    }

    /// The same with numbers that `plane` counts, or without any.
    #[must_use]
    pub fn measured_by(self, plane: Option<DataPlane>) -> Self {
        Self { metrics: plane, ..self }
    }

    /// The usual canary: 10, 25, 50, then everything, with pauses between.
    #[must_use]
    pub fn usual_canary(exposed: WorkloadName, layer: TrafficLayer) -> Self {
        let stay = |percent, seconds| [weight_step(percent), Step::Pause { seconds }];
        let gradual =
            [stay(10, Self::FIRST_PAUSE_SECONDS), stay(25, Self::PAUSE_SECONDS), stay(50, Self::PAUSE_SECONDS)];
        let mut steps = if layer.is_gradual() { gradual.concat() } else { vec![Step::Preview, Step::ask()] };
        steps.push(weight_step(100));
        Self { exposed, layer, steps, metrics: None, window_seconds: None }
    }

    /// The usual blue-green: the candidate in full without traffic, a person's yes, the switch, and a
    /// while in which the old side stays as it was.
    #[must_use]
    pub fn usual_blue_green(exposed: WorkloadName, layer: TrafficLayer) -> Self {
        let after = Step::Pause { seconds: Self::AFTER_SWITCH_SECONDS };
        Self {
            exposed,
            layer,
            steps: vec![Step::Preview, Step::ask(), weight_step(100), after],
            metrics: None,
            window_seconds: None,
        }
    }

    /// The workload that serves the traffic; the target's others are rolled at the end.
    #[must_use]
    pub const fn exposed(&self) -> &WorkloadName {
        &self.exposed
    }

    /// What moves the traffic.
    #[must_use]
    pub const fn layer(&self) -> &TrafficLayer {
        &self.layer
    }

    /// The same with rules about traffic that look over so many seconds; the usual minute when nothing is
    /// said. A short window sees sooner and knows less.
    ///
    /// # Errors
    /// [`StepsError::Window`] beyond [`Self::WINDOW_SECONDS`].
    pub fn judged_over(self, window_seconds: Option<u32>) -> Result<Self, StepsError> {
        match window_seconds {
            Some(seconds) if !Self::WINDOW_SECONDS.contains(&seconds) => Err(StepsError::Window { seconds }),
            _ => Ok(Self { window_seconds, ..self }),
        }
    }

    /// Over how many seconds rules about traffic look, when that was said.
    #[must_use]
    pub const fn window_seconds(&self) -> Option<u32> {
        self.window_seconds
    }

    /// Who counts the requests that the version is judged by, when somebody does.
    #[must_use]
    pub const fn metrics(&self) -> Option<DataPlane> {
        self.metrics
    }

    /// The rules by which a version is judged while it is tried: what its pods show, and numbers where
    /// somebody counts them. A version on trial is taken back sooner than one that runs: two intervals after
    /// the first window that is beyond a limit.
    #[must_use]
    pub fn rules(&self) -> Vec<MetricRule> {
        let rules = default_rules(self.metrics, &HealthCheck::Readiness);
        let is_of_traffic = |rule: &&MetricRule| rule.measure().counts_requests();
        let window = self.window_seconds;
        let sooner = |rule: &MetricRule| {
            let values = Adjustment {
                trigger: Some(Trigger::Consecutive(3)),
                window_seconds: window,
                interval_seconds: window.map(|window| window.div_ceil(3)),
                // The usual number is that of a minute.
                minimum_requests: window.map(|window| (REQUESTS_THAT_SAY_SOMETHING * window / 60).max(1)),
                ..Adjustment::default()
            };
            RuleChange::Adjust { rule: rule.name().clone(), values: Box::new(values) }
        };
        let changes: Vec<_> = rules.iter().filter(is_of_traffic).map(sooner).collect();
        // A test holds that the change can be made; the rules as they are would be no worse.
        changed(rules.clone(), changes).unwrap_or(rules)
    }

    /// The steps before the rollout.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// With everything on the candidate before the rollout, so that pods which are replaced serve nobody.
    /// Where only the numbers of pods move the traffic, the rollout itself is the last part.
    fn all_steps(&self) -> Vec<Step> {
        let is_everything = |step: &Step| *step == weight_step(100);
        let mut steps = self.steps.clone();
        if !self.layer.has_route() {
            steps.retain(|step| !is_everything(step));
        } else if !steps.iter().any(is_everything) {
            steps.push(weight_step(100));
        }
        steps.push(Step::Rollout);
        steps
    }
}

const fn weight_step(percent: u8) -> Step {
    Step::Weight { weight: Weight::at_most(percent) }
}

impl Strategy {
    /// The word for people.
    #[must_use]
    pub const fn words(&self) -> &'static str {
        match self {
            Self::Rolling => "rolling",
            Self::Canary(_) => "canary",
            Self::BlueGreen(_) => "blue-green",
        }
    }

    /// The steps that this strategy goes through.
    #[must_use]
    pub fn steps(&self) -> Vec<Step> {
        match self {
            Self::Rolling => vec![Step::Rollout],
            Self::Canary(settings) | Self::BlueGreen(settings) => settings.all_steps(),
        }
    }

    /// How the candidate is tried, where there is one.
    #[must_use]
    pub const fn candidate(&self) -> Option<(CandidateName, &CandidateSettings)> {
        match self {
            Self::Rolling => None,
            Self::Canary(settings) => Some((CandidateName::Canary, settings)),
            Self::BlueGreen(settings) => Some((CandidateName::Preview, settings)),
        }
    }
}

#[cfg(test)]
mod tests;
