//! The fields of a rule: limits, how often, over what time, and what is missing; and those of a query of
//! one's own.

use contract::judging::{ComparedWith, Counting, EffectOf, OwnQuery, RuleInput, SideInput};
use domain::analysis::{OnMissing, Unit, unit_of, value_in_words};
use leptos::prelude::*;

use crate::{
    components::{CheckBox, Choice, InputKind, More, Select, TextArea, TextField},
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
    /// As it is in force; `None` of one that is not.
    pub now: Option<RuleInput>,
}

impl RuleFields {
    /// What is known of its unit; limits beside the stable version are shares of pairs and have none.
    fn unit(&self) -> Option<Unit> {
        let is_beside = |rule: &RuleInput| rule.compared_with == Some(ComparedWith::Stable);
        if is_beside(&self.known) || self.known.compared_with.is_none() && self.now.as_ref().is_some_and(is_beside) {
            return None;
        }
        let own = self.known.own.as_ref().or_else(|| self.now.as_ref()?.own.as_ref());
        own.and_then(|own| own.unit).or_else(|| unit_of(&self.known.rule))
    }

    /// `What helps. Now 5.`
    fn hint<T>(&self, helps: &str, now: impl Fn(&RuleInput) -> Option<T>, words: impl Fn(T) -> String) -> String {
        let Some(rule) = &self.now else { return helps.to_owned() };
        match (now(rule), helps.is_empty()) {
            (Some(now), true) => format!("Now: {}.", words(now)),
            (Some(now), false) => format!("{helps} Now {}.", words(now)),
            (None, _) => format!("{helps} Now: none.").trim_start().to_owned(),
        }
    }

    /// The same of a limit, with its unit.
    fn limit_hint(&self, helps: &str, now: impl Fn(&RuleInput) -> Option<f64>) -> String {
        let is_share = |rule: &RuleInput| rule.compared_with == Some(ComparedWith::Stable);
        let unit = self.unit().filter(|_| !self.now.as_ref().is_some_and(is_share)).unwrap_or(Unit::None);
        self.hint(helps, now, |limit| value_in_words(unit, limit))
    }
}

/// A label with its unit: `Warns beyond (ms)`.
fn with_unit(label: &str, unit: Option<Unit>) -> String {
    let unit = match unit {
        Some(Unit::Percent) => "%",
        Some(Unit::Milliseconds) => "ms",
        Some(Unit::PerSecond) => "per second",
        Some(Unit::Count | Unit::None) | None => return label.to_owned(),
    };
    format!("{label} ({unit})")
}

