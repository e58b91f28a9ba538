//! 'Test' of a cluster's metric source: whether it answers, and whether it has what rules about the targets there
//! will ask for. What is missing is said by what is there instead.

use std::collections::BTreeSet;

use contract::{
    Answer,
    analysis::{MetricTestView, PlaneFound},
};
use domain::{
    analysis::{DataPlane, presence},
    ids::ClusterId,
    names::Namespace,
};
use ports::{MetricError, MetricSource};

use super::metrics::patiently;
use crate::{Engine, error::OrFail, strategies};

/// So many namespaces are named; the rest would not be read.
const NAMED: usize = 5;

impl Engine {
    pub(super) async fn try_metric_source(&self, cluster: &str, plane: &str) -> Answer<MetricTestView> {
        let plane = strategies::plane(plane)?;
        let cluster = self.cluster_to_read(cluster).await?;
        let source = match self.metrics_of(cluster.id).await {
            Ok(source) => source,
            Err(error) => return Ok(problem(&error)),
        };
        let version = match patiently(source.check(self.now())).await {
            Ok(version) => version,
            Err(error) => return Ok(problem(&error)),
        };
        let plane = match plane {
            Some(plane) => {
                let namespaces = self.target_namespaces(cluster.id).await?;
                self.look_for(&*source, plane, &namespaces).await
            }
            None => None,
        };
        Ok(MetricTestView { problem: None, version, plane })
    }

    /// The namespaces in a cluster where targets have workloads.
    async fn target_namespaces(&self, cluster: ClusterId) -> Answer<Vec<Namespace>> {
        let mut read = self.store().read().await.or_fail(self)?;
        let owners = read.owners_in_cluster(cluster).await.or_fail(self)?;
        let namespaces: BTreeSet<Namespace> = owners.into_iter().map(|(workload, _)| workload.namespace).collect();
        Ok(namespaces.into_iter().collect())
    }

    /// Whether a source has numbers of a data plane. A source that has none is none that judges a version.
    async fn look_for(
        &self,
        source: &dyn MetricSource,
        plane: DataPlane,
        namespaces: &[Namespace],
    ) -> Option<PlaneFound> {
        let query = presence(plane, namespaces)?.series;
        let found = |series, problem| PlaneFound { plane: plane.words().to_owned(), series, query, problem };
        Some(match self.number_of(source, &presence(plane, namespaces)?.series).await {
            Ok(0) => {
                let elsewhere = match namespaces {
                    [] => Ok(0),
                    _ => self.number_of(source, &presence(plane, &[])?.series).await,
                };
                found(0, Some(missing(plane, namespaces, elsewhere)))
            }
            Ok(series) => found(series, None),
            Err(error) => found(0, Some(error.to_string())),
        })
    }

    /// A whole number that a source answers.
    async fn number_of(&self, source: &dyn MetricSource, query: &str) -> Result<u64, MetricError> {
        let reading = patiently(source.instant(query, self.now())).await?;
        Ok(reading.latest().map_or(0, whole))
    }
}

fn problem(error: &MetricError) -> MetricTestView {
    MetricTestView { problem: Some(error.to_string()), ..MetricTestView::default() }
}

/// What is wrong where nothing was found that rules ask for.
fn missing(plane: DataPlane, namespaces: &[Namespace], elsewhere: Result<u64, MetricError>) -> String {
    match elsewhere {
        Ok(0) => "it has no requests of it; see that its metrics are scraped, and that some were sent".to_owned(),
        Ok(series) => format!(
            "it has {series} series of {}, but none of requests to {}, where targets of this cluster are; see that some \
             were sent there, and that the scrape keeps the labels that name the namespace",
            plane.words(),
            named(namespaces)
        ),
        Err(error) => error.to_string(),
    }
}

fn named(namespaces: &[Namespace]) -> String {
    let mut names: Vec<String> = namespaces.iter().take(NAMED).map(ToString::to_string).collect();
    if namespaces.len() > NAMED {
        names.push(format!("{} more", namespaces.len() - NAMED));
    }
    match names.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
        None => String::new(),
    }
}

/// A number of series, which is never negative and never larger than memory.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast of a float stops at the ends of the whole numbers"
)]
fn whole(count: f64) -> u64 {
    count as u64
}
