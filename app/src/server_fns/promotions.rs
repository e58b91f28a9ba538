//! Promotions: asking, deciding, stopping, rolling back.

use crate::json::Json;
use contract::{
    Page,
    approvals::Judged,
    promotions::{PromoteView, PromotionLine, PromotionView, PromotionsQuery, RollbackView},
};
use leptos::prelude::*;

use crate::error::AppError;

/// The page on which a promotion is asked for.
#[server(name = LoadPromoteView, prefix = "/do", endpoint = "promote_view", input = Json, output = Json)]
pub async fn promote_view(
    service: String,
    environment: String,
    version: Option<String>,
) -> Result<PromoteView, AppError> {
    let (backend, actor) = super::backend()?;
    Ok(backend.promote_view(&actor, &service, &environment, version.as_deref()).await?)
}

/// Asks for a promotion and leads to it.
#[server(prefix = "/do", endpoint = "request_promotion")]
pub async fn request_promotion(
    service: String,
    environment: String,
    version: String,
    #[server(default)] reason: String,
    #[server(default)] supersede: bool,
    /// Made with the form, so that sending it twice asks once.
    #[server(default)]
    key: String,
) -> Result<i64, AppError> {
    let (backend, actor) = super::backend()?;
    let request = contract::promotions::RequestPromotion {
        service,
        version,
        environment,
        reason,
        supersede,
        key: super::given(key),
    };
    let number = backend.request_promotion(&actor, request).await?;
    leptos_axum::redirect(&crate::routes::promotion(number));
    Ok(number)
}

/// The list of promotions.
#[server(name = LoadPromotions, prefix = "/do", endpoint = "promotions", input = Json, output = Json)]
pub async fn promotions(query: PromotionsQuery) -> Result<Page<PromotionLine>, AppError> {
    let (backend, actor) = super::backend()?;
    Ok(backend.promotions(&actor, query).await?)
}

/// A promotion's page.
#[server(name = LoadPromotion, prefix = "/do", endpoint = "promotion", input = Json, output = Json)]
pub async fn promotion(number: i64) -> Result<PromotionView, AppError> {
    let (backend, actor) = super::backend()?;
    Ok(backend.promotion(&actor, number).await?)
}

/// Approves the plan that was read, or rejects it: one form, two buttons.
#[server(prefix = "/do", endpoint = "judge")]
pub async fn judge(
    number: i64,
    plan_number: u32,
    #[server(default)] comment: String,
    /// Which button was pressed.
    judgement: Judgement,
) -> Result<Judged, AppError> {
    let (backend, actor) = super::backend()?;
    match judgement {
        Judgement::Approve => backend.approve(&actor, number, plan_number, super::given(comment)).await?,
        Judgement::Reject => backend.reject(&actor, number, comment).await.map_err(about_comment)?,
    }
    // It is done: that it cannot be read a moment later is no refusal, and the backend has logged why.
    let status = backend.promotion_status(&actor, number).await.ok();
    Ok(Judged::new(number, judgement == Judgement::Approve, status.as_ref()))
}

/// The two buttons under a promotion that waits for consent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Judgement {
    /// Yes.
    Approve,
    /// No.
    Reject,
}

/// The use case calls the field `reason`; the form calls it `comment`.
#[cfg(feature = "ssr")]
fn about_comment(error: contract::ApiError) -> contract::ApiError {
    match error.field() {
        Some("reason") => contract::ApiError::invalid("comment", "say in the comment why you reject it"),
        Some(_) | None => error,
    }
}

/// Withdraws before the start.
#[server(prefix = "/do", endpoint = "cancel")]
pub async fn cancel(number: i64, #[server(default)] reason: String) -> Result<(), AppError> {
    let (backend, actor) = super::backend()?;
    Ok(backend.cancel(&actor, number, reason).await?)
}

