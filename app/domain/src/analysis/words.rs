//! Values, verdicts and runs of verdicts in words.

use super::{Comparison, DataPlane, Direction, Effect, Measure, MetricRule, SideBySide, Trigger, Unit, Verdict};
use crate::duration_words;

/// The most decimals that a value is shown with.
const DECIMALS: usize = 6;

/// A number without decimals and with commas between the thousands.
pub(super) fn whole(number: f64) -> String {
    with_commas(&format!("{number:.0}"))
}

fn with_commas(digits: &str) -> String {
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits), |rest| ("−", rest));
    let (whole, decimals) = digits.split_once('.').map_or((digits, None), |(w, d)| (w, Some(d)));
    let mut out = sign.to_owned();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    match decimals.map(|d| d.trim_end_matches('0')) {
        Some(decimals) if !decimals.is_empty() => format!("{out}.{decimals}"),
        Some(_) | None => out,
    }
}

const fn usual_decimals(unit: Unit, number: f64) -> usize {
    match unit {
        Unit::Percent | Unit::PerSecond => 1,
        Unit::Milliseconds if number.abs() < 10.0 => 1,
        Unit::Milliseconds => 0,
        Unit::Count | Unit::None => 2,
    }
}

fn shown(unit: Unit, number: f64, decimals: usize) -> String {
    let number = with_commas(&format!("{number:.decimals$}"));
    match unit {
        Unit::Percent => format!("{number} %"),
        Unit::Milliseconds => format!("{number} ms"),
        Unit::PerSecond => format!("{number} per second"),
        Unit::Count | Unit::None => number,
    }
}

/// A value with its unit: `7.1 %`, `2,300 ms`, `12.5 per second`.
pub(super) fn value(unit: Unit, number: f64) -> String {
    shown(unit, number, usual_decimals(unit, number))
}

/// A value and a limit so that they do not look the same when they are not.
fn apart(unit: Unit, number: f64, limit: f64) -> (String, String) {
    let limit_shown = shown(unit, limit, DECIMALS);
    let differing = (usual_decimals(unit, number)..=DECIMALS)
        .map(|decimals| shown(unit, number, decimals))
        .find(|text| *text != limit_shown || number <= limit && limit <= number);
    (differing.unwrap_or_else(|| value(unit, number)), limit_shown)
}

/// A value beside a limit: `error rate 7.1 % is above 5 %`, `p95 310 ms (limit 2,000 ms)`. Where it is
/// within the limits, `limit` is the next one.
pub(super) fn against_limit(rule: &MetricRule, number: f64, limit: Option<f64>, verdict: Verdict) -> String {
    let (measure, unit) = (rule.measure(), rule.measure().unit());
    let is_beyond = matches!(verdict, Verdict::Breach | Verdict::Warning);
    if measure.is_health() {
        return format!("{} {}", measure.words(), if is_beyond { "failed" } else { "passed" });
    }
    let Some(limit) = limit else {
        return format!("{} {}", measure.words(), value(unit, number));
    };
    let (number, limit) = apart(unit, number, limit);
    match (is_beyond, rule.direction()) {
        (true, Direction::TooHigh) => format!("{} {number} is above {limit}", measure.words()),
        (true, Direction::TooLow) => format!("{} {number} is below {limit}", measure.words()),
        (false, Direction::TooHigh | Direction::TooLow) => {
            format!("{} {number} (limit {limit})", measure.words())
        }
    }
}

/// What may be the reason that a rule about requests has no value: ` (no requests in 60 s, or fewer than two scrapes)`.
pub(super) fn why_nothing(rule: &MetricRule) -> String {
    match rule.measure() {
        // The practice cluster is not scraped.
        Measure::Traffic { plane: DataPlane::Practice, .. }
        | Measure::Resource { .. }
        | Measure::BuiltIn { .. }
        | Measure::Custom { .. } => String::new(),
        Measure::Traffic { .. } => {
            format!(" (no requests in {} s, or fewer than two scrapes)", rule.window_seconds())
        }
    }
}

/// What was found side by side.
pub(super) struct Compared {
    /// The canary's median.
    pub canary: f64,
    /// The stable version's median.
    pub stable: f64,
    /// The shift of Hodges and Lehmann.
    pub shift: f64,
    /// The chance that a value of the canary is worse.
    pub worse: f64,
}

/// `p95 of the canary is 480 ms above the stable version's (1,210 ms, 730 ms); it is worse in 93 of 100
/// pairs`.
pub(super) fn compared(rule: &MetricRule, found: &Compared, is_sure: bool, verdict: Verdict) -> String {
    let (what, unit) = (rule.measure().words(), rule.measure().unit());
    let (canary, stable) = (value(unit, found.canary), value(unit, found.stable));
    let pairs = whole(found.worse * 100.0);
    if matches!(verdict, Verdict::Breach | Verdict::Warning) {
        let way = if found.shift >= 0.0 { "above" } else { "below" };
        let shift = value(unit, found.shift.abs());
        return format!(
            "{what} of the canary is {shift} {way} the stable version's ({canary}, {stable}); it is worse in {pairs} of 100 pairs"
        );
    }
    let how = if is_sure { "a little worse than" } else { "no worse than" };
    format!("{what} of the canary is {how} the stable version's ({canary}, {stable})")
}

