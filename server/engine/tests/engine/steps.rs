//! Steps that change no share, from request to end: messages that are told once whatever the channel
//! answers, and an analysis by the numbers of a practice cluster.

use std::time::Duration;

use contract::{
    promotions::{PromotionsBackend, Steer},
    services::{ServicesBackend, StrategyInput},
};
use domain::names::WorkloadName;
use ports::{Cluster as _, JobChange, JobWant, MessengerError};
use practice::{MessengerFault, NewCronJob};

use crate::{
    canaries::{canary, namespace, route, share_in, until},
    world::World,
};

/// `cart` in production by a canary whose requests the practice cluster counts.
async fn world(steps: &str) -> World {
    let world = World::new(0).await;
    world.service("cart").await;
    world.practice.create_route(&namespace(), &route()).unwrap();
    let input = StrategyInput { metrics: "practice".to_owned(), ..canary(steps) };
    world.engine.set_strategy(&world.rosa, "cart", "production", input).await.unwrap();
    world
}

async fn asked(world: &World, label: &str) -> i64 {
    world.version("cart", label).await;
    world.ask("cart", label).await
}

/// What steps have said in the channel, in order.
fn said(world: &World) -> Vec<String> {
    let messages = world.messenger.messages();
    messages.iter().filter(|m| m.key.step.is_some()).map(|m| m.texts.last().unwrap().state.clone()).collect()
}

#[tokio::test]
async fn what_a_step_says_is_posted_once_and_nobody_waits_for_it() {
    let faults = [
        None,
        Some(MessengerFault::LostAnswer),
        Some(MessengerFault::LostRequest),
        Some(MessengerFault::Answer(MessengerError::RateLimited { seconds: 5 })),
        Some(MessengerFault::Answer(MessengerError::Refused("channel_not_found".to_owned()))),
    ];
    for fault in faults {
        let world = world("10%, notify:\"10 % of you have it\", ask, notify:\"rolls out, <!channel>\"").await;
        world.with_slack().await;
        let number = asked(&world, "2.0").await;
        until(&world, number, "canary at 10 %:").await;
        // The state is told meanwhile, so one of these hits the step's own message.
        for fault in fault.iter().cycle().take(6) {
            world.messenger.fail_next(fault.clone());
        }
        until(&world, number, "waits for someone to let it go on").await;
        world.pass(90).await;
        assert_eq!(said(&world), ["10 % of you have it"], "{fault:?}");
        let step = world.engine.promotion(&world.rosa, number).await.unwrap().traffic.unwrap().step.unwrap();
        world
            .engine
            .steer(&world.rosa, number, Steer::GoOn { seen: domain::promotion::AsSeen::step(step) })
            .await
            .unwrap();
        assert_eq!(world.finish(number).await.phase, "succeeded");
        world.pass(5).await;
        assert_eq!(said(&world), ["10 % of you have it", "rolls out, <!channel>"], "{fault:?}");
        let messages = world.messenger.messages();
        let one = messages.iter().find(|m| m.key.step == Some(1)).unwrap();
        assert_eq!(one.texts[0].title, "cart 2.0 to production");
        assert_eq!(one.texts[0].details, [format!("step 2 of promotion {number}")]);
    }
}

#[tokio::test]
async fn without_a_channel_what_a_step_says_stands_in_the_journal() {
    let world = world("10%, notify:Hello").await;
    let number = asked(&world, "2.0").await;
    assert_eq!(world.finish(number).await.phase, "succeeded");
    let view = world.engine.promotion(&world.rosa, number).await.unwrap();
    let line = view.journal.iter().find(|line| line.title == "Message").unwrap();
    assert_eq!((line.detail.as_str(), line.by.as_str()), ("“Hello”", "rule: strategy"));
    assert_eq!(world.engine.store().read().await.unwrap().pending_effects().await.unwrap(), 0);
}

#[tokio::test]
async fn an_analysis_that_finds_the_version_good_ends_early_and_says_how_far_it_is() {
    let world = world("10%, analysis:5x, 50%, ask").await;
    let number = asked(&world, "2.0").await;
    until(&world, number, "judged, 0 of 5 measurements").await;
    let view = world.engine.promotion(&world.rosa, number).await.unwrap();
    assert_eq!(view.next, "Judged, 0 of 5 measurements; then 50 %.");
    let ten = view.steps.iter().find(|step| step.title == "10 %").unwrap();
    assert!(ten.detail.contains("judged"), "{ten:?}");
    until(&world, number, "judged, 2 of 5 measurements").await;
    until(&world, number, "canary at 50 %").await;
    let bands = world.engine.promotion(&world.rosa, number).await.unwrap().analysis.unwrap().bands;
    assert!(bands.iter().any(|band| band.words == "10 %"), "{bands:?}");
}

#[tokio::test]
async fn a_version_with_errors_is_taken_back_by_an_analysis() {
    let world = world("10%, analysis:20m, 50%").await;
    let number = asked(&world, "2.0-errors").await;
    until(&world, number, "judged until").await;
    until(&world, number, "taking back").await;
    let status = world.finish(number).await;
    assert!(status.words.starts_with("taken back: error rate"), "{}", status.words);
    assert_eq!(share_in(&world.practice), 0);
}

#[tokio::test]
async fn steps_that_cannot_be_are_refused_where_they_are_typed() {
    let world = world("10%").await;
    for (steps, why) in [
        ("analysis:10m, 10%", "step 1 has nothing to look at yet"),
        ("10%, analysis:0x", "step 2 looks for a time that cannot be had"),
        ("10%, notify:\"open", "'notify:\"open' is no step"),
    ] {
        let refused = world.engine.set_strategy(&world.rosa, "cart", "production", canary(steps)).await.unwrap_err();
        assert!(refused.message.contains(why), "{}", refused.message);
    }
}

