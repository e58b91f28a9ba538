//! Promote: am I about to do the right thing? What is not chosen yet is chosen here, step by step, each by
//! a link or a plain form.

use contract::{
    board::EnvironmentHead,
    promotions::{Demand, PromoteView, PromotionLine},
    services::{ServiceLine, ServiceView, ServicesQuery},
};
use domain::state::Mark;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::{components::Form, hooks::use_query_map};

use crate::{
    components::{
        Button, ButtonLink, Card, CheckBox, Choice, Crumb, Crumbs, EmptyState, Glyph, Kind, Notice, PageClock,
        PageHead, Select, State, StateInline, Tab, Tabs,
    },
    error::Answer,
    form::{FormProblem, ReasonField, Sending, besides},
    live,
    page::{Rights, page_of, sentence},
    pages::parts::{check_rows, checks_or, demand_rows, distance, what_changes},
    routes, server_fns,
    server_fns::promotions::RequestPromotion,
};

/// How far the choice has come.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Chosen {
    service: Option<String>,
    environment: Option<String>,
    version: Option<String>,
}

/// What is shown for it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
enum Step {
    /// No service is chosen.
    Services(Vec<ServiceLine>, Option<String>),
    /// A service, but no environment is chosen.
    Environments(Box<ServiceView>, Option<String>),
    /// All that is needed.
    Ready(Box<PromoteView>),
}

/// Asking for a promotion.
#[component]
pub fn PromotePage() -> impl IntoView {
    let query = use_query_map();
    let chosen = Memo::new(move |_| {
        query.with(|query| Chosen {
            service: routes::text(query, "service"),
            environment: routes::text(query, "environment"),
            version: routes::text(query, "version"),
        })
    });
    let form = Sending::<RequestPromotion>::new();
    let changes = live::use_changes(|change| change.entity != "deployment");
    let data = Resource::new(move || (chosen.get(), changes.get()), |(chosen, _)| load(chosen));
    view! {
        <Title text="Promote" />
        {page_of(data, move |step, rights| step_view(step, &rights, form))}
    }
    .into_any()
}

async fn load(chosen: Chosen) -> Answer<Step> {
    match (chosen.service, chosen.environment) {
        (None, _) => {
            let query = ServicesQuery { page: contract::PageRequest::new(1, 200), ..ServicesQuery::default() };
            Ok(Step::Services(server_fns::services::services(query).await?.rows, chosen.version))
        }
        (Some(service), None) => {
            let view = server_fns::services::service(service, contract::PageRequest::new(1, 1)).await?;
            Ok(Step::Environments(Box::new(view), chosen.version))
        }
        (Some(service), Some(environment)) => {
            let view = server_fns::promotions::promote_view(service, environment, chosen.version).await?;
            Ok(Step::Ready(Box::new(view)))
        }
    }
}

fn step_view(step: Step, _rights: &Rights, form: Sending<RequestPromotion>) -> AnyView {
    match step {
        Step::Services(services, version) => choose_service(services, version.as_deref()),
        Step::Environments(service, version) => choose_environment(*service, version.as_deref()),
        Step::Ready(view) => ready(*view, form),
    }
}

fn choose_service(services: Vec<ServiceLine>, version: Option<&str>) -> AnyView {
    let is_empty = services.is_empty();
    let rows = services
        .into_iter()
        .map(|service| {
            let href = routes::promote(Some(&service.name), None, version);
            view! {
                <li>
                    <a href=href>{service.name}</a>
                    <span class="note">{service.team}</span>
                    <span class="push note mono">{service.newest}</span>
                </li>
            }
        })
        .collect_view();
    let nothing = is_empty.then(|| {
        view! {
            <EmptyState
                glyph=Glyph::Cube
                title="No service to promote"
                words="A service is added by hand or taken over from a cluster; then a pipeline reports its versions."
                acts=|| view! { <ButtonLink href=routes::NEW_SERVICE>"Add a service"</ButtonLink> }
            />
        }
    });
    view! {
        <PageHead title=|| "Promote" lead=|| "Which service?" />
        <Card flush=true>
            {nothing}
            <ul class="list">{rows}</ul>
        </Card>
    }
    .into_any()
}

