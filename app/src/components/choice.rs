//! Fields that choose: one from a list, one from a few, yes or no.
//!
//! What a person has chosen stays, also when a live page is drawn again: that takes every attribute off an element
//! and puts it back, and `checked` or `selected` among them would choose anew. So only the server writes
//! what is chosen at first; in the browser it is chosen once, by property ([`chosen_once`]), and chosen
//! anew only when what is stored has become another. What was chosen goes by its value: entries that come and go
//! meanwhile do not turn it into its neighbour.

use super::form::{below, below_id, label_of};
use leptos::attr::any_attribute::AnyAttribute;
use leptos::html;
use leptos::prelude::*;

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

/// The attribute that keeps what was chosen at first.
const FIRST: &str = "data-chosen";

/// The attribute that keeps what was chosen last, by whomever.
#[cfg(feature = "hydrate")]
const LAST: &str = "data-choice";

/// What a tick is called among the values of choices.
const TICKED: &str = "true";

/// The element that holds a choice: how it is read and set depends on which it is.
#[derive(Clone, Copy, Debug)]
enum Holder {
    /// A `<select>`; its value.
    Select,
    /// An element around radio buttons; the value of the one that is chosen.
    Radios,
    /// An element around a check box; [`TICKED`] or nothing.
    CheckBox,
}

/// Attributes that the server writes and that the browser's half does not know, so that it never takes them away.
fn by_server(attribute: impl FnOnce() -> AnyAttribute) -> Vec<AnyAttribute> {
    if cfg!(feature = "ssr") { vec![attribute()] } else { Vec::new() }
}

fn mark(first: &str) -> Vec<AnyAttribute> {
    let first = first.to_owned();
    by_server(|| leptos::attr::custom::custom_attribute(FIRST, first).into_any_attr())
}

#[cfg(not(feature = "hydrate"))]
fn chosen_once<E>(_node: NodeRef<E>, _first: String, _holder: Holder) -> impl Fn() + Clone + 'static
where
    E: html::ElementType,
{
    || ()
}

#[cfg(feature = "hydrate")]
use browser::{chosen_once, forget};

/// Forgets what was chosen in a form that was emptied.
#[cfg(feature = "hydrate")]
pub(crate) fn forget_choices(form: &web_sys::Element) {
    forget(form);
}

#[cfg(feature = "hydrate")]
mod browser {
    //! The choice as the browser has it: a property of the control.

    use leptos::html::ElementType;
    use leptos::prelude::*;
    use wasm_bindgen::JsCast;
    use web_sys::{Element, HtmlInputElement, HtmlSelectElement};

    use super::{FIRST, Holder, LAST, TICKED};

    /// Chooses `first` in a control that the browser itself has made, and anew when `first` has become another.
    /// Otherwise what was chosen stays, by its value; the reader may have chosen in what the server wrote
    /// before the browser's half was there. Returns what is to be called when the reader chooses.
    pub(super) fn chosen_once<E>(node: NodeRef<E>, first: String, holder: Holder) -> impl Fn() + Clone + 'static
    where
        E: ElementType,
        E::Output: JsCast + Clone + 'static,
    {
        let element = move |found: Option<E::Output>| found.map(JsCast::unchecked_into::<Element>);
        Effect::new(move |_| {
            let Some(element) = element(node.get()) else { return };
            let is_known = element.get_attribute(FIRST).as_deref() == Some(first.as_str());
            let last = if is_known { element.get_attribute(LAST).or_else(|| read(&element, holder)) } else { None };
            for value in last.iter().chain([&first]) {
                if choose(&element, holder, value) {
                    set(&element, FIRST, &first);
                    set(&element, LAST, value);
                    return;
                }
            }
            // Nothing was to be chosen: what the browser chose by itself is as good.
            if first.is_empty() {
                set(&element, FIRST, &first);
                set(&element, LAST, &read(&element, holder).unwrap_or_default());
            }
        });
        move || {
            if let Some(element) = element(node.try_get_untracked().flatten()) {
                set(&element, LAST, &read(&element, holder).unwrap_or_default());
            }
        }
    }

    /// Takes the marks off every control within a form that has been put back to what it held at first.
    pub(super) fn forget(form: &Element) {
        let Ok(marked) = form.query_selector_all(&format!("[{FIRST}]")) else { return };
        for index in 0..marked.length() {
            if let Some(element) = marked.item(index).and_then(|node| node.dyn_into::<Element>().ok()) {
                // The names are well formed.
                let _ = element.remove_attribute(FIRST);
                let _ = element.remove_attribute(LAST);
            }
        }
    }

    fn set(element: &Element, name: &str, value: &str) {
        // The names are well formed; without a mark the choice would be made again.
        let _ = element.set_attribute(name, value);
    }

