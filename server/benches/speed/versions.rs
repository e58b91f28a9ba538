//! Versions registered over HTTP, beside commits of a single row.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::{Duration, Instant},
};

use futures::future::try_join_all;
use reqwest::Client;
use serde_json::json;

use crate::{
    Database,
    company::{Company, SERVICES, service_name},
    load::{Sample, ask, client},
    process::Server,
    raw::Raw,
    table::Table,
};

/// Connections over which pipelines report, and tasks that commit beside them.
pub(crate) const WRITERS: u32 = 8;

/// The two sides take turns.
pub(crate) const TURNS: u32 = 4;

/// Measures.
///
/// # Errors
/// When a version is refused or a commit fails.
pub(crate) async fn measure(
    database: &Database,
    company: &Company,
    seconds: u64,
    table: &mut Table,
) -> anyhow::Result<()> {
    let server = Server::slipway(&database.data, &database.url, None).await?;
    let raw = Raw::open(&database.url, WRITERS).await?;
    let clients: Vec<Client> = (0..WRITERS).map(|_| client()).collect::<anyhow::Result<_>>()?;
    let numbers = [AtomicI64::new(0), AtomicI64::new(0)];
    let [number_of_ours, number_of_raw] = &numbers;
    let request = |client: &Client, _| {
        let number = number_of_ours.fetch_add(1, Ordering::Relaxed);
        let service = service_name(usize::try_from(number).unwrap_or_default() % SERVICES);
        let url = format!("{}/api/v1/services/{service}/versions", server.url);
        client.post(url).bearer_auth(&company.token).json(&version(&service, number))
    };
    let turn = Duration::from_secs(seconds) / TURNS;
    let (mut ours, mut plain) = (Sample::default(), Sample::default());
    for number in 0..=TURNS {
        let time = if number == 0 { turn.min(Duration::from_secs(1)) } else { turn };
        let before = server.processor_seconds()?;
        let (elapsed, times) = ask(&clients, time, request).await?;
        let processor = server.processor_seconds()? - before;
        let insert = || async {
            let number = number_of_raw.fetch_add(1, Ordering::Relaxed);
            raw.insert(number, "service-0001", "2.30.4-build.1").await
        };
        let (elapsed_raw, times_raw) = commit(WRITERS, time, insert).await?;
        if number > 0 {
            ours.add(elapsed, times, processor);
            plain.add(elapsed_raw, times_raw, 0.0);
        }
    }
    raw.close().await;
    server.end().await?;
    table.compare(
        format!(
            "{}, versions registered over HTTP, {WRITERS} connections | rows inserted and committed",
            database.name
        ),
        shown(&ours),
        shown(&plain),
        ours.rate() / plain.rate(),
    );
    Ok(())
}

/// What a pipeline reports: the example of the README.
fn version(service: &str, number: i64) -> serde_json::Value {
    let label = format!("2.30.{number}");
    json!({
        "version": label,
        "image": format!("registry.example/{service}:{label}"),
        "digest": format!("sha256:{number:064x}"),
        "commit": format!("{number:08x}8c1f02e4"),
        "commits": [{"hash": format!("{number:08x}8c1f02e4"), "author": "Theo Lind",
            "title": "Refund once per payment id", "committed_at": "2026-11-20T10:00:00Z"}],
        "checks": [{"name": "unit tests", "verdict": "passed", "counts": {"tests_run": 412, "tests_failed": 0}}],
    })
}

/// Rate and times of a side.
pub(crate) fn shown(sample: &Sample) -> String {
    format!("{:.0}/s (p99 {:.1} ms)", sample.rate(), sample.percentile(0.99))
}

/// One number over another.
#[expect(clippy::cast_precision_loss, reason = "sizes of pages and counts of rows")]
pub(crate) fn quotient(ours: usize, plain: usize) -> f64 {
    ours as f64 / (plain.max(1) as f64)
}

/// Runs `once` in as many tasks until the time is over.
///
/// # Errors
/// The first one's.
pub(crate) async fn commit<F: Future<Output = anyhow::Result<()>>>(
    tasks: u32,
    time: Duration,
    once: impl Fn() -> F,
) -> anyhow::Result<(Duration, Vec<Duration>)> {
    let began = Instant::now();
    let task = |_| async {
        let mut times = Vec::new();
        while began.elapsed() < time {
            let asked = Instant::now();
            once().await?;
            times.push(asked.elapsed());
        }
        anyhow::Ok(times)
    };
    let times = try_join_all((0..tasks).map(task)).await?;
    Ok((began.elapsed(), times.concat()))
}
