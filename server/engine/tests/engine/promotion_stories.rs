//! Whole promotions on a practice cluster: from request to end.

use contract::{
    ErrorKind,
    promotions::{PromotionsBackend, RequestPromotion, RequestRollback},
    services::ServicesBackend as _,
};
use domain::{actor::Role, environment::EnvironmentKind, evidence::Told, promotion::PromotionAct, state::Mark};
use practice::MessengerFault;

use crate::world::{World, deploy, image, workload};

#[tokio::test]
async fn a_version_goes_to_production_with_consent() {
    let world = World::new(1).await;
    world.service("cart").await;
    world.version("cart", "2.0").await;
    let number = world.ask("cart", "2.0").await;
    world.pass(5).await;
    assert_eq!(world.status(number).await.words, "waits for 1 approval");
    assert_eq!(world.writes("cart"), 0);
    world.engine.approve(&world.ines, number, 1, Some("go".to_owned())).await.unwrap();
    let status = world.finish(number).await;
    assert_eq!((status.phase.as_str(), status.words.as_str()), ("succeeded", "done"));
    assert_eq!(world.image_of("cart").await, "r.example/cart:2.0");
    assert_eq!(world.writes("cart"), 1);
    let cause = world.practice.change_cause(&workload("cart")).unwrap().unwrap();
    assert!(cause.contains(&format!("promotion {number}")) && cause.contains("Stops double refunds"), "{cause}");
    let view = world.engine.promotion(&world.rosa, number).await.unwrap();
    assert_eq!(view.roll_back_to.as_deref(), Some("1.0"));
    let titles: Vec<_> = view.journal.iter().rev().map(|line| line.title.as_str()).collect();
    assert_eq!(titles[..4], ["Asked", "Waits", "Approved, 1 of 1", "Started"]);
    assert_eq!(titles.last(), Some(&"Done"));
}

#[tokio::test]
async fn a_version_that_crashes_is_taken_back_within_seconds() {
    let world = World::new(0).await;
    world.service("cart").await;
    world.version("cart", "2.0-crash").await;
    let number = world.ask("cart", "2.0-crash").await;
    let status = world.finish(number).await;
    assert_eq!(status.phase, "failed");
    assert!(status.words.contains("taken back") && status.words.contains("exit code 1"), "{}", status.words);
    let took = status.finished_at.unwrap() - status.started_at.unwrap();
    assert!(took.num_seconds() < 60, "it took {took}");
    assert_eq!(world.image_of("cart").await, "r.example/cart:1.0");
    assert_eq!(world.writes("cart"), 2);
    // The page shows what runs after it, not what was tried.
    let view = world.engine.promotion(&world.theo, number).await.unwrap();
    // Why it failed can be read after its pods are gone.
    let evidence = &view.failing.first().unwrap().evidence;
    assert!(evidence.words.contains("exit code 1") && !view.workloads[0].pods.iter().any(|p| p.name == evidence.pod));
    let Told::Known(log) = &evidence.report.log else { panic!("{evidence:?}") };
    assert!(log.lines.iter().any(|line| line.contains("missing column refunds.currency")), "{log:?}");
    let Told::Known(events) = &evidence.report.events else { panic!("{evidence:?}") };
    assert!(events.iter().any(|event| event.reason == "BackOff" && event.is_warning), "{events:?}");
    assert_eq!(view.workloads[0].images, ["r.example/cart:1.0"]);
    assert!(view.workloads[0].pods.iter().filter(|pod| pod.mark == Mark::Done).all(|pod| !pod.is_new));
    // Who asks for it again, and who would approve it, is told.
    let told = |demands: &[contract::promotions::Demand]| {
        let was = demands.iter().find(|demand| demand.title == "Was taken back here").map(|was| was.detail.clone());
        was.is_some_and(|was| was.starts_with(&format!("promotion {number}: taken back:")))
    };
    let again = world.engine.promote_view(&world.theo, "cart", "production", Some("2.0-crash")).await.unwrap();
    assert!(told(&again.demands), "{:?}", again.demands);
    world.version("cart", "2.1").await;
    let other = world.engine.promote_view(&world.theo, "cart", "production", Some("2.1")).await.unwrap();
    assert!(!told(&other.demands));
}

