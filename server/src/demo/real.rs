//! The sample company on a real Kubernetes cluster, so that one can watch it with kubectl.
//!
//! Owns making the company's namespaces and Deployments, as an administrator and through kubectl:
//! Slipway itself is connected with a kubeconfig of its own, which need not allow that. It fails with
//! kubectl's own words. The cluster is meant to be thrown away afterwards; nothing here cleans it up.

use std::{collections::BTreeSet, path::PathBuf, process::Stdio};

use anyhow::{Context as _, bail};
use async_trait::async_trait;
use contract::clusters::{ClusterInput, ClustersBackend as _};
use domain::{
    actor::{Actor, Identity, Role},
    ids::ClusterId,
    names::ClusterName,
};
use engine::Engine;
use serde_json::{Value, json};
use store::{Cluster, ClusterKind};
use tokio::io::AsyncWriteExt as _;

use super::{Ground, GroundWorkload, Place, SEED};

/// The name of the cluster on every screen.
pub const REAL: &str = "kubernetes";

/// How to reach a real cluster.
#[derive(Clone, Debug)]
pub struct RealCluster {
    /// What Slipway gets: a kubeconfig with address, authority and token.
    pub kubeconfig: PathBuf,
    /// Who makes the company's Deployments: a kubeconfig that may.
    pub administrator: PathBuf,
    /// The kubectl to make them with.
    pub kubectl: PathBuf,
    /// What the names of the company's namespaces begin with.
    pub namespace_prefix: String,
}

/// Fills an empty database with the company on this cluster, and connects it.
///
/// # Errors
/// As [`super::seed`], and when the kubeconfig is refused.
pub async fn seed_real(engine: &Engine, real: &RealCluster) -> anyhow::Result<()> {
    let kubeconfig = std::fs::read_to_string(&real.kubeconfig)
        .with_context(|| format!("{} cannot be read", real.kubeconfig.display()))?;
    let place = Place {
        cluster: ClusterId::new(engine.uuid()),
        name: ClusterName::parse(REAL).context("name")?,
        namespace_prefix: real.namespace_prefix.clone(),
        moves_traffic: false,
    };
    let mut tx = engine.store().begin().await?;
    tx.insert_cluster(&unconnected(&place, engine.now())).await.context("is this database in use already?")?;
    tx.commit().await?;
    let people = super::seed(engine.store(), real, &place, engine.now(), SEED).await?;

    let admin = people.iter().find(|person| person.role == Role::Admin).context("the company has no admin")?;
    let actor = Actor {
        identity: Identity::Person { id: admin.id, name: admin.name.to_owned() },
        role: admin.role,
        from: None,
    };
    let input =
        ClusterInput { name: REAL.to_owned(), method: "kubeconfig".to_owned(), kubeconfig, ..ClusterInput::default() };
    engine.change_cluster(&actor, input).await.context("the cluster cannot be connected")
}

/// The row that the company's targets point at until the kubeconfig is taken.
fn unconnected(place: &Place, now: chrono::DateTime<chrono::Utc>) -> Cluster {
    Cluster {
        id: place.cluster,
        name: place.name.clone(),
        kind: ClusterKind::Token,
        server: None,
        certificate_authority: None,
        sealed_token: None,
        namespaces: None,
        created_at: now,
        reachable_since: None,
        unreachable_since: None,
        trouble: None,
        message: None,
        version: None,
    }
}

#[async_trait]
impl Ground for RealCluster {
    async fn make(&self, workloads: &[GroundWorkload]) -> anyhow::Result<()> {
        let mut kubectl = tokio::process::Command::new(&self.kubectl)
            .arg("--kubeconfig")
            .arg(&self.administrator)
            .args(["apply", "--filename", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("{} cannot be started", self.kubectl.display()))?;
        let manifest = manifest(workloads).to_string();
        let mut input = kubectl.stdin.take().context("kubectl takes no input")?;
        let write = async move { input.write_all(manifest.as_bytes()).await };
        let (written, ended) = tokio::join!(write, kubectl.wait_with_output());
        let ended = ended.context("kubectl")?;
        if !ended.status.success() {
            bail!("kubectl apply: {}", String::from_utf8_lossy(&ended.stderr).trim());
        }
        written.context("kubectl did not read everything")
    }
}

/// The namespaces, then the Deployments, as one List.
fn manifest(workloads: &[GroundWorkload]) -> Value {
    let namespaces: BTreeSet<&str> = workloads.iter().map(|workload| workload.namespace.as_str()).collect();
    let namespaces =
        namespaces.into_iter().map(|name| json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}));
    let items: Vec<Value> = namespaces.chain(workloads.iter().map(deployment)).collect();
    json!({"apiVersion": "v1", "kind": "List", "items": items})
}

fn deployment(workload: &GroundWorkload) -> Value {
    let name = workload.name.as_str();
    let mut labels = json!(workload.labels);
    // Selects its own pods and no other's, whatever the company's labels are.
    labels["app"] = json!(name);
    let containers: Vec<Value> =
        workload.containers.iter().map(|one| json!({"name": one.container.as_str(), "image": &one.image})).collect();
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"namespace": workload.namespace.as_str(), "name": name, "labels": &labels},
        "spec": {
            "replicas": workload.replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": &labels}, "spec": {"containers": containers}},
        },
    })
}
