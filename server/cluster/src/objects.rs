//! Objects that are not workloads, read as they are and changed by patches that name the resource
//! version that was read: kinds, requests, and what of an object is ours.

use std::time::Duration;

use domain::{ids::TargetId, observation::Stamp};
use k8s_openapi::{
    api::{apps::v1::Deployment, core::v1::Service, discovery::v1::EndpointSlice, networking::v1::Ingress},
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use kube::{
    Api,
    api::{DeleteParams, DynamicObject, Patch, PatchParams, PostParams, Preconditions, PropagationPolicy},
    core::ApiResource,
};
use ports::{ApplyOutcome, ClusterError};
use serde_json::{Map, Value, json};

use crate::{
    connect::KubeCluster,
    error::{bounded, is_missing, sort},
    marks,
};

/// How often a write is tried when the object changes under it. The Deployment controller updates
/// the status several times while pods come and go.
pub(crate) const TRIES: u32 = 6;

/// The first pause after a lost race; it grows with each.
pub(crate) const PAUSE: Duration = Duration::from_millis(40);

/// Who writes, in the object's managed fields.
pub(crate) const FIELD_MANAGER: &str = "slipway";

/// The label of everything that Slipway made for a candidate; its value is the workload's name.
pub(crate) const CANDIDATE_OF: &str = "slipway.dev/candidate-of";

/// The longest value of a label.
pub(crate) const LABEL_LENGTH: usize = 63;

pub(crate) fn deployments() -> ApiResource {
    ApiResource::erase::<Deployment>(&())
}

pub(crate) fn services() -> ApiResource {
    ApiResource::erase::<Service>(&())
}

pub(crate) fn ingresses() -> ApiResource {
    ApiResource::erase::<Ingress>(&())
}

/// A kind that is defined in the cluster, and may not be.
pub(crate) fn custom(group: &str, kind: &str, plural: &str) -> ApiResource {
    ApiResource {
        group: group.to_owned(),
        version: "v1".to_owned(),
        api_version: format!("{group}/v1"),
        kind: kind.to_owned(),
        plural: plural.to_owned(),
    }
}

/// Tries again while somebody else is quicker.
pub(crate) async fn patiently<F>(mut attempt: impl FnMut() -> F) -> Result<ApplyOutcome, ClusterError>
where
    F: Future<Output = Result<ApplyOutcome, ClusterError>>,
{
    for lost in 0..TRIES {
        match attempt().await {
            Err(ClusterError::Conflict) => tokio::time::sleep(PAUSE * (lost + 1)).await,
            done => return done,
        }
    }
    Err(ClusterError::Conflict)
}

impl KubeCluster {
    pub(crate) fn objects(&self, kind: &ApiResource, namespace: &str) -> Api<DynamicObject> {
        Api::namespaced_with(self.client().clone(), namespace, kind)
    }

    pub(crate) fn endpoint_slices(&self, namespace: &str) -> Api<EndpointSlice> {
        Api::namespaced(self.client().clone(), namespace)
    }

    /// The object; `None` when it is not there, or its kind is not.
    pub(crate) async fn find(
        &self,
        kind: &ApiResource,
        namespace: &str,
        name: &str,
    ) -> Result<Option<DynamicObject>, ClusterError> {
        match bounded(self.objects(kind, namespace).get(name)).await {
            Ok(object) => Ok(Some(object)),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(sort(&error)),
        }
    }

    /// Makes an object. One of its name that came meanwhile is a lost race.
    pub(crate) async fn make(
        &self,
        kind: &ApiResource,
        namespace: &str,
        object: Value,
    ) -> Result<DynamicObject, ClusterError> {
        let unreadable = |e: serde_json::Error| ClusterError::Invalid(format!("an object could not be made: {e}"));
        let object: DynamicObject = serde_json::from_value(object).map_err(unreadable)?;
        let params = PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() };
        bounded(self.objects(kind, namespace).create(&params, &object)).await.map_err(|e| sort(&e))
    }

    /// Patches an object with the resource version in `edit`, and answers what it is then. One that is gone is a lost race.
    pub(crate) async fn edit(
        &self,
        kind: &ApiResource,
        namespace: &str,
        name: &str,
        edit: Edit,
    ) -> Result<DynamicObject, ClusterError> {
        let unreadable = |e: serde_json::Error| ClusterError::Invalid(format!("a patch could not be made: {e}"));
        let patch = Patch::Json::<()>(serde_json::from_value(Value::Array(edit.0)).map_err(unreadable)?);
        let params = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        match bounded(self.objects(kind, namespace).patch(name, &params, &patch)).await {
            Ok(object) => Ok(object),
            Err(error) if is_missing(&error) => Err(ClusterError::Conflict),
            Err(error) => Err(sort(&error)),
        }
    }

    /// Deletes exactly the object that was read; what it made is deleted after it.
    pub(crate) async fn delete(
        &self,
        kind: &ApiResource,
        namespace: &str,
        object: &DynamicObject,
    ) -> Result<(), ClusterError> {
        let name = object.metadata.name.as_deref().unwrap_or_default();
        let params = DeleteParams {
            preconditions: Some(Preconditions {
                uid: object.metadata.uid.clone(),
                resource_version: object.metadata.resource_version.clone(),
            }),
            propagation_policy: Some(PropagationPolicy::Background),
            ..DeleteParams::default()
        };
        match bounded(self.objects(kind, namespace).delete(name, &params)).await {
            Ok(_) => Ok(()),
            Err(error) if is_missing(&error) => Ok(()),
            Err(error) => Err(sort(&error)),
        }
    }
}

