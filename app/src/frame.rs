//! The frame that every page stands in: navigation, search, the live mark, banners.

use contract::{ErrorKind, frame::Frame as FrameView};
use domain::actor::Act;
use leptos::prelude::*;
use leptos_router::hooks::use_location;

use crate::{
    components::{Avatar, Banner, BottomItem, BrandMark, Glyph, Icon, KeyHelp, LiveMark, NavItem, State},
    error::Answer,
    keys,
    lasting::lasting,
    live,
    palette::{Palette, open_palette},
    routes, server_fns,
};

/// The frame's data, for pages that ask what the reader may do.
#[derive(Clone, Copy)]
struct FrameData(Resource<Answer<FrameView>>);

/// The frame's resource, for pages that show the reader.
#[must_use]
pub fn use_frame() -> Option<Resource<Answer<FrameView>>> {
    use_context::<FrameData>().map(|data| data.0)
}

/// The frame around `children`.
#[component]
pub fn Frame(children: Children) -> impl IntoView {
    let path = use_location().pathname;
    let changes = live::use_changes(|change| change.entity != "deployment");
    let frame = Resource::new(move || changes.get(), |_| server_fns::frame::frame());
    provide_context(FrameData(frame));
    live::listen(path);
    keys::listen(open_palette);
    forget_returned(path);
    view! {
        <a class="skip-link" href="#content" on:click=focus_content>
            "Skip to the content"
        </a>
        <div class="frame">
            <Nav frame path />
            <div class="frame-main">
                <Top />
                <Banners frame />
                <main class="content" id="content" tabindex="-1">
                    {children()}
                </main>
            </div>
            <Bottom frame path />
        </div>
        <Palette />
        <KeyHelp id=keys::HELP groups=keys::groups() />
    }
    .into_any()
}

/// What a form got back belongs to the page it was asked for with.
fn forget_returned(path: Memo<String>) {
    Effect::new(move |first: Option<String>| {
        let here = path.get();
        if first.is_some_and(|first| first != here) {
            crate::returned::forget();
        }
        here
    });
}

fn focus_content(event: leptos::ev::MouseEvent) {
    #[cfg(feature = "hydrate")]
    {
        use wasm_bindgen::JsCast;
        let content = document().get_element_by_id("content");
        if let Some(content) = content.and_then(|element| element.dyn_into::<web_sys::HtmlElement>().ok()) {
            event.prevent_default();
            // An element that is gone has nothing to focus.
            let _ = content.focus();
        }
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = event;
}

/// One place of the navigation.
struct Place {
    href: &'static str,
    glyph: Glyph,
    label: &'static str,
    /// What its pages' addresses begin with.
    below: &'static [&'static str],
}

const PLACES: [Place; 8] = [
    Place { href: routes::HOME, glyph: Glyph::Board, label: "Board", below: &[] },
    Place { href: routes::APPROVALS, glyph: Glyph::Inbox, label: "Approvals", below: &["/approvals"] },
    Place { href: routes::SERVICES, glyph: Glyph::Cube, label: "Services", below: &["/services"] },
    Place {
        href: routes::PROMOTIONS,
        glyph: Glyph::ArrowRight,
        label: "Promotions",
        below: &["/promotions", "/promote"],
    },
    Place { href: routes::DEPLOYMENTS, glyph: Glyph::Layers, label: "Deployments", below: &["/deployments"] },
    Place { href: routes::INSIGHTS, glyph: Glyph::Bars, label: "Insights", below: &["/insights"] },
    Place { href: routes::INCIDENTS, glyph: Glyph::Triangle, label: "Incidents", below: &["/incidents"] },
    Place { href: routes::AUDIT, glyph: Glyph::Lines, label: "Audit", below: &["/audit"] },
];

fn is_at(path: &str, place: &Place) -> bool {
    path == place.href || place.below.iter().any(|below| is_below(path, below))
}

fn is_below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The places that a role sees: the audit is only for those who may read it.
fn is_seen(place: &Place, me: Option<&contract::frame::Me>) -> bool {
    place.href != routes::AUDIT || me.is_some_and(|me| me.may(Act::ReadAudit))
}

/// Whether the reader signs out: what leads on then is the answer to that, and not a page that finds nobody signed in.
#[derive(Clone, Copy)]
struct SigningOut(StoredValue<bool>);

/// Provides what the frame remembers; called once, at the root.
pub(crate) fn provide() {
    provide_context(SigningOut(StoredValue::new(false)));
}

