//! Who takes whose place, and what a rollback goes back to.

use contract::{
    ErrorKind,
    audit::{AuditBackend as _, AuditQuery},
    environments::{EnvironmentInput, EnvironmentsBackend as _},
    promotions::{PromotionsBackend as _, RequestPromotion, RequestRollback},
};
use domain::actor::Actor;

use crate::{database, world::World};

fn superseding(label: &str) -> RequestPromotion {
    RequestPromotion {
        service: "cart".to_owned(),
        version: label.to_owned(),
        environment: "production".to_owned(),
        reason: "instead".to_owned(),
        supersede: true,
        key: None,
    }
}

async fn roll_back(world: &World, by: &Actor, label: Option<&str>) -> i64 {
    let request = RequestRollback {
        service: "cart".to_owned(),
        environment: "production".to_owned(),
        version: label.map(str::to_owned),
        whole_templates: false,
        reason: "it is bad".to_owned(),
    };
    world.engine.roll_back(by, request).await.unwrap()
}

async fn shop(approvals: u8, labels: &[&str]) -> World {
    let world = World::new(approvals).await;
    world.service("cart").await;
    for label in labels {
        world.version("cart", label).await;
    }
    world
}

#[tokio::test]
async fn a_developer_does_not_end_what_others_have_asked_for() {
    let world = shop(0, &["2.0-slow", "3.0"]).await;
    let request = RequestPromotion { supersede: false, ..superseding("2.0-slow") };
    let first = world.engine.request_promotion(&world.rosa, request).await.unwrap();
    world.pass(2).await;
    let refused = world.engine.request_promotion(&world.theo, superseding("3.0")).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Refused, "{}", refused.message);
    assert!(refused.message.contains(&format!("promotion {first}")), "{}", refused.message);
    assert_eq!(world.finish(first).await.phase, "succeeded");
}

#[tokio::test]
async fn nothing_is_superseded_before_the_new_one_has_its_consent() {
    let world = shop(1, &["2.0-neverready", "3.0"]).await;
    let first = world.ask("cart", "2.0-neverready").await;
    world.engine.approve(&world.ines, first, 1, None).await.unwrap();
    world.pass(3).await;
    let second = world.engine.request_promotion(&world.rosa, superseding("3.0")).await.unwrap();
    world.pass(10).await;
    assert_eq!(world.status(first).await.phase, "progressing", "one that nobody approved blocks nothing");
    world.engine.approve(&world.ines, second, 1, None).await.unwrap();
    assert_eq!(world.finish(second).await.phase, "succeeded");
    assert_eq!(world.status(first).await.phase, "superseded");
    assert_eq!(world.image_of("cart").await, "r.example/cart:3.0");
}

#[tokio::test]
async fn a_rollback_is_not_superseded_by_a_new_version() {
    let world = shop(0, &["2.0", "3.0"]).await;
    for label in ["2.0", "3.0"] {
        let number = world.ask("cart", label).await;
        world.finish(number).await;
    }
    world.version("cart", "4.0").await;
    let back = roll_back(&world, &world.rosa, Some("2.0")).await;
    world.pass(1).await;
    let newer = world.engine.request_promotion(&world.rosa, superseding("4.0")).await.unwrap();
    assert_eq!(world.finish(back).await.phase, "succeeded");
    assert_eq!(world.finish(newer).await.phase, "succeeded");
}

#[tokio::test]
async fn a_rollback_takes_the_place_of_what_is_live_and_leaves_a_row_for_it() {
    let world = shop(0, &["2.0", "3.0-neverready"]).await;
    let good = world.ask("cart", "2.0").await;
    world.finish(good).await;
    let live = world.ask("cart", "3.0-neverready").await;
    world.pass(3).await;
    let back = roll_back(&world, &world.rosa, Some("2.0")).await;
    assert_eq!(world.finish(back).await.phase, "succeeded");
    assert_eq!(world.status(live).await.phase, "superseded");
    let audited = world.engine.audit(&world.admin, AuditQuery::default()).await.unwrap().rows;
    let told = format!("superseded promotion {live}");
    assert!(audited.iter().any(|line| line.sentence.contains(&told)), "{audited:?}");
}

