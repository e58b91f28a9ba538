//! How a page shows data that has to come first: room while it is on its way, the page when it is there,
//! and what to do next when it is not to be had. The frame stays in every case.

use std::future::IntoFuture as _;

use contract::{ErrorKind, frame::Frame};
use domain::actor::Act;
use leptos::prelude::*;
use leptos::reactive::computed::ScopedFuture;
use leptos_meta::Title;

use crate::{
    components::{ButtonLink, Kind, Skeleton},
    context::set_status,
    error::{Answer, AppError},
    frame::use_frame,
    lasting::lasting,
    routes,
};

/// The page of some data, shown with what the reader may do.
pub fn page_of<T>(
    data: Resource<Answer<T>>,
    show: impl Fn(T, Rights) -> AnyView + Copy + Send + Sync + 'static,
) -> AnyView
where
    T: Clone + Send + Sync + 'static,
{
    shown(data, show, problem_page)
}

/// The same below a heading that stands whether the data comes or not.
pub fn page_below<T>(
    data: Resource<Answer<T>>,
    show: impl Fn(T, Rights) -> AnyView + Copy + Send + Sync + 'static,
) -> AnyView
where
    T: Clone + Send + Sync + 'static,
{
    shown(data, show, problem_below)
}

fn shown<T>(
    data: Resource<Answer<T>>,
    show: impl Fn(T, Rights) -> AnyView + Copy + Send + Sync + 'static,
    problem: fn(AppError) -> AnyView,
) -> AnyView
where
    T: Clone + Send + Sync + 'static,
{
    let frame = use_frame();
    view! {
        <Transition fallback=|| {
            view! { <Skeleton lines=8 /> }
        }>
            {lasting(move || async move {
                match data.await {
                    Ok(value) => show(value, rights(frame).await),
                    Err(error) => problem(error),
                }
            })}
        </Transition>
    }
    .into_any()
}

/// What the reader's role includes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rights(Vec<Act>);

impl Rights {
    /// Whether it includes `act`. The use case asks again; this only decides what is offered.
    #[must_use]
    pub fn may(&self, act: Act) -> bool {
        self.0.contains(&act)
    }
}

/// Waits for the frame but does not follow it: a page is not drawn again because a count changed.
async fn rights(frame: Option<Resource<Answer<Frame>>>) -> Rights {
    match frame {
        Some(frame) => {
            let frame = ScopedFuture::new_untracked(frame.into_future()).await;
            Rights(frame.map(|frame| frame.me.may).unwrap_or_default())
        }
        None => Rights::default(),
    }
}

/// A part of a page whose data comes by itself.
pub fn part_of<T>(
    data: Resource<Answer<T>>,
    lines: usize,
    show: impl Fn(Answer<T>) -> AnyView + Copy + Send + Sync + 'static,
) -> AnyView
where
    T: Clone + Send + Sync + 'static,
{
    view! {
        <Transition fallback=move || {
            view! { <Skeleton lines /> }
        }>{lasting(move || async move { show(data.await) })}</Transition>
    }
    .into_any()
}

/// What stands in a page's place: not found, refused, broken.
pub fn problem_page(error: AppError) -> AnyView {
    let title = problem_title(&error.0.kind);
    let heading = view! {
        <Title text=title />
        <h1>{title}</h1>
    };
    problem(error, heading.into_any())
}

/// What stands below a page's heading in place of the rest: a page has one heading of the first rank.
pub fn problem_below(error: AppError) -> AnyView {
    let heading = view! { <h2>{problem_title(&error.0.kind)}</h2> };
    problem(error, heading.into_any())
}

const fn problem_title(kind: &ErrorKind) -> &'static str {
    match kind {
        ErrorKind::NotFound => "Not found",
        ErrorKind::Unauthenticated => "Sign in first",
        ErrorKind::Refused => "Not allowed",
        ErrorKind::Conflict => "This has changed",
        ErrorKind::Invalid { .. } => "This address cannot be read",
        ErrorKind::Unavailable => "Not to be had now",
        ErrorKind::Internal => "Something broke",
    }
}

fn problem(error: AppError, heading: AnyView) -> AnyView {
    let error = error.0;
    set_status(error.status());
    let next = match error.kind {
        ErrorKind::NotFound => "It may have another name. Search finds services, versions, commits and promotions.",
        ErrorKind::Unauthenticated => "Your session has ended, or there was none.",
        ErrorKind::Refused => "An admin can change your role under Settings, People.",
        ErrorKind::Conflict => "Reload the page to see how it stands now.",
        ErrorKind::Invalid { .. } => "Go back and choose again.",
        ErrorKind::Unavailable => "Reload the page in a moment. What is under way goes on meanwhile.",
        ErrorKind::Internal => "Reload the page. If it happens again, give the reference to whoever runs Slipway.",
    };
    let act = match error.kind {
        ErrorKind::NotFound | ErrorKind::Invalid { .. } => {
            view! { <ButtonLink href=routes::SEARCH>"Search"</ButtonLink> }
        }
        ErrorKind::Unauthenticated => {
            view! { <ButtonLink href=routes::SIGN_IN kind=Kind::Primary>"Sign in"</ButtonLink> }
        }
        ErrorKind::Refused | ErrorKind::Conflict | ErrorKind::Unavailable | ErrorKind::Internal => {
            view! { <ButtonLink href=routes::HOME>"To the Board"</ButtonLink> }
        }
    };
    let reference = error.reference.map(|reference| {
        view! { <p class="note">"In the log as " <code>{reference}</code></p> }
    });
    view! {
        <div class="problem-page" role="alert">
            {heading}
            <p>{sentence(&error.message)}</p>
            <p class="note">{next}</p>
            {reference}
            {act}
        </div>
    }
    .into_any()
}

/// The message of an error as a sentence: a capital at its begin and a full stop at its end.
#[must_use]
pub fn sentence(text: &str) -> String {
    let mut characters = text.trim().chars();
    let mut sentence: String = characters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    sentence.push_str(characters.as_str());
    if !sentence.is_empty() && !sentence.ends_with(['.', '!', '?', ':']) {
        sentence.push('.');
    }
    sentence
}

#[cfg(test)]
mod tests {
    use super::sentence;

    #[test]
    fn a_message_becomes_a_sentence() {
        assert_eq!(sentence("there is no service cart"), "There is no service cart.");
        assert_eq!(sentence("Say why."), "Say why.");
        assert_eq!(sentence(""), "");
        assert_eq!(sentence("ähnlich"), "Ähnlich.");
    }
}
