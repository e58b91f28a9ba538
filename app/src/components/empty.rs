//! An empty screen: what would be here, and what to do next.

use super::code::Code;
use super::icon::{Glyph, Icon, IconSize};
use leptos::children::ViewFnOnce;
use leptos::prelude::*;

/// Nothing to show, and what to do about it.
#[component]
pub fn EmptyState(
    /// The icon of what would be here.
    #[prop(optional)]
    glyph: Option<Glyph>,
    /// What is the case: 'No version has been reported yet'.
    #[prop(into)]
    title: String,
    /// What to do next, in a sentence.
    #[prop(into)]
    words: String,
    /// A command that does it, to copy.
    #[prop(optional, into)]
    command: Option<String>,
    /// Buttons.
    #[prop(optional, into)]
    acts: Option<ViewFnOnce>,
) -> impl IntoView {
    view! {
        <div class="empty">
            {glyph.map(|glyph| view! { <Icon glyph size=IconSize::Large /> })}
            <h2 class="empty-title">{title}</h2>
            <p class="empty-words">{words}</p>
            {command.map(|text| view! { <Code text label="Command" /> })}
            {acts.map(|acts| view! { <div class="empty-acts">{acts.run()}</div> })}
        </div>
    }
}
