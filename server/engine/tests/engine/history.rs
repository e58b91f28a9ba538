//! What pages say of before and after: what was rolled back, what went past an environment, what will
//! be replaced, what ended last.

use contract::{
    PageRequest,
    approvals::ApprovalsBackend as _,
    promotions::{PromotionsBackend as _, RequestPromotion, RequestRollback},
    services::{ServicesBackend as _, TargetWorkloadInput},
};
use domain::environment::EnvironmentKind;

use super::world::{World, deploy};

#[tokio::test]
async fn what_was_rolled_back_says_by_which_promotion() {
    let world = World::new(0).await;
    world.service("cart").await;
    world.version("cart", "1.1").await;
    let first = world.ask("cart", "1.1").await;
    world.finish(first).await;
    world.see().await;
    let rolled_back_by = async |number: i64| {
        let view = world.engine.promotion(&world.theo, number).await.unwrap();
        (view.rolled_back_by, view.steps.last().unwrap().title.clone())
    };
    assert_eq!(rolled_back_by(first).await, (None, "Done".to_owned()));
    let request = RequestRollback {
        service: "cart".to_owned(),
        environment: "production".to_owned(),
        version: None,
        whole_templates: false,
        reason: "Totals are wrong".to_owned(),
    };
    let back = world.engine.roll_back(&world.rosa, request).await.unwrap();
    world.finish(back).await;
    world.see().await;
    let again = world.ask("cart", "1.1").await;
    world.finish(again).await;
    assert_eq!(rolled_back_by(first).await, (Some(back), "Rolled back".to_owned()));
    assert_eq!(rolled_back_by(back).await, (None, "Done".to_owned()), "a later promotion is no rollback");
    assert_eq!(rolled_back_by(again).await, (None, "Done".to_owned()));
    let service = world.engine.service(&world.theo, "cart", PageRequest::default()).await.unwrap();
    let told: Vec<_> = service.deployments.iter().map(|d| (d.promotion, d.rolled_back_by)).collect();
    assert_eq!(told, [(Some(again), None), (Some(back), None), (Some(first), Some(back)), (None, None)]);
}

#[tokio::test]
async fn a_version_that_goes_past_an_environment_is_warned_of_and_not_refused() {
    let world = World::new(0).await;
    world.add_environment("live", EnvironmentKind::Production, 1, "").await;
    world.service("cart").await;
    deploy(&world.practice, "cart-live", "cart", "1.0");
    let place = TargetWorkloadInput {
        cluster: "practice".to_owned(),
        namespace: "production".to_owned(),
        workload: "cart-live".to_owned(),
        container: "app".to_owned(),
        component: None,
        kind: domain::observation::WorkloadKind::Deployment,
    };
    world.engine.set_target(&world.rosa, "cart", "live", vec![place].into()).await.unwrap();
    world.clock.advance(std::time::Duration::from_secs(60));
    world.see().await;
    world.version("cart", "1.1").await;
    let promote = async || {
        let view = world.engine.promote_view(&world.theo, "cart", "live", Some("1.1")).await.unwrap();
        (view.warnings, view.refusal)
    };
    let words = "cart 1.1 has never been in production, the environment before live.";
    assert_eq!(promote().await, (vec![words.to_owned()], None));
    let request = RequestPromotion {
        service: "cart".to_owned(),
        version: "1.1".to_owned(),
        environment: "live".to_owned(),
        reason: "It cannot wait".to_owned(),
        supersede: false,
        key: None,
    };
    let number = world.engine.request_promotion(&world.theo, request).await.unwrap();
    let is_told = async || {
        let view = world.engine.promotion(&world.ines, number).await.unwrap();
        assert!(view.demands[0].title.ends_with("approval"), "consent comes first: {:?}", view.demands);
        view.demands.iter().any(|demand| demand.title == "Never in production")
    };
    assert!(is_told().await, "who approves it is told too");
    let there = world.ask("cart", "1.1").await;
    world.finish(there).await;
    assert_eq!(promote().await, (vec![], None));
    assert!(!is_told().await);
}

#[tokio::test]
async fn before_it_begins_a_promotion_says_how_many_pods_will_be_replaced() {
    let world = World::new(1).await;
    world.service("cart").await;
    world.see().await;
    world.version("cart", "1.1").await;
    let number = world.ask("cart", "1.1").await;
    let workload = async || {
        let view = world.engine.promotion(&world.theo, number).await.unwrap();
        (view.workloads[0].words.clone(), view.workloads[0].wanted)
    };
    assert_eq!(workload().await, ("3 pods will be replaced".to_owned(), 0));
    world.engine.cancel(&world.theo, number, "Not today".to_owned()).await.unwrap();
    assert_eq!(workload().await, (String::new(), 0));
}

#[tokio::test]
async fn what_ended_last_comes_first_however_long_ago_it_was_asked_for() {
    let world = World::new(1).await;
    let mut asked = Vec::new();
    for service in ["aa", "bb"] {
        world.service(service).await;
        world.version(service, "1.1").await;
        asked.push(world.ask(service, "1.1").await);
    }
    for number in [asked[1], asked[0]] {
        world.clock.advance(std::time::Duration::from_secs(60));
        world.engine.reject(&world.ines, number, "Not in this week".to_owned()).await.unwrap();
    }
    let lately = world.engine.approvals(&world.ines).await.unwrap().lately;
    assert_eq!(lately.iter().map(|line| line.number).collect::<Vec<_>>(), asked);
    assert!(lately[0].finished_at > lately[1].finished_at && lately[0].requested_at < lately[1].requested_at);
}
