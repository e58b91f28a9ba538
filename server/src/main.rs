//! `slipway`: runs the server.

use std::{io::Write as _, path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};
use server::{
    config::{Config, Flags, Sources},
    demo::RealCluster,
    serve, telemetry,
};

/// Release management: what runs where, and how a version gets from one environment to the next.
#[derive(Parser)]
#[command(name = "slipway", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    flags: Flags,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server
    Run,
    /// Run the server with a sample company on a practice cluster, in a folder that is thrown away
    /// unless --data-dir names one
    Demo(DemoOptions),
    /// Check the configuration and print it without secrets
    CheckConfig,
}

/// What the sample company runs on.
#[derive(Args)]
struct DemoOptions {
    /// A kubeconfig to connect a real cluster with, instead of the practice cluster
    #[arg(long, value_name = "FILE", requires = "administrator")]
    kubeconfig: Option<PathBuf>,
    /// A kubeconfig that may make the company's namespaces and Deployments there
    #[arg(long, value_name = "FILE", requires = "kubeconfig")]
    administrator: Option<PathBuf>,
    /// The kubectl to make them with
    #[arg(long, value_name = "PROGRAM", default_value = "kubectl")]
    kubectl: PathBuf,
    /// What the names of the company's namespaces there begin with
    #[arg(long, value_name = "TEXT", requires = "kubeconfig", default_value = "")]
    namespace_prefix: String,
}

impl DemoOptions {
    fn real(self) -> Option<RealCluster> {
        let (kubeconfig, administrator) = self.kubeconfig.zip(self.administrator)?;
        Some(RealCluster { kubeconfig, administrator, kubectl: self.kubectl, namespace_prefix: self.namespace_prefix })
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The chain in one line: what could not be done, and why.
            let written = writeln!(std::io::stderr(), "slipway: {error:#}");
            // Nobody listens to standard error; the exit code still says it.
            drop(written);
            ExitCode::FAILURE
        }
    }
}

async fn run(mut cli: Cli) -> anyhow::Result<()> {
    // Removed when it is dropped, at the end of the demo.
    let throw_away = match cli.command {
        Command::Demo(_) => Some(tempfile::tempdir().context("a folder for the demo cannot be made")?),
        Command::Run | Command::CheckConfig => None,
    };
    if let Some(folder) = &throw_away
        && !Sources::of_process(cli.flags.clone())?.has_data_dir()
    {
        cli.flags.data_dir = Some(folder.path().display().to_string());
    }
    let config = Config::read(&Sources::of_process(cli.flags)?)?;
    match cli.command {
        Command::CheckConfig => {
            std::io::stdout().write_all(config.shown().as_bytes()).context("printing the configuration")
        }
        Command::Run => {
            telemetry::start_logging(config.log_format, &config.log_level)?;
            serve::run(config).await
        }
        Command::Demo(options) => {
            telemetry::start_logging(config.log_format, &config.log_level)?;
            serve::run_demo(config, options.real()).await
        }
    }
}