/// Stops after the start; what ran before comes back.
#[server(prefix = "/do", endpoint = "abort")]
pub async fn abort(number: i64, #[server(default)] reason: String) -> Result<(), AppError> {
    let (backend, actor) = super::backend()?;
    Ok(backend.abort(&actor, number, reason).await?)
}

/// Gives up taking back what cannot be reached.
#[server(prefix = "/do", endpoint = "abandon")]
pub async fn abandon(number: i64, #[server(default)] reason: String) -> Result<(), AppError> {
    let (backend, actor) = super::backend()?;
    Ok(backend.abandon(&actor, number, reason).await?)
}

/// What is done to a promotion under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SteerAct {
    /// Pause.
    Hold,
    /// Let it go on.
    GoOn,
    /// End the present step.
    Skip,
    /// Set the share.
    SetWeight,
    /// Leave the rest out.
    PromoteNow,
    /// Tell the outside deployer once more.
    CallAgain,
}

/// Steers a promotion under way. `step`, `held_since` (RFC 3339) and `by_hand` (percent) are what the page showed of it.
#[server(prefix = "/do", endpoint = "steer")]
pub async fn steer(
    number: i64,
    act: SteerAct,
    #[server(default)] step: usize,
    #[server(default)] held_since: String,
    #[server(default)] by_hand: String,
    #[server(default)] weight: String,
    #[server(default)] reason: String,
) -> Result<(), AppError> {
    use contract::promotions::Steer;
    let (backend, actor) = super::backend()?;
    let seen = as_seen(step, held_since.trim(), by_hand.trim())?;
    let steer = match act {
        SteerAct::Hold => Steer::Hold { reason },
        SteerAct::GoOn => Steer::GoOn { seen },
        SteerAct::Skip => Steer::Skip { seen },
        SteerAct::SetWeight => {
            let number = weight.trim().parse();
            let weight = number.map_err(|_| contract::ApiError::invalid("weight", "a whole number from 0 to 100"))?;
            Steer::SetWeight { seen, weight, reason }
        }
        SteerAct::PromoteNow => Steer::PromoteNow { seen, reason },
        SteerAct::CallAgain => Steer::CallAgain,
    };
    Ok(backend.steer(&actor, number, steer).await?)
}

/// What a page showed, by its hidden fields; an empty one is nothing.
#[cfg(feature = "ssr")]
fn as_seen(step: usize, held_since: &str, by_hand: &str) -> Result<domain::promotion::AsSeen, contract::ApiError> {
    let unreadable = || contract::ApiError::invalid("form", "what the page showed cannot be read; load it anew");
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let held_since = some(held_since).map(|text| text.parse().map_err(|_| unreadable())).transpose()?;
    let share = |text: String| {
        let percent = text.parse().map_err(|_| unreadable())?;
        domain::traffic::Weight::percent(percent).map_err(|_| unreadable())
    };
    let by_hand = some(by_hand).map(share).transpose()?;
    Ok(domain::promotion::AsSeen { step, held_since, by_hand })
}

/// What a rollback would do.
#[server(name = LoadRollbackView, prefix = "/do", endpoint = "rollback_view", input = Json, output = Json)]
pub async fn rollback_view(
    service: String,
    environment: String,
    version: Option<String>,
) -> Result<RollbackView, AppError> {
    let (backend, actor) = super::backend()?;
    Ok(backend.rollback_view(&actor, &service, &environment, version.as_deref()).await?)
}

/// Rolls back and leads to the new promotion.
#[server(prefix = "/do", endpoint = "roll_back")]
pub async fn roll_back(
    service: String,
    environment: String,
    #[server(default)] version: String,
    #[server(default)] templates: String,
    #[server(default)] reason: String,
) -> Result<i64, AppError> {
    let (backend, actor) = super::backend()?;
    let request = contract::promotions::RequestRollback {
        service,
        environment,
        version: super::given(version),
        whole_templates: templates == "whole",
        reason,
    };
    let number = backend.roll_back(&actor, request).await?;
    leptos_axum::redirect(&crate::routes::promotion(number));
    Ok(number)
}