pub fn cron_job(takes: u64, exit_code: i32) -> NewCronJob {
    NewCronJob {
        namespace: namespace(),
        name: WorkloadName::parse("smoke").unwrap(),
        takes: Duration::from_secs(takes),
        exit_code,
        log: "checkout answers\nrefund: expected 200, got 500\n".to_owned(),
    }
}

async fn with_job(steps: &str, takes: u64, exit_code: i32) -> (World, i64) {
    let world = world(steps).await;
    world.practice.create_cron_job(cron_job(takes, exit_code)).unwrap();
    let number = asked(&world, "2.0").await;
    (world, number)
}

/// What was done to Jobs, in order.
fn deeds(world: &World) -> Vec<String> {
    let journal = world.practice.journal().unwrap();
    journal.into_iter().map(|write| write.act).filter(|act| act.ends_with("the job")).collect()
}

#[tokio::test]
async fn a_job_runs_once_knows_the_version_and_is_gone_at_the_end() {
    let (world, number) = with_job("10%, job:smoke, 50%", 20, 0).await;
    until(&world, number, "canary at 10 %, Job practice production/smoke-").await;
    until(&world, number, "1 pod active").await;
    let view = world.engine.promotion(&world.rosa, number).await.unwrap();
    assert!(view.next.starts_with("Job practice production/smoke-") && view.next.ends_with("; then 50 %."), "{view:?}");
    assert!(view.traffic.unwrap().lines.iter().any(|line| line.ends_with("1 pod active")));
    let (job, told) = world.practice.jobs_there().unwrap().remove(0);
    assert!(job.name.as_str().starts_with(&format!("smoke-{number}-2-")), "{job}");
    let told: Vec<_> = told.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let number_told = number.to_string();
    assert_eq!(
        told,
        [
            ("SLIPWAY_VERSION", "2.0"),
            ("SLIPWAY_IMAGE", "r.example/cart:2.0"),
            ("SLIPWAY_SERVICE", "cart"),
            ("SLIPWAY_ENVIRONMENT", "production"),
            ("SLIPWAY_PROMOTION", number_told.as_str()),
            ("SLIPWAY_CANDIDATE", "cart-canary"),
        ]
    );
    assert_eq!(world.finish(number).await.phase, "succeeded");
    assert_eq!(deeds(&world), ["start the job", "remove the job"]);
}

#[tokio::test]
async fn a_job_that_fails_takes_back_and_its_last_lines_are_on_the_page() {
    let (world, number) = with_job("10%, job:smoke, 50%", 20, 3).await;
    let status = world.finish(number).await;
    assert_eq!(status.phase, "failed");
    assert!(status.words.contains("failed: BackoffLimitExceeded"), "{}", status.words);
    assert_eq!((share_in(&world.practice), deeds(&world)), (0, vec!["start the job".into(), "remove the job".into()]));
    let view = world.engine.promotion(&world.rosa, number).await.unwrap();
    let failing = &view.failing[0].evidence;
    assert_eq!(failing.words, "Error, exit code 3");
    let domain::evidence::Told::Known(log) = &failing.report.log else { panic!("{failing:?}") };
    assert_eq!(log.lines.last().unwrap(), "refund: expected 200, got 500");
}

#[tokio::test]
async fn a_job_that_takes_too_long_is_ended_and_takes_back() {
    let (world, number) = with_job("10%, job:smoke:30s, 50%", 900, 0).await;
    let status = world.finish(number).await;
    assert!(status.words.contains("DeadlineExceeded"), "{}", status.words);
    assert_eq!(world.practice.jobs_there().unwrap(), []);
}

#[tokio::test]
async fn an_abort_removes_the_job_and_without_its_cron_job_nothing_starts() {
    let (world, number) = with_job("10%, job:smoke, 50%", 300, 0).await;
    until(&world, number, "1 pod active").await;
    world.engine.abort(&world.rosa, number, "no".to_owned()).await.unwrap();
    world.pass(3).await;
    assert_eq!(world.practice.jobs_there().unwrap(), [], "at once");
    assert_eq!(world.finish(number).await.phase, "aborted");
    world.practice.delete_cron_job(&namespace(), &WorkloadName::parse("smoke").unwrap()).unwrap();
    let status = world.finish(asked(&world, "2.1").await).await;
    assert!(status.words.contains("not started: CronJob practice production/smoke is not there"), "{}", status.words);
    assert_eq!(world.writes("cart-canary"), 4, "those of the first");
}

#[tokio::test]
async fn a_job_that_was_left_is_swept_and_those_of_live_promotions_stay() {
    let (world, number) = with_job("10%, job:smoke, 50%", 300, 0).await;
    until(&world, number, "1 pod active").await;
    world.engine.sweep().await.unwrap();
    let (job, _) = world.practice.jobs_there().unwrap().remove(0);
    world.engine.abort(&world.rosa, number, "no".to_owned()).await.unwrap();
    assert_eq!(world.finish(number).await.phase, "aborted");
    // A write of a worker that stood still comes late.
    let stamp = world.practice.journal().unwrap().iter().find(|w| w.act == "start the job").unwrap().stamp.unwrap();
    let template = WorkloadName::parse("smoke").unwrap();
    let want = JobWant::There { template, seconds: 60, variables: vec![] };
    let late = JobChange { job, stamp, want, change_cause: String::new() };
    world.practice.apply_job(&late).await.unwrap();
    world.engine.sweep().await.unwrap();
    assert_eq!(world.practice.jobs_there().unwrap(), []);
    let view = world.engine.promotion(&world.rosa, number).await.unwrap();
    assert!(view.journal[0].detail.ends_with("was left, and is removed"), "{:?}", view.journal[0]);
}