fn choose_environment(service: ServiceView, version: Option<&str>) -> AnyView {
    let name = service.name.clone();
    let is_empty = service.targets.is_empty();
    let rows = service
        .targets
        .into_iter()
        .map(|target| {
            let href = routes::promote(Some(&name), Some(&target.environment.name), version);
            let runs = target.cell.version.unwrap_or_else(|| "nothing yet".to_owned());
            view! {
                <li>
                    <a href=href>{target.environment.title}</a>
                    <span class="push">
                        <StateInline state=State::from(target.cell.mark) word=runs />
                    </span>
                </li>
            }
        })
        .collect_view();
    let link = routes::service(&service.name);
    let nothing = is_empty.then(|| {
        view! {
            <EmptyState
                glyph=Glyph::Layers
                title="This service has no target yet"
                words="Say on its page which workloads it has in which environment."
                acts=move || view! { <ButtonLink href=link>"To the service"</ButtonLink> }
            />
        }
    });
    view! {
        <PageHead title=move || view! { "Promote " {name} } lead=|| "To which environment?" />
        <Card flush=true>
            {nothing}
            <ul class="list">{rows}</ul>
        </Card>
    }
    .into_any()
}

fn ready(view: PromoteView, form: Sending<RequestPromotion>) -> AnyView {
    let (service, title) = (view.service.clone(), view.environment.title.clone());
    let crumbs = vec![
        Crumb { label: service.clone(), href: Some(routes::service(&service)) },
        Crumb { label: "promote".to_owned(), href: None },
    ];
    let heading = format!("Promote {service} to {title}");
    let comparison = view.comparison.clone();
    view! {
        <Crumbs crumbs />
        <PageHead title=move || heading />
        {environments(&view)}
        <div class="columns">
            <div class="stack-cards">
                {versions(&view)}
                {comparison
                    .clone()
                    .map(|comparison| {
                        view! {
                            <Card title="What changes" lead=distance(&comparison)>
                                {what_changes(comparison, 12)}
                            </Card>
                        }
                    })}
                {request(&view, form)}
            </div>
            <div class="stack-cards">
                <Card title="What is asked for">
                    {checks_or(demand_rows(view.demands), "Nothing: it starts at once.")}
                </Card>
                {(!view.strategy.is_empty())
                    .then(|| {
                        let capacity = view.capacity.iter();
                        let capacity = capacity.map(|line| view! { <p class="note">{line.clone()}</p> }).collect_view();
                        view! {
                            <Card title="How it goes">
                                <p>{sentence(&view.strategy)}</p>
                                {capacity}
                                {unknown_before(view.unknown)}
                            </Card>
                        }
                    })}
                {comparison
                    .map(|comparison| {
                        view! {
                            <Card title="Checks">
                                {checks_or(check_rows(comparison.checks), "No checks were reported.")}
                            </Card>
                        }
                    })}
                {others(view.others)}
            </div>
        </div>
    }
    .into_any()
}

fn environments(view: &PromoteView) -> AnyView {
    let tab = |environment: &EnvironmentHead| {
        let href = routes::promote(Some(&view.service), Some(&environment.name), view.version.as_deref());
        let current = environment.name == view.environment.name;
        let title = environment.title.clone();
        view! { <Tab href current>{title}</Tab> }
    };
    let mut all = view.environments.clone();
    if !all.iter().any(|environment| environment.name == view.environment.name) {
        all.push(view.environment.clone());
    }
    let tabs = all.iter().map(tab).collect_view();
    view! { <Tabs label="Environment">{tabs}</Tabs> }.into_any()
}

