//! What runs.

use domain::{image::ContainerImage, names::ContainerName, state::Mark};
use store::{Running, Store};

use crate::{
    sample::{CART, CART_PRODUCTION, CART_STAGING, CLUSTER, PAY, PAY_PRODUCTION, company, day, version_id, workload},
    support::on_both_databases,
};

on_both_databases!(
    only_what_is_different_is_written,
    the_time_since_when_is_kept_while_the_images_stay,
    what_runs_is_found_by_target_service_cluster_and_version,
);

pub fn running(target: domain::ids::TargetId, name: &str, image: &str) -> Running {
    Running {
        target_id: target,
        cluster_id: CLUSTER,
        namespace: workload(name).namespace,
        workload: workload(name).name,
        kind: workload(name).kind,
        images: vec![ContainerImage { container: ContainerName::parse("app").unwrap(), image: image.into() }],
        version_id: None,
        mark: Mark::Done,
        words: "3 of 3 pods available".into(),
        wanted: 3,
        updated: 3,
        ready: 3,
        available: 3,
        is_changed_by_others: false,
        since: day(1),
        seen_at: day(1),
    }
}

async fn only_what_is_different_is_written(store: Store) {
    company(&store).await;
    let seen = running(CART_PRODUCTION, "cart", "cart:1");
    let mut changes = store.changes();
    let mut tx = store.begin().await.unwrap();
    assert!(tx.put_running(&seen).await.unwrap());
    let mut again = seen.clone();
    again.seen_at = day(2);
    again.since = day(2);
    assert!(!tx.put_running(&again).await.unwrap());
    assert_eq!(tx.running_in_target(CART_PRODUCTION).await.unwrap(), std::slice::from_ref(&seen));
    let different: [fn(&mut Running); 6] = [
        |r| r.available = 2,
        |r| r.mark = Mark::Failed,
        |r| r.words = "crashes".into(),
        |r| r.is_changed_by_others = true,
        |r| r.version_id = Some(version_id(CART, 1)),
        |r| r.version_id = None,
    ];
    for change in different {
        change(&mut again);
        assert!(tx.put_running(&again).await.unwrap(), "{again:?}");
    }
    assert!(tx.delete_running(CART_PRODUCTION, CLUSTER, &workload("cart")).await.unwrap());
    assert!(!tx.delete_running(CART_PRODUCTION, CLUSTER, &workload("cart")).await.unwrap());
    tx.commit().await.unwrap();
    let change = changes.recv().await.unwrap();
    assert_eq!((change.entity, change.id), (store::Entity::Target, CART_PRODUCTION.uuid()));
    assert!(changes.try_recv().is_err(), "the same change is told once");
}

async fn the_time_since_when_is_kept_while_the_images_stay(store: Store) {
    company(&store).await;
    let mut tx = store.begin().await.unwrap();
    let mut seen = running(CART_PRODUCTION, "cart", "cart:1");
    tx.put_running(&seen).await.unwrap();
    seen.available = 1;
    seen.since = day(5);
    seen.seen_at = day(5);
    tx.put_running(&seen).await.unwrap();
    let known = tx.running_in_target(CART_PRODUCTION).await.unwrap().pop().unwrap();
    assert_eq!((known.since, known.seen_at, known.available), (day(1), day(5), 1));
    let mut newer = running(CART_PRODUCTION, "cart", "cart:2");
    newer.since = day(6);
    tx.put_running(&newer).await.unwrap();
    assert_eq!(tx.running_in_target(CART_PRODUCTION).await.unwrap().pop().unwrap().since, day(6));
    tx.commit().await.unwrap();
}

async fn what_runs_is_found_by_target_service_cluster_and_version(store: Store) {
    company(&store).await;
    let with = |mut seen: Running, version, at| {
        seen.version_id = Some(version);
        seen.since = day(at);
        seen
    };
    let first = version_id(CART, 1);
    let all = [
        with(running(CART_PRODUCTION, "cart", "cart:1"), first, 4),
        with(running(CART_PRODUCTION, "cart-worker", "worker:1"), first, 3),
        with(running(CART_STAGING, "cart-staging", "cart:1"), first, 2),
        running(PAY_PRODUCTION, "payment", "pay:1"),
    ];
    let mut tx = store.begin().await.unwrap();
    for seen in &all {
        tx.put_running(seen).await.unwrap();
    }
    tx.commit().await.unwrap();
    let mut read = store.read().await.unwrap();
    assert_eq!(read.running_in_target(CART_PRODUCTION).await.unwrap(), all[..2]);
    assert_eq!(read.running_of_service(CART).await.unwrap().len(), 3);
    assert_eq!(read.running_of_service(PAY).await.unwrap(), all[3..]);
    assert_eq!(read.running_in_cluster(CLUSTER).await.unwrap().len(), 4);
    let places = read.running_places(first).await.unwrap();
    let found: Vec<_> = places.iter().map(|p| (p.environment.as_str(), p.label.as_str(), p.since)).collect();
    assert_eq!(found, [("staging", "1.0.1", day(2)), ("production", "1.0.1", day(3))]);
    assert_eq!(read.running_places(version_id(CART, 2)).await.unwrap(), []);
}
