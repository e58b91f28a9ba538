//! `cargo xtask bench`: builds what is measured and runs the bench (`server/benches/speed`).
//!
//! Measuring is the bench's own business; this sets up what it needs: the browser half as it is shipped,
//! an optimised server, and a PostgreSQL that waits for its disk. Where PostgreSQL's server cannot be
//! set up, SQLite is measured alone.

use std::path::PathBuf;
use std::process::ExitStatus;

use anyhow::Result;
use clap::Args;

use crate::children;
use crate::paths;
use crate::postgres::{Durability, Postgres};
use crate::process;
use crate::site;
use crate::steps::say;
use crate::wasm::Profile;

/// What to measure.
#[derive(Args)]
pub struct Options {
    /// Only one part: board, versions, promotions, canaries, bytes or idle
    #[arg(long, value_name = "PART")]
    only: Option<String>,
    /// How long each side of a comparison is measured
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Where the databases' files lie while it runs [default: the build folder]
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
    /// Measure an unoptimised build, for work on the bench itself
    #[arg(long, hide = true)]
    debug: bool,
}

impl Options {
    fn needs_postgres(&self) -> bool {
        self.only.as_deref().is_none_or(|only| !matches!(only, "bytes" | "canaries" | "idle"))
    }
}

/// Builds and runs the bench; its output is the figures.
///
/// # Errors
/// When something does not compile or cannot be started.
pub fn run(options: &Options) -> Result<ExitStatus> {
    site::build(Profile::Release)?;
    // Built before PostgreSQL starts, so that nothing runs beside what is measured.
    let mut command = bench(options.debug);
    process::run(command.arg("--no-run"))?;
    let postgres = options.needs_postgres().then(|| Postgres::start(Durability::Machine)).transpose();
    let postgres = postgres.unwrap_or_else(|error| {
        say(&format!("without PostgreSQL: {error:#}"));
        None
    });
    let mut command = bench(options.debug);
    command.args(["--quiet", "--", "--seconds", &options.seconds.to_string(), "--folder"]);
    command.arg(match &options.folder {
        Some(folder) => std::env::current_dir()?.join(folder),
        None => paths::target()?,
    });
    if let Some(part) = &options.only {
        command.args(["--only", part]);
    }
    if let Some(postgres) = &postgres {
        command.args(["--postgres", postgres.url()]);
    }
    children::foreground(&mut command)
}

fn bench(is_debug: bool) -> std::process::Command {
    let mut command = process::cargo();
    command.args([if is_debug { "test" } else { "bench" }, "--package", "server", "--bench", "speed"]);
    command
}
