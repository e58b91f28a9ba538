//! Many promotions at the same time: what holds one up must not hold up the others.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use contract::clusters::ClustersBackend;
use engine::{Engine, Parts};
use ports::{Clock, Cluster, ClusterConnector, ClusterError, ConnectionSettings};
use practice::{MockClock, PracticeCluster, SeededRandomness};
use sqlx::Connection as _;
use store::ClusterKind;

use crate::guarded::{Call, Guard, Guarded};
use crate::loops::{Running, soon, until};
use crate::world::{PracticeConnector, World, connect, deploy, engine_with, ticked};

/// A cluster that lists what is there and then answers nothing.
type Hanging = Guarded<Hangs>;

struct Hangs(AtomicUsize);

#[async_trait]
impl Guard for Hangs {
    async fn before(&self, call: Call) {
        if call != Call::Watch {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
        std::future::pending().await
    }
}

/// The practice cluster beside another one.
struct Two {
    near: PracticeCluster,
    far: Arc<dyn Cluster>,
}

impl ClusterConnector for Two {
    fn connect(&self, settings: &ConnectionSettings) -> Result<Arc<dyn Cluster>, ClusterError> {
        Ok(match settings {
            ConnectionSettings::Practice => Arc::new(self.near.clone()),
            ConnectionSettings::InCluster | ConnectionSettings::Token { .. } => Arc::clone(&self.far),
        })
    }

    fn read_kubeconfig(&self, _text: &str, _context: Option<&str>) -> Result<ConnectionSettings, ClusterError> {
        Err(ClusterError::Settings("not here".to_owned()))
    }

    fn access_commands(&self) -> String {
        String::new()
    }
}

/// A world with `many` promotions under way in a cluster that hangs, and the engine that drives them.
async fn hanging(world: &World, many: usize) -> (Engine, Arc<Hanging>, Running) {
    let inside = PracticeCluster::for_tests(Arc::new(world.clock.clone()));
    let names: Vec<_> = (0..many).map(|n| format!("far-{n}")).collect();
    for name in &names {
        deploy(&inside, name, name, "1.0");
    }
    world.clock.advance(Duration::from_secs(60));
    let far = Arc::new(Hanging::new(inside, Hangs(AtomicUsize::new(0))));
    let connector = Arc::new(Two { near: world.practice.clone(), far: far.clone() });
    let none: engine::MakeMessenger = Arc::new(|_| panic!("nobody is told here"));
    let engine = engine_with(world.engine.store().clone(), &world.clock, connector, none, 2);
    connect(&engine, 78, "far", ClusterKind::InCluster).await;
    let all = names.iter().map(|name| ticked(name, name)).collect();
    let adopted = engine.adopt(&world.rosa, "far", all).await.unwrap();
    assert_eq!(adopted.targets, u64::try_from(many).unwrap(), "{:?}", adopted.left_out);
    for name in &names {
        world.version(name, "2.0").await;
        world.ask(name, "2.0").await;
    }
    let running = Running::of(&engine);
    (engine, far, running)
}

#[tokio::test]
async fn a_cluster_that_hangs_holds_up_its_own_promotions_alone() {
    // One that hangs is enough to stall a pass that waits for all; more than there are places would
    // take every place.
    for many in [1, 80] {
        let world = World::new(0).await;
        world.service("cart").await;
        world.version("cart", "2.0").await;
        let (_engine, far, _running) = hanging(&world, many).await;
        until(&world.clock, "the far cluster is asked", async || far.guard.0.load(Ordering::SeqCst) >= many.min(16))
            .await;
        let number = world.ask("cart", "2.0").await;
        soon(&world.clock, "cart goes on beside them", async || world.status(number).await.is_over).await;
        assert_eq!(world.status(number).await.phase, "succeeded");
        let asked = far.guard.0.load(Ordering::SeqCst);
        assert!(asked <= 16, "{asked} works hang at one cluster, and none of them has ended");
    }
}

/// A clock that panics as often as it is told.
struct Defective {
    inside: MockClock,
    panics: AtomicUsize,
}

impl Clock for Defective {
    fn now(&self) -> DateTime<Utc> {
        let left = self.panics.try_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
        assert!(left.is_err(), "a defect");
        self.inside.now()
    }
}

#[tokio::test]
async fn a_loop_that_panics_begins_anew() {
    let world = World::new(0).await;
    world.service("cart").await;
    world.version("cart", "2.0").await;
    let clock = Arc::new(Defective { inside: world.clock.clone(), panics: AtomicUsize::new(0) });
    let engine = Engine::new(Parts {
        store: world.engine.store().clone(),
        clock: clock.clone(),
        randomness: Arc::new(SeededRandomness::new(2, clock.clone())),
        connector: Arc::new(PracticeConnector(Arc::new(world.practice.clone()))),
        metrics: Arc::new(practice::PracticeMetrics::new(world.practice.clone(), 7)),
        messengers: Arc::new(|_| panic!("nobody is told here")),
        repositories: Arc::new(practice::PracticeRepositories::new()),
        webhooks: Arc::new(practice::PracticeDeployer::new(clock.clone())),
        sealing_key: [7; 32],
        public_url: String::new(),
    });
    let _running = Running::of(&engine);
    // The loops that ask for the time first all panic once.
    clock.panics.store(2, Ordering::SeqCst);
    until(&world.clock, "the defects are met", async || clock.panics.load(Ordering::SeqCst) == 0).await;
    let number = world.ask("cart", "2.0").await;
    until(&world.clock, "cart is promoted", async || world.status(number).await.is_over).await;
    assert_eq!(world.status(number).await.phase, "succeeded");
}

#[tokio::test]
async fn a_promotion_that_cannot_be_read_is_put_off_and_the_others_go_on() {
    let world = World::new(0).await;
    for name in ["cart", "pay"] {
        world.service(name).await;
        world.version(name, "2.0").await;
    }
    let bad = world.ask("pay", "2.0").await;
    let mut database = sqlx::SqliteConnection::connect(&world.database()).await.unwrap();
    let spoil = "UPDATE promotions SET state = '{\"v\":99,\"promotion\":{}}' WHERE number = $1";
    sqlx::query(spoil).bind(bad).execute(&mut database).await.unwrap();
    let _running = Running::of(&world.engine);
    let number = world.ask("cart", "2.0").await;
    until(&world.clock, "cart goes on", async || world.status(number).await.is_over).await;
    let failures = || world.engine.vitals().failures.load(Ordering::Relaxed);
    until(&world.clock, "the bad one is tried again", async || failures() >= 2).await;
    let (began, before) = (world.clock.now(), failures());
    until(&world.clock, "a while passes", async || world.clock.now() > began + chrono::Duration::minutes(3)).await;
    // With waits of 4, 8, 16, … seconds there is no room for more in a few minutes.
    let more = failures() - before;
    assert!(more <= 7, "it failed {more} times more");
}
