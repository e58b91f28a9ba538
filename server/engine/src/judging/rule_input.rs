//! A change of a rule as it is typed, and back. Whatever cannot be is refused with the field.

use contract::{
    Answer, ApiError,
    judging::{ComparedWith, Counting, EffectOf, OwnQuery, RuleInput, SideInput},
};
use domain::analysis::{
    Adjustment, ChangeError, Comparison, CustomQuery, Direction, Effect, Finite, JudgingSettings, KNOWN_RULES, Limits,
    Measure, MetricRule, RuleChange, RuleDraft, RuleError, RuleName, SideBySide, Trigger, Unit, asks_in_words,
    fits_somewhere,
};

use crate::edge;

/// More changes than this at one level are a program's mistake.
const CHANGES_AT_MOST: usize = 40;

/// Reads what was typed.
///
/// # Errors
/// Invalid with the field.
pub(super) fn change(input: &RuleInput) -> Answer<RuleChange> {
    let rule = RuleName::parse(&input.rule).map_err(|e| ApiError::invalid("rule", e.to_string()))?;
    if input.is_off {
        return Ok(RuleChange::Off { rule });
    }
    let values = values(input)?;
    if let Some(own) = &input.own {
        return Ok(RuleChange::Set { rule: Box::new(own_rule(&rule, own, &values)?) });
    }
    if !KNOWN_RULES.contains(&rule.as_str()) {
        let message = format!("there is no rule {rule}; a rule of your own needs a query");
        return Err(ApiError::invalid("rule", message));
    }
    if values == Adjustment::default() {
        return Err(ApiError::invalid("breach", "say at least one thing that is to be otherwise"));
    }
    fits_somewhere(&rule, &values).map_err(|why| ApiError::invalid(field_of(&why), why.to_string()))?;
    Ok(RuleChange::Adjust { rule, values: Box::new(values) })
}

fn values(input: &RuleInput) -> Answer<Adjustment> {
    let finite = |field: &str, number: Option<f64>| match number.map(Finite::new) {
        None => Ok(None),
        Some(Some(number)) => Ok(Some(number)),
        Some(None) => Err(ApiError::invalid(field, "a finite number is needed")),
    };
    let (warning, breach) = (finite("warning", input.warning)?, finite("breach", input.breach)?);
    let limits = Limits { warning, breach };
    let (comparison, warning, breach) = match (input.compared_with, input.side) {
        // Who says what to compare with says all of the limits.
        (Some(ComparedWith::Stable), side) => {
            (Some(Comparison::Stable(side_by_side(limits, side.unwrap_or_default())?)), None, None)
        }
        (_, Some(_)) => {
            let message = "this belongs to comparing with the stable version; choose that";
            return Err(ApiError::invalid("compared_with", message));
        }
        (Some(ComparedWith::Limits), None) => (Some(Comparison::Limits(limits)), None, None),
        (None, None) => (None, warning, breach),
    };
    Ok(Adjustment {
        comparison,
        warning,
        breach,
        window_seconds: input.window_seconds,
        interval_seconds: input.interval_seconds,
        minimum_requests: input.minimum_requests,
        trigger: trigger(input)?,
        on_no_data: input.on_no_data,
        on_error: input.on_error,
        is_dry_run: input.dry_run,
    })
}

fn side_by_side(limits: Limits, input: SideInput) -> Answer<SideBySide> {
    let usual = SideBySide::usual();
    let share = |field: &str, number: Option<f64>, usual: Finite| match number.map(Finite::new) {
        None => Ok(usual),
        Some(number) => number.ok_or_else(|| ApiError::invalid(field, "a finite number is needed")),
    };
    let effect = match input.effect.unwrap_or_default() {
        EffectOf::Means => Effect::MeanRatio(limits),
        EffectOf::Pairs => {
            let Limits { warning, breach } = usual.effect.limits();
            Effect::Cles(Limits { warning: limits.warning.or(warning), breach: limits.breach.or(breach) })
        }
    };
    Ok(SideBySide {
        confidence: share("side.confidence", input.confidence, usual.confidence)?,
        tolerance: share("side.tolerance", input.tolerance, usual.tolerance)?,
        effect,
        samples: input.samples.unwrap_or(usual.samples),
    })
}

