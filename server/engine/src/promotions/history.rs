//! What a promotion's page says of what was before it and what came after it at other times and
//! places: whether the version went past an environment, whether a rollback has taken it away since.

use domain::{
    deployment::Cause,
    ids::{EnvironmentId, ServiceId, VersionId},
    promotion::{Phase, Promotion},
    state::Mark,
};
use store::{Environment, Paging, PromotionFilter, PromotionRow, PromotionStage, Read, StoreError};

/// How many promotions to one place are looked at: who tries again does so soon.
const LATELY: u32 = 20;

/// The number of the rollback that has taken away what this promotion brought.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn rolled_back_by(read: &mut Read, promotion: &Promotion) -> Result<Option<i64>, StoreError> {
    let (Phase::Watching { finished_at, .. } | Phase::Succeeded { finished_at, .. }) = &promotion.phase else {
        return Ok(None);
    };
    let next = read.next_success(promotion.service, promotion.environment, *finished_at).await?;
    let taken = next.filter(|next| is_taken_away(promotion.plan.version, next.cause, next.version_id));
    Ok(taken.and_then(|next| next.promotion_number))
}

/// Whether the success that followed at the same place took `version` away: a rollback to the version
/// itself only puts right what somebody else had set.
pub(crate) fn is_taken_away(version: VersionId, next: Cause, next_version: VersionId) -> bool {
    next == Cause::Rollback && next_version != version
}

/// The latest promotion that brought this version here, where it was taken back, aborted, or rolled back since; what
/// became of it stands in its words.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn taken_back_before(
    read: &mut Read,
    service: ServiceId,
    environment: EnvironmentId,
    version: VersionId,
) -> Result<Option<PromotionRow>, StoreError> {
    let over = PromotionFilter {
        service: Some(service),
        environment: Some(environment),
        stage: Some(PromotionStage::Over),
        ..PromotionFilter::default()
    };
    let latest = read.promotions(&over, Paging::first(LATELY)).await?.rows;
    let of_it = latest.into_iter().find(|row| row.version_id == version && row.started_at.is_some());
    let Some(row) = of_it else { return Ok(None) };
    if row.mark == Mark::Failed || row.phase == "aborted" {
        return Ok(Some(row));
    }
    let Some(finished_at) = row.finished_at.filter(|_| row.phase == "succeeded") else { return Ok(None) };
    let next = read.next_success(service, environment, finished_at).await?;
    let by = next.filter(|next| is_taken_away(version, next.cause, next.version_id)).and_then(|by| by.promotion_number);
    Ok(by.map(|by| PromotionRow { words: format!("rolled back by promotion {by}"), ..row }))
}

/// The title of the environment before this one when the version has never been there, nor here.
/// `None` too when the rules ask for it to be healthy there, which says more.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn never_before(
    read: &mut Read,
    service: ServiceId,
    environment: &Environment,
    healthy_in: Option<EnvironmentId>,
    version: VersionId,
) -> Result<Option<String>, StoreError> {
    if read.has_succeeded(service, environment.id, version).await? {
        return Ok(None);
    }
    let all = read.environments().await?;
    for before in all.into_iter().rev().filter(|before| before.position < environment.position) {
        let Some(target) = read.target_of(service, before.id).await? else { continue };
        if healthy_in == Some(before.id) || read.has_succeeded(service, before.id, version).await? {
            return Ok(None);
        }
        let running = read.running_in_target(target.id).await?;
        let runs = running.iter().any(|running| running.version_id == Some(version));
        return Ok((!runs).then_some(before.title));
    }
    Ok(None)
}
