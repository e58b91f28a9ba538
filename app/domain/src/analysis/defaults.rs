//! The rules that every target has until somebody changes them, and how an environment, a tier and a
//! service change them.

use serde::{Deserialize, Serialize};

use super::{
    BuiltInCheck, Comparison, DataPlane, Finite, Limits, Measure, MetricRule, OnMissing, Quantile, Resource, RuleDraft,
    RuleError, RuleName, Traffic, Trigger,
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

/// Values of a rule that change; what is not given stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Adjustment {
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
    /// The rule compares with the stable version.
    #[error("rule {0} compares with the stable version; set the whole rule to change its limits")]
    NoLimits(RuleName),
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
                *found = adjusted(found, &values)?;
            }
            // Off for what is off already, or never was on, is what is wanted.
            RuleChange::Off { rule } => rules.retain(|r| *r.name() != rule),
        }
    }
    Ok(rules)
}

fn adjusted(rule: &MetricRule, values: &Adjustment) -> Result<MetricRule, ChangeError> {
    let mut draft = rule.draft();
    if values.warning.is_some() || values.breach.is_some() {
        match &mut draft.comparison {
            Comparison::Limits(limits) => {
                limits.warning = values.warning.or(limits.warning);
                limits.breach = values.breach.or(limits.breach);
            }
            Comparison::Stable(_) => return Err(ChangeError::NoLimits(rule.name().clone())),
        }
    }
    draft.window_seconds = values.window_seconds.unwrap_or(draft.window_seconds);
    draft.interval_seconds = values.interval_seconds.unwrap_or(draft.interval_seconds);
    draft.minimum_requests = values.minimum_requests.unwrap_or(draft.minimum_requests);
    draft.trigger = values.trigger.unwrap_or(draft.trigger);
    draft.on_no_data = values.on_no_data.unwrap_or(draft.on_no_data);
    draft.on_error = values.on_error.unwrap_or(draft.on_error);
    draft.is_dry_run = values.is_dry_run.unwrap_or(draft.is_dry_run);
    MetricRule::try_from(draft).map_err(|why| ChangeError::Refused { rule: rule.name().clone(), why })
}
