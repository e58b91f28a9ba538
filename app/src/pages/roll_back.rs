//! Roll back: what it would do, said before it is done; one reason, one button.

use contract::promotions::{ImageBack, RollbackView};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::{
    components::Form,
    hooks::{use_params_map, use_query_map},
};

use crate::{
    components::{
        Button, Card, Choice, Crumb, Crumbs, FromTo, Glyph, Kind, Notice, PageHead, RadioChoices, Select, State,
    },
    error::{Answer, AppError},
    form::{FormProblem, ReasonField, Sending, besides},
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

fn rollback_view(mut view: RollbackView, form: Sending<RollBack>) -> AnyView {
    if view.is_outside {
        // The deployer is told a version; what it is made of there is its own matter.
        view.comparison.images.clear();
    }
    let service = view.service.clone();
    let heading = format!("Roll {service} back in {}", view.environment.title);
    let crumbs = vec![
        Crumb { href: Some(routes::service(&service)), label: service },
        Crumb { label: "roll back".to_owned(), href: None },
    ];
    let what = if is_newer(&view) { "What comes in" } else { "What is taken away" };
    let (choose, aborts, ask) = (choose(&view), aborts_first(&view), ask(&view, form));
    let (comes_back, changed, stays) = (comes_back(&view), changed_since(&view), not_brought_back(&view));
    view! {
        <Crumbs crumbs />
        <PageHead title=move || heading />
        <div class="columns">
            <div class="stack-cards">
                {choose} {aborts} {ask} <Card title=what lead=distance(&view.comparison)>
                    {what_changes(view.comparison, 12)}
                </Card>
            </div>
            <div class="stack-cards">{comes_back} {changed} {stays}</div>
        </div>
    }
    .into_any()
}

/// Who has gone back too far may go to a newer one that worked.
fn is_newer(view: &RollbackView) -> bool {
    view.from.is_some() && !view.comparison.is_backward
}

/// What is aborted to make room.
fn aborts_first(view: &RollbackView) -> Option<AnyView> {
    let number = view.aborts.filter(|_| !view.is_abort)?;
    let notice = view! {
        <Notice state=State::Waiting title="Something is under way">
            <p>
                <a href=routes::promotion(number)>{format!("Promotion {number}")}</a>
                " is aborted first."
            </p>
        </Notice>
    };
    Some(notice.into_any())
}

/// What is done: the words on the button, what that is, and what it means.
fn what_is_done(view: &RollbackView) -> (String, &'static str, String) {
    let to = &view.to;
    let (earlier, button) = if is_newer(view) {
        ("To a newer version that worked here", format!("Bring {} to {to}", view.service))
    } else {
        ("Back to an earlier version", format!("Roll {} back to {to}", view.service))
    };
    let own = "It is a promotion of its own, with its own journal.";
    match view.aborts.filter(|_| view.is_abort) {
        Some(number) => (
            format!("Abort promotion {number}"),
            "The new version is only tried beside what runs",
            format!(
                "Promotion {number} is aborted: all traffic goes back to {to}, which runs and stays, and the candidate is \
                 removed. No other promotion is made."
            ),
        ),
        None if view.is_outside => {
            let told = format!("Your deployer is told to bring {to}. It succeeded here before, so it skips approvals.");
            (button, earlier, format!("{told} {own}"))
        }
        None => (button, earlier, format!("It succeeded here before, so it skips approvals. {own}")),
    }
}

fn ask(view: &RollbackView, form: Sending<RollBack>) -> AnyView {
    let (button, title, meaning) = what_is_done(view);
    let templates = templates(view, form);
    let (service, environment) = (view.service.clone(), view.environment.name.clone());
    let (from, to) = (view.from.clone(), view.to.clone());
    let error = form.errors();
    let other = besides(&["reason"], error);
    view! {
        <Card title>
            <div class="stack">
                <FromTo from to=to.clone() />
                <p>{meaning}</p>
                <ActionForm action=form.action attr:class="form">
                    <input type="hidden" name="service" value=service />
                    <input type="hidden" name="environment" value=environment />
                    <input type="hidden" name="version" value=to />
                    {templates}
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
    }
    .into_any()
}

fn not_brought_back(view: &RollbackView) -> Option<AnyView> {
    let not_back = view.not_brought_back.iter().map(|words| view! { <li>{sentence(words)}</li> }).collect_view();
    let card = view! {
        <Card title="What it does not bring back">
            <ul class="ask-warns">{not_back}</ul>
        </Card>
    };
    (!view.not_brought_back.is_empty()).then(|| card.into_any())
}

/// Another version is chosen by sending a form to this page again.
fn choose(view: &RollbackView) -> Option<AnyView> {
    if view.choices.len() < 2 {
        return None;
    }
    let choices = view
        .choices
        .iter()
        .map(|choice| {
            let mut words = choice.version.clone();
            if let Some(at) = choice.at {
                words.push_str(&format!(" \u{b7} worked here from {}", at.format("%-d %b %Y, %H:%M UTC")));
            }
            if !choice.by.is_empty() {
                words.push_str(&format!(" \u{b7} asked by {}", choice.by));
            }
            if choice.was_rolled_back {
                words.push_str(" \u{b7} was rolled back");
            }
            Choice::new(choice.version.clone(), words)
        })
        .collect();
    let (service, environment) = (view.service.clone(), view.environment.name.clone());
    let (action, for_environment) = (routes::roll_back_form(&service), environment.clone());
    let navigate = leptos_router::hooks::use_navigate();
    let on_change = Callback::new(move |label: String| {
        let href = routes::roll_back(&service, &environment, Some(&label));
        navigate(&href, leptos_router::NavigateOptions { scroll: false, ..Default::default() });
    });
    let selected = view.to.clone();
    Some(
        view! {
            <Card>
                <Form method="GET" action attr:class="form-inline">
                    <input type="hidden" name="environment" value=for_environment />
                    <Select id="version" name="version" label="Back to" choices selected on_change required=true />
                    <span class="without-script">
                        <Button>"Show"</Button>
                    </span>
                </Form>
            </Card>
        }
        .into_any(),
    )
}

fn comes_back(view: &RollbackView) -> Option<AnyView> {
    let row = |back: &ImageBack| {
        view! {
            <li class="stack-tight">
                <span>{format!("{}, container {}", back.workload, back.container)}</span>
                <code class="note truncate" title=back.image.clone()>
                    {back.image.clone()}
                </code>
            </li>
        }
    };
    let rows = view.comes_back.iter().map(row).collect_view();
    (!view.comes_back.is_empty()).then(|| {
        view! {
            <Card title="What comes back">
                <ul class="stack">{rows}</ul>
            </Card>
        }
        .into_any()
    })
}

/// How much comes back, where the images are not all that differs.
fn templates(view: &RollbackView, form: Sending<RollBack>) -> Option<AnyView> {
    let images = Choice {
        hint: "What has changed in the pod templates meanwhile stays as it is now.".to_owned(),
        ..Choice::new("images", "The images")
    };
    let whole = Choice {
        hint: format!(
            "The pod templates of Deployments are again what they were when {} ran here last. ConfigMaps and Secrets \
             that they name keep what they say now.",
            view.to
        ),
        ..Choice::new("whole", "The whole pod templates")
    };
    let selected = form.typed("templates", "images");
    (!view.changed_since.is_empty() && !view.is_abort).then(|| {
        view! {
            <RadioChoices
                id="templates"
                name="templates"
                label="What comes back"
                choices=vec![images, whole]
                selected
            />
        }
        .into_any()
    })
}

/// What else is not as it was: a version may need the configuration that it ran with.
fn changed_since(view: &RollbackView) -> Option<AnyView> {
    let rows = view.changed_since.iter().map(|place| view! { <li>{place.clone()}</li> }).collect_view();
    let lead = format!("In the pod templates, since {} ran here.", view.to);
    (!view.changed_since.is_empty()).then(|| {
        view! {
            <Card title="What has changed meanwhile">
                <div class="stack-tight">
                    <p>{lead}</p>
                    <ul class="ask-warns">{rows}</ul>
                </div>
            </Card>
        }
        .into_any()
    })
}
