//! What waits for whom, however much it is.

use contract::{approvals::ApprovalsBackend, frame::FrameBackend, promotions::PromotionsBackend};

use crate::world::{World, viewer};

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
