//! How many works may talk to one cluster at the same time. Without a limit a cluster that does not
//! answer would hold every place there is, and promotions elsewhere would stand still behind it.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use domain::ids::ClusterId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A quarter of all places: three more clusters may hang before others wait for theirs. A cluster that
/// answers within 100 ms still serves 160 works a second.
const AT_ONE_CLUSTER: usize = 16;

/// How long a work waits for a place: a cluster that answers frees one within this. One that does not
/// must not hold works that only wait for it.
const PATIENCE: Duration = Duration::from_millis(250);

/// The places at all clusters.
#[derive(Default)]
pub(crate) struct Places {
    at: Mutex<HashMap<ClusterId, Arc<Semaphore>>>,
}

impl Places {
    /// A place at each of these clusters, given back when it is dropped; `None` when one of them had
    /// none to give in time.
    pub(crate) async fn take(&self, clusters: BTreeSet<ClusterId>) -> Option<Vec<OwnedSemaphorePermit>> {
        let all = async {
            let mut taken = Vec::with_capacity(clusters.len());
            // Always in the same order; who waits longer than patience gives back what they have.
            for cluster in clusters {
                taken.push(self.at(cluster).acquire_owned().await.ok()?);
            }
            Some(taken)
        };
        tokio::time::timeout(PATIENCE, all).await.ok().flatten()
    }

    fn at(&self, cluster: ClusterId) -> Arc<Semaphore> {
        let mut at = self.at.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(at.entry(cluster).or_insert_with(|| Arc::new(Semaphore::new(AT_ONE_CLUSTER))))
    }
}