/// The fields that say themselves what is wrong with them; a choice from a list cannot be wrong alone.
const FIELDS: [&str; 14] = [
    "rule",
    "side.confidence",
    "side.tolerance",
    "side.samples",
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

/// Makes fields of the form, each with what was typed before and what is wrong with it.
#[derive(Clone, Copy)]
struct Inputs {
    form: Sending<SetRule>,
}

impl Inputs {
    fn id(name: &str) -> String {
        format!("rule-{}", name.replace('_', "-"))
    }

    fn text(self, name: &'static str, label: impl Into<String>, hint: String, value: Option<impl ToString>) -> AnyView {
        self.field(name, name, label, hint, value)
    }

    /// The same of a field that errors name otherwise than it is sent.
    fn field(
        self,
        name: &'static str,
        named: &'static str,
        label: impl Into<String>,
        hint: String,
        value: Option<impl ToString>,
    ) -> AnyView {
        let value = value.map(|value| value.to_string()).unwrap_or_default();
        let (id, label, error) = (Self::id(name), label.into(), about(named, self.form.errors()));
        let value = self.form.typed(name, &value);
        view! { <TextField id name label kind=InputKind::Code hint value error /> }.into_any()
    }

    fn select(
        self,
        name: &'static str,
        label: &'static str,
        choices: Vec<Choice>,
        hint: String,
        value: &str,
    ) -> AnyView {
        let selected = self.form.typed(name, value);
        view! { <Select id=Self::id(name) name label choices hint selected /> }.into_any()
    }

    /// The name, which cannot be changed where there is one.
    fn name(self, fields: &RuleFields) -> AnyView {
        if !fields.is_new {
            return view! { <input type="hidden" name="rule" value=fields.known.rule.clone() /> }.into_any();
        }
        view! {
            <TextField
                id="rule-rule"
                name="rule"
                label="Name"
                kind=InputKind::Code
                hint="Small letters, digits and hyphens: checkout-failures.".to_owned()
                value=self.form.typed("rule", "")
                error=about("rule", self.form.errors())
                required=true
            />
        }
        .into_any()
    }

    fn off(self, is_off: bool) -> AnyView {
        let checked = self.form.typed("is_off", if is_off { "true" } else { "" }) == "true";
        let label = "The rule does not apply; what is filled in below is left aside";
        view! { <CheckBox id="rule-off" name="is_off" label checked /> }.into_any()
    }
}

/// The fields, without level and button.
pub fn rule_fields(fields: &RuleFields, form: Sending<SetRule>) -> AnyView {
    let known = &fields.known;
    let inputs = Inputs { form };
    let name = inputs.name(fields);
    let own = fields.is_own.then(|| own_fields(known.own.clone().unwrap_or_default(), form));
    let off = (!fields.is_own).then(|| inputs.off(known.is_off));
    view! {
        {name}
        {off}
        {own}
        {limits(fields, inputs)}
        {beside(fields, inputs)}
        {counted(fields, inputs)}
        {measured(fields, inputs)}
        <FormProblem error=besides(&FIELDS, form.errors()) title="Not saved" />
    }
    .into_any()
}

/// What is too much, and of what.
fn limits(fields: &RuleFields, inputs: Inputs) -> AnyView {
    let (known, unit) = (&fields.known, fields.unit());
    let warns = fields.limit_hint("People are told.", |rule| rule.warning);
    let breaks = fields.limit_hint("When it is often enough.", |rule| rule.breach);
    let compared = fields.hint("", |rule| rule.compared_with, |with| compared_words(with).to_owned());
    let recorded = fields.hint("", |rule| rule.dry_run, |is| yes_or_no(is).to_owned());
    let with = known.compared_with.map_or("", compared_word);
    view! {
        <div class="form-row">
            {inputs.text("warning", with_unit("Warns beyond", unit), warns, known.warning)}
            {inputs.text("breach", with_unit("Takes back beyond", unit), breaks, known.breach)}
        </div>
        <div class="form-row">
            {inputs.select("compared_with", "Compared", compared_choices(), compared, with)}
            {inputs.select("dry_run", "Only recorded", recorded_choices(), recorded, known.dry_run.map_or("", yes_or_no))}
        </div>
    }
    .into_any()
}

/// How the stable version is compared with.
fn beside(fields: &RuleFields, inputs: Inputs) -> AnyView {
    let known = fields.known.side.unwrap_or_default();
    // What is in force says it only where it is compared so.
    let now = fields.now.as_ref().and_then(|rule| rule.side);
    let hint = |helps: &str, now: Option<String>| match (now, helps) {
        (Some(now), "") => format!("Now: {now}."),
        (Some(now), _) => format!("{helps} Now {now}."),
        (None, _) => helps.to_owned(),
    };
    let of = |number: fn(SideInput) -> Option<f64>| now.and_then(number).map(|number| number.to_string());
    let sure = hint("0.8 to 0.9999; 0.98 when empty.", of(|side| side.confidence));
    let worse = hint("Share of the stable median; 0.25 when empty.", of(|side| side.tolerance));
    let values = hint("8 to 200, one each time; 20 when empty.", of(|side| side.samples.map(f64::from)));
    let by = hint("", now.and_then(|side| side.effect).map(|effect| effect_words(effect).to_owned()));
    let effect = known.effect.map_or("", effect_word);
    view! {
        <More label="How side by side compares" open=known != SideInput::default()>
            <div class="stack">
                <p class="note">
                    "The limits are then the share of pairs in which the version is worse: 0.65 warns and 0.8 takes back when they are left empty. Or how many times the worse mean is the better one, from 1."
                </p>
                <div class="form-row">
                    {inputs.select("effect", "Limits are", effect_choices(), by, effect)}
                    {inputs.field("confidence", "side.confidence", "How sure it must be", sure, known.confidence)}
                </div>
                <div class="form-row">
                    {inputs.field("tolerance", "side.tolerance", "Tolerated", worse, known.tolerance)}
                    {inputs.field("samples", "side.samples", "Values of each side", values, known.samples)}
                </div>
            </div>
        </More>
    }
    .into_any()
}

/// How often it must be too much.
fn counted(fields: &RuleFields, inputs: Inputs) -> AnyView {
    let known = &fields.known;
    let often = fields.hint("How many looks, 1 to 60.", |rule| rule.times, |times| times.to_string());
    let of = fields.hint("Only for 'of the last ones'.", |rule| rule.of, |of| of.to_string());
    let least = fields.hint("Fewer in a window are no data.", |rule| rule.minimum_requests, |least| least.to_string());
    let counted = fields.hint("", |rule| rule.counting, |counting| counting_words(counting).to_owned());
    let counting = known.counting.map_or("", counting_word);
    view! {
        <div class="form-row">
            {inputs.text("times", "Times beyond it", often, known.times)}
            {inputs.select("counting", "Counted", counting_choices(), counted, counting)}
        </div>
        <div class="form-row">
            {inputs.text("of", "Of how many", of, known.of)}
            {inputs.text("minimum_requests", "At least requests", least, known.minimum_requests)}
        </div>
    }
    .into_any()
}

/// How it is measured, and what holds where nothing is.
fn measured(fields: &RuleFields, inputs: Inputs) -> AnyView {
    let known = &fields.known;
    let seconds = |seconds: u32| format!("{seconds} s");
    let window = fields.hint("Over which a value is taken.", |rule| rule.window_seconds, seconds);
    let every = fields.hint("At most the window.", |rule| rule.interval_seconds, seconds);
    let missing = |now: fn(&RuleInput) -> Option<OnMissing>| fields.hint("", now, |now| missing_words(now).to_owned());
    let (no_data, failing) = (missing(|rule| rule.on_no_data), missing(|rule| rule.on_error));
    let (at_no_data, at_failing) = (missing_word(known.on_no_data), missing_word(known.on_error));
    view! {
        <div class="form-row">
            {inputs.text("window_seconds", "Window (seconds)", window, known.window_seconds)}
            {inputs.text("interval_seconds", "Every (seconds)", every, known.interval_seconds)}
        </div>
        <div class="form-row">
            {inputs.select("on_no_data", "No data", missing_choices(), no_data, at_no_data)}
            {inputs.select("on_error", "The source keeps failing", missing_choices(), failing, at_failing)}
        </div>
    }
    .into_any()
}

/// The entry for what the level before says.
fn as_before() -> Choice {
    Choice::new("", "as before")
}

fn compared_choices() -> Vec<Choice> {
    let choice = |with| Choice::new(compared_word(with), compared_words(with));
    vec![as_before(), choice(ComparedWith::Limits), choice(ComparedWith::Stable)]
}

const fn compared_word(with: ComparedWith) -> &'static str {
    match with {
        ComparedWith::Limits => "limits",
        ComparedWith::Stable => "stable",
    }
}

