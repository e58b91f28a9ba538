//! The rules that every target has until somebody changes them, and how an environment, a tier and a
//! service change them.

use serde::{Deserialize, Serialize};

use super::{
    BuiltInCheck, Comparison, DataPlane, Direction, Effect, Finite, Limits, Measure, MetricRule, OnMissing, Quantile,
    Resource, RuleDraft, RuleError, RuleName, SideBySide, Traffic, Trigger, Unit,
};
use crate::rollout::RESTARTS_THAT_FAIL;

/// How a target's health is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum HealthCheck {
    /// By an HTTP request that must be answered with a status of 200 to 299.
    Request {
        /// The path.
        path: String,
        /// How long the answer may take, in seconds.
        timeout_seconds: u32,
    },
    /// By its pods' readiness.
    Readiness,
}

impl HealthCheck {
    /// The usual request: `/health`, answered within 5 s.
    #[must_use]
    pub fn usual_request() -> Self {
        Self::Request { path: "/health".to_owned(), timeout_seconds: 5 }
    }
}

/// Fewer requests in a window say nothing about their share of errors: one in fifty is 2 %.
pub const REQUESTS_THAT_SAY_SOMETHING: u32 = 50;

/// The rules of a target that nobody changed.
///
/// Errors above 5 % or a p95 above 2,000 ms for 5 minutes (five minutes in a row), or 3 failed health
/// checks in 2 minutes, take a version back; so do pods that cannot start. Warnings: errors 1 %, p95
/// 1,000 ms, CPU 80 %, memory 85 %, disk 90 %. Without a `plane` nothing is asked of a metric source.
#[must_use]
pub fn default_rules(plane: Option<DataPlane>, health: &HealthCheck) -> Vec<MetricRule> {
    let check = match health {
        HealthCheck::Request { .. } => BuiltInCheck::HealthRequest,
        HealthCheck::Readiness => BuiltInCheck::HealthByReadiness,
    };
    let health = RuleDraft {
        interval_seconds: 20,
        trigger: Trigger::OfLast { m: 3, k: 6 },
        ..RuleDraft::new("health", Measure::BuiltIn { check }, limits(None, Some(0.0)))
    };
    let mut drafts = vec![
        health,
        built_in("restarts", BuiltInCheck::Restarts, f64::from(RESTARTS_THAT_FAIL - 1)),
        built_in("waiting-reasons", BuiltInCheck::WaitingReasons, 0.0),
    ];
    if let Some(plane) = plane {
        drafts.push(traffic("error-rate", Traffic::ErrorRate, plane, 1.0, 5.0));
        drafts.push(traffic("p95", Traffic::Latency(Quantile::P95), plane, 1_000.0, 2_000.0));
        // The practice cluster has no kubelet whose counters could be read.
        if plane != DataPlane::Practice {
            drafts.push(resource("cpu", Resource::Cpu, 80.0));
            drafts.push(resource("memory", Resource::Memory, 85.0));
            drafts.push(resource("disk", Resource::Disk, 90.0));
        }
    }
    // A test holds that none of them is refused.
    drafts.into_iter().flat_map(MetricRule::try_from).collect()
}

fn limits(warning: Option<f64>, breach: Option<f64>) -> Comparison {
    Comparison::Limits(Limits { warning: warning.and_then(Finite::new), breach: breach.and_then(Finite::new) })
}

fn built_in(name: &str, check: BuiltInCheck, breach: f64) -> RuleDraft {
    RuleDraft {
        interval_seconds: 10,
        trigger: Trigger::Consecutive(1),
        ..RuleDraft::new(name, Measure::BuiltIn { check }, limits(None, Some(breach)))
    }
}

/// One window a minute, five in a row: five minutes, each of them beyond the limit.
fn traffic(name: &str, what: Traffic, plane: DataPlane, warning: f64, breach: f64) -> RuleDraft {
    RuleDraft {
        minimum_requests: REQUESTS_THAT_SAY_SOMETHING,
        trigger: Trigger::Consecutive(5),
        ..RuleDraft::new(name, Measure::Traffic { what, plane }, limits(Some(warning), Some(breach)))
    }
}

/// Many clusters do not count resources, or set no limits: without data these rules say nothing.
fn resource(name: &str, what: Resource, warning: f64) -> RuleDraft {
    RuleDraft {
        window_seconds: 300,
        on_no_data: OnMissing::Pass,
        on_error: OnMissing::Pass,
        ..RuleDraft::new(name, Measure::Resource { what }, limits(Some(warning), None))
    }
}

