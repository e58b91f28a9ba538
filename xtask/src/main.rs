//! The commands of this repository: `cargo xtask <command>`.
//!
//! Owns building, starting and testing Slipway from a fresh clone. Promises: what is missing is
//! either set up or named with the command that sets it up; each step is printed with the time
//! since the start; nothing that a command started is left running when it ends. Fails with a
//! non-zero exit and one message that says what to do next.

#![expect(clippy::print_stdout, reason = "a command line tool talks to the person on its standard output")]

mod bench;
mod browser;
mod children;
mod cli;
mod control_plane;
mod digest;
mod paths;
mod postgres;
mod process;
mod prometheus;
mod serve;
mod setup;
mod shape;
mod site;
mod steps;
mod styles;
mod suite;
mod tests_run;
mod wasm;

use std::process::ExitCode;

fn main() -> ExitCode {
    let command = cli::parse();
    steps::start_clock();
    if let Err(error) = children::watch_signals() {
        eprintln!("error: {error:#}");
        return ExitCode::FAILURE;
    }
    match cli::run(command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}
