//! Targets: a service in an environment, with the workloads and containers that a version's images
//! go to.

use std::collections::{HashMap, HashSet};

use domain::{
    ids::{ClusterId, EnvironmentId, ServiceId, TargetId},
    names::{ContainerName, Namespace, ServiceName, WorkloadName},
    observation::{WorkloadKind, WorkloadRef},
    outside::Deployer,
    strategy::Strategy,
};
use sqlx::types::Json;

use crate::{
    Entity, Read, StoreError, Tx,
    columns::record,
    connection::{execute, fetch_all, fetch_optional},
    statements::statements,
};

/// A service in an environment.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// Identity.
    pub id: TargetId,
    /// The service.
    pub service: ServiceId,
    /// The environment.
    pub environment: EnvironmentId,
    /// How versions get in.
    pub strategy: Strategy,
    /// Who does it.
    pub deployer: Deployer,
    /// Where images go, by cluster, namespace, workload, container; empty for an outside deployer.
    pub workloads: Vec<TargetWorkload>,
}

/// A container that an image of a version goes to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TargetWorkload {
    /// The cluster.
    pub cluster: ClusterId,
    /// The object there.
    pub workload: WorkloadRef,
    /// The container in its pod template.
    pub container: ContainerName,
    /// Which image of the version goes there; `None` when the version has a single one.
    pub component: Option<ContainerName>,
}

record! {
    struct TargetColumns {
        id: TargetId,
        service_id: ServiceId,
        environment_id: EnvironmentId,
        strategy: Strategy,
        deployer: Deployer,
    }
}

record! {
    struct WorkloadColumns {
        target_id: TargetId,
        cluster_id: ClusterId,
        namespace: Namespace,
        workload: WorkloadName,
        kind: WorkloadKind,
        container: ContainerName,
        component: Option<ContainerName>,
    }
}

record! {
    struct WorkloadCount {
        cluster_id: ClusterId,
        number: u64,
    }
}

record! {
    struct TargetCount {
        environment_id: EnvironmentId,
        number: u64,
    }
}

record! {
    struct OwnerColumns {
        namespace: Namespace,
        workload: WorkloadName,
        kind: WorkloadKind,
        service: ServiceName,
    }
}

impl From<WorkloadColumns> for TargetWorkload {
    fn from(row: WorkloadColumns) -> Self {
        Self {
            cluster: row.cluster_id,
            workload: WorkloadRef { namespace: row.namespace, name: row.workload, kind: row.kind },
            container: row.container,
            component: row.component,
        }
    }
}

const INSERT: &str = "
    INSERT INTO targets (id, service_id, environment_id, strategy, deployer) VALUES ($1, $2, $3, $4, $5)";

const UPDATE: &str = "UPDATE targets SET strategy = $2, deployer = $3 WHERE id = $1";

const CLEAR_WORKLOADS: &str = "DELETE FROM target_workloads WHERE target_id = $1";

const CLEAR_DEPLOYMENTS: &str = "DELETE FROM target_deployments WHERE target_id = $1";

const INSERT_DEPLOYMENT: &str = "
    INSERT INTO target_deployments (target_id, cluster_id, namespace, workload) VALUES ($1, $2, $3, $4)";

const INSERT_WORKLOAD: &str = "
    INSERT INTO target_workloads (target_id, cluster_id, namespace, workload, kind, container, component)
    VALUES ($1, $2, $3, $4, $5, $6, $7)";

const BY_ID: &str = "SELECT id, service_id, environment_id, strategy, deployer FROM targets WHERE id = $1";

const BY_PLACE: &str = "
    SELECT id, service_id, environment_id, strategy, deployer FROM targets WHERE service_id = $1 AND environment_id = $2";

const BY_SERVICE: &str = "
    SELECT id, service_id, environment_id, strategy, deployer FROM targets WHERE service_id = $1 ORDER BY id";

const BY_ENVIRONMENT: &str = "
    SELECT id, service_id, environment_id, strategy, deployer FROM targets WHERE environment_id = $1 ORDER BY id";

const LIST: &str = "SELECT id, service_id, environment_id, strategy, deployer FROM targets ORDER BY id";

const WORKLOADS_OF: &str = "
    SELECT target_id, cluster_id, namespace, workload, kind, container, component
    FROM target_workloads WHERE target_id = $1 ORDER BY cluster_id, namespace, workload, container";

const WORKLOADS_OF_SERVICE: &str = "
    SELECT w.target_id, w.cluster_id, w.namespace, w.workload, w.kind, w.container, w.component
    FROM target_workloads w JOIN targets t ON t.id = w.target_id
    WHERE t.service_id = $1 ORDER BY w.cluster_id, w.namespace, w.workload, w.container";

