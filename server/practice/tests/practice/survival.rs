//! A state in a file: it survives the process, and two processes share it.

use std::{path::Path, sync::Arc};

use ports::{ApplyOutcome, Cluster, NamespaceScope};
use practice::{MockClock, PracticeCluster, PracticeSettings};

use crate::support::{World, change, deployment};

fn open(clock: &MockClock, file: &Path) -> World {
    let settings = PracticeSettings { state_file: Some(file.to_owned()), tick: None, ..PracticeSettings::default() };
    let cluster = PracticeCluster::open(Arc::new(clock.clone()), settings).unwrap();
    World { clock: clock.clone(), cluster }
}

#[tokio::test]
async fn what_was_answered_is_there_after_the_process_ended() {
    let folder = tempfile::tempdir().unwrap();
    let (clock, file) = (MockClock::default(), folder.path().join("cluster.json"));
    let first = open(&clock, &file);
    let cart = first.cluster.create_deployment(&deployment("cart", 3, "1.0")).unwrap();
    first.pass(5_000);
    first.cluster.apply(&change(&cart, 1, "2.0")).await.unwrap();
    first.pass(700);
    let before = first.see(&cart).await;
    drop(first);
    let second = open(&clock, &file);
    assert_eq!(second.see(&cart).await, before);
    assert_eq!(second.cluster.apply(&change(&cart, 1, "2.0")).await, Ok(ApplyOutcome::Unchanged));
    assert_eq!(second.cluster.writes_of(&cart).unwrap().len(), 1);
    second.pass(20_000);
    assert_eq!(second.see(&cart).await.available_replicas, 3);
}

#[tokio::test]
async fn two_processes_share_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let (clock, file) = (MockClock::default(), folder.path().join("cluster.json"));
    let (one, two) = (open(&clock, &file), open(&clock, &file));
    let cart = one.cluster.create_deployment(&deployment("cart", 1, "1.0")).unwrap();
    assert_eq!(two.cluster.discover(&NamespaceScope::All).await.unwrap().len(), 1);
    assert_eq!(two.cluster.apply(&change(&cart, 2, "2.0")).await, Ok(ApplyOutcome::Written));
    let late = one.cluster.apply(&change(&cart, 1, "3.0")).await;
    assert_eq!(late, Ok(ApplyOutcome::Overtaken(change(&cart, 2, "2.0").stamp)));
    assert_eq!(one.see(&cart).await, two.see(&cart).await);
    assert_eq!(one.cluster.writes_of(&cart).unwrap().len(), 1);
}

#[tokio::test]
async fn a_write_that_cannot_be_kept_is_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    let (clock, file) = (MockClock::default(), folder.path().join("cluster.json"));
    let world = open(&clock, &file);
    let cart = world.cluster.create_deployment(&deployment("cart", 1, "1.0")).unwrap();
    // A folder in the place of the new file makes every save fail, for any user.
    std::fs::create_dir(folder.path().join("cluster.json.new")).unwrap();
    world.cluster.apply(&change(&cart, 1, "2.0")).await.unwrap_err();
    assert_eq!(world.see(&cart).await.images[0].image, "registry.test/cart:1.0");
    assert_eq!(world.see(&cart).await.stamp, None);
    std::fs::remove_dir(folder.path().join("cluster.json.new")).unwrap();
    assert_eq!(world.cluster.apply(&change(&cart, 1, "2.0")).await, Ok(ApplyOutcome::Written));
}

#[test]
fn a_file_that_is_no_state_is_an_error_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cluster.json");
    std::fs::write(&file, "{ not a state").unwrap();
    let settings = PracticeSettings { state_file: Some(file), ..PracticeSettings::default() };
    assert!(PracticeCluster::open(Arc::new(MockClock::default()), settings).is_err());
}
