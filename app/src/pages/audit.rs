//! Audit: who did what?

use contract::{
    Page, PageRequest,
    audit::{AuditLine, AuditQuery},
};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::{components::Form, hooks::use_query_map};

use crate::{
    components::{Button, Card, EmptyState, Glyph, Journal, PageHead, Show, Size, State, StateInline, Time},
    live,
    page::page_of,
    pages::parts::pager,
    routes, server_fns,
};

/// Who did what, newest first.
#[component]
pub fn AuditPage() -> impl IntoView {
    let params = use_query_map();
    let query = Memo::new(move |_| params.with(routes::read_audit));
    let changes = live::use_changes(|change| change.entity != "target" && change.entity != "cluster");
    let data = Resource::new(move || (query.get(), changes.get()), |(query, _)| server_fns::audit::audit(query));
    view! {
        <Title text="Audit" />
        {page_of(data, move |page, _| audit_view(page, &query.get_untracked()))}
    }
    .into_any()
}

fn audit_view(page: Page<AuditLine>, query: &AuditQuery) -> AnyView {
    let lead = format!("{} · newest first", page.total);
    let foot = pager(&page, "entries", |request| routes::audit(&AuditQuery { page: request, ..query.clone() }));
    let is_empty = page.total == 0;
    let list = if is_empty {
        view! {
            <EmptyState
                glyph=Glyph::Lines
                title="No entry matches"
                words="Every act leaves an entry: who, what, on what, why, when, from where, and whether it was done."
                acts=|| view! { <a class="link" href=routes::AUDIT>"Show all"</a> }
            />
        }
        .into_any()
    } else {
        let rows = page.rows.into_iter().map(entry).collect_view();
        view! { <Journal>{rows}</Journal> }.into_any()
    };
    view! {
        <PageHead title=|| "Audit" lead=move || lead />
        {filters(query)}
        <Card flush=true>
            {list}
            {(!is_empty).then_some(foot)}
        </Card>
    }
    .into_any()
}

/// An entry as a sentence: `Rosa Mint approved promotion 1042 (cart 2.30.4 to production)`.
fn entry(line: AuditLine) -> AnyView {
    let state = if line.is_done { State::Done } else { State::Failed };
    let refused = (!line.is_done).then(|| view! { " " <StateInline state=State::Failed word="refused" /> });
    let sentence = match line.link {
        Some(href) => view! { <a class="link-plain" href=href>{line.sentence}</a> }.into_any(),
        None => line.sentence.into_any(),
    };
    let reason = line.reason.filter(|reason| !reason.is_empty()).map(|reason| format!(" · \u{201c}{reason}\u{201d}"));
    view! {
        <li class=format!("journal-row {}", state.class())>
            <span class="journal-when">
                <Time at=line.at show=Show::Moment />
            </span>
            <span class="journal-what">
                {line.actor}
            </span>
            <span class="journal-words">
                {sentence}
                {refused}
                {reason}
            </span>
            <span class="journal-who">{line.from}</span>
        </li>
    }
    .into_any()
}

fn filters(query: &AuditQuery) -> AnyView {
    let size = query.page.size;
    let is_usual = size == PageRequest::default().size;
    let value = |text: &Option<String>| text.clone().unwrap_or_default();
    let (actor, act, on) = (value(&query.actor), value(&query.act), value(&query.on));
    view! {
        <Form method="GET" action=routes::AUDIT attr:class="form-inline filters" attr:role="search">
            {(!is_usual).then(|| view! { <input type="hidden" name="size" value=size.to_string() /> })}
            {field("actor", "Who", actor, "Rosa")}
            {field("act", "Act", act, "promotion.approve")}
            {field("on", "On what", on, "cart")}
            <Button size=Size::Small>"Filter"</Button>
        </Form>
    }
    .into_any()
}

fn field(name: &'static str, label: &'static str, value: String, example: &'static str) -> AnyView {
    view! {
        <label class="row note">
            {label}
            <input class="input" type="search" name=name value=value placeholder=example />
        </label>
    }
    .into_any()
}
