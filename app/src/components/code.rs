//! A command or a text to copy.

use super::copy::CopyButton;
use leptos::prelude::*;

/// A block of code with a button that copies it.
#[component]
pub fn Code(
    /// The text, line breaks included.
    #[prop(into)]
    text: String,
    /// What it is, for screen readers: 'Command'.
    #[prop(into)]
    label: String,
) -> impl IntoView {
    let copied = text.clone();
    let what = label.to_lowercase();
    view! {
        <div class="code">
            // Reached with the keyboard, because it may have to be scrolled sideways.
            <pre tabindex="0" role="region" aria-label=label>
                <code>{text}</code>
            </pre>
            <CopyButton text=copied what />
        </div>
    }
}
