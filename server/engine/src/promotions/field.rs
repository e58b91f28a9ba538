//! The part of a pass that talks to clusters: look at every workload of a promotion, make every
//! workload what the promotion wants. No transaction is open meanwhile.

use std::time::Duration;

use domain::{
    observation::Manager,
    promotion::{Desired, Promotion, RefusedWrite, Sight, WritePart},
};
use futures::future::join_all;
use ports::{ApplyOutcome, Called, ClusterError, looked_at, route_of, sides_of, writes};

use crate::clusters::registry::Registry;

/// A cluster that takes longer than this to answer is treated as one that does not: a pass must
/// not hold its lease for ever.
const PATIENCE: Duration = Duration::from_secs(15);

/// What looking gave.
#[derive(Default)]
pub(crate) struct Look {
    /// The objects that were read.
    pub(crate) seen: Sight,
    /// Why some could not be, each once.
    pub(crate) troubles: Vec<String>,
    /// Why it is not known what sizes some workloads. What was known of it stays true for a while: nothing waits for
    /// an autoscaler.
    pub(crate) unsized_because: Vec<String>,
}

/// What applying gave. What it does not name is as wanted now, or will be judged by the next look (someone else
/// changed or marked it).
#[derive(Default)]
pub(crate) struct Applied {
    /// Whether this call wrote.
    pub(crate) wrote: bool,
    /// What clusters will never take.
    pub(crate) refused: Vec<RefusedWrite>,
    /// Why a cluster could not be told; it is tried again later.
    pub(crate) trouble: Option<String>,
}

/// Looks at every workload of the plan, its candidate and its traffic, all at once.
pub(crate) async fn look(registry: &Registry, promotion: &Promotion) -> Look {
    look_within(registry, promotion, PATIENCE).await
}

/// The same with a patience of its own for each cluster.
pub(crate) async fn look_within(registry: &Registry, promotion: &Promotion, patience: Duration) -> Look {
    let looks = looked_at(promotion).map(|(cluster_name, placed)| async move {
        let seen = match registry.handle(placed.cluster).await {
            Ok(cluster) => within(patience, cluster.observe(&placed.workload)).await,
            Err(error) => Err(error),
        };
        seen.map(|seen| (placed, seen)).map_err(|e| in_words(cluster_name, &e))
    });
    let routes = promotion.plan.workloads.iter().filter_map(|one| Some((one, route_of(promotion, one)?))).map(
        |(planned, route)| async move {
            let seen = match registry.handle(planned.placed.cluster).await {
                Ok(cluster) => within(patience, cluster.observe_route(&route)).await,
                Err(error) => Err(error),
            };
            seen.map(|seen| (planned.placed.clone(), seen)).map_err(|e| in_words(&planned.cluster_name, &e))
        },
    );
    let capacities = promotion.plan.workloads.iter().filter_map(|one| Some((one, sides_of(promotion, one)?))).map(
        |(planned, sides)| async move {
            let seen = match registry.handle(planned.placed.cluster).await {
                Ok(cluster) => within(patience, cluster.observe_capacity(&sides)).await,
                Err(error) => Err(error),
            };
            (planned, seen)
        },
    );
    let jobs = promotion.jobs().into_iter().map(|place| async move {
        let seen = match registry.handle(place.placed.cluster).await {
            Ok(cluster) => within(patience, cluster.observe_job(&place.job, &place.template)).await,
            Err(error) => Err(error),
        };
        seen.map(|seen| ((place.placed.cluster, place.job), seen)).map_err(|e| in_words(&place.cluster_name, &e))
    });
    let (workloads, routes, capacities, jobs) =
        futures::join!(join_all(looks), join_all(routes), join_all(capacities), join_all(jobs));
    let mut look = Look::default();
    for result in workloads {
        match result {
            Ok(one) => look.seen.workloads.push(one),
            Err(words) => once(&mut look.troubles, words),
        }
    }
    for result in routes {
        match result {
            Ok(one) => look.seen.routes.push(one),
            Err(words) => once(&mut look.troubles, words),
        }
    }
    for result in jobs {
        match result {
            Ok(one) => look.seen.jobs.push(one),
            Err(words) => once(&mut look.troubles, words),
        }
    }
    for (planned, result) in capacities {
        match result {
            Ok(one) => look.seen.capacities.push((planned.placed.clone(), one)),
            Err(error) => once(&mut look.unsized_because, in_words(&planned.cluster_name, &error)),
        }
    }
    look
}

