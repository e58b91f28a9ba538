//! A version: what is in it?

use contract::versions::{VersionPlace, VersionView};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;

use crate::{
    components::{
        ButtonLink, Card, Crumb, Crumbs, Definition, DefinitionList, Glyph, Hash, Kind, Menu, MenuItem, PageHead, Show,
        State, StateIcon, Time, VersionLabel, words::plural,
    },
    live,
    page::page_of,
    pages::{
        parts::{check_rows, checks_or, commits, images, migrations},
        service::flags,
    },
    routes, server_fns,
};

/// A version's page.
#[component]
pub fn VersionPage() -> impl IntoView {
    let params = use_params_map();
    let asked = Memo::new(move |_| {
        params.with(|params| (params.get("name").unwrap_or_default(), params.get("label").unwrap_or_default()))
    });
    let changes = live::use_changes(|change| change.entity != "cluster");
    let data = Resource::new(
        move || (asked.get(), changes.get()),
        |((service, label), _)| server_fns::versions::version(service, label),
    );
    page_of(data, |view, _| version_view(view))
}

fn version_view(view: VersionView) -> AnyView {
    let line = view.line.clone();
    let service = view.service.clone();
    let title = format!("{service} {}", line.label);
    let crumbs = vec![
        Crumb { label: service.clone(), href: Some(routes::service(&service)) },
        Crumb { label: line.label.clone(), href: None },
    ];
    let acts = acts(&view);
    let label = line.label.clone();
    let built = line.created_at;
    let registered_by = view.registered_by.clone();
    let chips = flags(&line);
    let details = details(&view);
    let irreversible = if line.has_irreversible_migration { vec![line.label.clone()] } else { Vec::new() };
    view! {
        <Title text=title />
        <Crumbs crumbs />
        <PageHead
            title=move || view! { {service} " " <VersionLabel label /> }
            state=move || chips
            lead=move || {
                view! {
                    "built "
                    <Time at=built show=Show::Ago />
                    ", reported by "
                    {registered_by}
                }
            }
        >
            {acts}
        </PageHead>
        <div class="columns">
            <div class="stack-cards">
                {migrations(irreversible, false)}
                <Card title="Commits" lead=plural(line.commits, "commit", "commits")>
                    {commits(view.commits, line.commits, 200, None)}
                </Card>
            </div>
            <div class="stack-cards">
                <Card title="Where it is">{places(view.places)}</Card>
                <Card title="Checks">{checks_or(check_rows(view.checks), "No checks were reported.")}</Card>
                <Card title="Images">{images(view.images)}</Card>
                {details}
            </div>
        </div>
    }
    .into_any()
}

fn acts(view: &VersionView) -> AnyView {
    let (service, label) = (&view.service, &view.line.label);
    let compare = view.previous.as_ref().map(|previous| {
        let href = routes::compare(service, Some(previous), label);
        view! { <ButtonLink href>{format!("Compare with {previous}")}</ButtonLink> }
    });
    let promote = match view.promotable_to.as_slice() {
        [] => ().into_any(),
        [(name, title)] => {
            let href = routes::promote(Some(service), Some(name), Some(label));
            let words = format!("Promote to {title}");
            view! { <ButtonLink href kind=Kind::Primary>{words}</ButtonLink> }.into_any()
        }
        several => {
            let items = several
                .iter()
                .map(|(name, title)| {
                    let href = routes::promote(Some(service), Some(name), Some(label));
                    let title = title.clone();
                    view! { <MenuItem href>{title}</MenuItem> }
                })
                .collect_view();
            view! {
                <Menu label="Promote to" glyph=Glyph::ArrowRight glyph_only=false kind=Kind::Primary>
                    {items}
                </Menu>
            }
            .into_any()
        }
    };
    view! { {compare} {promote} }.into_any()
}

fn places(places: Vec<VersionPlace>) -> AnyView {
    if places.is_empty() {
        return view! { <p class="note">"It has not run anywhere yet."</p> }.into_any();
    }
    let rows = places
        .into_iter()
        .map(|place| {
            let (state, words) = if place.runs_now { (State::Done, "runs here") } else { (State::Nothing, "ran here") };
            let since = place.since.map(|at| view! { " since " <Time at show=Show::Moment /> });
            view! {
                <li class=format!("check {}", state.class())>
                    <StateIcon state silent=true />
                    <div class="check-words">
                        <span class="check-title">{place.title}</span>
                        <span class="check-note">{words} {since}</span>
                    </div>
                </li>
            }
        })
        .collect_view();
    view! { <ul class="checks checks-calm">{rows}</ul> }.into_any()
}

fn details(view: &VersionView) -> AnyView {
    let commit = view
        .line
        .commit
        .clone()
        .map(|hash| view! { <Definition term="Commit"><Hash value=hash what="the commit" /></Definition> });
    let previous = view.previous.clone().map(|label| {
        let href = routes::version(&view.service, &label);
        view! { <Definition term="Version before"><VersionLabel label href /></Definition> }
    });
    let built = view.line.created_at;
    view! {
        <Card title="Details">
            <DefinitionList>
                {commit}
                {previous}
                <Definition term="Built">
                    <Time at=built />
                </Definition>
            </DefinitionList>
        </Card>
    }
    .into_any()
}
