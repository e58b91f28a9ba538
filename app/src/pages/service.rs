//! A service: what of it is running, how did it get there, what is next?

use contract::{
    Page, PageRequest,
    deployments::DeploymentLine,
    services::{CommitWhereabouts, ServiceView, TargetView},
    versions::VersionLine,
};
use domain::actor::Act;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::{
    components::Form,
    hooks::{use_params_map, use_query_map},
};

use crate::{
    commands,
    components::{
        Button, ButtonLink, Card, Chip, Crumb, Crumbs, EmptyState, Glyph, Hash, Icon, Kind, PageHead, ProgressBar,
        Show, Size, State, StateIcon, StateInline, Time, VersionLabel, words::plural,
    },
    error::Answer,
    live,
    marks::word_of_verdict,
    page::{Rights, page_of, part_of, sentence},
    pages::{deployments::deployment_table, parts::pager},
    routes, server_fns,
};

/// A service's page.
#[component]
pub fn ServicePage() -> impl IntoView {
    let params = use_params_map();
    let query = use_query_map();
    let name = Memo::new(move |_| params.with(|params| params.get("name")).unwrap_or_default());
    let page = Memo::new(move |_| query.with(|query| routes::read_page(query, PageRequest::default())));
    let changes = live::use_changes(|_| true);
    let data = Resource::new(
        move || (name.get(), page.get(), changes.get()),
        |(name, page, _)| server_fns::services::service(name, page),
    );
    let commit = Memo::new(move |_| query.with(|query| routes::text(query, "commit")));
    let whereabouts = Resource::new(
        move || (name.get(), commit.get(), changes.get()),
        |(name, commit, _)| async move {
            match commit {
                Some(hash) => server_fns::services::where_is_commit(name, hash).await,
                None => Ok(Vec::new()),
            }
        },
    );
    page_of(data, move |view, rights| service_view(view, &rights, commit, whereabouts))
}

fn service_view(
    view: ServiceView,
    rights: &Rights,
    commit: Memo<Option<String>>,
    whereabouts: Resource<Answer<Vec<CommitWhereabouts>>>,
) -> AnyView {
    let name = view.name.clone();
    let team = view.team.clone();
    let crumbs = vec![
        Crumb {
            href: Some(routes::board(&contract::board::BoardQuery {
                team: Some(team.name),
                page: routes::BOARD_PAGE,
                ..Default::default()
            })),
            label: team.title,
        },
        Crumb { label: name.clone(), href: None },
    ];
    let promote = rights.may(Act::RequestPromotion).then(|| {
        view! {
            <ButtonLink href=routes::promote(Some(&name), None, None) kind=Kind::Primary>
                "Promote"
            </ButtonLink>
        }
    });
    let change = rights
        .may(Act::ManageServices)
        .then(|| view! { <ButtonLink href=routes::change_service(&name)>"Change"</ButtonLink> });
    let (tier, description) = (view.tier, view.description.clone());
    let heading = name.clone();
    let title = name.clone();
    view! {
        <Title text=title />
        <Crumbs crumbs />
        <PageHead
            title=move || heading
            state=move || view! { <Chip outline=true>{format!("tier {tier}")}</Chip> }
            lead=move || description
        >
            {link("Repository", view.repository.clone(), Glyph::Commit)}
            {link("Runbook", view.runbook.clone(), Glyph::Book)}
            {change}
            {promote}
        </PageHead>
        <div class="stack-cards">
            {targets(&name, view.targets, rights)}
            {where_is_commit(&name, commit, whereabouts)}
            {versions(&name, view.versions, rights)}
            {deployments(&name, view.deployments)}
        </div>
    }
    .into_any()
}

fn link(words: &'static str, href: Option<String>, glyph: Glyph) -> Option<AnyView> {
    href.map(|href| {
        view! {
            <a class="button button-quiet" href=href rel="noopener noreferrer external" target="_blank">
                <Icon glyph />
                {words}
            </a>
        }
        .into_any()
    })
}

fn targets(service: &str, targets: Vec<TargetView>, rights: &Rights) -> AnyView {
    if targets.is_empty() {
        let may = rights.may(Act::ManageServices);
        return view! {
            <Card>
                <EmptyState
                    glyph=Glyph::Layers
                    title="No environment yet"
                    words="Say in which environments this service runs, and which workloads it has there. A target without workloads is one that another pipeline deploys to and reports."
                    acts=move || {
                        may.then(|| {
                            view! {
                                <ButtonLink
                                    href=routes::settings(routes::Settings::Environments)
                                    kind=Kind::Primary
                                >
                                    "To the environments"
                                </ButtonLink>
                            }
                        })
                    }
                />
            </Card>
        }
        .into_any();
    }
    let cards = targets.into_iter().map(|target| target_card(service, target, rights)).collect_view();
    view! { <div class="grid">{cards}</div> }.into_any()
}

