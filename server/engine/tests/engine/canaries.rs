//! Canary and blue-green on a practice cluster: from request to end, with people, crashes and others
//! in the middle.

use contract::{
    ErrorKind,
    audit::{AuditBackend, AuditQuery},
    promotions::{PromotionsBackend, Steer},
    services::{ServicesBackend, StrategyInput},
};
use domain::{
    names::{Namespace, ObjectName},
    state::Mark,
    traffic::{RouteKind, TrafficLayer, Weight},
};

use practice::PracticeCluster;

use crate::world::{World, workload};

fn name(text: &str) -> ObjectName {
    ObjectName::parse(text).unwrap()
}

pub fn route() -> TrafficLayer {
    TrafficLayer::GatewayApi { service: name("cart"), kind: RouteKind::Http, route: name("cart") }
}

pub fn namespace() -> Namespace {
    Namespace::parse("production").unwrap()
}

pub fn canary(steps: &str) -> StrategyInput {
    StrategyInput {
        strategy: "canary".to_owned(),
        exposed: "cart".to_owned(),
        layer: "http_route".to_owned(),
        service: "cart".to_owned(),
        route: "cart".to_owned(),
        steps: steps.to_owned(),
        ..StrategyInput::default()
    }
}

/// Has `cart` in production promoted by a canary.
pub async fn set(world: &World, steps: &str) {
    world.practice.create_route(&namespace(), &route()).unwrap();
    world.engine.set_strategy(&world.rosa, "cart", "production", canary(steps)).await.unwrap();
}

/// Has `cart` in production promoted by a canary whose pods' number is its share.
pub async fn set_by_pods(world: &World, steps: &str) {
    let (layer, service, route) = ("replicas".to_owned(), String::new(), String::new());
    let input = StrategyInput { layer, service, route, ..canary(steps) };
    world.engine.set_strategy(&world.rosa, "cart", "production", input).await.unwrap();
}

fn selector() -> TrafficLayer {
    TrafficLayer::Selector { service: name("cart") }
}

/// Has `cart` in production switched as a whole.
pub async fn set_blue_green(world: &World, steps: &str) {
    world.practice.create_route(&namespace(), &selector()).unwrap();
    let (strategy, layer, route) = ("blue_green".to_owned(), "selector".to_owned(), String::new());
    let input = StrategyInput { strategy, layer, route, ..canary(steps) };
    world.engine.set_strategy(&world.rosa, "cart", "production", input).await.unwrap();
}

pub async fn with_canary(steps: &str) -> World {
    let world = World::new(0).await;
    world.service("cart").await;
    set(&world, steps).await;
    world
}

/// The share of `cart-canary`, in percent.
pub fn share_in(practice: &PracticeCluster) -> u8 {
    practice.share(&namespace(), &route()).unwrap().map_or(0, Weight::as_percent)
}

/// The share of what stands beside `cart`, whichever way traffic is moved.
pub fn share_beside(practice: &PracticeCluster) -> u8 {
    let switched = practice.share(&namespace(), &selector()).unwrap().map_or(0, Weight::as_percent);
    share_in(practice).max(switched)
}

fn share(world: &World) -> u8 {
    share_in(&world.practice)
}

/// Passes until the words of the promotion contain these.
pub async fn until(world: &World, number: i64, words: &str) {
    for _ in 0..300 {
        if world.status(number).await.words.contains(words) {
            return;
        }
        world.pass(1).await;
    }
    panic!("'{words}' is never said, only '{}'", world.status(number).await.words);
}