/// The names of all rules that come with Slipway; those that are not in force anywhere by themselves are
/// once somebody gives them a limit.
pub const KNOWN_RULES: [&str; 13] = [
    "error-rate",
    "success-rate",
    "p50",
    "p95",
    "p99",
    "request-rate",
    "cpu",
    "memory",
    "disk",
    "health",
    "restarts",
    "waiting-reasons",
    "pods-not-ready",
];

/// The rule of this name before anybody has changed it; `None` for a name that is none of
/// [`KNOWN_RULES`], and for one about requests where nobody counts them.
pub(super) fn template(name: &str, plane: Option<DataPlane>) -> Option<RuleDraft> {
    let usual = default_rules(plane, &HealthCheck::Readiness);
    if let Some(found) = usual.into_iter().find(|rule| rule.name().as_str() == name) {
        return Some(found.draft());
    }
    let no_limits = || Comparison::Limits(Limits { warning: None, breach: None });
    let of_traffic = |what, direction| {
        let measure = Measure::Traffic { what, plane: plane? };
        let minimum_requests = if what == Traffic::RequestRate { 0 } else { REQUESTS_THAT_SAY_SOMETHING };
        Some(RuleDraft { minimum_requests, direction, ..RuleDraft::new(name, measure, no_limits()) })
    };
    match name {
        "p50" => of_traffic(Traffic::Latency(Quantile::P50), Direction::TooHigh),
        "p99" => of_traffic(Traffic::Latency(Quantile::P99), Direction::TooHigh),
        "success-rate" => of_traffic(Traffic::SuccessRate, Direction::TooLow),
        "request-rate" => of_traffic(Traffic::RequestRate, Direction::TooLow),
        "pods-not-ready" => {
            let measure = Measure::BuiltIn { check: BuiltInCheck::PodsNotReady };
            Some(RuleDraft { interval_seconds: 20, ..RuleDraft::new(name, measure, no_limits()) })
        }
        _ => None,
    }
}

/// The unit of the limits of one of [`KNOWN_RULES`].
#[must_use]
pub fn unit_of(name: &str) -> Option<Unit> {
    // Whoever counts them, requests have the same units.
    template(name, Some(DataPlane::EnvoyGateway)).map(|draft| draft.measure.unit())
}

/// The names of [`KNOWN_RULES`] that can be in force where `plane` counts the requests, or nobody does.
pub fn known_rules(plane: Option<DataPlane>) -> impl Iterator<Item = &'static str> {
    KNOWN_RULES.into_iter().filter(move |name| template(name, plane).is_some())
}

/// Whether there can be a target that these values of a rule fit: what depends on the other values of the
/// rule is left to each target.
///
/// # Errors
/// [`RuleError`] for what fits nowhere.
pub fn fits_somewhere(name: &RuleName, values: &Adjustment) -> Result<(), RuleError> {
    let Some(draft) = template(name.as_str(), Some(DataPlane::EnvoyGateway)) else { return Ok(()) };
    check_values(draft.measure.unit(), values)?;
    let says_both = values.warning.is_some() && values.breach.is_some() || values.comparison.is_some();
    match values.applied_to(draft) {
        Err(RuleError::Order | RuleError::NoLimit) if !says_both => Ok(()),
        Err(RuleError::Gaps { .. }) if values.window_seconds.is_none() || values.interval_seconds.is_none() => Ok(()),
        Err(why) => Err(why),
        Ok(_) => Ok(()),
    }
}

/// A limit that nothing ever reaches, or that everything is beyond, is a slip of the keyboard.
fn check_values(unit: Unit, values: &Adjustment) -> Result<(), RuleError> {
    let (what, most, must) = match unit {
        Unit::Percent => ("a limit in percent", 100.0, "0 to 100"),
        Unit::Milliseconds | Unit::PerSecond | Unit::Count | Unit::None => ("a limit", 1e9, "0 to 1,000,000,000"),
    };
    let limits = [values.warning, values.breach];
    let is_within = limits.into_iter().flatten().all(|limit| (0.0..=most).contains(&limit.get()));
    if is_within { Ok(()) } else { Err(RuleError::Share { what, must }) }
}

