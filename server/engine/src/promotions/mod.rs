//! Promotions: asking for one, advancing it, reading it.

pub(crate) mod advance;
mod analysis;
mod asking;
mod back;
pub(crate) mod beforehand;
mod by_hand;
mod by_rule;
mod deployment;
mod evidence;
pub(crate) mod facts;
mod field;
mod git;
pub(crate) mod history;
mod late;
mod left_jobs;
pub(crate) mod leftovers;
mod measure;
pub(crate) mod names;
pub(crate) mod outside;
pub(crate) mod pieces;
pub(crate) mod plan;
pub(crate) mod reconcile;
pub(crate) mod request;
mod stages;
mod steering;
mod strategy_words;
mod taken_back;
mod traffic;
pub(crate) mod views;
mod works;

use async_trait::async_trait;
use contract::{
    Answer, ApiError, Page,
    promotions::{
        PromoteView, PromotionLine, PromotionStatus, PromotionView, PromotionsBackend, PromotionsQuery,
        RequestPromotion, RequestRollback, RollbackView, Steer,
    },
};
use domain::{
    actor::{Act, Actor},
    promotion::{Input, PromotionAct},
};
use store::LoadedPromotion;
use tokio::time::{Duration, Instant};

use crate::{Engine, edge, error::OrFail};

/// Longest wait of a long poll, in seconds: proxies cut connections that are silent for longer.
const LONGEST_POLL: u64 = 60;

impl Engine {
    /// A promotion by its number.
    async fn numbered(&self, number: i64) -> Answer<LoadedPromotion> {
        let mut read = self.store().read().await.or_fail(self)?;
        let found = read.promotion_by_number(number).await.or_fail(self)?;
        found.ok_or_else(|| ApiError::not_found("promotion", &number.to_string()))
    }

    /// One act of a person on a promotion: permission, input, audit.
    async fn act(
        &self,
        actor: &Actor,
        number: i64,
        act: PromotionAct,
        reason: Option<&str>,
        input: Input,
    ) -> Answer<()> {
        let (name, verb) = match act {
            PromotionAct::Approve => ("promotion.approve", "approved"),
            PromotionAct::Reject => ("promotion.reject", "rejected"),
            PromotionAct::Cancel => ("promotion.cancel", "cancelled"),
            PromotionAct::Abort => ("promotion.abort", "aborted"),
            PromotionAct::Abandon => ("promotion.abandon", "gave up taking back"),
            PromotionAct::Hold => ("promotion.hold", "paused"),
            PromotionAct::GoOn => ("promotion.go_on", "went on with"),
            PromotionAct::Skip => ("promotion.skip", "skipped a step of"),
            PromotionAct::SetWeight => ("promotion.set_weight", "set the share of"),
            PromotionAct::CallAgain => ("promotion.call_again", "had the deployer told once more about"),
            PromotionAct::PromoteNow => ("promotion.promote_now", "left out the steps of"),
        };
        let verb = match &input {
            Input::SetWeight { weight, .. } => format!("set to {weight} the share of"),
            _ => verb.to_owned(),
        };
        let found = self.numbered(number).await?;
        let deed = advance::deed(actor, name, &verb, reason);
        if let Err(refusal) = found.promotion.permits(actor, act) {
            let refusal = input.refused(&found.promotion, refusal);
            self.audit_refusal(found.promotion.id, &deed, &refusal).await.or_fail(self)?;
            return Err(refusal.into());
        }
        self.advance(found.promotion.id, input, Some(deed)).await.map(drop)
    }

    async fn status_of(&self, found: LoadedPromotion) -> Answer<PromotionStatus> {
        let mut read = self.store().read().await.or_fail(self)?;
        let names = names::of(&mut read, &found.promotion).await.or_fail(self)?;
        Ok(views::status(&found, &names, &self.parts.public_url))
    }
}

#[async_trait]
impl PromotionsBackend for Engine {
    async fn promote_view(
        &self,
        actor: &Actor,
        service: &str,
        environment: &str,
        version: Option<&str>,
    ) -> Answer<PromoteView> {
        actor.may(Act::Read)?;
        asking::view(self, actor, service, environment, version).await
    }

    async fn request_promotion(&self, actor: &Actor, request: RequestPromotion) -> Answer<i64> {
        actor.may(Act::RequestPromotion)?;
        self.request(actor, request).await
    }

