//! What every list needs: pages of the store from pages of the address, and things looked up by the
//! names that stand in addresses and filters.

use contract::{Answer, ApiError, Page, PageRequest, board::EnvironmentHead, board::TeamChoice};
use domain::{
    ids::{ClusterId, EnvironmentId},
    names::{EnvironmentName, ServiceName, TeamName},
};
use store::{ClusterKind, Environment, Paging, Read, Service, StoreError};

use crate::{Engine, error::OrFail, promotions::views};

/// The page within its limits: what stands in an address can be anything.
pub(crate) fn within_limits(request: PageRequest) -> PageRequest {
    PageRequest::new(request.page, request.size)
}

/// The rows of the store for a page of an address.
pub(crate) fn paging(request: PageRequest) -> Paging {
    let request = within_limits(request);
    Paging { limit: request.size, offset: u32::try_from(request.offset()).unwrap_or(u32::MAX) }
}

/// A page for reading from a page of the store.
pub(crate) fn page<T, U>(found: store::Page<T>, request: PageRequest, row: impl FnMut(T) -> U) -> Page<U> {
    Page {
        rows: found.rows.into_iter().map(row).collect(),
        total: u64::try_from(found.total).unwrap_or_default(),
        request: within_limits(request),
    }
}

/// A filter's text; what is empty filters nothing.
pub(crate) fn given(text: Option<&String>) -> Option<&str> {
    text.map(|t| t.trim()).filter(|t| !t.is_empty())
}

/// The environments in their order, as columns.
pub(crate) struct Columns {
    /// The environments.
    pub(crate) environments: Vec<Environment>,
    /// The same as heads.
    pub(crate) heads: Vec<EnvironmentHead>,
}

impl Columns {
    /// Loads them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn load(read: &mut Read) -> Result<Self, StoreError> {
        let environments = read.environments().await?;
        let clusters = read.clusters().await?;
        let practice: Vec<ClusterId> =
            clusters.iter().filter(|c| c.kind == ClusterKind::Practice).map(|c| c.id).collect();
        let bound = if practice.is_empty() { vec![] } else { read.environment_clusters().await? };
        let is_practice = |id: EnvironmentId| bound.iter().any(|(e, c)| *e == id && practice.contains(c));
        let heads = environments.iter().map(|e| views::head(e, is_practice(e.id))).collect();
        Ok(Self { environments, heads })
    }

    /// Their identities in order.
    pub(crate) fn ids(&self) -> Vec<EnvironmentId> {
        self.environments.iter().map(|e| e.id).collect()
    }
}

/// The teams to choose from, by name.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn teams(read: &mut Read) -> Result<Vec<TeamChoice>, StoreError> {
    let teams = read.teams().await?;
    Ok(teams.into_iter().map(|t| TeamChoice { name: t.name.to_string(), title: t.title }).collect())
}

/// A team's name in a filter; one that cannot be a name matches nothing, which the caller is told.
///
/// # Errors
/// Not found.
pub(crate) fn team_name(name: &str) -> Answer<TeamName> {
    TeamName::parse(name).map_err(|_| ApiError::not_found("team", &shortened(name)))
}

/// What a reader gave, cut to what fits into a sentence.
fn shortened(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(80).collect()
}

impl Engine {
    /// The service of this name.
    ///
    /// # Errors
    /// Not found, also for what cannot be a name.
    pub(crate) async fn service_named(&self, read: &mut Read, name: &str) -> Answer<Service> {
        let missing = || ApiError::not_found("service", &shortened(name));
        let parsed = ServiceName::parse(name).map_err(|_| missing())?;
        read.service_by_name(&parsed).await.or_fail(self)?.ok_or_else(missing)
    }

    /// The environment of this name.
    ///
    /// # Errors
    /// Not found, also for what cannot be a name.
    pub(crate) async fn environment_named(&self, read: &mut Read, name: &str) -> Answer<Environment> {
        let missing = || ApiError::not_found("environment", &shortened(name));
        let parsed = EnvironmentName::parse(name).map_err(|_| missing())?;
        read.environment_by_name(&parsed).await.or_fail(self)?.ok_or_else(missing)
    }
}
