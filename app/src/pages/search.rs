//! Search: services, versions, commits, promotions, and where they run.

use contract::search::Found;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::{components::Form, hooks::use_query_map};

use crate::{
    components::{Button, Card, EmptyState, Glyph, Icon, PageHead, State},
    page::page_below,
    palette::{detail, glyph_of, word_of_one},
    routes, server_fns,
};

/// What was found.
#[component]
pub fn SearchPage() -> impl IntoView {
    let params = use_query_map();
    let text = Memo::new(move |_| params.with(|params| routes::text(params, "q")).unwrap_or_default());
    let data = Resource::new(move || text.get(), server_fns::search::search);
    view! {
        <Title text="Search" />
        <PageHead title=|| "Search" />
        <div class="stack-cards">
            <Form method="GET" action=routes::SEARCH attr:class="form-inline" attr:role="search">
                <input
                    class="input"
                    type="search"
                    name="q"
                    value=move || text.get()
                    aria-label="A service, version, commit or promotion"
                    placeholder="cart, 2.30.4, 8c1f02e, 1042"
                    autocapitalize="off"
                    spellcheck="false"
                />
                <Button>"Search"</Button>
            </Form>
            {page_below(data, move |found, _| found_view(found, &text.get_untracked()))}
        </div>
    }
    .into_any()
}

fn found_view(found: Vec<Found>, text: &str) -> AnyView {
    if text.is_empty() {
        return view! {
            <p class="note">
                "Finds services, versions, commits by the first digits of their hash, promotions by number. Or ask: is 8c1f02e in production?"
            </p>
        }
        .into_any();
    }
    if found.is_empty() {
        let title = format!("Nothing is called {text}");
        return view! {
            <Card>
                <EmptyState
                    glyph=Glyph::Search
                    title
                    words="Names are found by any part of them, commits by at least 4 digits of their hash."
                />
            </Card>
        }
        .into_any();
    }
    let rows = found
        .into_iter()
        .map(|found| {
            view! {
                <li>
                    <Icon glyph=glyph_of(found.kind) />
                    <a href=found.link>{found.title}</a>
                    <span class="note">{word_of_one(found.kind)}</span>
                    <span class="push">{detail(State::from(found.mark), found.detail)}</span>
                </li>
            }
        })
        .collect_view();
    view! {
        <Card flush=true>
            <ul class="list">{rows}</ul>
        </Card>
    }
    .into_any()
}
