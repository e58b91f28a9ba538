//! Promotions to outside deployers: the whole way as a story, each report and answer by table, and what
//! holds for every run of inputs.

use domain::{
    actor::{Identity, Role},
    ids::{PromotionId, TokenId, VersionId},
    outside::{CallAnswer, CallId, Deployer, DeployerCall, OutsideDeployer, Report, ReportState, WebhookAddress},
    promotion::{Effect, Input, Phase, Promotion, PromotionAct, Refusal, TakeBackCause, TakenBack, desired},
};
use proptest::prelude::*;
use uuid::Uuid;

use crate::world::{World, actor, ines, rosa, theo};

const DEADLINE: i64 = 600;
const LIFE: i64 = 60;

fn outside(abort: bool, life: bool) -> Deployer {
    let address = |path: &str| WebhookAddress::parse(&format!("https://deploy.example/{path}")).unwrap();
    let abort = abort.then(|| address("abort"));
    let life = life.then_some(u32::try_from(LIFE).unwrap());
    let deadline = u32::try_from(DEADLINE).unwrap();
    Deployer::Outside(OutsideDeployer::new(address("start"), abort, deadline, life).unwrap())
}

fn world(abort: bool, life: bool) -> World {
    let mut world = World::new(&[], 0);
    world.promotion.plan.deployer = outside(abort, life);
    world.facts.plan_now = world.promotion.plan.clone();
    world.facts.runs = Some(VersionId::new(Uuid::from_u128(19)));
    world
}

/// A world whose deployer is told to start.
fn started(abort: bool, life: bool) -> World {
    let mut world = world(abort, life);
    world.give(Input::Clock).unwrap();
    world.give(Input::Clock).unwrap();
    world
}

fn machine() -> Identity {
    let owner = rosa().person().unwrap();
    Identity::Token { id: TokenId::new(Uuid::from_u128(5)), name: "deployer".into(), owner }
}

fn call(world: &World, generation: u32) -> CallId {
    CallId { promotion: world.promotion.id, generation }
}

fn report(state: ReportState, percent: Option<u8>, message: &str) -> Report {
    Report { state, percent, message: message.to_owned(), link: None, at: None }
}

fn tell(world: &mut World, generation: u32, report: Report) -> Result<Vec<Effect>, Refusal> {
    let about = call(world, generation);
    world.give(Input::Reported { by: machine(), about, report }).map(|decision| decision.outbox)
}

fn running(percent: u8, message: &str) -> Report {
    report(ReportState::Running, Some(percent), message)
}

fn succeeded() -> Report {
    report(ReportState::Succeeded, None, "")
}

fn failed(message: &str) -> Report {
    report(ReportState::Failed, None, message)
}

fn answered(world: &mut World, generation: u32, answer: CallAnswer) {
    world.give(Input::Called { generation, answer }).unwrap();
}

#[test]
fn a_version_is_deployed_as_the_deployer_reports_it() {
    let mut world = world(true, true);
    world.give(Input::Clock).unwrap();
    assert_eq!(world.words(), "starting: the deployer is told");
    let told = world.give(Input::Clock).unwrap();
    let start = Effect::CallDeployer { call: DeployerCall::Start, generation: 1 };
    assert!(told.outbox.contains(&start), "{:?}", told.outbox);
    assert_eq!(world.words(), "deploying: the deployer at deploy.example is told");
    assert!(desired(&world.promotion).unwrap().workloads.is_empty(), "clusters have nothing to do with it");
    answered(&mut world, 1, CallAnswer::Taken);
    assert_eq!(world.words(), "deploying: the deployer has it and has not reported yet");
    tell(&mut world, 1, running(40, "machine 2 of 5")).unwrap();
    assert_eq!(world.words(), "deploying: 40 %, machine 2 of 5");
    tell(&mut world, 1, report(ReportState::Succeeded, Some(100), "all machines run it")).unwrap();
    assert!(matches!(world.promotion.phase, Phase::Succeeded { .. }), "{}", world.words());
    insta::assert_snapshot!(world.transcript());
}

