//! Promotions to outside deployers: the webhooks that tell them, written with the decision that wants
//! them, the reports that come back, and both for the page.

use std::fmt::Write as _;

use contract::{
    Answer, ApiError,
    deployers::{DeliveryView, OutsideView, ReportInput, ReportTaken, TryView},
};
use domain::{
    actor::Actor,
    ids::VersionId,
    moment_words,
    outside::{CallId, DeployerCall, Report, ReportState},
    promotion::{Effect, Input, OutsideRun, Phase, Promotion, headline},
    state::Mark,
};
use serde_json::{Value, json};
use store::{Delivery, DeliveryAttempt, DeliveryState, LoadedPromotion, Read, StoreError, Tx};

use super::advance;
use crate::{Engine, edge, error::OrFail};

/// How many tries a page shows.
const TRIES_SHOWN: u32 = 30;

/// The longest identity of a report.
const REPORT_ID_AT_MOST: usize = 100;

/// The longest link.
const LINK_AT_MOST: usize = 1000;

/// Writes the webhooks among a decision's effects. Those of the promotion that they make needless are not
/// tried again, so that they hold nothing up.
///
/// # Errors
/// [`StoreError`].
pub(super) async fn write_calls(
    tx: &mut Tx,
    next: &Promotion,
    effects: &[Effect],
    engine: &Engine,
) -> Result<(), StoreError> {
    for effect in effects {
        let Effect::CallDeployer { call, generation } = *effect else { continue };
        let now = engine.now();
        tx.drop_earlier_deliveries(next.id, generation, now).await?;
        let Some(address) = next.outside().and_then(|outside| outside.address(call)) else { continue };
        let id = CallId { promotion: next.id, generation }.to_string();
        let body = body(tx, next, call, &id, engine).await?;
        let delivery = Delivery {
            id,
            promotion_id: next.id,
            target_id: next.target,
            generation,
            call: call.as_str().to_owned(),
            address: address.as_str().to_owned(),
            body: body.to_string(),
            created_at: now,
            due_at: now,
            attempts: 0,
            state: DeliveryState::Open,
            done_at: None,
        };
        tx.put_delivery(&delivery).await?;
    }
    Ok(())
}

/// What a webhook says; its form is promised in the README and in OpenAPI.
async fn body(
    read: &mut Read,
    promotion: &Promotion,
    call: DeployerCall,
    id: &str,
    engine: &Engine,
) -> Result<Value, StoreError> {
    let names = super::names::of(read, promotion).await?;
    let run = promotion.run();
    let before = match run.and_then(|run| run.outside.as_ref()?.before) {
        Some(version) => version_in_json(read, version).await?,
        None => Value::Null,
    };
    let why = match &promotion.phase {
        Phase::TakingBack { cause, .. } => Some(cause.words()),
        _ => None,
    };
    let approved_by: Vec<_> = promotion.approvals.iter().map(|approval| approval.name.as_str()).collect();
    let (number, url) = (promotion.number, &engine.parts.public_url);
    Ok(json!({
        "schema": 1,
        "type": format!("deployment.{}", call.as_str()),
        "id": id,
        "created_at": engine.now(),
        "promotion": {
            "number": number,
            "sequence": run.map(|run| run.sequence),
            "cause": promotion.cause,
            "reason": promotion.reason,
            "requested_by": promotion.requested_by.shown(),
            "approved_by": approved_by,
            "link": format!("{url}/promotions/{number}"),
        },
        "why": why,
        "service": names.service,
        "environment": names.environment,
        "version": version_in_json(read, promotion.plan.version).await?,
        "before": before,
        "deadline_seconds": promotion.outside().map(domain::outside::OutsideDeployer::deadline_seconds),
        "sign_of_life_seconds": promotion.outside().and_then(domain::outside::OutsideDeployer::life_seconds),
        "report": { "url": format!("{url}/api/v1/promotions/{number}/report"), "delivery": id },
    }))
}

