//! The traffic of a promotion's page: shares, candidates, what comes next. Follows from its state alone.

use contract::promotions::{StepView, TrafficView, WorkloadView};
use domain::{
    delegated::ToolProgress,
    moment_words,
    promotion::{Phase, Promotion, Run, StableWant, StepWait, WorkloadPlan, WorkloadProgress},
    state::Mark,
    strategy::Step,
    traffic::Weight,
};

use super::{by_hand, pieces, stages, taken_back};

/// The traffic, where the strategy moves it.
pub(crate) fn view(promotion: &Promotion, stable: Option<String>) -> Option<TrafficView> {
    let Some((_, settings)) = promotion.plan.strategy.candidate() else { return by_tool(promotion, stable) };
    let run = promotion.run();
    let step = match &promotion.phase {
        Phase::Progressing { step, .. } => Some(*step),
        _ => None,
    };
    let candidates = run.map_or(Weight::NONE, |run| run.wanted.weight.want);
    // What objects say is the candidate's share; once the workload itself has the version, everybody gets it.
    let has_arrived = has_arrived(promotion);
    let wanted = if has_arrived { Weight::ALL } else { candidates };
    let seen = if has_arrived { Some(wanted) } else { promotion.share_seen(wanted) };
    let is_over_well = matches!(promotion.phase, Phase::Watching { .. } | Phase::Succeeded { .. });
    let shares = run.filter(|_| !is_over_well).map(shares).unwrap_or_default();
    Some(TrafficView {
        by: format!("{} by {}", promotion.plan.strategy.words(), settings.layer().words()),
        wanted: wanted.as_percent(),
        seen: seen.map(Weight::as_percent),
        is_past: promotion.is_over(),
        is_settled: has_arrived || run.is_some_and(|run| run.routes.iter().all(|route| route.is_settled)),
        lines: shares.into_iter().chain(run.into_iter().flat_map(jobs)).collect(),
        capacity: run.map(capacity).unwrap_or_default(),
        stable,
        step,
        present: step.map(|step| words_of_step(promotion, step)).unwrap_or_default(),
        then: step.map(|step| words_after(promotion, step)).unwrap_or_default(),
        by_hand_now: run.and_then(|run| run.by_hand).map(Weight::as_percent),
        takes_back: taken_back::when(promotion),
        most: step.map_or(Weight::NONE, |step| promotion.most_weight(step)).as_percent(),
        by_hand: by_hand::put_traffic_back(promotion),
        hold: run.and_then(|run| run.hold.as_ref()).map(|hold| format!("{}: {}", hold.by.shown(), hold.why)),
        as_seen: promotion.as_seen(),
        mirrored: Vec::new(),
    })
}

/// The traffic as the tool in charge says it, with its steps.
fn by_tool(promotion: &Promotion, stable: Option<String>) -> Option<TrafficView> {
    let run = promotion.run()?;
    let (progress, tool) = run.progress.iter().find_map(|p| Some((p, p.tool.as_ref()?)))?;
    let is_over_well = matches!(promotion.phase, Phase::Watching { .. } | Phase::Succeeded { .. });
    let share = match (tool.weight, is_over_well) {
        (_, true) => Weight::ALL,
        (Some(weight), false) => weight,
        (None, false) if tool.steps.is_empty() => return None,
        (None, false) => Weight::NONE,
    };
    let words = |p: &WorkloadProgress| format!("{} {}: {}", p.cluster_name, p.placed.workload, p.words);
    let is_live = matches!(promotion.phase, Phase::Progressing { .. });
    Some(TrafficView {
        by: format!("by {} ({} {})", tool.tool, progress.placed.workload.kind.words(), progress.placed.workload.name),
        wanted: share.as_percent(),
        seen: Some(share.as_percent()),
        is_past: promotion.is_over(),
        is_settled: true,
        lines: run.progress.iter().filter(|p| p.tool.is_some()).map(words).collect(),
        capacity: Vec::new(),
        stable,
        step: run.step_of_tool().filter(|_| is_live),
        present: step_of_tool(tool, 0).unwrap_or_default(),
        then: step_of_tool(tool, 1).unwrap_or_else(|| "everything".to_owned()),
        by_hand_now: None,
        takes_back: taken_back::when(promotion),
        most: 0,
        by_hand: None,
        hold: tool.waits.clone().filter(|_| is_live && run.asked.is_none()),
        as_seen: promotion.as_seen(),
        mirrored: mirrored(promotion, tool, progress.was_ours && is_live, is_over_well),
    })
}

/// The step of a tool that is so many after the present one, in its words.
fn step_of_tool(tool: &ToolProgress, after: usize) -> Option<String> {
    let at = usize::try_from(tool.step?).ok()?;
    tool.steps.get(at + after).map(|step| step.words.clone())
}

