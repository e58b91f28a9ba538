//! Stories of canary and blue-green: a candidate gets pods, then traffic, then the workload itself
//! gets the version, and everything is at the end as it was but for the images.

use domain::{
    actor::Role,
    aside::{Aside, TesterMatch},
    names::ObjectName,
    observation::Observed,
    promotion::{
        CandidatePlan, DRAIN_SECONDS, Input, Phase, PromotionAct, Refusal, StableWant, TakeBackCause, TakenBack,
        desired,
    },
    strategy::{CandidateSettings, Step, Strategy},
    traffic::{CandidateName, RouteKind, RouteObserved, TrafficLayer, Weight, candidate_of},
};

use crate::world::{NEW, OLD, World, actor, crash, placed, rosa, theo};

pub fn name(text: &str) -> ObjectName {
    ObjectName::parse(text).unwrap()
}

pub fn weight(percent: u8) -> Weight {
    Weight::percent(percent).unwrap()
}

pub fn gateway() -> TrafficLayer {
    TrafficLayer::GatewayApi { service: name("cart"), kind: RouteKind::Http, route: name("cart") }
}

pub fn canary(layer: TrafficLayer, steps: Vec<Step>) -> Strategy {
    Strategy::Canary(CandidateSettings::new(name("cart"), layer, steps).unwrap())
}

pub fn steps() -> Vec<Step> {
    vec![
        Step::Weight { weight: weight(10) },
        Step::Pause { seconds: 60 },
        Step::Weight { weight: weight(50) },
        Step::ask(),
    ]
}

/// What the cluster is like: share, pods of the candidate, image of the workload.
pub fn picture(world: &mut World) -> String {
    let share = match &world.routes.first().map(|(_, route)| route) {
        Some(RouteObserved::Present(route)) => route.weight.to_string(),
        _ => "-".to_owned(),
    };
    let candidate = world.cluster.iter().find(|(p, _)| p.workload.name.as_str().starts_with("cart-"));
    let pods = match candidate {
        Some((_, Observed::Present(now))) => format!("{} pods", now.wanted_replicas),
        _ => "no candidate".to_owned(),
    };
    format!("{share}, {pods}, {}", world.workload("cart").images[0].image)
}

/// Passes until what the cluster is like does not change any more; each picture once.
pub fn pictures(world: &mut World) -> Vec<String> {
    let mut seen = vec![picture(world)];
    let mut quiet = 0;
    while quiet < 4 {
        world.pass();
        let now = picture(world);
        if seen.last() == Some(&now) {
            quiet += 1;
        } else {
            seen.push(now);
            quiet = 0;
        }
    }
    seen
}

pub fn started(strategy: Strategy) -> World {
    let mut world = World::with_candidate(strategy, &["cart"]);
    world.give(Input::Clock).unwrap();
    world
}

#[test]
fn a_canary_gets_pods_before_traffic_and_at_the_end_everything_is_as_it_was_but_for_the_image() {
    let mut world = started(canary(gateway(), steps()));
    let old = format!("0 %, no candidate, {OLD}");
    assert_eq!(pictures(&mut world), [old, format!("0 %, 1 pods, {OLD}"), format!("10 %, 1 pods, {OLD}")]);
    world.pass_seconds(60);
    let half = [format!("10 %, 1 pods, {OLD}"), format!("10 %, 2 pods, {OLD}"), format!("50 %, 2 pods, {OLD}")];
    assert_eq!(pictures(&mut world), half);
    assert!(world.promotion.allowed(&actor(&rosa(), Role::ReleaseManager)).contains(&PromotionAct::GoOn));
    world.go_on(3).unwrap();
    let home = [format!("50 %, 2 pods, {OLD}"), format!("50 %, 3 pods, {OLD}"), format!("100 %, 3 pods, {OLD}")];
    assert_eq!(pictures(&mut world), home);
    assert_eq!(world.words(), "canary at 100 %, the workloads get the version: 0 of 3 pods");
    world.pass_seconds(DRAIN_SECONDS - 1);
    assert_eq!(pictures(&mut world), [format!("100 %, 3 pods, {OLD}")], "proxies may still send to what is replaced");
    world.pass_seconds(1);
    let back = [format!("100 %, 3 pods, {OLD}"), format!("100 %, 3 pods, {NEW}"), format!("0 %, 3 pods, {NEW}")];
    assert_eq!(pictures(&mut world), back);
    assert_eq!(world.words(), "canary over: all pods run the version, the candidate ends");
    world.workload("cart").available_replicas = 2;
    world.look();
    assert_eq!(world.words(), "canary without traffic, the workloads get the version: 2 of 3 pods", "not all of them");
    world.workload("cart").available_replicas = 3;
    world.look();
    world.pass_seconds(DRAIN_SECONDS);
    assert_eq!(pictures(&mut world), [format!("0 %, 3 pods, {NEW}"), format!("0 %, no candidate, {NEW}")]);
    assert!(matches!(world.promotion.phase, Phase::Succeeded { .. }), "{}", world.words());
    insta::assert_snapshot!("a_good_canary", world.transcript());
}

