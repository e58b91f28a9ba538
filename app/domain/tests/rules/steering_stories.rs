//! Stories of two who act at once, and of a hold in whose place another one comes.

use domain::{
    actor::Role,
    analysis::Reading,
    promotion::{Alert, AlertAsks, AsSeen, Input, Phase, PromotionAct, Refusal},
    strategy::{Asked, Step},
};

use crate::{
    candidate_stories::{canary, gateway, weight},
    measured::busy,
    world::{World, actor, ines, rosa},
};

fn canary_that_asks() -> World {
    let mut world = canary_with(Step::ask());
    world.watch_for(70, &busy(0.2));
    assert_eq!((step(&world), share(&world)), (1, 10));
    world
}

/// A canary that has got 10 %, with this step after it.
fn canary_with(after: Step) -> World {
    let steps = vec![Step::Weight { weight: weight(10) }, after, Step::Weight { weight: weight(50) }, Step::ask()];
    let mut world = World::with_candidate(canary(gateway(), steps), &["cart"]).analysed();
    world.give(Input::Clock).unwrap();
    for _ in 0..8 {
        world.pass();
    }
    world
}

fn step(world: &World) -> usize {
    match &world.promotion.phase {
        Phase::Progressing { step, .. } => *step,
        _ => panic!("{}", world.words()),
    }
}

fn share(world: &World) -> u8 {
    world.promotion.run().unwrap().wanted.weight.want.as_percent()
}

fn held_since(world: &World) -> Option<chrono::DateTime<chrono::Utc>> {
    world.promotion.run()?.hold.as_ref().map(|hold| hold.since)
}

fn pausing(key: &str) -> Input {
    let words = "CheckoutErrors: 3 % of checkouts fail".to_owned();
    let alert = Alert { key: key.to_owned(), words, asks: AlertAsks::Pause, is_firing: true, began_at: None };
    Input::Alerted { by: domain::actor::Identity::rule("alert"), alerts: vec![alert] }
}

#[test]
fn who_ends_a_hold_does_not_answer_what_the_step_asks_however_often_they_press() {
    let mut world = canary_that_asks();
    world.give(Input::Hold { by: rosa(), reason: "lunch".into() }).unwrap();
    let held_since = held_since(&world);
    let press = |by| Input::GoOn { by, seen: AsSeen { held_since, ..AsSeen::step(1) } };
    world.give(press(rosa())).unwrap();
    assert_eq!(world.give(press(rosa())).unwrap_err(), Refusal::StepChanged);
    assert_eq!(world.give(press(ines())).unwrap_err(), Refusal::StepChanged);
    world.watch_for(30, &busy(0.2));
    assert_eq!((step(&world), share(&world)), (1, 10), "the question stands");
    // One who saw the question alone has not seen a hold that came since.
    world.give(Input::Hold { by: rosa(), reason: "wait".into() }).unwrap();
    let unheld = Input::GoOn { by: ines(), seen: AsSeen::step(1) };
    assert_eq!(world.give(unheld.clone()).unwrap_err(), Refusal::StepChanged);
    world.go_on(1).unwrap();
    world.give(unheld.clone()).unwrap();
    world.watch_for(30, &busy(0.2));
    assert_eq!(share(&world), 50);
    // Whoever comes too late hears that, and not what is the matter now.
    let late = unheld.refused(&world.promotion, Refusal::NotHeld);
    assert_eq!(late, Refusal::StepChanged);
}

#[test]
fn traffic_that_a_person_takes_away_goes_whoever_pauses_meanwhile() {
    let mut world = canary_that_asks();
    world.go_on(1).unwrap();
    world.watch_for(20, &busy(0.2));
    assert_eq!((step(&world), share(&world)), (3, 50));
    let (seen, weight, reason) = (world.promotion.as_seen().unwrap(), weight(0), "errors".to_owned());
    world.give(Input::SetWeight { by: rosa(), seen, weight, reason: reason.clone() }).unwrap();
    world.give(pausing("a")).unwrap();
    world.watch_for(20, &busy(0.2));
    assert_eq!(world.route().weight, weight);
    // Another page still shows the question.
    assert_eq!(world.give(Input::GoOn { by: ines(), seen }).unwrap_err(), Refusal::StepChanged);
    assert_eq!(world.give(Input::PromoteNow { by: ines(), seen, reason }).unwrap_err(), Refusal::StepChanged);
    // More is not given while it is paused.
    let seen = world.promotion.as_seen().unwrap();
    world
        .give(Input::SetWeight {
            by: rosa(),
            seen,
            weight: crate::candidate_stories::weight(10),
            reason: "a little".into(),
        })
        .unwrap();
    world.give(pausing("b")).unwrap();
    world.watch_for(20, &busy(0.2));
    assert_eq!(world.route().weight, weight);
}

