//! The stage of a real control plane: an administrator makes Deployments and plays other people.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use domain::{
    names::Namespace,
    observation::{Manager, WorkloadRef},
};
use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{ConfigMap, Service},
};
use kube::{
    Api, Client,
    api::{DeleteParams, Patch, PatchParams, PostParams},
};
use ports::Cluster;
use practice::{
    NewDeployment,
    stories::{Disturbance, Stage, StageError},
};
use serde_json::{Value, json};

use crate::setup::{Room, slipway};

/// A story's time: the longest takes about twenty seconds, on a machine that does nothing else.
const PATIENCE: Duration = Duration::from_secs(180);

pub struct RealStage {
    pub room: Room,
    cluster: Arc<dyn Cluster>,
    started: Instant,
}

impl RealStage {
    pub async fn new() -> Self {
        Self { room: Room::new().await, cluster: slipway(), started: Instant::now() }
    }
}

#[async_trait]
impl Stage for RealStage {
    fn cluster(&self) -> Arc<dyn Cluster> {
        Arc::clone(&self.cluster)
    }

    fn namespace(&self) -> Namespace {
        self.room.namespace.clone()
    }

    async fn create(&self, new: &NewDeployment) -> Result<(), StageError> {
        create(&self.room.admin, new).await.map_err(|e| failed("create", &e))
    }

    async fn create_service(&self, workload: &WorkloadRef) -> Result<(), StageError> {
        create_service(&self.room.admin, workload).await.map_err(|e| failed("create a Service", &e))
    }

    async fn disturb(&self, workload: &WorkloadRef, act: &Disturbance) -> Result<(), StageError> {
        disturb(&self.room.admin, workload, act).await.map_err(|e| failed("disturb", &e))
    }

    async fn wait(&self) -> bool {
        tokio::time::sleep(Duration::from_millis(100)).await;
        self.started.elapsed() < PATIENCE
    }
}

fn failed(act: &str, error: &kube::Error) -> StageError {
    StageError { act: act.to_owned(), cause: error.to_string() }
}

pub async fn create(admin: &Client, new: &NewDeployment) -> Result<(), kube::Error> {
    let mut metadata = json!({"name": new.name, "namespace": new.namespace, "labels": new.labels});
    if let Some(manager) = &new.manager {
        mark_managed(admin, new, manager, &mut metadata).await?;
    }
    let labels = json!({"app": new.name});
    let containers: Vec<Value> =
        new.containers.iter().map(|c| json!({"name": c.container, "image": c.image})).collect();
    let object = json!({
        "metadata": metadata,
        "spec": {
            "replicas": new.replicas,
            "progressDeadlineSeconds": new.progress_deadline_seconds,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": containers}},
        },
    });
    let object: Deployment = serde_json::from_value(object).map_err(kube::Error::SerdeError)?;
    let api = Api::<Deployment>::namespaced(admin.clone(), new.namespace.as_str());
    api.create(&PostParams::default(), &object).await.map(drop)
}

/// A Service of the Deployment's name for its pods.
pub async fn create_service(admin: &Client, workload: &WorkloadRef) -> Result<(), kube::Error> {
    let object = json!({
        "metadata": {"name": workload.name},
        "spec": {"selector": {"app": workload.name}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]},
    });
    let object: Service = serde_json::from_value(object).map_err(kube::Error::SerdeError)?;
    let api = Api::<Service>::namespaced(admin.clone(), workload.namespace.as_str());
    api.create(&PostParams::default(), &object).await.map(drop)
}

/// Leaves the traces on the object by which each tool is known.
async fn mark_managed(
    admin: &Client,
    new: &NewDeployment,
    manager: &Manager,
    metadata: &mut Value,
) -> Result<(), kube::Error> {
    match manager {
        Manager::ArgoCd { application } => {
            let id = format!("{application}:apps/Deployment:{}/{}", new.namespace, new.name);
            metadata["annotations"]["argocd.argoproj.io/tracking-id"] = json!(id);
        }
        Manager::FluxKustomization { name } => {
            metadata["labels"]["kustomize.toolkit.fluxcd.io/name"] = json!(name);
        }
        Manager::FluxHelmRelease { name } => {
            metadata["labels"]["helm.toolkit.fluxcd.io/name"] = json!(name);
            metadata["labels"]["app.kubernetes.io/managed-by"] = json!("Helm");
            metadata["annotations"]["meta.helm.sh/release-name"] = json!(name);
        }
        Manager::Helm { release } => {
            metadata["labels"]["app.kubernetes.io/managed-by"] = json!("Helm");
            metadata["annotations"]["meta.helm.sh/release-name"] = json!(release);
        }
        Manager::Controller { kind, name } => {
            assert_eq!(kind, "ConfigMap", "the stage can make only this kind of owner");
            let owner = serde_json::from_value(json!({"metadata": {"name": name}})).map_err(kube::Error::SerdeError)?;
            let api = Api::<ConfigMap>::namespaced(admin.clone(), new.namespace.as_str());
            let made = api.create(&PostParams::default(), &owner).await?;
            metadata["ownerReferences"] = json!([{"apiVersion": "v1", "kind": kind, "name": name,
                                                  "uid": made.metadata.uid, "controller": true}]);
        }
    }
    Ok(())
}

pub async fn disturb(admin: &Client, workload: &WorkloadRef, act: &Disturbance) -> Result<(), kube::Error> {
    let api = Api::<Deployment>::namespaced(admin.clone(), workload.namespace.as_str());
    let name = workload.name.as_str();
    let patch = match act {
        Disturbance::SetImage(container, image) => {
            json!({"spec": {"template": {"spec": {"containers": [{"name": container, "image": image}]}}}})
        }
        Disturbance::Scale(replicas) => json!({"spec": {"replicas": replicas}}),
        Disturbance::Pause => json!({"spec": {"paused": true}}),
        Disturbance::Resume => json!({"spec": {"paused": false}}),
        Disturbance::Restart => json!({"spec": {"template": {"metadata": {"annotations": {
            "kubectl.kubernetes.io/restartedAt": "2026-03-02T09:00:00Z"}}}}}),
        Disturbance::Delete => return api.delete(name, &DeleteParams::default()).await.map(drop),
    };
    api.patch(name, &PatchParams::default(), &Patch::Strategic(patch)).await.map(drop)
}