#[test]
fn a_bad_canary_loses_its_traffic_before_its_pods_and_the_workload_is_never_touched() {
    let mut world = started(canary(gateway(), steps()));
    pictures(&mut world);
    let writes = world.writes;
    world.workload("cart-canary").pods[0].trouble = Some(crash());
    world.workload("cart-canary").pods[0].is_ready = false;
    world.look();
    assert!(matches!(&world.promotion.phase, Phase::TakingBack { cause: TakeBackCause::Rollout { .. }, .. }));
    let share = desired(&world.promotion).unwrap().routes[0].weight;
    assert_eq!(share, Weight::NONE, "the traffic is wanted back in the very decision that saw it");
    assert_eq!(pictures(&mut world), [format!("10 %, 1 pods, {OLD}"), format!("0 %, 1 pods, {OLD}")]);
    world.pass_seconds(DRAIN_SECONDS);
    pictures(&mut world);
    assert!(matches!(&world.promotion.phase, Phase::Failed { back: TakenBack::Complete, .. }), "{}", world.words());
    assert_eq!(picture(&mut world), format!("0 %, no candidate, {OLD}"));
    assert_eq!(world.writes, writes);
}

#[test]
fn nothing_that_people_leave_out_has_a_workload_replaced_that_serves() {
    type Act = fn(&mut World);
    let table: [(&str, Act); 3] = [
        ("promote at once, by two people", |world| {
            for _ in 0..2 {
                world.promote_now().unwrap();
            }
            let late =
                Input::PromoteNow { by: rosa(), seen: domain::promotion::AsSeen::step(0), reason: "good".into() };
            assert_eq!(world.give(late).unwrap_err(), Refusal::StepChanged, "who saw another step leaves out no more");
        }),
        ("a share by hand at the last step", |world| {
            world.promote_now().unwrap();
            let set = Input::SetWeight {
                by: rosa(),
                seen: domain::promotion::AsSeen::step(4),
                weight: weight(10),
                reason: "careful".into(),
            };
            world.give(set).unwrap();
            pictures(world);
            world.go_on(4).unwrap();
        }),
        ("the last step is left out while its pods are coming", |world| {
            world.promote_now().unwrap();
            world.give(Input::Skip { by: rosa(), seen: domain::promotion::AsSeen::step(4) }).unwrap();
        }),
    ];
    for (what, act) in table {
        let mut world = started(canary(gateway(), steps()));
        pictures(&mut world);
        act(&mut world);
        for _ in 0..60 {
            world.give(Input::Clock).unwrap();
            world.look();
            let run = world.promotion.run().unwrap();
            if run.wanted.stable.want == StableWant::Version && run.wanted.weight.want > Weight::NONE {
                assert_eq!(world.route().weight, Weight::ALL, "{what}");
            }
            world.apply();
            world.apply_candidates();
            world.cluster_acts();
            world.pass_seconds(5);
        }
        assert!(matches!(world.promotion.phase, Phase::Succeeded { .. }), "{what}: {}", world.words());
    }
}

