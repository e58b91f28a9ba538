//! Deployments: every change everywhere by time, and those that other pipelines report.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use contract::{
    Answer, ApiError,
    deployments::{DeploymentLine, DeploymentsBackend, DeploymentsQuery, DeploymentsView, ReportDeployment},
};
use domain::{
    actor::{Act, Actor},
    deployment::{Cause, Outcome},
    ids::{DeploymentId, EnvironmentId, ServiceId},
};
use store::{Deployment, DeploymentFilter, DeploymentRow, DeploymentSort, Entity, Tx};

use crate::{
    Engine, audit, edge,
    error::OrFail,
    lists::{self, Columns, given},
    promotions::history::is_taken_away,
};

/// Longest identity that a pipeline gives a deployment.
const KEY_AT_MOST: usize = 200;

/// A deployment for reading.
pub(crate) fn line(row: DeploymentRow) -> DeploymentLine {
    DeploymentLine {
        service: row.service.to_string(),
        environment: row.environment_title,
        version: row.version.to_string(),
        previous: row.previous_version.map(|v| v.to_string()),
        cause: row.cause,
        outcome: row.outcome,
        requested_at: row.requested_at,
        approved_at: row.approved_at,
        started_at: row.started_at,
        finished_at: row.finished_at,
        promotion: row.promotion_number,
        by: row.reported_by.unwrap_or(row.requested_by),
        is_found: row.is_found,
        rolled_back_by: None,
    }
}

/// The newest deployments of one service, each with the rollback that has taken it away since: what came
/// after one of them is among them too.
pub(crate) fn history(rows: Vec<DeploymentRow>) -> Vec<DeploymentLine> {
    let taken: Vec<_> = rows.iter().map(|row| rolled_back_by(row, &rows)).collect();
    let told = |(row, rolled_back_by)| DeploymentLine { rolled_back_by, ..line(row) };
    rows.into_iter().zip(taken).map(told).collect()
}

fn rolled_back_by(of: &DeploymentRow, rows: &[DeploymentRow]) -> Option<i64> {
    let succeeded = |row: &DeploymentRow| row.finished_at.filter(|_| row.outcome == Outcome::Succeeded);
    let end = succeeded(of)?;
    let later = rows.iter().filter(|row| row.environment_id == of.environment_id);
    let later = later.filter_map(|row| Some((succeeded(row).filter(|at| *at > end)?, row)));
    let (_, next) = later.min_by_key(|(at, _)| *at)?;
    if is_taken_away(of.version_id, next.cause, next.version_id) { next.promotion_number } else { None }
}

/// What a report says, checked.
struct Parsed {
    key: String,
    outcome: Outcome,
    cause: Cause,
    started_at: Option<DateTime<Utc>>,
    finished_at: Option<DateTime<Utc>>,
}

fn parse(report: &ReportDeployment, now: DateTime<Utc>) -> Answer<Parsed> {
    let past = |field: &str, at: Option<DateTime<Utc>>| at.map(|at| edge::past(field, at, now)).transpose();
    let started_at = past("started_at", report.started_at)?;
    let finished_at = past("finished_at", report.finished_at)?;
    if report.outcome == Outcome::Running && finished_at.is_some() {
        return Err(ApiError::invalid("finished_at", "a deployment that is running has not ended"));
    }
    Ok(Parsed {
        key: edge::some_line("key", &report.key, KEY_AT_MOST)?,
        outcome: report.outcome,
        cause: report.cause.unwrap_or(Cause::Planned),
        started_at,
        finished_at,
    })
}

/// When it ended: as given or now, and never before its start.
fn end_of(parsed: &Parsed, started_at: DateTime<Utc>, now: DateTime<Utc>) -> Answer<Option<DateTime<Utc>>> {
    if parsed.outcome == Outcome::Running {
        return Ok(None);
    }
    match parsed.finished_at {
        Some(at) if at < started_at => Err(ApiError::invalid("finished_at", "it cannot end before it started")),
        Some(at) => Ok(Some(at)),
        None => Ok(Some(now.max(started_at))),
    }
}

impl Engine {
    async fn update_report(&self, tx: &mut Tx, known: &Deployment, parsed: &Parsed) -> Answer<bool> {
        if known.outcome == parsed.outcome {
            return Ok(false);
        }
        if known.outcome != Outcome::Running {
            return Err(ApiError::conflict(format!(
                "this deployment has been reported as {} already, which is an end; report another one under a key of its own",
                known.outcome.as_str()
            )));
        }
        let finished_at = end_of(parsed, known.started_at, self.now())?;
        if let Some(at) = finished_at {
            tx.finish_deployment(known.id, parsed.outcome, at).await.or_fail(self)?;
        }
        Ok(true)
    }

