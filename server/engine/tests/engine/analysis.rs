//! The analysis of promotions under way: a bad version is taken back by its numbers, a good one goes
//! on, what is not known asks, and nothing waits for a source of metrics.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use contract::{
    ErrorKind,
    analysis::{MetricAccess, MetricSourceInput, RuleView},
    clusters::ClustersBackend,
    environments::{EnvironmentInput, EnvironmentsBackend as _},
    judging::{ComparedWith, JudgingBackend as _, OwnQuery, RuleInput},
    promotions::{PromotionsBackend, Steer},
    services::{ServicesBackend, StrategyInput, TargetWorkloadInput},
};
use domain::{
    analysis::{Reading, Sample, SampleRange, Verdict},
    state::Mark,
};
use ports::{Clock as _, HealthProbe, MetricConnector, MetricError, MetricSettings, MetricSource};
use practice::{MockClock, PracticeCluster, PracticeMetrics};
use store::{ClusterKind, Durability, Store, StoreOptions};

use crate::{
    canaries::{canary, namespace, route, share_in, until},
    judging::target,
    world::{PracticeConnector, World, connect, engine_measured, noon, workload},
};

/// How a source answers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Mood {
    Honest,
    /// The target's address answers 503; the numbers are good.
    Unhealthy,
    Nothing,
    /// It says this number to every question.
    Counts(u8),
    /// It has seven of what it is asked about with these words, and of all else nothing.
    Only(&'static str),
    Fails,
    Hangs,
}

/// The practice cluster's numbers, with moods.
#[derive(Clone)]
pub struct Moody {
    inside: PracticeMetrics,
    mood: Arc<Mutex<Mood>>,
    asked: Arc<AtomicU64>,
    /// At which question it begins to hang.
    hangs_at: Arc<AtomicU64>,
    /// What it was connected to.
    pub connected: Arc<Mutex<Vec<String>>>,
}

impl Moody {
    fn new(practice: &PracticeCluster) -> Self {
        Self {
            inside: PracticeMetrics::new(practice.clone(), 7),
            mood: Arc::new(Mutex::new(Mood::Honest)),
            asked: Arc::default(),
            hangs_at: Arc::new(AtomicU64::new(u64::MAX)),
            connected: Arc::default(),
        }
    }

    pub fn set(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    fn asked(&self) -> u64 {
        self.asked.load(Ordering::SeqCst)
    }
}

impl MetricConnector for Moody {
    fn connect(&self, settings: &MetricSettings) -> Result<Arc<dyn MetricSource>, MetricError> {
        let words = match settings {
            MetricSettings::Practice => "practice".to_owned(),
            MetricSettings::Prometheus { address, .. } if address.contains("169.254") => {
                return Err(MetricError::Settings("calls may not go there".to_owned()));
            }
            MetricSettings::Prometheus { address, credentials, tenant } => {
                use ports::MetricCredentials::{None, Password, Token};
                use secrecy::ExposeSecret as _;
                match credentials {
                    None if tenant.is_some() => format!("{address} of {}", tenant.as_ref().unwrap().as_str()),
                    None => address.clone(),
                    Token(token) => format!("{address} by {}", token.expose_secret()),
                    Password { user, password } => format!("{address} by {user}:{}", password.expose_secret()),
                }
            }
        };
        self.connected.lock().unwrap().push(words);
        Ok(Arc::new(self.clone()))
    }

    fn health(&self) -> Arc<dyn HealthProbe> {
        Arc::new(self.clone())
    }
}

#[async_trait]
impl HealthProbe for Moody {
    fn look_at(&self, address: &str) -> Result<(), MetricError> {
        match address.contains("inside") {
            true => Err(MetricError::Settings("it leads inside; add it to outgoing_allow".to_owned())),
            false => Ok(()),
        }
    }

