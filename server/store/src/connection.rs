//! One body for both databases. The macros here run a statement on whatever the transaction is on;
//! nothing outside this crate knows which database it is.

use sqlx::{PgConnection, Postgres, Sqlite, SqliteConnection, Transaction};

/// A transaction on one of the databases.
pub(crate) enum Inner {
    /// A file.
    Sqlite(Transaction<'static, Sqlite>),
    /// A server.
    Postgres(Transaction<'static, Postgres>),
}

/// A connection of one of the databases, borrowed for one statement.
pub(crate) enum Conn<'c> {
    /// A file.
    Sqlite(&'c mut SqliteConnection),
    /// A server.
    Postgres(&'c mut PgConnection),
}

impl Inner {
    pub(crate) fn conn(&mut self) -> Conn<'_> {
        match self {
            Self::Sqlite(tx) => Conn::Sqlite(tx),
            Self::Postgres(tx) => Conn::Postgres(tx),
        }
    }

    pub(crate) const fn dialect(&self) -> crate::dialect::Dialect {
        match self {
            Self::Sqlite(_) => crate::dialect::Dialect::Sqlite,
            Self::Postgres(_) => crate::dialect::Dialect::Postgres,
        }
    }
}

/// Expands the same body for both databases; a failed statement ends the transaction on both.
macro_rules! on_both {
    ($read:expr, $c:ident => $body:expr) => {{
        let result = match $read.inner.conn() {
            $crate::connection::Conn::Sqlite($c) => $body.await,
            $crate::connection::Conn::Postgres($c) => $body.await,
        };
        $read.checked(result)
    }};
}
pub(crate) use on_both;

/// Runs a statement and tells how many rows it wrote.
macro_rules! execute {
    ($read:expr, $sql:expr $(, $arg:expr)* $(,)?) => {
        $crate::connection::on_both!($read, c => async {
            sqlx::query($sql)$(.bind($arg))*.execute(c).await.map(|done| done.rows_affected())
        })
    };
}
pub(crate) use execute;

/// Reads all rows.
macro_rules! fetch_all {
    ($read:expr, $sql:expr => $row:ty $(, $arg:expr)* $(,)?) => {
        $crate::connection::on_both!($read, c => sqlx::query_as::<_, $row>($sql)$(.bind($arg))*.fetch_all(c))
    };
}
pub(crate) use fetch_all;

/// Reads the row, when there is one.
macro_rules! fetch_optional {
    ($read:expr, $sql:expr => $row:ty $(, $arg:expr)* $(,)?) => {
        $crate::connection::on_both!($read, c => sqlx::query_as::<_, $row>($sql)$(.bind($arg))*.fetch_optional(c))
    };
}
pub(crate) use fetch_optional;

/// Reads the one row that there always is.
macro_rules! fetch_one {
    ($read:expr, $sql:expr => $row:ty $(, $arg:expr)* $(,)?) => {
        $crate::connection::on_both!($read, c => sqlx::query_as::<_, $row>($sql)$(.bind($arg))*.fetch_one(c))
    };
}
pub(crate) use fetch_one;
