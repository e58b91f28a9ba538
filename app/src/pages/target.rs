//! A target: which workloads a service has in an environment.

use std::{collections::BTreeSet, convert::identity};

use contract::{
    PageRequest,
    clusters::ClusterView,
    environments::EnvironmentView,
    helm::HelmOwnership,
    promotions::Demand,
    services::{ServiceView, TargetNow, TargetWorkloadInput},
};
use domain::{actor::Act, delegated::Tool, observation::WorkloadKind, state::Mark};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;

use crate::{
    components::{
        Button, ButtonLink, Card, CheckBox, Choice, Crumb, Crumbs, Kind, Notice, Outcome, PageHead, Said, Select,
    },
    error::Answer,
    form::{FormProblem, Sending},
    page::{page_of, part_of, sentence},
    pages::{
        deployer::{DeployerForms, deployer_card},
        git_place::{GitForms, git_card},
        helm::{HelmForms, helm_card},
        parts::{checks_or, demand_rows},
        strategy::strategy_card,
    },
    routes, server_fns,
    server_fns::services::{SetStrategy, SetTarget, TargetRow},
};

/// Rows that are offered beyond those that are set: most targets have one workload, an API with a worker
/// two.
const SPARE_ROWS: usize = 2;

#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
struct Loaded {
    service: ServiceView,
    environment: EnvironmentView,
    clusters: Vec<ClusterView>,
    helm: HelmOwnership,
}

/// The forms of the page.
#[derive(Clone, Copy)]
struct Forms {
    workloads: Sending<SetTarget>,
    strategy: Sending<SetStrategy>,
    deployer: DeployerForms,
    git: GitForms,
    helm: HelmForms,
}

/// The form of a target.
#[component]
pub fn TargetPage() -> impl IntoView {
    let params = use_params_map();
    let asked = Memo::new(move |_| {
        params.with(|params| (params.get("name").unwrap_or_default(), params.get("environment").unwrap_or_default()))
    });
    let saved = RwSignal::new(None::<String>);
    let forms = Forms {
        workloads: Sending::new().tells(saved, identity),
        strategy: Sending::new().tells(saved, identity),
        deployer: DeployerForms::begin(saved),
        git: GitForms::begin(saved),
        helm: HelmForms::begin(saved),
    };
    let (workloads, strategy) = (forms.workloads.accepted(), forms.strategy.accepted());
    let version = move || {
        let beside = forms.deployer.version() + forms.git.version() + forms.helm.version();
        (asked.get(), (workloads.get(), strategy.get()), beside)
    };
    let data = Resource::new(version, |(asked, ..)| load(asked));
    // What clusters say comes beside what is set here, and a silent one is not waited for long.
    let now =
        Resource::new(version, |((service, environment), ..)| server_fns::services::target_now(service, environment));
    view! {
        <Title text="Workloads" />
        <Outcome said=Signal::derive(move || saved.get().map(|what| Said::saved(&what))) />
        {page_of(data, move |loaded, rights| target_view(loaded, now, rights.may(Act::ManageServices), forms))}
    }
    .into_any()
}

async fn load((service, environment): (String, String)) -> Answer<Loaded> {
    // A service has no target in an environment before it is saved here, and nobody needs to know whose it is.
    let helm = server_fns::helm::helm_ownership(service.clone(), environment.clone()).await;
    let helm = helm.unwrap_or(HelmOwnership::Unknown);
    let service = server_fns::services::service(service, PageRequest::new(1, 1)).await?;
    let found = server_fns::environments::environments().await?.into_iter().find(|found| found.name == environment);
    let environment = found.ok_or_else(|| contract::ApiError::not_found("environment", &environment))?;
    let all = server_fns::clusters::clusters().await.unwrap_or_default();
    // Who may not see clusters still sees the names that the environment is bound to.
    let clusters = all.into_iter().filter(|cluster| environment.clusters.contains(&cluster.name)).collect();
    Ok(Loaded { service, environment, clusters, helm })
}

