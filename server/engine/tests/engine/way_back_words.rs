//! What a promotion's page says of the way back: when the version is taken back by itself, how near that
//! is, and what comes next until the traffic is home.

use contract::{
    judging::{JudgingBackend as _, JudgingPlace, RuleInput},
    promotions::{PromotionView, PromotionsBackend as _, Steer},
};

use crate::{
    analysis::{measured, prepared},
    canaries::{until, with_canary},
    world::World,
};

async fn page(world: &World, number: i64) -> PromotionView {
    world.engine.promotion(&world.rosa, number).await.unwrap()
}

/// What is said of the way back where the promotion is consented to.
fn back_out(view: &PromotionView) -> &str {
    view.demands.iter().find(|demand| demand.title.starts_with("Back-out")).map_or("", |demand| demand.detail.as_str())
}

async fn off(world: &World, rule: &str) {
    let place =
        JudgingPlace { service: Some("cart".to_owned()), environment: Some("production".to_owned()), tier: None };
    let off = RuleInput { rule: rule.to_owned(), is_off: true, ..RuleInput::default() };
    world.engine.set_rule(&world.rosa, place, off).await.unwrap();
}

#[tokio::test]
async fn whatever_takes_the_version_back_by_itself_is_named() {
    let crashes = "when pods crash";
    let rolling = World::new(0).await;
    rolling.service("cart").await;
    rolling.version("cart", "2.0").await;
    let number = rolling.ask("cart", "2.0").await;
    let view = page(&rolling, number).await;
    assert_eq!(back_out(&view), format!("1.0 comes back by itself {crashes}, and by one click later"));

    let (world, _metrics) = prepared("2.0", "10%, 10m").await;
    let rules: [(&[&str], String); 4] = [
        (
            &[],
            format!(
                "{crashes}, or when health check, restarts, pods that cannot start, error rate or p95 is beyond its limit"
            ),
        ),
        (
            &["health", "restarts", "waiting-reasons"],
            format!("{crashes}, or when error rate or p95 is beyond its limit"),
        ),
        (&["p95"], format!("{crashes}, or when error rate is beyond its limit")),
        (&["error-rate"], crashes.to_owned()),
    ];
    for (turned_off, expected) in rules {
        for rule in turned_off {
            off(&world, rule).await;
        }
        let number = world.ask("cart", "2.0").await;
        until(&world, number, "canary at 10 % until").await;
        let view = page(&world, number).await;
        assert_eq!(view.traffic.as_ref().unwrap().takes_back, expected);
        assert_eq!(back_out(&view), format!("1.0 comes back by itself {expected}, and by one click later"));
        world.engine.abort(&world.rosa, number, "next".to_owned()).await.unwrap();
        world.finish(number).await;
    }
}

#[tokio::test]
async fn before_a_version_is_taken_back_it_is_said_how_many_measurements_that_takes() {
    let (world, _metrics, number) = measured("2.0-errors", "10%, 10m").await;
    until(&world, number, "canary at 10 % until").await;
    let mut said: Vec<String> = vec![];
    while world.status(number).await.phase == "progressing" {
        let next = page(&world, number).await.next;
        if let Some((what, when)) = next.split_once(". Taken back ") {
            assert!(what.starts_with("Error rate 1") && what.ends_with("is above 5 %"), "{next}");
            said.push(when.to_owned());
        }
        world.pass(1).await;
    }
    said.dedup();
    assert_eq!(said, ["when 2 more measurements say so too.", "when the next measurement says so too."]);
    assert_eq!(world.finish(number).await.phase, "failed");
}

#[tokio::test]
async fn the_page_says_which_step_could_be_skipped_and_what_comes_next_until_the_traffic_is_home() {
    let world = with_canary("10%, 1m, 50%, ask").await;
    world.version("cart", "2.0").await;
    let number = world.ask("cart", "2.0").await;
    let step = async || {
        let traffic = page(&world, number).await.traffic.unwrap();
        (traffic.step, traffic.present, traffic.then)
    };
    let said = |step, present: &str, then: &str| (step, present.to_owned(), then.to_owned());
    assert_eq!(step().await, said(None, "", ""), "it has not begun");
    until(&world, number, "canary at 10 % until").await;
    assert_eq!(step().await, said(Some(1), "Pause 1 min", "50 %"));
    until(&world, number, "waits for someone to let it go on").await;
    assert_eq!(step().await, said(Some(3), "Go on?", "100 %"));
    assert_eq!(page(&world, number).await.next, "Waits for a release manager to let it go on; then 100 %.");
    world.engine.steer(&world.rosa, number, Steer::GoOn { seen: domain::promotion::AsSeen::step(3) }).await.unwrap();
    until(&world, number, "canary at 100 %, the workloads get the version").await;
    assert_eq!(step().await, said(Some(5), "Rollout", "done"));
    let view = page(&world, number).await;
    let home = "When every pod runs the version, the traffic goes back to the workload and the candidate is removed.";
    assert_eq!((view.next.as_str(), view.traffic.unwrap().wanted), (home, 100));
    until(&world, number, "canary over: all pods run the version, the candidate ends").await;
    let view = page(&world, number).await;
    let ends = "Every pod runs the version and gets the traffic. The candidate is removed when what still talks to it \
                has had its time.";
    let traffic = view.traffic.unwrap();
    assert_eq!((view.next.as_str(), traffic.wanted, traffic.seen), (ends, 100, Some(100)));
    assert_eq!(world.image_of("cart-canary").await, "r.example/cart:2.0", "it is there still");
    assert_eq!(world.finish(number).await.phase, "succeeded");
    assert_eq!(step().await, said(None, "", ""));
}

#[tokio::test]
async fn a_canary_that_is_aborted_is_said_to_go_back_until_nobody_is_sent_to_it() {
    let world = with_canary("10%, 1h").await;
    world.version("cart", "2.0").await;
    let number = world.ask("cart", "2.0").await;
    until(&world, number, "canary at 10 % until").await;
    world.engine.abort(&world.rosa, number, "wrong day".to_owned()).await.unwrap();
    let mut said: Vec<(String, u8)> = vec![];
    while !world.status(number).await.is_over {
        let words = world.status(number).await.words;
        let share = crate::canaries::share_in(&world.practice);
        assert!(!words.contains("the traffic is back") || share == 0, "{share} %: {words}");
        said.push((words, share));
        world.pass(1).await;
    }
    said.dedup();
    let why = "(Rosa Mint: “wrong day”)";
    assert_eq!(said[0], (format!("taking back: the traffic goes back {why}"), 10));
    assert_eq!(said.last().unwrap(), &(format!("taking back: the traffic is back, the candidate ends {why}"), 0));
}
