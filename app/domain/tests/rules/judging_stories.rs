//! Stories of metrics in a promotion: what is bad is taken back, what is not known asks, what is good
//! goes on by itself.

use domain::{
    analysis::{JudgingPolicy, LateBreach, Reading, RuleDraft, Sample, Unanswered, Undecided},
    deployment::Cause,
    ids::EnvironmentId,
    observation::Observed,
    promotion::{
        Alert, AlertAsks, DRAIN_SECONDS, Input, JournalEvent, KnownAlert, Phase, PromotionAct, TakeBackCause, desired,
    },
    strategy::Step,
    traffic::Weight,
};
use uuid::Uuid;

use crate::{
    candidate_stories::{canary, gateway},
    measured::busy,
    world::{OLD, World, actor, rosa},
};

fn steps() -> Vec<Step> {
    let weight = |percent| Step::Weight { weight: Weight::percent(percent).unwrap() };
    vec![weight(10), Step::Pause { seconds: 120 }, weight(50), Step::Pause { seconds: 30 }]
}

/// A canary at 10 % that has just got its first traffic.
fn at_ten() -> World {
    at_ten_with(|world| world)
}

fn at_ten_with(change: impl FnOnce(World) -> World) -> World {
    let mut world = change(World::with_candidate(canary(gateway(), steps()), &["cart"]).analysed());
    world.facts.plan_now = world.promotion.plan.clone();
    world.give(Input::Clock).unwrap();
    for _ in 0..8 {
        world.pass();
    }
    assert_eq!(share(&world), 10);
    world
}

fn share(world: &World) -> u8 {
    world.promotion.run().map_or(0, |run| run.wanted.weight.want.as_percent())
}

fn step(world: &World) -> usize {
    match &world.promotion.phase {
        Phase::Progressing { step, .. } => *step,
        _ => panic!("{}", world.words()),
    }
}

fn go_on(world: &mut World) {
    let step = step(world);
    world.give(Input::GoOn { by: rosa(), step }).unwrap();
}

#[test]
fn a_version_with_errors_is_taken_back_after_one_window_and_two_intervals() {
    let mut world = at_ten();
    world.watch_for(60, &busy(12.5));
    assert_eq!(step(&world), 1);
    assert!(world.words().contains("warning: error rate"), "{}", world.words());
    world.watch_for(60, &busy(12.5));
    assert!(world.words().contains("paused by rule: analysis: error rate 12.5 % is above 5 %, 2 of 3 in a row"));
    world.watch_for(60, &busy(12.5));
    let why = "error rate 12.5 % is above 5 % in 3 evaluations in a row";
    assert!(world.words().starts_with("taking back") && world.words().contains(why), "{}", world.words());
    let Phase::TakingBack { cause: TakeBackCause::Breach { rule, .. }, .. } = &world.promotion.phase else {
        panic!("{}", world.words());
    };
    assert_eq!(rule.as_str(), "error-rate");
    assert_eq!(desired(&world.promotion).unwrap().routes[0].weight, Weight::NONE, "in the very decision");
    world.pass();
    world.pass_seconds(DRAIN_SECONDS);
    world.pass();
    world.pass();
    assert_eq!(world.words(), format!("taken back: {why}"));
    assert_eq!(world.workload("cart").images[0].image, OLD);
    insta::assert_snapshot!("a_version_with_errors", world.transcript());
}

#[test]
fn a_good_version_is_not_held_up_beyond_what_a_window_needs() {
    let mut world = at_ten();
    world.watch_for(120, &busy(0.2));
    assert_eq!((step(&world), share(&world)), (2, 10), "with the very sample that was missing");
    world.pass();
    world.pass();
    assert_eq!(share(&world), 50);
    // The pause of 30 s is shorter than the window of 60 s.
    world.watch_for(50, &busy(0.2));
    assert_eq!((step(&world), share(&world)), (3, 50));
    assert!(world.words().contains("waits for the analysis: error rate has not been looked at"), "{}", world.words());
    world.watch_for(400, &busy(0.2));
    assert!(matches!(world.promotion.phase, Phase::Succeeded { .. }), "{}", world.words());
}

