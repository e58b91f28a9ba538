//! A card: a border around one thing, with a name.

use leptos::children::ViewFnOnce;
use leptos::prelude::*;

/// A card. With a title it is a section that a screen reader can go to.
#[component]
pub fn Card(
    /// Its name.
    #[prop(optional, into)]
    title: Option<String>,
    /// What explains the name, quietly beside it.
    #[prop(optional, into)]
    lead: Option<String>,
    /// What stands beside the name: chips to choose by.
    #[prop(optional, into)]
    beside: Option<ViewFnOnce>,
    /// What stands at the right of the head: a count, links, chips.
    #[prop(optional, into)]
    aside: Option<ViewFnOnce>,
    /// Rows run to the card's edges.
    #[prop(optional)]
    flush: bool,
    /// What stands below a line: a pager, a link to all.
    #[prop(optional, into)]
    foot: Option<ViewFnOnce>,
    /// What is in it.
    children: Children,
) -> impl IntoView {
    let has_head = title.is_some() || lead.is_some() || beside.is_some() || aside.is_some();
    let class = if flush { "card card-flush" } else { "card" };
    let label = title.clone();
    view! {
        <section class=class aria-label=label>
            {has_head
                .then(|| {
                    view! {
                        <div class="card-head">
                            {title.map(|title| view! { <h2 class="card-title">{title}</h2> })}
                            {lead.map(|lead| view! { <span class="card-lead">{lead}</span> })}
                            {beside.map(|beside| beside.run())}
                            {aside.map(|aside| view! { <div class="card-aside">{aside.run()}</div> })}
                        </div>
                    }
                })}
            <div class="card-body">{children()}</div>
            {foot.map(|foot| view! { <div class="card-foot">{foot.run()}</div> })}
        </section>
    }
}
