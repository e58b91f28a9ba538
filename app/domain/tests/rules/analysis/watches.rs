//! Runs of samples, and what they lead to.

use domain::analysis::{
    BuiltInCheck, Comparison, Conclusion, Folded, Limits, Measure, Moment, OnMissing, Reading, RuleDraft, SampleRange,
    Trigger, Verdict, Watch, conclude, dry_run_breaches, warnings,
};

use super::{after, error_rate, fed, finite, rule, sample, side_by_side, unreadable, values};
use crate::world::noon;

/// The conclusion in one line.
fn said(watches: &[Watch]) -> String {
    match conclude(watches, Moment::Underway) {
        Conclusion::GoOn => "go on".to_owned(),
        Conclusion::Wait { why, .. } => format!("wait: {why}"),
        Conclusion::Inconclusive { why, .. } => format!("inconclusive: {why}"),
        Conclusion::Hold { why, calls_a_person: false, .. } => format!("hold: {why}"),
        Conclusion::Hold { why, calls_a_person: true, .. } => format!("call: {why}"),
        Conclusion::Breach { words, .. } => format!("back: {words}"),
    }
}

fn after_values(draft: RuleDraft, numbers: &[f64]) -> String {
    said(&[fed(rule(draft), values(numbers))])
}

#[test]
fn so_many_in_a_row_take_it_back_and_fewer_do_not() {
    let rows: [(&[f64], &str); 7] = [
        (&[], "wait: error rate has not been looked at since the weight changed"),
        (&[0.4], "go on"),
        (&[7.1, 7.1], "wait: error rate 7.1 % is above 5 %, 2 of 3 in a row"),
        (&[9.0, 9.0, 0.4, 9.0, 9.0], "wait: error rate 9 % is above 5 %, 2 of 3 in a row"),
        (&[9.0, 8.0, 7.1], "back: error rate 7.1 % is above 5 % in 3 evaluations in a row"),
        (&[9.0, 8.0, 7.1, 6.0], "back: error rate 7.1 % is above 5 % in 3 evaluations in a row"),
        // It stays: later good values do not make it good.
        (&[9.0, 8.0, 7.1, 0.0, 0.0, 9.0], "back: error rate 7.1 % is above 5 % in 3 evaluations in a row"),
    ];
    for (numbers, expected) in rows {
        assert_eq!(after_values(error_rate(), numbers), expected);
    }
    let at_once = RuleDraft { trigger: Trigger::Consecutive(1), ..error_rate() };
    assert_eq!(after_values(at_once, &[7.1]), "back: error rate 7.1 % is above 5 %");
}

#[test]
fn what_can_only_warn_is_not_waited_for() {
    let warns = RuleDraft {
        comparison: Comparison::Limits(Limits { warning: Some(finite(80.0)), breach: None }),
        on_no_data: OnMissing::Pass,
        on_error: OnMissing::Pass,
        ..error_rate()
    };
    assert_eq!(after_values(warns.clone(), &[]), "go on");
    assert_eq!(after_values(warns.clone(), &[99.0]), "go on");
    // What could still hold it, or take it back, is waited for.
    let holds = RuleDraft { on_no_data: OnMissing::Hold, ..warns.clone() };
    let calls = RuleDraft { on_error: OnMissing::Hold, ..warns };
    for draft in [holds, calls, error_rate()] {
        assert!(after_values(draft, &[]).starts_with("wait: "));
    }
}

#[test]
fn three_failed_health_checks_of_the_last_six_take_it_back() {
    let health = RuleDraft {
        trigger: Trigger::OfLast { m: 3, k: 6 },
        comparison: super::limits(0.0, 0.0),
        measure: Measure::BuiltIn { check: BuiltInCheck::HealthRequest },
        ..error_rate()
    };
    let (ok, failed) = (0.0, 1.0);
    let rows: [(&[f64], &str); 5] = [
        (&[ok, failed, ok], "go on"),
        (&[failed, ok, failed], "wait: health check failed, 2 of 3 in the last 6"),
        (&[failed, ok, failed, ok, failed], "back: health check failed in 3 of the last 6 evaluations"),
        (&[failed, ok, ok, failed, ok, ok, failed], "wait: health check failed, 2 of 3 in the last 6"),
        (&[failed, failed, ok, ok, ok, ok, ok, failed], "wait: health check failed, 1 of 3 in the last 6"),
    ];
    for (numbers, expected) in rows {
        assert_eq!(after_values(health.clone(), numbers), expected);
    }
}

