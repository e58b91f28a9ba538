//! The names by which alerts of other systems mean a target.

use domain::{
    ids::EnvironmentId,
    names::{EnvironmentName, Namespace, ServiceName, WorkloadName},
};

use crate::{Read, StoreError, columns::record, connection::fetch_all, statements::statements};

record! {
    /// What a label may hold of a service in an environment.
    pub struct TargetNames {
        /// The service.
        pub service: ServiceName,
        /// The environment; `None` for a service that is nowhere.
        pub environment_id: Option<EnvironmentId>,
        /// Its name.
        pub environment: Option<EnvironmentName>,
        /// The namespace of one of its workloads; `None` where nothing of it is known in a cluster.
        pub namespace: Option<Namespace>,
        /// That workload.
        pub workload: Option<WorkloadName>,
    }
}

const NAMES: &str = "
    SELECT s.name AS service, t.environment_id, e.name AS environment, d.namespace, d.workload
    FROM services s
    LEFT JOIN targets t ON t.service_id = s.id
    LEFT JOIN environments e ON e.id = t.environment_id
    LEFT JOIN target_deployments d ON d.target_id = t.id
    ORDER BY s.name, e.name, d.namespace, d.workload, t.id";

statements!("alerting.rs": NAMES);

impl Read {
    /// The names of every service, in each of its environments, with each of its workloads there.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn target_names(&mut self) -> Result<Vec<TargetNames>, StoreError> {
        fetch_all!(self, NAMES => TargetNames)
    }
}