const WORKLOADS_OF_ENVIRONMENT: &str = "
    SELECT w.target_id, w.cluster_id, w.namespace, w.workload, w.kind, w.container, w.component
    FROM target_workloads w JOIN targets t ON t.id = w.target_id
    WHERE t.environment_id = $1 ORDER BY w.cluster_id, w.namespace, w.workload, w.container";

const ALL_WORKLOADS: &str = "
    SELECT target_id, cluster_id, namespace, workload, kind, container, component
    FROM target_workloads ORDER BY cluster_id, namespace, workload, container";

const BY_WORKLOAD: &str = "
    SELECT DISTINCT t.id, t.service_id, t.environment_id, t.strategy, t.deployer
    FROM target_workloads w JOIN targets t ON t.id = w.target_id
    WHERE w.cluster_id = $1 AND w.namespace = $2 AND w.workload = $3 AND w.kind = $4 ORDER BY t.id";

const OWNERS: &str = "
    SELECT DISTINCT w.namespace, w.workload, w.kind, s.name AS service
    FROM target_workloads w JOIN targets t ON t.id = w.target_id JOIN services s ON s.id = t.service_id
    WHERE w.cluster_id = $1 ORDER BY w.namespace, w.workload, s.name";

const COUNT_WORKLOADS: &str = "
    SELECT cluster_id, COUNT(*) AS number FROM target_deployments GROUP BY cluster_id ORDER BY cluster_id";

const COUNT_TARGETS: &str = "
    SELECT environment_id, COUNT(*) AS number FROM targets GROUP BY environment_id ORDER BY environment_id";

const DELETE: &str = "DELETE FROM targets WHERE id = $1";

statements!("targets.rs":
    INSERT, UPDATE, CLEAR_WORKLOADS, CLEAR_DEPLOYMENTS, INSERT_DEPLOYMENT, INSERT_WORKLOAD, BY_ID, BY_PLACE, BY_SERVICE, BY_ENVIRONMENT, LIST, WORKLOADS_OF,
    WORKLOADS_OF_SERVICE, WORKLOADS_OF_ENVIRONMENT, ALL_WORKLOADS, BY_WORKLOAD, OWNERS,
    COUNT_WORKLOADS, COUNT_TARGETS, DELETE,
);

fn with_workloads(targets: Vec<TargetColumns>, workloads: Vec<WorkloadColumns>) -> Vec<Target> {
    let mut of: HashMap<TargetId, Vec<TargetWorkload>> = HashMap::new();
    for row in workloads {
        of.entry(row.target_id).or_default().push(row.into());
    }
    let complete = |row: TargetColumns| Target {
        workloads: of.remove(&row.id).unwrap_or_default(),
        id: row.id,
        service: row.service_id,
        environment: row.environment_id,
        strategy: row.strategy,
        deployer: row.deployer,
    };
    targets.into_iter().map(complete).collect()
}

impl Tx {
    /// Adds a target with its workloads.
    ///
    /// # Errors
    /// [`StoreError::Unique`] with [`crate::Unique::Target`], with [`crate::Unique::Deployment`] when a
    /// Deployment belongs to another target, or with [`crate::Unique::Container`] when a container is given
    /// twice; [`StoreError::ForeignKey`].
    pub async fn insert_target(&mut self, target: &Target) -> Result<(), StoreError> {
        let (strategy, deployer) = (Json(&target.strategy), Json(&target.deployer));
        execute!(self, INSERT, target.id.uuid(), target.service.uuid(), target.environment.uuid(), strategy, deployer)?;
        self.insert_workloads(target).await
    }

    /// Replaces strategy, deployer and workloads of a target; service and environment stay. Tells whether it
    /// is there.
    ///
    /// # Errors
    /// [`StoreError::Unique`] with [`crate::Unique::Deployment`] or [`crate::Unique::Container`];
    /// [`StoreError::ForeignKey`].
    pub async fn replace_target(&mut self, target: &Target) -> Result<bool, StoreError> {
        if execute!(self, UPDATE, target.id.uuid(), Json(&target.strategy), Json(&target.deployer))? == 0 {
            return Ok(false);
        }
        execute!(self, CLEAR_WORKLOADS, target.id.uuid())?;
        execute!(self, CLEAR_DEPLOYMENTS, target.id.uuid())?;
        self.insert_workloads(target).await?;
        Ok(true)
    }

    async fn insert_workloads(&mut self, target: &Target) -> Result<(), StoreError> {
        self.signal(Entity::Service, target.service.uuid(), 0);
        let mut deployments = HashSet::new();
        for place in &target.workloads {
            let (id, cluster) = (target.id.uuid(), place.cluster.uuid());
            let (namespace, workload) = (place.workload.namespace.as_str(), place.workload.name.as_str());
            if deployments.insert((place.cluster, &place.workload)) {
                execute!(self, INSERT_DEPLOYMENT, id, cluster, namespace, workload)?;
            }
            execute!(
                self,
                INSERT_WORKLOAD,
                id,
                cluster,
                namespace,
                workload,
                place.workload.kind.as_str(),
                place.container.as_str(),
                place.component.as_ref().map(ContainerName::as_str),
            )?;
        }
        Ok(())
    }

