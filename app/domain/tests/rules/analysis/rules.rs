//! What a rule may be, and how it is written down.

use domain::analysis::{
    BuiltInCheck, Comparison, CustomQuery, DataPlane, Direction, Effect, Finite, JudgingSettings, Level, Limits,
    Measure, MetricRule, OnMissing, Resource, RuleChange, RuleDraft, RuleError, SideBySide, Traffic, Trigger, Unit,
    in_force, window_warning,
};
use serde_json::json;

use super::{error_rate, finite, limits, rule};

#[test]
fn a_rule_that_cannot_work_is_refused_with_what_to_give_instead() {
    type Spoil = fn(&mut RuleDraft);
    let rows: [(Spoil, &str); 13] = [
        (|d| d.name = "Error rate".into(), "a rule's name has 1 to 40 small letters"),
        (|d| d.window_seconds = 4, "the window in seconds must be 5 to 86400; 4 is not"),
        (|d| d.window_seconds = 30, "the window (30 s) must be at least as long as the interval (60 s)"),
        (|d| d.error_limit = 0, "the number of errors borne must be 1 to 100"),
        (|d| d.trigger = Trigger::Consecutive(0), "the evaluations in a row must be 1 to 60"),
        (|d| d.trigger = Trigger::OfLast { m: 4, k: 3 }, "the evaluations beyond the limit must be 1 to 3"),
        (|d| d.comparison = Comparison::Limits(Limits { warning: None, breach: None }), "a rule needs a warning limit"),
        (|d| d.comparison = limits(6.0, 5.0), "the warning limit must be reached before the breach limit"),
        (|d| d.direction = Direction::TooLow, "the warning limit must be reached before the breach limit"),
        (
            |d| d.comparison = Comparison::Stable(SideBySide { confidence: finite(0.5), ..SideBySide::usual() }),
            "the confidence must be 0.8 to 0.9999",
        ),
        (
            |d| d.comparison = Comparison::Stable(SideBySide { samples: 7, ..SideBySide::usual() }),
            "the values of each side must be 8 to 200",
        ),
        (
            |d| {
                let effect = Effect::Cles(Limits { warning: None, breach: Some(finite(1.2)) });
                d.comparison = Comparison::Stable(SideBySide { effect, ..SideBySide::usual() });
            },
            "the effect must be 0.5 up to",
        ),
        (
            |d| {
                d.measure = Measure::BuiltIn { check: BuiltInCheck::Restarts };
                d.minimum_requests = 1;
            },
            "a minimum of requests needs a query",
        ),
    ];
    assert!(MetricRule::try_from(error_rate()).is_ok());
    for (spoil, expected) in rows {
        let mut draft = error_rate();
        spoil(&mut draft);
        let refused = MetricRule::try_from(draft).unwrap_err().to_string();
        assert!(refused.starts_with(expected), "{refused}");
    }
    let built_in = RuleDraft {
        measure: Measure::BuiltIn { check: BuiltInCheck::Restarts },
        comparison: Comparison::Stable(SideBySide::usual()),
        ..error_rate()
    };
    assert_eq!(MetricRule::try_from(built_in), Err(RuleError::NoSides));
}

#[test]
fn what_the_two_versions_cannot_differ_in_is_not_compared() {
    let stable = |measure| {
        let comparison = Comparison::Stable(SideBySide::usual());
        MetricRule::try_from(RuleDraft { measure, comparison, minimum_requests: 0, ..error_rate() })
    };
    let own = |query: &str| Measure::Custom {
        words: "failures".into(),
        unit: Unit::None,
        query: CustomQuery::parse(query).unwrap(),
        requests: None,
    };
    let rate = Measure::Traffic { what: Traffic::RequestRate, plane: DataPlane::Istio };
    let rows = [
        (rate, "gets another share of the requests; give it a limit"),
        (Measure::Resource { what: Resource::Disk }, "has the same volumes; give it a limit"),
        (own("sum(rate(x{s=\"{{service}}\"}[{{window}}]))"), "name it in the query, as version=\"{{version}}\""),
    ];
    for (measure, expected) in rows {
        let refused = stable(measure).unwrap_err().to_string();
        assert!(refused.contains(expected), "{refused}");
    }
    assert!(stable(own("sum(rate(x{v=\"{{version}}\"}[{{window}}]))")).is_ok());
    assert!(stable(Measure::Traffic { what: Traffic::ErrorRate, plane: DataPlane::Istio }).is_ok());
}

