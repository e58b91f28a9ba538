//! What a promotion asks for, who consented to it, and what stands between it and its start.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    analysis::{JudgingPolicy, MetricRule},
    git::GitPlan,
    ids::{EnvironmentId, PersonId, VersionId},
    image::ContainerImage,
    observation::{PlacedWorkload, WorkloadRef},
    outside::Deployer,
    strategy::{Step, Strategy},
    traffic::TrafficLayer,
};

/// One workload and what this promotion sets in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkloadPlan {
    /// Which object in which cluster.
    pub placed: PlacedWorkload,
    /// The cluster's name, for people.
    pub cluster_name: String,
    /// The images to set, by container.
    pub images: Vec<ContainerImage>,
    /// The candidate that is tried beside it, where the strategy has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub candidate: Option<CandidatePlan>,
}

impl WorkloadPlan {
    /// Where the candidate stands, when there is one.
    #[must_use]
    pub fn placed_candidate(&self) -> Option<PlacedWorkload> {
        let candidate = self.candidate.as_ref()?;
        Some(PlacedWorkload { cluster: self.placed.cluster, workload: candidate.workload.clone() })
    }
}

/// A pod template with which the version ran before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WholeTemplate {
    /// The workload.
    pub placed: PlacedWorkload,
    /// The template, as it was saved.
    pub template: serde_json::Value,
}

/// A second Deployment that runs the version beside the one that serves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CandidatePlan {
    /// The Deployment that is made.
    pub workload: WorkloadRef,
    /// What moves the traffic to it.
    pub layer: TrafficLayer,
}

/// Exactly what is asked for. An approval binds to it; any change makes a new plan and voids the
/// approvals of the former.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Rises with each change of the plan.
    pub number: u32,
    /// The version.
    pub version: VersionId,
    /// The strategy.
    pub strategy: Strategy,
    /// Its steps.
    pub steps: Vec<Step>,
    /// What is set where.
    pub workloads: Vec<WorkloadPlan>,
    /// Who does it.
    #[serde(default, skip_serializing_if = "Deployer::is_clusters")]
    pub deployer: Deployer,
    /// Whether what a plain Helm release made may be written: somebody has said so for the target.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub may_write_helm: bool,
    /// What is written into a Git repository, where the version lives in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git: Option<GitPlan>,
    /// The revision of the environment's rules under which it was made.
    pub rules_revision: i64,
    /// Distinct people who must approve.
    pub approvals: u8,
    /// The environment where the version must be healthy before.
    pub healthy_in: Option<EnvironmentId>,
    /// Wall-clock budget of the rollout in seconds.
    pub rollout_budget_seconds: u32,
    /// How long to watch after the end, in seconds.
    pub watch_seconds: u32,
    /// The rules by which the version is judged while it gets traffic and while it is watched.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub analysis: Vec<MetricRule>,
    /// What a late breach leads to, and what comes when nobody answers.
    #[serde(default, skip_serializing_if = "JudgingPolicy::is_usual")]
    pub judging: JudgingPolicy,
}

/// A consent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// Who.
    pub person: PersonId,
    /// Their name as shown.
    pub name: String,
    /// When.
    pub at: DateTime<Utc>,
    /// What they said, when they said something.
    pub comment: Option<String>,
    /// The plan that they consented to.
    pub plan_number: u32,
}

/// What stands between a waiting promotion and its start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "blocker", rename_all = "snake_case")]
pub enum Blocker {
    /// Consent is missing.
    Approvals {
        /// Distinct people who approved this plan.
        have: u8,
        /// How many must.
        need: u8,
    },
    /// The version is not healthy in the environment before.
    NotHealthyBefore {
        /// That environment's name.
        environment: String,
    },
    /// Another promotion holds the target.
    Queue {
        /// Its number.
        behind: i64,
    },
}
