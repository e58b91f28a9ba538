//! A cluster over a mock clock, and short names for what tests say often.

use std::{sync::Arc, time::Duration};

use domain::{
    ids::{PromotionId, TargetId},
    image::ContainerImage,
    names::{ContainerName, Namespace, WorkloadName},
    observation::{Observed, Stamp, WorkloadObservation, WorkloadRef},
};
use ports::{Cluster, TemplateChange, WorkloadChange};
use practice::{MockClock, NewDeployment, PracticeCluster};

/// The target of every change in these tests.
const TARGET: TargetId = TargetId::new(uuid::Uuid::from_u128(8));

pub struct World {
    pub clock: MockClock,
    pub cluster: PracticeCluster,
}

impl World {
    pub fn new() -> Self {
        let clock = MockClock::default();
        let cluster = PracticeCluster::for_tests(Arc::new(clock.clone()));
        Self { clock, cluster }
    }

    pub async fn see(&self, workload: &WorkloadRef) -> WorkloadObservation {
        match self.cluster.observe(workload).await.unwrap() {
            Observed::Present(seen) => *seen,
            Observed::Missing => panic!("{workload} is missing"),
        }
    }

    pub fn pass(&self, ms: u64) {
        self.clock.advance(Duration::from_millis(ms));
    }
}

pub fn image(container: &str, image: &str) -> ContainerImage {
    ContainerImage { container: ContainerName::parse(container).unwrap(), image: image.to_owned() }
}

pub fn deployment(name: &str, replicas: u32, tag: &str) -> NewDeployment {
    let containers = vec![image("app", &format!("registry.test/{name}:{tag}"))];
    NewDeployment::new(Namespace::parse("shop").unwrap(), WorkloadName::parse(name).unwrap(), replicas, containers)
}

pub fn change(workload: &WorkloadRef, sequence: i64, tag: &str) -> WorkloadChange {
    let promotion = PromotionId::new(uuid::Uuid::from_u128(u128::from(sequence.unsigned_abs())));
    WorkloadChange {
        workload: workload.clone(),
        stamp: Stamp { target: TARGET, promotion, sequence, generation: 0 },
        template: TemplateChange::Images(vec![image("app", &format!("registry.test/{}:{tag}", workload.name))]),
        over: vec![],
        act: None,
        may_write_helm: false,
        change_cause: format!("{tag} because of a test"),
    }
}
