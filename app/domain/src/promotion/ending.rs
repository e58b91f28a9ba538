//! How a step begins and what it waits for before it ends, for every kind of step in one place. What goes
//! on, what the page says and what comes next all ask here, so a new kind of step is one more line in each
//! of the two functions; what it wants of the clusters beyond a share ends with [`leave`].

use chrono::{DateTime, Duration, Utc};

use super::{JournalEvent, Phase, Promotion, Run, decide::Draft, jobs, judging};
use crate::strategy::{Asked, Step};

/// What the present step waits for, once everything that it wants of the clusters is seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepWait {
    /// Nothing: the next one may begin.
    Nothing,
    /// That time goes by.
    Time {
        /// Until then.
        until: DateTime<Utc>,
    },
    /// A person who lets it go on.
    Person {
        /// Which persons can.
        asked: Asked,
    },
    /// Something that is done meanwhile.
    Doing {
        /// In words: `judged, 2 of 5 measurements`.
        words: String,
        /// When it is over at the latest, where that is known.
        until: Option<DateTime<Utc>>,
    },
}

impl StepWait {
    /// Whether it is over at `now`.
    pub(super) fn is_over(&self, now: DateTime<Utc>) -> bool {
        match self {
            Self::Nothing => true,
            Self::Time { until } => now >= *until,
            Self::Person { .. } => false,
            Self::Doing { until, .. } => until.is_some_and(|until| now >= until),
        }
    }
}

impl Promotion {
    /// What the present step waits for; `None` when no step is under way, or while something that it wants
    /// of the clusters is not seen.
    #[must_use]
    pub fn step_waits(&self) -> Option<StepWait> {
        match &self.phase {
            Phase::Progressing { run, step, since } if run.settled_at.is_some() => {
                Some(waits(self, run, *step, *since))
            }
            _ => None,
        }
    }
}

/// What a step waits for that began at `since`.
pub(super) fn waits(promotion: &Promotion, run: &Run, step: usize, since: DateTime<Utc>) -> StepWait {
    match promotion.plan.steps.get(step) {
        Some(Step::Pause { seconds }) => StepWait::Time { until: since + Duration::seconds(i64::from(*seconds)) },
        Some(Step::Ask { asked }) => StepWait::Person { asked: *asked },
        Some(Step::Analysis { length }) => judging::analysis_waits(run, *length, since),
        Some(Step::Job { .. }) => jobs::waits(run, step),
        Some(
            Step::Preview
            | Step::Weight { .. }
            | Step::Testers { .. }
            | Step::Mirror { .. }
            | Step::Notify { .. }
            | Step::Rollout,
        )
        | None => StepWait::Nothing,
    }
}

/// What a step does once, in the decision that begins it.
pub(super) fn enter(draft: &mut Draft, run: &mut Run, step: usize) {
    match draft.next.plan.steps.get(step) {
        Some(Step::Analysis { .. }) => judging::begin_analysis(&draft.next, run, draft.now),
        Some(Step::Job { .. }) => jobs::begin(&draft.next, run, step),
        Some(Step::Notify { notice }) => {
            let words = notice.as_str().to_owned();
            draft.note_rule("strategy", JournalEvent::Announced { words });
            draft.announced.extend(u32::try_from(step));
        }
        Some(
            Step::Preview
            | Step::Weight { .. }
            | Step::Testers { .. }
            | Step::Mirror { .. }
            | Step::Pause { .. }
            | Step::Ask { .. }
            | Step::Rollout,
        )
        | None => {}
    }
}

/// The present step is over, however that came about.
pub(super) fn leave(run: &mut Run, now: DateTime<Utc>) {
    run.awaits = None;
    jobs::leave(run, now);
}