#[test]
fn no_data_holds_until_there_is_some_and_neither_counts_nor_ends_a_row() {
    let bad = || Reading::value(9.0);
    let nothing = || Reading::series([]);
    let after =
        |on_no_data, readings: Vec<Reading>| said(&[fed(rule(RuleDraft { on_no_data, ..error_rate() }), readings)]);
    assert_eq!(
        after(OnMissing::Hold, vec![nothing()]),
        "hold: no data for error rate (no requests in 60 s, or fewer than two scrapes)"
    );
    assert_eq!(after(OnMissing::Hold, vec![nothing(), Reading::value(0.0)]), "go on");
    let across = after(OnMissing::Hold, vec![bad(), nothing(), bad(), nothing(), bad()]);
    assert_eq!(across, "back: error rate 9 % is above 5 % in 3 evaluations in a row");
    assert_eq!(after(OnMissing::Pass, vec![nothing()]), "go on");
    assert_eq!(
        after(OnMissing::Pass, vec![bad(), bad(), nothing(), bad()]),
        "wait: error rate 9 % is above 5 %, 1 of 3 in a row"
    );
    assert_eq!(
        after(OnMissing::Fail, vec![nothing()]),
        "wait: no data for error rate (no requests in 60 s, or fewer than two scrapes), 1 of 3 in a row"
    );
    let gone = after(OnMissing::Fail, vec![nothing(), nothing(), nothing()]);
    assert_eq!(
        gone,
        "back: no data for error rate (no requests in 60 s, or fewer than two scrapes) in 3 evaluations in a row"
    );
}

#[test]
fn a_source_that_fails_is_retried_then_a_person_is_called_and_the_version_stays() {
    let draft = |on_error| RuleDraft { on_error, error_limit: 3, ..error_rate() };
    let after = |on_error, times: usize| said(&[fed(rule(draft(on_error)), std::iter::repeat_n(unreadable(), times))]);
    assert_eq!(after(OnMissing::Hold, 2), "wait: error rate cannot be read (try 2 of 3): no answer in time");
    assert_eq!(after(OnMissing::Hold, 3), "call: error rate could not be read 3 times in a row: no answer in time");
    assert!(after(OnMissing::Hold, 300).starts_with("call: error rate could not be read 255 times"));
    assert_eq!(after(OnMissing::Pass, 9), "go on");
    assert!(after(OnMissing::Fail, 2).starts_with("wait: "));
    assert_eq!(after(OnMissing::Fail, 3), "back: error rate could not be read 3 times in a row: no answer in time");
    // Any answer ends the row.
    let broken = [unreadable(), unreadable(), Reading::value(0.0), unreadable(), unreadable()];
    assert!(said(&[fed(rule(draft(OnMissing::Fail)), broken)]).starts_with("wait: "));
}

#[test]
fn a_failed_question_is_put_again_soon_and_a_broken_source_at_the_usual_pace() {
    let broken = RuleDraft { error_limit: 3, ..error_rate() };
    let next = |times: usize| {
        let watch = fed(rule(broken.clone()), std::iter::repeat_n(unreadable(), times));
        (watch.next_evaluation() - noon()).num_seconds() - i64::try_from(times).unwrap() * 60
    };
    assert_eq!((next(0), next(1), next(2), next(3)), (60, 10, 10, 60));
    let good = fed(rule(error_rate()), values(&[0.0]));
    assert_eq!(good.next_evaluation(), after(120));
}

