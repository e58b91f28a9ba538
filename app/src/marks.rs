//! How the domain's words become the five states of the screen.

use domain::{
    deployment::{Cause, Outcome, Severity},
    state::Mark,
    version::Verdict,
};

use crate::components::State;

impl From<Mark> for State {
    fn from(mark: Mark) -> Self {
        match mark {
            Mark::Done => Self::Done,
            Mark::Moving => Self::Moving,
            Mark::Waiting => Self::Waiting,
            Mark::Failed => Self::Failed,
            Mark::Nothing => Self::Nothing,
        }
    }
}

impl From<Verdict> for State {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Passed => Self::Done,
            Verdict::Failed => Self::Failed,
            Verdict::Running => Self::Moving,
            Verdict::Skipped => Self::Nothing,
        }
    }
}

impl From<Outcome> for State {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Running => Self::Moving,
            Outcome::Succeeded => Self::Done,
            Outcome::Failed => Self::Failed,
            Outcome::Aborted => Self::Nothing,
        }
    }
}

/// The tone of an incident's severity, for its chip.
#[must_use]
pub const fn tone_of_severity(severity: Severity) -> State {
    match severity {
        Severity::Critical => State::Failed,
        Severity::Major => State::Waiting,
        Severity::Minor => State::Nothing,
    }
}

/// The tone of a cause, for its chip: what is out of the ordinary stands out.
#[must_use]
pub const fn tone_of_cause(cause: Cause) -> State {
    match cause {
        Cause::Planned => State::Nothing,
        Cause::Hotfix | Cause::Rollback => State::Waiting,
    }
}

/// The word for a verdict beside its icon.
#[must_use]
pub const fn word_of_verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "passed",
        Verdict::Failed => "failed",
        Verdict::Running => "running",
        Verdict::Skipped => "skipped",
    }
}
