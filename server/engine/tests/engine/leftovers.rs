//! What is left when something was in the way: shares on candidates, candidates nobody needs, and what a
//! rollback means while a version is only being tried.

use contract::{
    promotions::{PromotionsBackend, RequestRollback, RollbackView},
    services::ServicesBackend,
};
use domain::{
    observation::Stamp,
    traffic::{CandidateName, Weight},
};
use ports::{ApplyOutcome, CandidateChange, Cluster as _, Route};

use crate::{
    canaries::{namespace, route, share_in, until, with_canary},
    world::{World, image, workload},
};

fn rollback() -> RequestRollback {
    RequestRollback {
        service: "cart".to_owned(),
        environment: "production".to_owned(),
        version: None,
        whole_templates: false,
        reason: "refunds fail".to_owned(),
    }
}

async fn dialog(world: &World) -> RollbackView {
    world.engine.rollback_view(&world.rosa, "cart", "production", None).await.unwrap()
}

/// `cart` runs 2.0, and 3.0 is tried at 25 %.
async fn tried() -> (World, i64) {
    let world = with_canary("25%, 1h").await;
    world.version("cart", "2.0").await;
    let number = world.ask("cart", "2.0").await;
    until(&world, number, "canary at 25 % until").await;
    world.promote_now(number, "good").await.unwrap();
    assert_eq!(world.finish(number).await.phase, "succeeded");
    world.version("cart", "3.0").await;
    let number = world.ask("cart", "3.0").await;
    until(&world, number, "canary at 25 % until").await;
    (world, number)
}

#[tokio::test]
async fn a_rollback_while_a_version_is_tried_takes_that_one_back_and_leaves_what_runs() {
    let (world, number) = tried().await;
    let writes = world.writes("cart");
    let said = dialog(&world).await;
    assert_eq!((said.from.as_deref(), said.to.as_str()), (Some("3.0"), "2.0"));
    assert_eq!((said.aborts, said.is_abort), (Some(number), true));
    let page = contract::PageRequest::new(1, 1);
    let target = world.engine.service(&world.rosa, "cart", page).await.unwrap().targets.remove(0);
    assert_eq!(target.roll_back_to.as_deref(), Some("2.0"));
    assert_eq!(world.engine.roll_back(&world.rosa, rollback()).await.unwrap(), number);
    // Pressed twice, it is one abort.
    assert_eq!(world.engine.roll_back(&world.rosa, rollback()).await.unwrap(), number);
    assert_eq!(world.finish(number).await.phase, "aborted");
    assert_eq!(world.image_of("cart").await, "r.example/cart:2.0");
    assert_eq!((share_in(&world.practice), world.writes("cart")), (0, writes));
    // With nothing under way it goes back from what runs.
    let said = dialog(&world).await;
    assert_eq!((said.to.as_str(), said.aborts, said.is_abort), ("1.0", None, false));
}

#[tokio::test]
async fn a_rollback_to_another_version_while_one_is_tried_is_a_promotion() {
    let (world, number) = tried().await;
    let request = RequestRollback { version: Some("1.0".to_owned()), ..rollback() };
    let back = world.engine.roll_back(&world.rosa, request).await.unwrap();
    assert_ne!(back, number);
    assert_eq!(world.finish(back).await.phase, "succeeded");
    assert_eq!(world.image_of("cart").await, "r.example/cart:1.0");
}

#[tokio::test]
async fn a_share_that_was_left_goes_home_before_a_rollback_and_the_candidate_goes_after_it() {
    let (world, number) = tried().await;
    let by_hand = Weight::percent(60).unwrap();
    world.practice.set_share_by_other(&namespace(), &route(), by_hand).unwrap();
    assert_eq!(world.finish(number).await.phase, "failed");
    assert_eq!(share_in(&world.practice), 60);
    // While it gets traffic it stays, however often somebody looks.
    for _ in 0..3 {
        world.engine.sweep().await.unwrap();
        world.clock.advance(std::time::Duration::from_secs(60));
    }
    assert_eq!(world.image_of("cart-canary").await, "r.example/cart:3.0");
    let back = world.engine.roll_back(&world.rosa, rollback()).await.unwrap();
    assert_ne!(back, number);
    assert_eq!(world.finish(back).await.phase, "succeeded");
    assert_eq!(share_in(&world.practice), 0);
    assert_eq!(world.image_of("cart").await, "r.example/cart:1.0");
    let view = world.engine.promotion(&world.rosa, back).await.unwrap();
    assert!(
        view.journal
            .iter()
            .any(|line| line.detail.contains("goes home first") || line.title.contains("goes home first"))
    );
    world.engine.sweep().await.unwrap();
    assert_eq!(world.image_of("cart-canary").await, "r.example/cart:3.0", "connections end first");
    world.clock.advance(std::time::Duration::from_secs(31));
    world.engine.sweep().await.unwrap();
    assert_eq!(world.image_of("cart-canary").await, "missing");
}

/// A worker that stood still makes the candidate of a promotion that is over.
async fn made_late(world: &World) -> Stamp {
    let made = world.practice.writes_of(&workload("cart-canary")).unwrap();
    let stamp = made.iter().find(|write| write.act.starts_with("make")).unwrap().stamp.unwrap();
    let change = CandidateChange {
        route: Route {
            target: stamp.target,
            stable: workload("cart"),
            candidate: workload("cart-canary"),
            track: CandidateName::Canary,
            layer: route(),
        },
        stamp,
        images: vec![image("app", "r.example/cart:2.0")],
        pods: 1,
        change_cause: "late".to_owned(),
    };
    assert_eq!(world.practice.apply_candidate(&change).await, Ok(ApplyOutcome::Written));
    stamp
}

#[tokio::test]
async fn a_candidate_that_is_made_late_is_swept_up_unless_somebody_uses_it() {
    let world = with_canary("10%, 1h").await;
    world.version("cart", "2.0").await;
    let number = world.ask("cart", "2.0").await;
    until(&world, number, "canary at 10 % until").await;
    world.engine.abort(&world.rosa, number, "enough".to_owned()).await.unwrap();
    assert_eq!(world.finish(number).await.phase, "aborted");
    assert_eq!(world.image_of("cart-canary").await, "missing");
    made_late(&world).await;
    // Somebody gives it traffic: it stays.
    let share = |percent| world.practice.set_share_by_other(&namespace(), &route(), Weight::percent(percent).unwrap());
    share(5).unwrap();
    let sweep_after = async |seconds| {
        world.clock.advance(std::time::Duration::from_secs(seconds));
        world.engine.sweep().await.unwrap();
    };
    sweep_after(60).await;
    sweep_after(60).await;
    assert_eq!(world.image_of("cart-canary").await, "r.example/cart:2.0");
    share(0).unwrap();
    sweep_after(1).await;
    sweep_after(29).await;
    assert_eq!(world.image_of("cart-canary").await, "r.example/cart:2.0");
    sweep_after(1).await;
    assert_eq!(world.image_of("cart-canary").await, "missing");
    let view = world.engine.promotion(&world.rosa, number).await.unwrap();
    assert!(view.journal.iter().any(|line| line.by.contains("leftovers")));
    // While a promotion is at work there, it is that one's.
    let again = world.ask("cart", "2.0").await;
    until(&world, again, "canary at 10 % until").await;
    sweep_after(1).await;
    sweep_after(60).await;
    assert_eq!(world.image_of("cart-canary").await, "r.example/cart:2.0");
}
