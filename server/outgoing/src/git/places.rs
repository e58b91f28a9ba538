//! How many repositories are worked on at once, each being a process and a folder: few for each host, so
//! that one which does not answer holds up no other.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use ports::GitError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// At one host.
const AT_ONE_HOST: usize = 4;

/// At all of them.
const AT_ALL: usize = 16;

/// The places at all hosts.
pub(super) struct Places {
    all: Arc<Semaphore>,
    hosts: Mutex<HashMap<String, Arc<Semaphore>>>,
}

/// A place, given back when it is dropped.
pub(super) struct Place {
    _host: OwnedSemaphorePermit,
    _all: OwnedSemaphorePermit,
}

impl Places {
    pub(super) fn new() -> Self {
        Self { all: Arc::new(Semaphore::new(AT_ALL)), hosts: Mutex::default() }
    }

    /// Waits for a place at the host, which takes none from other hosts meanwhile.
    ///
    /// # Errors
    /// [`GitError::Unreachable`] while Slipway is being stopped.
    pub(super) async fn take(&self, host: &str) -> Result<Place, GitError> {
        let stopped = |_| GitError::Unreachable("Slipway is being stopped".to_owned());
        let at_host = self.at(host).acquire_owned().await.map_err(stopped)?;
        let all = Arc::clone(&self.all).acquire_owned().await.map_err(stopped)?;
        Ok(Place { _host: at_host, _all: all })
    }

    fn at(&self, host: &str) -> Arc<Semaphore> {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(hosts.entry(host.to_owned()).or_insert_with(|| Arc::new(Semaphore::new(AT_ONE_HOST))))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use futures::FutureExt as _;

    use super::{AT_ONE_HOST, Places};

    #[tokio::test]
    async fn a_host_that_does_not_answer_holds_up_no_other() {
        let places = Places::new();
        let first = places.take("dead.example").await.unwrap();
        let mut others = Vec::new();
        for _ in 1..AT_ONE_HOST {
            others.push(places.take("dead.example").await.unwrap());
        }
        assert!(places.take("dead.example").now_or_never().is_none(), "one more at that host");
        assert!(places.take("git.example").now_or_never().is_some());
        drop(first);
        assert!(places.take("dead.example").now_or_never().is_some());
    }
}