#[test]
fn people_pause_set_a_share_skip_and_promote_at_once_within_the_approved_steps() {
    let mut world = started(canary(gateway(), steps()));
    pictures(&mut world);
    let (manager, developer) = (actor(&rosa(), Role::ReleaseManager), actor(&theo(), Role::Developer));
    assert!(!world.promotion.allowed(&developer).contains(&PromotionAct::Skip));
    assert!(world.promotion.allowed(&manager).contains(&PromotionAct::Skip));
    let set = |percent| Input::SetWeight {
        by: rosa(),
        seen: domain::promotion::AsSeen::step(1),
        weight: weight(percent),
        reason: "careful".into(),
    };
    assert_eq!(world.give(set(20)).unwrap_err(), Refusal::TooMuch { most: weight(10) });
    let late = Input::SetWeight {
        by: rosa(),
        seen: domain::promotion::AsSeen::step(0),
        weight: weight(5),
        reason: "careful".into(),
    };
    assert_eq!(world.give(late).unwrap_err(), Refusal::StepChanged, "who saw another step");
    world.give(set(5)).unwrap();
    assert_eq!(pictures(&mut world).last().unwrap(), &format!("5 %, 1 pods, {OLD}"));
    world.pass_seconds(3_600);
    assert_eq!(pictures(&mut world).last().unwrap(), &format!("5 %, 1 pods, {OLD}"), "what a person set stays");
    world.go_on(1).unwrap();
    assert_eq!(pictures(&mut world).last().unwrap(), &format!("50 %, 2 pods, {OLD}"));
    assert_eq!(
        world.give(Input::Skip { by: rosa(), seen: domain::promotion::AsSeen::step(1) }).unwrap_err(),
        Refusal::StepChanged
    );
    world.give(Input::Hold { by: theo(), reason: "lunch".into() }).unwrap();
    assert_eq!(
        world.give(Input::Hold { by: rosa(), reason: "too".into() }).unwrap_err(),
        Refusal::HeldAlready("lunch".into())
    );
    world.go_on(3).unwrap();
    assert_eq!(pictures(&mut world).last().unwrap(), &format!("50 %, 2 pods, {OLD}"), "the question is still open");
    world.promote_now().unwrap();
    assert_eq!(pictures(&mut world).last().unwrap(), &format!("100 %, 3 pods, {OLD}"));
    world.pass_seconds(DRAIN_SECONDS);
    assert_eq!(pictures(&mut world).last().unwrap(), &format!("0 %, 3 pods, {NEW}"));
}

#[test]
fn without_a_traffic_layer_the_numbers_of_pods_are_the_shares() {
    let mut world = started(canary(TrafficLayer::Replicas, steps()));
    assert_eq!(pictures(&mut world).last().unwrap(), &format!("-, 1 pods, {OLD}"));
    world.pass_seconds(60);
    assert_eq!(pictures(&mut world).last().unwrap(), &format!("-, 3 pods, {OLD}"));
    world.go_on(3).unwrap();
    pictures(&mut world);
    world.pass_seconds(DRAIN_SECONDS);
    pictures(&mut world);
    assert!(matches!(world.promotion.phase, Phase::Succeeded { .. }), "{}", world.words());
    assert_eq!(picture(&mut world), format!("-, no candidate, {NEW}"));
}

#[test]
fn what_cannot_be_changed_is_refused_before_anything_is_written() {
    type Disturb = fn(&mut World);
    let table: [(Disturb, &str); 4] = [
        (|world| world.routes[0].1 = RouteObserved::Missing, "HTTPRoute cart is not there"),
        (|world| world.route().unfit = Some("no rule sends to cart".into()), "no rule sends to cart"),
        (
            |world| {
                let application = "shop".to_owned();
                world.route().manager = Some(domain::observation::Manager::ArgoCd { application });
            },
            "belongs to Argo CD",
        ),
        (
            |world| {
                let stranger = crate::world::settled(&placed("cart-canary"), OLD, None);
                world.cluster[1].1 = Observed::Present(Box::new(stranger));
            },
            "was not made for this target",
        ),
    ];
    for (disturb, expected) in table {
        let mut world = started(canary(gateway(), steps()));
        disturb(&mut world);
        world.look();
        let words = world.words();
        assert!(words.contains(expected) && words.starts_with("not started"), "{words}");
        assert!(desired(&world.promotion).is_none());
    }
}

#[test]
fn other_workloads_of_the_target_get_the_version_with_the_rollout() {
    let mut world = World::with_candidate(canary(gateway(), vec![]), &["cart", "worker"]);
    pictures(&mut world);
    world.pass_seconds(DRAIN_SECONDS);
    pictures(&mut world);
    assert_eq!(world.workload("worker").images[0].image, NEW);
    world.pass_seconds(DRAIN_SECONDS);
    pictures(&mut world);
    assert!(matches!(world.promotion.phase, Phase::Succeeded { .. }), "{}", world.words());
}

#[test]
fn beside_a_workload_of_no_pods_there_is_nothing_to_share_and_the_version_still_gets_there() {
    let mut world = World::with_candidate(canary(gateway(), steps()), &["cart"]);
    let now = world.workload("cart");
    (now.wanted_replicas, now.replicas, now.updated_replicas) = (0, 0, 0);
    (now.ready_replicas, now.available_replicas) = (0, 0);
    now.pods.clear();
    pictures(&mut world);
    world.pass_seconds(60);
    pictures(&mut world);
    world.go_on(3).unwrap();
    pictures(&mut world);
    assert!(matches!(world.promotion.phase, Phase::Succeeded { .. }), "{}", world.words());
    assert_eq!(picture(&mut world), format!("0 %, no candidate, {NEW}"));
}

