//! Roll back: what it would do, said before it is done; one reason, one button.

use contract::promotions::RollbackView;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::{use_params_map, use_query_map};

use crate::{
    components::{Button, Card, Crumb, Crumbs, FromTo, Glyph, Kind, Notice, PageHead, State},
    error::{Answer, AppError},
    form::{FormProblem, ReasonField, Sending},
    live,
    page::{page_of, sentence},
    pages::parts::{distance, what_changes},
    routes, server_fns,
    server_fns::promotions::RollBack,
};

/// Going back to an earlier version.
#[component]
pub fn RollBackPage() -> impl IntoView {
    let params = use_params_map();
    let query = use_query_map();
    let asked = Memo::new(move |_| {
        let service = params.with(|params| params.get("name")).unwrap_or_default();
        query.with(|query| (service, routes::text(query, "environment"), routes::text(query, "version")))
    });
    let form = Sending::<RollBack>::new();
    let changes = live::use_changes(|change| change.entity == "promotion" || change.entity == "target");
    let data = Resource::new(move || (asked.get(), changes.get()), |(asked, _)| load(asked));
    view! {
        <Title text="Roll back" />
        {page_of(data, move |view, _| rollback_view(view, form))}
    }
    .into_any()
}

async fn load((service, environment, version): (String, Option<String>, Option<String>)) -> Answer<RollbackView> {
    match environment {
        Some(environment) => server_fns::promotions::rollback_view(service, environment, version).await,
        None => {
            Err(AppError(contract::ApiError::invalid("environment", "choose an environment on the service's page")))
        }
    }
}

fn rollback_view(view: RollbackView, form: Sending<RollBack>) -> AnyView {
    let (service, environment) = (view.service.clone(), view.environment.clone());
    let crumbs = vec![
        Crumb { label: service.clone(), href: Some(routes::service(&service)) },
        Crumb { label: "roll back".to_owned(), href: None },
    ];
    let heading = format!("Roll {service} back in {}", environment.title);
    let aborts = view.aborts.map(|number| {
        view! {
            <Notice state=State::Waiting title="Something is under way">
                <p>
                    <a href=routes::promotion(number)>{format!("Promotion {number}")}</a>
                    " is aborted first."
                </p>
            </Notice>
        }
    });
    let not_back = view.not_brought_back.iter().map(|words| view! { <li>{sentence(words)}</li> }).collect_view();
    let has_limits = !view.not_brought_back.is_empty();
    let error = form.errors();
    let other = Signal::derive(move || error.get().filter(|error| error.field() != Some("reason")));
    let button = format!("Roll {service} back to {}", view.to);
    view! {
        <Crumbs crumbs />
        <PageHead title=move || heading />
        <div class="columns">
            <div class="stack-cards">
                {aborts}
                <Card title="Back to an earlier version">
                    <div class="stack">
                        <FromTo from=view.from.clone() to=view.to.clone() />
                        <p>
                            "It succeeded here before, so it skips approvals. It is a promotion of its own, with its own journal."
                        </p>
                        <ActionForm action=form.action attr:class="form">
                            <input type="hidden" name="service" value=service />
                            <input type="hidden" name="environment" value=environment.name />
                            <input type="hidden" name="version" value=view.to.clone() />
                            <ReasonField id="reason".to_owned() value=form.typed("reason", "") error />
                            <FormProblem error=other title="Not rolled back" />
                            <div class="form-acts">
                                <Button kind=Kind::Danger glyph=Glyph::Undo busy=form.busy()>
                                    {button}
                                </Button>
                            </div>
                        </ActionForm>
                    </div>
                </Card>
                <Card title="What is taken away" lead=distance(&view.comparison)>
                    {what_changes(view.comparison, 12)}
                </Card>
            </div>
            <div class="stack-cards">
                {has_limits
                    .then(|| {
                        view! {
                            <Card title="What it does not bring back">
                                <ul class="ask-warns">{not_back}</ul>
                            </Card>
                        }
                    })}
            </div>
        </div>
    }
    .into_any()
}
