//! Why pods fail: a pass that sees failing pods asks their cluster for their events and the end of their logs, before
//! anything is taken back, for the pods are gone then. Each pod is asked about once for what is wrong with it. Nothing
//! waits for it longer than [`PATIENCE`], and what cannot be asked is asked again by the next pass.

use std::time::Duration;

use contract::promotions::FailingPod;
use domain::{
    evidence::{PODS_PER_WORKLOAD, PodEvidence, failing},
    job::{JobObserved, JobPlace},
    observation::{Observed, PlacedWorkload, PodObservation},
    promotion::{Promotion, Sight},
};
use futures::future::join_all;
use store::{Read, StoreError};

use crate::Engine;

/// How long a pass waits for all answers: taking back must not wait for a log.
const PATIENCE: Duration = Duration::from_secs(2);

impl Engine {
    /// Asks about pods that fail and keeps what is told with the promotion.
    ///
    /// # Errors
    /// The store's trouble; a cluster that does not tell is logged.
    pub(super) async fn take_evidence(&self, promotion: &Promotion, seen: &Sight) -> Result<(), StoreError> {
        let (now, places) = (self.now(), promotion.jobs());
        let present = seen.workloads.iter().filter_map(|(placed, observed)| match observed {
            Observed::Present(workload) => Some((placed, workload)),
            Observed::Missing => None,
        });
        let failing: Vec<(&PlacedWorkload, &PodObservation, String)> = present
            .flat_map(|(placed, workload)| failing(workload, now).into_iter().map(move |(pod, why)| (placed, pod, why)))
            .collect();
        let failing: Vec<_> = failing.into_iter().chain(failing_in_jobs(&places, seen)).collect();
        if failing.is_empty() {
            return Ok(());
        }
        let known = self.store().read().await?.evidence(promotion.id).await?;
        let is_new = |(placed, pod, why): &(&PlacedWorkload, &PodObservation, String)| {
            !known.iter().any(|one| one.is_of(placed, pod, why))
        };
        let asked = failing.into_iter().filter(is_new).map(|(placed, pod, why)| self.ask_about(placed, pod, why));
        let told: Vec<PodEvidence> = join_all(asked).await.into_iter().flatten().collect();
        if told.is_empty() {
            return Ok(());
        }
        let mut tx = self.store().begin().await?;
        tx.put_evidence(promotion.id, &told).await?;
        tx.commit().await
    }

    async fn ask_about(&self, placed: &PlacedWorkload, pod: &PodObservation, words: String) -> Option<PodEvidence> {
        let ask = async {
            let cluster = self.clusters().handle(placed.cluster).await.map_err(|error| error.to_string())?;
            cluster.report_of_pod(&placed.workload.namespace, pod).await.map_err(|error| error.to_string())
        };
        let told = tokio::time::timeout(PATIENCE, ask).await;
        match told.unwrap_or_else(|_| Err(format!("no answer within {} s", PATIENCE.as_secs()))) {
            Ok(report) => Some(PodEvidence {
                placed: placed.clone(),
                pod: pod.name.clone(),
                container: pod.trouble.as_ref().map(|trouble| trouble.container.clone()),
                words,
                restarts: pod.restarts,
                at: self.now(),
                report,
            }),
            Err(error) => {
                tracing::warn!(
                    pod.name,
                    error.message = error,
                    "why a pod fails could not be asked; it is tried again"
                );
                None
            }
        }
    }
}

/// Pods of Jobs that fail, each beside the workload beside which its Job runs.
fn failing_in_jobs<'a>(
    places: &'a [JobPlace],
    seen: &'a Sight,
) -> impl Iterator<Item = (&'a PlacedWorkload, &'a PodObservation, String)> {
    seen.jobs.iter().flat_map(move |((cluster, job), observed)| {
        let place = places.iter().find(|place| place.placed.cluster == *cluster && place.job == *job);
        let present = match observed {
            JobObserved::Present(present) => Some(present),
            JobObserved::Missing { .. } => None,
        };
        let pods = place.zip(present).into_iter().flat_map(|(place, present)| {
            present.failing().take(PODS_PER_WORKLOAD).map(move |(pod, why)| (&place.placed, pod, why))
        });
        pods.collect::<Vec<_>>()
    })
}

/// What was told of pods of a promotion, the last first.
///
/// # Errors
/// The store's trouble.
pub(super) async fn view(read: &mut Read, promotion: &Promotion) -> Result<Vec<FailingPod>, StoreError> {
    let name_of = |placed: &PlacedWorkload| {
        let planned = promotion.plan.workloads.iter().find(|planned| planned.placed.cluster == placed.cluster);
        planned.map(|planned| planned.cluster_name.clone()).unwrap_or_default()
    };
    let evidence = read.evidence(promotion.id).await?;
    Ok(evidence.into_iter().map(|evidence| FailingPod { cluster: name_of(&evidence.placed), evidence }).collect())
}
