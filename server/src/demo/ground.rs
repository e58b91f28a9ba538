//! What the sample company stands on: a cluster in which its Deployments are made. The practice
//! cluster here; a real one can take its place, for the story does not know the difference.

use std::collections::BTreeMap;

use anyhow::Context as _;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::{
    image::ContainerImage,
    names::{Namespace, WorkloadName},
    traffic::{TrafficLayer, Weight},
};
use practice::{NewDeployment, PracticeCluster, RolloutStep};

use super::company::RolloutShare;

/// A Deployment as the company has it.
#[derive(Clone, Debug)]
pub struct GroundWorkload {
    /// Its namespace: the environment's name, after the prefix of the place.
    pub namespace: Namespace,
    /// Its name.
    pub name: WorkloadName,
    /// How many pods.
    pub replicas: u32,
    /// Containers and their images.
    pub containers: Vec<ContainerImage>,
    /// The service and the team, as labels.
    pub labels: BTreeMap<String, String>,
    /// Since when it runs, where the cluster can be told.
    pub since: DateTime<Utc>,
    /// The shares of a Rollout, which it is then.
    pub rollout: Option<&'static [RolloutShare]>,
    /// What moves its traffic, where its strategy needs that.
    pub layer: Option<TrafficLayer>,
}

/// A cluster to put the company into.
#[async_trait]
pub trait Ground: Send + Sync {
    /// Makes these Deployments.
    ///
    /// # Errors
    /// When one cannot be made.
    async fn make(&self, workloads: &[GroundWorkload]) -> anyhow::Result<()>;
}

fn steps_of(shares: &[RolloutShare]) -> Vec<RolloutStep> {
    let pairs =
        |share: &RolloutShare| [RolloutStep::Weight(Weight::at_most(share.percent)), RolloutStep::Pause(share.pause)];
    shares.iter().flat_map(pairs).collect()
}

#[async_trait]
impl Ground for PracticeCluster {
    async fn make(&self, workloads: &[GroundWorkload]) -> anyhow::Result<()> {
        for workload in workloads {
            let new = NewDeployment {
                labels: workload.labels.clone(),
                created_at: Some(workload.since),
                steps: workload.rollout.map(steps_of),
                ..NewDeployment::new(
                    workload.namespace.clone(),
                    workload.name.clone(),
                    workload.replicas,
                    workload.containers.clone(),
                )
            };
            self.create_deployment(&new)
                .with_context(|| format!("the practice cluster cannot take {}", workload.name))?;
            if let Some(layer) = workload.layer.as_ref().filter(|layer| layer.has_route()) {
                self.create_route(&workload.namespace, layer)?;
            }
        }
        Ok(())
    }
}