    /// Removes a target that was never promoted to. Tells whether it was there.
    ///
    /// # Errors
    /// [`StoreError::ForeignKey`] when promotions refer to it.
    pub async fn delete_target(&mut self, id: TargetId) -> Result<bool, StoreError> {
        Ok(execute!(self, DELETE, id.uuid())? == 1)
    }
}

impl Read {
    /// The target with this identity.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn target(&mut self, id: TargetId) -> Result<Option<Target>, StoreError> {
        let row = fetch_optional!(self, BY_ID => TargetColumns, id.uuid())?;
        self.complete_target(row).await
    }

    /// The target of a service in an environment.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn target_of(
        &mut self,
        service: ServiceId,
        environment: EnvironmentId,
    ) -> Result<Option<Target>, StoreError> {
        let row = fetch_optional!(self, BY_PLACE => TargetColumns, service.uuid(), environment.uuid())?;
        self.complete_target(row).await
    }

    async fn complete_target(&mut self, row: Option<TargetColumns>) -> Result<Option<Target>, StoreError> {
        let Some(row) = row else {
            return Ok(None);
        };
        let workloads = fetch_all!(self, WORKLOADS_OF => WorkloadColumns, row.id.uuid())?;
        Ok(with_workloads(vec![row], workloads).pop())
    }

    /// The targets of a service.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn targets_of_service(&mut self, service: ServiceId) -> Result<Vec<Target>, StoreError> {
        let targets = fetch_all!(self, BY_SERVICE => TargetColumns, service.uuid())?;
        let workloads = fetch_all!(self, WORKLOADS_OF_SERVICE => WorkloadColumns, service.uuid())?;
        Ok(with_workloads(targets, workloads))
    }

    /// The targets in an environment.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn targets_of_environment(&mut self, environment: EnvironmentId) -> Result<Vec<Target>, StoreError> {
        let targets = fetch_all!(self, BY_ENVIRONMENT => TargetColumns, environment.uuid())?;
        let workloads = fetch_all!(self, WORKLOADS_OF_ENVIRONMENT => WorkloadColumns, environment.uuid())?;
        Ok(with_workloads(targets, workloads))
    }

    /// All targets.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn targets(&mut self) -> Result<Vec<Target>, StoreError> {
        let targets = fetch_all!(self, LIST => TargetColumns)?;
        let workloads = fetch_all!(self, ALL_WORKLOADS => WorkloadColumns)?;
        Ok(with_workloads(targets, workloads))
    }

    /// How many Deployments of each cluster belong to targets; clusters without any are left out.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn count_workloads(&mut self) -> Result<HashMap<ClusterId, u64>, StoreError> {
        let rows = fetch_all!(self, COUNT_WORKLOADS => WorkloadCount)?;
        Ok(rows.into_iter().map(|row| (row.cluster_id, row.number)).collect())
    }

    /// How many targets each environment has; environments without any are left out.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn count_targets(&mut self) -> Result<HashMap<EnvironmentId, u64>, StoreError> {
        let rows = fetch_all!(self, COUNT_TARGETS => TargetCount)?;
        Ok(rows.into_iter().map(|row| (row.environment_id, row.number)).collect())
    }

    /// The workloads in a cluster that belong to targets, each with a service that it belongs to.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn owners_in_cluster(
        &mut self,
        cluster: ClusterId,
    ) -> Result<Vec<(WorkloadRef, ServiceName)>, StoreError> {
        let rows = fetch_all!(self, OWNERS => OwnerColumns, cluster.uuid())?;
        let owner = |row: OwnerColumns| {
            (WorkloadRef { namespace: row.namespace, name: row.workload, kind: row.kind }, row.service)
        };
        Ok(rows.into_iter().map(owner).collect())
    }

    /// The targets that have containers in this workload, to match what a watch tells. A Deployment that a tool
    /// makes under the name of its own object is not that object.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn targets_of_workload(
        &mut self,
        cluster: ClusterId,
        workload: &WorkloadRef,
    ) -> Result<Vec<Target>, StoreError> {
        let (namespace, name) = (workload.namespace.as_str(), workload.name.as_str());
        let rows =
            fetch_all!(self, BY_WORKLOAD => TargetColumns, cluster.uuid(), namespace, name, workload.kind.as_str())?;
        let mut targets = Vec::with_capacity(rows.len());
        for row in rows {
            let workloads = fetch_all!(self, WORKLOADS_OF => WorkloadColumns, row.id.uuid())?;
            targets.extend(with_workloads(vec![row], workloads));
        }
        Ok(targets)
    }
}