    fn inputs(element: &Element) -> impl Iterator<Item = HtmlInputElement> + use<> {
        let found = element.query_selector_all("input").ok();
        let length = found.as_ref().map_or(0, |found| found.length());
        (0..length).filter_map(move |index| found.as_ref()?.item(index)?.dyn_into().ok())
    }

    /// What is chosen; nothing where no radio button is.
    fn read(element: &Element, holder: Holder) -> Option<String> {
        match holder {
            Holder::Select => element.dyn_ref::<HtmlSelectElement>().map(HtmlSelectElement::value),
            Holder::Radios => inputs(element).find(HtmlInputElement::checked).map(|input| input.value()),
            Holder::CheckBox => {
                inputs(element).next().map(|input| if input.checked() { TICKED.to_owned() } else { String::new() })
            }
        }
    }

    /// Chooses the entry with this value; what is chosen stays when there is none.
    fn choose(element: &Element, holder: Holder, value: &str) -> bool {
        if read(element, holder).as_deref() == Some(value) {
            return true;
        }
        match holder {
            Holder::Select => element.dyn_ref::<HtmlSelectElement>().is_some_and(|select| {
                let before = select.selected_index();
                select.set_value(value);
                let is_there = select.selected_index() >= 0;
                if !is_there {
                    select.set_selected_index(before);
                }
                is_there
            }),
            Holder::Radios => {
                let found = inputs(element).find(|input| input.value() == value);
                found.inspect(|input| input.set_checked(true)).is_some()
            }
            Holder::CheckBox => {
                let found = inputs(element).next();
                found.inspect(|input| input.set_checked(value == TICKED)).is_some()
            }
        }
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
    /// The label does not say 'optional' either where the server asks for it only beside other values.
    #[prop(optional)]
    needed: bool,
    /// In a row of a table, whose head says what it is: the label is only read aloud, and nothing stands below.
    #[prop(optional)]
    in_row: bool,
) -> impl IntoView {
    let error = Signal::stored(error);
    let (control, described) = (id.clone(), (!in_row).then(|| below_id(&id)));
    let spoken = in_row.then(|| label.clone());
    let label = (!in_row).then(|| label_of(&id, label, required || needed));
    let below = (!in_row).then(|| below(&id, hint, error));
    let automatic = automatic.map(|words| option(String::new(), false, selected.is_empty(), words.into_any()));
    let choices = choices.into_iter().map(|choice| {
        let chosen = choice.value == selected;
        option(choice.value, choice.disabled, chosen, choice.label.into_any())
    });
    let select = NodeRef::<html::Select>::new();
    let mark = mark(&selected);
    let chose = chosen_once(select, selected.clone(), Holder::Select);
    view! {
        <div class="field">
            {label}
            <select
                class="input"
                aria-label=spoken
                node_ref=select
                id=control
                name=name
                required=required
                aria-describedby=described
                aria-invalid=error.get_untracked().is_some().then_some("true")
                on:change=move |event| {
                    chose();
                    if let Some(on_change) = on_change {
                        on_change.run(event_target_value(&event));
                    }
                }
                {..mark}
            >
                {automatic}
                {choices.collect_view()}
            </select>
            {below}
        </div>
    }
}

fn option(value: String, disabled: bool, chosen: bool, words: AnyView) -> AnyView {
    let selected = by_server(|| leptos::attr::selected(chosen).into_any_attr());
    view! {
        <option {..selected} value=value disabled=disabled>
            {words}
        </option>
    }
    .into_any()
}

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
    let fieldset = NodeRef::<html::Fieldset>::new();
    let mark = mark(&selected);
    let chose = chosen_once(fieldset, selected.clone(), Holder::Radios);
    let choices = choices.into_iter().enumerate().map(move |(index, choice)| {
        let chosen = choice.value == selected;
        let checked = by_server(|| leptos::attr::checked(chosen).into_any_attr());
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
                    {..checked}
                    disabled=choice.disabled
                />
                <span>{choice.label}</span>
                {hint}
            </label>
        }
    });
    view! {
        <fieldset
            class="field"
            node_ref=fieldset
            aria-describedby=described
            on:change=move |event| {
                chose();
                if let Some(on_change) = on_change {
                    on_change.run(event_target_value(&event));
                }
            }
            {..mark}
        >
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
    let first = if checked { TICKED.to_owned() } else { String::new() };
    let label_around = NodeRef::<html::Label>::new();
    let mark = mark(&first);
    let chose = chosen_once(label_around, first, Holder::CheckBox);
    let checked = by_server(|| leptos::attr::checked(checked).into_any_attr());
    view! {
        <label class="choice" {..mark} for=label_for node_ref=label_around on:change=move |_| chose()>
            <input {..checked} type="checkbox" id=id name=name value=value required=required />
            <span>{label}</span>
            {hint.map(|hint| view! { <span class="field-hint">{hint}</span> })}
        </label>
    }
}
