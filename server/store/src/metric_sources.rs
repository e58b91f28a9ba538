//! Where the metrics of a cluster are asked for: an address and what opens it, sealed by the caller.

use chrono::{DateTime, Utc};
use domain::{
    analysis::{Matchers, Tenant},
    ids::ClusterId,
};

use crate::{
    Entity, Read, StoreError, Tx,
    columns::{BoxError, Stored, record},
    connection::{execute, fetch_all, fetch_optional},
    statements::statements,
};

/// What answers there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricSourceKind {
    /// Anything that answers Prometheus' HTTP API.
    Prometheus,
}

impl MetricSourceKind {
    const ALL: [Self; 1] = [Self::Prometheus];

    /// The word for machines and columns.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Prometheus => "prometheus",
        }
    }
}

impl Stored for MetricSourceKind {
    type Raw = String;

    fn from_raw(raw: String) -> Result<Self, BoxError> {
        let found = Self::ALL.into_iter().find(|kind| kind.as_str() == raw);
        found.ok_or_else(|| format!("unknown kind of metric source '{raw}'").into())
    }
}

record! {
    /// The metric source of a cluster.
    pub struct MetricSource {
        /// Whose metrics it has.
        pub cluster_id: ClusterId,
        /// What answers there.
        pub kind: MetricSourceKind,
        /// The address before `/api/v1`.
        pub address: String,
        /// The user name, where a password opens it.
        pub user_name: Option<String>,
        /// The password, or without a user name the token, as the engine sealed it; `None` where everybody
        /// is let in.
        pub sealed_secret: Option<Vec<u8>>,
        /// What names the cluster there, where several share it.
        pub matchers: Matchers,
        /// On whose behalf it is asked.
        pub tenant: Option<Tenant>,
        /// When it was set.
        pub changed_at: DateTime<Utc>,
    }
}

const PUT: &str = "
    INSERT INTO metric_sources (cluster_id, kind, address, user_name, sealed_secret, matchers, tenant, changed_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
    ON CONFLICT (cluster_id) DO UPDATE SET kind = excluded.kind, address = excluded.address,
        user_name = excluded.user_name, sealed_secret = excluded.sealed_secret, matchers = excluded.matchers,
        tenant = excluded.tenant, changed_at = excluded.changed_at";

const DELETE: &str = "DELETE FROM metric_sources WHERE cluster_id = $1";

const OF_CLUSTER: &str = "
    SELECT cluster_id, kind, address, user_name, sealed_secret, matchers, tenant, changed_at
    FROM metric_sources WHERE cluster_id = $1";

const LIST: &str = "
    SELECT cluster_id, kind, address, user_name, sealed_secret, matchers, tenant, changed_at
    FROM metric_sources ORDER BY cluster_id";

statements!("metric_sources.rs": PUT, DELETE, OF_CLUSTER, LIST);

impl Tx {
    /// Sets the metric source of a cluster, in place of the one before.
    ///
    /// # Errors
    /// [`StoreError::ForeignKey`] when there is no such cluster.
    pub async fn put_metric_source(&mut self, source: &MetricSource) -> Result<(), StoreError> {
        execute!(
            self,
            PUT,
            source.cluster_id.uuid(),
            source.kind.as_str(),
            source.address.as_str(),
            source.user_name.as_deref(),
            source.sealed_secret.as_deref(),
            source.matchers.to_string(),
            source.tenant.as_ref().map(Tenant::as_str),
            source.changed_at,
        )?;
        self.signal(Entity::Cluster, source.cluster_id.uuid(), 0);
        Ok(())
    }

    /// Forgets the metric source of a cluster. Tells whether there was one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn delete_metric_source(&mut self, cluster: ClusterId) -> Result<bool, StoreError> {
        let written = execute!(self, DELETE, cluster.uuid())?;
        self.signal(Entity::Cluster, cluster.uuid(), 0);
        Ok(written == 1)
    }
}

impl Read {
    /// The metric source of a cluster.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn metric_source(&mut self, cluster: ClusterId) -> Result<Option<MetricSource>, StoreError> {
        fetch_optional!(self, OF_CLUSTER => MetricSource, cluster.uuid())
    }

    /// The metric sources of all clusters.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn metric_sources(&mut self) -> Result<Vec<MetricSource>, StoreError> {
        fetch_all!(self, LIST => MetricSource)
    }
}
