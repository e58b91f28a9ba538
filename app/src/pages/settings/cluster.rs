//! One cluster: test the connection, say where its metrics are, change it, remove it.

use contract::analysis::MetricSourceView;
use contract::clusters::{ClusterView, ConnectionView, PermissionLine, PermissionNeed};
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

use super::{
    cluster_form::cluster_form,
    clusters::summary,
    metric_source::{SourceForms, source_card},
    settings_page,
};
use crate::{
    components::{Button, ButtonLink, Card, Checks, Chip, Code, Glyph, Kind, Notice, State},
    error::{Answer, AppError},
    form::{FormProblem, Sending},
    live,
    page::{page_below, problem_below, sentence},
    pages::parts::check_row,
    question::{Question, question},
    routes::{self, Settings},
    server_fns,
    server_fns::clusters::{RemoveCluster, SaveCluster, TestCluster},
};

#[derive(Clone, Copy)]
struct Forms {
    test: Sending<TestCluster>,
    save: Sending<SaveCluster>,
    remove: Sending<RemoveCluster>,
    metrics: SourceForms,
}

/// The cluster and where its metrics are; `None` when there is no such cluster.
type Loaded = Option<(ClusterView, Option<MetricSourceView>)>;

async fn load(name: String) -> Answer<Loaded> {
    let found = server_fns::clusters::clusters().await?.into_iter().find(|cluster| cluster.name == name);
    let Some(cluster) = found else { return Ok(None) };
    let metrics = server_fns::clusters::metric_source(name).await?;
    Ok(Some((cluster, metrics)))
}

/// A cluster's page.
#[component]
pub fn ClusterPage() -> impl IntoView {
    let params = use_params_map();
    let name = Memo::new(move |_| params.with(|params| params.get("name")).unwrap_or_default());
    let metrics = SourceForms::new();
    let forms = Forms { test: Sending::new(), save: Sending::new(), remove: Sending::new(), metrics };
    let changes = live::use_changes(|change| change.entity == "cluster");
    let data = Resource::new(
        move || (name.get(), changes.get(), forms.save.version(), forms.metrics.version()),
        |(name, ..)| load(name),
    );
    let page = page_below(data, move |found, _| match found {
        Some((cluster, metrics)) => cluster_view(cluster, metrics, forms),
        None => problem_below(AppError(contract::ApiError::not_found("cluster", &name.get_untracked()))),
    });
    settings_page(Settings::Clusters, "test, metrics, change, remove", page)
}

fn cluster_view(cluster: ClusterView, metrics: Option<MetricSourceView>, forms: Forms) -> AnyView {
    let summary = summary(&cluster);
    let found = routes::discover(&cluster.name);
    let practice = cluster.is_practice;
    let change = (!practice).then(|| {
        let inside = cluster_form(Some(cluster.name.clone()), forms.save);
        view! { <Card title="Change how it is reached">{inside}</Card> }
    });
    let remove = remove(&cluster, forms);
    let test = test(&cluster, forms);
    let metrics = source_card(&cluster.name, metrics, forms.metrics);
    view! {
        <div class="stack-cards">
            <Card
                title=cluster.name.clone()
                lead=cluster.address
                aside=move || practice.then(|| view! { <Chip outline=true>"practice"</Chip> })
            >
                <div class="stack">
                    {summary}
                    <div class="row">
                        {test}
                        <ButtonLink href=found glyph=Glyph::Search>
                            "Take over what runs"
                        </ButtonLink>
                        {remove}
                    </div>
                    {move || forms.test.answer().map(connection)}
                </div>
            </Card>
            {metrics} {change}
        </div>
    }
    .into_any()
}

fn test(cluster: &ClusterView, forms: Forms) -> AnyView {
    let name = cluster.name.clone();
    view! {
        <ActionForm action=forms.test.action>
            <input type="hidden" name="name" value=name />
            <FormProblem error=forms.test.errors() title="Not tested" />
            <Button kind=Kind::Primary busy=forms.test.busy()>
                "Test the connection"
            </Button>
        </ActionForm>
    }
    .into_any()
}

fn remove(cluster: &ClusterView, forms: Forms) -> AnyView {
    let name = cluster.name.clone();
    let asked = Question::removal(
        "Remove",
        &format!("Remove {name}?"),
        "Slipway forgets its address and token. Nothing in the cluster is touched. It is refused while a target uses it.",
        "Remove the cluster",
    );
    question(asked, forms.remove, view! { <input type="hidden" name="name" value=name /> }.into_any())
}

/// What the test found.
fn connection(found: ConnectionView) -> AnyView {
    let lacks = |need: PermissionNeed| {
        let lacked = |p: &&PermissionLine| !p.is_granted && p.need == need;
        found.permissions.iter().filter(lacked).count()
    };
    let missing = lacks(PermissionNeed::Always);
    let optional = lacks(PermissionNeed::Candidates) + lacks(PermissionNeed::Delegated) + lacks(PermissionNeed::Jobs);
    let no_reasons = lacks(PermissionNeed::Reasons) > 0;
    let rows = found
        .permissions
        .into_iter()
        .map(|permission| {
            let state = match (permission.is_granted, permission.need) {
                (true, _) => State::Done,
                (
                    false,
                    PermissionNeed::Candidates
                    | PermissionNeed::Delegated
                    | PermissionNeed::Jobs
                    | PermissionNeed::Reasons,
                ) => State::Nothing,
                (false, PermissionNeed::Always) => State::Failed,
            };
            let word = if permission.is_granted { "granted" } else { "missing" };
            let note = format!("{word} in {}: {}", permission.namespace, permission.needed_for);
            check_row(state, permission.what, Some(note), None)
        })
        .collect::<Vec<_>>();
    let (state, title, words) = match (&found.problem, &found.version) {
        (Some(problem), _) => (State::Failed, "It does not work", sentence(problem)),
        (None, Some(version)) if missing == 0 && optional > 0 => (
            State::Done,
            "It works for rolling promotions",
            format!(
                "Kubernetes {version} answered; {optional} permissions are missing that only canary and blue-green, their Jobs, or what other tools are in charge of, need; the list says which."
            ),
        ),
        (None, Some(version)) if missing == 0 && no_reasons => (
            State::Done,
            "It works",
            format!(
                "Kubernetes {version} answered. Why pods fail is not shown on pages: the permissions for events and logs are missing."
            ),
        ),
        (None, Some(version)) if missing == 0 => {
            (State::Done, "It works", format!("Kubernetes {version} answered, and every permission is there."))
        }
        (None, Some(version)) => (
            State::Waiting,
            "Permissions are missing",
            format!("Kubernetes {version} answered; {missing} permissions are missing."),
        ),
        (None, None) => (State::Failed, "It does not work", "The API server did not say its version.".to_owned()),
    };
    let commands = found.commands.map(|text| view! { <Code text label="Commands that grant it" /> });
    view! {
        <div class="stack">
            <Notice state title>
                {words}
            </Notice>
            {commands}
            <Checks>{rows}</Checks>
        </div>
    }
    .into_any()
}
