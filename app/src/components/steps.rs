//! The steps of a promotion: what is behind us, where we are, what comes.

use super::bar::ProgressBar;
use super::sentence::Sentence;
use super::state::{State, StateIcon};
use leptos::prelude::*;

/// One step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Step {
    /// Done, moving, waiting, failed; nothing while it lies ahead.
    pub state: State,
    /// Its name: 'Approved', '25 %', 'Confirm'.
    pub title: String,
    /// What happened or will: '13:06 · checks passed', 'then 10 min'.
    pub note: String,
    /// How much of it is over, from 0 to 1; `None` is all of it, or nothing while it lies ahead.
    pub share: Option<f64>,
    /// Whether it is the one that we are in.
    pub current: bool,
}

/// The step bar.
#[component]
pub fn Steps(
    /// Steps in order.
    steps: Vec<Step>,
) -> impl IntoView {
    let steps = steps.into_iter().map(|step| {
        let share = step.share.unwrap_or(if step.state == State::Nothing { 0.0 } else { 1.0 });
        view! {
            <li class=format!("step {}", step.state.class()) aria-current=step.current.then_some("step")>
                <ProgressBar share label=step.title.clone() state=step.state />
                <span class="step-head">
                    <StateIcon state=step.state />
                    <span class="step-title">{step.title}</span>
                </span>
                <span class="step-note"><Sentence words=step.note /></span>
            </li>
        }
    });
    view! { <ol class="steps">{steps.collect_view()}</ol> }
}