#[test]
fn a_pause_that_ends_leaves_the_analysis_its_word() {
    let mut world = canary_with(Step::Pause { seconds: 5 });
    world.watch_for(10, &busy(0.2));
    assert!(world.words().contains("waits for the analysis"), "{}", world.words());
    world.give(Input::Hold { by: rosa(), reason: "the logs".into() }).unwrap();
    world.go_on(1).unwrap();
    world.watch_for(20, &busy(0.2));
    assert_eq!((step(&world), share(&world)), (1, 10), "{}", world.words());
    world.watch_for(70, &busy(0.2));
    assert_eq!(share(&world), 50, "{}", world.words());
}

#[test]
fn a_pause_stays_though_a_hold_that_ends_by_itself_was_there_first() {
    for by_alert in [true, false] {
        let mut world = canary_that_asks();
        world.watch_for(120, &Reading::series([]));
        assert!(world.words().contains("paused by rule: analysis: no data"), "{}", world.words());
        match by_alert {
            true => world.give(pausing("a")).unwrap(),
            false => world.give(Input::Hold { by: rosa(), reason: "let me look".into() }).unwrap(),
        };
        world.watch_for(180, &busy(0.2));
        let hold = world.promotion.run().unwrap().hold.clone().unwrap();
        assert!(hold.why.contains(if by_alert { "CheckoutErrors" } else { "let me look" }), "{hold:?}");
        // What stays is not taken the place of.
        let again = world.give(Input::Hold { by: ines(), reason: "me too".into() });
        assert!(matches!(again, Err(Refusal::HeldAlready(_))), "{again:?}");
    }
}

#[test]
fn an_alert_that_pauses_before_the_first_write_keeps_it_from_beginning() {
    let steps = vec![Step::Weight { weight: weight(10) }, Step::ask()];
    let mut world = World::with_candidate(canary(gateway(), steps), &["cart"]);
    world.give(Input::Clock).unwrap();
    assert!(matches!(world.promotion.phase, Phase::Starting { .. }));
    world.give(pausing("a")).unwrap();
    for _ in 0..5 {
        world.pass();
    }
    assert!(!world.promotion.run().unwrap().has_written(), "{}", world.words());
    assert!(world.words().contains("CheckoutErrors"), "{}", world.words());
    world.go_on(0).unwrap();
    for _ in 0..5 {
        world.pass();
    }
    assert_eq!(share(&world), 10, "{}", world.words());
}

#[test]
fn an_alert_takes_nothing_back_that_nobody_was_served_by_yet() {
    let mut world = World::with_candidate(canary(gateway(), vec![Step::Preview, Step::ask()]), &["cart"]);
    world.give(Input::Clock).unwrap();
    for _ in 0..5 {
        world.pass();
    }
    let Input::Alerted { by, mut alerts } = pausing("a") else { panic!() };
    alerts[0].asks = AlertAsks::TakeBack;
    world.give(Input::Alerted { by, alerts }).unwrap();
    assert!(world.words().contains("paused") && world.words().contains("CheckoutErrors"), "{}", world.words());
}

#[test]
fn the_time_to_answer_stands_still_while_slipway_is_away() {
    let mut world = canary_with(Step::Pause { seconds: 120 });
    // Beyond the limit, and not often enough: a person is asked.
    world.watch_for(120, &busy(12.5));
    let until = world.promotion.run().unwrap().hold.as_ref().and_then(|hold| hold.until);
    let until = until.unwrap_or_else(|| panic!("{}", world.words()));
    let minutes = i64::from(world.promotion.plan.judging.undecided.minutes);
    world.pass_seconds(60 * minutes + 600);
    assert!(world.now > until);
    world.give(Input::Clock).unwrap();
    world.look();
    assert!(matches!(world.promotion.phase, Phase::Progressing { .. }), "{}", world.words());
    for _ in 0..=minutes * 3 {
        world.pass_seconds(20);
        world.give(Input::Clock).unwrap();
        world.look();
    }
    assert!(!matches!(world.promotion.phase, Phase::Progressing { .. }), "{}", world.words());
}