const fn compared_words(with: ComparedWith) -> &'static str {
    match with {
        ComparedWith::Limits => "with the limits, and no others",
        ComparedWith::Stable => "with the stable version, side by side",
    }
}

fn effect_choices() -> Vec<Choice> {
    let choice = |effect| Choice::new(effect_word(effect), effect_words(effect));
    vec![Choice::new("", "as usual"), choice(EffectOf::Pairs), choice(EffectOf::Means)]
}

const fn effect_word(effect: EffectOf) -> &'static str {
    match effect {
        EffectOf::Pairs => "pairs",
        EffectOf::Means => "means",
    }
}

const fn effect_words(effect: EffectOf) -> &'static str {
    match effect {
        EffectOf::Pairs => "the share of worse pairs",
        EffectOf::Means => "how many times the mean",
    }
}

fn counting_choices() -> Vec<Choice> {
    let choice = |counting| Choice::new(counting_word(counting), counting_words(counting));
    vec![as_before(), choice(Counting::InARow), choice(Counting::OfTheLast)]
}

const fn counting_word(counting: Counting) -> &'static str {
    match counting {
        Counting::InARow => "in_a_row",
        Counting::OfTheLast => "of_the_last",
    }
}

const fn counting_words(counting: Counting) -> &'static str {
    match counting {
        Counting::InARow => "in a row",
        Counting::OfTheLast => "of the last ones",
    }
}

fn recorded_choices() -> Vec<Choice> {
    vec![as_before(), Choice::new("no", "No, it is acted upon"), Choice::new("yes", "Yes, only recorded")]
}

const fn yes_or_no(is: bool) -> &'static str {
    if is { "yes" } else { "no" }
}

fn missing_choices() -> Vec<Choice> {
    let all = [OnMissing::Hold, OnMissing::Fail, OnMissing::Pass];
    let known = all.map(|missing| Choice::new(missing_word(Some(missing)), missing_words(missing)));
    std::iter::once(as_before()).chain(known).collect()
}

const fn missing_words(missing: OnMissing) -> &'static str {
    match missing {
        OnMissing::Hold => "pauses and asks",
        OnMissing::Fail => "counts against the version",
        OnMissing::Pass => "counts as good",
    }
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
            hint="Its value must be one number. {{service}}, {{namespace}} and {{version}} stand in quotes, {{window}} anywhere, the cluster's labels ({{matchers}}) between braces: sum(rate(failures{service=\"{{service}}\"}[{{window}}]))."
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
