//! Incidents: what broke, since when, which change did it?

use contract::{
    Page, PageRequest,
    board::EnvironmentHead,
    deployments::DeploymentsQuery,
    incidents::IncidentLine,
    services::{ServiceLine, ServicesQuery},
};
use domain::{actor::Act, deployment::Severity};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use crate::{
    components::{
        Button, Card, CheckBox, Chip, Choice, EmptyState, Glyph, InputKind, Kind, PageHead, ReasonDialog, Select, Show,
        Size, State, StateInline, Time, VersionLabel, words::duration,
    },
    error::Answer,
    form::{FormProblem, Sending, Sendings, besides},
    live,
    marks::tone_of_severity,
    page::{Rights, page_of},
    pages::{parts::pager, service_form::text_field},
    routes, server_fns,
    server_fns::incidents::{OpenIncident, ResolveIncident},
};

/// What the page needs: the list, and what a new incident can be about.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
struct Loaded {
    page: Page<IncidentLine>,
    services: Vec<ServiceLine>,
    environments: Vec<EnvironmentHead>,
}

#[derive(Clone, Copy)]
struct Forms {
    open: Sending<OpenIncident>,
    resolve: Sendings<ResolveIncident>,
}

/// The list of incidents.
#[component]
pub fn IncidentsPage() -> impl IntoView {
    let params = use_query_map();
    let page = Memo::new(move |_| params.with(|params| routes::read_page(params, PageRequest::default())));
    let forms = Forms { open: Sending::new(), resolve: Sendings::new() };
    let changes = live::use_changes(|change| change.entity == "incident");
    let data = Resource::new(
        move || (page.get(), changes.get(), forms.open.version(), forms.resolve.version()),
        |(page, ..)| load(page),
    );
    view! {
        <Title text="Incidents" />
        {page_of(data, move |loaded, rights| incidents_view(loaded, &rights, forms))}
    }
    .into_any()
}

async fn load(page: PageRequest) -> Answer<Loaded> {
    let page = server_fns::incidents::incidents(page).await?;
    let services = ServicesQuery { page: PageRequest::new(1, 200), ..ServicesQuery::default() };
    let services = server_fns::services::services(services).await?.rows;
    // The page of deployments knows the environments, also for who may not see the settings.
    let one = DeploymentsQuery { page: PageRequest::new(1, 1), ..DeploymentsQuery::default() };
    let environments = server_fns::deployments::deployments(one).await?.environments;
    Ok(Loaded { page, services, environments })
}

fn incidents_view(loaded: Loaded, rights: &Rights, forms: Forms) -> AnyView {
    let may = rights.may(Act::ManageIncidents);
    let open_now = loaded.page.rows.iter().filter(|line| line.resolved_at.is_none()).count();
    let lead = match open_now {
        0 => format!("{} · none open on this page", loaded.page.total),
        _ => format!("{} · {open_now} open", loaded.page.total),
    };
    let act = may.then(|| open_form(&loaded, forms.open));
    let foot = pager(&loaded.page, "incidents", routes::incidents);
    let is_empty = loaded.page.total == 0;
    let list = if is_empty {
        view! {
            <EmptyState
                glyph=Glyph::Triangle
                title="No incidents"
                words="Open one when something breaks: it counts in the recovery time under Insights, and names the deployment that caused it. Pipelines and alerts can open them by the API."
            />
        }
        .into_any()
    } else {
        table(loaded.page.rows, may, forms.resolve)
    };
    view! {
        <PageHead title=|| "Incidents" lead=move || lead>
            {act}
        </PageHead>
        <Card flush=true>
            {list}
            {(!is_empty).then_some(foot)}
        </Card>
    }
    .into_any()
}

