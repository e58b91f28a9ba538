//! What says the shares of traffic in the practice cluster, as far as a reader of Kubernetes sees it:
//! an object with a share, which its layer accepts after a moment.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    aside::Aside,
    names::Namespace,
    observation::{Manager, Stamp, WorkloadRef},
    traffic::{RouteObservation, RouteObserved, TrafficLayer, Weight},
};
use ports::{ApplyOutcome, ClusterError, Judgement, Route, RouteChange};
use serde::{Deserialize, Serialize};

use crate::{
    cluster::{Inner, PracticeCluster},
    seed::PracticeError,
    state::{AcceptedWrite, State, Writer},
};

/// How long a layer takes to do what its object says.
const ACCEPTED_AFTER_MS: i64 = 300;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PracticeRoute {
    uid: String,
    pub(crate) weight: Weight,
    #[serde(default)]
    aside: Aside,
    written_at: DateTime<Utc>,
    stamp: Option<Stamp>,
    manager: Option<Manager>,
    /// What the layer says instead of accepting.
    complaint: Option<String>,
}

pub(crate) fn key(namespace: &Namespace, layer: &TrafficLayer) -> String {
    format!("{namespace}/{}", layer.words())
}

impl PracticeRoute {
    fn observe(&self, now: DateTime<Utc>, ready: Option<u32>) -> RouteObservation {
        let is_accepted =
            self.complaint.is_none() && now >= self.written_at + TimeDelta::milliseconds(ACCEPTED_AFTER_MS);
        RouteObservation {
            uid: self.uid.clone(),
            weight: self.weight,
            aside: self.aside.clone(),
            is_accepted,
            complaint: self.complaint.clone(),
            unfit: None,
            candidate_endpoints: ready,
            rules: serde_json::json!({}),
            stamp: self.stamp,
            manager: self.manager.clone(),
        }
    }
}

impl Inner {
    pub(crate) fn observe_route_now(&self, route: &Route) -> std::io::Result<RouteObserved> {
        self.read(|state, now| {
            let ready = self.ready_pods(state, now, &route.candidate);
            match state.routes.get(&key(&route.stable.namespace, &route.layer)) {
                Some(found) => RouteObserved::Present(Box::new(found.observe(now, ready))),
                None => RouteObserved::Missing,
            }
        })
    }

    fn ready_pods(&self, state: &mut State, now: DateTime<Utc>, candidate: &WorkloadRef) -> Option<u32> {
        state.get_mut(candidate).map(|deployment| self.observe(deployment, now).ready_replicas)
    }

    pub(crate) fn apply_route_now(&self, change: &RouteChange) -> std::io::Result<Result<ApplyOutcome, ClusterError>> {
        self.write(|state, now| {
            let outcome = apply_to(state, now, change);
            let has_written = outcome == Ok(ApplyOutcome::Written);
            (outcome, has_written)
        })
    }
}

fn apply_to(state: &mut State, now: DateTime<Utc>, change: &RouteChange) -> Result<ApplyOutcome, ClusterError> {
    let key = key(&change.route.stable.namespace, &change.route.layer);
    let Some(found) = state.routes.get_mut(&key) else {
        return Ok(ApplyOutcome::Missing);
    };
    if let Judgement::Answer(outcome) = change.judge(&found.observe(now, None))? {
        return Ok(outcome);
    }
    if found.weight != change.weight || found.aside != change.aside {
        found.written_at = now;
    }
    found.weight = change.weight;
    found.aside = change.aside.clone();
    found.stamp = Some(change.stamp);
    state.note(AcceptedWrite {
        at: now,
        workload: change.route.candidate.clone(),
        by: Writer::Slipway,
        stamp: Some(change.stamp),
        images: vec![],
        act: format!("weight {} {}", change.weight, change.aside.words()).trim_end().to_owned(),
    });
    Ok(ApplyOutcome::Written)
}

impl PracticeCluster {
    /// Makes the object that says the shares of a layer.
    ///
    /// # Errors
    /// [`PracticeError::Storage`].
    pub fn create_route(&self, namespace: &Namespace, layer: &TrafficLayer) -> Result<(), PracticeError> {
        self.inner.write(|state, now| {
            state.made += 1;
            let route = PracticeRoute {
                uid: format!("route-{}", state.made),
                weight: Weight::NONE,
                aside: Aside::NOTHING,
                written_at: now - TimeDelta::milliseconds(ACCEPTED_AFTER_MS),
                stamp: None,
                manager: None,
                complaint: None,
            };
            (state.routes.insert(key(namespace, layer), route), true)
        })?;
        Ok(())
    }

    /// The share that an object gives to the candidate; `None` when it is not there.
    ///
    /// # Errors
    /// [`PracticeError::Storage`].
    pub fn share(&self, namespace: &Namespace, layer: &TrafficLayer) -> Result<Option<Weight>, PracticeError> {
        let key = key(namespace, layer);
        Ok(self.inner.read(|state, _| state.routes.get(&key).map(|route| route.weight))?)
    }

    /// What an object gives to the candidate beside its share; `None` when it is not there.
    ///
    /// # Errors
    /// [`PracticeError::Storage`].
    pub fn aside(&self, namespace: &Namespace, layer: &TrafficLayer) -> Result<Option<Aside>, PracticeError> {
        let key = key(namespace, layer);
        Ok(self.inner.read(|state, _| state.routes.get(&key).map(|route| route.aside.clone()))?)
    }

    /// Somebody else sets the share.
    ///
    /// # Errors
    /// [`PracticeError::Storage`].
    pub fn set_share_by_other(
        &self,
        namespace: &Namespace,
        layer: &TrafficLayer,
        weight: Weight,
    ) -> Result<(), PracticeError> {
        self.disturb_route(namespace, layer, |route| route.weight = weight)
    }

    /// The layer accepts nothing any more and says so, or does again.
    ///
    /// # Errors
    /// [`PracticeError::Storage`].
    pub fn set_complaint(
        &self,
        namespace: &Namespace,
        layer: &TrafficLayer,
        complaint: Option<&str>,
    ) -> Result<(), PracticeError> {
        self.disturb_route(namespace, layer, |route| route.complaint = complaint.map(str::to_owned))
    }

    /// Somebody else deletes the object.
    ///
    /// # Errors
    /// [`PracticeError::Storage`].
    pub fn delete_route(&self, namespace: &Namespace, layer: &TrafficLayer) -> Result<(), PracticeError> {
        let key = key(namespace, layer);
        self.inner.write(|state, _| (state.routes.remove(&key), true))?;
        Ok(())
    }

    fn disturb_route(
        &self,
        namespace: &Namespace,
        layer: &TrafficLayer,
        act: impl FnOnce(&mut PracticeRoute),
    ) -> Result<(), PracticeError> {
        let key = key(namespace, layer);
        self.inner.write(|state, _| {
            let found = state.routes.get_mut(&key).map(act);
            (found, found.is_some())
        })?;
        Ok(())
    }
}