#[test]
fn no_data_pauses_and_asks_and_goes_on_by_itself_when_there_is_some() {
    let mut world = at_ten();
    world.watch_for(60, &Reading::series([]));
    assert!(world.words().contains("paused by rule: analysis: no data for error rate"), "{}", world.words());
    assert!(world.promotion.permits(&actor(&rosa(), domain::actor::Role::ReleaseManager), PromotionAct::GoOn).is_ok());
    world.watch_for(240, &Reading::series([]));
    assert_eq!((step(&world), share(&world)), (1, 10), "nothing goes on by itself");
    world.watch_for(80, &busy(0.2));
    assert_eq!(share(&world), 50, "{}", world.words());
}

#[test]
fn who_lets_it_go_on_without_data_answers_for_this_share_and_for_no_other() {
    let mut world = at_ten();
    world.watch_for(180, &Reading::series([]));
    go_on(&mut world);
    world.watch_for(30, &Reading::series([]));
    assert_eq!(share(&world), 50, "{}", world.words());
    world.watch_for(120, &Reading::series([]));
    assert!(world.words().contains("paused by rule: analysis"), "{}", world.words());
    assert_eq!((step(&world), share(&world)), (3, 50));
}

#[test]
fn a_breach_takes_back_also_what_a_person_let_go_on() {
    let mut world = at_ten();
    world.watch_for(60, &Reading::series([]));
    go_on(&mut world);
    world.give(Input::Hold { by: rosa(), reason: "lunch".into() }).unwrap();
    world.watch_for(180, &busy(12.5));
    assert!(world.words().contains("error rate 12.5 %"), "{}", world.words());
    assert!(!matches!(world.promotion.phase, Phase::Progressing { .. }));
}

#[test]
fn a_source_that_fails_is_no_failure_of_the_version() {
    let mut world = at_ten();
    let fails = Reading::Unreadable { why: "no answer within 10 s".into() };
    world.watch_for(100, &fails);
    assert_eq!((step(&world), share(&world)), (1, 10), "{}", world.words());
    world.watch_for(60, &fails);
    assert!(world.words().contains("could not be read 5 times in a row: no answer within 10 s"), "{}", world.words());
    go_on(&mut world);
    world.watch_for(10, &fails);
    assert!(world.promotion.run().unwrap().hold.is_none(), "not the same trouble at once: {}", world.words());
}

#[test]
fn an_abort_asks_nobody_and_what_is_measured_afterwards_is_dropped() {
    let mut world = at_ten();
    world.pass_seconds(60);
    let late = world.samples(&busy(12.5));
    world.give(Input::Abort { by: rosa(), reason: "no".into() }).unwrap();
    let before = world.promotion.clone();
    let decision = world.give(Input::Measured(late)).unwrap();
    assert_eq!((decision.samples.len(), &decision.next), (0, &before));
}

#[test]
fn what_was_measured_before_the_share_changed_does_not_count() {
    let mut world = at_ten();
    world.pass_seconds(60);
    let late: Vec<Sample> = world.samples(&busy(12.5));
    assert!(late.iter().any(|sample| sample.rule.as_str() == "error-rate"));
    let five = Weight::percent(5).unwrap();
    world.give(Input::SetWeight { by: rosa(), step: 1, weight: five, reason: "careful".into() }).unwrap();
    world.pass();
    let taken = world.give(Input::Measured(late)).unwrap().samples;
    assert!(taken.iter().all(|sample| sample.rule.as_str() != "error-rate"), "{taken:?}");
}

#[test]
fn pods_that_are_being_added_are_not_ill() {
    let mut world = at_ten();
    world.watch_for(120, &busy(0.2));
    world.give(Input::Clock).unwrap();
    world.look();
    world.apply_candidates();
    let Some((_, Observed::Present(candidate))) =
        world.cluster.iter().find(|(p, _)| p.workload.name.as_str() == "cart-canary")
    else {
        panic!("no candidate");
    };
    assert!(candidate.wanted_replicas > candidate.available_replicas, "the second pod is on its way");
    world.pass_seconds(60);
    let due: Vec<_> = world.promotion.due(world.now).iter().map(|w| w.rule.name().to_string()).collect();
    assert!(!due.contains(&"health".to_owned()) && due.contains(&"restarts".to_owned()), "{due:?}");
}

