//! What promotions that are over have left in clusters. A candidate that gets no traffic any more is
//! removed, whoever made it last: the promotion itself before an answer was lost, or a worker that stood
//! still for long. Traffic that still goes to one goes home before anything is rolled out beside it.
//!
//! Everything is fenced by the marks that were found: what a later promotion has taken over stays, and so
//! does what no promotion of this Slipway has made.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use chrono::{DateTime, Utc};
use contract::Answer;
use domain::{
    actor::Identity,
    aside::Aside,
    ids::ClusterId,
    observation::{Observed, Stamp, WorkloadRef},
    promotion::{
        DRAIN_SECONDS, Input, JournalEntry, JournalEvent, Phase, Promotion, RefusedWrite, Run, Sight, WorkloadPlan,
        WritePart,
    },
    traffic::{RouteObserved, Weight},
};
use ports::{
    ApplyOutcome, CandidateChange, CandidateFound, Cluster, ClusterError, NamespaceScope, RouteChange, sides_of,
};
use store::{Entity, StoreError};
use tokio_util::sync::CancellationToken;

use super::field::patiently;
use crate::{Engine, error::OrFail, inventory::scope_of};

/// Pause between looks for what was left.
const PERIOD: Duration = Duration::from_secs(60);

/// Since when a candidate that was left has been seen without traffic, with its mark.
#[derive(Debug, Default)]
pub(crate) struct Idle(Mutex<IdleSince>);

type IdleSince = HashMap<(ClusterId, WorkloadRef), (Stamp, DateTime<Utc>)>;

impl Idle {
    /// Takes note of what is idle in a cluster now; answers what has been for long enough for connections
    /// to end.
    fn note(&self, cluster: ClusterId, idle: Vec<Left>, now: DateTime<Utc>) -> Vec<Left> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::take(&mut *known);
        known.extend(before.iter().filter(|((at, _), _)| *at != cluster).map(|(key, since)| (key.clone(), *since)));
        let mut ready = Vec::new();
        for left in idle {
            let (key, stamp) = ((cluster, left.found.candidate.clone()), left.found.stamp);
            let since = before.get(&key).filter(|(known, _)| *known == stamp).map_or(now, |(_, since)| *since);
            known.insert(key, (stamp, since));
            if now >= since + chrono::Duration::seconds(DRAIN_SECONDS) {
                ready.push(left);
            }
        }
        ready
    }
}

/// What a promotion that is over has left.
struct Left {
    found: CandidateFound,
    promotion: Promotion,
    planned: WorkloadPlan,
}

impl Engine {
    /// Looks for what was left until cancelled.
    pub(crate) async fn sweep_for_ever(&self, cancel: CancellationToken) {
        loop {
            tokio::select! {
                () = cancel.cancelled() => return,
                () = tokio::time::sleep(PERIOD) => {}
            }
            if let Err(error) = self.sweep().await {
                tracing::warn!(error.message = %error, "what promotions have left could not be looked for; it is tried again");
            }
        }
    }

