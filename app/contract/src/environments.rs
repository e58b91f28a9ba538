//! Environments and their rules.

use async_trait::async_trait;
use domain::{actor::Actor, environment::EnvironmentKind};
use serde::{Deserialize, Serialize};

use crate::Answer;

/// An environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvironmentView {
    /// Name in addresses.
    pub name: String,
    /// Title on screen.
    pub title: String,
    /// Kind.
    pub kind: EnvironmentKind,
    /// How many approvers it asks for, 0 to 5.
    pub approvals: u8,
    /// The environment where a version must be healthy before, by name.
    pub healthy_in: Option<String>,
    /// Wall-clock budget of a rollout.
    pub rollout_budget_seconds: u32,
    /// How long a finished promotion is watched.
    pub watch_seconds: u32,
    /// Its clusters by name.
    pub clusters: Vec<String>,
    /// Services that have a target there.
    pub targets: u64,
}

/// What is set when an environment is added or changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvironmentInput {
    /// Name in addresses; it stays.
    pub name: String,
    /// Title on screen.
    pub title: String,
    /// Kind.
    pub kind: EnvironmentKind,
    /// 0 to 5.
    pub approvals: u8,
    /// By name; empty for none.
    pub healthy_in: String,
    /// Seconds, 30 to 86,400.
    pub rollout_budget_seconds: u32,
    /// Seconds, 0 to 86,400.
    pub watch_seconds: u32,
    /// Clusters by name.
    pub clusters: Vec<String>,
}

/// Use cases of environments.
#[async_trait]
pub trait EnvironmentsBackend: Send + Sync {
    /// In their order.
    async fn environments(&self, actor: &Actor) -> Answer<Vec<EnvironmentView>>;
    /// Adds one at the end.
    async fn add_environment(&self, actor: &Actor, input: EnvironmentInput) -> Answer<()>;
    /// Changes one; a change of its rules voids approvals given under the former.
    async fn change_environment(&self, actor: &Actor, input: EnvironmentInput) -> Answer<()>;
    /// Moves one a place earlier.
    async fn move_environment_up(&self, actor: &Actor, name: &str) -> Answer<()>;
}
