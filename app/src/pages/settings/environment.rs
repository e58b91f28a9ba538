//! One environment's form, for a new one and for changing one.

use contract::{clusters::ClusterView, environments::EnvironmentView};
use domain::environment::{EnvironmentKind, EnvironmentRules, Quorum};
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

use super::{environments::load, settings_page};
use crate::{
    components::{Button, Card, CheckBox, Choice, InputKind, Kind, Notice, Select, TextField},
    error::AppError,
    form::{FormProblem, Sending, about, besides},
    page::{page_below, problem_below},
    pages::service_form::text_field,
    routes::Settings,
    server_fns::environments::SaveEnvironment,
};

const FIELDS: [&str; 2] = ["name", "title"];

/// The form that changes an environment.
#[component]
pub fn EnvironmentPage() -> impl IntoView {
    let params = use_params_map();
    let name = Memo::new(move |_| params.with(|params| params.get("name")).unwrap_or_default());
    let form = Sending::<SaveEnvironment>::new();
    let data = Resource::new(move || name.get(), |_| load());
    let page = page_below(data, move |(environments, clusters), _| {
        let name = name.get_untracked();
        match environments.iter().find(|environment| environment.name == name).cloned() {
            Some(environment) => {
                let title = format!("Change {}", environment.title);
                let inside = environment_form(Some(environment), &environments, clusters, form);
                view! {
                    <div class="stack-cards">
                        <Notice>
                            "A change of the rules voids approvals that were given under the former ones; promotions that wait are asked for again."
                        </Notice>
                        <Card title>{inside}</Card>
                    </div>
                }
                .into_any()
            }
            None => problem_below(AppError(contract::ApiError::not_found("environment", &name))),
        }
    });
    settings_page(Settings::Environments, "its rules", page)
}

/// The form of an environment; without one, of a new one.
pub(super) fn environment_form(
    environment: Option<EnvironmentView>,
    all: &[EnvironmentView],
    clusters: Vec<ClusterView>,
    form: Sending<SaveEnvironment>,
) -> AnyView {
    let is_new = environment.is_none();
    let last = all.last().map(|last| last.kind);
    let usual = environment.unwrap_or_else(|| usual(all, last));
    let error = form.errors();
    let other = besides(&FIELDS, error);
    let title = form.typed("title", &usual.title);
    let automatic = is_new.then(|| Automatic {
        name: RwSignal::new(form.typed("name", "")),
        kind: RwSignal::new(form.typed("kind", "")),
        last,
    });
    let name = match automatic {
        Some(automatic) => {
            let typed = automatic.name;
            view! {
                <TextField
                    id="name"
                    name="name"
                    label="Name"
                    kind=InputKind::Code
                    value=typed.get_untracked()
                    hint="As it stands in addresses: production. It stays.".to_owned()
                    error=about("name", error)
                    on_type=Callback::new(move |name| typed.set(name))
                    required=true
                />
            }
            .into_any()
        }
        None => view! { <input type="hidden" name="name" value=usual.name.clone() /> }.into_any(),
    };
    let rules = rules(&usual, all, automatic, form);
    let clusters = cluster_boxes(clusters, &usual.clusters);
    view! {
        <ActionForm action=form.action attr:class="form">
            {is_new.then(|| view! { <input type="hidden" name="is_new" value="true" /> })}
            {name}
            {text_field("title", "Title", title, "As it stands on screen: Production.", InputKind::Text, true, error)}
            {rules}
            {clusters}
            <FormProblem error=other title="Not saved" />
            <div class="form-acts">
                <Button kind=Kind::Primary busy=form.busy()>
                    {if is_new { "Add the environment" } else { "Save" }}
                </Button>
            </div>
        </ActionForm>
    }
    .into_any()
}

/// What is chosen for a new environment as long as nobody chooses: the same as the server does, said while
/// the name is typed.
#[derive(Clone, Copy)]
struct Automatic {
    name: RwSignal<String>,
    /// The kind that was chosen; empty for none.
    kind: RwSignal<String>,
    last: Option<EnvironmentKind>,
}

impl Automatic {
    fn kind_words(self) -> String {
        let name = self.name.get();
        match EnvironmentKind::of_name(&name) {
            Some(kind) => format!("{}, by its name", kind.words()),
            None => format!("by its name, else {}", EnvironmentKind::suggested(&name, self.last).words()),
        }
    }

    fn approvals_words(self) -> String {
        let name = self.name.get();
        let chosen = EnvironmentKind::parse(&self.kind.get());
        match chosen.or_else(|| (!name.is_empty()).then(|| EnvironmentKind::suggested(&name, self.last))) {
            Some(kind) => format!("{}, as usual for {}", people(kind.usual_approvals().people()), kind.words()),
            None => "1 person for production, else nobody".to_owned(),
        }
    }
}

fn people(number: u8) -> String {
    match number {
        0 => "nobody".to_owned(),
        1 => "1 person".to_owned(),
        several => format!("{several} people"),
    }
}