async fn version_in_json(read: &mut Read, id: VersionId) -> Result<Value, StoreError> {
    let version = read.version(id).await?;
    let images = read.version_images(id).await?;
    let image = |one: &domain::version::VersionImage| {
        json!({
            "component": one.component.as_ref().map(ToString::to_string),
            "image": one.image.reference(),
            "digest": one.image.digest().map(|digest| digest.as_str().to_owned()),
        })
    };
    Ok(json!({
        "label": version.as_ref().map(|version| version.label.to_string()),
        "commit": version.and_then(|version| version.commit.map(|commit| commit.to_string())),
        "images": images.iter().map(image).collect::<Vec<_>>(),
    }))
}

impl Engine {
    /// Takes in a report, once for each identity.
    ///
    /// # Errors
    /// Invalid with the field; conflict when it changes nothing, and why.
    pub(crate) async fn take_report(&self, actor: &Actor, number: i64, input: ReportInput) -> Answer<ReportTaken> {
        let key = edge::some_line("id", &input.id, REPORT_ID_AT_MOST)?;
        let (about, report) = read_report(&input)?;
        if report.at.is_some_and(|at| at > self.now() + chrono::Duration::seconds(OutsideRun::CLOCKS_DIFFER_SECONDS)) {
            return Err(ApiError::invalid("at", "this lies in the future; check the clock, or leave it out"));
        }
        let found = self.numbered(number).await?;
        let content = json!({ "delivery": about.to_string(), "report": report });
        if let Some(known) = self.known_report(&found, &key, &content).await? {
            return Ok(known);
        }
        let is_last = report.state != ReportState::Running;
        let (by, id) = (actor.identity.clone(), found.promotion.id);
        let deed = is_last.then(|| advance::deed(actor, "promotion.report", "reported the end of", None));
        let kept = advance::KeptReport { key: &key, content: &content };
        match self.advance_reported(id, Input::Reported { by, about, report }, deed, kept).await {
            Ok(next) => Ok(taken(&next, true)),
            // The same report may have come twice at once.
            Err(refused) => match self.known_report(&found, &key, &content).await? {
                Some(known) => Ok(known),
                None => Err(refused),
            },
        }
    }

    async fn known_report(&self, found: &LoadedPromotion, key: &str, content: &Value) -> Answer<Option<ReportTaken>> {
        let mut read = self.store().read().await.or_fail(self)?;
        let known = read.report(found.promotion.id, key).await.or_fail(self)?;
        match known {
            None => Ok(None),
            Some(known) if known == *content => {
                let now = read.promotion(found.promotion.id).await.or_fail(self)?;
                Ok(Some(taken(now.as_ref().map_or(&found.promotion, |now| &now.promotion), false)))
            }
            Some(_) => {
                let message = "another report came under this id before; nothing was changed. Give each report its own";
                Err(ApiError::conflict(message))
            }
        }
    }
}

fn taken(promotion: &Promotion, is_new: bool) -> ReportTaken {
    ReportTaken { is_new, phase: promotion.phase_word().to_owned(), words: headline(promotion).words }
}

fn read_report(input: &ReportInput) -> Answer<(CallId, Report)> {
    let about = input.delivery.parse::<CallId>().map_err(|e| ApiError::invalid("delivery", e.to_string()))?;
    let state = match input.state.as_str() {
        "running" => ReportState::Running,
        "succeeded" => ReportState::Succeeded,
        "failed" => ReportState::Failed,
        _ => return Err(ApiError::invalid("state", "running, succeeded or failed")),
    };
    if input.percent.is_some_and(|percent| percent > 100) {
        return Err(ApiError::invalid("percent", "0 to 100"));
    }
    let line = |field: &str, text: &Option<String>, at_most: usize| match text {
        Some(text) if !text.trim().is_empty() => edge::some_line(field, text, at_most).map(Some),
        _ => Ok(None),
    };
    let link = line("link", &input.link, LINK_AT_MOST)?;
    if link.as_ref().is_some_and(|link| !(link.starts_with("https://") || link.starts_with("http://"))) {
        return Err(ApiError::invalid("link", "an address begins with https:// or http://"));
    }
    let message = line("message", &input.message, Report::MESSAGE_AT_MOST)?.unwrap_or_default();
    Ok((about, Report { state, percent: input.percent, message, link, at: input.at }))
}

