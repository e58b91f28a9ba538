//! Kubernetes: everything that Slipway reads from a cluster and writes to it, through kube. Promises
//! what [`ports::Cluster`] says; fails with [`ports::ClusterError`], sorted by what the caller can
//! do. Nothing here knows of promotions.
//!
//! Deployments and replica sets are read as they are, not as typed objects: a typed object drops the
//! fields that this build does not know, and a template that lost a field could not be put back.

mod apply;
mod candidate_objects;
mod candidates;
mod capacity;
mod check;
mod connect;
mod discover;
mod error;
mod inventory;
mod jobs;
pub mod kubeconfig;
mod limits;
mod marks;
mod nudge;
mod objects;
mod observe;
mod pods;
mod records;
mod reports;
mod sides;
mod tools;
mod traffic;
mod watch;

pub use connect::{KubeCluster, KubeConnector};

/// The role that a platform engineer creates for Slipway, with its service account and binding: all
/// that Slipway needs, and nothing else.
pub const ROLE_YAML: &str = include_str!("slipway-role.yaml");
