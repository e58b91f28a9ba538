//! What a form knows of its own sending, with scripting (the action) and without it ([`Returned`]).

use std::collections::HashMap;

use contract::ApiError;
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use serde::de::DeserializeOwned;

use crate::{
    components::{Problem, TextArea},
    error::AppError,
    returned::{Returned, use_returned},
};

/// Longer than a second tap that was meant for the first button.
#[cfg(feature = "hydrate")]
const SETTLES_WITHIN: std::time::Duration = std::time::Duration::from_millis(1_200);

/// A form's action, and what came of sending it.
pub struct Sending<S>
where
    S: ServerFn + 'static,
    S::Output: 'static,
{
    /// What the form is given to: `<ActionForm action=sending.action>`.
    pub action: ServerAction<S>,
    returned: StoredValue<Option<Returned>>,
}

impl<S> Clone for Sending<S>
where
    S: ServerFn + 'static,
    S::Output: 'static,
{
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for Sending<S>
where
    S: ServerFn + 'static,
    S::Output: 'static,
{
}

impl<S> Sending<S>
where
    S: ServerFn<Error = AppError> + Clone + Send + Sync + 'static,
    S::Output: DeserializeOwned + Clone + Send + Sync + 'static,
{
    /// A form on this page. Make it where the page is made, not where its data is shown: data that comes
    /// anew must not forget what a form was answered.
    #[must_use]
    pub fn new() -> Self {
        Self { action: ServerAction::new(), returned: StoredValue::new(use_returned(S::PATH)) }
    }

    /// The same for a form that makes something and stays on the page: it is empty again when it was done.
    #[must_use]
    pub fn emptied(self) -> Self {
        #[cfg(feature = "hydrate")]
        Effect::new(move |_| {
            if matches!(self.action.value().get(), Some(Ok(_))) {
                empty_forms(S::PATH);
            }
        });
        self
    }

    /// Why the last sending was not done. Read reactively.
    #[must_use]
    pub fn error(self) -> Option<ApiError> {
        match self.action.value().get() {
            Some(Ok(_)) => None,
            Some(Err(error)) => Some(error.0),
            None => self.returned.with_value(|returned| returned.as_ref()?.error.clone()),
        }
    }

    /// The same as a signal.
    #[must_use]
    pub fn errors(self) -> Signal<Option<ApiError>> {
        Signal::derive(move || self.error())
    }

    /// What is wrong with one field. Read reactively.
    #[must_use]
    pub fn field_error(self, name: &str) -> Option<String> {
        self.error().filter(|error| error.field() == Some(name)).map(|error| error.message)
    }

    /// What it answered. Read reactively.
    #[must_use]
    pub fn answer(self) -> Option<S::Output> {
        match self.action.value().get() {
            Some(result) => result.ok(),
            None => self.returned.with_value(|returned| answer_of(returned.as_ref()?)),
        }
    }

    /// What was typed into a field before the page was loaded anew, else `usual`.
    #[must_use]
    pub fn typed(self, name: &str, usual: &str) -> String {
        self.returned
            .with_value(|returned| returned.as_ref().and_then(|returned| returned.field(name)).map(str::to_owned))
            .unwrap_or_else(|| usual.to_owned())
    }

    /// Whether the form came back with an error without scripting, so that it opens by itself.
    #[must_use]
    pub fn came_back(self) -> bool {
        self.returned.with_value(|returned| returned.as_ref().is_some_and(|returned| returned.error.is_some()))
    }

    /// Whether what came back is about the thing whose `name` field holds `value`, where a page has
    /// several forms of one kind.
    #[must_use]
    pub fn came_back_about(self, name: &str, value: &str) -> bool {
        self.returned
            .with_value(|returned| returned.as_ref().is_some_and(|returned| returned.field(name) == Some(value)))
    }

    /// Whether it is on its way.
    #[must_use]
    pub fn busy(self) -> Signal<bool> {
        let pending = self.action.pending();
        Signal::derive(move || pending.get())
    }

    /// Rises with each time that the form was accepted; a refusal leaves it.
    #[must_use]
    pub fn accepted(self) -> Signal<usize> {
        let accepted = Memo::new(move |before: Option<&usize>| {
            let version = self.version();
            if self.answer().is_some() { version } else { before.copied().unwrap_or_default() }
        });
        accepted.into()
    }

    /// Rises when it came back; a page's data depends on it.
    #[must_use]
    pub fn version(self) -> usize {
        self.action.version().get()
    }

    /// Writes what came of it, in `words`, into `line`, which several forms of a page share: the last one counts, and a
    /// refusal takes the line away.
    #[must_use]
    pub fn tells(self, line: RwSignal<Option<String>>, words: fn(S::Output) -> String) -> Self {
        write_into(line, move || self.version(), move || self.answer().map(words));
        self
    }
}

impl<S> Default for Sending<S>
where
    S: ServerFn<Error = AppError> + Clone + Send + Sync + 'static,
    S::Output: DeserializeOwned + Clone + Send + Sync + 'static,
{
    fn default() -> Self {
        Self::new()
    }
}

/// The forms of one kind on a page, one for each promotion, person or token. They are made with the page
/// and not with its data, so that news about a thing do not forget what its form was answered.
pub struct Sendings<S>
where
    S: ServerFn + 'static,
    S::Output: 'static,
{
    owner: StoredValue<Option<Owner>>,
    each: StoredValue<HashMap<String, Sending<S>>>,
    came_back: RwSignal<usize>,
    answer: RwSignal<Option<S::Output>>,
    returned: StoredValue<Option<Returned>>,
    refusal: RwSignal<Option<(String, ApiError)>>,
}

impl<S> Clone for Sendings<S>
where
    S: ServerFn + 'static,
    S::Output: 'static,
{
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for Sendings<S>
where
    S: ServerFn + 'static,
    S::Output: 'static,
{
}

impl<S> Sendings<S>
where
    S: ServerFn<Error = AppError> + Clone + Send + Sync + 'static,
    S::Output: DeserializeOwned + Clone + Send + Sync + 'static,
{
    /// The forms of this page.
    #[must_use]
    pub fn new() -> Self {
        Self {
            owner: StoredValue::new(Owner::current()),
            each: StoredValue::new(HashMap::new()),
            came_back: RwSignal::new(0),
            answer: RwSignal::new(use_returned(S::PATH).and_then(|returned| answer_of(&returned))),
            returned: StoredValue::new(use_returned(S::PATH)),
            refusal: RwSignal::new(None),
        }
    }

    /// The form of the thing whose field `name` holds `value`.
    #[must_use]
    pub fn of(self, name: &str, value: &str) -> Sending<S> {
        if let Some(found) = self.each.with_value(|each| each.get(value).copied()) {
            return found;
        }
        let make = || {
            let sending = Sending::new();
            if !sending.came_back_about(name, value) {
                sending.returned.set_value(None);
            }
            let (came_back, answer, refusal) = (self.came_back, self.answer, self.refusal);
            let value = value.to_owned();
            Effect::new(move |earlier: Option<usize>| {
                let version = sending.version();
                if earlier.is_some_and(|earlier| earlier != version) {
                    answer.set(untrack(|| sending.answer()));
                    refusal.set(untrack(|| sending.error()).map(|error| (value.clone(), error)));
                    came_back.update(|count| *count += 1);
                }
                version
            });
            sending
        };
        let sending = match self.owner.get_value() {
            Some(owner) => owner.with(make),
            None => make(),
        };
        self.each.update_value(|each| {
            each.insert(value.to_owned(), sending);
        });
        sending
    }

    /// Whether one of them came back a moment ago. For a list that closes up when one of its entries is
    /// done: the button of the next one comes under a finger that may tap once more. Make it where the
    /// page is made.
    #[must_use]
    pub fn settling(self) -> Signal<bool> {
        let settling = RwSignal::new(false);
        #[cfg(feature = "hydrate")]
        Effect::new(move |_| {
            if self.version() > 0 {
                settling.set(true);
                set_timeout(
                    move || {
                        // Nobody is left to tell when the page is gone.
                        let _gone = settling.try_set(false);
                    },
                    SETTLES_WITHIN,
                );
            }
        });
        settling.into()
    }

    /// What the last of them answered; nothing when that one was refused. It outlives the thing that the form
    /// was about. Read reactively.
    #[must_use]
    pub fn answer(self) -> Option<S::Output> {
        self.answer.get()
    }

    /// Why the last of them was refused, and the value of its field `name`; nothing when that one was done. It outlives
    /// the thing too. Read reactively.
    #[must_use]
    pub fn refusal(self, name: &str) -> Option<(String, ApiError)> {
        if self.version() > 0 {
            return self.refusal.get();
        }
        let returned = |returned: &Option<Returned>| {
            let returned = returned.as_ref()?;
            Some((returned.field(name)?.to_owned(), returned.error.clone()?))
        };
        self.returned.with_value(returned)
    }

    /// Rises when one of them came back; a page's data depends on it.
    #[must_use]
    pub fn version(self) -> usize {
        self.came_back.get()
    }

    /// As [`Sending::tells`], for all of them.
    #[must_use]
    pub fn tells(self, line: RwSignal<Option<String>>, words: fn(S::Output) -> String) -> Self {
        write_into(line, move || self.version(), move || self.answer().map(words));
        self
    }
}

impl<S> Default for Sendings<S>
where
    S: ServerFn<Error = AppError> + Clone + Send + Sync + 'static,
    S::Output: DeserializeOwned + Clone + Send + Sync + 'static,
{
    fn default() -> Self {
        Self::new()
    }
}

/// What a plain form was answered; an answer that cannot be read is none.
fn answer_of<T: DeserializeOwned>(returned: &Returned) -> Option<T> {
    serde_json::from_str(returned.result.as_deref()?).ok()
}

fn write_into(
    line: RwSignal<Option<String>>,
    version: impl Fn() -> usize + 'static,
    answer: impl Fn() -> Option<String> + 'static,
) {
    if let Some(answer) = untrack(&answer) {
        line.set(Some(answer));
    }
    Effect::new(move |before: Option<usize>| {
        let now = version();
        if before.is_some_and(|before| before != now) {
            line.set(untrack(&answer));
        }
        now
    });
}

/// Puts the fields of the forms that are sent to `path` back to what they held at first.
#[cfg(feature = "hydrate")]
fn empty_forms(path: &str) {
    let Ok(forms) = document().query_selector_all(&format!("form[action=\"{path}\"]")) else { return };
    for index in 0..forms.length() {
        use wasm_bindgen::JsCast;
        if let Some(form) = forms.item(index).and_then(|form| form.dyn_into::<web_sys::Element>().ok()) {
            // Every form can do this.
            let _ = crate::keys::browser::call(&form, "reset");
            crate::components::forget_choices(&form);
        }
    }
}

/// A text area for a reason, whose error comes from the form's answer and goes when another comes.
#[component]
pub fn ReasonField(
    /// Its id.
    id: String,
    /// The name of its value.
    #[prop(default = "reason")]
    name: &'static str,
    /// The label.
    #[prop(default = "Why?")]
    label: &'static str,
    /// What helps.
    #[prop(default = "It stands in the journal and in the audit.")]
    hint: &'static str,
    /// What was typed before.
    value: String,
    /// Whether the form is held back without it.
    #[prop(default = true)]
    required: bool,
    /// The form's answer.
    error: Signal<Option<ApiError>>,
) -> impl IntoView {
    let wrong = about(name, error);
    view! { <TextArea id name label value hint=hint.to_owned() error=wrong required rows=2 /> }
}

/// What an answer says about one field.
#[must_use]
pub fn about(name: &'static str, error: Signal<Option<ApiError>>) -> Signal<Option<String>> {
    Signal::derive(move || error.get().filter(|error| error.field() == Some(name)).map(|error| error.message))
}

/// An answer that is about none of these fields, for [`FormProblem`].
#[must_use]
pub fn besides(fields: &'static [&'static str], error: Signal<Option<ApiError>>) -> Signal<Option<ApiError>> {
    Signal::derive(move || error.get().filter(|error| error.field().is_none_or(|field| !fields.contains(&field))))
}

/// An error that is about none of the form's fields, beside its buttons. When it comes it is brought into sight: on a
/// phone the button that was pressed may be all that is.
#[component]
pub fn FormProblem(
    /// The error, read again when it changes.
    #[prop(into)]
    error: Signal<Option<ApiError>>,
    /// What did not happen: 'Not approved'.
    #[prop(into)]
    title: String,
) -> impl IntoView {
    let place = NodeRef::<leptos::html::Div>::new();
    #[cfg(feature = "hydrate")]
    Effect::new(move |is_drawn: Option<()>| {
        // What is drawn with the problem in it is news of something else: the reader has seen it.
        if error.get().is_some() && is_drawn.is_some() {
            request_animation_frame(move || bring_into_sight(place));
        }
    });
    let problem = move || {
        error.get().map(|error| match error.reference {
            Some(reference) => view! { <Problem title=title.clone() words=error.message reference /> }.into_any(),
            None => view! { <Problem title=title.clone() words=error.message /> }.into_any(),
        })
    };
    view! { <div class="form-problem" node_ref=place>{problem}</div> }
}

/// Scrolls as little as is needed. What is gone by the time that the browser draws is not scrolled to.
#[cfg(feature = "hydrate")]
pub(crate) fn bring_into_sight(place: NodeRef<leptos::html::Div>) {
    if let Some(place) = place.try_get_untracked().flatten() {
        let nearest = web_sys::ScrollIntoViewOptions::new();
        nearest.set_block(web_sys::ScrollLogicalPosition::Nearest);
        place.scroll_into_view_with_scroll_into_view_options(&nearest);
    }
}