/// The steps of a tool: a share with the waits after it is one piece.
fn mirrored(promotion: &Promotion, tool: &ToolProgress, is_live: bool, is_done: bool) -> Vec<StepView> {
    let at = tool.step.filter(|_| is_live).and_then(|step| usize::try_from(step).ok());
    let named = tool.steps.iter().map(|step| (step.words.clone(), step.stays));
    let all = 0..tool.steps.len();
    let left_out: Vec<usize> = match promotion.run() {
        _ if promotion.leaves_steps_out() => all.collect(),
        Some(run) => run.left_out.clone(),
        None => Vec::new(),
    };
    let piece = |stage: stages::Stage| {
        let (begin, end) = (stage.steps.start, stage.steps.end);
        let mark = match at {
            _ if is_done => Mark::Done,
            Some(at) if at >= end => Mark::Done,
            Some(at) if at >= begin && tool.waits.is_some() => Mark::Waiting,
            Some(at) if at >= begin => Mark::Moving,
            Some(_) | None => Mark::Nothing,
        };
        let (mark, detail) = stage.as_it_went(mark, &left_out);
        StepView { mark, title: stage.title, detail, at: None }
    };
    stages::stages(named).into_iter().map(piece).collect()
}

fn shares(run: &Run) -> Vec<String> {
    run.routes.iter().map(|route| format!("{}: {}", route.shown, route.words)).collect()
}

fn jobs(run: &Run) -> impl Iterator<Item = String> {
    run.jobs.iter().map(domain::promotion::JobRun::words)
}

/// Whether the workload itself has the version, on every pod: whoever is still sent to the candidate gets the
/// same.
fn has_arrived(promotion: &Promotion) -> bool {
    match &promotion.phase {
        Phase::Watching { .. } | Phase::Succeeded { .. } => true,
        Phase::Progressing { run, .. } => {
            run.wanted.stable.want == StableWant::Version
                && !run.progress.is_empty()
                && run.progress.iter().all(|progress| progress.is_complete)
        }
        _ => false,
    }
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

/// What comes next where a tool is in charge.
fn next_of_tool(run: &Run) -> Option<String> {
    let open = run.progress.iter().filter(|p| !p.is_complete);
    let tool = open.filter_map(|p| p.tool.as_ref()).next()?;
    Some(match (&tool.waits, run.asked) {
        (_, Some(_)) => format!("{} was asked to go on.", tool.tool),
        (Some(_), None) if tool.waits_for_someone => {
            format!("Waits until someone lets it go on, here or with {}'s own tools.", tool.tool)
        }
        (Some(_), None) => format!("Goes on by {}'s own steps, or when someone lets it go on here.", tool.tool),
        (None, None) => format!(
            "Done when {} says so; taken back by itself when pods crash, when {} gives up, or when one of its steps \
             takes longer than this environment allows.",
            tool.tool, tool.tool
        ),
    })
}

/// A step in a few words; what comes after the last is the end.
fn words_of_step(promotion: &Promotion, step: usize) -> String {
    promotion.plan.steps.get(step).map_or_else(|| "done".to_owned(), Step::words)
}

/// The step that comes when this one is left, in a few words.
fn words_after(promotion: &Promotion, step: usize) -> String {
    words_of_step(promotion, step + 1)
}

/// What happens next to a promotion under way, in words, with the person or the time it waits for.
pub(crate) fn next(promotion: &Promotion) -> Option<String> {
    let Phase::Progressing { run, step, .. } = &promotion.phase else { return None };
    if let Some(words) = next_of_tool(run) {
        return Some(words);
    }
    promotion.plan.strategy.candidate()?;
    let asked = promotion.plan.steps.get(step + 1).and_then(Step::asked);
    let then = asked.map_or_else(|| words_after(promotion, *step), |asked| format!("{} is asked", asked.words()));
    if let Some(against) = taken_back::soon(run) {
        return Some(against);
    }
    if let Some(ends) = promotion.hold_ends() {
        return Some(format!("{}; once it goes on: {then}.", pieces::sentence(&ends)));
    }
    if run.hold.is_some() || run.by_hand.is_some() {
        return Some(format!("Goes on when someone says so; then {then}."));
    }
    if let Some(short) = &run.short {
        return Some(format!("Waits for pods: {short}. The traffic stays on the candidate until then."));
    }
    if let Some(awaits) = &run.awaits {
        return Some(format!("When the analysis has spoken: {then}. It waits: {awaits}."));
    }
    if matches!(promotion.plan.steps.get(*step), Some(Step::Rollout) | None) {
        if has_arrived(promotion) && run.wanted.weight.want == Weight::NONE {
            let words = "Every pod runs the version and gets the traffic. The candidate is removed when what still \
                         talks to it has had its time.";
            return Some(words.to_owned());
        }
        let words =
            "When every pod runs the version, the traffic goes back to the workload and the candidate is removed.";
        return Some(words.to_owned());
    }
    let words = match promotion.step_waits() {
        Some(StepWait::Time { until }) => format!("At {}: {then}.", moment_words::second(until)),
        Some(StepWait::Person { asked }) => format!("Waits for {} to let it go on; then {then}.", asked.words()),
        Some(StepWait::Doing { words, .. }) => format!("{}; then {then}.", pieces::sentence(&words)),
        Some(StepWait::Nothing) | None => {
            let budget = promotion.plan.rollout_budget_seconds.div_ceil(60);
            let when = taken_back::when(promotion);
            format!("Then {then}. Taken back by itself {when}, or when this move takes longer than {budget} min.")
        }
    };
    Some(words)
}
