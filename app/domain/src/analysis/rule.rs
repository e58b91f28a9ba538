//! A metric rule as it may be: every value was checked when it came in, so the rest of the analysis
//! need not ask again. A [`RuleDraft`] is what a person or a file gives; what it leaves out has the
//! product's default, so a rule that was stored before a field existed still loads.

use serde::{Deserialize, Serialize};

use super::{
    Comparison, Direction, Measure, Placeholder, Resource, Traffic,
    comparison::{check_limits, check_side_by_side},
};

/// Why a rule was refused. The text says what to give instead.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RuleError {
    /// Not the form of a name.
    #[error("a rule's name has 1 to 40 small letters, digits and inner hyphens; '{0}' is not one")]
    Name(String),
    /// A number outside its bounds.
    #[error("{what} must be {least} to {most}; {given} is not")]
    Bounds {
        /// Which number.
        what: &'static str,
        /// The smallest allowed.
        least: u32,
        /// The largest allowed.
        most: u32,
        /// What was given.
        given: u32,
    },
    /// Every second would not be looked at.
    #[error(
        "the window ({window_seconds} s) must be at least as long as the interval ({interval_seconds} s), or some seconds are never looked at"
    )]
    Gaps {
        /// The window.
        window_seconds: u32,
        /// The interval.
        interval_seconds: u32,
    },
    /// Neither limit is set.
    #[error("a rule needs a warning limit, a breach limit, or a comparison with the stable version")]
    NoLimit,
    /// The warning would come after the breach.
    #[error("the warning limit must be reached before the breach limit")]
    Order,
    /// Not a finite number.
    #[error("{0} must be a finite number")]
    NotFinite(&'static str),
    /// A share outside of what it can be.
    #[error("{what} must be {must}")]
    Share {
        /// Which one.
        what: &'static str,
        /// What it may be.
        must: &'static str,
    },
    /// The number of requests cannot be asked for.
    #[error("a minimum of requests needs a query for the number of requests")]
    NoRequests,
    /// A built-in check has no two sides.
    #[error("a built-in check cannot be compared with the stable version; give it a limit")]
    NoSides,
    /// The versions get different shares of the requests, whatever they do with them.
    #[error(
        "the request rate cannot be compared with the stable version, which gets another share of the requests; give \
         it a limit"
    )]
    OtherShare,
    /// The versions are in one namespace, whose volumes are asked about.
    #[error("the space used cannot be compared with the stable version, which has the same volumes; give it a limit")]
    SameVolumes,
    /// The query asks the same about both versions.
    #[error(
        "a query that does not say which version it asks about gives the same for both; name it in the query, as \
         version=\"{{{{version}}}}\", or give it a limit"
    )]
    SameQuestion,
    /// A custom measure without words.
    #[error("say in 1 to 60 characters what the query measures")]
    NoWords,
}

/// The name of a rule: `error-rate`. Unique among the rules of a target.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RuleName(String);

impl RuleName {
    /// Parses a name.
    ///
    /// # Errors
    /// [`RuleError::Name`].
    pub fn parse(text: &str) -> Result<Self, RuleError> {
        let text = text.trim();
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let is_name = (1..=40).contains(&text.len()) && text.chars().all(allowed);
        if is_name && !text.starts_with('-') && !text.ends_with('-') {
            Ok(Self(text.to_owned()))
        } else {
            Err(RuleError::Name(text.chars().take(60).collect()))
        }
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for RuleName {
    type Error = RuleError;

    fn try_from(text: String) -> Result<Self, RuleError> {
        Self::parse(&text)
    }
}

impl From<RuleName> for String {
    fn from(name: RuleName) -> String {
        name.0
    }
}

impl std::fmt::Display for RuleName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// How often a limit must be passed before the version is taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// So many evaluations in a row. An evaluation without data neither counts nor ends the row.
    Consecutive(u8),
    /// So many of the last ones.
    OfLast {
        /// How many must be beyond the limit.
        m: u8,
        /// Of how many.
        k: u8,
    },
}

impl Trigger {
    /// More evaluations than this are not remembered.
    pub const MOST: u8 = 60;

    /// How many evaluations it looks back at.
    #[must_use]
    pub const fn looks_at(self) -> u8 {
        match self {
            Self::Consecutive(n) => n,
            Self::OfLast { k, .. } => k,
        }
    }
}

impl Default for Trigger {
    fn default() -> Self {
        Self::Consecutive(3)
    }
}

/// What a missing answer means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnMissing {
    /// The promotion pauses and asks.
    #[default]
    Hold,
    /// It counts as a breach.
    Fail,
    /// It counts as good.
    Pass,
}

