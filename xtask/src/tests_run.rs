//! Building and running the Rust tests of the workspace, crate by crate, with one sum.
//!
//! All are built by one `cargo test --no-run`, because cargo chooses other features for `-p one`
//! than for the workspace and would compile half the dependencies again for every crate. Then each
//! test program is run as cargo would run it, in the order in which a failure explains those after
//! it. Tests that pass are counted, not listed.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::children;
use crate::cli::traffic_arguments;
use crate::control_plane;
use crate::process;
use crate::steps::{say, step};

/// The order of the crates: rules first, then what stands on them. Others come last.
const ORDER: &[&str] =
    &["domain", "contract", "ports", "store", "practice", "manifest", "outgoing", "engine", "cluster", "server", "app"];

/// The crates that the workspace's tests leave out: `frontend` needs `app` with features that
/// exclude the server's; `xtask` is tested as it is built, alone.
const APART: &[&str] = &["--exclude", "frontend", "--exclude", "xtask"];

/// The test program that runs beside a data plane, apart from the others.
const TRAFFIC: &str = "traffic";

/// How many of those run at once: they wait most of the time, and share one Envoy.
const TRAFFIC_AT_ONCE: &str = "--test-threads=6";

/// How many tests passed, failed and were not run.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub struct Sum {
    /// Passed.
    pub passed: u64,
    /// Failed, or ended without saying how.
    pub failed: u64,
    /// Marked as ignored.
    pub ignored: u64,
}

impl Sum {
    /// Adds another sum.
    pub fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
    }

    /// One failure, for a part that could not even run.
    pub fn one_failure() -> Self {
        Self { failed: 1, ..Self::default() }
    }
}

/// The programs that a build of the tests made.
pub struct Built {
    tests: Vec<TestProgram>,
    /// The server, when an integration test needed it.
    pub server: Option<PathBuf>,
}

struct TestProgram {
    package: String,
    target: String,
    folder: PathBuf,
    program: PathBuf,
}

/// Builds every test program of the workspace.
///
/// # Errors
/// When something does not compile.
pub fn build() -> Result<Built> {
    step("compiling the tests", || {
        let mut command = process::cargo();
        command
            .args(["test", "--workspace", "--no-run"])
            // The tests that need the control plane, or a data plane, which are started before them.
            .args(["--features", "cluster/control-plane,server/traffic"])
            .args(APART)
            .arg("--message-format=json-render-diagnostics")
            .stdout(Stdio::piped());
        let mut child = children::start_foreground(&mut command)?;
        let output = child.stdout.take().context("cargo has no output")?;
        let mut built = Built { tests: Vec::new(), server: None };
        for line in BufReader::new(output).lines() {
            if let Ok(message) = serde_json::from_str(&line?) {
                built.note(&message);
            }
        }
        if !children::wait_foreground(&mut child)?.success() {
            bail!("the tests do not compile");
        }
        built.sort();
        Ok(built)
    })
}

impl Built {
    /// Takes what matters from one of cargo's messages.
    fn note(&mut self, message: &Value) {
        let (Some(program), Some(manifest), Some(target)) =
            (message["executable"].as_str(), message["manifest_path"].as_str(), message["target"]["name"].as_str())
        else {
            return;
        };
        if message["profile"]["test"] == true {
            let folder = Path::new(manifest).parent().unwrap_or(Path::new("/"));
            let package = folder.file_name().unwrap_or_default().to_string_lossy();
            self.tests.push(TestProgram {
                package: package.into_owned(),
                target: target.to_owned(),
                folder: folder.to_path_buf(),
                program: PathBuf::from(program),
            });
        } else if target == "slipway" {
            self.server = Some(PathBuf::from(program));
        }
    }

    fn sort(&mut self) {
        let place = |package: &str| ORDER.iter().position(|known| *known == package).unwrap_or(ORDER.len());
        self.tests.sort_by_key(|test| (place(&test.package), test.package.clone(), test.target.clone()));
    }

    /// Runs all of them, also after failures.
    ///
    /// # Errors
    /// When a program cannot be started.
    pub fn run(&self, environment: &[(&str, OsString)]) -> Result<Sum> {
        let mut sum = Sum::default();
        let mut by_package: BTreeMap<&str, Sum> = BTreeMap::new();
        for test in self.tests.iter().filter(|test| test.target != TRAFFIC) {
            let mut command = process::command(&test.program);
            // As cargo sets them for a test.
            command.env("CARGO_MANIFEST_DIR", &test.folder).env("CARGO_PKG_NAME", &test.package);
            let counted = test.run(command, environment)?;
            by_package.entry(&test.package).or_default().add(counted);
            sum.add(counted);
        }
        Ok(sum)
    }

