//! Every statement is prepared on the databases that it is for: a misspelt column or a word that
//! one of them does not know is found also where no test reaches.

use sqlx::{Connection, Executor, SqlSafeStr, SqliteConnection};
use store::{For, Store};

use crate::support::{Database, connect, quick};

#[tokio::test]
async fn every_statement_can_be_prepared_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/slipway.db", folder.path().display());
    let store = Store::open(&url, quick()).await.unwrap();
    let mut connection = SqliteConnection::connect(&url).await.unwrap();
    let mut prepared = 0;
    for statement in store::statements() {
        if statement.database() != For::Postgres {
            let (file, name) = (statement.file, statement.name);
            let result = connection.prepare(statement.sql.into_sql_str()).await;
            assert!(result.is_ok(), "{file} {name}: {:?}", result.err());
            prepared += 1;
        }
    }
    assert!(prepared > 150, "{prepared}");
    store.close().await;
}

#[tokio::test]
async fn every_statement_can_be_prepared_on_postgres() {
    let database = Database::create().await;
    let mut connection = connect(&database.url).await;
    let mut prepared = 0;
    for statement in store::statements() {
        if statement.database() != For::Sqlite {
            let (file, name) = (statement.file, statement.name);
            let result = connection.prepare(statement.sql.into_sql_str()).await;
            let code = result.as_ref().err().and_then(|e| e.as_database_error()?.code()).unwrap_or_default();
            // `$1 IS NULL OR …` without the types that binding brings. PostgreSQL says so only when
            // everything else of the statement is understood.
            let is_understood = result.is_ok() || code == "42P08" || code == "42P18";
            assert!(is_understood, "{file} {name}: {:?}", result.err());
            prepared += 1;
        }
    }
    assert!(prepared > 150, "{prepared}");
    connection.close().await.unwrap();
    database.remove().await;
}
