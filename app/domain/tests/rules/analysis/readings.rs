//! What a reading means.

use domain::{
    analysis::{
        BuiltInCheck, Comparison, DataPlane, Direction, Effect, Limits, Measure, Quantile, Reading, RuleDraft,
        SideBySide, Traffic, Unit, Verdict, built_in_reading, judge_reading,
    },
    observation::{ContainerTrouble, WorkloadObservation},
};

use super::{error_rate, finite, limits, rule, side_by_side, unreadable};
use crate::world::{NEW, crash, placed, pod, settled};

fn custom(unit: Unit) -> Measure {
    let query = domain::analysis::CustomQuery::parse("up").unwrap();
    Measure::Custom { words: "queue".into(), unit, query: query.clone(), requests: Some(query) }
}

#[test]
fn a_value_is_judged_by_its_limits_and_said_in_words() {
    let rows = [
        (0.0, Verdict::Ok, "error rate 0 % (limit 5 %)"),
        (1.0, Verdict::Ok, "error rate 1 % (limit 5 %)"),
        (1.04, Verdict::Warning, "error rate 1.04 % is above 1 %"),
        (5.0, Verdict::Warning, "error rate 5 % is above 1 %"),
        (5.004, Verdict::Breach, "error rate 5.004 % is above 5 %"),
        (7.12, Verdict::Breach, "error rate 7.1 % is above 5 %"),
        (100.0, Verdict::Breach, "error rate 100 % is above 5 %"),
    ];
    for (value, verdict, words) in rows {
        let judged = judge_reading(&rule(error_rate()), &Reading::value(value), None);
        assert_eq!((judged.verdict, judged.words.as_str()), (verdict, words), "{value}");
    }
}

#[test]
fn each_unit_has_its_words() {
    let measure = Measure::Traffic { what: Traffic::Latency(Quantile::P95), plane: DataPlane::Istio };
    let p95 = RuleDraft { measure, comparison: limits(1_000.0, 2_000.0), ..error_rate() };
    let low = RuleDraft { direction: Direction::TooLow, comparison: limits(20.0, 10.0), ..error_rate() };
    let rate = Measure::Traffic { what: Traffic::RequestRate, plane: DataPlane::Istio };
    let success = Measure::Traffic { what: Traffic::SuccessRate, plane: DataPlane::Istio };
    let rows = [
        (p95.clone(), 2_345.6, "p95 2,346 ms is above 2,000 ms"),
        (p95, 31.4, "p95 31 ms (limit 2,000 ms)"),
        (RuleDraft { measure: rate, ..low.clone() }, 9.96, "request rate 9.96 per second is below 10 per second"),
        (
            RuleDraft { measure: success, comparison: limits(99.0, 95.0), ..low },
            91.25,
            "success rate 91.2 % is below 95 %",
        ),
        (RuleDraft { measure: custom(Unit::Count), ..error_rate() }, 1_234_567.0, "queue 1,234,567 is above 5"),
        (RuleDraft { measure: custom(Unit::None), ..error_rate() }, -3.25, "queue −3.25 (limit 5)"),
    ];
    for (draft, value, words) in rows {
        assert_eq!(judge_reading(&rule(draft), &Reading::value(value), None).words, words);
    }
}

#[test]
fn nothing_nan_and_infinity_are_no_data_and_an_error_is_an_error() {
    for reading in [
        Reading::series([]),
        Reading::value(f64::NAN),
        Reading::value(f64::INFINITY),
        Reading::series([f64::NAN, f64::NAN]),
    ] {
        let judged = judge_reading(&rule(error_rate()), &reading, None);
        assert_eq!(
            (judged.verdict, judged.words.as_str()),
            (Verdict::NoData, "no data for error rate (no requests in 60 s, or fewer than two scrapes)")
        );
    }
    let judged = judge_reading(&rule(error_rate()), &unreadable(), None);
    assert_eq!((judged.verdict, judged.words.as_str()), (Verdict::Error, "no answer in time"));
}

#[test]
fn too_few_requests_are_no_data_however_bad_the_value() {
    let draft = RuleDraft { minimum_requests: 50, ..error_rate() };
    let judged = |count| judge_reading(&rule(draft.clone()), &Reading::value(90.0).with_requests(count), None);
    let few = judged(Reading::value(12.3));
    assert_eq!((few.verdict, few.words.as_str()), (Verdict::NoData, "not enough requests: 12 of 50"));
    assert_eq!(judged(Reading::series([])).words, "not enough requests: 0 of 50");
    assert_eq!(judged(Reading::value(49.4)).verdict, Verdict::NoData);
    assert_eq!(judged(Reading::value(49.6)).verdict, Verdict::Breach);
    assert_eq!(judged(unreadable()).verdict, Verdict::Error);
    // The source was not asked for the number at all: that is not enough either.
    assert_eq!(judge_reading(&rule(draft), &Reading::value(0.0), None).verdict, Verdict::NoData);
}

/// Twelve values around `middle`, all different.
fn around(middle: f64, spread: f64) -> Reading {
    Reading::series((0..12).map(|n| middle + spread * (f64::from(n) - 5.5) / 5.5))
}

