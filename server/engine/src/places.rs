//! How many works may talk to one peer at the same time. Without a limit a peer that does not answer would
//! hold every place there is, and promotions elsewhere would stand still behind it.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use domain::{git::GitPlan, ids::ClusterId};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A quarter of all places: three more clusters may hang before others wait for theirs. A cluster that
/// answers within 100 ms still serves 160 works a second.
const AT_ONE_CLUSTER: usize = 16;

/// Each call to a repository is a process and a folder, and takes seconds.
const AT_ONE_GIT_HOST: usize = 4;

/// How long a work waits for a place: a cluster that answers frees one within this. One that does not
/// must not hold works that only wait for it.
const PATIENCE: Duration = Duration::from_millis(250);

/// Who is talked to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Peer {
    /// A cluster's API server.
    Cluster(ClusterId),
    /// The host of Git repositories.
    GitHost(String),
}

impl Peer {
    /// The host of the repository that a plan writes to.
    pub(crate) fn of_git(plan: &GitPlan) -> Self {
        Self::GitHost(plan.repository.host().to_owned())
    }

    const fn places(&self) -> usize {
        match self {
            Self::Cluster(_) => AT_ONE_CLUSTER,
            Self::GitHost(_) => AT_ONE_GIT_HOST,
        }
    }
}

/// The places at all peers.
#[derive(Default)]
pub(crate) struct Places {
    at: Mutex<HashMap<Peer, Arc<Semaphore>>>,
}

impl Places {
    /// A place at each of these, given back when it is dropped; `None` when one of them had none to give in
    /// time.
    pub(crate) async fn take(&self, peers: BTreeSet<Peer>) -> Option<Vec<OwnedSemaphorePermit>> {
        let all = async {
            let mut taken = Vec::with_capacity(peers.len());
            // Always in the same order; who waits longer than patience gives back what they have.
            for peer in peers {
                taken.push(self.at(peer).acquire_owned().await.ok()?);
            }
            Some(taken)
        };
        tokio::time::timeout(PATIENCE, all).await.ok().flatten()
    }

    fn at(&self, peer: Peer) -> Arc<Semaphore> {
        let mut at = self.at.lock().unwrap_or_else(PoisonError::into_inner);
        let places = peer.places();
        Arc::clone(at.entry(peer).or_insert_with(|| Arc::new(Semaphore::new(places))))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::{AT_ONE_GIT_HOST, Peer, Places};

    #[tokio::test]
    async fn a_host_that_does_not_answer_holds_up_no_other() {
        let places = Places::default();
        let at = |host: &str| [Peer::GitHost(host.to_owned())].into();
        let first = places.take(at("dead.example")).await.unwrap();
        let mut others = Vec::new();
        for _ in 1..AT_ONE_GIT_HOST {
            others.push(places.take(at("dead.example")).await.unwrap());
        }
        assert!(places.take(at("dead.example")).await.is_none(), "one more at that host");
        assert!(places.take(at("git.example")).await.is_some());
        drop(first);
        assert!(places.take(at("dead.example")).await.is_some());
    }
}
