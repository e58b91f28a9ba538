//! The unit of work: [`Read`] reads at one moment, [`Tx`] reads and writes and is kept or undone
//! as a whole. The functions on them lie in one file per entity.

use std::{
    ops::{Deref, DerefMut},
    sync::Arc,
};

use uuid::Uuid;

use crate::{
    StoreError,
    changes::{Change, Entity},
    connection::Inner,
    dialect::Dialect,
    store::Shared,
};

/// A transaction that changes more than this says that everything changed: who listens reads less
/// by reading anew, and looking for doubles stays cheap.
const MOST_CHANGES: usize = 256;

/// Reads at one moment. Has every function that does not write; a [`Tx`] has them too.
pub struct Read {
    pub(crate) inner: Inner,
    is_broken: bool,
}

/// Reads and writes; [`Tx::commit`] keeps all of it, dropping undoes all of it.
pub struct Tx {
    read: Read,
    shared: Arc<Shared>,
    changes: Vec<Change>,
    is_everything_changed: bool,
}

impl std::fmt::Debug for Read {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Read").field("dialect", &self.dialect()).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Tx {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tx").field("changes", &self.changes).finish_non_exhaustive()
    }
}

impl Read {
    pub(crate) const fn new(inner: Inner) -> Self {
        Self { inner, is_broken: false }
    }

    pub(crate) const fn dialect(&self) -> Dialect {
        self.inner.dialect()
    }

    /// PostgreSQL refuses everything after a failed statement and answers a commit with a silent
    /// rollback; SQLite goes on. Here both refuse the commit.
    pub(crate) fn checked<T>(&mut self, result: Result<T, sqlx::Error>) -> Result<T, StoreError> {
        result.map_err(|error| {
            self.is_broken = true;
            StoreError::from(error)
        })
    }
}

impl Deref for Tx {
    type Target = Read;

    fn deref(&self) -> &Read {
        &self.read
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut Read {
        &mut self.read
    }
}

impl Tx {
    pub(crate) const fn new(read: Read, shared: Arc<Shared>) -> Self {
        Self { read, shared, changes: Vec::new(), is_everything_changed: false }
    }

    /// Tells, after the commit, that something is newer now. `revision` is 0 for what has none.
    pub fn signal(&mut self, entity: Entity, id: Uuid, revision: i64) {
        let change = Change { entity, id, revision };
        if self.changes.len() < MOST_CHANGES {
            if !self.changes.contains(&change) {
                self.changes.push(change);
            }
        } else {
            self.is_everything_changed = true;
        }
    }

    /// Someone else was first; nothing of this transaction may be kept.
    pub(crate) const fn lost_race(&mut self) -> StoreError {
        self.read.is_broken = true;
        StoreError::Conflict
    }

    /// Keeps all of it, then tells what changed.
    ///
    /// # Errors
    /// [`StoreError::Internal`] when a statement of this transaction has failed before: nothing is
    /// kept. [`StoreError::Unavailable`]: whether it was kept is not known; load and look.
    pub async fn commit(self) -> Result<(), StoreError> {
        let Self { read, shared, changes, is_everything_changed } = self;
        if read.is_broken {
            return Err(StoreError::internal("a statement of this transaction failed, so it cannot be kept"));
        }
        let probe = |name| {
            if let Some(probe) = &shared.probe {
                probe(name);
            }
        };
        probe("store.commit.before");
        match read.inner {
            Inner::Sqlite(tx) => tx.commit().await?,
            Inner::Postgres(tx) => tx.commit().await?,
        }
        probe("store.commit.after");
        shared.changes.tell(if is_everything_changed { vec![Change::EVERYTHING] } else { changes });
        Ok(())
    }
}
