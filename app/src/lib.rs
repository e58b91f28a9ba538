//! The user interface of Slipway: pages and components, rendered on the server and hydrated in the
//! browser.

use leptos::prelude::*;

/// The application.
#[component]
pub fn App() -> impl IntoView {
    let (count, set_count) = signal(0);
    view! {
        <main>
            <h1>"Slipway"</h1>
            <button on:click=move |_| set_count.update(|count| *count += 1)>
                "Clicked " {count} " times"
            </button>
        </main>
    }
}