fn trigger(input: &RuleInput) -> Answer<Option<Trigger>> {
    match (input.counting, input.times, input.of) {
        (None, None, None) => Ok(None),
        (Some(Counting::OfTheLast), Some(m), Some(k)) => Ok(Some(Trigger::OfLast { m, k })),
        (Some(Counting::OfTheLast), None, _) | (Some(Counting::InARow), None, _) => {
            Err(ApiError::invalid("times", "say how many evaluations must be beyond the limit"))
        }
        (Some(Counting::OfTheLast), Some(_), None) => Err(ApiError::invalid("of", "say of how many evaluations")),
        (Some(Counting::InARow) | None, Some(times), None) => Ok(Some(Trigger::Consecutive(times))),
        (Some(Counting::InARow) | None, _, Some(_)) => {
            Err(ApiError::invalid("counting", "'of how many' belongs to counting the last ones; choose that"))
        }
    }
}

fn own_rule(name: &RuleName, own: &OwnQuery, values: &Adjustment) -> Answer<MetricRule> {
    if KNOWN_RULES.contains(&name.as_str()) {
        let message = format!("{name} is a rule that comes with Slipway; give your own another name");
        return Err(ApiError::invalid("rule", message));
    }
    let query = |field: &str, text: &str| CustomQuery::parse(text).map_err(|e| ApiError::invalid(field, e.to_string()));
    let requests = match own.requests.trim() {
        "" => None,
        text => Some(query("own.requests", text)?),
    };
    let measure = Measure::Custom {
        words: edge::some_line("own.words", &own.words, 60)?,
        unit: own.unit.unwrap_or(Unit::None),
        query: query("own.query", &own.query)?,
        requests,
    };
    let limits = Comparison::Limits(Limits { warning: values.warning, breach: values.breach });
    let draft = RuleDraft {
        direction: if own.too_low { Direction::TooLow } else { Direction::TooHigh },
        ..RuleDraft::new(name.as_str(), measure, values.comparison.unwrap_or(limits))
    };
    // What was taken for the comparison is not to be changed once more.
    let rest = Adjustment { comparison: None, warning: None, breach: None, ..values.clone() };
    rest.applied_to(draft).map_err(|why| ApiError::invalid(field_of(&why), why.to_string()))
}

/// A change that does not fit what is in force.
pub(super) fn refused(why: &ChangeError) -> ApiError {
    match why {
        ChangeError::NoSuchRule(_) => ApiError::invalid("rule", why.to_string()),
        ChangeError::Refused { why, .. } => ApiError::invalid(field_of(why), why.to_string()),
    }
}

/// The field that an error is about.
fn field_of(why: &RuleError) -> &'static str {
    match why {
        RuleError::Name(_) => "rule",
        RuleError::Bounds { what, .. } if what.contains("window") => "window_seconds",
        RuleError::Bounds { what, .. } if what.contains("interval") => "interval_seconds",
        RuleError::Bounds { what, .. } if what.contains("looked back at") => "of",
        RuleError::Bounds { what, .. } if what.contains("values of each side") => "side.samples",
        RuleError::Share { what, .. } if what.contains("confidence") => "side.confidence",
        RuleError::Share { what, .. } if what.contains("tolerance") => "side.tolerance",
        RuleError::Bounds { .. } => "times",
        RuleError::Gaps { .. } => "interval_seconds",
        RuleError::NoLimit | RuleError::NotFinite(_) | RuleError::Share { .. } => "breach",
        RuleError::Order => "warning",
        RuleError::NoRequests => "minimum_requests",
        RuleError::NoSides | RuleError::OtherShare | RuleError::SameVolumes | RuleError::SameQuestion => {
            "compared_with"
        }
        RuleError::NoWords => "own.words",
    }
}

/// Refuses a level that says too much.
///
/// # Errors
/// Invalid.
pub(super) fn at_most(settings: &JudgingSettings) -> Answer<()> {
    edge::at_most("rule", &settings.rules, CHANGES_AT_MOST)
}

/// A change as it is typed.
pub(super) fn input_of(change: &RuleChange) -> RuleInput {
    let rule = change.rule().to_string();
    match change {
        RuleChange::Off { .. } => RuleInput { rule, is_off: true, ..RuleInput::default() },
        RuleChange::Adjust { values, .. } => {
            let limits = Limits { warning: values.warning, breach: values.breach };
            let trigger = values.trigger;
            let (compared_with, side, limits) = match values.comparison {
                None => (None, None, limits),
                Some(comparison) => typed_comparison(comparison),
            };
            RuleInput {
                rule,
                compared_with,
                side,
                window_seconds: values.window_seconds,
                interval_seconds: values.interval_seconds,
                minimum_requests: values.minimum_requests,
                on_no_data: values.on_no_data,
                on_error: values.on_error,
                dry_run: values.is_dry_run,
                ..typed(limits, trigger)
            }
        }
        RuleChange::Set { rule } => input_of_rule(rule),
    }
}