#[test]
fn a_window_that_begins_before_the_weight_changed_does_not_count() {
    let mut watch = fed(rule(error_rate()), values(&[9.0, 9.0]));
    watch.weight_changed(after(130));
    assert_eq!(watch.latest(), None);
    assert_eq!(said(std::slice::from_ref(&watch)), "wait: error rate has not been looked at since the weight changed");
    assert_eq!(watch.next_evaluation(), after(190));
    let (rule, before) = (watch.rule.clone(), watch.clone());
    assert_eq!(watch.fold(&sample(&rule, 189, Reading::value(9.0))), Folded::TooEarly);
    assert_eq!(watch, before);
    // The row from before goes on: those samples counted when they came.
    assert_eq!(watch.fold(&sample(&rule, 190, Reading::value(9.0))), Folded::Counted { is_news: false });
    assert!(said(&[watch.clone()]).starts_with("back: "));
    // A clock that goes backwards brings no earlier windows back.
    watch.weight_changed(after(10));
    assert_eq!(watch.fold(&sample(&rule, 150, Reading::value(0.0))), Folded::Repeated);
}

#[test]
fn a_look_at_pods_is_about_the_moment() {
    let restarts = RuleDraft { measure: Measure::BuiltIn { check: BuiltInCheck::Restarts }, ..error_rate() };
    let mut watch = Watch::new(rule(restarts), noon());
    assert_eq!(watch.next_evaluation(), noon());
    let rule = watch.rule.clone();
    assert_eq!(watch.fold(&sample(&rule, -1, Reading::value(0.0))), Folded::TooEarly);
    assert_eq!(watch.fold(&sample(&rule, 0, Reading::value(0.0))), Folded::Counted { is_news: true });
}

#[test]
fn the_same_sample_twice_counts_once() {
    let mut watch = fed(rule(error_rate()), values(&[9.0, 9.0]));
    let again = sample(&watch.rule.clone(), 120, Reading::value(9.0));
    let before = watch.clone();
    assert_eq!(watch.fold(&again), Folded::Repeated);
    assert_eq!((&watch, watch.counted()), (&before, 2));
}

#[test]
fn people_are_told_when_a_verdict_changes() {
    let mut watch = Watch::new(rule(error_rate()), noon());
    let rule = watch.rule.clone();
    let news: Vec<bool> = [(1, 0.0), (2, 0.1), (3, 2.0), (4, 3.0), (5, 9.0), (6, 0.0)]
        .into_iter()
        .map(|(minute, value)| {
            watch.fold(&sample(&rule, minute * 60, Reading::value(value))) == Folded::Counted { is_news: true }
        })
        .collect();
    assert_eq!(news, [true, false, true, false, true, true]);
    let warned = fed(rule.clone(), values(&[2.0]));
    assert_eq!(warnings(std::slice::from_ref(&warned))[0].1, "error rate 2 % is above 1 %");
    assert_eq!(said(&[warned]), "go on");
}

#[test]
fn what_speaks_against_the_version_is_said_before_it_is_enough_to_take_it_back() {
    let against = |watch: Watch| watch.speaks_against().map(|(have, need, words)| (have, need, words.to_owned()));
    let said = |have, need, words: &str| Some((have, need, words.to_owned()));
    let after_values = |draft: RuleDraft, numbers: &[f64]| against(fed(rule(draft), values(numbers)));
    let bad = "error rate 9 % is above 5 %";
    let rows: [(&[f64], Option<_>); 6] = [
        (&[], None),
        (&[0.4, 2.0], None),
        (&[9.0], said(1, 3, bad)),
        (&[0.4, 7.1, 9.0], said(2, 3, bad)),
        // The latest is good again.
        (&[9.0, 9.0, 0.4], None),
        // It is taken back already: nothing is to come any more.
        (&[9.0, 9.0, 9.0], None),
    ];
    for (numbers, expected) in rows {
        assert_eq!(after_values(error_rate(), numbers), expected, "{numbers:?}");
    }
    let of_six = || RuleDraft { trigger: Trigger::OfLast { m: 3, k: 6 }, ..error_rate() };
    assert_eq!(after_values(of_six(), &[9.0, 0.4, 9.0]), said(2, 3, bad), "as its trigger counts them");
    assert_eq!(after_values(of_six(), &[9.0, 9.0, 0.4]), None, "the latest is good");
    assert_eq!(
        after_values(RuleDraft { is_dry_run: true, ..error_rate() }, &[9.0, 9.0]),
        None,
        "it takes nothing back"
    );
    let nothing = [Reading::value(9.0), Reading::series([])];
    assert_eq!(against(fed(rule(error_rate()), nothing)), None, "no data is another matter");
    let mut watch = fed(rule(error_rate()), values(&[9.0, 9.0]));
    watch.weight_changed(after(130));
    assert_eq!(against(watch), None, "that was another share");
}

