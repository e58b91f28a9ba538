//! What is kept of a Deployment and of a replica set, read from the objects as they are.

use std::hash::{DefaultHasher, Hash, Hasher};

use domain::{
    delegated::ToolStatus,
    image::ContainerImage,
    names::{Namespace, WorkloadName},
    observation::{
        Manager, Observed, PodObservation, ReplacementSettings, WorkloadKind, WorkloadObservation, WorkloadRef,
    },
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use kube::api::DynamicObject;
use serde::Deserialize;
use serde_json::Value;

use crate::{
    error::cut,
    marks::{manager_of, stamp_of},
    objects::CANDIDATE_OF,
    tools::{self, Place, argo_cd, argo_rollouts, flux},
};

/// Kubernetes' default of `spec.progressDeadlineSeconds`.
const DEFAULT_DEADLINE_SECONDS: u32 = 600;

/// The longest message of a condition that is kept.
const MESSAGE_LENGTH: usize = 500;

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Data {
    spec: Spec,
    status: Status,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Spec {
    replicas: Option<u32>,
    paused: bool,
    progress_deadline_seconds: Option<u32>,
    selector: LabelSelector,
    strategy: Strategy,
    template: Value,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Strategy {
    r#type: Option<String>,
    rolling_update: Option<RollingUpdate>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct RollingUpdate {
    max_unavailable: Option<Amount>,
    max_surge: Option<Amount>,
}

/// Kubernetes' `IntOrString`: a number, or a percentage.
#[derive(Deserialize, Clone)]
#[serde(untagged)]
enum Amount {
    Count(u32),
    Share(String),
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Status {
    #[serde(deserialize_with = "number_or_text")]
    observed_generation: i64,
    replicas: u32,
    updated_replicas: u32,
    ready_replicas: u32,
    available_replicas: u32,
    conditions: Vec<Condition>,
}

/// Argo Rollouts writes the generation as text.
fn number_or_text<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    let value = Value::deserialize(deserializer)?;
    Ok(value.as_i64().or_else(|| value.as_str()?.parse().ok()).unwrap_or(0))
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Condition {
    r#type: String,
    status: String,
    reason: Option<String>,
    message: Option<String>,
}

/// What is kept of a Deployment, or of another tool's object.
#[derive(Clone, Debug)]
pub(crate) struct WorkloadRecord {
    /// All that the object itself says; without pods.
    seen: WorkloadObservation,
    pub(crate) template_hash: u64,
    pub(crate) selector: LabelSelector,
    pub(crate) labels: Vec<(String, String)>,
    /// Whether the object has annotations at all: a patch can only add one to what is there.
    pub(crate) has_annotations: bool,
    /// The whole object, of another tool's; of a Deployment nothing.
    pub(crate) object: Value,
    /// The places in it where that tool reads a version; none of what has a pod template.
    pub(crate) places: Vec<Place>,
    /// The hash that Argo Rollouts gives to the pods of the present template.
    pub(crate) pod_hash: Option<String>,
}

impl WorkloadRecord {
    /// Reads a Deployment.
    ///
    /// # Errors
    /// What is wrong with it, for a log: a real API server does not send such an object.
    pub(crate) fn new(object: DynamicObject) -> Result<Self, String> {
        Self::of(WorkloadKind::Deployment, object)
    }

    /// Reads an object of this kind.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub(crate) fn of(kind: WorkloadKind, object: DynamicObject) -> Result<Self, String> {
        match kind {
            WorkloadKind::Deployment => Self::with_template(kind, object),
            WorkloadKind::Rollout => {
                let whole = whole(&object);
                let mut record = Self::with_template(kind, object)?;
                record.seen.tool = Some(ToolStatus::ArgoRollouts(argo_rollouts::status(&whole)));
                record.pod_hash = whole["status"]["currentPodHash"].as_str().map(str::to_owned);
                record.object = whole;
                Ok(record)
            }
            WorkloadKind::Application | WorkloadKind::Kustomization | WorkloadKind::HelmRelease => {
                Self::without_template(kind, object)
            }
        }
    }

    /// Reads an object that makes others, which have the pods.
    fn without_template(kind: WorkloadKind, object: DynamicObject) -> Result<Self, String> {
        let whole = whole(&object);
        let metadata = object.metadata;
        let workload = workload_of(&metadata, kind)?;
        let part = tools::part(kind, &whole);
        let (tool, places) = match kind {
            WorkloadKind::Application => {
                let places = argo_cd::places(&whole);
                (ToolStatus::ArgoCd(argo_cd::status(&whole, &places)), places)
            }
            WorkloadKind::Kustomization => {
                let places = flux::kustomization_places(&whole);
                (ToolStatus::Flux(flux::status(&whole, &places)), places)
            }
            _ => {
                let places = flux::helm_places(&whole);
                (ToolStatus::Flux(flux::status(&whole, &places)), places)
            }
        };
        let number = |pointer: &str| whole.pointer(pointer).and_then(Value::as_i64).unwrap_or(0);
        let seen = WorkloadObservation {
            uid: metadata.uid.clone().ok_or_else(|| format!("{workload} has no uid"))?,
            resource_version: metadata.resource_version.clone().unwrap_or_default(),
            generation: metadata.generation.unwrap_or(0),
            observed_generation: number("/status/observedGeneration"),
            is_paused: whole.pointer("/spec/suspend").and_then(Value::as_bool).unwrap_or(false),
            wanted_replicas: 0,
            replicas: 0,
            updated_replicas: 0,
            ready_replicas: 0,
            available_replicas: 0,
            progressing_reason: None,
            replica_failure: None,
            revision: None,
            replacement: ReplacementSettings::RollingUpdate { max_unavailable: 0, max_surge: 1 },
            progress_deadline_seconds: DEFAULT_DEADLINE_SECONDS,
            images: match kind {
                WorkloadKind::Application if places.is_empty() => argo_cd::running(&whole),
                _ => tools::images(&places),
            },
            template: tools::kept(&places, whole.pointer(part).unwrap_or(&Value::Null)),
            stamp: stamp_of(&metadata),
            manager: manager_of(&metadata, kind.words()),
            tool: Some(tool),
            pods: Vec::new(),
            workload,
        };
        Ok(Self {
            template_hash: 0,
            has_annotations: metadata.annotations.is_some(),
            seen,
            selector: LabelSelector::default(),
            labels: metadata.labels.unwrap_or_default().into_iter().collect(),
            object: whole,
            places,
            pod_hash: None,
        })
    }

    fn with_template(kind: WorkloadKind, object: DynamicObject) -> Result<Self, String> {
        let metadata = object.metadata;
        let workload = workload_of(&metadata, kind)?;
        let data: Data = serde_json::from_value(object.data).map_err(|e| format!("{workload}: {e}"))?;
        let (spec, status) = (data.spec, data.status);
        let wanted = spec.replicas.unwrap_or(1);
        let annotations = metadata.annotations.as_ref();
        let seen = WorkloadObservation {
            uid: metadata.uid.clone().ok_or_else(|| format!("{workload} has no uid"))?,
            resource_version: metadata
                .resource_version
                .clone()
                .ok_or_else(|| format!("{workload} has no resourceVersion"))?,
            generation: metadata.generation.unwrap_or(0),
            observed_generation: status.observed_generation,
            is_paused: spec.paused,
            wanted_replicas: wanted,
            replicas: status.replicas,
            updated_replicas: status.updated_replicas,
            ready_replicas: status.ready_replicas,
            available_replicas: status.available_replicas,
            progressing_reason: status
                .conditions
                .iter()
                .find(|c| c.r#type == "Progressing")
                .and_then(|c| c.reason.clone()),
            replica_failure: replica_failure(&status.conditions),
            revision: annotations.and_then(|a| a.get("deployment.kubernetes.io/revision").cloned()),
            replacement: replacement(&spec.strategy, wanted),
            progress_deadline_seconds: spec.progress_deadline_seconds.unwrap_or(DEFAULT_DEADLINE_SECONDS),
            images: ports::template_images(&spec.template),
            stamp: stamp_of(&metadata),
            manager: manager_of(&metadata, kind.words()),
            tool: None,
            pods: Vec::new(),
            template: spec.template,
            workload,
        };
        Ok(Self {
            template_hash: template_hash(&seen.template),
            has_annotations: metadata.annotations.is_some(),
            seen,
            selector: spec.selector,
            labels: metadata.labels.unwrap_or_default().into_iter().collect(),
            object: Value::Null,
            places: Vec::new(),
            pod_hash: None,
        })
    }

    /// Whether Slipway made it to be tried beside a workload: no workload of its own.
    pub(crate) fn is_candidate(&self) -> bool {
        self.labels.iter().any(|(key, _)| key == CANDIDATE_OF)
    }

    /// Whether a Rollout may be what has the pods of this Deployment.
    pub(crate) const fn may_belong_to_rollout(&self) -> bool {
        self.seen.workload.kind.is_deployment() && self.seen.wanted_replicas == 0
    }

    /// Takes note of the Rollout that takes the template of its pods from this Deployment. What would undo a change of the
    /// Deployment itself comes before that; a Helm release does not.
    pub(crate) fn note_rollout(&mut self, name: &str) {
        if matches!(self.seen.manager, None | Some(Manager::Helm { .. })) {
            let kind = WorkloadKind::Rollout.words().to_owned();
            self.seen.manager = Some(Manager::Controller { kind, name: name.to_owned() });
        }
    }

    /// Whether its pods belong to other objects, which it makes.
    pub(crate) const fn has_no_pods(&self) -> bool {
        matches!(
            self.seen.workload.kind,
            WorkloadKind::Application | WorkloadKind::Kustomization | WorkloadKind::HelmRelease
        )
    }

    pub(crate) fn uid(&self) -> &str {
        &self.seen.uid
    }

    pub(crate) const fn workload(&self) -> &WorkloadRef {
        &self.seen.workload
    }

    /// What the object itself says, without pods.
    pub(crate) const fn without_pods(&self) -> &WorkloadObservation {
        &self.seen
    }

    /// The images that run, where the object itself says so.
    pub(crate) fn running_images(&self) -> Vec<ContainerImage> {
        if self.workload().kind == WorkloadKind::Application { argo_cd::running(&self.object) } else { Vec::new() }
    }

    /// The name of the chart that a HelmRelease brings.
    pub(crate) fn chart(&self) -> Option<&str> {
        let chart = self.object.pointer("/spec/chart/spec/chart")?.as_str()?;
        chart.trim_end_matches('/').rsplit('/').next()
    }

    pub(crate) fn observe(&self, pods: Vec<PodObservation>) -> WorkloadObservation {
        WorkloadObservation { pods, ..self.seen.clone() }
    }
}

fn whole(object: &DynamicObject) -> Value {
    let mut whole = object.data.clone();
    whole["metadata"] = serde_json::json!({"generation": object.metadata.generation});
    whole
}

fn workload_of(metadata: &ObjectMeta, kind: WorkloadKind) -> Result<WorkloadRef, String> {
    let name = metadata.name.as_deref().unwrap_or_default();
    let namespace = metadata.namespace.as_deref().unwrap_or_default();
    Ok(WorkloadRef {
        namespace: Namespace::parse(namespace).map_err(|e| format!("namespace '{namespace}': {e}"))?,
        name: WorkloadName::parse(name).map_err(|e| format!("{} '{name}': {e}", kind.words()))?,
        kind,
    })
}

fn replica_failure(conditions: &[Condition]) -> Option<String> {
    let found = conditions.iter().find(|c| c.r#type == "ReplicaFailure" && c.status == "True")?;
    Some(cut(found.message.as_deref().unwrap_or_default(), MESSAGE_LENGTH))
}

/// The settings in pods, rounded as the controller does (`ResolveFenceposts`): both at nothing would
/// never move, so one may then be missing.
fn replacement(strategy: &Strategy, wanted: u32) -> ReplacementSettings {
    if strategy.r#type.as_deref() == Some("Recreate") {
        return ReplacementSettings::Recreate;
    }
    let rolling = strategy.rolling_update.as_ref();
    let quarter = || Amount::Share("25%".to_owned());
    let surge = rolling.and_then(|r| r.max_surge.clone()).unwrap_or_else(quarter);
    let unavailable = rolling.and_then(|r| r.max_unavailable.clone()).unwrap_or_else(quarter);
    let max_surge = surge.of(wanted, u32::div_ceil);
    let missing = unavailable.of(wanted, |share, hundred| share / hundred);
    let max_unavailable = if missing == 0 && max_surge == 0 { 1 } else { missing };
    ReplacementSettings::RollingUpdate { max_unavailable, max_surge }
}

impl Amount {
    fn of(&self, wanted: u32, round: impl Fn(u32, u32) -> u32) -> u32 {
        match self {
            Self::Count(count) => *count,
            Self::Share(text) => {
                let percent: u32 = text.trim_end_matches('%').parse().unwrap_or(0);
                round(wanted.saturating_mul(percent), 100)
            }
        }
    }
}

/// What is kept of a replica set.
#[derive(Clone, Debug)]
pub(crate) struct SetRecord {
    pub(crate) uid: String,
    /// The Deployment's identity.
    pub(crate) owner: Option<String>,
    pub(crate) template_hash: u64,
    pub(crate) revision: u64,
    /// The hash that Argo Rollouts gave to its pods.
    pub(crate) pod_hash: Option<String>,
}

impl SetRecord {
    /// Reads the object; `None` for one without identity.
    pub(crate) fn new(object: DynamicObject) -> Option<Self> {
        let metadata = object.metadata;
        let owners = metadata.owner_references.into_iter().flatten();
        let annotation = |key: &str| metadata.annotations.as_ref().and_then(|a| a.get(key));
        let revision =
            annotation("deployment.kubernetes.io/revision").or_else(|| annotation("rollout.argoproj.io/revision"));
        let pod_hash = metadata.labels.as_ref().and_then(|l| l.get("rollouts-pod-template-hash").cloned());
        Some(Self {
            uid: metadata.uid?,
            owner: owners.into_iter().find(|o| o.controller == Some(true)).map(|o| o.uid),
            template_hash: object.data.pointer("/spec/template").map_or(0, template_hash),
            revision: revision.and_then(|r| r.parse().ok()).unwrap_or(0),
            pod_hash,
        })
    }
}

/// A number that is the same for equal pod templates, without the label that the controller adds to
/// a replica set's (`EqualIgnoreHash`).
fn template_hash(template: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    hash_value(template, &[], &mut hasher);
    hasher.finish()
}

fn hash_value(value: &Value, path: &[&str], hasher: &mut DefaultHasher) {
    match value {
        Value::Object(fields) => {
            let is_added = |key: &str| path == ["metadata", "labels"] && key == "pod-template-hash";
            // An empty value and a missing one are the same to Kubernetes, and so they are here.
            let mut kept: Vec<_> = fields.iter().filter(|(key, value)| !is_added(key) && !is_empty(value)).collect();
            kept.sort_by_key(|(key, _)| *key);
            kept.len().hash(hasher);
            for (key, value) in kept {
                key.hash(hasher);
                let inner: Vec<&str> = path.iter().copied().chain([key.as_str()]).collect();
                hash_value(value, &inner, hasher);
            }
        }
        Value::Array(items) => {
            items.len().hash(hasher);
            for item in items {
                hash_value(item, &["[]"], hasher);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.to_string().hash(hasher),
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(fields) => fields.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// What reading a workload gave.
pub(crate) fn present(seen: WorkloadObservation) -> Observed {
    Observed::Present(Box::new(seen))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use serde_json::json;

    use super::*;

    #[test]
    fn amounts_are_rounded_as_the_controller_does() {
        let strategy = |value: Value| serde_json::from_value::<Strategy>(value).unwrap();
        let rolling = |unavailable: Value, surge: Value| {
            strategy(
                json!({"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": unavailable, "maxSurge": surge}}),
            )
        };
        for (strategy, wanted, max_unavailable, max_surge) in [
            (strategy(json!({})), 3, 0, 1),
            (strategy(json!({"type": "RollingUpdate"})), 8, 2, 2),
            (rolling(json!(1), json!("50%")), 3, 1, 2),
            (rolling(json!("0%"), json!(0)), 5, 1, 0),
            (rolling(json!("100%"), json!(0)), 5, 5, 0),
            (rolling(json!("x"), json!("99999999999%")), 5, 1, 0),
        ] {
            let expected = ReplacementSettings::RollingUpdate { max_unavailable, max_surge };
            assert_eq!(replacement(&strategy, wanted), expected, "{wanted}");
        }
        assert_eq!(replacement(&strategy(json!({"type": "Recreate"})), 3), ReplacementSettings::Recreate);
    }

    #[test]
    fn templates_are_the_same_but_for_the_controllers_label() {
        let of = |value: Value| template_hash(&value);
        let template = json!({"metadata": {"labels": {"app": "cart"}}, "spec": {"containers": [{"name": "a"}]}});
        let with_label = json!({"spec": {"containers": [{"name": "a"}], "volumes": []},
                                "metadata": {"creationTimestamp": null, "labels": {"pod-template-hash": "x", "app": "cart"}}});
        assert_eq!(of(template.clone()), of(with_label));
        for other in [
            json!({"metadata": {"labels": {"app": "cart"}}, "spec": {"containers": [{"name": "b"}]}}),
            json!({"metadata": {"labels": {"app": "cart"}}, "spec": {"containers": [{"name": "a", "new": 0}]}}),
            json!({"metadata": {"annotations": {"pod-template-hash": "x"}, "labels": {"app": "cart"}},
                   "spec": {"containers": [{"name": "a"}]}}),
        ] {
            assert_ne!(of(template.clone()), of(other.clone()), "{other}");
        }
    }

    #[test]
    fn an_object_that_cannot_be_is_refused_and_never_a_panic() {
        for object in [
            json!({"metadata": {}}),
            json!({"metadata": {"name": "a", "namespace": "B", "uid": "1", "resourceVersion": "1"}}),
            json!({"metadata": {"name": "a", "namespace": "b", "resourceVersion": "1"}}),
            json!({"metadata": {"name": "a", "namespace": "b", "uid": "1", "resourceVersion": "1"}, "spec": {"replicas": -1}}),
            json!({"metadata": {"name": "a", "namespace": "b", "uid": "1", "resourceVersion": "1"}, "spec": 7}),
        ] {
            let parsed: DynamicObject = serde_json::from_value(object.clone()).unwrap();
            assert!(WorkloadRecord::new(parsed).is_err(), "{object}");
        }
    }
}
