//! Deployments: every change everywhere, by the time it started.

use chrono::{DateTime, TimeDelta, Utc};
use contract::{
    PageRequest,
    deployments::{DeploymentLine, DeploymentsQuery, DeploymentsView},
};
use domain::deployment::{Cause, Outcome};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::{components::Form, hooks::use_query_map};

use crate::{
    commands,
    components::{
        Card, EmptyState, FilterBreak, FilterChip, Filters, Glyph, Menu, MenuItem, PageHead, Show, State, StateInline,
        Time, VersionLabel, words::duration,
    },
    live,
    page::page_of,
    pages::parts::{cause_chip, hidden_of, pager},
    routes, server_fns,
};

/// Every change everywhere.
#[component]
pub fn DeploymentsPage() -> impl IntoView {
    let params = use_query_map();
    let query = Memo::new(move |_| params.with(routes::read_deployments));
    let changes = live::use_changes(|change| change.entity == "deployment" || change.entity == "promotion");
    let data =
        Resource::new(move || (query.get(), changes.get()), |(query, _)| server_fns::deployments::deployments(query));
    view! {
        <Title text="Deployments" />
        {page_of(data, |view, _| deployments_view(view))}
    }
    .into_any()
}

fn deployments_view(view: DeploymentsView) -> AnyView {
    let is_filtered =
        DeploymentsQuery { page: PageRequest::default(), ..view.query.clone() } != DeploymentsQuery::default();
    let is_empty = view.page.total == 0;
    let foot = {
        let query = view.query.clone();
        pager(&view.page, "deployments", move |page| routes::deployments(&DeploymentsQuery { page, ..query.clone() }))
    };
    let lead = format!("{} · by the time they started, newest first", view.page.total);
    let bar = filters(&view);
    let list = if is_empty { nothing(is_filtered) } else { deployment_table(view.page.rows, true) };
    view! {
        <PageHead title=|| "Deployments" lead=move || lead />
        {bar}
        <Card flush=true>
            {list}
            {(!is_empty).then_some(foot)}
        </Card>
    }
    .into_any()
}

fn nothing(is_filtered: bool) -> AnyView {
    if is_filtered {
        view! {
            <EmptyState
                glyph=Glyph::Filter
                title="No deployment matches"
                words="Take a filter away, or widen the days."
                acts=|| view! { <a class="link" href=routes::DEPLOYMENTS>"Show all"</a> }
            />
        }
        .into_any()
    } else {
        view! {
            <EmptyState
                glyph=Glyph::Layers
                title="Nothing was deployed yet"
                words="Each promotion that starts stands here. A pipeline that deploys by itself can report it:"
                command=commands::report_deployment()
            />
        }
        .into_any()
    }
}

fn with(query: &DeploymentsQuery, change: impl FnOnce(&mut DeploymentsQuery)) -> String {
    let mut query = DeploymentsQuery { page: PageRequest { page: 1, ..query.page }, ..query.clone() };
    change(&mut query);
    routes::deployments(&query)
}

fn filters(view: &DeploymentsView) -> AnyView {
    let query = view.query.clone();
    let outcomes = Outcome::ALL
        .into_iter()
        .map(|outcome| {
            let on = query.outcome == Some(outcome);
            let href = with(&query, |query| query.outcome = (!on).then_some(outcome));
            view! { <FilterChip href on>{outcome.as_str()}</FilterChip> }
        })
        .collect_view();
    let causes = Cause::ALL
        .into_iter()
        .map(|cause| {
            let on = query.cause == Some(cause);
            let href = with(&query, |query| query.cause = (!on).then_some(cause));
            view! { <FilterChip href on>{cause.as_str()}</FilterChip> }
        })
        .collect_view();
    let service = query.service.clone().map(|service| {
        let href = with(&query, |query| query.service = None);
        view! { <FilterChip href on=true>{format!("Service: {service}")}</FilterChip> }
    });
    let (environments, teams) = (environment_menu(view), team_menu(view));
    view! {
        <Filters label="Filter deployments">
            {outcomes}
            <FilterBreak />
            {causes}
            <FilterBreak />
            {service}
            {environments}
            {teams}
        </Filters>
        {range_form(&query)}
    }
    .into_any()
}

fn environment_menu(view: &DeploymentsView) -> AnyView {
    let query = &view.query;
    let title = |name: &String| {
        view.environments
            .iter()
            .find(|environment| environment.name == *name)
            .map_or(name.clone(), |environment| environment.title.clone())
    };
    let label = format!("Environment: {}", query.environment.as_ref().map_or_else(|| "any".to_owned(), title));
    let any = with(query, |query| query.environment = None);
    let items = view
        .environments
        .iter()
        .map(|environment| {
            let href = with(query, |query| query.environment = Some(environment.name.clone()));
            let title = environment.title.clone();
            view! { <MenuItem href>{title}</MenuItem> }
        })
        .collect_view();
    view! {
        <Menu label glyph=Glyph::Layers glyph_only=false start=true group="filter">
            <MenuItem href=any>"Any environment"</MenuItem>
            {items}
        </Menu>
    }
    .into_any()
}

