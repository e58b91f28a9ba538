//! Messages: what goes wrong with one must neither lose it nor hold up the others.

use std::{sync::Arc, time::Duration};

use ports::{Messenger, MessengerError};
use practice::{MessengerFault, SeededRandomness};
use sqlx::Connection as _;

use crate::world::{PracticeConnector, World};

async fn pending(world: &World) -> i64 {
    world.engine.store().read().await.unwrap().pending_effects().await.unwrap()
}

#[tokio::test]
async fn a_promotion_that_cannot_be_told_about_does_not_silence_the_others() {
    let world = World::new(1).await;
    world.with_slack().await;
    for name in ["cart", "pay"] {
        world.service(name).await;
        world.version(name, "2.0").await;
    }
    let bad = world.ask("cart", "2.0").await;
    world.ask("pay", "2.0").await;
    let mut database = sqlx::SqliteConnection::connect(&world.database()).await.unwrap();
    let spoil = "UPDATE promotions SET state = '{\"v\":99,\"promotion\":{}}' WHERE number = $1";
    sqlx::query(spoil).bind(bad).execute(&mut database).await.unwrap();
    assert_eq!(world.engine.deliver_due().await.unwrap(), 2);
    let titles: Vec<_> = world.messenger.messages().into_iter().map(|m| m.texts[0].title.clone()).collect();
    assert_eq!(titles, ["pay 2.0 to production"]);
    // The bad one waits longer each time.
    let mut tries = 0;
    for _ in 0..60 {
        world.clock.advance(Duration::from_secs(1));
        tries += world.engine.deliver_due().await.unwrap();
    }
    assert!((3..=7).contains(&tries), "{tries}");
    assert_eq!(pending(&world).await, 1);
}

#[tokio::test]
async fn what_was_certainly_not_posted_is_not_looked_for() {
    let limited = MessengerFault::Answer(MessengerError::RateLimited { seconds: 7 });
    let refused = MessengerFault::Answer(MessengerError::Refused("channel_not_found".to_owned()));
    for (fault, calls) in [(limited, 2), (refused, 2), (MessengerFault::LostRequest, 3)] {
        let world = World::new(1).await;
        world.with_slack().await;
        world.service("cart").await;
        world.version("cart", "2.0").await;
        world.messenger.fail_next(fault.clone());
        world.ask("cart", "2.0").await;
        world.engine.deliver_due().await.unwrap();
        world.clock.advance(Duration::from_secs(10));
        world.engine.deliver_due().await.unwrap();
        assert_eq!((world.messenger.messages().len(), pending(&world).await), (1, 0), "{fault:?}");
        assert_eq!(world.messenger.calls(), calls, "{fault:?}");
    }
}

#[tokio::test]
async fn a_message_waits_for_a_token_that_can_be_opened() {
    use contract::slack::SlackBackend;
    let world = World::new(1).await;
    world.with_slack().await;
    world.service("cart").await;
    world.version("cart", "2.0").await;
    world.ask("cart", "2.0").await;
    let clock: Arc<dyn ports::Clock> = Arc::new(world.clock.clone());
    let told = world.messenger.clone();
    let other_key = engine::Engine::new(engine::Parts {
        store: world.engine.store().clone(),
        clock: Arc::clone(&clock),
        randomness: Arc::new(SeededRandomness::new(2, clock)),
        connector: Arc::new(PracticeConnector(Arc::new(world.practice.clone()))),
        metrics: Arc::new(practice::PracticeMetrics::new(world.practice.clone(), 7)),
        messengers: Arc::new(move |_| -> Arc<dyn Messenger> { Arc::new(told.clone()) }),
        repositories: Arc::new(practice::PracticeRepositories::new()),
        webhooks: Arc::new(practice::PracticeDeployer::new(Arc::new(world.clock.clone()))),
        sealing_key: [8; 32],
        public_url: String::new(),
    });
    other_key.deliver_due().await.unwrap();
    assert_eq!((world.messenger.messages().len(), pending(&world).await), (0, 1));
    let words = world.engine.slack(&world.admin).await.unwrap().words;
    assert!(words.contains("cannot be opened") && words.contains("set it again"), "{words}");
    world.clock.advance(Duration::from_secs(10));
    world.engine.deliver_due().await.unwrap();
    assert_eq!((world.messenger.messages().len(), pending(&world).await), (1, 0));
}
