//! Stories of metrics in a promotion: what is bad is taken back, what is not known asks, what is good
//! goes on by itself.

use domain::{
    analysis::{
        Comparison, JudgingPolicy, LateBreach, MetricRule, Reading, RuleDraft, Sample, SideBySide, Unanswered,
        Undecided,
    },
    observation::Observed,
    promotion::{DRAIN_SECONDS, Input, JournalEvent, Phase, PromotionAct, TakeBackCause, desired},
    strategy::Step,
    traffic::Weight,
};

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
pub fn at_ten() -> World {
    at_ten_with(|world| world)
}

pub fn at_ten_with(change: impl FnOnce(World) -> World) -> World {
    let mut world = change(World::with_candidate(canary(gateway(), steps()), &["cart"]).analysed());
    world.facts.plan_now = world.promotion.plan.clone();
    world.give(Input::Clock).unwrap();
    for _ in 0..8 {
        world.pass();
    }
    assert_eq!(share(&world), 10);
    world
}

pub fn share(world: &World) -> u8 {
    world.promotion.run().map_or(0, |run| run.wanted.weight.want.as_percent())
}

pub fn step(world: &World) -> usize {
    match &world.promotion.phase {
        Phase::Progressing { step, .. } => *step,
        _ => panic!("{}", world.words()),
    }
}

pub fn go_on(world: &mut World) {
    let step = step(world);
    world.go_on(step).unwrap();
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
    world
        .give(Input::SetWeight {
            by: rosa(),
            seen: domain::promotion::AsSeen::step(1),
            weight: five,
            reason: "careful".into(),
        })
        .unwrap();
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
    let until = world.promotion.run().unwrap().hold.as_ref().unwrap().until.unwrap();
    let at = domain::moment_words::minute(until);
    let ends = format!("; taken back at {at} unless someone lets it go on");
    assert!(world.words().ends_with(&ends), "{}", world.words());
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
    assert_eq!(world.promotion.hold_ends(), None, "a person is waited for, however long");
    world.watch_for(3_600, &busy(0.2));
    assert_eq!(share(&world), 10, "{}", world.words());
    go_on(&mut world);
    world.watch_for(20, &busy(0.2));
    assert_eq!(share(&world), 50, "a person may answer at any time");
}

/// A promotion that is watched for so long after its end.
pub fn watched_for(mut world: World, seconds: u32, late_breach: LateBreach) -> World {
    world.promotion.plan.watch_seconds = seconds;
    world.promotion.plan.judging = JudgingPolicy { late_breach, ..JudgingPolicy::default() };
    world
}

#[test]
fn a_late_breach_wants_a_rollback_only_where_the_plan_says_so() {
    for (late_breach, wants) in [(LateBreach::Propose, false), (LateBreach::RollBack, true)] {
        let mut world = at_ten_with(|world| watched_for(world, 3_600, late_breach));
        world.watch_for(600, &busy(0.2));
        assert_eq!(world.promotion.wants_rollback(), None);
        world.watch_for(200, &busy(12.5));
        assert_eq!(world.promotion.wants_rollback().is_some(), wants, "{}", world.words());
        while matches!(world.promotion.phase, Phase::Watching { .. }) {
            world.watch_for(100, &busy(12.5));
        }
        assert!(world.words().starts_with("done; a rollback was proposed: error rate"), "{}", world.words());
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

#[test]
fn beside_a_version_that_gets_everything_there_is_nothing_to_compare_it_with() {
    let side_by_side = |mut world: World| {
        let rules = std::mem::take(&mut world.promotion.plan.analysis);
        let compared = |rule: MetricRule| {
            if rule.name().as_str() != "p95" {
                return rule;
            }
            let comparison = Comparison::Stable(SideBySide::usual());
            MetricRule::try_from(RuleDraft { comparison, ..RuleDraft::from(rule) }).unwrap()
        };
        world.promotion.plan.analysis = rules.into_iter().map(compared).collect();
        world.promotion.plan.watch_seconds = 600;
        world
    };
    let mut world = at_ten_with(side_by_side);
    let speaks = |world: &World| world.promotion.due(world.now).iter().any(|watch| watch.rule.name().as_str() == "p95");
    let mut spoke = [false, false];
    for _ in 0..400 {
        world.pass_seconds(10);
        world.pass();
        let is_all = share(&world) == 100 || !matches!(world.promotion.phase, Phase::Progressing { .. });
        spoke[usize::from(is_all)] |= speaks(&world);
        world.measure(&busy(0.2));
    }
    assert!(matches!(world.promotion.phase, Phase::Succeeded { .. }), "{}", world.words());
    assert_eq!(spoke, [true, false]);
}

#[test]
fn what_falls_into_a_watch_is_done_before_it_ends() {
    let watched = |world| watched_for(world, 300, LateBreach::RollBack);
    let mut world = at_ten_with(watched);
    while !matches!(world.promotion.phase, Phase::Watching { .. }) {
        world.watch_for(10, &busy(0.2));
    }
    // Nobody looks while its time runs out.
    world.pass_seconds(320);
    world.give(Input::Clock).unwrap();
    assert!(matches!(world.promotion.phase, Phase::Watching { .. }), "{}", world.words());
    world.measure(&busy(0.2));
    world.give(Input::Clock).unwrap();
    assert!(matches!(world.promotion.phase, Phase::Succeeded { .. }), "{}", world.words());
    // A rollback that the plan asks for is begun, or after a while a person decides.
    let mut world = at_ten_with(watched);
    while !matches!(world.promotion.phase, Phase::Watching { .. }) {
        world.watch_for(10, &busy(0.2));
    }
    world.watch_for(290, &busy(12.5));
    assert!(world.promotion.wants_rollback().is_some(), "{}", world.words());
    world.pass_seconds(30);
    world.give(Input::Clock).unwrap();
    assert!(world.promotion.wants_rollback().is_some(), "{}", world.words());
    world.pass_seconds(300);
    world.give(Input::Clock).unwrap();
    assert!(matches!(world.promotion.phase, Phase::Succeeded { .. }), "{}", world.words());
}

#[test]
fn a_source_that_fails_at_the_end_of_a_pause_is_tried_again() {
    let mut world = at_ten();
    world.watch_for(110, &busy(0.2));
    let fails = Reading::Unreadable { why: "503".into() };
    world.watch_for(30, &fails);
    assert_eq!(world.promotion.run().unwrap().hold, None, "{}", world.words());
    assert_eq!(share(&world), 10);
    world.watch_for(60, &busy(0.2));
    assert_eq!(share(&world), 50, "{}", world.words());
}
