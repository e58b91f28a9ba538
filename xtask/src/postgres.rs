//! A private PostgreSQL for tests: its own folder, its own port, gone at the end.
//!
//! Never expects a server to be there and never touches one that is. PostgreSQL refuses to run as
//! root, so root starts it as the user `postgres`. When `SLIPWAY_TEST_POSTGRES_URL` names a server
//! already, that one is used and nothing is started.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::children::{self, Background, Folder};
use crate::process;
use crate::setup;
use crate::steps::step;

/// The environment variable by which tests find the server.
pub const URL: &str = "SLIPWAY_TEST_POSTGRES_URL";

/// The programs needed, all in one folder.
const PROGRAMS: &[&str] = &["initdb", "postgres", "pg_isready"];

/// The user that Debian's package makes for its server.
const USER: &str = "postgres";

/// What a commit outlives.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// The end of the server at most: quick, for data that nobody needs after a crash.
    None,
    /// A power failure, as where people work: every commit waits for the disk.
    Machine,
}

/// A running server, or one that the person named.
pub struct Postgres {
    url: String,
    // Dropped in this order: the server before its folder.
    _server: Option<Background>,
    _folder: Option<Folder>,
}

impl Postgres {
    /// Starts a server with a superuser `postgres` (no password, loopback only).
    ///
    /// # Errors
    /// When PostgreSQL's server is missing and cannot be installed, or does not start.
    pub fn start(durability: Durability) -> Result<Self> {
        if let Some(url) = env::var_os(URL).filter(|url| !url.is_empty()) {
            return Ok(Self { url: url.to_string_lossy().into_owned(), _server: None, _folder: None });
        }
        let programs = programs()?;
        step("starting a private PostgreSQL", || start(&programs, durability))
    }

    /// Where it answers: `postgres://postgres@127.0.0.1:PORT/postgres`.
    pub fn url(&self) -> &str {
        &self.url
    }
}

fn start(programs: &Path, durability: Durability) -> Result<Postgres> {
    let folder = Folder::new("postgres")?;
    let data = folder.path().join("data");
    let [port] = children::free_ports()?;
    if process::is_root() {
        process::run(process::command("chown").arg(USER).arg(folder.path()))?;
    }
    let mut initdb = as_server_user(&programs.join("initdb"));
    initdb
        .args(["--auth=trust", "--username=postgres", "--encoding=UTF8"])
        .args(["--locale=C.UTF-8", "--no-sync", "--pgdata"])
        .arg(&data)
        .current_dir(folder.path());
    let made = initdb.output().context("cannot start initdb")?;
    if !made.status.success() {
        bail!("initdb failed:\n{}", String::from_utf8_lossy(&made.stderr));
    }

    let mut server = as_server_user(&programs.join("postgres"));
    server
        .arg("-D")
        .arg(&data)
        .args(["-p", &port.to_string(), "-h", "127.0.0.1", "-k"])
        .arg(folder.path())
        // Many test processes, each with its pools.
        .args(["-c", "max_connections=300"])
        .current_dir(folder.path());
    if durability == Durability::None {
        server.args(["-c", "fsync=off", "-c", "full_page_writes=off"]);
    }
    let mut server = Background::start("postgres", &mut server, folder.path())?;
    let port_text = port.to_string();
    server.wait_ready(Duration::from_secs(60), || {
        process::ask(
            process::command(programs.join("pg_isready"))
                .args(["-q", "-h", "127.0.0.1", "-U", USER, "-d", "postgres", "-p"])
                .arg(&port_text),
        )
        .is_some()
    })?;
    Ok(Postgres {
        url: format!("postgres://{USER}@127.0.0.1:{port}/postgres"),
        _server: Some(server),
        _folder: Some(folder),
    })
}

/// A command tied to xtask's life, run by a user whom PostgreSQL accepts.
fn as_server_user(program: &Path) -> Command {
    if !process::is_root() {
        return children::tied(program);
    }
    // Where one is root on Linux, `setpriv` is there: it belongs to the essential util-linux.
    let mut command = process::command("setpriv");
    command
        .args([&format!("--reuid={USER}"), &format!("--regid={USER}")])
        .args(["--init-groups", "--pdeathsig", "KILL", "--"])
        .arg(program);
    command
}

/// The folder of PostgreSQL's server programs, installed when missing.
fn programs() -> Result<PathBuf> {
    let initdb = setup::program(
        "the tests need PostgreSQL's server (15 or newer)",
        || find().map(|folder| folder.join("initdb")),
        &["postgresql"],
        "PostgreSQL 15 or newer, with initdb and postgres on PATH",
    )?;
    initdb.parent().map(Path::to_path_buf).context("initdb lies in no folder")
}

fn find() -> Option<PathBuf> {
    let complete = |folder: &PathBuf| PROGRAMS.iter().all(|program| process::is_executable(&folder.join(program)));
    let on_path = env::var_os("PATH").unwrap_or_default();
    if let Some(folder) = env::split_paths(&on_path).find(complete) {
        return Some(folder);
    }
    // Debian keeps each version's server programs in a folder of its own, off PATH.
    let mut versions: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
        .ok()?
        .flatten()
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .filter(|(_, folder)| complete(folder))
        .collect();
    versions.sort();
    versions.pop().map(|(_, folder)| folder)
}
