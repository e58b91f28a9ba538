//! Programs that run beside a command (databases, a control plane), and their sure end.
//!
//! Owns every process and every temporary folder that outlives one step. Promises that they are
//! gone when the command ends: by `Drop` on the ordinary ways out, by the signal thread on SIGINT,
//! SIGTERM and SIGHUP, and by the kernel's parent-death signal (where `setpriv` exists) when xtask
//! itself is killed. The folder of a killed xtask stays behind in the temporary directory.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::process;

/// How long a command that was asked to end may take before its tree is killed.
const GRACE: Duration = Duration::from_secs(5);

enum Item {
    Background(Pid),
    Foreground(Pid),
    Folder(PathBuf),
}

static ITEMS: Mutex<Vec<Item>> = Mutex::new(Vec::new());

fn items() -> MutexGuard<'static, Vec<Item>> {
    // A poisoned list is still the list of what has to be ended.
    ITEMS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ends everything and exits with 128 + signal when a signal asks xtask to end.
///
/// # Errors
/// When the handlers cannot be installed.
pub fn watch_signals() -> Result<()> {
    let mut signals =
        signal_hook::iterator::Signals::new([SIGINT, SIGTERM, SIGHUP]).context("cannot install the signal handlers")?;
    std::thread::spawn(move || {
        if let Some(signal) = signals.forever().next() {
            end_everything();
            std::process::exit(128 + signal);
        }
    });
    Ok(())
}

fn end_everything() {
    // The lock is kept to the end, so that the main thread cannot start or forget anything.
    let items = items();
    for item in items.iter() {
        if let Item::Foreground(pid) = item {
            end_tree(*pid);
        }
    }
    for item in items.iter().rev() {
        if let Item::Background(pid) = item {
            // Already gone is what we want.
            let _ = rustix::process::kill_process(*pid, Signal::KILL);
        }
    }
    for item in items.iter() {
        if let Item::Folder(folder) = item {
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}

/// Asks a process and all its descendants to end, and kills those that have not after [`GRACE`].
fn end_tree(pid: Pid) {
    let tree = descendants(pid);
    for pid in &tree {
        let _ = rustix::process::kill_process(*pid, Signal::TERM);
    }
    let asked = Instant::now();
    while asked.elapsed() < GRACE && tree.iter().any(|pid| is_alive(*pid)) {
        std::thread::sleep(Duration::from_millis(20));
    }
    for pid in tree {
        let _ = rustix::process::kill_process(pid, Signal::KILL);
    }
}

/// A zombie that nobody has waited for yet counts as ended.
fn is_alive(pid: Pid) -> bool {
    match std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())) {
        Ok(stat) => state_and_parent(&stat).is_some_and(|(state, _)| state != "Z"),
        Err(_) if Path::new("/proc/self/stat").exists() => false,
        // Without /proc: the null signal is the question whether it exists.
        Err(_) => rustix::process::test_kill_process(pid).is_ok(),
    }
}

/// The process and everything below it, as far as `/proc` tells (elsewhere the process alone).
fn descendants(root: Pid) -> Vec<Pid> {
    let mut parents = Vec::new();
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else {
            continue;
        };
        if let Ok(stat) = std::fs::read_to_string(entry.path().join("stat"))
            && let Some((_, parent)) = state_and_parent(&stat)
        {
            parents.push((pid, parent));
        }
    }
    let mut tree = vec![root];
    let mut next = 0;
    while let Some(current) = tree.get(next).copied() {
        next += 1;
        let number = current.as_raw_nonzero().get();
        tree.extend(parents.iter().filter(|(_, parent)| *parent == number).filter_map(|(pid, _)| Pid::from_raw(*pid)));
    }
    tree
}

/// Fields 3 and 4 of `/proc/PID/stat` (proc_pid_stat(5)); the name before them may hold anything.
fn state_and_parent(stat: &str) -> Option<(&str, i32)> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    let state = fields.next()?;
    Some((state, fields.next()?.parse().ok()?))
}

fn pid_of(child: &Child) -> Result<Pid> {
    i32::try_from(child.id()).ok().and_then(Pid::from_raw).context("the system gave a process an impossible number")
}

fn forget(unwanted: impl Fn(&Item) -> bool) {
    items().retain(|item| !unwanted(item));
}

/// Runs one command in the foreground to its end, so that a signal to xtask ends it as well.
///
/// # Errors
/// When it cannot be started.
pub fn foreground(command: &mut Command) -> Result<ExitStatus> {
    let mut child = spawn(command, Item::Foreground)?;
    wait_foreground(&mut child)
}

/// Starts a command in the foreground whose output the caller reads; then [`wait_foreground`].
///
/// # Errors
/// When it cannot be started.
pub fn start_foreground(command: &mut Command) -> Result<Child> {
    spawn(command, Item::Foreground)
}

