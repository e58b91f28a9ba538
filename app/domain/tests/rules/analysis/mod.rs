//! Metric analysis: rules, questions, verdicts, conclusions.

mod defaults;
mod promql;
mod properties;
mod readings;
mod rules;
mod watches;

use chrono::{DateTime, Duration, Utc};
use domain::analysis::{
    Comparison, DataPlane, Finite, Limits, Measure, MetricRule, Reading, RuleDraft, Sample, SideBySide, Traffic,
    Trigger, Watch,
};

use crate::world::noon;

pub fn finite(number: f64) -> Finite {
    Finite::new(number).unwrap()
}

pub fn limits(warning: f64, breach: f64) -> Comparison {
    Comparison::Limits(Limits { warning: Some(finite(warning)), breach: Some(finite(breach)) })
}

/// Errors above 1 % warn, above 5 % break; three in a row.
pub fn error_rate() -> RuleDraft {
    let measure = Measure::Traffic { what: Traffic::ErrorRate, plane: DataPlane::Istio };
    RuleDraft { trigger: Trigger::Consecutive(3), ..RuleDraft::new("error-rate", measure, limits(1.0, 5.0)) }
}

pub fn rule(draft: RuleDraft) -> MetricRule {
    MetricRule::try_from(draft).unwrap()
}

pub fn side_by_side(draft: RuleDraft) -> MetricRule {
    rule(RuleDraft { comparison: Comparison::Stable(SideBySide::usual()), ..draft })
}

pub fn after(seconds: i64) -> DateTime<Utc> {
    noon() + Duration::seconds(seconds)
}

pub fn sample(rule: &MetricRule, seconds: i64, reading: Reading) -> Sample {
    Sample::judged(rule, after(seconds), "up".to_owned(), reading)
}

pub fn unreadable() -> Reading {
    Reading::Unreadable { why: "no answer in time".to_owned() }
}

/// A watch from noon on that is fed one reading a minute.
pub fn fed(rule: MetricRule, readings: impl IntoIterator<Item = Reading>) -> Watch {
    let mut watch = Watch::new(rule, noon());
    for (minute, reading) in (1..).zip(readings) {
        watch.fold(&sample(&watch.rule.clone(), minute * 60, reading));
    }
    watch
}

pub fn values(numbers: &[f64]) -> Vec<Reading> {
    numbers.iter().map(|n| Reading::value(*n)).collect()
}
