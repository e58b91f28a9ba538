//! How figures went over time: stable and canary, the limit, the steps behind them.

use super::super::Series;
use super::scale::{Linear, figure, path, sample, spread, ticks};
use super::{XWord, grid, mark, percent, twin, x_axis, y_axis};
use leptos::prelude::*;

/// One line.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Stable or canary.
    pub series: Series,
    /// Its name at its end: 'canary 2.30.4'.
    pub name: String,
    /// Place on the x axis in the chart's own unit, and value; `None` where there was no sample.
    pub points: Vec<(f64, Option<f64>)>,
}

/// What must not be passed.
#[derive(Clone, Debug, PartialEq)]
pub struct Limit {
    /// In the unit of the values.
    pub value: f64,
    /// In words: 'limit 5 %'.
    pub words: String,
}

/// A stretch of the x axis: a step of a promotion.
#[derive(Clone, Debug, PartialEq)]
pub struct Band {
    /// Where it begins, in the unit of the x axis.
    pub from: f64,
    /// Where it ends.
    pub to: f64,
    /// Its name: '25 %'.
    pub title: String,
}

/// More columns under the pointer than this are narrower than a pointer.
const COLUMNS: usize = 80;

/// Two names need this much of the height between them.
const APART: f64 = 0.1;

/// Above this the names of bands stand; those of lines stay below.
const UNDER_BANDS: f64 = 0.84;

/// How wide a letter and the room around a name are at the least width of a chart, as shares of it: on a screen, and on
/// a phone.
const LETTER: [(f64, f64); 2] = [(0.011, 0.02), (0.025, 0.04)];

/// Lines over time.
#[component]
pub fn LineChart(
    /// What is shown, for screen readers and the table: 'Error rate'.
    #[prop(into)]
    label: String,
    /// What is written after a value: ' %', ' ms'.
    #[prop(optional, into)]
    unit: String,
    /// Lines, stable first.
    lines: Vec<Line>,
    /// The whole x axis, which may reach into the future: from and to.
    range: (f64, f64),
    /// Words on the x axis: place and words ('13:06').
    marks: Vec<(f64, String)>,
    /// What must not be passed.
    #[prop(optional_no_strip)]
    limit: Option<Limit>,
    /// What people are told of before that.
    #[prop(optional_no_strip)]
    warning: Option<Limit>,
    /// Steps behind the lines.
    #[prop(optional)]
    bands: Vec<Band>,
) -> impl IntoView {
    let x = Linear::new(range.0, range.1);
    let highest = lines
        .iter()
        .flat_map(|line| line.points.iter().filter_map(|(_, value)| *value))
        .chain(limit.as_ref().or(warning.as_ref()).map(|limit| limit.value * 1.25))
        .filter(|value| value.is_finite())
        .fold(0.0, f64::max);
    let steps = ticks(highest, 2);
    let y = Linear::new(0.0, steps.last().copied().unwrap_or(1.0));
    let heights: Vec<f64> = steps.iter().map(|step| y.at(*step)).collect();
    let axis = steps.iter().map(|step| (y.at(*step), format!("{}{unit}", figure(*step)), "")).collect();
    let words = marks.into_iter().map(|(at, words)| XWord { at: x.at(at), words }).collect();
    let nothing = lines.iter().all(|line| line.points.iter().all(|(_, value)| value.is_none()));
    let (head, rows) = table(&lines, &unit);
    let drawn = lines.iter().map(|line| one_line(line, x, y)).collect_view();
    let top = if bands.is_empty() { 1.0 } else { UNDER_BANDS };
    let ends = ends(&lines, x, y, &unit, top);
    // The names of limits stand at the side where those of lines do not.
    let side = if lines.iter().filter_map(last_of).any(|(at, _)| is_late(x.at(at))) { Side::Left } else { Side::Right };
    let limits = limit_lines(warning, limit, y, side);
    let hits = hits(&lines, &bands, x, &unit);
    let names = names(&lines, &unit);
    view! {
        {names}
        <figure class="chart">
            {y_axis(axis)}
            <svg class="chart-plot" role="img" aria-label=label.clone()>
                {bands.into_iter().map(|band| one_band(band, x)).collect_view()}
                {grid(&heights)}
                {limits}
                <svg viewBox="0 0 1000 1000" preserveAspectRatio="none" width="100%" height="100%">
                    {drawn}
                </svg>
                {hits}
                {ends}
            </svg>
            {x_axis(words)}
            {nothing.then(|| view! { <span class="chart-none">"No samples yet"</span> })}
            {twin(label, head, rows)}
        </figure>
    }
}

