//! Objects that other tools work on, beside Deployments: which kinds, how each is read and written. One
//! module per tool says what its object's JSON means, without input or output; here they are dispatched.
//!
//! A [`Place`] is where a tool reads a version; its name stands for a container's. What of the object says
//! the version is kept as it is, in the form of a pod template: its places as containers, and the part of
//! the object under [`PART`].

pub(crate) mod argo_cd;
pub(crate) mod argo_rollouts;
pub(crate) mod flux;
mod places;

use domain::{
    delegated::ToolAct,
    observation::{WorkloadKind, WorkloadRef},
};
use kube::{
    Api, Client,
    api::{DynamicObject, Patch, PatchParams},
    core::ApiResource,
};
use ports::{ApplyOutcome, ClusterError, NamespaceScope};
use serde_json::{Value, json};

use crate::{
    connect::KubeCluster,
    error::{bounded, is_conflict, sort},
    objects::{Edit, FIELD_MANAGER, custom},
    records::WorkloadRecord,
};
pub(crate) use places::{Place, edits, images, name_in, refusal, whole};

/// Where the part of an object lies in what is kept of it.
const PART: &str = "object";

/// The kinds of tools' objects.
pub(crate) const KINDS: [WorkloadKind; 4] =
    [WorkloadKind::Rollout, WorkloadKind::Application, WorkloadKind::Kustomization, WorkloadKind::HelmRelease];

/// The resource of a kind.
pub(crate) fn resource(kind: WorkloadKind) -> ApiResource {
    let of = |group: &str, version: &str, plural: &str| ApiResource {
        version: version.to_owned(),
        api_version: format!("{group}/{version}"),
        ..custom(group, kind.words(), plural)
    };
    match kind {
        WorkloadKind::Deployment => crate::objects::deployments(),
        WorkloadKind::Rollout => of("argoproj.io", "v1alpha1", "rollouts"),
        WorkloadKind::Application => of("argoproj.io", "v1alpha1", "applications"),
        WorkloadKind::Kustomization => of("kustomize.toolkit.fluxcd.io", "v1", "kustomizations"),
        WorkloadKind::HelmRelease => of("helm.toolkit.fluxcd.io", "v2", "helmreleases"),
    }
}

/// The objects of tools, once per namespace or once for all of them.
pub(crate) fn apis(client: &Client, scope: &NamespaceScope) -> Vec<(WorkloadKind, Api<DynamicObject>)> {
    let of = |kind: WorkloadKind| -> Vec<_> {
        let resource = resource(kind);
        match scope {
            NamespaceScope::All => vec![(kind, Api::all_with(client.clone(), &resource))],
            NamespaceScope::Only(namespaces) => {
                let mut names: Vec<&str> = namespaces.iter().map(|n| n.as_str()).collect();
                names.sort_unstable();
                names.dedup();
                let api = |name| Api::namespaced_with(client.clone(), name, &resource);
                names.into_iter().map(|name| (kind, api(name))).collect()
            }
        }
    };
    KINDS.into_iter().flat_map(of).collect()
}

/// Whether a kind is not there, or is none of ours to see: then there is nothing of it.
pub(crate) fn is_absent(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 404 || status.code == 403)
}

/// What of an object of a tool that has no pods itself says the version.
pub(crate) fn part(kind: WorkloadKind, object: &Value) -> &'static str {
    match kind {
        WorkloadKind::Application => argo_cd::part(object),
        WorkloadKind::Kustomization => flux::KUSTOMIZATION_PART,
        WorkloadKind::HelmRelease | WorkloadKind::Deployment | WorkloadKind::Rollout => flux::HELM_PART,
    }
}

/// What is kept of an object, so that it can be put back.
pub(crate) fn kept(places: &[Place], part: &Value) -> Value {
    let container = |place: &Place| json!({"name": place.name, "image": place.image});
    json!({"spec": {"containers": places.iter().map(container).collect::<Vec<_>>()}, PART: part})
}

impl KubeCluster {
    /// Asks the tool in charge for what it has not done yet; [`ApplyOutcome::Unchanged`] when there is nothing.
    pub(crate) async fn act_on(
        &self,
        workload: &WorkloadRef,
        record: &WorkloadRecord,
        act: ToolAct,
        is_as_wanted: bool,
    ) -> Result<ApplyOutcome, ClusterError> {
        let seen = record.without_pods();
        if workload.kind == WorkloadKind::Application {
            let is_idle = seen.tool.as_ref().is_some_and(|tool| tool.progress().is_idle);
            let mut edit = Edit::of(Some(&seen.resource_version));
            if act == ToolAct::Back && is_as_wanted && argo_cd::is_at_another(&record.object) {
                edit.set(argo_cd::OPERATION_PHASE, json!(argo_cd::TERMINATING));
            } else if let Some(sync) = argo_cd::sync(&record.object).filter(|_| is_as_wanted && is_idle) {
                edit.set("/operation", sync);
            } else {
                return Ok(ApplyOutcome::Unchanged);
            }
            let (namespace, name) = (workload.namespace.as_str(), workload.name.as_str());
            return self.edit(&resource(workload.kind), namespace, name, edit).await.map(|_| ApplyOutcome::Written);
        }
        let Some(operations) = argo_rollouts::asked(&record.object, act, is_as_wanted) else {
            return Ok(ApplyOutcome::Unchanged);
        };
        let mut edit = Edit::of(Some(&seen.resource_version));
        edit.0.extend(operations);
        let unreadable = |e: serde_json::Error| ClusterError::Invalid(format!("a patch could not be made: {e}"));
        let patch = Patch::Json::<()>(serde_json::from_value(Value::Array(edit.0)).map_err(unreadable)?);
        let params = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        let api = self.objects(&resource(workload.kind), workload.namespace.as_str());
        match bounded(api.patch_status(workload.name.as_str(), &params, &patch)).await {
            Ok(_) => Ok(ApplyOutcome::Written),
            Err(error) if is_conflict(&error) => Err(ClusterError::Conflict),
            Err(error) => Err(sort(&error)),
        }
    }
}
