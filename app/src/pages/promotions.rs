//! All promotions, newest first.

use contract::{
    Page, PageRequest,
    promotions::{PromotionLine, PromotionsQuery},
};
use domain::actor::Act;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use crate::{
    components::{ButtonLink, Card, EmptyState, FilterBreak, FilterChip, Filters, Glyph, Kind, PageHead},
    live,
    page::{Rights, page_of},
    pages::parts::{When, pager, promotion_table},
    routes, server_fns,
};

/// The list of promotions.
#[component]
pub fn PromotionsPage() -> impl IntoView {
    let params = use_query_map();
    let query = Memo::new(move |_| params.with(routes::read_promotions));
    let changes = live::use_changes(|change| change.entity == "promotion");
    let data =
        Resource::new(move || (query.get(), changes.get()), |(query, _)| server_fns::promotions::promotions(query));
    view! {
        <Title text="Promotions" />
        {page_of(data, move |page, rights| promotions_view(page, &query.get_untracked(), &rights))}
    }
    .into_any()
}

fn promotions_view(page: Page<PromotionLine>, query: &PromotionsQuery, rights: &Rights) -> AnyView {
    let promote = rights.may(Act::RequestPromotion).then(|| {
        view! {
            <ButtonLink href=routes::promote(None, None, None) kind=Kind::Primary>
                "Promote a version"
            </ButtonLink>
        }
    });
    let lead = format!("{} · by the time they were asked for, newest first", page.total);
    let foot =
        pager(&page, "promotions", |request| routes::promotions(&PromotionsQuery { page: request, ..query.clone() }));
    let is_empty = page.total == 0;
    let list = if is_empty {
        view! {
            <EmptyState
                glyph=Glyph::ArrowRight
                title="No promotions here"
                words="A promotion puts one version of one service into one environment."
                acts=|| view! { <a class="link" href=routes::PROMOTIONS>"Show all"</a> }
            />
        }
        .into_any()
    } else {
        promotion_table(page.rows, When::Asked)
    };
    view! {
        <PageHead title=|| "Promotions" lead=move || lead>
            {promote}
        </PageHead>
        {filters(query)}
        <Card flush=true>
            {list}
            {(!is_empty).then_some(foot)}
        </Card>
    }
    .into_any()
}

fn filters(query: &PromotionsQuery) -> AnyView {
    let with = |change: &dyn Fn(&mut PromotionsQuery)| {
        let mut query = PromotionsQuery { page: PageRequest { page: 1, ..query.page }, ..query.clone() };
        change(&mut query);
        routes::promotions(&query)
    };
    let states = [("live", "live"), ("waiting", "waiting"), ("over", "over")]
        .into_iter()
        .map(|(state, words)| {
            let on = query.state.as_deref() == Some(state);
            let href = with(&|query| query.state = (!on).then(|| state.to_owned()));
            view! { <FilterChip href on>{words}</FilterChip> }
        })
        .collect_view();
    let service = query.service.clone().map(|service| {
        let href = with(&|query| query.service = None);
        view! { <FilterChip href on=true>{format!("Service: {service}")}</FilterChip> }
    });
    let environment = query.environment.clone().map(|environment| {
        let href = with(&|query| query.environment = None);
        view! { <FilterChip href on=true>{format!("Environment: {environment}")}</FilterChip> }
    });
    view! {
        <Filters label="Filter promotions">
            {states}
            <FilterBreak />
            {service}
            {environment}
        </Filters>
    }
    .into_any()
}
