//! The bench: what Slipway does beside the plainest program that does the same, both in one run.
//!
//! Owns measuring, nothing else: no figure is compared with a limit, and what it prints are ratios,
//! because they say more about the code and less about the machine. The servers are processes of their
//! own, started from the `slipway` that cargo built with this program; `cargo xtask bench` runs it with a
//! PostgreSQL. Fails when something cannot be started, or when the two sides of a comparison turn out
//! not to do the same.

#![expect(clippy::print_stdout, reason = "the figures are its output")]

mod board;
mod bytes;
mod canaries;
mod company;
mod load;
mod plain;
mod process;
mod promotions;
mod raw;
mod start;
mod table;
mod trials;
mod versions;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Parser, Subcommand, ValueEnum};

use company::Company;
use process::Server;
use table::Table;

/// Prints ratios: Slipway beside the plainest program that does the same.
#[derive(Parser)]
struct Options {
    /// Only one part
    #[arg(long)]
    only: Option<Part>,
    /// How long each side of a comparison is measured
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// A PostgreSQL server in which databases may be made, beside SQLite
    #[arg(long, value_name = "URL")]
    postgres: Option<String>,
    /// Where the databases' files lie while it runs
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
    /// What `cargo bench` adds
    #[arg(long, hide = true)]
    bench: bool,
    #[command(subcommand)]
    role: Option<Role>,
}

/// What this program is when it starts itself.
#[derive(Subcommand)]
enum Role {
    /// Serve the Board by formatting strings
    #[command(hide = true)]
    Plain {
        /// The database
        url: String,
    },
}

/// A part that can be measured alone.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// The Board, rendered
    Board,
    /// Versions, registered over HTTP
    Versions,
    /// Transitions of promotions
    Promotions,
    /// Canaries, many at once
    Canaries,
    /// Bytes until a page can be read and clicked
    Bytes,
    /// Idle memory, and the time from start to ready
    Idle,
}

impl Options {
    fn wants(&self, part: Part) -> bool {
        self.only.is_none_or(|only| only == part)
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    // An error only says that a provider is installed already, which is what is wanted.
    drop(rustls::crypto::ring::default_provider().install_default());
    let options = Options::parse();
    if let Some(Role::Plain { url }) = &options.role {
        return plain::serve(url).await;
    }
    let folder = match &options.folder {
        Some(folder) => tempfile::tempdir_in(folder),
        None => tempfile::tempdir(),
    };
    let folder = folder.context("a folder for the databases cannot be made")?;
    println!("{}", process::machine());
    println!("{} s for each side of a comparison\n", options.seconds);
    let mut table = Table::default();
    let mut databases = vec![Database::sqlite(folder.path())];
    if let Some(server) = &options.postgres {
        databases.push(Database::postgres(server, folder.path()).await?);
    }
    for database in &databases {
        measure(&options, database, &mut table).await.with_context(|| database.name)?;
    }
    for database in databases {
        database.end().await?;
    }
    print!("\n{}", table.shown());
    Ok(())
}

/// A database to measure on.
pub(crate) struct Database {
    name: &'static str,
    url: String,
    /// The same without waiting for the disk, for filling it.
    hasty_url: String,
    /// The data folder of servers on it.
    data: PathBuf,
    /// The server in which it was made, and its name there.
    made_in: Option<(String, String)>,
}

impl Database {
    fn sqlite(folder: &Path) -> Self {
        let data = folder.join("sqlite");
        let url = format!("sqlite://{}", data.join("slipway.db").display());
        Self { name: "SQLite", hasty_url: url.clone(), url, data, made_in: None }
    }

    async fn postgres(server: &str, folder: &Path) -> anyhow::Result<Self> {
        let name = format!("slipway_bench_{}", std::process::id());
        raw::make_database(server, &name).await.context("a database cannot be made in the PostgreSQL server")?;
        let url = raw::url_of(server, &name);
        let hasty_url = format!("{url}?options[synchronous_commit]=off");
        Ok(Self {
            name: "PostgreSQL",
            url,
            hasty_url,
            data: folder.join("postgres"),
            made_in: Some((server.to_owned(), name)),
        })
    }

    async fn end(self) -> anyhow::Result<()> {
        if let Some((server, name)) = &self.made_in {
            raw::drop_database(server, name).await?;
        }
        Ok(())
    }
}

async fn measure(options: &Options, database: &Database, table: &mut Table) -> anyhow::Result<()> {
    std::fs::create_dir_all(&database.data)?;
    let is_sqlite = database.made_in.is_none();
    if is_sqlite && options.wants(Part::Idle) {
        start::measure_empty(&database.data.join("empty"), table).await?;
    }
    let company = Company::fill(&database.hasty_url).await.context("filling the database")?;
    println!("{}: {}", database.name, company.words());
    if options.wants(Part::Board) {
        board::measure(database, &company, options.seconds, table).await?;
    }
    if is_sqlite && options.wants(Part::Bytes) {
        let server = Server::slipway(&database.data, &database.url, None).await?;
        bytes::measure(&server, &company, table).await?;
    }
    if is_sqlite && options.wants(Part::Idle) {
        start::measure_full(database, &company, table).await?;
    }
    if options.wants(Part::Versions) {
        versions::measure(database, &company, options.seconds, table).await?;
    }
    if options.wants(Part::Promotions) {
        promotions::measure(database, &company, options.seconds, table).await?;
    }
    if is_sqlite && options.wants(Part::Canaries) {
        canaries::measure(&database.data, table).await?;
    }
    Ok(())
}
