//! What exists of a promotion from its start on.

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};

use super::{LOOKED_AT_EVERY_SECONDS, UNSEEN_AFTER_SECONDS};
use crate::{
    image::ContainerImage,
    observation::{PlacedWorkload, PodCounts, PodObservation},
};

/// A pod template as it was before the change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedWorkload {
    /// Which object.
    pub placed: PlacedWorkload,
    /// Kubernetes' identity of the object then.
    pub uid: String,
    /// The images then.
    pub images: Vec<ContainerImage>,
    /// The whole template then.
    pub template: serde_json::Value,
}

/// What was last seen of one workload, for the screen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkloadProgress {
    /// Which object.
    pub placed: PlacedWorkload,
    /// The cluster's name.
    pub cluster_name: String,
    /// The pods in numbers.
    pub counts: PodCounts,
    /// The pods, for squares and reasons; at most [`Self::MAX_PODS`].
    pub pods: Vec<PodObservation>,
    /// One line: `2 of 3 pods available`.
    pub words: String,
    /// Whether this workload is where it should be.
    pub is_complete: bool,
    /// Whether our mark of the present generation was seen on it; when it is gone again, someone
    /// else wrote the object.
    pub was_ours: bool,
}

impl WorkloadProgress {
    /// How many pods are kept for the screen; a promotion's state must stay small.
    pub const MAX_PODS: usize = 40;
}

/// What exists of a promotion from its start on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// The place in the order of starts at this target.
    pub sequence: i64,
    /// When it started.
    pub started_at: DateTime<Utc>,
    /// Rises only when what is wanted changes.
    pub generation: u32,
    /// What ran before, to be put back.
    pub saved: Vec<SavedWorkload>,
    /// What was last seen.
    pub progress: Vec<WorkloadProgress>,
    /// When the workloads were last looked at, to within some seconds; `None` where nobody noted it.
    #[serde(default)]
    pub looked_at: Option<DateTime<Utc>>,
    /// Seconds of the present generation in which nobody could look.
    #[serde(default)]
    pub unseen_seconds: i64,
}

impl Run {
    /// A run that begins: nothing is saved, nothing is wanted yet.
    #[must_use]
    pub const fn new(sequence: i64, now: DateTime<Utc>) -> Self {
        Self {
            sequence,
            started_at: now,
            generation: 0,
            saved: Vec::new(),
            progress: Vec::new(),
            looked_at: Some(now),
            unseen_seconds: 0,
        }
    }

    /// Whether it has wanted something of the clusters.
    #[must_use]
    pub const fn has_written(&self) -> bool {
        self.generation > 0
    }

    /// Wants something new from now on.
    pub(super) fn next_generation(&mut self, now: DateTime<Utc>) {
        self.generation += 1;
        self.looked_at = Some(now);
        self.unseen_seconds = 0;
        for progress in &mut self.progress {
            progress.was_ours = false;
            progress.is_complete = false;
        }
    }

    /// Takes note that the workloads are looked at now.
    pub(super) fn look(&mut self, now: DateTime<Utc>) {
        let Some(last) = self.looked_at else {
            self.looked_at = Some(now);
            return;
        };
        let since = (now - last).num_seconds();
        if since > UNSEEN_AFTER_SECONDS {
            self.unseen_seconds += since;
        }
        if since >= LOOKED_AT_EVERY_SECONDS {
            self.looked_at = Some(now);
        }
    }

    /// Whether a budget that began at `since` is used up, without the time in which nobody could look.
    pub(super) fn is_over_budget(&self, since: DateTime<Utc>, seconds: u32, now: DateTime<Utc>) -> bool {
        now >= since + Duration::seconds(i64::from(seconds) + self.unseen_seconds)
    }
}
