//! The pieces of a promotion's page that follow from its state alone: the bar of steps, the pods,
//! the journal, what happens next.

use chrono::{DateTime, Utc};
use contract::promotions::{ApprovalLine, Demand, JournalLine, PodView, StepView, WorkloadView};
use domain::{
    deployment::Cause,
    image::{ContainerImage, in_words},
    moment_words,
    observation::PodObservation,
    promotion::{
        APPROVAL_LASTS_DAYS, Failure, JournalEntry, Phase, Promotion, StableWant, TakenBack, WAITING_LASTS_DAYS,
        WorkloadPlan, WorkloadProgress, headline, words_for_blocker,
    },
    state::Mark,
};
use store::Running;

use super::{
    by_hand, outside,
    stages::{Stage, stages},
    traffic,
};

/// The bar of steps: consent, start, each step of the strategy, the watch, the end.
/// `rolled_back_by` is the rollback that has taken the version away since.
pub(crate) fn steps(promotion: &Promotion, rolled_back_by: Option<i64>) -> Vec<StepView> {
    let mut steps = vec![asked(promotion)];
    if promotion.plan.approvals > 0 {
        steps.push(approved(promotion));
    }
    let named = promotion.plan.steps.iter().map(|step| (step.words(), step.stays()));
    steps.extend(stages(named).iter().map(|stage| stage_step(promotion, stage)));
    if promotion.plan.watch_seconds > 0 {
        steps.push(watch(promotion));
    }
    steps.push(match rolled_back_by {
        Some(number) => step(Mark::Nothing, "Rolled back", format!("by promotion {number}"), None),
        None => end(promotion),
    });
    steps
}

fn step(mark: Mark, title: &str, detail: impl Into<String>, at: Option<DateTime<Utc>>) -> StepView {
    StepView { mark, title: title.to_owned(), detail: detail.into(), at }
}

fn asked(promotion: &Promotion) -> StepView {
    step(Mark::Done, "Asked", promotion.requested_by.shown(), Some(promotion.requested_at))
}

fn approved(promotion: &Promotion) -> StepView {
    let need = promotion.plan.approvals;
    let have = promotion.approvals.len();
    let detail = format!("{have} of {need}");
    match &promotion.phase {
        Phase::Rejected { by, finished_at, .. } => step(Mark::Failed, "Rejected", by.shown(), Some(*finished_at)),
        Phase::Waiting { .. } if have < usize::from(need) => step(Mark::Waiting, "Approval", detail, None),
        Phase::Cancelled { .. } | Phase::Expired { .. } | Phase::Superseded { run: None, .. } => {
            step(Mark::Nothing, "Approval", detail, promotion.approved_at)
        }
        _ => step(Mark::Done, "Approved", detail, promotion.approved_at),
    }
}

/// One piece of the strategy: those before the step that was reached are done or were left out, those after it to come.
fn stage_step(promotion: &Promotion, stage: &Stage) -> StepView {
    let reached = promotion.run().map_or(0, |run| run.reached);
    let is_over_well = matches!(promotion.phase, Phase::Watching { .. } | Phase::Succeeded { .. });
    if stage.steps.contains(&reached) {
        return reached_step(promotion, stage);
    }
    let mark = if stage.steps.end <= reached || is_over_well { Mark::Done } else { Mark::Nothing };
    let left_out = promotion.run().map_or(&[][..], |run| &run.left_out);
    let (mark, detail) = stage.as_it_went(mark, left_out);
    step(mark, &stage.title, detail, None)
}

