//! Jobs of steps, as calls to a cluster.

use domain::{
    job::JobRef,
    names::{Namespace, WorkloadName},
    observation::Stamp,
};

use crate::{cluster::ApplyOutcome, judgement::Judgement};

/// How a Job is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobChange {
    /// The Job.
    pub job: JobRef,
    /// The mark that it carries.
    pub stamp: Stamp,
    /// What is wanted.
    pub want: JobWant,
    /// For `kubernetes.io/change-cause`: who, what, why in one line.
    pub change_cause: String,
}

/// What is wanted of a Job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobWant {
    /// It is there: made once from the template of a CronJob, which may be suspended.
    There {
        /// The CronJob, in the same namespace.
        template: WorkloadName,
        /// How long it may take.
        seconds: u32,
        /// What its containers are told, by variable.
        variables: Vec<(String, String)>,
    },
    /// It is gone, with its pods.
    Gone,
}

/// A Job that Slipway has made, as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobFound {
    /// The Job.
    pub job: JobRef,
    /// The mark that it carries.
    pub stamp: Stamp,
}

impl JobChange {
    /// Judges the change against the mark of the Job that is there, when one is: `Some(None)` for one
    /// without a mark. What another promotion, or somebody else, has made stays.
    #[must_use]
    pub fn judge(&self, found: Option<Option<Stamp>>) -> Judgement {
        let is_ours = |stamp: Stamp| stamp.target == self.stamp.target && stamp.promotion == self.stamp.promotion;
        match (found, &self.want) {
            (None, JobWant::There { .. }) => Judgement::Write,
            (None, JobWant::Gone) => Judgement::Answer(ApplyOutcome::Unchanged),
            (Some(stamp), _) if !stamp.is_some_and(is_ours) => Judgement::Answer(ApplyOutcome::ChangedByOthers),
            (Some(_), JobWant::There { .. }) => Judgement::Answer(ApplyOutcome::Unchanged),
            (Some(_), JobWant::Gone) => Judgement::Write,
        }
    }

    /// What is said when the CronJob is not there.
    #[must_use]
    pub fn no_template(namespace: &Namespace, template: &WorkloadName) -> String {
        format!("CronJob {namespace}/{template} is not there, of which the Job is made")
    }
}
