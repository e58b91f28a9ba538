//! Transitions of promotions, beside an UPDATE, an INSERT and a COMMIT.
//!
//! The transition is an approval by the engine's use case: it looks the promotion up, then in one
//! transaction loads state and facts, decides, saves the state, its journal, what must be told and its
//! audit row, and commits. Every promotion has a target of its own.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use contract::promotions::PromotionsBackend as _;
use engine::Engine;
use futures::future::try_join_all;
use store::{Durability, Store, StoreOptions};

use crate::{
    Database,
    company::{self, Company, ENVIRONMENTS, SERVICES},
    load::Sample,
    raw::Raw,
    table::Table,
    versions::{TURNS, WRITERS, shown},
};

/// Measures as many transitions as there are targets, at most for so many seconds.
///
/// # Errors
/// When a promotion cannot be asked for or approved.
pub(crate) async fn measure(
    database: &Database,
    company: &Company,
    seconds: u64,
    table: &mut Table,
) -> anyhow::Result<()> {
    let waiting = ask_for_all(&database.hasty_url, company, seconds).await?;
    let engine = company::engine(Store::open(&database.url, StoreOptions::default()).await?);
    let raw = Raw::open(&database.url, WRITERS).await?;
    let (state, entry) = raw.lengths().await?;
    let (state, entry) = ("x".repeat(state), "x".repeat(entry));
    raw.put_states(i64::try_from(waiting.len())?, &state).await?;
    let turn = Duration::from_secs(seconds) / TURNS;
    let (mut ours, mut plain) = (Sample::default(), Sample::default());
    let size = waiting.len().div_ceil(usize::try_from(TURNS)?);
    for (number, chunk) in waiting.chunks(size).enumerate() {
        let (elapsed, times) = each(chunk, turn, |number| approve(&engine, company, number)).await?;
        ours.add(elapsed, times, 0.0);
        let first = i64::try_from(number * size)?;
        let ids: Vec<i64> = (first..).take(chunk.len()).collect();
        let (elapsed, times) = each(&ids, turn, |id| raw.change(id, &state, &entry)).await?;
        plain.add(elapsed, times, 0.0);
    }
    raw.close().await;
    engine.store().close().await;
    table.compare(
        format!("{}, promotions approved, {WRITERS} at a time | UPDATE + INSERT + COMMIT", database.name),
        shown(&ours),
        shown(&plain),
        ours.rate() / plain.rate(),
    );
    Ok(())
}

async fn approve(engine: &Engine, company: &Company, number: i64) -> anyhow::Result<()> {
    Ok(engine.approve(&company.ines, number, 1, None).await?)
}

/// Asks for a promotion into every target, or as many as can be used up; answers their numbers.
async fn ask_for_all(url: &str, company: &Company, seconds: u64) -> anyhow::Result<Vec<i64>> {
    let options = StoreOptions { durability: Durability::ProcessEnd, ..StoreOptions::default() };
    let engine = company::engine(Store::open(url, options).await?);
    // Faster than this no disk has been seen to be.
    let enough = usize::try_from(seconds)?.saturating_mul(2_000);
    let places = (0..SERVICES).flat_map(|service| (0..ENVIRONMENTS.len()).map(move |place| (service, place)));
    let mut numbers = Vec::new();
    for (service, place) in places.take(enough) {
        numbers.push(company::ask(&engine, &company.theo, service, place).await?);
    }
    engine.store().close().await;
    Ok(numbers)
}

/// Does `once` for each of these, several at a time, until all are done or the time is over.
async fn each<F: Future<Output = anyhow::Result<()>>>(
    all: &[i64],
    time: Duration,
    once: impl Fn(i64) -> F,
) -> anyhow::Result<(Duration, Vec<Duration>)> {
    let next = AtomicUsize::new(0);
    let began = Instant::now();
    let task = |_| async {
        let mut times = Vec::new();
        while let Some(one) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
            if began.elapsed() >= time {
                break;
            }
            let asked = Instant::now();
            once(*one).await?;
            times.push(asked.elapsed());
        }
        anyhow::Ok(times)
    };
    let times = try_join_all((0..WRITERS).map(task)).await?;
    Ok((began.elapsed(), times.concat()))
}
