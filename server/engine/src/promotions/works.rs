//! The works of the reconciler: one per promotion that is looked at just now. New ones are claimed as
//! places become free, so that none waits for another that takes long; a lease begins when its work
//! does. A work that fails, or panics, is put off by itself and the others go on.
//!
//! Measuring is no part of a work: a source of numbers that does not answer takes no place from it. It has
//! places of its own, one for each promotion at most.

use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    panic::AssertUnwindSafe,
    sync::{Arc, atomic::Ordering},
};

use chrono::{DateTime, Utc};
use contract::Answer;
use domain::{
    ids::PromotionId,
    promotion::{LOOK_EVERY_SECONDS, Promotion, Sight},
};
use futures::FutureExt as _;
use tokio::{sync::Semaphore, task::JoinSet};

use crate::{Engine, error::OrFail};

/// How long a claim lasts without being renewed: after a server was killed, the promotions that it was
/// working on stand still for so long. Two works on one promotion would do no harm, for every write to a
/// cluster is fenced by its mark; they would only be in each other's way.
const LEASE_SECONDS: i64 = 15;

/// How often the leases of the works that run are renewed.
const RENEW_EVERY_SECONDS: i64 = 5;

/// Until when, after its claim, a work may begin another phase.
const FRESH_SECONDS: i64 = 20;

/// Works at the same time. Each waits for its clusters most of the time.
const AT_ONCE: usize = 64;

/// Promotions that are measured at the same time. Each waits for its source most of the time.
const MEASURED_AT_ONCE: usize = 64;

/// Longest wait before a work that fails again and again is tried again: what is mended is found
/// within this.
const LONGEST_WAIT_SECONDS: i64 = 300;

/// A promotion that is ours for a while.
#[derive(Clone, Copy)]
pub(super) struct Claim {
    pub(super) id: PromotionId,
    at: DateTime<Utc>,
}

impl Claim {
    /// Whether another phase may begin under this lease.
    pub(super) fn is_fresh(&self, now: DateTime<Utc>) -> bool {
        now - self.at < chrono::Duration::seconds(FRESH_SECONDS)
    }
}

/// A promotion with rules that are due, and what was just seen of its objects.
pub(super) struct Due {
    pub(super) promotion: Promotion,
    pub(super) seen: Sight,
}

/// What became of a work: what there is to measure, where it went well.
type Worked = Result<Option<Box<Due>>, String>;

/// The running works.
pub(super) struct Works {
    engine: Engine,
    tasks: JoinSet<(PromotionId, Worked)>,
    measures: JoinSet<PromotionId>,
    /// Those that are measured now.
    measured: HashSet<PromotionId>,
    /// The places to measure in.
    places: Arc<Semaphore>,
    /// Each with the claim to go on with when it has ended, where there is one.
    running: HashMap<PromotionId, Option<Claim>>,
    /// How often the work on a promotion failed in a row.
    failures: HashMap<PromotionId, u32>,
    renewed_at: DateTime<Utc>,
}

impl Works {
    pub(super) fn new(engine: &Engine) -> Self {
        Self {
            engine: engine.clone(),
            tasks: JoinSet::new(),
            measures: JoinSet::new(),
            measured: HashSet::new(),
            places: Arc::new(Semaphore::new(MEASURED_AT_ONCE)),
            running: HashMap::new(),
            failures: HashMap::new(),
            renewed_at: engine.now(),
        }
    }

    /// Claims what is due, as far as there are places, and begins the work on it; answers how many.
    ///
    /// # Errors
    /// The store's trouble; works that run go on.
    pub(super) async fn begin_due(&mut self) -> Answer<usize> {
        let asked_at = self.engine.now().timestamp();
        let begun = self.claim_due().await;
        // Every claim writes, also where nothing is due: a store that can only be read is noticed here.
        let since = &self.engine.vitals().unwritable_since;
        match &begun {
            Ok(Some(_)) => since.store(0, Ordering::Relaxed),
            // Without a place nothing was claimed.
            Ok(None) => {}
            Err(_) if since.load(Ordering::Relaxed) > 0 => {}
            Err(_) => since.store(asked_at, Ordering::Relaxed),
        }
        begun.map(Option::unwrap_or_default)
    }

    /// The same; `None` where there is no place for any.
    async fn claim_due(&mut self) -> Answer<Option<usize>> {
        self.renew().await?;
        let engine = &self.engine;
        let free = AT_ONCE.saturating_sub(self.tasks.len());
        if free == 0 {
            return Ok(None);
        }
        let now = engine.now();
        let until = now + chrono::Duration::seconds(LEASE_SECONDS);
        let mut tx = engine.store().begin().await.or_fail(engine)?;
        let limit = u32::try_from(free).unwrap_or(u32::MAX);
        let due = tx.claim_promotions(engine.owner(), now, until, limit).await.or_fail(engine)?;
        tx.commit().await.or_fail(engine)?;
        let begun = due.len();
        for id in due {
            self.begin(Claim { id, at: now });
        }
        let vitals = self.engine.vitals();
        vitals.passes.fetch_add(1, Ordering::Relaxed);
        vitals.looked_at.fetch_add(u64::try_from(begun).unwrap_or(u64::MAX), Ordering::Relaxed);
        vitals.last_pass.store(now.timestamp(), Ordering::Relaxed);
        Ok(Some(begun))
    }

    /// Renews the leases of the works that run, when it is time to.
    async fn renew(&mut self) -> Answer<()> {
        let engine = &self.engine;
        let now = engine.now();
        if self.running.is_empty() || now - self.renewed_at < chrono::Duration::seconds(RENEW_EVERY_SECONDS) {
            return Ok(());
        }
        let until = now + chrono::Duration::seconds(LEASE_SECONDS);
        let mut tx = engine.store().begin().await.or_fail(engine)?;
        tx.renew_leases(engine.owner(), until).await.or_fail(engine)?;
        tx.commit().await.or_fail(engine)?;
        self.renewed_at = now;
        Ok(())
    }