#[test]
fn a_failure_is_taken_back_and_the_deployer_says_when_it_is() {
    let mut world = started(true, false);
    answered(&mut world, 1, CallAnswer::Taken);
    let told = tell(&mut world, 1, failed("machine 2 does not answer")).unwrap();
    assert!(told.contains(&Effect::CallDeployer { call: DeployerCall::Abort, generation: 2 }), "{told:?}");
    assert!(
        world.words().starts_with("taking back: the deployer at deploy.example is told (the deployer could not do it"),
        "{}",
        world.words()
    );
    answered(&mut world, 2, CallAnswer::Taken);
    tell(&mut world, 2, running(50, "machine 1 is back")).unwrap();
    tell(&mut world, 2, succeeded()).unwrap();
    let Phase::Failed { back, run: Some(run), .. } = &world.promotion.phase else { panic!("{}", world.words()) };
    assert_eq!(*back, TakenBack::Complete);
    assert_eq!(run.outside.as_ref().unwrap().before, Some(VersionId::new(Uuid::from_u128(19))));
    insta::assert_snapshot!(world.transcript());
}

#[test]
fn without_a_word_until_the_deadline_it_is_taken_back_and_then_a_person_is_asked() {
    let mut world = started(true, false);
    answered(&mut world, 1, CallAnswer::Taken);
    for _ in 0..DEADLINE / 20 - 1 {
        world.pass_seconds(20);
        world.give(Input::Clock).unwrap();
    }
    assert!(matches!(world.promotion.phase, Phase::Progressing { .. }), "before its deadline nothing ends");
    world.pass_seconds(20);
    let told = world.give(Input::Clock).unwrap().outbox;
    assert!(matches!(world.promotion.phase, Phase::TakingBack { cause: TakeBackCause::Budget { .. }, .. }));
    assert!(told.contains(&Effect::CallDeployer { call: DeployerCall::Abort, generation: 2 }));
    for _ in 0..=DEADLINE / 20 {
        world.pass_seconds(20);
        world.give(Input::Clock).unwrap();
    }
    assert!(matches!(world.promotion.phase, Phase::TakingBack { .. }), "nobody but the deployer or a person ends it");
    assert!(world.words().contains("has not said within 10 min that what ran before runs again"), "{}", world.words());
    let allowed = world.promotion.allowed(&actor(&rosa(), Role::ReleaseManager));
    assert_eq!(allowed, [PromotionAct::Abandon, PromotionAct::CallAgain]);
    let asked = world.promotion.clone();
    world.give(Input::Clock).unwrap();
    assert_eq!(asked.trouble, world.promotion.trouble, "a person is asked once");
    // Its word counts however late it is.
    let mut late = started(true, false);
    late.promotion = asked;
    tell(&mut late, 2, succeeded()).unwrap();
    assert!(matches!(late.promotion.phase, Phase::Failed { back: TakenBack::Complete, .. }));
    world.give(Input::Abandon { by: rosa(), reason: "looked: all machines run 1.0".into() }).unwrap();
    assert!(matches!(world.promotion.phase, Phase::Failed { back: TakenBack::Incomplete { .. }, .. }));
}

#[test]
fn who_was_asked_when_the_time_was_over_can_give_up_though_the_deployer_speaks_again() {
    let mut world = started(true, true);
    world.give(Input::Abort { by: rosa(), reason: "wrong version".into() }).unwrap();
    for _ in 0..=DEADLINE / 20 {
        world.pass_seconds(20);
        world.give(Input::Clock).unwrap();
    }
    tell(&mut world, 2, running(10, "machine 1 of 4")).unwrap();
    // It says no more: nothing but a person ends it.
    for _ in 0..=DEADLINE / 20 {
        world.pass_seconds(20);
        world.give(Input::Clock).unwrap();
    }
    let allowed = world.promotion.allowed(&actor(&rosa(), Role::ReleaseManager));
    assert_eq!(allowed, [PromotionAct::Abandon, PromotionAct::CallAgain], "{}", world.words());
    world.give(Input::Abandon { by: rosa(), reason: "looked: all machines run 1.0".into() }).unwrap();
    assert!(matches!(world.promotion.phase, Phase::Aborted { back: TakenBack::Incomplete { .. }, .. }));
}

#[test]
fn time_in_which_slipway_was_away_is_not_the_deployers() {
    let mut world = started(true, false);
    world.pass_seconds(10 * DEADLINE);
    world.give(Input::Clock).unwrap();
    assert!(matches!(world.promotion.phase, Phase::Progressing { .. }), "it may have reported to nobody");
    world.pass_seconds(20);
    tell(&mut world, 1, succeeded()).unwrap();
    assert!(matches!(world.promotion.phase, Phase::Succeeded { .. }));
}

