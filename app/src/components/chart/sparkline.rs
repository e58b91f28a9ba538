//! The course of one figure, without axes.

use super::scale::{Linear, path};
use leptos::prelude::*;

/// A small line. Gaps are gaps; the ground below is filled where there is none.
#[component]
pub fn Sparkline(
    /// Oldest first; `None` where there was nothing to measure.
    points: Vec<Option<f64>>,
    /// What it is the course of.
    #[prop(into)]
    label: String,
) -> impl IntoView {
    let known = || points.iter().flatten().copied().filter(|value| value.is_finite());
    let low = known().fold(f64::INFINITY, f64::min);
    let high = known().fold(f64::NEG_INFINITY, f64::max);
    let last = points.len().saturating_sub(1).max(1) as f64;
    let scale = Linear::new(low, high);
    // A tenth is kept free above and a quarter below, so that the line never touches an edge.
    let place = |value: f64| 0.25 + 0.65 * if high > low { scale.at(value) } else { 0.5 };
    let line = path(points.iter().enumerate().map(|(index, value)| (index as f64 / last, value.map(place))));
    let whole = points.iter().all(Option::is_some);
    let area = (whole && !points.is_empty()).then(|| format!("{line}L1000 1000L0 1000Z"));
    view! {
        <svg class="sparkline" viewBox="0 0 1000 1000" preserveAspectRatio="none" height="34" role="img" aria-label=label>
            {area.map(|area| view! { <path class="sparkline-area" d=area /> })}
            <path class="sparkline-line" d=line />
        </svg>
    }
}
