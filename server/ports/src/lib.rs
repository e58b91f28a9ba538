//! What lies outside of Slipway, as the engine knows it: clusters, messengers, webhooks, the clock and
//! randomness. Only traits and the types they exchange; every implementation lives elsewhere.

pub mod clock;
pub mod cluster;
pub mod git;
pub mod job;
pub mod judgement;
pub mod messenger;
pub mod metrics;
pub mod permissions;
pub mod webhooks;
pub mod write;

pub use clock::{Clock, Randomness};
pub use cluster::{
    ApplyOutcome, CandidateChange, CandidateFound, Cluster, ClusterConnector, ClusterError, ConnectionReport,
    ConnectionSettings, DiscoveredWorkload, InventoryEvent, NamespaceScope, Permission, Route, RouteChange,
    TemplateChange, WorkloadChange,
};
pub use git::{GitChange, GitCredentials, GitError, GitRepositories};
pub use job::{JobChange, JobFound, JobWant};
pub use judgement::{Judgement, judge_made, template_images, template_places, with_images};
pub use messenger::{MessageKey, MessageRef, Messenger, MessengerError, PromotionMessage};
pub use metrics::{HealthProbe, MetricConnector, MetricCredentials, MetricError, MetricSettings, MetricSource};
pub use permissions::{NEEDED_PERMISSIONS, NeededPermission, PermissionUse};
pub use webhooks::{Webhook, WebhookAnswer, WebhookSender};
pub use write::{Called, PlacedWrite, Write, looked_at, route_of, sides_of, writes};
