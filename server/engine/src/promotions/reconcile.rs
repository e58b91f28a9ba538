//! The reconciler: takes no input. It claims promotions that are due, looks at what the clusters
//! show, advances, applies what is desired, and sets when to look again. What it does not finish,
//! because it was killed, the next pass finds from what the clusters show. Promotions are worked on
//! side by side (`works.rs`): a cluster that does not answer holds up its own alone.

use std::{
    sync::atomic::{AtomicI64, AtomicU64, Ordering},
    time::Duration,
};

use contract::Answer;
use domain::{
    observation::{Observed, PlacedWorkload},
    promotion::{Input, Phase, Promotion, Sight, desired},
};
use ports::Called;
use store::StoreError;
use tokio_util::sync::CancellationToken;

use super::{
    field::{self, Applied, Look},
    git::Heard,
    names,
    works::{Claim, Due, Works},
};
use crate::{Engine, error::OrFail, places::Peer};

/// Pause between passes when no signal comes.
const PERIOD: Duration = Duration::from_millis(500);

/// Changes that come together are answered by one claim.
const GATHER: Duration = Duration::from_millis(10);

/// A promotion whose cluster or Git host has no place for it is looked at after this: as often as any live one.
const BUSY_SECONDS: i64 = domain::promotion::LOOK_EVERY_SECONDS;

/// How many phases, steps and moves one pass may go through before it gives others a turn.
const PLACES_IN_A_PASS: usize = 6;

/// How the reconciler is, for health and metrics.
#[derive(Debug, Default)]
pub struct Vitals {
    /// Passes since the start.
    pub passes: AtomicU64,
    /// Promotions looked at since the start.
    pub looked_at: AtomicU64,
    /// Works, and passes as a whole, that failed since the start.
    pub failures: AtomicU64,
    /// When the store last told what is due, in seconds since 1970; 0 before the first.
    pub last_pass: AtomicI64,
    /// Since when the store takes no writes, in seconds since 1970; 0 while it does.
    pub unwritable_since: AtomicI64,
}

impl Engine {
    /// Reconciles until cancelled; works that are under way are finished first.
    pub(crate) async fn reconcile_for_ever(&self, cancel: CancellationToken) {
        let mut changes = self.store().changes();
        let mut works = Works::new(self);
        loop {
            if let Err(error) = works.begin_due().await {
                self.vitals().failures.fetch_add(1, Ordering::Relaxed);
                tracing::warn!(error.message = %error, "what is due could not be claimed; it is tried again");
            }
            tokio::select! {
                () = cancel.cancelled() => break,
                () = works.one_ended() => {}
                // A lagging receiver means that something happened, which is all this asks.
                _ = changes.recv() => {}
                () = tokio::time::sleep(PERIOD) => {}
            }
            tokio::time::sleep(GATHER).await;
            while changes.try_recv().is_ok() {}
        }
        works.all_ended().await;
    }

    /// One pass over the promotions that are due; answers how many there were when all of them were
    /// looked at.
    ///
    /// # Errors
    /// The store's trouble when it cannot be asked what is due. The trouble of a single promotion is
    /// logged, and it is put off.
    pub async fn reconcile_due(&self) -> Answer<usize> {
        let mut works = Works::new(self);
        let begun = works.begin_due().await?;
        works.all_ended().await;
        Ok(begun)
    }

