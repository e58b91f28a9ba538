//! The rules that a target has until somebody changes them.

use domain::analysis::{
    Adjustment, ChangeError, Comparison, DataPlane, HealthCheck, MetricRule, RuleChange, RuleName, Trigger, changed,
    default_rules,
};

use super::{error_rate, finite, rule};

fn usual() -> Vec<MetricRule> {
    default_rules(Some(DataPlane::Istio), &HealthCheck::usual_request())
}

fn name(text: &str) -> RuleName {
    RuleName::parse(text).unwrap()
}

fn names(rules: &[MetricRule]) -> Vec<&str> {
    rules.iter().map(|r| r.name().as_str()).collect()
}

#[test]
fn the_defaults_are_those_that_the_product_names() {
    let all = usual();
    assert_eq!(names(&all), ["health", "restarts", "waiting-reasons", "error-rate", "p95", "cpu", "memory", "disk"]);
    let of = |text: &str| {
        let found = all.iter().find(|r| r.name().as_str() == text).unwrap();
        let Comparison::Limits(limits) = found.comparison() else { panic!("{text}") };
        let seconds = i64::from(found.trigger().looks_at()) * i64::from(found.interval_seconds());
        (limits.warning.map(|l| l.get()), limits.breach.map(|l| l.get()), found.trigger(), seconds)
    };
    assert_eq!(of("error-rate"), (Some(1.0), Some(5.0), Trigger::Consecutive(5), 300));
    assert_eq!(of("p95"), (Some(1_000.0), Some(2_000.0), Trigger::Consecutive(5), 300));
    assert_eq!(of("health"), (None, Some(0.0), Trigger::OfLast { m: 3, k: 6 }, 120));
    assert_eq!((of("cpu").0, of("memory").0, of("disk").0), (Some(80.0), Some(85.0), Some(90.0)));
    assert!(["cpu", "memory", "disk"].iter().all(|text| of(text).1.is_none()));
}

#[test]
fn without_a_data_plane_no_source_is_asked() {
    let rules = default_rules(None, &HealthCheck::Readiness);
    assert_eq!(names(&rules), ["health", "restarts", "waiting-reasons"]);
    assert!(rules.iter().all(|r| r.window_seconds() == 0));
}

#[test]
fn an_environment_a_tier_and_a_service_change_rules_in_this_order() {
    let breach = |limit| Adjustment { breach: Some(finite(limit)), ..Adjustment::default() };
    let environment = RuleChange::Adjust { rule: name("error-rate"), values: Box::new(breach(3.0)) };
    let tier = RuleChange::Off { rule: name("disk") };
    let service = RuleChange::Adjust {
        rule: name("error-rate"),
        values: Box::new(Adjustment { minimum_requests: Some(10), is_dry_run: Some(true), ..breach(2.0) }),
    };
    let other =
        RuleChange::Set { rule: Box::new(rule(domain::analysis::RuleDraft { name: "mine".into(), ..error_rate() })) };
    let rules = changed(usual(), [environment, tier, service, other]).unwrap();
    assert!(!names(&rules).contains(&"disk") && names(&rules).contains(&"mine"));
    let found = rules.iter().find(|r| r.name().as_str() == "error-rate").unwrap();
    let Comparison::Limits(limits) = found.comparison() else { panic!() };
    assert_eq!((limits.warning, limits.breach), (Some(finite(1.0)), Some(finite(2.0))));
    assert_eq!((found.minimum_requests(), found.is_dry_run(), found.window_seconds()), (10, true, 60));
    let stored = serde_json::json!({ "do": "adjust", "rule": "p95", "breach": 900.0, "trigger": { "consecutive": 2 } });
    let read: RuleChange = serde_json::from_value(stored).unwrap();
    assert!(matches!(changed(usual(), [read]), Err(ChangeError::Refused { .. })), "its warning is at 1,000 ms");
}

#[test]
fn a_change_that_cannot_be_made_is_refused_by_name() {
    let lost = RuleChange::Adjust { rule: name("lost"), values: Box::default() };
    assert_eq!(changed(usual(), [lost]).unwrap_err().to_string(), "there is no rule lost to change");
}