fn target_card(service: &str, target: TargetView, rights: &Rights) -> AnyView {
    let environment = target.environment.clone();
    let cell = target.cell;
    let version = match (cell.version.clone(), cell.is_known) {
        (Some(label), true) => {
            let href = routes::version(service, &label);
            view! { <VersionLabel label href /> }.into_any()
        }
        (Some(label), false) => view! { <VersionLabel label /> }.into_any(),
        (None, _) => view! { <span class="quiet">"nothing yet"</span> }.into_any(),
    };
    let state = State::from(cell.mark);
    // The age is that of what is said: where something is the matter, not that of the version.
    let (age_of_reason, age_of_version) = if cell.reason.is_some() { (cell.since, None) } else { (None, cell.since) };
    let reason = cell.reason.clone().map(|words| {
        let age = age_of_reason.map(|at| view! { <span class="note"><Time at show=Show::Ago /></span> });
        match cell.promotion {
            Some(number) => {
                let href = routes::promotion(number);
                view! { <p><a class="link-plain" href=href><StateInline state word=words /></a> {age}</p> }.into_any()
            }
            None => view! { <p><StateInline state word=words /> {age}</p> }.into_any(),
        }
    });
    let bar = cell.percent.map(|percent| {
        let share = f64::from(percent) / 100.0;
        view! { <ProgressBar share label=format!("Progress in {}", environment.title) state /> }
    });
    let pods = cell.pods.map(|(ready, wanted)| {
        if ready == wanted { plural(u64::from(wanted), "pod", "pods") } else { format!("{ready} of {wanted} pods") }
    });
    let has_pods = pods.is_some();
    let words = match &target.deployer {
        Some(deployer) => outside_words(deployer),
        None => workload_words(&target.workloads),
    };
    let acts = target_acts(
        service,
        &environment.name,
        cell.promotable.as_deref(),
        (target.roll_back_to.as_deref(), target.aborts),
        rights,
    );
    let since = age_of_version.map(|at| view! { {has_pods.then_some(" · ")} <Time at show=Show::Age /> });
    let practice = environment.is_practice;
    let title = environment.title.clone();
    view! {
        <Card
            title
            aside=move || practice.then(|| view! { <Chip outline=true>"practice"</Chip> })
        >
            <div class="stack-tight">
                <div class="row">
                    <StateIcon state />
                    {version}
                    <span class="note">{pods} {since}</span>
                </div>
                {reason}
                {bar}
                {words}
                {acts}
            </div>
        </Card>
    }
    .into_any()
}

/// By whom, without the rest of the address.
fn outside_words(deployer: &contract::deployers::DeployerView) -> AnyView {
    let words = format!("deployed by {}", deployer.host);
    view! { <p class="note truncate" title=words.clone()>{words.clone()}</p> }.into_any()
}

fn workload_words(workloads: &[contract::services::TargetWorkloadInput]) -> AnyView {
    if workloads.is_empty() {
        return view! { <p class="note">"deployed by others, who report it"</p> }.into_any();
    }
    workloads
        .iter()
        .map(|workload| {
            let words = format!("{}/{} in {}", workload.namespace, workload.workload, workload.cluster);
            view! { <p class="note truncate" title=words.clone()>{words.clone()}</p> }
        })
        .collect_view()
        .into_any()
}

fn target_acts(
    service: &str,
    environment: &str,
    promotable: Option<&str>,
    (roll_back_to, aborts): (Option<&str>, Option<i64>),
    rights: &Rights,
) -> AnyView {
    let promote = promotable.filter(|_| rights.may(Act::RequestPromotion)).map(|label| {
        let href = routes::promote(Some(service), Some(environment), Some(label));
        view! { <ButtonLink href size=Size::Small>{format!("Promote {label}")}</ButtonLink> }
    });
    let back = roll_back_to.map(|label| {
        let href = routes::roll_back(service, environment, Some(label));
        let words =
            aborts.map_or_else(|| format!("Roll back to {label}"), |number| format!("Abort promotion {number}"));
        view! { <ButtonLink href size=Size::Small kind=Kind::Danger>{words}</ButtonLink> }
    });
    let edit = rights.may(Act::ManageServices).then(|| {
        let href = routes::target(service, environment);
        view! { <ButtonLink href size=Size::Small kind=Kind::Quiet>"Workloads"</ButtonLink> }
    });
    view! { <div class="row">{promote} {back} {edit}</div> }.into_any()
}

/// Did my commit reach production?
fn where_is_commit(
    service: &str,
    commit: Memo<Option<String>>,
    whereabouts: Resource<Answer<Vec<CommitWhereabouts>>>,
) -> AnyView {
    let action = routes::service(service);
    let service = service.to_owned();
    let service = StoredValue::new(service);
    view! {
        <Card title="Did my commit reach production?">
            <div class="stack">
                <Form method="GET" action attr:class="form-inline" attr:role="search">
                    <input
                        class="input input-mono"
                        name="commit"
                        aria-label="The commit's hash, at least its first 7 digits"
                        placeholder="8c1f02e"
                        autocapitalize="off"
                        spellcheck="false"
                        value=commit.get_untracked().unwrap_or_default()
                    />
                    <Button>"Look"</Button>
                </Form>
                {part_of(whereabouts, 2, move |answer| {
                    let asked = commit.get_untracked();
                    service.with_value(|service| commit_places(service, asked, answer))
                })}
            </div>
        </Card>
    }
    .into_any()
}

