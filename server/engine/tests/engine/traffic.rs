//! What a promotion's page says of the traffic and of its steps.

use contract::{clusters::ClustersBackend, promotions::PromotionsBackend, services::ServicesBackend};
use practice::NewDeployment;

use crate::{
    analysis::prepared,
    canaries::{canary, until},
    world::{World, deploy, image, ticked, workload},
};

#[tokio::test]
async fn the_share_by_pods_is_that_of_the_workload_that_has_a_candidate() {
    let world = World::new(0).await;
    deploy(&world.practice, "cart", "cart", "1.0");
    // By its name it comes first, and it has other pods.
    let (name, images) = (workload("admin"), vec![image("app", "r.example/cart:1.0")]);
    world.practice.create_deployment(&NewDeployment::new(name.namespace, name.name, 9, images)).unwrap();
    world.clock.advance(std::time::Duration::from_secs(60));
    let both = ["admin", "cart"].map(|name| ticked(name, "cart"));
    world.engine.adopt(&world.rosa, "practice", both.into()).await.unwrap();
    let by_pods = contract::services::StrategyInput {
        layer: "replicas".to_owned(),
        service: String::new(),
        route: String::new(),
        ..canary("25%, ask")
    };
    world.engine.set_strategy(&world.rosa, "cart", "production", by_pods).await.unwrap();
    world.version("cart", "2.0").await;
    let number = world.ask("cart", "2.0").await;
    until(&world, number, "waits for someone to let it go on").await;
    let traffic = world.engine.promotion(&world.rosa, number).await.unwrap().traffic.unwrap();
    assert_eq!((traffic.wanted, traffic.seen), (25, Some(25)));
}

#[tokio::test]
async fn what_stays_at_a_share_has_the_name_of_the_share() {
    let (world, _metrics) = prepared("2.0", "10%, mirror:20%, 1m, ask, 50%, ask").await;
    let number = world.ask("cart", "2.0").await;
    until(&world, number, "waits for someone to let it go on").await;
    let bands = world.engine.promotion(&world.rosa, number).await.unwrap().analysis.unwrap().bands;
    let bands: Vec<_> = bands.into_iter().map(|band| band.words).collect();
    assert_eq!(bands, ["10 %"]);
}

#[tokio::test]
async fn a_share_that_was_set_by_hand_has_a_band_of_its_own() {
    let (world, _metrics) = prepared("2.0", "10%, 1m, ask, 50%, ask").await;
    let number = world.ask("cart", "2.0").await;
    until(&world, number, "waits for someone to let it go on").await;
    let view = world.engine.promotion(&world.rosa, number).await.unwrap();
    let seen = view.traffic.unwrap().as_seen.unwrap();
    let set = contract::promotions::Steer::SetWeight { seen, weight: 5, reason: "watching".to_owned() };
    world.engine.steer(&world.rosa, number, set).await.unwrap();
    until(&world, number, "canary at 5 %, set by hand").await;
    let view = world.engine.promotion(&world.rosa, number).await.unwrap();
    let bands: Vec<_> = view.analysis.unwrap().bands.into_iter().map(|band| band.words).collect();
    assert_eq!(bands, ["10 %", "5 %"]);
}
