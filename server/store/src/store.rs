//! Opens a database by its address, keeps its connections, begins transactions.
//!
//! SQLite: a pool of readers and one writer (`BEGIN IMMEDIATE`), write-ahead log, foreign keys on.
//! PostgreSQL: one pool; several servers may share the database. Migrations run at opening.

use std::{
    str::FromStr,
    sync::Arc,
    time::{Duration, Instant},
};

use sqlx::{
    ConnectOptions, Connection, PgPool, Postgres, SqlSafeStr, SqlitePool, Transaction,
    migrate::Migrator,
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::sync::broadcast;

use crate::{
    Read, StoreError, Tx,
    changes::{Change, Changes},
    connection::Inner,
    dialect::Dialect,
    statements::statements,
};

static SQLITE_MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/sqlite");
static POSTGRES_MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/postgres");

/// Called with a name before and after each write becomes durable; a test ends the process there.
pub type Probe = Arc<dyn Fn(&'static str) + Send + Sync>;

/// How hard a commit is pressed onto the disk. PostgreSQL has its own settings for this.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// A commit survives a power failure.
    #[default]
    PowerFailure,
    /// A commit survives the end of the process, but the last ones may be lost when the machine
    /// stops: for throw-away data.
    ProcessEnd,
}

/// What can be chosen at opening.
#[derive(Clone)]
pub struct StoreOptions {
    /// See [`Probe`]; `None` outside tests.
    pub probe: Option<Probe>,
    /// The most connections: readers on SQLite (8 at most; the one writer comes in addition), all on
    /// PostgreSQL.
    pub connections: u32,
    /// How long a transaction waits for a connection before it is
    /// [`StoreError::Unavailable`].
    pub patience: Duration,
    /// How hard a commit is pressed onto the disk (SQLite).
    pub durability: Durability,
}

impl Default for StoreOptions {
    fn default() -> Self {
        // Twice the cores of a small server, and few enough that four servers fit into the 100
        // connections that PostgreSQL allows by default.
        Self { probe: None, connections: 16, patience: Duration::from_secs(10), durability: Durability::default() }
    }
}

impl std::fmt::Debug for StoreOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoreOptions")
            .field("has_probe", &self.probe.is_some())
            .field("connections", &self.connections)
            .field("patience", &self.patience)
            .field("durability", &self.durability)
            .finish()
    }
}

/// The numbers of a pool of connections, for metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolNumbers {
    /// Which pool: `reader`, `writer` or `pool`.
    pub name: &'static str,
    /// Open connections.
    pub open: u32,
    /// Those of them that nobody uses.
    pub idle: u32,
    /// The most there may be.
    pub max: u32,
}

pub(crate) struct Shared {
    pools: Pools,
    pub(crate) changes: Changes,
    pub(crate) probe: Option<Probe>,
}

enum Pools {
    Sqlite { readers: SqlitePool, writer: SqlitePool },
    Postgres { pool: PgPool },
}

/// The database. Cloning shares it.
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
    /// See [`Store::impatient`].
    patience_to_read: Option<Duration>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("dialect", &self.dialect()).finish_non_exhaustive()
    }
}

/// Statements beyond those of one service's page: all of them stay prepared.
const STATEMENT_CACHE: usize = 512;

/// Each reader is a thread with a cache of pages; more of them than cores only cost memory.
const MOST_READERS: u32 = 8;

const PING: &str = "SELECT 1";

// A person who waits longer than this for one statement has gone away, and a server that died in
// the middle of a transaction must not hold its rows for ever.
const POSTGRES_LIMITS: [(&str, &str); 3] =
    [("statement_timeout", "60s"), ("lock_timeout", "10s"), ("idle_in_transaction_session_timeout", "60s")];

statements!("store.rs": PING);

impl Store {
    /// Opens `sqlite:///path/file.db` (made when missing) or `postgres://…` and brings its tables
    /// up to date.
    ///
    /// # Errors
    /// [`StoreError::Internal`] for an address that is neither, or tables of a newer Slipway;
    /// [`StoreError::Unavailable`] when the database does not answer.
    pub async fn open(url: &str, options: StoreOptions) -> Result<Self, StoreError> {
        let scheme = url.split(':').next().unwrap_or_default();
        let (pools, changes) = match scheme {
            "sqlite" => (open_sqlite(url, &options).await?, Changes::local()),
            "postgres" | "postgresql" => {
                let pool = open_postgres(url, &options).await?;
                let changes = Changes::shared(&pool).await?;
                (Pools::Postgres { pool }, changes)
            }
            _ => {
                let message = "a database address begins with sqlite:// or postgres://";
                return Err(StoreError::internal(message));
            }
        };
        Ok(Self { shared: Arc::new(Shared { pools, changes, probe: options.probe }), patience_to_read: None })
    }

    /// The same database for where somebody sits and waits: beginning to read takes at most `patience`.
    /// What goes on by itself is better off with the patience of [`StoreOptions`], and so is writing: it
    /// comes after reading, and may have to wait for its turn.
    #[must_use]
    pub fn impatient(&self, patience: Duration) -> Self {
        Self { shared: Arc::clone(&self.shared), patience_to_read: Some(patience) }
    }