/// A rule as a person or a file gives it, before it is checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleDraft {
    /// Its name.
    pub name: String,
    /// What it measures.
    pub measure: Measure,
    /// Over how many seconds.
    #[serde(default = "minute")]
    pub window_seconds: u32,
    /// How often, in seconds.
    #[serde(default = "minute")]
    pub interval_seconds: u32,
    /// Fewer requests in the window are no data.
    #[serde(default)]
    pub minimum_requests: u32,
    /// Which way is bad.
    #[serde(default)]
    pub direction: Direction,
    /// What the value is compared with.
    pub comparison: Comparison,
    /// How often before it is taken back.
    #[serde(default)]
    pub trigger: Trigger,
    /// What no data means.
    #[serde(default)]
    pub on_no_data: OnMissing,
    /// What a source that fails means, once it failed [`RuleDraft::error_limit`] times in a row.
    #[serde(default)]
    pub on_error: OnMissing,
    /// How many failures in a row of the source are borne.
    #[serde(default = "five")]
    pub error_limit: u8,
    /// How soon after a failure the source is asked again, in seconds.
    #[serde(default = "ten")]
    pub error_backoff_seconds: u32,
    /// Whether it is only recorded.
    #[serde(default)]
    pub is_dry_run: bool,
}

const fn minute() -> u32 {
    60
}

const fn five() -> u8 {
    5
}

const fn ten() -> u32 {
    10
}

impl RuleDraft {
    /// A rule with the defaults for everything that is not given.
    #[must_use]
    pub fn new(name: &str, measure: Measure, comparison: Comparison) -> Self {
        Self {
            name: name.to_owned(),
            measure,
            window_seconds: minute(),
            interval_seconds: minute(),
            minimum_requests: 0,
            direction: Direction::default(),
            comparison,
            trigger: Trigger::default(),
            on_no_data: OnMissing::default(),
            on_error: OnMissing::default(),
            error_limit: five(),
            error_backoff_seconds: ten(),
            is_dry_run: false,
        }
    }
}

/// A checked rule. Made from a [`RuleDraft`], and read back as one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "StoredRule", into = "RuleDraft")]
pub struct MetricRule {
    name: RuleName,
    draft: RuleDraft,
}

/// A rule as it was stored. What was taken once can be read, also where it would not be taken any more: a promotion
/// under way keeps the rules of its start.
#[derive(Deserialize)]
#[serde(transparent)]
struct StoredRule(RuleDraft);

impl TryFrom<StoredRule> for MetricRule {
    type Error = RuleError;

    fn try_from(stored: StoredRule) -> Result<Self, RuleError> {
        Self::checked(stored.0)
    }
}

impl TryFrom<RuleDraft> for MetricRule {
    type Error = RuleError;

    fn try_from(draft: RuleDraft) -> Result<Self, RuleError> {
        if matches!(draft.comparison, Comparison::Stable(_)) {
            check_sides(&draft.measure)?;
        }
        Self::checked(draft)
    }
}

impl MetricRule {
    fn checked(draft: RuleDraft) -> Result<Self, RuleError> {
        let name = RuleName::parse(&draft.name)?;
        check_times(&draft)?;
        check_trigger(draft.trigger)?;
        match &draft.comparison {
            Comparison::Limits(limits) => check_limits(limits, draft.direction)?,
            Comparison::Stable(_) if matches!(draft.measure, Measure::BuiltIn { .. }) => {
                return Err(RuleError::NoSides);
            }
            Comparison::Stable(side) => check_side_by_side(side)?,
        }
        if draft.minimum_requests > 0 && !draft.measure.counts_requests() {
            return Err(RuleError::NoRequests);
        }
        if !(1..=60).contains(&draft.measure.words().trim().chars().count()) {
            return Err(RuleError::NoWords);
        }
        Ok(Self { name, draft })
    }
}

impl From<MetricRule> for RuleDraft {
    fn from(rule: MetricRule) -> Self {
        Self { name: rule.name.into(), ..rule.draft }
    }
}

pub(super) fn within(what: &'static str, given: u32, least: u32, most: u32) -> Result<(), RuleError> {
    let is_within = (least..=most).contains(&given);
    if is_within { Ok(()) } else { Err(RuleError::Bounds { what, least, most, given }) }
}

/// Whether the numbers of two versions that are equally good are the same, and those of two others need not be.
fn check_sides(measure: &Measure) -> Result<(), RuleError> {
    match measure {
        Measure::Traffic { what: Traffic::RequestRate, .. } => Err(RuleError::OtherShare),
        Measure::Resource { what: Resource::Disk } => Err(RuleError::SameVolumes),
        Measure::Custom { query, .. } if !query.asks_for(Placeholder::Version) => Err(RuleError::SameQuestion),
        Measure::Traffic { what: Traffic::ErrorRate | Traffic::SuccessRate | Traffic::Latency(_), .. }
        | Measure::Resource { what: Resource::Cpu | Resource::Memory }
        | Measure::BuiltIn { .. }
        | Measure::Custom { .. } => Ok(()),
    }
}

