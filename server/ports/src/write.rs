//! What a promotion wants, as calls to clusters: what to read for it, what to write for it.

use domain::{
    ids::ClusterId,
    observation::{PlacedWorkload, WorkloadKind},
    promotion::{Desired, DesiredJob, DesiredTemplate, Promotion, RefusedWrite, WorkloadPlan, WritePart},
};

use crate::{
    cluster::{
        ApplyOutcome, CandidateChange, Cluster, ClusterError, Route, RouteChange, TemplateChange, WorkloadChange,
    },
    job::{JobChange, JobWant},
};

/// One thing to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// A workload.
    Workload(WorkloadChange),
    /// The candidate beside one.
    Candidate(CandidateChange),
    /// Its share of the traffic.
    Route(RouteChange),
    /// A Job of a step.
    Job(JobChange),
}

/// What people call what is written, for what is said about it and told to Jobs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Called {
    /// For `kubernetes.io/change-cause`: who, what, why in one line.
    pub change_cause: String,
    /// The service.
    pub service: String,
    /// The version.
    pub version: String,
    /// The environment.
    pub environment: String,
}

/// A write with its cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlacedWrite {
    /// The workload that it is for.
    pub placed: PlacedWorkload,
    /// Its cluster's name, for messages.
    pub cluster_name: String,
    /// What to write.
    pub write: Write,
}

impl PlacedWrite {
    /// The cluster.
    #[must_use]
    pub const fn cluster(&self) -> ClusterId {
        self.placed.cluster
    }

    /// What is remembered of it when the cluster refuses it, in these words.
    #[must_use]
    pub fn refused(&self, words: &str) -> RefusedWrite {
        let words = format!("{} {}: {words}", self.cluster_name, self.write.shown());
        RefusedWrite { placed: self.placed.clone(), part: self.write.part(), words }
    }
}

impl Write {
    /// Writes it.
    ///
    /// # Errors
    /// [`ClusterError`], as for [`Cluster::apply`].
    pub async fn to(&self, cluster: &dyn Cluster) -> Result<ApplyOutcome, ClusterError> {
        match self {
            Self::Workload(change) => cluster.apply(change).await,
            Self::Candidate(change) => cluster.apply_candidate(change).await,
            Self::Route(change) => cluster.apply_route(change).await,
            Self::Job(change) => cluster.apply_job(change).await,
        }
    }

    /// Which part of a workload's change it is.
    #[must_use]
    pub const fn part(&self) -> WritePart {
        match self {
            Self::Workload(_) => WritePart::Workload,
            Self::Candidate(_) => WritePart::Candidate,
            Self::Route(_) => WritePart::Route,
            Self::Job(_) => WritePart::Job,
        }
    }

    /// The kind of the workload that it is for.
    #[must_use]
    pub fn kind(&self) -> WorkloadKind {
        match self {
            Self::Workload(change) => change.workload.kind,
            Self::Candidate(change) => change.route.stable.kind,
            Self::Route(change) => change.route.stable.kind,
            // What a tool says of it is said of workloads.
            Self::Job(_) => WorkloadKind::Deployment,
        }
    }

    /// The object, for messages: `shop/cart`.
    #[must_use]
    pub fn shown(&self) -> String {
        match self {
            Self::Workload(change) => change.workload.to_string(),
            Self::Candidate(change) => change.route.candidate.to_string(),
            Self::Route(change) => format!("{}/{}", change.route.stable.namespace, change.route.layer.words()),
            Self::Job(change) => format!("Job {}", change.job),
        }
    }
}

