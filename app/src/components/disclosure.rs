//! What opens on demand: menus, forms that ask for a reason, more of a text.
//!
//! All are `<details>` and open without scripting; a click elsewhere closes them, since their summary spreads an unseen
//! sheet over the page (see the style sheet). Scripting adds the Escape key.

use super::button::{Kind, Size, button_class};
use super::icon::{Glyph, Icon, IconSize};
use leptos::ev::KeyboardEvent;
use leptos::html;
use leptos::prelude::*;

/// Closes on Escape and gives the focus back to the button.
fn close_on_escape(details: NodeRef<html::Details>) -> impl Fn(KeyboardEvent) + Clone {
    move |event: KeyboardEvent| {
        if event.key() != "Escape" {
            return;
        }
        if let Some(details) = details.try_get_untracked().flatten()
            && details.open()
        {
            event.stop_propagation();
            details.set_open(false);
            if let Some(summary) = details.first_element_child() {
                focus(&summary);
            }
        }
    }
}

#[cfg(target_arch = "wasm32")]
fn focus(element: &web_sys::Element) {
    use wasm_bindgen::JsCast;
    if let Some(element) = element.dyn_ref::<web_sys::HtmlElement>() {
        // An element that is gone has nothing to focus.
        let _ = element.focus();
    }
}

#[cfg(not(target_arch = "wasm32"))]
fn focus(_element: &web_sys::Element) {}

/// A menu of acts or places behind a button.
#[component]
pub fn Menu(
    /// What it offers: 'Acts on cart in production'. It is read aloud, and seen unless `glyph_only`.
    #[prop(into)]
    label: String,
    /// The icon on the button.
    #[prop(default = Glyph::More)]
    glyph: Glyph,
    /// Only the icon is seen.
    #[prop(default = true)]
    glyph_only: bool,
    /// How the button looks.
    #[prop(default = Kind::Quiet)]
    kind: Kind,
    /// It hangs from the left edge of its button instead of the right.
    #[prop(optional)]
    start: bool,
    /// Menus of one group close one another.
    #[prop(default = "menu".to_owned(), into)]
    group: String,
    /// Items.
    children: Children,
) -> impl IntoView {
    let details = NodeRef::new();
    let mut class = button_class(kind, if glyph_only { Size::Small } else { Size::Regular });
    if glyph_only {
        class.push_str(" button-icon");
    }
    let tip = glyph_only.then(|| label.clone());
    view! {
        <details
            class=if start { "menu menu-start" } else { "menu" }
            name=group
            node_ref=details
            on:keydown=close_on_escape(details)
        >
            <summary class=class title=tip>
                <Icon glyph />
                <span class=if glyph_only { "hidden-visually" } else { "" }>{label}</span>
                {(!glyph_only).then(|| view! { <Icon glyph=Glyph::ChevronDown size=IconSize::Small /> })}
            </summary>
            <div class="menu-panel">{children()}</div>
        </details>
    }
}

/// One link in a menu. For an act that sends a form, put a `<button class="menu-item">` there.
#[component]
pub fn MenuItem(
    /// Where it leads.
    #[prop(into)]
    href: String,
    /// Its icon.
    #[prop(optional)]
    glyph: Option<Glyph>,
    /// It takes something away.
    #[prop(optional)]
    danger: bool,
    /// The words.
    children: Children,
) -> impl IntoView {
    view! {
        <a class=if danger { "menu-item menu-danger" } else { "menu-item" } href=href>
            {glyph.map(|glyph| view! { <Icon glyph /> })}
            {children()}
        </a>
    }
}

/// An act that is not to be had now, with the reason.
#[component]
pub fn MenuNote(
    /// What could be done.
    #[prop(into)]
    label: String,
    /// Why it cannot be done now.
    #[prop(into)]
    because: String,
) -> impl IntoView {
    view! {
        <span class="menu-item" aria-disabled="true">
            {format!("{label}: {because}")}
        </span>
    }
}

/// An act that says what it will do and asks for a reason before it is done. Its children are the form: put an
/// `<ActionForm>` there with class `form`, a `TextArea` for the reason and a `Button`.
#[component]
pub fn ReasonDialog(
    /// The words on the button that opens it: 'Abort, traffic back first'.
    #[prop(into)]
    label: String,
    /// How that button looks.
    #[prop(optional)]
    kind: Kind,
    /// How large it is.
    #[prop(optional)]
    size: Size,
    /// An icon on it.
    #[prop(optional_no_strip, into)]
    glyph: Option<Glyph>,
    /// The question: 'Roll cart back to 2.30.3?'
    #[prop(into)]
    title: String,
    /// What will happen, in a sentence.
    #[prop(into)]
    says: String,
    /// What it will not do or bring back: the configuration, the database.
    #[prop(optional)]
    warns: Vec<String>,
    /// Open from the start: after an error, so that what was typed is seen.
    #[prop(optional)]
    open: bool,
    /// It hangs from the left edge of its button instead of the right.
    #[prop(optional)]
    start: bool,
    /// Closes it when this rises: its form was accepted, and the button stays.
    #[prop(optional, into)]
    accepted: Option<Signal<usize>>,
    /// The form.
    children: Children,
) -> impl IntoView {
    let details = NodeRef::<html::Details>::new();
    if let Some(accepted) = accepted {
        Effect::new(move |before: Option<usize>| {
            let now = accepted.get();
            if before.is_some_and(|before| now > before)
                && let Some(details) = details.try_get_untracked().flatten()
            {
                details.set_open(false);
            }
            now
        });
    }
    let warns = (!warns.is_empty()).then(|| {
        let items = warns.into_iter().map(|warn| view! { <li>{warn}</li> }).collect_view();
        view! { <ul class="ask-warns">{items}</ul> }
    });
    let class = if start { "ask ask-start" } else { "ask" };
    let inside = view! {
        <summary class=button_class(kind, size)>{glyph.map(|glyph| view! { <Icon glyph /> })} {label}</summary>
        <div class="ask-panel">
            <p class="ask-title">{title}</p>
            <p class="ask-says">{says}</p>
            {warns}
            {children()}
        </div>
    }
    .into_any();
    // A page that is drawn again sets each attribute of its elements anew: one that the closed form does not
    // have cannot close what the reader has opened.
    if open {
        view! {
            <details class=class name="ask" open node_ref=details on:keydown=close_on_escape(details)>
                {inside}
            </details>
        }
        .into_any()
    } else {
        view! {
            <details class=class name="ask" node_ref=details on:keydown=close_on_escape(details)>
                {inside}
            </details>
        }
        .into_any()
    }
}

/// More of a text, for those who want it.
#[component]
pub fn More(
    /// What there is more of: 'How this is computed'.
    #[prop(into)]
    label: String,
    /// Open from the start.
    #[prop(optional)]
    open: bool,
    /// The rest.
    children: Children,
) -> impl IntoView {
    let inside = view! {
        <summary>
            <Icon glyph=Glyph::ChevronRight size=IconSize::Small />
            {label}
        </summary>
        <div>{children()}</div>
    }
    .into_any();
    // As with a form that asks for a reason: what is drawn again must not close.
    if open {
        view! {
            <details class="more" open>
                {inside}
            </details>
        }
        .into_any()
    } else {
        view! { <details class="more">{inside}</details> }.into_any()
    }
}
