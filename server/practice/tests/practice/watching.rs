//! Watching: everything that is there, then every change, also after a loss.

use std::sync::{Arc, Mutex};

use domain::{
    names::Namespace,
    rollout::{Rollout, judge},
};
use futures::StreamExt;
use ports::{Cluster, InventoryEvent, NamespaceScope};

use crate::support::{World, change, deployment};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn add(&self, event: InventoryEvent) {
        let words = match event {
            InventoryEvent::Synced => "synced".to_owned(),
            InventoryEvent::Deleted(workload) => format!("deleted {workload}"),
            InventoryEvent::Lost(error) => format!("lost: {error}"),
            InventoryEvent::Changed(seen) => match judge(&seen) {
                Rollout::Complete { .. } => format!("complete {} {}", seen.workload, seen.images[0].image),
                Rollout::Failed { failure } => format!("failed {} {}", seen.workload, failure.words()),
                Rollout::Unseen | Rollout::Paused | Rollout::Moving { .. } | Rollout::ByTool { .. } => {
                    format!("moving {}", seen.workload)
                }
            },
        };
        self.0.lock().unwrap().push(words);
    }

    fn take(&self) -> Vec<String> {
        let mut lines = std::mem::take(&mut *self.0.lock().unwrap());
        lines.dedup();
        lines
    }
}

#[tokio::test]
async fn a_watch_tells_what_is_there_then_every_change_and_starts_over_after_a_loss() {
    let world = World::new();
    let cart = world.cluster.create_deployment(&deployment("cart", 1, "1.0")).unwrap();
    let other = domain::names::Namespace::parse("elsewhere").unwrap();
    let mut elsewhere = deployment("hidden", 1, "1.0");
    elsewhere.namespace = other;
    world.cluster.create_deployment(&elsewhere).unwrap();
    world.pass(5_000);
    let log = Log::default();
    let scope = NamespaceScope::Only(vec![Namespace::parse("shop").unwrap()]);
    let mut stream = world.cluster.watch(scope);
    let first = stream.next().await.unwrap();
    log.add(first);
    let reader = tokio::spawn({
        let log = log.clone();
        async move {
            while let Some(event) = stream.next().await {
                log.add(event);
            }
        }
    });
    world.cluster.settle().await;
    assert_eq!(log.take(), ["complete shop/cart registry.test/cart:1.0", "synced"]);

    world.cluster.settle().await;
    assert_eq!(log.take(), Vec::<String>::new(), "nothing happened");

    world.cluster.set_image_by_other(&cart, "app", "registry.test/cart:2.0").unwrap();
    for _ in 0..50 {
        world.pass(100);
        world.cluster.settle().await;
    }
    assert_eq!(log.take(), ["moving shop/cart", "complete shop/cart registry.test/cart:2.0"]);

    world.cluster.set_reachable(false);
    world.cluster.settle().await;
    world.cluster.apply(&change(&cart, 1, "3.0")).await.unwrap_err();
    world.cluster.delete(&cart).unwrap();
    world.cluster.create_deployment(&deployment("pay", 1, "1.0-crash")).unwrap();
    world.pass(2_000);
    world.cluster.settle().await;
    assert_eq!(
        log.take(),
        ["lost: the cluster cannot be reached: connection refused (the practice cluster is switched off)"]
    );
    world.cluster.set_reachable(true);
    world.cluster.settle().await;
    let lines = log.take();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].starts_with("failed shop/pay CrashLoopBackOff, exit code 1 in pod pay-"), "{lines:?}");
    assert_eq!(lines[1], "synced");

    world
        .cluster
        .delete(&domain::observation::WorkloadRef { name: domain::names::WorkloadName::parse("pay").unwrap(), ..cart })
        .unwrap();
    world.cluster.settle().await;
    assert_eq!(log.take(), ["deleted shop/pay"]);
    reader.abort();
}
