//! Stories of clusters of which one does not answer, or does not take what it is told: nothing goes on that was not
//! seen, what is bad is bad all the same, and nothing else is held up.

use domain::{
    delegated::{ApplicationStatus, ToolStatus},
    image::ContainerImage,
    job::JobState,
    names::WorkloadName,
    observation::{Observed, PlacedWorkload},
    promotion::{Input, Phase, RefusedWrite, TakeBackCause, TakenBack, WritePart, desired},
    strategy::Step,
    traffic::{RouteObserved, TrafficLayer, Weight},
};

use crate::{
    candidate_stories::{canary, gateway, weight},
    measured::busy,
    two_clusters_stories::taken_back_in_two_clusters,
    world::{NEW, World, crash, placed, rosa},
};

fn is_second(at: &PlacedWorkload) -> bool {
    at.cluster != placed("cart").cluster
}

fn share(world: &World) -> Weight {
    world.promotion.run().unwrap().wanted.weight.want
}

/// Lets an aborted run come to its end; what it left, for somebody to look at.
fn left_when_over(world: &mut World) -> String {
    for _ in 0..40 {
        world.pass_seconds(10);
        world.pass();
        if world.promotion.is_over() {
            break;
        }
    }
    left(world)
}

fn left(world: &World) -> String {
    match &world.promotion.phase {
        Phase::Aborted { back: TakenBack::Incomplete { what }, .. } => what.clone(),
        _ => panic!("{}", world.words()),
    }
}

#[test]
fn what_one_cluster_refuses_holds_up_no_others_way_back() {
    let mut world = taken_back_in_two_clusters();
    let generation = world.promotion.run().unwrap().generation;
    let words = "eu-1 shop/cart: denied by the policy images".to_owned();
    let write = RefusedWrite { placed: placed("cart"), part: WritePart::Workload, words };
    world.give(Input::RefusedByCluster { generation, writes: vec![write.clone()] }).unwrap();
    assert!(matches!(world.promotion.phase, Phase::TakingBack { .. }), "{}", world.words());
    let wanted = desired(&world.promotion).unwrap().workloads;
    assert!(wanted.iter().all(|one| is_second(&one.placed)), "it is not tried again: {wanted:?}");
    let what = left_when_over(&mut world);
    assert_eq!(what, write.words);
    let is_home = |seen: &RouteObserved| matches!(seen, RouteObserved::Present(now) if now.weight == Weight::NONE);
    assert!(world.routes.iter().all(|(_, seen)| is_home(seen)), "the traffic is home in both");
}

#[test]
fn a_share_that_cannot_be_taken_away_keeps_its_candidate_and_is_said() {
    let mut world = World::in_two_clusters(canary(gateway(), vec![Step::Weight { weight: weight(20) }, Step::ask()]));
    for _ in 0..30 {
        world.pass_seconds(5);
        world.pass();
    }
    world.give(Input::Abort { by: rosa(), reason: "wrong day".into() }).unwrap();
    let generation = world.promotion.run().unwrap().generation;
    let words = "eu-1 shop/HTTPRoute cart: denied".to_owned();
    let write = RefusedWrite { placed: placed("cart"), part: WritePart::Route, words };
    world.give(Input::RefusedByCluster { generation, writes: vec![write] }).unwrap();
    let what = left_when_over(&mut world);
    assert!(what.contains("gives 20 % to cart-canary; set it to 0") && what.contains("denied"), "{what}");
    let seen: Vec<_> = world.routes.iter().map(|(at, seen)| (is_second(at), seen.clone())).collect();
    for (is_second, route) in seen {
        let RouteObserved::Present(now) = route else { panic!() };
        assert_eq!(now.weight, if is_second { Weight::NONE } else { weight(20) });
    }
}

#[test]
fn good_numbers_raise_no_share_while_a_cluster_does_not_answer() {
    let steps =
        vec![Step::Weight { weight: weight(10) }, Step::Pause { seconds: 120 }, Step::Weight { weight: weight(50) }];
    let mut world = World::in_two_clusters(canary(gateway(), steps)).analysed();
    world.give(Input::Clock).unwrap();
    for _ in 0..8 {
        world.pass();
    }
    assert_eq!(share(&world), weight(10), "{}", world.words());
    let generation = |world: &World| world.promotion.run().unwrap().generation;
    let before = generation(&world);
    for _ in 0..40 {
        world.pass_seconds(10);
        world.look_at_one();
        world.measure(&busy(0.2));
        assert_eq!(generation(&world), before, "nothing else is wanted: {}", world.words());
    }
    world.watch_for(20, &busy(0.2));
    assert_eq!(share(&world), weight(50), "{}", world.words());
    // A breach needs nobody's answer.
    for _ in 0..40 {
        world.pass_seconds(10);
        world.look_at_one();
        world.measure(&busy(12.5));
    }
    let Phase::TakingBack { cause: TakeBackCause::Breach { rule, .. }, .. } = &world.promotion.phase else {
        panic!("{}", world.words());
    };
    assert_eq!(rule.as_str(), "error-rate");
}