fn one_line(line: &Line, x: Linear, y: Linear) -> impl IntoView + use<> {
    let d = path(line.points.iter().map(|(at, value)| (x.at(*at), value.map(|value| y.at(value)))));
    view! {
        <g>
            <path class=format!("chart-line {}", line.series.class()) d=d />
        </g>
    }
}

/// A band with its name, which is left out where it is wider than the band; the pointer finds it there.
fn one_band(band: Band, x: Linear) -> impl IntoView {
    let (from, to) = (x.at(band.from), x.at(band.to));
    let letters = u32::try_from(band.title.chars().count()).unwrap_or(u32::MAX);
    let [is_narrow, is_narrow_on_phone] =
        LETTER.map(|(letter, around)| to - from < f64::from(letters) * letter + around);
    let class = super::super::classes(&[
        "chart-band-title",
        if is_narrow { "chart-band-hidden" } else { "" },
        if is_narrow_on_phone { "chart-band-narrow" } else { "" },
    ]);
    let edge = (from > 0.0).then(|| {
        view! {
            <g>
                <line class="chart-band-edge" x1=percent(from) x2=percent(from) y1="0" y2="100%" />
            </g>
        }
    });
    view! {
        <g>
            <rect class="chart-band" x=percent(from) y="0" width=percent(to - from) height="100%" />
            {edge}
            <text class=class x=percent(from) dx="6" y="6">
                {band.title}
            </text>
        </g>
    }
}

/// At which side of a chart names stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Left,
    Right,
}

/// Whether a line ends so far to the right that its name stands before its end.
fn is_late(place: f64) -> bool {
    place > 0.5
}

/// The lines of limits with their names, moved apart where they would cover one another.
fn limit_lines(warning: Option<Limit>, limit: Option<Limit>, y: Linear, side: Side) -> impl IntoView {
    let early = warning.map(|warning| (warning, "chart-limit chart-limit-early"));
    let all: Vec<_> = early.into_iter().chain(limit.map(|limit| (limit, "chart-limit"))).collect();
    let heights: Vec<f64> = all.iter().map(|(limit, _)| y.at(limit.value)).collect();
    let moved = spread(&heights, APART, 1.0);
    let drawn = all.into_iter().zip(moved).map(|((limit, class), height)| limit_line(limit, y, class, (height, side)));
    drawn.collect_view()
}

fn limit_line(limit: Limit, y: Linear, class: &'static str, (height, side): (f64, Side)) -> impl IntoView {
    let at = percent(1.0 - y.at(limit.value));
    let title = if class == "chart-limit" { "" } else { "chart-limit-early-title" };
    let (x, dx, place) = match side {
        Side::Left => ("0", "6", "chart-limit-left"),
        Side::Right => ("100%", "-4", ""),
    };
    view! {
        <g>
            <line class=class x1="0" x2="100%" y1=at.clone() y2=at />
            <text class=super::super::classes(&["chart-limit-title", title, place]) x=x dx=dx y=percent(1.0 - height) dy="-5">
                {limit.words}
            </text>
        </g>
    }
}

/// The last sample of a line: its place and its value.
fn last_of(line: &Line) -> Option<(f64, f64)> {
    line.points.iter().rev().find_map(|(at, value)| value.map(|value| (*at, value)))
}

