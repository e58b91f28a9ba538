//! Approvals: what waits for me.

use async_trait::async_trait;
use domain::actor::Actor;
use serde::{Deserialize, Serialize};

use crate::{
    Answer,
    promotions::{PromotionLine, PromotionView},
};

/// The Approvals page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalsView {
    /// What waits for this actor, most urgent first.
    pub for_me: Vec<PromotionView>,
    /// What waits for others (asked by the actor, or approved by them already).
    pub for_others: Vec<PromotionLine>,
    /// What went through lately.
    pub lately: Vec<PromotionLine>,
    /// How many wait for this actor, those included that are not shown.
    #[serde(default)]
    pub waiting_for_me: u64,
    /// How many wait for anybody, those included that are not shown.
    #[serde(default)]
    pub waiting: u64,
}

/// Use cases of approvals.
#[async_trait]
pub trait ApprovalsBackend: Send + Sync {
    /// The page.
    async fn approvals(&self, actor: &Actor) -> Answer<ApprovalsView>;
}
