//! Shares among weighted destinations, as routes of the Gateway API and of Istio have them: a list of
//! rules, each with a list of destinations. Pure, and the same for both.
//!
//! In every rule that sends to the stable Service the candidate gets its share of what the stable one
//! would get; other destinations keep theirs.

use domain::traffic::Weight;
use serde_json::{Value, json};

/// Whose destination it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Stable,
    Candidate,
    Other,
}

/// The largest weight that both APIs take (the Gateway API's limit).
const LARGEST: u64 = 1_000_000;

/// How a kind of route writes its rules.
pub(super) trait Dialect {
    /// The member of a rule that lists its destinations.
    const LIST: &'static str;

    /// Whose destination it is.
    fn role(&self, destination: &Value) -> Role;

    /// Its weight where none is written, as one of `count`.
    fn default_weight(&self, count: usize) -> u64;

    /// Whether the only destination of a rule gets everything, whatever its weight.
    fn ignores_weight_of_only_one(&self) -> bool;

    /// The destination of the stable Service as one of the candidate's, without weight.
    fn to_candidate(&self, stable: &Value) -> Value;

    /// The destination of the candidate as one of the stable Service.
    fn to_stable(&self, candidate: &Value) -> Value;
}

/// What rules say about the candidate.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Shares {
    /// No rule gives anything to either side.
    NotNamed,
    /// Every rule that names them gives the candidate this.
    Same(Weight),
    /// Rules differ; this is the largest share.
    Different(Weight),
}

