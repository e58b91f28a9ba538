//! Stories of a candidate in two clusters: each has its own pods and its own share, and neither waits
//! for the other's.

use domain::{
    observation::{Observed, PlacedWorkload},
    promotion::{Input, Phase, StableWant, TakenBack, desired},
    strategy::Step,
    traffic::{RouteObserved, Weight},
};

use crate::{
    candidate_stories::{canary, gateway, weight},
    world::{World, placed, rosa},
};

/// A canary in two clusters, taken back while both workloads are being replaced and serve nobody.
pub fn taken_back_in_two_clusters() -> World {
    let mut world = World::in_two_clusters(canary(gateway(), vec![]));
    for _ in 0..40 {
        world.give(Input::Clock).unwrap();
        world.look();
        if world.promotion.run().is_some_and(|run| run.wanted.stable.want == StableWant::Version) {
            break;
        }
        world.apply_candidates();
        world.cluster_acts();
        world.pass_seconds(5);
    }
    world.apply();
    for (placed, found) in &mut world.cluster {
        if let Observed::Present(now) = found
            && placed.workload.name.as_str() == "cart"
        {
            (now.ready_replicas, now.available_replicas) = (0, 0);
            now.pods.iter_mut().for_each(|pod| pod.is_ready = false);
        }
    }
    world.look();
    world.give(Input::Abort { by: rosa(), reason: "wrong day".into() }).unwrap();
    world.apply();
    world.look();
    assert!(shares(&world).iter().all(|(_, weight)| *weight == Weight::ALL), "{:?}", shares(&world));
    world
}

/// The shares that are wanted now, by cluster.
fn shares(world: &World) -> Vec<(String, Weight)> {
    let wanted = desired(&world.promotion).unwrap().routes.into_iter();
    wanted.map(|route| (route.cluster_name, route.weight)).collect()
}

#[test]
fn a_cluster_that_does_not_answer_holds_up_no_others_way_back() {
    let mut world = taken_back_in_two_clusters();
    // From now on only the first cluster answers; its pods come back.
    let both = world.clone();
    world.cluster_acts();
    world.look_at_one();
    assert_eq!(shares(&world), [("eu-1".to_owned(), Weight::NONE)], "the other one waits for its own pods");
    for _ in 0..50 {
        world.pass_seconds(60);
        world.look_at_one();
        assert!(matches!(world.promotion.phase, Phase::TakingBack { .. }), "{}", world.words());
    }
    // It answers again, with one pod of three: its traffic stays until they are back.
    for (at, found) in &mut world.cluster {
        if at.cluster != placed("cart").cluster {
            *found = both.cluster.iter().find(|(known, _)| known == at).unwrap().1.clone();
            if let Observed::Present(now) = found
                && at.workload.name.as_str() == "cart"
            {
                (now.ready_replicas, now.available_replicas, now.updated_replicas) = (1, 1, 1);
                now.observed_generation = now.generation;
            }
        }
    }
    world.look();
    assert!(shares(&world).iter().all(|(cluster, _)| cluster == "eu-1"), "{:?}", shares(&world));
    world.cluster_acts();
    world.look();
    assert!(shares(&world).contains(&("us-1".to_owned(), Weight::NONE)), "{:?}", shares(&world));
    for _ in 0..20 {
        world.pass_seconds(10);
        world.pass();
        if world.promotion.is_over() {
            break;
        }
    }
    assert!(matches!(&world.promotion.phase, Phase::Aborted { back: TakenBack::Complete, .. }), "{}", world.words());
    assert!(
        world.routes.iter().all(|(_, seen)| matches!(seen, RouteObserved::Present(now) if now.weight == Weight::NONE))
    );
}

