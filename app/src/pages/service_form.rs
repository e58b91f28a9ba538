//! Adding a service, and changing one.

use contract::{ApiError, PageRequest, board::TeamChoice, services::ServiceView};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;

use crate::{
    components::{Button, Card, Choice, Crumb, Crumbs, Glyph, InputKind, Kind, PageHead, Select, TextField},
    error::Answer,
    form::{FormProblem, Sending, about, besides},
    page::page_of,
    routes, server_fns,
    server_fns::services::{AddService, ChangeService},
};

const FIELDS: [&str; 6] = ["name", "team", "tier", "description", "repository", "runbook"];

/// The form for a new service.
#[component]
pub fn NewServicePage() -> impl IntoView {
    let form = Sending::<AddService>::new();
    let teams = Resource::new(|| (), |()| server_fns::services::teams());
    view! {
        <Title text="Add a service" />
        {page_of(teams, move |teams, _| new_service(teams, form))}
    }
    .into_any()
}

fn new_service(teams: Vec<TeamChoice>, form: Sending<AddService>) -> AnyView {
    let crumbs = vec![
        Crumb { label: "Services".to_owned(), href: Some(routes::SERVICES.to_owned()) },
        Crumb { label: "add".to_owned(), href: None },
    ];
    let typed = Values {
        team: form.typed("team", ""),
        tier: form.typed("tier", "2"),
        description: form.typed("description", ""),
        repository: form.typed("repository", ""),
        runbook: form.typed("runbook", ""),
    };
    let name = form.typed("name", "");
    let error = form.errors();
    view! {
        <Crumbs crumbs />
        <PageHead title=|| "Add a service" />
        <Card>
            <ActionForm action=form.action attr:class="form">
                {text_field("name", "Name", name, "As it stands in addresses and in the API: letters, digits and dashes.", InputKind::Code, true, error)}
                {fields(&typed, teams, error)}
                {foot(error, form.busy(), "Add the service", "Not added")}
            </ActionForm>
        </Card>
    }
    .into_any()
}

/// The form that changes a service.
#[component]
pub fn ChangeServicePage() -> impl IntoView {
    let params = use_params_map();
    let name = Memo::new(move |_| params.with(|params| params.get("name")).unwrap_or_default());
    let form = Sending::<ChangeService>::new();
    let data = Resource::new(move || name.get(), load);
    view! {
        <Title text="Change a service" />
        {page_of(data, move |(service, teams), _| change_service(service, teams, form))}
    }
    .into_any()
}

async fn load(name: String) -> Answer<(ServiceView, Vec<TeamChoice>)> {
    let service = server_fns::services::service(name, PageRequest::new(1, 1)).await?;
    Ok((service, server_fns::services::teams().await?))
}

fn change_service(service: ServiceView, teams: Vec<TeamChoice>, form: Sending<ChangeService>) -> AnyView {
    let crumbs = vec![
        Crumb { label: service.name.clone(), href: Some(routes::service(&service.name)) },
        Crumb { label: "change".to_owned(), href: None },
    ];
    let typed = Values {
        team: form.typed("team", &service.team.name),
        tier: form.typed("tier", &service.tier.to_string()),
        description: form.typed("description", &service.description),
        repository: form.typed("repository", service.repository.as_deref().unwrap_or_default()),
        runbook: form.typed("runbook", service.runbook.as_deref().unwrap_or_default()),
    };
    let error = form.errors();
    let heading = format!("Change {}", service.name);
    view! {
        <Crumbs crumbs />
        <PageHead title=move || heading />
        <Card>
            <ActionForm action=form.action attr:class="form">
                <input type="hidden" name="name" value=service.name />
                {fields(&typed, teams, error)}
                {foot(error, form.busy(), "Save", "Not saved")}
            </ActionForm>
        </Card>
    }
    .into_any()
}

struct Values {
    team: String,
    tier: String,
    description: String,
    repository: String,
    runbook: String,
}

fn fields(values: &Values, teams: Vec<TeamChoice>, error: Signal<Option<ApiError>>) -> AnyView {
    let known = teams
        .into_iter()
        .map(|team| {
            view! { <option value=team.name>{team.title}</option> }
        })
        .collect_view();
    let tiers = vec![
        Choice::new("1", "1: the company stops without it"),
        Choice::new("2", "2: customers notice"),
        Choice::new("3", "3: it can wait until tomorrow"),
    ];
    let tier = values.tier.clone();
    view! {
        {text_field("team", "Team", values.team.clone(), "Who owns it. A new name makes a new team.", InputKind::Code, true, error)}
        <datalist id="teams">{known}</datalist>
        <Select id="tier" name="tier" label="Tier" choices=tiers selected=tier required=true />
        {text_field("description", "What it is for", values.description.clone(), "", InputKind::Text, false, error)}
        {text_field("repository", "Repository", values.repository.clone(), "https://…", InputKind::Url, false, error)}
        {text_field("runbook", "Runbook", values.runbook.clone(), "https://…", InputKind::Url, false, error)}
    }
    .into_any()
}

/// A text field whose error comes from the form's answer.
pub fn text_field(
    name: &'static str,
    label: &'static str,
    value: String,
    hint: &'static str,
    kind: InputKind,
    required: bool,
    error: Signal<Option<ApiError>>,
) -> AnyView {
    let wrong = about(name, error);
    view! { <TextField id=name name=name label=label value kind hint=hint.to_owned() error=wrong required /> }
        .into_any()
}

fn foot(error: Signal<Option<ApiError>>, busy: Signal<bool>, label: &'static str, failed: &'static str) -> AnyView {
    let other = besides(&FIELDS, error);
    view! {
        <FormProblem error=other title=failed />
        <div class="form-acts">
            <Button kind=Kind::Primary glyph=Glyph::Tick busy>
                {label}
            </Button>
        </div>
    }
    .into_any()
}