/// Another version is chosen by sending a form to this page again.
fn versions(view: &PromoteView) -> AnyView {
    if view.versions.is_empty() {
        let command = crate::commands::register_version(&view.service);
        return view! {
            <Card>
                <EmptyState
                    glyph=Glyph::Layers
                    title="No version to promote"
                    words="A pipeline reports versions:"
                    command=command
                />
            </Card>
        }
        .into_any();
    }
    let choices = view
        .versions
        .iter()
        .map(|version| {
            let mut label = version.label.clone();
            if !version.runs_in.is_empty() {
                label.push_str(&format!(" · runs in {}", version.runs_in.join(", ")));
            }
            if let Some(title) = &version.title {
                label.push_str(&format!(" · {title}"));
            }
            Choice::new(version.label.clone(), label)
        })
        .collect();
    let selected = view.version.clone().unwrap_or_default();
    let (service, environment) = (view.service.clone(), view.environment.name.clone());
    let (for_service, for_environment) = (service.clone(), environment.clone());
    let navigate = leptos_router::hooks::use_navigate();
    let on_change = Callback::new(move |label: String| {
        let href = routes::promote(Some(&service), Some(&environment), Some(&label));
        navigate(&href, leptos_router::NavigateOptions { scroll: false, ..Default::default() });
    });
    view! {
        <Card>
            <Form method="GET" action="/promote" attr:class="form-inline">
                <input type="hidden" name="service" value=for_service />
                <input type="hidden" name="environment" value=for_environment />
                <Select id="version" name="version" label="Version" choices selected on_change required=true />
                <span class="without-script">
                    <Button>"Show"</Button>
                </span>
            </Form>
        </Card>
    }
    .into_any()
}

/// What nobody could say beforehand.
fn unknown_before(unknown: Vec<String>) -> Option<AnyView> {
    let of = |detail| Demand { mark: Mark::Waiting, title: "Not known".to_owned(), detail };
    (!unknown.is_empty()).then(|| checks_or(demand_rows(unknown.into_iter().map(of).collect()), ""))
}

fn others(lines: Vec<PromotionLine>) -> Option<AnyView> {
    (!lines.is_empty()).then(|| {
        let rows = lines
            .into_iter()
            .map(|line| {
                view! {
                    <li class="stack-tight">
                        <a href=routes::promotion(line.number)>
                            {format!("Promotion {}: {}", line.number, line.version)}
                        </a>
                        <StateInline state=State::from(line.headline.mark) word=line.headline.words />
                    </li>
                }
            })
            .collect_view();
        view! {
            <Card title="Already here">
                <ul class="stack">{rows}</ul>
            </Card>
        }
        .into_any()
    })
}

fn warnings(warnings: &[String]) -> Option<AnyView> {
    let lines = warnings.iter().map(|words| view! { <p>{words.clone()}</p> }).collect_view();
    (!warnings.is_empty()).then(|| {
        view! {
            <Notice state=State::Waiting title="Before you ask">
                {lines}
            </Notice>
        }
        .into_any()
    })
}

fn refused(words: String) -> AnyView {
    view! { <Notice state=State::Failed title="This cannot be asked for">{words}</Notice> }.into_any()
}

fn request(view: &PromoteView, form: Sending<RequestPromotion>) -> AnyView {
    if let Some(refusal) = &view.refusal {
        return refused(sentence(refusal));
    }
    let Some(version) = view.version.clone() else {
        return ().into_any();
    };
    let error = form.errors();
    let other = besides(&["reason"], error);
    let supersede = (view.can_supersede && !view.others.is_empty()).then(|| {
        view! {
            <CheckBox
                id="supersede"
                name="supersede"
                label="Take the place of what is already here"
                hint="As soon as nothing else is asked of it, what is live here is taken back and what waits is ended. Else it waits in the queue behind them."
                checked=form.typed("supersede", "") == "true"
            />
        }
    });
    // Sending the form twice finds the first one's promotion. The server's time is in it, so that asking
    // again later is a new request.
    let opened = use_context::<PageClock>().map_or(0, |clock| untrack(|| clock.now()).timestamp_millis());
    let key = format!("page:{}:{}:{version}:{opened}", view.service, view.environment.name);
    let button = view.button.clone();
    let warnings = warnings(&view.warnings);
    let (service, environment) = (view.service.clone(), view.environment.name.clone());
    view! {
        <Card title="Ask for it">
            <ActionForm action=form.action attr:class="form">
                {warnings}
                <input type="hidden" name="service" value=service />
                <input type="hidden" name="environment" value=environment />
                <input type="hidden" name="version" value=version />
                <input type="hidden" name="key" value=key />
                <ReasonField
                    id="reason".to_owned()
                    value=form.typed("reason", "")
                    hint="Whoever approves it reads this first."
                    error
                />
                {supersede}
                <FormProblem error=other title="Not asked for" />
                <div class="form-acts">
                    <Button kind=Kind::Primary glyph=Glyph::ArrowRight busy=form.busy()>
                        {button}
                    </Button>
                </div>
            </ActionForm>
        </Card>
    }
    .into_any()
}