fn check_times(draft: &RuleDraft) -> Result<(), RuleError> {
    // A day of data is more than any promotion waits for; below five seconds nothing is scraped.
    within("the window in seconds", draft.window_seconds, 5, 86_400)?;
    within("the interval in seconds", draft.interval_seconds, 5, 86_400)?;
    within("the number of errors borne", u32::from(draft.error_limit), 1, 100)?;
    within("the seconds after an error", draft.error_backoff_seconds, 1, 3_600)?;
    if draft.window_seconds < draft.interval_seconds && !draft.measure.is_of_a_moment() {
        return Err(RuleError::Gaps { window_seconds: draft.window_seconds, interval_seconds: draft.interval_seconds });
    }
    Ok(())
}

fn check_trigger(trigger: Trigger) -> Result<(), RuleError> {
    let most = u32::from(Trigger::MOST);
    match trigger {
        Trigger::Consecutive(n) => within("the evaluations in a row", u32::from(n), 1, most),
        Trigger::OfLast { m, k } => {
            within("the evaluations looked back at", u32::from(k), 1, most)?;
            within("the evaluations beyond the limit", u32::from(m), 1, u32::from(k))
        }
    }
}

impl MetricRule {
    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &RuleName {
        &self.name
    }

    /// What it measures.
    #[must_use]
    pub const fn measure(&self) -> &Measure {
        &self.draft.measure
    }

    /// Over how many seconds a value is taken; 0 for what is seen at a moment.
    #[must_use]
    pub fn window_seconds(&self) -> u32 {
        if self.draft.measure.is_of_a_moment() { 0 } else { self.draft.window_seconds }
    }

    /// How often it is evaluated, in seconds.
    #[must_use]
    pub const fn interval_seconds(&self) -> u32 {
        self.draft.interval_seconds
    }

    /// Fewer requests in the window are no data.
    #[must_use]
    pub const fn minimum_requests(&self) -> u32 {
        self.draft.minimum_requests
    }

    /// Which way is bad.
    #[must_use]
    pub const fn direction(&self) -> Direction {
        self.draft.direction
    }

    /// What the value is compared with.
    #[must_use]
    pub const fn comparison(&self) -> &Comparison {
        &self.draft.comparison
    }

    /// How often before it is taken back.
    #[must_use]
    pub const fn trigger(&self) -> Trigger {
        self.draft.trigger
    }

    /// What no data means.
    #[must_use]
    pub const fn on_no_data(&self) -> OnMissing {
        self.draft.on_no_data
    }

    /// Whether it can do nothing but warn: no value, and no lack of one, takes a version back or holds it.
    #[must_use]
    pub fn only_warns(&self) -> bool {
        let has_no_breach = matches!(&self.draft.comparison, Comparison::Limits(limits) if limits.breach.is_none());
        has_no_breach && self.draft.on_no_data == OnMissing::Pass && self.draft.on_error == OnMissing::Pass
    }

    /// What a source that keeps failing means.
    #[must_use]
    pub const fn on_error(&self) -> OnMissing {
        self.draft.on_error
    }

    /// After so many failures in a row the source is held to be broken.
    #[must_use]
    pub const fn error_limit(&self) -> u8 {
        self.draft.error_limit
    }

    /// How soon after a failure the source is asked again, in seconds.
    #[must_use]
    pub const fn error_backoff_seconds(&self) -> u32 {
        self.draft.error_backoff_seconds
    }

    /// Whether it is only recorded.
    #[must_use]
    pub const fn is_dry_run(&self) -> bool {
        self.draft.is_dry_run
    }

    /// The rule as it can be changed; the change is checked again.
    #[must_use]
    pub fn draft(&self) -> RuleDraft {
        self.clone().into()
    }
}

/// What a person should know about a rule when its source is scraped every `scrape_seconds`: a rate over
/// fewer than four scrapes jumps or is missing (Prometheus' own advice).
#[must_use]
pub fn window_warning(rule: &MetricRule, scrape_seconds: u32) -> Option<String> {
    let window = rule.window_seconds();
    let least = scrape_seconds.saturating_mul(4);
    (window > 0 && window < least).then(|| {
        format!(
            "the window of {} ({window} s) has fewer than four scrapes of {scrape_seconds} s; take at least {least} s",
            rule.name()
        )
    })
}
