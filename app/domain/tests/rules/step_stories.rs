//! Stories of the steps that change no share: an analysis, a message. What people do to each of them is a
//! table.

use domain::{
    analysis::{HealthCheck, Reading, default_rules},
    aside::TesterMatch,
    job::{JobObservation, JobObserved, JobState},
    promotion::{Effect, Input, Phase, Refusal, StepWait, TakeBackCause, TakenBack},
    strategy::{AnalysisLength, CandidateSettings, Notice, Step, Strategy},
    traffic::{RouteObserved, TrafficLayer},
};

use crate::{
    candidate_stories::{canary, gateway, name, weight},
    measured::busy,
    world::{World, crash, rosa},
};

fn share_of(percent: u8) -> Step {
    Step::Weight { weight: weight(percent) }
}

fn measurements(count: u32) -> Step {
    Step::Analysis { length: AnalysisLength::Measurements(count) }
}

fn message(text: &str) -> Step {
    Step::Notify { notice: Notice::new(text).unwrap() }
}

/// A run at the first step of these that is of its kind.
fn at(strategy: Strategy, is_analysed: bool, wanted: impl Fn(&Step) -> bool) -> World {
    let world = World::with_candidate(strategy, &["cart"]);
    let mut world = if is_analysed { world.analysed() } else { world };
    world.give(Input::Clock).unwrap();
    for _ in 0..12 {
        if world.promotion.plan.steps.get(step(&world)).is_some_and(&wanted) && world.promotion.step_waits().is_some() {
            return world;
        }
        world.pass();
    }
    panic!("never there: {}", world.words());
}

fn at_analysis(steps: Vec<Step>) -> World {
    at(canary(gateway(), steps), true, |step| matches!(step, Step::Analysis { .. }))
}

fn step(world: &World) -> usize {
    match &world.promotion.phase {
        Phase::Progressing { step, .. } => *step,
        _ => 0,
    }
}

fn shares(world: &World) -> u8 {
    world.promotion.run().map_or(0, |run| run.wanted.weight.want.as_percent())
}

#[test]
fn an_analysis_ends_as_soon_as_what_is_left_of_it_could_not_make_a_breach() {
    let mut world = at_analysis(vec![share_of(10), measurements(5), share_of(50)]);
    assert!(world.words().ends_with("judged, 0 of 5 measurements"), "{}", world.words());
    let mut seen = Vec::new();
    while step(&world) == 1 {
        world.watch_for(10, &busy(0.2));
        seen.push(world.words());
        assert!(seen.len() < 60, "{}", world.words());
    }
    seen.dedup();
    let counted: Vec<_> = seen.iter().filter_map(|words| words.split_once("judged, ").map(|(_, rest)| rest)).collect();
    // Three breaches in a row take back, so after the third of five good ones it is decided.
    assert_eq!(counted, ["0 of 5 measurements", "1 of 5 measurements", "2 of 5 measurements"]);
    assert_eq!(step(&world), 2);
}

#[test]
fn an_analysis_begins_anew_whatever_was_measured_before() {
    let steps = vec![share_of(10), Step::Pause { seconds: 300 }, measurements(4), share_of(50)];
    let mut world = at(canary(gateway(), steps), true, |step| matches!(step, Step::Pause { .. }));
    world.watch_for(300, &busy(0.2));
    assert_eq!(step(&world), 2, "{}", world.words());
    assert!(world.words().ends_with("judged, 0 of 4 measurements"), "{}", world.words());
    world.watch_for(50, &busy(0.2));
    assert_eq!((step(&world), shares(&world)), (2, 10), "not a whole window yet");
    world.watch_for(120, &busy(0.2));
    assert_eq!(shares(&world), 50, "{}", world.words());
}

