//! What is measured of a promotion: each rule with how it stands, the lines of the two versions between
//! its limits, and the last samples with the questions as they were put.

use chrono::{DateTime, Utc};
use contract::{
    analysis::{AnalysisView, RuleView, SamplePoint, StepBand},
    promotions::PromotionView,
};
use domain::{
    analysis::{Finite, Unit, value_in_words},
    state::Mark,
};
use leptos::prelude::*;

use crate::components::{
    Band, Card, CheckRow, Checks, Chip, Limit, Line, LineChart, More, Series, Show, State, StateInline, Time,
};

/// So many samples of a rule are shown with their questions.
const LISTED: usize = 10;

/// So many words stand on the x axis.
const WORDS: u32 = 4;

/// The card of a promotion's analysis; nothing where its version is not judged by numbers.
pub fn analysis_of(view: &PromotionView) -> Option<AnyView> {
    let analysis = view.analysis.clone()?;
    let names = Names {
        stable: view.comparison.from.clone().unwrap_or_else(|| "stable".to_owned()),
        canary: view.line.version.clone(),
    };
    Some(card(&analysis, &names))
}

/// The versions, as lines are named.
struct Names {
    stable: String,
    canary: String,
}

fn card(analysis: &AnalysisView, names: &Names) -> AnyView {
    let is_drawn = |rule: &&RuleView| rule.unit != Unit::Count && has_values(rule);
    let drawn = analysis.rules.iter().filter(is_drawn);
    let drawn = drawn.map(|rule| rule_with_lines(rule, &analysis.bands, names)).collect_view();
    let others: Vec<_> = analysis.rules.iter().filter(|rule| !is_drawn(rule)).collect();
    let rows = others.iter().map(|rule| row(rule)).collect_view();
    let rows = (!others.is_empty()).then(|| view! { <Checks>{rows}</Checks> });
    view! {
        <Card title="Analysis" lead="the numbers by which this version is judged">
            <div class="stack">{drawn} {rows}</div>
        </Card>
    }
    .into_any()
}

fn has_values(rule: &RuleView) -> bool {
    rule.samples.iter().any(|sample| sample.canary.is_some() || sample.stable.is_some())
}

/// A rule without lines: what it asks and how it stands.
fn row(rule: &RuleView) -> AnyView {
    // Most verdicts begin with what they are about.
    let title = match rule.words.strip_prefix(&rule.what) {
        Some(verdict) if !verdict.trim().is_empty() => format!("{}: {}", rule.what, verdict.trim()),
        _ => format!("{}: {}", rule.what, rule.words),
    };
    view! { <CheckRow state=State::from(rule.mark) title note=rule.asks.clone() /> }.into_any()
}

fn rule_with_lines(rule: &RuleView, bands: &[StepBand], names: &Names) -> AnyView {
    let heading =
        format!("{}{}", rule.what.get(..1).unwrap_or_default().to_uppercase(), rule.what.get(1..).unwrap_or_default());
    let recorded = rule.is_dry_run.then(|| view! { <Chip outline=true>"only recorded"</Chip> });
    let state = State::from(rule.mark);
    let word = if rule.mark == Mark::Nothing { format!("no data: {}", rule.words) } else { rule.words.clone() };
    let (drawn, table) = (chart(rule, &heading, bands, names), samples(rule));
    view! {
        <section class="analysis-rule" aria-label=heading.clone()>
            <div class="analysis-head">
                <h3 class="analysis-what">{heading.clone()}</h3>
                <StateInline state word />
                {recorded}
            </div>
            {drawn}
            <p class="analysis-asks">{rule.asks.clone()}</p>
            <More label="Last samples, with the questions">{table}</More>
        </section>
    }
    .into_any()
}

/// Minutes from one moment to another.
fn minutes(from: DateTime<Utc>, to: DateTime<Utc>) -> f64 {
    let seconds = i32::try_from((to - from).num_seconds()).unwrap_or(i32::MAX);
    f64::from(seconds) / 60.0
}

const fn unit_words(unit: Unit) -> &'static str {
    match unit {
        Unit::Percent => " %",
        Unit::Milliseconds => " ms",
        Unit::PerSecond => " per second",
        Unit::Count | Unit::None => "",
    }
}

fn chart(rule: &RuleView, heading: &str, bands: &[StepBand], names: &Names) -> AnyView {
    let (Some(first), Some(last)) = (rule.samples.first(), rule.samples.last()) else { return ().into_any() };
    // A band that reaches before the first sample shows since when the version has had its share.
    let near = first.at - chrono::Duration::minutes(5);
    let start = bands.iter().map(|band| band.from).filter(|from| *from >= near).fold(first.at, DateTime::min);
    let end = last.at.max(start + chrono::Duration::minutes(2));
    let place = |at: DateTime<Utc>| minutes(start, at);
    let line = |series: Series, name: &str, value: fn(&SamplePoint) -> Option<Finite>| Line {
        series,
        name: name.to_owned(),
        points: rule.samples.iter().map(|one| (place(one.at), value(one).map(Finite::get))).collect(),
    };
    let mut lines = vec![line(Series::Canary, &names.canary, |one| one.canary)];
    if rule.samples.iter().any(|one| one.stable.is_some()) {
        lines.insert(0, line(Series::Stable, &names.stable, |one| one.stable));
    }
    let limit = |value: Option<Finite>, word: &str| {
        value.map(|value| Limit {
            value: value.get(),
            words: format!("{word} {}", value_in_words(rule.unit, value.get())),
        })
    };
    let shown = bands.iter().filter(|band| band.from < end && band.to.is_none_or(|to| to > start));
    let bands: Vec<Band> = shown
        .map(|band| Band {
            from: place(band.from.max(start)),
            to: place(band.to.unwrap_or(end).min(end)),
            title: band.words.clone(),
        })
        .collect();
    let range = (0.0, place(end));
    let label = format!("{heading}, by minutes since {}", start.format("%H:%M UTC"));
    view! {
        <LineChart
            label
            unit=unit_words(rule.unit)
            lines
            range
            marks=marks(start, end)
            limit=limit(rule.breach, "limit")
            warning=limit(rule.warning, "warning")
            bands
        />
    }
    .into_any()
}