fn target_view(loaded: Loaded, now: Resource<Answer<TargetNow>>, may_change: bool, forms: Forms) -> AnyView {
    let Loaded { service, environment, clusters, helm: ownership } = loaded;
    let crumbs = vec![
        Crumb { label: service.name.clone(), href: Some(routes::service(&service.name)) },
        Crumb { label: environment.title.clone(), href: None },
    ];
    let target = service.targets.into_iter().find(|target| target.environment.name == environment.name);
    let present_deployer = target.as_ref().and_then(|target| target.deployer.clone());
    let present_helm = target.as_ref().and_then(|target| target.helm.clone());
    let present_git = target.as_ref().and_then(|target| target.git.clone());
    let (present, present_strategy) = target.map(|target| (target.workloads, target.strategy)).unwrap_or_default();
    let (name, place) = (service.name.as_str(), environment.name.as_str());
    let deployer = deployer_card(name, place, present_deployer.as_ref(), !present.is_empty(), forms.deployer);
    // Who does it now stands first.
    let (first, last) = match (present_deployer.is_some(), may_change) {
        (true, _) => (Some(deployer), None),
        (false, true) => (None, Some(deployer)),
        (false, false) => (None, None),
    };
    let spare_rows = if may_change { SPARE_ROWS } else { 0 };
    let workloads = workloads_card(name, &environment, clusters, &present, spare_rows, forms.workloads);
    // A target without workloads has nothing that a strategy could move, and nothing that is judged.
    let in_cluster = (!present.is_empty()).then(|| {
        let strategy = match by_whom(&present, present_git.is_some()) {
            // What is set all the same can be taken away.
            Err(words) if present_strategy.is_rolling() => moved_by_others(words),
            Ok(_) | Err(_) => {
                let exposed = present.iter().find(|one| one.kind.is_deployment()).or(present.first());
                let exposed = exposed.map(|one| one.workload.as_str()).unwrap_or_default();
                strategy_card(name, place, &present_strategy, exposed, forms.strategy)
            }
        };
        let git = (may_change || present_git.is_some()).then(|| git_card(name, place, present_git, forms.git));
        let has_deployment = present.iter().any(|one| one.kind.is_deployment());
        let helm = has_deployment.then(|| helm_card(name, place, present_helm, &ownership, forms.helm));
        let rules = rules_card(name, place);
        view! { {strategy} {now_card(now)} {git} {helm} {rules} }
    });
    let heading = format!("{name} in {}", environment.title);
    let cards = view! { <div class="stack-cards">{first} {workloads} {in_cluster} {last}</div> };
    // Who may not change it reads it all the same.
    let cards = if may_change {
        cards.into_any()
    } else {
        view! {
            <Notice title="To look at">
                <p>"Release managers and admins change what is set here."</p>
            </Notice>
            <fieldset class="looked-at" disabled=true>
                {cards}
            </fieldset>
        }
        .into_any()
    };
    view! {
        <Crumbs crumbs />
        <PageHead
            title=move || heading
            lead=|| "Where a promotion brings versions: into workloads in clusters, into objects of Argo Rollouts, Argo CD and Flux, or to a program of yours that deploys"
        />
        {cards}
    }
    .into_any()
}

/// Whether Slipway itself moves versions in there; if not, who does, in words.
fn by_whom(present: &[TargetWorkloadInput], is_by_git: bool) -> Result<(), String> {
    if is_by_git {
        let words = "The version lives in a Git repository: it is committed there as a whole, and what reads it there \
                     brings it in its own way.";
        return Err(words.to_owned());
    }
    let tools: BTreeSet<_> = present.iter().filter_map(|one| one.kind.tool()).map(Tool::name).collect();
    if present.iter().any(|one| one.kind.is_deployment()) || tools.is_empty() {
        return Ok(());
    }
    let tools = tools.into_iter().collect::<Vec<_>>().join(" and ");
    Err(format!("{tools} moves what is here, in its own way and by its own steps, which the promotion shows."))
}

fn moved_by_others(words: String) -> AnyView {
    view! {
        <Card title="Strategy">
            <p class="note">{words}</p>
        </Card>
    }
    .into_any()
}

/// What a promotion would meet here at this moment.
fn now_card(now: Resource<Answer<TargetNow>>) -> AnyView {
    let show = |now: Answer<TargetNow>| {
        let now = match now {
            Ok(now) => now,
            Err(error) => return view! { <p class="note">{sentence(&error.to_string())}</p> }.into_any(),
        };
        // Names of clusters and objects stand at the begin of most: they stay as they are.
        let of = |mark: Mark, title: &'static str, lines: Vec<String>| {
            lines.into_iter().map(move |detail| Demand { mark, title: title.to_owned(), detail })
        };
        let rows = of(Mark::Failed, "Refused at its start", now.refused)
            .chain(of(Mark::Waiting, "Not known", now.unknown))
            .chain(of(Mark::Waiting, "Warning", now.warnings))
            .chain(of(Mark::Nothing, "To know", now.capacity));
        checks_or(demand_rows(rows.collect()), "Nothing stands in its way.")
    };
    view! {
        <Card title="As things are now" lead="What a promotion would meet in the clusters">
            {part_of(now, 2, show)}
        </Card>
    }
    .into_any()
}

fn rules_card(service: &str, environment: &str) -> AnyView {
    let href = routes::rules(service, environment);
    view! {
        <Card title="Rules" lead="What takes a version back, warns of it, or asks">
            <ButtonLink href>"See and change the rules"</ButtonLink>
        </Card>
    }
    .into_any()
}

