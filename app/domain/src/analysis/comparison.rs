//! What a value is compared with: limits that a person set, or the stable version over the same time.

use serde::{Deserialize, Serialize};

use super::rule::{RuleError, within};

/// A finite number. What a source answers and what a person sets may not be infinite or NaN: JSON has
/// no word for either, and comparing with them decides nothing.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Finite(f64);

// Reflexive because NaN is kept out.
impl Eq for Finite {}

impl Finite {
    /// The number, when it is finite.
    #[must_use]
    pub fn new(number: f64) -> Option<Self> {
        // Adding zero makes -0 the same as 0 in every representation.
        number.is_finite().then_some(Self(number + 0.0))
    }

    /// The number itself.
    #[must_use]
    pub const fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Finite {
    type Error = &'static str;

    fn try_from(number: f64) -> Result<Self, Self::Error> {
        Self::new(number).ok_or("a finite number is needed")
    }
}

impl From<Finite> for f64 {
    fn from(number: Finite) -> f64 {
        number.0
    }
}

/// Which way is bad.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Above the limit is bad: errors, latency.
    #[default]
    TooHigh,
    /// Below the limit is bad: success rate, request rate.
    TooLow,
}

impl Direction {
    /// Whether `value` is beyond `limit`. Reaching the limit is not beyond it.
    #[must_use]
    pub fn is_beyond(self, value: f64, limit: f64) -> bool {
        match self {
            Self::TooHigh => value > limit,
            Self::TooLow => value < limit,
        }
    }
}

/// The limits of a rule: at least one, and the warning no later than the breach.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Beyond it people are told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warning: Option<Finite>,
    /// Beyond it, as often as the trigger says, the version is taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub breach: Option<Finite>,
}

/// How large a difference between the two versions must be to matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum Effect {
    /// The chance that a value of the canary is worse than one of the stable version (common language
    /// effect size), above 0.5 up to 1; ties count half.
    Cles(Limits),
    /// The worse mean divided by the better one, from 1.
    MeanRatio(Limits),
}

impl Effect {
    /// The limits, whatever they limit.
    #[must_use]
    pub const fn limits(&self) -> Limits {
        match self {
            Self::Cles(limits) | Self::MeanRatio(limits) => *limits,
        }
    }
}

/// A comparison with the stable version over the same time, by the test of Mann and Whitney.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SideBySide {
    /// How sure the test must be that the canary is worse: 0.8 to 0.9999. Kayenta's default is 0.98.
    pub confidence: Finite,
    /// Which share of the stable version's median the canary may be worse by, from 0: 0.25.
    pub tolerance: Finite,
    /// How large the difference must be.
    pub effect: Effect,
    /// How many values of each side are taken, one per interval: 8 to 200.
    pub samples: u16,
}

impl SideBySide {
    /// Fewer values say nothing: the normal approximation of the test is used from 8 on.
    pub const LEAST_SAMPLES: u16 = 8;

    /// Kayenta's defaults: 98 % sure, 25 % tolerated; a warning when 65 of 100 pairs are worse, a
    /// breach at 80; twenty values.
    #[must_use]
    pub const fn usual() -> Self {
        let limits = Limits { warning: Some(Finite(0.65)), breach: Some(Finite(0.8)) };
        Self { confidence: Finite(0.98), tolerance: Finite(0.25), effect: Effect::Cles(limits), samples: 20 }
    }
}

/// What a value is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "with", rename_all = "snake_case")]
pub enum Comparison {
    /// Limits that a person set.
    Limits(Limits),
    /// The stable version over the same time.
    Stable(SideBySide),
}

pub(super) fn check_limits(limits: &Limits, direction: Direction) -> Result<(), RuleError> {
    match (limits.warning, limits.breach) {
        (None, None) => Err(RuleError::NoLimit),
        (Some(warning), Some(breach)) if direction.is_beyond(warning.get(), breach.get()) => Err(RuleError::Order),
        (Some(_), _) | (None, Some(_)) => Ok(()),
    }
}

pub(super) fn check_side_by_side(side: &SideBySide) -> Result<(), RuleError> {
    if !(0.8..=0.9999).contains(&side.confidence.get()) {
        return Err(RuleError::Share { what: "the confidence", must: "0.8 to 0.9999" });
    }
    if !(0.0..=10.0).contains(&side.tolerance.get()) {
        return Err(RuleError::Share { what: "the tolerance", must: "0 to 10 (0.25 is a quarter)" });
    }
    within("the values of each side", u32::from(side.samples), u32::from(SideBySide::LEAST_SAMPLES), 200)?;
    let limits = side.effect.limits();
    check_limits(&limits, Direction::TooHigh)?;
    let all = |is_good: fn(f64) -> bool| limits.warning.iter().chain(&limits.breach).all(|l| is_good(l.get()));
    match side.effect {
        Effect::Cles(_) if !all(|l| (0.5..1.0).contains(&l)) => {
            Err(RuleError::Share { what: "the effect", must: "0.5 up to, but not, 1" })
        }
        Effect::MeanRatio(_) if !all(|l| l >= 1.0) => Err(RuleError::Share { what: "the effect", must: "1 or more" }),
        Effect::Cles(_) | Effect::MeanRatio(_) => Ok(()),
    }
}
