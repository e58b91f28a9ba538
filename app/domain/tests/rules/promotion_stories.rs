//! Stories: scripts of inputs with the journal as they leave it.

use domain::{
    actor::Role,
    deployment::{Cause, Outcome},
    observation::{Manager, Observed, Stamp},
    promotion::{
        Failure, Input, Occupant, Phase, Promotion, PromotionAct, Refusal, Sight, Supersedes, TakenBack, WritePart,
        desired,
    },
    state::Mark,
};

use crate::world::{NEW, OLD, World, actor, crash, image, ines, placed, rosa, settled, theo};

#[test]
fn a_good_version_goes_from_request_to_done() {
    let mut world = World::new(&["cart"], 1);
    world.give(Input::Clock).unwrap();
    assert_eq!(world.words(), "waits for 1 approval");
    world.pass_seconds(60);
    world.give(Input::Approve { by: ines(), comment: Some("go".into()), plan_number: 1 }).unwrap();
    assert!(matches!(world.promotion.phase, Phase::Starting { .. }));
    for pods in 0..=3 {
        world.pass_seconds(5);
        world.look();
        world.apply();
        world.pods_up("cart", pods);
    }
    world.pass_seconds(5);
    world.look();
    assert_eq!(world.words(), "done");
    assert_eq!(world.writes, 1);
    insta::assert_snapshot!(world.transcript(), @r"
    12:00:00 | Waits | waits for 1 approval | rule: start
    12:01:00 | Approved, 1 of 1 | “go” | Ines Okafor
    12:01:00 | Started | holds the target, and looks first | rule: start
    12:01:05 | Rolling out | cart:1.0 → cart:2.0 | rule: rollout
    12:01:15 | Pods | 1 of 3 pods available | rule: rollout
    12:01:20 | Pods | 2 of 3 pods available | rule: rollout
    12:01:25 | Pods | 3 of 3 pods available | rule: rollout
    12:01:25 | Done | the new version runs | rule: rollout
    ");
}

#[test]
fn pods_that_crash_take_the_version_back_with_their_own_reason() {
    let mut world = World::rolling(&["cart"]);
    world.pods_up("cart", 1);
    let first = &mut world.workload("cart").pods[0];
    first.is_ready = false;
    first.trouble = Some(crash());
    first.restarts = 1;
    world.pass_seconds(4);
    world.look();
    assert!(matches!(world.promotion.phase, Phase::TakingBack { .. }));
    assert!(world.words().contains("CrashLoopBackOff, exit code 1 in pod cart-0"), "{}", world.words());
    world.apply();
    assert_eq!(world.workload("cart").images, vec![image(OLD)]);
    world.pods_up("cart", 3);
    world.look();
    let Phase::Failed { back, .. } = &world.promotion.phase else { panic!("{:?}", world.promotion.phase) };
    assert_eq!(*back, TakenBack::Complete);
    assert_eq!(world.writes, 2);
    assert!(world.words().starts_with("taken back: eu-1 shop/cart: CrashLoopBackOff"), "{}", world.words());
}

#[test]
fn two_workloads_roll_and_are_taken_back_together() {
    let mut world = World::rolling(&["api", "worker"]);
    world.pods_up("api", 3);
    world.pods_up("worker", 1);
    world.look();
    assert!(matches!(world.promotion.phase, Phase::Progressing { .. }), "one of two is not enough");
    world.workload("worker").pods[0].trouble = Some(crash());
    world.look();
    world.apply();
    assert_eq!(world.workload("api").images, vec![image(OLD)]);
    assert_eq!(world.workload("worker").images, vec![image(OLD)]);
}

#[test]
fn an_abort_in_flight_puts_back_exactly_what_ran() {
    let mut world = World::rolling(&["cart"]);
    let before = settled(&placed("cart"), OLD, None).template;
    world.give(Input::Abort { by: rosa(), reason: "wrong day".into() }).unwrap();
    world.apply();
    assert_eq!(world.workload("cart").template, before);
    world.pods_up("cart", 3);
    world.look();
    assert!(matches!(&world.promotion.phase, Phase::Aborted { back: TakenBack::Complete, .. }));
    assert_eq!(world.words(), "aborted by Rosa Mint");
}

#[test]
fn an_abort_before_anything_was_written_ends_at_once() {
    let mut world = World::new(&["cart"], 0);
    world.give(Input::Clock).unwrap();
    world.give(Input::Abort { by: rosa(), reason: "no".into() }).unwrap();
    assert!(matches!(&world.promotion.phase, Phase::Aborted { back: TakenBack::NotNeeded, .. }));
    assert!(desired(&world.promotion).is_none());
}

#[test]
fn an_object_of_another_tool_is_refused_before_writing() {
    let managers = [
        Manager::ArgoCd { application: "shop".into() },
        Manager::FluxKustomization { name: "shop".into() },
        Manager::FluxHelmRelease { name: "shop".into() },
        Manager::Helm { release: "shop".into() },
        Manager::Controller { kind: "Rollout".into(), name: "shop".into() },
    ];
    for manager in managers {
        let mut world = World::new(&["cart"], 0);
        world.workload("cart").manager = Some(manager.clone());
        world.give(Input::Clock).unwrap();
        world.look();
        let Phase::Failed { failure: Failure::Start { message }, back, .. } = &world.promotion.phase else {
            panic!("{:?}", world.promotion.phase)
        };
        assert!(message.contains(&manager.words()) && message.contains(&manager.advice()));
        assert_eq!(*back, TakenBack::NotNeeded);
        world.apply();
        assert_eq!(world.writes, 0);
    }
}

#[test]
fn a_target_that_does_not_fit_is_refused_with_what_to_do() {
    type Spoil = fn(&mut World);
    let cases: [(Spoil, &str); 3] = [
        (|w| w.cluster[0].1 = Observed::Missing, "is not there; create the Deployment"),
        (|w| w.workload("cart").is_paused = true, "is paused in the cluster; resume it"),
        (|w| w.workload("cart").images.clear(), "has no container app"),
    ];
    for (spoil, words) in cases {
        let mut world = World::new(&["cart"], 0);
        spoil(&mut world);
        world.give(Input::Clock).unwrap();
        world.look();
        assert!(world.words().contains(words), "{}", world.words());
        assert_eq!(world.promotion.phase_word(), "failed");
    }
}

#[test]
fn a_target_without_workloads_is_never_taken_for_done() {
    let mut world = World::new(&[], 0);
    world.give(Input::Clock).unwrap();
    world.look();
    assert_eq!(world.promotion.phase_word(), "failed");
    assert!(world.words().contains("no workloads"), "{}", world.words());
}

#[test]
fn what_someone_else_sets_in_the_middle_stays() {
    let mut world = World::rolling(&["api", "worker"]);
    world.workload("worker").images = vec![image("r.example/cart:9.9")];
    world.look();
    world.apply();
    assert_eq!(world.workload("worker").images, vec![image("r.example/cart:9.9")]);
    assert_eq!(world.workload("api").images, vec![image(OLD)]);
    world.pods_up("api", 3);
    world.look();
    assert!(matches!(&world.promotion.phase, Phase::Failed { back: TakenBack::Incomplete { .. }, .. }));
    assert!(world.words().contains("r.example/cart:9.9"), "{}", world.words());
}

#[test]
fn a_kubectl_undo_that_removes_our_mark_is_not_fought() {
    let mut world = World::rolling(&["cart"]);
    world.workload("cart").stamp = None;
    world.workload("cart").images = vec![image(OLD)];
    world.look();
    world.apply();
    assert_eq!(world.writes, 1, "the person's undo stands");
    world.look();
    assert_eq!(world.promotion.phase_word(), "failed");
}

#[test]
fn a_deployment_deleted_in_the_middle_ends_the_promotion() {
    let mut world = World::rolling(&["cart"]);
    world.cluster[0].1 = Observed::Missing;
    world.look();
    world.look();
    assert!(matches!(&world.promotion.phase, Phase::Failed { back: TakenBack::Incomplete { .. }, .. }));
    assert!(world.words().contains("was deleted"), "{}", world.words());
}

#[test]
fn a_later_mark_stops_an_earlier_writer() {
    let mut world = World::rolling(&["cart"]);
    let mine = world.workload("cart").stamp.unwrap();
    world.workload("cart").stamp = Some(domain::observation::Stamp { sequence: mine.sequence + 1, ..mine });
    world.look();
    assert!(matches!(&world.promotion.phase, Phase::Failed { failure: Failure::Overtaken { .. }, .. }));
    assert!(desired(&world.promotion).is_none());
}

#[test]
fn flapping_pods_cannot_outlast_the_budget() {
    let mut world = World::rolling(&["cart"]);
    for n in 0..400 {
        world.pods_up("cart", 1 + n % 2);
        world.pass_seconds(2);
        world.look();
    }
    assert!(matches!(world.promotion.phase, Phase::TakingBack { .. }), "{}", world.words());
    assert!(world.words().contains("not complete within 10 min"), "{}", world.words());
}

#[test]
fn taking_back_what_never_gets_ready_asks_for_a_person_in_the_end() {
    let mut world = World::rolling(&["cart"]);
    world.give(Input::Abort { by: rosa(), reason: "no".into() }).unwrap();
    world.apply();
    for _ in 0..11 {
        world.pass_seconds(60);
        world.look();
    }
    assert!(matches!(&world.promotion.phase, Phase::Aborted { back: TakenBack::Incomplete { .. }, .. }));
    assert!(world.words().contains("someone must look"), "{}", world.words());
}

#[test]
fn a_cluster_that_is_away_is_trouble_and_not_a_failure() {
    let mut world = World::rolling(&["cart"]);
    let mut pauses = vec![];
    for _ in 0..8 {
        let decision = world.give(crate::world::trouble("cluster eu-1 cannot be reached")).unwrap();
        pauses.push((decision.wake_at.unwrap() - world.now).num_seconds());
        world.pass_seconds(600);
    }
    assert_eq!(pauses, [4, 8, 16, 32, 60, 60, 60, 60]);
    assert_eq!(domain::promotion::headline(&world.promotion).mark, Mark::Waiting);
    // Eighty minutes later, with a budget of ten: the time in which nobody could look is not the version's.
    world.pods_up("cart", 1);
    world.look();
    assert!(matches!(world.promotion.phase, Phase::Progressing { .. }), "{}", world.words());
    assert!(world.promotion.trouble.is_none());
    world.pass_seconds(30);
    world.pods_up("cart", 3);
    world.look();
    assert_eq!(world.words(), "done");
}

#[test]
fn a_slipway_that_was_down_longer_than_the_budget_goes_on() {
    for taken_back in [false, true] {
        let mut world = World::new(&["cart"], 0);
        world.give(Input::Clock).unwrap();
        world.look();
        if taken_back {
            world.apply();
            world.give(Input::Abort { by: rosa(), reason: "no".into() }).unwrap();
        }
        // Killed before it could write what it wants.
        world.pass_seconds(3 * 3600);
        world.apply();
        world.look();
        assert!(!world.promotion.is_over(), "{}", world.words());
        world.pass_seconds(2);
        world.pods_up("cart", 3);
        world.look();
        let expected = if taken_back { OLD } else { NEW };
        assert_eq!(world.workload("cart").images, vec![image(expected)]);
        assert!(world.promotion.is_over(), "{}", world.words());
    }
}

#[test]
fn the_budget_ends_what_is_looked_at_only_after_the_time_that_was_looked_at() {
    let mut world = World::rolling(&["cart"]);
    world.pass_seconds(3600);
    for _ in 0..19 {
        world.look();
        world.pass_seconds(30);
        assert!(matches!(world.promotion.phase, Phase::Progressing { .. }), "{}", world.words());
    }
    world.pass_seconds(30);
    world.look();
    assert!(matches!(world.promotion.phase, Phase::TakingBack { .. }), "{}", world.words());
}

#[test]
fn what_cannot_be_written_is_one_trouble_and_takes_nothing_from_the_budget() {
    let mut world = World::rolling(&["cart"]);
    world.pods_up("cart", 1);
    let mut pauses = vec![];
    for _ in 0..40 {
        let trouble = Some("eu-1 does not allow to patch deployments".to_owned());
        let (workloads, routes) = (world.cluster.clone(), world.routes.clone());
        let seen = Sight { workloads, routes, trouble, ..Sight::default() };
        let decision = world.give(Input::Observed(seen)).unwrap();
        pauses.push((decision.wake_at.unwrap() - world.now).num_seconds());
        world.pass_seconds(30);
    }
    assert_eq!(pauses[..5], [4, 8, 16, 32, 60]);
    assert!(matches!(world.promotion.phase, Phase::Progressing { .. }), "{}", world.words());
    assert_eq!(world.transcript().matches("Cannot tell").count(), 1, "{}", world.transcript());
    world.look();
    assert!(world.promotion.trouble.is_none());
}

#[test]
fn a_crash_is_judged_though_another_cluster_is_away() {
    let mut world = World::rolling(&["api", "worker"]);
    world.pods_up("api", 1);
    world.workload("api").pods[0].trouble = Some(crash());
    let mut seen = world.cluster.clone();
    seen.truncate(1);
    let trouble = Some("eu-2 is away".to_owned());
    world.give(Input::Observed(Sight { workloads: seen, trouble, ..Sight::default() })).unwrap();
    assert!(matches!(world.promotion.phase, Phase::TakingBack { .. }), "{}", world.words());
    assert!(world.promotion.trouble.is_some(), "the other cluster is still away");
}

#[test]
fn taking_back_can_be_given_up_where_a_cluster_never_comes_back() {
    let mut world = World::rolling(&["cart"]);
    let give_up = || Input::Abandon { by: rosa(), reason: "eu-1 was switched off".into() };
    assert_eq!(world.give(give_up()).unwrap_err(), Refusal::NotTakingBack);
    world.give(Input::Abort { by: rosa(), reason: "no".into() }).unwrap();
    assert_eq!(world.give(give_up()).unwrap_err(), Refusal::EndsByItself);
    assert!(!world.promotion.allowed(&actor(&rosa(), Role::ReleaseManager)).contains(&PromotionAct::Abandon));
    world.give(crate::world::trouble("cluster eu-1 cannot be reached")).unwrap();
    assert!(world.promotion.allowed(&actor(&rosa(), Role::ReleaseManager)).contains(&PromotionAct::Abandon));
    world.give(give_up()).unwrap();
    assert!(matches!(&world.promotion.phase, Phase::Aborted { back: TakenBack::Incomplete { .. }, .. }));
    assert!(!world.promotion.occupies());
    assert!(world.words().contains("eu-1 was switched off"), "{}", world.words());
    assert!(matches!(world.give(give_up()), Err(Refusal::Over(_))));
}

#[test]
fn an_abort_of_what_is_watched_leaves_what_someone_else_has_set_since() {
    let mut world = watched();
    world.workload("cart").images = vec![image("r.example/cart:9.9")];
    world.give(Input::Abort { by: rosa(), reason: "no".into() }).unwrap();
    world.apply();
    assert_eq!(world.workload("cart").images, vec![image("r.example/cart:9.9")]);
    world.look();
    assert!(matches!(&world.promotion.phase, Phase::Aborted { back: TakenBack::Incomplete { .. }, .. }));
    assert!(world.words().contains("r.example/cart:9.9"), "{}", world.words());
}

#[test]
fn pods_that_crash_while_they_are_watched_bring_the_former_back() {
    let mut world = watched();
    world.workload("cart").pods[1].trouble = Some(crash());
    world.workload("cart").pods[1].is_ready = false;
    world.workload("cart").available_replicas = 2;
    world.look();
    world.apply();
    assert_eq!(world.workload("cart").images, vec![image(OLD)]);
    world.pods_up("cart", 3);
    world.look();
    assert!(world.words().contains("CrashLoopBackOff"), "{}", world.words());
}

#[test]
fn a_refusal_of_what_is_not_wanted_any_more_says_nothing() {
    let mut world = World::rolling(&["cart"]);
    let late = world.promotion.run().unwrap().generation;
    world.give(Input::Abort { by: rosa(), reason: "no".into() }).unwrap();
    world.give(crate::world::refused(&world.promotion, late, WritePart::Workload)).unwrap();
    assert!(matches!(world.promotion.phase, Phase::TakingBack { .. }), "{}", world.words());
}

#[test]
fn marks_of_another_target_say_nothing_and_later_ones_of_this_target_are_passed() {
    let mut world = World::new(&["cart"], 0);
    let target = domain::ids::TargetId::new(uuid::Uuid::from_u128(4711));
    let promotion = domain::ids::PromotionId::new(uuid::Uuid::from_u128(4712));
    let foreign = Stamp { target, promotion, sequence: 900, generation: 2 };
    world.workload("cart").stamp = Some(foreign);
    world.give(Input::Clock).unwrap();
    world.look();
    assert_eq!(world.promotion.run().unwrap().sequence, 7);

    // The database was restored: the cluster remembers a later start than it does.
    let mut world = World::new(&["cart"], 0);
    world.workload("cart").stamp = Some(Stamp { target: world.promotion.target, ..foreign });
    world.give(Input::Clock).unwrap();
    world.look();
    assert_eq!(world.promotion.run().unwrap().sequence, 901);
    world.apply();
    world.look();
    world.pods_up("cart", 3);
    world.look();
    assert_eq!(world.words(), "done");
}

#[test]
fn what_was_refused_before_anything_was_written_is_no_deployment() {
    let mut world = World::new(&["cart"], 0);
    world.workload("cart").is_paused = true;
    world.give(Input::Clock).unwrap();
    assert_eq!(world.promotion.outcome(), None);
    world.look();
    assert_eq!(world.promotion.phase_word(), "failed");
    assert_eq!(world.promotion.outcome(), None);
    assert_eq!(World::rolling(&["cart"]).promotion.outcome(), Some(Outcome::Running));
}

#[test]
fn others_are_superseded_when_nothing_but_they_stand_in_the_way() {
    let occupant = Some(Occupant { id: domain::ids::PromotionId::new(uuid::Uuid::from_u128(404)), number: 1041 });
    // Approvals needed, whose promotions are superseded, whether it does so as soon as it is asked.
    for (approvals, supersedes, expected) in
        [(0, Supersedes::Any, true), (1, Supersedes::Any, false), (0, Supersedes::Nobody, false)]
    {
        let mut world = World::new(&["cart"], approvals);
        world.promotion.supersedes = supersedes;
        world.facts.occupant = occupant;
        let decision = world.give(Input::Clock).unwrap();
        assert_eq!(decision.supersedes, expected, "{approvals} {supersedes:?}");
        if approvals == 1 {
            let plan_number = world.promotion.plan.number;
            let approve = Input::Approve { by: ines(), comment: None, plan_number };
            assert!(world.give(approve).unwrap().supersedes);
        }
        assert!(matches!(world.promotion.phase, Phase::Waiting { .. }));
    }
}

#[test]
fn whose_promotions_are_superseded() {
    let other = |cause, by| Promotion {
        id: domain::ids::PromotionId::new(uuid::Uuid::from_u128(404)),
        cause,
        requested_by: by,
        ..World::rolling(&["cart"]).promotion
    };
    let mine = |supersedes, cause| Promotion { supersedes, cause, ..World::new(&["cart"], 0).promotion };
    let table = [
        (Supersedes::Nobody, Cause::Planned, other(Cause::Planned, theo()), false),
        (Supersedes::Own, Cause::Planned, other(Cause::Planned, theo()), true),
        (Supersedes::Own, Cause::Planned, other(Cause::Planned, rosa()), false),
        (Supersedes::Any, Cause::Planned, other(Cause::Planned, rosa()), true),
        (Supersedes::Any, Cause::Hotfix, other(Cause::Rollback, rosa()), false),
        (Supersedes::Any, Cause::Rollback, other(Cause::Rollback, rosa()), true),
    ];
    for (supersedes, cause, other, expected) in table {
        assert_eq!(mine(supersedes, cause).may_supersede(&other), expected, "{supersedes:?} {cause:?}");
    }
    let itself = mine(Supersedes::Any, Cause::Rollback);
    assert!(!itself.may_supersede(&itself.clone()));
}

fn watched() -> World {
    let mut world = World::new(&["cart"], 0);
    world.facts.plan_now.watch_seconds = 600;
    world.give(Input::Clock).unwrap();
    world.look();
    world.apply();
    world.pods_up("cart", 3);
    world.look();
    assert!(matches!(world.promotion.phase, Phase::Watching { .. }), "{}", world.words());
    world
}

#[test]
fn a_watch_ends_by_time_or_by_the_next_start() {
    for by_time in [true, false] {
        let mut world = watched();
        assert!(!world.promotion.occupies());
        if by_time {
            world.pass_seconds(600);
            world.give(Input::Clock).unwrap();
        } else {
            world.give(Input::Supersede { by: 1043, who: rosa() }).unwrap();
        }
        assert!(matches!(world.promotion.phase, Phase::Succeeded { .. }));
        assert_eq!(world.workload("cart").images, vec![image(NEW)]);
    }
}

#[test]
fn a_waiting_promotion_expires_in_the_end() {
    let mut world = World::new(&["cart"], 1);
    world.pass_seconds(14 * 86_400);
    world.give(Input::Clock).unwrap();
    assert!(matches!(world.promotion.phase, Phase::Expired { .. }));
}

#[test]
fn pods_that_come_and_go_by_turns_fill_no_journal() {
    let mut world = World::rolling(&["cart"]);
    let rows = |world: &World| world.transcript().lines().filter(|line| line.contains("| Pods |")).count();
    let before = rows(&world);
    for round in 0..20 {
        world.pods_up("cart", if round % 2 == 0 { 2 } else { 1 });
        world.pass_seconds(5);
        world.look();
    }
    assert!(matches!(world.promotion.phase, Phase::Progressing { .. }), "{}", world.words());
    assert_eq!(rows(&world) - before, 1, "{}", world.transcript());
}
