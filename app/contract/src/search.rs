//! One search for services, versions, commits, promotions and where they run.

use async_trait::async_trait;
use domain::{actor::Actor, state::Mark};
use serde::{Deserialize, Serialize};

use crate::Answer;

/// What kind of thing was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FoundKind {
    /// A service.
    Service,
    /// A version.
    Version,
    /// A commit.
    Commit,
    /// A promotion.
    Promotion,
    /// An act, such as 'roll back cart'.
    Act,
}

/// One thing found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// What kind.
    pub kind: FoundKind,
    /// Its name: `cart 2.30.4`, `8c1f02e Refund once per payment id`.
    pub title: String,
    /// Where it runs or what it is: `in production since 2 days`.
    pub detail: String,
    /// State.
    pub mark: Mark,
    /// Its page.
    pub link: String,
}

/// Use cases of search.
#[async_trait]
pub trait SearchBackend: Send + Sync {
    /// Finds at most 30 things, best first.
    async fn search(&self, actor: &Actor, text: &str) -> Answer<Vec<Found>>;
}
