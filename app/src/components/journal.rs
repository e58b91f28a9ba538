//! What happened, newest first: when, what, in which words, by whom.

use super::state::State;
use super::time::{Show, Time};
use chrono::{DateTime, Utc};
use leptos::prelude::*;

/// A list of what happened.
#[component]
pub fn Journal(
    /// Rows.
    children: Children,
) -> impl IntoView {
    view! { <ol class="journal">{children()}</ol> }
}

/// One entry.
#[component]
pub fn JournalRow(
    /// When.
    at: DateTime<Utc>,
    /// What, in a word or two: 'Approved, 1 of 2', 'Weight 10 → 25 %'.
    #[prop(into)]
    what: String,
    /// Who, or the name of the rule that acted.
    #[prop(into)]
    who: String,
    /// Failed sets what happened in red; the others change nothing.
    #[prop(optional)]
    state: State,
    /// How the time is written; with the day where entries are further apart than one.
    #[prop(default = Show::Seconds)]
    show: Show,
    /// Why, and what was seen.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    view! {
        <li class=format!("journal-row {}", state.class())>
            <span class="journal-when"><Time at show /></span>
            <span class="journal-what">{what}</span>
            <span class="journal-words">{children.map(|children| children())}</span>
            <span class="journal-who">{who}</span>
        </li>
    }
}
