//! The commits of versions: what lies between two versions, and where a commit is.

use std::collections::HashSet;

use chrono::{DateTime, SecondsFormat, Utc};
use domain::{
    ids::{ServiceId, VersionId},
    names::ServiceName,
    version::{Commit, CommitHash, VersionLabel},
};
use serde_json::{Value, json};

use crate::{
    NewVersion, Read, StoreError, Tx,
    columns::{prefix_end, record},
    connection::{execute, fetch_all, fetch_one},
    paging::COUNTED,
    statements::statements,
};

record! {
    /// A commit and the version that brought it.
    pub struct CommitRow {
        /// The hash.
        pub hash: CommitHash,
        /// Who wrote it.
        pub author: String,
        /// The first line of its message.
        pub title: String,
        /// When.
        pub committed_at: DateTime<Utc>,
        /// The version that has it.
        pub version_id: VersionId,
        /// That version's label.
        pub label: VersionLabel,
    }
}

impl From<CommitRow> for Commit {
    fn from(row: CommitRow) -> Self {
        Self { hash: row.hash, author: row.author, title: row.title, committed_at: row.committed_at }
    }
}

/// What lies between two versions.
#[derive(Clone, Debug, PartialEq)]
pub struct CommitsBetween {
    /// The commits, newest version first, each once.
    pub commits: Vec<CommitRow>,
    /// How many there are in all; counting stops at [`crate::Page::COUNTED`].
    pub total: i64,
}

record! {
    /// A commit found by the beginning of its hash, in the first version of a service that has it.
    pub struct CommitPlace {
        /// The whole hash.
        pub hash: CommitHash,
        /// The first line of its message, when it was reported.
        pub title: Option<String>,
        /// Who wrote it, when it was reported.
        pub author: Option<String>,
        /// The service.
        pub service_id: ServiceId,
        /// The service's name.
        pub service: ServiceName,
        /// The version.
        pub version_id: VersionId,
        /// The version's label.
        pub label: VersionLabel,
        /// The version's place; every later version of the service has the commit too.
        pub ordinal: i64,
    }
}

const COUNT_FIRST: &str = "SELECT COUNT(*) FROM version_commits WHERE version_id = $1 AND is_first";

const OF_VERSION: &str = "
    SELECT c.hash, c.author, c.title, c.committed_at, c.version_id, v.label
    FROM version_commits c JOIN versions v ON v.id = c.version_id
    WHERE c.version_id = $1 ORDER BY c.ordinal LIMIT $2";

const BETWEEN: &str = "
    SELECT c.hash, c.author, c.title, c.committed_at, c.version_id, v.label
    FROM version_commits c JOIN versions v ON v.id = c.version_id
    WHERE c.service_id = $1 AND c.version_ordinal > $2 AND c.version_ordinal <= $3 AND c.is_first
    ORDER BY c.version_ordinal DESC, c.ordinal LIMIT $4";

const COUNT_BETWEEN: &str = "
    SELECT COUNT(*) FROM (
        SELECT 1 FROM version_commits
        WHERE service_id = $1 AND version_ordinal > $2 AND version_ordinal <= $3 AND is_first LIMIT $4) AS counted";

// A version's own commit counts as contained also when its list of commits does not name it.
const PLACES: &str = "
    SELECT found.hash, found.title, found.author, found.service_id, s.name AS service, found.version_id, found.label,
        found.ordinal
    FROM (
        SELECT c.hash, c.title, c.author, c.service_id, c.version_id, v.label, v.ordinal
        FROM version_commits c JOIN versions v ON v.id = c.version_id
        WHERE c.hash >= $1 AND c.hash < $2 AND c.is_first
        UNION ALL
        SELECT v.commit_hash, NULL, NULL, v.service_id, v.id, v.label, v.ordinal
        FROM versions v
        WHERE v.commit_hash >= $1 AND v.commit_hash < $2
            AND NOT EXISTS (
                SELECT 1 FROM version_commits c WHERE c.hash = v.commit_hash AND c.service_id = v.service_id)
            AND NOT EXISTS (
                SELECT 1 FROM versions o
                WHERE o.commit_hash = v.commit_hash AND o.service_id = v.service_id AND o.ordinal < v.ordinal)
    ) AS found
    JOIN services s ON s.id = found.service_id
    ORDER BY found.hash, s.name, found.version_id LIMIT $3";

statements!("commits.rs": COUNT_FIRST, OF_VERSION, BETWEEN, COUNT_BETWEEN, PLACES);

impl Tx {
    /// Inserts a version's commits in one statement, however many; gives how many no version of
    /// the service had before.
    pub(crate) async fn insert_commits(&mut self, version: &NewVersion, ordinal: i64) -> Result<i64, StoreError> {
        let mut seen = HashSet::new();
        let distinct = version.commits.iter().filter(|commit| seen.insert(commit.hash.as_str()));
        let rows: Vec<Value> = (0_i64..).zip(distinct).map(|(place, commit)| commit_json(place, commit)).collect();
        if rows.is_empty() {
            return Ok(0);
        }
        let text = self.dialect().insert_commits();
        let (version_id, service_id) = (version.id.uuid(), version.service.uuid());
        execute!(self, text, version_id, service_id, ordinal, Value::Array(rows))?;
        let (first,) = fetch_one!(self, COUNT_FIRST => (i64,), version_id)?;
        Ok(first)
    }
}

fn commit_json(ordinal: i64, commit: &Commit) -> Value {
    json!({
        "ordinal": ordinal,
        "hash": commit.hash.as_str(),
        "author": commit.author,
        "title": commit.title,
        // The form in which the SQLite driver writes times, so that all times compare as text.
        "at": commit.committed_at.to_rfc3339_opts(SecondsFormat::AutoSi, false),
    })
}

impl Read {
    /// The commits that were reported with a version, in their order, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn version_commits(&mut self, id: VersionId, limit: u32) -> Result<Vec<CommitRow>, StoreError> {
        fetch_all!(self, OF_VERSION => CommitRow, id.uuid(), i64::from(limit))
    }

    /// The commits of a service's versions after the one at `after` up to and with the one at `to`,
    /// united: each once, without those that an earlier version has already. `after` 0 means from
    /// the beginning.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn commits_between(
        &mut self,
        service: ServiceId,
        after: i64,
        to: i64,
        limit: u32,
    ) -> Result<CommitsBetween, StoreError> {
        let commits = fetch_all!(self, BETWEEN => CommitRow, service.uuid(), after, to, i64::from(limit))?;
        let (total,) = fetch_one!(self, COUNT_BETWEEN => (i64,), service.uuid(), after, to, COUNTED)?;
        Ok(CommitsBetween { commits, total })
    }

    /// Where commits are whose hash begins with `prefix` (hexadecimal digits, lower case).
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn commit_places(&mut self, prefix: &str, limit: u32) -> Result<Vec<CommitPlace>, StoreError> {
        if prefix.is_empty() {
            return Ok(vec![]);
        }
        let prefix = prefix.to_lowercase();
        fetch_all!(self, PLACES => CommitPlace, prefix.as_str(), prefix_end(&prefix), i64::from(limit))
    }
}
