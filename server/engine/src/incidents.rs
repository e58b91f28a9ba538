//! Incidents, as far as the figures need them: when something was broken, and which deployment did it.

use async_trait::async_trait;
use contract::{
    Answer, ApiError, Page, PageRequest,
    incidents::{IncidentLine, IncidentsBackend, OpenIncident},
};
use domain::{
    actor::{Act, Actor},
    ids::IncidentId,
};
use store::{Incident, IncidentFilter, IncidentRow};

use crate::{Engine, audit, edge, error::OrFail, lists};

/// Longest title: a line of the list.
const TITLE_AT_MOST: usize = 200;

fn line(row: IncidentRow) -> IncidentLine {
    IncidentLine {
        number: row.number,
        title: row.title,
        severity: row.severity,
        service: row.service.map(|s| s.to_string()).unwrap_or_default(),
        environment: row.environment_title.unwrap_or_default(),
        opened_at: row.opened_at,
        resolved_at: row.resolved_at,
        caused_by: row.version.map(|v| v.to_string()),
        promotion: row.promotion_number,
    }
}

#[async_trait]
impl IncidentsBackend for Engine {
    async fn incidents(&self, actor: &Actor, page: PageRequest) -> Answer<Page<IncidentLine>> {
        actor.may(Act::Read)?;
        let mut read = self.store().read().await.or_fail(self)?;
        let found = read.incidents(&IncidentFilter::default(), lists::paging(page)).await.or_fail(self)?;
        Ok(lists::page(found, page, line))
    }

    async fn open_incident(&self, actor: &Actor, incident: OpenIncident) -> Answer<i64> {
        actor.may(Act::ManageIncidents)?;
        let title = edge::some_line("title", &incident.title, TITLE_AT_MOST)?;
        let mut tx = self.store().begin().await.or_fail(self)?;
        let service = self.service_named(&mut tx, &incident.service).await?;
        let environment = self.environment_named(&mut tx, &incident.environment).await?;
        let deployment_id = if incident.caused_by_last_deployment {
            let latest = tx.latest_deployment(service.id, environment.id).await.or_fail(self)?;
            let latest = latest.ok_or_else(|| {
                let message = format!("nothing was deployed of {} to {} yet", service.name, environment.title);
                ApiError::invalid("caused_by_last_deployment", message)
            })?;
            Some(latest.deployment_id)
        } else {
            None
        };
        let number = tx.next("incident").await.or_fail(self)?;
        let now = self.now();
        let row = Incident {
            id: IncidentId::new(self.uuid()),
            number,
            title: title.clone(),
            severity: incident.severity,
            opened_at: now,
            detected_at: Some(now),
            resolved_at: None,
            service_id: Some(service.id),
            environment_id: Some(environment.id),
            deployment_id,
            summary: String::new(),
        };
        tx.insert_incident(&row).await.or_fail(self)?;
        let label = format!("incident {number}");
        let place = format!("{} in {}", service.name, environment.title);
        let mut entry = audit::Entry::done(
            "incident.open",
            "incident",
            &label,
            format!("opened {label}, {}, of {place}: {title}", incident.severity.as_str()),
        );
        entry.id = Some(row.id.uuid());
        audit::record(&mut tx, self, actor, entry).await.or_fail(self)?;
        tx.commit().await.or_fail(self)?;
        Ok(number)
    }

    async fn resolve_incident(&self, actor: &Actor, number: i64) -> Answer<()> {
        actor.may(Act::ManageIncidents)?;
        let mut tx = self.store().begin().await.or_fail(self)?;
        let found = tx.incident_by_number(number).await.or_fail(self)?;
        let mut incident = found.ok_or_else(|| ApiError::not_found("incident", &number.to_string()))?;
        if incident.resolved_at.is_some() {
            return Err(ApiError::conflict(format!("incident {number} is resolved already")));
        }
        incident.resolved_at = Some(self.now());
        tx.update_incident(&incident).await.or_fail(self)?;
        let label = format!("incident {number}");
        let mut entry =
            audit::Entry::done("incident.resolve", "incident", &label, format!("resolved {label}: {}", incident.title));
        entry.id = Some(incident.id.uuid());
        audit::record(&mut tx, self, actor, entry).await.or_fail(self)?;
        tx.commit().await.or_fail(self)
    }
}