fn reached_step(promotion: &Promotion, stage: &Stage) -> StepView {
    let title = stage.title.as_str();
    let started = promotion.run().map(|run| run.started_at);
    match &promotion.phase {
        Phase::Waiting { blockers } => {
            // The approval has a piece of its own in the bar.
            let others = blockers.iter().filter(|b| !matches!(b, domain::promotion::Blocker::Approvals { .. }));
            let words: Vec<_> = others.map(words_for_blocker).collect();
            let mark = if words.is_empty() { Mark::Nothing } else { Mark::Waiting };
            // Who approves must see what this piece waits for, as for every other.
            let (_, waits) = stage.as_it_went(mark, &[]);
            let usual = [super::strategy_words::in_short(promotion), waits];
            let usual = usual.into_iter().filter(|words| !words.is_empty()).collect::<Vec<_>>().join(", ");
            step(mark, title, if words.is_empty() { usual } else { words.join("; ") }, None)
        }
        Phase::Starting { .. } if promotion.outside().is_some() => {
            step(Mark::Moving, title, "the deployer is told", started)
        }
        Phase::Starting { .. } => step(Mark::Moving, title, "looks at the workloads first", started),
        Phase::Progressing { since, .. } if promotion.outside().is_some() => {
            let headline = headline(promotion);
            step(headline.mark, title, headline.words, Some(*since))
        }
        Phase::Progressing { run, since, .. } if promotion.plan.strategy.candidate().is_none() => {
            step(headline(promotion).mark, title, progress_in_words(&run.progress), Some(*since))
        }
        Phase::Progressing { since, .. } => {
            let headline = headline(promotion);
            step(headline.mark, title, headline.words, Some(*since))
        }
        Phase::TakingBack { cause, since, .. } => step(Mark::Failed, title, cause.words(), Some(*since)),
        Phase::Watching { finished_at, .. } | Phase::Succeeded { finished_at, .. } => {
            let words = if promotion.outside().is_some() { "as reported" } else { "every pod available" };
            step(Mark::Done, title, words, Some(*finished_at))
        }
        Phase::Failed { failure, finished_at, .. } => {
            let why = match failure {
                Failure::Start { message } => message.clone(),
                Failure::TakenBack { cause } => cause.words(),
                Failure::Overtaken { workload } => format!("{workload} was written by a later promotion"),
            };
            step(Mark::Failed, title, why, Some(*finished_at))
        }
        Phase::Aborted { by, finished_at, .. } => {
            step(Mark::Failed, title, format!("aborted by {}", by.shown()), Some(*finished_at))
        }
        Phase::Superseded { run: Some(_), by, finished_at } => {
            step(Mark::Nothing, title, format!("superseded by promotion {by}"), Some(*finished_at))
        }
        Phase::Rejected { .. }
        | Phase::Cancelled { .. }
        | Phase::Expired { .. }
        | Phase::Superseded { run: None, .. } => step(Mark::Nothing, title, "not started", None),
    }
}

fn watch(promotion: &Promotion) -> StepView {
    let minutes = promotion.plan.watch_seconds.div_ceil(60);
    match &promotion.phase {
        Phase::Watching { until, .. } => {
            step(Mark::Moving, "Watch", format!("until {}", moment_words::minute(*until)), Some(*until))
        }
        Phase::Succeeded { .. } => step(Mark::Done, "Watch", format!("{minutes} min"), None),
        _ => step(Mark::Nothing, "Watch", format!("{minutes} min"), None),
    }
}

fn end(promotion: &Promotion) -> StepView {
    let at = promotion.finished_at();
    match &promotion.phase {
        Phase::TakingBack { run, .. } => step(Mark::Moving, "Back", progress_in_words(&run.progress), None),
        Phase::Succeeded { .. } => step(Mark::Done, "Done", "the version runs", at),
        Phase::Failed { back, .. } | Phase::Aborted { back, .. } => {
            let mark = match back {
                TakenBack::Complete | TakenBack::NotNeeded => Mark::Done,
                TakenBack::Incomplete { .. } => Mark::Failed,
            };
            step(mark, "Back", back.words(), at)
        }
        Phase::Rejected { .. } | Phase::Cancelled { .. } | Phase::Expired { .. } | Phase::Superseded { .. } => {
            step(Mark::Nothing, "Over", headline(promotion).words, at)
        }
        Phase::Waiting { .. } | Phase::Starting { .. } | Phase::Progressing { .. } | Phase::Watching { .. } => {
            step(Mark::Nothing, "Done", "", None)
        }
    }
}

fn progress_in_words(progress: &[WorkloadProgress]) -> String {
    if progress.is_empty() {
        return "about to begin".to_owned();
    }
    progress.iter().map(|p| p.words.clone()).collect::<Vec<_>>().join("; ")
}

