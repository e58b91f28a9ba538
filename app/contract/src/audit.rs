//! Audit: who did what.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::actor::Actor;
use serde::{Deserialize, Serialize};

use crate::{Answer, Page, PageRequest};

/// Filters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditQuery {
    /// Text in the actor's name.
    pub actor: Option<String>,
    /// The act, such as `promotion.approve`.
    pub act: Option<String>,
    /// Text in what it was done to.
    pub on: Option<String>,
    /// Page.
    pub page: PageRequest,
}

/// An entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditLine {
    /// When.
    pub at: DateTime<Utc>,
    /// Who.
    pub actor: String,
    /// The act for machines: `promotion.approve`.
    pub act: String,
    /// The sentence: `approved promotion 1042 (cart 2.30.4 to production)`.
    pub sentence: String,
    /// Why, when it was said.
    pub reason: Option<String>,
    /// From which address.
    pub from: Option<String>,
    /// Whether it was done or refused.
    pub is_done: bool,
    /// A page about it.
    pub link: Option<String>,
}

/// Use cases of the audit.
#[async_trait]
pub trait AuditBackend: Send + Sync {
    /// The page, newest first.
    async fn audit(&self, actor: &Actor, query: AuditQuery) -> Answer<Page<AuditLine>>;
}
