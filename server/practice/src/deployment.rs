//! A Deployment of the practice cluster as it is stored: its spec, its replica sets, its pods, and
//! how far its controller has got. What a reader sees of it at a moment is worked out here.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use domain::delegated::ToolStatus;
use domain::observation::{
    ContainerTrouble, Manager, PodObservation, ReplacementSettings, Stamp, WorkloadObservation, WorkloadRef,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    behaviour::{Container, Timing},
    rollouts::Steps,
};

/// By this label candidates are told from what people made.
pub(crate) const CANDIDATE_LABEL: &str = "slipway.dev/candidate-of";

/// A number of pods, or a share of the wanted ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Amount {
    /// This many.
    Count(u32),
    /// This share of the wanted replicas.
    Percent(u32),
}

impl Amount {
    fn rounded_up(self, replicas: u32) -> u32 {
        match self {
            Self::Count(count) => count,
            Self::Percent(percent) => replicas.saturating_mul(percent).div_ceil(100),
        }
    }

    fn rounded_down(self, replicas: u32) -> u32 {
        match self {
            Self::Count(count) => count,
            Self::Percent(percent) => replicas.saturating_mul(percent) / 100,
        }
    }
}

/// How pods are replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Replacement {
    /// A few at a time.
    RollingUpdate {
        /// Pods that may be missing.
        max_unavailable: Amount,
        /// Pods that may be there in excess.
        max_surge: Amount,
    },
    /// All at once.
    Recreate,
}

impl Default for Replacement {
    /// Kubernetes' default: a quarter each.
    fn default() -> Self {
        Self::RollingUpdate { max_unavailable: Amount::Percent(25), max_surge: Amount::Percent(25) }
    }
}

impl Replacement {
    /// The settings in pods. Both at nothing would never move: Kubernetes then lets one be missing.
    #[must_use]
    pub fn settings(self, replicas: u32) -> ReplacementSettings {
        match self {
            Self::Recreate => ReplacementSettings::Recreate,
            Self::RollingUpdate { max_unavailable, max_surge } => {
                let max_surge = max_surge.rounded_up(replicas);
                let missing = max_unavailable.rounded_down(replicas);
                let max_unavailable = if missing == 0 && max_surge == 0 { 1 } else { missing };
                ReplacementSettings::RollingUpdate { max_unavailable, max_surge }
            }
        }
    }
}

/// The pods made from one pod template.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ReplicaSet {
    pub(crate) hash: String,
    pub(crate) template: Value,
    pub(crate) revision: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Pod {
    pub(crate) name: String,
    /// The hash of its replica set.
    pub(crate) hash: String,
    pub(crate) created_at: DateTime<Utc>,
    /// When it is gone, once it is being deleted.
    pub(crate) gone_at: Option<DateTime<Utc>>,
    pub(crate) containers: Vec<Container>,
}

impl Pod {
    pub(crate) fn is_active(&self) -> bool {
        self.gone_at.is_none()
    }

    fn elapsed_ms(&self, at: DateTime<Utc>) -> i64 {
        (at - self.created_at).num_milliseconds()
    }

    pub(crate) fn is_ready(&self, at: DateTime<Utc>, timing: &Timing) -> bool {
        self.containers.iter().all(|c| c.view(self.elapsed_ms(at), timing).is_ready)
    }

    pub(crate) fn changes(&self, at: DateTime<Utc>, timing: &Timing) -> u64 {
        self.containers.iter().map(|c| c.view(self.elapsed_ms(at), timing).changes).sum()
    }

    /// When its readiness may change next after `at`.
    pub(crate) fn next_ready_change(&self, at: DateTime<Utc>, timing: &Timing) -> Option<DateTime<Utc>> {
        let elapsed_ms = self.elapsed_ms(at);
        let next_ms = self.containers.iter().filter_map(|c| c.next_ready_change_ms(elapsed_ms, timing)).min()?;
        Some(self.created_at + TimeDelta::milliseconds(next_ms))
    }

    fn observe(&self, at: DateTime<Utc>, timing: &Timing, is_updated: bool) -> PodObservation {
        let elapsed_ms = self.elapsed_ms(at);
        let views: Vec<_> = self.containers.iter().map(|c| (c, c.view(elapsed_ms, timing))).collect();
        let trouble = views.iter().find_map(|(container, view)| {
            let trouble = view.trouble.as_ref()?;
            Some(ContainerTrouble {
                container: container.name.clone(),
                reason: trouble.reason.to_owned(),
                exit_code: trouble.exit_code,
                message: trouble.message.clone(),
            })
        });
        PodObservation {
            name: self.name.clone(),
            is_updated,
            is_ready: views.iter().all(|(_, view)| view.is_ready),
            is_terminating: !self.is_active(),
            restarts: views.iter().map(|(_, view)| view.restarts).max().unwrap_or(0),
            trouble,
            created_at: Some(self.created_at),
        }
    }
}

