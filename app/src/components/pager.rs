//! Where we are in a list that the server pages, and the links onward.

use super::button::{ButtonLink, Size};
use super::icon::{Glyph, Icon, IconSize};
use leptos::prelude::*;

/// The foot of a list.
#[component]
pub fn Pager(
    /// What is shown: '1 to 50 of 214 services'.
    #[prop(into)]
    words: String,
    /// The page before, if there is one.
    #[prop(optional_no_strip, into)]
    previous: Option<String>,
    /// The page after, if there is one.
    #[prop(optional_no_strip, into)]
    next: Option<String>,
) -> impl IntoView {
    view! {
        <nav class="pager" aria-label="Pages">
            <span>{words}</span>
            <span class="pager-moves">
                {previous
                    .map(|href| {
                        view! {
                            <ButtonLink href size=Size::Small attr:rel="prev">
                                <Icon glyph=Glyph::ChevronLeft size=IconSize::Small />
                                "Previous"
                            </ButtonLink>
                        }
                    })}
                {next
                    .map(|href| {
                        view! {
                            <ButtonLink href size=Size::Small attr:rel="next">
                                "Next"
                                <Icon glyph=Glyph::ChevronRight size=IconSize::Small />
                            </ButtonLink>
                        }
                    })}
            </span>
        </nav>
    }
}