/// Makes a note that the reader signs out, to be called when the form is sent.
pub(crate) fn use_signing_out() -> impl Fn() + Copy {
    let noted = use_context::<SigningOut>();
    move || {
        if let Some(noted) = noted {
            noted.0.set_value(true);
        }
    }
}

#[component]
fn Nav(frame: Resource<Answer<FrameView>>, path: Memo<String>) -> impl IntoView {
    let signing_out = use_context::<SigningOut>();
    let is_leaving = move || signing_out.is_some_and(|noted| noted.0.get_value());
    view! {
        <nav class="nav" aria-label="Main">
            <a class="brand" href=routes::HOME>
                <BrandMark />
                "Slipway"
            </a>
            <Transition fallback=move || nav_inside(None, path)>
                {lasting(move || async move { nav_inside(known(frame.await, is_leaving), path) })}
            </Transition>
        </nav>
    }
    .into_any()
}

/// The frame's data; where nobody is signed in the reader goes to sign in.
fn known(answer: Answer<FrameView>, is_leaving: impl Fn() -> bool) -> Option<FrameView> {
    match answer {
        Ok(frame) => Some(frame),
        Err(error) => {
            if *error.kind() == ErrorKind::Unauthenticated && !is_leaving() {
                go_to_sign_in();
            }
            None
        }
    }
}

fn go_to_sign_in() {
    #[cfg(feature = "ssr")]
    if use_context::<leptos_axum::ResponseOptions>().is_some() {
        let here = use_context::<http::request::Parts>()
            .and_then(|parts| parts.uri.path_and_query().map(ToString::to_string))
            .unwrap_or_else(|| routes::HOME.to_owned());
        leptos_axum::redirect(&routes::sign_in(&here));
    }
    #[cfg(feature = "hydrate")]
    {
        let here = window().location();
        let path = here.pathname().unwrap_or_default() + &here.search().unwrap_or_default();
        // The page is left; when the browser refuses, the problem page has the link.
        let _ = here.set_href(&routes::sign_in(&path));
    }
}

fn nav_inside(frame: Option<FrameView>, path: Memo<String>) -> AnyView {
    let waiting = frame.as_ref().map_or(0, |frame| frame.waiting_for_me);
    let me = frame.map(|frame| frame.me);
    let places = PLACES
        .iter()
        .filter(|place| is_seen(place, me.as_ref()))
        .map(|place| {
            let count = if place.href == routes::APPROVALS { waiting } else { 0 };
            view! {
                <NavItem
                    href=place.href
                    glyph=place.glyph
                    label=place.label
                    count=Signal::stored(count)
                    current=Signal::derive(move || path.with(|path| is_at(path, place)))
                />
            }
        })
        .collect_view();
    let foot = me.map(|me| {
        let name = me.name.clone();
        view! {
            <a class="nav-me" href=routes::settings(routes::Settings::Me)>
                <Avatar name=name />
                <span class="nav-me-words">
                    <span>{me.name}</span>
                    <span>{me.role.words()}</span>
                </span>
            </a>
        }
    });
    view! {
        <ul class="nav-list">{places}</ul>
        <div class="nav-foot">
            <ul class="nav-list">
                <NavItem
                    href=routes::settings(routes::Settings::Environments)
                    glyph=Glyph::Gear
                    label="Settings"
                    current=Signal::derive(move || path.with(|path| is_below(path, "/settings")))
                />
            </ul>
            {foot}
        </div>
    }
    .into_any()
}

#[component]
fn Top() -> impl IntoView {
    let zone = RwSignal::new("UTC".to_owned());
    #[cfg(feature = "hydrate")]
    Effect::new(move |_| {
        if let Some(name) = zone_of_reader() {
            zone.set(name);
        }
    });
    view! {
        <header class="top">
            <a class="brand" href=routes::HOME aria-label="Board">
                <BrandMark />
            </a>
            <a
                class="search-box"
                href=routes::SEARCH
                on:click=open_on_click
                aria-label="Find a service, version, promotion"
                aria-keyshortcuts="/ Control+K"
            >
                <Icon glyph=Glyph::Search />
                <span class="search-box-words">"Find a service, version, promotion"</span>
                <kbd class="needs-script">"/"</kbd>
            </a>
            <div class="top-side">
                <LiveMark liveness=live::use_liveness() />
                <span class="top-zone" title="Times are shown in this zone; hover one for UTC">
                    {zone}
                </span>
            </div>
        </header>
    }
    .into_any()
}

