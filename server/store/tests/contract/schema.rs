//! The two schemas say the same: tables, columns, what may be missing, keys, indexes, references.

use std::collections::BTreeSet;

use sqlx::{Connection, SqliteConnection};
use store::Store;

use crate::support::{Database, connect, quick};

/// One line for each fact of a schema, in words that both databases share.
type Facts = BTreeSet<String>;

const SQLITE_TABLES: &str = "
    SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name NOT LIKE '\\_%' ESCAPE '\\'";

const SQLITE_STRICT: &str = "
    SELECT name FROM pragma_table_list WHERE strict = 0 AND type = 'table' AND name NOT LIKE 'sqlite%'
        AND name NOT LIKE '\\_%' ESCAPE '\\'";

const SQLITE_COLUMNS: &str = "SELECT name, type, \"notnull\" FROM pragma_table_info($1)";

const SQLITE_REFERENCES: &str = "SELECT \"from\", \"table\", on_delete FROM pragma_foreign_key_list($1)";

const SQLITE_INDEXES: &str = "SELECT name, \"unique\", origin, partial FROM pragma_index_list($1)";

const SQLITE_INDEX_COLUMNS: &str = "SELECT name FROM pragma_index_info($1) ORDER BY seqno";

async fn sqlite_facts() -> Facts {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/slipway.db", folder.path().display());
    Store::open(&url, quick()).await.unwrap().close().await;
    let mut db = SqliteConnection::connect(&url).await.unwrap();
    let loose: Vec<(String,)> = sqlx::query_as(SQLITE_STRICT).fetch_all(&mut db).await.unwrap();
    assert!(loose.is_empty(), "tables that are not STRICT: {loose:?}");
    let tables: Vec<(String,)> = sqlx::query_as(SQLITE_TABLES).fetch_all(&mut db).await.unwrap();
    let mut facts = Facts::new();
    for (table,) in tables {
        let columns: Vec<(String, String, bool)> =
            sqlx::query_as(SQLITE_COLUMNS).bind(&table).fetch_all(&mut db).await.unwrap();
        for (column, kind, is_needed) in columns {
            facts.insert(format!("column {table}.{column} {kind} needed {is_needed}"));
        }
        let references: Vec<(String, String, String)> =
            sqlx::query_as(SQLITE_REFERENCES).bind(&table).fetch_all(&mut db).await.unwrap();
        for (column, other, on_delete) in references {
            facts.insert(format!("reference {table}.{column} to {other} {on_delete}"));
        }
        let indexes: Vec<(String, bool, String, bool)> =
            sqlx::query_as(SQLITE_INDEXES).bind(&table).fetch_all(&mut db).await.unwrap();
        for (index, is_unique, origin, is_partial) in indexes {
            let columns: Vec<(String,)> =
                sqlx::query_as(SQLITE_INDEX_COLUMNS).bind(&index).fetch_all(&mut db).await.unwrap();
            let columns: Vec<_> = columns.into_iter().map(|(name,)| name).collect();
            let name = if origin == "pk" { "key".to_owned() } else { index };
            let columns = columns.join(", ");
            facts.insert(format!("index {table} {name} ({columns}) unique {is_unique} partial {is_partial}"));
        }
    }
    facts
}

const POSTGRES_COLUMNS: &str = "
    SELECT CAST(table_name AS TEXT), CAST(column_name AS TEXT), CAST(data_type AS TEXT), is_nullable = 'NO'
    FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT LIKE '\\_%'";

const POSTGRES_REFERENCES: &str = "
    SELECT CAST(c.conrelid AS REGCLASS)::TEXT, CAST(a.attname AS TEXT), CAST(c.confrelid AS REGCLASS)::TEXT,
        CASE c.confdeltype WHEN 'c' THEN 'CASCADE' WHEN 'a' THEN 'NO ACTION' ELSE 'OTHER' END
    FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
    WHERE c.contype = 'f'";

const POSTGRES_INDEXES: &str = "
    SELECT CAST(t.relname AS TEXT), CASE WHEN x.indisprimary THEN 'key' ELSE CAST(i.relname AS TEXT) END,
        (SELECT string_agg(pg_get_indexdef(x.indexrelid, n, true), ', ' ORDER BY n)
            FROM generate_series(1, x.indnkeyatts) AS n),
        x.indisunique, x.indpred IS NOT NULL
    FROM pg_index x
    JOIN pg_class i ON i.oid = x.indexrelid
    JOIN pg_class t ON t.oid = x.indrelid
    JOIN pg_namespace s ON s.oid = t.relnamespace
    WHERE s.nspname = 'public' AND t.relname NOT LIKE '\\_%'";

async fn postgres_facts() -> Facts {
    let database = Database::create().await;
    let mut db = connect(&database.url).await;
    let mut facts = Facts::new();
    let columns: Vec<(String, String, String, bool)> =
        sqlx::query_as(POSTGRES_COLUMNS).fetch_all(&mut db).await.unwrap();
    for (table, column, kind, is_needed) in columns {
        let kind = match kind.as_str() {
            "uuid" | "bytea" => "BLOB",
            "text" | "timestamp with time zone" | "jsonb" => "TEXT",
            "bigint" | "boolean" => "INTEGER",
            other => panic!("{table}.{column} has a type that SQLite has no twin for: {other}"),
        };
        facts.insert(format!("column {table}.{column} {kind} needed {is_needed}"));
    }
    let references: Vec<(String, String, String, String)> =
        sqlx::query_as(POSTGRES_REFERENCES).fetch_all(&mut db).await.unwrap();
    for (table, column, other, on_delete) in references {
        facts.insert(format!("reference {table}.{column} to {other} {on_delete}"));
    }
    let indexes: Vec<(String, String, String, bool, bool)> =
        sqlx::query_as(POSTGRES_INDEXES).fetch_all(&mut db).await.unwrap();
    for (table, name, columns, is_unique, is_partial) in indexes {
        facts.insert(format!("index {table} {name} ({columns}) unique {is_unique} partial {is_partial}"));
    }
    db.close().await.unwrap();
    database.remove().await;
    facts
}

#[tokio::test]
async fn both_schemas_say_the_same() {
    let (sqlite, postgres) = (sqlite_facts().await, postgres_facts().await);
    assert!(sqlite.len() > 300, "{} facts are too few to have looked at all", sqlite.len());
    let only_sqlite: Vec<_> = sqlite.difference(&postgres).collect();
    let only_postgres: Vec<_> = postgres.difference(&sqlite).collect();
    assert!(
        only_sqlite.is_empty() && only_postgres.is_empty(),
        "only SQLite: {only_sqlite:#?}\nonly PostgreSQL: {only_postgres:#?}"
    );
}

#[test]
fn migrations_come_in_pairs() {
    let names = |folder: &str| {
        let path = format!("{}/../../migrations/{folder}", env!("CARGO_MANIFEST_DIR"));
        let names = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name());
        names.map(|name| name.into_string().unwrap()).collect::<BTreeSet<_>>()
    };
    assert_eq!(names("sqlite"), names("postgres"));
}
