//! What came after a deployment at its place: whether a rollback took it away.

use chrono::{DateTime, Utc};
use domain::{
    deployment::Cause,
    ids::{EnvironmentId, ServiceId, VersionId},
};

use crate::{Read, StoreError, columns::record, connection::fetch_optional, statements::statements};

record! {
    /// The success that followed at a place.
    pub struct NextSuccess {
        /// Why.
        pub cause: Cause,
        /// The version.
        pub version_id: VersionId,
        /// The promotion's number; `None` when it was reported.
        pub promotion_number: Option<i64>,
    }
}

const NEXT_SUCCESS: &str = "
    SELECT d.cause, d.version_id, p.number AS promotion_number
    FROM deployments d LEFT JOIN promotions p ON p.id = d.promotion_id
    WHERE d.service_id = $1 AND d.environment_id = $2 AND d.outcome = 'succeeded' AND d.finished_at > $3
    ORDER BY d.finished_at, d.id LIMIT 1";

statements!("rollbacks.rs": NEXT_SUCCESS);

impl Read {
    /// The first deployment of a service into an environment that succeeded after `at`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn next_success(
        &mut self,
        service: ServiceId,
        environment: EnvironmentId,
        at: DateTime<Utc>,
    ) -> Result<Option<NextSuccess>, StoreError> {
        fetch_optional!(self, NEXT_SUCCESS => NextSuccess, service.uuid(), environment.uuid(), at)
    }
}
