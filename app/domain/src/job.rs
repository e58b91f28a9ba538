//! A Kubernetes Job that a step of a strategy runs beside the candidate, made from the template of a
//! CronJob in the same namespace. So what it may do was decided by who may write there, and nothing of it
//! can be said in Slipway.

use serde::{Deserialize, Serialize};

use crate::{
    ids::PromotionId,
    names::{Namespace, WorkloadName},
    observation::{PlacedWorkload, PodObservation, Stamp},
};

/// How long a Job may take when nothing else was said, in seconds.
pub const USUAL_JOB_SECONDS: u32 = 10 * 60;

/// How long after its time a Job may still be seen running: its cluster ends it, and Slipway looks later.
pub const JOB_GRACE_SECONDS: i64 = 30;

/// The longest name of a Job: it is a label of its pods too.
const NAME_LENGTH: usize = 63;

/// A Job.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct JobRef {
    /// Its namespace.
    pub namespace: Namespace,
    /// Its name.
    pub name: WorkloadName,
}

impl JobRef {
    /// The one Job of a step of a promotion beside a workload: whoever asks for it again means the same.
    #[must_use]
    pub fn of_step(
        namespace: &Namespace,
        template: &WorkloadName,
        promotion: (PromotionId, i64),
        step: usize,
    ) -> Option<Self> {
        let (id, number) = promotion;
        let id = id.uuid().simple().to_string();
        // The end of an id is chance; two Slipways that share a cluster count their promotions alike.
        let ending = format!("-{number}-{}-{}", step + 1, id.get(24..).unwrap_or_default());
        let stem: String = template.as_str().chars().map(|c| if c == '.' { '-' } else { c }).collect();
        let stem: String = stem.chars().take(NAME_LENGTH.saturating_sub(ending.len())).collect();
        let name = WorkloadName::parse(&format!("{}{ending}", stem.trim_end_matches('-'))).ok()?;
        Some(Self { namespace: namespace.clone(), name })
    }
}

impl std::fmt::Display for JobRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// A Job that is looked at, and the CronJob from which it is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobPlace {
    /// The workload beside which it runs: its cluster and namespace are the Job's.
    pub placed: PlacedWorkload,
    /// The cluster's name, for messages.
    pub cluster_name: String,
    /// The Job.
    pub job: JobRef,
    /// The CronJob.
    pub template: WorkloadName,
}

/// What is found of a Job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobObserved {
    /// There is none.
    Missing {
        /// Whether the CronJob is there.
        has_template: bool,
    },
    /// There is one.
    Present(JobObservation),
}

/// A Job as it was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobObservation {
    /// Whose it is.
    pub stamp: Option<Stamp>,
    /// How far it is.
    pub state: JobState,
    /// Its pods, as far as they are there.
    pub pods: Vec<PodObservation>,
}

impl JobObservation {
    /// Pods that have failed, with why.
    pub fn failing(&self) -> impl Iterator<Item = (&PodObservation, String)> {
        self.pods.iter().filter_map(|pod| {
            let trouble = pod.trouble.as_ref().filter(|trouble| trouble.exit_code != Some(0))?;
            Some((pod, trouble.words()))
        })
    }
}

/// How far a Job is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum JobState {
    /// It has not ended.
    Running {
        /// Pods that run or are about to.
        active: u32,
        /// Pods that have failed so far.
        failed: u32,
    },
    /// It did what it was for.
    Succeeded,
    /// It did not.
    Failed {
        /// Why, in Kubernetes' words: `BackoffLimitExceeded: Job has reached the specified backoff limit`.
        why: String,
    },
}

impl JobState {
    /// In a few words: `1 pod active, 1 failed`.
    #[must_use]
    pub fn words(&self) -> String {
        let pods = |n: u32| if n == 1 { "1 pod".to_owned() } else { format!("{n} pods") };
        match self {
            Self::Running { active, failed: 0 } => format!("{} active", pods(*active)),
            Self::Running { active, failed } => format!("{} active, {failed} failed", pods(*active)),
            Self::Succeeded => "succeeded".to_owned(),
            Self::Failed { why } => format!("failed: {why}"),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_jobs_name_says_what_it_is_of_and_fits_a_label() {
        let id = PromotionId::new(uuid::Uuid::from_u128(0xabc));
        let name = |template: &str, step| {
            let template = WorkloadName::parse(template).unwrap();
            JobRef::of_step(&Namespace::parse("shop").unwrap(), &template, (id, 1042), step).unwrap().to_string()
        };
        assert_eq!(name("smoke", 2), "shop/smoke-1042-3-00000abc");
        assert_eq!(name("smoke.v1", 0), "shop/smoke-v1-1042-1-00000abc");
        let long = name("a-".repeat(60).trim_end_matches('-'), 29);
        assert!(long.len() <= "shop/".len() + NAME_LENGTH && long.ends_with("-1042-30-00000abc"), "{long}");
        assert!(!long.contains("--"), "{long}");
    }
}
