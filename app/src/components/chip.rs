//! Chips: facts in a word, and links that narrow what is shown.

use super::icon::{Glyph, Icon, IconSize};
use super::state::State;
use leptos::prelude::*;

/// A fact in a word or two: 'hotfix', 'elite'. It is not a state; for those take a `StatePill`.
#[component]
pub fn Chip(
    /// The tone it is set in.
    #[prop(optional)]
    tone: State,
    /// A border instead of a ground: a name rather than a judgement.
    #[prop(optional)]
    outline: bool,
    /// An icon before the words.
    #[prop(optional)]
    glyph: Option<Glyph>,
    /// The words.
    children: Children,
) -> impl IntoView {
    let class = super::classes(&["chip", tone.class(), if outline { "chip-outline" } else { "" }]);
    view! {
        <span class=class>
            {glyph.map(|glyph| view! { <Icon glyph size=IconSize::Small /> })}
            {children()}
        </span>
    }
}

/// The row that filters stand in.
#[component]
pub fn Filters(
    /// What is narrowed, for screen readers: 'Filter services'.
    #[prop(into)]
    label: String,
    /// Filters.
    children: Children,
) -> impl IntoView {
    view! {
        <nav class="filters" aria-label=label>
            {children()}
        </nav>
    }
}

/// A thin line between groups of filters.
#[component]
pub fn FilterBreak() -> impl IntoView {
    view! { <span class="filters-break" aria-hidden="true"></span> }
}

/// A filter as a link: the state of a list lies in its address.
#[component]
pub fn FilterChip(
    /// The list with this filter on, or without it when it is on.
    #[prop(into)]
    href: String,
    /// Whether it is on.
    #[prop(optional)]
    on: bool,
    /// The words.
    children: Children,
) -> impl IntoView {
    view! {
        <a class="filter" href=href aria-current=on.then_some("true")>
            {children()}
            {on.then(|| view! { <span class="hidden-visually">" (on; choose to remove)"</span> })}
        </a>
    }
}

/// How many are in a state, as a filter: '2 waiting'.
#[component]
pub fn FilterCount(
    /// Which state.
    state: State,
    /// How many.
    count: u64,
    /// The word after the number.
    #[prop(into)]
    word: String,
    /// The list with only these, or with all when it is on.
    #[prop(into)]
    href: String,
    /// Whether it is on.
    #[prop(optional)]
    on: bool,
) -> impl IntoView {
    view! {
        <a class=format!("filter filter-count {}", state.class()) href=href aria-current=on.then_some("true")>
            <Icon glyph=state.glyph() size=IconSize::Small />
            {format!("{count} {word}")}
        </a>
    }
}
