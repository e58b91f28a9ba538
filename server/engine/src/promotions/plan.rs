//! Makes the plan of a promotion: which image of the version goes into which container of which
//! workload. Made when a promotion is asked for and again whenever it is judged, so that a change
//! of target or rules voids what was approved.

use std::collections::BTreeMap;

use domain::{
    analysis::{JudgingPolicy, JudgingSettings, LateBreach, Level},
    deployment::Cause,
    environment::EnvironmentRules,
    git::{FieldError, GitPlace, GitPlan},
    ids::{ClusterId, VersionId},
    image::ContainerImage,
    observation::{PlacedWorkload, WorkloadRef},
    promotion::{CandidatePlan, Plan, WorkloadPlan},
    strategy::Strategy,
    traffic::candidate_of,
    version::VersionImage,
};
use store::{Target, TargetWorkload};

use crate::judging::in_force_for;

/// Why no plan can be made; the text says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PlanError {
    /// Nothing to roll out to.
    #[error(
        "Slipway does not know where this service runs in {environment}; set its workloads, or report the deployments that your pipeline does"
    )]
    NoWorkloads {
        /// The environment's title.
        environment: String,
    },
    /// A container wants an image that the version does not have.
    #[error(
        "this version has no image for the component {component}, which the container {container} of {workload} needs"
    )]
    NoImage {
        /// The component.
        component: String,
        /// The container.
        container: String,
        /// The workload.
        workload: String,
    },
    /// The strategy exposes a workload that the target does not have.
    #[error("the strategy tries {exposed} first, but the target has no such workload; set the target's strategy again")]
    NotExposed {
        /// The workload that the strategy names.
        exposed: String,
    },
    /// The strategy would try a second Deployment beside an object that another tool works on.
    #[error(
        "{workload} is moved by the tool in charge of it, by that tool's own steps; set the target's strategy to rolling"
    )]
    Delegated {
        /// The workload.
        workload: String,
    },
    /// The strategy would try a second Deployment beside what a tool brings from Git.
    #[error(
        "the version is committed to {file}, from where a tool brings it into the cluster as a whole; set the target's strategy to rolling, or take its Git place away"
    )]
    TriedBesideGit {
        /// The file.
        file: String,
    },
    /// The version does not have what a field of the file says.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// The version has several images and the container does not say which.
    #[error(
        "this version has several images, and the target does not say which of them goes into the container {container} of {workload}"
    )]
    WhichImage {
        /// The container.
        container: String,
        /// The workload.
        workload: String,
    },
}

/// What a plan is made for.
pub(crate) struct Wish<'a> {
    /// The version.
    pub(crate) version: VersionId,
    /// Its label.
    pub(crate) label: &'a str,
    /// Its images.
    pub(crate) images: &'a [VersionImage],
    /// How it gets in.
    pub(crate) strategy: &'a Strategy,
    /// Whether what a plain Helm release made may be written.
    pub(crate) may_write_helm: bool,
    /// Where the target's version lives, when that is a Git repository.
    pub(crate) git: Option<&'a GitPlace>,
}

