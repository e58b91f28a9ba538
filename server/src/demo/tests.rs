//! The company on a SQLite store and a practice cluster.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use contract::{
    approvals::ApprovalsBackend as _,
    board::{BoardBackend as _, BoardQuery},
    insights::{InsightsBackend as _, InsightsQuery},
    search::SearchBackend as _,
};
use engine::{Engine, Parts};
use practice::{MockClock, PracticeCluster, RecordingMessenger};
use store::StoreOptions;

use super::*;
use crate::wiring::Connector;

fn now() -> DateTime<Utc> {
    "2026-11-21T13:00:00Z".parse().unwrap()
}

async fn company() -> (tempfile::TempDir, Store, PracticeCluster, Vec<SeededPerson>) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("demo.db").display());
    let store = Store::open(&url, StoreOptions::default()).await.unwrap();
    let practice = PracticeCluster::for_tests(Arc::new(MockClock::at(now())));
    let people = seed_practice(&store, &practice, now()).await.unwrap();
    (folder, store, practice, people)
}

fn engine(store: &Store, practice: &PracticeCluster) -> Engine {
    let clock = Arc::new(MockClock::at(now()));
    let messenger: Arc<dyn ports::Messenger> = Arc::new(RecordingMessenger::new(clock.clone()));
    Engine::new(Parts {
        store: store.clone(),
        clock: clock.clone(),
        randomness: Arc::new(SeededRandomness::new(77, clock)),
        connector: Arc::new(Connector::new(Some(practice.clone()), outgoing::Judge::default())),
        metrics: Arc::new(practice::PracticeMetrics::new(practice.clone(), 1)),
        messengers: Arc::new(move |_| Arc::clone(&messenger)),
        repositories: Arc::new(practice::PracticeRepositories::new()),
        webhooks: Arc::new(practice::PracticeDeployer::new(Arc::new(MockClock::at(now())))),
        sealing_key: [7; 32],
        public_url: "http://127.0.0.1".to_owned(),
    })
}

#[tokio::test]
async fn the_board_shows_each_story_of_today() {
    let begun = std::time::Instant::now();
    let (_folder, store, practice, people) = company().await;
    eprintln!("seeded in {} ms", begun.elapsed().as_millis());
    let engine = engine(&store, &practice);
    let rosa = people.iter().find(|p| p.name == company::RELEASE_MANAGER).unwrap();
    let board = engine.board(&write::actor(rosa), BoardQuery::default()).await.unwrap();
    assert_eq!((board.services, board.total), (14, 14));
    assert_eq!(board.environments.len(), 4);
    assert!(board.environments.iter().all(|e| e.is_practice));
    let cell = |service: &str, environment: usize| {
        let rows = board.groups.iter().flat_map(|g| &g.rows);
        rows.clone().find(|r| r.service == service).unwrap().cells[environment].clone().unwrap()
    };
    let reason = |service, environment| cell(service, environment).reason.unwrap_or_default();
    assert!(reason("pricing", 1).contains("taken back"), "{}", reason("pricing", 1));
    assert!(reason("pricing", 1).contains("CrashLoopBackOff"));
    assert!(reason("payments", 3).contains("waits for 1 approval"), "{}", reason("payments", 3));
    assert!(reason("profile", 2).starts_with("not by Slipway"), "{}", reason("profile", 2));
    assert_eq!(cell("orders", 3).mark, domain::state::Mark::Moving, "{}", reason("orders", 3));
    assert_eq!(cell("search", 1).mark, domain::state::Mark::Moving, "{}", reason("search", 1));
    assert_eq!(cell("invoices", 3).mark, domain::state::Mark::Moving, "a canary: {}", reason("invoices", 3));
    assert_eq!(cell("cart", 3).ahead.unwrap().versions, 2);
    assert!(cell("cart", 3).promotable.is_some() && cell("cart", 3).can_roll_back);
    assert_eq!((board.counts.moving, board.counts.failed, board.counts.changed_by_others), (3, 1, 1));
    assert_eq!(board.counts.waiting, 4, "payments, identity, slots, and search in its queue");
}

#[tokio::test]
async fn approvals_wait_for_the_product_owner_and_figures_are_there() {
    let (_folder, store, practice, people) = company().await;
    let engine = engine(&store, &practice);
    let ines = people.iter().find(|p| p.name == company::PRODUCT_OWNER).unwrap();
    let actor = write::actor(ines);
    let approvals = engine.approvals(&actor).await.unwrap();
    assert_eq!(approvals.for_me.len(), 3);
    for view in &approvals.for_me {
        assert!(view.comparison.commit_count > 0 && view.plan_number == 1, "{}", view.line.service);
        assert!(view.demands.iter().any(|d| d.title.starts_with("Healthy in")), "{:?}", view.demands);
    }
    let insights = engine.insights(&actor, InsightsQuery::default()).await.unwrap();
    assert_eq!(insights.tiles.len(), 5);
    for tile in &insights.tiles {
        assert!(tile.figure.is_some(), "{}", tile.title);
        eprintln!("{}: {:?} ({}; {:?})", tile.title, tile.figure, tile.basis, tile.change);
    }
    assert!(insights.services.len() >= 12);
    assert_eq!(insights.environment.as_deref(), Some("production"), "the rows behind a bar are of what it counts");
    // The search's own example.
    let answer = engine.search(&actor, "is 8c1f02e in production?").await.unwrap();
    assert!(answer.iter().any(|found| found.detail.starts_with("yes, in Production with cart")), "{answer:?}");
}

#[tokio::test]
async fn seeding_twice_is_refused() {
    let (_folder, store, practice, _) = company().await;
    assert!(seed_practice(&store, &practice, now()).await.is_err());
}
