//! Judges one workload's rollout from what the cluster shows: the rules of `kubectl rollout status`
//! (kubernetes/kubectl, pkg/polymorphichelpers/rollout_status.go), in its order, and before them what
//! those rules do not look at: pods that crash, cannot pull their image or keep restarting.

use serde::{Deserialize, Serialize};

use crate::delegated::{self, ToolStatus};
use crate::observation::{ContainerTrouble, PodCounts, ReplacementSettings, WorkloadObservation};

/// Restarts of one container of a new pod after which waiting longer will not help. Two restarts
/// come within about 10 s of the kubelet's back-off; one may be a race at start.
pub const RESTARTS_THAT_FAIL: u32 = 2;

/// Waiting reasons that Kubernetes does not get out of by itself within a rollout. `ErrImagePull` is
/// not among them: it is the first try, `ImagePullBackOff` follows when the next one fails too.
const WAITING_REASONS_THAT_FAIL: [&str; 6] = [
    "CrashLoopBackOff",
    "ImagePullBackOff",
    "InvalidImageName",
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
];

/// Why a rollout is judged bad.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum RolloutFailure {
    /// A new pod does not run.
    Pod {
        /// The pod.
        pod: String,
        /// Kubernetes' reason, exit code and message.
        trouble: ContainerTrouble,
        /// Restarts so far.
        restarts: u32,
    },
    /// Pods cannot be made: a quota or an admission rule.
    Replicas {
        /// Kubernetes' message.
        message: String,
    },
    /// The tool in charge says so.
    Tool {
        /// Which.
        tool: String,
        /// Its message.
        message: String,
    },
    /// Kubernetes' own progress deadline has passed.
    ProgressDeadline {
        /// The deadline.
        seconds: u32,
        /// The state of the pods then.
        counts: PodCounts,
    },
}

impl RolloutFailure {
    /// One line for people, with the pod's own reason.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Pod { pod, trouble, restarts } => {
                let again = match restarts {
                    0 => String::new(),
                    1 => ", restarted once".to_owned(),
                    n => format!(", restarted {n} times"),
                };
                format!("{} in pod {pod}{again}", trouble.words())
            }
            Self::Replicas { message } => format!("pods cannot be made: {message}"),
            Self::Tool { tool, message } => format!("{tool}: {message}"),
            Self::ProgressDeadline { seconds, counts } => {
                format!(
                    "no progress for {seconds} s, {} of {} pods available (ProgressDeadlineExceeded)",
                    counts.available, counts.wanted
                )
            }
        }
    }
}

/// How far a rollout is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Rollout {
    /// The controller has not seen the change yet.
    Unseen,
    /// It is paused in the cluster; nothing moves until someone resumes it there.
    Paused,
    /// Pods are being replaced.
    Moving {
        /// The pods now.
        counts: PodCounts,
        /// Old pods that are still there.
        old: u32,
    },
    /// The tool in charge works on it.
    ByTool {
        /// How far it is.
        words: String,
        /// Whether it waits for a time or a person by its own steps: that time is not the version's.
        waits: bool,
    },
    /// All pods run the current template and are available.
    Complete {
        /// The pods now.
        counts: PodCounts,
    },
    /// It will not get there by itself.
    Failed {
        /// Why.
        failure: RolloutFailure,
    },
}

impl Rollout {
    /// One line for people: `2 of 3 pods available`.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Unseen => "the change is not seen by the cluster yet".to_owned(),
            Self::Paused => "paused in the cluster".to_owned(),
            Self::Moving { counts, old } if *old > 0 && counts.available >= counts.wanted => {
                format!("{} of {} pods available, {old} old pods are ending", counts.available, counts.wanted)
            }
            Self::Moving { counts, .. } | Self::Complete { counts } => {
                format!("{} of {} pods available", counts.available, counts.wanted)
            }
            Self::ByTool { words, .. } => words.clone(),
            Self::Failed { failure } => failure.words(),
        }
    }
}

