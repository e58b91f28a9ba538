//! Steps that change no share, from request to end: messages that are told once whatever the channel
//! answers, and an analysis by the numbers of a practice cluster.

use contract::{
    promotions::{PromotionsBackend, Steer},
    services::{ServicesBackend, StrategyInput},
};
use ports::MessengerError;
use practice::MessengerFault;

use crate::{
    canaries::{canary, namespace, route, share_in, until},
    world::World,
};

/// `cart` in production by a canary whose requests the practice cluster counts.
async fn world(steps: &str) -> World {
    let world = World::new(0).await;
    world.service("cart").await;
    world.practice.create_route(&namespace(), &route()).unwrap();
    let input = StrategyInput { metrics: "practice".to_owned(), ..canary(steps) };
    world.engine.set_strategy(&world.rosa, "cart", "production", input).await.unwrap();
    world
}

async fn asked(world: &World, label: &str) -> i64 {
    world.version("cart", label).await;
    world.ask("cart", label).await
}

/// What steps have said in the channel, in order.
fn said(world: &World) -> Vec<String> {
    let messages = world.messenger.messages();
    messages.iter().filter(|m| m.key.step.is_some()).map(|m| m.texts.last().unwrap().state.clone()).collect()
}

#[tokio::test]
async fn what_a_step_says_is_posted_once_and_nobody_waits_for_it() {
    let faults = [
        None,
        Some(MessengerFault::LostAnswer),
        Some(MessengerFault::LostRequest),
        Some(MessengerFault::Answer(MessengerError::RateLimited { seconds: 5 })),
        Some(MessengerFault::Answer(MessengerError::Refused("channel_not_found".to_owned()))),
    ];
    for fault in faults {
        let world = world("10%, notify:\"10 % of you have it\", ask, notify:\"rolls out, <!channel>\"").await;
        world.with_slack().await;
        let number = asked(&world, "2.0").await;
        until(&world, number, "canary at 10 %:").await;
        // The state is told meanwhile, so one of these hits the step's own message.
        for fault in fault.iter().cycle().take(6) {
            world.messenger.fail_next(fault.clone());
        }
        until(&world, number, "waits for someone to let it go on").await;
        world.pass(90).await;
        assert_eq!(said(&world), ["10 % of you have it"], "{fault:?}");
        let step = world.engine.promotion(&world.rosa, number).await.unwrap().traffic.unwrap().step.unwrap();
        world.engine.steer(&world.rosa, number, Steer::GoOn { step }).await.unwrap();
        assert_eq!(world.finish(number).await.phase, "succeeded");
        world.pass(5).await;
        assert_eq!(said(&world), ["10 % of you have it", "rolls out, <!channel>"], "{fault:?}");
        let messages = world.messenger.messages();
        let one = messages.iter().find(|m| m.key.step == Some(1)).unwrap();
        assert_eq!(one.texts[0].title, "cart 2.0 to production");
        assert_eq!(one.texts[0].details, [format!("step 2 of promotion {number}")]);
    }
}

#[tokio::test]
async fn without_a_channel_what_a_step_says_stands_in_the_journal() {
    let world = world("10%, notify:Hello").await;
    let number = asked(&world, "2.0").await;
    assert_eq!(world.finish(number).await.phase, "succeeded");
    let view = world.engine.promotion(&world.rosa, number).await.unwrap();
    let line = view.journal.iter().find(|line| line.title == "Message").unwrap();
    assert_eq!((line.detail.as_str(), line.by.as_str()), ("“Hello”", "rule: strategy"));
    assert_eq!(world.engine.store().read().await.unwrap().pending_effects().await.unwrap(), 0);
}

#[tokio::test]
async fn an_analysis_that_finds_the_version_good_ends_early_and_says_how_far_it_is() {
    let world = world("10%, analysis:5x, 50%, ask").await;
    let number = asked(&world, "2.0").await;
    until(&world, number, "judged, 0 of 5 measurements").await;
    let view = world.engine.promotion(&world.rosa, number).await.unwrap();
    assert_eq!(view.next, "Judged, 0 of 5 measurements; then 50 %.");
    let ten = view.steps.iter().find(|step| step.title == "10 %").unwrap();
    assert!(ten.detail.contains("judged"), "{ten:?}");
    until(&world, number, "judged, 2 of 5 measurements").await;
    until(&world, number, "canary at 50 %").await;
    let bands = world.engine.promotion(&world.rosa, number).await.unwrap().analysis.unwrap().bands;
    assert!(bands.iter().any(|band| band.words == "10 %"), "{bands:?}");
}

#[tokio::test]
async fn a_version_with_errors_is_taken_back_by_an_analysis() {
    let world = world("10%, analysis:20m, 50%").await;
    let number = asked(&world, "2.0-errors").await;
    until(&world, number, "judged until").await;
    until(&world, number, "taking back").await;
    let status = world.finish(number).await;
    assert!(status.words.starts_with("taken back: error rate"), "{}", status.words);
    assert_eq!(share_in(&world.practice), 0);
}

#[tokio::test]
async fn steps_that_cannot_be_are_refused_where_they_are_typed() {
    let world = world("10%").await;
    for (steps, why) in [
        ("analysis:10m, 10%", "step 1 has nothing to look at yet"),
        ("10%, analysis:0x", "step 2 looks for a time that cannot be had"),
        ("10%, notify:\"open", "'notify:\"open' is no step"),
    ] {
        let refused = world.engine.set_strategy(&world.rosa, "cart", "production", canary(steps)).await.unwrap_err();
        assert!(refused.message.contains(why), "{}", refused.message);
    }
}