/// The plan of fulfilling `wish` in `target` under `rules`; its number is 1.
///
/// # Errors
/// [`PlanError`] when an image is missing for a container, or there is no container.
pub(crate) fn make(
    wish: &Wish<'_>,
    target: &Target,
    cluster_names: &BTreeMap<ClusterId, String>,
    rules: &EnvironmentRules,
    environment: &str,
) -> Result<Plan, PlanError> {
    let (workloads, images) = (&target.workloads, wish.images);
    // A program outside is told what to do; it has no use for steps of ours.
    let strategy = if target.deployer.is_clusters() { wish.strategy } else { &Strategy::Rolling };
    if workloads.is_empty() && target.deployer.is_clusters() {
        return Err(PlanError::NoWorkloads { environment: environment.to_owned() });
    }
    let git = git_plan(wish, target, strategy)?;
    let mut placed: BTreeMap<PlacedWorkload, Vec<ContainerImage>> = BTreeMap::new();
    for row in workloads {
        let image = image_for(row, images, &row.workload)?;
        let key = PlacedWorkload { cluster: row.cluster, workload: row.workload.clone() };
        placed.entry(key).or_default().push(ContainerImage { container: row.container.clone(), image });
    }
    if let Some((_, settings)) = strategy.candidate()
        && !placed.keys().any(|placed| placed.workload.name == *settings.exposed())
    {
        return Err(PlanError::NotExposed { exposed: settings.exposed().to_string() });
    }
    if let Some((_, settings)) = strategy.candidate()
        && let Some(other) = placed
            .keys()
            .find(|placed| placed.workload.name == *settings.exposed() && !placed.workload.kind.is_deployment())
    {
        return Err(PlanError::Delegated { workload: other.workload.to_string() });
    }
    let workloads = placed
        .into_iter()
        .map(|(placed, mut images)| {
            images.sort();
            let cluster_name = cluster_names.get(&placed.cluster).cloned().unwrap_or_default();
            let candidate = candidate(strategy, &placed.workload);
            WorkloadPlan { placed, cluster_name, images, candidate }
        })
        .collect();
    Ok(Plan {
        number: 1,
        version: wish.version,
        may_write_helm: wish.may_write_helm,
        git,
        strategy: strategy.clone(),
        steps: strategy.steps(),
        workloads,
        deployer: target.deployer.clone(),
        rules_revision: rules.revision,
        approvals: rules.approvals.people(),
        healthy_in: rules.healthy_in,
        rollout_budget_seconds: rules.rollout_budget_seconds,
        watch_seconds: rules.watch_seconds,
        analysis: Vec::new(),
        judging: JudgingPolicy::default(),
    })
}

/// The plan with the rules that are in force for its target. A rollback is never rolled back by itself:
/// two versions that are both bad would take turns.
pub(crate) fn judged(plan: Plan, cause: Cause, levels: [(Level, JudgingSettings); 4]) -> Plan {
    let shows_pods = plan.workloads.iter().any(|planned| planned.placed.workload.kind.shows_pods());
    let found = in_force_for(&plan.strategy, shows_pods, levels);
    let late_breach = match cause {
        Cause::Rollback => LateBreach::Propose,
        Cause::Planned | Cause::Hotfix => found.policy.late_breach,
    };
    let judging = JudgingPolicy { late_breach, ..found.policy.clone() };
    // A rolling update has no side to look at while it goes on: what its pods show then is the rollout's own.
    let is_judged = plan.strategy.candidate().is_some() || plan.watch_seconds > 0;
    let analysis = if is_judged { found.into_rules() } else { Vec::new() };
    Plan { judging, analysis, ..plan }
}

/// What is committed, where the version lives in a repository: a tool brings it into the clusters, so nothing can be
/// tried beside what it writes.
fn git_plan(wish: &Wish<'_>, target: &Target, strategy: &Strategy) -> Result<Option<GitPlan>, PlanError> {
    let Some(place) = wish.git.filter(|_| target.deployer.is_clusters()) else { return Ok(None) };
    if strategy.candidate().is_some() {
        return Err(PlanError::TriedBesideGit { file: place.file.to_string() });
    }
    Ok(Some(GitPlan::make(place, wish.label, wish.images)?))
}

/// The candidate that the strategy tries beside a workload: only what serves the traffic has one.
fn candidate(strategy: &Strategy, workload: &WorkloadRef) -> Option<CandidatePlan> {
    let (ending, settings) = strategy.candidate()?;
    (workload.name == *settings.exposed())
        .then(|| CandidatePlan { workload: candidate_of(workload, ending), layer: settings.layer().clone() })
}

fn image_for(row: &TargetWorkload, images: &[VersionImage], workload: &WorkloadRef) -> Result<String, PlanError> {
    let found = match (&row.component, images) {
        // A version with one image is that image everywhere: `component` speaks of versions with several.
        (_, [only]) if only.component.is_none() => Some(only),
        (Some(component), _) => images.iter().find(|i| i.component.as_ref() == Some(component)),
        (None, _) => images.iter().find(|i| i.component.as_ref() == Some(&row.container)),
    };
    match (found, &row.component) {
        (Some(found), _) => Ok(found.image.reference()),
        (None, Some(component)) => Err(PlanError::NoImage {
            component: component.to_string(),
            container: row.container.to_string(),
            workload: workload.to_string(),
        }),
        (None, None) => {
            Err(PlanError::WhichImage { container: row.container.to_string(), workload: workload.to_string() })
        }
    }
}
