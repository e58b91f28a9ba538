//! Names and values of one thing.

use leptos::prelude::*;

/// A list of names and values.
#[component]
pub fn DefinitionList(
    /// Definitions.
    children: Children,
) -> impl IntoView {
    view! { <dl class="definitions">{children()}</dl> }
}

/// One name and its value.
#[component]
pub fn Definition(
    /// The name.
    #[prop(into)]
    term: String,
    /// The value.
    children: Children,
) -> impl IntoView {
    view! {
        <dt>{term}</dt>
        <dd>{children()}</dd>
    }
}