/// What happens next, where a program outside deploys and that is not said elsewhere.
pub(super) fn next(promotion: &Promotion) -> Option<String> {
    promotion.outside()?;
    let until = || promotion.deadline().map(moment_words::minute).unwrap_or_default();
    match &promotion.phase {
        Phase::Starting { .. } => Some("The deployer is told to start.".to_owned()),
        Phase::Progressing { .. } => Some(format!(
            "Done when the deployer reports it; taken back when it reports a failure, or without its word at {}.",
            until()
        )),
        Phase::TakingBack { .. } if promotion.trouble.is_none() => Some(format!(
            "Over when the deployer reports that what ran before runs again; without its word a person is asked at {}.",
            until()
        )),
        Phase::TakingBack { .. } => Some(
            "Over when the deployer reports that what ran before runs again. Send it again, or give up taking back \
             when you know how it stands."
                .to_owned(),
        ),
        _ => None,
    }
}

/// How a version gets to a target, in words.
pub(super) const OUTSIDE: &str = "by your own deployer";

/// The work of an outside deployer for a promotion's page, where there is one.
///
/// # Errors
/// [`StoreError`].
pub(super) async fn view(read: &mut Read, promotion: &Promotion) -> Result<Option<OutsideView>, StoreError> {
    let Some(outside) = promotion.outside() else { return Ok(None) };
    let call = promotion.call().map_or(DeployerCall::Start, |(call, _)| call);
    let deliveries = read.deliveries_of(promotion.id).await?;
    let attempts = read.attempts_of(promotion.id, TRIES_SHOWN).await?;
    let heard = promotion.run().and_then(|run| run.outside.as_ref());
    let at_deadline = match call {
        DeployerCall::Start => "without its word by then it is taken back",
        DeployerCall::Abort => "without its word by then a person is asked",
    };
    Ok(Some(OutsideView {
        host: outside.address(call).or(outside.address(DeployerCall::Start)).map_or("", |a| a.host()).to_owned(),
        is_practice: outside.is_practice(),
        percent: heard.and_then(|heard| heard.percent),
        words: heard.map(|heard| heard.words()).unwrap_or_default(),
        link: heard.and_then(|heard| heard.link.clone()),
        heard_at: heard.and_then(|heard| heard.heard_at),
        deadline: promotion.deadline(),
        at_deadline: at_deadline.to_owned(),
        deliveries: deliveries.iter().map(|one| delivery(one, &attempts)).collect(),
    }))
}

fn delivery(one: &Delivery, attempts: &[DeliveryAttempt]) -> DeliveryView {
    let (mark, words) = match one.state {
        DeliveryState::Open if one.attempts == 0 => (Mark::Moving, "about to be sent"),
        DeliveryState::Open => (Mark::Waiting, "not taken yet, it is tried again"),
        DeliveryState::Taken => (Mark::Done, "taken"),
        DeliveryState::Refused => (Mark::Failed, "refused"),
        DeliveryState::Dropped => (Mark::Nothing, "not sent any more: it is not wanted"),
    };
    let tries = attempts.iter().filter(|attempt| attempt.delivery_id == one.id).map(|attempt| {
        let mut words = format!("try {}: ", attempt.number);
        let said = attempt.words.as_deref().unwrap_or("no answer is known");
        let _infallible = words.write_str(said);
        TryView { at: attempt.begun_at, words }
    });
    DeliveryView { id: one.id.clone(), call: one.call.clone(), mark, words: words.to_owned(), tries: tries.collect() }
}
