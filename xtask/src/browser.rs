//! The tests in a real browser: `end2end/`, by Playwright in an installed Chromium.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::children;
use crate::digest::Hash;
use crate::paths;
use crate::process;
use crate::setup;
use crate::steps::{say, step};
use crate::tests_run::Sum;

/// The environment variable that names the browser to use.
const BROWSER: &str = "SLIPWAY_TEST_CHROMIUM";

/// The environment variable by which the tests find the server they start.
const SERVER: &str = "SLIPWAY_BIN";

/// What the tests need: Node and a browser, with the packages of `package-lock.json` installed.
pub struct Browser {
    node: PathBuf,
    chromium: PathBuf,
}

impl Browser {
    /// Sets up what is missing.
    ///
    /// # Errors
    /// When Node or Chromium is missing and cannot be installed, or npm fails.
    pub fn set_up() -> Result<Self> {
        let node = setup::program(
            "the browser tests need Node 18 or newer with npm",
            setup::node,
            &["nodejs", "npm"],
            "Node 18 or newer, with npm",
        )?;
        let chromium = setup::program(
            "the browser tests need Chromium",
            chromium,
            &["chromium"],
            "Chromium or Chrome (SLIPWAY_TEST_CHROMIUM may name its program)",
        )?;
        install_packages()?;
        Ok(Self { node, chromium })
    }

    /// Runs the tests against servers that they start from this program.
    ///
    /// # Errors
    /// When Playwright cannot be started or leaves no report.
    pub fn run(&self, server: &Path, environment: &[(&str, OsString)], arguments: &[OsString]) -> Result<Sum> {
        let report = paths::target()?.join("browser-tests.json");
        if report.exists() {
            fs::remove_file(&report)?;
        }
        let mut command = process::command(&self.node);
        command
            .current_dir(folder())
            .arg("node_modules/@playwright/test/cli.js")
            .arg("test")
            .args(arguments)
            .env(BROWSER, &self.chromium)
            .env(SERVER, server)
            .env("SLIPWAY_TEST_REPORT", &report)
            .envs(environment.iter().map(|(name, value)| (name, value)));
        let status = children::foreground(&mut command)?;
        let text = fs::read_to_string(&report)
            .with_context(|| format!("Playwright ended with {status} and left no report"))?;
        let mut sum = read_report(&text)?;
        if !status.success() && sum.failed == 0 {
            // An error outside of any test, such as a file that does not compile.
            sum.failed = 1;
        }
        say(&format!("browser: {} passed, {} failed, {} ignored", sum.passed, sum.failed, sum.ignored));
        Ok(sum)
    }
}

fn folder() -> PathBuf {
    paths::root().join("end2end")
}

fn chromium() -> Option<PathBuf> {
    if let Some(named) = env::var_os(BROWSER).map(PathBuf::from) {
        return process::is_executable(&named).then_some(named);
    }
    ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"].into_iter().find_map(process::which)
}

/// `npm ci`, unless what is installed is what the lock file asks for.
fn install_packages() -> Result<()> {
    let folder = folder();
    let mut hash = Hash::new();
    for file in ["package.json", "package-lock.json"] {
        hash.add_path(&folder, &folder.join(file))?;
    }
    let wanted = hash.short();
    let noted = folder.join("node_modules/.installed-for");
    if fs::read_to_string(&noted).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    step("installing the browser tests' packages (npm)", || {
        process::run(
            process::command("npm")
                .current_dir(&folder)
                .args(["ci", "--no-audit", "--no-fund", "--silent"])
                // The installed browser is used; Playwright's own is not fetched.
                .env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1"),
        )
    })?;
    fs::write(&noted, wanted).with_context(|| format!("cannot write {}", noted.display()))
}

/// The counts in Playwright's JSON report. A test that passed only when repeated is a failure.
fn read_report(text: &str) -> Result<Sum> {
    let report: serde_json::Value = serde_json::from_str(text).context("Playwright's report is no JSON")?;
    let count = |name: &str| report["stats"][name].as_u64();
    match (count("expected"), count("unexpected"), count("flaky"), count("skipped")) {
        (Some(passed), Some(unexpected), Some(flaky), Some(ignored)) => {
            Ok(Sum { passed, failed: unexpected + flaky, ignored })
        }
        _ => bail!("Playwright's report has no counts"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flaky_test_is_a_failure_and_a_report_without_counts_is_an_error() -> Result<()> {
        let text = r#"{"stats":{"expected":5,"unexpected":1,"flaky":2,"skipped":3}}"#;
        let sum = Sum { passed: 5, failed: 3, ignored: 3 };
        assert_eq!(read_report(text)?, sum);
        assert!(read_report("{}").is_err());
        Ok(())
    }
}