/// What many objects of one cluster say is said once.
fn once(said: &mut Vec<String>, words: String) {
    if !said.contains(&words) {
        said.push(words);
    }
}

/// Makes everything what is desired, all clusters at once. Which parts may change together was decided
/// with what is desired.
pub(crate) async fn apply(
    registry: &Registry,
    promotion: &Promotion,
    mut desired: Desired,
    called: &Called,
) -> Applied {
    let nudges = std::mem::take(&mut desired.nudges);
    let writes = writes(desired, called).into_iter().map(|placed| async move {
        let outcome = match registry.handle(placed.cluster()).await {
            Ok(cluster) => patiently(placed.write.to(&*cluster)).await,
            Err(error) => Err(error),
        };
        (placed, outcome)
    });
    let nudges = nudges.into_iter().map(|asked| async move {
        let outcome = match registry.handle(asked.placed.cluster).await {
            Ok(cluster) => patiently(cluster.nudge(&asked.placed.workload, asked.nudge)).await,
            Err(error) => Err(error),
        };
        (asked, outcome)
    });
    let (written, nudged) = futures::join!(join_all(writes), join_all(nudges));
    let mut applied = Applied::default();
    for (placed, outcome) in written {
        let managed = |manager: &Manager| {
            format!("it belongs to {}. {}", manager.words(), manager.advice_for(placed.write.kind()))
        };
        let refused = applied.take(&placed.cluster_name, managed, outcome);
        applied.refused.extend(refused.map(|words| placed.refused(&words)));
    }
    for (asked, outcome) in nudged {
        let kind = asked.placed.workload.kind;
        let managed = |manager: &Manager| format!("it belongs to {}. {}", manager.words(), manager.advice_for(kind));
        if let Some(words) = applied.take(&asked.cluster_name, managed, outcome) {
            let words = format!("{} {}: {words}", asked.cluster_name, asked.placed.workload);
            applied.refused.push(RefusedWrite { placed: asked.placed, part: WritePart::Workload, words });
        }
    }
    tracing::debug!(promotion.number = promotion.number, applied.wrote, "applied what the promotion wants");
    applied
}

impl Applied {
    /// Takes in what came of one call; answers why the cluster refuses it for good, if it does.
    fn take(
        &mut self,
        cluster_name: &str,
        managed: impl Fn(&Manager) -> String,
        outcome: Result<ApplyOutcome, ClusterError>,
    ) -> Option<String> {
        match outcome {
            Ok(ApplyOutcome::Written) => self.wrote = true,
            // The next look sees each of these and the rules judge them.
            Ok(
                ApplyOutcome::Unchanged
                | ApplyOutcome::ChangedByOthers
                | ApplyOutcome::Overtaken(_)
                | ApplyOutcome::Missing,
            ) => {}
            Ok(ApplyOutcome::Managed(manager)) => return Some(managed(&manager)),
            Err(ClusterError::Invalid(message)) => return Some(message),
            Err(error) => self.trouble = Some(in_words(cluster_name, &error)),
        }
        None
    }
}

pub(super) async fn patiently<T>(call: impl Future<Output = Result<T, ClusterError>>) -> Result<T, ClusterError> {
    within(PATIENCE, call).await
}

async fn within<T>(patience: Duration, call: impl Future<Output = Result<T, ClusterError>>) -> Result<T, ClusterError> {
    match tokio::time::timeout(patience, call).await {
        Ok(result) => result,
        Err(_) => Err(ClusterError::Unreachable(format!("no answer within {} s", patience.as_secs()))),
    }
}

fn in_words(cluster_name: &str, error: &ClusterError) -> String {
    format!("cluster {cluster_name}: {error}")
}
