//! What runs is known: soon, whoever changed what makes it known, and whatever went wrong meanwhile.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use contract::{
    clusters::ClustersBackend,
    services::{ServiceInput, ServicesBackend, TargetWorkloadInput},
    versions::VersionsBackend,
};
use engine::Engine;
use sqlx::{Connection as _, Executor as _};
use store::{Durability, Entity, Store, StoreOptions};

use crate::{
    database,
    guarded::{Call, Guard, Guarded},
    loops::{Running, until},
    world::{World, build, deploy, engine_of, workload},
};

/// The labels of the versions that run in the cart's workloads, as the Board knows them.
async fn runs(store: &Store) -> Vec<Option<String>> {
    let mut read = store.read().await.unwrap();
    let mut labels = Vec::new();
    for target in read.targets().await.unwrap() {
        for row in read.running_in_target(target.id).await.unwrap() {
            let version = match row.version_id {
                Some(id) => read.version(id).await.unwrap(),
                None => None,
            };
            labels.push(version.map(|v| v.label.to_string()));
        }
    }
    labels
}

fn some(labels: &[&str]) -> Vec<Option<String>> {
    labels.iter().map(|l| Some((*l).to_owned())).collect()
}

/// Cart becomes a service by hand, then its target is set, then the version is registered that runs.
async fn made_known_by(world: &World, acting: &Engine) {
    deploy(&world.practice, "cart", "cart", "1.0");
    let _running = Running::of(&world.engine);
    let store = world.engine.store();
    let is_synced = async || {
        let clusters = store.read().await.unwrap().clusters().await.unwrap();
        clusters.iter().all(|c| c.reachable_since.is_some())
    };
    until(&world.clock, "the watch has told everything", is_synced).await;
    let service = ServiceInput {
        name: "cart".to_owned(),
        team: "checkout".to_owned(),
        tier: 2,
        description: String::new(),
        repository: String::new(),
        runbook: String::new(),
    };
    acting.add_service(&world.rosa, service).await.unwrap();
    let here = TargetWorkloadInput {
        cluster: "practice".to_owned(),
        namespace: "production".to_owned(),
        workload: "cart".to_owned(),
        container: "app".to_owned(),
        component: None,
        kind: domain::observation::WorkloadKind::Deployment,
    };
    acting.set_target(&world.rosa, "cart", "production", vec![here].into()).await.unwrap();
    until(&world.clock, "the workload is seen", async || runs(store).await == [None]).await;
    acting.register_version(&world.theo, "cart", build("cart", "1.0")).await.unwrap();
    until(&world.clock, "the version is known", async || runs(store).await == some(&["1.0"])).await;
}

#[tokio::test]
async fn what_runs_already_is_known_once_somebody_asks_for_it() {
    let world = World::new(0).await;
    made_known_by(&world, &world.engine).await;
}

#[tokio::test]
async fn what_another_server_asks_for_is_known_too() {
    let name = format!("inventory_{}", std::process::id());
    database::remove(&name).await;
    let url = database::copy("template0", &name).await;
    let options = StoreOptions { durability: Durability::ProcessEnd, ..StoreOptions::default() };
    let world = World::at(&url, 0).await;
    let store = Store::open(&url, options).await.unwrap();
    let none: engine::MakeMessenger = Arc::new(|_| panic!("nobody is told here"));
    let other = engine_of(store.clone(), &world.clock, Arc::new(world.practice.clone()), none, 2);
    made_known_by(&world, &other).await;
    store.close().await;
    world.engine.store().close().await;
    database::remove(&name).await;
}