#[test]
fn the_worst_wins_and_a_dry_run_is_recorded_and_not_asked() {
    let bad = fed(rule(error_rate()), values(&[9.0, 9.0, 9.0]));
    let good = fed(rule(error_rate()), values(&[0.0]));
    let empty = fed(rule(error_rate()), [Reading::series([])]);
    let broken = fed(rule(RuleDraft { error_limit: 1, ..error_rate() }), [unreadable()]);
    let waits = Watch::new(rule(error_rate()), noon());
    let begins = |watches: &[&Watch]| {
        let said = said(&watches.iter().map(|w| (*w).clone()).collect::<Vec<_>>());
        said.split(':').next().unwrap().to_owned()
    };
    assert_eq!(begins(&[]), "go on");
    assert_eq!(begins(&[&good, &waits]), "wait");
    assert_eq!(begins(&[&empty, &waits, &good]), "hold");
    assert_eq!(begins(&[&empty, &broken]), "call");
    assert_eq!(begins(&[&broken, &bad, &empty, &good]), "back");
    let dry = fed(rule(RuleDraft { is_dry_run: true, ..error_rate() }), values(&[9.0, 9.0, 9.0]));
    assert_eq!(begins(&[&good, &dry]), "go on");
    assert_eq!(dry_run_breaches(&[good, dry, bad]).len(), 1);
}

#[test]
fn what_is_not_known_at_the_end_is_inconclusive() {
    let end = |watch: Watch| conclude(&[watch], Moment::Ending);
    let row = fed(rule(error_rate()), values(&[9.0, 9.0]));
    let Conclusion::Inconclusive { why, .. } = end(row) else { panic!() };
    assert_eq!(why, "error rate 9 % is above 5 %, 2 of 3 in a row");
    assert!(matches!(end(Watch::new(rule(error_rate()), noon())), Conclusion::Inconclusive { .. }));
    assert!(matches!(end(fed(rule(error_rate()), [Reading::series([])])), Conclusion::Hold { .. }));
    assert_eq!(end(fed(rule(error_rate()), values(&[0.0]))), Conclusion::GoOn);
}

#[test]
fn side_by_side_takes_windows_that_do_not_overlap_and_begin_after_the_change() {
    let watch = Watch::new(side_by_side(error_rate()), noon());
    assert_eq!(watch.next_evaluation(), after(8 * 60));
    assert_eq!(watch.range(after(59)), None);
    let range = |seconds| watch.range(after(seconds)).unwrap();
    assert_eq!(range(60), SampleRange { from: after(60), to: after(60), step_seconds: 60 });
    assert_eq!(range(500), SampleRange { from: after(80), to: after(500), step_seconds: 60 });
    assert_eq!(range(3_600), SampleRange { from: after(3_600 - 19 * 60), to: after(3_600), step_seconds: 60 });
    assert_eq!(Watch::new(rule(error_rate()), noon()).range(after(3_600)), None);
}

#[test]
fn counters_and_samples_outlive_a_restart() {
    let watch = fed(rule(error_rate()), [Reading::value(9.0), unreadable(), Reading::value(2.0)]);
    let stored: Watch = serde_json::from_str(&serde_json::to_string(&watch).unwrap()).unwrap();
    assert_eq!(stored, watch);
    let taken = sample(&watch.rule, 60, Reading::value(9.0).with_requests(Reading::value(70.0)).with_note("practice"))
        .counted_by(Some("sum(up)".to_owned()));
    let text = serde_json::to_value(&taken).unwrap();
    assert_eq!((text["verdict"].as_str(), text["query"].as_str()), (Some("breach"), Some("up")));
    let stored: domain::analysis::Sample = serde_json::from_value(text).unwrap();
    assert_eq!(stored, taken);
    // As the first form of it was stored.
    let first: domain::analysis::MetricState =
        serde_json::from_value(serde_json::json!({ "counts_from": noon() })).unwrap();
    assert_eq!(first, Watch::new(rule(error_rate()), noon()).state);
    assert_eq!(taken.judgement.verdict, Verdict::Breach);
    assert_eq!(taken.canary.latest(), Some(finite(9.0).get()));
}