/// The names and last values above the chart, which only a phone shows: it has no room at the ends of the lines.
fn names(lines: &[Line], unit: &str) -> impl IntoView + use<> {
    let items = lines
        .iter()
        .map(|line| {
            let value = last_of(line).map_or_else(|| "no data".to_owned(), |(_, value)| sample(value) + unit);
            view! {
                <li>
                    <span class=format!("swatch {}", line.series.class())></span>
                    {format!("{} {value}", line.name)}
                </li>
            }
        })
        .collect_view();
    view! {
        <ul class="chart-legend chart-names" aria-hidden="true">
            {items}
        </ul>
    }
}

/// The last sample of each line with its name and value, moved apart where they would cover one another.
fn ends(lines: &[Line], x: Linear, y: Linear, unit: &str, top: f64) -> impl IntoView + use<> {
    let last: Vec<(&Line, f64, f64)> = lines
        .iter()
        .filter_map(|line| {
            let (at, value) = last_of(line)?;
            Some((line, at, value))
        })
        .collect();
    let heights: Vec<f64> = last.iter().map(|(_, _, value)| y.at(*value)).collect();
    let moved = spread(&heights, APART, top);
    last.into_iter()
        .zip(moved)
        .map(|((line, at, value), height)| {
            let place = x.at(at);
            let class = line.series.class();
            // In the right half the words stand before the end of the line, a little above it.
            let (anchor, dx, dy) = if is_late(place) { ("end", "-8", "-8") } else { ("start", "8", "0") };
            view! {
                <g>
                    <circle class=format!("chart-end {class}") cx=percent(place) cy=percent(1.0 - y.at(value)) r="4" />
                    <text
                        class=format!("chart-end-title {class}")
                        x=percent(place)
                        dx=dx
                        y=percent(1.0 - height)
                        dy=dy
                        text-anchor=anchor
                        dominant-baseline="central"
                    >
                        {format!("{} {}{unit}", line.name, sample(value))}
                    </text>
                </g>
            }
        })
        .collect_view()
}

/// All places on the x axis that have a sample, once and in order.
fn places(lines: &[Line]) -> Vec<f64> {
    let mut places: Vec<f64> = lines.iter().flat_map(|line| line.points.iter().map(|(at, _)| *at)).collect();
    places.sort_by(f64::total_cmp);
    places.dedup();
    places
}

/// What each line says at a place, in words.
fn said(lines: &[Line], at: f64, unit: &str) -> Vec<String> {
    lines
        .iter()
        .map(|line| {
            let value = line.points.iter().find(|(place, _)| *place == at).and_then(|(_, value)| *value);
            value.map_or_else(|| "no data".to_owned(), |value| format!("{}{unit}", sample(value)))
        })
        .collect()
}

/// Columns that show the band and the values under the pointer.
fn hits(lines: &[Line], bands: &[Band], x: Linear, unit: &str) -> impl IntoView + use<> {
    let places = places(lines);
    let every = places.len().div_ceil(COLUMNS).max(1);
    let kept: Vec<f64> = places.into_iter().step_by(every).collect();
    let width = kept.windows(2).map(|pair| x.at(pair[1]) - x.at(pair[0])).fold(1.0, f64::min).max(0.002);
    kept.into_iter()
        .map(|at| {
            let band = bands.iter().rfind(|band| band.from <= at && at <= band.to).map(|band| band.title.clone());
            let values = lines.iter().zip(said(lines, at, unit)).map(|(line, said)| format!("{}: {said}", line.name));
            let words = band.into_iter().chain(values).collect::<Vec<_>>().join("\n");
            let left = percent((x.at(at) - width / 2.0).max(0.0));
            mark(None, words, view! { <rect class="chart-hit" x=left y="0" width=percent(width) height="100%" /> })
        })
        .collect_view()
}

fn table(lines: &[Line], unit: &str) -> (Vec<String>, Vec<Vec<String>>) {
    let mut head = vec!["At".to_owned()];
    head.extend(lines.iter().map(|line| line.name.clone()));
    let rows = places(lines)
        .into_iter()
        .map(|at| {
            let mut row = vec![figure(at)];
            row.extend(said(lines, at, unit));
            row
        })
        .collect();
    (head, rows)
}
