//! Acts that are asked about once more: a button that opens what will happen, and in it the button that does it.

use leptos::prelude::*;
use leptos::server_fn::{Http, ServerFn, client::Client, codec::PostUrl, request::ClientReq};
use leptos::web_sys::FormData;
use serde::de::DeserializeOwned;

use crate::{
    components::{Button, Glyph, Kind, ReasonDialog, Size},
    error::AppError,
    form::{FormProblem, Sending, besides},
};

/// What is asked.
#[derive(Clone, Debug, Default)]
pub struct Question {
    /// The words on the button that opens it: 'Remove'.
    pub label: String,
    /// How that button looks.
    pub kind: Kind,
    /// How large it is.
    pub size: Size,
    /// An icon on it.
    pub glyph: Option<Glyph>,
    /// Whether it hangs from the left edge of its button instead of the right.
    pub start: bool,
    /// The question: 'Remove eu-1?'
    pub title: String,
    /// What will happen, in a sentence.
    pub says: String,
    /// The words on the button that does it: 'Remove the cluster'.
    pub act: String,
    /// How that button looks.
    pub act_kind: Kind,
    /// What did not happen when it is refused: 'Not removed'.
    pub failed: &'static str,
    /// The fields that say themselves what is wrong with them.
    pub fields: &'static [&'static str],
}

impl Question {
    /// About taking away what is set. What is set can be said again, so that no reason is asked for.
    #[must_use]
    pub fn removal(label: &str, title: &str, says: &str, act: &str) -> Self {
        Self {
            label: label.to_owned(),
            kind: Kind::Danger,
            glyph: Some(Glyph::Trash),
            title: title.to_owned(),
            says: says.to_owned(),
            act: act.to_owned(),
            act_kind: Kind::Danger,
            failed: "Not removed",
            ..Self::default()
        }
    }
}

/// A server function that an `<ActionForm>` sends, with all that this needs.
pub trait OfForm<Answer>:
    DeserializeOwned
    + Clone
    + Send
    + Sync
    + ServerFn<
        Protocol = Http<PostUrl, Answer>,
        Error = AppError,
        Output: DeserializeOwned + Clone + Send + Sync,
        Client: Client<AppError, Request: ClientReq<AppError, FormData: From<FormData>>>,
    > + 'static
{
}

impl<S, Answer> OfForm<Answer> for S where
    S: DeserializeOwned
        + Clone
        + Send
        + Sync
        + ServerFn<
            Protocol = Http<PostUrl, Answer>,
            Error = AppError,
            Output: DeserializeOwned + Clone + Send + Sync,
            Client: Client<AppError, Request: ClientReq<AppError, FormData: From<FormData>>>,
        > + 'static
{
}

/// The button with its question. `inside` are the fields of the form, hidden ones too.
pub fn question<S, Answer>(asked: Question, form: Sending<S>, inside: AnyView) -> AnyView
where
    S: OfForm<Answer>,
    Answer: 'static,
{
    let Question { label, kind, size, glyph, start, title, says, act, act_kind, failed, fields } = asked;
    let (other, busy) = (besides(fields, form.errors()), form.busy());
    view! {
        <ReasonDialog label kind size glyph start title says open=form.came_back() accepted=form.accepted()>
            <ActionForm action=form.action attr:class="form">
                {inside} <FormProblem error=other title=failed />
                <div class="form-acts">
                    <Button kind=act_kind busy>
                        {act}
                    </Button>
                </div>
            </ActionForm>
        </ReasonDialog>
    }
    .into_any()
}