#[test]
fn a_rule_that_would_not_be_taken_any_more_is_read_and_found_unfit() {
    let rate = Measure::Traffic { what: Traffic::RequestRate, plane: DataPlane::Istio };
    let mut written = serde_json::to_value(rule(RuleDraft { measure: rate, ..error_rate() })).unwrap();
    written["comparison"] = serde_json::to_value(Comparison::Stable(SideBySide::usual())).unwrap();
    let read: MetricRule = serde_json::from_value(written).unwrap();
    assert!(matches!(read.comparison(), Comparison::Stable(_)), "what is under way goes on");
    let set = RuleChange::Set { rule: Box::new(read) };
    let settings = JudgingSettings { rules: vec![set], ..JudgingSettings::default() };
    let found = in_force(vec![rule(error_rate())], Some(DataPlane::Istio), [(Level::Service, settings)]);
    assert_eq!(found.rules.iter().map(|one| one.from).collect::<Vec<_>>(), [None], "it is as it was before");
    let [(Level::Service, _, why)] = found.unfit.as_slice() else { panic!("{:?}", found.unfit) };
    assert!(why.to_string().contains("another share of the requests"), "{why}");
}

#[test]
fn a_rule_in_few_words_gets_the_defaults() {
    let written = json!({
        "name": "checkout",
        "measure": { "of": "custom", "words": "checkout failures", "unit": "percent", "query": "up{s=\"{{service}}\"}" },
        "comparison": { "with": "limits", "breach": 2.0 },
    });
    let read: MetricRule = serde_json::from_value(written).unwrap();
    assert_eq!((read.window_seconds(), read.interval_seconds(), read.minimum_requests()), (60, 60, 0));
    assert_eq!((read.trigger(), read.direction()), (Trigger::Consecutive(3), Direction::TooHigh));
    assert_eq!((read.on_no_data(), read.on_error()), (OnMissing::Hold, OnMissing::Hold));
    assert_eq!((read.error_limit(), read.error_backoff_seconds(), read.is_dry_run()), (5, 10, false));
    let again: MetricRule = serde_json::from_str(&serde_json::to_string(&read).unwrap()).unwrap();
    assert_eq!(again, read);
}

#[test]
fn a_stored_rule_is_checked_again_when_it_is_read() {
    let mut written = serde_json::to_value(rule(error_rate())).unwrap();
    written["interval_seconds"] = json!(120);
    let refused = serde_json::from_value::<MetricRule>(written).unwrap_err().to_string();
    assert!(refused.contains("must be at least as long as the interval"), "{refused}");
    let query = json!({ "of": "custom", "words": "x", "unit": "none", "query": "up{x=\"{{pod}}\"}" });
    assert!(serde_json::from_value::<Measure>(query).unwrap_err().to_string().contains("{{pod}} is not known"));
}

#[test]
fn numbers_are_finite_and_have_one_zero() {
    assert!([f64::NAN, f64::INFINITY, f64::NEG_INFINITY].into_iter().all(|n| Finite::new(n).is_none()));
    assert_eq!(serde_json::to_string(&finite(-0.0)).unwrap(), "0.0");
}

#[test]
fn a_window_of_fewer_than_four_scrapes_is_named() {
    assert_eq!(window_warning(&rule(error_rate()), 15), None);
    let said = window_warning(&rule(error_rate()), 30).unwrap();
    assert_eq!(said, "the window of error-rate (60 s) has fewer than four scrapes of 30 s; take at least 120 s");
    let restarts = RuleDraft { measure: Measure::BuiltIn { check: BuiltInCheck::Restarts }, ..error_rate() };
    assert_eq!(window_warning(&rule(restarts), 60), None);
}
