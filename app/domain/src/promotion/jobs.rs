//! The Jobs that steps run: each is wanted from its step's begin on, and gone before the promotion ends.
//! One that was seen is never made again, so none runs twice; one that fails, or does not end in its time,
//! takes the version back.

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};

use super::{JournalEvent, Phase, Promotion, Run, StepWait, TakeBackCause, decide::Draft, tell::Seen};
use crate::{
    duration_words,
    job::{JOB_GRACE_SECONDS, JobObserved, JobPlace, JobRef, JobState},
    names::WorkloadName,
    observation::PlacedWorkload,
    strategy::Step,
};

/// The rule that speaks in the journal.
const JOB: &str = "job";

/// What is known of a Job of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobRun {
    /// The workload beside which it runs.
    pub placed: PlacedWorkload,
    /// The cluster's name.
    pub cluster_name: String,
    /// The Job.
    pub job: JobRef,
    /// The CronJob from which it is made.
    pub template: WorkloadName,
    /// How long it may take.
    pub seconds: u32,
    /// The index of its step.
    pub step: usize,
    /// The generation of the run that wanted it: its mark.
    pub generation: u32,
    /// When it was first seen.
    #[serde(default)]
    pub seen_at: Option<DateTime<Utc>>,
    /// How far it was seen.
    #[serde(default)]
    pub state: Option<JobState>,
    /// Since when it should not be there any more.
    #[serde(default)]
    pub unwanted_since: Option<DateTime<Utc>>,
    /// Whether it is not there any more, or left to people.
    #[serde(default)]
    pub is_gone: bool,
}

impl JobRun {
    /// Whether there is something to write for it: it was never seen, or is not gone yet.
    #[must_use]
    pub const fn is_to_write(&self) -> bool {
        !self.is_gone && (self.unwanted_since.is_some() || self.seen_at.is_none())
    }

    fn shown(&self) -> String {
        format!("Job {} {}", self.cluster_name, self.job)
    }

    fn has_succeeded(&self) -> bool {
        self.state == Some(JobState::Succeeded)
    }

    /// In one line, for the page.
    #[must_use]
    pub fn words(&self) -> String {
        let how_far = match &self.state {
            _ if self.is_gone => "removed".to_owned(),
            _ if self.unwanted_since.is_some() => "about to be removed".to_owned(),
            Some(state) => state.words(),
            None => "about to begin".to_owned(),
        };
        format!("{}: {how_far}", self.shown())
    }

    fn place(&self) -> JobPlace {
        let (placed, cluster_name) = (self.placed.clone(), self.cluster_name.clone());
        JobPlace { placed, cluster_name, job: self.job.clone(), template: self.template.clone() }
    }
}

impl Promotion {
    /// The Jobs to look at: before the start those of all steps, whose CronJobs must be there; then those
    /// that are not gone.
    #[must_use]
    pub fn jobs(&self) -> Vec<JobPlace> {
        match &self.phase {
            Phase::Starting { .. } => {
                let steps = self.plan.steps.iter().enumerate();
                steps.flat_map(|(index, step)| places(self, index, step)).map(|(place, _)| place).collect()
            }
            Phase::Progressing { run, .. } | Phase::TakingBack { run, .. } => {
                run.jobs.iter().filter(|job| !job.is_gone).map(JobRun::place).collect()
            }
            Phase::Waiting { .. }
            | Phase::Watching { .. }
            | Phase::Succeeded { .. }
            | Phase::Failed { .. }
            | Phase::Aborted { .. }
            | Phase::Rejected { .. }
            | Phase::Cancelled { .. }
            | Phase::Expired { .. }
            | Phase::Superseded { .. } => Vec::new(),
        }
    }
}

/// Where a step runs a Job, and how long that may take: beside each workload that has a candidate.
fn places(promotion: &Promotion, index: usize, step: &Step) -> Vec<(JobPlace, u32)> {
    let Step::Job { template, seconds } = step else { return Vec::new() };
    let beside = promotion.plan.workloads.iter().filter(|planned| planned.candidate.is_some());
    let place = beside.filter_map(|planned| {
        let namespace = &planned.placed.workload.namespace;
        let job = JobRef::of_step(namespace, template, (promotion.id, promotion.number), index)?;
        let (placed, cluster_name) = (planned.placed.clone(), planned.cluster_name.clone());
        Some((JobPlace { placed, cluster_name, job, template: template.clone() }, *seconds))
    });
    place.collect()
}

/// Why a promotion must not start: a CronJob is not there.
pub(super) fn not_there(promotion: &Promotion, seen: &Seen) -> Option<String> {
    let lacks = |place: &&JobPlace| seen.job(place) == Some(&JobObserved::Missing { has_template: false });
    let places = promotion.jobs();
    let JobPlace { cluster_name, job, template, .. } = places.iter().find(lacks)?;
    Some(format!(
        "CronJob {cluster_name} {}/{template} is not there, of which a step makes its Job; create it (suspended, if it \
         is for nothing else) or change the target's steps, then promote again",
        job.namespace
    ))
}