    /// Looks once for candidates that promotions which are over have left, and removes those that have had
    /// no traffic for as long as connections take to end. What a cluster does not answer is left for the
    /// next time.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn sweep(&self) -> Result<(), StoreError> {
        for cluster in self.connected_clusters().await? {
            self.sweep_jobs(&cluster).await?;
            let swept = async {
                let handle = self.clusters().handle(cluster.id).await?;
                let found = patiently(handle.candidates(&scope_of(&cluster))).await?;
                Ok::<_, ClusterError>((handle, found))
            };
            let (handle, found) = match swept.await {
                Ok(answer) => answer,
                Err(error) => {
                    tracing::debug!(cluster.id = %cluster.id, error.message = %error, "candidates could not be listed");
                    continue;
                }
            };
            let mut idle = Vec::new();
            for found in found {
                let Some(left) = self.left(cluster.id, found).await? else { continue };
                match is_idle(&*handle, &left).await {
                    Ok(true) => idle.push(left),
                    Ok(false) => {}
                    Err(error) => {
                        tracing::debug!(cluster.id = %cluster.id, error.message = %error, "a candidate could not be looked at");
                    }
                }
            }
            for left in self.idle().note(cluster.id, idle, self.now()) {
                self.remove_left(&*handle, &left).await?;
            }
        }
        Ok(())
    }

    /// The promotion that has left a candidate, when it is over and no other is at work there.
    async fn left(&self, cluster: ClusterId, found: CandidateFound) -> Result<Option<Left>, StoreError> {
        let mut read = self.store().read().await?;
        let Some(loaded) = read.promotion(found.stamp.promotion).await? else { return Ok(None) };
        let promotion = loaded.promotion;
        let is_done = promotion.is_over() || matches!(promotion.phase, Phase::Watching { .. });
        if !is_done || promotion.target != found.stamp.target || read.occupant(promotion.target).await?.is_some() {
            return Ok(None);
        }
        let is_its = |planned: &&WorkloadPlan| {
            let candidate = planned.candidate.as_ref().map(|candidate| &candidate.workload);
            planned.placed.cluster == cluster && candidate == Some(&found.candidate)
        };
        let planned = promotion.plan.workloads.iter().find(is_its).cloned();
        Ok(planned.map(|planned| Left { found, promotion, planned }))
    }

    async fn remove_left(&self, cluster: &dyn Cluster, left: &Left) -> Result<(), StoreError> {
        let Some(route) = sides_of(&left.promotion, &left.planned) else { return Ok(()) };
        let number = left.promotion.number;
        let change = CandidateChange {
            route,
            stamp: left.found.stamp,
            images: left.planned.images.clone(),
            pods: 0,
            change_cause: format!("slipway removes what promotion {number} has left"),
        };
        match patiently(cluster.apply_candidate(&change)).await {
            Ok(ApplyOutcome::Written) => {}
            Ok(outcome) => {
                tracing::debug!(promotion.number = number, ?outcome, "a candidate that was left stays");
                return Ok(());
            }
            Err(error) => {
                tracing::warn!(promotion.number = number, error.message = %error, "a candidate that was left could not be removed; it is tried again");
                return Ok(());
            }
        }
        let next = format!("{} was left, gets no traffic, and is removed", left.found.candidate.name);
        tracing::info!(promotion.number = number, candidate = %left.found.candidate, "removed a candidate that was left");
        self.note_left(&left.promotion, next).await
    }

    pub(super) async fn note_left(&self, promotion: &Promotion, next: String) -> Result<(), StoreError> {
        let event = JournalEvent::Moves { next };
        let entry = JournalEntry { at: self.now(), by: Identity::rule("leftovers"), event };
        let mut tx = self.store().begin().await?;
        tx.append_journal(promotion.id, &[entry]).await?;
        tx.signal(Entity::Promotion, promotion.id.uuid(), 0);
        tx.commit().await
    }

    /// Sends the traffic home that a former promotion has left on a candidate, before a promotion without
    /// one starts; answers what to say to the promotion when that cannot be.
    pub(super) async fn traffic_home(&self, promotion: &Promotion) -> Answer<Option<Input>> {
        let Phase::Starting { run } = &promotion.phase else { return Ok(None) };
        if promotion.plan.strategy.candidate().is_some() {
            return Ok(None);
        }
        for planned in &promotion.plan.workloads {
            let trouble = |error: &ClusterError| {
                let trouble = Some(format!("cluster {}: {error}", planned.cluster_name));
                Some(Input::Observed(Sight { trouble, ..Sight::default() }))
            };
            let handle = match self.clusters().handle(planned.placed.cluster).await {
                Ok(handle) => handle,
                Err(error) => return Ok(trouble(&error)),
            };
            let scope = NamespaceScope::Only(vec![planned.placed.workload.namespace.clone()]);
            let found = match patiently(handle.candidates(&scope)).await {
                Ok(found) => found,
                Err(error) => return Ok(trouble(&error)),
            };
            for found in found.into_iter().filter(|found| found.stamp.target == promotion.target) {
                let loaded =
                    self.store().read().await.or_fail(self)?.promotion(found.stamp.promotion).await.or_fail(self)?;
                let Some(former) = loaded.map(|loaded| loaded.promotion) else { continue };
                match home(&*handle, promotion, run, planned, &former).await {
                    Ok(None) => {}
                    Ok(Some(Moved::Home(words))) => self.note_left(promotion, words).await.or_fail(self)?,
                    Ok(Some(Moved::Not(message))) => {
                        let (placed, part) = (planned.placed.clone(), WritePart::Route);
                        let writes = vec![RefusedWrite { placed, part, words: message }];
                        return Ok(Some(Input::RefusedByCluster { generation: run.generation, writes }));
                    }
                    Err(error) => return Ok(trouble(&error)),
                }
            }
        }
        Ok(None)
    }
}

