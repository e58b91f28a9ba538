//! The other side of writing: single-row commits by the same driver with the same settings, in tables
//! of the same database.

use std::{str::FromStr as _, time::Duration};

use anyhow::Context as _;
use sqlx::{
    AssertSqlSafe, Connection as _, PgConnection, PgPool, SqlitePool,
    postgres::PgPoolOptions,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

/// Patience with a connection that all tasks share.
const PATIENCE: Duration = Duration::from_secs(60);

/// The database, opened as the store opens it for writing: SQLite has one writer.
pub(crate) enum Raw {
    /// SQLite.
    Sqlite(SqlitePool),
    /// PostgreSQL.
    Postgres(PgPool),
}

macro_rules! on {
    ($self:expr, $pool:ident => $body:expr) => {
        match $self {
            Raw::Sqlite($pool) => $body,
            Raw::Postgres($pool) => $body,
        }
    };
}

const TABLES: [&str; 3] = [
    "CREATE TABLE bench_rows (id BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL, label TEXT NOT NULL, at TEXT NOT NULL)",
    "CREATE TABLE bench_states (id BIGINT NOT NULL PRIMARY KEY, revision BIGINT NOT NULL, state TEXT NOT NULL)",
    "CREATE TABLE bench_journal (id BIGINT NOT NULL PRIMARY KEY, state_id BIGINT NOT NULL, entry TEXT NOT NULL)",
];

impl Raw {
    /// Opens a database for this many tasks that write, and makes the tables where they are missing.
    ///
    /// # Errors
    /// The driver's.
    pub(crate) async fn open(url: &str, tasks: u32) -> anyhow::Result<Self> {
        let raw = if url.starts_with("sqlite:") {
            let options = SqliteConnectOptions::from_str(url)?
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Full)
                .busy_timeout(PATIENCE);
            let pool = SqlitePoolOptions::new().max_connections(1).test_before_acquire(false);
            Self::Sqlite(pool.acquire_timeout(PATIENCE).connect_with(options).await?)
        } else {
            let pool = PgPoolOptions::new().max_connections(tasks).test_before_acquire(false);
            Self::Postgres(pool.acquire_timeout(PATIENCE).connect(url).await?)
        };
        for table in TABLES {
            let table = table.replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS");
            on!(&raw, pool => sqlx::query(AssertSqlSafe(table)).execute(pool).await.map(drop))?;
        }
        Ok(raw)
    }

    /// Inserts one row and commits.
    ///
    /// # Errors
    /// The driver's.
    pub(crate) async fn insert(&self, id: i64, name: &str, label: &str) -> anyhow::Result<()> {
        const INSERT: &str = "INSERT INTO bench_rows (id, name, label, at) VALUES ($1, $2, $3, $4)";
        let at = "2026-11-21T12:00:00.000000Z";
        on!(self, pool => {
            sqlx::query(INSERT).bind(id).bind(name).bind(label).bind(at).execute(pool).await.map(drop)
        })
        .context("inserting a row")
    }

    /// Puts a state that [`Self::change`] changes.
    ///
    /// # Errors
    /// The driver's.
    pub(crate) async fn put_states(&self, count: i64, state: &str) -> anyhow::Result<()> {
        const INSERT: &str = "INSERT INTO bench_states (id, revision, state) VALUES ($1, 1, $2)";
        on!(self, pool => {
            let mut tx = pool.begin().await?;
            for id in 0..count {
                sqlx::query(INSERT).bind(id).bind(state).execute(&mut *tx).await?;
            }
            tx.commit().await
        })
        .context("putting states")
    }

    /// Changes a state, inserts an entry beside it, commits.
    ///
    /// # Errors
    /// The driver's.
    pub(crate) async fn change(&self, id: i64, state: &str, entry: &str) -> anyhow::Result<()> {
        const UPDATE: &str =
            "UPDATE bench_states SET state = $2, revision = revision + 1 WHERE id = $1 AND revision = 1";
        const INSERT: &str = "INSERT INTO bench_journal (id, state_id, entry) VALUES ($1, $1, $2)";
        on!(self, pool => {
            let mut tx = pool.begin().await?;
            sqlx::query(UPDATE).bind(id).bind(state).execute(&mut *tx).await?;
            sqlx::query(INSERT).bind(id).bind(entry).execute(&mut *tx).await?;
            tx.commit().await
        })
        .context("changing a state")
    }

    /// The mean length of a promotion's stored state and of an entry of its journal, in characters.
    ///
    /// # Errors
    /// The driver's.
    pub(crate) async fn lengths(&self) -> anyhow::Result<(usize, usize)> {
        const STATE: &str = "SELECT CAST(AVG(LENGTH(CAST(state AS TEXT))) AS BIGINT) FROM promotions";
        const EVENT: &str = "SELECT CAST(AVG(LENGTH(CAST(event AS TEXT))) AS BIGINT) FROM promotion_journal";
        let state: i64 = on!(self, pool => sqlx::query_scalar(STATE).fetch_one(pool).await)?;
        let entry: i64 = on!(self, pool => sqlx::query_scalar(EVENT).fetch_one(pool).await)?;
        Ok((usize::try_from(state)?, usize::try_from(entry)?))
    }

    /// Closes its connections.
    pub(crate) async fn close(self) {
        on!(&self, pool => pool.close().await);
    }
}

/// The address of another database of the same server.
pub(crate) fn url_of(server: &str, name: &str) -> String {
    let base = server.split('?').next().unwrap_or(server);
    match base.rsplit_once('/') {
        Some((host, _)) if !host.ends_with('/') => format!("{host}/{name}"),
        _ => format!("{base}/{name}"),
    }
}

/// Makes a database.
///
/// # Errors
/// The driver's.
pub(crate) async fn make_database(server: &str, name: &str) -> anyhow::Result<()> {
    run(server, format!("CREATE DATABASE {name}")).await
}

/// Drops a database.
///
/// # Errors
/// The driver's.
pub(crate) async fn drop_database(server: &str, name: &str) -> anyhow::Result<()> {
    run(server, format!("DROP DATABASE {name} WITH (FORCE)")).await
}

async fn run(server: &str, statement: String) -> anyhow::Result<()> {
    let mut connection = PgConnection::connect(server).await?;
    sqlx::query(AssertSqlSafe(statement)).execute(&mut connection).await?;
    Ok(connection.close().await?)
}
