//! Keeps a loop running that must not end before it is told to.
//!
//! One that panics is begun anew after a while, and the operator reads why. Restarting is right because
//! loops keep nothing that is not in the store: a new one finds what the former left, by its leases.
//! Ending the server instead would take the pages from everybody for the sake of one bad row, and the
//! next server would meet the same row.

use std::time::{Duration, Instant};

use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

/// Pause before the first new beginning.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// Longest pause: what is mended works again within this.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// A loop that ran for this long is well again: the next pause is the first one.
const CALM: Duration = Duration::from_secs(300);

/// Runs a loop in a task of its own, again and again, until it ends because of `cancel`. Dropping this
/// ends the task too.
pub(crate) async fn keep_running<F>(name: &'static str, cancel: CancellationToken, begin: impl Fn() -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut wait = FIRST_WAIT;
    loop {
        let begun = Instant::now();
        let ended = AbortOnDropHandle::new(tokio::spawn(begin())).await;
        if cancel.is_cancelled() {
            return;
        }
        if begun.elapsed() > CALM {
            wait = FIRST_WAIT;
        }
        let why = ended.err().map_or_else(|| "it ended by itself".to_owned(), |error| error.to_string());
        tracing::error!(task.name = name, error.message = why, wait_s = wait.as_secs(), "a task ended; it begins anew");
        tokio::select! {
            () = cancel.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
        }
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}
