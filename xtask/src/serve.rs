//! Starting Slipway from the clone: `cargo xtask run` and `cargo xtask demo`.
//!
//! Needs Rust and a C compiler, nothing else. The server is built with the `dev` profile: a release
//! build with its link-time optimisation takes several times as long on two cores, and the code that
//! would be slow without optimisation (password hashing, SQLite) is optimised in `dev` too. Whoever
//! wants the quick server instead of the quick start says `--release`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitStatus;

use anyhow::Result;
use clap::Args;

use crate::children;
use crate::control_plane::{self, ControlPlane};
use crate::paths;
use crate::process;
use crate::site;
use crate::steps::{say, step};
use crate::wasm::Profile;

/// How to build and start the server.
#[derive(Args)]
pub struct Options {
    /// Build an optimised server (slow to build, quick to run)
    #[arg(long)]
    release: bool,
    /// Build the browser half quickly instead of small, for work on the pages
    #[arg(long)]
    dev: bool,
    /// Listen on this port of 127.0.0.1 instead of 3000
    #[arg(long)]
    port: Option<u16>,
    /// Arguments for the server, after `--`
    #[arg(last = true)]
    arguments: Vec<OsString>,
}

/// How to start the sample company.
#[derive(Args)]
pub struct DemoOptions {
    #[command(flatten)]
    options: Options,
    /// Run the company on a real Kubernetes control plane, started beside it, instead of the
    /// practice cluster (needs Go at the first time)
    #[arg(long)]
    real_cluster: bool,
}

/// Runs the sample company.
///
/// # Errors
/// As [`run`], and when the control plane cannot be built or started.
pub fn demo(demo: &DemoOptions) -> Result<ExitStatus> {
    if !demo.real_cluster {
        return run("demo", &demo.options, &[]);
    }
    let plane = ControlPlane::start(&control_plane::programs()?)?;
    let kubectl = plane.kubectl();
    say(&format!(
        "watch it with: {} --kubeconfig {} get deployments --all-namespaces --watch",
        kubectl.display(),
        plane.administrator().display()
    ));
    let arguments: [OsString; 6] = [
        "--kubeconfig".into(),
        plane.minimal().into(),
        "--administrator".into(),
        plane.administrator().into(),
        "--kubectl".into(),
        kubectl.into(),
    ];
    run("demo", &demo.options, &arguments)
}

/// Builds what changed and runs `slipway <subcommand>` until it ends.
///
/// # Errors
/// When something cannot be built or the server cannot be started.
pub fn run(subcommand: &str, options: &Options, arguments: &[OsString]) -> Result<ExitStatus> {
    let profile = if options.dev { Profile::Dev } else { Profile::Release };
    site::build(profile)?;
    let server = build_server(options.release)?;
    say(&format!("starting slipway {subcommand}"));
    let mut command = process::command(server);
    command.arg(subcommand).args(arguments);
    if let Some(port) = options.port {
        command.args(["--listen", &format!("127.0.0.1:{port}")]);
    }
    command.args(&options.arguments).current_dir(std::env::current_dir()?);
    children::foreground(&mut command)
}

/// Builds the server with the site embedded; cargo skips what has not changed.
///
/// # Errors
/// When it does not compile.
pub fn build_server(release: bool) -> Result<PathBuf> {
    let folder = if release { "release" } else { "debug" };
    step("compiling the server", || {
        let mut command = process::cargo();
        command.args(["build", "--package", "server"]);
        if release {
            command.arg("--release");
        }
        process::run(&mut command)
    })?;
    Ok(paths::target()?.join(folder).join("slipway"))
}