#[tokio::test]
async fn a_canary_goes_up_step_by_step_and_leaves_nothing_behind() {
    let world = with_canary("10%, 1m, 50%, ask").await;
    world.version("cart", "2.0").await;
    let number = world.ask("cart", "2.0").await;
    until(&world, number, "canary at 10 % until").await;
    assert_eq!(share(&world), 10);
    assert_eq!(world.image_of("cart").await, "r.example/cart:1.0");
    assert_eq!(world.image_of("cart-canary").await, "r.example/cart:2.0");
    until(&world, number, "waits for someone to let it go on").await;
    assert_eq!(share(&world), 50);
    let view = world.engine.promotion(&world.rosa, number).await.unwrap();
    let traffic = view.traffic.unwrap();
    assert_eq!((traffic.wanted, traffic.seen, traffic.most, traffic.step), (50, Some(50), 50, Some(3)));
    assert_eq!(traffic.lines, ["practice production/HTTPRoute cart: 50 %, accepted"]);
    assert_eq!(view.workloads.iter().filter(|w| w.is_candidate).count(), 1);
    world.engine.steer(&world.rosa, number, Steer::GoOn { seen: domain::promotion::AsSeen::step(3) }).await.unwrap();
    assert_eq!(world.finish(number).await.phase, "succeeded");
    assert_eq!(share(&world), 0);
    // Nobody is sent to a candidate any more, and everybody gets the version.
    let traffic = world.engine.promotion(&world.rosa, number).await.unwrap().traffic.unwrap();
    assert_eq!((traffic.wanted, traffic.seen, traffic.lines.len()), (100, Some(100), 0));
    assert_eq!(world.image_of("cart").await, "r.example/cart:2.0");
    assert_eq!(world.image_of("cart-canary").await, "missing");
    assert_eq!(world.writes("cart"), 1, "the workload itself is written once");
    let acts: Vec<_> = world.practice.writes_of(&workload("cart-canary")).unwrap().into_iter().map(|w| w.act).collect();
    let expected = [
        "make with 1",
        "weight 10 %",
        "scale to 2",
        "weight 50 %",
        "scale to 3",
        "weight 100 %",
        "weight 0 %",
        "remove",
    ];
    assert_eq!(acts, expected);
}

#[tokio::test]
async fn nobody_is_said_to_get_a_version_that_is_promoted_at_once_before_its_pods_are_there() {
    let world = with_canary("preview, ask, 100%").await;
    world.version("cart", "2.0").await;
    let number = world.ask("cart", "2.0").await;
    until(&world, number, "waits for someone").await;
    world.promote_now(number, "it is urgent").await.unwrap();
    for _ in 0..300 {
        let view = world.engine.promotion(&world.rosa, number).await.unwrap();
        let traffic = view.traffic.unwrap();
        let is_there = world.image_of("cart").await == "r.example/cart:2.0";
        assert!(is_there || share(&world) > 0 || traffic.seen != Some(100), "{traffic:?}");
        if world.status(number).await.phase == "succeeded" {
            return;
        }
        world.pass(1).await;
    }
    panic!("it does not end: {}", world.status(number).await.words);
}

#[tokio::test]
async fn a_canary_that_crashes_loses_its_traffic_before_its_pods() {
    let world = with_canary("10%, 10m").await;
    world.version("cart", "2.0-latecrash").await;
    let number = world.ask("cart", "2.0-latecrash").await;
    let status = world.finish(number).await;
    assert_eq!(status.phase, "failed");
    assert!(status.words.contains("exit code 1"), "{}", status.words);
    let acts: Vec<_> = world.practice.writes_of(&workload("cart-canary")).unwrap().into_iter().map(|w| w.act).collect();
    assert_eq!(acts, ["make with 1", "weight 10 %", "weight 0 %", "remove"]);
    assert_eq!(world.writes("cart"), 0, "what serves was never touched");
    assert_eq!(world.image_of("cart-canary").await, "missing");
}

#[tokio::test]
async fn two_people_who_let_it_go_on_are_one_step_and_one_explanation() {
    let world = with_canary("10%, ask, 50%, ask").await;
    world.version("cart", "2.0").await;
    let number = world.ask("cart", "2.0").await;
    until(&world, number, "waits for someone").await;
    let go_on = || world.engine.steer(&world.rosa, number, Steer::GoOn { seen: domain::promotion::AsSeen::step(1) });
    let other = world.engine.steer(&world.admin, number, Steer::GoOn { seen: domain::promotion::AsSeen::step(1) });
    let (one, two) = tokio::join!(go_on(), other);
    let refused = [one, two].into_iter().filter_map(Result::err).collect::<Vec<_>>();
    assert_eq!(refused.len(), 1);
    assert!(refused[0].message.contains("another step"), "{}", refused[0].message);
    world.pass(20).await;
    assert_eq!(share(&world), 50);
    let refused = world
        .engine
        .steer(&world.theo, number, Steer::Skip { seen: domain::promotion::AsSeen::step(3) })
        .await
        .unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Refused);
}

