//! The part of a pass that measures: each rule that is due is evaluated, all side by side, and what
//! comes is taken in together. A source that fails is a reading, never trouble of the cluster. Nothing
//! waits longer than the source's patience, and nothing at all once the promotion has gone elsewhere: an
//! abort, or whatever else happens to it meanwhile, ends the waiting.

use std::time::Duration;

use contract::Answer;
use domain::{
    analysis::{
        Backend, BuiltInCheck, Comparison, Given, Labels, Matchers, Measure, MetricRule, Queries, Reading, Resource,
        Route, Sample, SampleRange, Side, Watch, built_in_reading, queries, rules_to, without_later_pods,
    },
    names::ServiceName,
    observation::{Observed, PlacedWorkload},
    promotion::{Input, Promotion, Run, Sight, Subject, WorkloadPlan},
    traffic::{RouteObserved, TrafficLayer, Weight},
    version::VersionLabel,
};
use futures::future::join_all;
use ports::MetricError;
use store::{Change, StoreError};
use tokio::sync::broadcast::{Receiver, error::RecvError};

use crate::{
    Engine,
    clusters::metrics::{ClusterMetrics, patiently},
    error::OrFail,
};

/// Who is measured, by the names that people and clusters know.
struct Named {
    service: ServiceName,
    version: VersionLabel,
    /// What runs beside it; of no version that is known, the same name stands for both, and what is asked by it is
    /// not asked twice.
    stable: VersionLabel,
}

/// One evaluation: a rule about a workload at a moment.
struct Evaluation<'a> {
    metrics: &'a Result<ClusterMetrics, MetricError>,
    watch: &'a Watch,
    planned: &'a WorkloadPlan,
    subject: Subject,
    /// How many pods there were when the version was all there.
    settled: Option<u32>,
    labels: Labels,
    /// Those of the stable version, while there is one beside.
    stable: Option<Labels>,
    at: chrono::DateTime<chrono::Utc>,
}

impl Engine {
    /// Evaluates what is due and advances the promotion by it; answers it as it is then.
    pub(super) async fn measure(&self, promotion: Promotion, seen: &Sight) -> Answer<Promotion> {
        let at = self.now();
        if promotion.due(at).is_empty() {
            return Ok(promotion);
        }
        let mut changes = self.store().changes();
        let Some(named) = self.named(&promotion).await.or_fail(self)? else { return Ok(promotion) };
        tokio::select! {
            samples = samples(self, &promotion, &named, seen, at) => {
                if samples.is_empty() {
                    return Ok(promotion);
                }
                self.advance(promotion.id, Input::Measured(samples), None).await
            }
            () = self.gone_elsewhere(&promotion, &mut changes) => self.advance(promotion.id, Input::Clock, None).await,
        }
    }

    async fn named(&self, promotion: &Promotion) -> Result<Option<Named>, StoreError> {
        let mut read = self.store().read().await?;
        let service = read.service(promotion.service).await?;
        let version = read.version(promotion.plan.version).await?;
        let stable = match promotion.previous_version {
            Some(id) => read.version(id).await?.map(|version| version.label),
            None => None,
        };
        let (Some(service), Some(version)) = (service, version) else { return Ok(None) };
        let stable = stable.unwrap_or_else(|| version.label.clone());
        Ok(Some(Named { service: service.name, version: version.label, stable }))
    }

    /// Returns when the promotion is not any more where it was.
    async fn gone_elsewhere(&self, promotion: &Promotion, changes: &mut Receiver<Change>) {
        loop {
            let now = match self.store().read().await {
                Ok(mut read) => read.promotion(promotion.id).await,
                Err(error) => Err(error),
            };
            match now {
                Ok(Some(now)) if now.promotion.place() == promotion.place() => {}
                Ok(_) => return,
                // Without the database the samples cannot be kept either; that is found there.
                Err(_) => std::future::pending().await,
            }
            loop {
                match changes.recv().await {
                    Ok(change) if !change.may_be_about(promotion.id) => {}
                    Ok(_) | Err(RecvError::Lagged(_)) => break,
                    Err(RecvError::Closed) => std::future::pending().await,
                }
            }
        }
    }
}

