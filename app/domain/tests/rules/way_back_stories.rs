//! Stories of candidates that are taken back, and of what takes them back.

use domain::{
    aside::{Aside, TesterMatch},
    promotion::{DRAIN_SECONDS, Input, Phase, StableWant, TakeBackCause, TakenBack, desired},
    strategy::{CandidateSettings, Step, Strategy},
    traffic::{TrafficLayer, Weight},
};

use crate::{
    candidate_stories::{canary, gateway, name, picture, pictures, started, steps, weight},
    world::{OLD, World, crash, image, rosa},
};

/// A canary without steps whose candidate has everything, and whose workload is about to be replaced.
fn before_the_rollout() -> World {
    let mut world = started(canary(gateway(), vec![]));
    for _ in 0..40 {
        world.give(Input::Clock).unwrap();
        world.look();
        world.apply_candidates();
        world.cluster_acts();
        world.pass_seconds(5);
        let run = world.promotion.run().unwrap();
        if run.wanted.stable.want == StableWant::Version {
            break;
        }
    }
    world
}

#[test]
fn an_abort_after_the_rollout_waits_for_pods_of_what_ran_before_not_for_those_that_are_about_to_end() {
    let mut world = before_the_rollout();
    world.apply();
    world.pods_up("cart", 3);
    world.give(Input::Abort { by: rosa(), reason: "wrong day".into() }).unwrap();
    assert_eq!(world.promotion.run().unwrap().wanted.stable.want, StableWant::Before);
    world.apply();
    // The controller has not seen the template yet: it still counts the pods of the version.
    let cart = world.workload("cart");
    cart.observed_generation = cart.generation - 1;
    (cart.ready_replicas, cart.available_replicas, cart.updated_replicas) = (3, 3, 3);
    cart.pods.iter_mut().for_each(|pod| (pod.is_ready, pod.is_updated) = (true, true));
    world.look();
    assert_eq!(desired(&world.promotion).unwrap().routes[0].weight, Weight::ALL, "these pods are about to end");
    pictures(&mut world);
    assert_eq!(picture(&mut world), format!("0 %, 3 pods, {OLD}"));
}

#[test]
fn what_was_there_once_has_all_of_the_budget_again_when_it_is_not_there_for_a_moment() {
    let mut world = started(canary(gateway(), vec![Step::Weight { weight: weight(10) }, Step::ask()]));
    pictures(&mut world);
    world.pass_seconds(3_600);
    world.look();
    world.route().is_accepted = false;
    world.look();
    assert!(matches!(&world.promotion.phase, Phase::Progressing { .. }), "{}", world.words());
    for _ in 0..59 {
        world.pass_seconds(10);
        world.look();
    }
    assert!(matches!(&world.promotion.phase, Phase::Progressing { .. }), "{}", world.words());
    world.pass_seconds(10);
    world.look();
    let cause = |phase: &Phase| matches!(phase, Phase::TakingBack { cause: TakeBackCause::Budget { .. }, .. });
    assert!(cause(&world.promotion.phase), "{}", world.words());
}

#[test]
fn an_abort_while_the_workload_is_replaced_brings_it_back_before_the_traffic() {
    let mut world = before_the_rollout();
    // The workload is being replaced: one pod of three is new, two are gone.
    world.apply();
    world.pods_up("cart", 1);
    world.workload("cart").available_replicas = 1;
    world.workload("cart").ready_replicas = 1;
    world.give(Input::Abort { by: rosa(), reason: "wrong day".into() }).unwrap();
    let now = desired(&world.promotion).unwrap();
    assert_eq!(
        now.routes[0].weight,
        Weight::ALL,
        "the candidate serves everything as long as the workload is not back"
    );
    world.apply();
    world.look();
    assert_eq!(desired(&world.promotion).unwrap().routes[0].weight, Weight::ALL);
    pictures(&mut world);
    assert_eq!(picture(&mut world), format!("0 %, 3 pods, {OLD}"));
    world.pass_seconds(DRAIN_SECONDS);
    pictures(&mut world);
    assert!(matches!(&world.promotion.phase, Phase::Aborted { back: TakenBack::Complete, .. }));
}