/// The workloads themselves, and what is missing for there to be any.
fn workloads_card(
    service: &str,
    environment: &EnvironmentView,
    clusters: Vec<ClusterView>,
    present: &[TargetWorkloadInput],
    spare_rows: usize,
    form: Sending<SetTarget>,
) -> AnyView {
    let names: Vec<String> = if clusters.is_empty() {
        environment.clusters.clone()
    } else {
        clusters.into_iter().map(|cluster| cluster.name).collect()
    };
    let no_cluster = names.is_empty().then(|| {
        let href = routes::environment(&environment.name);
        view! {
            <Notice title="No cluster">
                <p>
                    "This environment is bound to no cluster: save it without workloads when another pipeline deploys there and reports it, or "
                    <a href=href>"bind a cluster to it"</a> "."
                </p>
            </Notice>
        }
    });
    let rows = (0..present.len() + spare_rows).map(|index| row(index, present.get(index), &names, form)).collect_view();
    // Only what is there can leave.
    let leaves = (!present.is_empty()).then(|| {
        view! {
            <CheckBox
                id="workloads-leave"
                name="leaves"
                label="Take it out of Slipway's hands"
                hint="For when every row is left empty: what is in the cluster stays there as it is."
                checked=form.typed("leaves", "") == "true"
            />
        }
    });
    let (service, environment) = (service.to_owned(), environment.name.clone());
    view! {
        {no_cluster}
        <Card title="In a cluster">
            <ActionForm action=form.action>
                <input type="hidden" name="service" value=service />
                <input type="hidden" name="environment" value=environment />
                <div class="stack">
                    <p class="note">
                        "The Deployments, and objects of Argo Rollouts, Argo CD and Flux, that a promotion brings the version into; all of them move and are taken back as one."
                    </p>
                    {rows}
                    <p class="note">
                        "Leave rows empty that are not needed. Without any row this is a target that another pipeline deploys to and reports."
                    </p>
                    {leaves}
                    <FormProblem error=form.errors() title="Not saved" />
                    <div class="form-acts">
                        <Button kind=Kind::Primary busy=form.busy()>
                            "Save the workloads"
                        </Button>
                    </div>
                </div>
            </ActionForm>
        </Card>
    }
    .into_any()
}

fn row(index: usize, present: Option<&TargetWorkloadInput>, clusters: &[String], form: Sending<SetTarget>) -> AnyView {
    let present = present.map(row_of).unwrap_or_default();
    let name = |field: &str| format!("workloads[{index}][{field}]");
    let typed = |field: &str, usual: &str| form.typed(&name(field), usual);
    let cluster = typed("cluster", &present.cluster);
    let mut choices: Vec<_> = clusters.iter().cloned().map(Choice::plain).collect();
    if !cluster.is_empty() && !clusters.contains(&cluster) {
        choices.push(Choice::plain(cluster.clone()));
    }
    // An empty choice that is required would hold the form back for ever.
    let is_bound = !choices.is_empty();
    if !is_bound {
        choices.push(Choice::new("", "no cluster"));
    }
    let text = |field: &str, label: &'static str, usual: &str| {
        let (id, name, value) = (format!("workload-{index}-{field}"), name(field), typed(field, usual));
        view! {
            <label class="field" for=id.clone()>
                <span class="field-label">{label}</span>
                <input
                    class="input input-mono"
                    id=id.clone()
                    name=name
                    value=value
                    autocapitalize="off"
                    spellcheck="false"
                />
            </label>
        }
    };
    let kinds: Vec<_> = WorkloadKind::ALL.into_iter().map(|kind| Choice::new(kind.as_str(), kind.words())).collect();
    let legend = format!("Workload {}", index + 1);
    view! {
        <fieldset class="field">
            <legend class="field-label">{legend}</legend>
            <div class="form-row">
                <Select
                    id=format!("workload-{index}-cluster")
                    name=name("cluster")
                    label="Cluster"
                    choices
                    selected=cluster
                    required=is_bound
                />
                {text("namespace", "Namespace", &present.namespace)}
                <Select
                    id=format!("workload-{index}-kind")
                    name=name("kind")
                    label="Kind"
                    choices=kinds
                    needed=true
                    selected=typed("kind", present.kind.as_str())
                />
                {text("workload", "Name", &present.workload)}
                {text("container", "Container or image", &present.container)}
                {text("component", "Image, of several", &present.component)}
            </div>
        </fieldset>
    }
    .into_any()
}

fn row_of(input: &TargetWorkloadInput) -> TargetRow {
    TargetRow {
        cluster: input.cluster.clone(),
        namespace: input.namespace.clone(),
        workload: input.workload.clone(),
        kind: input.kind,
        container: input.container.clone(),
        component: input.component.clone().unwrap_or_default(),
    }
}
