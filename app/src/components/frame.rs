//! Pieces of the frame that every page stands in, and the head of a page.

use super::icon::{Glyph, Icon};
use super::state::State;
use leptos::children::ViewFnOnce;
use leptos::prelude::*;

/// The mark: a sail on its slip.
#[component]
pub fn BrandMark() -> impl IntoView {
    view! {
        <svg class="brand-mark" viewBox="0 0 20 20" width="20" height="20" aria-hidden="true" focusable="false">
            <path
                d="M10.9 2.2 16.2 6.8 5.9 10.3Z"
                fill="none"
                stroke="currentColor"
                stroke-width="1.9"
                stroke-linejoin="round"
            />
            <path d="M.6 15.3 19.6 8.7v3.9L.6 19.2Z" fill="currentColor" />
        </svg>
    }
}

/// One place in the navigation at the left.
#[component]
pub fn NavItem(
    /// Where it leads.
    #[prop(into)]
    href: String,
    /// Its icon.
    glyph: Glyph,
    /// Its name.
    #[prop(into)]
    label: String,
    /// How many there wait for me; nought is not shown.
    #[prop(optional, into)]
    count: Signal<u64>,
    /// Whether we are there.
    #[prop(optional, into)]
    current: Signal<bool>,
) -> impl IntoView {
    view! {
        <li>
            <a class="nav-item" href=href aria-current=move || current.get().then_some("page")>
                <Icon glyph />
                <span>{label}</span>
                {move || count_mark(count.get())}
            </a>
        </li>
    }
}

/// One place in the bar at the bottom of a phone.
#[component]
pub fn BottomItem(
    /// Where it leads.
    #[prop(into)]
    href: String,
    /// Its icon.
    glyph: Glyph,
    /// Its name.
    #[prop(into)]
    label: String,
    /// How many there wait for me; nought is not shown.
    #[prop(optional, into)]
    count: Signal<u64>,
    /// Whether we are there.
    #[prop(optional, into)]
    current: Signal<bool>,
) -> impl IntoView {
    view! {
        <a class="bottom-item" href=href aria-current=move || current.get().then_some("page")>
            <Icon glyph />
            <span>{label}</span>
            {move || count_mark(count.get())}
        </a>
    }
}

fn count_mark(count: u64) -> Option<impl IntoView> {
    (count > 0).then(|| {
        let words = if count > 99 { "99+".to_owned() } else { count.to_string() };
        view! { <span class="nav-count">{words} <span class="hidden-visually">" wait for you"</span></span> }
    })
}

/// Whether the page hears of changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Liveness {
    /// It does.
    Live,
    /// It did until a time, in words: '13:02'.
    Lost {
        /// When what is shown was true.
        as_of: String,
    },
    /// It will not: there is no scripting, or it has not begun.
    #[default]
    Still,
}

/// The live mark of the top bar.
#[component]
pub fn LiveMark(
    /// Whether the page hears of changes.
    #[prop(into)]
    liveness: Signal<Liveness>,
) -> impl IntoView {
    let state = move || match liveness.get() {
        Liveness::Live => State::Done.class(),
        Liveness::Lost { .. } => State::Waiting.class(),
        Liveness::Still => State::Nothing.class(),
    };
    let words = move || match liveness.get() {
        Liveness::Live => "live".to_owned(),
        Liveness::Lost { as_of } => format!("reconnecting, as of {as_of}"),
        Liveness::Still => "reload for news".to_owned(),
    };
    view! {
        <span class=move || format!("live {}", state()) role="status">
            {words}
        </span>
    }
}

/// One line above the content: a freeze, an outage, the practice mark. What it means, and a link.
#[component]
pub fn Banner(
    /// Its tone.
    #[prop(optional)]
    state: State,
    /// Its icon; the state's own without one.
    #[prop(optional)]
    glyph: Option<Glyph>,
    /// Where more is to be had: words and address.
    #[prop(optional)]
    link: Option<(String, String)>,
    /// What it means.
    children: Children,
) -> impl IntoView {
    view! {
        <div class=format!("banner {}", state.class()) role="status">
            <Icon glyph=glyph.unwrap_or(state.glyph()) />
            <span>{children()}</span>
            {link.map(|(words, href)| view! { <a href=href>{words}</a> })}
        </div>
    }
}

/// One station on the way to a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crumb {
    /// Its name.
    pub label: String,
    /// Its address; the page itself has none.
    pub href: Option<String>,
}

/// The way to a page: 'Checkout / cart / promotion 1042'.
#[component]
pub fn Crumbs(
    /// From the widest to the page itself.
    crumbs: Vec<Crumb>,
) -> impl IntoView {
    let crumbs = crumbs.into_iter().map(|crumb| match crumb.href {
        Some(href) => view! { <li><a href=href>{crumb.label}</a></li> }.into_any(),
        None => view! { <li aria-current="page">{crumb.label}</li> }.into_any(),
    });
    view! {
        <nav aria-label="Where this is">
            <ol class="crumbs">{crumbs.collect_view()}</ol>
        </nav>
    }
}

/// The head of a page: its name, what explains it, what can be done.
#[component]
pub fn PageHead(
    /// The name, with versions in `VersionLabel`.
    #[prop(into)]
    title: ViewFnOnce,
    /// What stands beside the name: a state.
    #[prop(optional, into)]
    state: Option<ViewFnOnce>,
    /// What explains it: '9 of 214 services · sorted by what needs a person'.
    #[prop(optional, into)]
    lead: Option<ViewFnOnce>,
    /// Buttons, the primary one last.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    view! {
        <header class="page-head">
            <div class="page-head-words">
                <h1>{title.run()}</h1>
                {state.map(|state| state.run())}
                {lead.map(|lead| view! { <div class="page-lead">{lead.run()}</div> })}
            </div>
            {children.map(|children| view! { <div class="page-acts">{children()}</div> })}
        </header>
    }
}
