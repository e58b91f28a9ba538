//! Stories of a canary beside a workload that an autoscaler sizes.

use domain::{
    capacity::{Autoscaler, Capacity},
    names::ObjectName,
    promotion::{DRAIN_SECONDS, Input, Phase, desired},
    strategy::{CandidateSettings, Step, Strategy},
    traffic::{TrafficLayer, Weight},
};

use crate::{
    candidate_stories::{canary, gateway, name},
    world::{NEW, World, placed, rosa},
};

fn scaled() -> Capacity {
    let autoscaler = Autoscaler { name: "cart".into(), least: 1, most: 12, desired: 3, made_by: None };
    Capacity { autoscaler: Some(autoscaler), ..Capacity::default() }
}

fn sizes(world: &mut World, pods: u32) {
    world.workload("cart").wanted_replicas = pods;
    world.cluster_acts();
}

fn share(world: &mut World) -> u8 {
    world.route().weight.as_percent()
}

fn started(strategy: Strategy) -> World {
    let mut world = World::with_candidate(strategy, &["cart"]);
    world.capacities = vec![(placed("cart"), scaled())];
    world.give(Input::Clock).unwrap();
    world
}

fn passes(world: &mut World) {
    for _ in 0..6 {
        world.pass();
    }
}

fn minutes(world: &mut World, minutes: i64) {
    for _ in 0..minutes * 2 {
        world.pass_seconds(30);
        world.pass();
    }
}

#[test]
fn a_candidate_is_sized_by_the_most_that_was_needed_and_traffic_comes_home_in_parts() {
    let weight = |percent| Step::Weight { weight: Weight::percent(percent).unwrap() };
    let mut world = started(canary(gateway(), vec![weight(50), Step::ask()]));
    sizes(&mut world, 10);
    passes(&mut world);
    assert_eq!((share(&mut world), world.workload("cart-canary").wanted_replicas), (50, 5));
    // Half of the traffic is gone, and so are half of the pods.
    sizes(&mut world, 5);
    world.look();
    world.go_on(1).unwrap();
    for _ in 0..2 {
        world.pass();
    }
    assert_eq!(world.workload("cart-canary").wanted_replicas, 10, "as many as served everything");
    while world.workload("cart").images[0].image != NEW {
        world.give(Input::Clock).unwrap();
        world.look();
        world.apply_candidates();
        world.cluster_acts();
        sizes(&mut world, 2);
        world.look();
        world.apply();
        world.pass_seconds(5);
    }
    world.cluster_acts();
    assert_eq!(share(&mut world), 100);
    let mut shares = vec![];
    for _ in 0..60 {
        world.pass();
        // As an autoscaler does: what the workload's part of the traffic needs.
        let home = 100 - u32::from(share(&mut world));
        sizes(&mut world, (home * 10).div_ceil(100).max(1));
        shares.push(share(&mut world));
        world.pass_seconds(15);
        if matches!(world.promotion.phase, Phase::Succeeded { .. }) {
            break;
        }
    }
    shares.dedup();
    assert_eq!(shares, [75, 63, 50, 38, 13, 0], "never more than the pods can carry and a quarter");
    assert!(matches!(world.promotion.phase, Phase::Succeeded { .. }), "{}", world.words());
}

#[test]
fn what_can_only_be_switched_waits_for_pods_and_then_asks_with_the_numbers() {
    let layer = TrafficLayer::Selector { service: ObjectName::parse("cart").unwrap() };
    let settings = CandidateSettings::new(name("cart"), layer, vec![]).unwrap();
    let mut world = started(Strategy::BlueGreen(settings));
    for _ in 0..5 {
        world.pass();
        if world.route().weight == Weight::ALL {
            sizes(&mut world, 1);
        }
    }
    passes(&mut world);
    world.pass_seconds(DRAIN_SECONDS);
    passes(&mut world);
    let run = world.promotion.run().unwrap();
    let words = "the workload cart has 1 ready pods and the candidate serves with 3: 3 are needed before all of the \
                 traffic comes home; HorizontalPodAutoscaler cart (1 to 12 pods) keeps it there while it gets so little traffic";
    assert_eq!(run.short.as_deref(), Some(words));
    assert!(run.hold.is_none());
    assert_eq!(desired(&world.promotion).unwrap().routes[0].weight, Weight::ALL);
    minutes(&mut world, 12);
    assert_eq!(world.promotion.run().unwrap().hold.as_ref().unwrap().why, words);

    // Pods come: it goes on by itself.
    sizes(&mut world, 3);
    passes(&mut world);
    assert_eq!(share(&mut world), 0);
    world.pass_seconds(DRAIN_SECONDS);
    passes(&mut world);
    assert!(matches!(world.promotion.phase, Phase::Succeeded { .. }), "{}", world.words());
}

#[test]
fn a_person_may_let_traffic_come_home_to_fewer_pods() {
    let layer = TrafficLayer::Selector { service: ObjectName::parse("cart").unwrap() };
    let settings = CandidateSettings::new(name("cart"), layer, vec![]).unwrap();
    let mut world = started(Strategy::BlueGreen(settings));
    for _ in 0..5 {
        world.pass();
        if world.route().weight == Weight::ALL {
            sizes(&mut world, 1);
        }
    }
    minutes(&mut world, 12);
    assert!(world.promotion.run().unwrap().hold.is_some());
    let Phase::Progressing { step, .. } = world.promotion.phase else { panic!("{}", world.words()) };
    world.go_on(step).unwrap();
    passes(&mut world);
    assert_eq!(share(&mut world), 0);
}

#[test]
fn an_abort_asks_no_autoscaler() {
    let weight = |percent| Step::Weight { weight: Weight::percent(percent).unwrap() };
    let mut world = started(canary(gateway(), vec![weight(50), Step::ask()]));
    sizes(&mut world, 10);
    passes(&mut world);
    sizes(&mut world, 2);
    world.look();
    world.give(Input::Abort { by: rosa(), reason: "slow".into() }).unwrap();
    assert_eq!(desired(&world.promotion).unwrap().routes[0].weight, Weight::NONE);
}
