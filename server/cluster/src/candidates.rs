//! Making, growing and removing the candidate of a workload: a second Deployment, and a Service where
//! a layer sends traffic to one. Objects of others are never touched, whatever their name.
//!
//! On the way up the Service comes first, on the way down it goes first: the Deployment, by which a
//! change is judged, is as wanted only when the Service is.

use std::collections::BTreeMap;

use domain::{
    names::{Namespace, WorkloadName},
    observation::{WorkloadObservation, WorkloadRef},
    traffic::TrafficLayer,
};
use kube::{Api, api::DynamicObject, core::ApiResource};
use ports::{ApplyOutcome, CandidateChange, CandidateFound, ClusterError, Judgement, NamespaceScope, judge_made};
use serde_json::{Value, json};

use crate::{
    candidate_objects,
    connect::KubeCluster,
    error::sort,
    objects::{CANDIDATE_OF, Edit, deployments, made_stamp, patiently, services},
    observe::list,
    records::WorkloadRecord,
    sides::{Sides, labels_at},
};

impl KubeCluster {
    pub(crate) async fn list_candidates(&self, scope: &NamespaceScope) -> Result<Vec<CandidateFound>, ClusterError> {
        let mut found = BTreeMap::new();
        // A Service may be left alone; where both are there, the Deployment's mark counts.
        for (kind, is_needed) in [(services(), false), (deployments(), true)] {
            for api in self.objects_in(&kind, scope) {
                let objects = match list(&api, Some(CANDIDATE_OF)).await.map_err(|e| sort(&e)) {
                    Ok(objects) => objects,
                    // Whoever leaves out the role for candidates has none.
                    Err(ClusterError::Forbidden(_)) if !is_needed => continue,
                    Err(error) => return Err(error),
                };
                for object in &objects {
                    let (Some(candidate), Some(stamp)) = (named(object), made_stamp(object)) else { continue };
                    found.insert(candidate, stamp);
                }
            }
        }
        Ok(found.into_iter().map(|(candidate, stamp)| CandidateFound { candidate, stamp }).collect())
    }

    fn objects_in(&self, kind: &ApiResource, scope: &NamespaceScope) -> Vec<Api<DynamicObject>> {
        match scope {
            NamespaceScope::All => vec![Api::all_with(self.client().clone(), kind)],
            NamespaceScope::Only(namespaces) => namespaces.iter().map(|n| self.objects(kind, n.as_str())).collect(),
        }
    }

    pub(crate) async fn apply_candidate_change(&self, change: &CandidateChange) -> Result<ApplyOutcome, ClusterError> {
        patiently(|| self.try_candidate(change)).await
    }

    async fn try_candidate(&self, change: &CandidateChange) -> Result<ApplyOutcome, ClusterError> {
        let candidate = &change.route.candidate;
        let object = self.find(&deployments(), candidate.namespace.as_str(), candidate.name.as_str()).await?;
        let seen = object.as_ref().map(seen).transpose()?;
        match (change.judge(seen.as_ref()), object) {
            // Somebody may have deleted the Deployment alone.
            (Judgement::Answer(ApplyOutcome::Unchanged), None) => {
                let was_there = self.remove_service(change).await?;
                Ok(if was_there { ApplyOutcome::Written } else { ApplyOutcome::Unchanged })
            }
            (Judgement::Answer(outcome), _) => Ok(outcome),
            (Judgement::Write, Some(object)) if change.pods == 0 => {
                self.remove_service(change).await?;
                self.delete(&deployments(), candidate.namespace.as_str(), &object).await?;
                Ok(ApplyOutcome::Written)
            }
            (Judgement::Write, object) => self.write_candidate(change, seen.as_ref().zip(object.as_ref())).await,
        }
    }

    /// Makes the candidate as wanted, from the stable objects as they are now.
    async fn write_candidate(
        &self,
        change: &CandidateChange,
        there: Option<(&WorkloadObservation, &DynamicObject)>,
    ) -> Result<ApplyOutcome, ClusterError> {
        let (stable, namespace) = (&change.route.stable, change.route.stable.namespace.as_str());
        let Some(object) = self.find(&deployments(), namespace, stable.name.as_str()).await? else {
            return Err(ClusterError::Invalid(format!("{stable} is not there to make a candidate of")));
        };
        let record = WorkloadRecord::new(object.clone()).map_err(ClusterError::Invalid)?;
        change.check_containers(record.without_pods())?;
        let service = self.stable_service(&change.route.layer, namespace).await?;
        let track = change.route.track;
        let sides = service.as_ref().map(|service| Sides::of(service, &object, track)).transpose();
        let sides = sides.map_err(ClusterError::Invalid)?;
        if let (Some(service), Some(sides)) = (&service, &sides)
            && let Some(outcome) = self.write_service(change, service, sides).await?
        {
            return Ok(outcome);
        }
        let wanted = candidate_objects::deployment(&object, sides.as_ref(), change);
        match there {
            None => drop(self.make(&deployments(), namespace, wanted).await?),
            Some((seen, object)) => {
                let name = change.route.candidate.name.as_str();
                self.edit(&deployments(), namespace, name, grown(change, seen, object, &wanted)?).await?;
            }
        }
        Ok(ApplyOutcome::Written)
    }

