//! CronJobs and Jobs of the practice cluster: what a Job does was said when its CronJob was made, and its
//! pod starts a second after it.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::{
    evidence::{LogTail, PodEvent, PodReport, Told},
    image::ContainerImage,
    job::{JobObservation, JobObserved, JobRef, JobState},
    names::{Namespace, WorkloadName},
    observation::{ContainerTrouble, PodObservation, Stamp, WorkloadRef},
};
use ports::{ApplyOutcome, ClusterError, JobChange, JobFound, JobWant, Judgement, NamespaceScope};
use serde::{Deserialize, Serialize};

use crate::{
    cluster::{Inner, PracticeCluster, is_in_scope},
    state::{AcceptedWrite, State, Writer},
};

/// What containers are told, by variable.
type Variables = Vec<(String, String)>;

/// A CronJob to make; its schedule is suspended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewCronJob {
    /// Its namespace.
    pub namespace: Namespace,
    /// Its name.
    pub name: WorkloadName,
    /// How long its Jobs take.
    pub takes: Duration,
    /// With which code they end.
    pub exit_code: i32,
    /// What they write.
    pub log: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PracticeJob {
    job: JobRef,
    stamp: Stamp,
    made_at: DateTime<Utc>,
    of: NewCronJob,
    seconds: u32,
    variables: Variables,
}

impl PracticeJob {
    fn state_at(&self, now: DateTime<Utc>) -> JobState {
        let ran = (now - self.made_at).to_std().unwrap_or_default();
        let deadline = Duration::from_secs(u64::from(self.seconds));
        let why = |reason: &str, message: &str| JobState::Failed { why: format!("{reason}: {message}") };
        if self.of.takes <= deadline && ran >= self.of.takes {
            return match self.of.exit_code {
                0 => JobState::Succeeded,
                _ => why("BackoffLimitExceeded", "Job has reached the specified backoff limit"),
            };
        }
        if ran >= deadline {
            return why("DeadlineExceeded", "Job was active longer than specified deadline");
        }
        JobState::Running { active: 1, failed: 0 }
    }

    /// A pod that failed stays; one that ran too long is ended with its Job.
    fn pods_at(&self, now: DateTime<Utc>) -> Vec<PodObservation> {
        let ran = (now - self.made_at).to_std().unwrap_or_default();
        if self.of.exit_code == 0 || ran < self.of.takes {
            return Vec::new();
        }
        vec![PodObservation {
            name: format!("{}-pod", self.job.name),
            is_updated: true,
            is_ready: false,
            is_terminating: false,
            restarts: 0,
            trouble: Some(ContainerTrouble {
                container: "app".to_owned(),
                reason: "Error".to_owned(),
                exit_code: Some(self.of.exit_code),
                message: None,
            }),
            created_at: Some(self.made_at),
        }]
    }
}

fn key(namespace: &Namespace, name: &WorkloadName) -> String {
    format!("{namespace}/{name}")
}

impl Inner {
    pub(crate) fn observe_job_now(&self, job: &JobRef, template: &WorkloadName) -> std::io::Result<JobObserved> {
        self.read(|state, now| match state.jobs.get(&job.to_string()) {
            Some(found) => JobObserved::Present(JobObservation {
                stamp: Some(found.stamp),
                state: found.state_at(now),
                pods: found.pods_at(now),
            }),
            None => JobObserved::Missing { has_template: state.cron_jobs.contains_key(&key(&job.namespace, template)) },
        })
    }

    pub(crate) fn apply_job_now(&self, change: &JobChange) -> std::io::Result<Result<ApplyOutcome, ClusterError>> {
        self.write(|state, now| {
            let outcome = apply_to(state, now, change);
            let has_written = outcome == Ok(ApplyOutcome::Written);
            (outcome, has_written)
        })
    }

