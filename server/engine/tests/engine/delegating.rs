//! A Rollout that steps by itself, driven by a promotion: taken over, followed, let go, promoted, aborted.

use contract::{
    ErrorKind,
    clusters::{AdoptWorkload, ClustersBackend},
    promotions::{PromotionsBackend, Steer},
    services::{ServicesBackend, TargetWorkloadInput},
};
use domain::{
    observation::{WorkloadKind, WorkloadRef},
    promotion::PromotionAct,
    state::Mark,
    traffic::Weight,
};
use practice::{NewDeployment, RolloutStep};

use crate::world::{World, deploy, image, ticked, workload};

pub fn cart() -> WorkloadRef {
    WorkloadRef { kind: WorkloadKind::Rollout, ..workload("cart") }
}

async fn with_rollout(steps: Vec<RolloutStep>) -> World {
    let world = World::new(0).await;
    take_over(&world, steps).await;
    world
}

/// `cart` as a Rollout of 4 pods, taken over as it is discovered.
pub async fn take_over(world: &World, steps: Vec<RolloutStep>) {
    let images = vec![image("app", "r.example/cart:1.0")];
    let new = NewDeployment {
        steps: Some(steps),
        ..NewDeployment::new(workload("cart").namespace, workload("cart").name, 4, images)
    };
    world.practice.create_deployment(&new).unwrap();
    world.clock.advance(std::time::Duration::from_secs(60));
    let found = world.engine.discover(&world.rosa, "practice").await.unwrap();
    assert_eq!((found[0].kind, found[0].managed_by.as_deref()), (WorkloadKind::Rollout, None));
    let one = AdoptWorkload { kind: WorkloadKind::Rollout, ..ticked("cart", "cart") };
    let adopted = world.engine.adopt(&world.rosa, "practice", vec![one]).await.unwrap();
    assert_eq!((adopted.services, adopted.targets), (1, 1), "{:?}", adopted.left_out);
}

/// Shares that go on by themselves.
pub fn shares() -> Vec<RolloutStep> {
    let share = |percent| RolloutStep::Weight(Weight::percent(percent).unwrap());
    vec![share(25), RolloutStep::Pause(Some(10)), share(50)]
}

fn steps() -> Vec<RolloutStep> {
    let share = |percent| RolloutStep::Weight(Weight::percent(percent).unwrap());
    vec![share(25), RolloutStep::Pause(Some(900)), share(50), RolloutStep::Pause(None)]
}

async fn image_now(world: &World) -> String {
    match ports::Cluster::observe(&world.practice, &cart()).await.unwrap() {
        domain::observation::Observed::Present(seen) => seen.images[0].image.clone(),
        domain::observation::Observed::Missing => "missing".to_owned(),
    }
}

async fn until(world: &World, number: i64, words: &str) {
    for _ in 0..1_200 {
        if world.status(number).await.words.contains(words) {
            return;
        }
        world.pass(1).await;
    }
    panic!("'{words}' is never said, only '{}'", world.status(number).await.words);
}

#[tokio::test]
async fn a_rollout_is_followed_through_its_steps_and_let_go_by_one_of_two_taps() {
    let world = with_rollout(steps()).await;
    world.version("cart", "2.0").await;
    let number = world.ask("cart", "2.0").await;
    until(&world, number, "step 2 of 4 (Pause 900 s), 25 %, pauses until").await;
    let view = world.engine.promotion(&world.rosa, number).await.unwrap();
    assert_eq!(view.next, "Goes on by Argo Rollouts's own steps, or when someone lets it go on here.");
    let traffic = view.traffic.unwrap();
    assert_eq!(
        (view.strategy.as_str(), traffic.by.as_str(), traffic.seen, traffic.step),
        ("by Argo Rollouts", "by Argo Rollouts (Rollout cart)", Some(25), Some(1))
    );
    let mirrored: Vec<_> = traffic.mirrored.iter().map(|s| (s.mark, s.title.as_str(), s.detail.as_str())).collect();
    assert_eq!(mirrored, [(Mark::Waiting, "25 %", "Pause 900 s"), (Mark::Nothing, "50 %", "Go on?")]);
    assert!(view.allowed.contains(&PromotionAct::GoOn) && view.allowed.contains(&PromotionAct::PromoteNow));
    assert!(!view.allowed.contains(&PromotionAct::Skip) && !view.allowed.contains(&PromotionAct::SetWeight));

    let hold = Steer::Hold { reason: "lunch".to_owned() };
    let refused = world.engine.steer(&world.rosa, number, hold).await.unwrap_err();
    assert!(refused.message.starts_with("Argo Rollouts goes through the steps by itself"), "{refused:?}");
    let pods: Vec<_> =
        view.journal.iter().filter(|line| line.title == "Pods").map(|line| line.detail.as_str()).collect();
    assert!(
        !pods.is_empty() && pods.iter().all(|detail| detail.ends_with("pods")),
        "steps have lines of their own: {pods:?}"
    );

    // Its own pause is longer than this environment's time for a rollout, and does not count.
    until(&world, number, "step 4 of 4 (Go on?), 50 %, waits for someone").await;
    let view = world.engine.promotion(&world.rosa, number).await.unwrap();
    assert_eq!(view.next, "Waits until someone lets it go on, here or with Argo Rollouts's own tools.");
    let at = |step| Steer::GoOn { seen: domain::promotion::AsSeen::step(step) };
    let stale = world.engine.steer(&world.rosa, number, at(1)).await.unwrap_err();
    assert_eq!(stale.kind, ErrorKind::Conflict, "{stale:?}");
    let taps =
        futures::join!(world.engine.steer(&world.rosa, number, at(3)), world.engine.steer(&world.rosa, number, at(3)));
    assert!(taps.0.is_ok() ^ taps.1.is_ok(), "two taps are one act: {taps:?}");
    assert_eq!(world.finish(number).await.phase, "succeeded");
    assert_eq!(image_now(&world).await, "r.example/cart:2.0");
    assert_eq!(world.practice.writes_of(&cart()).unwrap().len(), 1, "the version is set once");
}