#[tokio::test]
async fn after_a_rollback_the_bad_version_is_not_what_one_goes_back_to() {
    let world = shop(0, &["1.1", "2.0", "3.0"]).await;
    for label in ["1.1", "2.0", "3.0"] {
        let number = world.ask("cart", label).await;
        assert_eq!(world.finish(number).await.phase, "succeeded");
    }
    let first = roll_back(&world, &world.rosa, None).await;
    assert_eq!(world.finish(first).await.phase, "succeeded");
    assert_eq!(world.image_of("cart").await, "r.example/cart:2.0");
    let second = roll_back(&world, &world.rosa, None).await;
    assert_eq!(world.finish(second).await.phase, "succeeded");
    assert_eq!(world.image_of("cart").await, "r.example/cart:1.1");
}

#[tokio::test]
async fn nobody_goes_back_to_a_newer_version_unless_it_is_named() {
    let world = shop(0, &["1.1", "2.0", "3.0"]).await;
    for label in ["1.1", "2.0", "3.0"] {
        let number = world.ask("cart", label).await;
        assert_eq!(world.finish(number).await.phase, "succeeded");
    }
    let far = roll_back(&world, &world.rosa, Some("1.1")).await;
    assert_eq!(world.finish(far).await.phase, "succeeded");
    let offered = world.engine.promotion(&world.rosa, far).await.unwrap().roll_back_to;
    assert_eq!(offered.as_deref(), Some("1.0"), "2.0 worked too, and is newer");
    let named = roll_back(&world, &world.rosa, Some("2.0")).await;
    assert_eq!(world.finish(named).await.phase, "succeeded");
    assert_eq!(world.image_of("cart").await, "r.example/cart:2.0");
}

#[tokio::test]
async fn a_rollback_is_not_mistaken_for_a_promotion_that_waits() {
    let world = shop(0, &["2.0", "3.0"]).await;
    for label in ["2.0", "3.0"] {
        let number = world.ask("cart", label).await;
        world.finish(number).await;
    }
    let two = EnvironmentInput { approvals: 2, ..world.environment() };
    world.engine.change_environment(&world.admin, two).await.unwrap();
    let request = RequestPromotion { supersede: false, ..superseding("2.0") };
    let waits = world.engine.request_promotion(&world.rosa, request).await.unwrap();
    let back = roll_back(&world, &world.rosa, Some("2.0")).await;
    assert_ne!(back, waits);
    assert_eq!(world.finish(back).await.phase, "succeeded");
}

#[tokio::test]
async fn two_people_with_one_wish_have_one_promotion_which_an_abort_ends() {
    let world = shop(0, &["2.0-slow"]).await;
    let first = world.ask("cart", "2.0-slow").await;
    let again = RequestPromotion { supersede: false, ..superseding("2.0-slow") };
    assert_eq!(world.engine.request_promotion(&world.rosa, again).await.unwrap(), first);
    world.pass(2).await;
    world.engine.abort(&world.rosa, first, "it is bad".to_owned()).await.unwrap();
    assert_eq!(world.finish(first).await.phase, "aborted");
    world.pass(60).await;
    assert_eq!(world.image_of("cart").await, "r.example/cart:1.0");
}

#[tokio::test]
async fn many_who_wait_for_one_target_go_one_after_another() {
    let name = format!("slipway_superseding_{}", std::process::id());
    let world = World::at(&database::copy("template1", &name).await, 0).await;
    world.service("cart").await;
    world.service("mailer").await;
    let labels = ["2.0", "3.0", "4.0", "5.0", "6.0", "7.0", "8.0", "9.0"];
    for label in labels {
        world.version("cart", label).await;
    }
    world.version("mailer", "2.0").await;
    // The same wish eight times at once, on eight connections: one promotion.
    let same = futures::future::join_all((0..8).map(|_| world.ask("cart", "2.0"))).await;
    assert!(same.iter().all(|number| *number == same[0]), "{same:?}");
    let mut numbers = vec![same[0]];
    numbers.extend(futures::future::join_all(labels[1..].iter().map(|label| world.ask("cart", label))).await);
    let other = world.ask("mailer", "2.0").await;
    assert_eq!(world.finish(other).await.phase, "succeeded");
    for number in numbers {
        assert_eq!(world.finish(number).await.phase, "succeeded");
    }
    drop(world);
    database::remove(&name).await;
}