fn team_menu(view: &DeploymentsView) -> AnyView {
    let query = &view.query;
    let title = |name: &String| {
        view.teams.iter().find(|team| team.name == *name).map_or(name.clone(), |team| team.title.clone())
    };
    let label = format!("Team: {}", query.team.as_ref().map_or_else(|| "any".to_owned(), title));
    let any = with(query, |query| query.team = None);
    let items = view
        .teams
        .iter()
        .map(|team| {
            let href = with(query, |query| query.team = Some(team.name.clone()));
            let title = team.title.clone();
            view! { <MenuItem href>{title}</MenuItem> }
        })
        .collect_view();
    view! {
        <Menu label glyph=Glyph::People glyph_only=false start=true group="filter">
            <MenuItem href=any>"Any team"</MenuItem>
            {items}
        </Menu>
    }
    .into_any()
}

/// Days, and a service by name.
fn range_form(query: &DeploymentsQuery) -> AnyView {
    let rest = with(query, |query| {
        query.from = None;
        query.to = None;
        query.service = None;
    });
    let day = |time: Option<DateTime<Utc>>| time.map(|time| time.format("%Y-%m-%d").to_string()).unwrap_or_default();
    let (service, from, to) = (query.service.clone().unwrap_or_default(), day(query.from), day(query.to));
    view! {
        <Form method="GET" action=routes::DEPLOYMENTS attr:class="form-inline filters">
            {hidden_of(&rest)}
            <label class="row note">
                "Service"
                <input class="input" type="search" name="service" value=service />
            </label>
            <label class="row note">
                "From (UTC)" <input class="input" type="date" name="from" value=from />
            </label>
            <label class="row note">
                "until before" <input class="input" type="date" name="to" value=to />
            </label>
            <crate::components::Button size=crate::components::Size::Small>"Filter"</crate::components::Button>
        </Form>
    }
    .into_any()
}

/// Deployments as rows of a table.
pub fn deployment_table(lines: Vec<DeploymentLine>, with_service: bool) -> AnyView {
    let rows = lines.into_iter().map(|line| deployment_row(line, with_service)).collect_view();
    view! {
        <div class="table-scroll">
            <table class="table table-stacks">
                <thead>
                    <tr>
                        <th scope="col" aria-sort="descending">
                            "Started"
                        </th>
                        {with_service.then(|| view! { <th scope="col">"Service"</th> })}
                        <th scope="col">"Version"</th>
                        <th scope="col">"Environment"</th>
                        <th scope="col">"Outcome"</th>
                        <th scope="col">"Took"</th>
                        <th scope="col">"By"</th>
                        <th scope="col">"Promotion"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .into_any()
}

fn deployment_row(line: DeploymentLine, with_service: bool) -> AnyView {
    let version = routes::version(&line.service, &line.version);
    let took = line.finished_at.map(|end| duration((end - line.started_at).max(TimeDelta::zero()).num_seconds()));
    let before = line.previous.map(|previous| view! { <span class="note">{format!("after {previous}")}</span> });
    let service = with_service.then(|| {
        view! {
            <td data-label="Service">
                <a class="link-plain" href=routes::service(&line.service)>
                    {line.service.clone()}
                </a>
            </td>
        }
    });
    let promotion = match line.promotion {
        Some(number) => view! { <a href=routes::promotion(number)>{number.to_string()}</a> }.into_any(),
        None if line.is_found => view! { <span class="quiet">"found in the cluster"</span> }.into_any(),
        None => view! { <span class="quiet">"reported"</span> }.into_any(),
    };
    let back = line.rolled_back_by.map(|number| {
        view! {
            <span class="note">
                "rolled back by "
                <a href=routes::promotion(number)>{number.to_string()}</a>
            </span>
        }
    });
    view! {
        <tr>
            <td data-label="Started">
                <Time at=line.started_at show=Show::Moment />
            </td>
            {service}
            <td data-label="Version">
                <VersionLabel label=line.version href=version />
                " "
                {cause_chip(line.cause)}
                {before}
            </td>
            <td data-label="Environment">{line.environment}</td>
            <td data-label="Outcome">
                <StateInline state=State::from(line.outcome) word=line.outcome.as_str() />
                {back}
            </td>
            <td data-label="Took">{took.unwrap_or_else(|| "–".to_owned())}</td>
            <td data-label="By">{line.by}</td>
            <td data-label="Promotion">{promotion}</td>
        </tr>
    }
    .into_any()
}