#[tokio::test]
async fn what_runs_is_rolled_back_in_one_act() {
    let world = World::new(1).await;
    world.service("cart").await;
    world.version("cart", "2.0").await;
    let number = world.ask("cart", "2.0").await;
    world.engine.approve(&world.ines, number, 1, None).await.unwrap();
    world.finish(number).await;
    let request = RequestRollback {
        service: "cart".to_owned(),
        environment: "production".to_owned(),
        version: None,
        whole_templates: false,
        reason: "refunds fail".to_owned(),
    };
    let refused = world.engine.roll_back(&world.theo, request.clone()).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Refused);
    let unseen = RequestRollback { version: Some("2.0".to_owned()), whole_templates: true, ..request.clone() };
    let refused = world.engine.roll_back(&world.rosa, unseen).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Conflict, "nothing came after 2.0, so how it was set was not kept");
    assert!(refused.message.contains("roll back its images alone"), "{}", refused.message);
    let rollback = world.engine.roll_back(&world.rosa, request).await.unwrap();
    let status = world.finish(rollback).await;
    assert_eq!((status.phase.as_str(), status.version.as_str()), ("succeeded", "1.0"));
    assert_eq!(world.image_of("cart").await, "r.example/cart:1.0");
    // Its page speaks of what was, and who asks for it again is told.
    let view = world.engine.promotion(&world.rosa, number).await.unwrap();
    assert_eq!((view.rolled_back_by, view.workloads[0].by_hand.as_deref()), (Some(rollback), None));
    assert_eq!(
        was_taken_back(&world, "2.0").await,
        Some(format!("promotion {number}: rolled back by promotion {rollback}"))
    );
}

/// What who asks for a version is told of how it ended here before.
async fn was_taken_back(world: &World, version: &str) -> Option<String> {
    let view = world.engine.promote_view(&world.theo, "cart", "production", Some(version)).await.unwrap();
    view.demands.into_iter().find(|demand| demand.title == "Was taken back here").map(|was| was.detail)
}

#[tokio::test]
async fn who_asks_for_what_was_aborted_is_told() {
    let world = World::new(0).await;
    world.service("cart").await;
    world.version("cart", "2.0").await;
    assert_eq!(was_taken_back(&world, "2.0").await, None);
    let number = world.ask("cart", "2.0").await;
    world.pass(1).await;
    world.engine.abort(&world.rosa, number, "sign-ins look slow".to_owned()).await.unwrap();
    world.finish(number).await;
    assert_eq!(was_taken_back(&world, "2.0").await, Some(format!("promotion {number}: aborted by Rosa Mint")));
    let again = world.ask("cart", "2.0").await;
    world.finish(again).await;
    assert_eq!(was_taken_back(&world, "2.0").await, None, "it has worked since");
}

#[tokio::test]
async fn who_rolls_back_second_finds_the_rollback_and_not_what_it_takes_away() {
    let world = World::new(0).await;
    world.service("cart").await;
    world.version("cart", "2.0").await;
    let number = world.ask("cart", "2.0").await;
    world.finish(number).await;
    let first = world.roll_back("cart", None).await.unwrap();
    // Its pods are coming: by its images 1.0 is what runs, and 2.0 the version before.
    world.pass(1).await;
    assert_eq!(world.image_of("cart").await, "r.example/cart:1.0");
    assert_ne!(world.status(first).await.phase, "succeeded");
    let view = world.engine.rollback_view(&world.rosa, "cart", "production", None).await.unwrap();
    assert_eq!(view.to, "1.0");
    assert_eq!(world.roll_back("cart", None).await.unwrap(), first);
    assert_eq!(world.finish(first).await.phase, "succeeded");
    assert_eq!(world.image_of("cart").await, "r.example/cart:1.0");
    // What a promotion is at work on is not given away under it.
    let again = world.ask("cart", "2.0").await;
    world.pass(1).await;
    let refused = world
        .engine
        .set_target(&world.rosa, "cart", "production", contract::services::TargetInput::default())
        .await
        .unwrap_err();
    assert!(refused.message.contains(&format!("promotion {again} is at work here")), "{}", refused.message);
}