#[test]
fn blue_green_switches_back_at_once_also_when_the_new_side_is_dead() {
    let layer = TrafficLayer::Selector { service: name("cart") };
    let settings = CandidateSettings::usual_blue_green(name("cart"), layer);
    let mut world = started(Strategy::BlueGreen(settings));
    assert_eq!(pictures(&mut world).last().unwrap(), &format!("0 %, 3 pods, {OLD}"), "the preview waits for a yes");
    world.go_on(1).unwrap();
    assert_eq!(pictures(&mut world).last().unwrap(), &format!("100 %, 3 pods, {OLD}"));
    let dead = world.workload("cart-preview");
    (dead.ready_replicas, dead.available_replicas) = (0, 0);
    dead.pods.iter_mut().for_each(|pod| pod.is_ready = false);
    world.give(Input::Abort { by: rosa(), reason: "dead".into() }).unwrap();
    assert_eq!(desired(&world.promotion).unwrap().routes[0].weight, Weight::NONE);
}

#[test]
fn traffic_stays_where_pods_are_when_those_it_would_go_to_are_dead() {
    let mut world = started(canary(gateway(), steps()));
    pictures(&mut world);
    world.workload("cart").ready_replicas = 0;
    world.look();
    world.give(Input::Abort { by: rosa(), reason: "no".into() }).unwrap();
    assert_eq!(desired(&world.promotion).unwrap().routes[0].weight, weight(10), "the only healthy pods keep serving");
    world.workload("cart").ready_replicas = 1;
    world.look();
    assert_eq!(desired(&world.promotion).unwrap().routes[0].weight, Weight::NONE);
}

#[test]
fn a_share_that_somebody_else_has_set_is_left_with_the_pods_that_serve_it() {
    let mut world = started(canary(gateway(), steps()));
    pictures(&mut world);
    world.route().weight = weight(33);
    world.look();
    assert!(matches!(&world.promotion.phase, Phase::TakingBack { cause: TakeBackCause::RouteChanged { .. }, .. }));
    world.pass();
    world.pass();
    assert_eq!(picture(&mut world), format!("33 %, 1 pods, {OLD}"));
    let Phase::Failed { back: TakenBack::Incomplete { what }, .. } = &world.promotion.phase else {
        panic!("{}", world.words());
    };
    assert!(what.contains("set it to 0, then delete cart-canary"), "{what}");
}

#[test]
fn a_share_that_somebody_sets_between_a_decision_and_its_write_is_not_written_over() {
    let mut world = started(canary(gateway(), steps()));
    pictures(&mut world);
    world.pass_seconds(60);
    for _ in 0..20 {
        world.give(Input::Clock).unwrap();
        world.look();
        if desired(&world.promotion).unwrap().routes[0].weight == weight(50) {
            break;
        }
        world.apply_candidates();
        world.cluster_acts();
    }
    let wanted = desired(&world.promotion).unwrap().routes.remove(0);
    assert_eq!((wanted.weight, wanted.over.as_slice()), (weight(50), [weight(10)].as_slice()));
    // What was there is about to be changed, and so is what is wanted already.
    for known in [10, 50] {
        let mut world = world.clone();
        world.route().weight = weight(known);
        world.look();
        assert!(matches!(world.promotion.phase, Phase::Progressing { .. }), "{known}: {}", world.words());
    }
    world.route().weight = weight(33);
    world.look();
    assert!(matches!(&world.promotion.phase, Phase::TakingBack { cause: TakeBackCause::RouteChanged { .. }, .. }));
}

#[test]
fn a_layer_that_accepts_nothing_uses_up_the_budget_and_is_taken_back() {
    let mut world = started(canary(gateway(), steps()));
    pictures(&mut world);
    world.pass_seconds(60);
    world.pass();
    world.look();
    world.apply_candidates();
    world.cluster_acts();
    world.look();
    world.apply_candidates();
    world.route().is_accepted = false;
    world.route().complaint = Some("NoMatchingParent".into());
    world.look();
    for _ in 0..21 {
        world.pass_seconds(30);
        world.look();
    }
    let Phase::TakingBack { cause: TakeBackCause::Budget { progress, .. }, .. } = &world.promotion.phase else {
        panic!("{}", world.words());
    };
    assert!(progress.contains("not accepted: NoMatchingParent"), "{progress}");
}

