//! Canaries on the practice cluster: many at once beside one alone, the memory that they hold, and how
//! soon after a breach the traffic moves back.
//!
//! Cluster and numbers are played inside of this process and take their part of its one core and of its
//! memory; the figures are upper bounds for what Slipway itself takes.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use contract::{promotions::PromotionsBackend as _, services::StrategyInput};
use domain::{
    analysis::{Reading, SampleRange},
    names::{Namespace, WorkloadName},
    observation::WorkloadRef,
};
use ports::{Clock as _, MetricConnector, MetricError, MetricSettings, MetricSource};
use practice::{MockClock, PracticeCluster, PracticeMetrics, PracticeSettings};
use server::wiring::SystemClock;
use tokio_util::sync::CancellationToken;

use crate::{company, process::megabytes, table::Table, trials::Trials};

/// How many are under way at once.
const CANARIES: usize = 1_000;

/// So many times over, which makes 10,000 that are finished.
const ROUNDS: usize = 10;

/// Longer than any round on a busy machine.
const PATIENCE: Duration = Duration::from_secs(600);

/// How many evaluations beyond a limit take a version back, each an interval after the other.
const EVALUATIONS: f64 = 3.0;

/// Seconds between two evaluations, when the window is what [`WINDOW_SECONDS`] says.
const INTERVAL_SECONDS: f64 = 20.0;

/// Over how many seconds errors are counted.
const WINDOW_SECONDS: u32 = 60;

/// Measures.
///
/// # Errors
/// When a canary does not end as it should.
pub(crate) async fn measure(folder: &Path, table: &mut Table) -> anyhow::Result<()> {
    breach(folder, table).await?;
    many(folder, table).await?;
    finished(folder, table).await
}

/// A canary that is not judged.
fn unjudged(steps: &str) -> StrategyInput {
    StrategyInput {
        strategy: "canary".to_owned(),
        layer: "http_route".to_owned(),
        steps: steps.to_owned(),
        ..StrategyInput::default()
    }
}

fn judged(steps: &str) -> StrategyInput {
    StrategyInput { metrics: "practice".to_owned(), window: WINDOW_SECONDS.to_string(), ..unjudged(steps) }
}

/// Canaries that run by themselves, as in a server.
struct Running {
    trials: Trials,
    cancel: CancellationToken,
    runs: tokio::task::JoinHandle<()>,
}

impl Running {
    async fn start(folder: &Path) -> anyhow::Result<Self> {
        let settings = PracticeSettings { tick: Some(Duration::from_secs(1)), ..PracticeSettings::default() };
        let practice = PracticeCluster::open(Arc::new(SystemClock), settings).context("the practice cluster")?;
        let metrics = Arc::new(PracticeMetrics::new(practice.clone(), 1));
        let (url, strategy) = (database_in(folder, "canaries"), judged("10%, 5s, 50%, 5s"));
        let trials = Trials::new(&url, CANARIES, &strategy, Arc::new(SystemClock), practice, metrics).await?;
        let cancel = CancellationToken::new();
        let runs = tokio::spawn({
            let (engine, cancel) = (trials.engine.clone(), cancel.clone());
            async move { engine.run(cancel).await }
        });
        Ok(Self { trials, cancel, runs })
    }

    async fn stop(self) -> anyhow::Result<()> {
        self.cancel.cancel();
        self.runs.await.context("the reconciler")?;
        self.trials.engine.store().close().await;
        Ok(())
    }
}

/// Many canaries at once, beside one that has everything for itself.
async fn many(folder: &Path, table: &mut Table) -> anyhow::Result<()> {
    let running = Running::start(folder).await?;
    let alone = Round::play(&running.trials, 1, "2.0").await?;
    let empty = memory()?;
    let first = Round::play(&running.trials, CANARIES, "2.1").await?;
    table.compare(
        format!("the slowest of {CANARIES} canaries at once | one alone"),
        format!("{:.1} s", first.slowest),
        format!("{:.1} s", alone.slowest),
        first.slowest / alone.slowest,
    );
    table.say(format!("looks at a canary while {CANARIES} are under way"), first.rate());
    #[expect(clippy::cast_precision_loss, reason = "a count of canaries")]
    let each = first.peak.saturating_sub(empty) as f64 / CANARIES as f64 / 1_000.0;
    table.say("memory of a live canary, its part of the cluster included", format!("{each:.0} kB"));
    running.stop().await
}