#[tokio::test]
async fn one_may_go_back_to_any_earlier_version_and_sees_beforehand_what_comes_back() {
    let world = World::new(0).await;
    world.service("cart").await;
    for label in ["2.0", "3.0"] {
        world.version("cart", label).await;
        let number = world.ask("cart", label).await;
        assert_eq!(world.finish(number).await.phase, "succeeded");
    }
    let asked = || world.engine.rollback_view(&world.rosa, "cart", "production", Some("1.0"));
    let view = asked().await.unwrap();
    let choices: Vec<_> = view.choices.iter().map(|choice| choice.version.as_str()).collect();
    assert_eq!(choices, ["2.0", "1.0"]);
    assert!(view.choices[0].by.contains("Theo") && view.choices[0].at.is_some(), "{:?}", view.choices);
    let back = &view.comes_back[0];
    assert_eq!((back.container.as_str(), back.image.as_str()), ("app", "r.example/cart:1.0"));
    assert!(back.workload.starts_with("production/cart in "), "{back:?}");
    assert_eq!(view.changed_since, [""; 0]);
    // Somebody changes the template meanwhile; that stays, and is said.
    world.practice.restart(&workload("cart")).unwrap();
    assert_eq!(asked().await.unwrap().changed_since, ["production/cart: annotations"]);
    world.practice.set_reachable(false);
    assert_eq!(asked().await.unwrap().changed_since, [""; 0], "it helps and is not needed");
    world.practice.set_reachable(true);
    let request = RequestRollback {
        service: "cart".to_owned(),
        environment: "production".to_owned(),
        version: Some("1.0".to_owned()),
        whole_templates: false,
        reason: "both are bad".to_owned(),
    };
    let number = world.engine.roll_back(&world.rosa, request.clone()).await.unwrap();
    assert_eq!(world.finish(number).await.phase, "succeeded");
    assert_eq!(world.image_of("cart").await, "r.example/cart:1.0");
    // What changed meanwhile is there still; going forward and back with the whole template takes it away.
    assert!(restarted_at(&world).await.is_string());
    let whole = RequestRollback { version: Some("2.0".to_owned()), whole_templates: true, ..request };
    let number = world.engine.roll_back(&world.rosa, whole.clone()).await.unwrap();
    assert_eq!(world.engine.roll_back(&world.rosa, whole.clone()).await.unwrap(), number, "a second tap");
    let images_alone = RequestRollback { whole_templates: false, ..whole };
    let refused = world.engine.roll_back(&world.rosa, images_alone).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Conflict);
    assert!(refused.message.contains("already, with whole pod templates"), "{}", refused.message);
    assert_eq!(world.finish(number).await.phase, "succeeded");
    assert_eq!(world.image_of("cart").await, "r.example/cart:2.0");
    assert!(restarted_at(&world).await.is_null());
    let view = world.engine.promotion(&world.rosa, number).await.unwrap();
    let said = |event: &contract::promotions::JournalLine| event.detail.contains("the whole pod template comes back");
    assert!(view.journal.iter().any(said), "{:?}", view.journal);
}

/// When the pod template of `cart` says that it was restarted.
async fn restarted_at(world: &World) -> serde_json::Value {
    use ports::Cluster as _;
    match world.practice.observe(&workload("cart")).await.unwrap() {
        domain::observation::Observed::Present(seen) => {
            seen.template["metadata"]["annotations"]["kubectl.kubernetes.io/restartedAt"].clone()
        }
        domain::observation::Observed::Missing => panic!("cart is gone"),
    }
}