#[tokio::test]
async fn a_rollback_leaves_the_steps_of_a_rollout_out() {
    let world = with_rollout(steps()).await;
    world.version("cart", "2.0").await;
    let number = world.ask("cart", "2.0").await;
    until(&world, number, "pauses until").await;
    world.promote_now(number, "The fix is urgent").await.unwrap();
    assert_eq!(world.finish(number).await.phase, "succeeded");
    let back = world.roll_back("cart", None).await.unwrap();
    // Its pause alone is longer than this.
    world.pass(60).await;
    assert_eq!(world.status(back).await.phase, "succeeded", "{}", world.status(back).await.words);
    assert_eq!(image_now(&world).await, "r.example/cart:1.0");
}

#[tokio::test]
async fn a_rollout_is_promoted_at_once() {
    let world = with_rollout(steps()).await;
    world.version("cart", "2.0").await;
    let number = world.ask("cart", "2.0").await;
    until(&world, number, "pauses until").await;
    world.promote_now(number, "The fix is urgent").await.unwrap();
    assert!(world.promote_now(number, "The fix is urgent").await.is_err(), "once is enough");
    world.pass(30).await;
    assert_eq!(world.finish(number).await.phase, "succeeded");
    let traffic = world.engine.promotion(&world.rosa, number).await.unwrap().traffic.unwrap();
    let mirrored: Vec<_> = traffic.mirrored.iter().map(|s| (s.mark, s.title.as_str(), s.detail.as_str())).collect();
    let cut_short = (Mark::Done, "25 %", "Pause 900 s left out");
    assert_eq!(mirrored, [cut_short, (Mark::Nothing, "50 %", "left out")]);
    let spent = (ports::Clock::now(&world.clock) - crate::world::noon()).num_seconds();
    assert!(spent < 300, "the pauses were left out, but it took {spent} s");
}

#[tokio::test]
async fn an_aborted_rollout_runs_what_it_ran() {
    let world = with_rollout(steps()).await;
    world.version("cart", "2.0").await;
    let number = world.ask("cart", "2.0").await;
    until(&world, number, "pauses until").await;
    world.engine.abort(&world.rosa, number, "The graphs look odd".to_owned()).await.unwrap();
    let status = world.finish(number).await;
    assert_eq!((status.phase.as_str(), status.words.as_str()), ("aborted", "aborted by Rosa Mint"));
    assert_eq!(image_now(&world).await, "r.example/cart:1.0");
}

#[tokio::test]
async fn a_rollout_whose_pods_crash_is_taken_back_by_itself() {
    let world = with_rollout(steps()).await;
    world.version("cart", "2.0-crash").await;
    let number = world.ask("cart", "2.0-crash").await;
    let status = world.finish(number).await;
    assert_eq!(status.phase, "failed");
    assert!(status.words.contains("exit code 1"), "{}", status.words);
    assert_eq!(image_now(&world).await, "r.example/cart:1.0");
}

#[tokio::test]
async fn of_a_target_with_a_deployment_and_a_rollout_both_ways_are_named() {
    let world = with_rollout(shares()).await;
    deploy(&world.practice, "cart-worker", "cart", "1.0");
    let place = |workload: &str, kind| TargetWorkloadInput {
        cluster: "practice".to_owned(),
        namespace: "production".to_owned(),
        workload: workload.to_owned(),
        container: "app".to_owned(),
        component: None,
        kind,
    };
    let both = vec![place("cart", WorkloadKind::Rollout), place("cart-worker", WorkloadKind::Deployment)];
    world.engine.set_target(&world.rosa, "cart", "production", both.into()).await.unwrap();
    world.version("cart", "2.0").await;
    let before = world.engine.promote_view(&world.theo, "cart", "production", Some("2.0")).await.unwrap().strategy;
    assert!(before.starts_with("rolling: pods are replaced a few at a time"), "{before}");
    let by_tool = ". And by Argo Rollouts: the version is set, Argo Rollouts brings it in its own way, and each of its \
                   steps has 10 min";
    assert!(before.ends_with(by_tool), "{before}");
    let number = world.ask("cart", "2.0").await;
    let view = world.engine.promotion(&world.rosa, number).await.unwrap();
    assert_eq!(view.strategy, "rolling and by Argo Rollouts");
    assert_eq!(world.finish(number).await.phase, "succeeded");
    assert_eq!(image_now(&world).await, "r.example/cart:2.0");
    assert_eq!(world.image_of("cart-worker").await, "r.example/cart:2.0");
}