#[test]
fn what_others_change_beside_the_image_stays_when_it_is_taken_back() {
    let mut world = started(canary(gateway(), steps()));
    pictures(&mut world);
    let rotated = serde_json::json!({ "image": OLD, "env": "rotated" });
    world.workload("cart").template = rotated.clone();
    world.look();
    assert_eq!(world.promotion.run().unwrap().saved[0].template, rotated);
}

#[test]
fn traffic_that_reaches_nobody_goes_back_after_a_moment() {
    let mut world = started(canary(gateway(), steps()));
    pictures(&mut world);
    world.route().candidate_endpoints = Some(0);
    world.look();
    assert!(matches!(world.promotion.phase, Phase::Progressing { .. }), "one look may be a restart");
    world.route().candidate_endpoints = Some(1);
    world.pass_seconds(4);
    world.look();
    // Somebody deletes the candidate's Service.
    world.route().candidate_endpoints = None;
    world.look();
    world.pass_seconds(5);
    world.look();
    let Phase::TakingBack { cause, .. } = &world.promotion.phase else { panic!("{}", world.words()) };
    assert_eq!(cause.words(), "eu-1 shop/HTTPRoute cart gives 10 % to the candidate, of which no pod can be reached");
    assert_eq!(desired(&world.promotion).unwrap().routes[0].weight, Weight::NONE, "in the very decision");
}

#[test]
fn testers_of_a_bad_candidate_go_home_with_the_first_write_and_none_is_sent_to_pods_that_are_not_ready() {
    let steps = vec![
        Step::Testers { testers: TesterMatch::usual() },
        Step::ask(),
        Step::Weight { weight: weight(10) },
        Step::ask(),
    ];
    let mut world = started(canary(gateway(), steps));
    for _ in 0..2 {
        world.give(Input::Clock).unwrap();
        world.look();
        world.apply_candidates();
    }
    world.look();
    assert!(world.route().aside.is_nothing(), "its pod is not ready yet");
    assert!(desired(&world.promotion).unwrap().routes.is_empty());
    pictures(&mut world);
    assert!(!world.route().aside.is_nothing());
    let bad = |world: &mut World| {
        world.workload("cart-canary").pods[0].trouble = Some(crash());
        world.workload("cart-canary").pods[0].is_ready = false;
        world.look();
    };
    let with_testers_alone = world.promotion.clone();
    let cluster = (world.cluster.clone(), world.routes.clone());
    bad(&mut world);
    let back = desired(&world.promotion).unwrap();
    assert_eq!((back.routes[0].weight, &back.routes[0].aside), (Weight::NONE, &Aside::NOTHING));
    world.promotion = with_testers_alone;
    (world.cluster, world.routes) = cluster;
    world.go_on(1).unwrap();
    pictures(&mut world);
    assert_eq!(world.route().weight, weight(10));
    bad(&mut world);
    let back = desired(&world.promotion).unwrap();
    assert_eq!((back.routes[0].weight, &back.routes[0].aside), (Weight::NONE, &Aside::NOTHING));
}

#[test]
fn what_is_there_and_gone_again_by_turns_is_not_waited_for_without_end() {
    let mut world = started(canary(gateway(), vec![]));
    for turn in 0..120 {
        world.give(Input::Clock).unwrap();
        world.look();
        world.apply();
        world.apply_candidates();
        world.cluster_acts();
        if world.route().weight == Weight::ALL {
            world.route().is_accepted = turn % 2 == 0;
        }
        world.pass_seconds(10);
        if matches!(world.promotion.phase, Phase::TakingBack { .. }) {
            break;
        }
    }
    let Phase::TakingBack { cause, .. } = &world.promotion.phase else { panic!("{}", world.words()) };
    assert!(cause.words().contains("not complete within 10 min"), "{}", cause.words());
}

#[test]
fn a_way_back_that_must_wait_has_a_budget_of_its_own() {
    let mut world = started(canary(gateway(), steps()));
    pictures(&mut world);
    // The layer never accepts, and meanwhile what ran before loses its pods.
    world.route().is_accepted = false;
    world.workload("cart").ready_replicas = 0;
    while !matches!(world.promotion.phase, Phase::TakingBack { .. }) {
        world.pass_seconds(30);
        world.look();
    }
    world.pass_seconds(30);
    world.look();
    assert!(matches!(world.promotion.phase, Phase::TakingBack { .. }), "{}", world.words());
    world.workload("cart").ready_replicas = 3;
    world.look();
    assert_eq!(desired(&world.promotion).unwrap().routes[0].weight, Weight::NONE);
}

