//! What says the shares of traffic in the practice cluster, as far as a reader of Kubernetes sees it:
//! an object with a share, which its layer accepts after a moment.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    aside::Aside,
    names::Namespace,
    observation::{Manager, Stamp, WorkloadRef},
    traffic::{RouteObservation, RouteObserved, TrafficLayer, Weight},
};
use ports::{ApplyOutcome, ClusterError, Judgement, Route, RouteChange};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    cluster::{Inner, PracticeCluster},
    seed::PracticeError,
    state::{AcceptedWrite, State, Writer},
};

/// How long a layer takes to do what its object says.
const ACCEPTED_AFTER_MS: i64 = 300;

/// An object that says shares; of each Service that it sends to, one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PracticeRoute {
    uid: String,
    /// By the Service whose candidate gets the share.
    #[serde(default)]
    shares: BTreeMap<String, Share>,
    #[serde(alias = "written_at")]
    made_at: DateTime<Utc>,
    manager: Option<Manager>,
    /// What the layer says instead of accepting.
    complaint: Option<String>,
}

/// What an object gives to one candidate.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Share {
    weight: Weight,
    aside: Aside,
    written_at: DateTime<Utc>,
    stamp: Option<Stamp>,
}

pub(crate) fn key(namespace: &Namespace, layer: &TrafficLayer) -> String {
    format!("{namespace}/{}", layer.words())
}

/// Whose share it is.
pub(crate) fn service(layer: &TrafficLayer) -> String {
    layer.service().map(ToString::to_string).unwrap_or_default()
}

/// What such an object says before anything is tried: everything goes to the Service.
fn rules(layer: &TrafficLayer) -> serde_json::Value {
    let service = service(layer);
    match layer {
        TrafficLayer::GatewayApi { .. } => json!([{"backendRefs": [{"name": service, "port": 80}]}]),
        TrafficLayer::Istio { .. } => json!([{"route": [{"destination": {"host": service}}]}]),
        TrafficLayer::Selector { .. } | TrafficLayer::Replicas | TrafficLayer::IngressNginx { .. } => {
            json!({"app": service})
        }
    }
}

impl PracticeRoute {
    fn observe(&self, layer: &TrafficLayer, now: DateTime<Utc>, ready: Option<u32>) -> RouteObservation {
        // The layer takes up the object as a whole.
        let written_at = self.shares.values().map(|share| share.written_at).max().unwrap_or(self.made_at);
        let is_accepted = self.complaint.is_none() && now >= written_at + TimeDelta::milliseconds(ACCEPTED_AFTER_MS);
        let share = self.shares.get(&service(layer));
        RouteObservation {
            uid: self.uid.clone(),
            weight: self.share(&service(layer)),
            aside: self.aside(&service(layer)),
            is_accepted,
            complaint: self.complaint.clone(),
            unfit: None,
            candidate_endpoints: ready,
            rules: rules(layer),
            stamp: share.and_then(|share| share.stamp),
            manager: self.manager.clone(),
        }
    }

    /// The share of the candidate beside a Service.
    pub(crate) fn share(&self, service: &str) -> Weight {
        self.shares.get(service).map_or(Weight::NONE, |share| share.weight)
    }

    /// What that candidate gets beside its share.
    fn aside(&self, service: &str) -> Aside {
        self.shares.get(service).map_or(Aside::NOTHING, |share| share.aside.clone())
    }

    fn share_mut(&mut self, layer: &TrafficLayer) -> &mut Share {
        let new = Share { weight: Weight::NONE, aside: Aside::NOTHING, written_at: self.made_at, stamp: None };
        self.shares.entry(service(layer)).or_insert(new)
    }
}

impl Inner {
    pub(crate) fn observe_route_now(&self, route: &Route) -> std::io::Result<RouteObserved> {
        self.read(|state, now| {
            let ready = self.ready_pods(state, now, &route.candidate);
            match state.routes.get(&key(&route.stable.namespace, &route.layer)) {
                Some(found) => RouteObserved::Present(Box::new(found.observe(&route.layer, now, ready))),
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
    if let Judgement::Answer(outcome) = change.judge(&found.observe(&change.route.layer, now, None))? {
        return Ok(outcome);
    }
    let share = found.share_mut(&change.route.layer);
    if share.weight != change.weight || share.aside != change.aside {
        share.written_at = now;
    }
    share.weight = change.weight;
    share.aside = change.aside.clone();
    share.stamp = Some(change.stamp);
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
                shares: BTreeMap::new(),
                made_at: now - TimeDelta::milliseconds(ACCEPTED_AFTER_MS),
                manager: None,
                complaint: None,
            };
            (state.routes.insert(key(namespace, layer), route), true)
        })?;
        Ok(())
    }

    /// The share that an object gives to the candidate beside the layer's Service; `None` when the object
    /// is not there.
    ///
    /// # Errors
    /// [`PracticeError::Storage`].
    pub fn share(&self, namespace: &Namespace, layer: &TrafficLayer) -> Result<Option<Weight>, PracticeError> {
        let key = key(namespace, layer);
        let share = |route: &PracticeRoute| route.share(&service(layer));
        Ok(self.inner.read(|state, _| state.routes.get(&key).map(share))?)
    }

    /// What an object gives to the candidate beside the layer's Service, its share aside; `None` when it
    /// is not there.
    ///
    /// # Errors
    /// [`PracticeError::Storage`].
    pub fn aside(&self, namespace: &Namespace, layer: &TrafficLayer) -> Result<Option<Aside>, PracticeError> {
        let key = key(namespace, layer);
        let aside = |route: &PracticeRoute| route.aside(&service(layer));
        Ok(self.inner.read(|state, _| state.routes.get(&key).map(aside))?)
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
        self.disturb_route(namespace, layer, |route| route.share_mut(layer).weight = weight)
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
