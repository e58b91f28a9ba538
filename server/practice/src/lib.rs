//! The practice cluster: an in-process cluster that behaves like Kubernetes, for demonstrations and
//! for tests. Deterministic: what it shows at a time depends only on what was written to it before,
//! on the seed and on the time. Beside it: a clock that a test moves, chance from a seed, a
//! messenger that keeps what it is told, a metric source that answers what versions behave like, and Git
//! repositories in memory.
//!
//! The behaviour of a version is decided by the end of its image's tag: [`Behaviour`].

pub mod clock;
pub mod deployer;
pub mod messenger;
pub mod metrics;
pub mod randomness;
pub mod stories;

mod autoscalers;
mod behaviour;
mod candidates;
mod cluster;
mod controller;
mod deployment;
mod faults;
mod jobs;
mod kept;
mod reports;
mod repositories;
mod rollouts;
mod routes;
mod seed;
mod state;
mod watch;

pub use autoscalers::NewAutoscaler;
pub use behaviour::Behaviour;
pub use clock::MockClock;
pub use cluster::{PracticeCluster, PracticeSettings};
pub use deployer::{PracticeDeployer, PracticeReport, ReceivedWebhook};
pub use deployment::{Amount, Replacement};
pub use jobs::NewCronJob;
pub use messenger::{MessengerFault, RecordedMessage, RecordingMessenger};
pub use metrics::{PRACTICE_NOTE, PracticeMetrics};
pub use randomness::SeededRandomness;
pub use repositories::{Meets, PracticeCommit, PracticeRepositories};
pub use rollouts::RolloutStep;
pub use seed::{NewDeployment, PracticeError};
pub use state::{AcceptedWrite, Writer};