/// A whole rule as it is typed.
pub(super) fn input_of_rule(set: &MetricRule) -> RuleInput {
    let (compared_with, side, limits) = typed_comparison(*set.comparison());
    let own = match set.measure() {
        Measure::Custom { words, unit, query, requests } => Some(OwnQuery {
            words: words.clone(),
            unit: Some(*unit),
            query: query.as_str().to_owned(),
            requests: requests.as_ref().map(|q| q.as_str().to_owned()).unwrap_or_default(),
            too_low: set.direction() == Direction::TooLow,
        }),
        Measure::Traffic { .. } | Measure::Resource { .. } | Measure::BuiltIn { .. } => None,
    };
    RuleInput {
        rule: set.name().to_string(),
        compared_with,
        side,
        window_seconds: Some(set.window_seconds()),
        interval_seconds: Some(set.interval_seconds()),
        minimum_requests: Some(set.minimum_requests()),
        on_no_data: Some(set.on_no_data()),
        on_error: Some(set.on_error()),
        dry_run: Some(set.is_dry_run()),
        own,
        ..typed(limits, Some(set.trigger()))
    }
}

fn typed_comparison(comparison: Comparison) -> (Option<ComparedWith>, Option<SideInput>, Limits) {
    match comparison {
        Comparison::Limits(limits) => (Some(ComparedWith::Limits), None, limits),
        Comparison::Stable(side) => {
            let effect = match side.effect {
                Effect::Cles(_) => EffectOf::Pairs,
                Effect::MeanRatio(_) => EffectOf::Means,
            };
            let typed = SideInput {
                effect: Some(effect),
                confidence: Some(side.confidence.get()),
                tolerance: Some(side.tolerance.get()),
                samples: Some(side.samples),
            };
            (Some(ComparedWith::Stable), Some(typed), side.effect.limits())
        }
    }
}

/// Limits and trigger alone.
fn typed(limits: Limits, trigger: Option<Trigger>) -> RuleInput {
    let (counting, times, of) = match trigger {
        None => (None, None, None),
        Some(Trigger::Consecutive(n)) => (Some(Counting::InARow), Some(n), None),
        Some(Trigger::OfLast { m, k }) => (Some(Counting::OfTheLast), Some(m), Some(k)),
    };
    let (warning, breach) = (limits.warning.map(Finite::get), limits.breach.map(Finite::get));
    RuleInput { warning, breach, counting, times, of, ..RuleInput::default() }
}

/// A change in words, for the audit: `breach 3, 5 in a row`.
pub(super) fn words(change: &RuleChange) -> String {
    let input = match change {
        RuleChange::Off { .. } => return "does not apply".to_owned(),
        RuleChange::Set { rule } => return format!("{} ({})", asks_in_words(rule), rule.measure().words()),
        RuleChange::Adjust { .. } => input_of(change),
    };
    let number = |name: &str, value: Option<String>| value.map(|value| format!("{name} {value}"));
    let missing = |name: &str, value: Option<domain::analysis::OnMissing>| {
        value.map(|value| format!("{name} {}", word_of(value)))
    };
    let often = match (input.counting, input.times, input.of) {
        (Some(Counting::OfTheLast), Some(times), Some(of)) => Some(format!("{times} of {of}")),
        (_, Some(times), _) => Some(format!("{times} in a row")),
        _ => None,
    };
    let parts = [
        input.compared_with.map(|with| match with {
            ComparedWith::Limits => "compared with limits".to_owned(),
            ComparedWith::Stable => "compared with the stable version".to_owned(),
        }),
        input.side.and_then(|side| number("confidence", side.confidence.map(|n| n.to_string()))),
        input.side.and_then(|side| number("tolerance", side.tolerance.map(|n| n.to_string()))),
        input.side.and_then(|side| number("values of each side", side.samples.map(|n| n.to_string()))),
        input
            .side
            .and_then(|side| side.effect)
            .filter(|effect| *effect == EffectOf::Means)
            .map(|_| "by means".to_owned()),
        number("warning", input.warning.map(|n| n.to_string())),
        number("breach", input.breach.map(|n| n.to_string())),
        often,
        number("window", input.window_seconds.map(|n| format!("{n} s"))),
        number("every", input.interval_seconds.map(|n| format!("{n} s"))),
        number("at least", input.minimum_requests.map(|n| format!("{n} requests"))),
        missing("no data:", input.on_no_data),
        missing("errors:", input.on_error),
        input.dry_run.map(|is| if is { "only recorded".to_owned() } else { "acted upon".to_owned() }),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

const fn word_of(missing: domain::analysis::OnMissing) -> &'static str {
    match missing {
        domain::analysis::OnMissing::Hold => "pause and ask",
        domain::analysis::OnMissing::Fail => "count against",
        domain::analysis::OnMissing::Pass => "count as good",
    }
}