#[test]
fn while_it_is_watched_a_breach_only_proposes_a_rollback() {
    let mut world = at_ten_with(|mut world| {
        world.promotion.plan.watch_seconds = 3_600;
        world
    });
    world.watch_for(600, &busy(0.2));
    assert!(matches!(world.promotion.phase, Phase::Watching { .. }), "{}", world.words());
    world.watch_for(200, &busy(12.5));
    let why = "proposes a rollback: error rate 12.5 % is above 5 % in 3 evaluations in a row";
    assert_eq!(world.words(), why);
    let lines = world.transcript().lines().filter(|line| line.contains("Proposes a rollback")).count();
    assert_eq!(lines, 1, "{}", world.transcript());
}

#[test]
fn a_rule_that_is_only_recorded_says_what_it_would_have_done() {
    let mut world = at_ten_with(|mut world| {
        for rule in &mut world.promotion.plan.analysis {
            *rule = RuleDraft { is_dry_run: true, ..rule.draft() }.try_into().unwrap();
        }
        world
    });
    world.give(Input::Hold { by: rosa(), reason: "look at the numbers first".into() }).unwrap();
    world.watch_for(180, &busy(12.5));
    assert!(matches!(world.promotion.phase, Phase::Progressing { .. }), "{}", world.words());
    assert!(world.transcript().contains("Only recorded | would be taken back: error rate 12.5 %"));
}

#[test]
fn warnings_are_told_once_while_they_last() {
    let mut world = at_ten();
    let mut told = 0;
    for _ in 0..6 {
        world.pass_seconds(60);
        world.look();
        let decision = world.measure(&busy(2.0));
        told += decision.journal.iter().filter(|entry| matches!(entry.event, JournalEvent::Warned { .. })).count();
    }
    assert_eq!(told, 1);
}

/// A canary whose first pause ends after two of three bad windows, and then good ones: nobody can tell.
fn undecided(undecided: Undecided) -> World {
    let mut world = at_ten_with(|mut world| {
        world.promotion.plan.judging = JudgingPolicy { undecided, ..JudgingPolicy::default() };
        world
    });
    world.watch_for(120, &busy(12.5));
    assert!(world.words().contains("2 of 3 in a row"), "{}", world.words());
    world.watch_for(60, &busy(0.2));
    assert!(world.words().contains("paused by rule: analysis"), "{}", world.words());
    world
}

#[test]
fn without_an_answer_in_time_what_the_analysis_cannot_tell_is_taken_back() {
    let mut world = undecided(Undecided { minutes: 10, then: Unanswered::TakeBack });
    world.watch_for(500, &busy(0.2));
    assert_eq!(share(&world), 10, "{}", world.words());
    world.watch_for(60, &busy(0.2));
    let why = "error rate 12.5 % is above 5 %, 2 of 3 in a row, and nobody answered within 10 min";
    assert!(world.words().starts_with("taking back") && world.words().contains(why), "{}", world.words());
}

#[test]
fn the_plan_may_say_that_it_goes_on_or_waits_without_an_answer() {
    let mut world = undecided(Undecided { minutes: 10, then: Unanswered::GoOn });
    world.watch_for(600, &busy(0.2));
    assert_eq!(share(&world), 50, "{}", world.words());
    let mut world = undecided(Undecided { minutes: 10, then: Unanswered::Wait });
    world.watch_for(3_600, &busy(0.2));
    assert_eq!(share(&world), 10, "{}", world.words());
    go_on(&mut world);
    world.watch_for(20, &busy(0.2));
    assert_eq!(share(&world), 50, "a person may answer at any time");
}

#[test]
fn a_late_breach_wants_a_rollback_only_where_the_plan_says_so() {
    for (late_breach, wants) in [(LateBreach::Propose, false), (LateBreach::RollBack, true)] {
        let mut world = at_ten_with(|mut world| {
            world.promotion.plan.watch_seconds = 3_600;
            world.promotion.plan.judging = JudgingPolicy { late_breach, ..JudgingPolicy::default() };
            world
        });
        world.watch_for(600, &busy(0.2));
        assert_eq!(world.promotion.wants_rollback(), None);
        world.watch_for(200, &busy(12.5));
        assert_eq!(world.promotion.wants_rollback().is_some(), wants, "{}", world.words());
    }
}

