//! A network of its own, in which the addresses of pods are this machine's.
//!
//! Pods that kwok plays have no network, and endpoints refuse loopback addresses. So a command begins
//! anew in a network namespace with the range of the pods' addresses on its loopback: one server that
//! listens on all addresses then plays every pod. The namespace ends with its last process. Root is not
//! needed where the kernel lets everybody have namespaces; what is missing is named.

use std::env;
use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::children;
use crate::process;
use crate::setup;

/// Where kwok takes the addresses of pods from.
const PODS: &str = "10.244.0.0/16";

/// Set within: the command does not begin anew once more.
const INSIDE: &str = "SLIPWAY_XTASK_IS_INSIDE_NETWORK";

/// The command that runs this program's `arguments` in a network of its own.
///
/// # Errors
/// When a program is missing, or the system does not allow namespaces; the message says what to do.
pub fn inside(arguments: &[OsString]) -> Result<Command> {
    let unshare = setup::program(
        "the tests that count responses need unshare",
        || process::which("unshare"),
        &["util-linux"],
        "util-linux, on Linux: its unshare makes the network in which pods have addresses",
    )?;
    setup::program("the tests that count responses need ip", ip, &["iproute2"], "iproute2, with ip on PATH")?;
    let options = if process::is_root() { "-n" } else { "-Urn" };
    if process::ask(process::command(&unshare).args([options, "true"])).is_none() {
        bail!(
            "`unshare {options} true` fails: this system gives you no network namespace.\nRun the tests that count \
             responses as root, or allow it (sysctl kernel.unprivileged_userns_clone=1 or \
             kernel.apparmor_restrict_unprivileged_userns=0)"
        );
    }
    let own = env::current_exe().context("this program does not know where it lies")?;
    let mut command = children::tied(&unshare);
    command.args([options, "--"]).arg(own).args(arguments).env(INSIDE, "1");
    // Taken away from other programs; here it says where the clone lies.
    if let Some(folder) = env::var_os("CARGO_MANIFEST_DIR") {
        command.env("CARGO_MANIFEST_DIR", folder);
    }
    Ok(command)
}

/// Whether this process was begun by [`inside`].
pub(super) fn is_inside() -> bool {
    env::var_os(INSIDE).is_some()
}

/// Gives the pods' addresses to this machine.
///
/// # Errors
/// When `ip` is missing or fails.
pub(super) fn prepare() -> Result<()> {
    let ip = ip().context("ip is missing")?;
    let route = ["route", "add", "local", PODS, "dev", "lo"];
    process::run(process::command(&ip).args(["link", "set", "lo", "up"]))?;
    process::run(process::command(&ip).args(route))
}

fn ip() -> Option<std::path::PathBuf> {
    let usual = || ["/usr/sbin/ip", "/sbin/ip"].map(Path::new).into_iter().find(|path| process::is_executable(path));
    process::which("ip").or_else(|| usual().map(Path::to_path_buf))
}
