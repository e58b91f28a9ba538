//! What holds for every reading, every run and every name.

use domain::analysis::{
    Conclusion, CustomQuery, Direction, MetricRule, Moment, Reading, RuleDraft, Trigger, Verdict, Watch, conclude,
    judge_reading, mann_whitney,
};
use proptest::prelude::*;

use super::{error_rate, rule, sample, unreadable};
use crate::world::noon;

fn reading() -> impl Strategy<Value = Reading> {
    prop_oneof![
        3 => (0.0..5.0_f64).prop_map(Reading::value),
        3 => (5.1..100.0_f64).prop_map(Reading::value),
        1 => Just(Reading::series([])),
        1 => Just(unreadable()),
    ]
}

fn trigger() -> impl Strategy<Value = Trigger> {
    prop_oneof![
        (1..8_u8).prop_map(Trigger::Consecutive),
        (1..8_u8, 0..8_u8).prop_map(|(m, more)| Trigger::OfLast { m, k: m + more }),
    ]
}

/// What the trigger says of a whole run, the slow way.
fn has_fired(trigger: Trigger, verdicts: &[Verdict]) -> bool {
    let judged: Vec<bool> = verdicts
        .iter()
        .filter(|v| !matches!(v, Verdict::NoData | Verdict::Error))
        .map(|v| *v == Verdict::Breach)
        .collect();
    let (m, k) = match trigger {
        Trigger::Consecutive(n) => (usize::from(n), usize::from(n)),
        Trigger::OfLast { m, k } => (usize::from(m), usize::from(k)),
    };
    (1..=judged.len()).any(|end| judged[end.saturating_sub(k)..end].iter().filter(|b| **b).count() >= m)
}

proptest! {
    #[test]
    fn a_breach_is_established_exactly_when_the_trigger_says(
        trigger in trigger(),
        readings in proptest::collection::vec(reading(), 0..40),
    ) {
        let rule = rule(RuleDraft { trigger, ..error_rate() });
        let mut watch = Watch::new(rule.clone(), noon());
        let mut verdicts = Vec::new();
        for (minute, reading) in (1..).zip(readings) {
            let taken = sample(&rule, minute * 60, reading);
            verdicts.push(taken.judgement.verdict);
            watch.fold(&taken);
            watch.fold(&taken);
            let is_breach = matches!(conclude(&[watch.clone()], Moment::Underway), Conclusion::Breach { .. });
            prop_assert_eq!(is_breach, has_fired(trigger, &verdicts));
            prop_assert!(watch.next_evaluation() > taken.at);
        }
        let stored: Watch = serde_json::from_str(&serde_json::to_string(&watch).unwrap()).unwrap();
        prop_assert_eq!(stored, watch);
    }

    #[test]
    fn nothing_but_bad_values_takes_a_version_back(
        readings in proptest::collection::vec(prop_oneof![(0.0..5.0_f64).prop_map(Reading::value), Just(unreadable()), Just(Reading::series([]))], 0..60),
    ) {
        let watch = super::fed(rule(RuleDraft { trigger: Trigger::Consecutive(1), ..error_rate() }), readings);
        let concluded = conclude(&[watch], Moment::Ending);
        let is_back = matches!(concluded, Conclusion::Breach { .. });
        prop_assert!(!is_back);
    }

    #[test]
    fn verdicts_only_get_worse_in_the_bad_direction(low in 0.0..200.0_f64, more in 0.0..200.0_f64) {
        let place = |rule: &MetricRule, value| match judge_reading(rule, &Reading::value(value), None).verdict {
            Verdict::Ok => 0,
            Verdict::Warning => 1,
            Verdict::Breach => 2,
            Verdict::NoData | Verdict::Error => 9,
        };
        let high = rule(error_rate());
        prop_assert!(place(&high, low) <= place(&high, low + more));
        let low_rule = RuleDraft { direction: Direction::TooLow, comparison: super::limits(50.0, 10.0), ..error_rate() };
        let low_rule = rule(low_rule);
        prop_assert!(place(&low_rule, low) >= place(&low_rule, low + more));
    }

    #[test]
    fn the_rank_test_is_symmetric_and_minds_only_the_order(
        first in proptest::collection::vec(0..30_i32, 1..30),
        second in proptest::collection::vec(0..30_i32, 1..30),
    ) {
        let numbers = |list: &[i32]| list.iter().map(|n| f64::from(*n)).collect::<Vec<_>>();
        let (first, second) = (numbers(&first), numbers(&second));
        let (one, other) = (mann_whitney(&first, &second).unwrap(), mann_whitney(&second, &first).unwrap());
        let pairs = f64::from(u32::try_from(first.len() * second.len()).unwrap());
        prop_assert!((one.u + other.u - pairs).abs() < 1e-9);
        prop_assert!((one.cles + other.cles - 1.0).abs() < 1e-9);
        prop_assert!((one.shift + other.shift).abs() < 1e-9);
        prop_assert!((one.p_greater - other.p_less).abs() < 1e-9);
        prop_assert!((0.0..=1.0).contains(&one.p_two_sided) && one.p_greater >= 0.0 && one.p_less >= 0.0);
        let counted: f64 = first
            .iter()
            .flat_map(|a| second.iter().map(move |b| if a > b { 1.0 } else if a < b { 0.0 } else { 0.5 }))
            .sum();
        prop_assert!((one.u - counted).abs() < 1e-9);
        let stretched = |list: &[f64]| list.iter().map(|n| n * n * n + 7.0).collect::<Vec<_>>();
        let again = mann_whitney(&stretched(&first), &stretched(&second)).unwrap();
        prop_assert!((again.p_two_sided - one.p_two_sided).abs() < 1e-12);
    }

    #[test]
    fn no_value_can_leave_its_string(value in "[\\PC\\n\"'`\\\\]{0,20}", quote in prop_oneof![Just('"'), Just('\''), Just('`')], is_pattern: bool) {
        let operator = if is_pattern { "=~" } else { "=" };
        let query = CustomQuery::parse(&format!("x{{a{operator}{quote}{{{{service}}}}{quote}}} # end")).unwrap();
        let filled = query.filled(|_| value.clone());
        // Read back the way PromQL reads a string: up to the first quote that is not escaped.
        let inside = filled.split_once(quote).unwrap().1;
        let mut is_escaped = false;
        let end = inside.char_indices().find(|(_, c)| {
            let ends = *c == quote && !is_escaped;
            is_escaped = quote != '`' && *c == '\\' && !is_escaped;
            ends
        });
        let (at, _) = end.unwrap();
        prop_assert_eq!(&inside[at + 1..], "} # end");
        prop_assert!(quote == '`' || !inside[..at].contains('\n'));
    }
}