/// A step wants its Jobs from now on.
pub(super) fn begin(promotion: &Promotion, run: &mut Run, index: usize) {
    let Some(step) = promotion.plan.steps.get(index) else { return };
    let wanted = places(promotion, index, step);
    if wanted.is_empty() {
        return;
    }
    run.generation += 1;
    for (JobPlace { placed, cluster_name, job, template }, seconds) in wanted {
        run.jobs.push(JobRun {
            placed,
            cluster_name,
            job,
            template,
            seconds,
            step: index,
            generation: run.generation,
            seen_at: None,
            state: None,
            unwanted_since: None,
            is_gone: false,
        });
    }
}

/// What a step waits for that runs Jobs.
pub(super) fn waits(run: &Run, step: usize) -> StepWait {
    let open: Vec<String> =
        run.jobs.iter().filter(|job| job.step == step && !job.has_succeeded()).map(JobRun::words).collect();
    if open.is_empty() { StepWait::Nothing } else { StepWait::Doing { words: open.join("; "), until: None } }
}

/// The present step is over: what has not ended is not waited for.
pub(super) fn leave(run: &mut Run, now: DateTime<Utc>) {
    for job in run.jobs.iter_mut().filter(|job| !job.has_succeeded()) {
        job.unwanted_since.get_or_insert(now);
    }
}

/// None of them is wanted any more.
pub(super) fn end(run: &mut Run, now: DateTime<Utc>) {
    for job in &mut run.jobs {
        job.unwanted_since.get_or_insert(now);
    }
}

/// Whether all are gone; what cannot be removed in the time of a move is left to people, and said.
pub(super) fn are_gone(draft: &mut Draft, run: &mut Run) -> bool {
    end(run, draft.now);
    let patience = Duration::seconds(i64::from(draft.next.plan.rollout_budget_seconds));
    for job in run.jobs.iter_mut().filter(|job| !job.is_gone) {
        if job.unwanted_since.is_some_and(|since| draft.now >= since + patience) {
            job.is_gone = true;
            let words = format!("{} could not be removed; delete it by hand", job.shown());
            draft.note_rule(JOB, JournalEvent::Job { words, is_bad: true });
        }
    }
    run.jobs.iter().all(|job| job.is_gone)
}

/// Takes in what is seen of Jobs.
pub(super) fn hear(draft: &mut Draft, run: &mut Run, seen: &Seen) {
    for job in run.jobs.iter_mut().filter(|job| !job.is_gone) {
        let Some(observed) = seen.job(&job.place()) else { continue };
        let before = job.state.clone();
        match observed {
            JobObserved::Missing { .. } if job.unwanted_since.is_some() || job.has_succeeded() => job.is_gone = true,
            JobObserved::Missing { .. } if job.seen_at.is_some() => {
                job.state = Some(JobState::Failed { why: "it was deleted before it had ended".to_owned() });
            }
            JobObserved::Missing { .. } => {}
            JobObserved::Present(now) => {
                let is_ours = |stamp: crate::observation::Stamp| {
                    stamp.target == draft.next.target && stamp.promotion == draft.next.id
                };
                if now.stamp.is_some_and(is_ours) {
                    job.seen_at.get_or_insert(draft.now);
                    if !matches!(job.state, Some(JobState::Succeeded | JobState::Failed { .. })) {
                        job.state = Some(now.state.clone());
                    }
                } else if job.unwanted_since.is_some() {
                    job.is_gone = true;
                } else {
                    let why = "another one of its name is there, which this promotion has not made".to_owned();
                    job.state = Some(JobState::Failed { why });
                }
            }
        }
        let is_news = match (&before, &job.state) {
            (_, None) | (Some(JobState::Running { .. }), Some(JobState::Running { .. })) => false,
            (before, after) => before != after,
        };
        if is_news {
            let is_bad = matches!(job.state, Some(JobState::Failed { .. }));
            draft.note_rule(JOB, JournalEvent::Job { words: job.words(), is_bad });
        }
    }
}

/// What Jobs say against the version: those that have failed, and those that do not end in their time.
pub(super) fn bad(run: &Run, now: DateTime<Utc>) -> Option<TakeBackCause> {
    let late = |job: &&JobRun| {
        let is_over = |since| now >= since + Duration::seconds(i64::from(job.seconds) + JOB_GRACE_SECONDS);
        matches!(job.state, Some(JobState::Running { .. })) && job.seen_at.is_some_and(is_over)
    };
    failed(run).or_else(|| {
        let job = wanted(run).find(late)?;
        let why = format!("did not end within {}", duration_words::exact(i64::from(job.seconds)));
        Some(TakeBackCause::Job { job: job.shown(), why })
    })
}

/// The first that has failed.
pub(super) fn failed(run: &Run) -> Option<TakeBackCause> {
    wanted(run).find_map(|job| match &job.state {
        Some(state @ JobState::Failed { .. }) => Some(TakeBackCause::Job { job: job.shown(), why: state.words() }),
        _ => None,
    })
}

fn wanted(run: &Run) -> impl Iterator<Item = &JobRun> {
    run.jobs.iter().filter(|job| job.unwanted_since.is_none())
}
