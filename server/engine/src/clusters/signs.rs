//! Signs of life: whether each cluster answers at this moment, for whoever looks after Slipway.
//!
//! The watches notice a cluster that says nothing any more when they renew their requests, which takes up
//! to a minute. Here each is asked, all side by side, for no longer than a given patience. Everyone may
//! ask how Slipway is, so clusters are asked anew only when the last answers are no longer fresh, and by
//! one at a time.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use domain::ids::ClusterId;
use futures::future::join_all;
use ports::{ClusterError, NamespaceScope};
use store::{Cluster, ClusterTrouble, StoreError};
use tokio::sync::Mutex;

use super::trouble_of;
use crate::Engine;

/// For how long an answer counts: whoever asks how Slipway is does it every few seconds.
const FRESH: Duration = Duration::from_secs(5);

/// How a cluster is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterSign {
    /// Its name.
    pub name: String,
    /// What is wrong with it, in words without addresses and secrets; `None` when nothing is.
    pub trouble: Option<String>,
    /// Since when its watch is not well.
    pub since: Option<DateTime<Utc>>,
    /// How long it took to ask it.
    pub took: Duration,
}

/// How a cluster answered.
struct Sign {
    trouble: Option<String>,
    took: Duration,
}

/// The last answers.
#[derive(Default)]
pub(crate) struct Signs {
    last: Mutex<Option<(Instant, HashMap<ClusterId, Sign>)>>,
}

impl Engine {
    /// Every cluster with how it answers when it is asked for nothing but its version, waiting for each
    /// at most `patience`; by name.
    ///
    /// # Errors
    /// [`StoreError`] when the list of clusters cannot be read.
    pub async fn signs_of_clusters(&self, patience: Duration) -> Result<Vec<ClusterSign>, StoreError> {
        let clusters = self.store().read().await?.clusters().await?;
        let mut last = self.signs().last.lock().await;
        let known = last.take().filter(|(at, _)| at.elapsed() < FRESH);
        let (at, mut signs) = known.unwrap_or_else(|| (Instant::now(), HashMap::new()));
        let unknown = clusters.iter().filter(|cluster| !signs.contains_key(&cluster.id));
        let asked: Vec<_> = unknown.map(|cluster| self.sign_of(cluster.clone(), patience)).collect();
        signs.extend(join_all(asked).await);
        let told = clusters.iter().map(|cluster| {
            let sign = signs.get(&cluster.id);
            ClusterSign {
                name: cluster.name.to_string(),
                trouble: sign.and_then(|sign| sign.trouble.clone()).or_else(|| trouble_found(cluster)),
                since: cluster.unreachable_since,
                took: sign.map_or(Duration::ZERO, |sign| sign.took),
            }
        });
        let told = told.collect();
        *last = Some((at, signs));
        Ok(told)
    }

    async fn sign_of(&self, cluster: Cluster, patience: Duration) -> (ClusterId, Sign) {
        let begun = Instant::now();
        // Nothing in no namespace: then only the version is asked for.
        let nothing = NamespaceScope::Only(vec![]);
        let asking = async { self.clusters().handle_of(&cluster).await?.check(&nothing).await };
        let trouble = match tokio::time::timeout(patience, asking).await {
            Ok(Ok(_)) => None,
            Ok(Err(error)) => Some(words(&error)),
            Err(_) => Some(format!("no answer within {} s", patience.as_secs())),
        };
        (cluster.id, Sign { trouble, took: begun.elapsed() })
    }
}

/// What an error means, without the cluster's own words, which may have addresses in them.
fn words(error: &ClusterError) -> String {
    trouble_of(error).words().to_owned()
}

/// What its watch found to be wrong with a cluster that answers when it is asked.
fn trouble_found(cluster: &Cluster) -> Option<String> {
    cluster.unreachable_since?;
    Some(match cluster.trouble.unwrap_or(ClusterTrouble::Unreachable) {
        ClusterTrouble::Unreachable => "answers, but what runs in it cannot be watched".to_owned(),
        trouble => trouble.words().to_owned(),
    })
}