/// Judges what is seen of one workload.
#[must_use]
pub fn judge(seen: &WorkloadObservation) -> Rollout {
    if let Some(tool) = &seen.tool {
        return delegated::judge(seen, tool);
    }
    if seen.generation > seen.observed_generation {
        return Rollout::Unseen;
    }
    if let Some(failure) = early_failure(seen) {
        return Rollout::Failed { failure };
    }
    if seen.is_paused {
        return Rollout::Paused;
    }
    let counts = PodCounts::from(seen);
    if seen.progressing_reason.as_deref() == Some("ProgressDeadlineExceeded") {
        let failure = RolloutFailure::ProgressDeadline { seconds: seen.progress_deadline_seconds, counts };
        return Rollout::Failed { failure };
    }
    let old = seen.replicas.saturating_sub(seen.updated_replicas);
    let is_moving =
        seen.updated_replicas < seen.wanted_replicas || old > 0 || seen.available_replicas < seen.updated_replicas;
    if is_moving { Rollout::Moving { counts, old } } else { Rollout::Complete { counts } }
}

pub(crate) fn early_failure(seen: &WorkloadObservation) -> Option<RolloutFailure> {
    let new_pods = || seen.pods.iter().filter(|p| p.is_updated && !p.is_terminating);
    let failing = new_pods().find_map(|pod| {
        let trouble = pod.trouble.as_ref()?;
        (is_hopeless(trouble) || pod.restarts >= RESTARTS_THAT_FAIL).then(|| (pod, trouble.clone()))
    });
    if let Some((pod, trouble)) = failing {
        return Some(RolloutFailure::Pod { pod: pod.name.clone(), trouble, restarts: pod.restarts });
    }
    // A quota only matters while pods are missing: the condition outlives its cause.
    let message = seen.replica_failure.clone()?;
    (seen.updated_replicas < seen.wanted_replicas).then_some(RolloutFailure::Replicas { message })
}

/// Kubernetes' own default lets a quarter of the pods be missing: more than that is worth a word.
const MOST_MISSING_PERCENT: u32 = 25;

/// Whether a container waits for a reason that does not go away by itself.
#[must_use]
pub fn is_hopeless(trouble: &ContainerTrouble) -> bool {
    WAITING_REASONS_THAT_FAIL.contains(&trouble.reason.as_str())
}

/// What a person should know before the pods of this workload are replaced: settings of its own by which capacity can be
/// lost, in sentences with the numbers. Beside a candidate that serves meanwhile (`is_tried`) only what stops the rollout
/// counts.
#[must_use]
pub fn capacity_warnings(seen: &WorkloadObservation, is_tried: bool) -> Vec<String> {
    let (name, wanted) = (&seen.workload, seen.wanted_replicas);
    let mut warnings = Vec::new();
    if seen.is_paused {
        warnings.push(format!(
            "{name} is paused in the cluster: no pod is replaced until it is resumed (kubectl -n {} rollout resume deployment/{}).",
            name.namespace, name.name
        ));
    }
    if let Some(ToolStatus::ArgoCd(status)) = &seen.tool
        && status.health == "Degraded"
    {
        warnings.push(format!(
            "{name} is Degraded already, whatever the version: when it still is once it is synced, the version is taken back."
        ));
    }
    if is_tried || wanted == 0 {
        return warnings;
    }
    let pods = if wanted == 1 { "its only pod".to_owned() } else { format!("all its {wanted} pods") };
    match seen.replacement {
        ReplacementSettings::Recreate => warnings.push(format!(
            "{name} ends {pods} before the first new one starts (strategy Recreate): nothing answers meanwhile."
        )),
        ReplacementSettings::RollingUpdate { max_unavailable, .. } if max_unavailable >= wanted => warnings.push(
            format!("{name} may lose {pods} at once while they are replaced (maxUnavailable {max_unavailable})."),
        ),
        ReplacementSettings::RollingUpdate { max_unavailable, .. }
            if max_unavailable * 100 > wanted * MOST_MISSING_PERCENT =>
        {
            warnings.push(format!(
                "{name} may serve with {} of {wanted} pods while they are replaced (maxUnavailable {max_unavailable}).",
                wanted - max_unavailable
            ));
        }
        ReplacementSettings::RollingUpdate { .. } if wanted == 1 => warnings
            .push(format!("{name} has one pod: when the new one fails after it was ready, none is left that answers.")),
        ReplacementSettings::RollingUpdate { .. } => {}
    }
    warnings
}
