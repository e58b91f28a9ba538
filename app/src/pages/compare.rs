//! Compare: what would change between two versions? The commits of the versions skipped between them
//! count.

use contract::compare::Comparison;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::{use_params_map, use_query_map};

use crate::{
    components::{
        Avatar, AvatarSize, ButtonLink, Card, Crumb, Crumbs, FromTo, Kind, Notice, PageHead, VersionLabel,
        words::plural,
    },
    error::{Answer, AppError},
    live,
    page::page_of,
    pages::parts::{check_rows, checks_or, commits, distance, images, migrations},
    routes, server_fns,
};
use domain::actor::Act;

/// A comparison's page.
#[component]
pub fn ComparePage() -> impl IntoView {
    let params = use_params_map();
    let query = use_query_map();
    let asked = Memo::new(move |_| {
        let service = params.with(|params| params.get("name")).unwrap_or_default();
        query.with(|query| (service, routes::text(query, "from"), routes::text(query, "to")))
    });
    let changes = live::use_changes(|change| change.entity == "version");
    let data = Resource::new(move || (asked.get(), changes.get()), |(asked, _)| load(asked));
    view! {
        <Title text="Compare" />
        {page_of(data, |view, rights| comparison_view(view, rights.may(Act::RequestPromotion)))}
    }
    .into_any()
}

async fn load((service, from, to): (String, Option<String>, Option<String>)) -> Answer<Comparison> {
    match to {
        Some(to) => server_fns::versions::compare(service, from, to).await,
        None => Err(AppError(contract::ApiError::invalid("to", "the address must name the version to compare with"))),
    }
}

fn comparison_view(view: Comparison, may_promote: bool) -> AnyView {
    let service = view.service.clone();
    let crumbs = vec![
        Crumb { label: service.clone(), href: Some(routes::service(&service)) },
        Crumb { label: "compare".to_owned(), href: None },
    ];
    let turned = view.from.clone().map(|from| {
        let href = routes::compare(&service, Some(&view.to), &from);
        view! { <ButtonLink href>"The other way round"</ButtonLink> }
    });
    let promote = may_promote.then(|| {
        let href = routes::promote(Some(&service), None, Some(&view.to));
        let words = format!("Promote {}", view.to);
        view! { <ButtonLink href kind=Kind::Primary>{words}</ButtonLink> }
    });
    let versions = view
        .versions
        .iter()
        .map(|label| {
            let href = routes::version(&service, label);
            let label = label.clone();
            view! { <li><VersionLabel label href /></li> }
        })
        .collect_view();
    let authors = view
        .authors
        .iter()
        .cloned()
        .map(|(name, count)| {
            view! {
                <li class="row">
                    <Avatar name=name.clone() size=AvatarSize::Small />
                    {name}
                    <span class="push note">{plural(count, "commit", "commits")}</span>
                </li>
            }
        })
        .collect_view();
    let (from, to) = (view.from.clone(), view.to.clone());
    let lead = distance(&view);
    let backward = view.is_backward.then(|| {
        view! {
            <Notice title="This goes back">"The commits below are what would be taken away."</Notice>
        }
    });
    let is_same = view.from.as_ref() == Some(&view.to);
    let same = is_same.then(|| view! { <Notice>"Both are the same version: nothing would change."</Notice> });
    view! {
        <Crumbs crumbs />
        <PageHead title=move || view! { {service} ": " <FromTo from to /> } lead=move || lead>
            {turned}
            {promote}
        </PageHead>
        <div class="columns">
            <div class="stack-cards">
                {same}
                {backward}
                {migrations(view.migrations, view.is_backward)}
                <Card title="Commits" lead=plural(view.commit_count, "commit", "commits")>
                    {commits(view.commits, view.commit_count, 200, None)}
                </Card>
            </div>
            <div class="stack-cards">
                <Card title="Versions between">
                    <ul class="row">{versions}</ul>
                </Card>
                <Card title="Authors">
                    <ul class="stack-tight">{authors}</ul>
                </Card>
                <Card title=format!("Checks of {}", view.to)>
                    {checks_or(check_rows(view.checks), "No checks were reported.")}
                </Card>
                <Card title="Images">{images(view.images)}</Card>
            </div>
        </div>
    }
    .into_any()
}
