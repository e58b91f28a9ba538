//! Jobs of steps that promotions which are over have left: a write that came late, or one that somebody
//! gave up. They are removed when they are found.

use domain::promotion::{Phase, Promotion};
use ports::{ApplyOutcome, ClusterError, JobChange, JobFound, JobWant};
use store::StoreError;

use super::field::patiently;
use crate::{Engine, inventory::scope_of};

impl Engine {
    /// Looks once for Jobs that promotions have left in a cluster, and removes them. What the cluster does
    /// not answer is left for the next time.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(super) async fn sweep_jobs(&self, cluster: &store::Cluster) -> Result<(), StoreError> {
        let listed = async {
            let handle = self.clusters().handle(cluster.id).await?;
            let found = patiently(handle.jobs(&scope_of(cluster))).await?;
            Ok::<_, ClusterError>((handle, found))
        };
        let (handle, found) = match listed.await {
            Ok(answer) => answer,
            Err(error) => {
                tracing::debug!(cluster.id = %cluster.id, error.message = %error, "Jobs could not be listed");
                return Ok(());
            }
        };
        for JobFound { job, stamp } in found {
            let loaded = self.store().read().await?.promotion(stamp.promotion).await?;
            let Some(promotion) = loaded.map(|loaded| loaded.promotion).filter(has_left) else { continue };
            let change = JobChange {
                job,
                stamp,
                want: JobWant::Gone,
                change_cause: format!("slipway removes what promotion {} has left", promotion.number),
            };
            match patiently(handle.apply_job(&change)).await {
                Ok(ApplyOutcome::Written) => {
                    tracing::info!(promotion.number, job = %change.job, "removed a Job that was left");
                    self.note_left(&promotion, format!("Job {} was left, and is removed", change.job)).await?;
                }
                Ok(outcome) => tracing::debug!(promotion.number, ?outcome, "a Job that was left stays"),
                Err(error) => {
                    tracing::warn!(promotion.number, error.message = %error, "a Job that was left could not be removed; it is tried again");
                }
            }
        }
        Ok(())
    }
}

fn has_left(promotion: &Promotion) -> bool {
    promotion.is_over() || matches!(promotion.phase, Phase::Watching { .. })
}
