//! What the watches saw last: what runs in each workload of each target.

use chrono::{DateTime, Utc};
use domain::{
    ids::{ClusterId, EnvironmentId, ServiceId, TargetId, VersionId},
    image::ContainerImage,
    names::{EnvironmentName, Namespace, ServiceName, WorkloadName},
    observation::{WorkloadKind, WorkloadRef},
    state::Mark,
    version::VersionLabel,
};
use sqlx::types::Json;

use crate::{
    Entity, Read, StoreError, Tx,
    columns::record,
    connection::{execute, fetch_all},
    statements::statements,
};

record! {
    /// What runs in one workload of a target.
    pub struct Running {
        /// The target.
        pub target_id: TargetId,
        /// The cluster.
        pub cluster_id: ClusterId,
        /// The namespace there.
        pub namespace: Namespace,
        /// The object there.
        pub workload: WorkloadName,
        /// Its kind.
        pub kind: WorkloadKind,
        /// The images of its template.
        pub images: Vec<ContainerImage>,
        /// The version that they are; `None` when Slipway does not know it.
        pub version_id: Option<VersionId>,
        /// How it is.
        pub mark: Mark,
        /// How it is, in words.
        pub words: String,
        /// Pods asked for.
        pub wanted: u32,
        /// Pods of the current template.
        pub updated: u32,
        /// Pods ready, of any template.
        pub ready: u32,
        /// Pods of the current template that are available.
        pub available: u32,
        /// Whether someone else than Slipway set these images.
        pub is_changed_by_others: bool,
        /// Since when these images run.
        pub since: DateTime<Utc>,
        /// When it was seen last to be different from before.
        pub seen_at: DateTime<Utc>,
    }
}

record! {
    /// A place where a version runs.
    pub struct RunningPlace {
        /// The target.
        pub target_id: TargetId,
        /// The service.
        pub service_id: ServiceId,
        /// The service's name.
        pub service: ServiceName,
        /// The environment.
        pub environment_id: EnvironmentId,
        /// The environment's name.
        pub environment: EnvironmentName,
        /// The version's label.
        pub label: VersionLabel,
        /// Since when.
        pub since: DateTime<Utc>,
    }
}

macro_rules! columns {
    () => {
        "target_id, cluster_id, namespace, workload, kind, images, version_id, mark, words, wanted, updated, ready, available,
         is_changed_by_others, since, seen_at"
    };
}

// What the Board shows of the version is copied beside it; a version never changes.
const PUT: &str = concat!(
    "INSERT INTO running (",
    columns!(),
    ", version_label, version_ordinal, version_commits)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16,
        (SELECT label FROM versions WHERE id = $7), (SELECT ordinal FROM versions WHERE id = $7),
        (SELECT commits_total FROM versions WHERE id = $7))
    ON CONFLICT (target_id, cluster_id, namespace, workload) DO UPDATE SET
        kind = excluded.kind, images = excluded.images, version_id = excluded.version_id, version_label = excluded.version_label,
        version_ordinal = excluded.version_ordinal, version_commits = excluded.version_commits, mark = excluded.mark,
        words = excluded.words,
        wanted = excluded.wanted, updated = excluded.updated, ready = excluded.ready, available = excluded.available,
        is_changed_by_others = excluded.is_changed_by_others,
        since = CASE WHEN running.images = excluded.images THEN running.since ELSE excluded.since END,
        seen_at = excluded.seen_at
    WHERE running.images <> excluded.images OR running.version_id IS DISTINCT FROM excluded.version_id
        OR running.mark <> excluded.mark OR running.words <> excluded.words OR running.wanted <> excluded.wanted
        OR running.updated <> excluded.updated OR running.ready <> excluded.ready
        OR running.available <> excluded.available
        OR running.is_changed_by_others <> excluded.is_changed_by_others"
);

const DELETE: &str = "
    DELETE FROM running WHERE target_id = $1 AND cluster_id = $2 AND namespace = $3 AND workload = $4";

