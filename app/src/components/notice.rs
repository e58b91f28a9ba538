//! Words that want to be read: notices, and problems after an act that did not work.

use super::icon::{Glyph, Icon};
use super::sentence::Sentence;
use super::state::State;
use leptos::children::ViewFnOnce;
use leptos::prelude::*;

/// A notice within a page.
#[component]
pub fn Notice(
    /// What kind of news it is.
    #[prop(optional)]
    state: State,
    /// The news in a few words.
    #[prop(optional, into)]
    title: Option<String>,
    /// A link or button at the right.
    #[prop(optional, into)]
    act: Option<ViewFnOnce>,
    /// What it means.
    children: Children,
) -> impl IntoView {
    let glyph = match state {
        State::Nothing => Glyph::Info,
        State::Done | State::Moving | State::Waiting => state.glyph(),
        State::Failed => Glyph::Triangle,
    };
    view! {
        <div class=format!("notice {}", state.class()) role="status">
            <Icon glyph />
            <div class="notice-words">
                {title.map(|title| view! { <strong class="notice-title">{title}</strong> })}
                {children()}
            </div>
            {act.map(|act| act.run())}
        </div>
    }
}

/// What went wrong with an act, and what to do now. It is read aloud at once.
#[component]
pub fn Problem(
    /// What did not happen, in a few words.
    #[prop(into)]
    title: String,
    /// Why, and what the reader can do now.
    #[prop(into)]
    words: String,
    /// What the operator's log has it under.
    #[prop(optional, into)]
    reference: Option<String>,
) -> impl IntoView {
    view! {
        <div class="notice is-failed" role="alert">
            <Icon glyph=Glyph::Triangle />
            <div class="notice-words">
                <strong class="notice-title">{title}</strong>
                <span><Sentence words /></span>
                {reference
                    .map(|reference| {
                        view! {
                            <span class="notice-reference">"In the log as " <code>{reference}</code></span>
                        }
                    })}
            </div>
        </div>
    }
}

/// What an act came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// Done, or nothing where it ended something.
    pub state: State,
    /// What was done: 'Approved: cart 2.30.4 to production.'
    pub title: String,
    /// What happens now, in a sentence; may be empty.
    pub words: String,
    /// Where it can be followed: the link's words and address.
    pub link: Option<(String, String)>,
}

impl Said {
    /// That settings were saved by which promotions go: 'the rule p95'.
    #[must_use]
    pub fn saved(what: &str) -> Self {
        Self {
            state: State::Done,
            title: format!("Saved: {what}."),
            words: "Promotions that have started keep what they started with. What waits is planned anew, and must be approved \
                    again."
                .to_owned(),
            link: None,
        }
    }
}

/// The calm line that says what an act came to, where what was acted on may be gone from the page. The
/// place of the line is there from the beginning, so that it is read aloud when the words come.
#[component]
pub fn Outcome(
    /// What is said now.
    #[prop(into)]
    said: Signal<Option<Said>>,
) -> impl IntoView {
    let line = move || {
        said.get().map(|said| {
            view! {
                <div class=format!("notice {}", said.state.class())>
                    <Icon glyph=said.state.glyph() />
                    <div class="notice-words">
                        <strong class="outcome-title">{said.title}</strong>
                        " "
                        <Sentence words=said.words />
                        {said
                            .link
                            .map(|(words, href)| {
                                view! {
                                    " "
                                    <a class="outcome-link" href=href>
                                        {words}
                                    </a>
                                }
                            })}
                    </div>
                </div>
            }
        })
    };
    view! {
        <div class="outcome" role="status">
            {line}
        </div>
    }
}
