//! What can go wrong between Slipway and the practice cluster, set by tests and demonstrations. The
//! place for faults by seed: they would be drawn here, call by call.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use ports::ClusterError;

/// What happens to a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It takes effect and is answered.
    Answered,
    /// It takes effect, but the answer is lost.
    AnswerLost,
    /// It has no effect and fails like this.
    Failed(ClusterError),
}

#[derive(Debug)]
struct State {
    is_reachable: bool,
    next: VecDeque<Fate>,
    latency: Duration,
}

/// The faults of one cluster.
#[derive(Debug)]
pub(crate) struct Faults {
    state: Mutex<State>,
}

impl Default for Faults {
    fn default() -> Self {
        let state = State { is_reachable: true, next: VecDeque::new(), latency: Duration::ZERO };
        Self { state: Mutex::new(state) }
    }
}

impl Faults {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_reachable(&self, is_reachable: bool) {
        self.state().is_reachable = is_reachable;
    }

    pub(crate) fn is_reachable(&self) -> bool {
        self.state().is_reachable
    }

    pub(crate) fn set_latency(&self, latency: Duration) {
        self.state().latency = latency;
    }

    pub(crate) fn push(&self, count: usize, fate: &Fate) {
        self.state().next.extend(std::iter::repeat_n(fate.clone(), count));
    }

    /// Waits as long as the cluster is slow, and says what becomes of this call.
    pub(crate) async fn fate(&self) -> Fate {
        let (latency, fate) = {
            let mut state = self.state();
            let fate = if state.is_reachable {
                state.next.pop_front().unwrap_or(Fate::Answered)
            } else {
                Fate::Failed(unreachable())
            };
            (state.latency, fate)
        };
        if !latency.is_zero() {
            tokio::time::sleep(latency).await;
        }
        fate
    }
}

pub(crate) fn unreachable() -> ClusterError {
    ClusterError::Unreachable("connection refused (the practice cluster is switched off)".to_owned())
}

pub(crate) fn answer_lost() -> ClusterError {
    ClusterError::Unreachable("the connection was closed before the answer".to_owned())
}
