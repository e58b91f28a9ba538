//! What a source answered, and the verdict that it leads to.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Comparison, Direction, Effect, Finite, Limits, MetricRule, RuleName, SideBySide, mann_whitney, words};

/// What a source answered about one side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Reading {
    /// It measured something.
    Measured {
        /// The values in the order of time, at least one: one when it is compared with limits, one per
        /// interval when it is compared with the stable version.
        values: Vec<Finite>,
        /// The requests in the window, when the rule minds their number.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        requests: Option<Finite>,
        /// What the source said beside the values: warnings, and that it is the practice cluster.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        notes: Vec<String>,
    },
    /// It measured nothing: no series, or no number (NaN, infinite).
    Nothing {
        /// What the source said beside that.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        notes: Vec<String>,
    },
    /// It could not be asked, or its answer could not be used.
    Unreadable {
        /// Why, in words.
        why: String,
    },
}

impl Reading {
    /// A reading of one value; what is no number is nothing.
    #[must_use]
    pub fn value(value: f64) -> Self {
        Self::series([value])
    }

    /// A reading of values in the order of time. Those that are no number are left out; when none is
    /// left, nothing was measured.
    #[must_use]
    pub fn series(values: impl IntoIterator<Item = f64>) -> Self {
        let mut dropped = 0_usize;
        let mut keep = |value| {
            let kept = Finite::new(value);
            dropped += usize::from(kept.is_none());
            kept
        };
        let values: Vec<Finite> = values.into_iter().filter_map(&mut keep).collect();
        let notes = if dropped > 0 { vec![format!("{dropped} of the values were no numbers")] } else { Vec::new() };
        if values.is_empty() { Self::Nothing { notes } } else { Self::Measured { values, requests: None, notes } }
    }

    /// The same reading with the answer to the question for the number of requests.
    #[must_use]
    pub fn with_requests(self, counted: Self) -> Self {
        match (self, counted) {
            (Self::Unreadable { why }, _) | (_, Self::Unreadable { why }) => Self::Unreadable { why },
            (Self::Measured { values, notes, .. }, Self::Measured { values: counted, .. }) => {
                Self::Measured { values, requests: counted.last().copied(), notes }
            }
            // A count of nothing is a count of 0: a series that does not exist had no requests.
            (Self::Measured { values, notes, .. }, Self::Nothing { .. }) => {
                Self::Measured { values, requests: Finite::new(0.0), notes }
            }
            (nothing @ Self::Nothing { .. }, _) => nothing,
        }
    }

    /// The same reading with another note.
    #[must_use]
    pub fn with_note(mut self, note: &str) -> Self {
        match &mut self {
            Self::Measured { notes, .. } | Self::Nothing { notes } => notes.push(note.to_owned()),
            Self::Unreadable { .. } => {}
        }
        self
    }

    /// The latest value, when there is one.
    #[must_use]
    pub fn latest(&self) -> Option<f64> {
        match self {
            Self::Measured { values, .. } => values.last().map(|v| v.get()),
            Self::Nothing { .. } | Self::Unreadable { .. } => None,
        }
    }
}

/// What a reading means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Within the limits.
    Ok,
    /// Beyond the warning limit.
    Warning,
    /// Nothing to judge: nothing measured, or too little.
    NoData,
    /// The source could not be asked.
    Error,
    /// Beyond the breach limit.
    Breach,
}

impl Verdict {
    /// The word for people.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::NoData => "no data",
            Self::Error => "error",
            Self::Breach => "breach",
        }
    }
}

/// A verdict with its reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// Why, for people: `error rate 7.1 % is above 5 %`.
    pub words: String,
}