/// What happens next, or what ended it, with the person or the time it waits for.
pub(crate) fn next(promotion: &Promotion) -> String {
    if let Some(next) = traffic::next(promotion).filter(|_| promotion.trouble.is_none()) {
        return next;
    }
    if let Some(next) = outside::next(promotion) {
        return next;
    }
    if let Some(next) = super::git::next(promotion) {
        return next;
    }
    match &promotion.phase {
        Phase::Waiting { blockers } => {
            let words: Vec<_> = blockers.iter().map(words_for_blocker).collect();
            let expiry = promotion.requested_at + chrono::Duration::days(WAITING_LASTS_DAYS);
            format!("{}. It expires at {}.", sentence(&words.join("; ")), moment_words::minute(expiry))
        }
        Phase::Starting { .. } => "Looks at the workloads, then sets the new images.".to_owned(),
        Phase::Progressing { .. } if promotion.trouble.is_some() => {
            "Looks again by itself; time in which the clusters do not answer does not count.".to_owned()
        }
        Phase::Progressing { run, since, .. } => {
            let budget = i64::from(promotion.plan.rollout_budget_seconds) + run.unseen_seconds;
            let until = *since + chrono::Duration::seconds(budget);
            format!(
                "Done when every pod is available; taken back by itself when pods crash, when a Deployment makes no \
                 progress within its own deadline, or at {}, when this environment's time for a rollout is up.",
                moment_words::minute(until)
            )
        }
        Phase::TakingBack { run, .. } if run.wanted.stable.want == StableWant::AsItIs => {
            "Over when the candidate is gone: what still talks to it is given its time.".to_owned()
        }
        Phase::TakingBack { .. } => "Over when what ran before is available again.".to_owned(),
        Phase::Watching { until, .. } => format!("Watched until {}.", moment_words::minute(*until)),
        Phase::Aborted { reason, .. } | Phase::Rejected { reason, .. } | Phase::Cancelled { reason, .. } => {
            if reason.is_empty() { sentence(&headline(promotion).words) } else { format!("“{reason}”") }
        }
        Phase::Succeeded { .. } | Phase::Failed { .. } | Phase::Expired { .. } | Phase::Superseded { .. } => {
            sentence(&headline(promotion).words)
        }
    }
}

pub(super) fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// The workloads with their pods, whether the run has begun or not. `running` is what the watches saw
/// last of the target.
pub(crate) fn workloads(
    promotion: &Promotion,
    running: &[Running],
    is_practice: impl Fn(&WorkloadPlan) -> bool,
) -> Vec<WorkloadView> {
    let progress = promotion.run().map(|run| run.progress.as_slice()).unwrap_or_default();
    // Beside a candidate a workload runs what it ran, and on the way back again.
    let runs_before = promotion.run().is_some_and(|run| run.wanted.stable.want != StableWant::Version);
    promotion
        .plan
        .workloads
        .iter()
        .flat_map(|planned| {
            let candidate = traffic::candidate(promotion, planned, is_practice(planned));
            let seen = progress.iter().find(|p| p.placed == planned.placed);
            let saved = promotion.run().and_then(|run| run.saved.iter().find(|s| s.placed == planned.placed));
            let is_set = |image: &&ContainerImage| planned.images.iter().any(|i| i.container == image.container);
            let before: Vec<_> = saved.iter().flat_map(|saved| saved.images.iter().filter(is_set)).collect();
            let by_hand = match promotion.git() {
                Some(_) => super::git::by_hand(promotion),
                None => saved.map(|_| by_hand::set_images(&planned.placed.workload, &before)),
            };
            let ahead = if promotion.is_over() { None } else { pods_ahead(planned, running) };
            let workload = WorkloadView {
                cluster: planned.cluster_name.clone(),
                is_practice: is_practice(planned),
                workload: planned.placed.workload.to_string(),
                is_candidate: false,
                images: if runs_before && !before.is_empty() {
                    before.iter().map(|image| in_words(&image.image)).collect()
                } else {
                    planned.images.iter().map(|image| image.image.clone()).collect()
                },
                words: seen.map(|s| s.words.clone()).or(ahead).unwrap_or_default(),
                available: seen.map_or(0, |s| s.counts.available),
                wanted: seen.map_or(0, |s| s.counts.wanted),
                pods: seen
                    .map(|s| shown_pods(s, promotion.finished_at().is_some()).map(|p| pod(p, runs_before)).collect())
                    .unwrap_or_default(),
                by_hand,
            };
            std::iter::once(workload).chain(candidate)
        })
        .collect()
}

/// What will be done to the pods, as far as somebody watches them.
fn pods_ahead(planned: &WorkloadPlan, running: &[Running]) -> Option<String> {
    let placed = &planned.placed;
    let now = running.iter().find(|running| {
        running.cluster_id == placed.cluster
            && running.namespace == placed.workload.namespace
            && running.workload == placed.workload.name
    })?;
    match now.wanted {
        0 => None,
        1 => Some("1 pod will be replaced".to_owned()),
        pods => Some(format!("{pods} pods will be replaced")),
    }
}