#[test]
fn a_deployer_that_falls_silent_is_shown_and_one_that_speaks_again_too() {
    let mut world = started(true, true);
    answered(&mut world, 1, CallAnswer::Taken);
    for _ in 0..3 {
        world.pass_seconds(20);
        world.give(Input::Clock).unwrap();
    }
    assert_eq!(
        world.words(),
        "cannot tell since 2026-11-21 12:01 UTC: nothing was heard of the deployer since 2026-11-21 12:00:00 UTC, expected every 1 min"
    );
    tell(&mut world, 1, running(10, "slow network")).unwrap();
    assert_eq!(world.words(), "deploying: 10 %, slow network");
}

#[test]
fn what_the_deployer_refuses_waits_for_a_person_who_can_send_it_again() {
    let mut world = started(true, false);
    answered(&mut world, 1, CallAnswer::NotYet("the deployer could not be told: it answered 503".into()));
    assert!(world.words().starts_with("cannot tell since 2026-11-21 12:00 UTC"), "{}", world.words());
    answered(&mut world, 1, CallAnswer::Refused("it answered 401. Check the secret".into()));
    assert_eq!(
        world.words(),
        "cannot tell since 2026-11-21 12:00 UTC: the deployer refuses the start: it answered 401. Check the secret"
    );
    assert_eq!(
        world.give(Input::CallAgain { by: theo() }).unwrap().outbox.last(),
        Some(&Effect::CallDeployer { call: DeployerCall::Start, generation: 1 })
    );
    answered(&mut world, 1, CallAnswer::Taken);
    assert_eq!(world.words(), "deploying: the deployer has it and has not reported yet");
    let before = world.promotion.clone();
    answered(&mut world, 1, CallAnswer::Refused("a second answer".into()));
    answered(&mut world, 0, CallAnswer::Refused("another call".into()));
    assert_eq!(before, world.promotion);
}

#[test]
fn an_abort_is_told_at_once_and_without_an_address_people_are() {
    let mut with = started(true, false);
    let told = with.give(Input::Abort { by: rosa(), reason: "wrong version".into() }).unwrap().outbox;
    assert!(told.contains(&Effect::CallDeployer { call: DeployerCall::Abort, generation: 2 }));
    assert!(tell(&mut with, 1, succeeded()).is_err(), "the start does not count any more");
    tell(&mut with, 2, failed("disk full")).unwrap();
    assert!(with.words().contains("could not bring back what ran before (disk full)"), "{}", with.words());
    tell(&mut with, 2, succeeded()).unwrap();
    assert!(matches!(with.promotion.phase, Phase::Aborted { back: TakenBack::Complete, .. }));
    let mut without = started(false, false);
    without.give(Input::Abort { by: rosa(), reason: "wrong version".into() }).unwrap();
    let Phase::Aborted { back: TakenBack::Incomplete { what }, .. } = &without.promotion.phase else {
        panic!("{}", without.words())
    };
    assert!(what.contains("no address for an abort"), "{what}");
    let mut waiting = world(true, false);
    waiting.facts.occupant =
        Some(domain::promotion::Occupant { id: PromotionId::new(Uuid::from_u128(404)), number: 1 });
    waiting.give(Input::Clock).unwrap();
    assert!(waiting.give(Input::CallAgain { by: rosa() }).is_err(), "nothing was told yet");
}

#[test]
fn a_report_that_does_not_count_changes_nothing_and_says_why() {
    let at = |seconds: i64| Some(crate::world::noon() + chrono::Duration::seconds(seconds));
    let mut at_work = started(true, false);
    tell(&mut at_work, 1, Report { at: at(30), ..running(40, "machine 2") }).unwrap();
    let mut back = at_work_copy(&at_work);
    back.give(Input::Abort { by: rosa(), reason: "no".into() }).unwrap();
    let mut over = at_work_copy(&at_work);
    tell(&mut over, 1, succeeded()).unwrap();
    let mut waits = world(true, false);
    waits.facts.plan_now.approvals = 1;
    waits.give(Input::Clock).unwrap();
    let mut clusters = World::rolling(&["cart"]);
    let other = CallId { promotion: PromotionId::new(Uuid::from_u128(8)), generation: 1 };
    let table: [(&mut World, Option<CallId>, u32, Report, &str); 8] = [
        (&mut at_work_copy(&at_work), None, 1, running(39, ""), "comes out of order: more than that"),
        (&mut at_work_copy(&at_work), None, 1, Report { at: at(29), ..running(50, "") }, "out of order: a later one"),
        (&mut at_work_copy(&at_work), None, 2, running(50, ""), "what is waited for is the start"),
        (&mut at_work_copy(&at_work), Some(other), 1, succeeded(), "a webhook of another promotion"),
        (&mut back, None, 1, succeeded(), "what is waited for is the abort"),
        (&mut over, None, 1, failed("after all"), "this promotion is over: done"),
        (&mut waits, None, 1, running(1, ""), "has not started"),
        (&mut clusters, None, 1, succeeded(), "Slipway itself rolls it out"),
    ];
    for (world, about, generation, report, why) in table {
        let before = world.promotion.clone();
        let about = about.unwrap_or_else(|| call(world, generation));
        let refused = world.give(Input::Reported { by: machine(), about, report }).unwrap_err().to_string();
        assert!(refused.contains(why), "{refused}\nis not\n{why}");
        assert_eq!(before, world.promotion);
    }
}