#[test]
fn what_cannot_be_read_any_more_may_still_send_to_the_candidate_which_stays() {
    let layer = TrafficLayer::Selector { service: name("cart") };
    let settings = CandidateSettings::usual_blue_green(name("cart"), layer);
    let mut world = started(Strategy::BlueGreen(settings));
    pictures(&mut world);
    world.go_on(1).unwrap();
    assert_eq!(pictures(&mut world).last().unwrap(), &format!("100 %, 3 pods, {OLD}"));
    let route = world.route();
    (route.weight, route.unfit) = (Weight::NONE, Some("Service cart selects by a label of neither side".into()));
    world.look();
    for _ in 0..50 {
        world.pass_seconds(30);
        world.look();
        world.apply_candidates();
    }
    let Phase::Failed { back: TakenBack::Incomplete { what }, .. } = &world.promotion.phase else {
        panic!("{}", world.words());
    };
    assert!(what.contains("may still send to cart-preview"), "{what}");
    assert_eq!(world.workload("cart-preview").wanted_replicas, 3, "whoever is served by them is served still");
}

#[test]
fn traffic_goes_home_to_what_somebody_else_has_set() {
    let mut world = before_the_rollout();
    world.apply();
    world.look();
    let cart = world.workload("cart");
    cart.images = vec![image("r.example/cart:hotfix")];
    cart.stamp = None;
    world.look();
    let is_back =
        |phase: &Phase| matches!(phase, Phase::TakingBack { cause: TakeBackCause::ChangedByOthers { .. }, .. });
    assert!(is_back(&world.promotion.phase), "{}", world.words());
    for _ in 0..20 {
        world.apply_candidates();
        world.cluster_acts();
        world.pass_seconds(10);
        world.look();
    }
    let share = world.route().weight;
    assert_eq!(share, Weight::NONE, "{}", world.words());
    assert_eq!(world.workload("cart").images[0].image, "r.example/cart:hotfix");
    assert!(matches!(&world.promotion.phase, Phase::Failed { back: TakenBack::Incomplete { .. }, .. }));
}

#[test]
fn a_share_that_somebody_sets_while_pods_come_back_is_not_written_over() {
    let mut world = before_the_rollout();
    world.apply();
    let cart = world.workload("cart");
    (cart.ready_replicas, cart.available_replicas) = (0, 0);
    world.look();
    world.give(Input::Abort { by: rosa(), reason: "wrong day".into() }).unwrap();
    world.apply();
    world.look();
    world.route().weight = weight(30);
    world.route().stamp = None;
    world.look();
    world.cluster_acts();
    world.look();
    let wanted = desired(&world.promotion).unwrap().routes;
    assert!(wanted.iter().all(|route| !route.over.contains(&weight(30))), "{wanted:?}");
}

#[test]
fn the_traffic_is_said_to_go_back_until_routes_say_that_it_is() {
    let mut world = started(canary(gateway(), steps()));
    pictures(&mut world);
    world.give(Input::Abort { by: rosa(), reason: "wrong day".into() }).unwrap();
    let goes_back = "taking back: the traffic goes back (";
    let is_back = "taking back: the traffic is back, the candidate ends (";
    assert_eq!(desired(&world.promotion).unwrap().routes[0].weight, Weight::NONE, "it is wanted back at once");
    assert!(world.words().starts_with(goes_back), "{}", world.words());
    // The object is not written yet, and looking at it again does not make it so.
    for _ in 0..3 {
        world.pass_seconds(5);
        world.look();
        assert_eq!(world.route().weight, weight(10));
        assert!(world.words().starts_with(goes_back), "{}", world.words());
    }
    world.apply_candidates();
    assert!(world.words().starts_with(goes_back), "it is written, and was not seen: {}", world.words());
    world.look();
    assert_eq!(world.route().weight, Weight::NONE);
    assert!(world.words().starts_with(is_back), "{}", world.words());
    pictures(&mut world);
    world.pass_seconds(DRAIN_SECONDS);
    pictures(&mut world);
    assert_eq!(world.words(), "aborted by Rosa Mint");
}
