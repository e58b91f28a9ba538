//! `cargo xtask test`: every test there is, with everything they need set up and started.
//!
//! Runs all parts even when one fails, and ends with one line that sums them up. Nothing is
//! skipped: what is missing is set up, or stops the command with what to install.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;
use clap::{Args, ValueEnum};

use crate::browser::Browser;
use crate::control_plane::{self, ControlPlane, Traffic};
use crate::postgres::{self, Durability, Postgres};
use crate::prometheus;
use crate::serve;
use crate::site;
use crate::steps::say;
use crate::tests_run::{self, Built, Sum};
use crate::wasm::Profile;

/// Which tests to run; without anything, all.
#[derive(Args)]
pub struct Options {
    /// Only one part
    #[arg(long)]
    only: Option<Part>,
    /// Arguments for the browser tests (Playwright), after `--`
    #[arg(last = true)]
    arguments: Vec<OsString>,
}

/// A part of the tests that can be run alone.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// The Rust tests of all crates
    Rust,
    /// The tests in a browser
    Browser,
    /// The tests that count responses through a real data plane
    Traffic,
}

/// What took how long, and how it ended.
struct Parts(Vec<(&'static str, f64, Sum)>);

impl Parts {
    fn run(&mut self, name: &'static str, work: impl FnOnce() -> Result<Sum>) {
        say(&format!("=== {name}"));
        let began = Instant::now();
        let sum = work().unwrap_or_else(|error| {
            say(&format!("{name}: {error:#}"));
            Sum::one_failure()
        });
        self.0.push((name, began.elapsed().as_secs_f64(), sum));
    }
}

/// Runs the tests.
///
/// # Errors
/// When what they need cannot be set up. Failing tests are not an error but a failing exit code.
pub fn run(options: &Options) -> Result<ExitCode> {
    let is_asked = |part| options.only.is_none_or(|only| only == part);
    let (rust, browser, traffic) = (is_asked(Part::Rust), is_asked(Part::Browser), is_asked(Part::Traffic));
    // First what may be missing: it is better to hear of it now than in half an hour.
    let set_up = if browser { Some(Browser::set_up()?) } else { None };
    if traffic {
        Traffic::set_up()?;
    }
    let prometheus = prometheus::program()?;
    if traffic && !rust && !browser {
        return traffic_alone(prometheus);
    }
    let environment = Environment::start(prometheus.clone())?;
    let variables = environment.variables();
    site::build(Profile::Release)?;

    let mut parts = Parts(Vec::new());
    let mut built: Option<Built> = None;
    if rust {
        parts.run("commands", tests_run::commands);
        parts.run("crates", || built.insert(tests_run::build()?).run(&variables));
        parts.run("documentation", || tests_run::documentation(&variables));
    }
    let server = built.as_ref().and_then(|built| built.server.as_ref());
    if let Some(set_up) = set_up {
        parts.run("browser", || {
            let server = match server {
                Some(built) => built.clone(),
                None => serve::build_server(false)?,
            };
            set_up.run(&server, &variables, &options.arguments)
        });
    }
    // The data plane has a control plane of its own, and the machine two cores.
    drop(environment);
    if let Some(built) = built.filter(|_| traffic) {
        parts.run("traffic", || built.run_traffic(&[(prometheus::PROGRAM, prometheus.into())]));
    }
    Ok(conclude(&parts))
}

/// Only what counts responses: it brings everything that it needs.
fn traffic_alone(prometheus: PathBuf) -> Result<ExitCode> {
    let mut parts = Parts(Vec::new());
    let built = tests_run::build()?;
    parts.run("traffic", || built.run_traffic(&[(prometheus::PROGRAM, prometheus.into())]));
    Ok(conclude(&parts))
}

fn conclude(parts: &Parts) -> ExitCode {
    let mut sum = Sum::default();
    println!();
    for (name, seconds, part) in &parts.0 {
        println!(
            "{name:>14}: {:5.1} min, {} passed, {} failed, {} ignored",
            seconds / 60.0,
            part.passed,
            part.failed,
            part.ignored
        );
        sum.add(*part);
    }
    println!("{} passed, {} failed", sum.passed, sum.failed);
    if sum.failed == 0 && sum.passed > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What runs beside the tests.
struct Environment {
    prometheus: PathBuf,
    postgres: Postgres,
    /// `None` when the person named a cluster.
    control_plane: Option<ControlPlane>,
}

impl Environment {
    fn start(prometheus: PathBuf) -> Result<Self> {
        let named = std::env::var_os(control_plane::KUBECONFIG).is_some();
        Ok(Self {
            prometheus,
            postgres: Postgres::start(Durability::None)?,
            control_plane: if named {
                None
            } else {
                Some(ControlPlane::start(&control_plane::programs()?)?.with_tools(&control_plane::tools()?)?)
            },
        })
    }

    fn variables(&self) -> Vec<(&'static str, OsString)> {
        let mut variables =
            vec![(postgres::URL, self.postgres.url().into()), (prometheus::PROGRAM, self.prometheus.clone().into())];
        if let Some(plane) = &self.control_plane {
            variables.extend(plane.environment());
        }
        variables
    }
}
