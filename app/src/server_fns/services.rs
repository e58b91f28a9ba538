//! Services, teams and targets.

use crate::json::Json;
use contract::{
    Page, PageRequest,
    board::TeamChoice,
    services::{
        CommitWhereabouts, ServiceLine, ServiceView, ServicesQuery, StrategyInput, TargetNow, TargetWorkloadInput,
    },
};
use domain::observation::WorkloadKind;
use leptos::prelude::*;

use crate::error::AppError;

/// The list of services.
#[server(name = LoadServices, prefix = "/do", endpoint = "services", input = Json, output = Json)]
pub async fn services(query: ServicesQuery) -> Result<Page<ServiceLine>, AppError> {
    let (backend, actor) = super::backend()?;
    Ok(backend.services(&actor, query).await?)
}

/// The teams.
#[server(name = LoadTeams, prefix = "/do", endpoint = "teams", input = Json, output = Json)]
pub async fn teams() -> Result<Vec<TeamChoice>, AppError> {
    let (backend, actor) = super::backend()?;
    Ok(backend.teams(&actor).await?)
}

/// A service's page.
#[server(name = LoadService, prefix = "/do", endpoint = "service", input = Json, output = Json)]
pub async fn service(name: String, versions: PageRequest) -> Result<ServiceView, AppError> {
    let (backend, actor) = super::backend()?;
    Ok(backend.service(&actor, &name, versions).await?)
}

/// Adds a service and leads to it.
#[server(prefix = "/do", endpoint = "add_service")]
pub async fn add_service(
    #[server(default)] name: String,
    #[server(default)] team: String,
    tier: u8,
    #[server(default)] description: String,
    #[server(default)] repository: String,
    #[server(default)] runbook: String,
) -> Result<(), AppError> {
    let (backend, actor) = super::backend()?;
    let input = contract::services::ServiceInput { name, team, tier, description, repository, runbook };
    let name = input.name.trim().to_owned();
    backend.add_service(&actor, input).await?;
    leptos_axum::redirect(&crate::routes::service(&name));
    Ok(())
}

/// Changes a service and leads to it.
#[server(prefix = "/do", endpoint = "change_service")]
pub async fn change_service(
    name: String,
    #[server(default)] team: String,
    tier: u8,
    #[server(default)] description: String,
    #[server(default)] repository: String,
    #[server(default)] runbook: String,
) -> Result<(), AppError> {
    let (backend, actor) = super::backend()?;
    let input = contract::services::ServiceInput { name, team, tier, description, repository, runbook };
    let name = input.name.clone();
    backend.change_service(&actor, input).await?;
    leptos_axum::redirect(&crate::routes::service(&name));
    Ok(())
}

/// Sets a target's workloads; says what was saved. Rows that are wholly blank are left out; rows with
/// something in them are judged.
#[server(prefix = "/do", endpoint = "set_target")]
pub async fn set_target(
    service: String,
    environment: String,
    #[server(default)] workloads: Vec<TargetRow>,
    #[server(default)] leaves: bool,
) -> Result<String, AppError> {
    let (backend, actor) = super::backend()?;
    let workloads = workloads.into_iter().filter(|row| !row.is_blank()).map(TargetRow::into_input).collect();
    backend.set_target(&actor, &service, &environment, contract::services::TargetInput { workloads, leaves }).await?;
    Ok(format!("the workloads of {service} in {environment}"))
}

/// Sets a target's strategy; says what was saved.
#[server(prefix = "/do", endpoint = "set_strategy")]
pub async fn set_strategy(service: String, environment: String, input: StrategyInput) -> Result<String, AppError> {
    let (backend, actor) = super::backend()?;
    let saved = format!("the strategy {}", input.strategy.replace('_', "-"));
    backend.set_strategy(&actor, &service, &environment, input).await?;
    Ok(saved)
}

/// What a promotion into a target would meet at this moment.
#[server(name = LoadTargetNow, prefix = "/do", endpoint = "target_now", input = Json, output = Json)]
pub async fn target_now(service: String, environment: String) -> Result<TargetNow, AppError> {
    let (backend, actor) = super::backend()?;
    Ok(backend.target_now(&actor, &service, &environment).await?)
}

/// A workload as the form sends it.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct TargetRow {
    /// The cluster's name.
    #[serde(default)]
    pub cluster: String,
    /// The namespace.
    #[serde(default)]
    pub namespace: String,
    /// The object's name.
    #[serde(default)]
    pub workload: String,
    /// Its kind.
    #[serde(default)]
    pub kind: WorkloadKind,
    /// The container.
    #[serde(default)]
    pub container: String,
    /// Which image of several; blank for the only one.
    #[serde(default)]
    pub component: String,
}

impl TargetRow {
    /// Whether nothing but the cluster, which is preselected, was filled in.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        [&self.namespace, &self.workload, &self.container, &self.component].iter().all(|text| text.trim().is_empty())
    }

    /// What the use case takes.
    #[must_use]
    pub fn into_input(self) -> TargetWorkloadInput {
        let component = self.component.trim();
        TargetWorkloadInput {
            component: (!component.is_empty()).then(|| component.to_owned()),
            cluster: self.cluster,
            namespace: self.namespace,
            workload: self.workload,
            kind: self.kind,
            container: self.container,
        }
    }
}

/// Did my commit reach production?
#[server(name = LoadWhereIsCommit, prefix = "/do", endpoint = "where_is_commit", input = Json, output = Json)]
pub async fn where_is_commit(service: String, hash: String) -> Result<Vec<CommitWhereabouts>, AppError> {
    let (backend, actor) = super::backend()?;
    Ok(backend.where_is_commit(&actor, &service, &hash).await?)
}