#[test]
fn pods_that_do_not_come_back_keep_the_traffic_of_their_own_cluster_alone() {
    let mut world = taken_back_in_two_clusters();
    let second = world.cluster.clone();
    for _ in 0..200 {
        world.apply_candidates();
        world.cluster_acts();
        for (at, found) in &mut world.cluster {
            if at.cluster != placed("cart").cluster && at.workload.name.as_str() == "cart" {
                *found = second.iter().find(|(known, _)| known == at).unwrap().1.clone();
            }
        }
        world.pass_seconds(10);
        world.look();
        if world.promotion.is_over() {
            break;
        }
        assert!(!shares(&world).contains(&("us-1".to_owned(), Weight::NONE)), "{:?}", shares(&world));
    }
    assert_eq!(world.route().weight, Weight::NONE, "the first cluster is back as it was");
    assert!(matches!(&world.promotion.phase, Phase::Aborted { back: TakenBack::Incomplete { .. }, .. }));
}

#[test]
fn a_workload_that_wakes_gets_its_share_after_its_candidate() {
    let mut world = World::in_two_clusters(canary(gateway(), vec![Step::Weight { weight: weight(20) }, Step::ask()]));
    let is_second = |at: &PlacedWorkload| at.cluster != placed("cart").cluster && at.workload.name.as_str() == "cart";
    let sleeps = |world: &mut World, pods: u32| {
        for (_, found) in world.cluster.iter_mut().filter(|(at, _)| is_second(at)) {
            let Observed::Present(now) = found else { panic!("it is there") };
            now.wanted_replicas = pods;
        }
        world.cluster_acts();
    };
    sleeps(&mut world, 0);
    for _ in 0..30 {
        world.give(Input::Clock).unwrap();
        world.look();
        world.apply_candidates();
        world.cluster_acts();
        world.pass_seconds(5);
    }
    assert_eq!(shares(&world), [("eu-1".to_owned(), weight(20))]);
    sleeps(&mut world, 4);
    world.look();
    let wanted = desired(&world.promotion).unwrap();
    assert!(wanted.candidates.iter().any(|one| is_second(&one.placed) && one.pods > 0), "{wanted:?}");
    assert!(!shares(&world).iter().any(|(cluster, _)| cluster == "us-1"), "its candidate is not there yet");
    for _ in 0..30 {
        world.apply_candidates();
        world.cluster_acts();
        world.pass_seconds(5);
        world.look();
    }
    assert!(
        world.routes.iter().all(|(_, seen)| matches!(seen, RouteObserved::Present(now) if now.weight == weight(20)))
    );
}

#[test]
fn a_share_that_somebody_else_has_set_in_one_cluster_keeps_no_other_from_going_home() {
    let mut world = World::in_two_clusters(canary(gateway(), vec![Step::Weight { weight: weight(20) }, Step::ask()]));
    for _ in 0..30 {
        world.give(Input::Clock).unwrap();
        world.look();
        world.apply_candidates();
        world.cluster_acts();
        world.pass_seconds(5);
    }
    assert_eq!(shares(&world), [("eu-1".to_owned(), weight(20)), ("us-1".to_owned(), weight(20))]);
    world.give(Input::Abort { by: rosa(), reason: "wrong day".into() }).unwrap();
    let others = |world: &mut World| {
        for (at, route) in &mut world.routes {
            if let RouteObserved::Present(now) = route
                && at.cluster != placed("cart").cluster
            {
                (now.weight, now.stamp) = (weight(33), None);
            }
        }
        world.look();
    };
    // Theirs is seen before ours is written.
    others(&mut world);
    assert_eq!(shares(&world)[0], ("eu-1".to_owned(), Weight::NONE), "{}", world.words());
    assert!(world.words().starts_with("taking back: the traffic goes back ("), "{}", world.words());
    world.apply_candidates();
    others(&mut world);
    // Its gateway has not said yet that it follows; theirs is not said to go back.
    assert!(world.words().starts_with("taking back: the traffic is back"), "{}", world.words());
    world.cluster_acts();
    others(&mut world);
    assert_eq!(world.route().weight, Weight::NONE);
    let Phase::Aborted { back: TakenBack::Incomplete { what }, .. } = &world.promotion.phase else {
        panic!("{}", world.words());
    };
    assert!(what.contains("us-1 shop/HTTPRoute cart gives 33 %") && !what.contains("eu-1"), "{what}");
}
