//! Stories: what happens to a Deployment when Slipway, other people and Kubernetes act on it, as
//! data. Each step has the line that it must leave in the transcript. The same table runs on the
//! practice cluster and on a real control plane, through [`ports::Cluster`] and a [`Stage`] that
//! prepares and disturbs: so the practice cluster is held to the real one.

mod candidate;
mod candidate_table;
mod play;
mod table;

use std::sync::Arc;

use async_trait::async_trait;
use domain::{names::Namespace, observation::WorkloadRef};
use ports::Cluster;

pub use play::{StoryError, play};
pub use table::stories;

use crate::seed::NewDeployment;

/// Why a stage could not do its part: the test is broken or its peer is, never the story.
#[derive(Debug, thiserror::Error)]
#[error("the stage could not {act}: {cause}")]
pub struct StageError {
    /// What was to be done.
    pub act: String,
    /// What stood in the way.
    pub cause: String,
}

/// Prepares and disturbs a cluster for stories, with more rights than Slipway has.
#[async_trait]
pub trait Stage: Send + Sync {
    /// The cluster as Slipway reaches it.
    fn cluster(&self) -> Arc<dyn Cluster>;

    /// A namespace of this story's own.
    fn namespace(&self) -> Namespace;

    /// Makes a Deployment.
    async fn create(&self, new: &NewDeployment) -> Result<(), StageError>;

    /// Makes a Service of the workload's name for its pods.
    async fn create_service(&self, workload: &WorkloadRef) -> Result<(), StageError>;

    /// Does what other people do.
    async fn disturb(&self, workload: &WorkloadRef, act: &Disturbance) -> Result<(), StageError>;

    /// Lets a little time pass (about a tenth of a second); false when the story has had its time.
    async fn wait(&self) -> bool;
}

/// What other people do to a Deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Disturbance {
    /// `kubectl set image`: container and image.
    SetImage(&'static str, &'static str),
    /// `kubectl scale`.
    Scale(u32),
    /// `kubectl rollout pause`.
    Pause,
    /// `kubectl rollout resume`.
    Resume,
    /// `kubectl rollout restart`.
    Restart,
    /// `kubectl delete deployment`.
    Delete,
}

/// A mark by its sequence and generation; the promotion follows from the sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark(pub i64, pub u32);

/// What a candidate should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its pods.
    pub pods: u32,
    /// The images that differ, by container.
    pub images: &'static [(&'static str, &'static str)],
    /// Whether it is behind the same Service as the workload; else the Service's selector is switched.
    pub is_behind_same_service: bool,
}

/// What a step waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// The rollout is judged complete.
    Complete,
    /// The rollout is judged failed.
    Failed,
    /// The rollout is judged to move again (after it was complete).
    Moving,
    /// The rollout is judged paused.
    Paused,
    /// A new pod is in this trouble.
    Trouble(&'static str),
    /// A container of a new pod restarted so often.
    Restarts(u32),
    /// The object is gone.
    Missing,
}

/// One step of a story.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Makes the story's Deployment.
    Create,
    /// Other people act.
    Disturb(Disturbance),
    /// Keeps the pod template as it is now, as Slipway does before it writes.
    SaveTemplate,
    /// Slipway sets images.
    SetImages(Mark, &'static [(&'static str, &'static str)]),
    /// Slipway puts the kept pod template back.
    Restore(Mark),
    /// Makes a Service of the Deployment's name.
    CreateService,
    /// Slipway makes the candidate what it should be.
    Candidate(Mark, Candidate),
    /// Waits for the candidate; the line says what is seen of it then.
    WaitCandidate(Until),
    /// Other people act on the candidate.
    DisturbCandidate(Disturbance),
    /// Keeps what the Service says, as Slipway does before it writes.
    SaveRoute,
    /// Slipway gives the candidate this share of the Service's traffic.
    Share(Mark, u8),
    /// Waits until the candidate has this share, accepted, and so many addresses (`None` where it has no
    /// Service); the line says what is seen then.
    WaitShare(u8, Option<u32>),
    /// Two workers write at the same time, each its own mark and image of the container `app`.
    Race([(Mark, &'static str); 2]),
    /// Waits; the line says what is seen then.
    Wait(Until),
    /// Says what is seen now, whatever it is.
    Look,
}

/// A story: a Deployment, and steps with the line that each leaves in the transcript.
#[derive(Clone, Debug)]
pub struct Story {
    /// A sentence.
    pub name: &'static str,
    /// The Deployment that [`Step::Create`] makes; the namespace is the stage's.
    pub deployment: fn(Namespace) -> NewDeployment,
    /// What happens, and what must be seen of it.
    pub steps: Vec<(Step, &'static str)>,
}