#[test]
fn an_analysis_for_a_time_says_until_when_and_ends_no_later() {
    let length = AnalysisLength::Seconds(600);
    let mut world = at_analysis(vec![share_of(10), Step::Analysis { length }, share_of(50)]);
    let Some(StepWait::Doing { words, until: Some(until) }) = world.promotion.step_waits() else {
        panic!("{:?}", world.promotion.step_waits());
    };
    assert!(world.words().ends_with(&words) && words.starts_with("judged until 2026-11-21 12:"), "{words}");
    world.watch_for(500, &busy(0.2));
    assert_eq!(step(&world), 1, "{}", world.words());
    world.watch_for(100, &busy(0.2));
    assert!(step(&world) > 1 && world.now <= until, "{}", world.words());
}

#[test]
fn what_speaks_against_the_version_ends_an_analysis_by_taking_it_back() {
    let mut world = at_analysis(vec![share_of(10), measurements(9), share_of(50)]);
    world.watch_for(180, &busy(12.5));
    assert!(world.words().starts_with("taking back"), "{}", world.words());
    let Phase::TakingBack { cause, .. } = &world.promotion.phase else { panic!("{}", world.words()) };
    assert!(matches!(cause, TakeBackCause::Breach { .. }), "{cause:?}");
}

#[test]
fn an_analysis_that_cannot_tell_asks_and_whoever_answers_ends_it() {
    let mut world = at_analysis(vec![share_of(10), measurements(2), Step::ask(), share_of(50)]);
    world.watch_for(180, &Reading::series([]));
    assert!(world.words().contains("paused by rule: analysis: no data for error rate"), "{}", world.words());
    assert_eq!(step(&world), 1);
    world.go_on(1).unwrap();
    world.pass();
    assert_eq!(step(&world), 2, "{}", world.words());
    // One breach of three at the end is neither good nor bad.
    let mut world = at_analysis(vec![share_of(10), measurements(1), Step::ask(), share_of(50)]);
    world.watch_for(60, &busy(12.5));
    assert!(world.words().contains("paused by rule: analysis: error rate 12.5 % is above 5 %"), "{}", world.words());
    assert_eq!(step(&world), 1);
}

#[test]
fn without_rules_an_analysis_asks_instead_of_passing() {
    let steps = vec![share_of(10), measurements(2), share_of(50)];
    let mut world = at(canary(gateway(), steps), false, |step| matches!(step, Step::Analysis { .. }));
    world.pass();
    assert!(
        world.words().contains("paused by rule: analysis: no rule can judge the version here"),
        "{}",
        world.words()
    );
    assert_eq!(shares(&world), 10);
    world.go_on(1).unwrap();
    for _ in 0..2 {
        world.pass();
    }
    assert_eq!(shares(&world), 50, "{}", world.words());
}

fn on_preview() -> World {
    let layer = TrafficLayer::Selector { service: name("cart") };
    let steps = vec![Step::Preview, measurements(2), share_of(100)];
    let settings = CandidateSettings::new(name("cart"), layer, steps).unwrap();
    at(Strategy::BlueGreen(settings), true, |step| matches!(step, Step::Analysis { .. }))
}

#[test]
fn a_preview_is_judged_by_its_pods_before_the_switch_and_not_by_requests_it_does_not_get() {
    let mut world = on_preview();
    assert!(world.words().contains("without traffic, judged, 0 of 2"), "{}", world.words());
    world.pass_seconds(60);
    let due: Vec<_> = world.promotion.due(world.now).iter().map(|watch| watch.rule.name().to_string()).collect();
    assert!(due.contains(&"restarts".to_owned()) && !due.contains(&"error-rate".to_owned()), "{due:?}");
    assert_eq!(shares(&world), 0);
    world.watch_for(120, &busy(0.2));
    assert!(world.transcript().contains("100 % of the traffic goes to the candidate"), "{}", world.transcript());
}

