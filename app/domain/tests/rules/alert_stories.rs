//! Stories of alerts of other systems: what they ask for is done once, where it is about the version.

use domain::{
    analysis::LateBreach,
    deployment::Cause,
    ids::EnvironmentId,
    promotion::{Alert, AlertAsks, Input, KnownAlert, Phase, desired},
    traffic::Weight,
};
use uuid::Uuid;

use crate::{
    judging_stories::{at_ten, at_ten_with, go_on, share, watched_for},
    measured::busy,
    world::{World, rosa},
};

fn told(key: &str, asks: AlertAsks, is_firing: bool) -> Alert {
    let words = "CheckoutErrors: 7 % of checkouts fail".to_owned();
    Alert { key: key.to_owned(), words, asks, is_firing, began_at: None }
}

fn alert(key: &str, asks: AlertAsks, is_firing: bool) -> Input {
    Input::Alerted { by: rosa(), alerts: vec![told(key, asks, is_firing)] }
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
fn of_alerts_that_come_together_what_takes_back_is_done_and_the_others_settle_nothing() {
    let mut world = at_ten();
    let notes = (0..3).map(|n| told(&format!("n{n}"), AlertAsks::Note, true));
    let others = [told("p", AlertAsks::Pause, true), told("t", AlertAsks::TakeBack, true)];
    let alerts = notes.chain(others).collect();
    let decision = world.give(Input::Alerted { by: rosa(), alerts }).unwrap();
    assert!(matches!(decision.next.phase, Phase::TakingBack { .. }), "{}", world.words());
    assert_eq!(world.transcript().matches("Alert |").count(), 1, "{}", world.transcript());

    let mut world = at_ten();
    let alerts = [("p", AlertAsks::Pause), ("n", AlertAsks::Note), ("q", AlertAsks::Pause)];
    let alerts = alerts.map(|(key, asks)| told(key, asks, true)).to_vec();
    world.give(Input::Alerted { by: rosa(), alerts }).unwrap();
    assert_eq!(world.transcript().matches("Paused |").count(), 1, "one pause asks for all: {}", world.transcript());
    assert_eq!(world.transcript().matches("Alert |").count(), 3, "{}", world.transcript());
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
    let takes = |world: &mut World, began_at, cause| {
        world.promotion.cause = cause;
        let alerts = vec![Alert { began_at, ..told("t", AlertAsks::TakeBack, true) }];
        world.give(Input::Alerted { by: rosa(), alerts }).unwrap();
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
        (Some(start + second), Cause::Rollback, false),
    ] {
        let mut world = at_ten();
        assert_eq!(takes(&mut world, began_at, cause), takes_back, "{began_at:?} {cause:?}");
        assert!(world.transcript().contains("CheckoutErrors"), "it is noted all the same");
    }
}

#[test]
fn an_alert_of_a_version_that_is_only_watched_proposes_a_rollback_as_long_as_it_holds() {
    for (late_breach, wants) in [(LateBreach::Propose, false), (LateBreach::RollBack, true)] {
        let mut world = at_ten_with(|world| watched_for(world, 3_600, late_breach));
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

#[test]
fn an_alert_that_was_forgotten_does_not_pause_again_and_one_that_began_since_does() {
    let mut world = at_ten();
    let pausing = |world: &mut World, key: &str, began_at| {
        let alert = Alert { began_at: Some(began_at), ..told(key, AlertAsks::Pause, true) };
        world.give(Input::Alerted { by: rosa(), alerts: vec![alert] }).unwrap();
    };
    let began_at = world.now;
    world.pass_seconds(1);
    for number in 0..=KnownAlert::MOST {
        pausing(&mut world, &format!("pauses {number}"), began_at);
    }
    go_on(&mut world);
    world.pass_seconds(1);
    pausing(&mut world, "pauses 0", began_at);
    assert!(world.promotion.run().unwrap().hold.is_none(), "{}", world.words());
    let since = world.now;
    pausing(&mut world, "new", since);
    assert!(world.promotion.run().unwrap().hold.is_some(), "{}", world.words());
}
