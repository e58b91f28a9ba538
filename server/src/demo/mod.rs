//! The sample company: a grocer with fourteen services, 120 days of history and a present in which
//! things wait, move and have gone wrong. For trying Slipway out; never for a database that is used.
//!
//! [`seed`] fills an empty database and a cluster. The same seed gives the same company, told relative
//! to now. It fails when the database is not empty (names are taken) or the cluster refuses.

mod chance;
pub mod company;
mod ground;
pub mod in_git;
pub mod machines;
mod past;
mod present;
mod real;
mod timeline;
mod write;

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use domain::{
    actor::Role,
    ids::{ClusterId, PersonId},
    names::ClusterName,
};
use ports::Randomness as _;
use practice::{MockClock, PracticeCluster, SeededRandomness};
use store::{Cluster, ClusterKind, Store};

pub use ground::{Ground, GroundWorkload};
pub use real::{REAL, RealCluster, seed_real};

/// The company that everybody sees.
pub const SEED: u64 = 1;

/// The name of the practice cluster.
pub const PRACTICE: &str = "practice";

/// A person of the company.
#[derive(Clone, Debug)]
pub struct SeededPerson {
    /// Identity.
    pub id: PersonId,
    /// Name as shown.
    pub name: &'static str,
    /// Trusted with what.
    pub role: Role,
    /// Whether the demo prints a link that signs them in.
    pub has_link: bool,
}

/// The cluster that the company runs on; it is connected already.
#[derive(Clone, Debug)]
pub struct Place {
    /// Identity.
    pub cluster: ClusterId,
    /// Name.
    pub name: ClusterName,
    /// What the names of the company's namespaces begin with: several companies fit into one cluster.
    pub namespace_prefix: String,
    /// Whether there is what moves traffic: routes of the Gateway API, Services, Argo Rollouts. Without
    /// them the numbers of pods are the shares.
    pub moves_traffic: bool,
}

/// Fills an empty database with the company on a practice cluster.
///
/// # Errors
/// See [`seed`].
pub async fn seed_practice(
    store: &Store,
    practice: &PracticeCluster,
    now: DateTime<Utc>,
) -> anyhow::Result<Vec<SeededPerson>> {
    let place = connect_practice(store, now).await?;
    seed(store, practice, &place, now, SEED).await
}

/// Connects the practice cluster.
///
/// # Errors
/// When the store fails or knows a cluster of this name.
pub async fn connect_practice(store: &Store, now: DateTime<Utc>) -> anyhow::Result<Place> {
    let randomness = SeededRandomness::new(SEED ^ 0x5eed, std::sync::Arc::new(MockClock::at(now)));
    let place = Place {
        cluster: ClusterId::new(randomness.uuid()),
        name: ClusterName::parse(PRACTICE).context("name")?,
        namespace_prefix: String::new(),
        moves_traffic: true,
    };
    let mut tx = store.begin().await?;
    tx.insert_cluster(&Cluster {
        id: place.cluster,
        name: place.name.clone(),
        kind: ClusterKind::Practice,
        server: None,
        certificate_authority: None,
        sealed_token: None,
        namespaces: None,
        created_at: now,
        reachable_since: Some(now),
        unreachable_since: None,
        trouble: None,
        message: None,
        version: Some("practice".to_owned()),
    })
    .await
    .context("the practice cluster cannot be connected; is this database in use already?")?;
    tx.commit().await?;
    Ok(place)
}

/// Fills an empty database with the company: its history in one transaction, its Deployments on
/// `ground`, then what is open now through the engine itself.
///
/// # Errors
/// When the store or the cluster fails, or the database knows a name of the company already.
pub async fn seed(
    store: &Store,
    ground: &dyn Ground,
    place: &Place,
    now: DateTime<Utc>,
    seed: u64,
) -> anyhow::Result<Vec<SeededPerson>> {
    let randomness = SeededRandomness::new(seed, std::sync::Arc::new(MockClock::at(now)));
    let stories = write::stories(now, seed)?;
    let written = write::write(store, &randomness, place, &stories, now).await?;
    ground.make(&written.workloads).await.context("the company's Deployments cannot be made")?;
    present::ask(store, &randomness, &written, &stories).await?;
    Ok(written.people)
}

#[cfg(test)]
mod tests;