fn open_on_click(event: leptos::ev::MouseEvent) {
    if !(event.ctrl_key() || event.meta_key() || event.shift_key()) {
        event.prevent_default();
        open_palette();
    }
}

/// The zone's name by the browser: `Europe/Berlin`.
#[cfg(feature = "hydrate")]
fn zone_of_reader() -> Option<String> {
    let format = js_sys::Intl::DateTimeFormat::new(&js_sys::Array::new(), &js_sys::Object::new());
    js_sys::Reflect::get(&format.resolved_options(), &"timeZone".into()).ok()?.as_string()
}

#[component]
fn Banners(frame: Resource<Answer<FrameView>>) -> impl IntoView {
    view! {
        <Transition>
            {lasting(move || async move {
                frame
                    .await
                    .map(|frame| frame.banners)
                    .unwrap_or_default()
                    .into_iter()
                    .map(|banner| {
                        let state = State::from(banner.mark);
                        match banner.link {
                            Some((href, words)) => {
                                view! { <Banner state link=(words, href)>{banner.text}</Banner> }.into_any()
                            }
                            None => view! { <Banner state>{banner.text}</Banner> }.into_any(),
                        }
                    })
                    .collect_view()
            })}
        </Transition>
    }
    .into_any()
}

#[component]
fn Bottom(frame: Resource<Answer<FrameView>>, path: Memo<String>) -> impl IntoView {
    view! {
        <nav class="bottom" aria-label="Main, for thumbs">
            <Transition fallback=move || {
                bottom_inside(0, path)
            }>
                {lasting(move || async move {
                    bottom_inside(frame.await.map_or(0, |frame| frame.waiting_for_me), path)
                })}
            </Transition>
        </nav>
    }
    .into_any()
}

fn bottom_inside(waiting: u64, path: Memo<String>) -> AnyView {
    let [board, approvals, _, _, _, insights, ..] = &PLACES;
    let items = [board, approvals, insights]
        .into_iter()
        .map(|place| {
            let count = if place.href == routes::APPROVALS { waiting } else { 0 };
            view! {
                <BottomItem
                    href=place.href
                    glyph=place.glyph
                    label=place.label
                    count=Signal::stored(count)
                    current=Signal::derive(move || path.with(|path| is_at(path, place)))
                />
            }
        })
        .collect_view();
    let is_elsewhere =
        move || path.with(|path| ![board, approvals, insights].into_iter().any(|place| is_at(path, place)));
    view! {
        {items}
        <BottomItem href=routes::MORE glyph=Glyph::Menu label="More" current=Signal::derive(is_elsewhere) />
    }
    .into_any()
}

/// The places that the bottom bar has no room for, as a page of its own.
#[component]
pub fn MorePage() -> impl IntoView {
    let frame = use_frame();
    let list = move |me: Option<contract::frame::Me>| {
        let places = PLACES.iter().filter(|place| is_seen(place, me.as_ref())).map(|place| {
            view! { <li><Icon glyph=place.glyph /><a href=place.href>{place.label}</a></li> }
        });
        let settings = routes::Settings::ALL.into_iter().map(|page| {
            let label = format!("Settings: {}", page.title());
            view! { <li><Icon glyph=Glyph::Gear /><a href=routes::settings(page)>{label}</a></li> }
        });
        view! { <ul class="list card">{places.collect_view()}{settings.collect_view()}</ul> }.into_any()
    };
    view! {
        <leptos_meta::Title text="More" />
        <h1 class="hidden-visually">"More places"</h1>
        <Transition>
            {lasting(move || async move {
                let me = match frame {
                    Some(frame) => frame.await.ok().map(|frame| frame.me),
                    None => None,
                };
                list(me)
            })}
        </Transition>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_lights_up_its_own_place_only() {
        for (path, wanted) in [
            ("/", "Board"),
            ("/services/cart/versions/1", "Services"),
            ("/promote", "Promotions"),
            ("/promotions/7", "Promotions"),
            ("/approvals", "Approvals"),
        ] {
            let lit: Vec<_> = PLACES.iter().filter(|place| is_at(path, place)).map(|place| place.label).collect();
            assert_eq!(lit, [wanted], "{path}");
        }
        assert!(PLACES.iter().all(|place| !is_at("/settings/people", place)));
        assert!(PLACES.iter().all(|place| !is_at("/servicesx", place)));
    }
}