/// Evaluates every rule that is due about every workload that is tried; of one rule the worst counts.
async fn samples(
    engine: &Engine,
    promotion: &Promotion,
    named: &Named,
    seen: &Sight,
    at: chrono::DateTime<chrono::Utc>,
) -> Vec<Sample> {
    let (Some(subject), Some(run)) = (promotion.judged(), promotion.run()) else { return Vec::new() };
    let tried = tried(&promotion.plan.workloads, subject);
    let sources = join_all(tried.iter().map(|planned| engine.metrics_of(planned.placed.cluster))).await;
    let (tried, sources) = (tried.as_slice(), sources.as_slice());
    let of_rule = promotion.due(at).into_iter().map(|watch| {
        let is_request = watch.rule.measure().is_request();
        let evaluations = tried.iter().zip(sources).filter(move |_| !is_request).map(|(planned, metrics)| {
            let cluster = metrics.as_ref().map(|metrics| metrics.cluster.clone()).unwrap_or_default();
            let labels =
                |side| Labels { cluster: cluster.clone(), ..labels(named, run, planned, (subject, side), seen) };
            let evaluation = Evaluation {
                metrics,
                watch,
                planned,
                subject,
                settled: settled(run, planned, subject),
                labels: labels(Side::Canary),
                stable: (subject == Subject::Candidate && is_beside(planned)).then(|| labels(Side::Stable)),
                at,
            };
            async move { evaluation.sample(seen).await }
        });
        async move {
            if is_request {
                return Some(health_sample(engine, promotion, watch, at).await);
            }
            worst(tried, join_all(evaluations).await)
        }
    });
    join_all(of_rule).await.into_iter().flatten().collect()
}

/// What is looked at: what is tried, or, where nothing is tried first, all whose pods are to be seen.
fn tried(workloads: &[WorkloadPlan], subject: Subject) -> Vec<&WorkloadPlan> {
    let has_candidates = workloads.iter().any(|planned| planned.candidate.is_some());
    let is_looked_at = |planned: &&WorkloadPlan| match (has_candidates, subject) {
        (true, _) | (false, Subject::Candidate) => planned.candidate.is_some(),
        (false, Subject::Workload) => planned.placed.workload.kind.shows_pods(),
    };
    workloads.iter().filter(is_looked_at).collect()
}

/// Asks the target itself, once for all of its workloads.
async fn health_sample(
    engine: &Engine,
    promotion: &Promotion,
    watch: &Watch,
    at: chrono::DateTime<chrono::Utc>,
) -> Sample {
    let Some(health) = &promotion.plan.judging.health else {
        let why = "the target has no address that could be asked".to_owned();
        return Sample::judged(&watch.rule, at, "health check".to_owned(), Reading::Unreadable { why });
    };
    let patience = Duration::from_secs(u64::from(health.timeout_seconds));
    let asked = engine.parts.metrics.health().ask(&health.address, patience).await;
    let reading = asked.unwrap_or_else(|error| error.reading());
    Sample::judged(&watch.rule, at, format!("GET {}", health.address), reading)
}

/// The worst sample of those of one rule; with the cluster's name where there are several.
fn worst(tried: &[&WorkloadPlan], samples: Vec<Option<Sample>>) -> Option<Sample> {
    let is_alone = tried.len() == 1;
    let named = tried.iter().zip(samples).filter_map(|(planned, sample)| {
        let mut sample = sample?;
        if !is_alone {
            sample.judgement.words = format!("{}: {}", planned.cluster_name, sample.judgement.words);
        }
        Some(sample)
    });
    named.max_by_key(|sample| sample.judgement.verdict)
}