/// What a new environment begins with: the kind after the last one's.
fn usual(all: &[EnvironmentView], last: Option<EnvironmentKind>) -> EnvironmentView {
    let kind = EnvironmentKind::suggested("", last);
    EnvironmentView {
        name: String::new(),
        title: String::new(),
        kind,
        approvals: kind.usual_approvals().people(),
        healthy_in: all.last().map(|last| last.name.clone()).filter(|_| kind > EnvironmentKind::Staging),
        rollout_budget_seconds: EnvironmentRules::DEFAULT_ROLLOUT_BUDGET_SECONDS,
        watch_seconds: 0,
        clusters: Vec::new(),
        targets: 0,
    }
}

fn rules(
    usual: &EnvironmentView,
    all: &[EnvironmentView],
    automatic: Option<Automatic>,
    form: Sending<SaveEnvironment>,
) -> AnyView {
    let mut healthy = vec![Choice::new("", "nowhere")];
    healthy.extend(
        all.iter()
            .filter(|other| other.name != usual.name)
            .map(|other| Choice::new(other.name.clone(), other.title.clone())),
    );
    let kind_and_approvals = kind_and_approvals(usual, automatic, form);
    let healthy_in = form.typed("healthy_in", usual.healthy_in.as_deref().unwrap_or_default());
    let budget = form.typed("rollout_budget_seconds", &usual.rollout_budget_seconds.to_string());
    let watch = form.typed("watch_seconds", &usual.watch_seconds.to_string());
    view! {
        <div class="form-row">
            {kind_and_approvals}
            <Select
                id="healthy_in"
                name="healthy_in"
                label="Must be healthy before in"
                choices=healthy
                selected=healthy_in
            />
        </div>
        <div class="form-row">
            <TextField
                id="rollout_budget_seconds"
                name="rollout_budget_seconds"
                label="A rollout may take (seconds)"
                kind=InputKind::Number
                value=budget
                hint="30 to 86,400. Beyond it, it is taken back.".to_owned()
                required=true
            />
            <TextField
                id="watch_seconds"
                name="watch_seconds"
                label="Watched afterwards (seconds)"
                kind=InputKind::Number
                value=watch
                hint="0 to 86,400; 0 for not at all.".to_owned()
                required=true
            />
        </div>
    }
    .into_any()
}

fn kind_and_approvals(
    usual: &EnvironmentView,
    automatic: Option<Automatic>,
    form: Sending<SaveEnvironment>,
) -> AnyView {
    let kinds =
        EnvironmentKind::ALL.into_iter().map(|kind| Choice::new(kind.as_str(), kind.words())).collect::<Vec<_>>();
    let approvals = (0..=Quorum::MAX)
        .map(|number| {
            let words = if number == 0 { "nobody: it starts at once".to_owned() } else { people(number) };
            Choice::new(number.to_string(), words)
        })
        .collect::<Vec<_>>();
    let at_first = |value: String| if automatic.is_some() { String::new() } else { value };
    let kind = form.typed("kind", &at_first(usual.kind.as_str().to_owned()));
    let people = form.typed("approvals", &at_first(usual.approvals.to_string()));
    let kind_words = automatic.map(|automatic| Signal::derive(move || automatic.kind_words()));
    let people_words = automatic.map(|automatic| Signal::derive(move || automatic.approvals_words()));
    let on_kind = Callback::new(move |kind: String| {
        if let Some(automatic) = automatic {
            automatic.kind.set(kind);
        }
    });
    view! {
        <Select
            id="kind"
            name="kind"
            label="Kind"
            choices=kinds
            automatic=kind_words
            selected=kind
            on_change=on_kind
            required=automatic.is_none()
        />
        <Select
            id="approvals"
            name="approvals"
            label="Who must approve"
            choices=approvals
            automatic=people_words
            selected=people
            hint="The requester does not count.".to_owned()
            required=automatic.is_none()
        />
    }
    .into_any()
}

fn cluster_boxes(clusters: Vec<ClusterView>, chosen: &[String]) -> AnyView {
    if clusters.is_empty() {
        // Who may not see clusters must not unbind them by saving.
        let kept = chosen
            .iter()
            .cloned()
            .map(|name| view! { <input type="hidden" name="clusters[]" value=name /> })
            .collect_view();
        return view! {
            {kept}
            <p class="note">
                "No cluster is connected yet. Without one, this environment shows what other pipelines report."
            </p>
        }
        .into_any();
    }
    let boxes = clusters
        .into_iter()
        .map(|cluster| {
            let checked = chosen.contains(&cluster.name);
            let id = format!("cluster-{}", cluster.name);
            view! { <CheckBox id name="clusters[]" label=cluster.name.clone() value=cluster.name checked hint=cluster.address /> }
        })
        .collect_view();
    view! {
        <fieldset class="field">
            <legend class="field-label">"Clusters"</legend>
            {boxes}
        </fieldset>
    }
    .into_any()
}
