//! 'Test' of a cluster's metric source: whether it answers, and whether it has what rules about the targets there
//! will ask for. What is missing is said by what is there instead.

use std::collections::BTreeSet;

use contract::{
    Answer,
    analysis::{MetricTestView, PlaneFound},
};
use domain::{
    analysis::{DataPlane, HealthCheck, Matchers, default_rules, presence, scrape_seconds, window_warning},
    ids::ClusterId,
    names::Namespace,
};
use ports::{MetricError, MetricSource};
use store::Target;

use super::metrics::{ClusterMetrics, patiently};
use crate::{Engine, error::OrFail, judging, strategies};

/// So many namespaces are named; the rest would not be read.
const NAMED: usize = 5;

impl Engine {
    pub(super) async fn try_metric_source(&self, cluster: &str, plane: &str) -> Answer<MetricTestView> {
        let plane = strategies::plane(plane)?;
        let cluster = self.cluster_to_read(cluster).await?;
        let metrics = match self.metrics_of(cluster.id).await {
            Ok(metrics) => metrics,
            Err(error) => return Ok(problem(&error)),
        };
        let version = match patiently(metrics.source.check(self.now())).await {
            Ok(version) => version,
            Err(error) => return Ok(problem(&error)),
        };
        let plane = match plane {
            Some(plane) => {
                let namespaces = self.target_namespaces(cluster.id).await?;
                match self.look_for(&metrics, plane, &namespaces).await {
                    Some(found) => Some(self.warned(cluster.id, plane, found).await?),
                    None => None,
                }
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
        metrics: &ClusterMetrics,
        plane: DataPlane,
        namespaces: &[Namespace],
    ) -> Option<PlaneFound> {
        let source = &*metrics.source;
        let questions = presence(plane, namespaces, &metrics.cluster)?;
        let number = self.number_of(source, &questions.series).await;
        let (series, problem) = match number.map(whole) {
            Ok(0) => {
                let mut there = Missing::Nothing;
                // From what is nearest to what was asked: the cluster's other namespaces, then other clusters.
                for (cluster, elsewhere) in [
                    (&metrics.cluster, Missing::Namespaces as fn(u64) -> Missing),
                    (&Matchers::default(), Missing::Cluster),
                ] {
                    let query = presence(plane, &[], cluster)?.series;
                    match self.number_of(source, &query).await.map(whole) {
                        Ok(0) => {}
                        Ok(series) => {
                            there = elsewhere(series);
                            break;
                        }
                        Err(error) => {
                            there = Missing::Unknown(error);
                            break;
                        }
                    }
                }
                (0, Some(there.words(plane, namespaces, &metrics.cluster)))
            }
            Ok(series) => (series, None),
            Err(error) => (0, Some(error.to_string())),
        };
        let interval = match series {
            0 => None,
            // A source that does not tell has numbers all the same.
            _ => self.number_of(source, &questions.interval).await.ok().and_then(scrape_seconds),
        };
        Some(PlaneFound {
            plane: plane.words().to_owned(),
            series,
            query: questions.series,
            problem,
            scrape_seconds: interval,
            warnings: Vec::new(),
        })
    }

    /// A number that a source answers; 0 for nothing.
    async fn number_of(&self, source: &dyn MetricSource, query: &str) -> Result<f64, MetricError> {
        let reading = patiently(source.instant(query, self.now())).await?;
        Ok(reading.latest().unwrap_or_default())
    }

    async fn warned(&self, cluster: ClusterId, plane: DataPlane, found: PlaneFound) -> Answer<PlaneFound> {
        let warnings = match found.scrape_seconds {
            Some(seconds) => self.window_warnings(cluster, plane, seconds).await?,
            None => Vec::new(),
        };
        Ok(PlaneFound { warnings, ..found })
    }

    /// The rules that look at too few scrapes: those in force for targets of a cluster whose requests `plane` counts,
    /// or where there are none, those that they would begin with.
    async fn window_warnings(&self, cluster: ClusterId, plane: DataPlane, scrape_seconds: u32) -> Answer<Vec<String>> {
        let mut read = self.store().read().await.or_fail(self)?;
        let is_counted = |target: &Target| {
            let counts = target.strategy.candidate().and_then(|(_, settings)| settings.metrics());
            counts == Some(plane) && target.workloads.iter().any(|one| one.cluster == cluster)
        };
        let targets: Vec<Target> = read.targets().await.or_fail(self)?.into_iter().filter(is_counted).collect();
        let mut warnings = Vec::new();
        if targets.is_empty() {
            let rules = default_rules(Some(plane), &HealthCheck::Readiness);
            warnings.extend(rules.iter().filter_map(|rule| window_warning(rule, scrape_seconds)));
        }
        let environments = read.environments().await.or_fail(self)?;
        for target in targets {
            let Some(service) = read.service(target.service).await.or_fail(self)? else { continue };
            let Some(environment) = environments.iter().find(|one| one.id == target.environment) else { continue };
            let levels = judging::levels(&mut read, service.tier, &target).await.or_fail(self)?;
            let found = judging::in_force_for(&target.strategy, true, levels);
            let words = found.rules.iter().filter_map(|one| window_warning(&one.rule, scrape_seconds));
            warnings.extend(words.map(|words| format!("{} in {}: {words}", service.name, environment.title)));
        }
        let more = warnings.len().saturating_sub(NAMED);
        warnings.truncate(NAMED);
        warnings.extend((more > 0).then(|| format!("the same goes for {more} more rules")));
        Ok(warnings)
    }
}

fn problem(error: &MetricError) -> MetricTestView {
    MetricTestView { problem: Some(error.to_string()), ..MetricTestView::default() }
}

/// What is there in place of what rules ask for.
enum Missing {
    Nothing,
    /// So many series of the cluster, to other namespaces.
    Namespaces(u64),
    /// So many series of other clusters.
    Cluster(u64),
    Unknown(MetricError),
}

impl Missing {
    fn words(&self, plane: DataPlane, namespaces: &[Namespace], cluster: &Matchers) -> String {
        match self {
            Self::Nothing => {
                "it has no requests of it; see that its metrics are scraped, and that some were sent".to_owned()
            }
            Self::Namespaces(series) => format!(
                "it has {series} series of {}, but none of requests to {}, where targets of this cluster are; see that \
                 some were sent there, and that the scrape keeps the labels that name the namespace",
                plane.words(),
                named(namespaces)
            ),
            Self::Cluster(series) => {
                format!("it has {series} series of {}, but none with {cluster}; correct the labels", plane.words())
            }
            Self::Unknown(error) => error.to_string(),
        }
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