#[tokio::test]
async fn what_stands_in_the_way_of_a_rollout_is_said_before_it_is_asked_for() {
    let world = World::new(0).await;
    world.service("cart").await;
    world.version("cart", "2.0").await;
    let view = || world.engine.promote_view(&world.theo, "cart", "production", Some("2.0"));
    let said = |warnings: &[String]| warnings.iter().any(|words| words.contains("production/cart is paused"));
    assert!(!said(&view().await.unwrap().warnings));
    world.practice.pause(&workload("cart"), true).unwrap();
    assert!(said(&view().await.unwrap().warnings), "{:?}", view().await.unwrap().warnings);
    world.practice.set_reachable(false);
    assert!(view().await.unwrap().refusal.is_none(), "a cluster that does not answer keeps nobody from asking");
}

#[tokio::test]
async fn an_abort_in_flight_brings_back_what_ran() {
    let world = World::new(0).await;
    world.service("cart").await;
    world.version("cart", "2.0-neverready").await;
    let number = world.ask("cart", "2.0-neverready").await;
    world.pass(5).await;
    assert_eq!(world.status(number).await.phase, "progressing");
    let view = world.engine.promotion(&world.rosa, number).await.unwrap();
    assert_eq!(view.allowed, [PromotionAct::Abort]);
    assert!(view.workloads[0].by_hand.as_deref().unwrap().contains("app=r.example/cart:1.0"));
    world.engine.abort(&world.rosa, number, "wrong day".to_owned()).await.unwrap();
    let status = world.finish(number).await;
    assert_eq!(status.phase, "aborted");
    assert_eq!(world.image_of("cart").await, "r.example/cart:1.0");
}

#[tokio::test]
async fn two_of_one_target_are_never_live_together() {
    let world = World::new(0).await;
    world.service("cart").await;
    world.version("cart", "2.0-slow").await;
    world.version("cart", "3.0").await;
    let first = world.ask("cart", "2.0-slow").await;
    world.pass(2).await;
    let second = world.ask("cart", "3.0").await;
    world.pass(2).await;
    assert_eq!(world.status(second).await.words, format!("waits in the queue behind promotion {first}"));
    assert_eq!(world.finish(first).await.phase, "succeeded");
    assert_eq!(world.finish(second).await.phase, "succeeded");
    assert_eq!(world.image_of("cart").await, "r.example/cart:3.0");
}

#[tokio::test]
async fn what_waits_replaces_what_it_has_waited_for() {
    let world = World::new(0).await;
    world.service("cart").await;
    world.version("cart", "2.0").await;
    world.version("cart", "3.0").await;
    let first = world.ask("cart", "2.0").await;
    let second = world.ask("cart", "3.0").await;
    let replaces = async || world.engine.promotion(&world.rosa, second).await.unwrap().comparison.from;
    assert_eq!(replaces().await.as_deref(), Some("1.0"));
    assert_eq!(world.finish(first).await.phase, "succeeded");
    assert_eq!(world.finish(second).await.phase, "succeeded");
    assert_eq!(replaces().await.as_deref(), Some("2.0"));
}

#[tokio::test]
async fn a_newer_request_supersedes_when_it_is_asked_to() {
    let world = World::new(0).await;
    world.service("cart").await;
    world.version("cart", "2.0-neverready").await;
    world.version("cart", "3.0").await;
    let first = world.ask("cart", "2.0-neverready").await;
    world.pass(3).await;
    let request = RequestPromotion {
        service: "cart".to_owned(),
        version: "3.0".to_owned(),
        environment: "production".to_owned(),
        reason: "fixes it".to_owned(),
        supersede: true,
        key: None,
    };
    let second = world.engine.request_promotion(&world.theo, request).await.unwrap();
    assert_eq!(world.finish(second).await.phase, "succeeded");
    assert_eq!(world.status(first).await.phase, "superseded");
    assert_eq!(world.image_of("cart").await, "r.example/cart:3.0");
}

