//! State as icon, word and colour, always the three.

use super::icon::{Glyph, Icon, IconSize};
use super::sentence::Sentence;
use leptos::prelude::*;

/// What a thing is doing, in the five ways that the interface tells apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// It is there, it passed. Tick, green.
    Done,
    /// It is on its way by itself. Arc, blue.
    Moving,
    /// It waits for a person or a time. Clock, amber.
    Waiting,
    /// It did not work. Cross, red.
    Failed,
    /// There is nothing to say, or nothing yet. Dash, grey.
    #[default]
    Nothing,
}

impl State {
    /// The class that gives its tone to whatever it stands on.
    pub fn class(self) -> &'static str {
        match self {
            Self::Done => "is-done",
            Self::Moving => "is-moving",
            Self::Waiting => "is-waiting",
            Self::Failed => "is-failed",
            Self::Nothing => "is-nothing",
        }
    }

    /// Its icon.
    pub fn glyph(self) -> Glyph {
        match self {
            Self::Done => Glyph::Tick,
            Self::Moving => Glyph::Arc,
            Self::Waiting => Glyph::Clock,
            Self::Failed => Glyph::Cross,
            Self::Nothing => Glyph::Dash,
        }
    }

    /// The plainest word for it, where nothing better is known.
    pub fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Moving => "moving",
            Self::Waiting => "waiting",
            Self::Failed => "failed",
            Self::Nothing => "nothing",
        }
    }
}

/// The icon of a state. Unless `silent`, it carries its word for screen readers.
#[component]
pub fn StateIcon(
    /// Which state.
    state: State,
    /// True where the word stands beside it and would be read twice.
    #[prop(optional)]
    silent: bool,
) -> impl IntoView {
    view! {
        <span class=format!("state-icon {}", state.class())>
            <Icon glyph=state.glyph() size=IconSize::Small />
            {(!silent).then(|| view! { <span class="hidden-visually">{state.word()}</span> })}
        </span>
    }
}

/// A state on a ground of its colour: in heads, lists and filters.
#[component]
pub fn StatePill(
    /// Which state.
    state: State,
    /// Why, in words: 'waits for you and 1 more', never just 'pending'.
    #[prop(into)]
    word: String,
) -> impl IntoView {
    view! {
        <span class=format!("state state-pill {}", state.class())>
            <Icon glyph=state.glyph() size=IconSize::Small />
            <span><Sentence words=word /></span>
        </span>
    }
}

/// A state in running text.
#[component]
pub fn StateInline(
    /// Which state.
    state: State,
    /// Why, in words.
    #[prop(into)]
    word: String,
) -> impl IntoView {
    view! {
        <span class=format!("state {}", state.class())>
            <Icon glyph=state.glyph() size=IconSize::Small />
            <span><Sentence words=word /></span>
        </span>
    }
}
