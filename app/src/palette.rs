//! The search palette: `/` anywhere. It finds the same as the search page, while one types.

use contract::search::{Found, FoundKind};
use leptos::html;
use leptos::prelude::*;

use crate::{
    components::{Glyph, Icon, State, StateInline},
    keys, routes, server_fns,
};

/// Opens the palette; without a browser nothing happens.
pub fn open_palette() {
    #[cfg(feature = "hydrate")]
    if let Some(sheet) = document().get_element_by_id(keys::PALETTE) {
        // It is open already when this fails.
        let _ = keys::browser::call(&sheet, "showModal");
        if let Ok(Some(input)) = sheet.query_selector("input") {
            let _ = keys::browser::call(&input, "select");
        }
    }
}

fn close_palette() {
    #[cfg(feature = "hydrate")]
    if let Some(sheet) = document().get_element_by_id(keys::PALETTE) {
        let _ = keys::browser::call(&sheet, "close");
    }
}

/// The icon of a kind of thing.
#[must_use]
pub fn glyph_of(kind: FoundKind) -> Glyph {
    match kind {
        FoundKind::Service => Glyph::Cube,
        FoundKind::Version => Glyph::Layers,
        FoundKind::Commit => Glyph::Commit,
        FoundKind::Promotion => Glyph::ArrowRight,
        FoundKind::Act => Glyph::Bolt,
    }
}

/// The name of a kind of thing, for its group.
#[must_use]
pub const fn word_of(kind: FoundKind) -> &'static str {
    match kind {
        FoundKind::Service => "Services",
        FoundKind::Version => "Versions",
        FoundKind::Commit => "Commits",
        FoundKind::Promotion => "Promotions",
        FoundKind::Act => "Acts",
    }
}

/// The name of one of a kind.
#[must_use]
pub const fn word_of_one(kind: FoundKind) -> &'static str {
    match kind {
        FoundKind::Service => "service",
        FoundKind::Version => "version",
        FoundKind::Commit => "commit",
        FoundKind::Promotion => "promotion",
        FoundKind::Act => "act",
    }
}

/// The palette, closed until a key opens it.
#[component]
pub fn Palette() -> impl IntoView {
    let text = RwSignal::new(String::new());
    let search = Action::new(|text: &String| server_fns::search::search(text.clone()));
    let input = NodeRef::<html::Input>::new();
    let chosen = RwSignal::new(0_usize);
    let found = Memo::new(move |_| search.value().get().and_then(Result::ok).unwrap_or_default());
    Effect::new(move |_| {
        found.track();
        chosen.set(0);
    });
    let mut type_in = debounced(search);
    let navigate = leptos_router::hooks::use_navigate();
    view! {
        <dialog class="dialog" id=keys::PALETTE aria-label="Search" on:click=close_on_scrim>
            <form
                class="palette-field"
                method="get"
                action=routes::SEARCH
                on:submit=move |event| {
                    event.prevent_default();
                    let link = found
                        .with_untracked(|found| found.get(chosen.get_untracked()).map(|found| found.link.clone()))
                        .unwrap_or_else(|| routes::search(&text.get_untracked()));
                    close_palette();
                    navigate(&link, leptos_router::NavigateOptions::default());
                }
            >
                <Icon glyph=Glyph::Search />
                <input
                    node_ref=input
                    name="q"
                    type="search"
                    enterkeyhint="search"
                    autocomplete="off"
                    autocapitalize="off"
                    spellcheck="false"
                    placeholder="A service, version, commit, promotion, or an act"
                    aria-label="Search"
                    on:input=move |event| {
                        text.set(event_target_value(&event));
                        type_in(text.get_untracked());
                    }
                    on:keydown=move |event| {
                        let count = found.with_untracked(Vec::len);
                        let by = match event.key().as_str() {
                            "ArrowDown" => 1,
                            "ArrowUp" => count.saturating_sub(1),
                            _ => return,
                        };
                        event.prevent_default();
                        if count > 0 {
                            chosen.update(|chosen| *chosen = (*chosen + by) % count);
                        }
                    }
                />
            </form>
            <div class="palette-results" role="listbox" aria-label="Found">
                {move || results(found.get(), chosen, text.get().trim().is_empty(), search.pending().get())}
            </div>
            <div class="palette-foot" aria-hidden="true">
                <span>"↑ ↓ to choose"</span>
                <span>"Enter to open"</span>
                <span>"Esc to close"</span>
            </div>
        </dialog>
    }
    .into_any()
}

/// Asks only when the reader pauses.
fn debounced(search: Action<String, crate::error::Answer<Vec<Found>>>) -> impl FnMut(String) + Send + Clone + 'static {
    let asked = StoredValue::new(0_u64);
    move |text: String| {
        asked.update_value(|asked| *asked += 1);
        let mine = asked.get_value();
        #[cfg(feature = "hydrate")]
        set_timeout(
            move || {
                if asked.try_get_value() == Some(mine) {
                    search.dispatch(text);
                }
            },
            std::time::Duration::from_millis(150),
        );
        #[cfg(not(feature = "hydrate"))]
        let _ = (mine, text, search);
    }
}

fn close_on_scrim(event: leptos::ev::MouseEvent) {
    #[cfg(feature = "hydrate")]
    {
        use wasm_bindgen::JsCast;
        // The scrim belongs to the dialog itself; anything inside it is another target, and a link closes too.
        let target = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
        let is_out = target
            .is_some_and(|target| target.id() == keys::PALETTE || target.closest("a[href]").ok().flatten().is_some());
        if is_out {
            close_palette();
        }
    }
    #[cfg(not(feature = "hydrate"))]
    {
        let _ = event;
        close_palette();
    }
}

/// Where it runs; a state only where there is one to tell.
pub fn detail(state: State, words: String) -> AnyView {
    match state {
        State::Nothing => view! { <span class="note">{words}</span> }.into_any(),
        State::Done | State::Moving | State::Waiting | State::Failed => {
            view! { <span class="push note"><StateInline state word=words /></span> }.into_any()
        }
    }
}

fn results(found: Vec<Found>, chosen: RwSignal<usize>, is_blank: bool, is_pending: bool) -> AnyView {
    if is_blank {
        return view! {
            <p class="palette-group">"Try a service, a version, 'is 8c1f02e in production?', or 'roll back cart'."</p>
        }
        .into_any();
    }
    if found.is_empty() {
        let words = if is_pending { "Looking…" } else { "Nothing has this name. Enter opens the search page." };
        return view! { <p class="palette-group">{words}</p> }.into_any();
    }
    let mut last = None;
    found
        .into_iter()
        .enumerate()
        .map(|(index, found)| {
            let head = (last != Some(found.kind))
                .then(|| view! { <p class="palette-group" role="presentation">{word_of(found.kind)}</p> });
            last = Some(found.kind);
            view! {
                {head}
                <a
                    class="palette-item"
                    href=found.link
                    role="option"
                    aria-selected=move || if chosen.get() == index { "true" } else { "false" }
                >
                    <Icon glyph=glyph_of(found.kind) />
                    <span class="truncate">{found.title}</span>
                    {detail(State::from(found.mark), found.detail)}
                </a>
            }
        })
        .collect_view()
        .into_any()
}
