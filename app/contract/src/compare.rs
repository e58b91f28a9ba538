//! What would change between two versions. The commits of the versions skipped between them count.

use async_trait::async_trait;
use domain::actor::Actor;
use serde::{Deserialize, Serialize};

use crate::{
    Answer,
    versions::{CheckView, CommitView, ImageView},
};

/// A comparison of two versions of a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comparison {
    /// The service.
    pub service: String,
    /// The label that runs, or nothing when nothing does.
    pub from: Option<String>,
    /// The label that would run.
    pub to: String,
    /// Whether `to` is older than `from`: then the commits are what would be taken away.
    pub is_backward: bool,
    /// Labels of the versions in the range: newer than one, up to and with the other; newest first.
    pub versions: Vec<String>,
    /// How many commits in all.
    pub commit_count: u64,
    /// The commits, newest first, each once, at most 200.
    pub commits: Vec<CommitView>,
    /// The authors with their number of commits, most first.
    pub authors: Vec<(String, u64)>,
    /// The checks of `to`.
    pub checks: Vec<CheckView>,
    /// The images of `to`.
    pub images: Vec<ImageView>,
    /// Labels in the range that carry an irreversible migration.
    pub migrations: Vec<String>,
}

/// Use cases of comparing.
#[async_trait]
pub trait CompareBackend: Send + Sync {
    /// Compares two versions by label; `from` absent means nothing ran before.
    async fn compare(&self, actor: &Actor, service: &str, from: Option<&str>, to: &str) -> Answer<Comparison>;
}