#[test]
fn a_preview_whose_pods_fail_is_taken_back_before_it_gets_traffic() {
    let mut world = on_preview();
    let (_, found) = world.cluster.iter_mut().find(|(p, _)| p.workload.name.as_str() == "cart-preview").unwrap();
    let domain::observation::Observed::Present(candidate) = found else { panic!("no preview") };
    candidate.pods[0].trouble = Some(crash());
    world.look();
    assert!(world.words().starts_with("taking back"), "{}", world.words());
    assert_eq!(world.promotion.run().unwrap().wanted.weight.generation, 0, "it never had traffic");
}

#[test]
fn a_message_is_told_once_in_the_decision_that_begins_its_step() {
    let steps = vec![message("About to begin"), share_of(10), message("10 % of you have it"), Step::ask()];
    let mut world = World::with_candidate(canary(gateway(), steps), &["cart"]);
    let mut told = Vec::new();
    world.give(Input::Clock).unwrap();
    for _ in 0..10 {
        let looked = world.look();
        told.extend(looked.outbox.into_iter().filter(|effect| *effect != Effect::TellMessenger));
        world.apply_candidates();
        world.cluster_acts();
    }
    assert_eq!(told, [Effect::Announce { step: 0 }, Effect::Announce { step: 2 }]);
    assert_eq!(world.promotion.plan.steps[step(&world)], Step::ask(), "nothing is waited for");
    let lines: Vec<_> = world.transcript().lines().filter(|line| line.contains("| Message |")).collect();
    assert!(lines.len() == 2 && lines[1].contains("| Message | “10 % of you have it” |"), "{}", world.transcript());
}

#[test]
fn the_rules_are_asked_before_a_share_also_when_a_message_stands_between() {
    let steps = vec![share_of(10), Step::Pause { seconds: 10 }, message("more comes"), share_of(50)];
    let mut world = at(canary(gateway(), steps), true, |step| matches!(step, Step::Pause { .. }));
    world.watch_for(40, &busy(0.2));
    assert_eq!(step(&world), 1, "a message that more comes would be wrong: {}", world.words());
    world.watch_for(80, &busy(0.2));
    assert_eq!(shares(&world), 50, "{}", world.words());
}