#[test]
fn a_step_that_asks_a_role_is_answered_and_left_out_by_that_role_and_those_above() {
    let may = |world: &World, role, act| world.promotion.permits(&actor(&rosa(), role), act);
    for (asked, answered_by) in [(Asked::Approver, "ara"), (Asked::ReleaseManager, "-ra"), (Asked::Admin, "--a")] {
        let mut world = canary_with(Step::Ask { asked });
        world.watch_for(70, &busy(0.2));
        assert_eq!(step(&world), 1);
        let roles = [Role::Approver, Role::ReleaseManager, Role::Admin];
        for (role, mark) in roles.into_iter().zip(answered_by.chars()) {
            let answer = may(&world, role, PromotionAct::GoOn);
            assert_eq!(answer.is_ok(), mark != '-', "{asked:?} by {role:?}: {answer:?}");
            // Who steers leaves nothing out that others are asked.
            for act in [PromotionAct::Skip, PromotionAct::PromoteNow] {
                let steers = role != Role::Approver && mark != '-';
                assert_eq!(may(&world, role, act).is_ok(), steers, "{asked:?} by {role:?}: {act:?}");
            }
        }
        may(&world, Role::Developer, PromotionAct::GoOn).unwrap_err();
        let asks_approvers = asked == Asked::Approver;
        let of_others = world.promotion.permits(&actor(&ines(), Role::Approver), PromotionAct::Abort);
        assert_eq!(of_others.is_ok(), asks_approvers, "who is asked may say no");
        // A pause in its place is ended by who runs releases, and the question stays.
        world.give(Input::Hold { by: rosa(), reason: "lunch".into() }).unwrap();
        may(&world, Role::Approver, PromotionAct::GoOn).unwrap_err();
        may(&world, Role::ReleaseManager, PromotionAct::GoOn).unwrap();
        let by_hand = Input::SetWeight {
            by: rosa(),
            seen: world.promotion.as_seen().unwrap(),
            weight: weight(5),
            reason: "less".into(),
        };
        world.give(by_hand).unwrap();
        let leaves = may(&world, Role::ReleaseManager, PromotionAct::GoOn);
        assert_eq!(leaves.is_ok(), asked != Asked::Admin, "{asked:?}: a share by hand is no way around it");
        // A pause on top of that is ended by who may end pauses, and nothing else with it.
        world.give(Input::Hold { by: rosa(), reason: "stop".into() }).unwrap();
        may(&world, Role::Approver, PromotionAct::GoOn).unwrap_err();
        may(&world, Role::ReleaseManager, PromotionAct::GoOn).unwrap();
        let seen = world.promotion.as_seen().unwrap();
        world.give(Input::GoOn { by: rosa(), seen }).unwrap();
        let by_hand = world.promotion.run().unwrap().by_hand;
        assert_eq!((step(&world), by_hand), (1, Some(weight(5))), "{}", world.words());
    }
    let mut world = canary_with(Step::Ask { asked: Asked::Admin });
    world.watch_for(70, &busy(0.2));
    assert!(world.words().ends_with("waits for an admin to let it go on"), "{}", world.words());
    let refused = may(&world, Role::ReleaseManager, PromotionAct::GoOn).unwrap_err();
    assert_eq!(refused.to_string(), "a step here asks an admin; the role release manager does not answer it");
}

#[test]
fn what_is_left_out_at_once_includes_every_question_on_the_way() {
    let steps = [10, 50].map(|share| Step::Weight { weight: weight(share) });
    let [ten, fifty] = steps;
    let steps = vec![ten, Step::Pause { seconds: 600 }, Step::Ask { asked: Asked::Admin }, fifty];
    let mut world = World::with_candidate(canary(gateway(), steps), &["cart"]);
    world.give(Input::Clock).unwrap();
    for _ in 0..8 {
        world.pass();
    }
    assert_eq!(step(&world), 1);
    let may = |role, act| world.promotion.permits(&actor(&rosa(), role), act).is_ok();
    assert!(may(Role::ReleaseManager, PromotionAct::Skip), "the pause asks nobody");
    assert!(!may(Role::ReleaseManager, PromotionAct::PromoteNow) && may(Role::Admin, PromotionAct::PromoteNow));
}
