//! Rows that pages show again and again: checks and commits.

use super::avatar::{Avatar, AvatarSize};
use super::sentence::Sentence;
use super::state::{State, StateIcon};
use super::version::Hash;
use leptos::children::ViewFnOnce;
use leptos::prelude::*;

/// A list of checks.
#[component]
pub fn Checks(
    /// Checks.
    children: Children,
) -> impl IntoView {
    view! { <ul class="checks">{children()}</ul> }
}

/// One check, demand or item: its state, what it is, what was found.
#[component]
pub fn CheckRow(
    /// How it stands.
    state: State,
    /// What it is: 'Staging healthy for 26 h'.
    #[prop(into)]
    title: String,
    /// What was asked or found: 'asked: 24 h'.
    #[prop(optional, into)]
    note: Option<String>,
    /// The evidence.
    #[prop(optional, into)]
    href: Option<String>,
    /// What stands at the right: a button that ticks it.
    #[prop(optional, into)]
    aside: Option<ViewFnOnce>,
) -> impl IntoView {
    let title = match href {
        Some(href) => view! { <a class="check-title" href=href>{title}</a> }.into_any(),
        None => view! { <span class="check-title">{title}</span> }.into_any(),
    };
    view! {
        <li class=format!("check {}", state.class())>
            <StateIcon state />
            <div class="check-words">{title} {note.map(|note| view! { <span class="check-note"><Sentence words=note /></span> })}</div>
            {aside.map(|aside| view! { <div class="check-aside">{aside.run()}</div> })}
        </li>
    }
}

/// A list of commits.
#[component]
pub fn Commits(
    /// Commits.
    children: Children,
) -> impl IntoView {
    view! { <ul class="commits">{children()}</ul> }
}

/// One commit: who, what, which.
#[component]
pub fn CommitRow(
    /// Who wrote it.
    #[prop(into)]
    author: String,
    /// Its first line.
    #[prop(into)]
    subject: String,
    /// Its whole hash.
    #[prop(into)]
    hash: String,
    /// Where it can be read.
    #[prop(optional_no_strip, into)]
    href: Option<String>,
    /// When.
    #[prop(optional, into)]
    when: Option<ViewFnOnce>,
) -> impl IntoView {
    let title = format!("{subject} ({author})");
    let hash = match href {
        Some(href) => view! { <Hash value=hash what="the commit" href /> }.into_any(),
        None => view! { <Hash value=hash what="the commit" /> }.into_any(),
    };
    view! {
        <li class="commit">
            <Avatar name=author.clone() size=AvatarSize::Small />
            <span class="hidden-visually">{author}": "</span>
            <span class="commit-subject" title=title>
                {subject}
            </span>
            {when.map(|when| view! { <span class="commit-when">{when.run()}</span> })}
            {hash}
        </li>
    }
}
