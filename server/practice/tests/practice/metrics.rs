//! The practice cluster's numbers, asked as a rule asks.

use chrono::TimeDelta;
use domain::analysis::{
    DataPlane, HealthCheck, Labels, MetricRule, Queries, Reading, Sample, SampleRange, Side, Verdict, default_rules,
    queries,
};
use domain::{names::ServiceName, version::VersionLabel};
use ports::{Clock, MetricError, MetricSource};
use practice::{PRACTICE_NOTE, PracticeMetrics};

use crate::support::{World, deployment};

/// A world in which this Deployment has had its time to become ready, and its numbers.
fn running(tag: &str) -> (World, PracticeMetrics, Labels) {
    let world = World::new();
    let new = deployment("cart-canary", 3, tag);
    let labels = Labels {
        side: Side::Canary,
        cluster: domain::analysis::Matchers::default(),
        service: ServiceName::parse("cart").unwrap(),
        namespace: new.namespace.clone(),
        version: VersionLabel::parse(tag).unwrap(),
        workload: new.name.clone(),
        backend: None,
        route: None,
        ingress: None,
    };
    world.cluster.create_deployment(&new).unwrap();
    world.pass(60_000);
    let metrics = PracticeMetrics::new(world.cluster.clone(), 7);
    (world, metrics, labels)
}

fn rule(name: &str) -> MetricRule {
    let rules = default_rules(Some(DataPlane::Practice), &HealthCheck::Readiness);
    rules.into_iter().find(|r| r.name().as_str() == name).unwrap()
}

async fn evaluated(world: &World, metrics: &PracticeMetrics, labels: &Labels, name: &str) -> Sample {
    let rule = rule(name);
    let Queries::Source { value, requests, .. } = queries(&rule, labels).unwrap() else { panic!("{name}") };
    let at = world.clock.now();
    let reading = metrics.instant(&value, at).await.unwrap();
    let counted = metrics.instant(&requests.unwrap(), at).await.unwrap();
    Sample::judged(&rule, at, value, reading.with_requests(counted))
}

#[tokio::test]
async fn a_version_answers_as_its_tag_says() {
    let rows = [
        ("1.0", Verdict::Ok, Verdict::Ok),
        ("1.0-errors", Verdict::Breach, Verdict::Ok),
        ("1.0-fewerrors", Verdict::Warning, Verdict::Ok),
        ("1.0-slowanswers", Verdict::Ok, Verdict::Breach),
        // Nobody answers, so nothing is measured.
        ("1.0-neverready", Verdict::NoData, Verdict::NoData),
    ];
    for (tag, errors, latency) in rows {
        let (world, metrics, labels) = running(tag);
        for (name, expected) in [("error-rate", errors), ("p95", latency)] {
            let sample = evaluated(&world, &metrics, &labels, name).await;
            assert_eq!(sample.judgement.verdict, expected, "{tag} {name}: {}", sample.judgement.words);
            let (Reading::Measured { notes, .. } | Reading::Nothing { notes }) = &sample.canary else {
                panic!("{tag}")
            };
            assert_eq!(notes, &[PRACTICE_NOTE]);
        }
    }
}

#[tokio::test]
async fn the_same_seed_gives_the_same_numbers_and_time_gives_others() {
    let (world, metrics, labels) = running("1.0");
    let first = evaluated(&world, &metrics, &labels, "p95").await;
    assert_eq!(evaluated(&world, &metrics, &labels, "p95").await, first);
    let (other_world, same_seed, _) = running("1.0");
    assert_eq!(evaluated(&other_world, &same_seed, &labels, "p95").await, first);
    let other_seed = PracticeMetrics::new(world.cluster.clone(), 8);
    assert_ne!(evaluated(&world, &other_seed, &labels, "p95").await.canary, first.canary);
    let Queries::Source { value, .. } = queries(&rule("p95"), &labels).unwrap() else { panic!() };
    let to = world.clock.now();
    let range = SampleRange { from: to - TimeDelta::seconds(19 * 60), to, step_seconds: 60 };
    let Ok(Reading::Measured { values, .. }) = metrics.range(&value, &range).await else { panic!() };
    assert_eq!((values.len(), values.last().map(|v| v.get())), (20, first.canary.latest()));
    assert!(values.iter().all(|v| (290.0..330.0).contains(&v.get())));
    assert!(values.windows(2).any(|pair| pair[0] != pair[1]));
}

#[tokio::test]
async fn what_is_not_its_own_is_refused_and_scripted_answers_come_first() {
    let (world, metrics, labels) = running("1.0");
    let at = world.clock.now();
    for query in ["up", "practice:p95", "practice:nothing{namespace=\"shop\",workload=\"cart-canary\"}[60s]"] {
        assert!(matches!(metrics.instant(query, at).await, Err(MetricError::Query(_))), "{query}");
    }
    let gone = "practice:p95{namespace=\"shop\",workload=\"gone\"}[60s]";
    assert!(matches!(metrics.instant(gone, at).await, Ok(Reading::Nothing { .. })));
    metrics.answer_next(Err(MetricError::Unreachable("away".into())));
    metrics.answer_next(Ok(Reading::value(99.0)));
    assert!(metrics.instant(gone, at).await.is_err());
    assert_eq!(metrics.instant(gone, at).await.unwrap(), Reading::value(99.0));
    assert_eq!(metrics.check(at).await, Ok(None));
    assert_eq!(evaluated(&world, &metrics, &labels, "p95").await.judgement.verdict, Verdict::Ok);
}