/// Many canaries again and again: what is finished takes memory from nobody. Time is moved by hand, or this would take
/// an hour.
async fn finished(folder: &Path, table: &mut Table) -> anyhow::Result<()> {
    let clock = MockClock::default();
    let practice = PracticeCluster::for_tests(Arc::new(clock.clone()));
    let metrics = Arc::new(PracticeMetrics::new(practice.clone(), 1));
    let url = database_in(folder, "finished");
    let (steps, shared) = (unjudged("50%, 1s"), Arc::new(clock.clone()));
    let trials = Trials::new(&url, CANARIES, &steps, shared, practice, metrics).await?;
    let mut after_first = 0;
    for round in 0..ROUNDS {
        finish(&trials, &clock, &format!("2.{round}")).await?;
        if round == 0 {
            after_first = memory()?;
        }
    }
    let after_all = memory()?;
    #[expect(clippy::cast_precision_loss, reason = "bytes of a process")]
    let growth = after_all as f64 / after_first as f64;
    table.compare(
        format!("memory after {} finished canaries | after {CANARIES}", CANARIES * ROUNDS),
        megabytes(after_all),
        megabytes(after_first),
        growth,
    );
    trials.engine.store().close().await;
    Ok(())
}

/// Asks for a version of every service and moves time on until all of them run.
async fn finish(trials: &Trials, clock: &MockClock, label: &str) -> anyhow::Result<()> {
    let mut open = Vec::new();
    for service in 0..CANARIES {
        open.push(trials.ask(service, label).await?);
    }
    for _ in 0..600 {
        while trials.engine.reconcile_due().await? > 0 {}
        clock.advance(Duration::from_secs(5));
        while let Some(number) = open.last() {
            let status = trials.engine.promotion_status(&trials.admin, *number).await?;
            if !status.is_over {
                break;
            }
            ensure!(status.phase == "succeeded", "promotion {number}: {}", status.words);
            open.pop();
        }
        if open.is_empty() {
            return Ok(());
        }
    }
    bail!("{} of {CANARIES} canaries never end: {}", open.len(), words_of_open(trials, &open).await?)
}

/// What the first canary says that has not ended.
async fn words_of_open(trials: &Trials, numbers: &[i64]) -> anyhow::Result<String> {
    for number in numbers {
        let status = trials.engine.promotion_status(&trials.admin, *number).await?;
        if !status.is_over {
            return Ok(format!("promotion {number} is {}: {}", status.phase, status.words));
        }
    }
    Ok("all have ended meanwhile".to_owned())
}

/// What came of canaries that were asked for together.
struct Round {
    /// From the request to the end, in seconds.
    slowest: f64,
    /// How often a promotion was looked at, and in which time.
    looks: u64,
    elapsed: Duration,
    /// The most memory that was seen meanwhile, in bytes.
    peak: u64,
}

