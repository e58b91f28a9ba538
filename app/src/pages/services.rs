//! All services.

use contract::{
    Page, PageRequest,
    board::TeamChoice,
    services::{ServiceLine, ServicesQuery},
};
use domain::actor::Act;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::{components::Form, hooks::use_query_map};

use crate::{
    commands,
    components::{
        ButtonLink, Card, EmptyState, Filters, Glyph, Kind, Menu, MenuItem, PageHead, Show, Time, VersionLabel,
        words::plural,
    },
    error::Answer,
    live,
    page::{Rights, page_of},
    pages::parts::{hidden_of, pager},
    routes, server_fns,
};

type Loaded = (Page<ServiceLine>, Vec<TeamChoice>);

/// The list of services.
#[component]
pub fn ServicesPage() -> impl IntoView {
    let params = use_query_map();
    let query = Memo::new(move |_| params.with(routes::read_services));
    let changes = live::use_changes(|change| change.entity == "service" || change.entity == "version");
    let data = Resource::new(move || (query.get(), changes.get()), |(query, _)| load(query));
    view! {
        <Title text="Services" />
        {page_of(data, move |loaded, rights| services_view(loaded, &query.get_untracked(), &rights))}
    }
    .into_any()
}

async fn load(query: ServicesQuery) -> Answer<Loaded> {
    Ok((server_fns::services::services(query).await?, server_fns::services::teams().await?))
}

fn services_view((page, teams): Loaded, query: &ServicesQuery, rights: &Rights) -> AnyView {
    let may_add = rights.may(Act::ManageServices);
    let add = may_add.then(|| {
        view! {
            <ButtonLink href=routes::NEW_SERVICE kind=Kind::Primary>
                "Add a service"
            </ButtonLink>
        }
    });
    let lead = plural(page.total, "service", "services");
    let is_filtered = query.text.is_some() || query.team.is_some();
    let foot = pager(&page, "services", |request| routes::services(&ServicesQuery { page: request, ..query.clone() }));
    let is_empty = page.total == 0;
    let list = match (is_empty, is_filtered) {
        (true, true) => view! {
            <EmptyState
                glyph=Glyph::Filter
                title="No service matches"
                words="Take a filter away."
                acts=|| view! { <a class="link" href=routes::SERVICES>"Show all"</a> }
            />
        }
        .into_any(),
        (true, false) => view! {
            <EmptyState
                glyph=Glyph::Cube
                title="No services yet"
                words="Add one by hand, or take over what runs in a cluster (Settings, Clusters). Then a pipeline reports its versions:"
                command=commands::register_version("cart")
            />
        }
        .into_any(),
        (false, _) => table(page.rows),
    };
    view! {
        <PageHead title=|| "Services" lead=move || lead>
            {add}
        </PageHead>
        {filters(query, teams)}
        <Card flush=true>
            {list}
            {(!is_empty).then_some(foot)}
        </Card>
    }
    .into_any()
}

fn filters(query: &ServicesQuery, teams: Vec<TeamChoice>) -> AnyView {
    let first = PageRequest { page: 1, ..query.page };
    let of_team = |team: Option<String>| routes::services(&ServicesQuery { team, page: first, ..query.clone() });
    let chosen = query.team.as_ref().map_or_else(
        || "any".to_owned(),
        |name| teams.iter().find(|team| team.name == *name).map_or_else(|| name.clone(), |team| team.title.clone()),
    );
    let any = of_team(None);
    let items = teams
        .into_iter()
        .map(|team| view! { <MenuItem href=of_team(Some(team.name))>{team.title}</MenuItem> })
        .collect_view();
    let rest = hidden_of(&routes::services(&ServicesQuery { text: None, page: first, ..query.clone() }));
    let text = query.text.clone().unwrap_or_default();
    view! {
        <Filters label="Filter services">
            <Menu label=format!("Team: {chosen}") glyph=Glyph::People glyph_only=false start=true group="filter">
                <MenuItem href=any>"Any team"</MenuItem>
                {items}
            </Menu>
            <Form method="GET" action=routes::SERVICES attr:class="form-inline" attr:role="search">
                {rest}
                <input
                    class="input"
                    type="search"
                    name="q"
                    value=text
                    placeholder="Name"
                    aria-label="Only services whose name has"
                />
            </Form>
        </Filters>
    }
    .into_any()
}

fn table(rows: Vec<ServiceLine>) -> AnyView {
    let rows = rows
        .into_iter()
        .map(|line| {
            let href = routes::service(&line.name);
            let newest = line.newest.map(|label| {
                let href = routes::version(&line.name, &label);
                view! { <VersionLabel label href /> }
            });
            let built = line.newest_at.map(|at| view! { " " <span class="note"><Time at show=Show::Ago /></span> });
            view! {
                <tr>
                    <td data-label="Service">
                        <a class="link-plain strong" href=href>
                            {line.name}
                        </a>
                        <span class="note">{line.description}</span>
                    </td>
                    <td data-label="Team">{line.team}</td>
                    <td data-label="Tier">{line.tier.to_string()}</td>
                    <td data-label="Newest version">{newest} {built}</td>
                    <td data-label="Environments" class="number">
                        {line.targets.to_string()}
                    </td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <div class="table-scroll">
            <table class="table table-stacks">
                <thead>
                    <tr>
                        <th scope="col" aria-sort="ascending">
                            "Service"
                        </th>
                        <th scope="col">"Team"</th>
                        <th scope="col">"Tier"</th>
                        <th scope="col">"Newest version"</th>
                        <th scope="col" class="number">
                            "Environments"
                        </th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .into_any()
}
