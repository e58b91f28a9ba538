//! The Prometheus client, and the questions of the rules, against a real Prometheus that scrapes the
//! exporter.

use std::{
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant, SystemTime},
};

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    analysis::{
        Backend, Conclusion, Counted, CustomQuery, DataPlane, Labels, Matchers, Measure, MetricRule, Moment, Quantile,
        Queries, Reading, Resource, Route, RouteRule, RuleDraft, Sample, SampleRange, Side, Traffic, Trigger, Watch,
        conclude, default_rules, presence, queries, scrape_seconds,
    },
    names::{Namespace, ServiceName, WorkloadName},
    traffic::RouteKind,
    version::VersionLabel,
};
use outgoing::{Client, Judge, Prometheus};
use ports::{MetricCredentials, MetricError, MetricSource};
use secrecy::SecretString;

use crate::exporter;

/// How long Prometheus may take to start, and then to have scraped often enough.
const PATIENCE: Duration = Duration::from_secs(40);

/// What `htpasswd -B` makes of the password below.
const HASH: &str = "$2b$04$YQ/CIL1gWac.9Is6V5fFgeUfsdCIibp30u5CVYMh569EWqRHhVEHO";
const PASSWORD: &str = "prom-canary-4711";

/// A Prometheus in a temporary folder; gone when it is dropped.
struct Real {
    child: Child,
    folder: tempfile::TempDir,
    address: String,
}

impl Drop for Real {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to do.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Real {
    fn start(scraped: SocketAddr, web_config: &str) -> Self {
        Self::scraping(&format!("honor_labels: true, static_configs: [{{targets: ['{scraped}']}}]"), web_config)
    }

    /// One that scrapes by this job.
    fn scraping(job: &str, web_config: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = format!(
            "global: {{scrape_interval: 1s, scrape_timeout: 1s}}\nscrape_configs: [{{job_name: exporter, {job}}}]\n"
        );
        std::fs::write(folder.path().join("prometheus.yml"), config).unwrap();
        std::fs::write(folder.path().join("web.yml"), web_config).unwrap();
        let address = free_address();
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let child = tied(program())
            .arg(format!("--web.listen-address={address}"))
            .args(["--config.file=prometheus.yml", "--web.config.file=web.yml", "--storage.tsdb.path=data"])
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        Self { child, folder, address: format!("http://{address}") }
    }

    fn client(&self, credentials: MetricCredentials) -> Prometheus {
        let judge = Judge::new(vec!["127.0.0.1".parse().unwrap()]);
        Prometheus::new(Client::new(judge).unwrap(), &self.address, credentials).unwrap()
    }

