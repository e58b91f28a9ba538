//! Load over HTTP: connections that each ask again as soon as they were answered.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use futures::future::try_join_all;
use reqwest::{Client, RequestBuilder, redirect::Policy};

/// A client with a connection of its own that stays open.
pub(crate) fn client() -> anyhow::Result<Client> {
    let builder = Client::builder().no_proxy().http1_only().pool_max_idle_per_host(1).tcp_nodelay(true);
    builder.redirect(Policy::none()).build().context("no HTTP client")
}

/// What one side took.
#[derive(Default)]
pub(crate) struct Sample {
    /// How long each answer took, its body included.
    times: Vec<Duration>,
    /// How long it was measured.
    elapsed: Duration,
    /// Processor time of the server, in seconds.
    processor: f64,
}

impl Sample {
    /// Takes what another round measured.
    pub(crate) fn add(&mut self, elapsed: Duration, times: Vec<Duration>, processor: f64) {
        self.times.extend(times);
        self.elapsed += elapsed;
        self.processor += processor;
    }

    /// How many.
    pub(crate) fn count(&self) -> usize {
        self.times.len()
    }

    /// How many in a second.
    pub(crate) fn rate(&self) -> f64 {
        ratio(self.count(), self.elapsed.as_secs_f64())
    }

    /// How many in a second of the server's processor time.
    pub(crate) fn rate_of_processor(&self) -> f64 {
        ratio(self.count(), self.processor)
    }

    /// The time within which this share of them was answered, in milliseconds.
    pub(crate) fn percentile(&self, share: f64) -> f64 {
        let mut times = self.times.clone();
        times.sort_unstable();
        #[expect(clippy::cast_precision_loss, reason = "a run has far fewer than 2^52 answers")]
        let wanted = share * times.len().saturating_sub(1) as f64;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index of the list")]
        let time = times.get(wanted.round() as usize).copied().unwrap_or_default();
        time.as_secs_f64() * 1_000.0
    }
}

#[expect(clippy::cast_precision_loss, reason = "a run has far fewer than 2^52 answers")]
fn ratio(count: usize, seconds: f64) -> f64 {
    if seconds > 0.0 { count as f64 / seconds } else { 0.0 }
}

/// Runs `once` on as many connections as there are clients until the time is over. Each is called with
/// its client and the number of its connection; what it asks must be answered with success.
///
/// # Errors
/// The first answer that is no success.
pub(crate) async fn ask(
    clients: &[Client],
    time: Duration,
    once: impl Fn(&Client, usize) -> RequestBuilder,
) -> anyhow::Result<(Duration, Vec<Duration>)> {
    let began = Instant::now();
    let connection = |(number, client)| {
        let once = &once;
        async move {
            let mut times = Vec::new();
            while began.elapsed() < time {
                let asked = Instant::now();
                let answer = once(client, number).send().await?;
                let status = answer.status();
                let body = answer.bytes().await?;
                times.push(asked.elapsed());
                if !status.is_success() {
                    bail!("answered {status}: {}", String::from_utf8_lossy(&body));
                }
            }
            Ok(times)
        }
    };
    let times = try_join_all(clients.iter().enumerate().map(connection)).await?;
    Ok((began.elapsed(), times.concat()))
}
