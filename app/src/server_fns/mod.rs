//! What the browser can ask of the server: one function per use case, each a thin step to
//! [`contract::Backend`].
//!
//! All are POST under `/do/`. Those that read take JSON; those that write take a form, so that they work
//! before the browser code has loaded, and answer an address in `Location` where they lead elsewhere.
//! Permission is asked in the use case, not here.

#![expect(missing_docs, reason = "Leptos makes a struct of each function's arguments, whose fields are those")]

pub mod approvals;
pub mod audit;
pub mod board;
pub mod clusters;
pub mod deployers;
pub mod deployments;
pub mod environments;
pub mod frame;
pub mod git;
pub mod helm;
pub mod incidents;
pub mod insights;
pub mod judging;
pub mod people;
pub mod promotions;
pub mod search;
pub mod services;
pub mod slack;
pub mod tokens;
pub mod versions;

pub use crate::theme::{SetTheme, set_theme};

#[cfg(feature = "ssr")]
use crate::context::backend;

/// An empty or blank text as none.
#[cfg(feature = "ssr")]
fn given(text: String) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}