const OF_TARGET: &str =
    concat!("SELECT ", columns!(), " FROM running WHERE target_id = $1 ORDER BY cluster_id, namespace, workload");

const OF_CLUSTER: &str =
    concat!("SELECT ", columns!(), " FROM running WHERE cluster_id = $1 ORDER BY namespace, workload, target_id");

const OF_SERVICE: &str = "
    SELECT r.target_id, r.cluster_id, r.namespace, r.workload, r.kind, r.images, r.version_id, r.mark, r.words, r.wanted,
        r.updated, r.ready, r.available, r.is_changed_by_others, r.since, r.seen_at
    FROM targets t JOIN running r ON r.target_id = t.id
    WHERE t.service_id = $1 ORDER BY r.target_id, r.cluster_id, r.namespace, r.workload";

const OF_VERSION: &str = "
    SELECT r.target_id, t.service_id, s.name AS service, t.environment_id, e.name AS environment, v.label,
        MIN(r.since) AS since
    FROM running r
    JOIN targets t ON t.id = r.target_id
    JOIN services s ON s.id = t.service_id
    JOIN environments e ON e.id = t.environment_id
    JOIN versions v ON v.id = r.version_id
    WHERE r.version_id = $1
    GROUP BY r.target_id, t.service_id, s.name, t.environment_id, e.name, v.label, e.position
    ORDER BY e.position, s.name, r.target_id";

statements!("inventory.rs": PUT, DELETE, OF_TARGET, OF_CLUSTER, OF_SERVICE, OF_VERSION);

impl Tx {
    /// Writes what was seen of a workload when it is different from what is known, and tells so
    /// after the commit. `since` is kept while the images stay. Tells whether anything is new.
    ///
    /// # Errors
    /// [`StoreError::ForeignKey`] when target, cluster or version is gone.
    pub async fn put_running(&mut self, running: &Running) -> Result<bool, StoreError> {
        let written = execute!(
            self,
            PUT,
            running.target_id.uuid(),
            running.cluster_id.uuid(),
            running.namespace.as_str(),
            running.workload.as_str(),
            running.kind.as_str(),
            Json(&running.images),
            running.version_id.map(VersionId::uuid),
            running.mark.as_str(),
            running.words.as_str(),
            i64::from(running.wanted),
            i64::from(running.updated),
            i64::from(running.ready),
            i64::from(running.available),
            running.is_changed_by_others,
            running.since,
            running.seen_at,
        )?;
        if written > 0 {
            self.signal(Entity::Target, running.target_id.uuid(), 0);
        }
        Ok(written > 0)
    }

    /// Forgets a workload that is gone. Tells whether it was known.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn delete_running(
        &mut self,
        target: TargetId,
        cluster: ClusterId,
        workload: &WorkloadRef,
    ) -> Result<bool, StoreError> {
        let (namespace, name) = (workload.namespace.as_str(), workload.name.as_str());
        let written = execute!(self, DELETE, target.uuid(), cluster.uuid(), namespace, name)?;
        if written > 0 {
            self.signal(Entity::Target, target.uuid(), 0);
        }
        Ok(written > 0)
    }
}

impl Read {
    /// What runs in a target.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn running_in_target(&mut self, target: TargetId) -> Result<Vec<Running>, StoreError> {
        fetch_all!(self, OF_TARGET => Running, target.uuid())
    }

    /// What runs in all targets of a service.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn running_of_service(&mut self, service: ServiceId) -> Result<Vec<Running>, StoreError> {
        fetch_all!(self, OF_SERVICE => Running, service.uuid())
    }

    /// What is known to run in a cluster, to find what a watch does not tell any more.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn running_in_cluster(&mut self, cluster: ClusterId) -> Result<Vec<Running>, StoreError> {
        fetch_all!(self, OF_CLUSTER => Running, cluster.uuid())
    }

    /// Where a version runs, in the order of the environments.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn running_places(&mut self, version: VersionId) -> Result<Vec<RunningPlace>, StoreError> {
        fetch_all!(self, OF_VERSION => RunningPlace, version.uuid())
    }
}