impl Round {
    async fn play(trials: &Trials, services: usize, label: &str) -> anyhow::Result<Self> {
        let vitals = trials.engine.vitals();
        let looked = || vitals.looked_at.load(Ordering::Relaxed);
        let (before, began, mut peak) = (looked(), Instant::now(), 0);
        let mut numbers = Vec::new();
        for service in 0..services {
            numbers.push(trials.ask(service, label).await?);
        }
        loop {
            peak = peak.max(memory()?);
            let mut read = trials.engine.store().read().await?;
            let open: i64 = read.open_promotions_by_phase().await?.iter().map(|(_, count)| count).sum();
            drop(read);
            if open == 0 {
                break;
            }
            if began.elapsed() > PATIENCE {
                let words = words_of_open(trials, &numbers).await?;
                bail!("{open} canaries do not end: {words}");
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        let (looks, elapsed) = (looked() - before, began.elapsed());
        let mut slowest = 0.0_f64;
        for number in numbers {
            let status = trials.engine.promotion_status(&trials.admin, number).await?;
            ensure!(status.phase == "succeeded", "promotion {number}: {}", status.words);
            let finished = status.finished_at.context("it has not ended")?;
            slowest = slowest.max((finished - status.requested_at).as_seconds_f64());
        }
        Ok(Self { slowest, looks, elapsed, peak })
    }

    fn rate(&self) -> String {
        #[expect(clippy::cast_precision_loss, reason = "a count of passes")]
        let rate = self.looks as f64 / self.elapsed.as_secs_f64();
        format!("{rate:.0}/s")
    }
}

/// From the moment in which the numbers turn bad to the write that moves the traffic back, beside what
/// the rule itself asks for. The clock is moved by hand, so the machine has no part in it.
async fn breach(folder: &Path, table: &mut Table) -> anyhow::Result<()> {
    let clock = MockClock::default();
    let practice = PracticeCluster::for_tests(Arc::new(clock.clone()));
    let metrics = Turning::new(PracticeMetrics::new(practice.clone(), 1));
    let url = database_in(folder, "breach");
    let steps = judged("10%, 30m");
    let shared = Arc::new(clock.clone());
    let trials = Trials::new(&url, 1, &steps, shared, practice, Arc::new(metrics.clone())).await?;
    let number = trials.ask(0, "2.0").await?;
    until(&trials, &clock, "gets its traffic", async || Ok(moved(&trials, "weight 10 %")?.is_some())).await?;
    // Neither at the begin of a window nor at its end.
    for _ in 0..130 {
        second(&trials, &clock).await?;
    }
    metrics.turn();
    let turned = clock.now();
    until(&trials, &clock, "is taken back", async || Ok(moved(&trials, "weight 0 %")?.is_some())).await?;
    let back = moved(&trials, "weight 0 %")?.context("the traffic does not move back")?;
    let intervals = (back - turned).as_seconds_f64() / INTERVAL_SECONDS;
    table.compare(
        "from a breach to the traffic's way back, in intervals | the rule",
        format!("{intervals:.2}"),
        format!("{EVALUATIONS:.2}"),
        intervals / EVALUATIONS,
    );
    ensure!(trials.engine.promotion_status(&trials.admin, number).await?.phase != "succeeded");
    trials.engine.store().close().await;
    Ok(())
}

async fn second(trials: &Trials, clock: &MockClock) -> anyhow::Result<()> {
    trials.engine.reconcile_due().await?;
    clock.advance(Duration::from_secs(1));
    Ok(())
}

async fn until(
    trials: &Trials,
    clock: &MockClock,
    what: &str,
    is_so: impl AsyncFn() -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    for _ in 0..600 {
        if is_so().await? {
            return Ok(());
        }
        second(trials, clock).await?;
    }
    anyhow::bail!("within ten minutes the canary never {what}")
}

/// When this was first done to the candidate.
fn moved(trials: &Trials, act: &str) -> anyhow::Result<Option<DateTime<Utc>>> {
    let name = WorkloadName::parse(&format!("{}-canary", company::service_name(0)))?;
    let candidate = WorkloadRef::deployment(Namespace::parse("production")?, name);
    Ok(trials.practice.writes_of(&candidate)?.into_iter().find(|write| write.act == act).map(|write| write.at))
}

/// Numbers that turn bad at a moment.
#[derive(Clone)]
struct Turning {
    inside: PracticeMetrics,
    is_bad: Arc<AtomicBool>,
}

impl Turning {
    fn new(inside: PracticeMetrics) -> Self {
        Self { inside, is_bad: Arc::default() }
    }

    fn turn(&self) {
        self.is_bad.store(true, Ordering::SeqCst);
    }
}

impl MetricConnector for Turning {
    fn connect(&self, _settings: &MetricSettings) -> Result<Arc<dyn MetricSource>, MetricError> {
        Ok(Arc::new(self.clone()))
    }
}

#[async_trait]
impl MetricSource for Turning {
    async fn instant(&self, query: &str, at: DateTime<Utc>) -> Result<Reading, MetricError> {
        if self.is_bad.load(Ordering::SeqCst) && query.starts_with("practice:error_rate") {
            return Ok(Reading::series([12.5]));
        }
        self.inside.instant(query, at).await
    }

    async fn range(&self, query: &str, range: &SampleRange) -> Result<Reading, MetricError> {
        self.inside.range(query, range).await
    }

    async fn check(&self, at: DateTime<Utc>) -> Result<Option<String>, MetricError> {
        self.inside.check(at).await
    }
}

fn database_in(folder: &Path, name: &str) -> String {
    format!("sqlite://{}", folder.join(format!("{name}.db")).display())
}

/// Memory of this process, in bytes.
fn memory() -> anyhow::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status").context("/proc/self/status")?;
    crate::process::resident(&status)
}