fn at_work_copy(world: &World) -> World {
    let mut copy = World::new(&[], 0);
    copy.promotion = world.promotion.clone();
    copy.facts = world.facts.clone();
    copy.now = world.now;
    copy
}

#[test]
fn reports_of_progress_have_an_end_and_results_come_through_all_the_same() {
    let mut world = started(true, false);
    for _ in 0..domain::promotion::OutsideRun::MOST_REPORTS {
        tell(&mut world, 1, running(10, "")).unwrap();
    }
    let refused = tell(&mut world, 1, running(10, "")).unwrap_err();
    assert_eq!(refused, Refusal::TooManyReports);
    tell(&mut world, 1, succeeded()).unwrap();
    assert!(matches!(world.promotion.phase, Phase::Succeeded { .. }));
}

/// As it was first stored; it must load for ever.
#[test]
fn what_is_known_of_a_deployer_loads_as_it_was_first_stored() {
    let stored = r#"{"before":"00000000-0000-0000-0000-000000000013","taken_at":"2026-11-21T12:00:00Z","refused":null,
        "heard_at":"2026-11-21T12:01:00Z","said_at":null,"percent":40,"message":"machine 2","link":null,"reports":2,
        "is_late":false}"#;
    let run: domain::promotion::OutsideRun = serde_json::from_str(stored).unwrap();
    assert_eq!((run.before, run.words()), (Some(VersionId::new(Uuid::from_u128(19))), "40 %, machine 2".to_owned()));
    let value: serde_json::Value = serde_json::from_str(stored).unwrap();
    assert_eq!(serde_json::to_value(&run).unwrap(), value);
    let effect: Effect = serde_json::from_str(r#"{"effect":"call_deployer","call":"abort","generation":2}"#).unwrap();
    assert_eq!(effect, Effect::CallDeployer { call: DeployerCall::Abort, generation: 2 });
}

#[derive(Clone, Debug)]
enum Event {
    Clock(i64),
    Report(u32, u8, u8),
    Answer(u32, u8),
    Abort,
    Again,
    Abandon,
    Supersede,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        5 => (0..200_i64).prop_map(Event::Clock),
        5 => (0..4_u32, 0..3_u8, 0..=100_u8).prop_map(|(generation, state, percent)| Event::Report(generation, state, percent)),
        4 => (0..4_u32, 0..3_u8).prop_map(|(generation, answer)| Event::Answer(generation, answer)),
        1 => Just(Event::Abort),
        1 => Just(Event::Again),
        1 => Just(Event::Abandon),
        1 => Just(Event::Supersede),
    ]
}

fn play(world: &mut World, event: &Event) -> Vec<Effect> {
    let about = |world: &World, generation| call(world, generation);
    let given = match event {
        Event::Clock(seconds) => {
            world.pass_seconds(*seconds);
            world.give(Input::Clock)
        }
        Event::Report(generation, state, percent) => {
            let state = [ReportState::Running, ReportState::Succeeded, ReportState::Failed][usize::from(*state)];
            let report = report(state, Some(*percent), "at work");
            let about = about(world, *generation);
            world.give(Input::Reported { by: machine(), about, report })
        }
        Event::Answer(generation, answer) => {
            let answer = match answer {
                0 => CallAnswer::Taken,
                1 => CallAnswer::Refused("no".into()),
                _ => CallAnswer::NotYet("away".into()),
            };
            world.give(Input::Called { generation: *generation, answer })
        }
        Event::Abort => world.give(Input::Abort { by: rosa(), reason: "no".into() }),
        Event::Again => world.give(Input::CallAgain { by: ines() }),
        Event::Abandon => world.give(Input::Abandon { by: rosa(), reason: "gone".into() }),
        Event::Supersede => world.give(Input::Supersede { by: 2000, who: theo() }),
    };
    given.map(|decision| decision.outbox).unwrap_or_default()
}

