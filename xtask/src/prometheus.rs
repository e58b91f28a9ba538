//! Prometheus for tests. They start it themselves, each with its own configuration, on a port and in a
//! folder of its own; this only makes sure that the program is there.

use std::env;
use std::path::PathBuf;

use anyhow::Result;

use crate::process;
use crate::setup;

/// The environment variable by which tests find the program: set by the person, it names the one to
/// use; set for the tests, the one that was found or installed.
pub const PROGRAM: &str = "SLIPWAY_TEST_PROMETHEUS";

/// The program, installed when missing.
///
/// # Errors
/// When it is missing and cannot be installed.
pub fn program() -> Result<PathBuf> {
    if let Some(named) = env::var_os(PROGRAM).filter(|named| !named.is_empty()) {
        return Ok(PathBuf::from(named));
    }
    setup::program(
        "the tests need Prometheus (2.42 or newer)",
        || process::which("prometheus"),
        &["prometheus"],
        "Prometheus 2.42 or newer, with prometheus on PATH",
    )
}
