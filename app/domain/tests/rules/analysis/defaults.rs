//! The rules that a target has until somebody changes them.

use domain::analysis::{
    Adjustment, ChangeError, Comparison, DataPlane, HealthCheck, JudgingSettings, KNOWN_RULES, LateBreach, Level,
    Limits, MetricRule, RuleChange, RuleName, SideBySide, Trigger, Unanswered, Undecided, changed, default_rules,
    fits_somewhere, in_force,
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
    assert_eq!(read.rule().as_str(), "p95");
    assert!(matches!(changed(usual(), [read]), Err(ChangeError::Refused { .. })), "its warning is at 1,000 ms");
}

#[test]
fn a_change_that_cannot_be_made_is_refused_by_name() {
    let lost = RuleChange::Adjust { rule: name("lost"), values: Box::default() };
    assert_eq!(changed(usual(), [lost]).unwrap_err().to_string(), "there is no rule lost to change");
}

fn breach(rule: &str, limit: f64) -> RuleChange {
    let values = Adjustment { breach: Some(finite(limit)), ..Adjustment::default() };
    RuleChange::Adjust { rule: name(rule), values: Box::new(values) }
}

fn says(rules: Vec<RuleChange>) -> JudgingSettings {
    JudgingSettings { rules, ..JudgingSettings::default() }
}

fn limits_of(rule: &MetricRule) -> Limits {
    match rule.comparison() {
        Comparison::Limits(limits) => *limits,
        Comparison::Stable(_) => panic!("{}", rule.name()),
    }
}

#[test]
fn the_most_specific_level_wins_whatever_the_order_they_come_in() {
    let levels = [
        (Level::Target, says(vec![breach("error-rate", 2.0)])),
        (Level::Environment, says(vec![breach("error-rate", 4.0), breach("p95", 1_500.0)])),
        (Level::Service, says(vec![breach("error-rate", 3.0)])),
        (Level::Tier, says(vec![RuleChange::Off { rule: name("disk") }])),
    ];
    let found = in_force(usual(), Some(DataPlane::Istio), levels);
    let of = |text: &str| found.rules.iter().find(|one| one.rule.name().as_str() == text).unwrap();
    assert_eq!(
        (limits_of(&of("error-rate").rule).breach, of("error-rate").from),
        (Some(finite(2.0)), Some(Level::Target))
    );
    assert_eq!((limits_of(&of("p95").rule).breach, of("p95").from), (Some(finite(1_500.0)), Some(Level::Environment)));
    assert_eq!(of("cpu").from, None);
    assert_eq!(found.off, [(name("disk"), Level::Tier)]);
    assert_eq!(found.unfit, []);
}

#[test]
fn a_change_that_does_not_fit_leaves_the_rule_and_is_told() {
    // The warning of the rule as it comes is at 1 %.
    let found = in_force(usual(), Some(DataPlane::Istio), [(Level::Tier, says(vec![breach("error-rate", 0.5)]))]);
    let kept = found.rules.iter().find(|one| one.rule.name().as_str() == "error-rate").unwrap();
    assert_eq!((limits_of(&kept.rule).breach, kept.from), (Some(finite(5.0)), None));
    let [(level, rule, why)] = found.unfit.as_slice() else { panic!("{:?}", found.unfit) };
    assert_eq!((*level, rule.as_str()), (Level::Tier, "error-rate"));
    assert!(why.to_string().contains("the warning limit must be reached before"), "{why}");
}

#[test]
fn rules_that_are_not_in_force_by_themselves_are_made_where_requests_are_counted() {
    let levels = || [(Level::Service, says(vec![breach("p99", 3_000.0), breach("success-rate", 95.0)]))];
    let found = in_force(usual(), Some(DataPlane::Istio), levels());
    let names: Vec<_> = found.rules.iter().map(|one| one.rule.name().as_str()).collect();
    assert!(names.contains(&"p99") && names.contains(&"success-rate"), "{names:?}");
    let nowhere = in_force(Vec::new(), None, levels());
    assert!(nowhere.rules.is_empty() && nowhere.unfit.is_empty(), "nobody counts requests: {nowhere:?}");
}

#[test]
fn a_rule_that_was_switched_off_above_can_be_switched_on_below() {
    let off = says(vec![RuleChange::Off { rule: name("p95") }]);
    let found = in_force(
        usual(),
        Some(DataPlane::Istio),
        [(Level::Tier, off), (Level::Target, says(vec![breach("p95", 4_000.0)]))],
    );
    let on = found.rules.iter().find(|one| one.rule.name().as_str() == "p95").unwrap();
    assert_eq!((limits_of(&on.rule).breach, found.off.len()), (Some(finite(4_000.0)), 0));
}

#[test]
fn what_else_is_decided_goes_by_levels_too() {
    let week = Undecided { minutes: 60, then: Unanswered::Wait };
    let environment = JudgingSettings { late_breach: Some(LateBreach::RollBack), ..JudgingSettings::default() };
    let service = JudgingSettings { undecided: Some(week), ..JudgingSettings::default() };
    let target = JudgingSettings { late_breach: Some(LateBreach::Propose), ..JudgingSettings::default() };
    let all = [(Level::Target, target), (Level::Service, service), (Level::Environment, environment)];
    let policy = in_force(Vec::new(), None, all.clone()).policy;
    assert_eq!((policy.late_breach, policy.undecided), (LateBreach::Propose, week));
    assert_eq!(in_force(Vec::new(), None, all[1..].to_vec()).policy.late_breach, LateBreach::RollBack);
}

#[test]
fn what_fits_nowhere_is_refused_before_it_is_kept() {
    let fits = |rule: &str, values: Adjustment| fits_somewhere(&name(rule), &values).map_err(|why| why.to_string());
    let breach = |limit: f64| Adjustment { breach: Some(finite(limit)), ..Adjustment::default() };
    assert_eq!(fits("error-rate", breach(0.5)), Ok(()), "another level may set the warning lower");
    let crossed = Adjustment { warning: Some(finite(6.0)), ..breach(5.0) };
    assert!(fits("error-rate", crossed).unwrap_err().contains("before the breach"));
    let stable = Adjustment { comparison: Some(Comparison::Stable(SideBySide::usual())), ..Adjustment::default() };
    assert_eq!(fits("p95", stable.clone()), Ok(()));
    assert!(fits("restarts", stable).unwrap_err().contains("built-in"));
    let often = Adjustment { trigger: Some(Trigger::OfLast { m: 7, k: 6 }), ..Adjustment::default() };
    assert!(fits("p95", often).unwrap_err().contains("must be 1 to 6"));
    for (rule, limit) in [("error-rate", -1.0), ("error-rate", 101.0), ("p95", -5.0), ("restarts", 1e308)] {
        assert!(fits(rule, breach(limit)).unwrap_err().contains("must be 0 to"), "{rule} {limit}");
    }
    for known in KNOWN_RULES {
        assert_eq!(fits(known, breach(90.0)), Ok(()), "{known}");
    }
}
