//! Clusters: connecting, testing, adopting what runs.

#![expect(clippy::too_many_arguments, reason = "each is a field of a form")]

use crate::json::Json;
use contract::analysis::{MetricAccess, MetricSourceView, MetricTestView};
use contract::clusters::{Adopted, ClusterView, ConnectionView, FoundWorkload};
use domain::observation::WorkloadKind;
use leptos::prelude::*;

use crate::error::AppError;

/// All clusters.
#[server(name = LoadClusters, prefix = "/do", endpoint = "clusters", input = Json, output = Json)]
pub async fn clusters() -> Result<Vec<ClusterView>, AppError> {
    let (backend, actor) = super::backend()?;
    Ok(backend.clusters(&actor).await?)
}

/// Connects a cluster or changes the one that is named, and leads to it.
#[server(prefix = "/do", endpoint = "save_cluster")]
pub async fn save_cluster(
    /// Whether it is to be new.
    #[server(default)]
    is_new: bool,
    #[server(default)] name: String,
    #[server(default)] method: String,
    #[server(default)] server: String,
    #[server(default)] certificate_authority: String,
    #[server(default)] token: String,
    #[server(default)] kubeconfig: String,
    #[server(default)] context: String,
    #[server(default)] namespaces: String,
) -> Result<(), AppError> {
    let (backend, actor) = super::backend()?;
    let input = contract::clusters::ClusterInput {
        name,
        method,
        server,
        certificate_authority,
        token,
        kubeconfig,
        context,
        namespaces,
    };
    let name = input.name.trim().to_owned();
    if is_new {
        backend.add_cluster(&actor, input).await?;
    } else {
        backend.change_cluster(&actor, input).await?;
    }
    leptos_axum::redirect(&crate::routes::cluster(&name));
    Ok(())
}

/// Removes a cluster that no target uses.
#[server(prefix = "/do", endpoint = "remove_cluster")]
pub async fn remove_cluster(name: String) -> Result<(), AppError> {
    let (backend, actor) = super::backend()?;
    backend.remove_cluster(&actor, &name).await?;
    leptos_axum::redirect(&crate::routes::settings(crate::routes::Settings::Clusters));
    Ok(())
}

/// Says what works and which permissions are missing.
#[server(prefix = "/do", endpoint = "test_cluster")]
pub async fn test_cluster(name: String) -> Result<ConnectionView, AppError> {
    let (backend, actor) = super::backend()?;
    Ok(backend.test_cluster(&actor, &name).await?)
}

/// Lists what runs in a cluster.
#[server(name = LoadDiscover, prefix = "/do", endpoint = "discover", input = Json, output = Json)]
pub async fn discover(cluster: String) -> Result<Vec<FoundWorkload>, AppError> {
    let (backend, actor) = super::backend()?;
    Ok(backend.discover(&actor, &cluster).await?)
}

/// Where a cluster's metrics are asked for.
#[server(name = LoadMetricSource, prefix = "/do", endpoint = "metric_source", input = Json, output = Json)]
pub async fn metric_source(cluster: String) -> Result<Option<MetricSourceView>, AppError> {
    let (backend, actor) = super::backend()?;
    Ok(backend.metric_source(&actor, &cluster).await?)
}

/// Sets where a cluster's metrics are asked for.
#[server(prefix = "/do", endpoint = "set_metric_source")]
pub async fn set_metric_source(
    cluster: String,
    #[server(default)] address: String,
    #[server(default)] access: MetricAccess,
    #[server(default)] token: String,
    #[server(default)] user: String,
    #[server(default)] password: String,
    #[server(default)] matchers: String,
    #[server(default)] tenant: String,
) -> Result<(), AppError> {
    let (backend, actor) = super::backend()?;
    let input =
        contract::analysis::MetricSourceInput { cluster, address, access, token, user, password, matchers, tenant };
    Ok(backend.set_metric_source(&actor, input).await?)
}

/// Forgets where a cluster's metrics are asked for.
#[server(prefix = "/do", endpoint = "clear_metric_source")]
pub async fn clear_metric_source(cluster: String) -> Result<(), AppError> {
    let (backend, actor) = super::backend()?;
    Ok(backend.clear_metric_source(&actor, &cluster).await?)
}

/// Asks a cluster's metric source what it is and has.
#[server(prefix = "/do", endpoint = "test_metric_source")]
pub async fn test_metric_source(cluster: String, #[server(default)] plane: String) -> Result<MetricTestView, AppError> {
    let (backend, actor) = super::backend()?;
    Ok(backend.test_metric_source(&actor, &cluster, &plane).await?)
}

/// A found Deployment as the form sends it.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct AdoptRow {
    /// Whether it was ticked.
    #[serde(default)]
    pub take: bool,
    /// Namespace.
    #[serde(default)]
    pub namespace: String,
    /// Name.
    #[serde(default)]
    pub name: String,
    /// Kind.
    #[serde(default)]
    pub kind: WorkloadKind,
    /// The container whose image is the version's.
    #[serde(default)]
    pub container: String,
    /// The service's name.
    #[serde(default)]
    pub service: String,
    /// The team's name.
    #[serde(default)]
    pub team: String,
    /// The environment's name.
    #[serde(default)]
    pub environment: String,
}

/// Makes services, targets and first versions of what was ticked.
#[server(prefix = "/do", endpoint = "adopt")]
pub async fn adopt(cluster: String, #[server(default)] workloads: Vec<AdoptRow>) -> Result<Adopted, AppError> {
    let (backend, actor) = super::backend()?;
    let workloads: Vec<_> = workloads
        .into_iter()
        .filter(|row| row.take)
        .map(|row| contract::clusters::AdoptWorkload {
            namespace: row.namespace,
            name: row.name,
            kind: row.kind,
            container: row.container,
            service: row.service,
            team: row.team,
            environment: row.environment,
        })
        .collect();
    if workloads.is_empty() {
        return Err(AppError(contract::ApiError::invalid("workloads", "tick at least one row")));
    }
    Ok(backend.adopt(&actor, &cluster, workloads).await?)
}
