//! Two servers on one database: they share the promotions, do each thing once, and one finishes what
//! the other left.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use engine::{Engine, MakeMessenger};
use store::{Durability, Store, StoreOptions};

use crate::{
    database,
    guarded::{Call, Guard, Guarded},
    loops::{Running, until},
    world::{World, engine_of},
};
use ports::{Cluster, Messenger};

/// One installation and a second server on its database.
struct Pair {
    world: World,
    other: Engine,
    database: Option<String>,
    _folder: tempfile::TempDir,
}

impl Pair {
    async fn on_sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/slipway.db", folder.path().display());
        Self::at(&url, None, folder).await
    }

    async fn on_postgres(name: &str) -> Self {
        let name = format!("two_{name}_{}", std::process::id());
        database::remove(&name).await;
        let url = database::copy("template0", &name).await;
        Self::at(&url, Some(name), tempfile::tempdir().unwrap()).await
    }

    async fn at(url: &str, database: Option<String>, folder: tempfile::TempDir) -> Self {
        let world = World::at(url, 0).await;
        let options = StoreOptions { durability: Durability::ProcessEnd, ..StoreOptions::default() };
        let store = Store::open(url, options).await.unwrap();
        let other = server(&world, store, Arc::new(world.practice.clone()), 2);
        world.with_slack().await;
        Self { world, other, database, _folder: folder }
    }

    async fn close(self) {
        self.other.store().close().await;
        self.world.engine.store().close().await;
        if let Some(name) = self.database {
            database::remove(&name).await;
        }
    }
}

/// Another server of this installation.
fn server(world: &World, store: Store, cluster: Arc<dyn Cluster>, seed: u64) -> Engine {
    let told = world.messenger.clone();
    let messengers: MakeMessenger = Arc::new(move |_| -> Arc<dyn Messenger> { Arc::new(told.clone()) });
    engine_of(store, &world.clock, cluster, messengers, seed)
}

async fn told(world: &World) -> bool {
    world.engine.store().read().await.unwrap().pending_effects().await.unwrap() == 0
}

async fn they_share_the_work_and_do_each_thing_once(pair: Pair) {
    let world = &pair.world;
    let names: Vec<_> = (0..12).map(|n| format!("service-{n}")).collect();
    let mut numbers = Vec::new();
    for name in &names {
        world.service(name).await;
        world.version(name, "2.0").await;
        numbers.push(world.ask(name, "2.0").await);
    }
    {
        let _both = (Running::of(&world.engine), Running::of(&pair.other));
        until(&world.clock, "all promotions have ended", async || {
            for number in &numbers {
                if !world.status(*number).await.is_over {
                    return false;
                }
            }
            told(world).await
        })
        .await;
    }
    for (number, name) in numbers.iter().zip(&names) {
        let status = world.status(*number).await;
        assert_eq!(status.phase, "succeeded", "{name}: {}", status.words);
        assert_eq!(world.writes(name), 1, "{name} was written once");
    }
    let messages = world.messenger.messages();
    assert_eq!(messages.len(), names.len(), "one message for each promotion");
    assert!(messages.iter().all(|m| m.texts.last().unwrap().state == "done"));
    for engine in [&world.engine, &pair.other] {
        let looked_at = engine.vitals().looked_at.load(Ordering::Relaxed);
        assert!(looked_at > 0, "one of the two did nothing");
    }
    pair.close().await;
}

#[tokio::test]
async fn two_servers_share_the_work_on_postgres() {
    they_share_the_work_and_do_each_thing_once(Pair::on_postgres("share").await).await;
}

#[tokio::test]
async fn two_servers_share_the_work_on_sqlite() {
    they_share_the_work_and_do_each_thing_once(Pair::on_sqlite().await).await;
}

/// What is written is done, and never answered.
struct Silent(AtomicBool);

#[async_trait]
impl Guard for Silent {
    async fn after(&self, call: Call) {
        if call == Call::Apply {
            self.0.store(true, Ordering::SeqCst);
            std::future::pending().await
        }
    }
}

async fn what_one_leaves_the_other_finishes(pair: Pair) {
    let world = &pair.world;
    world.service("cart").await;
    world.version("cart", "2.0").await;
    let number = world.ask("cart", "2.0").await;
    let silent = Arc::new(Guarded::new(world.practice.clone(), Silent(AtomicBool::new(false))));
    let dying = server(world, world.engine.store().clone(), silent.clone(), 3);
    let running = Running::of(&dying);
    until(&world.clock, "it has written", async || silent.guard.0.load(Ordering::SeqCst)).await;
    drop(running);
    let died_at = world.engine.now();
    let _other = Running::of(&pair.other);
    until(&world.clock, "the other finishes", async || world.status(number).await.is_over && told(world).await).await;
    let status = world.status(number).await;
    assert_eq!(status.phase, "succeeded", "{}", status.words);
    let waited = status.finished_at.unwrap() - died_at;
    assert!(waited.num_seconds() >= 10, "the lease of the dead one was not kept: {waited}");
    assert_eq!(world.writes("cart"), 1, "what was written already is not written again");
    assert_eq!(world.messenger.messages().len(), 1);
    pair.close().await;
}

#[tokio::test]
async fn a_server_finishes_what_another_left_on_postgres() {
    what_one_leaves_the_other_finishes(Pair::on_postgres("leave").await).await;
}

#[tokio::test]
async fn a_server_finishes_what_another_left_on_sqlite() {
    what_one_leaves_the_other_finishes(Pair::on_sqlite().await).await;
}