    async fn ask(&self, address: &str, patience: Duration) -> Result<Reading, MetricError> {
        self.connected.lock().unwrap().push(format!("GET {address} within {} s", patience.as_secs()));
        match *self.mood.lock().unwrap() {
            Mood::Unhealthy => Ok(Reading::value(1.0).with_note("status 503")),
            _ => Ok(Reading::value(0.0).with_note("status 200")),
        }
    }
}

#[async_trait]
impl MetricSource for Moody {
    async fn instant(&self, query: &str, at: DateTime<Utc>) -> Result<Reading, MetricError> {
        let number = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
        let mood = *self.mood.lock().unwrap();
        match mood {
            _ if number >= self.hangs_at.load(Ordering::SeqCst) => std::future::pending().await,
            Mood::Honest | Mood::Unhealthy => self.inside.instant(query, at).await,
            Mood::Nothing => Ok(Reading::series([])),
            Mood::Counts(series) => Ok(Reading::value(f64::from(series))),
            Mood::Only(words) if query.contains(words) => Ok(Reading::value(7.0)),
            Mood::Only(_) => Ok(Reading::series([])),
            Mood::Fails => Err(MetricError::Unreachable("connection refused".to_owned())),
            Mood::Hangs => std::future::pending().await,
        }
    }

    async fn range(&self, query: &str, range: &SampleRange) -> Result<Reading, MetricError> {
        self.inside.range(query, range).await
    }

