//! The table of stories on the practice cluster. The same table runs on a real control plane.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use domain::{names::Namespace, observation::WorkloadRef, traffic::TrafficLayer};
use ports::Cluster;
use practice::{
    NewDeployment, PracticeError,
    stories::{Disturbance, Stage, StageError, play, stories},
};

use crate::support::World;

struct PracticeStage {
    world: World,
    waits: AtomicU32,
}

impl PracticeStage {
    fn done<T>(act: &str, result: Result<T, PracticeError>) -> Result<(), StageError> {
        result.map(drop).map_err(|e| StageError { act: act.to_owned(), cause: e.to_string() })
    }
}

#[async_trait]
impl Stage for PracticeStage {
    fn cluster(&self) -> Arc<dyn Cluster> {
        Arc::new(self.world.cluster.clone())
    }

    fn namespace(&self) -> Namespace {
        Namespace::parse("shop").unwrap()
    }

    async fn create(&self, new: &NewDeployment) -> Result<(), StageError> {
        Self::done("create", self.world.cluster.create_deployment(new))
    }

    async fn create_service(&self, workload: &WorkloadRef) -> Result<(), StageError> {
        let layer = TrafficLayer::Selector { service: workload.name.clone() };
        Self::done("create a Service", self.world.cluster.create_route(&workload.namespace, &layer))
    }

    async fn disturb(&self, workload: &WorkloadRef, act: &Disturbance) -> Result<(), StageError> {
        let cluster = &self.world.cluster;
        let result = match act {
            Disturbance::SetImage(container, image) => cluster.set_image_by_other(workload, container, image),
            Disturbance::Scale(replicas) => cluster.scale(workload, *replicas),
            Disturbance::Pause => cluster.pause(workload, true),
            Disturbance::Resume => cluster.pause(workload, false),
            Disturbance::Restart => cluster.restart(workload),
            Disturbance::Delete => cluster.delete(workload),
        };
        Self::done("disturb", result)
    }

    async fn wait(&self) -> bool {
        self.world.clock.advance(Duration::from_millis(100));
        self.waits.fetch_add(1, Ordering::Relaxed) < 600
    }
}

#[tokio::test]
async fn every_story_is_seen_as_the_table_says() {
    let mut failures = Vec::new();
    for story in stories() {
        let stage = PracticeStage { world: World::new(), waits: AtomicU32::new(0) };
        if let Err(error) = play(&story, &stage).await {
            failures.push(error.to_string());
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}
