//! What sizes Deployments in the practice cluster: a controller that looks every 15 s at how many pods
//! the workload's share of the traffic needs. It grows at once and shrinks when that was so for a while,
//! as Kubernetes' does. Nobody but it and people change how many pods a workload asks for.

use std::collections::VecDeque;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    capacity::{Autoscaler, Capacity, Covered, DisruptionBudget},
    observation::WorkloadRef,
    traffic::{TrafficLayer, Weight},
};
use ports::Route;
use serde::{Deserialize, Serialize};

use crate::{
    cluster::{Inner, PracticeCluster},
    controller::Pace,
    routes::{key, service},
    seed::PracticeError,
    state::State,
};

/// How often Kubernetes' controller looks.
const EVERY_SECONDS: i64 = 15;

/// Looks within which the most that was needed counts; Kubernetes takes five minutes.
const LOOKS_KEPT: usize = 4;

/// An autoscaler to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewAutoscaler {
    /// The fewest pods.
    pub least: u32,
    /// The most pods.
    pub most: u32,
    /// Pods that all of the traffic needs.
    pub demand: u32,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PracticeAutoscaler {
    /// Which object says the workload's share, by its key.
    route: String,
    /// The Service whose share it is.
    service: String,
    least: u32,
    most: u32,
    demand: u32,
    looked_at: DateTime<Utc>,
    needed: VecDeque<u32>,
}

impl PracticeAutoscaler {
    /// How many pods it wants for this share at one look.
    fn look(&mut self, share: Weight) -> u32 {
        let needed = self.demand.saturating_mul(u32::from(share.as_percent())).div_ceil(100);
        self.needed.push_back(needed);
        while self.needed.len() > LOOKS_KEPT {
            self.needed.pop_front();
        }
        self.desired()
    }

    fn desired(&self) -> u32 {
        self.needed.iter().copied().max().unwrap_or(0).clamp(self.least, self.most.max(self.least))
    }
}

impl State {
    /// Plays the autoscalers up to `now`. Between two writes nothing changes that they look at, so it does
    /// not matter how often this is asked for.
    pub(crate) fn play_autoscalers(&mut self, now: DateTime<Utc>, pace: &Pace) {
        for (name, autoscaler) in &mut self.autoscalers {
            let share =
                self.routes.get(&autoscaler.route).map_or(Weight::NONE, |route| route.share(&autoscaler.service));
            while now >= autoscaler.looked_at + TimeDelta::seconds(EVERY_SECONDS) {
                autoscaler.looked_at += TimeDelta::seconds(EVERY_SECONDS);
                let wanted = autoscaler.look(share.rest());
                let Some(deployment) = self.deployments.get_mut(name) else { continue };
                // What is scaled to nothing is left alone.
                if deployment.replicas != wanted && deployment.replicas > 0 {
                    deployment.play(autoscaler.looked_at, pace);
                    deployment.replicas = wanted;
                    deployment.spec_changed(autoscaler.looked_at, pace);
                }
            }
        }
    }
}

impl Inner {
    pub(crate) fn observe_capacity_now(&self, route: &Route) -> std::io::Result<Capacity> {
        self.read(|state, _| {
            let autoscaler = state.autoscalers.get(&route.stable.to_string()).map(|found| Autoscaler {
                name: route.stable.name.to_string(),
                least: found.least,
                most: found.most,
                desired: found.desired(),
                made_by: None,
            });
            let budgets = state.budgets.get(&route.stable.to_string()).map(|allowed| DisruptionBudget {
                name: route.stable.name.to_string(),
                covers: if route.layer.has_route() { Covered::Stable } else { Covered::Both },
                allowed: *allowed,
            });
            Capacity { autoscaler, budgets: budgets.into_iter().collect(), unread: vec![] }
        })
    }
}

impl PracticeCluster {
    /// Has an autoscaler size a workload from now on; `layer` says the workload's share of the traffic.
    ///
    /// # Errors
    /// [`PracticeError::Storage`].
    pub fn autoscale(
        &self,
        workload: &WorkloadRef,
        layer: &TrafficLayer,
        new: NewAutoscaler,
    ) -> Result<(), PracticeError> {
        self.inner.write(|state, now| {
            let NewAutoscaler { least, most, demand } = new;
            let route = key(&workload.namespace, layer);
            let needed = VecDeque::from([demand]);
            let service = service(layer);
            let made = PracticeAutoscaler { route, service, least, most, demand, looked_at: now, needed };
            (state.autoscalers.insert(workload.to_string(), made), true)
        })?;
        Ok(())
    }

    /// All of the traffic needs so many pods from now on.
    ///
    /// # Errors
    /// [`PracticeError::Storage`].
    pub fn set_demand(&self, workload: &WorkloadRef, pods: u32) -> Result<(), PracticeError> {
        self.inner.write(|state, _| {
            let found = state.autoscalers.get_mut(&workload.to_string()).map(|found| found.demand = pods);
            (found, found.is_some())
        })?;
        Ok(())
    }

    /// A disruption budget over a workload's pods, of which so many may be evicted.
    ///
    /// # Errors
    /// [`PracticeError::Storage`].
    pub fn set_budget(&self, workload: &WorkloadRef, allowed: u32) -> Result<(), PracticeError> {
        self.inner.write(|state, _| (state.budgets.insert(workload.to_string(), allowed), true))?;
        Ok(())
    }
}
