//! A story in order, told along a line.

use super::icon::{Glyph, Icon, IconSize};
use super::state::State;
use super::time::{Show, Time};
use chrono::{DateTime, Utc};
use leptos::prelude::*;

/// A story.
#[component]
pub fn Timeline(
    /// Its items.
    children: Children,
) -> impl IntoView {
    view! { <ol class="timeline">{children()}</ol> }
}

/// One thing that happened.
#[component]
pub fn TimelineItem(
    /// When.
    at: DateTime<Utc>,
    /// What, in a few words.
    #[prop(into)]
    title: String,
    /// The tone of its mark.
    #[prop(optional)]
    state: State,
    /// Its icon; the state's own without one.
    #[prop(optional)]
    glyph: Option<Glyph>,
    /// Who.
    #[prop(optional, into)]
    who: Option<String>,
    /// The rest of it.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    view! {
        <li class=state.class()>
            <span class="timeline-mark"><Icon glyph=glyph.unwrap_or(state.glyph()) size=IconSize::Small /></span>
            <div>
                <div class="timeline-head">
                    <strong>{title}</strong>
                    <span class="note">
                        <Time at show=Show::Moment /> {who.map(|who| format!(" · {who}"))}
                    </span>
                </div>
                {children.map(|children| view! { <div class="timeline-words">{children()}</div> })}
            </div>
        </li>
    }
}
