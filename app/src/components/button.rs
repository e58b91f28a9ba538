//! Buttons, and links that look like them. The words on a button say what it does.

use super::icon::{Glyph, Icon};
use leptos::prelude::*;

/// How much a button asks for attention.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// The one act of the screen.
    Primary,
    /// An act beside others.
    #[default]
    Secondary,
    /// It takes something away from somebody.
    Danger,
    /// It hardly shows until pointed at.
    Quiet,
}

impl Kind {
    fn class(self) -> &'static str {
        match self {
            Self::Primary => "button-primary",
            Self::Secondary => "",
            Self::Danger => "button-danger",
            Self::Quiet => "button-quiet",
        }
    }
}

/// How large a button is; on a phone each is at least as large as a finger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Size {
    /// As high as a field.
    #[default]
    Regular,
    /// In rows and heads of cards.
    Small,
    /// As wide as its place.
    Wide,
}

impl Size {
    fn class(self) -> &'static str {
        match self {
            Self::Regular => "",
            Self::Small => "button-small",
            Self::Wide => "button-wide",
        }
    }
}

/// The class names of a button, also for a `<summary>` that looks like one.
pub fn button_class(kind: Kind, size: Size) -> String {
    super::classes(&["button", kind.class(), size.class()])
}

/// What a button is to the form around it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Does {
    /// It sends the form.
    #[default]
    Submit,
    /// It sends nothing: `on_press` says what happens.
    Press,
}

/// A button. Other attributes (`attr:formaction`, `attr:popovertarget`, `attr:id`) may be added where it is used.
#[component]
pub fn Button(
    /// How much it asks for attention.
    #[prop(optional)]
    kind: Kind,
    /// How large it is.
    #[prop(optional)]
    size: Size,
    /// An icon before the words.
    #[prop(optional)]
    glyph: Option<Glyph>,
    /// Whether it sends the form around it.
    #[prop(optional)]
    does: Does,
    /// The name of the value it sends.
    #[prop(optional, into)]
    name: Option<String>,
    /// The value it sends.
    #[prop(optional, into)]
    value: Option<String>,
    /// It cannot be pressed now; say why beside it.
    #[prop(optional, into)]
    disabled: Signal<bool>,
    /// Its work is under way: it shows so and cannot be pressed again.
    #[prop(optional, into)]
    busy: Signal<bool>,
    /// Called when it is pressed.
    #[prop(optional, into)]
    on_press: Option<Callback<()>>,
    /// The words.
    children: Children,
) -> impl IntoView {
    let kind_of_button = match does {
        Does::Submit => "submit",
        Does::Press => "button",
    };
    view! {
        <button
            class=button_class(kind, size)
            type=kind_of_button
            name=name
            value=value
            disabled=move || disabled.get() || busy.get()
            aria-busy=move || busy.get().then_some("true")
            on:click=move |_| {
                if let Some(on_press) = on_press {
                    on_press.run(());
                }
            }
        >
            {move || {
                busy.get().then(|| view! { <span class="icon-busy"><Icon glyph=Glyph::Arc /></span> })
            }}
            {glyph.map(|glyph| view! { <Icon glyph /> })}
            {children()}
        </button>
    }
}

/// A link that looks like a button.
#[component]
pub fn ButtonLink(
    /// Where it leads.
    #[prop(into)]
    href: String,
    /// How much it asks for attention.
    #[prop(optional)]
    kind: Kind,
    /// How large it is.
    #[prop(optional)]
    size: Size,
    /// An icon before the words.
    #[prop(optional)]
    glyph: Option<Glyph>,
    /// The words.
    children: Children,
) -> impl IntoView {
    view! {
        <a class=button_class(kind, size) href=href>
            {glyph.map(|glyph| view! { <Icon glyph /> })}
            {children()}
        </a>
    }
}
