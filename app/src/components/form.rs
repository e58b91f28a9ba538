//! Fields of a form: label above, hint or error below.
//!
//! They are plain HTML fields and send their values without scripting. With scripting a `check` says what is still
//! wrong while the reader types; the server judges again in any case. Room for the line below is always kept.

use super::icon::{Glyph, Icon, IconSize};
use leptos::ev::Event;
use leptos::prelude::*;

/// What a text field takes; the browser offers the right keyboard and picker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InputKind {
    /// One line of text.
    #[default]
    Text,
    /// Names, references and digests: set in the fixed-width face, not corrected by a phone.
    Code,
    /// An address of mail.
    Email,
    /// A secret.
    Password,
    /// A whole number.
    Number,
    /// A day.
    Date,
    /// A time of day.
    Time,
    /// A day and a time, without a zone.
    DateTime,
    /// A search.
    Search,
    /// An address of the web.
    Url,
}

impl InputKind {
    fn html(self) -> &'static str {
        match self {
            Self::Text | Self::Code => "text",
            Self::Email => "email",
            Self::Password => "password",
            Self::Number => "number",
            Self::Date => "date",
            Self::Time => "time",
            Self::DateTime => "datetime-local",
            Self::Search => "search",
            Self::Url => "url",
        }
    }
}

/// Says what is still wrong with a value, or `None`.
pub type Check = Callback<String, Option<String>>;

/// The line below a field: the error if there is one, else the hint.
pub(super) fn below(id: &str, hint: Option<String>, error: Signal<Option<String>>) -> impl IntoView + use<> {
    let id = below_id(id);
    view! {
        <span id=id aria-live="polite">
            {move || match error.get() {
                Some(error) => {
                    view! {
                        <span class="field-error">
                            <Icon glyph=Glyph::Cross size=IconSize::Small />
                            {error}
                        </span>
                    }
                        .into_any()
                }
                None => view! { <span class="field-hint">{hint.clone().unwrap_or_default()}</span> }.into_any(),
            }}
        </span>
    }
}

pub(super) fn below_id(id: &str) -> String {
    format!("{id}-below")
}

/// The label of a field.
pub(super) fn label_of(id: &str, label: String, required: bool) -> impl IntoView + use<> {
    let id = id.to_owned();
    view! {
        <label class="field-label" for=id>
            {label} {(!required).then(|| view! { <span class="field-optional">" (optional)"</span> })}
        </label>
    }
}

/// What a field shows below itself: the server's error until the reader types, from then on what `check` says,
/// until the server answers anew.
fn errors(
    from_server: Signal<Option<String>>,
    check: Option<Check>,
) -> (Signal<Option<String>>, impl Fn(Event) + Clone) {
    let checked = RwSignal::new(None::<Option<String>>);
    Effect::new(move |_| {
        from_server.track();
        checked.set(None);
    });
    let on_input = move |event: Event| {
        if let Some(check) = check {
            checked.set(Some(check.run(event_target_value(&event))));
        }
    };
    (Signal::derive(move || checked.get().unwrap_or_else(|| from_server.get())), on_input)
}

/// A field around any control: the control gets `id`, and `aria-describedby` the same with '-below' after it.
#[component]
pub fn Field(
    /// The control's id.
    #[prop(into)]
    id: String,
    /// The label.
    #[prop(into)]
    label: String,
    /// What helps to fill it in.
    #[prop(optional_no_strip, into)]
    hint: Option<String>,
    /// What is wrong with it.
    #[prop(optional_no_strip, into)]
    error: Option<String>,
    /// Without it the label says 'optional'.
    #[prop(optional)]
    required: bool,
    /// The control.
    children: Children,
) -> impl IntoView {
    let error = Signal::stored(error);
    view! {
        <div class="field">{label_of(&id, label, required)} {children()} {below(&id, hint, error)}</div>
    }
}