impl Evaluation<'_> {
    /// The sample; `None` when there was nothing to look at for a check of our own.
    async fn sample(&self, seen: &Sight) -> Option<Sample> {
        let rule = &self.watch.rule;
        let asked = match queries(rule, &self.labels) {
            Ok(Queries::BuiltIn(check)) => return self.built_in(check, seen),
            Ok(asked) => asked,
            Err(why) => return Some(self.unasked(why.to_string())),
        };
        let Queries::Source { requests, .. } = &asked else { return None };
        let requests = requests.clone();
        let stable = self.stable.as_ref().filter(|_| has_two_sides(rule));
        let stable = stable.and_then(|labels| Some((queries(rule, labels).ok()?, labels)));
        let range = self.watch.range(self.at);
        let (canary, beside) = futures::join!(self.read(&asked, range.as_ref()), async {
            match &stable {
                Some((same, labels)) if *same == asked => Some((same.text(rule, labels), same_question())),
                Some((asked, labels)) => Some((asked.text(rule, labels), self.read(asked, range.as_ref()).await)),
                None => None,
            }
        });
        let query = asked.text(rule, &self.labels);
        let sample = match (rule.comparison(), beside) {
            (Comparison::Stable(_), Some((stable_query, stable))) => {
                Sample::compared(rule, self.at, (query, stable_query), (canary, stable))
            }
            // Beside a limit the stable version is only for the eye.
            (Comparison::Limits(_), Some((stable_query, stable))) => Sample {
                stable_query: Some(stable_query),
                stable: Some(stable),
                ..Sample::judged(rule, self.at, query, canary)
            },
            (_, None) => Sample::judged(rule, self.at, query, canary),
        };
        Some(sample.counted_by(requests))
    }

    /// A question that cannot be put: a person must mend the target.
    fn unasked(&self, why: String) -> Sample {
        let what = self.watch.rule.measure().words().to_owned();
        Sample::judged(&self.watch.rule, self.at, what, Reading::Unreadable { why })
    }

    /// The answers to the questions of one side, put at the same time.
    async fn read(&self, asked: &Queries, range: Option<&SampleRange>) -> Reading {
        let Queries::Source { value, requests, .. } = asked else { return Reading::series([]) };
        let source = match self.metrics {
            Ok(metrics) => &metrics.source,
            Err(error) => return error.reading(),
        };
        let values = async {
            match range {
                Some(range) => source.range(value, range).await,
                None => source.instant(value, self.at).await,
            }
        };
        let counted = async {
            match requests {
                Some(query) => Some(source.instant(query, self.at).await),
                None => None,
            }
        };
        let answers = patiently(async { Ok::<_, MetricError>(futures::join!(values, counted)) }).await;
        let reading = |answer: Result<Reading, MetricError>| answer.unwrap_or_else(|error| error.reading());
        match answers {
            Ok((values, Some(counted))) => reading(values).with_requests(reading(counted)),
            Ok((values, None)) => reading(values),
            Err(error) => error.reading(),
        }
    }

    /// What the pods show, as they were just seen.
    fn built_in(&self, check: BuiltInCheck, seen: &Sight) -> Option<Sample> {
        let at: PlacedWorkload = match self.subject {
            Subject::Candidate => self.planned.placed_candidate()?,
            Subject::Workload => self.planned.placed.clone(),
        };
        let looked = seen.workloads.iter().find(|(placed, _)| *placed == at).map(|(_, observed)| observed)?;
        let reading = match looked {
            Observed::Present(now) => {
                let now = without_later_pods(now, self.settled.unwrap_or(u32::MAX));
                built_in_reading(check, std::slice::from_ref(&now)).unwrap_or_else(|| {
                    // A rule that is never evaluated would hold its step for ever.
                    Reading::Unreadable { why: "a request to the target is asked once for all workloads".to_owned() }
                })
            }
            Observed::Missing => Reading::series([]),
        };
        let query = Queries::BuiltIn(check).text(&self.watch.rule, &self.labels);
        Some(Sample::judged(&self.watch.rule, self.at, query, reading))
    }
}

/// How many pods a workload was left with when its rollout ended; a candidate has what Slipway gives it.
fn settled(run: &Run, planned: &WorkloadPlan, subject: Subject) -> Option<u32> {
    let progress = || run.progress.iter().find(|progress| progress.placed == planned.placed);
    match subject {
        Subject::Candidate => None,
        Subject::Workload => progress().map(|progress| progress.counts.wanted),
    }
}

/// What is known of the stable version by a question that is the new version's own: the answer would be as good as
/// that of the new version, whatever that is.
fn same_question() -> Reading {
    Reading::series([]).with_note("it is the same question, which does not tell the two versions apart")
}