/// The titles, marks and details of the strategy's pieces in the bar of steps.
async fn stages(world: &World, number: i64) -> Vec<(String, Mark, String)> {
    let view = world.engine.promotion(&world.rosa, number).await.unwrap();
    let steps = view.steps.into_iter().filter(|step| step.title.ends_with('%'));
    steps.map(|step| (step.title, step.mark, step.detail)).collect()
}

#[tokio::test]
async fn steps_that_were_left_out_are_never_shown_as_done() {
    let stage = |title: &str, mark, detail: &str| (title.to_owned(), mark, detail.to_owned());
    let world = with_canary("10%, 1h, 20%, 1h, 50%, ask").await;
    world.version("cart", "2.0").await;
    let number = world.ask("cart", "2.0").await;
    let view = world.engine.promotion(&world.rosa, number).await.unwrap();
    assert!(view.how.contains("10 % → Pause 1 h → 20 % → Pause 1 h → 50 % → Go on? → 100 %"), "{}", view.how);
    until(&world, number, "canary at 10 % until").await;
    world.engine.steer(&world.rosa, number, Steer::Skip { seen: domain::promotion::AsSeen::step(1) }).await.unwrap();
    until(&world, number, "canary at 20 % until").await;
    assert_eq!(stages(&world, number).await[0], stage("10 %", Mark::Done, "Pause 1 h left out"));
    world.promote_now(number, "good").await.unwrap();
    assert_eq!(world.finish(number).await.phase, "succeeded");
    assert_eq!(
        stages(&world, number).await,
        [
            stage("10 %", Mark::Done, "Pause 1 h left out"),
            stage("20 %", Mark::Done, "Pause 1 h left out"),
            stage("50 %", Mark::Nothing, "left out"),
            stage("100 %", Mark::Done, ""),
        ]
    );
}

#[tokio::test]
async fn letting_a_share_set_by_hand_go_says_where_to() {
    let world = with_canary("20%, 1h, 50%, 1h").await;
    world.version("cart", "2.0").await;
    let number = world.ask("cart", "2.0").await;
    until(&world, number, "canary at 20 % until").await;
    let weight =
        Steer::SetWeight { seen: domain::promotion::AsSeen::step(1), weight: 5, reason: "watching".to_owned() };
    world.engine.steer(&world.rosa, number, weight).await.unwrap();
    let traffic = world.engine.promotion(&world.rosa, number).await.unwrap().traffic.unwrap();
    assert_eq!((traffic.by_hand_now, traffic.then.as_str()), (Some(5), "50 %"));
    let audit = world.engine.audit(&world.rosa, AuditQuery::default()).await.unwrap().rows;
    let set = audit.iter().find(|row| row.act == "promotion.set_weight").unwrap();
    assert_eq!(set.sentence, format!("set to 5 % the share of promotion {number} (cart 2.0 to production)"));
    let seen = world.engine.promotion(&world.rosa, number).await.unwrap().traffic.unwrap().as_seen.unwrap();
    world.engine.steer(&world.rosa, number, Steer::GoOn { seen }).await.unwrap();
    until(&world, number, "canary at 50 %").await;
    assert_eq!(share(&world), 50);
}

#[tokio::test]
async fn a_share_set_by_hand_stays_and_one_beyond_the_approved_step_is_refused() {
    let world = with_canary("20%, 1h").await;
    world.version("cart", "2.0").await;
    let number = world.ask("cart", "2.0").await;
    until(&world, number, "canary at 20 % until").await;
    let set =
        |weight| Steer::SetWeight { seen: domain::promotion::AsSeen::step(1), weight, reason: "watching".to_owned() };
    let refused = world.engine.steer(&world.rosa, number, set(40)).await.unwrap_err();
    assert_eq!(refused.field(), Some("weight"));
    world.engine.steer(&world.rosa, number, set(5)).await.unwrap();
    until(&world, number, "canary at 5 %, set by hand").await;
    assert_eq!(share(&world), 5);
    world.engine.abort(&world.rosa, number, "enough".to_owned()).await.unwrap();
    assert_eq!(world.finish(number).await.phase, "aborted");
    assert_eq!(share(&world), 0);
}

