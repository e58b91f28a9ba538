//! How a rollout moves: in batches, within surge and unavailability, the same however often one looks.

use chrono::TimeDelta;
use domain::rollout::{Rollout, judge};
use ports::{ApplyOutcome, Clock, Cluster};
use practice::{Amount, NewDeployment, Replacement};

use crate::support::{World, change, deployment};

fn rolling(unavailable: u32, surge: u32) -> Replacement {
    Replacement::RollingUpdate { max_unavailable: Amount::Count(unavailable), max_surge: Amount::Count(surge) }
}

#[tokio::test]
async fn a_rollout_never_leaves_its_limits_and_moves_in_batches() {
    for (unavailable, surge) in [(0, 1), (1, 0), (2, 3), (0, 0)] {
        let world = World::new();
        let new = NewDeployment { replacement: rolling(unavailable, surge), ..deployment("cart", 6, "1.0") };
        let cart = world.cluster.create_deployment(&new).unwrap();
        world.pass(5_000);
        assert_eq!(world.cluster.apply(&change(&cart, 1, "2.0")).await, Ok(ApplyOutcome::Written));
        let missing_at_most = if unavailable + surge == 0 { 1 } else { unavailable };
        let mut batches = Vec::new();
        for _ in 0..600 {
            let seen = world.see(&cart).await;
            assert!(seen.ready_replicas + missing_at_most >= 6, "({unavailable}, {surge}) {seen:#?}");
            assert!(seen.replicas <= 6 + surge, "({unavailable}, {surge}) {seen:#?}");
            if batches.last() != Some(&seen.updated_replicas) {
                batches.push(seen.updated_replicas);
            }
            if matches!(judge(&seen), Rollout::Complete { .. }) {
                break;
            }
            world.pass(50);
        }
        assert_eq!(batches.last(), Some(&6), "({unavailable}, {surge}) {batches:?}");
        assert!(batches.len() >= 3, "({unavailable}, {surge}) not in batches: {batches:?}");
    }
}

#[tokio::test]
async fn recreate_ends_every_old_pod_before_the_first_new_one() {
    let world = World::new();
    let new = NewDeployment { replacement: Replacement::Recreate, ..deployment("cart", 3, "1.0") };
    let cart = world.cluster.create_deployment(&new).unwrap();
    world.pass(5_000);
    world.cluster.apply(&change(&cart, 1, "2.0")).await.unwrap();
    let mut was_empty = false;
    for _ in 0..200 {
        world.pass(50);
        let seen = world.see(&cart).await;
        let old = seen.pods.iter().filter(|p| !p.is_updated).count();
        assert!(seen.updated_replicas == 0 || old == 0, "{seen:#?}");
        was_empty |= seen.replicas == 0;
    }
    assert!(was_empty);
    assert!(matches!(judge(&world.see(&cart).await), Rollout::Complete { .. }));
}

#[tokio::test]
async fn what_is_seen_at_a_time_does_not_depend_on_who_looked_before() {
    let tags =
        ["2.0", "2.0-crash", "2.0-oom", "2.0-nopull", "2.0-neverready", "2.0-flapping", "2.0-latecrash", "2.0-slow"];
    for tag in tags {
        let (watched, alone) = (World::new(), World::new());
        for world in [&watched, &alone] {
            let new = NewDeployment { progress_deadline_seconds: 7, ..deployment("cart", 3, "1.0") };
            world.cluster.create_deployment(&new).unwrap();
        }
        let cart = watched.cluster.discover(&ports::NamespaceScope::All).await.unwrap()[0].observation.workload.clone();
        for _ in 0..50 {
            watched.pass(100);
            watched.see(&cart).await;
        }
        alone.pass(5_000);
        for world in [&watched, &alone] {
            world.cluster.apply(&change(&cart, 1, tag)).await.unwrap();
        }
        let mut version = 0_u64;
        for _ in 0..400 {
            watched.pass(70);
            let now: u64 = watched.see(&cart).await.resource_version.parse().unwrap();
            assert!(now >= version, "{tag}: the version fell from {version} to {now}");
            version = now;
        }
        alone.pass(28_000);
        assert_eq!(watched.see(&cart).await, alone.see(&cart).await, "{tag}");
    }
}

#[tokio::test]
async fn one_that_crashes_since_forty_days_is_read_at_once() {
    for tag in ["1.0-crash", "1.0-flapping", "1.0-neverready"] {
        let world = World::new();
        let created_at = world.clock.now() - TimeDelta::days(40);
        let new = NewDeployment { created_at: Some(created_at), ..deployment("cart", 3, tag) };
        let cart = world.cluster.create_deployment(&new).unwrap();
        let seen = world.see(&cart).await;
        assert_eq!(seen.pods.len(), 3, "{tag}");
        assert!(seen.pods.iter().all(|p| p.created_at < Some(created_at + TimeDelta::seconds(1))), "{tag}");
        assert_eq!(seen.pods[0].restarts > 50_000, tag == "1.0-crash", "{tag} {:?}", seen.pods[0]);
    }
}

#[tokio::test]
async fn old_templates_are_kept_ten_deep_and_numbers_rise() {
    let world = World::new();
    let cart = world.cluster.create_deployment(&deployment("cart", 1, "0")).unwrap();
    for number in 1..=15 {
        world.pass(10_000);
        world.cluster.apply(&change(&cart, number, &number.to_string())).await.unwrap();
    }
    world.pass(10_000);
    assert_eq!(world.see(&cart).await.revision.as_deref(), Some("16"));
    world.cluster.apply(&change(&cart, 16, "14")).await.unwrap();
    world.pass(10_000);
    assert_eq!(world.see(&cart).await.revision.as_deref(), Some("17"));
}
