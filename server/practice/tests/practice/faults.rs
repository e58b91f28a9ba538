//! Faults: what the caller sees, and whether it took effect.

use std::time::Duration;

use ports::{ApplyOutcome, Cluster, ClusterError, NamespaceScope};

use crate::support::{World, change, deployment};

#[tokio::test]
async fn a_lost_answer_took_effect_and_a_failure_did_not() {
    let world = World::new();
    let cart = world.cluster.create_deployment(&deployment("cart", 1, "1.0")).unwrap();
    let refused = ClusterError::Forbidden("no".to_owned());
    world.cluster.fail_next(2, &refused);
    assert_eq!(world.cluster.apply(&change(&cart, 1, "2.0")).await, Err(refused.clone()));
    assert_eq!(world.cluster.observe(&cart).await, Err(refused));
    assert_eq!(world.cluster.writes_of(&cart).unwrap(), vec![]);
    world.cluster.lose_next_answers(1);
    assert!(matches!(world.cluster.apply(&change(&cart, 1, "2.0")).await, Err(ClusterError::Unreachable(_))));
    assert_eq!(world.cluster.apply(&change(&cart, 1, "2.0")).await, Ok(ApplyOutcome::Unchanged));
    let writes = world.cluster.writes_of(&cart).unwrap();
    assert_eq!(writes.len(), 1);
    assert_eq!(writes[0].stamp, Some(change(&cart, 1, "2.0").stamp));
    assert_eq!(world.cluster.change_cause(&cart).unwrap().as_deref(), Some("2.0 because of a test"));
}

#[tokio::test]
async fn a_cluster_that_is_off_answers_nothing_and_keeps_running() {
    let world = World::new();
    let cart = world.cluster.create_deployment(&deployment("cart", 2, "1.0")).unwrap();
    world.cluster.set_reachable(false);
    assert!(matches!(world.cluster.check(&NamespaceScope::All).await, Err(ClusterError::Unreachable(_))));
    assert!(matches!(world.cluster.observe(&cart).await, Err(ClusterError::Unreachable(_))));
    world.pass(5_000);
    world.cluster.set_reachable(true);
    assert_eq!(world.see(&cart).await.ready_replicas, 2);
}

#[tokio::test]
async fn a_slow_cluster_answers_late() {
    let world = World::new();
    world.cluster.set_latency(Duration::from_millis(50));
    let started = std::time::Instant::now();
    world.cluster.check(&NamespaceScope::All).await.unwrap();
    assert!(started.elapsed() >= Duration::from_millis(50));
}
