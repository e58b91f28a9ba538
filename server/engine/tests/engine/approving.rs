//! What waits for whom, however much it is.

use contract::{
    ErrorKind,
    approvals::ApprovalsBackend,
    frame::FrameBackend,
    promotions::{PromotionsBackend, Steer},
};

use crate::{
    canaries::{until, with_canary},
    world::{World, viewer},
};

#[tokio::test]
async fn the_badge_and_the_page_agree_and_the_oldest_come_first() {
    let world = World::new(2).await;
    let mut numbers = Vec::new();
    for n in 0..34 {
        let name = format!("service-{n}");
        world.service(&name).await;
        world.version(&name, "2.0").await;
        numbers.push(world.ask(&name, "2.0").await);
    }
    // One is approved already: it waits for others.
    world.engine.approve(&world.ines, numbers[3], 1, None).await.unwrap();
    let badge = async |actor| world.engine.frame(actor).await.unwrap().waiting_for_me;
    assert_eq!((badge(&world.ines).await, badge(&world.rosa).await, badge(&world.theo).await), (33, 34, 0));
    let page = world.engine.approvals(&world.ines).await.unwrap();
    assert_eq!((page.waiting_for_me, page.waiting), (33, 34));
    let expected: Vec<_> = numbers.iter().copied().filter(|n| *n != numbers[3]).collect();
    let in_full: Vec<_> = page.for_me.iter().map(|view| view.line.number).collect();
    assert_eq!(in_full, expected[..30]);
    let lines: Vec<_> = page.for_others.iter().map(|line| line.number).collect();
    assert_eq!(lines, [&expected[30..], &numbers[3..4]].concat());
    // Who may not approve sees what waits, oldest first.
    let page = world.engine.approvals(&viewer()).await.unwrap();
    let lines: Vec<_> = page.for_others.iter().map(|line| line.number).collect();
    assert_eq!((page.for_me.len(), lines), (0, numbers));
}

#[tokio::test]
async fn what_a_step_asks_stands_on_the_page_of_those_who_can_answer_and_they_do() {
    let world = with_canary("10%, ask:approver, 50%, ask:admin").await;
    world.version("cart", "2.0").await;
    let number = world.ask("cart", "2.0").await;
    let asked = async |actor| {
        let page = world.engine.approvals(actor).await.unwrap();
        page.to_let_go_on.iter().map(|line| line.number).collect::<Vec<_>>()
    };
    until(&world, number, "canary at 10 %, waits for an approver to let it go on").await;
    let viewer = viewer();
    for (actor, expected) in [(&world.ines, vec![number]), (&world.rosa, vec![number]), (&viewer, vec![])] {
        assert_eq!(asked(actor).await, expected, "{}", actor.identity.shown());
    }
    let badge = async |actor| world.engine.frame(actor).await.unwrap().waiting_for_me;
    assert_eq!((badge(&world.ines).await, badge(&world.theo).await), (1, 0));
    assert_eq!(world.engine.approvals(&world.ines).await.unwrap().waiting_for_me, 1);
    let seen = world.engine.promotion(&world.ines, number).await.unwrap().traffic.unwrap().as_seen.unwrap();
    world.engine.steer(&world.theo, number, Steer::GoOn { seen }).await.unwrap_err();
    world.engine.steer(&world.ines, number, Steer::GoOn { seen }).await.unwrap();
    until(&world, number, "canary at 50 %, waits for an admin to let it go on").await;
    assert_eq!((asked(&world.ines).await, asked(&world.admin).await), (vec![], vec![number]));
    let seen = world.engine.promotion(&world.rosa, number).await.unwrap().traffic.unwrap().as_seen.unwrap();
    let refused = world.engine.steer(&world.rosa, number, Steer::GoOn { seen }).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Refused, "{refused}");
    world.engine.steer(&world.admin, number, Steer::GoOn { seen }).await.unwrap();
    assert_eq!(world.finish(number).await.phase, "succeeded");
}

#[tokio::test]
async fn who_can_approve_is_named_and_it_is_said_where_nobody_can() {
    let world = World::new(2).await;
    world.service("cart").await;
    world.version("cart", "2.0").await;
    let before = world.engine.promote_view(&world.rosa, "cart", "production", Some("2.0")).await.unwrap();
    assert_eq!(before.demands[0].detail, "Ines Okafor or Ada Admin can approve", "Rosa asks");
    let number = world.ask("cart", "2.0").await;
    let said = async || world.engine.promotion(&world.rosa, number).await.unwrap().demands[0].detail.clone();
    assert_eq!(said().await, "Ines Okafor, Rosa Mint or Ada Admin can approve");
    world.engine.approve(&world.ines, number, 1, None).await.unwrap();
    assert_eq!(said().await, "Rosa Mint or Ada Admin can approve");
}