/// A JSON patch (RFC 6902) in the making. It begins with the resource version that was read, at which
/// the API server answers 409 when the object is a newer one.
#[derive(Debug)]
pub(crate) struct Edit(pub(crate) Vec<Value>);

impl Edit {
    pub(crate) fn of(resource_version: Option<&str>) -> Self {
        Self(vec![json!({"op": "replace", "path": "/metadata/resourceVersion", "value": resource_version})])
    }

    pub(crate) fn set(&mut self, path: impl Into<String>, value: Value) {
        // 'add' also replaces a member that is there.
        self.0.push(json!({"op": "add", "path": path.into(), "value": value}));
    }

    /// Sets what is there already: in a list 'add' would put another entry before it.
    pub(crate) fn replace(&mut self, path: impl Into<String>, value: Value) {
        self.0.push(json!({"op": "replace", "path": path.into(), "value": value}));
    }

    /// Takes a member away that is there.
    pub(crate) fn remove(&mut self, path: impl Into<String>) {
        self.0.push(json!({"op": "remove", "path": path.into()}));
    }

    /// Leaves our mark on an object that has annotations already, or has none.
    pub(crate) fn mark(&mut self, has_annotations: bool, stamp: Stamp, change_cause: &str) {
        if !has_annotations {
            self.set("/metadata/annotations", json!({}));
        }
        for (key, value) in marks::annotations(stamp, change_cause) {
            self.annotate(key, value);
        }
    }

    /// Leaves our mark on an object that others use too.
    pub(crate) fn mark_shared(&mut self, has_annotations: bool, stamp: Stamp, change_cause: &str) {
        if !has_annotations {
            self.set("/metadata/annotations", json!({}));
        }
        let (key, value) = marks::shared_annotation(stamp, change_cause);
        self.annotate(&key, value);
    }

    /// Puts our mark back to what it was, on an object that others use too.
    pub(crate) fn unmark_shared(&mut self, before: &ObjectMeta, target: TargetId) {
        let key = marks::shared_key(target);
        match before.annotations.as_ref().and_then(|annotations| annotations.get(&key)) {
            Some(mark) => self.annotate(&key, mark.clone()),
            None => self.remove(format!("/metadata/annotations/{}", key.replace('/', "~1"))),
        }
    }

    /// Sets an annotation of an object that has some.
    pub(crate) fn annotate(&mut self, key: &str, value: String) {
        // RFC 6901 writes a slash inside a key as ~1.
        self.set(format!("/metadata/annotations/{}", key.replace('/', "~1")), Value::String(value));
    }
}

/// The start of an object of ours beside a workload. Nothing is copied from the workload here: by its labels
/// and annotations another tool would take the object for one of its own. Nothing owns it either: it may
/// be all that serves when somebody replaces the workload, so it goes only when Slipway removes it.
pub(crate) fn metadata(name: &str, workload: &str, stamp: Stamp, change_cause: &str) -> Value {
    let annotations: Map<String, Value> =
        marks::annotations(stamp, change_cause).into_iter().map(|(k, v)| (k.to_owned(), Value::String(v))).collect();
    json!({
        "name": name,
        "labels": {CANDIDATE_OF: label_value(workload), "app.kubernetes.io/managed-by": "slipway"},
        "annotations": annotations,
    })
}

/// Whether Slipway made the object for a candidate.
pub(crate) fn is_made_by_us(object: &DynamicObject) -> bool {
    object.metadata.labels.as_ref().is_some_and(|labels| labels.contains_key(CANDIDATE_OF))
}

/// The mark on an object that Slipway made for a candidate. A mark without our label was copied by
/// somebody from the workload, and counts for nothing.
pub(crate) fn made_stamp(object: &DynamicObject) -> Option<Stamp> {
    marks::stamp_of(&object.metadata).filter(|_| is_made_by_us(object))
}

/// `text` as the value of a label: cut, and ended by a letter or digit.
pub(crate) fn label_value(text: &str) -> String {
    let cut: String = text.chars().take(LABEL_LENGTH).collect();
    cut.trim_end_matches(|c: char| !c.is_ascii_alphanumeric()).to_owned()
}