/// A field of one line.
#[component]
pub fn TextField(
    /// Its id.
    #[prop(into)]
    id: String,
    /// The name of its value.
    #[prop(into)]
    name: String,
    /// The label.
    #[prop(into)]
    label: String,
    /// What it holds at first: what was typed before an error.
    #[prop(optional, into)]
    value: String,
    /// What it takes.
    #[prop(optional)]
    kind: InputKind,
    /// What helps to fill it in.
    #[prop(optional_no_strip, into)]
    hint: Option<String>,
    /// What the server said is wrong. The control stays as it is when this changes, with what was typed.
    #[prop(optional, into)]
    error: Signal<Option<String>>,
    /// Says what is wrong while the reader types.
    #[prop(optional, into)]
    check: Option<Check>,
    /// An example, in grey.
    #[prop(optional, into)]
    placeholder: Option<String>,
    /// What the browser may fill in: 'username', 'current-password', 'off'.
    #[prop(optional, into)]
    autocomplete: Option<String>,
    /// The browser holds the form back without it.
    #[prop(optional)]
    required: bool,
    /// The label does not say 'optional' either where the server asks for it only beside other values.
    #[prop(optional)]
    needed: bool,
    /// Called with what is typed.
    #[prop(optional, into)]
    on_type: Option<Callback<String>>,
) -> impl IntoView {
    let (error, on_input) = errors(error, check);
    let on_input = move |event: Event| {
        if let Some(on_type) = on_type {
            on_type.run(event_target_value(&event));
        }
        on_input(event);
    };
    let (control, described) = (id.clone(), below_id(&id));
    let code = kind == InputKind::Code;
    view! {
        <div class="field">
            {label_of(&id, label, required || needed)}
            <input
                class=if code { "input input-mono" } else { "input" }
                type=kind.html()
                id=control
                name=name
                value=value
                placeholder=placeholder
                autocomplete=autocomplete
                autocapitalize=code.then_some("off")
                spellcheck=code.then_some("false")
                required=required
                aria-describedby=described
                aria-invalid=move || error.get().is_some().then_some("true")
                on:input=on_input
            /> {below(&id, hint, error)}
        </div>
    }
}

/// A text as the inside of an element. Leptos writes the children of a `<textarea>` as they are, so that what somebody
/// typed could end the field and go on as markup; as `inner_html` it is escaped the same way on both sides.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// A field of several lines, which grows with what is typed.
#[component]
pub fn TextArea(
    /// Its id.
    #[prop(into)]
    id: String,
    /// The name of its value.
    #[prop(into)]
    name: String,
    /// The label.
    #[prop(into)]
    label: String,
    /// What it holds at first.
    #[prop(optional, into)]
    value: String,
    /// What helps to fill it in.
    #[prop(optional_no_strip, into)]
    hint: Option<String>,
    /// What the server said is wrong. The control stays as it is when this changes, with what was typed.
    #[prop(optional, into)]
    error: Signal<Option<String>>,
    /// Says what is wrong while the reader types.
    #[prop(optional, into)]
    check: Option<Check>,
    /// An example, in grey.
    #[prop(optional, into)]
    placeholder: Option<String>,
    /// Lines at first.
    #[prop(default = 3)]
    rows: u32,
    /// Set in the fixed-width face.
    #[prop(optional)]
    code: bool,
    /// The browser holds the form back without it.
    #[prop(optional)]
    required: bool,
) -> impl IntoView {
    let (error, on_input) = errors(error, check);
    let (control, described) = (id.clone(), below_id(&id));
    view! {
        <div class="field">
            {label_of(&id, label, required)}
            <textarea
                class=if code { "input input-mono" } else { "input" }
                id=control
                name=name
                rows=rows.to_string()
                placeholder=placeholder
                required=required
                aria-describedby=described
                aria-invalid=move || error.get().is_some().then_some("true")
                on:input=on_input
                inner_html=escaped(&value)
            ></textarea>
            {below(&id, hint, error)}
        </div>
    }
}
