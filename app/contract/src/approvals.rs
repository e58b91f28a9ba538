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
}

/// Use cases of approvals.
#[async_trait]
pub trait ApprovalsBackend: Send + Sync {
    /// The page.
    async fn approvals(&self, actor: &Actor) -> Answer<ApprovalsView>;
}
