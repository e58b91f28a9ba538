//! Sentences of the server: the moments in them are shown as all others are.

use super::time::{Show, Time};
use domain::moment_words::{Piece, pieces};
use leptos::prelude::*;

/// A sentence, its moments in the reader's zone once scripting runs.
#[component]
pub fn Sentence(
    /// As it came; a moment in it is written `2026-11-22 13:02 UTC`.
    #[prop(into)]
    words: String,
) -> impl IntoView {
    let parts = pieces(&words)
        .into_iter()
        .map(|piece| match piece {
            Piece::Text(text) => text.to_owned().into_any(),
            Piece::Moment { at, to_the_second, .. } => {
                let show = if to_the_second { Show::NearSeconds } else { Show::Near };
                view! { <Time at show /> }.into_any()
            }
        })
        .collect::<Vec<_>>();
    parts.into_view()
}
