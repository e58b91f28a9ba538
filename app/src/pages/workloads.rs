//! The workloads of a promotion with their pods: what will be done to them, how far they are, how they are
//! taken back by hand.

use contract::promotions::{PodView, WorkloadView};
use domain::state::Mark;
use leptos::prelude::*;

use crate::components::{
    Card, Chip, Code, More, PodGroup, PodState, Pods, ProgressBar, Sentence, Series, State, StateInline,
};

/// All workloads of a promotion to `new`, where `old` ran before; nothing when there are none.
pub fn workloads(workloads: Vec<WorkloadView>, new: &str, old: Option<String>, is_past: bool) -> AnyView {
    if workloads.is_empty() {
        return ().into_any();
    }
    let old = old.unwrap_or_else(|| "before".to_owned());
    let cards = workloads.into_iter().map(|workload| workload_view(workload, new, &old)).collect_view();
    view! {
        <Card title=if is_past { "Pods, when it ended" } else { "Pods" }>
            <div class="stack">{cards}</div>
        </Card>
    }
    .into_any()
}

fn workload_view(workload: WorkloadView, new: &str, old: &str) -> AnyView {
    let share = if workload.wanted == 0 { 0.0 } else { f64::from(workload.available) / f64::from(workload.wanted) };
    let is_complete = workload.available >= workload.wanted;
    let group = |is_new: bool, series: Series, version: &str| PodGroup {
        series,
        version: version.to_owned(),
        pods: workload.pods.iter().filter(|pod| pod.is_new == is_new).map(pod_state).collect(),
    };
    let groups = vec![group(false, Series::Stable, old), group(true, Series::Canary, new)];
    let state = if is_complete { State::Done } else { State::Moving };
    let troubled = workload
        .pods
        .iter()
        .filter(|pod| pod.mark == Mark::Failed)
        .map(|pod| {
            view! {
                <li>
                    <span class="mono">{pod.name.clone()}</span>
                    " "
                    <StateInline state=State::Failed word=pod.words.clone() />
                </li>
            }
        })
        .collect_view();
    let practice = workload.is_practice.then(|| view! { <Chip outline=true>"practice"</Chip> });
    let candidate = workload.is_candidate.then(|| view! { <Chip tone=State::Moving>"candidate"</Chip> });
    let by_hand = workload.by_hand.map(|command| {
        view! {
            <More label="Take it back by hand">
                <p class="note">"For the day when Slipway itself is not to be reached."</p>
                <Code text=command label="Command" />
            </More>
        }
    });
    let images = workload.images.join(", ");
    // Before it begins there is nothing to count; the words say what will be.
    let counted = (workload.wanted > 0 || !workload.pods.is_empty()).then(|| {
        view! {
            <ProgressBar share label=format!("Pods of {}", workload.workload) state thick=true />
            <Pods groups words=format!("{} of {} available", workload.available, workload.wanted) />
        }
    });
    view! {
        <div class="stack-tight">
            <div class="row row-apart">
                <span class="row">
                    <span class="workload">{format!("{} in {}", workload.workload, workload.cluster)}</span>
                    {candidate} {practice}
                </span>
                <span class="note"><Sentence words=workload.words /></span>
            </div>
            {counted}
            <ul class="stack-tight">{troubled}</ul>
            <p class="note mono truncate" title=images.clone()>
                {images.clone()}
            </p>
            {by_hand}
        </div>
    }
    .into_any()
}

fn pod_state(pod: &PodView) -> PodState {
    match pod.mark {
        Mark::Done => PodState::Ready,
        Mark::Moving | Mark::Waiting => PodState::Starting,
        Mark::Failed => PodState::Failing,
        Mark::Nothing => PodState::Leaving,
    }
}