#[test]
fn a_cluster_in_which_the_workload_has_no_pods_holds_up_no_other() {
    let mut world = World::with_candidate(canary(gateway(), steps()), &["cart", "idle"]);
    let idle = candidate_of(&placed("idle").workload, CandidateName::Canary);
    world.cluster.push((placed(idle.name.as_str()), Observed::Missing));
    let route = world.routes[0].1.clone();
    world.routes.push((placed("idle"), route));
    let plan = &mut world.promotion.plan;
    plan.workloads[1].candidate = Some(CandidatePlan { workload: idle, layer: gateway() });
    world.facts.plan_now = plan.clone();
    let now = world.workload("idle");
    (now.wanted_replicas, now.replicas, now.updated_replicas) = (0, 0, 0);
    (now.ready_replicas, now.available_replicas) = (0, 0);
    now.pods.clear();
    pictures(&mut world);
    let words = world.words();
    assert_eq!(world.route().weight, weight(10), "{words}");
    assert_eq!(desired(&world.promotion).unwrap().routes.len(), 1);
}

#[test]
fn where_pods_are_the_share_fewer_are_a_smaller_one() {
    let mut world = started(canary(TrafficLayer::Replicas, steps()));
    pictures(&mut world);
    world.pass_seconds(60);
    assert_eq!(pictures(&mut world).last().unwrap(), &format!("-, 3 pods, {OLD}"));
    world
        .give(Input::SetWeight {
            by: rosa(),
            seen: domain::promotion::AsSeen::step(3),
            weight: weight(10),
            reason: "slowly".into(),
        })
        .unwrap();
    assert_eq!(pictures(&mut world).last().unwrap(), &format!("-, 1 pods, {OLD}"));
    // Nothing drains that has no route: what is aborted ends at once.
    world.give(Input::Abort { by: rosa(), reason: "no".into() }).unwrap();
    assert_eq!(pictures(&mut world).last().unwrap(), &format!("-, no candidate, {OLD}"));
}

#[test]
fn testers_and_copies_reach_a_candidate_that_has_no_share_and_are_gone_at_the_end() {
    let testers = TesterMatch::usual();
    let steps = vec![
        Step::Testers { testers: testers.clone() },
        Step::Mirror { share: weight(40) },
        Step::ask(),
        Step::Weight { weight: weight(10) },
        Step::ask(),
    ];
    let mut world = started(canary(gateway(), steps));
    pictures(&mut world);
    assert_eq!(picture(&mut world), format!("0 %, 2 pods, {OLD}"), "pods for the copies");
    assert_eq!(world.route().aside, Aside { testers: Some(testers.clone()), mirror: weight(40) });
    world.go_on(2).unwrap();
    pictures(&mut world);
    assert_eq!(picture(&mut world), format!("10 %, 2 pods, {OLD}"));
    assert_eq!(world.route().aside, Aside { testers: Some(testers), mirror: Weight::NONE }, "copies end with a weight");
    world.go_on(4).unwrap();
    pictures(&mut world);
    world.pass_seconds(DRAIN_SECONDS);
    pictures(&mut world);
    assert_eq!((world.route().weight, world.route().aside.clone()), (Weight::NONE, Aside::NOTHING));
    world.pass_seconds(DRAIN_SECONDS);
    pictures(&mut world);
    assert!(matches!(world.promotion.phase, Phase::Succeeded { .. }), "{}", world.words());
    insta::assert_snapshot!("testers_first", world.transcript());
}

#[test]
fn blue_green_over_weights_has_all_its_pods_from_the_first_share_to_the_switch_home() {
    let pause = || Step::Pause { seconds: 60 };
    let share = |percent| Step::Weight { weight: weight(percent) };
    let steps = vec![Step::Preview, share(10), pause(), share(25), pause(), share(50), pause(), share(100), pause()];
    let settings = CandidateSettings::new(name("cart"), gateway(), steps).unwrap();
    let mut world = started(Strategy::BlueGreen(settings));
    let mut seen = pictures(&mut world);
    for _ in 0..8 {
        world.pass_seconds(60);
        seen.extend(pictures(&mut world));
    }
    seen.dedup();
    let full = |percent: u8, image: &str| format!("{percent} %, 3 pods, {image}");
    let mut expected = vec![format!("0 %, no candidate, {OLD}")];
    expected.extend([0, 10, 25, 50, 100].map(|percent| full(percent, OLD)));
    expected.extend([full(100, NEW), full(0, NEW), format!("0 %, no candidate, {NEW}")]);
    assert_eq!(seen, expected);
    assert!(matches!(world.promotion.phase, Phase::Succeeded { .. }), "{}", world.words());
}