/// One evaluation of a rule, as it is kept: what was asked, what came, what it led to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// The rule.
    pub rule: RuleName,
    /// The moment that was asked about: the end of the window.
    pub at: DateTime<Utc>,
    /// The question about the canary, as it was put.
    pub query: String,
    /// The question for the number of requests, when it was put.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_query: Option<String>,
    /// The question about the stable version, when the two are compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stable_query: Option<String>,
    /// The answer about the canary.
    pub canary: Reading,
    /// The answer about the stable version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stable: Option<Reading>,
    /// What it led to.
    #[serde(flatten)]
    pub judgement: Judgement,
    /// Whether the rule was only recorded.
    #[serde(default)]
    pub is_dry_run: bool,
}

impl Sample {
    /// Judges an evaluation and keeps it.
    #[must_use]
    pub fn judged(rule: &MetricRule, at: DateTime<Utc>, query: String, canary: Reading) -> Self {
        let judgement = judge_reading(rule, &canary, None);
        let (rule, is_dry_run) = (rule.name().clone(), rule.is_dry_run());
        Self { rule, at, query, requests_query: None, stable_query: None, canary, stable: None, judgement, is_dry_run }
    }

    /// The same sample with the question for the number of requests that its readings carry.
    #[must_use]
    pub fn counted_by(self, requests_query: Option<String>) -> Self {
        Self { requests_query, ..self }
    }

    /// Judges an evaluation side by side and keeps it; `queries` and `readings` are the canary's, then
    /// the stable version's.
    #[must_use]
    pub fn compared(
        rule: &MetricRule,
        at: DateTime<Utc>,
        queries: (String, String),
        readings: (Reading, Reading),
    ) -> Self {
        let judgement = judge_reading(rule, &readings.0, Some(&readings.1));
        Self {
            rule: rule.name().clone(),
            at,
            query: queries.0,
            requests_query: None,
            stable_query: Some(queries.1),
            canary: readings.0,
            stable: Some(readings.1),
            judgement,
            is_dry_run: rule.is_dry_run(),
        }
    }
}

/// What readings mean under a rule. `stable` is needed where the rule compares with it, and not looked
/// at elsewhere.
#[must_use]
pub fn judge_reading(rule: &MetricRule, canary: &Reading, stable: Option<&Reading>) -> Judgement {
    judged(rule, canary, stable).unwrap_or_else(|missing| missing)
}

/// The verdict on what was measured, or, as an error, that nothing was.
fn judged(rule: &MetricRule, canary: &Reading, stable: Option<&Reading>) -> Result<Judgement, Judgement> {
    let values = usable(rule, canary, "")?;
    match rule.comparison() {
        Comparison::Limits(limits) => {
            let latest = values.last().copied().ok_or_else(|| nothing(rule, ""))?;
            Ok(with_limits(rule, latest, limits))
        }
        Comparison::Stable(side) => {
            let stable = stable.ok_or_else(|| nothing(rule, " of the stable version"))?;
            let stable = usable(rule, stable, " of the stable version")?;
            enough_values(rule, &values, "canary")?;
            enough_values(rule, &stable, "stable version")?;
            side_by_side(rule, &values, &stable, side).ok_or_else(|| nothing(rule, ""))
        }
    }
}

fn usable(rule: &MetricRule, reading: &Reading, of_whom: &str) -> Result<Vec<f64>, Judgement> {
    let (values, requests) = match reading {
        Reading::Unreadable { why } => return Err(Judgement { verdict: Verdict::Error, words: why.clone() }),
        Reading::Nothing { .. } => return Err(nothing(rule, of_whom)),
        Reading::Measured { values, requests, .. } => (values, requests),
    };
    let least = rule.minimum_requests();
    let counted = requests.map_or(0.0, Finite::get);
    // Prometheus extrapolates: 49.8 requests are 50.
    if least > 0 && counted.round() < f64::from(least) {
        let words = format!("not enough requests{of_whom}: {} of {least}", words::whole(counted));
        return Err(Judgement { verdict: Verdict::NoData, words });
    }
    Ok(values.iter().map(|v| v.get()).collect())
}

