//! What waits for a person's consent.

use super::state::{State, StatePill};
use super::version::FromTo;
use leptos::children::ViewFnOnce;
use leptos::prelude::*;

/// The head of an approval: what is asked, by when, from which version to which, why and by whom.
#[component]
pub fn ApprovalHead(
    /// Where the quorum stands: 'needs you, 1 of 2'.
    #[prop(into)]
    needs: String,
    /// 'payments to production'.
    #[prop(into)]
    title: String,
    /// The promotion.
    #[prop(into)]
    href: String,
    /// What runs now.
    #[prop(optional_no_strip, into)]
    from: Option<String>,
    /// What would run.
    #[prop(into)]
    to: String,
    /// '2 versions, 17 commits'.
    #[prop(into)]
    distance: String,
    /// Why, in the words of who asked.
    #[prop(optional_no_strip, into)]
    reason: Option<String>,
    /// 'Theo Lind, 12:40'.
    #[prop(into)]
    asked: ViewFnOnce,
    /// 'by 14:00, in 52 min'.
    #[prop(optional, into)]
    due: Option<ViewFnOnce>,
) -> impl IntoView {
    view! {
        <header>
            <div class="approval-head">
                <StatePill state=State::Waiting word=needs /> {due.map(|due| view! { <span>{due.run()}</span> })}
            </div>
            <h2 class="approval-title">
                <a href=href>{title}</a>
            </h2>
            <p class="approval-versions">
                <FromTo from to />
                <span class="note">{distance}</span>
            </p>
            {reason
                .map(|reason| {
                    view! { <blockquote class="approval-reason">{format!("\u{201c}{reason}\u{201d}")}</blockquote> }
                })}
            <p class="approval-who">{asked.run()}</p>
        </header>
    }
}

/// Where a decision is made: fields first, then `acts`. On a phone it can stay above the bottom navigation, within reach
/// of a thumb. It belongs inside the form that its buttons send.
#[component]
pub fn ActionBar(
    /// Whether it stays in sight on a phone; at most one of a page may.
    #[prop(optional)]
    fixed: bool,
    /// Buttons: the careful one first, the primary last.
    #[prop(into)]
    acts: ViewFnOnce,
    /// Fields.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    view! {
        <div class=if fixed { "action-bar action-bar-fixed" } else { "action-bar" }>
            {children.map(|children| children())} <div class="action-bar-acts">{acts.run()}</div>
        </div>
    }
}