/// Waits for what [`start_foreground`] started.
///
/// # Errors
/// When the system cannot say how it ended.
pub fn wait_foreground(child: &mut Child) -> Result<ExitStatus> {
    let pid = pid_of(child)?;
    let status = child.wait().context("cannot wait for the command");
    forget(|item| matches!(item, Item::Foreground(known) if *known == pid));
    status
}

fn spawn(command: &mut Command, item: fn(Pid) -> Item) -> Result<Child> {
    // Under the lock: no signal may fall between starting and noting.
    let mut items = items();
    let child = command.spawn().with_context(|| format!("cannot start {}", process::shown(command)))?;
    items.push(item(pid_of(&child)?));
    Ok(child)
}

/// A program that runs until it is dropped. Its output goes to a log file.
pub struct Background {
    name: String,
    log: PathBuf,
    child: Child,
}

impl Background {
    /// Starts a program away from the terminal's Ctrl-C, so that it outlives the command that
    /// needs it. `command` must have been made by [`tied`], or it outlives a killed xtask.
    ///
    /// # Errors
    /// When the log cannot be made or the program cannot be started.
    pub fn start(name: &str, command: &mut Command, logs: &Path) -> Result<Self> {
        use std::os::unix::process::CommandExt as _;
        let log = logs.join(format!("{name}.log"));
        let file = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        command.process_group(0).stdin(std::process::Stdio::null()).stdout(file.try_clone()?).stderr(file);
        let child = spawn(command, Item::Background)?;
        Ok(Self { name: name.to_owned(), log, child })
    }

    /// Asks `ready` until it says yes.
    ///
    /// # Errors
    /// When the program has ended or the time is over; the message carries the end of its log.
    pub fn wait_ready(&mut self, limit: Duration, mut ready: impl FnMut() -> bool) -> Result<()> {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended with {status}:\n{}", self.name, self.log_end());
            }
            if ready() {
                return Ok(());
            }
            if began.elapsed() > limit {
                bail!("{} was not ready within {} s:\n{}", self.name, limit.as_secs(), self.log_end());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The last lines that the program wrote.
    pub fn log_end(&self) -> String {
        let text = std::fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(25)..].join("\n")
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // Killing is enough: all of these run on a temporary folder.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Ok(pid) = pid_of(&self.child) {
            forget(|item| matches!(item, Item::Background(known) if *known == pid));
        }
    }
}

/// A command whose process the kernel kills when xtask dies, where `setpriv` can arrange it.
/// Must be spawned from the main thread: the kernel watches the thread, not the process.
pub fn tied(program: &Path) -> Command {
    let mut command = match process::which("setpriv") {
        Some(setpriv) => {
            let mut command = process::command(setpriv);
            command.args(["--pdeathsig", "KILL", "--"]).arg(program);
            command
        }
        None => process::command(program),
    };
    command.env_remove("NOTIFY_SOCKET");
    command
}

/// A temporary folder that is gone when the command ends, also by a signal.
pub struct Folder(tempfile::TempDir);

impl Folder {
    /// Makes `<temporary directory>/slipway-<purpose>-XXXXXX`, readable by its owner alone.
    ///
    /// # Errors
    /// When the temporary directory cannot be written.
    pub fn new(purpose: &str) -> Result<Self> {
        let mut items = items();
        let folder = tempfile::Builder::new()
            .prefix(&format!("slipway-{purpose}-"))
            .tempdir()
            .context("cannot make a temporary folder")?;
        items.push(Item::Folder(folder.path().to_path_buf()));
        Ok(Self(folder))
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let path = self.0.path().to_path_buf();
        forget(|item| matches!(item, Item::Folder(known) if *known == path));
    }
}

/// Ports on loopback that nobody listens on at this moment.
///
/// # Errors
/// When the system has none left.
pub fn free_ports<const N: usize>() -> Result<[u16; N]> {
    // All are held until all are known, so that no two are the same.
    let mut held = Vec::with_capacity(N);
    let mut ports = [0; N];
    for port in &mut ports {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).context("no free port on 127.0.0.1")?;
        *port = listener.local_addr()?.port();
        held.push(listener);
    }
    Ok(ports)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_name_with_parentheses_and_spaces_does_not_shift_the_fields() {
        assert_eq!(state_and_parent("42 (a) b (c)) S 7 42 42 0"), Some(("S", 7)));
    }

    #[test]
    fn ports_of_one_call_differ() -> Result<()> {
        let [a, b, c] = free_ports()?;
        assert!(a != b && b != c && a != c, "{a} {b} {c}");
        Ok(())
    }
}