/// The pods as they were seen last; once all is done nobody looks again, so those that were ending then
/// are gone.
fn shown_pods(seen: &WorkloadProgress, has_ended: bool) -> impl Iterator<Item = &PodObservation> {
    let only_new = has_ended && seen.is_complete;
    seen.pods.iter().filter(move |pod| !only_new || (pod.is_updated && !pod.is_terminating))
}

/// A pod of the present template is a new one, unless that is the one from before.
pub(super) fn pod(seen: &PodObservation, is_before: bool) -> PodView {
    let (mark, words) = match &seen.trouble {
        _ if seen.is_terminating => (Mark::Nothing, "ending".to_owned()),
        Some(trouble) => (Mark::Failed, trouble.words()),
        None if seen.is_ready => (Mark::Done, "ready".to_owned()),
        None => (Mark::Moving, "starting".to_owned()),
    };
    PodView { name: seen.name.clone(), is_new: seen.is_updated != is_before, mark, words }
}

/// The journal, newest first.
pub(crate) fn journal(entries: &[JournalEntry]) -> Vec<JournalLine> {
    let line = |entry: &JournalEntry| JournalLine {
        at: entry.at,
        mark: entry.event.mark(),
        title: entry.event.title(),
        detail: entry.event.detail(),
        by: entry.by.shown(),
    };
    entries.iter().rev().map(line).collect()
}

/// The approvals that were given.
pub(crate) fn approvals(promotion: &Promotion) -> Vec<ApprovalLine> {
    let line =
        |a: &domain::promotion::Approval| ApprovalLine { name: a.name.clone(), at: a.at, comment: a.comment.clone() };
    promotion.approvals.iter().map(line).collect()
}

/// The demand for consent, as far as it is met; `by` says who could give it, while it waits.
pub(crate) fn approval_demand(have: usize, need: u8, cause: Cause, by: Option<String>) -> Demand {
    if need == 0 {
        let detail = match cause {
            Cause::Rollback => "a rollback to what has worked here goes at once",
            Cause::Planned | Cause::Hotfix => "this environment asks nobody",
        };
        let detail = detail.to_owned();
        return Demand { mark: Mark::Nothing, title: "No approval needed".to_owned(), detail };
    }
    let mark = if have >= usize::from(need) { Mark::Done } else { Mark::Waiting };
    let people = if need == 1 { "approval" } else { "approvals" };
    Demand {
        mark,
        title: format!("{have} of {need} {people}"),
        detail: by.unwrap_or_else(|| format!("who asks does not count; an approval lasts {APPROVAL_LASTS_DAYS} days")),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use domain::{
        ids::ClusterId,
        names::{Namespace, WorkloadName},
        observation::{PlacedWorkload, PodCounts, WorkloadRef},
    };

    use super::*;

    fn seen(name: &str, is_updated: bool, is_terminating: bool) -> PodObservation {
        PodObservation {
            name: name.to_owned(),
            is_updated,
            is_ready: true,
            is_terminating,
            restarts: 0,
            trouble: None,
            created_at: None,
        }
    }

    #[test]
    fn pods_that_were_ending_are_gone_once_all_is_done() {
        let workload = WorkloadRef::deployment(Namespace::parse("shop").unwrap(), WorkloadName::parse("cart").unwrap());
        let mut progress = WorkloadProgress {
            placed: PlacedWorkload { cluster: ClusterId::new(uuid::Uuid::nil()), workload },
            cluster_name: "eu-1".to_owned(),
            counts: PodCounts { wanted: 1, updated: 1, ready: 2, available: 1 },
            pods: vec![seen("new", true, false), seen("new-leaving", true, true), seen("old", false, true)],
            words: "1 of 1 pods available".to_owned(),
            is_complete: true,
            was_ours: true,
            most_available: 1,
            is_waiting: false,
            tool: None,
        };
        let names = |progress: &WorkloadProgress, has_ended| {
            shown_pods(progress, has_ended).map(|pod| pod.name.clone()).collect::<Vec<_>>()
        };
        assert_eq!(names(&progress, true), ["new"]);
        assert_eq!(names(&progress, false), ["new", "new-leaving", "old"], "they are there while it goes on");
        progress.is_complete = false;
        assert_eq!(names(&progress, true), ["new", "new-leaving", "old"], "what was left halfway is shown as it was");
    }
}
