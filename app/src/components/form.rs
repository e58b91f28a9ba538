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

/// One entry of a choice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// What is sent.
    pub value: String,
    /// What is read.
    pub label: String,
    /// What explains it (shown by `RadioChoices`).
    pub hint: String,
    /// It cannot be chosen now; `hint` says why.
    pub disabled: bool,
}

impl Choice {
    /// An entry whose value is also its label.
    pub fn plain(value: impl Into<String>) -> Self {
        let value = value.into();
        Self { label: value.clone(), value, ..Self::default() }
    }

    /// An entry with a label of its own.
    pub fn new(value: impl Into<String>, label: impl Into<String>) -> Self {
        Self { value: value.into(), label: label.into(), ..Self::default() }
    }
}

/// Says what is still wrong with a value, or `None`.
pub type Check = Callback<String, Option<String>>;

/// The line below a field: the error if there is one, else the hint.
fn below(id: &str, hint: Option<String>, error: Signal<Option<String>>) -> impl IntoView + use<> {
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

fn below_id(id: &str) -> String {
    format!("{id}-below")
}

/// The label of a field.
fn label_of(id: &str, label: String, required: bool) -> impl IntoView + use<> {
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
            {label_of(&id, label, required)}
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

/// A choice of one from a list.
#[component]
pub fn Select(
    /// Its id.
    #[prop(into)]
    id: String,
    /// The name of its value.
    #[prop(into)]
    name: String,
    /// The label.
    #[prop(into)]
    label: String,
    /// The entries.
    choices: Vec<Choice>,
    /// A first entry with an empty value, for which the server chooses; the words say what it will choose.
    #[prop(optional_no_strip, into)]
    automatic: Option<Signal<String>>,
    /// The value that is chosen at first.
    #[prop(optional, into)]
    selected: String,
    /// What helps to choose.
    #[prop(optional_no_strip, into)]
    hint: Option<String>,
    /// What the server said is wrong.
    #[prop(optional_no_strip, into)]
    error: Option<String>,
    /// Called with the value when another is chosen.
    #[prop(optional, into)]
    on_change: Option<Callback<String>>,
    /// The browser holds the form back without it.
    #[prop(optional)]
    required: bool,
) -> impl IntoView {
    let error = Signal::stored(error);
    let (control, described) = (id.clone(), below_id(&id));
    let automatic = automatic.map(|words| option(String::new(), false, selected.is_empty(), words.into_any()));
    let choices = choices.into_iter().map(|choice| {
        let chosen = choice.value == selected;
        option(choice.value, choice.disabled, chosen, choice.label.into_any())
    });
    let select = NodeRef::new();
    choose_once(select, selected.clone());
    view! {
        <div class="field">
            {label_of(&id, label, required)}
            <select
                class="input"
                node_ref=select
                id=control
                name=name
                required=required
                aria-describedby=described
                aria-invalid=error.get_untracked().is_some().then_some("true")
                on:change=move |event| {
                    if let Some(on_change) = on_change {
                        on_change.run(event_target_value(&event));
                    }
                }
            >
                {automatic}
                {choices.collect_view()}
            </select>
            {below(&id, hint, error)}
        </div>
    }
}

/// An entry. Only the server writes which one is chosen: a page that is drawn again sets each attribute of
/// its elements anew, and with this one would take back what the reader has chosen since.
#[cfg(feature = "ssr")]
fn option(value: String, disabled: bool, chosen: bool, words: AnyView) -> AnyView {
    view! {
        <option value=value disabled=disabled selected=chosen>
            {words}
        </option>
    }
    .into_any()
}

#[cfg(not(feature = "ssr"))]
fn option(value: String, disabled: bool, _chosen: bool, words: AnyView) -> AnyView {
    view! {
        <option value=value disabled=disabled>
            {words}
        </option>
    }
    .into_any()
}

/// The attribute that keeps what was chosen at first, so that it is chosen once.
#[cfg(feature = "hydrate")]
const CHOSEN_AT_FIRST: &str = "data-chosen";

/// Chooses an entry of a list that the browser itself has made. One that the server has written is
/// left as it is: the reader may have chosen before the browser's half was there.
#[cfg(feature = "hydrate")]
fn choose_once(select: NodeRef<leptos::html::Select>, value: String) {
    Effect::new(move |_| {
        let Some(select) = select.get() else { return };
        if select.get_attribute(CHOSEN_AT_FIRST).as_deref() == Some(value.as_str()) {
            return;
        }
        let is_new = !select.has_attribute(CHOSEN_AT_FIRST);
        let by_server = matches!(select.query_selector("option[selected]"), Ok(Some(_)));
        if !(is_new && by_server) {
            select.set_value(&value);
        }
        // Without the mark the choice is made again, which is what happened before.
        let _ = select.set_attribute(CHOSEN_AT_FIRST, &value);
    });
}

#[cfg(not(feature = "hydrate"))]
fn choose_once(_select: NodeRef<leptos::html::Select>, _value: String) {}

/// A choice of one from a few, all of them to be seen, each with what it means.
#[component]
pub fn RadioChoices(
    /// The start of the ids of its fields.
    #[prop(into)]
    id: String,
    /// The name of its value.
    #[prop(into)]
    name: String,
    /// The question.
    #[prop(into)]
    label: String,
    /// The entries.
    choices: Vec<Choice>,
    /// The value that is chosen at first.
    #[prop(optional, into)]
    selected: String,
    /// What the server said is wrong.
    #[prop(optional_no_strip, into)]
    error: Option<String>,
    /// Called with the value when another is chosen.
    #[prop(optional, into)]
    on_change: Option<Callback<String>>,
) -> impl IntoView {
    let error = Signal::stored(error);
    let described = below_id(&id);
    let start = id.clone();
    let choices = choices.into_iter().enumerate().map(move |(index, choice)| {
        let chosen = choice.value == selected;
        let id = format!("{start}-{index}");
        let label_for = id.clone();
        let hint = (!choice.hint.is_empty()).then(|| view! { <span class="field-hint">{choice.hint}</span> });
        view! {
            <label class="choice" for=label_for>
                <input
                    type="radio"
                    id=id
                    name=name.clone()
                    value=choice.value
                    checked=chosen
                    disabled=choice.disabled
                    on:change=move |event| {
                        if let Some(on_change) = on_change {
                            on_change.run(event_target_value(&event));
                        }
                    }
                />
                <span>{choice.label}</span>
                {hint}
            </label>
        }
    });
    view! {
        <fieldset class="field" aria-describedby=described>
            <legend class="field-label">{label}</legend>
            <div class="choice-cards">{choices.collect_view()}</div>
            {below(&id, None, error)}
        </fieldset>
    }
}

/// One yes or no.
#[component]
pub fn CheckBox(
    /// Its id.
    #[prop(into)]
    id: String,
    /// The name of its value.
    #[prop(into)]
    name: String,
    /// What is agreed to.
    #[prop(into)]
    label: String,
    /// What is sent when it is ticked.
    #[prop(default = "true".to_owned(), into)]
    value: String,
    /// Ticked at first.
    #[prop(optional)]
    checked: bool,
    /// What explains it.
    #[prop(optional, into)]
    hint: Option<String>,
    /// The browser holds the form back without it.
    #[prop(optional)]
    required: bool,
) -> impl IntoView {
    let label_for = id.clone();
    view! {
        <label class="choice" for=label_for>
            <input type="checkbox" id=id name=name value=value checked=checked required=required />
            <span>{label}</span>
            {hint.map(|hint| view! { <span class="field-hint">{hint}</span> })}
        </label>
    }
}