proptest! {
    #[test]
    fn each_call_is_decided_once_in_order_and_what_is_over_stays(
        abort in any::<bool>(),
        life in any::<bool>(),
        events in proptest::collection::vec(event(), 0..60),
    ) {
        let mut world = world(abort, life);
        let mut calls: Vec<(DeployerCall, u32)> = Vec::new();
        for event in &events {
            let before = world.promotion.clone();
            let told = play(&mut world, event);
            for effect in told {
                if let Effect::CallDeployer { call, generation } = effect
                    && !matches!(event, Event::Again)
                {
                    prop_assert!(!calls.contains(&(call, generation)), "told twice: {:?}", calls);
                    calls.push((call, generation));
                }
            }
            let after = &world.promotion;
            if before.is_over() {
                prop_assert_eq!(&before, after);
            }
            if matches!(before.phase, Phase::TakingBack { .. }) {
                let goes_on = matches!(after.phase, Phase::Progressing { .. } | Phase::Succeeded { .. } | Phase::Watching { .. });
                prop_assert!(!goes_on, "what is taken back never succeeds");
            }
            prop_assert!(after.occupies() || after.call().is_none(), "who is told holds the target");
            let stored: Promotion = serde_json::from_str(&serde_json::to_string(after).unwrap()).unwrap();
            prop_assert_eq!(&stored, after);
        }
        let expected = [(DeployerCall::Start, 1), (DeployerCall::Abort, 2)];
        prop_assert!(expected.starts_with(&calls), "{:?}", calls);
    }

    #[test]
    fn every_run_ends_or_a_person_is_asked(events in proptest::collection::vec(event(), 0..60)) {
        let mut world = world(true, true);
        for event in &events {
            play(&mut world, event);
        }
        for _ in 0..4 * DEADLINE / 20 {
            world.pass_seconds(20);
            world.give(Input::Clock).unwrap();
        }
        let is_asked = matches!(world.promotion.phase, Phase::TakingBack { .. }) && world.promotion.trouble.is_some();
        prop_assert!(world.promotion.is_over() || is_asked, "{}", world.words());
        if is_asked {
            tell(&mut world, 2, succeeded()).unwrap();
            prop_assert!(world.promotion.is_over(), "its word ends it");
        }
    }

    #[test]
    fn the_same_report_twice_changes_at_most_when_it_was_heard_of(percent in 0..=100_u8) {
        let mut world = started(true, false);
        tell(&mut world, 1, running(percent, "at work")).unwrap();
        let once = world.promotion.clone();
        let again = tell(&mut world, 1, running(percent, "at work")).unwrap();
        prop_assert!(again.is_empty());
        prop_assert_eq!(once.place(), world.promotion.place());
        prop_assert_eq!(world.words(), format!("deploying: {percent} %, at work"));
    }
}

#[test]
fn what_is_said_of_trouble_is_true_of_a_deployer_too() {
    let mut world = started(true, true);
    answered(&mut world, 1, CallAnswer::Taken);
    for _ in 0..3 {
        world.pass_seconds(20);
        world.give(Input::Clock).unwrap();
    }
    assert!(world.promotion.trouble.is_some(), "{}", world.words());
    tell(&mut world, 1, running(40, "half way")).unwrap();
    assert!(world.promotion.trouble.is_none(), "{}", world.words());
    let transcript = world.transcript().to_owned();
    assert!(transcript.contains("Can tell again | what did not answer answers again"), "{transcript}");
    world.give(Input::Abort { by: rosa(), reason: "wrong version".into() }).unwrap();
    let refused = world.give(Input::Abandon { by: rosa(), reason: "it takes long".into() }).unwrap_err();
    let why = "taking back is under way and ends by itself; it can be given up only while a cluster, the Git repository \
               or the outside deployer does not answer";
    assert_eq!((refused.to_string().as_str(), refused), (why, Refusal::EndsByItself));
}

#[test]
fn a_short_deadline_is_told_in_seconds() {
    for (seconds, words) in [(10, "10 s"), (30, "30 s"), (600, "10 min")] {
        let cause = TakeBackCause::Budget { seconds, progress: "40 %".to_owned() };
        assert_eq!(cause.words(), format!("not complete within {words}: 40 %"));
    }
}