    pub(crate) fn jobs_now(&self, scope: &NamespaceScope) -> std::io::Result<Vec<JobFound>> {
        let is_here = |job: &&PracticeJob| is_in_scope(&as_workload(&job.job), scope);
        self.read(|state, _| {
            let here = state.jobs.values().filter(is_here);
            here.map(|job| JobFound { job: job.job.clone(), stamp: job.stamp }).collect()
        })
    }

    /// What a Job's pod tells; `None` when it is no Job's pod.
    pub(crate) fn report_of_job(state: &State, namespace: &Namespace, pod: &str) -> Option<PodReport> {
        let of = |job: &&PracticeJob| job.job.namespace == *namespace && format!("{}-pod", job.job.name) == pod;
        let job = state.jobs.values().find(of)?;
        let event = PodEvent {
            at: Some(job.made_at),
            reason: "Started".to_owned(),
            message: "Started container app".to_owned(),
            count: 1,
            is_warning: false,
        };
        Some(PodReport::new(Told::Known(vec![event]), Told::Known(LogTail::of(&job.of.log, false, false))))
    }
}

/// How a Job stands in the journal of writes.
fn as_workload(job: &JobRef) -> WorkloadRef {
    WorkloadRef::deployment(job.namespace.clone(), job.name.clone())
}

fn apply_to(state: &mut State, now: DateTime<Utc>, change: &JobChange) -> Result<ApplyOutcome, ClusterError> {
    let found = state.jobs.get(&change.job.to_string()).map(|job| Some(job.stamp));
    if let Judgement::Answer(outcome) = change.judge(found) {
        return Ok(outcome);
    }
    let act = match &change.want {
        JobWant::There { template, seconds, variables } => {
            let Some(of) = state.cron_jobs.get(&key(&change.job.namespace, template)) else {
                return Err(ClusterError::Invalid(JobChange::no_template(&change.job.namespace, template)));
            };
            let (of, variables) = (of.clone(), variables.clone());
            let job = PracticeJob {
                job: change.job.clone(),
                stamp: change.stamp,
                made_at: now,
                of,
                seconds: *seconds,
                variables,
            };
            state.jobs.insert(change.job.to_string(), job);
            "start the job"
        }
        JobWant::Gone => {
            state.jobs.remove(&change.job.to_string());
            "remove the job"
        }
    };
    let images = Vec::<ContainerImage>::new();
    let (workload, stamp) = (as_workload(&change.job), Some(change.stamp));
    state.note(AcceptedWrite { at: now, workload, by: Writer::Slipway, stamp, images, act: act.to_owned() });
    Ok(ApplyOutcome::Written)
}

impl PracticeCluster {
    /// Makes a CronJob, or another one of its name.
    ///
    /// # Errors
    /// [`std::io::Error`] when the state file cannot be read or written.
    pub fn create_cron_job(&self, new: NewCronJob) -> std::io::Result<()> {
        self.inner.write(|state, _| {
            state.cron_jobs.insert(key(&new.namespace, &new.name), new);
            ((), true)
        })
    }

    /// Deletes a CronJob, as somebody with kubectl does; its Jobs stay.
    ///
    /// # Errors
    /// As [`Self::create_cron_job`].
    pub fn delete_cron_job(&self, namespace: &Namespace, name: &WorkloadName) -> std::io::Result<()> {
        self.inner.write(|state, _| {
            state.cron_jobs.remove(&key(namespace, name));
            ((), true)
        })
    }

    /// Deletes every Job, as somebody with kubectl does.
    ///
    /// # Errors
    /// As [`Self::create_cron_job`].
    pub fn delete_jobs(&self) -> std::io::Result<()> {
        self.inner.write(|state, _| {
            state.jobs.clear();
            ((), true)
        })
    }

    /// The Jobs that are there, each with what its containers are told.
    ///
    /// # Errors
    /// As [`Self::create_cron_job`].
    pub fn jobs_there(&self) -> std::io::Result<Vec<(JobRef, Variables)>> {
        self.inner.read(|state, _| state.jobs.values().map(|job| (job.job.clone(), job.variables.clone())).collect())
    }
}
