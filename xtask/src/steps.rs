//! Says what is going on: every line carries the time since the command started.

use std::io::Write as _;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use anyhow::Result;

static STARTED: OnceLock<Instant> = OnceLock::new();

/// Starts the clock that every line shows. Later calls change nothing.
pub fn start_clock() {
    STARTED.get_or_init(Instant::now);
}

/// Time since [`start_clock`].
pub fn elapsed() -> Duration {
    STARTED.get_or_init(Instant::now).elapsed()
}

/// Prints one line with the elapsed time before it.
pub fn say(text: &str) {
    println!("[{:6.1} s] {text}", elapsed().as_secs_f64());
    // A pipe is block-buffered; a person who waits wants the line now. A closed pipe is not our
    // business here: the command itself goes on.
    let _ = std::io::stdout().flush();
}

/// Runs one step between two lines: what begins, and how long it took.
///
/// # Errors
/// Those of the step itself.
pub fn step<T>(what: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    say(&format!("{what} …"));
    let began = Instant::now();
    let result = work();
    let outcome = if result.is_ok() { "done" } else { "FAILED" };
    say(&format!("{what}: {outcome} in {:.1} s", began.elapsed().as_secs_f64()));
    result
}
