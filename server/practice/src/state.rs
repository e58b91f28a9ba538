//! Everything the practice cluster remembers: its Deployments and a journal of accepted writes.
//! Kept in memory, or in a file that is replaced as a whole before a write is answered, so that a
//! process that is killed starts again with the same cluster, and two processes share one.

use std::{
    collections::BTreeMap,
    fs::{File, OpenOptions},
    io,
    path::PathBuf,
    time::SystemTime,
};

use chrono::{DateTime, Utc};
use domain::{
    image::ContainerImage,
    observation::{Stamp, WorkloadRef},
};
use serde::{Deserialize, Serialize};

use crate::{
    autoscalers::PracticeAutoscaler,
    deployment::Deployment,
    jobs::{NewCronJob, PracticeJob},
    kept,
    routes::PracticeRoute,
};

/// How many accepted writes the journal keeps: more than any test makes, less than hurts a file that
/// is written with each.
const JOURNAL_KEPT: usize = 2_000;

/// Who wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Writer {
    /// Slipway, through [`ports::Cluster::apply`].
    Slipway,
    /// Anybody else.
    Other,
}

/// A write that changed an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcceptedWrite {
    /// When.
    pub at: DateTime<Utc>,
    /// Which object.
    pub workload: WorkloadRef,
    /// Who.
    pub by: Writer,
    /// The mark it left, when Slipway wrote.
    pub stamp: Option<Stamp>,
    /// The images after it.
    pub images: Vec<ContainerImage>,
    /// What it did, in words: `set images`, `restore`, `scale to 5`.
    pub act: String,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct State {
    /// By `namespace/name`.
    pub(crate) deployments: BTreeMap<String, Deployment>,
    /// What says the shares of traffic, by `namespace/kind name`.
    #[serde(default)]
    pub(crate) routes: BTreeMap<String, PracticeRoute>,
    /// What sizes Deployments, by `namespace/name` of the Deployment.
    #[serde(default)]
    pub(crate) autoscalers: BTreeMap<String, PracticeAutoscaler>,
    /// Pods that disruption budgets let be evicted, by `namespace/name` of the Deployment.
    #[serde(default)]
    pub(crate) budgets: BTreeMap<String, u32>,
    /// By `namespace/name`.
    #[serde(default)]
    pub(crate) cron_jobs: BTreeMap<String, NewCronJob>,
    /// By `namespace/name`.
    #[serde(default)]
    pub(crate) jobs: BTreeMap<String, PracticeJob>,
    pub(crate) journal: Vec<AcceptedWrite>,
    /// Deployments ever made: numbers their identities.
    pub(crate) made: u64,
    /// The highest version that a deleted object had.
    pub(crate) highest_version: u64,
}

impl State {
    pub(crate) fn get(&self, workload: &WorkloadRef) -> Option<&Deployment> {
        self.deployments.get(&workload.to_string())
    }

    pub(crate) fn get_mut(&mut self, workload: &WorkloadRef) -> Option<&mut Deployment> {
        self.deployments.get_mut(&workload.to_string())
    }

    pub(crate) fn note(&mut self, write: AcceptedWrite) {
        self.journal.push(write);
        let excess = self.journal.len().saturating_sub(JOURNAL_KEPT);
        self.journal.drain(..excess);
    }
}

/// Which content of the file was read last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FileMark {
    modified: Option<SystemTime>,
    length: u64,
    number: u64,
}

/// Where the state lives.
#[derive(Debug)]
pub(crate) struct Storage {
    path: Option<PathBuf>,
    read: Option<FileMark>,
    pub(crate) state: State,
}

/// Held while the file is read, changed and replaced, so that another process does not do the same.
pub(crate) struct WriteLock {
    _file: Option<File>,
}

impl Storage {
    pub(crate) fn in_memory() -> Self {
        Self { path: None, read: None, state: State::default() }
    }

    /// State in the file at `path`; a file that is not there is an empty cluster.
    pub(crate) fn in_file(path: PathBuf) -> io::Result<Self> {
        let mut storage = Self { path: Some(path), read: None, state: State::default() };
        storage.refresh()?;
        Ok(storage)
    }

    /// Reads the file again when another process replaced it.
    pub(crate) fn refresh(&mut self) -> io::Result<()> {
        let Some(path) = &self.path else {
            return Ok(());
        };
        let mark = match std::fs::metadata(path) {
            Ok(found) => FileMark { modified: found.modified().ok(), length: found.len(), number: file_number(&found) },
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        if self.read != Some(mark) {
            self.state = serde_json::from_slice(&std::fs::read(path)?)?;
            self.read = Some(mark);
        }
        Ok(())
    }

    /// Takes the lock for writing, and what the file holds now.
    pub(crate) fn lock(&mut self) -> io::Result<WriteLock> {
        let Some(path) = &self.path else {
            return Ok(WriteLock { _file: None });
        };
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(kept::beside(path, "lock"))?;
        lock.lock()?;
        self.refresh()?;
        Ok(WriteLock { _file: Some(lock) })
    }

    /// Replaces the file by what is in memory. On failure the memory is given up for what the file
    /// has, so that nothing is shown that was not kept.
    pub(crate) fn save(&mut self, _lock: &WriteLock) -> io::Result<()> {
        let saved = self.replace_file();
        if saved.is_err() {
            self.read = None;
            self.refresh()?;
        }
        saved
    }

    fn replace_file(&mut self) -> io::Result<()> {
        let Some(path) = &self.path else {
            return Ok(());
        };
        kept::write(path, &self.state)?;
        let found = std::fs::metadata(path)?;
        self.read =
            Some(FileMark { modified: found.modified().ok(), length: found.len(), number: file_number(&found) });
        Ok(())
    }
}

/// Tells two files of one name apart.
#[cfg(unix)]
fn file_number(found: &std::fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(found)
}

#[cfg(not(unix))]
fn file_number(_found: &std::fs::Metadata) -> u64 {
    0
}
