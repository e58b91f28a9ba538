//! Databases for tests: files, and databases of the PostgreSQL server that
//! `SLIPWAY_TEST_POSTGRES_URL` names. Without that variable these tests fail; they are never left out.

use std::str::FromStr;

use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection, postgres::PgConnectOptions};

/// Where the server is.
pub fn server_url() -> String {
    #[expect(clippy::disallowed_methods, reason = "the one place where these tests learn of their server")]
    let url = std::env::var("SLIPWAY_TEST_POSTGRES_URL").unwrap_or_default();
    assert!(
        !url.is_empty(),
        "SLIPWAY_TEST_POSTGRES_URL is not set: run `cargo xtask postgres -- cargo test -p engine`, \
         or name a PostgreSQL server on which databases may be made"
    );
    url
}

/// Makes the database `name` as a copy of `template` and answers its address.
pub async fn copy(template: &str, name: &str) -> String {
    run(format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
    let options = PgConnectOptions::from_str(&server_url()).unwrap().database(name);
    options.to_url_lossy().to_string()
}

/// Removes a database, also while something is connected to it.
pub async fn remove(name: &str) {
    run(format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
}

/// Ends all connections to a database, so that it can be copied.
pub async fn disconnect(name: &str) {
    run(format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")).await;
}

async fn run(statement: String) {
    let mut server = PgConnection::connect(&server_url()).await.unwrap();
    server.execute(AssertSqlSafe(statement)).await.unwrap();
    server.close().await.unwrap();
}
