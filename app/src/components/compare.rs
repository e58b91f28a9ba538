//! What would change: added, removed, changed, each with its sign.

use super::state::State;
use leptos::prelude::*;

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It was not there before.
    Added {
        /// The value that comes.
        value: String,
    },
    /// It will not be there.
    Removed {
        /// The value that goes.
        value: String,
    },
    /// It was something else.
    Changed {
        /// The value that goes.
        before: String,
        /// The value that comes.
        after: String,
    },
}

/// One difference under its name. Put rows into `<div class="diff">`.
#[component]
pub fn DiffRow(
    /// What differs: 'env REFUND_LIMIT'.
    #[prop(into)]
    name: String,
    /// How.
    change: Change,
) -> impl IntoView {
    let (state, sign, word, before, after) = match change {
        Change::Added { value } => (State::Done, "+", "added", None, Some(value)),
        Change::Removed { value } => (State::Failed, "\u{2212}", "removed", Some(value), None),
        Change::Changed { before, after } => (State::Waiting, "~", "changed", Some(before), Some(after)),
    };
    view! {
        <div class=format!("diff-row {}", state.class())>
            <span class="diff-sign" aria-hidden="true">
                {sign}
            </span>
            <span class="diff-name">{name} <span class="hidden-visually">" "{word}</span></span>
            <span class="diff-values">
                {before.map(|before| view! { <del>{before}</del> })} {after.map(|after| view! { <ins>{after}</ins> })}
            </span>
        </div>
    }
}
