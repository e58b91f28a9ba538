//! A tile: one figure, what it means against before, and its course.

use super::chart::Sparkline;
use super::state::State;
use leptos::children::ViewFnOnce;
use leptos::prelude::*;

/// How a figure compares with the time before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TileChange {
    /// Done when it got better, failed when it got worse, nothing when it did not change.
    pub state: State,
    /// In words that carry the direction: '+12 % on the 90 days before', 'no change'.
    pub words: String,
}

/// One figure. Without a figure it says what must be reported for one to appear.
#[component]
pub fn Tile(
    /// Its name: 'Change lead time'.
    #[prop(into)]
    label: String,
    /// The figure: '9 h 20 min'. `None` shows `absent`.
    #[prop(optional_no_strip, into)]
    value: Option<String>,
    /// What the figure is of: 'median', '% of 576'.
    #[prop(optional, into)]
    unit: Option<String>,
    /// Against before.
    #[prop(optional_no_strip)]
    change: Option<TileChange>,
    /// A chip at the right: the benchmark level.
    #[prop(optional, into)]
    badge: Option<ViewFnOnce>,
    /// What must be reported for a figure to appear.
    #[prop(optional, into)]
    absent: Option<String>,
    /// Its course, oldest first; `None` where there was nothing to measure.
    #[prop(optional)]
    course: Vec<Option<f64>>,
    /// The rows behind it.
    #[prop(optional, into)]
    href: Option<String>,
) -> impl IntoView {
    let course_label = format!("Course of {}", label.to_lowercase());
    let name = match href {
        Some(href) => view! { <a class="tile-link" href=href>{label}</a> }.into_any(),
        None => label.into_any(),
    };
    let figure = match value {
        Some(value) => view! {
            <p class="tile-figure">
                {value} {unit.map(|unit| view! { <span class="tile-unit">{unit}</span> })}
            </p>
        }
        .into_any(),
        None => {
            let words = absent.unwrap_or_else(|| "No figure yet".to_owned());
            view! { <p class="tile-absent">{words}</p> }.into_any()
        }
    };
    view! {
        <article class="tile">
            <div class="tile-words">
                <div class="tile-head">
                    <h2 class="tile-label">{name}</h2>
                    {badge.map(|badge| badge.run())}
                </div>
                {figure}
                {change
                    .map(|change| {
                        view! { <p class=format!("tile-change {}", change.state.class())>{change.words}</p> }
                    })}
            </div>
            {(course.iter().flatten().count() > 1).then(|| view! { <Sparkline points=course label=course_label /> })}
        </article>
    }
}