#[test]
fn pods_that_crash_while_they_are_watched_are_not_excused_by_another_cluster() {
    let mut world = World::in_two_clusters(canary(gateway(), vec![]));
    world.promotion.plan.watch_seconds = 3_600;
    world.facts.plan_now = world.promotion.plan.clone();
    world.give(Input::Clock).unwrap();
    for _ in 0..60 {
        world.pass_seconds(10);
        world.pass();
    }
    assert!(matches!(world.promotion.phase, Phase::Watching { .. }), "{}", world.words());
    world.workload("cart").pods[1].trouble = Some(crash());
    world.look_at_one();
    let Phase::TakingBack { cause: TakeBackCause::Rollout { workload, .. }, .. } = &world.promotion.phase else {
        panic!("{}", world.words());
    };
    assert_eq!(workload, "eu-1 shop/cart");
}

#[test]
fn a_job_that_failed_has_failed_whatever_another_cluster_would_say() {
    let template = WorkloadName::parse("smoke-test").unwrap();
    let steps = vec![Step::Weight { weight: weight(10) }, Step::Job { template, seconds: 600 }];
    let mut world = World::in_two_clusters(canary(gateway(), steps));
    for _ in 0..12 {
        world.pass_seconds(5);
        world.apply_jobs();
        world.pass();
    }
    assert_eq!(world.jobs_made, 2, "{}", world.words());
    world.jobs_end(&JobState::Failed { why: "exit code 1".into() });
    world.look_at_one();
    let Phase::TakingBack { cause: TakeBackCause::Job { job, .. }, .. } = &world.promotion.phase else {
        panic!("{}", world.words());
    };
    assert!(job.starts_with("Job eu-1"), "{job}");
}

#[test]
fn what_a_tool_waits_for_by_its_own_steps_is_no_time_of_the_version() {
    let mut world = World::new(&["cart"], 0);
    world.give(Input::Clock).unwrap();
    world.look();
    world.apply();
    let says = |world: &mut World, health: &str| {
        let (sync, health) = ("Synced".to_owned(), health.to_owned());
        let status = ApplicationStatus { is_fresh: true, sync, health, ..ApplicationStatus::default() };
        world.workload("cart").tool = Some(ToolStatus::ArgoCd(status));
    };
    says(&mut world, "Suspended");
    for _ in 0..120 {
        world.pass_seconds(30);
        world.look();
    }
    assert!(matches!(world.promotion.phase, Phase::Progressing { .. }), "{}", world.words());
    says(&mut world, "Healthy");
    world.look();
    assert!(matches!(world.promotion.phase, Phase::Succeeded { .. }), "{}", world.words());
}

#[test]
fn a_digest_that_a_policy_adds_is_no_change_by_others() {
    let mut world = World::new(&["cart"], 0);
    world.give(Input::Clock).unwrap();
    world.look();
    world.apply();
    let pinned = format!("{NEW}@sha256:{}", "ab".repeat(32));
    world.workload("cart").images[0].image.clone_from(&pinned);
    world.look();
    assert!(matches!(world.promotion.phase, Phase::Progressing { .. }), "{}", world.words());
    world.pods_up("cart", 3);
    world.look();
    assert!(matches!(world.promotion.phase, Phase::Succeeded { .. }), "{}", world.words());
    let one =
        |image: &str| ContainerImage { image: image.to_owned(), ..world.promotion.plan.workloads[0].images[0].clone() };
    for (wanted, seen, is_shown) in [
        (NEW, NEW, true),
        (NEW, pinned.as_str(), true),
        (pinned.as_str(), NEW, false),
        ("r.example/cart:2", "r.example/cart:2.1", false),
        ("r.example/cart:2", "r.example/cart:2-debug", false),
    ] {
        assert_eq!(one(wanted).is_shown_as(&one(seen)), is_shown, "{wanted} {seen}");
    }
}

