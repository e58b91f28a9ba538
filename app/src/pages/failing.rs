//! Why pods of a promotion fail: the last lines of their logs, and what happened to them.

use contract::promotions::FailingPod;
use domain::evidence::{LogTail, PodEvent, PodEvidence, Told};
use leptos::prelude::*;

use crate::{
    components::{Card, Code, More, Show, State, StateInline, Time},
    page::sentence,
};

/// The pods that were asked about, the last first; nothing when there are none.
pub fn failing_pods(pods: Vec<FailingPod>, is_over: bool) -> AnyView {
    if pods.is_empty() {
        return ().into_any();
    }
    // One is read at once; the others mostly say the same.
    let rows = pods.into_iter().enumerate().map(|(index, pod)| failing_pod(pod, index == 0)).collect_view();
    let title = if is_over { "Why pods failed" } else { "Why pods fail" };
    view! {
        <Card title>
            <div class="stack">{rows}</div>
        </Card>
    }
    .into_any()
}

fn failing_pod(pod: FailingPod, is_open: bool) -> AnyView {
    let FailingPod { cluster, evidence } = pod;
    let PodEvidence { placed, pod, container, words, restarts, at, report } = evidence;
    let place = match &container {
        Some(container) => format!("{} in {cluster}, container {container}", placed.workload),
        None => format!("{} in {cluster}", placed.workload),
    };
    let restarted = match restarts {
        0 => None,
        1 => Some("restarted once".to_owned()),
        times => Some(format!("restarted {times} times")),
    };
    let label = format!("Pod {pod}");
    let log = log_of(report.log, &cluster);
    let events = events_of(report.events, &cluster);
    view! {
        <section class="stack-tight" aria-label=label>
            <div class="row row-apart">
                <span class="row">
                    <span class="mono truncate">{pod}</span>
                    <StateInline state=State::Failed word=words />
                </span>
                <span class="note">
                    {restarted.map(|words| format!("{words} · "))} "seen " <Time at show=Show::Clock />
                </span>
            </div>
            <p class="note">{place}</p>
            <More label="Log and events" open=is_open>
                <div class="stack-tight">{log} {events}</div>
            </More>
        </section>
    }
    .into_any()
}

fn log_of(told: Told<LogTail>, cluster: &str) -> AnyView {
    let tail = match told {
        Told::Known(tail) => tail,
        Told::NotAllowed(permission) => return not_allowed("the log", &permission, cluster),
        Told::Unknown(why) => return view! { <p class="note">{sentence(&format!("no log: {why}"))}</p> }.into_any(),
    };
    if tail.lines.is_empty() {
        return view! { <p class="note">"It has written nothing to its log."</p> }.into_any();
    }
    let run = if tail.of_previous_run { " of the run that failed" } else { "" };
    let what = match (tail.is_cut, tail.lines.len()) {
        (false, _) => format!("The log{run}:"),
        (true, 1) => format!("The last line of the log{run}:"),
        (true, lines) => format!("The last {lines} lines of the log{run}:"),
    };
    view! {
        <p class="note">{what}</p>
        <Code text=tail.lines.join("\n") label="Log" />
    }
    .into_any()
}

fn events_of(told: Told<Vec<PodEvent>>, cluster: &str) -> AnyView {
    let events = match told {
        Told::Known(events) => events,
        Told::NotAllowed(permission) => return not_allowed("events", &permission, cluster),
        Told::Unknown(why) => return view! { <p class="note">{sentence(&format!("no events: {why}"))}</p> }.into_any(),
    };
    if events.is_empty() {
        return view! { <p class="note">"Kubernetes has no events of it."</p> }.into_any();
    }
    let rows = events.into_iter().map(event).collect_view();
    view! { <ul class="stack-tight">{rows}</ul> }.into_any()
}

fn event(event: PodEvent) -> AnyView {
    let state = if event.is_warning { State::Waiting } else { State::Nothing };
    let times = (event.count > 1).then(|| format!(" ({} times)", event.count));
    let at = event.at.map(|at| view! { <Time at show=Show::Clock /> " " });
    view! {
        <li>
            {at} <StateInline state word=event.reason /> " " <span class="note">{event.message} {times}</span>
        </li>
    }
    .into_any()
}

/// What is missing, and who can give it.
fn not_allowed(what: &str, permission: &str, cluster: &str) -> AnyView {
    let words = format!(
        "Slipway may not read {what} in {cluster}: the permission {permission} is missing. Test connection under Settings, Clusters, has \
         the commands that grant it."
    );
    view! { <p class="note">{words}</p> }.into_any()
}