/// A change to the rules of an environment, a tier or a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum RuleChange {
    /// Another rule, in place of one of the same name if there is one.
    Set {
        /// The rule.
        rule: Box<MetricRule>,
    },
    /// Some values of a rule.
    Adjust {
        /// Its name.
        rule: RuleName,
        /// The values that change.
        #[serde(flatten)]
        values: Box<Adjustment>,
    },
    /// The rule does not apply.
    Off {
        /// Its name.
        rule: RuleName,
    },
}

impl RuleChange {
    /// The name of the rule that it changes.
    #[must_use]
    pub fn rule(&self) -> &RuleName {
        match self {
            Self::Set { rule } => rule.name(),
            Self::Adjust { rule, .. } | Self::Off { rule } => rule,
        }
    }
}

/// Values of a rule that change; what is not given stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Adjustment {
    /// What the value is compared with, with all of its limits.
    pub comparison: Option<Comparison>,
    /// The warning limit.
    pub warning: Option<Finite>,
    /// The breach limit.
    pub breach: Option<Finite>,
    /// The window in seconds.
    pub window_seconds: Option<u32>,
    /// The interval in seconds.
    pub interval_seconds: Option<u32>,
    /// The least number of requests.
    pub minimum_requests: Option<u32>,
    /// How often before it is taken back.
    pub trigger: Option<Trigger>,
    /// What no data means.
    pub on_no_data: Option<OnMissing>,
    /// What a source that fails means.
    pub on_error: Option<OnMissing>,
    /// Whether it is only recorded.
    pub is_dry_run: Option<bool>,
}

/// Why a change cannot be made.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ChangeError {
    /// There is no such rule.
    #[error("there is no rule {0} to change")]
    NoSuchRule(RuleName),
    /// The rule would be wrong.
    #[error("rule {rule}: {why}")]
    Refused {
        /// The rule.
        rule: RuleName,
        /// Why.
        why: RuleError,
    },
}

/// The rules after these changes, in their order: first the environment's, then the tier's, then the
/// service's. A later one wins.
///
/// # Errors
/// [`ChangeError`] for the first change that cannot be made.
pub fn changed(
    mut rules: Vec<MetricRule>,
    changes: impl IntoIterator<Item = RuleChange>,
) -> Result<Vec<MetricRule>, ChangeError> {
    for change in changes {
        match change {
            RuleChange::Set { rule } => match rules.iter_mut().find(|r| r.name() == rule.name()) {
                Some(found) => *found = *rule,
                None => rules.push(*rule),
            },
            RuleChange::Adjust { rule, values } => {
                let found = rules.iter_mut().find(|r| *r.name() == rule);
                let found = found.ok_or_else(|| ChangeError::NoSuchRule(rule.clone()))?;
                let adjusted = values.applied_to(found.draft());
                *found = adjusted.map_err(|why| ChangeError::Refused { rule, why })?;
            }
            // Off for what is off already, or never was on, is what is wanted.
            RuleChange::Off { rule } => rules.retain(|r| *r.name() != rule),
        }
    }
    Ok(rules)
}

impl Adjustment {
    /// A rule with these values in place of its own.
    ///
    /// # Errors
    /// [`RuleError`] when the rule would be wrong.
    pub fn applied_to(&self, mut draft: RuleDraft) -> Result<MetricRule, RuleError> {
        draft.comparison = self.comparison.unwrap_or(draft.comparison);
        match &mut draft.comparison {
            Comparison::Limits(limits)
            | Comparison::Stable(SideBySide { effect: Effect::Cles(limits) | Effect::MeanRatio(limits), .. }) => {
                limits.warning = self.warning.or(limits.warning);
                limits.breach = self.breach.or(limits.breach);
            }
        }
        draft.window_seconds = self.window_seconds.unwrap_or(draft.window_seconds);
        draft.interval_seconds = self.interval_seconds.unwrap_or(draft.interval_seconds);
        draft.minimum_requests = self.minimum_requests.unwrap_or(draft.minimum_requests);
        draft.trigger = self.trigger.unwrap_or(draft.trigger);
        draft.on_no_data = self.on_no_data.unwrap_or(draft.on_no_data);
        draft.on_error = self.on_error.unwrap_or(draft.on_error);
        draft.is_dry_run = self.is_dry_run.unwrap_or(draft.is_dry_run);
        MetricRule::try_from(draft)
    }
}
