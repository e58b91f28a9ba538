//! How many in each stretch of time, and how many of them failed.

use super::scale::{Linear, figure, thinned, whole_ticks};
use super::{XWord, grid, mark, percent, twin, x_axis, y_axis};
use leptos::prelude::*;

/// One stretch of time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bar {
    /// Its name: '26 May'.
    pub label: String,
    /// How many in all.
    pub value: f64,
    /// How many of them failed.
    pub failed: f64,
    /// It is not over yet.
    pub partial: bool,
    /// The rows behind it.
    pub href: Option<String>,
}

/// More words than this do not fit under the bars.
const WORDS: usize = 8;

/// Bars from nought, failed ones in red at their foot.
#[component]
pub fn BarChart(
    /// What is counted, for screen readers and the table: 'Deployments per week'.
    #[prop(into)]
    label: String,
    /// What one is called: 'deployments'.
    #[prop(into)]
    unit: String,
    /// In order.
    bars: Vec<Bar>,
) -> impl IntoView {
    let most = bars.iter().map(|bar| bar.value).fold(0.0, f64::max);
    let ticks = whole_ticks(most, 3);
    let scale = Linear::new(0.0, ticks.last().copied().unwrap_or(1.0));
    let heights: Vec<f64> = ticks.iter().map(|tick| scale.at(*tick)).collect();
    let axis = ticks.iter().map(|tick| (scale.at(*tick), figure(*tick), "")).collect();
    let count = bars.len().max(1) as f64;
    let shown = thinned(bars.len(), WORDS);
    let words = bars
        .iter()
        .enumerate()
        .filter(|(index, _)| shown(*index))
        .map(|(index, bar)| XWord { at: (index as f64 + 0.5) / count, words: bar.label.clone() })
        .collect();
    let rows = bars.iter().map(|bar| vec![bar.label.clone(), figure(bar.value), figure(bar.failed)]).collect();
    let marks = bars
        .into_iter()
        .enumerate()
        .map(|(index, bar)| drawn(bar, index as f64 / count, 1.0 / count, scale, &unit))
        .collect_view();
    view! {
        <figure class="chart">
            {y_axis(axis)}
            <svg class="chart-plot" role="group" aria-label=label.clone()>
                {grid(&heights)}
                {marks}
            </svg>
            {x_axis(words)}
            {twin(label, vec!["When".to_owned(), unit, "failed".to_owned()], rows)}
        </figure>
    }
}

/// One bar within its column.
fn drawn(bar: Bar, left: f64, room: f64, scale: Linear, unit: &str) -> impl IntoView + use<> {
    let so_far = if bar.partial { " so far" } else { "" };
    let words = format!("{}: {} {unit}{so_far}, {} failed", bar.label, figure(bar.value), figure(bar.failed));
    let (x, width) = (percent(left + room * 0.1), percent(room * 0.8));
    let (height, failed) = (scale.at(bar.value), scale.at(bar.failed));
    let red = (failed > 0.0).then(|| {
        view! {
            <rect
                class="chart-bar-failed"
                x=x.clone()
                y=percent(1.0 - failed)
                width=width.clone()
                height=percent(failed)
                rx="1.5"
            />
        }
    });
    let shape = view! {
        <rect class="chart-hit" x=percent(left) y="0" width=percent(room) height="100%" />
        <rect
            class=if bar.partial { "chart-bar chart-partial" } else { "chart-bar" }
            x=x.clone()
            y=percent(1.0 - height)
            width=width.clone()
            height=percent(height)
            rx="2"
        />
        {red}
    };
    mark(bar.href, words, shape)
}
