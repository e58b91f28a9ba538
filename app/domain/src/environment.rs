//! Environments and what each asks of a promotion until policies take over.

use serde::{Deserialize, Serialize};

use crate::ids::EnvironmentId;

/// The kind of an environment; figures about production count only that kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EnvironmentKind {
    /// Where developers try things.
    Development,
    /// Where versions are tested together.
    Staging,
    /// The last stop before production.
    PreProduction,
    /// What users see.
    Production,
}

impl EnvironmentKind {
    /// All kinds in their usual order.
    pub const ALL: [Self; 4] = [Self::Development, Self::Staging, Self::PreProduction, Self::Production];

    /// The word for machines and columns.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Development => "development",
            Self::Staging => "staging",
            Self::PreProduction => "pre_production",
            Self::Production => "production",
        }
    }

    /// The word for people.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Development => "development",
            Self::Staging => "staging",
            Self::PreProduction => "pre-production",
            Self::Production => "production",
        }
    }

    /// Reads the word for machines.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// How many approvers an environment asks for: 0 to 5.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Quorum(u8);

impl Quorum {
    /// The largest number of approvers.
    pub const MAX: u8 = 5;
    /// Nobody needs to approve.
    pub const NONE: Self = Self(0);

    /// A quorum of `people`, 0 to 5.
    ///
    /// # Errors
    /// Says the limit.
    pub fn new(people: u8) -> Result<Self, String> {
        if people <= Self::MAX {
            Ok(Self(people))
        } else {
            Err(format!("0 to {} approvers can be asked for", Self::MAX))
        }
    }

    /// The number of people.
    #[must_use]
    pub const fn people(self) -> u8 {
        self.0
    }
}

impl TryFrom<u8> for Quorum {
    type Error = String;

    fn try_from(people: u8) -> Result<Self, String> {
        Self::new(people)
    }
}

impl From<Quorum> for u8 {
    fn from(quorum: Quorum) -> u8 {
        quorum.0
    }
}

/// What an environment asks of a promotion into it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvironmentRules {
    /// Rises with every change of these rules; an approval given under another revision is void.
    pub revision: i64,
    /// Distinct people who must approve; the requester does not count.
    pub approvals: Quorum,
    /// The version must be healthy in this environment before.
    pub healthy_in: Option<EnvironmentId>,
    /// Wall-clock budget of a rollout in seconds, beside Kubernetes' own progress deadline, which
    /// flapping readiness sets back again and again.
    pub rollout_budget_seconds: u32,
    /// How long a finished promotion is watched, in seconds; 0 for not at all.
    pub watch_seconds: u32,
}

impl EnvironmentRules {
    /// The usual budget: Kubernetes' default progress deadline.
    pub const DEFAULT_ROLLOUT_BUDGET_SECONDS: u32 = 600;
}

impl Default for EnvironmentRules {
    fn default() -> Self {
        Self {
            revision: 1,
            approvals: Quorum::NONE,
            healthy_in: None,
            rollout_budget_seconds: Self::DEFAULT_ROLLOUT_BUDGET_SECONDS,
            watch_seconds: 0,
        }
    }
}
