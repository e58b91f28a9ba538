//! The part of a pass that talks to clusters: look at every workload of a promotion, make every
//! workload what the promotion wants. No transaction is open meanwhile.

use std::{sync::Arc, time::Duration};

use domain::{
    observation::{Observed, PlacedWorkload},
    promotion::{Desired, DesiredTemplate, Promotion},
};
use futures::future::join_all;
use ports::{ApplyOutcome, Cluster, ClusterError, TemplateChange, WorkloadChange};

use crate::clusters::registry::Registry;

/// A cluster that takes longer than this to answer is treated as one that does not: a pass must
/// not hold its lease for ever.
const PATIENCE: Duration = Duration::from_secs(15);

/// What looking gave.
pub(crate) struct Look {
    /// The workloads that were read.
    pub(crate) seen: Vec<(PlacedWorkload, Observed)>,
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

/// Looks at every workload of the plan, all clusters at once.
pub(crate) async fn look(registry: &Registry, promotion: &Promotion) -> Look {
    let looks = promotion.plan.workloads.iter().map(|planned| async move {
        let cluster = registry.handle(planned.placed.cluster).await;
        let seen = match cluster {
            Ok(cluster) => patiently(cluster.observe(&planned.placed.workload)).await,
            Err(error) => Err(error),
        };
        seen.map(|seen| (planned.placed.clone(), seen)).map_err(|e| in_words(&planned.cluster_name, &e))
    });
    let mut look = Look { seen: Vec::new(), trouble: None };
    for result in join_all(looks).await {
        match result {
            Ok(one) => look.seen.push(one),
            Err(words) => look.trouble = Some(words),
        }
    }
    look
}

/// Makes every workload what is desired, all clusters at once.
pub(crate) async fn apply(registry: &Registry, promotion: &Promotion, desired: Desired, cause: &str) -> Applied {
    let stamp = desired.stamp;
    let changes = desired.workloads.into_iter().map(|wanted| async move {
        let template = match wanted.template {
            DesiredTemplate::Images(images) => TemplateChange::Images(images),
            DesiredTemplate::Restored(template) => TemplateChange::Restore(template),
        };
        let change = WorkloadChange {
            workload: wanted.placed.workload.clone(),
            stamp,
            template,
            over: wanted.over,
            change_cause: cause.to_owned(),
        };
        let outcome = match registry.handle(wanted.placed.cluster).await {
            Ok(cluster) => write(&cluster, &change).await,
            Err(error) => Err(error),
        };
        (wanted.cluster_name, change.workload, outcome)
    });
    let mut wrote = false;
    let mut trouble = None;
    for (cluster_name, workload, outcome) in join_all(changes).await {
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
                let why = format!("{cluster_name} {workload} belongs to {}. {}", manager.words(), manager.advice());
                return Applied::Refused(why);
            }
            Err(ClusterError::Invalid(message)) => {
                return Applied::Refused(format!("{cluster_name} {workload}: {message}"));
            }
            Err(error) => trouble = Some(in_words(&cluster_name, &error)),
        }
    }
    tracing::debug!(promotion.number = promotion.number, wrote, "applied what the promotion wants");
    trouble.map_or(Applied::Settled { wrote }, Applied::Trouble)
}

async fn write(cluster: &Arc<dyn Cluster>, change: &WorkloadChange) -> Result<ApplyOutcome, ClusterError> {
    patiently(cluster.apply(change)).await
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
