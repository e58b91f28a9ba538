//! Consent: to what it binds, who may give it, when it is void.

use domain::{
    actor::Identity,
    environment::{EnvironmentRules, Quorum},
    ids::{PersonId, TokenId},
    promotion::{Blocker, Input, Occupant, Phase, Refusal},
};
use uuid::Uuid;

use crate::world::{World, ines, person, rosa, theo};

fn approve(by: Identity) -> Input {
    Input::Approve { by, comment: None, plan_number: 1 }
}

#[test]
fn attack_07_who_asked_cannot_approve_neither_as_token() {
    let mut world = World::new(&["cart"], 1);
    assert_eq!(world.give(approve(theo())).unwrap_err(), Refusal::OwnRequest);
    let token = Identity::Token { id: TokenId::new(Uuid::nil()), name: "ci".into(), owner: theo().person().unwrap() };
    world.promotion.requested_by = token;
    assert_eq!(world.give(approve(theo())).unwrap_err(), Refusal::OwnRequest);
}

#[test]
fn attack_09_a_machine_never_approves() {
    let mut world = World::new(&["cart"], 1);
    let owner = PersonId::new(Uuid::from_u128(5));
    let token = Identity::Token { id: TokenId::new(Uuid::nil()), name: "ci".into(), owner };
    for by in [token, Identity::rule("friendly")] {
        assert_eq!(world.give(approve(by)).unwrap_err(), Refusal::MachineApproval);
    }
}

#[test]
fn attack_08_a_quorum_counts_distinct_people_who_may_still_approve() {
    let mut world = World::new(&["cart"], 2);
    world.give(approve(ines())).unwrap();
    assert_eq!(world.give(approve(ines())).unwrap_err(), Refusal::AlreadyApproved);
    // Ines loses the power before the second approval: hers does not count any more.
    world.facts.may_approve.remove(&ines().person().unwrap());
    world.give(approve(rosa())).unwrap();
    let Phase::Waiting { blockers } = &world.promotion.phase else { panic!("started without its quorum") };
    assert_eq!(*blockers, vec![Blocker::Approvals { have: 1, need: 2 }]);
}

#[test]
fn attack_04_any_change_of_the_plan_voids_what_was_approved() {
    type Change = fn(&mut World);
    let changes: [Change; 4] = [
        |w| w.facts.plan_now.workloads[0].images[0].image = "r.example/cart:2.0-other".into(),
        |w| w.facts.plan_now.rules_revision += 1,
        |w| w.facts.plan_now.approvals = 3,
        |w| w.facts.plan_now.rollout_budget_seconds = 5,
    ];
    for change in changes {
        let mut world = World::new(&["cart"], 2);
        world.give(approve(ines())).unwrap();
        change(&mut world);
        world.give(Input::Clock).unwrap();
        assert!(world.promotion.approvals.is_empty());
        assert!(world.transcript().contains("Approvals void"), "{}", world.transcript());
        // The page that was read before the change cannot approve the plan after it.
        assert_eq!(world.give(approve(rosa())).unwrap_err(), Refusal::PlanChanged);
        world.give(Input::Approve { by: rosa(), comment: None, plan_number: 2 }).unwrap();
    }
}

#[test]
fn attack_05_an_approval_lapses() {
    let mut world = World::new(&["cart"], 2);
    world.give(approve(ines())).unwrap();
    world.pass_seconds(7 * 86_400);
    world.give(approve(rosa())).unwrap();
    assert!(matches!(world.promotion.phase, Phase::Waiting { .. }));
    assert_eq!(world.promotion.approvals.len(), 1);
}

#[test]
fn attack_11_gates_are_judged_again_at_the_moment_of_effect() {
    let mut world = World::new(&["cart"], 1);
    world.facts.plan_now.healthy_in = Some(world.promotion.environment);
    world.facts.healthy_before = Some(("staging".into(), true));
    world.give(Input::Clock).unwrap();
    world.facts.healthy_before = Some(("staging".into(), false));
    let number = world.promotion.plan.number;
    world.give(Input::Approve { by: ines(), comment: None, plan_number: number }).unwrap();
    assert_eq!(world.words(), "waits until this version is healthy in staging");
    world.facts.healthy_before = Some(("staging".into(), true));
    world.give(Input::Clock).unwrap();
    assert!(matches!(world.promotion.phase, Phase::Starting { .. }));
}

#[test]
fn a_request_waits_in_the_queue_and_says_behind_whom() {
    let mut world = World::new(&["cart"], 0);
    let other = domain::ids::PromotionId::new(Uuid::from_u128(404));
    world.facts.occupant = Some(Occupant { id: other, number: 1041 });
    world.give(Input::Clock).unwrap();
    assert_eq!(world.words(), "waits in the queue behind promotion 1041");
    world.facts.occupant = None;
    world.give(Input::Clock).unwrap();
    assert!(matches!(world.promotion.phase, Phase::Starting { .. }));
}

#[test]
fn rejecting_needs_a_reason_and_ends_it() {
    let mut world = World::new(&["cart"], 1);
    let no = |reason: &str| Input::Reject { by: ines(), reason: reason.into() };
    assert_eq!(world.give(no("  ")).unwrap_err(), Refusal::ReasonNeeded);
    world.give(no("not before the sale")).unwrap();
    assert_eq!(world.words(), "rejected by Ines Okafor");
    assert!(matches!(world.give(approve(rosa())).unwrap_err(), Refusal::Over(_)));
}

#[test]
fn after_the_start_consent_and_cancelling_are_refused() {
    let mut world = World::new(&["cart"], 0);
    world.give(Input::Clock).unwrap();
    assert_eq!(world.give(approve(ines())).unwrap_err(), Refusal::Started);
    let cancel = Input::Cancel { by: theo(), reason: String::new() };
    assert_eq!(world.give(cancel).unwrap_err(), Refusal::Started);
}

#[test]
fn before_the_start_there_is_nothing_to_abort() {
    let mut world = World::new(&["cart"], 1);
    let abort = Input::Abort { by: rosa(), reason: "no".into() };
    assert_eq!(world.give(abort).unwrap_err(), Refusal::NotStarted);
}

#[test]
fn a_quorum_is_zero_to_five() {
    assert!((0..=5).all(|n| Quorum::new(n).is_ok()));
    assert!(Quorum::new(6).is_err());
    assert_eq!(EnvironmentRules::default().approvals, Quorum::NONE);
    assert_eq!(person(1, "x").person(), Some(PersonId::new(Uuid::from_u128(1))));
}