#[tokio::test]
async fn what_the_database_did_not_take_at_first_is_not_lost() {
    let world = World::new(0).await;
    world.service("cart").await;
    world.version("cart", "2.0").await;
    let _running = Running::of(&world.engine);
    let store = world.engine.store();
    until(&world.clock, "cart is known", async || runs(store).await == some(&["1.0"])).await;
    let mut database = sqlx::SqliteConnection::connect(&world.database()).await.unwrap();
    for change in ["INSERT", "UPDATE"] {
        let refuse =
            format!("CREATE TRIGGER no_{change} BEFORE {change} ON running BEGIN SELECT RAISE(ABORT, 'no'); END");
        database.execute(sqlx::AssertSqlSafe(refuse)).await.unwrap();
    }
    world.practice.set_image_by_other(&workload("cart"), "app", "r.example/cart:2.0").unwrap();
    // The watch has told it, and it could not be kept; who tries again holds the watch up meanwhile.
    let _settled = tokio::time::timeout(Duration::from_millis(500), world.practice.settle()).await;
    assert_eq!(runs(store).await, some(&["1.0"]));
    for change in ["INSERT", "UPDATE"] {
        database.execute(sqlx::AssertSqlSafe(format!("DROP TRIGGER no_{change}"))).await.unwrap();
    }
    until(&world.clock, "the new image is known", async || runs(store).await == some(&["2.0"])).await;
}

/// The first watch panics.
struct Panics(AtomicBool);

#[async_trait]
impl Guard for Panics {
    async fn before(&self, call: Call) {
        assert!(call != Call::Watch || self.0.swap(true, Ordering::SeqCst), "a defect");
    }
}

#[tokio::test]
async fn a_watch_that_panics_begins_anew() {
    let world = World::new(0).await;
    world.service("cart").await;
    let none: engine::MakeMessenger = Arc::new(|_| panic!("nobody is told here"));
    let cluster = Arc::new(Guarded::new(world.practice.clone(), Panics(AtomicBool::new(false))));
    let engine = engine_of(world.engine.store().clone(), &world.clock, cluster.clone(), none, 2);
    let _running = Running::of(&engine);
    until(&world.clock, "the defect is met", async || cluster.guard.0.load(Ordering::SeqCst)).await;
    let store = world.engine.store();
    world.practice.set_image_by_other(&workload("cart"), "app", "r.example/cart:9.9").unwrap();
    until(&world.clock, "the change is known", async || {
        // Somebody touches the clusters, which has the watches matched with them.
        let mut tx = store.begin().await.unwrap();
        tx.signal(Entity::Cluster, uuid::Uuid::nil(), 0);
        tx.commit().await.unwrap();
        runs(store).await == [None]
    })
    .await;
}

#[tokio::test]
async fn of_versions_with_the_same_image_the_deployed_one_runs() {
    let world = World::new(0).await;
    world.service("cart").await;
    for label in ["1.0-b", "1.0-c"] {
        let mut same = build("cart", label);
        same.image = Some("r.example/cart:1.0".to_owned());
        world.engine.register_version(&world.theo, "cart", same).await.unwrap();
    }
    world.see().await;
    assert_eq!(runs(world.engine.store()).await, some(&["1.0"]), "the one deployed last, not the newest");
    let number = world.ask("cart", "1.0-b").await;
    let status = world.finish(number).await;
    assert_eq!(status.phase, "succeeded", "{}", status.words);
    world.see().await;
    assert_eq!(runs(world.engine.store()).await, some(&["1.0-b"]));
}

#[tokio::test]
async fn what_is_gone_is_forgotten_and_the_rest_stays() {
    let world = World::new(0).await;
    for name in ["cart", "pay", "mail"] {
        world.service(name).await;
    }
    world.see().await;
    assert_eq!(runs(world.engine.store()).await.len(), 3);
    for name in ["cart", "mail"] {
        world.practice.delete(&workload(name)).unwrap();
    }
    world.see().await;
    assert_eq!(runs(world.engine.store()).await, some(&["1.0"]));
    let found = world.engine.discover(&world.rosa, "practice").await.unwrap();
    assert_eq!(found.iter().map(|f| f.name.as_str()).collect::<Vec<_>>(), ["pay"]);
}