/// Times along the x axis, evenly, each with its place in minutes.
fn marks(start: DateTime<Utc>, end: DateTime<Utc>) -> Vec<(f64, String)> {
    let whole = minutes(start, end);
    // Closer together than a minute two times would read the same.
    let format = if whole < 2.0 * f64::from(WORDS) { "%H:%M:%S" } else { "%H:%M" };
    (0..=WORDS)
        .map(|part| {
            let at = whole * f64::from(part) / f64::from(WORDS);
            let moment = start + (end - start) * i32::try_from(part).unwrap_or(0) / i32::try_from(WORDS).unwrap_or(1);
            (at, moment.format(format).to_string())
        })
        .collect()
}

/// The last samples as a table, newest first.
fn samples(rule: &RuleView) -> AnyView {
    let unit = rule.unit;
    let shown = move |value: Option<Finite>| value.map_or_else(|| "–".to_owned(), |v| value_in_words(unit, v.get()));
    let rows = rule
        .samples
        .iter()
        .rev()
        .take(LISTED)
        .map(|sample| {
            let (canary, stable) = (shown(sample.canary), shown(sample.stable));
            let state = State::from(sample.mark);
            view! {
                <tr>
                    <td data-label="At">
                        <Time at=sample.at show=Show::Seconds />
                    </td>
                    <td data-label="New" class="number">
                        {canary}
                    </td>
                    <td data-label="Stable" class="number">
                        {stable}
                    </td>
                    <td data-label="Verdict">
                        <StateInline state word=sample.words.clone() />
                    </td>
                    <td data-label="Question">
                        <code class="analysis-query">{sample.query.clone()}</code>
                    </td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <div class="table-scroll">
            <table class="table table-stacks">
                <thead>
                    <tr>
                        <th scope="col">"At"</th>
                        <th scope="col">"New"</th>
                        <th scope="col">"Stable"</th>
                        <th scope="col">"Verdict"</th>
                        <th scope="col">"Question"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .into_any()
}

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use super::*;

    fn moment(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_772_442_000 + seconds, 0).unwrap_or_default()
    }

    fn rule(samples: Vec<SamplePoint>) -> RuleView {
        RuleView {
            rule: "error-rate".to_owned(),
            what: "error rate".to_owned(),
            asks: "above 5 % takes it back".to_owned(),
            unit: Unit::Percent,
            warning: Finite::new(1.0),
            breach: Finite::new(5.0),
            mark: Mark::Failed,
            words: "error rate 12.5 % is above 5 %".to_owned(),
            is_dry_run: false,
            samples,
        }
    }

    fn drawn(rules: Vec<RuleView>) -> String {
        let band = |words: &str, from, to: Option<i64>| StepBand {
            words: words.to_owned(),
            from: moment(from),
            to: to.map(moment),
        };
        let analysis = AnalysisView { rules, bands: vec![band("10 %", 0, Some(180)), band("back", 180, None)] };
        let names = Names { stable: "1.0".to_owned(), canary: "2.0".to_owned() };
        Owner::new().with(|| card(&analysis, &names).to_html()).replace("<!>", "")
    }

    #[test]
    fn a_rule_is_drawn_with_both_versions_its_limits_the_steps_and_the_questions() {
        let sample = |seconds, canary: Option<f64>| SamplePoint {
            at: moment(seconds),
            canary: canary.and_then(Finite::new),
            stable: Finite::new(0.4),
            mark: Mark::Failed,
            words: "error rate 12.5 % is above 5 %".to_owned(),
            query: "sum(rate(x[60s]))".to_owned(),
        };
        let html = drawn(vec![rule(vec![sample(60, Some(12.5)), sample(120, None), sample(180, Some(12.5))])]);
        for part in ["2.0 12.5 %", "1.0 0.40 %", "limit 5 %", "warning 1 %", "10 %", "sum(rate(x[60s]))", "no data"] {
            assert!(html.contains(part), "{part} is missing in {html}");
        }
        assert_eq!(html.matches("chart-limit-early\"").count(), 1, "{html}");
        assert!(!html.contains("style=") && !html.contains("NaN") && !html.contains("inf"), "{html}");
    }

    #[test]
    fn a_rule_without_values_is_a_line_that_says_so() {
        let waiting = RuleView { mark: Mark::Nothing, words: "not looked at yet".to_owned(), ..rule(Vec::new()) };
        let html = drawn(vec![waiting]);
        assert!(html.contains("error rate: not looked at yet") && html.contains("above 5 % takes it back"), "{html}");
        assert!(!html.contains("<figure"), "{html}");
    }
}