    /// Brings a promotion as far as it gets under this claim; answers what there is to measure then.
    pub(super) async fn work_on(&self, claim: Claim) -> Answer<Option<Box<Due>>> {
        let id = claim.id;
        let mut last = Sight::default();
        let mut promotion = self.advance(id, Input::Clock, None).await?;
        for _ in 0..PLACES_IN_A_PASS {
            let before = promotion.place();
            let inputs = match &promotion.phase {
                Phase::Starting { .. }
                | Phase::Progressing { .. }
                | Phase::TakingBack { .. }
                | Phase::Watching { .. }
                    if promotion.outside().is_some() =>
                {
                    vec![Input::Clock]
                }
                Phase::Starting { .. }
                | Phase::Progressing { .. }
                | Phase::TakingBack { .. }
                | Phase::Watching { .. } => {
                    let Some(heard) = self.git_work(&promotion).await.or_fail(self)? else {
                        self.put_off_promotion(id, BUSY_SECONDS).await?;
                        return Ok(None);
                    };
                    let clusters = promotion.plan.workloads.iter().map(|w| Peer::Cluster(w.placed.cluster)).collect();
                    let Some(places) = self.places().take(clusters).await else {
                        self.put_off_promotion(id, BUSY_SECONDS).await?;
                        return Ok(None);
                    };
                    let inputs = match self.traffic_home(&promotion).await? {
                        Some(input) => vec![input],
                        None => self.field_work(&promotion, heard).await?,
                    };
                    // Clusters do not wait for a repository.
                    drop(places);
                    self.git_revisions(&promotion, inputs).await
                }
                Phase::Waiting { .. }
                | Phase::Succeeded { .. }
                | Phase::Failed { .. }
                | Phase::Aborted { .. }
                | Phase::Rejected { .. }
                | Phase::Cancelled { .. }
                | Phase::Expired { .. }
                | Phase::Superseded { .. } => return Ok(None),
            };
            let seen = inputs.iter().find_map(|input| match input {
                Input::Observed(seen) if !promotion.plan.analysis.is_empty() => Some(seen.clone()),
                _ => None,
            });
            for input in inputs {
                promotion = self.advance(id, input, None).await?;
            }
            last = seen.unwrap_or_default();
            self.roll_back_late(&promotion).await?;
            if promotion.place() == before || !claim.is_fresh(self.now()) {
                break;
            }
        }
        let is_due = !promotion.due(self.now()).is_empty();
        Ok(is_due.then(|| Box::new(Due { promotion, seen: last })))
    }

    /// Applies what is desired where that was not seen yet, then looks.
    async fn field_work(&self, promotion: &Promotion, heard: Heard) -> Answer<Vec<Input>> {
        let (mut untold, mut inputs) = (None, Vec::new());
        if let Some(desired) = desired(promotion).filter(|_| !promotion.is_all_told()) {
            let called = self.called(promotion).await?;
            let Applied { wrote, refused, trouble } = field::apply(self.clusters(), promotion, desired, &called).await;
            tracing::info!(promotion.number, wrote, "applied what the promotion wants");
            untold = trouble;
            if !refused.is_empty() {
                let generation = promotion.run().map_or(0, |run| run.generation);
                inputs.push(Input::RefusedByCluster { generation, writes: refused });
            }
        }
        let Look { seen, mut troubles, unsized_because } = field::look(self.clusters(), promotion).await;
        for why in unsized_because {
            tracing::warn!(
                promotion.number = promotion.number,
                error.message = why,
                "what sizes a workload is not known"
            );
        }
        self.tell_inventory(promotion, &seen).await.or_fail(self)?;
        self.take_evidence(promotion, &seen).await.or_fail(self)?;
        let Heard { sight: git, trouble: unheard } = heard;
        // What was read is judged also when there was trouble: pods that crash do not wait for another
        // cluster.
        inputs.push(Input::Observed(Sight { trouble: untold.or(unheard).or(troubles.pop()), git, ..seen }));
        Ok(inputs)
    }

    /// What was looked at is known to the Board at once, before the watch tells it: a promotion that
    /// is done and a Board that shows the version before would contradict each other.
    async fn tell_inventory(&self, promotion: &Promotion, seen: &Sight) -> Result<(), StoreError> {
        let is_target = |placed: &PlacedWorkload| promotion.plan.workloads.iter().any(|one| one.placed == *placed);
        for (placed, observed) in &seen.workloads {
            if let Observed::Present(now) = observed
                && is_target(placed)
            {
                self.take_in_workload(placed.cluster, now).await?;
            }
        }
        Ok(())
    }

    /// What people call it; as the cause of a change: what, who, why in one line.
    async fn called(&self, promotion: &Promotion) -> Answer<Called> {
        let mut read = self.store().read().await.or_fail(self)?;
        let names = super::names::of(&mut read, promotion).await.or_fail(self)?;
        let what = match promotion.phase {
            Phase::TakingBack { .. } => "takes back",
            _ => "promotes",
        };
        let reason: String = promotion.reason.chars().filter(|c| !c.is_control()).take(120).collect();
        let change_cause = format!(
            "slipway promotion {} {what} {} {}: {reason} ({})",
            promotion.number,
            names.service,
            names.version,
            promotion.requested_by.shown()
        );
        let names::Names { service, version, environment, .. } = names;
        Ok(Called { change_cause, service, version, environment })
    }
}