/// The destinations of a rule.
pub(super) fn destinations<D: Dialect>(rule: &Value) -> &[Value] {
    rule.get(D::LIST).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The weight of a destination, as one of `count`.
pub(super) fn weight_of<D: Dialect>(dialect: &D, destination: &Value, count: usize) -> u64 {
    if count == 1 && dialect.ignores_weight_of_only_one() {
        return 1;
    }
    destination.get("weight").and_then(Value::as_u64).unwrap_or_else(|| dialect.default_weight(count))
}

fn weights<D: Dialect>(dialect: &D, list: &[Value]) -> Vec<(Role, u64)> {
    list.iter().map(|one| (dialect.role(one), weight_of(dialect, one, list.len()))).collect()
}

/// What the rules say about the candidate.
pub(super) fn shares<D: Dialect>(dialect: &D, rules: &[Value]) -> Shares {
    let found: Vec<Weight> =
        rules.iter().filter_map(|rule| share(&weights(dialect, destinations::<D>(rule)))).collect();
    match (found.iter().min(), found.iter().max()) {
        (Some(least), Some(most)) if least == most => Shares::Same(*most),
        (Some(_), Some(most)) => Shares::Different(*most),
        _ => Shares::NotNamed,
    }
}

/// The candidate's share of what goes to both sides; `None` where nothing does.
fn share(weights: &[(Role, u64)]) -> Option<Weight> {
    let sum = |role: Role| weights.iter().filter(|(r, _)| *r == role).map(|(_, w)| w).sum::<u64>();
    let (stable, candidate) = (sum(Role::Stable), sum(Role::Candidate));
    let both = stable + candidate;
    if both == 0 {
        return None;
    }
    // 'None' and 'all' mean exactly that.
    let least = u64::from(candidate > 0);
    let most = 100 - u64::from(stable > 0);
    let percent = ((candidate * 100 + both / 2) / both).clamp(least, most.max(least));
    Some(Weight::at_most(u8::try_from(percent).unwrap_or(100)))
}

/// The rules with the candidate's shares given back to the stable Service. What does not name the
/// candidate stays byte by byte.
pub(super) fn merged<D: Dialect>(dialect: &D, rules: &[Value]) -> Vec<Value> {
    rules.iter().map(|rule| with_list::<D>(rule, merged_list(dialect, destinations::<D>(rule)))).collect()
}

fn with_list<D: Dialect>(rule: &Value, list: Option<Vec<Value>>) -> Value {
    let mut rule = rule.clone();
    if let Some(list) = list {
        rule[D::LIST] = Value::Array(list);
    }
    rule
}

fn merged_list<D: Dialect>(dialect: &D, list: &[Value]) -> Option<Vec<Value>> {
    let is_candidate = |one: &Value| dialect.role(one) == Role::Candidate;
    if !list.iter().any(is_candidate) {
        return None;
    }
    let mut merged: Vec<(Value, u64)> =
        list.iter().map(|one| (one.clone(), weight_of(dialect, one, list.len()))).collect();
    for (at, of) in origins(dialect, list) {
        let weight = merged[at].1;
        match of {
            Some(of) => merged[of].1 += weight,
            None => merged.push((dialect.to_stable(&list[at]), weight)),
        }
    }
    merged.retain(|(one, _)| !is_candidate(one));
    Some(written(dialect, merged))
}

/// Where each of the candidate's destinations stands, and the stable one that it was made from: the one before it, as
/// [`spread_list`] writes them. Where somebody has moved them, the first of a form is of the first stable one of that
/// form, the second of the second.
fn origins<D: Dialect>(dialect: &D, list: &[Value]) -> Vec<(usize, Option<usize>)> {
    let of_role = |role: Role| (0..list.len()).filter(move |at| dialect.role(&list[*at]) == role);
    let stable: Vec<(usize, Value)> =
        of_role(Role::Stable).map(|at| (at, without_weight(&dialect.to_candidate(&list[at])))).collect();
    let candidates: Vec<(usize, Value)> = of_role(Role::Candidate).map(|at| (at, without_weight(&list[at]))).collect();
    let before = |(at, form): &(usize, Value)| {
        let found = stable.iter().find(|(of, made)| of + 1 == *at && made == form)?;
        Some((*at, Some(found.0)))
    };
    if let Some(neighbours) = candidates.iter().map(before).collect::<Option<Vec<_>>>() {
        return neighbours;
    }
    let by_order = |(nth, (at, form)): (usize, &(usize, Value))| {
        let earlier = candidates.iter().take(nth).filter(|(_, other)| other == form).count();
        let alike: Vec<usize> = stable.iter().filter(|(_, made)| made == form).map(|(of, _)| *of).collect();
        let of = alike.get(earlier).or(alike.first()).or(stable.first().map(|(of, _)| of));
        (*at, of.copied())
    };
    candidates.iter().enumerate().map(by_order).collect()
}

/// A destination without its weight.
pub(super) fn without_weight(destination: &Value) -> Value {
    let mut bare = destination.clone();
    if let Some(fields) = bare.as_object_mut() {
        fields.remove("weight");
    }
    bare
}

/// Destinations with their proportions in small numbers, of 100 where that can be.
fn written<D: Dialect>(dialect: &D, list: Vec<(Value, u64)>) -> Vec<Value> {
    let numbers = proportions(&list.iter().map(|(_, weight)| *weight).collect::<Vec<_>>());
    let count = list.len();
    let write = |((mut one, _), weight): ((Value, u64), u64)| {
        if count == 1 && dialect.ignores_weight_of_only_one() {
            return without_weight(&one);
        }
        one["weight"] = json!(weight);
        one
    };
    list.into_iter().zip(numbers).map(write).collect()
}

fn proportions(weights: &[u64]) -> Vec<u64> {
    let divisor = weights.iter().copied().fold(0, greatest_common_divisor).max(1);
    let mut small: Vec<u64> = weights.iter().map(|weight| weight / divisor).collect();
    let sum: u64 = small.iter().sum();
    if small.len() > 1 && sum > 0 && 100 % sum == 0 {
        small.iter_mut().for_each(|weight| *weight *= 100 / sum);
    }
    small
}

fn greatest_common_divisor(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

/// What the rules should be for the candidate to get `weight`.
///
/// # Errors
/// When the weights of a rule are too far apart for shares in percent.
pub(super) fn spread<D: Dialect>(
    dialect: &D,
    rules: &[Value],
    saved: &Value,
    weight: Weight,
) -> Result<Vec<Value>, String> {
    let base = restored(dialect, merged(dialect, rules), saved);
    if weight == Weight::NONE {
        return Ok(base);
    }
    let spread = |rule: &Value| Ok(with_list::<D>(rule, spread_list(dialect, destinations::<D>(rule), weight)?));
    base.iter().map(spread).collect()
}

/// Each rule of ours as it was saved, where that says the same; what somebody has changed meanwhile stays,
/// and rules of others are not looked at: their shares are theirs.
fn restored<D: Dialect>(dialect: &D, now: Vec<Value>, saved: &Value) -> Vec<Value> {
    let saved = saved.as_array().map_or(&[][..], Vec::as_slice);
    let mut left: Vec<(Value, &Value)> = saved.iter().map(|rule| (normal(dialect, rule), rule)).collect();
    let restore = |rule: Value| {
        if destinations::<D>(&rule).iter().all(|one| dialect.role(one) == Role::Other) {
            return rule;
        }
        let form = normal(dialect, &rule);
        let found = left.iter().position(|(saved, _)| *saved == form);
        found.map_or(rule, |at| left.remove(at).1.clone())
    };
    now.into_iter().map(restore).collect()
}

fn spread_list<D: Dialect>(dialect: &D, list: &[Value], weight: Weight) -> Result<Option<Vec<Value>>, String> {
    let count = list.len();
    let gets = |one: &Value| dialect.role(one) == Role::Stable && weight_of(dialect, one, count) > 0;
    if !list.iter().any(gets) {
        return Ok(None);
    }
    let (part, rest) = (u64::from(weight.as_percent()), u64::from(weight.rest().as_percent()));
    let mut spread = Vec::with_capacity(count + 1);
    for one in list {
        let full = weight_of(dialect, one, count);
        if gets(one) {
            spread.push((one.clone(), full.saturating_mul(rest)));
            spread.push((dialect.to_candidate(one), full.saturating_mul(part)));
        } else {
            spread.push((one.clone(), full.saturating_mul(100)));
        }
    }
    let written = written(dialect, spread);
    let largest = written.iter().filter_map(|one| one.get("weight").and_then(Value::as_u64)).max();
    if largest > Some(LARGEST) {
        return Err(format!(
            "its weights are too far apart for {weight} to be shared out (a weight is at most {LARGEST}); use smaller \
             numbers"
        ));
    }
    Ok(Some(written))
}

/// A rule in a form in which equal proportions are equal.
fn normal<D: Dialect>(dialect: &D, rule: &Value) -> Value {
    let list = destinations::<D>(rule);
    let weights: Vec<u64> = list.iter().map(|one| weight_of(dialect, one, list.len())).collect();
    let divisor = weights.iter().copied().fold(0, greatest_common_divisor).max(1);
    let numbered = list.iter().zip(weights).map(|(one, weight)| {
        let mut one = one.clone();
        one["weight"] = json!(weight / divisor);
        one
    });
    with_list::<D>(rule, (!list.is_empty()).then(|| numbered.collect()))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use proptest::{
        collection::vec,
        prelude::{prop_assert_eq, proptest},
    };

    use super::*;

    #[test]
    fn proportions_are_small_and_of_a_hundred_where_they_can_be() {
        for (weights, expected) in [
            (vec![90, 10], vec![90, 10]),
            (vec![9, 1], vec![90, 10]),
            (vec![7200, 800, 2000], vec![72, 8, 20]),
            (vec![198, 2, 100], vec![99, 1, 50]),
            (vec![0, 0], vec![0, 0]),
            (vec![0, 300], vec![0, 100]),
            (vec![400], vec![1]),
        ] {
            assert_eq!(proportions(&weights), expected, "{weights:?}");
        }
    }

    /// Destinations by their names alone.
    struct Plain;

    impl Dialect for Plain {
        const LIST: &'static str = "to";

        fn role(&self, destination: &Value) -> Role {
            match destination["name"].as_str() {
                Some("stable") => Role::Stable,
                Some("candidate") => Role::Candidate,
                _ => Role::Other,
            }
        }

        fn default_weight(&self, _: usize) -> u64 {
            1
        }

        fn ignores_weight_of_only_one(&self) -> bool {
            false
        }

        fn to_candidate(&self, stable: &Value) -> Value {
            let mut candidate = named(stable, "candidate");
            candidate.as_object_mut().unwrap().remove("subset");
            candidate
        }

        fn to_stable(&self, candidate: &Value) -> Value {
            named(candidate, "stable")
        }
    }

    fn named(destination: &Value, name: &str) -> Value {
        let mut destination = destination.clone();
        destination["name"] = json!(name);
        destination
    }

    proptest! {
        #[test]
        fn every_share_is_read_as_it_was_written_and_others_keep_theirs(
            stable in 1_u64..1_000, others in vec(0_u64..1_000, 0..3), percents in vec(0_u8..=100, 1..5),
        ) {
            let mut list: Vec<Value> = others.iter().map(|w| json!({"name": "other", "weight": w})).collect();
            list.insert(others.len() / 2, json!({"name": "stable", "weight": stable, "port": 80}));
            let rules = vec![json!({"match": "x", "to": list}), json!({"redirect": true})];
            let saved = json!(rules);
            let mut now = rules.clone();
            for percent in percents {
                let weight = Weight::at_most(percent);
                now = spread(&Plain, &now, &saved, weight).unwrap();
                prop_assert_eq!(shares(&Plain, &now), Shares::Same(weight));
                // The others' part of the whole, as a fraction.
                let part = |list: &Value, is_other: bool| -> u64 {
                    let of = |one: &&Value| (one["name"] == "other") == is_other;
                    list.as_array().unwrap().iter().filter(of).map(|one| one["weight"].as_u64().unwrap()).sum()
                };
                let (before, after) = (&rules[0]["to"], &now[0]["to"]);
                prop_assert_eq!(part(after, true) * part(before, false), part(before, true) * part(after, false));
            }
            prop_assert_eq!(spread(&Plain, &now, &saved, Weight::NONE).unwrap(), rules.clone());
            // With nothing saved, the same proportions come back.
            let unsaved = spread(&Plain, &now, &Value::Null, Weight::NONE).unwrap();
            let forms = |rules: &[Value]| rules.iter().map(|rule| normal(&Plain, rule)).collect::<Vec<_>>();
            prop_assert_eq!(forms(&unsaved), forms(&rules));
        }
    }

    proptest! {
        #[test]
        fn two_destinations_of_the_stable_service_get_exactly_their_own_weights_back(
            stable in vec((0_u64..100, 0_usize..3), 2..4), others in vec(0_u64..100, 0..2), percents in vec(0_u8..=100, 1..6),
        ) {
            let subsets = [json!("v1"), json!("v2"), Value::Null];
            let mut list: Vec<Value> = stable
                .iter()
                .map(|(weight, subset)| json!({"name": "stable", "subset": subsets[*subset], "weight": weight}))
                .collect();
            list[0]["weight"] = json!(stable[0].0 + 1);
            for weight in others {
                list.insert(1, json!({"name": "other", "weight": weight}));
            }
            let rules = vec![json!({"to": list})];
            let saved = json!(rules);
            let mut now = rules.clone();
            for percent in percents {
                now = spread(&Plain, &now, &saved, Weight::at_most(percent)).unwrap();
                prop_assert_eq!(shares(&Plain, &now), Shares::Same(Weight::at_most(percent)));
                let forms = |rules: &[Value]| rules.iter().map(|rule| normal(&Plain, rule)).collect::<Vec<_>>();
                prop_assert_eq!(forms(&merged(&Plain, &now)), forms(&rules));
            }
            prop_assert_eq!(spread(&Plain, &now, &saved, Weight::NONE).unwrap(), rules);
        }
    }

    #[test]
    fn a_candidates_destination_that_somebody_moved_is_given_back_to_the_one_it_was_made_from() {
        let stable = |port: u64, weight: u64| json!({"name": "stable", "port": port, "weight": weight});
        let candidate = |port: u64, weight: u64| json!({"name": "candidate", "port": port, "weight": weight});
        let moved = [json!({"to": [candidate(90, 10), candidate(80, 40), stable(80, 40), stable(90, 10)]})];
        assert_eq!(merged(&Plain, &moved), [json!({"to": [stable(80, 80), stable(90, 20)]})]);
        // Of two that are told apart by their subset alone, each gets one.
        let of = |subset: &str, weight: u64| json!({"name": "stable", "subset": subset, "weight": weight});
        let bare = |weight: u64| json!({"name": "candidate", "weight": weight});
        let moved = [json!({"to": [of("v1", 40), of("v2", 10), bare(40), bare(10)]})];
        assert_eq!(merged(&Plain, &moved), [json!({"to": [of("v1", 80), of("v2", 20)]})]);
    }

    #[test]
    fn weights_too_far_apart_are_refused_and_never_rounded_up() {
        let rules = [json!({"to": [{"name": "stable", "weight": 1}, {"name": "other", "weight": 999_999}]})];
        let why = spread(&Plain, &rules, &Value::Null, Weight::at_most(1)).unwrap_err();
        assert!(why.contains("too far apart"), "{why}");
    }

    #[test]
    fn a_share_of_nothing_and_of_all_is_exact() {
        let of = |stable, candidate| share(&[(Role::Stable, stable), (Role::Candidate, candidate), (Role::Other, 7)]);
        assert_eq!(of(0, 0), None);
        assert_eq!(of(90, 10), Some(Weight::at_most(10)));
        assert_eq!(of(100, 0), Some(Weight::NONE));
        assert_eq!(of(0, 1), Some(Weight::ALL));
        assert_eq!(of(10_000, 1), Some(Weight::at_most(1)));
        assert_eq!(of(1, 10_000), Some(Weight::at_most(99)));
    }

    /// The same destinations by names, for a second pair of Services.
    struct Pay;

    impl Dialect for Pay {
        const LIST: &'static str = "to";

        fn role(&self, destination: &Value) -> Role {
            match destination["name"].as_str() {
                Some("pay") => Role::Stable,
                Some("pay-candidate") => Role::Candidate,
                _ => Role::Other,
            }
        }

        fn default_weight(&self, count: usize) -> u64 {
            Plain.default_weight(count)
        }

        fn ignores_weight_of_only_one(&self) -> bool {
            false
        }

        fn to_candidate(&self, stable: &Value) -> Value {
            named(stable, "pay-candidate")
        }

        fn to_stable(&self, candidate: &Value) -> Value {
            named(candidate, "pay")
        }
    }

    #[test]
    fn two_at_once_in_one_route_leave_each_other_alone_in_whatever_order_they_end() {
        let rules = vec![
            json!({"match": "/cart", "to": [{"name": "stable", "port": 80}]}),
            json!({"match": "/pay", "to": [{"name": "pay", "port": 80}]}),
        ];
        for first_ends_first in [true, false] {
            let saved_cart = json!(merged(&Plain, &rules));
            let mut now = spread(&Plain, &rules, &saved_cart, Weight::at_most(10)).unwrap();
            let saved_pay = json!(merged(&Pay, &now));
            now = spread(&Pay, &now, &saved_pay, Weight::at_most(25)).unwrap();
            now = spread(&Plain, &now, &saved_cart, Weight::at_most(50)).unwrap();
            assert_eq!(shares(&Pay, &now), Shares::Same(Weight::at_most(25)));
            if first_ends_first {
                now = spread(&Plain, &now, &saved_cart, Weight::NONE).unwrap();
                assert_eq!(shares(&Pay, &now), Shares::Same(Weight::at_most(25)));
                now = spread(&Pay, &now, &saved_pay, Weight::NONE).unwrap();
            } else {
                now = spread(&Pay, &now, &saved_pay, Weight::NONE).unwrap();
                assert_eq!(shares(&Plain, &now), Shares::Same(Weight::at_most(50)));
                now = spread(&Plain, &now, &saved_cart, Weight::NONE).unwrap();
            }
            assert_eq!(now, rules);
        }
    }

    #[test]
    fn what_somebody_changed_in_one_rule_does_not_keep_another_from_being_put_back() {
        let rules = [json!({"to": [{"name": "stable"}]}), json!({"match": "x", "to": [{"name": "stable"}]})];
        let saved = json!(rules);
        let mut now = spread(&Plain, &rules, &saved, Weight::at_most(10)).unwrap();
        now[0]["timeout"] = json!("9s");
        let back = spread(&Plain, &now, &saved, Weight::NONE).unwrap();
        assert_eq!(back[1], rules[1]);
        assert_eq!(back[0], json!({"to": [{"name": "stable", "weight": 1}], "timeout": "9s"}));
    }
}
