//! Clusters: which are connected, and how they are.

use contract::clusters::ClusterView;
use domain::actor::Act;
use leptos::prelude::*;

use super::{cluster_form::cluster_form, settings_page};
use crate::{
    components::{Card, Chip, EmptyState, Glyph, Show, State, StateInline, Time, words::plural},
    form::Sending,
    live,
    page::{Rights, page_below},
    routes::{self, Settings},
    server_fns,
    server_fns::clusters::SaveCluster,
};

/// All clusters, and the form that connects one.
#[component]
pub fn ClustersPage() -> impl IntoView {
    let form = Sending::<SaveCluster>::new();
    let changes = live::use_changes(|change| change.entity == "cluster" || change.entity == "environment");
    let data = Resource::new(move || (changes.get(), form.version()), |_| server_fns::clusters::clusters());
    settings_page(
        Settings::Clusters,
        "Slipway works on clusters as they are: no agent, nothing to install there",
        page_below(data, move |clusters, rights| clusters_view(clusters, &rights, form)),
    )
}

fn clusters_view(clusters: Vec<ClusterView>, rights: &Rights, form: Sending<SaveCluster>) -> AnyView {
    let empty = clusters.is_empty().then(|| {
        view! {
            <Card>
                <EmptyState
                    glyph=Glyph::Cluster
                    title="No cluster yet"
                    words="Connect one with a service account's token. Then test the connection, bind the cluster to an environment, and take over what runs there."
                />
            </Card>
        }
    });
    let cards = clusters.into_iter().map(card).collect_view();
    let connect = rights.may(Act::ManageClusters).then(|| {
        let inside = cluster_form(None, form);
        view! { <Card title="Connect a cluster">{inside}</Card> }
    });
    view! {
        <div class="stack-cards">
            {empty}
            {cards}
            {connect}
        </div>
    }
    .into_any()
}

fn card(cluster: ClusterView) -> AnyView {
    let summary = summary(&cluster);
    let href = routes::cluster(&cluster.name);
    let found = routes::discover(&cluster.name);
    view! {
        <Card
            title=cluster.name
            lead=cluster.address
            aside=move || {
                view! {
                    {cluster.is_practice.then(|| view! { <Chip outline=true>"practice"</Chip> })}
                    <a class="link" href=found>
                        "Take over what runs"
                    </a>
                    <a class="link" href=href>
                        "Test, change"
                    </a>
                }
            }
        >
            {summary}
        </Card>
    }
    .into_any()
}

/// How a cluster is, and what uses it.
pub(super) fn summary(cluster: &ClusterView) -> AnyView {
    let (state, words) = (State::from(cluster.mark), cluster.words.clone());
    let since = cluster.since.map(|at| view! { <span class="note">" since " <Time at show=Show::Moment /></span> });
    let namespaces =
        if cluster.namespaces.is_empty() { "all namespaces".to_owned() } else { cluster.namespaces.join(", ") };
    let used = if cluster.environments.is_empty() {
        "no environment uses it yet".to_owned()
    } else {
        format!("used by {}", cluster.environments.join(", "))
    };
    let watched = plural(cluster.workloads, "workload is watched", "workloads are watched");
    view! {
        <p>
            <StateInline state word=words />
            {since}
        </p>
        <p class="note">{format!("{namespaces} · {used} · {watched}")}</p>
    }
    .into_any()
}