#[test]
fn pods_that_cannot_be_made_for_a_moment_are_waited_for() {
    let mut world = World::new(&["cart"], 0);
    world.give(Input::Clock).unwrap();
    world.look();
    world.apply();
    world.pods_up("cart", 0);
    let quota = Some("exceeded quota: pods".to_owned());
    for pods in 0..3 {
        world.workload("cart").replica_failure.clone_from(&quota);
        world.pods_up("cart", pods);
        world.look();
        world.pass_seconds(25);
        world.look();
        assert!(matches!(world.promotion.phase, Phase::Progressing { .. }), "{}", world.words());
    }
    world.pass_seconds(10);
    world.look();
    assert!(world.words().contains("pods cannot be made: exceeded quota"), "{}", world.words());
}

#[test]
fn a_quota_that_an_autoscaler_meets_says_nothing_of_a_version_that_is_watched() {
    let mut world = World::new(&["cart"], 0);
    world.promotion.plan.watch_seconds = 600;
    world.facts.plan_now = world.promotion.plan.clone();
    world.give(Input::Clock).unwrap();
    world.pass();
    world.pass();
    assert!(matches!(world.promotion.phase, Phase::Watching { .. }), "{}", world.words());
    let cart = world.workload("cart");
    (cart.wanted_replicas, cart.replica_failure) = (5, Some("exceeded quota: pods".to_owned()));
    for _ in 0..10 {
        world.pass_seconds(30);
        world.look();
        assert!(matches!(world.promotion.phase, Phase::Watching { .. }), "{}", world.words());
    }
}

#[test]
fn on_the_way_back_the_last_ready_pods_are_never_removed() {
    for layer in [TrafficLayer::Replicas, gateway()] {
        let mut world =
            World::with_candidate(canary(layer, vec![Step::Weight { weight: weight(50) }, Step::ask()]), &["cart"]);
        for _ in 0..8 {
            world.pass_seconds(5);
            world.pass();
        }
        let none_ready = |world: &mut World| {
            let cart = world.workload("cart");
            (cart.ready_replicas, cart.available_replicas) = (0, 0);
            cart.pods.iter_mut().for_each(|pod| pod.is_ready = false);
        };
        world.give(Input::Abort { by: rosa(), reason: "wrong day".into() }).unwrap();
        for _ in 0..200 {
            world.pass_seconds(10);
            world.apply();
            world.apply_candidates();
            world.cluster_acts();
            none_ready(&mut world);
            world.give(Input::Clock).unwrap();
            world.look();
            let candidate = world.cluster.iter().find(|(at, _)| at.workload.name.as_str() == "cart-canary").unwrap();
            assert!(matches!(candidate.1, Observed::Present(_)), "{}", world.words());
        }
        let what = left(&world);
        let cart = "eu-1 cart-canary stays: its";
        assert!(what.contains(cart) && what.contains("ready pods are the last ones"), "{what}");
    }
}

#[test]
fn a_candidate_that_nobody_can_look_at_is_not_called_unreachable() {
    let mut world = World::in_two_clusters(canary(gateway(), vec![Step::Weight { weight: weight(20) }, Step::ask()]));
    for _ in 0..30 {
        world.pass_seconds(5);
        world.pass();
    }
    let empty = |world: &mut World, second: bool| {
        for (at, seen) in &mut world.routes {
            if is_second(at) == second
                && let RouteObserved::Present(now) = seen
            {
                now.candidate_endpoints = Some(0);
            }
        }
    };
    // It restarts for a moment, and then its cluster does not answer.
    empty(&mut world, true);
    world.look();
    for _ in 0..6 {
        world.pass_seconds(10);
        world.look_at_one();
    }
    assert!(matches!(world.promotion.phase, Phase::Progressing { .. }), "{}", world.words());
    // What is read counts all the same.
    empty(&mut world, false);
    for _ in 0..2 {
        world.pass_seconds(10);
        world.look_at_one();
    }
    let Phase::TakingBack { cause: TakeBackCause::Unserved { route, .. }, .. } = &world.promotion.phase else {
        panic!("{}", world.words());
    };
    assert_eq!(route, "eu-1 shop/HTTPRoute cart");
}

#[test]
fn pods_that_cannot_be_made_several_times_for_a_moment_are_waited_for_each_time() {
    let mut world = World::new(&["cart"], 0);
    world.give(Input::Clock).unwrap();
    world.look();
    world.apply();
    world.pods_up("cart", 0);
    for _ in 0..3 {
        // A webhook is away for a moment, and slow pods come up meanwhile.
        world.workload("cart").replica_failure = Some("a webhook does not answer".to_owned());
        world.look();
        world.workload("cart").replica_failure = None;
        world.pass_seconds(20);
        world.look();
        assert!(matches!(world.promotion.phase, Phase::Progressing { .. }), "{}", world.words());
    }
}
