//! Settings: a page each, with the others beside it.

pub mod about;
pub mod cluster;
pub mod cluster_form;
pub mod clusters;
pub mod discover;
pub mod environment;
pub mod environments;
pub mod me;
mod metric_source;
pub mod people;
pub mod slack;
pub mod tokens;

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::components::Redirect;

use crate::{
    components::{Code, Notice, PageHead, State},
    routes::{self, Settings},
};

/// The address without a page: every role reads the environments, which are the first.
#[component]
pub fn SettingsPage() -> impl IntoView {
    view! { <Redirect path=routes::settings(Settings::Environments) /> }
}

/// A settings page: the list of pages at the left, this one at the right.
pub fn settings_page(current: Settings, lead: &'static str, inside: AnyView) -> AnyView {
    let items = Settings::ALL
        .into_iter()
        .map(|page| {
            let is_here = page == current;
            view! {
                <li>
                    <a class="nav-item" href=routes::settings(page) aria-current=is_here.then_some("page")>
                        {page.title()}
                    </a>
                </li>
            }
        })
        .collect_view();
    view! {
        <Title text=current.title() />
        <div class="sides">
            <nav class="side-nav" aria-label="Settings">
                <ul>{items}</ul>
            </nav>
            <div class="settings-content">
                <PageHead title=move || current.title() lead=move || lead />
                {inside}
            </div>
        </div>
    }
    .into_any()
}

/// Something that is shown now and never again.
pub fn shown_once(title: &'static str, says: &'static str, text: Signal<Option<String>>) -> AnyView {
    let place = NodeRef::<leptos::html::Div>::new();
    // Whoever does not see it now never will.
    #[cfg(feature = "hydrate")]
    Effect::new(move |_| {
        if text.get().is_some() {
            request_animation_frame(move || crate::form::bring_into_sight(place));
        }
    });
    let shown = move || {
        text.get().map(|text| {
            view! {
                <Notice state=State::Done title>
                    <p>{says}</p>
                    <Code text label="Copy it now" />
                </Notice>
            }
        })
    };
    view! {
        <div class="shown-once" node_ref=place>
            {shown}
        </div>
    }
    .into_any()
}

/// A path of this site as a whole address once scripting runs, for links that are handed on.
pub fn whole_address(path: Signal<Option<String>>) -> Signal<Option<String>> {
    let origin = RwSignal::new(String::new());
    #[cfg(feature = "hydrate")]
    Effect::new(move |_| {
        if let Ok(here) = window().location().origin() {
            origin.set(here);
        }
    });
    Signal::derive(move || path.get().map(|path| format!("{}{path}", origin.get())))
}
