//! Servers as processes of their own: started, asked what they cost, ended.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};

/// The server that cargo built together with this program.
const SLIPWAY: &str = env!("CARGO_BIN_EXE_slipway");

/// Longer than any start on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The unit of processor time in `/proc/PID/stat`: USER_HZ is 100 on every Linux.
const TICKS_PER_SECOND: f64 = 100.0;

/// A running server.
pub(crate) struct Server {
    child: Child,
    /// `http://127.0.0.1:PORT`.
    pub(crate) url: String,
    /// From the start of the process to its first good answer.
    pub(crate) started_in: Duration,
}

impl Server {
    /// Starts `slipway run` on this database, on one core when `core` names it, and waits until it is ready.
    pub(crate) async fn slipway(data: &Path, database: &str, core: Option<usize>) -> anyhow::Result<Self> {
        let mut command = pinned(Path::new(SLIPWAY), core);
        command.args(["run", "--listen", "127.0.0.1:0", "--log-level", "error"]);
        command.arg("--data-dir").arg(data).env("DATABASE_URL", database);
        // PostgreSQL asks for a key of its own; the same one everywhere does no harm here.
        command.env("SLIPWAY_ENCRYPTION_KEY", STANDARD.encode([7; 32]));
        Self::start(command, "/ready").await
    }

    /// Starts this program as the plain server on this database.
    pub(crate) async fn plain(database: &str, core: Option<usize>) -> anyhow::Result<Self> {
        let mut command = pinned(&std::env::current_exe()?, core);
        command.args(["plain", database]);
        Self::start(command, "/ready").await
    }

    async fn start(mut command: Command, ready: &str) -> anyhow::Result<Self> {
        command.stdout(Stdio::piped()).stdin(Stdio::null()).kill_on_drop(true);
        let began = Instant::now();
        let mut child = command.spawn().with_context(|| format!("{command:?} cannot be started"))?;
        let mut lines = BufReader::new(child.stdout.take().context("no output")?).lines();
        let url = tokio::time::timeout(PATIENCE, async {
            while let Some(line) = lines.next_line().await? {
                if let Some((_, url)) = line.split_once(" is ready at ") {
                    return Ok(url.trim().to_owned());
                }
            }
            bail!("the server ended instead of getting ready")
        });
        let url = url.await.context("the server does not get ready")??;
        let client = reqwest::Client::builder().no_proxy().build()?;
        loop {
            match client.get(format!("{url}{ready}")).send().await {
                Ok(answer) if answer.status().is_success() => break,
                _ if began.elapsed() > PATIENCE => bail!("{url} is not ready"),
                _ => tokio::time::sleep(Duration::from_millis(1)).await,
            }
        }
        let started_in = began.elapsed();
        // What it prints later is read, so that it never waits for us.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(Self { child, url, started_in })
    }

    fn proc(&self, file: &str) -> anyhow::Result<String> {
        let id = self.child.id().context("the server has ended")?;
        let path = PathBuf::from(format!("/proc/{id}/{file}"));
        std::fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))
    }

    /// Memory that it holds, in bytes.
    pub(crate) fn memory(&self) -> anyhow::Result<u64> {
        resident(&self.proc("status")?)
    }

    /// Processor time that it used so far, in seconds.
    pub(crate) fn processor_seconds(&self) -> anyhow::Result<f64> {
        let stat = self.proc("stat")?;
        // Fields 14 and 15 of proc_pid_stat(5); the name before them may hold anything.
        let (_, rest) = stat.rsplit_once(')').context("no name")?;
        let mut fields = rest.split_whitespace().skip(11).map(str::parse::<f64>);
        let (user, system) = fields.next().zip(fields.next()).context("too few fields")?;
        Ok((user? + system?) / TICKS_PER_SECOND)
    }

    /// Ends it, and waits until it has ended.
    pub(crate) async fn end(mut self) -> anyhow::Result<()> {
        self.child.kill().await.context("the server cannot be ended")
    }
}

/// The memory that a process holds, in bytes, by its `/proc/PID/status`.
///
/// # Errors
/// When it does not say.
pub(crate) fn resident(status: &str) -> anyhow::Result<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse().context("VmRSS")?;
    Ok(kilobytes * 1024)
}

fn pinned(program: &Path, core: Option<usize>) -> Command {
    match core {
        Some(core) => {
            let mut command = Command::new("taskset");
            command.args(["--cpu-list", &core.to_string()]).arg(program);
            command
        }
        None => Command::new(program),
    }
}

/// How many cores there are.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Keeps this process off core 0, where servers are measured, as long as there is another one; `false`
/// gives all cores back.
pub(crate) async fn make_room(make_room: bool) -> anyhow::Result<()> {
    let last = cores() - 1;
    let first = usize::from(make_room && last > 0);
    let mut command = Command::new("taskset");
    command.args(["--all-tasks", "--pid", "--cpu-list", &format!("{first}-{last}"), &std::process::id().to_string()]);
    let output = command.output().await.context("taskset (util-linux) is needed to measure on one core")?;
    if !output.status.success() {
        bail!("taskset: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}

/// The machine in one line.
pub(crate) fn machine() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = info.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    let name = name.trim_start_matches([' ', '\t', ':']);
    let build = if cfg!(debug_assertions) { "a DEBUG build" } else { "a release build" };
    format!("{} cores{}{name}, {build}", cores(), if name.is_empty() { "" } else { ", " })
}

/// Bytes for people.
pub(crate) fn megabytes(bytes: u64) -> String {
    let tenths = bytes / 100_000;
    format!("{}.{} MB", tenths / 10, tenths % 10)
}
