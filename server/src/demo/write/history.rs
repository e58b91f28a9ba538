//! What happened: promotions with their journals, deployments, audit rows and incidents.

use std::collections::HashMap;

use anyhow::Context as _;
use chrono::{DateTime, Duration, Utc};
use domain::actor::Identity;
use domain::deployment::Cause;
use domain::ids::{AuditId, DeploymentId, IncidentId, PromotionId, ServiceId, TargetId};
use domain::image::ContainerImage;
use domain::observation::PlacedWorkload;
use serde_json::json;
use store::{AuditEntry, AuditResult, Deployment, Incident, Target};

use super::services::{images_of, replicas};
use super::{Kept, PIPELINE, Writer};
use crate::demo::past::{Part, PastMove};
use crate::demo::timeline::{MoveStory, PRODUCTION, VersionStory};

impl Writer<'_> {
    /// All moves of all services in the order in which they were asked for, so that numbers rise.
    pub(super) async fn moves(&mut self, kept: &[Kept<'_>]) -> anyhow::Result<()> {
        let mut order: Vec<(&Kept, usize, &MoveStory)> = Vec::new();
        for service in kept {
            order.extend(service.story.told.moves.iter().enumerate().map(|(index, told)| (service, index, told)));
        }
        order.sort_by_key(|(service, index, told)| (told.requested_at, service.story.spec.name, *index));
        let mut sequences: HashMap<TargetId, i64> = HashMap::new();
        let mut deployments: HashMap<(ServiceId, usize), DeploymentId> = HashMap::new();
        for (service, index, told) in order {
            let target = service.targets.get(told.environment).context("target")?;
            // Development is deployed to by pipelines, which report it.
            let id = if told.environment == 0 {
                self.reported(service, target, told, index).await?
            } else {
                let sequence = sequences.entry(target.id).or_default();
                *sequence += 1;
                self.promoted(service, target, told, *sequence).await?
            };
            deployments.insert((service.id, index), id);
        }
        self.incidents(kept, &deployments).await
    }

    async fn reported(
        &mut self,
        service: &Kept<'_>,
        target: &Target,
        told: &MoveStory,
        index: usize,
    ) -> anyhow::Result<DeploymentId> {
        let deployment = Deployment {
            promotion_id: None,
            requested_at: None,
            approved_at: None,
            requested_by: PIPELINE.to_owned(),
            reported_by: Some(PIPELINE.to_owned()),
            external_id: Some(format!("run-{}", 4_000 + index * 7)),
            ..self.deployment(DeploymentId::new(self.uuid()), service, target, told)?
        };
        self.tx.insert_deployment(&deployment).await?;
        Ok(deployment.id)
    }

    fn deployment(
        &self,
        id: DeploymentId,
        service: &Kept<'_>,
        target: &Target,
        told: &MoveStory,
    ) -> anyhow::Result<Deployment> {
        Ok(Deployment {
            id,
            promotion_id: Some(PromotionId::new(id.uuid())),
            service_id: service.id,
            environment_id: target.environment,
            version_id: service.versions.get(told.version).copied().context("version")?,
            previous_version_id: told.previous.and_then(|p| service.versions.get(p).copied()),
            cause: told.cause,
            outcome: told.outcome,
            requested_at: Some(told.requested_at),
            approved_at: told.approval.map(|(_, at, _)| at),
            started_at: told.started_at,
            finished_at: Some(told.finished_at),
            requested_by: told.requester.to_owned(),
            reported_by: None,
            external_id: None,
        })
    }

    async fn promoted(
        &mut self,
        service: &Kept<'_>,
        target: &Target,
        told: &MoveStory,
        sequence: i64,
    ) -> anyhow::Result<DeploymentId> {
        let number = self.tx.next("promotion").await?;
        let id = PromotionId::new(self.uuid());
        let environment = self.environments.get(told.environment).cloned().context("environment")?;
        let past = PastMove {
            id,
            number,
            sequence,
            told,
            environment: &environment,
            target,
            version: service.versions.get(told.version).copied().context("version")?,
            previous: told.previous.and_then(|p| service.versions.get(p).copied()),
            requester: self.identity(told.requester),
            approver: told.approval.map(|(name, _, _)| self.identity(name)),
            parts: self.parts(service, target, told)?,
        };
        self.tx.insert_promotion(&past.promotion(), None).await?;
        self.tx.append_journal(id, &past.journal()).await?;
        let deployment = self.deployment(DeploymentId::new(id.uuid()), service, target, told)?;
        self.tx.put_deployment(&deployment).await?;
        self.audit(service, told, number, id, &environment.title).await?;
        Ok(deployment.id)
    }

    fn parts(&self, service: &Kept<'_>, target: &Target, told: &MoveStory) -> anyhow::Result<Vec<Part>> {
        let spec = service.story.spec;
        let to = service.story.told.versions.get(told.version).context("version")?;
        let from = told.previous.and_then(|p| service.story.told.versions.get(p));
        let mut parts = Vec::new();
        for (index, workload) in target.workloads.iter().enumerate() {
            let image = |version: &VersionStory| -> anyhow::Result<Vec<ContainerImage>> {
                let image = images_of(spec, version)?.into_iter().nth(index).context("image")?;
                Ok(vec![ContainerImage { container: workload.container.clone(), image: image.reference() }])
            };
            parts.push(Part {
                placed: PlacedWorkload { cluster: workload.cluster, workload: workload.workload.clone() },
                cluster_name: self.place.name.to_string(),
                to: image(to)?,
                from: from.map(image).transpose()?.unwrap_or_default(),
                replicas: replicas(spec, told.environment),
            });
        }
        Ok(parts)
    }

    async fn audit(
        &mut self,
        service: &Kept<'_>,
        told: &MoveStory,
        number: i64,
        id: PromotionId,
        environment: &str,
    ) -> anyhow::Result<()> {
        let label = service.story.told.versions.get(told.version).map_or("", |v| v.label.as_str());
        let what = format!("promotion {number} ({} {label} to {environment})", service.story.spec.name);
        let (act, verb) = match told.cause {
            Cause::Rollback => ("promotion.roll_back", "rolled back with"),
            Cause::Planned | Cause::Hotfix => ("promotion.request", "asked for"),
        };
        let who = self.identity(told.requester);
        let reason = Some(told.reason.clone());
        self.audit_entry(told.requested_at, who, act, number, id, format!("{verb} {what}"), reason).await?;
        if let Some((name, at, comment)) = told.approval {
            let (who, reason) = (self.identity(name), Some(comment.to_owned()));
            self.audit_entry(at, who, "promotion.approve", number, id, format!("approved {what}"), reason).await?;
        }
        Ok(())
    }

    #[expect(clippy::too_many_arguments, reason = "the columns of a row")]
    async fn audit_entry(
        &mut self,
        at: DateTime<Utc>,
        who: Identity,
        act: &str,
        number: i64,
        id: PromotionId,
        sentence: String,
        reason: Option<String>,
    ) -> anyhow::Result<()> {
        let entry = AuditEntry {
            id: AuditId::new(self.uuid()),
            at,
            who,
            act: act.to_owned(),
            entity_kind: "promotion".to_owned(),
            entity_id: Some(id.uuid()),
            entity_label: format!("promotion {number}"),
            reason,
            from_address: None,
            result: AuditResult::Done,
            details: json!({ "sentence": sentence }),
        };
        Ok(self.tx.insert_audit(&entry).await?)
    }

    async fn incidents(
        &mut self,
        kept: &[Kept<'_>],
        deployments: &HashMap<(ServiceId, usize), DeploymentId>,
    ) -> anyhow::Result<()> {
        let mut order: Vec<_> = kept.iter().flat_map(|s| s.story.told.incidents.iter().map(move |i| (s, i))).collect();
        order.sort_by_key(|(service, incident)| (incident.opened_at, service.story.spec.name));
        for (service, told) in order {
            let number = self.tx.next("incident").await?;
            let noticed = Duration::minutes(self.chance.between(1, 5));
            let incident = Incident {
                id: IncidentId::new(self.uuid()),
                number,
                title: told.title.clone(),
                severity: told.severity,
                opened_at: told.opened_at,
                detected_at: Some((told.opened_at + noticed).min(told.resolved_at)),
                resolved_at: Some(told.resolved_at),
                service_id: Some(service.id),
                environment_id: self.environments.get(PRODUCTION).map(|e| e.id),
                deployment_id: deployments.get(&(service.id, told.caused_by)).copied(),
                summary: String::new(),
            };
            self.tx.insert_incident(&incident).await?;
        }
        Ok(())
    }
}