/// How often a limit was passed: `in 3 evaluations in a row`, `in 3 of the last 6 evaluations`, nothing
/// when once was enough.
pub(super) fn often(trigger: Trigger, count: u8) -> String {
    match trigger {
        Trigger::Consecutive(1) => String::new(),
        Trigger::Consecutive(_) => format!(" in {count} evaluations in a row"),
        Trigger::OfLast { k: 1, .. } => String::new(),
        Trigger::OfLast { k, .. } => format!(" in {count} of the last {k} evaluations"),
    }
}

/// How far a run is that is not long enough yet: `2 of 5 in a row`, `1 of 3 in the last 6`.
pub(super) fn so_far(trigger: Trigger, count: u8) -> String {
    match trigger {
        Trigger::Consecutive(n) => format!("{count} of {n} in a row"),
        Trigger::OfLast { m, k } => format!("{count} of {m} in the last {k}"),
    }
}

/// A value with its unit, for people: `7.1 %`.
#[must_use]
pub fn value_in_words(unit: Unit, number: f64) -> String {
    value(unit, number)
}

/// What a rule asks, in one line: `above 5 % 3 times in a row takes it back, above 1 % warns; over 1 min,
/// every 1 min`.
#[must_use]
pub fn asks_in_words(rule: &MetricRule) -> String {
    let unit = rule.measure().unit();
    let often = match rule.trigger() {
        Trigger::Consecutive(1) => String::new(),
        Trigger::Consecutive(n) => format!(" {n} times in a row"),
        Trigger::OfLast { m, k } => format!(" {m} times of {k}"),
    };
    let does = if rule.is_dry_run() { "is recorded" } else { "takes it back" };
    let limits = match rule.comparison() {
        Comparison::Limits(_) if rule.measure().is_health() => vec![format!("failed{often} {does}")],
        Comparison::Limits(limits) => {
            let beyond = if rule.direction() == Direction::TooHigh { "above" } else { "below" };
            let limit = |number: super::Finite| format!("{beyond} {}", shown(unit, number.get(), DECIMALS));
            let breach = limits.breach.map(|number| format!("{}{often} {does}", limit(number)));
            let warning = limits.warning.map(|number| format!("{} warns", limit(number)));
            breach.into_iter().chain(warning).collect()
        }
        Comparison::Stable(side) => beside(side, &often, does),
    };
    let seconds = |seconds: u32| duration_words::exact(i64::from(seconds));
    let every = format!("every {}", seconds(rule.interval_seconds()));
    let time = match rule.window_seconds() {
        0 => every,
        window => format!("over {}, {every}", seconds(window)),
    };
    format!("{}; {time}", limits.join(", "))
}

/// What a comparison with the stable version asks, with the limits of its effect.
fn beside(side: &SideBySide, often: &str, does: &str) -> Vec<String> {
    let limits = side.effect.limits();
    let of = |limit: super::Finite| match side.effect {
        Effect::Cles(_) => format!("in {} of 100 pairs", shown(Unit::None, limit.get() * 100.0, DECIMALS)),
        Effect::MeanRatio(_) => format!("{} times the mean", shown(Unit::None, limit.get(), DECIMALS)),
    };
    let breach = limits.breach.map(|limit| format!("worse than the stable version {}{often} {does}", of(limit)));
    let warning = limits.warning.map(|limit| format!("{} warns", of(limit)));
    let sure = format!("{} % sure", shown(Unit::None, side.confidence.get() * 100.0, DECIMALS));
    breach.into_iter().chain(warning).chain([sure]).collect()
}

#[cfg(test)]
mod tests {
    use crate::analysis::{DataPlane, HealthCheck, asks_in_words, default_rules};

    #[test]
    fn what_a_rule_asks_is_said_in_one_line() {
        let rules = default_rules(Some(DataPlane::EnvoyGateway), &HealthCheck::Readiness);
        let said: Vec<_> = rules.iter().map(|rule| format!("{}: {}", rule.name(), asks_in_words(rule))).collect();
        let expected = [
            "health: failed 3 times of 6 takes it back; every 20 s",
            "error-rate: above 5 % 5 times in a row takes it back, above 1 % warns; over 1 min, every 1 min",
            "p95: above 2,000 ms 5 times in a row takes it back, above 1,000 ms warns; over 1 min, every 1 min",
            "cpu: above 80 % warns; over 5 min, every 1 min",
        ];
        for line in expected {
            assert!(said.iter().any(|said| said == line), "{line} is not among {said:#?}");
        }
    }
}
