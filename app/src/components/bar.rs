//! A progress bar.

use super::chart::scale::{clamp_share, figure};
use super::state::State;
use leptos::prelude::*;

/// A share that is done. Its length is an SVG attribute, since style attributes are blocked.
#[component]
pub fn ProgressBar(
    /// From 0 to 1; what lies outside counts as the nearer end, no number as 0.
    share: f64,
    /// What progresses: 'Weight of the canary'.
    #[prop(into)]
    label: String,
    /// The tone.
    #[prop(optional)]
    state: State,
    /// Twice as high.
    #[prop(optional)]
    thick: bool,
) -> impl IntoView {
    let percent = figure(clamp_share(share) * 100.0);
    let class = super::classes(&["bar", state.class(), if thick { "bar-thick" } else { "" }]);
    view! {
        <svg
            class=class
            height="4"
            role="progressbar"
            aria-label=label
            aria-valuemin="0"
            aria-valuemax="100"
            aria-valuenow=percent.clone()
        >
            <rect class="bar-track" width="100%" height="100%" />
            <rect class="bar-fill" width=format!("{percent}%") height="100%" rx="2" />
        </svg>
    }
}
