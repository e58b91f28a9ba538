//! The browser half: one entry point that brings the page, rendered by the server, to life.
//!
//! Owns nothing else. The pages and components are the crate `app`, the same that the server
//! renders with, or hydration would find other elements than it expects.

/// Hydrates the document. Called once by the script that the server puts into every page.
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    leptos::mount::hydrate_body(app::App);
    // For browser tests, which must not click before somebody listens.
    if let Some(root) = leptos::prelude::document().document_element() {
        // The only error is a name that is no attribute's name.
        let _ = root.set_attribute("data-hydrated", "true");
    }
}
