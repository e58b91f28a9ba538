//! What runs now: the rows that the Board reads until the watches tell more.

use anyhow::Context as _;
use chrono::{DateTime, Duration, Utc};
use domain::deployment::Outcome;
use domain::ids::VersionId;
use domain::image::ContainerImage;
use domain::state::Mark;
use store::{Running, Target, TargetWorkload};

use super::services::{images_of, labels, replicas};
use super::{Kept, UNKNOWN_TAG, Writer};
use crate::demo::GroundWorkload;
use crate::demo::company::Today;

impl Writer<'_> {
    /// What runs now: the rows that the Board reads until the watches tell more, and the Deployments
    /// to make.
    pub(super) async fn runs(&mut self, service: &Kept<'_>) -> anyhow::Result<Vec<GroundWorkload>> {
        let spec = service.story.spec;
        let mut made = Vec::new();
        for (index, target) in service.targets.iter().enumerate() {
            let Some(version) = service.story.told.runs.get(index).copied().flatten() else { continue };
            let told = service.story.told.versions.get(version).context("version")?;
            let mut moves = service.story.told.moves.iter().rev();
            let last = moves.find(|m| m.environment == index && m.outcome == Outcome::Succeeded);
            let is_foreign = spec.today == Today::ChangedByOthers && index == 2;
            let deployed_at = last.map_or(self.now, |m| m.finished_at);
            let since = if is_foreign { self.now - Duration::hours(2) } else { deployed_at };
            for (workload, image) in target.workloads.iter().zip(images_of(spec, told)?) {
                let reference =
                    if is_foreign { format!("{}:{UNKNOWN_TAG}", image.repository()) } else { image.reference() };
                let images = vec![ContainerImage { container: workload.container.clone(), image: reference }];
                let replicas = replicas(spec, index);
                let known = service.versions.get(version).copied().filter(|_| !is_foreign);
                self.running(target, workload, &images, known, replicas, since).await?;
                made.push(GroundWorkload {
                    namespace: workload.workload.namespace.clone(),
                    name: workload.workload.name.clone(),
                    replicas,
                    containers: images,
                    labels: labels(spec),
                    since,
                    rollout: self.rollout(spec, index),
                    layer: target.strategy.candidate().map(|(_, settings)| settings.layer().clone()),
                });
            }
        }
        Ok(made)
    }

    async fn running(
        &mut self,
        target: &Target,
        workload: &TargetWorkload,
        images: &[ContainerImage],
        version_id: Option<VersionId>,
        pods: u32,
        since: DateTime<Utc>,
    ) -> anyhow::Result<()> {
        let running = Running {
            target_id: target.id,
            cluster_id: workload.cluster,
            namespace: workload.workload.namespace.clone(),
            workload: workload.workload.name.clone(),
            kind: workload.workload.kind,
            images: images.to_vec(),
            version_id,
            mark: Mark::Done,
            words: if pods == 1 { "1 pod".to_owned() } else { format!("{pods} pods") },
            wanted: pods,
            updated: pods,
            ready: pods,
            available: pods,
            is_changed_by_others: version_id.is_none(),
            since,
            seen_at: self.now,
        };
        self.tx.put_running(&running).await?;
        Ok(())
    }
}