#[tokio::test]
async fn a_repeated_request_is_the_same_promotion() {
    let world = World::new(1).await;
    world.service("cart").await;
    world.version("cart", "2.0").await;
    world.version("cart", "3.0").await;
    let first = world.ask("cart", "2.0").await;
    assert_eq!(world.ask("cart", "2.0").await, first);
    let with_key = |version: &str| RequestPromotion {
        service: "cart".to_owned(),
        version: version.to_owned(),
        environment: "production".to_owned(),
        reason: "again".to_owned(),
        supersede: false,
        key: Some("run-7".to_owned()),
    };
    let keyed = world.engine.request_promotion(&world.rosa, with_key("2.0")).await.unwrap();
    assert_eq!(world.engine.request_promotion(&world.rosa, with_key("2.0")).await.unwrap(), keyed);
    let clash = world.engine.request_promotion(&world.rosa, with_key("3.0")).await.unwrap_err();
    assert_eq!(clash.kind, ErrorKind::Conflict);
}

#[tokio::test]
async fn two_people_at_once_give_one_act_and_one_explanation() {
    let world = World::new(1).await;
    world.service("cart").await;
    world.version("cart", "2.0").await;
    let number = world.ask("cart", "2.0").await;
    let (yes, no) = tokio::join!(
        world.engine.approve(&world.ines, number, 1, None),
        world.engine.reject(&world.rosa, number, "not today".to_owned()),
    );
    assert!(yes.is_ok() != no.is_ok(), "{yes:?} {no:?}");
    let loser = yes.err().or(no.err()).unwrap();
    assert_eq!(loser.kind, ErrorKind::Conflict, "{}", loser.message);
}

#[tokio::test]
async fn a_cluster_that_is_away_is_waited_for() {
    let world = World::new(0).await;
    world.service("cart").await;
    world.version("cart", "2.0").await;
    world.practice.set_reachable(false);
    let number = world.ask("cart", "2.0").await;
    world.pass(60).await;
    let status = world.status(number).await;
    assert!(status.words.contains("cannot tell since"), "{}", status.words);
    world.practice.set_reachable(true);
    assert_eq!(world.finish(number).await.phase, "succeeded");
    assert_eq!(world.writes("cart"), 1);
}

#[tokio::test]
async fn a_lost_answer_of_the_cluster_does_not_apply_twice() {
    let world = World::new(0).await;
    world.service("cart").await;
    world.version("cart", "2.0").await;
    let number = world.ask("cart", "2.0").await;
    for _ in 0..6 {
        world.practice.lose_next_answers(1);
        world.pass(8).await;
    }
    assert_eq!(world.finish(number).await.phase, "succeeded");
    assert_eq!(world.writes("cart"), 1);
}

#[tokio::test]
async fn one_message_per_promotion_is_kept_up_to_date() {
    let world = World::new(1).await;
    world.with_slack().await;
    world.service("cart").await;
    world.version("cart", "2.0").await;
    let number = world.ask("cart", "2.0").await;
    world.pass(3).await;
    assert_eq!(world.messenger.messages().len(), 1);
    assert_eq!(world.messenger.messages()[0].texts.last().unwrap().state, "waits for 1 approval");
    world.engine.approve(&world.ines, number, 1, None).await.unwrap();
    world.finish(number).await;
    world.pass(3).await;
    let messages = world.messenger.messages();
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0].texts.last().unwrap().state, "done");
}

#[tokio::test]
async fn a_lost_answer_of_the_messenger_does_not_post_twice() {
    let limited = MessengerFault::Answer(ports::MessengerError::RateLimited { seconds: 7 });
    for fault in [MessengerFault::LostAnswer, MessengerFault::LostRequest, limited] {
        let world = World::new(1).await;
        world.with_slack().await;
        world.service("cart").await;
        world.version("cart", "2.0").await;
        world.messenger.fail_next(fault.clone());
        world.ask("cart", "2.0").await;
        world.pass(30).await;
        assert_eq!(world.messenger.messages().len(), 1, "{fault:?}");
    }
}

