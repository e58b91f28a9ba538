//! Engines that run by themselves, and waiting for what they do.

use std::time::Duration;

use engine::Engine;
use practice::MockClock;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

/// How long things may take that need none; below the engine's patience with a cluster (15 s), which
/// is what a stall would take.
const SOON: Duration = Duration::from_secs(12);

/// How long things may take on a machine that has other things to do.
const AT_LAST: Duration = Duration::from_secs(90);

/// An engine's loops; they end with this, also in the middle of something.
pub struct Running {
    _task: AbortOnDropHandle<()>,
}

impl Running {
    pub fn of(engine: &Engine) -> Self {
        let engine = engine.clone();
        let task = tokio::spawn(async move { engine.run(CancellationToken::new()).await });
        Self { _task: AbortOnDropHandle::new(task) }
    }
}

/// Waits until it is so, while the clock runs ten times as fast as usual.
pub async fn until(clock: &MockClock, what: &str, is_so: impl AsyncFnMut() -> bool) {
    within(AT_LAST, clock, what, is_so).await;
}

/// As [`until`], but sooner than a stall would last.
pub async fn soon(clock: &MockClock, what: &str, is_so: impl AsyncFnMut() -> bool) {
    within(SOON, clock, what, is_so).await;
}

async fn within(patience: Duration, clock: &MockClock, what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !is_so().await {
            clock.advance(Duration::from_millis(200));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(tokio::time::timeout(patience, waiting).await.is_ok(), "not within {} s: {what}", patience.as_secs());
}
