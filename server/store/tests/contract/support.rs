//! Runs a test on a fresh database of each kind and removes it afterwards, also when it fails.

use std::{future::Future, str::FromStr};

use sqlx::{ConnectOptions, Connection, Executor, PgConnection, postgres::PgConnectOptions};
use store::{Store, StoreOptions};
use tokio::sync::Mutex;

/// Declares, for each named `async fn name(store: Store)`, a module of that name with a test on
/// each database.
macro_rules! on_both_databases {
    ($($name:ident),+ $(,)?) => {$(
        mod $name {
            #[tokio::test]
            async fn sqlite() {
                $crate::support::on_sqlite(super::$name).await;
            }

            #[tokio::test]
            async fn postgres() {
                $crate::support::on_postgres(super::$name).await;
            }
        }
    )+};
}
pub(crate) use on_both_databases;

/// Where the server is; the message says what to do when nobody started one.
pub fn postgres_url() -> String {
    #[expect(clippy::disallowed_methods, reason = "the one place where these tests learn of their server")]
    let url = std::env::var("SLIPWAY_TEST_POSTGRES_URL").unwrap_or_default();
    assert!(
        !url.is_empty(),
        "SLIPWAY_TEST_POSTGRES_URL is not set: run `cargo xtask postgres -- cargo test -p store`, \
         or name a PostgreSQL server on which databases may be made"
    );
    url
}

/// Options that make tests quick: nothing here must survive a power failure.
pub fn quick() -> StoreOptions {
    StoreOptions { connections: 4, durability: store::Durability::ProcessEnd, ..StoreOptions::default() }
}

pub async fn on_sqlite<F>(test: impl FnOnce(Store) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/slipway.db", folder.path().display());
    let store = Store::open(&url, quick()).await.unwrap();
    test(store.clone()).await;
    store.close().await;
}

pub async fn on_postgres<F>(test: impl FnOnce(Store) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let database = Database::create().await;
    let store = Store::open(&database.url, quick()).await.unwrap();
    // A task of its own, so that the database is removed also when the test fails.
    let result = tokio::spawn(test(store.clone())).await;
    store.close().await;
    database.remove().await;
    if let Err(error) = result {
        std::panic::resume_unwind(error.into_panic());
    }
}

/// A database of the server, copied from one whose tables were made once.
pub struct Database {
    name: String,
    pub url: String,
}

/// The name of the database that is copied, once it is made. PostgreSQL copies one at a time.
static TEMPLATE: Mutex<Option<String>> = Mutex::const_new(None);

impl Database {
    pub async fn create() -> Self {
        let mut template = TEMPLATE.lock().await;
        let mut server = connect(&postgres_url()).await;
        let from = match template.as_ref() {
            Some(name) => name.clone(),
            None => {
                let name = make_database(&mut server, "template0").await;
                let store = Store::open(&url_of(&name), quick()).await.unwrap();
                store.close().await;
                // Its connections end a moment after they are closed here.
                let left = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1";
                sqlx::query(left).bind(&name).execute(&mut server).await.unwrap();
                template.insert(name).clone()
            }
        };
        let name = make_database(&mut server, &from).await;
        Self { url: url_of(&name), name }
    }

    pub async fn remove(self) {
        let mut server = connect(&postgres_url()).await;
        run(&mut server, format!("DROP DATABASE {} WITH (FORCE)", self.name)).await;
    }
}

async fn make_database(server: &mut PgConnection, from: &str) -> String {
    let (number,): (String,) = sqlx::query_as("SELECT replace(CAST(gen_random_uuid() AS TEXT), '-', '')")
        .fetch_one(&mut *server)
        .await
        .unwrap();
    let name = format!("slipway_test_{number}");
    run(server, format!("CREATE DATABASE {name} TEMPLATE {from} ENCODING 'UTF8'")).await;
    name
}

async fn run(server: &mut PgConnection, sql: String) {
    // Names of databases cannot be bound; these are made here, of hexadecimal digits.
    server.execute(sqlx::AssertSqlSafe(sql)).await.unwrap();
}

pub async fn connect(url: &str) -> PgConnection {
    PgConnection::connect(url).await.unwrap_or_else(|error| panic!("no PostgreSQL at {url}: {error}"))
}

fn url_of(database: &str) -> String {
    let options = PgConnectOptions::from_str(&postgres_url()).unwrap().database(database);
    options.to_url_lossy().to_string()
}