    /// Runs the tests whose requests go through a data plane, in a network of their own.
    ///
    /// # Errors
    /// When there is no such program, the network cannot be made, or something cannot be started.
    pub fn run_traffic(&self, environment: &[(&str, OsString)]) -> Result<Sum> {
        let mut sum = Sum::default();
        for test in self.tests.iter().filter(|test| test.target == TRAFFIC) {
            let command = [test.program.clone().into(), TRAFFIC_AT_ONCE.into()];
            sum.add(test.run(control_plane::inside(&traffic_arguments(&command))?, environment)?);
        }
        if sum == Sum::default() {
            bail!("there are no tests of this name: {TRAFFIC}");
        }
        Ok(sum)
    }
}

impl TestProgram {
    /// Runs it where cargo would, by this command.
    fn run(&self, mut command: Command, environment: &[(&str, OsString)]) -> Result<Sum> {
        command.current_dir(&self.folder).envs(environment.iter().map(|(name, value)| (name, value)));
        counted(&format!("{} ({})", self.package, self.target), &mut command)
    }
}

/// Runs the examples in the documentation.
///
/// # Errors
/// When cargo cannot be started.
pub fn documentation(environment: &[(&str, OsString)]) -> Result<Sum> {
    let mut command = process::cargo();
    command
        .args(["test", "--workspace", "--doc"])
        .args(APART)
        .envs(environment.iter().map(|(name, value)| (name, value)));
    counted("documentation", &mut command)
}

/// Runs the tests of the commands themselves, among them that of the workspace's shape.
///
/// # Errors
/// When cargo cannot be started.
pub fn commands() -> Result<Sum> {
    let mut command = process::cargo();
    command.args(["test", "--package", "xtask"]);
    counted("xtask", &mut command)
}

/// Runs one program that reports as Rust's test harness does, and counts.
fn counted(name: &str, command: &mut Command) -> Result<Sum> {
    let began = Instant::now();
    command.stdout(Stdio::piped());
    let mut child = children::start_foreground(command)?;
    let output = child.stdout.take().context("a test program has no output")?;
    let mut sum = Sum::default();
    for line in BufReader::new(output).lines() {
        let line = line?;
        if let Some(result) = result_line(&line) {
            sum.add(result);
        } else if !is_noise(&line) {
            say_plain(&line);
        }
    }
    let status = children::wait_foreground(&mut child)?;
    // Ended by a signal, or before the harness could count.
    if !status.success() && sum.failed == 0 {
        say_plain(&format!("{name} ended with {status}"));
        sum.failed += 1;
    }
    let ignored = match sum.ignored {
        0 => String::new(),
        count => format!(", {count} ignored"),
    };
    say(&format!(
        "{name}: {} passed, {} failed{ignored} in {:.1} s",
        sum.passed,
        sum.failed,
        began.elapsed().as_secs_f64()
    ));
    Ok(sum)
}

fn say_plain(line: &str) {
    println!("{line}");
}

/// `test result: ok. 12 passed; 0 failed; 1 ignored; …`
fn result_line(line: &str) -> Option<Sum> {
    let counts = line.strip_prefix("test result: ")?.split_once(". ")?.1;
    let mut sum = Sum::default();
    for part in counts.split(';') {
        let mut words = part.split_whitespace();
        let (Some(number), Some(kind)) = (words.next(), words.next()) else {
            continue;
        };
        match (number.parse(), kind) {
            (Ok(number), "passed") => sum.passed = number,
            (Ok(number), "failed") => sum.failed = number,
            (Ok(number), "ignored") => sum.ignored = number,
            _ => {}
        }
    }
    Some(sum)
}

/// What a reader of many thousand passing tests does not need.
fn is_noise(line: &str) -> bool {
    line.is_empty()
        || (line.starts_with("test ") && line.ends_with(" ... ok"))
        || (line.starts_with("running ") && line.ends_with("tests"))
        || line == "running 1 test"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_harness_result_is_counted() {
        let line = "test result: FAILED. 12 passed; 3 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s";
        let sum = Sum { passed: 12, failed: 3, ignored: 1 };
        assert_eq!(result_line(line), Some(sum));
        assert_eq!(result_line("test result_line ... ok"), None);
    }

    #[test]
    fn a_program_that_dies_without_a_word_is_a_failure() -> Result<()> {
        let sum = counted("dying", Command::new("sh").args(["-c", "kill -9 $$"]))?;
        assert_eq!(sum, Sum::one_failure());
        Ok(())
    }

    #[test]
    fn failing_tests_are_shown_and_passing_ones_are_not() {
        assert!(is_noise("test a::b ... ok"));
        assert!(!is_noise("test a::b ... FAILED"));
        assert!(!is_noise("thread 'a::b' panicked at src/lib.rs:1:1:"));
    }
}
