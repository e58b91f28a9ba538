//! What a form that was sent without scripting gets back: the fields as they were typed with the error,
//! or a result that is shown once. The server keeps it in the session under a one-time id and gives it
//! to the page that is asked for next; it travels on into the browser with the page's data.

use contract::ApiError;
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// What came of a form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Returned {
    /// The address that the form was sent to: `/do/approve`, `/sign-in`.
    pub action: String,
    /// What was typed, without secrets.
    pub fields: Vec<(String, String)>,
    /// Why it was not done.
    pub error: Option<ApiError>,
    /// The answer as JSON, when it was done and has something to show.
    pub result: Option<String>,
}

impl Returned {
    /// What was typed into a field.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    /// Everything that was typed into fields of this name, for check boxes.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.fields.iter().filter(move |(field, _)| field == name).map(|(_, value)| value.as_str())
    }
}

/// The page's share of it, the same on the server and in the browser.
#[derive(Clone)]
struct OfThisPage(StoredValue<Option<Returned>>);

/// Takes it from the request (on the server) or from the page's data (in the browser). Called once,
/// at the root.
pub(crate) fn provide() {
    let returned = SharedValue::new(use_context::<Returned>).into_inner();
    provide_context(OfThisPage(StoredValue::new(returned)));
}

/// What came of the form that was sent to `action`, for the first page only: it is gone as soon as the
/// reader goes on.
#[must_use]
pub fn use_returned(action: &str) -> Option<Returned> {
    use_context::<OfThisPage>()?.0.get_value().filter(|returned| returned.action == action)
}

/// Forgets it: the reader went to another page.
pub(crate) fn forget() {
    if let Some(of_this_page) = use_context::<OfThisPage>() {
        of_this_page.0.set_value(None);
    }
}
