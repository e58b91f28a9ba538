//! The list of all SQL of this crate. Each file that has SQL names its constants in
//! [`statements!`]; a test compares the names with the file's text, another one prepares every
//! statement on both databases.

/// Which database a statement is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum For {
    /// Both.
    Both,
    /// SQLite alone.
    Sqlite,
    /// PostgreSQL alone.
    Postgres,
}

/// A statement by its name.
#[derive(Clone, Copy, Debug)]
pub struct Statement {
    /// The file.
    pub file: &'static str,
    /// The constant.
    pub name: &'static str,
    /// The text.
    pub sql: &'static str,
}

impl Statement {
    /// Which database it is for: the name of its constant ends in it.
    #[must_use]
    pub fn database(&self) -> For {
        if self.name.ends_with("_SQLITE") {
            For::Sqlite
        } else if self.name.ends_with("_POSTGRES") {
            For::Postgres
        } else {
            For::Both
        }
    }
}

/// Names the SQL constants of a file.
macro_rules! statements {
    ($file:literal: $($name:ident),+ $(,)?) => {
        pub(crate) const STATEMENTS: &[$crate::statements::Statement] =
            &[$($crate::statements::Statement { file: $file, name: stringify!($name), sql: $name }),+];

        #[cfg(test)]
        mod statements_test {
            #[test]
            fn every_sql_constant_of_this_file_is_listed() {
                $crate::statements::assert_listed(include_str!($file), super::STATEMENTS);
            }
        }
    };
}
pub(crate) use statements;

#[cfg(test)]
pub(crate) fn assert_listed(source: &str, listed: &[Statement]) {
    let written: Vec<&str> = source
        .lines()
        .filter_map(|line| line.trim_start().trim_start_matches("pub(crate) ").strip_prefix("const "))
        .filter_map(|line| line.split_once(": &str ="))
        .map(|(name, _)| name)
        .collect();
    let listed: Vec<&str> = listed.iter().map(|statement| statement.name).collect();
    assert_eq!(written, listed, "constants of type &str as written, and as listed in statements!");
}