fn nothing(rule: &MetricRule, of_whom: &str) -> Judgement {
    let words = format!("no data for {}{of_whom}{}", rule.measure().words(), words::why_nothing(rule));
    Judgement { verdict: Verdict::NoData, words }
}

fn enough_values(rule: &MetricRule, values: &[f64], whose: &str) -> Result<(), Judgement> {
    let least = usize::from(SideBySide::LEAST_SAMPLES);
    if values.len() >= least {
        return Ok(());
    }
    let what = rule.measure().words();
    let words = format!("not enough values of {what} from the {whose}: {} of {least}", values.len());
    Err(Judgement { verdict: Verdict::NoData, words })
}

/// The worst limit that is passed.
fn passed(limits: &Limits, is_beyond: impl Fn(f64) -> bool) -> (Verdict, Option<f64>) {
    let beyond = |limit: Option<Finite>| limit.map(Finite::get).filter(|l| is_beyond(*l));
    match (beyond(limits.breach), beyond(limits.warning)) {
        (Some(limit), _) => (Verdict::Breach, Some(limit)),
        (None, Some(limit)) => (Verdict::Warning, Some(limit)),
        (None, None) => (Verdict::Ok, None),
    }
}

fn with_limits(rule: &MetricRule, value: f64, limits: &Limits) -> Judgement {
    let direction = rule.direction();
    let (verdict, limit) = passed(limits, |limit| direction.is_beyond(value, limit));
    let limit = limit.or(limits.breach.or(limits.warning).map(Finite::get));
    Judgement { verdict, words: words::against_limit(rule, value, limit, verdict) }
}

/// Worse means: the test is sure that the canary is beyond the stable version by more than the
/// tolerance, and the difference is as large as the effect asks.
fn side_by_side(rule: &MetricRule, canary: &[f64], stable: &[f64], side: &SideBySide) -> Option<Judgement> {
    let plain = mann_whitney(canary, stable)?;
    let tolerated = median(stable)?.abs() * side.tolerance.get();
    let moved: Vec<f64> = match rule.direction() {
        Direction::TooHigh => stable.iter().map(|v| v + tolerated).collect(),
        Direction::TooLow => stable.iter().map(|v| v - tolerated).collect(),
    };
    let test = mann_whitney(canary, &moved)?;
    let (by_chance, worse) = match rule.direction() {
        Direction::TooHigh => (test.p_greater, plain.cles),
        Direction::TooLow => (test.p_less, 1.0 - plain.cles),
    };
    let is_sure = by_chance < 1.0 - side.confidence.get();
    let effect = match side.effect {
        Effect::Cles(_) => worse,
        Effect::MeanRatio(_) => ratio_of_means(rule.direction(), canary, stable),
    };
    // A limit that is reached counts: a chance cannot be above 1.
    let (verdict, _) = passed(&side.effect.limits(), |limit| is_sure && effect >= limit);
    let found = words::Compared { canary: median(canary)?, stable: median(stable)?, shift: plain.shift, worse };
    Some(Judgement { verdict, words: words::compared(rule, &found, is_sure, verdict) })
}

/// How much worse the canary's mean is. Against nothing, anything is infinitely worse.
fn ratio_of_means(direction: Direction, canary: &[f64], stable: &[f64]) -> f64 {
    let mean = |values: &[f64]| values.iter().sum::<f64>() / f64::from(u32::try_from(values.len()).unwrap_or(u32::MAX));
    let (worse, better) = match direction {
        Direction::TooHigh => (mean(canary), mean(stable)),
        Direction::TooLow => (mean(stable), mean(canary)),
    };
    if better > 0.0 {
        worse / better
    } else if worse > 0.0 {
        f64::INFINITY
    } else {
        1.0
    }
}

fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let upper = *sorted.get(sorted.len() / 2)?;
    let lower = *sorted.get(sorted.len().checked_sub(1)? / 2)?;
    Some(f64::midpoint(lower, upper))
}
