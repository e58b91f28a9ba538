//! Taking over what runs in a cluster: Deployments become services, what runs becomes their first
//! version.

use contract::{
    board::TeamChoice,
    clusters::{Adopted, FoundWorkload},
    environments::EnvironmentView,
};
use domain::observation::WorkloadKind;
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

use super::settings_page;
use crate::{
    components::{Button, ButtonLink, Card, Choice, EmptyState, Glyph, Kind, Notice, Select, State, words::plural},
    error::Answer,
    form::{FormProblem, Sending},
    page::{page_below, sentence},
    routes::{self, Settings},
    server_fns,
    server_fns::clusters::Adopt,
};

#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
struct Loaded {
    cluster: String,
    found: Vec<FoundWorkload>,
    environments: Vec<EnvironmentView>,
    teams: Vec<TeamChoice>,
}

/// What runs in a cluster.
#[component]
pub fn DiscoverPage() -> impl IntoView {
    let params = use_params_map();
    let name = Memo::new(move |_| params.with(|params| params.get("name")).unwrap_or_default());
    let form = Sending::<Adopt>::new();
    let data = Resource::new(move || (name.get(), form.version()), |(name, _)| load(name));
    settings_page(
        Settings::Clusters,
        "take over what runs: tick, say whose it is, done",
        page_below(data, move |loaded, _| discover_view(loaded, form)),
    )
}

async fn load(cluster: String) -> Answer<Loaded> {
    let found = server_fns::clusters::discover(cluster.clone()).await?;
    let environments = server_fns::environments::environments().await?;
    let teams = server_fns::services::teams().await?;
    Ok(Loaded { cluster, found, environments, teams })
}

fn discover_view(loaded: Loaded, form: Sending<Adopt>) -> AnyView {
    let Loaded { cluster, mut found, environments, teams } = loaded;
    let answer = move || form.answer().map(adopted);
    if found.is_empty() {
        return view! {
            <div class="stack-cards">
                {answer}
                <Card>
                    <EmptyState
                        glyph=Glyph::Cluster
                        title="No Deployment was found"
                        words="Nothing runs in the namespaces that are watched, or the token may not list Deployments: test the connection."
                        acts=move || view! { <ButtonLink href=routes::cluster(&cluster)>"To the cluster"</ButtonLink> }
                    />
                </Card>
            </div>
        }
        .into_any();
    }
    let bound: Vec<_> =
        environments.into_iter().filter(|environment| environment.clusters.contains(&cluster)).collect();
    let unbound = bound.is_empty().then(|| {
        let href = routes::settings(Settings::Environments);
        view! {
            <Notice state=State::Waiting title="No environment uses this cluster">
                <p>"Bind it to one first: " <a href=href>"Environments"</a></p>
            </Notice>
        }
    });
    let count = found.iter().filter(|found| is_free(found)).count();
    // What can be ticked first: among hundreds that are taken the few that are left would be lost.
    found.sort_by_key(|found| !is_free(found));
    let lead = match count {
        0 => "Nothing is left to take over".to_owned(),
        count => format!("{} can be taken over", plural(u64::try_from(count).unwrap_or(0), "workload", "workloads")),
    };
    let take = (count > 0).then(|| {
        view! {
            <Button kind=Kind::Primary busy=form.busy()>
                "Take over what is ticked"
            </Button>
        }
    });
    let rows = found.into_iter().enumerate().map(|(index, found)| row(index, found, &bound)).collect_view();
    let teams = teams.into_iter().map(|team| view! { <option value=team.name>{team.title}</option> }).collect_view();
    view! {
        <div class="stack-cards">
            {answer}
            {unbound}
            <Card title="Found" lead flush=true>
                <ActionForm action=form.action>
                    <input type="hidden" name="cluster" value=cluster />
                    <datalist id="teams">{teams}</datalist>
                    // Keys must be able to scroll it where nothing in it can be taken over.
                    <div class="table-scroll" tabindex="0" role="region" aria-label="What was found">
                        {table(rows.into_any())}
                    </div>
                    <div class="card-foot">
                        <FormProblem error=form.errors() title="Nothing was taken over" />
                        {take}
                    </div>
                </ActionForm>
            </Card>
        </div>
    }
    .into_any()
}