    /// Asks until the answer is the one waited for; fails with the last answer and the log.
    async fn until<T: std::fmt::Debug>(&self, mut ask: impl AsyncFnMut() -> T, is_it: impl Fn(&T) -> bool) -> T {
        let began = Instant::now();
        loop {
            let answer = ask().await;
            if is_it(&answer) {
                return answer;
            }
            let log = || std::fs::read_to_string(self.folder.path().join("log")).unwrap();
            assert!(began.elapsed() < PATIENCE, "{answer:?}\n{}", log());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

fn program() -> PathBuf {
    #[expect(clippy::disallowed_methods, reason = "the one place where these tests learn of their Prometheus")]
    let named = std::env::var("SLIPWAY_TEST_PROMETHEUS").ok().filter(|name| !name.is_empty());
    let found = named.map(PathBuf::from).or_else(|| on_path("prometheus"));
    assert!(
        found.is_some(),
        "there is no Prometheus: run `cargo xtask test`, which sets it up, or `apt-get install prometheus`, \
         or name the program in SLIPWAY_TEST_PROMETHEUS"
    );
    found.unwrap()
}

fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// A command that the kernel ends with this thread, where `setpriv` can arrange it: a test that is
/// killed drops nothing.
fn tied(program: PathBuf) -> Command {
    match on_path("setpriv") {
        Some(setpriv) => {
            let mut command = Command::new(setpriv);
            command.args(["--pdeathsig", "KILL", "--"]).arg(program);
            command
        }
        None => Command::new(program),
    }
}

fn free_address() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn now() -> DateTime<Utc> {
    DateTime::from(SystemTime::now())
}

fn labels(name: &str) -> Labels {
    let workload = |text| WorkloadName::parse(text).unwrap();
    let namespace = Namespace::parse("shop").unwrap();
    Labels {
        side: if name == "cart" { Side::Stable } else { Side::Canary },
        cluster: Matchers::default(),
        service: ServiceName::parse("cart").unwrap(),
        namespace: namespace.clone(),
        version: VersionLabel::parse("2.30.4").unwrap(),
        workload: workload(name),
        backend: Some(Backend { service: workload(name), stable: workload("cart"), port: Some(80) }),
        route: Some(Route {
            namespace,
            name: workload("cart"),
            kind: RouteKind::Http,
            rules: vec![RouteRule { number: 0, counted: Counted::Backend(1) }],
            is_shared: true,
        }),
        ingress: Some(workload("cart")),
    }
}

/// A rule over five seconds, the shortest window there is; the exporter is scraped every second.
fn rule(what: Traffic, plane: DataPlane) -> MetricRule {
    let usual = default_rules(Some(plane), &domain::analysis::HealthCheck::Readiness);
    let usual = usual.iter().find(|r| r.name().as_str() == "error-rate").unwrap().draft();
    MetricRule::try_from(RuleDraft {
        measure: Measure::Traffic { what, plane },
        window_seconds: 5,
        interval_seconds: 5,
        trigger: Trigger::Consecutive(2),
        ..usual
    })
    .unwrap()
}

/// Puts a rule's questions as a worker would.
async fn evaluate(source: &Prometheus, rule: &MetricRule, labels: &Labels, at: DateTime<Utc>) -> Sample {
    let asked = queries(rule, labels).unwrap();
    let text = asked.text(rule, labels);
    let Queries::Source { value, requests, .. } = asked else { panic!("{text}") };
    let answer = |answer: Result<Reading, MetricError>| answer.unwrap_or_else(|error| error.reading());
    let reading = answer(source.instant(&value, at).await);
    let counted = answer(source.instant(&requests.unwrap(), at).await);
    Sample::judged(rule, at, text, reading.with_requests(counted))
}

/// Waits until a whole window was scraped.
async fn scraped(real: &Real, source: &Prometheus) {
    let is_enough = |answer: &Result<Reading, MetricError>| {
        answer.as_ref().ok().and_then(Reading::latest).is_some_and(|scrapes| scrapes >= 5.0)
    };
    real.until(async || source.instant("count_over_time(up{job=\"exporter\"}[5s])", now()).await, is_enough)
        .await
        .unwrap();
}

fn near(found: &Reading, expected: f64) {
    let value = found.latest();
    assert!(value.is_some_and(|v| (v - expected).abs() < 1e-6), "{found:?} is not {expected}");
}

#[tokio::test]
async fn every_template_gives_the_number_that_was_exported() {
    let real = Real::start(exporter::start().await, "");
    let source = real.client(MetricCredentials::None);
    real.until(async || source.check(now()).await, Result::is_ok).await.unwrap();
    scraped(&real, &source).await;
    let at = now();
    let canary = labels("cart-canary");
    let planes = [
        (DataPlane::Istio, 7.0),
        (DataPlane::IstioGateway, 10.0),
        (DataPlane::EnvoyGateway, 20.0),
        (DataPlane::IstioStockEnvoy, 25.0),
        (DataPlane::IngressNginx, 40.0),
    ];
    for (plane, errors) in planes {
        let sample = evaluate(&source, &rule(Traffic::ErrorRate, plane), &canary, at).await;
        near(&sample.canary, errors);
        let expected = format!("error rate {errors} % is above 5 %");
        assert_eq!(sample.judgement.words, expected, "{}", sample.query);
        near(&evaluate(&source, &rule(Traffic::SuccessRate, plane), &canary, at).await.canary, 100.0 - errors);
        is_found_where_it_is(&source, plane, at).await;
    }
    // Between 500 and 1,000 ms lie the requests 94 to 100 of a hundred.
    let p95 = 500.0 + 500.0 / 6.0;
    for plane in [DataPlane::Istio, DataPlane::IngressNginx] {
        near(&evaluate(&source, &rule(Traffic::Latency(Quantile::P95), plane), &canary, at).await.canary, p95);
    }
    let rate = evaluate(&source, &rule(Traffic::RequestRate, DataPlane::Istio), &canary, at).await;
    // A hundred a scrape; scrapes are a second apart, more or less.
    assert!(rate.canary.latest().is_some_and(|r| (80.0..120.0).contains(&r)), "{rate:?}");
    // Errors without a series are none; the other side of an Ingress is told apart.
    for plane in [DataPlane::Istio, DataPlane::IngressNginx] {
        near(&evaluate(&source, &rule(Traffic::ErrorRate, plane), &labels("cart"), at).await.canary, 0.0);
    }
    // Without requests nothing is measured: neither of what stands still nor of what is not there.
    for name in ["cart-idle", "nobody"] {
        for what in [Traffic::ErrorRate, Traffic::SuccessRate, Traffic::Latency(Quantile::P95)] {
            let sample = evaluate(&source, &rule(what, DataPlane::Istio), &labels(name), at).await;
            assert!(matches!(sample.canary, Reading::Nothing { .. }), "{name} {sample:?}");
        }
    }
    containers_are_measured_against_their_limits(&source, at).await;
    a_real_canary_is_judged(&real, &source).await;
    odd_queries_are_told_apart(&real, &source).await;
    names_stay_inside_their_strings(&source).await;
}

#[tokio::test]
async fn an_ingress_is_found_also_where_a_scrape_keeps_its_own_labels() {
    let exporter = exporter::start().await;
    // As a ServiceMonitor and a PodMonitor label what they scrape.
    for own in ["namespace: ingress-nginx, service: ingress-nginx-controller-metrics", "namespace: ingress-nginx"] {
        let real = Real::scraping(&format!("static_configs: [{{targets: ['{exporter}'], labels: {{{own}}}}}]"), "");
        let source = real.client(MetricCredentials::None);
        real.until(async || source.check(now()).await, Result::is_ok).await.unwrap();
        scraped(&real, &source).await;
        let at = now();
        let ask = async |what, name: &str| {
            evaluate(&source, &rule(what, DataPlane::IngressNginx), &labels(name), at).await.canary
        };
        near(&ask(Traffic::ErrorRate, "cart-canary").await, 40.0);
        near(&ask(Traffic::ErrorRate, "cart").await, 0.0);
        near(&ask(Traffic::SuccessRate, "cart").await, 100.0);
        near(&ask(Traffic::Latency(Quantile::P95), "cart-canary").await, 500.0 + 500.0 / 6.0);
        is_found_where_it_is(&source, DataPlane::IngressNginx, at).await;
    }
}

/// What rules ask for is found in the namespace that has requests, in all of them, and nowhere else.
async fn is_found_where_it_is(source: &Prometheus, plane: DataPlane, at: DateTime<Utc>) {
    for (namespaces, is_there) in [(&["shop"][..], true), (&["attic", "shop"], true), (&[], true), (&["attic"], false)]
    {
        let parsed: Vec<_> = namespaces.iter().map(|name| Namespace::parse(name).unwrap()).collect();
        let questions = presence(plane, &parsed, &Matchers::default()).unwrap();
        let found = source.instant(&questions.series, at).await.unwrap();
        // Over four seconds instead of ten minutes.
        let interval = source.instant(&questions.interval.replace("600", "4"), at).await.unwrap();
        let every = interval.latest().and_then(scrape_seconds);
        assert_eq!(every, is_there.then_some(1), "{plane:?} in {namespaces:?}: {interval:?}");
        assert_eq!(
            found.latest().is_some_and(|series| series > 0.0),
            is_there,
            "{plane:?} in {namespaces:?}: {found:?}"
        );
    }
}

async fn containers_are_measured_against_their_limits(source: &Prometheus, at: DateTime<Utc>) {
    let read = async |what| {
        let usual = rule(Traffic::ErrorRate, DataPlane::Istio).draft();
        let draft = RuleDraft { measure: Measure::Resource { what }, minimum_requests: 0, ..usual };
        let rule = MetricRule::try_from(draft).unwrap();
        let Queries::Source { value, .. } = queries(&rule, &labels("cart-canary")).unwrap() else { panic!() };
        source.instant(&value, at).await.unwrap()
    };
    near(&read(Resource::Memory).await, 85.0);
    near(&read(Resource::Disk).await, 91.0);
    let cpu = read(Resource::Cpu).await;
    assert!(cpu.latest().is_some_and(|percent| (40.0..60.0).contains(&percent)), "{cpu:?}");
}

/// The whole way: rule, questions, Prometheus, samples, conclusion.
async fn a_real_canary_is_judged(real: &Real, source: &Prometheus) {
    let rule = rule(Traffic::ErrorRate, DataPlane::Istio);
    let canary = labels("cart-canary");
    let mut watch = Watch::new(rule.clone(), now() - TimeDelta::seconds(5));
    let said = real
        .until(
            async || {
                let sample = evaluate(source, &rule, &canary, now()).await;
                watch.fold(&sample);
                conclude(&[watch.clone()], Moment::Underway)
            },
            |conclusion| matches!(conclusion, Conclusion::Breach { .. }),
        )
        .await;
    let Conclusion::Breach { words, .. } = said else { panic!("{said:?}") };
    assert_eq!(words, "error rate 7 % is above 5 % in 2 evaluations in a row");
}

async fn odd_queries_are_told_apart(real: &Real, source: &Prometheus) {
    let ask = async |query: &str| source.instant(query, now()).await;
    assert_eq!(ask("3").await.unwrap().latest(), Some(3.0));
    for nothing in ["0/0", "1/0", "absent_metric", "vector(0)/0"] {
        assert!(matches!(ask(nothing).await, Ok(Reading::Nothing { .. })), "{nothing}");
    }
    for (query, expected) in [
        ("istio_requests_total", "it gives 7 series"),
        ("\"text\"", "it gives a text"),
        ("sum(", "parse error"),
        ("istio_requests_total * on(reporter) istio_requests_total", "found duplicate series"),
    ] {
        match ask(query).await {
            Err(MetricError::Query(why)) => assert!(why.contains(expected), "{query}: {why}"),
            other => panic!("{query}: {other:?}"),
        }
    }
    let is_four = |answer: &Result<Reading, MetricError>| matches!(answer, Ok(Reading::Measured { values, .. }) if values.len() == 4 && values.iter().all(|v| v.get() > 0.5));
    let range = || {
        let to = now();
        SampleRange { from: to - TimeDelta::seconds(3), to, step_seconds: 1 }
    };
    real.until(async || source.range("up{job=\"exporter\"}", &range()).await, is_four).await.unwrap();
    let Ok(Reading::Measured { values, .. }) = ask("up{job=\"exporter\"}[4s]").await else { panic!() };
    assert!(values.len() > 1);
}

async fn names_stay_inside_their_strings(source: &Prometheus) {
    for (query, evil) in [
        ("count(up{job=\"{{service}}\"})", "x\"}) or vector(42) #"),
        ("count(up{job='{{service}}'})", "x'}) or vector(42) #"),
        ("count(up{job='{{service}}'})", "it\"s"),
        ("count(up{job=`{{service}}`})", "x`}) or vector(42) #"),
        ("count(up{job=~\"{{service}}\"})", ".*"),
        ("count(up{job=~`{{service}}`})", "exporter|x"),
        ("count(up{job=\"{{service}}\"})", "x\\"),
        ("count(up{job=~\"{{service}}\"})", "x\n\\"),
    ] {
        let filled = CustomQuery::parse(query).unwrap().filled(|_| evil.to_owned());
        let answer = source.instant(&filled, now()).await;
        assert!(matches!(answer, Ok(Reading::Nothing { .. })), "{filled}: {answer:?}");
    }
    let filled = CustomQuery::parse("count(up{job=~\"{{service}}|x\"})").unwrap().filled(|_| "exporter".to_owned());
    assert_eq!(source.instant(&filled, now()).await.unwrap().latest(), Some(1.0));
}

#[tokio::test]
async fn a_password_opens_it_and_a_wrong_one_is_named() {
    let users = format!("basic_auth_users:\n  slipway: '{HASH}'\n");
    let real = Real::start(exporter::start().await, &users);
    let with = |password: &str| {
        real.client(MetricCredentials::Password { user: "slipway".to_owned(), password: SecretString::from(password) })
    };
    let good = with(PASSWORD);
    real.until(async || good.check(now()).await, Result::is_ok).await.unwrap();
    for client in [with("another"), real.client(MetricCredentials::None)] {
        match client.check(now()).await {
            Err(MetricError::Unauthorized(why)) => assert_eq!(why, "status 401"),
            other => panic!("{other:?}"),
        }
    }
    assert!(!format!("{good:?}").contains(PASSWORD));
}
