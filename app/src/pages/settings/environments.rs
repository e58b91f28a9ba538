//! Environments, in the order in which versions pass through them.

use contract::{clusters::ClusterView, environments::EnvironmentView};
use domain::actor::Act;
use leptos::prelude::*;

use super::{environment::environment_form, settings_page};
use crate::{
    components::{
        Button, Card, Chip, EmptyState, Glyph, Size,
        words::{duration, plural},
    },
    error::Answer,
    form::{FormProblem, Sending, Sendings},
    live,
    page::{Rights, page_below},
    routes::{self, Settings},
    server_fns,
    server_fns::environments::{MoveEnvironmentUp, SaveEnvironment},
};

type Loaded = (Vec<EnvironmentView>, Vec<ClusterView>);

#[derive(Clone, Copy)]
struct Forms {
    add: Sending<SaveEnvironment>,
    up: Sendings<MoveEnvironmentUp>,
}

/// Environments and their rules.
#[component]
pub fn EnvironmentsPage() -> impl IntoView {
    let forms = Forms { add: Sending::new().emptied(), up: Sendings::new() };
    let changes = live::use_changes(|change| change.entity == "environment" || change.entity == "cluster");
    let data = Resource::new(move || (changes.get(), forms.add.version(), forms.up.version()), |_| load());
    settings_page(
        Settings::Environments,
        "the columns of the Board, in the order in which versions pass through them",
        page_below(data, move |loaded, rights| environments_view(loaded, &rights, forms)),
    )
}

/// Environments, with the clusters they can be bound to; who may not see clusters gets none.
pub(super) async fn load() -> Answer<Loaded> {
    let environments = server_fns::environments::environments().await?;
    Ok((environments, server_fns::clusters::clusters().await.unwrap_or_default()))
}

fn environments_view((environments, clusters): Loaded, rights: &Rights, forms: Forms) -> AnyView {
    let may = rights.may(Act::ManageEnvironments);
    let is_empty = environments.is_empty();
    let empty = is_empty.then(|| {
        view! {
            <Card>
                <EmptyState
                    glyph=Glyph::Layers
                    title="No environment yet"
                    words="Add development, staging, production, one after another. Each says how many people must approve what comes in, and in which environment a version must be healthy before."
                />
            </Card>
        }
    });
    let add = may.then(|| {
        let form = environment_form(None, &environments, clusters, forms.add);
        view! { <Card title="Add an environment" lead="it comes last; move it up afterwards">{form}</Card> }
    });
    let cards = environments
        .into_iter()
        .enumerate()
        .map(|(index, environment)| card(environment, index > 0 && may, may, forms))
        .collect_view();
    view! {
        <div class="stack-cards">
            {empty}
            {cards}
            {add}
        </div>
    }
    .into_any()
}

fn card(environment: EnvironmentView, may_move: bool, may: bool, forms: Forms) -> AnyView {
    let rules = rules(&environment);
    let up = may_move.then(|| {
        let form = forms.up.of("name", &environment.name);
        let (label, name) = (format!("Move {} up", environment.title), environment.name.clone());
        view! {
            <ActionForm action=form.action>
                <input type="hidden" name="name" value=name />
                <FormProblem error=form.errors() title="Not moved" />
                <Button size=Size::Small glyph=Glyph::ArrowUp busy=form.busy()>
                    <span class="hidden-visually">{label}</span>
                </Button>
            </ActionForm>
        }
    });
    let change = may.then(|| {
        let href = routes::environment(&environment.name);
        view! { <a class="link" href=href>"Change"</a> }
    });
    let clusters = if environment.clusters.is_empty() {
        "no cluster: deployed by others, who report it".to_owned()
    } else {
        environment.clusters.join(", ")
    };
    view! {
        <Card
            title=environment.title
            lead=environment.name
            aside=move || {
                view! {
                    <Chip outline=true>{environment.kind.words()}</Chip>
                    {change}
                    {up}
                }
            }
        >
            <p>{rules}</p>
            <p class="note">{format!("{} · {clusters}", plural(environment.targets, "service", "services"))}</p>
        </Card>
    }
    .into_any()
}

fn rules(environment: &EnvironmentView) -> String {
    let approvals = match environment.approvals {
        0 => "Starts without approval".to_owned(),
        1 => "Asks 1 person to approve".to_owned(),
        several => format!("Asks {several} people to approve"),
    };
    let healthy = environment
        .healthy_in
        .as_ref()
        .map(|name| format!("; the version must be healthy in {name} before"))
        .unwrap_or_default();
    let budget = duration(i64::from(environment.rollout_budget_seconds));
    let watch = match environment.watch_seconds {
        0 => String::new(),
        seconds => format!(", watched for {} after", duration(i64::from(seconds))),
    };
    format!("{approvals}{healthy}. A rollout may take {budget}{watch}.")
}
