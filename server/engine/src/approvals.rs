//! What waits for whom. 'For me' is asked of the same rule that would refuse the approval.

use async_trait::async_trait;
use contract::{
    Answer,
    approvals::{ApprovalsBackend, ApprovalsView},
    promotions::PromotionLine,
};
use domain::{
    actor::{Act, Actor},
    promotion::PromotionAct,
};
use store::{LoadedPromotion, Paging, PromotionFilter, PromotionRow, PromotionStage, Read};

use crate::{Engine, error::OrFail, promotions::views};

/// Promotions that wait for consent, looked through: more than a person could ever decide.
const WAITING_AT_MOST: u32 = 500;

/// Shown in full; each is a screen on a phone.
const IN_FULL: usize = 30;

/// What went through lately.
const LATELY: u32 = 10;

impl Engine {
    /// Promotions that wait for an approval which this actor may give, the one asked for first first.
    ///
    /// # Errors
    /// The store's trouble.
    pub(crate) async fn waiting_for(&self, read: &mut Read, actor: &Actor) -> Answer<Vec<PromotionRow>> {
        if actor.may(Act::Approve).is_err() {
            return Ok(vec![]);
        }
        let mut mine = Vec::new();
        for row in self.waiting(read).await? {
            // Who asked cannot approve; only for the others the whole state is read.
            if row.requested_by_id.is_some() && row.requested_by_id == actor.identity.person() {
                continue;
            }
            if self.loaded(read, &row).await?.is_some_and(|l| l.promotion.permits(actor, PromotionAct::Approve).is_ok())
            {
                mine.push(row);
            }
        }
        Ok(mine)
    }

    async fn waiting(&self, read: &mut Read) -> Answer<Vec<PromotionRow>> {
        let filter = PromotionFilter { stage: Some(PromotionStage::NeedsApproval), ..PromotionFilter::default() };
        let mut rows = read.promotions(&filter, Paging::first(WAITING_AT_MOST)).await.or_fail(self)?.rows;
        rows.reverse();
        Ok(rows)
    }

    async fn loaded(&self, read: &mut Read, row: &PromotionRow) -> Answer<Option<LoadedPromotion>> {
        read.promotion(row.id).await.or_fail(self)
    }
}

#[async_trait]
impl ApprovalsBackend for Engine {
    async fn approvals(&self, actor: &Actor) -> Answer<ApprovalsView> {
        actor.may(Act::Read)?;
        let mut read = self.store().read().await.or_fail(self)?;
        let mine = self.waiting_for(&mut read, actor).await?;
        let all = self.waiting(&mut read).await?;
        let is_mine = |row: &PromotionRow| mine.iter().any(|m| m.id == row.id);
        let mut for_others: Vec<PromotionLine> = all.into_iter().filter(|row| !is_mine(row)).map(views::line).collect();
        // What is mine but not shown in full must not be lost.
        for_others.extend(mine.iter().skip(IN_FULL).cloned().map(views::line));
        let mut for_me = Vec::new();
        for row in mine.iter().take(IN_FULL) {
            if let Some(loaded) = self.loaded(&mut read, row).await? {
                for_me.push(views::promotion(self, &mut read, actor, loaded).await?);
            }
        }
        // Hotfixes and rollbacks first, then what has waited longest.
        for_me.sort_by_key(|view| (view.line.cause == domain::deployment::Cause::Planned, view.line.requested_at));
        let over = PromotionFilter { stage: Some(PromotionStage::Over), ..PromotionFilter::default() };
        let lately = read.promotions(&over, Paging::first(LATELY)).await.or_fail(self)?.rows;
        Ok(ApprovalsView { for_me, for_others, lately: lately.into_iter().map(views::line).collect() })
    }
}
