//! A button that copies a text; where there is no scripting it is not there.

use super::icon::{Glyph, Icon};
use leptos::prelude::*;

/// Copies `text` and shows a tick for a moment.
#[component]
pub fn CopyButton(
    /// What is copied.
    #[prop(into)]
    text: String,
    /// What it is, for its label: 'the digest' makes 'Copy the digest'.
    #[prop(into)]
    what: String,
) -> impl IntoView {
    let (copied, set_copied) = signal(false);
    let label = format!("Copy {what}");
    let title = label.clone();
    view! {
        <button
            class="copy needs-script"
            class:copy-done=copied
            type="button"
            title=title
            aria-label=move || if copied.get() { "Copied".to_owned() } else { label.clone() }
            on:click=move |_| copy(&text, set_copied)
        >
            {move || {
                let glyph = if copied.get() { Glyph::Tick } else { Glyph::Copy };
                view! { <Icon glyph /> }
            }}
        </button>
    }
}

/// Writes to the clipboard; the tick appears only when the browser says that it did.
#[cfg(target_arch = "wasm32")]
fn copy(text: &str, set_copied: WriteSignal<bool>) {
    use std::time::Duration;
    use wasm_bindgen::JsValue;
    use wasm_bindgen::closure::Closure;
    /// Long enough to be seen, short enough not to be mistaken for a state.
    const SHOWN: Duration = Duration::from_millis(1_600);
    let written = Closure::once(move |_: JsValue| {
        set_copied.set(true);
        set_timeout(move || set_copied.set(false), SHOWN);
    });
    // A refusal leaves the icon as it is, which says that nothing was copied.
    let refused = Closure::once(|_: JsValue| {});
    let _ = window().navigator().clipboard().write_text(text).then2(&written, &refused);
    written.forget();
    refused.forget();
}

#[cfg(not(target_arch = "wasm32"))]
fn copy(_text: &str, _set_copied: WriteSignal<bool>) {}