/// Whether the numbers of the two versions differ by more than their names.
const fn has_two_sides(rule: &MetricRule) -> bool {
    match rule.measure() {
        Measure::Traffic { .. } | Measure::Resource { what: Resource::Cpu | Resource::Memory } => true,
        Measure::Custom { .. } => matches!(rule.comparison(), Comparison::Stable(_)),
        Measure::Resource { what: Resource::Disk } | Measure::BuiltIn { .. } => false,
    }
}

/// Which requests the candidate gets; none for itself once it is what the workload runs.
fn given(run: &Run, is_tried: bool) -> Given {
    let aside = &run.wanted.aside;
    Given {
        testers: is_tried && aside.testers.is_some(),
        share: run.wanted.weight.want > Weight::NONE,
        copies: is_tried && aside.mirror > Weight::NONE,
    }
}

/// What a side is called where requests are counted. After the rollout the version is what the workload
/// itself runs, so its numbers are those of the stable side.
fn labels(named: &Named, run: &Run, planned: &WorkloadPlan, (subject, side): (Subject, Side), seen: &Sight) -> Labels {
    let (is_new, side) = match (subject, side) {
        (Subject::Candidate, side) => (side == Side::Canary, side),
        (Subject::Workload, _) => (true, Side::Stable),
    };
    let (stable, candidate) = (&planned.placed.workload, planned.candidate.as_ref());
    let workload = match (side, candidate) {
        (Side::Canary, Some(candidate)) => candidate.workload.name.clone(),
        (Side::Canary, None) | (Side::Stable, _) => stable.name.clone(),
    };
    let layer = candidate.map(|candidate| &candidate.layer);
    let weight = run.wanted.weight.want;
    let is_tried = subject == Subject::Candidate;
    let given = given(run, is_tried);
    // As they are now, without what is ours: others may have added to them.
    let now = seen.routes.iter().find(|(placed, _)| *placed == planned.placed).and_then(|(_, seen)| match seen {
        RouteObserved::Present(now) => Some(&now.rules),
        RouteObserved::Missing => None,
    });
    let saved = || run.saved_routes.iter().find(|saved| saved.placed == planned.placed).map(|saved| &saved.rules);
    let rules = now.filter(|rules| rules.is_array()).or_else(saved);
    let to =
        |service| rules.map(|rules| rules_to(rules, (&stable.namespace, service), side, given)).unwrap_or_default();
    let (route_rules, port) = layer.and_then(TrafficLayer::service).map(to).unwrap_or_default();
    let backend = layer.and_then(TrafficLayer::service).map(|service| {
        // What switches a Service as a whole sends everything through that Service, whoever answers.
        let is_switched = matches!(layer, Some(TrafficLayer::Selector { .. })) && weight == Weight::ALL;
        let own = if side == Side::Canary && !is_switched { &workload } else { service };
        Backend { service: own.clone(), stable: service.clone(), port }
    });
    Labels {
        side,
        cluster: Matchers::default(),
        service: named.service.clone(),
        namespace: stable.namespace.clone(),
        version: if is_new { named.version.clone() } else { named.stable.clone() },
        backend,
        route: layer.and_then(|layer| match layer {
            TrafficLayer::GatewayApi { kind, route, .. } => Some(Route {
                namespace: stable.namespace.clone(),
                name: route.clone(),
                kind: *kind,
                rules: route_rules,
                is_shared: is_tried && given.share && weight != Weight::ALL,
            }),
            TrafficLayer::Replicas
            | TrafficLayer::Selector { .. }
            | TrafficLayer::Istio { .. }
            | TrafficLayer::IngressNginx { .. } => None,
        }),
        ingress: layer.and_then(|layer| match layer {
            TrafficLayer::IngressNginx { ingress, .. } => Some(ingress.clone()),
            TrafficLayer::Replicas
            | TrafficLayer::Selector { .. }
            | TrafficLayer::GatewayApi { .. }
            | TrafficLayer::Istio { .. } => None,
        }),
        workload,
    }
}

/// Whether the version that runs answers requests while the other one does: a Service that is switched as a
/// whole sends to one of them.
fn is_beside(planned: &WorkloadPlan) -> bool {
    let layer = planned.candidate.as_ref().map(|candidate| &candidate.layer);
    !matches!(layer, Some(TrafficLayer::Selector { .. }))
}