/// Everything that is desired, as writes. They may be made in any order: which parts may change together
/// was decided with what is desired.
#[must_use]
pub fn writes(desired: Desired, called: &Called) -> Vec<PlacedWrite> {
    let change_cause = called.change_cause.as_str();
    let workloads = desired.workloads.into_iter().map(|wanted| {
        let template = match wanted.template {
            DesiredTemplate::Images(images) => TemplateChange::Images(images),
            DesiredTemplate::Restored(template) => TemplateChange::Restore(template),
        };
        let change = WorkloadChange {
            workload: wanted.placed.workload.clone(),
            stamp: wanted.stamp,
            template,
            over: wanted.over,
            act: wanted.act,
            may_write_helm: wanted.may_write_helm,
            change_cause: change_cause.to_owned(),
        };
        PlacedWrite { placed: wanted.placed, cluster_name: wanted.cluster_name, write: Write::Workload(change) }
    });
    let candidates = desired.candidates.into_iter().map(|wanted| {
        let change = CandidateChange {
            route: Route {
                target: wanted.stamp.target,
                stable: wanted.placed.workload.clone(),
                candidate: wanted.candidate,
                track: wanted.track,
                layer: wanted.layer,
            },
            stamp: wanted.stamp,
            images: wanted.images,
            pods: wanted.pods,
            change_cause: change_cause.to_owned(),
        };
        PlacedWrite { placed: wanted.placed, cluster_name: wanted.cluster_name, write: Write::Candidate(change) }
    });
    let routes = desired.routes.into_iter().map(|wanted| {
        let change = RouteChange {
            route: Route {
                target: wanted.stamp.target,
                stable: wanted.placed.workload.clone(),
                candidate: wanted.candidate,
                track: wanted.track,
                layer: wanted.layer,
            },
            stamp: wanted.stamp,
            weight: wanted.weight,
            aside: wanted.aside,
            over: wanted.over,
            saved: wanted.saved,
            change_cause: change_cause.to_owned(),
        };
        PlacedWrite { placed: wanted.placed, cluster_name: wanted.cluster_name, write: Write::Route(change) }
    });
    let jobs = desired.jobs.into_iter().map(|wanted| {
        let (placed, cluster_name) = (wanted.placed.clone(), wanted.cluster_name.clone());
        PlacedWrite { placed, cluster_name, write: Write::Job(job(wanted, called)) }
    });
    workloads.chain(candidates).chain(routes).chain(jobs).collect()
}

fn job(wanted: DesiredJob, called: &Called) -> JobChange {
    let told = [
        ("SLIPWAY_VERSION", Some(called.version.clone())),
        ("SLIPWAY_IMAGE", wanted.image),
        ("SLIPWAY_SERVICE", Some(called.service.clone())),
        ("SLIPWAY_ENVIRONMENT", Some(called.environment.clone())),
        ("SLIPWAY_PROMOTION", Some(wanted.number.to_string())),
        ("SLIPWAY_CANDIDATE", wanted.candidate.map(|name| name.to_string())),
    ];
    let variables = told.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
    let want = if wanted.is_wanted {
        JobWant::There { template: wanted.template, seconds: wanted.seconds, variables }
    } else {
        JobWant::Gone
    };
    JobChange { job: wanted.job, stamp: wanted.stamp, want, change_cause: called.change_cause.clone() }
}

/// The workloads and candidates that a promotion looks at, each with the name of its cluster.
pub fn looked_at(promotion: &Promotion) -> impl Iterator<Item = (&str, PlacedWorkload)> {
    let planned = || promotion.plan.workloads.iter();
    let stable = planned().map(|one| (one.cluster_name.as_str(), one.placed.clone()));
    let candidates = planned().filter_map(|one| Some((one.cluster_name.as_str(), one.placed_candidate()?)));
    stable.chain(candidates)
}

/// The traffic of a workload of a promotion, where an object says who gets which share of it.
#[must_use]
pub fn route_of(promotion: &Promotion, planned: &WorkloadPlan) -> Option<Route> {
    sides_of(promotion, planned).filter(|route| route.layer.has_route())
}

/// A workload of a promotion and the candidate beside it, where there is one.
#[must_use]
pub fn sides_of(promotion: &Promotion, planned: &WorkloadPlan) -> Option<Route> {
    let candidate = planned.candidate.as_ref()?;
    let (track, _) = promotion.plan.strategy.candidate()?;
    Some(Route {
        target: promotion.target,
        stable: planned.placed.workload.clone(),
        candidate: candidate.workload.clone(),
        track,
        layer: candidate.layer.clone(),
    })
}