fn is_free(found: &FoundWorkload) -> bool {
    found.service.is_none() && found.managed_by.is_none()
}

fn table(rows: AnyView) -> AnyView {
    view! {
        <table class="table table-stacks">
            <thead>
                <tr>
                    <th scope="col">"Take"</th>
                    <th scope="col">"Workload"</th>
                    <th scope="col">"Container or image"</th>
                    <th scope="col">"Service"</th>
                    <th scope="col">"Team"</th>
                    <th scope="col">"Environment"</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    }
    .into_any()
}

fn row(index: usize, found: FoundWorkload, environments: &[EnvironmentView]) -> AnyView {
    let name = |field: &str| format!("workloads[{index}][{field}]");
    let what = format!("{}/{}", found.namespace, found.name);
    let kind = found.kind.words();
    let pods = match found.kind {
        WorkloadKind::Deployment => format!("{} of {} pods ready", found.ready, found.wanted),
        WorkloadKind::Rollout => format!("{kind}, {} of {} pods ready", found.ready, found.wanted),
        WorkloadKind::Application | WorkloadKind::Kustomization | WorkloadKind::HelmRelease => kind.to_owned(),
    };
    if !is_free(&found) {
        let why = match (found.service, found.managed_by) {
            (Some(service), _) => format!("belongs to {service} already"),
            (None, Some(owner)) => sentence(&owner),
            (None, None) => String::new(),
        };
        return view! {
            <tr>
                <td></td>
                <td data-label="Workload">
                    <span class="mono">{what}</span>
                    <span class="note">{pods}</span>
                </td>
                <td colspan="4">
                    <span class="note">{why}</span>
                </td>
            </tr>
        }
        .into_any();
    }
    let containers: Vec<_> = found.containers.into_iter().map(|(name, _)| Choice::plain(name)).collect();
    let environments = environments.iter().map(|one| Choice::new(one.name.clone(), one.title.clone()));
    let select = |field: &'static str, label: &'static str, choices: Vec<Choice>, selected: String| {
        let label = format!("{label} of {what}");
        view! { <Select id=format!("found-{index}-{field}") name=name(field) label choices selected in_row=true /> }
    };
    let first = containers.first().map(|choice| choice.value.clone()).unwrap_or_default();
    let container = select("container", "Container", containers, first);
    let environment = select("environment", "Environment", environments.collect(), found.suggested_environment);
    let field = |field: &'static str, label: &'static str, value: String, list: Option<&'static str>| {
        view! { <input class="input" name=name(field) value=value aria-label=format!("{label} of {what}") list=list /> }
    };
    view! {
        <tr>
            <td data-label="Take">
                <input type="checkbox" name=name("take") value="true" aria-label=format!("Take over {what}") />
                <input type="hidden" name=name("namespace") value=found.namespace />
                <input type="hidden" name=name("name") value=found.name />
                <input type="hidden" name=name("kind") value=found.kind.as_str() />
            </td>
            <td data-label="Workload">
                <span class="mono">{what.clone()}</span>
                <span class="note">{pods}</span>
                {found.caution.map(|words| view! { <span class="note">{sentence(&words)}</span> })}
            </td>
            <td data-label="Container or image">
                {container}
            </td>
            <td data-label="Service">{field("service", "Service", found.suggested_service, None)}</td>
            <td data-label="Team">{field("team", "Team", found.suggested_team, Some("teams"))}</td>
            <td data-label="Environment">
                {environment}
            </td>
        </tr>
    }
    .into_any()
}

fn adopted(done: Adopted) -> AnyView {
    let words = format!(
        "{}, {} and {} were made.",
        plural(done.services, "service", "services"),
        plural(done.targets, "target", "targets"),
        plural(done.versions, "first version", "first versions")
    );
    let left_out = done.left_out.iter().map(|words| view! { <li>{sentence(words)}</li> }).collect_view();
    view! {
        <Notice state=State::Done title="Taken over">
            <p>{words}</p>
            <ul>{left_out}</ul>
            <p>
                <a href=routes::HOME>"To the Board"</a>
            </p>
        </Notice>
    }
    .into_any()
}