    /// The Service whose traffic is moved, where the layer has one.
    async fn stable_service(
        &self,
        layer: &TrafficLayer,
        namespace: &str,
    ) -> Result<Option<DynamicObject>, ClusterError> {
        let Some(name) = layer.service() else { return Ok(None) };
        let found = self.find(&services(), namespace, name.as_str()).await?;
        let Some(found) = found else {
            return Err(ClusterError::Invalid(format!(
                "Service {namespace}/{name} is not there; create it or correct the target's traffic"
            )));
        };
        Ok(Some(found))
    }

    /// Makes the candidate's Service, or brings one of ours up to date; answers when it is not ours.
    async fn write_service(
        &self,
        change: &CandidateChange,
        stable: &DynamicObject,
        sides: &Sides,
    ) -> Result<Option<ApplyOutcome>, ClusterError> {
        let (namespace, name) = (change.route.candidate.namespace.as_str(), change.route.candidate.name.as_str());
        let wanted = candidate_objects::service(stable, sides, change);
        let Some(there) = self.find(&services(), namespace, name).await? else {
            self.make(&services(), namespace, wanted).await?;
            return Ok(None);
        };
        if let Judgement::Answer(outcome) = judge_made(made_stamp(&there), change.stamp) {
            return Ok(Some(outcome));
        }
        let mut edit = Edit::of(there.metadata.resource_version.as_deref());
        for field in ["selector", "ports"] {
            let pointer = format!("/spec/{field}");
            if let Some(wanted) = wanted.pointer(&pointer).filter(|wanted| there.data.pointer(&pointer) != Some(wanted))
            {
                edit.set(pointer, wanted.clone());
            }
        }
        edit.mark(there.metadata.annotations.is_some(), change.stamp, &change.change_cause);
        self.edit(&services(), namespace, name, edit).await?;
        Ok(None)
    }

    /// Deletes the candidate's Service when it is ours; answers whether it was there.
    async fn remove_service(&self, change: &CandidateChange) -> Result<bool, ClusterError> {
        if change.route.layer.service().is_none() {
            return Ok(false);
        }
        let (namespace, name) = (change.route.candidate.namespace.as_str(), change.route.candidate.name.as_str());
        let Some(there) = self.find(&services(), namespace, name).await? else { return Ok(false) };
        if judge_made(made_stamp(&there), change.stamp) != Judgement::Write {
            return Ok(false);
        }
        self.delete(&services(), namespace, &there).await?;
        Ok(true)
    }
}

fn named(object: &DynamicObject) -> Option<WorkloadRef> {
    let namespace = Namespace::parse(object.metadata.namespace.as_deref()?).ok()?;
    let name = WorkloadName::parse(object.metadata.name.as_deref()?).ok()?;
    Some(WorkloadRef::deployment(namespace, name))
}

/// What a Deployment of the candidate's name shows.
fn seen(object: &DynamicObject) -> Result<WorkloadObservation, ClusterError> {
    let record = WorkloadRecord::new(object.clone()).map_err(ClusterError::Invalid)?;
    let mut seen = record.without_pods().clone();
    seen.stamp = made_stamp(object);
    Ok(seen)
}

/// The patch that makes a candidate of ours as wanted. One that a former promotion left is made from
/// the workload anew.
fn grown(
    change: &CandidateChange,
    seen: &WorkloadObservation,
    object: &DynamicObject,
    wanted: &Value,
) -> Result<Edit, ClusterError> {
    let mut edit = Edit::of(Some(&seen.resource_version));
    edit.set("/spec/replicas", json!(change.pods));
    if seen.stamp.is_some_and(|stamp| stamp.promotion == change.stamp.promotion) {
        for (pointer, wanted) in ports::template_places(&seen.template, &change.images) {
            edit.set(format!("/spec/template{pointer}/image"), json!(wanted.image));
        }
    } else {
        let pods = labels_at(wanted, "/spec/template/metadata/labels");
        let selector = labels_at(&object.data, "/spec/selector/matchLabels");
        if !crate::sides::selects(&selector, &pods) {
            // A Deployment's selector cannot be changed.
            return Err(ClusterError::Invalid(format!(
                "{} is left from a former promotion and selects other pods than {} has now; delete it, then promote \
                 again",
                change.route.candidate, change.route.stable
            )));
        }
        edit.set("/spec/template", wanted.pointer("/spec/template").cloned().unwrap_or_default());
    }
    edit.mark(object.metadata.annotations.is_some(), change.stamp, &change.change_cause);
    Ok(edit)
}