fn latency() -> RuleDraft {
    let measure = Measure::Traffic { what: Traffic::Latency(Quantile::P95), plane: DataPlane::Istio };
    RuleDraft { measure, ..error_rate() }
}

#[test]
fn side_by_side_only_a_large_and_sure_difference_is_a_breach() {
    let stable = around(700.0, 100.0);
    let judged = |canary: &Reading| judge_reading(&side_by_side(latency()), canary, Some(&stable));
    let worse = judged(&around(1_200.0, 100.0));
    assert_eq!(worse.verdict, Verdict::Breach);
    assert_eq!(
        worse.words,
        "p95 of the canary is 500 ms above the stable version's (1,200 ms, 700 ms); it is worse in 100 of 100 pairs"
    );
    let same = judged(&around(710.0, 100.0));
    assert_eq!(
        (same.verdict, same.words.as_str()),
        (Verdict::Ok, "p95 of the canary is no worse than the stable version's (710 ms, 700 ms)")
    );
    // Within the tolerance of a quarter, however sure; and much better is not worse.
    assert_eq!(judged(&around(860.0, 10.0)).verdict, Verdict::Ok);
    assert_eq!(judged(&around(90.0, 10.0)).verdict, Verdict::Ok);
    // So spread out that it may be chance.
    assert_eq!(judged(&around(900.0, 900.0)).verdict, Verdict::Ok);
}

#[test]
fn side_by_side_a_smaller_effect_is_a_warning() {
    let effect = Effect::MeanRatio(Limits { warning: Some(finite(1.3)), breach: Some(finite(2.0)) });
    let side = SideBySide { effect, tolerance: finite(0.0), ..SideBySide::usual() };
    let rule = rule(RuleDraft { comparison: Comparison::Stable(side), ..latency() });
    let stable = around(100.0, 5.0);
    for (middle, verdict) in [(120.0, Verdict::Ok), (150.0, Verdict::Warning), (250.0, Verdict::Breach)] {
        assert_eq!(judge_reading(&rule, &around(middle, 5.0), Some(&stable)).verdict, verdict, "{middle}");
    }
    // Against a stable version without a single error, any are infinitely more.
    assert_eq!(judge_reading(&rule, &around(9.0, 1.0), Some(&Reading::series([0.0; 12]))).verdict, Verdict::Breach);
}

#[test]
fn side_by_side_too_low_is_the_mirror_of_too_high() {
    let side = RuleDraft { direction: Direction::TooLow, ..latency() };
    let judged = |canary| judge_reading(&side_by_side(side.clone()), &around(canary, 1.0), Some(&around(95.0, 1.0)));
    assert_eq!(judged(30.0).verdict, Verdict::Breach);
    assert_eq!(judged(300.0).verdict, Verdict::Ok);
}

#[test]
fn side_by_side_needs_enough_values_of_both() {
    let side = side_by_side(latency());
    let (few, many) = (Reading::series([1.0; 7]), around(5.0, 1.0));
    let rows = [
        (&few, Some(&many), "not enough values of p95 from the canary: 7 of 8"),
        (&many, Some(&few), "not enough values of p95 from the stable version: 7 of 8"),
        (&many, None, "no data for p95 of the stable version (no requests in 60 s, or fewer than two scrapes)"),
    ];
    for (canary, stable, words) in rows {
        let judged = judge_reading(&side, canary, stable);
        assert_eq!((judged.verdict, judged.words.as_str()), (Verdict::NoData, words));
    }
    assert_eq!(judge_reading(&side, &many, Some(&unreadable())).verdict, Verdict::Error);
}

#[test]
fn the_built_in_checks_look_at_the_new_pods_alone() {
    let mut seen = settled(&placed("cart"), NEW, None);
    let read =
        |check, seen: &WorkloadObservation| built_in_reading(check, std::slice::from_ref(seen)).unwrap().latest();
    let all = |seen: &WorkloadObservation| {
        [
            BuiltInCheck::PodsNotReady,
            BuiltInCheck::Restarts,
            BuiltInCheck::WaitingReasons,
            BuiltInCheck::HealthByReadiness,
        ]
        .map(|check| read(check, seen).unwrap())
    };
    assert_eq!(all(&seen), [0.0, 0.0, 0.0, 0.0]);
    let mut old = pod("old", false, false);
    (old.restarts, old.trouble) = (9, Some(crash()));
    let mut ending = pod("ending", true, false);
    (ending.is_terminating, ending.restarts, ending.trouble) = (true, 9, Some(crash()));
    seen.pods.extend([old, ending]);
    assert_eq!(all(&seen), [0.0, 0.0, 0.0, 0.0]);
    (seen.pods[0].is_ready, seen.pods[0].restarts, seen.pods[0].trouble) = (false, 3, Some(crash()));
    // A first failed pull goes away by itself.
    seen.pods[1].trouble = Some(ContainerTrouble { reason: "ErrImagePull".into(), ..crash() });
    assert_eq!(all(&seen), [1.0, 3.0, 1.0, 1.0]);
    assert_eq!(built_in_reading(BuiltInCheck::HealthRequest, &[seen]), None);
    assert!(matches!(built_in_reading(BuiltInCheck::Restarts, &[]), Some(Reading::Nothing { .. })));
}