    async fn check(&self, at: DateTime<Utc>) -> Result<Option<String>, MetricError> {
        let known = self.instant("practice:p95{namespace=\"x\",workload=\"y\"}[60s]", at).await;
        known.map(|_| Some("3.5.0".to_owned()))
    }
}

/// `cart` in production, promoted by a canary that is judged by its numbers.
pub async fn measured(label: &str, steps: &str) -> (World, Moody, i64) {
    let (world, metrics) = prepared(label, steps).await;
    let number = world.ask("cart", label).await;
    (world, metrics, number)
}

/// The same before it is asked for.
pub async fn prepared(label: &str, steps: &str) -> (World, Moody) {
    let dir = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/slipway.db", dir.path().display());
    let options = StoreOptions { durability: Durability::ProcessEnd, ..StoreOptions::default() };
    let store = Store::open(&url, options).await.unwrap();
    let clock = MockClock::at(noon());
    let practice = PracticeCluster::for_tests(Arc::new(clock.clone()));
    let metrics = Moody::new(&practice);
    let world = World::measured(store, clock, practice, Arc::new(metrics.clone()), 0, dir).await;
    world.service("cart").await;
    world.practice.create_route(&namespace(), &route()).unwrap();
    let input = StrategyInput { metrics: "practice".to_owned(), ..canary(steps) };
    world.engine.set_strategy(&world.rosa, "cart", "production", input).await.unwrap();
    world.version("cart", label).await;
    (world, metrics)
}

async fn samples(world: &World, number: i64) -> Vec<Sample> {
    let mut read = world.engine.store().read().await.unwrap();
    let id = read.promotion_by_number(number).await.unwrap().unwrap().promotion.id;
    read.samples(id, 1_000).await.unwrap()
}

/// No rule was evaluated twice in one interval.
fn assert_apart(samples: &[Sample]) {
    for rule in ["error-rate", "p95", "health", "restarts"] {
        let times: Vec<_> = samples.iter().filter(|s| s.rule.as_str() == rule).map(|s| s.at).collect();
        let least = if rule == "error-rate" || rule == "p95" { 60 } else { 10 };
        assert!(times.windows(2).all(|pair| (pair[1] - pair[0]).num_seconds() >= least), "{rule}: {times:?}");
    }
}

pub async fn rule(world: &World, number: i64, name: &str) -> RuleView {
    let view = world.engine.promotion(&world.rosa, number).await.unwrap();
    view.analysis.unwrap().rules.into_iter().find(|rule| rule.rule == name).unwrap()
}

async fn go_on(world: &World, number: i64) {
    let traffic = world.engine.promotion(&world.rosa, number).await.unwrap().traffic.unwrap();
    world.engine.steer(&world.rosa, number, Steer::GoOn { seen: traffic.as_seen.unwrap() }).await.unwrap();
}

#[tokio::test]
async fn a_version_with_errors_is_taken_back_within_one_window_and_two_intervals() {
    let (world, _metrics, number) = measured("2.0-errors", "10%, 10m").await;
    until(&world, number, "canary at 10 % until").await;
    let at_ten = world.clock.now();
    until(&world, number, "taking back").await;
    let took = (world.clock.now() - at_ten).num_seconds();
    assert!((175..=190).contains(&took), "{took} s: one window and two intervals of a minute");
    let status = world.finish(number).await;
    assert_eq!(status.phase, "failed");
    let words = status.words;
    assert!(words.starts_with("taken back: error rate 1") && words.contains("is above 5 % in 3 evaluations in a row"));
    assert_eq!(share_in(&world.practice), 0);
    assert_eq!(world.image_of("cart").await, "r.example/cart:1.0");
    let kept = samples(&world, number).await;
    let errors: Vec<_> = kept.iter().filter(|s| s.rule.as_str() == "error-rate").collect();
    assert_eq!(errors.len(), 3);
    assert!(
        errors.iter().all(|s| s.judgement.verdict == Verdict::Breach && s.query.contains("workload=\"cart-canary\""))
    );
    assert!(errors[0].stable_query.as_deref().unwrap().contains("workload=\"cart\",version=\"1.0\",side=\"stable\""));
    assert!(errors[0].requests_query.as_deref().unwrap().starts_with("practice:requests"));
    assert_apart(&kept);
    let shown = rule(&world, number, "error-rate").await;
    assert_eq!((shown.mark, shown.samples.len()), (Mark::Failed, 3));
    let point = &shown.samples[0];
    let (canary, stable) = (point.canary.unwrap().get(), point.stable.unwrap().get());
    assert!((11.8..13.2).contains(&canary) && stable < 1.0, "{canary} {stable}");
    assert!(point.words.contains("practice numbers"), "{}", point.words);
    let view = world.engine.promotion(&world.rosa, number).await.unwrap();
    let bands: Vec<_> = view.analysis.unwrap().bands.into_iter().map(|band| (band.words, band.to.is_some())).collect();
    assert_eq!(bands, [("10 %".to_owned(), true), ("back".to_owned(), true)]);
}

#[tokio::test]
async fn what_runs_beside_it_without_a_name_of_its_own_is_not_asked_the_same_again() {
    let (world, _metrics) = prepared("2.0", "10%, 30m").await;
    let own = OwnQuery {
        words: "failures".to_owned(),
        unit: None,
        query: "practice:p95{namespace=\"production\",workload=\"cart\",version=\"{{version}}\"}[60s]".to_owned(),
        requests: String::new(),
        too_low: false,
    };
    let compared_with = Some(ComparedWith::Stable);
    let rule = RuleInput { rule: "failures".to_owned(), compared_with, own: Some(own), ..RuleInput::default() };
    world.engine.set_rule(&world.rosa, target(), rule).await.unwrap();
    for (running, is_compared) in [("1.0", true), ("9.9", false)] {
        let image = format!("r.example/cart:{running}");
        world.practice.set_image_by_other(&workload("cart"), "app", &image).unwrap();
        world.clock.advance(Duration::from_secs(60));
        world.see().await;
        let number = world.ask("cart", "2.0").await;
        until(&world, number, "canary at 10 % until").await;
        world.pass(560).await;
        let kept = samples(&world, number).await;
        let last = kept.iter().rev().find(|s| s.rule.as_str() == "failures").unwrap();
        let is_nothing = matches!(last.stable, Some(Reading::Nothing { .. }));
        assert_eq!(is_nothing, !is_compared, "{running}: {last:?}");
        assert_eq!(last.judgement.verdict == Verdict::Ok, is_compared, "{running}: {last:?}");
        world.engine.abort(&world.rosa, number, "enough".to_owned()).await.unwrap();
        world.finish(number).await;
    }
}

#[tokio::test]
async fn a_good_version_finishes_by_itself() {
    let (world, _metrics, number) = measured("2.0", "10%, 1m, 50%, 1m").await;
    let status = world.finish(number).await;
    assert_eq!(status.phase, "succeeded", "{}", status.words);
    assert_eq!(world.image_of("cart").await, "r.example/cart:2.0");
    let kept = samples(&world, number).await;
    assert!(kept.iter().all(|s| s.judgement.verdict == Verdict::Ok), "{kept:?}");
    let errors = kept.iter().filter(|s| s.rule.as_str() == "error-rate").count();
    assert!(errors >= 3, "each share was looked at: {errors}");
    assert_apart(&kept);
}

#[tokio::test]
async fn a_source_that_answers_nothing_holds_and_asks_and_a_person_lets_it_go_on() {
    let (world, metrics, number) = measured("2.0", "10%, 2m, 50%, 1m").await;
    metrics.set(Mood::Nothing);
    until(&world, number, "paused by rule: analysis: no data for").await;
    world.pass(300).await;
    assert_eq!(share_in(&world.practice), 10, "nothing goes on by itself");
    go_on(&world, number).await;
    world.pass(15).await;
    assert_eq!(share_in(&world.practice), 50, "{}", world.status(number).await.words);
    until(&world, number, "paused by rule: analysis: no data for").await;
    metrics.set(Mood::Honest);
    let status = world.finish(number).await;
    assert_eq!(status.phase, "succeeded", "goes on by itself when there are numbers: {}", status.words);
}

#[tokio::test]
async fn a_source_that_fails_is_no_trouble_of_the_cluster_and_no_failure_of_the_version() {
    let (world, metrics, number) = measured("2.0", "10%, 5m").await;
    metrics.set(Mood::Fails);
    until(&world, number, "could not be read 5 times in a row").await;
    let words = world.status(number).await.words;
    assert!(words.contains("paused by rule: analysis") && words.contains("connection refused"), "{words}");
    let clusters = world.engine.clusters(&world.rosa).await.unwrap();
    assert_ne!(clusters[0].mark, Mark::Failed);
    assert_eq!(share_in(&world.practice), 10);
    world.engine.abort(&world.rosa, number, "no numbers".to_owned()).await.unwrap();
    assert_eq!(world.finish(number).await.phase, "aborted");
}

#[tokio::test]
async fn an_abort_never_waits_for_a_source_that_hangs() {
    let (world, metrics, number) = measured("2.0", "10%, 10m").await;
    until(&world, number, "canary at 10 % until").await;
    metrics.set(Mood::Hangs);
    world.clock.advance(Duration::from_secs(60));
    let before = metrics.asked();
    let working = tokio::spawn({
        let engine = world.engine.clone();
        async move { engine.reconcile_due().await.map(drop) }
    });
    while metrics.asked() == before {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let begun = std::time::Instant::now();
    world.engine.abort(&world.rosa, number, "at once".to_owned()).await.unwrap();
    assert!(!working.is_finished());
    world.engine.reconcile_due().await.unwrap();
    assert_eq!(share_in(&world.practice), 0, "what is measured holds up no other pass");
    working.await.unwrap().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}: the source has 10 s", begun.elapsed());
}

#[tokio::test]
async fn two_clusters_that_share_a_source_are_asked_about_apart() {
    let (world, metrics) = prepared("2.0", "10%, 10m").await;
    let engine = &world.engine;
    let mut asked = Vec::new();
    for (id, cluster) in [(78, "eu-1"), (79, "us-1")] {
        connect(engine, id, cluster, ClusterKind::InCluster).await;
        let input = |matchers: &str, tenant: &str| MetricSourceInput {
            cluster: cluster.to_owned(),
            address: "https://thanos.example".to_owned(),
            matchers: matchers.to_owned(),
            tenant: tenant.to_owned(),
            ..MetricSourceInput::default()
        };
        for (matchers, tenant, field) in [("cluster=eu-1", "", "matchers"), ("", "a b", "tenant")] {
            let refused = engine.set_metric_source(&world.admin, input(matchers, tenant)).await.unwrap_err();
            assert_eq!(refused.field(), Some(field), "{refused}");
        }
        let own = format!("cluster=\"{cluster}\"");
        engine.set_metric_source(&world.admin, input(&own, "shop")).await.unwrap();
        assert_eq!(metrics.connected.lock().unwrap().last().unwrap(), "https://thanos.example of shop");
        let shown = engine.metric_source(&world.rosa, cluster).await.unwrap().unwrap();
        assert_eq!((shown.matchers, shown.tenant.as_deref()), (own.clone(), Some("shop")));
        metrics.set(Mood::Counts(12));
        let plane = engine.test_metric_source(&world.admin, cluster, "istio").await.unwrap().plane.unwrap();
        assert!(plane.query.contains(&own), "{}", plane.query);
        asked.push(plane.query);
        metrics.set(Mood::Only("{reporter"));
        let why = engine.test_metric_source(&world.admin, cluster, "istio").await.unwrap().plane.unwrap().problem;
        assert_eq!(why, Some(format!("it has 7 series of Istio, but none with {own}; correct the labels")));
    }
    assert_ne!(asked[0], asked[1]);
}

#[tokio::test]
async fn killed_in_the_middle_of_a_question_it_goes_on_and_nothing_counts_twice() {
    for killed_at in [1, 4, 8, 9, 16, 17, 20] {
        let (world, metrics, number) = measured("2.0-errors", "10%, 10m").await;
        metrics.hangs_at.store(killed_at, Ordering::SeqCst);
        while metrics.asked() < killed_at {
            let pass = tokio::time::timeout(Duration::from_millis(150), world.engine.reconcile_due());
            // A pass that hangs is dropped with everything that it was doing, as a kill would.
            drop(pass.await);
            world.clock.advance(Duration::from_secs(1));
        }
        metrics.hangs_at.store(u64::MAX, Ordering::SeqCst);
        world.clock.advance(Duration::from_secs(20));
        let cluster = Arc::new(PracticeConnector(Arc::new(world.practice.clone())));
        let store = world.engine.store().clone();
        let nobody: engine::MakeMessenger = Arc::new(|_| panic!("nobody is told here"));
        let engine = engine_measured(store, &world.clock, cluster, Arc::new(metrics.clone()), nobody, 99);
        for _ in 0..400 {
            engine.reconcile_due().await.unwrap();
            world.clock.advance(Duration::from_secs(1));
        }
        let status = world.status(number).await;
        assert!(status.words.contains("in 3 evaluations in a row"), "killed at {killed_at}: {}", status.words);
        let kept = samples(&world, number).await;
        assert_eq!(kept.iter().filter(|s| s.rule.as_str() == "error-rate").count(), 3, "killed at {killed_at}");
        assert_apart(&kept);
    }
}

#[tokio::test]
async fn where_metrics_are_asked_for_is_set_kept_sealed_and_tested() {
    let (world, metrics, _number) = measured("2.0", "10%, 10m").await;
    connect(&world.engine, 78, "eu-1", ClusterKind::InCluster).await;
    let input = |address: &str, token: &str| MetricSourceInput {
        cluster: "eu-1".to_owned(),
        address: address.to_owned(),
        access: MetricAccess::Token,
        token: token.to_owned(),
        ..MetricSourceInput::default()
    };
    let engine = &world.engine;
    assert_eq!(engine.metric_source(&world.rosa, "eu-1").await.unwrap(), None);
    let missing = engine.test_metric_source(&world.admin, "eu-1", "").await.unwrap();
    assert!(missing.problem.unwrap().contains("has no metric source"));
    let refused = engine.set_metric_source(&world.theo, input("https://p.example", "t0p")).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Refused);
    let denied = engine.set_metric_source(&world.admin, input("https://169.254.169.254", "t")).await.unwrap_err();
    assert_eq!(denied.field(), Some("address"));
    let bare = engine.set_metric_source(&world.admin, input("https://p.example", "")).await.unwrap_err();
    assert_eq!((bare.field(), bare.message.as_str()), (Some("token"), "this is needed"));
    engine.set_metric_source(&world.admin, input("https://p.example", "t0p")).await.unwrap();
    let shown = engine.metric_source(&world.rosa, "eu-1").await.unwrap().unwrap();
    let expected = ("https://p.example", MetricAccess::Token, None);
    assert_eq!((shown.address.as_str(), shown.access, shown.user), expected);
    let kept = engine.store().read().await.unwrap().metric_sources().await.unwrap().remove(0);
    assert!(!kept.sealed_secret.unwrap().windows(3).any(|part| part == b"t0p"));
    let found = engine.test_metric_source(&world.admin, "eu-1", "").await.unwrap();
    assert_eq!((found.problem, found.version.as_deref(), found.plane), (None, Some("3.5.0"), None));
    assert_eq!(metrics.connected.lock().unwrap().last().unwrap(), "https://p.example by t0p");
    let wrong = engine.test_metric_source(&world.admin, "eu-1", "squid").await.unwrap_err();
    assert_eq!(wrong.field(), Some("metrics"));
    metrics.set(Mood::Nothing);
    let plane = engine.test_metric_source(&world.admin, "eu-1", "envoy_gateway").await.unwrap().plane.unwrap();
    assert_eq!((plane.plane.as_str(), plane.series), ("Envoy Gateway", 0));
    assert!(plane.problem.unwrap().contains("scraped"), "an empty source is said to be empty");
    metrics.set(Mood::Counts(12));
    let plane = engine.test_metric_source(&world.admin, "eu-1", "istio").await.unwrap().plane.unwrap();
    assert_eq!((plane.series, plane.problem), (12, None));
    assert!(plane.query.contains("istio_requests_total"), "{}", plane.query);
    let abroad = EnvironmentInput {
        name: "abroad".to_owned(),
        title: "abroad".to_owned(),
        clusters: vec!["eu-1".to_owned()],
        ..world.environment()
    };
    engine.add_environment(&world.admin, abroad).await.unwrap();
    let place = TargetWorkloadInput {
        cluster: "eu-1".to_owned(),
        namespace: "shop".to_owned(),
        workload: "cart".to_owned(),
        container: "app".to_owned(),
        component: None,
        kind: domain::observation::WorkloadKind::Deployment,
    };
    engine.set_target(&world.rosa, "cart", "abroad", vec![place].into()).await.unwrap();
    metrics.set(Mood::Only(".+"));
    let plane = engine.test_metric_source(&world.admin, "eu-1", "istio").await.unwrap().plane.unwrap();
    assert!(plane.query.contains("destination_workload_namespace=~\"shop\""), "{}", plane.query);
    let why = plane.problem.unwrap();
    assert!(why.starts_with("it has 7 series of Istio, but none of requests to shop, where targets"), "{why}");
    metrics.set(Mood::Counts(60));
    let plane = engine.test_metric_source(&world.admin, "eu-1", "istio").await.unwrap().plane.unwrap();
    assert_eq!(plane.scrape_seconds, Some(60));
    let few = "the window of error-rate (60 s) has fewer than four scrapes of 60 s; take at least 240 s";
    assert!(plane.warnings.contains(&few.to_owned()), "{:?}", plane.warnings);
    let counted = StrategyInput { metrics: "istio".to_owned(), ..canary("10%, 10m") };
    world.engine.set_strategy(&world.rosa, "cart", "abroad", counted).await.unwrap();
    let plane = engine.test_metric_source(&world.admin, "eu-1", "istio").await.unwrap().plane.unwrap();
    assert!(plane.warnings.contains(&format!("cart in abroad: {few}")), "{:?}", plane.warnings);
    metrics.set(Mood::Fails);
    let problem = engine.test_metric_source(&world.admin, "eu-1", "istio").await.unwrap().problem.unwrap();
    assert!(problem.contains("connection refused"), "{problem}");
    engine.set_metric_source(&world.admin, input("https://p.example", "")).await.unwrap();
    assert_eq!(metrics.connected.lock().unwrap().last().unwrap(), "https://p.example by t0p", "it is kept");
    let refused = engine.set_metric_source(&world.admin, input("https://thief.example", "")).await.unwrap_err();
    assert_eq!(refused.field(), Some("token"), "what is known is not sent to another place");
    let thief =
        MetricSourceInput { access: MetricAccess::Password, user: "eve".to_owned(), ..input("https://p.example", "") };
    let refused = engine.set_metric_source(&world.admin, thief).await.unwrap_err();
    assert_eq!(refused.field(), Some("password"), "a token is no password");
    engine.clear_metric_source(&world.admin, "eu-1").await.unwrap();
    assert_eq!(engine.metric_source(&world.rosa, "eu-1").await.unwrap(), None);
    let practice = MetricSourceInput { cluster: "practice".to_owned(), ..input("https://p.example", "t") };
    assert_eq!(engine.set_metric_source(&world.admin, practice).await.unwrap_err().kind, ErrorKind::Conflict);
}
