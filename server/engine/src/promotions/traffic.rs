//! The traffic of a promotion's page: shares, candidates, what comes next. Follows from its state alone.

use chrono::Duration;
use contract::promotions::{TrafficView, WorkloadView};
use domain::{
    promotion::{Phase, Promotion, Run, WorkloadPlan},
    strategy::Step,
    traffic::Weight,
};

use super::{by_hand, pieces};

/// The traffic, where the strategy moves it.
pub(crate) fn view(promotion: &Promotion, stable: Option<String>) -> Option<TrafficView> {
    let (_, settings) = promotion.plan.strategy.candidate()?;
    let run = promotion.run();
    let step = match &promotion.phase {
        Phase::Progressing { step, .. } => Some(*step),
        _ => None,
    };
    let wanted = run.map_or(Weight::NONE, |run| run.wanted.weight.want);
    Some(TrafficView {
        strategy: promotion.plan.strategy.words().to_owned(),
        layer: settings.layer().words(),
        wanted: wanted.as_percent(),
        seen: run.and_then(|run| seen(run, wanted)).map(Weight::as_percent),
        lines: run.map(lines).unwrap_or_default(),
        capacity: run.map(capacity).unwrap_or_default(),
        stable,
        step,
        most: step.map_or(Weight::NONE, |step| promotion.most_weight(step)).as_percent(),
        by_hand: by_hand::put_traffic_back(promotion),
        hold: run.and_then(|run| run.hold.as_ref()).map(|hold| format!("{}: {}", hold.by.shown(), hold.why)),
    })
}

/// The share that was last seen: what objects say, and without such objects what the pods' numbers give.
fn seen(run: &Run, wanted: Weight) -> Option<Weight> {
    if let Some(route) = run.routes.first() {
        return Some(route.seen);
    }
    let ready = |progress: &[domain::promotion::WorkloadProgress]| progress.first().map_or(0, |p| p.counts.ready);
    let (stable, candidate) = (ready(&run.progress), ready(&run.candidates));
    (stable + candidate > 0).then(|| domain::traffic::TrafficLayer::Replicas.achievable(stable, candidate, wanted))
}

fn lines(run: &Run) -> Vec<String> {
    run.routes.iter().map(|route| format!("{}: {}", route.shown, route.words)).collect()
}

/// What else decides how many pods there are, and what the traffic waits for on its way home.
fn capacity(run: &Run) -> Vec<String> {
    let known = run.loads.iter().flat_map(|load| load.capacity.lines());
    run.short.iter().cloned().chain(known).collect()
}

/// The candidate of a workload as a row of its own, as long as there is one.
pub(crate) fn candidate(promotion: &Promotion, planned: &WorkloadPlan, is_practice: bool) -> Option<WorkloadView> {
    let run = promotion.run()?;
    let placed = planned.placed_candidate()?;
    let seen = run.candidates.iter().find(|p| p.placed == placed)?;
    if run.wanted.pods_of(&planned.placed) == 0 && seen.is_complete {
        return None;
    }
    let name = &placed.workload;
    Some(WorkloadView {
        cluster: planned.cluster_name.clone(),
        is_practice,
        workload: name.to_string(),
        is_candidate: true,
        images: planned.images.iter().map(|image| image.image.clone()).collect(),
        words: seen.words.clone(),
        available: seen.counts.available,
        wanted: seen.counts.wanted,
        pods: seen.pods.iter().map(|pod| pieces::pod(pod, false)).collect(),
        by_hand: None,
    })
}

/// What happens next to a promotion under way, in words, with the person or the time it waits for.
pub(crate) fn next(promotion: &Promotion) -> Option<String> {
    let Phase::Progressing { run, step, since } = &promotion.phase else { return None };
    promotion.plan.strategy.candidate()?;
    let then = promotion.plan.steps.get(step + 1).map_or_else(|| "done".to_owned(), Step::words);
    if run.hold.is_some() || run.by_hand.is_some() {
        return Some(format!("Goes on when someone says so; then {then}."));
    }
    if let Some(short) = &run.short {
        return Some(format!("Waits for pods: {short}. The traffic stays on the candidate until then."));
    }
    if let Some(awaits) = &run.awaits {
        return Some(format!("When the analysis has spoken: {then}. It waits: {awaits}."));
    }
    let words = match promotion.plan.steps.get(*step) {
        Some(Step::Pause { seconds }) if run.settled_at.is_some() => {
            let until = *since + Duration::seconds(i64::from(*seconds));
            format!("At {}: {then}.", until.format("%H:%M:%S UTC"))
        }
        Some(Step::Ask) => format!("Waits for a release manager to let it go on; then {then}."),
        Some(Step::Rollout) | None => {
            "When every pod runs the version, the traffic goes back to the workload and the candidate is removed."
                .to_owned()
        }
        Some(Step::Preview | Step::Weight { .. } | Step::Pause { .. }) => {
            let budget = promotion.plan.rollout_budget_seconds.div_ceil(60);
            format!(
                "Then {then}. Taken back by itself when pods crash, or when this move takes longer than {budget} min."
            )
        }
    };
    Some(words)
}
