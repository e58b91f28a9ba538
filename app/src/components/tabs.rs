//! Places within one thing, each a link with an address of its own.

use leptos::prelude::*;

/// A row of places.
#[component]
pub fn Tabs(
    /// Of what, for screen readers.
    #[prop(into)]
    label: String,
    /// Tabs.
    children: Children,
) -> impl IntoView {
    view! {
        <nav class="tabs" aria-label=label>
            {children()}
        </nav>
    }
}

/// One place.
#[component]
pub fn Tab(
    /// Its address.
    #[prop(into)]
    href: String,
    /// Whether we are there.
    #[prop(optional)]
    current: bool,
    /// Its name.
    children: Children,
) -> impl IntoView {
    view! {
        <a class="tab" href=href aria-current=current.then_some("page")>
            {children()}
        </a>
    }
}
