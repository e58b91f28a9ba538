//! What can be asked of `cargo xtask`, and which part does it.

use std::env;
use std::ffi::OsString;
use std::process::{Command, ExitCode, ExitStatus};

use anyhow::{Context as _, Result};
use clap::{Args, Parser, Subcommand};

use crate::bench;
use crate::children;
use crate::control_plane::{self, ControlPlane, Traffic};
use crate::postgres::{self, Durability, Postgres};
use crate::process;
use crate::serve;
use crate::site;
use crate::suite;
use crate::wasm::Profile;

/// The commands of this repository.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
pub struct Cli {
    #[command(subcommand)]
    command: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Open Slipway with a sample company on http://127.0.0.1:3000
    Demo(serve::DemoOptions),
    /// Start an empty Slipway on its data folder
    Run(serve::Options),
    /// Run every test there is
    Test(suite::Options),
    /// Measure Slipway beside the plainest program that does the same, and print the ratios
    Bench(bench::Options),
    /// Build the browser half that the server embeds, where it changed
    Site(SiteOptions),
    /// The Kubernetes control plane that tests run on
    #[command(subcommand)]
    Controlplane(ControlPlaneTask),
    /// Run one command with a private PostgreSQL, its address in SLIPWAY_TEST_POSTGRES_URL
    Postgres(Inner),
}

/// How the browser half is built.
#[derive(Args)]
struct SiteOptions {
    /// Build quickly instead of small, for work on the pages
    #[arg(long)]
    dev: bool,
}

impl SiteOptions {
    fn profile(&self) -> Profile {
        if self.dev { Profile::Dev } else { Profile::Release }
    }
}

#[derive(Subcommand)]
enum ControlPlaneTask {
    /// Build its programs from their Go sources into the cache, where they are missing
    Build,
    /// Start it, run one command with its kubeconfigs in the environment, and end it
    Start {
        /// Use the cluster in SLIPWAY_TEST_KUBECONFIG when the environment names one
        #[arg(long)]
        for_tests: bool,
        /// With Istio's control plane and an Envoy beside it, in a network of their own
        #[arg(long, conflicts_with = "for_tests")]
        with_traffic: bool,
        #[command(flatten)]
        inner: Inner,
    },
    /// What `start --with-traffic` runs in the network that it made
    #[command(hide = true)]
    StartInside(Inner),
}

/// A command to run, after `--`.
#[derive(Args)]
struct Inner {
    /// The command and its arguments
    #[arg(last = true, required = true)]
    command: Vec<OsString>,
}

/// Reads the command line; ends the program with a message when it is wrong.
pub fn parse() -> Cli {
    Cli::parse()
}

/// Does what was asked.
///
/// # Errors
/// Those of the command; the exit code of a command run for the person is passed on instead.
pub fn run(cli: Cli) -> Result<ExitCode> {
    match cli.command {
        Task::Demo(options) => serve::demo(&options).map(exit_code),
        Task::Run(options) => serve::run("run", &options, &[]).map(exit_code),
        Task::Test(options) => suite::run(&options),
        Task::Bench(options) => bench::run(&options).map(exit_code),
        Task::Site(options) => {
            site::build(options.profile())?;
            Ok(ExitCode::SUCCESS)
        }
        Task::Controlplane(ControlPlaneTask::Build) => {
            control_plane::programs()?;
            control_plane::tools()?;
            Ok(ExitCode::SUCCESS)
        }
        Task::Controlplane(ControlPlaneTask::StartInside(inner)) => {
            let traffic = Traffic::start()?;
            inner.run(&traffic.environment())
        }
        Task::Controlplane(ControlPlaneTask::Start { for_tests, with_traffic, inner }) => {
            if with_traffic {
                return inner.run_beside_traffic();
            }
            if for_tests && env::var_os(control_plane::KUBECONFIG).is_some() {
                return inner.run(&[]);
            }
            let mut plane = ControlPlane::start(&control_plane::programs()?)?;
            if for_tests {
                plane = plane.with_tools(&control_plane::tools()?)?;
            }
            inner.run(&plane.environment())
        }
        Task::Postgres(inner) => {
            let server = Postgres::start(Durability::None)?;
            inner.run(&[(postgres::URL, server.url().into())])
        }
    }
}

impl Inner {
    /// Runs the command where the person stands, in a network of its own with a data plane.
    fn run_beside_traffic(&self) -> Result<ExitCode> {
        Traffic::set_up()?;
        let mut command = control_plane::inside(&traffic_arguments(&self.command))?;
        command.current_dir(env::current_dir()?);
        Ok(exit_code(children::foreground(&mut command)?))
    }

    /// Runs the command where the person stands, and passes its exit code on.
    fn run(&self, environment: &[(&str, OsString)]) -> Result<ExitCode> {
        let (program, arguments) = self.command.split_first().context("no command was given after --")?;
        let mut command: Command = process::command(program);
        command
            .args(arguments)
            .current_dir(env::current_dir()?)
            .envs(environment.iter().map(|(name, value)| (name, value)));
        let status = children::foreground(&mut command)?;
        Ok(exit_code(status))
    }
}

/// What this program is asked for, to run a command beside a data plane once it is in its network.
pub fn traffic_arguments(command: &[OsString]) -> Vec<OsString> {
    let own = ["controlplane", "start-inside", "--"].map(OsString::from);
    own.into_iter().chain(command.iter().cloned()).collect()
}

fn exit_code(status: ExitStatus) -> ExitCode {
    use std::os::unix::process::ExitStatusExt as _;
    let code =
        status.code().or_else(|| status.signal().map(|signal| 128 + signal)).and_then(|code| u8::try_from(code).ok());
    code.map_or(ExitCode::FAILURE, ExitCode::from)
}
