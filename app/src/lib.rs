//! The user interface of Slipway: pages and components, rendered on the server and hydrated in the
//! browser.

// Views are types within types; a page with its frame goes deeper than the compiler's usual 128.
#![recursion_limit = "256"]

pub mod components;

use leptos::prelude::*;
use leptos_router::components::{Route, Router, Routes};
use leptos_router::path;

/// The document around the application.
pub fn shell(options: LeptosOptions) -> impl IntoView {
    let styles = format!("/{}/slipway.css", options.site_pkg_dir);
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <meta charset="utf-8"/>
                <title>"Slipway"</title>
                <link rel="stylesheet" href=styles/>
                <HydrationScripts options/>
            </head>
            <body><App/></body>
        </html>
    }
}

/// The application.
#[component]
pub fn App() -> impl IntoView {
    view! {
        <Router>
            <main>
                <Routes fallback=|| "Not found">
                    <Route path=path!("/") view=Hello/>
                </Routes>
            </main>
        </Router>
    }
}

#[component]
fn Hello() -> impl IntoView {
    let (count, set_count) = signal(0);
    view! {
        <h1>"Slipway"</h1>
        <button on:click=move |_| set_count.update(|count| *count += 1)>
            "Clicked " {count} " times"
        </button>
    }
}
