//! The document around the application: head, styles, the script that starts the browser half.
//!
//! Nothing in it is inline but that one script, which carries the response's nonce. Without a built
//! browser half (see [`Assets`]) the document has neither styles nor script and is still readable.

use leptos::nonce::use_nonce;
use leptos::prelude::*;
use leptos_meta::MetaTags;

use crate::{App, context::Assets};

/// The whole document. Leptos' handlers render it; it takes [`Assets`] and the nonce from context.
pub fn shell() -> impl IntoView {
    let base = use_context::<Assets>().and_then(|assets| assets.base);
    view! {
        <!DOCTYPE html>
        <html lang="en" data-theme=crate::theme::from_request()>
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover" />
                <meta name="color-scheme" content="light dark" />
                {base.map(head_of_site)}
                <MetaTags />
            </head>
            <body>
                <App />
            </body>
        </html>
    }
}

fn head_of_site(base: String) -> impl IntoView {
    let file = |name: &str| format!("{base}/{name}");
    let start = format!(
        "import init, {{ hydrate }} from \"{base}/slipway.js\";\n\
         await init({{ module_or_path: \"{base}/slipway_bg.wasm\" }});\n\
         hydrate();"
    );
    let nonce = use_nonce();
    let font = |name: &str| {
        view! { <link rel="preload" href=file(name) r#as="font" r#type="font/woff2" crossorigin="anonymous" /> }
    };
    view! {
        <link rel="stylesheet" href=file("slipway.css") />
        <link rel="icon" href=file("favicon.svg") r#type="image/svg+xml" />
        {font("fonts/inter-latin-wght-normal.woff2")}
        {font("fonts/jetbrains-mono-latin-wght-normal.woff2")}
        <link rel="modulepreload" href=file("slipway.js") nonce=nonce.clone() />
        <link
            rel="preload"
            href=file("slipway_bg.wasm")
            r#as="fetch"
            r#type="application/wasm"
            crossorigin="anonymous"
        />
        <script type="module" nonce=nonce>
            {start}
        </script>
    }
}
