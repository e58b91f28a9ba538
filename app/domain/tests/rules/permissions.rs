//! Who may do what: the whole matrix, written out.

use domain::{
    actor::{Act, Identity, Role},
    ids::{PersonId, TokenId},
    promotion::{Input, PromotionAct},
};
use uuid::Uuid;

use crate::world::{World, actor, ines, rosa, theo};

const ACTS: [(Act, &str); 20] = [
    (Act::Read, "vdara"),
    (Act::ReadAudit, "---ra"),
    (Act::RegisterVersion, "-d-ra"),
    (Act::ReportDeployment, "-d-ra"),
    (Act::ReportProgress, "----a"),
    (Act::RequestPromotion, "-dara"),
    (Act::Approve, "--ara"),
    (Act::StopOwnPromotion, "-dara"),
    (Act::StopAnyPromotion, "---ra"),
    (Act::AnswerStep, "--ara"),
    (Act::SteerPromotion, "---ra"),
    (Act::SendAlerts, "---ra"),
    (Act::RollBack, "---ra"),
    (Act::ManageIncidents, "-dara"),
    (Act::ManageServices, "---ra"),
    (Act::ManageEnvironments, "----a"),
    (Act::ManageClusters, "----a"),
    (Act::ManagePeople, "----a"),
    (Act::ManageTokens, "----a"),
    (Act::ManageIntegrations, "----a"),
];

#[test]
fn each_role_may_exactly_what_the_table_says() {
    assert!(Act::ALL.iter().all(|act| ACTS.iter().any(|(listed, _)| listed == act)), "the table is whole");
    for (act, row) in ACTS {
        for (role, mark) in Role::ALL.into_iter().zip(row.chars()) {
            let may = actor(&rosa(), role).may(act);
            assert_eq!(may.is_ok(), mark != '-', "{act:?} as {role:?}");
            if let Err(refusal) = may {
                let text = refusal.to_string();
                assert!(text.contains(act.words()) && text.contains(role.words()), "{text}");
            }
        }
    }
}

#[test]
fn a_deployers_token_reports_progress_and_does_nothing_else() {
    for act in Act::ALL {
        let may = actor(&rosa(), Role::Deployer).may(act).is_ok();
        assert_eq!(may, act == Act::ReportProgress, "{act:?}");
    }
    assert_eq!(Role::parse("deployer"), Some(Role::Deployer));
    assert!(!Role::ALL.contains(&Role::Deployer), "people have other roles");
}

#[test]
fn a_token_of_an_admin_still_cannot_consent_or_widen_rights() {
    let owner = PersonId::new(Uuid::nil());
    let token = Identity::Token { id: TokenId::new(Uuid::nil()), name: "ci".into(), owner };
    for act in [
        Act::Approve,
        Act::AnswerStep,
        Act::SteerPromotion,
        Act::RollBack,
        Act::ManagePeople,
        Act::ManageTokens,
        Act::ManageClusters,
    ] {
        assert!(actor(&token, Role::Admin).may(act).is_err(), "{act:?}");
    }
    assert!(actor(&token, Role::ReleaseManager).may(Act::StopAnyPromotion).is_ok());
    assert!(actor(&token, Role::Developer).may(Act::RegisterVersion).is_ok());
}

#[test]
fn a_rule_rolls_back_and_neither_consents_nor_steers() {
    let rule = Identity::rule("analysis");
    for act in [Act::Approve, Act::SteerPromotion, Act::ManagePeople, Act::ManageTokens, Act::ManageClusters] {
        assert!(actor(&rule, Role::Admin).may(act).is_err(), "{act:?}");
    }
    assert!(actor(&rule, Role::ReleaseManager).may(Act::RollBack).is_ok());
}

#[test]
fn the_buttons_are_those_that_would_not_be_refused() {
    let mut world = World::new(&["cart"], 1);
    world.give(Input::Clock).unwrap();
    let allowed = |world: &World, who: &Identity, role| world.promotion.allowed(&actor(who, role));
    assert_eq!(allowed(&world, &theo(), Role::Developer), [PromotionAct::Cancel]);
    assert_eq!(allowed(&world, &ines(), Role::Approver), [PromotionAct::Approve, PromotionAct::Reject]);
    assert_eq!(allowed(&world, &ines(), Role::Viewer), []);
    world.give(Input::Approve { by: ines(), comment: None, plan_number: 1 }).unwrap();
    assert_eq!(allowed(&world, &ines(), Role::Approver), []);
    assert_eq!(allowed(&world, &theo(), Role::Developer), [PromotionAct::Abort]);
    assert_eq!(allowed(&world, &rosa(), Role::ReleaseManager), [PromotionAct::Abort]);
}