/// The condition `Progressing`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Progress {
    pub(crate) reason: String,
    pub(crate) updated_at: DateTime<Utc>,
}

/// The numbers in a Deployment's status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Counts {
    pub(crate) replicas: u32,
    pub(crate) updated: u32,
    pub(crate) ready: u32,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Deployment {
    pub(crate) workload: WorkloadRef,
    pub(crate) uid: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) manager: Option<Manager>,
    pub(crate) stamp: Option<Stamp>,
    pub(crate) change_cause: Option<String>,
    pub(crate) generation: i64,
    pub(crate) resource_version: u64,
    pub(crate) replicas: u32,
    pub(crate) is_paused: bool,
    pub(crate) replacement: Replacement,
    pub(crate) progress_deadline_seconds: u32,
    pub(crate) template: Value,
    pub(crate) replica_sets: Vec<ReplicaSet>,
    pub(crate) pods: Vec<Pod>,
    /// How many pods were ever made: numbers their names.
    pub(crate) pods_made: u64,
    /// The seed of its chances: start delays, names.
    pub(crate) seed: u64,
    /// Up to when the controller's work has been played.
    pub(crate) played_to: DateTime<Utc>,
    /// When the controller will see the last change of the spec.
    pub(crate) observe_at: Option<DateTime<Utc>>,
    pub(crate) observed_generation: i64,
    /// The replica set that the controller takes for the current one; none while it is paused
    /// before a new template.
    pub(crate) current: Option<String>,
    pub(crate) counts: Counts,
    pub(crate) progress: Option<Progress>,
    /// The steps of a Rollout; none of a Deployment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) steps: Option<Steps>,
}

impl Deployment {
    /// Whether it is tried beside another: no workload of its own.
    pub(crate) fn is_candidate(&self) -> bool {
        self.labels.contains_key(CANDIDATE_LABEL)
    }

    pub(crate) fn active_pods(&self) -> impl Iterator<Item = &Pod> {
        self.pods.iter().filter(|p| p.is_active())
    }

    pub(crate) fn is_current(&self, pod: &Pod) -> bool {
        self.current.as_deref() == Some(pod.hash.as_str())
    }

    pub(crate) fn counts_at(&self, at: DateTime<Utc>, timing: &Timing) -> Counts {
        let count =
            |test: &dyn Fn(&Pod) -> bool| u32::try_from(self.active_pods().filter(|p| test(p)).count()).unwrap_or(0);
        Counts {
            replicas: count(&|_| true),
            updated: count(&|p| self.is_current(p)),
            ready: count(&|p| p.is_ready(at, timing)),
        }
    }

    /// Rises with every change that a reader can see.
    pub(crate) fn version_at(&self, at: DateTime<Utc>, timing: &Timing) -> u64 {
        self.resource_version + self.pods.iter().map(|p| p.changes(at, timing)).sum::<u64>()
    }

    /// What a reader sees at `at`, to which it must have been played.
    pub(crate) fn observe(&self, at: DateTime<Utc>, timing: &Timing) -> WorkloadObservation {
        let counts = self.counts_at(at, timing);
        let revision_of = |hash: &str| self.replica_sets.iter().find(|rs| rs.hash == hash).map_or(0, |rs| rs.revision);
        let of_template = self.replica_sets.iter().find(|rs| rs.template == self.template).map(|rs| rs.hash.as_str());
        let mut pods: Vec<&Pod> = self.pods.iter().collect();
        pods.sort_by_key(|p| (of_template != Some(p.hash.as_str()), u64::MAX - revision_of(&p.hash), &p.name));
        let pods = pods.iter().map(|p| p.observe(at, timing, of_template == Some(p.hash.as_str()))).collect();
        WorkloadObservation {
            workload: self.workload.clone(),
            uid: self.uid.clone(),
            resource_version: self.version_at(at, timing).to_string(),
            generation: self.generation,
            observed_generation: self.observed_generation,
            is_paused: self.is_paused,
            wanted_replicas: self.replicas,
            replicas: counts.replicas,
            updated_replicas: counts.updated,
            ready_replicas: counts.ready,
            available_replicas: counts.ready,
            progressing_reason: self.progress.as_ref().map(|p| p.reason.clone()),
            replica_failure: None,
            revision: self.replica_sets.iter().map(|rs| rs.revision).max().map(|r| r.to_string()),
            replacement: self.replacement.settings(self.replicas),
            progress_deadline_seconds: self.progress_deadline_seconds,
            images: ports::template_images(&self.template),
            template: self.template.clone(),
            stamp: self.stamp,
            manager: self.manager.clone(),
            tool: self.rollout_status(&counts).map(ToolStatus::ArgoRollouts),
            pods,
        }
    }
}
