//! Keys: `g b`, `g a`, `g i` to go, `j k` along the rows of a list, `a r` on an approval, `/` or Ctrl-K for
//! search, `?` for this list. They only reach for what the page offers anyway.

use crate::components::KeyGroup;

/// The id of the sheet that lists the keys.
pub const HELP: &str = "keys";
/// The id of the search palette.
pub const PALETTE: &str = "palette";

/// The list of keys.
#[must_use]
pub fn groups() -> Vec<KeyGroup> {
    let group = |title: &str, keys: &[(&str, &[&str])]| KeyGroup {
        title: title.to_owned(),
        keys: keys
            .iter()
            .map(|(does, keys)| ((*does).to_owned(), keys.iter().map(|key| (*key).to_owned()).collect()))
            .collect(),
    };
    vec![
        group("Go", &[("Board", &["g", "b"]), ("Approvals", &["g", "a"]), ("Insights", &["g", "i"])]),
        group("In lists", &[("Next row", &["j"]), ("Row before", &["k"]), ("Open", &["Enter"])]),
        group("On an approval", &[("Approve", &["a"]), ("Reject", &["r"])]),
        group("Anywhere", &[("Search", &["/"]), ("Search", &["Ctrl", "K"]), ("These keys", &["?"])]),
    ]
}

/// Listens to keys; called by the frame. Does nothing on the server.
pub(crate) fn listen(open_search: impl Fn() + Send + Sync + Copy + 'static) {
    #[cfg(feature = "hydrate")]
    browser::listen(open_search);
    #[cfg(not(feature = "hydrate"))]
    let _ = open_search;
}

#[cfg(feature = "hydrate")]
pub(crate) mod browser {
    //! The keys themselves.

    use leptos::ev;
    use leptos::prelude::*;
    use leptos_router::{NavigateOptions, hooks::use_navigate};
    use wasm_bindgen::{JsCast, JsValue};
    use web_sys::{Element, HtmlElement, KeyboardEvent};

    use crate::routes;

    /// A second key belongs to a first one for this long, in milliseconds.
    const PAIR_MS: f64 = 1_500.0;

    pub(super) fn listen(open_search: impl Fn() + Send + Sync + Copy + 'static) {
        let navigate = use_navigate();
        let go_pressed = StoredValue::new(f64::MIN);
        let handle = window_event_listener(ev::keydown, move |event: KeyboardEvent| {
            if event.default_prevented() {
                return;
            }
            if (event.ctrl_key() || event.meta_key()) && !event.alt_key() && event.key() == "k" {
                event.prevent_default();
                open_search();
                return;
            }
            if event.ctrl_key() || event.meta_key() || event.alt_key() || is_typing() {
                return;
            }
            let key = event.key();
            let is_second = event.time_stamp() - go_pressed.get_value() < PAIR_MS;
            go_pressed.set_value(f64::MIN);
            let go = |to: &str| navigate(to, NavigateOptions::default());
            let is_used = match (is_second, key.as_str()) {
                (true, "b") => used(|| go(routes::HOME)),
                (true, "a") => used(|| go(routes::APPROVALS)),
                (true, "i") => used(|| go(routes::INSIGHTS)),
                (_, "g") => used(|| go_pressed.set_value(event.time_stamp())),
                (_, "/") => used(open_search),
                (_, "?") => used(show_help),
                (_, "j") => move_row(1),
                (_, "k") => move_row(-1),
                (_, "a") => press("a"),
                (_, "r") => press("r"),
                _ => false,
            };
            if is_used {
                event.prevent_default();
            }
        });
        on_cleanup(move || handle.remove());
    }

    fn used(act: impl FnOnce()) -> bool {
        act();
        true
    }

    fn active() -> Option<Element> {
        document().active_element()
    }

    /// Whether keys belong to a field or to an open sheet.
    fn is_typing() -> bool {
        let within = "input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable], dialog[open]";
        active().and_then(|element| element.closest(within).ok().flatten()).is_some()
    }

    fn show_help() {
        if let Some(sheet) = document().get_element_by_id(super::HELP) {
            // An old browser has no popovers; the list is then on no key.
            let _ = call(&sheet, "showPopover");
        }
    }

    /// Calls a method without arguments that `web-sys` does not know or keeps unstable.
    pub(crate) fn call(element: &Element, method: &str) -> Result<JsValue, JsValue> {
        let function = js_sys::Reflect::get(element, &JsValue::from_str(method))?;
        function.dyn_into::<js_sys::Function>()?.call0(element)
    }

    /// Moves the focus to the first link of the next row.
    fn move_row(by: i32) -> bool {
        let Ok(rows) = document().query_selector_all("main tbody tr, main .list > li, main [data-row]") else {
            return false;
        };
        let links: Vec<HtmlElement> = (0..rows.length())
            .filter_map(|index| rows.item(index)?.dyn_into::<Element>().ok()?.query_selector("a[href]").ok()?)
            .filter_map(|link| link.dyn_into().ok())
            .collect();
        let here = active().and_then(|active| {
            links.iter().position(|link| {
                let row = link.closest("tr, li, [data-row]").ok().flatten();
                row.is_some_and(|row| row.contains(Some(&active)))
            })
        });
        let next = match (here, by) {
            (None, by) if by > 0 => Some(0),
            (None, _) => links.len().checked_sub(1),
            (Some(here), by) if by > 0 => Some(here + 1),
            (Some(here), _) => here.checked_sub(1),
        };
        match next.and_then(|next| links.get(next)) {
            Some(link) => link.focus().is_ok(),
            None => false,
        }
    }

    /// Presses the control that carries `data-key`, in the approval that has the focus or in the first one.
    /// A button of a form is only focused: the act itself is a second, deliberate key.
    fn press(key: &str) -> bool {
        let selector = format!("[data-key=\"{key}\"]");
        let near = active()
            .and_then(|active| active.closest("[data-row]").ok().flatten())
            .and_then(|row| row.query_selector(&selector).ok().flatten());
        let found = near.or_else(|| document().query_selector(&selector).ok().flatten());
        match found.and_then(|element| element.dyn_into::<HtmlElement>().ok()) {
            Some(element) => element.focus().is_ok(),
            None => false,
        }
    }
}