/// What a person does, and where the run is then.
type Deed = (fn(&mut World), &'static str);

#[test]
fn what_people_do_to_each_kind_of_step_leaves_it_behind() {
    let steps = [measurements(5), Step::Analysis { length: AnalysisLength::Seconds(600) }];
    let deeds: [Deed; 4] = [
        (
            |w| drop(w.give(Input::Skip { by: rosa(), seen: domain::promotion::AsSeen::step(1) }).unwrap()),
            "canary at 50 %",
        ),
        (|w| w.promote_now().unwrap(), "canary at 100 %"),
        (|w| drop(w.give(Input::Abort { by: rosa(), reason: "no".into() }).unwrap()), "taking back"),
        (
            |w| drop(w.give(Input::Hold { by: rosa(), reason: "wait".into() }).unwrap()),
            "canary at 10 %, paused by Rosa",
        ),
    ];
    for kind in steps {
        for (deed, expected) in deeds {
            let mut world = at_analysis(vec![share_of(10), kind.clone(), share_of(50), message("half"), Step::ask()]);
            deed(&mut world);
            for _ in 0..3 {
                world.give(Input::Clock).unwrap();
                world.look();
                world.apply_candidates();
                world.cluster_acts();
            }
            assert!(world.words().starts_with(expected), "{kind:?}: {}", world.words());
        }
    }
}

fn runs_job(seconds: u32) -> Step {
    Step::Job { template: name("smoke"), seconds }
}

fn with_job() -> Strategy {
    canary(gateway(), vec![share_of(10), runs_job(120), share_of(50)])
}

/// A run whose Job was made and is seen.
fn at_job() -> World {
    let mut world = at(with_job(), false, |step| matches!(step, Step::Job { .. }));
    world.pass();
    assert_eq!(world.words(), "canary at 10 %, Job eu-1 shop/smoke-1042-2-00000009: 1 pod active");
    world
}

fn jobs_there(world: &World) -> usize {
    world.jobs.iter().filter(|(_, found)| matches!(found, JobObserved::Present(_))).count()
}

#[test]
fn a_job_that_succeeds_goes_on_and_is_gone_before_the_end() {
    let mut world = at_job();
    world.jobs_end(&JobState::Succeeded);
    for _ in 0..2 {
        world.pass();
    }
    assert_eq!((shares(&world), jobs_there(&world)), (50, 1), "it stays for those who want to look at it");
    for _ in 0..30 {
        world.pass();
        world.pass_seconds(10);
    }
    assert!(matches!(world.promotion.phase, Phase::Succeeded { .. }), "{}", world.words());
    assert_eq!((jobs_there(&world), world.jobs_made), (0, 1));
    insta::assert_snapshot!("a_job_that_succeeds", world.transcript());
}

#[test]
fn a_job_that_fails_takes_back_with_the_reason_and_is_removed() {
    let mut world = at_job();
    world.jobs_end(&JobState::Failed { why: "BackoffLimitExceeded: Job has reached it".to_owned() });
    world.look();
    let why = "(Job eu-1 shop/smoke-1042-2-00000009 failed: BackoffLimitExceeded: Job has reached it)";
    assert!(world.words().starts_with("taking back") && world.words().ends_with(why), "{}", world.words());
    world.pass();
    assert_eq!(jobs_there(&world), 0, "at once, not after the traffic");
    for _ in 0..8 {
        world.pass();
        world.pass_seconds(10);
    }
    assert!(matches!(world.promotion.phase, Phase::Failed { back: TakenBack::Complete, .. }), "{}", world.words());
}

#[test]
fn a_job_that_does_not_end_or_is_deleted_or_is_anothers_takes_back() {
    let mut world = at_job();
    world.pass_seconds(120);
    world.pass();
    assert!(world.words().starts_with("canary at 10 %"), "its cluster ends it first: {}", world.words());
    world.pass_seconds(30);
    world.pass();
    assert!(world.words().contains("did not end within 2 min"), "{}", world.words());

    let mut world = at_job();
    world.jobs.clear();
    let missing = |world: &World| {
        let places = world.promotion.jobs();
        places.into_iter().map(|p| ((p.placed.cluster, p.job), JobObserved::Missing { has_template: true })).collect()
    };
    world.jobs = missing(&world);
    world.look();
    assert!(world.words().contains("failed: it was deleted before it had ended"), "{}", world.words());
    assert_eq!(world.jobs_made, 1, "and is not made again");

    let mut world = at(with_job(), false, |step| matches!(step, Step::Job { .. }));
    world.jobs = missing(&world);
    let anothers = JobObservation { stamp: None, state: JobState::Succeeded, pods: vec![] };
    world.jobs[0].1 = JobObserved::Present(anothers);
    world.look();
    assert!(world.words().contains("another one of its name is there"), "{}", world.words());
    for _ in 0..8 {
        world.pass();
        world.pass_seconds(10);
    }
    assert!(world.promotion.is_over() && jobs_there(&world) == 1, "what is another's stays: {}", world.words());
}

#[test]
fn without_its_cron_job_a_promotion_is_not_started() {
    let mut world = World::with_candidate(with_job(), &["cart"]);
    world.give(Input::Clock).unwrap();
    world.look();
    assert!(world.words().starts_with("starting"), "not before it is known: {}", world.words());
    let place = world.promotion.jobs().remove(0);
    world.jobs = vec![((place.placed.cluster, place.job), JobObserved::Missing { has_template: false })];
    world.look();
    assert!(world.words().contains("not started: CronJob eu-1 shop/smoke is not there"), "{}", world.words());
}

#[test]
fn a_job_that_cannot_be_removed_is_left_to_people_and_said() {
    let mut world = at_job();
    world.jobs_end(&JobState::Succeeded);
    world.keeps_jobs = true;
    for _ in 0..200 {
        world.pass();
        world.pass_seconds(10);
    }
    assert!(matches!(world.promotion.phase, Phase::Succeeded { .. }), "{}", world.words());
    assert!(world.transcript().contains("could not be removed; delete it by hand"), "{}", world.transcript());
}

#[test]
fn what_people_do_while_a_job_runs_removes_it() {
    let deeds: [Deed; 3] = [
        (
            |w| drop(w.give(Input::Skip { by: rosa(), seen: domain::promotion::AsSeen::step(1) }).unwrap()),
            "canary at 50 %",
        ),
        (|w| w.promote_now().unwrap(), "canary at 100 %"),
        (|w| drop(w.give(Input::Abort { by: rosa(), reason: "no".into() }).unwrap()), "taking back"),
    ];
    for (deed, expected) in deeds {
        let mut world = at_job();
        deed(&mut world);
        world.pass();
        assert!(world.words().starts_with(expected), "{expected}: {}", world.words());
        assert_eq!(jobs_there(&world), 0, "{expected}");
        // What comes too late changes nothing.
        world.jobs_end(&JobState::Failed { why: "late".to_owned() });
        world.pass();
        assert!(!world.words().contains("late"), "{}", world.words());
    }
    let mut world = at_job();
    world.give(Input::Hold { by: rosa(), reason: "wait".into() }).unwrap();
    world.jobs_end(&JobState::Succeeded);
    world.pass();
    assert!(world.words().contains("paused by Rosa"), "{}", world.words());
    assert_eq!((shares(&world), jobs_there(&world)), (10, 1));
}

#[test]
fn what_goes_by_no_steps_of_ours_is_not_paused() {
    let mut world = World::rolling(&["cart"]);
    let refused = world.give(Input::Hold { by: rosa(), reason: "lunch".into() }).unwrap_err();
    assert_eq!(refused, Refusal::NoSteps);
}

#[test]
fn the_targets_own_address_says_nothing_of_a_preview_and_something_of_what_gets_requests() {
    let asks_health = |mut world: World| {
        let health = default_rules(None, &HealthCheck::usual_request()).remove(0);
        assert!(health.measure().is_health());
        world.promotion.plan.analysis = vec![health];
        world.facts.plan_now = world.promotion.plan.clone();
        world
    };
    let asked = |steps: Vec<Step>| {
        let mut world = asks_health(World::with_candidate(canary(gateway(), steps), &["cart"]));
        world.give(Input::Clock).unwrap();
        for _ in 0..12 {
            world.pass_seconds(10);
            world.pass();
        }
        world.promotion.due(world.now).len()
    };
    assert_eq!(asked(vec![Step::Preview, measurements(5), share_of(50)]), 0, "what runs before answers there");
    assert_eq!(asked(vec![share_of(50), measurements(5)]), 1);
}

#[test]
fn testers_for_whom_a_route_has_no_room_are_refused_before_anything_moves() {
    let begins = |rules: usize, matches: usize, steps: Vec<Step>| {
        let mut world = World::with_candidate(canary(gateway(), steps), &["cart"]);
        let paths: Vec<_> = (0..matches).map(|n| serde_json::json!({"path": {"value": format!("/{n}")}})).collect();
        let rule = serde_json::json!({"matches": paths, "backendRefs": [{"name": "cart"}]});
        for (_, seen) in &mut world.routes {
            let RouteObserved::Present(route) = seen else { panic!() };
            route.rules = serde_json::json!(vec![rule.clone(); rules]);
        }
        world.give(Input::Clock).unwrap();
        world.look();
        world.words()
    };
    let testers = || vec![share_of(10), Step::Testers { testers: TesterMatch::usual() }];
    let refused = begins(9, 1, testers());
    assert!(refused.contains("has no room for testers") && refused.contains("18 rules with 18 matches"), "{refused}");
    assert!(begins(4, 17, testers()).contains("8 rules with 136 matches"));
    for fits in [begins(8, 8, testers()), begins(16, 1, vec![share_of(10)])] {
        assert!(!fits.contains("no room"), "{fits}");
    }
}
