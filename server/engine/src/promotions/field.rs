//! The part of a pass that talks to clusters: look at every workload of a promotion, make every
//! workload what the promotion wants. No transaction is open meanwhile.

use std::time::Duration;

use domain::promotion::{Desired, Promotion, Sight};
use futures::future::join_all;
use ports::{ApplyOutcome, ClusterError, looked_at, route_of, writes};

use crate::clusters::registry::Registry;

/// A cluster that takes longer than this to answer is treated as one that does not: a pass must
/// not hold its lease for ever.
const PATIENCE: Duration = Duration::from_secs(15);

/// What looking gave.
pub(crate) struct Look {
    /// The objects that were read.
    pub(crate) seen: Sight,
    /// Why some could not be.
    pub(crate) trouble: Option<String>,
}

/// What applying gave.
pub(crate) enum Applied {
    /// Every workload is as wanted now, or will be judged by the next look (someone else changed or
    /// marked it); whether anything was written.
    Settled {
        /// Whether this call wrote.
        wrote: bool,
    },
    /// A cluster says that it will never take this.
    Refused(String),
    /// A cluster could not be told; try again later.
    Trouble(String),
}

/// Looks at every workload of the plan, its candidate and its traffic, all at once.
pub(crate) async fn look(registry: &Registry, promotion: &Promotion) -> Look {
    let looks = looked_at(promotion).map(|(cluster_name, placed)| async move {
        let seen = match registry.handle(placed.cluster).await {
            Ok(cluster) => patiently(cluster.observe(&placed.workload)).await,
            Err(error) => Err(error),
        };
        seen.map(|seen| (placed, seen)).map_err(|e| in_words(cluster_name, &e))
    });
    let routes = promotion.plan.workloads.iter().filter_map(|one| Some((one, route_of(one)?))).map(
        |(planned, route)| async move {
            let seen = match registry.handle(planned.placed.cluster).await {
                Ok(cluster) => patiently(cluster.observe_route(&route)).await,
                Err(error) => Err(error),
            };
            seen.map(|seen| (planned.placed.clone(), seen)).map_err(|e| in_words(&planned.cluster_name, &e))
        },
    );
    let (workloads, routes) = futures::join!(join_all(looks), join_all(routes));
    let mut look = Look { seen: Sight::default(), trouble: None };
    for result in workloads {
        match result {
            Ok(one) => look.seen.workloads.push(one),
            Err(words) => look.trouble = Some(words),
        }
    }
    for result in routes {
        match result {
            Ok(one) => look.seen.routes.push(one),
            Err(words) => look.trouble = Some(words),
        }
    }
    look
}

/// Makes everything what is desired, all clusters at once. Which parts may change together was decided
/// with what is desired.
pub(crate) async fn apply(registry: &Registry, promotion: &Promotion, desired: Desired, cause: &str) -> Applied {
    let writes = writes(desired, cause).into_iter().map(|placed| async move {
        let outcome = match registry.handle(placed.cluster).await {
            Ok(cluster) => patiently(placed.write.to(&*cluster)).await,
            Err(error) => Err(error),
        };
        (placed.cluster_name, placed.write.shown(), outcome)
    });
    let mut wrote = false;
    let mut trouble = None;
    for (cluster_name, object, outcome) in join_all(writes).await {
        match outcome {
            Ok(ApplyOutcome::Written) => wrote = true,
            // The next look sees each of these and the rules judge them.
            Ok(
                ApplyOutcome::Unchanged
                | ApplyOutcome::ChangedByOthers
                | ApplyOutcome::Overtaken(_)
                | ApplyOutcome::Missing,
            ) => {}
            Ok(ApplyOutcome::Managed(manager)) => {
                let why = format!("{cluster_name} {object} belongs to {}. {}", manager.words(), manager.advice());
                return Applied::Refused(why);
            }
            Err(ClusterError::Invalid(message)) => {
                return Applied::Refused(format!("{cluster_name} {object}: {message}"));
            }
            Err(error) => trouble = Some(in_words(&cluster_name, &error)),
        }
    }
    tracing::debug!(promotion.number = promotion.number, wrote, "applied what the promotion wants");
    trouble.map_or(Applied::Settled { wrote }, Applied::Trouble)
}

async fn patiently<T>(call: impl Future<Output = Result<T, ClusterError>>) -> Result<T, ClusterError> {
    match tokio::time::timeout(PATIENCE, call).await {
        Ok(result) => result,
        Err(_) => Err(ClusterError::Unreachable(format!("no answer within {} s", PATIENCE.as_secs()))),
    }
}

fn in_words(cluster_name: &str, error: &ClusterError) -> String {
    format!("cluster {cluster_name}: {error}")
}