#[tokio::test]
async fn an_approver_who_lost_the_role_does_not_count_any_more() {
    use contract::people::PeopleBackend;
    let world = World::new(2).await;
    world.service("cart").await;
    world.version("cart", "2.0").await;
    let number = world.ask("cart", "2.0").await;
    world.engine.approve(&world.ines, number, 1, None).await.unwrap();
    let ines = world.ines.identity.person().unwrap();
    world.engine.set_role(&world.admin, ines, Role::Viewer).await.unwrap();
    world.engine.approve(&world.rosa, number, 1, None).await.unwrap();
    world.pass(5).await;
    assert_eq!(world.status(number).await.words, "waits for 1 more of 2 approvals");
    assert_eq!(world.writes("cart"), 0);
}

#[tokio::test]
async fn what_someone_else_sets_with_kubectl_is_not_fought() {
    let world = World::new(0).await;
    world.service("cart").await;
    world.version("cart", "2.0-neverready").await;
    let number = world.ask("cart", "2.0-neverready").await;
    world.pass(5).await;
    world.practice.set_image_by_other(&workload("cart"), "app", "r.example/cart:9.9").unwrap();
    let status = world.finish(number).await;
    assert_eq!(status.phase, "failed");
    assert!(status.words.contains("r.example/cart:9.9"), "{}", status.words);
    assert_eq!(world.image_of("cart").await, image("app", "r.example/cart:9.9").image);
}

#[tokio::test]
async fn what_is_not_known_is_not_healthy() {
    use contract::services::{ServicesBackend, TargetWorkloadInput};
    let world = World::new(0).await;
    world.add_environment("staging", EnvironmentKind::Staging, 0, "").await;
    world.add_environment("live", EnvironmentKind::Production, 0, "staging").await;
    world.service("cart").await;
    let place = |name: &str| TargetWorkloadInput {
        cluster: "practice".to_owned(),
        namespace: "production".to_owned(),
        workload: name.to_owned(),
        container: "app".to_owned(),
        component: None,
        kind: domain::observation::WorkloadKind::Deployment,
    };
    for (name, label) in [("cart-a", "1.0"), ("cart-b", "1.0"), ("cart-live", "0.8")] {
        deploy(&world.practice, name, "cart", label);
    }
    world.clock.advance(std::time::Duration::from_secs(60));
    let set = async |environment: &str, names: &[&str]| {
        let places: Vec<_> = names.iter().map(|name| place(name)).collect();
        world.engine.set_target(&world.rosa, "cart", environment, places.into()).await.unwrap();
    };
    set("live", &["cart-live"]).await;
    set("staging", &["cart-a"]).await;
    world.see().await;
    set("staging", &["cart-a", "cart-b"]).await;
    let request = RequestPromotion {
        service: "cart".to_owned(),
        version: "1.0".to_owned(),
        environment: "live".to_owned(),
        reason: "First".to_owned(),
        supersede: false,
        key: None,
    };
    let number = world.engine.request_promotion(&world.theo, request).await.unwrap();
    let words = async || {
        world.clock.advance(std::time::Duration::from_secs(31));
        world.pass(1).await;
        world.status(number).await.words
    };
    assert_eq!(words().await, "waits until this version is healthy in staging (nothing is known of production/cart-b)");
    let view = world.engine.promotion(&world.theo, number).await.unwrap();
    let demand = view.demands.iter().find(|d| d.title == "Not healthy in staging yet").unwrap();
    assert!(demand.detail.contains("nothing is known of production/cart-b"), "{}", demand.detail);
    world.practice.set_reachable(false);
    world.see().await;
    assert!(words().await.contains("staging (cluster practice does not answer)"));
    world.practice.set_reachable(true);
    world.practice.set_image_by_other(&workload("cart-b"), "app", "r.example/cart:0.9").unwrap();
    world.see().await;
    assert!(words().await.contains("production/cart-b runs what Slipway does not know"));
    world.practice.set_image_by_other(&workload("cart-b"), "app", "r.example/cart:1.0").unwrap();
    world.clock.advance(std::time::Duration::from_secs(60));
    world.see().await;
    assert_eq!(world.finish(number).await.phase, "succeeded");
}