    /// Begins a work; where one on the same promotion has given its lease back but was not settled yet,
    /// or has outlasted its lease, as soon as that is settled: a claim that nobody works on would hold
    /// the promotion up until its lease ends.
    fn begin(&mut self, claim: Claim) {
        match self.running.entry(claim.id) {
            Entry::Occupied(mut running) => *running.get_mut() = Some(claim),
            Entry::Vacant(free) => {
                free.insert(None);
                self.tasks.spawn(work(self.engine.clone(), claim));
            }
        }
    }

    /// Waits until a work, or a measuring, has ended; for ever when there is none.
    pub(super) async fn one_ended(&mut self) {
        tokio::select! {
            Some(ended) = self.tasks.join_next() => self.settle(ended).await,
            Some(ended) = self.measures.join_next() => self.settle_measured(ended),
            else => std::future::pending().await,
        }
        while let Some(ended) = self.tasks.try_join_next() {
            self.settle(ended).await;
        }
        while let Some(ended) = self.measures.try_join_next() {
            self.settle_measured(ended);
        }
    }

    /// Waits until every work has ended, and what they have to measure is measured.
    pub(super) async fn all_ended(&mut self) {
        while !self.tasks.is_empty() || !self.measures.is_empty() {
            self.one_ended().await;
        }
    }

    /// Measures what a work has found due, unless that is being measured already.
    fn measure(&mut self, due: Due) {
        let id = due.promotion.id;
        if self.measured.insert(id) {
            self.measures.spawn(measure(self.engine.clone(), Arc::clone(&self.places), due));
        }
    }

    fn settle_measured(&mut self, ended: Result<PromotionId, tokio::task::JoinError>) {
        // A measuring catches its own panics, so a task fails only when the runtime ends.
        if let Ok(id) = ended {
            self.measured.remove(&id);
        }
    }

    async fn settle(&mut self, ended: Result<(PromotionId, Worked), tokio::task::JoinError>) {
        // A work catches its own panics, so a task fails only when the runtime ends.
        let Ok((id, result)) = ended else { return };
        let again = self.running.remove(&id).flatten();
        let result = result.map(|due| due.into_iter().for_each(|due| self.measure(*due)));
        let Err(why) = result else {
            self.failures.remove(&id);
            if let Some(claim) = again {
                self.begin(claim);
            }
            return;
        };
        let failures = self.failures.entry(id).or_default();
        *failures = failures.saturating_add(1);
        let failures = *failures;
        self.engine.vitals().failures.fetch_add(1, Ordering::Relaxed);
        let wait = (1_i64 << failures.min(9)).min(LONGEST_WAIT_SECONDS);
        tracing::error!(
            promotion.id = %id,
            error.message = why,
            work.failures = failures,
            wait_s = wait,
            "the work on a promotion failed; it is put off and tried again"
        );
        if let Err(error) = self.engine.put_off_promotion(id, wait).await {
            tracing::warn!(promotion.id = %id, error.message = %error, "its lease could not be given back; it ends by itself");
        }
    }
}

/// One work from its claim to its release.
async fn work(engine: Engine, claim: Claim) -> (PromotionId, Worked) {
    let worked = AssertUnwindSafe(engine.work_on(claim)).catch_unwind().await;
    let result = match worked {
        Ok(Ok(due)) => engine.release_with(claim.id, due).await.map_err(|e| e.to_string()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("a defect: it panicked".to_owned()),
    };
    (claim.id, result)
}

/// Measures a promotion when there is a place for it.
async fn measure(engine: Engine, places: Arc<Semaphore>, due: Due) -> PromotionId {
    let id = due.promotion.id;
    let measured = async {
        // The places are never closed.
        let _place = places.acquire().await;
        engine.measure(due.promotion, &due.seen).await
    };
    let why = match AssertUnwindSafe(measured).catch_unwind().await {
        Ok(Ok(_)) => return id,
        Ok(Err(error)) => error.to_string(),
        Err(_) => "a defect: it panicked".to_owned(),
    };
    engine.vitals().failures.fetch_add(1, Ordering::Relaxed);
    tracing::error!(promotion.id = %id, error.message = why, "a promotion could not be measured; it is tried again");
    id
}

impl Engine {
    /// Gives the lease back. What is due to be measured is looked at again while it is measured as often as
    /// any live promotion, and no sooner for being due.
    async fn release_with(&self, id: PromotionId, due: Option<Box<Due>>) -> Answer<Option<Box<Due>>> {
        let mut tx = self.store().begin().await.or_fail(self)?;
        if let Some(due) = &due {
            let now = tx.load_promotion(id).await.or_fail(self)?;
            if let Some(now) = now.filter(|now| now.promotion.place() == due.promotion.place()) {
                let look = self.now() + chrono::Duration::seconds(LOOK_EVERY_SECONDS);
                tx.postpone_promotion(id, now.revision, Some(look)).await.or_fail(self)?;
            }
        }
        tx.release_promotion(id, self.owner()).await.or_fail(self)?;
        tx.commit().await.or_fail(self)?;
        Ok(due)
    }

    /// Gives the lease back and has the promotion looked at again after so many seconds.
    pub(super) async fn put_off_promotion(&self, id: PromotionId, seconds: i64) -> Answer<()> {
        let until = self.now() + chrono::Duration::seconds(seconds);
        let mut tx = self.store().begin().await.or_fail(self)?;
        tx.put_off_promotion(id, self.owner(), until).await.or_fail(self)?;
        tx.commit().await.or_fail(self)
    }
}