fn open_form(loaded: &Loaded, form: Sending<OpenIncident>) -> AnyView {
    let services: Vec<_> = loaded.services.iter().map(|service| Choice::plain(service.name.clone())).collect();
    let environments: Vec<_> = loaded
        .environments
        .iter()
        .map(|environment| Choice::new(environment.name.clone(), environment.title.clone()))
        .collect();
    // Production is the last environment, and what incidents are about.
    let usual = environments.last().map(|choice| choice.value.clone()).unwrap_or_default();
    let severities = Severity::ALL
        .into_iter()
        .map(|severity| Choice::new(severity.as_str(), words_of(severity)))
        .collect::<Vec<_>>();
    let error = form.errors();
    let title = form.typed("title", "");
    let service = form.typed("service", "");
    let environment = form.typed("environment", &usual);
    let severity = form.typed("severity", "major");
    let other = besides(&["title"], error);
    view! {
        <ReasonDialog
            label="Open an incident"
            kind=Kind::Primary
            glyph=Glyph::Plus
            title="What broke?"
            says="It begins now. It counts in the recovery time until it is resolved."
            open=form.came_back()
        >
            <ActionForm action=form.action attr:class="form">
                {text_field("title", "What happened", title, "In a sentence.", InputKind::Text, true, error)}
                <Select id="severity" name="severity" label="How bad" choices=severities selected=severity required=true />
                <Select id="service" name="service" label="Service" choices=services selected=service required=true />
                <Select
                    id="environment"
                    name="environment"
                    label="Environment"
                    choices=environments
                    selected=environment
                    required=true
                />
                <CheckBox
                    id="caused"
                    name="caused_by_last_deployment"
                    label="The last deployment there caused it"
                    hint="It then counts as a failed change."
                />
                <FormProblem error=other title="Not opened" />
                <div class="form-acts">
                    <Button kind=Kind::Primary busy=form.busy()>
                        "Open the incident"
                    </Button>
                </div>
            </ActionForm>
        </ReasonDialog>
    }
    .into_any()
}

fn words_of(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "critical: everything is down",
        Severity::Major => "major: a part is down",
        Severity::Minor => "minor: a nuisance",
    }
}

fn table(rows: Vec<IncidentLine>, may: bool, forms: Sendings<ResolveIncident>) -> AnyView {
    let rows = rows.into_iter().map(|line| row(line, may, forms)).collect_view();
    view! {
        <div class="table-scroll">
            <table class="table table-stacks">
                <thead>
                    <tr>
                        <th scope="col">"Incident"</th>
                        <th scope="col">"Severity"</th>
                        <th scope="col">"Where"</th>
                        <th scope="col" aria-sort="descending">
                            "Began"
                        </th>
                        <th scope="col">"State"</th>
                        <th scope="col">"Caused by"</th>
                        <th scope="col">
                            <span class="hidden-visually">"Acts"</span>
                        </th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .into_any()
}

fn row(line: IncidentLine, may: bool, forms: Sendings<ResolveIncident>) -> AnyView {
    let number = line.number;
    let state = match line.resolved_at {
        Some(end) => {
            let took = duration((end - line.opened_at).num_seconds());
            view! { <StateInline state=State::Done word=format!("resolved after {took}") /> }.into_any()
        }
        None => view! { <StateInline state=State::Failed word="open" /> }.into_any(),
    };
    let cause = match (line.caused_by, line.promotion) {
        (Some(label), Some(number)) => view! { <VersionLabel label href=routes::promotion(number) /> }.into_any(),
        (Some(label), None) => view! { <VersionLabel label /> }.into_any(),
        (None, _) => view! { <span class="quiet">"–"</span> }.into_any(),
    };
    let resolve = (may && line.resolved_at.is_none()).then(|| {
        let form = forms.of("number", &number.to_string());
        view! {
            <ActionForm action=form.action>
                <input type="hidden" name="number" value=number.to_string() />
                <FormProblem error=form.errors() title="Not resolved" />
                <Button size=Size::Small busy=form.busy()>
                    "Resolve"
                </Button>
            </ActionForm>
        }
    });
    let severity = line.severity;
    view! {
        <tr>
            <td data-label="Incident">
                {line.title}
                <span class="note">{format!("incident {number}")}</span>
            </td>
            <td data-label="Severity">
                <Chip tone=tone_of_severity(severity) glyph=Glyph::Triangle>
                    {severity.as_str()}
                </Chip>
            </td>
            <td data-label="Where">
                <a class="link-plain" href=routes::service(&line.service)>
                    {line.service.clone()}
                </a>
                " in "
                {line.environment}
            </td>
            <td data-label="Began">
                <Time at=line.opened_at show=Show::Ago />
            </td>
            <td data-label="State">{state}</td>
            <td data-label="Caused by">{cause}</td>
            <td>{resolve}</td>
        </tr>
    }
    .into_any()
}