    async fn promotions(&self, actor: &Actor, query: PromotionsQuery) -> Answer<Page<PromotionLine>> {
        actor.may(Act::Read)?;
        views::list(self, query).await
    }

    async fn promotion(&self, actor: &Actor, number: i64) -> Answer<PromotionView> {
        actor.may(Act::Read)?;
        let found = self.numbered(number).await?;
        let mut read = self.store().read().await.or_fail(self)?;
        views::promotion(self, &mut read, actor, found).await
    }

    async fn promotion_status(&self, actor: &Actor, number: i64) -> Answer<PromotionStatus> {
        actor.may(Act::Read)?;
        let found = self.numbered(number).await?;
        self.status_of(found).await
    }

    async fn wait_for_promotion(&self, actor: &Actor, number: i64, seconds: u64) -> Answer<PromotionStatus> {
        actor.may(Act::Read)?;
        let until = Instant::now() + Duration::from_secs(seconds.min(LONGEST_POLL));
        // Subscribed before the first look, so that nothing falls between.
        let mut changes = self.store().changes();
        loop {
            let found = self.numbered(number).await?;
            let id = found.promotion.id;
            if found.promotion.is_over() || Instant::now() >= until {
                return self.status_of(found).await;
            }
            loop {
                match tokio::time::timeout_at(until, changes.recv()).await {
                    Ok(Ok(change)) if !change.may_be_about(id) => {}
                    _ => break,
                }
            }
        }
    }

    async fn approve(&self, actor: &Actor, number: i64, plan_number: u32, comment: Option<String>) -> Answer<()> {
        actor.may(Act::Approve)?;
        let comment = comment.map(|c| edge::comment("comment", &c)).transpose()?.filter(|c| !c.is_empty());
        let input = Input::Approve { by: actor.identity.clone(), comment: comment.clone(), plan_number };
        self.act(actor, number, PromotionAct::Approve, comment.as_deref(), input).await
    }

    async fn reject(&self, actor: &Actor, number: i64, reason: String) -> Answer<()> {
        actor.may(Act::Approve)?;
        let reason = edge::reason(&reason)?;
        let input = Input::Reject { by: actor.identity.clone(), reason: reason.clone() };
        self.act(actor, number, PromotionAct::Reject, Some(&reason), input).await
    }

    async fn cancel(&self, actor: &Actor, number: i64, reason: String) -> Answer<()> {
        actor.may(Act::StopOwnPromotion)?;
        let reason = edge::comment("reason", &reason)?;
        let input = Input::Cancel { by: actor.identity.clone(), reason: reason.clone() };
        self.act(actor, number, PromotionAct::Cancel, Some(&reason), input).await
    }

    async fn abort(&self, actor: &Actor, number: i64, reason: String) -> Answer<()> {
        actor.may(Act::StopOwnPromotion)?;
        let reason = edge::reason(&reason)?;
        let input = Input::Abort { by: actor.identity.clone(), reason: reason.clone() };
        self.act(actor, number, PromotionAct::Abort, Some(&reason), input).await
    }

    async fn abandon(&self, actor: &Actor, number: i64, reason: String) -> Answer<()> {
        actor.may(Act::StopAnyPromotion)?;
        let reason = edge::reason(&reason)?;
        let input = Input::Abandon { by: actor.identity.clone(), reason: reason.clone() };
        self.act(actor, number, PromotionAct::Abandon, Some(&reason), input).await
    }

    async fn steer(&self, actor: &Actor, number: i64, steer: Steer) -> Answer<()> {
        actor.may(match &steer {
            Steer::Hold { .. } => Act::StopOwnPromotion,
            // Whom the step asks is judged with the promotion.
            Steer::GoOn { .. } => Act::AnswerStep,
            Steer::Skip { .. } | Steer::SetWeight { .. } | Steer::PromoteNow { .. } | Steer::CallAgain => {
                Act::SteerPromotion
            }
        })?;
        let (act, reason, input) = steering::input(actor, steer)?;
        self.act(actor, number, act, reason.as_deref(), input).await
    }

    async fn rollback_view(
        &self,
        actor: &Actor,
        service: &str,
        environment: &str,
        version: Option<&str>,
    ) -> Answer<RollbackView> {
        actor.may(Act::Read)?;
        back::view(self, service, environment, version).await
    }

    async fn roll_back(&self, actor: &Actor, request: RequestRollback) -> Answer<i64> {
        actor.may(Act::RollBack)?;
        self.request_rollback(actor, request).await
    }
}