    /// Which database it is.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        match &self.shared.pools {
            Pools::Sqlite { .. } => Dialect::Sqlite,
            Pools::Postgres { .. } => Dialect::Postgres,
        }
    }

    /// Begins a transaction that writes. On SQLite it waits for the one writer: a task that holds a
    /// [`Tx`] must not ask for another. Dropping it without [`Tx::commit`] undoes it.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn begin(&self) -> Result<Tx, StoreError> {
        let inner = match &self.shared.pools {
            Pools::Sqlite { writer, .. } => Inner::Sqlite(writer.begin_with("BEGIN IMMEDIATE").await?),
            Pools::Postgres { pool } => Inner::Postgres(begin_on(pool, "BEGIN").await?),
        };
        Ok(Tx::new(Read::new(inner), Arc::clone(&self.shared)))
    }

    /// Begins a transaction that only reads, all of it at one moment.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn read(&self) -> Result<Read, StoreError> {
        let Some(patience) = self.patience_to_read else { return self.begin_to_read().await };
        match tokio::time::timeout(patience, self.begin_to_read()).await {
            Ok(begun) => begun,
            Err(late) => Err(StoreError::Unavailable(Box::new(late))),
        }
    }

    async fn begin_to_read(&self) -> Result<Read, StoreError> {
        let inner = match &self.shared.pools {
            Pools::Sqlite { readers, .. } => Inner::Sqlite(readers.begin_with("BEGIN").await?),
            Pools::Postgres { pool } => {
                Inner::Postgres(begin_on(pool, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?)
            }
        };
        Ok(Read::new(inner))
    }

    /// Hears what is committed from now on, also by other servers on the same PostgreSQL. A
    /// receiver that lags should treat the gap like [`crate::Entity::Everything`].
    #[must_use]
    pub fn changes(&self) -> broadcast::Receiver<Change> {
        self.shared.changes.subscribe()
    }

    /// Asks the database for a sign of life and tells how long it took.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn ping(&self) -> Result<Duration, StoreError> {
        let begun = Instant::now();
        match &self.shared.pools {
            Pools::Sqlite { readers, .. } => sqlx::query(PING).execute(readers).await.map(drop)?,
            Pools::Postgres { pool } => sqlx::query(PING).execute(pool).await.map(drop)?,
        }
        Ok(begun.elapsed())
    }

    /// The numbers of the pools, for metrics.
    #[must_use]
    pub fn pools(&self) -> Vec<PoolNumbers> {
        match &self.shared.pools {
            Pools::Sqlite { readers, writer } => vec![numbers("reader", readers), numbers("writer", writer)],
            Pools::Postgres { pool } => vec![numbers("pool", pool)],
        }
    }

    /// Closes all connections after their present work.
    pub async fn close(&self) {
        match &self.shared.pools {
            Pools::Sqlite { readers, writer } => {
                readers.close().await;
                writer.close().await;
            }
            Pools::Postgres { pool } => pool.close().await,
        }
    }
}

/// Begins a transaction by `statement` whole, even when nobody waits for it any more: a request that hangs up
/// or a patience that ends would else give back a connection in which the transaction has begun, and sqlx does
/// not undo what it was not told of. Whoever got that connection next could not write.
async fn begin_on(pool: &PgPool, statement: &'static str) -> Result<Transaction<'static, Postgres>, StoreError> {
    let connection = pool.acquire().await?;
    let begun = tokio::spawn(Transaction::begin(connection, Some(statement.into_sql_str())));
    Ok(begun.await.map_err(StoreError::internal)??)
}

fn numbers<DB: sqlx::Database>(name: &'static str, pool: &sqlx::Pool<DB>) -> PoolNumbers {
    let idle = u32::try_from(pool.num_idle()).unwrap_or(u32::MAX);
    PoolNumbers { name, open: pool.size(), idle, max: pool.options().get_max_connections() }
}

async fn open_sqlite(url: &str, options: &StoreOptions) -> Result<Pools, StoreError> {
    let synchronous = match options.durability {
        Durability::PowerFailure => SqliteSynchronous::Full,
        Durability::ProcessEnd => SqliteSynchronous::Normal,
    };
    let connect = SqliteConnectOptions::from_str(url)?
        .create_if_missing(true)
        .foreign_keys(true)
        .busy_timeout(options.patience)
        .synchronous(synchronous)
        .statement_cache_capacity(STATEMENT_CACHE)
        .pragma("temp_store", "memory")
        // 8 MiB of pages for each connection: the Board of a large installation fits.
        .pragma("cache_size", "-8192");
    let pool = |max: u32| {
        SqlitePoolOptions::new()
            .max_connections(max)
            .acquire_timeout(options.patience)
            // A file does not go away; asking it before each use would double the cost of reading.
            .test_before_acquire(false)
            .max_lifetime(None)
    };
    // Readers come after the writer: it makes the file and its write-ahead log.
    let writer = pool(1).connect_with(connect.clone().journal_mode(SqliteJournalMode::Wal)).await?;
    SQLITE_MIGRATIONS.run(&writer).await.map_err(migration_error)?;
    let readers =
        pool(options.connections.clamp(1, MOST_READERS)).connect_with(connect.pragma("query_only", "true")).await?;
    Ok(Pools::Sqlite { readers, writer })
}

async fn open_postgres(url: &str, options: &StoreOptions) -> Result<PgPool, StoreError> {
    let connect =
        PgConnectOptions::from_str(url)?.application_name("slipway").statement_cache_capacity(STATEMENT_CACHE);
    // Migrations take as long as they take, so they go without the limits.
    let mut own = connect.connect().await?;
    POSTGRES_MIGRATIONS.run(&mut own).await.map_err(migration_error)?;
    own.close().await?;
    let pool = PgPoolOptions::new()
        .max_connections(options.connections.max(2))
        .acquire_timeout(options.patience)
        .connect_with(connect.options(POSTGRES_LIMITS))
        .await?;
    Ok(pool)
}

fn migration_error(error: sqlx::migrate::MigrateError) -> StoreError {
    match error {
        sqlx::migrate::MigrateError::Execute(error) => error.into(),
        error => StoreError::internal(error),
    }
}