    async fn new_report(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        place: (ServiceId, EnvironmentId),
        version: &store::Version,
        parsed: &Parsed,
    ) -> Answer<DeploymentId> {
        let now = self.now();
        // What is only reported after its end may have started at any time before.
        let started_at = parsed.started_at.unwrap_or_else(|| parsed.finished_at.map_or(now, |end| end.min(now)));
        let previous = tx.latest_deployment(place.0, place.1).await.or_fail(self)?;
        let deployment = Deployment {
            id: DeploymentId::new(self.uuid()),
            promotion_id: None,
            service_id: place.0,
            environment_id: place.1,
            version_id: version.id,
            previous_version_id: previous.map(|d| d.version_id),
            cause: if version.flags.is_hotfix && parsed.cause == Cause::Planned { Cause::Hotfix } else { parsed.cause },
            outcome: parsed.outcome,
            requested_at: None,
            approved_at: None,
            started_at,
            finished_at: end_of(parsed, started_at, now)?,
            requested_by: actor.identity.shown(),
            reported_by: Some(actor.identity.shown()),
            external_id: Some(parsed.key.clone()),
        };
        tx.insert_deployment(&deployment).await.or_fail(self)?;
        Ok(deployment.id)
    }
}

#[async_trait]
impl DeploymentsBackend for Engine {
    async fn deployments(&self, actor: &Actor, query: DeploymentsQuery) -> Answer<DeploymentsView> {
        actor.may(Act::Read)?;
        let mut read = self.store().read().await.or_fail(self)?;
        let mut filter = DeploymentFilter {
            team: given(query.team.as_ref()).map(lists::team_name).transpose()?,
            cause: query.cause,
            outcome: query.outcome,
            from: query.from,
            to: query.to,
            ..DeploymentFilter::default()
        };
        if let Some(name) = given(query.service.as_ref()) {
            filter.service = Some(self.service_named(&mut read, name).await?.id);
        }
        if let Some(name) = given(query.environment.as_ref()) {
            filter.environment = Some(self.environment_named(&mut read, name).await?.id);
        }
        let found =
            read.deployments(&filter, DeploymentSort::Started, lists::paging(query.page)).await.or_fail(self)?;
        Ok(DeploymentsView {
            page: lists::page(found, query.page, line),
            environments: Columns::load(&mut read).await.or_fail(self)?.heads,
            teams: lists::teams(&mut read).await.or_fail(self)?,
            query,
        })
    }

    async fn report_deployment(&self, actor: &Actor, report: ReportDeployment) -> Answer<bool> {
        actor.may(Act::ReportDeployment)?;
        let parsed = parse(&report, self.now())?;
        let mut tx = self.store().begin().await.or_fail(self)?;
        let service = self.service_named(&mut tx, &report.service).await?;
        let environment = self.environment_named(&mut tx, &report.environment).await?;
        let version = self.version_of(&mut tx, &service, &report.version).await?;
        tx.lock_service(service.id).await.or_fail(self)?;
        let known = tx.deployment_by_external_id(service.id, environment.id, &parsed.key).await.or_fail(self)?;
        let label = format!("{} {} to {}", service.name, version.label, environment.title);
        let id = match &known {
            Some(known) if known.version_id != version.id => {
                return Err(ApiError::conflict(format!(
                    "the key {} has been used for another version of {} in {}",
                    parsed.key, service.name, environment.title
                )));
            }
            Some(known) => {
                if !self.update_report(&mut tx, known, &parsed).await? {
                    return Ok(false);
                }
                known.id
            }
            None => self.new_report(&mut tx, actor, (service.id, environment.id), &version, &parsed).await?,
        };
        tx.signal(Entity::Deployment, id.uuid(), 0);
        let sentence = format!("reported the deployment of {label} as {}", parsed.outcome.as_str());
        let mut entry = audit::Entry::done("deployment.report", "deployment", &label, sentence);
        entry.id = Some(id.uuid());
        audit::record(&mut tx, self, actor, entry).await.or_fail(self)?;
        tx.commit().await.or_fail(self)?;
        Ok(known.is_none())
    }
}
