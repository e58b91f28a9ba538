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

    /// The kind that a name obviously says: `prod-eu`, `live`, `qa`, `pre-prod`. `None` when it says
    /// none, or several.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        let words: Vec<_> = name
            .split(|letter: char| !letter.is_ascii_alphanumeric())
            .map(|word| word.trim_end_matches(|letter: char| letter.is_ascii_digit()))
            .filter(|word| !word.is_empty())
            .collect();
        let mut found = None;
        for (place, word) in words.iter().enumerate() {
            let before = place.checked_sub(1).and_then(|before| words.get(before)).copied();
            let kind = match (before, Self::of_word(word)) {
                (_, None) => continue,
                (Some("pre"), Some(Self::Production)) => Self::PreProduction,
                (Some("non" | "not" | "no"), Some(_)) => return None,
                (_, Some(kind)) => kind,
            };
            if found.is_some_and(|found| found != kind) {
                return None;
            }
            found = Some(kind);
        }
        found
    }

    fn of_word(word: &str) -> Option<Self> {
        match word {
            "development" | "develop" | "dev" => Some(Self::Development),
            "staging" | "stage" | "stg" | "qa" | "test" | "testing" | "uat" => Some(Self::Staging),
            "preproduction" | "preprod" => Some(Self::PreProduction),
            "production" | "prod" | "prd" | "live" => Some(Self::Production),
            _ => None,
        }
    }

    /// The kind of a new environment when nobody chose one: what its name says, else the one that comes
    /// after `last`, the kind of the last environment there is.
    #[must_use]
    pub fn suggested(name: &str, last: Option<Self>) -> Self {
        Self::of_name(name).unwrap_or_else(|| match last {
            None => Self::Development,
            Some(last) => Self::ALL.into_iter().find(|kind| *kind > last).unwrap_or(Self::Production),
        })
    }

    /// How many people must approve in a new environment of this kind when nobody chose a number.
    #[must_use]
    pub const fn usual_approvals(self) -> Quorum {
        match self {
            Self::Development | Self::Staging | Self::PreProduction => Quorum::NONE,
            Self::Production => Quorum(1),
        }
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

#[cfg(test)]
mod tests {
    use super::EnvironmentKind::{self, Development, PreProduction, Production, Staging};

    #[test]
    fn a_name_that_says_a_kind_is_of_it() {
        for (name, kind) in [
            ("production", Some(Production)),
            ("Prod", Some(Production)),
            ("live", Some(Production)),
            ("eu-prod-2", Some(Production)),
            ("prod1", Some(Production)),
            ("staging", Some(Staging)),
            ("stage", Some(Staging)),
            ("qa", Some(Staging)),
            ("test-eu", Some(Staging)),
            ("pre-prod", Some(PreProduction)),
            ("pre-production", Some(PreProduction)),
            ("preprod-us", Some(PreProduction)),
            ("dev", Some(Development)),
            ("", None),
            ("eu-1", None),
            ("products", None),
            ("latest", None),
            ("delivery", None),
            ("non-prod", None),
            ("nonprod", None),
            ("test-live", None),
        ] {
            assert_eq!(EnvironmentKind::of_name(name), kind, "{name}");
        }
    }

    #[test]
    fn a_name_that_says_nothing_comes_after_the_last() {
        assert_eq!(EnvironmentKind::suggested("eu-1", None), Development);
        assert_eq!(EnvironmentKind::suggested("eu-1", Some(Staging)), PreProduction);
        assert_eq!(EnvironmentKind::suggested("eu-1", Some(Production)), Production);
        assert_eq!(EnvironmentKind::suggested("live", None), Production);
    }

    #[test]
    fn only_production_asks_somebody_unless_it_is_said_otherwise() {
        assert_eq!(EnvironmentKind::ALL.map(|kind| kind.usual_approvals().people()), [0, 0, 0, 1]);
    }
}