#[tokio::test]
async fn the_commands_that_put_the_traffic_back_are_kept_ready() {
    let world = with_canary("10%, 1h").await;
    world.version("cart", "2.0").await;
    let number = world.ask("cart", "2.0").await;
    let by_hand = || async { world.engine.promotion(&world.rosa, number).await.unwrap().traffic.unwrap().by_hand };
    assert_eq!(by_hand().await, None, "there is nothing to put back");
    until(&world, number, "canary at 10 % until").await;
    let commands = by_hand().await.unwrap();
    let route = "kubectl -n production patch httproutes.gateway.networking.k8s.io/cart --type=json -p '[{";
    assert!(commands.contains(route) && commands.contains(r#""path":"/spec/rules""#), "{commands}");
    let candidate = "kubectl -n production delete --ignore-not-found deployment/cart-canary service/cart-canary";
    assert!(commands.contains(candidate), "{commands}");
    world.engine.abort(&world.rosa, number, "enough".to_owned()).await.unwrap();
    assert_eq!(world.finish(number).await.phase, "aborted");
    assert_eq!(by_hand().await, None);
}

#[tokio::test]
async fn a_rollback_of_a_canary_is_not_tried_step_by_step() {
    let world = with_canary("10%, 1h").await;
    world.version("cart", "2.0").await;
    let number = world.ask("cart", "2.0").await;
    until(&world, number, "canary at 10 % until").await;
    world.promote_now(number, "good").await.unwrap();
    assert_eq!(world.finish(number).await.phase, "succeeded");
    let request = contract::promotions::RequestRollback {
        service: "cart".to_owned(),
        environment: "production".to_owned(),
        version: None,
        whole_templates: false,
        reason: "bad".to_owned(),
    };
    let back = world.engine.roll_back(&world.rosa, request).await.unwrap();
    let view = world.engine.promotion(&world.rosa, back).await.unwrap();
    assert_eq!(view.strategy, "rolling");
    assert_eq!(world.finish(back).await.phase, "succeeded");
    assert_eq!(world.image_of("cart").await, "r.example/cart:1.0");
}

#[tokio::test]
async fn somebody_who_moves_the_traffic_by_hand_is_left_alone() {
    let world = with_canary("10%, 1h").await;
    world.version("cart", "2.0").await;
    let number = world.ask("cart", "2.0").await;
    until(&world, number, "canary at 10 % until").await;
    world.practice.set_share_by_other(&namespace(), &route(), Weight::percent(60).unwrap()).unwrap();
    let status = world.finish(number).await;
    assert_eq!(status.phase, "failed");
    assert!(status.words.contains("set it to 0, then delete cart-canary"), "{}", status.words);
    assert_eq!(share(&world), 60);
    assert_eq!(world.image_of("cart-canary").await, "r.example/cart:2.0", "traffic is never left on nothing");
}

#[tokio::test]
async fn a_strategy_that_cannot_be_is_refused_with_its_field() {
    let world = World::new(0).await;
    world.service("cart").await;
    let table: [(StrategyInput, &str); 6] = [
        (StrategyInput { exposed: "basket".to_owned(), ..canary("") }, "exposed"),
        (StrategyInput { layer: "magic".to_owned(), ..canary("") }, "layer"),
        (StrategyInput { metrics: "ingress_nginx".to_owned(), ..canary("") }, "metrics"),
        (StrategyInput { route: "Not A Name".to_owned(), ..canary("") }, "route"),
        (canary("50%, 10%"), "steps"),
        (StrategyInput { strategy: "yolo".to_owned(), ..canary("") }, "strategy"),
    ];
    for (input, field) in table {
        let refused = world.engine.set_strategy(&world.rosa, "cart", "production", input).await.unwrap_err();
        assert_eq!(refused.field(), Some(field), "{refused:?}");
    }
    world.engine.set_strategy(&world.rosa, "cart", "production", canary("")).await.unwrap();
    let page = contract::PageRequest::new(1, 1);
    let target = world.engine.service(&world.rosa, "cart", page).await.unwrap().targets.remove(0);
    assert_eq!(target.strategy.steps, "10%, 30m, 25%, 10m, 50%, 10m, 100%");
    assert_eq!(
        world.engine.set_strategy(&world.theo, "cart", "production", canary("")).await.unwrap_err().kind,
        ErrorKind::Refused
    );
}
