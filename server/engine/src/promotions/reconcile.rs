//! The reconciler: takes no input. It claims promotions that are due, looks at what the clusters
//! show, advances, applies what is desired, and sets when to look again. What it does not finish,
//! because it was killed, the next pass finds from what the clusters show.

use std::{
    sync::atomic::{AtomicI64, AtomicU64, Ordering},
    time::Duration,
};

use contract::Answer;
use domain::{
    ids::PromotionId,
    observation::{Observed, PlacedWorkload},
    promotion::{Input, Phase, Promotion, desired},
};
use futures::{StreamExt, stream};
use store::StoreError;
use tokio_util::sync::CancellationToken;

use super::field::{self, Applied, Look};
use crate::{Engine, error::OrFail};

/// How long a claim lasts. Longer than the patience with a cluster, so that a pass that waits for
/// one is not taken over in the middle.
const LEASE_SECONDS: i64 = 60;

/// Promotions that are worked on at the same time. Each waits for its clusters most of the time.
const AT_ONCE: usize = 16;

/// Promotions that are claimed in one go.
const CLAIM: u32 = 64;

/// Pause between passes when no signal comes.
const PERIOD: Duration = Duration::from_millis(500);

/// How many phases one pass may go through before it gives others a turn.
const PHASES_IN_A_PASS: usize = 6;

/// How the reconciler is, for health and metrics.
#[derive(Debug, Default)]
pub struct Vitals {
    /// Passes since the start.
    pub passes: AtomicU64,
    /// Promotions looked at since the start.
    pub looked_at: AtomicU64,
    /// Passes that failed since the start.
    pub failures: AtomicU64,
    /// When the last pass ended well, in seconds since 1970; 0 before the first.
    pub last_pass: AtomicI64,
}

impl Engine {
    /// Reconciles until cancelled; a pass that is under way is finished first.
    pub(crate) async fn reconcile_for_ever(&self, cancel: CancellationToken) {
        let mut changes = self.store().changes();
        loop {
            if let Err(error) = self.reconcile_due().await {
                self.vitals().failures.fetch_add(1, Ordering::Relaxed);
                tracing::warn!(error.message = %error, "a pass of the reconciler failed; it is repeated");
            }
            tokio::select! {
                () = cancel.cancelled() => return,
                // A lagging receiver means that something happened, which is all this asks.
                _ = changes.recv() => {}
                () = tokio::time::sleep(PERIOD) => {}
            }
        }
    }

    /// One pass over all promotions that are due; answers how many there were.
    ///
    /// # Errors
    /// The store's trouble. A cluster's trouble is kept with its promotion.
    pub async fn reconcile_due(&self) -> Answer<usize> {
        let now = self.now();
        let until = now + chrono::Duration::seconds(LEASE_SECONDS);
        let mut tx = self.store().begin().await.or_fail(self)?;
        let due = tx.claim_promotions(self.owner(), now, until, CLAIM).await.or_fail(self)?;
        tx.commit().await.or_fail(self)?;
        let results: Vec<Answer<()>> =
            stream::iter(due.clone()).map(|id| self.pass(id)).buffer_unordered(AT_ONCE).collect().await;
        let vitals = self.vitals();
        vitals.passes.fetch_add(1, Ordering::Relaxed);
        vitals.looked_at.fetch_add(u64::try_from(due.len()).unwrap_or(u64::MAX), Ordering::Relaxed);
        for result in results {
            result?;
        }
        vitals.last_pass.store(self.now().timestamp(), Ordering::Relaxed);
        Ok(due.len())
    }

    async fn pass(&self, id: PromotionId) -> Answer<()> {
        let worked = self.work_on(id).await;
        let mut tx = self.store().begin().await.or_fail(self)?;
        tx.release_promotion(id, self.owner()).await.or_fail(self)?;
        tx.commit().await.or_fail(self)?;
        worked
    }

    async fn work_on(&self, id: PromotionId) -> Answer<()> {
        let mut promotion = self.advance(id, Input::Clock, None).await?;
        for _ in 0..PHASES_IN_A_PASS {
            let before = std::mem::discriminant(&promotion.phase);
            let input = match &promotion.phase {
                Phase::Starting { .. } | Phase::Progressing { .. } | Phase::TakingBack { .. } => {
                    self.field_work(&promotion).await?
                }
                _ => return Ok(()),
            };
            promotion = self.advance(id, input, None).await?;
            if std::mem::discriminant(&promotion.phase) == before {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Applies what is desired where that was not seen yet, then looks.
    async fn field_work(&self, promotion: &Promotion) -> Answer<Input> {
        if let Some(desired) = desired(promotion).filter(|_| !is_all_ours(promotion)) {
            let cause = self.change_cause(promotion).await?;
            match field::apply(self.clusters(), promotion, desired, &cause).await {
                Applied::Settled { wrote } => {
                    tracing::info!(promotion.number, wrote, "applied what the promotion wants");
                }
                Applied::Refused(message) => return Ok(Input::RefusedByCluster { message }),
                Applied::Trouble(message) => return Ok(Input::Trouble { message }),
            }
        }
        Ok(match field::look(self.clusters(), promotion).await {
            Look::Seen(seen) => {
                self.tell_inventory(&seen).await.or_fail(self)?;
                Input::Observed(seen)
            }
            Look::Trouble(message) => Input::Trouble { message },
        })
    }

    /// What was looked at is known to the Board at once, before the watch tells it: a promotion that
    /// is done and a Board that shows the version before would contradict each other.
    async fn tell_inventory(&self, seen: &[(PlacedWorkload, Observed)]) -> Result<(), StoreError> {
        for (placed, observed) in seen {
            if let Observed::Present(now) = observed {
                self.take_in_workload(placed.cluster, now).await?;
            }
        }
        Ok(())
    }

    /// For `kubernetes.io/change-cause`: what, who, why in one line.
    async fn change_cause(&self, promotion: &Promotion) -> Answer<String> {
        let mut read = self.store().read().await.or_fail(self)?;
        let names = super::names::of(&mut read, promotion).await.or_fail(self)?;
        let what = match promotion.phase {
            Phase::TakingBack { .. } => "takes back",
            _ => "promotes",
        };
        let reason: String = promotion.reason.chars().filter(|c| !c.is_control()).take(120).collect();
        Ok(format!(
            "slipway promotion {} {what} {} {}: {reason} ({})",
            promotion.number,
            names.service,
            names.version,
            promotion.requested_by.shown()
        ))
    }
}

/// Whether our mark of the present generation was seen on every workload that it belongs on.
fn is_all_ours(promotion: &Promotion) -> bool {
    promotion.run().is_some_and(|run| !run.progress.is_empty() && run.progress.iter().all(|progress| progress.was_ours))
}
