//! The fields of a rule: limits, how often, over what time, and what is missing; and those of a query of
//! one's own.

use contract::judging::{ComparedWith, Counting, OwnQuery, RuleInput};
use domain::analysis::{OnMissing, Unit};
use leptos::prelude::*;

use crate::{
    components::{CheckBox, Choice, InputKind, Select, TextArea, TextField},
    form::{FormProblem, Sending, about, besides},
    server_fns::judging::SetRule,
};

/// What the fields hold at first.
pub struct RuleFields {
    /// What is said already.
    pub known: RuleInput,
    /// Whether it is a query of one's own.
    pub is_own: bool,
    /// Whether its name is not known yet.
    pub is_new: bool,
}

/// The fields that say themselves what is wrong with them; a choice from a list cannot be wrong alone.
const FIELDS: [&str; 11] = [
    "rule",
    "warning",
    "breach",
    "window_seconds",
    "interval_seconds",
    "minimum_requests",
    "times",
    "of",
    "own.words",
    "own.query",
    "own.requests",
];

/// The fields, without level and button.
pub fn rule_fields(fields: &RuleFields, form: Sending<SetRule>) -> AnyView {
    let known = &fields.known;
    let error = form.errors();
    let other = besides(&FIELDS, error);
    let text = move |name: &'static str, label: &'static str, hint: &str, value: String| {
        view! {
            <TextField
                id=format!("rule-{}", name.replace('_', "-"))
                name
                label
                kind=InputKind::Code
                hint=hint.to_owned()
                value=form.typed(name, &value)
                error=about(name, error)
            />
        }
        .into_any()
    };
    let select = move |name: &'static str, label: &'static str, choices: Vec<Choice>, value: &str| {
        view! {
            <Select
                id=format!("rule-{}", name.replace('_', "-"))
                name
                label
                choices
                selected=form.typed(name, value)
            />
        }
        .into_any()
    };
    let name = if fields.is_new {
        view! {
            <TextField
                id="rule-rule"
                name="rule"
                label="Name"
                kind=InputKind::Code
                hint="Small letters, digits and hyphens: checkout-failures.".to_owned()
                value=form.typed("rule", "")
                error=about("rule", error)
                required=true
            />
        }
        .into_any()
    } else {
        view! { <input type="hidden" name="rule" value=known.rule.clone() /> }.into_any()
    };
    let own = fields.is_own.then(|| own_fields(known.own.clone().unwrap_or_default(), form));
    let off = (!fields.is_own).then(|| {
        let is_off = form.typed("is_off", if known.is_off { "true" } else { "" }) == "true";
        view! {
            <CheckBox
                id="rule-off"
                name="is_off"
                label="The rule does not apply; what is filled in below is left aside"
                checked=is_off
            />
        }
    });
    let compared = known.compared_with.map_or("", |with| match with {
        ComparedWith::Limits => "limits",
        ComparedWith::Stable => "stable",
    });
    let counting = known.counting.map_or("", |counting| match counting {
        Counting::InARow => "in_a_row",
        Counting::OfTheLast => "of_the_last",
    });
    let dry = known.dry_run.map_or("", |is| if is { "yes" } else { "no" });
    let open = |label: &str| Choice::new("", label);
    let with = vec![
        open("as before"),
        Choice::new("limits", "With the limits below, and no others"),
        Choice::new("stable", "With the stable version, side by side"),
    ];
    let counted =
        vec![open("as before"), Choice::new("in_a_row", "in a row"), Choice::new("of_the_last", "of the last ones")];
    let recorded =
        vec![open("as before"), Choice::new("no", "No, it is acted upon"), Choice::new("yes", "Yes, only recorded")];
    let shown = |number: Option<f64>| number.map(|number| number.to_string()).unwrap_or_default();
    let whole = |number: Option<u32>| number.map(|number| number.to_string()).unwrap_or_default();
    let small = |number: Option<u8>| number.map(|number| number.to_string()).unwrap_or_default();
    view! {
        {name}
        {off}
        {own}
        <div class="form-row">
            {text("warning", "Warns beyond", "People are told.", shown(known.warning))}
            {text("breach", "Takes back beyond", "When it is often enough.", shown(known.breach))}
        </div>
        <div class="form-row">
            {select("compared_with", "Compared", with, compared)}
            {select("dry_run", "Only recorded", recorded, dry)}
        </div>
        <p class="note">
            "Side by side, the limits are the share of pairs in which the version is worse: 0.65 warns and 0.8 takes back when they are left empty."
        </p>
        <div class="form-row">
            {text("times", "Times beyond it", "How many looks, 1 to 60.", small(known.times))}
            {select("counting", "Counted", counted, counting)}
        </div>
        <div class="form-row">
            {text("of", "Of how many", "Only for 'of the last ones'.", small(known.of))}
            {text("minimum_requests", "At least requests", "Fewer in a window are no data.", whole(known.minimum_requests))}
        </div>
        <div class="form-row">
            {text("window_seconds", "Window (s)", "Over which a value is taken.", whole(known.window_seconds))}
            {text("interval_seconds", "Every (s)", "At most the window.", whole(known.interval_seconds))}
        </div>
        <div class="form-row">
            {select("on_no_data", "No data", missing_choices(), missing_word(known.on_no_data))}
            {select("on_error", "The source keeps failing", missing_choices(), missing_word(known.on_error))}
        </div>
        <FormProblem error=other title="Not saved" />
    }
    .into_any()
}

