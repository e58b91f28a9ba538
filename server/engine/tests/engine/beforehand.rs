//! What a promotion would meet is said before anybody decides.

use contract::{
    promotions::PromotionsBackend as _,
    services::{ServicesBackend as _, TargetNow},
};

use crate::{
    canaries::{canary, namespace, route, set_by_pods, until, with_canary},
    world::World,
};

async fn now(world: &World) -> TargetNow {
    world.engine.target_now(&world.rosa, "cart", "production").await.unwrap()
}

#[tokio::test]
async fn a_route_that_is_not_there_is_said_before_anybody_decides() {
    let world = World::new(1).await;
    world.service("cart").await;
    assert_eq!(now(&world).await.refused, Vec::<String>::new());
    world.engine.set_strategy(&world.rosa, "cart", "production", canary("10%, job:smoke")).await.unwrap();
    world.version("cart", "2.0").await;
    let met = now(&world).await;
    let [job, missing] = met.refused.as_slice() else { panic!("{met:?}") };
    assert!(job.contains("CronJob practice production/smoke is not there"), "{job}");
    assert!(missing.contains("practice production/HTTPRoute cart is not there"), "{missing}");
    let page = world.engine.promote_view(&world.theo, "cart", "production", Some("2.0")).await.unwrap();
    assert_eq!(page.refusal, None, "it may be made meanwhile");
    let warned = page.warnings.iter().any(|one| one.contains("would be refused at its start") && one.contains(missing));
    assert!(warned, "{:?}", page.warnings);
    world.practice.create_route(&namespace(), &route()).unwrap();
    world.practice.create_cron_job(crate::steps::cron_job(5, 0)).unwrap();
    assert_eq!(now(&world).await.refused, Vec::<String>::new());
}

#[tokio::test]
async fn what_shares_come_to_by_whole_pods_is_said_before_and_meanwhile() {
    let world = World::new(0).await;
    world.service("cart").await;
    set_by_pods(&world, "10%, 50%, ask").await;
    let met = now(&world).await;
    let said = "by whole pods beside the 3 of practice production/cart, 10 % comes to 25 %";
    assert!(met.capacity.iter().any(|line| line == said), "{met:?}");
    world.version("cart", "2.0").await;
    set_by_pods(&world, "10%, ask, 50%, ask").await;
    let number = world.ask("cart", "2.0").await;
    until(&world, number, "canary at 25 %, as near to 10 % as pods can be, waits for someone").await;
    let journal = world.engine.promotion(&world.rosa, number).await.unwrap().journal;
    let moved = "25 % of the traffic goes to the candidate, as near to 10 % as pods can be";
    assert!(journal.iter().any(|line| line.detail == moved), "{journal:?}");
    let seen = domain::promotion::AsSeen::step(1);
    world.engine.steer(&world.rosa, number, contract::promotions::Steer::GoOn { seen }).await.unwrap();
    until(&world, number, "canary at 50 %, waits for someone").await;
}

#[tokio::test]
async fn what_a_promotion_at_work_has_set_refuses_nothing() {
    let world = with_canary("25%, ask").await;
    world.version("cart", "2.0").await;
    let number = world.ask("cart", "2.0").await;
    until(&world, number, "waits for someone").await;
    let met = now(&world).await;
    assert_eq!(met.refused, Vec::<String>::new(), "nobody is told to put back what is at work");
    assert!(met.unknown.iter().any(|line| line.contains(&format!("promotion {number} is at work here"))), "{met:?}");
    world.engine.abort(&world.rosa, number, "enough".to_owned()).await.unwrap();
    world.finish(number).await;
    assert_eq!(now(&world).await.unknown, Vec::<String>::new());
}
