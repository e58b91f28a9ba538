//! The workloads of a promotion's page, with their pods and what is told of those that fail.

use domain::{evidence::PodEvidence, state::Mark};
use serde::{Deserialize, Serialize};

/// A workload of a promotion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkloadView {
    /// The cluster's name.
    pub cluster: String,
    /// Whether that is the practice cluster.
    pub is_practice: bool,
    /// `namespace/name`.
    pub workload: String,
    /// Whether it is the candidate that is tried beside the workload before it.
    pub is_candidate: bool,
    /// The images that are set.
    pub images: Vec<String>,
    /// Where it is; before it begins, what will be done to it.
    pub words: String,
    /// Pods available of wanted.
    pub available: u32,
    /// Pods available of wanted; 0 before it begins.
    pub wanted: u32,
    /// The pods.
    pub pods: Vec<PodView>,
    /// The kubectl command that takes it back by hand.
    pub by_hand: Option<String>,
}

/// A pod as a square.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodView {
    /// Name.
    pub name: String,
    /// Whether it runs the new version.
    pub is_new: bool,
    /// State.
    pub mark: Mark,
    /// `ready`, `starting`, `ending`, or Kubernetes' reason.
    pub words: String,
}

/// A pod that fails, with what its cluster told of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailingPod {
    /// The cluster's name.
    pub cluster: String,
    /// What was told.
    pub evidence: PodEvidence,
}
