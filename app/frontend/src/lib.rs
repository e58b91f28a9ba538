//! The browser half: one entry point that brings the page, rendered by the server, to life.
//!
//! Owns nothing else. The pages and components are the crate `app`, the same that the server
//! renders with, or hydration would find other elements than it expects.

/// Hydrates the document. Called once by the script that the server puts into every page.
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    leptos::mount::hydrate_body(app::App);
}