fn commit_places(service: &str, asked: Option<String>, answer: Answer<Vec<CommitWhereabouts>>) -> AnyView {
    let Some(asked) = asked else { return ().into_any() };
    let found = match answer {
        Ok(found) => found,
        Err(error) => return view! { <p class="note">{sentence(&error.0.message)}</p> }.into_any(),
    };
    if found.is_empty() {
        let words =
            format!("No version of {service} reports a commit {asked}. Pipelines report commits with each version.");
        return view! { <p class="note">{words}</p> }.into_any();
    }
    found
        .into_iter()
        .map(|commit| {
            let places = commit
                .places
                .into_iter()
                .map(|(title, is_there, words)| {
                    let state = if is_there { State::Done } else { State::Nothing };
                    super::parts::check_row(state, title, Some(words), None)
                })
                .collect();
            let href = routes::version(service, &commit.version);
            view! {
                <div class="stack-tight">
                    <p class="row">
                        <Hash value=commit.hash what="the commit" />
                        <strong>{commit.title}</strong>
                        <span class="note">"first in " <VersionLabel label=commit.version href /></span>
                    </p>
                    {super::parts::checks_or(places, "It runs nowhere.")}
                </div>
            }
        })
        .collect_view()
        .into_any()
}

fn versions(service: &str, versions: Page<VersionLine>, rights: &Rights) -> AnyView {
    if versions.total == 0 {
        let command = commands::register_version(service);
        return view! {
            <Card title="Versions">
                <EmptyState
                    glyph=Glyph::Layers
                    title="No version yet"
                    words="A pipeline reports each version it builds; make a token for it under Settings."
                    command=command
                />
            </Card>
        }
        .into_any();
    }
    let name = service.to_owned();
    let foot = pager(&versions, "versions", |page| routes::service_versions(&name, page));
    let rows = versions.rows.into_iter().map(|line| version_row(service, line, rights)).collect_view();
    view! {
        <Card title="Versions" lead="newest first" flush=true>
            <div class="table-scroll">
                <table class="table table-stacks">
                    <thead>
                        <tr>
                            <th scope="col">"Version"</th>
                            <th scope="col">"What"</th>
                            <th scope="col">"Checks"</th>
                            <th scope="col">"Runs in"</th>
                            <th scope="col" aria-sort="descending">
                                "Built"
                            </th>
                            <th scope="col">
                                <span class="hidden-visually">"Acts"</span>
                            </th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
            {foot}
        </Card>
    }
    .into_any()
}

fn version_row(service: &str, line: VersionLine, rights: &Rights) -> AnyView {
    let href = routes::version(service, &line.label);
    let checks = match line.checks {
        Some(verdict) => view! { <StateInline state=State::from(verdict) word=word_of_verdict(verdict) /> }.into_any(),
        None => view! { <span class="quiet">"none"</span> }.into_any(),
    };
    let promote = rights.may(Act::RequestPromotion).then(|| {
        let href = routes::promote(Some(service), None, Some(&line.label));
        view! { <ButtonLink href size=Size::Small>"Promote"</ButtonLink> }
    });
    let runs_in = if line.runs_in.is_empty() { "–".to_owned() } else { line.runs_in.join(", ") };
    let commit = line.commit.clone().map(|hash| view! { <Hash value=hash what="the commit" /> });
    view! {
        <tr>
            <td data-label="Version">
                <VersionLabel label=line.label.clone() href />
                " "
                {flags(&line)}
            </td>
            <td data-label="What">
                {line.title.clone()}
                <span class="note">{plural(line.commits, "commit", "commits")} " " {commit}</span>
            </td>
            <td data-label="Checks">{checks}</td>
            <td data-label="Runs in">{runs_in}</td>
            <td data-label="Built">
                <Time at=line.created_at show=Show::Ago />
            </td>
            <td>{promote}</td>
        </tr>
    }
    .into_any()
}

/// What is special about a version.
pub fn flags(line: &VersionLine) -> AnyView {
    view! {
        {line.is_hotfix.then(|| view! { <Chip tone=State::Waiting glyph=Glyph::Bolt>"hotfix"</Chip> " " })}
        {line
            .has_irreversible_migration
            .then(|| view! { <Chip tone=State::Waiting glyph=Glyph::Database>"migration"</Chip> " " })}
        {(!line.is_pinned).then(|| view! { <Chip outline=true>"unpinned"</Chip> })}
    }
    .into_any()
}

fn deployments(service: &str, lines: Vec<DeploymentLine>) -> Option<AnyView> {
    let query = contract::deployments::DeploymentsQuery { service: Some(service.to_owned()), ..Default::default() };
    let all = routes::deployments(&query);
    (!lines.is_empty()).then(|| {
        view! {
            <Card
                title="Deployments"
                lead="by the time they started, newest first"
                aside=move || view! { <a href=all>"all"</a> }
                flush=true
            >
                {deployment_table(lines, false)}
            </Card>
        }
        .into_any()
    })
}