#[test]
fn a_promotion_that_was_stored_before_there_was_a_policy_still_loads() {
    let world = at_ten();
    let stored = serde_json::to_string(&world.promotion).unwrap();
    assert!(!stored.contains("judging") && !stored.contains("until"), "{stored}");
    let read: domain::promotion::Promotion = serde_json::from_str(&stored).unwrap();
    assert_eq!(read.plan.judging, JudgingPolicy::default());
}

fn alert(key: &str, asks: AlertAsks, is_firing: bool) -> Input {
    let words = "CheckoutErrors: 7 % of checkouts fail".to_owned();
    Input::Alerted { by: rosa(), alert: Alert { key: key.to_owned(), words, asks, is_firing, began_at: None } }
}

#[test]
fn an_alert_pauses_once_says_when_it_is_over_and_a_person_decides() {
    let mut world = at_ten();
    world.give(alert("a", AlertAsks::Pause, true)).unwrap();
    assert!(world.words().contains("alert CheckoutErrors: 7 % of checkouts fail"), "{}", world.words());
    go_on(&mut world);
    let again = world.give(alert("a", AlertAsks::Pause, true)).unwrap();
    assert_eq!(again.journal, [], "telling of it again changes nothing");
    assert!(world.promotion.run().unwrap().hold.is_none());
    world.give(alert("b", AlertAsks::Pause, true)).unwrap();
    world.give(alert("b", AlertAsks::Pause, false)).unwrap();
    assert!(world.transcript().contains("Alert resolved | CheckoutErrors"), "{}", world.transcript());
    assert!(world.promotion.run().unwrap().hold.is_some(), "a person was asked, and a person answers");
    let late = world.give(alert("b", AlertAsks::TakeBack, true)).unwrap();
    assert_eq!(late.journal, [], "what is over does not come back by an old message");
    let never = world.give(alert("c", AlertAsks::TakeBack, false)).unwrap();
    assert_eq!(never.journal, [], "what was never told is over already");
}

#[test]
fn an_alert_takes_back_at_once_and_is_only_noted_where_it_asks_for_nothing() {
    let mut world = at_ten();
    world.give(alert("n", AlertAsks::Note, true)).unwrap();
    assert_eq!(share(&world), 10);
    world.give(alert("t", AlertAsks::TakeBack, true)).unwrap();
    let why = "alert CheckoutErrors: 7 % of checkouts fail";
    assert!(world.words().starts_with("taking back") && world.words().contains(why), "{}", world.words());
    assert_eq!(desired(&world.promotion).unwrap().routes[0].weight, Weight::NONE, "in the very decision");
    let before = world.promotion.clone();
    assert_eq!(world.give(alert("u", AlertAsks::Pause, true)).unwrap().next, before);
}

#[test]
fn an_alert_that_may_be_about_several_environments_takes_nothing_back() {
    let [staging, production] = [1, 2].map(|n| EnvironmentId::new(Uuid::from_u128(n)));
    for (environments, expected) in [
        (vec![], AlertAsks::TakeBack),
        (vec![production], AlertAsks::TakeBack),
        (vec![production, production], AlertAsks::TakeBack),
        (vec![production, staging], AlertAsks::Pause),
        (vec![production, production, staging], AlertAsks::Pause),
    ] {
        assert_eq!(AlertAsks::TakeBack.in_environments(&environments), expected, "{environments:?}");
        assert_eq!(AlertAsks::Note.in_environments(&environments), AlertAsks::Note, "{environments:?}");
    }
}