fn missing_choices() -> Vec<Choice> {
    vec![
        Choice::new("", "as before"),
        Choice::new("hold", "pauses and asks"),
        Choice::new("fail", "counts against the version"),
        Choice::new("pass", "counts as good"),
    ]
}

const fn missing_word(missing: Option<OnMissing>) -> &'static str {
    match missing {
        None => "",
        Some(OnMissing::Hold) => "hold",
        Some(OnMissing::Fail) => "fail",
        Some(OnMissing::Pass) => "pass",
    }
}

fn own_fields(own: OwnQuery, form: Sending<SetRule>) -> AnyView {
    let error = form.errors();
    let unit = own.unit.map_or("none", |unit| match unit {
        Unit::Percent => "percent",
        Unit::Milliseconds => "milliseconds",
        Unit::PerSecond => "per_second",
        Unit::Count => "count",
        Unit::None => "none",
    });
    let units = vec![
        Choice::new("percent", "percent"),
        Choice::new("milliseconds", "milliseconds"),
        Choice::new("per_second", "per second"),
        Choice::new("count", "a count"),
        Choice::new("none", "a bare number"),
    ];
    let is_low = form.typed("too_low", if own.too_low { "true" } else { "" }) == "true";
    view! {
        <input type="hidden" name="is_own" value="true" />
        <div class="form-row">
            <TextField
                id="rule-words"
                name="words"
                label="What it measures"
                hint="In a word or two: checkout failures.".to_owned()
                required=true
                value=form.typed("words", &own.words)
                error=about("own.words", error)
            />
            <Select
                id="rule-unit"
                name="unit"
                label="In which unit"
                choices=units
                selected=form.typed("unit", unit)
            />
        </div>
        <TextArea
            id="rule-query"
            name="query"
            label="PromQL"
            hint="Its value must be one number. {{service}}, {{namespace}} and {{version}} stand in quotes, {{window}} anywhere: sum(rate(failures{service=\"{{service}}\"}[{{window}}]))."
                .to_owned()
            value=form.typed("query", &own.query)
            required=true
            error=about("own.query", error)
            code=true
        />
        <TextArea
            id="rule-requests"
            name="requests"
            label="PromQL for the number of requests"
            hint="Needed for a least number of requests; empty for none.".to_owned()
            value=form.typed("requests", &own.requests)
            error=about("own.requests", error)
            rows=2
            code=true
        />
        <CheckBox id="rule-too-low" name="too_low" label="A value below the limit is the bad one" checked=is_low />
    }
    .into_any()
}