/// What became of traffic that was left on a candidate.
enum Moved {
    /// It went home.
    Home(String),
    /// It stays, and why, with what to do.
    Not(String),
}

/// Sends home what `former` has left of a workload's traffic on its candidate.
async fn home(
    cluster: &dyn Cluster,
    promotion: &Promotion,
    run: &Run,
    planned: &WorkloadPlan,
    former: &Promotion,
) -> Result<Option<Moved>, ClusterError> {
    let left = former.plan.workloads.iter().find(|one| one.placed == planned.placed);
    let route = left.and_then(|left| sides_of(former, left)).filter(|route| route.layer.has_route());
    let Some(route) = route else { return Ok(None) };
    let RouteObserved::Present(seen) = patiently(cluster.observe_route(&route)).await? else { return Ok(None) };
    if seen.weight == Weight::NONE && seen.aside.is_nothing() && seen.unfit.is_none() {
        return Ok(None);
    }
    let (object, name, share) = (route.layer.words(), route.candidate.name.clone(), seen.weight);
    let ready = |observed: Observed| match observed {
        Observed::Present(seen) => seen.ready_replicas,
        Observed::Missing => 0,
    };
    let on_stable = ready(patiently(cluster.observe(&route.stable)).await?);
    let on_candidate = ready(patiently(cluster.observe(&route.candidate)).await?);
    let stays = |why: String| {
        Ok(Some(Moved::Not(format!(
            "{object} gives {share} to {name}, which promotion {} has left, and {why}; set it to 0 by hand, then ask again",
            former.number
        ))))
    };
    if let Some(why) = seen.unfit {
        return stays(why);
    }
    if on_stable == 0 && on_candidate > 0 {
        return stays(format!("no pod of {} is ready, {on_candidate} of {name}", route.stable.name));
    }
    let saved = former.run().and_then(|run| run.saved_routes.iter().find(|saved| saved.placed == planned.placed));
    let change = RouteChange {
        stamp: Stamp {
            target: promotion.target,
            promotion: promotion.id,
            sequence: run.sequence,
            generation: run.generation,
        },
        weight: Weight::NONE,
        aside: Aside::NOTHING,
        over: vec![share],
        saved: saved.map(|saved| saved.rules.clone()).unwrap_or_default(),
        change_cause: format!(
            "slipway promotion {} sends home what promotion {} has left",
            promotion.number, former.number
        ),
        route,
    };
    match patiently(cluster.apply_route(&change)).await {
        Ok(ApplyOutcome::Written | ApplyOutcome::Unchanged) => Ok(Some(Moved::Home(format!(
            "{object} gave {share} to {name}, which promotion {} has left; all traffic goes home first",
            former.number
        )))),
        Ok(ApplyOutcome::Missing) => Ok(None),
        Ok(ApplyOutcome::Managed(manager)) => stays(format!("it belongs to {}", manager.words())),
        Ok(ApplyOutcome::ChangedByOthers | ApplyOutcome::Overtaken(_)) => Err(ClusterError::Conflict),
        Err(ClusterError::Invalid(why)) => stays(why),
        Err(error) => Err(error),
    }
}

/// Whether nothing needs a candidate that was left: it gets no share or, where pods' numbers are the
/// shares, what serves is whole without it.
async fn is_idle(cluster: &dyn Cluster, left: &Left) -> Result<bool, ClusterError> {
    let Some(route) = sides_of(&left.promotion, &left.planned) else { return Ok(false) };
    if !route.layer.has_route() {
        return Ok(match patiently(cluster.observe(&route.stable)).await? {
            Observed::Present(seen) => seen.wanted_replicas > 0 && seen.ready_replicas >= seen.wanted_replicas,
            Observed::Missing => false,
        });
    }
    Ok(match patiently(cluster.observe_route(&route)).await? {
        RouteObserved::Present(seen) => seen.weight == Weight::NONE && seen.aside.is_nothing() && seen.unfit.is_none(),
        RouteObserved::Missing => true,
    })
}