#[test]
fn an_alert_that_held_before_a_promotion_began_says_nothing_of_its_version() {
    let told = |world: &mut World, began_at, cause| {
        world.promotion.cause = cause;
        let Input::Alerted { by, alert } = alert("t", AlertAsks::TakeBack, true) else { panic!() };
        world.give(Input::Alerted { by, alert: Alert { began_at, ..alert } }).unwrap();
        world.words().starts_with("taking back")
    };
    let start = at_ten().promotion.run().unwrap().started_at;
    let second = chrono::Duration::seconds(1);
    for (began_at, cause, takes_back) in [
        (Some(start - second), Cause::Planned, false),
        (Some(start + second), Cause::Planned, true),
        (None, Cause::Planned, true),
        (Some(start - second), Cause::Rollback, false),
        (None, Cause::Rollback, false),
    ] {
        let mut world = at_ten();
        assert_eq!(told(&mut world, began_at, cause), takes_back, "{began_at:?} {cause:?}");
        assert!(world.transcript().contains("CheckoutErrors"), "it is noted all the same");
    }
}

#[test]
fn an_alert_of_a_version_that_is_only_watched_proposes_a_rollback_as_long_as_it_holds() {
    for (late_breach, wants) in [(LateBreach::Propose, false), (LateBreach::RollBack, true)] {
        let mut world = at_ten_with(|mut world| {
            world.promotion.plan.watch_seconds = 3_600;
            world.promotion.plan.judging = JudgingPolicy { late_breach, ..JudgingPolicy::default() };
            world
        });
        world.watch_for(600, &busy(0.2));
        world.give(alert("n", AlertAsks::Note, true)).unwrap();
        assert!(!world.words().contains("proposes"), "{}", world.words());
        world.give(alert("t", AlertAsks::TakeBack, true)).unwrap();
        let why = "proposes a rollback: alert CheckoutErrors: 7 % of checkouts fail";
        assert!(world.words().contains(why), "{}", world.words());
        assert_eq!(world.promotion.wants_rollback().is_some(), wants);
        world.give(alert("t", AlertAsks::TakeBack, false)).unwrap();
        assert!(!world.words().contains("proposes"), "{}", world.words());
        assert_eq!(world.promotion.wants_rollback(), None);
    }
}

#[test]
fn of_a_storm_of_alerts_the_latest_are_remembered_and_what_is_forgotten_counts_as_new() {
    let mut world = at_ten();
    let told = |world: &mut World, n: usize| world.give(alert(&format!("a{n}"), AlertAsks::Note, true)).unwrap();
    for n in 0..KnownAlert::MOST {
        assert_eq!(told(&mut world, n).journal.len(), 1);
    }
    assert_eq!(told(&mut world, 0).journal, [], "the first is remembered still");
    told(&mut world, KnownAlert::MOST);
    let known = |world: &World| world.promotion.run().unwrap().alerts.iter().map(|a| a.key.clone()).collect::<Vec<_>>();
    let keys = known(&world);
    assert_eq!((keys.len(), keys[0].as_str()), (KnownAlert::MOST, "a1"), "its state stays small");
    assert_eq!(told(&mut world, 1).journal, [], "the others are remembered");
    assert_eq!(told(&mut world, 0).journal.len(), 1, "the forgotten one is told as if for the first time");
    // One that is told anew is the latest again, and whatever is forgotten, a new one still acts.
    assert_eq!(known(&world).last().map(String::as_str), Some("a0"));
    world.give(alert("t", AlertAsks::TakeBack, true)).unwrap();
    assert!(world.words().starts_with("taking back"), "{}", world.words());
}

#[test]
fn an_alert_that_was_stored_before_its_words_were_kept_still_loads() {
    let stored = serde_json::json!({ "key": "2026-03-02T10:00:00Z c0ffee", "is_firing": true });
    let read: KnownAlert = serde_json::from_value(stored).unwrap();
    assert_eq!((read.is_firing, read.takes_back), (true, None));
}

#[test]
fn a_flood_of_notes_makes_no_alert_forgotten_that_has_paused() {
    let mut world = at_ten();
    world.give(alert("a", AlertAsks::Pause, true)).unwrap();
    go_on(&mut world);
    for number in 0..=KnownAlert::MOST {
        world.give(alert(&format!("note {number}"), AlertAsks::Note, true)).unwrap();
    }
    assert_eq!(world.promotion.run().unwrap().alerts.len(), KnownAlert::MOST + 1);
    let again = world.give(alert("a", AlertAsks::Pause, true)).unwrap();
    assert_eq!((again.journal, world.promotion.run().unwrap().hold.clone()), (vec![], None));
}
