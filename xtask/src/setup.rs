//! Setting up what is missing: through apt when root on Debian, else by naming the command.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::process;
use crate::steps::{say, step};

/// Whether packages can be installed through apt here, if one is root.
pub fn has_apt() -> bool {
    Path::new("/etc/debian_version").exists() && process::which("apt-get").is_some()
}

/// Installs Debian packages, or stops with the exact command.
///
/// # Errors
/// When not root, not on Debian, or apt fails. The message says what to install and how.
pub fn apt_install(why: &str, packages: &[&str], elsewhere: &str) -> Result<()> {
    let names = packages.join(" ");
    if !has_apt() {
        bail!("{why}.\nPlease install: {elsewhere}");
    }
    if !process::is_root() {
        bail!("{why}.\nPlease run:\n\n    sudo apt-get install --no-install-recommends {names}\n");
    }
    say(&format!("{why}: installing {names} through apt"));
    step("apt-get update", || process::run(apt().args(["update", "-qq"])))?;
    step(&format!("apt-get install {names}"), || {
        process::run(apt().args(["install", "-y", "-qq", "--no-install-recommends"]).args(packages))
    })
}

fn apt() -> std::process::Command {
    let mut command = process::command("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}

/// The first of these programs that is there; installs `packages` once when none is.
///
/// # Errors
/// As [`apt_install`], and when the packages did not bring the program.
pub fn program(why: &str, find: impl Fn() -> Option<PathBuf>, packages: &[&str], elsewhere: &str) -> Result<PathBuf> {
    if let Some(found) = find() {
        return Ok(found);
    }
    apt_install(why, packages, elsewhere)?;
    match find() {
        Some(found) => Ok(found),
        None => bail!("{why}, and installing {} did not bring it", packages.join(" ")),
    }
}

/// Node, when it is on `PATH` and new enough for the tools used here.
pub fn node() -> Option<PathBuf> {
    let node = process::which("node")?;
    let version = process::ask(process::command(&node).arg("--version"))?;
    let major: u32 = version.trim().trim_start_matches('v').split('.').next()?.parse().ok()?;
    // The browser tests and wasm-opt's JavaScript build ask for Node 18.
    (major >= 18 && process::which("npm").is_some()).then_some(node)
}
