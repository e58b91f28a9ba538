//! How a version gets into an environment: a strategy is a list of steps. Rolling is the first and
//! simplest: one step that replaces all pods under the Deployment's own settings.

use serde::{Deserialize, Serialize};

/// A strategy, as a target asks for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// Pods are replaced a few at a time, as the Deployment's own settings say.
    #[default]
    Rolling,
}

impl Strategy {
    /// The word for people.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Rolling => "rolling",
        }
    }

    /// The steps that this strategy goes through.
    #[must_use]
    pub fn steps(self) -> Vec<Step> {
        match self {
            Self::Rolling => vec![Step::Rollout],
        }
    }
}

/// One step of a strategy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Step {
    /// All workloads get the version's images and are followed until every pod is available.
    Rollout,
}

impl Step {
    /// The step in a word or two.
    #[must_use]
    pub const fn words(&self) -> &'static str {
        match self {
            Self::Rollout => "Rollout",
        }
    }
}
