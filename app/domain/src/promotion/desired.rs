//! What the clusters should look like in a state. Derived again on every pass, never queued.

use super::{
    DesiredCommit, DesiredNudge, JobRun, Phase, Promotion, RouteProgress, Run, StableWant, TakeBackCause, WorkloadPlan,
    WorkloadProgress, WritePart, by_git, progress::stands_against, way_back::waits_for_its_own,
};
use crate::{
    aside::Aside,
    delegated::ToolAct,
    deployment::Cause,
    image::ContainerImage,
    job::JobRef,
    names::WorkloadName,
    observation::{PlacedWorkload, Stamp, WorkloadKind, WorkloadRef},
    traffic::{CandidateName, TrafficLayer, Weight},
};

/// What the clusters should look like now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Desired {
    /// Each workload that this promotion writes.
    pub workloads: Vec<DesiredWorkload>,
    /// Each candidate, also one that should be gone.
    pub candidates: Vec<DesiredCandidate>,
    /// Each object that moves traffic.
    pub routes: Vec<DesiredRoute>,
    /// The commit that is to be made, where the version lives in a Git repository.
    pub commit: Option<DesiredCommit>,
    /// What is asked of tools that bring such a commit.
    pub nudges: Vec<DesiredNudge>,
    /// Each Job that should be made, or gone.
    pub jobs: Vec<DesiredJob>,
}

/// What a Job of a step should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DesiredJob {
    /// The workload beside which it runs.
    pub placed: PlacedWorkload,
    /// The cluster's name, for messages.
    pub cluster_name: String,
    /// The mark that the write carries.
    pub stamp: Stamp,
    /// The Job.
    pub job: JobRef,
    /// The CronJob from which it is made.
    pub template: WorkloadName,
    /// How long it may take.
    pub seconds: u32,
    /// Whether it should be there.
    pub is_wanted: bool,
    /// The promotion's number.
    pub number: i64,
    /// The image of the version beside which it runs.
    pub image: Option<String>,
    /// The Service of the candidate, where it has one.
    pub candidate: Option<WorkloadName>,
}

/// What one workload should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DesiredWorkload {
    /// Which object.
    pub placed: PlacedWorkload,
    /// The cluster's name, for messages.
    pub cluster_name: String,
    /// The mark that the write carries.
    pub stamp: Stamp,
    /// What its pod template should be.
    pub template: DesiredTemplate,
    /// The images, by container, over which this may be written: what ran before and what this
    /// promotion has set. Anything else was set by someone else and stays.
    pub over: Vec<ContainerImage>,
    /// What is asked of the tool in charge besides.
    pub act: Option<ToolAct>,
    /// Whether it may be written though a plain Helm release made it.
    pub may_write_helm: bool,
}

/// What a pod template should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DesiredTemplate {
    /// These images, everything else untouched.
    Images(Vec<ContainerImage>),
    /// Exactly this template.
    Restored(serde_json::Value),
}

/// What a candidate should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DesiredCandidate {
    /// The workload from which it is made.
    pub placed: PlacedWorkload,
    /// The cluster's name, for messages.
    pub cluster_name: String,
    /// The mark that the write carries.
    pub stamp: Stamp,
    /// The Deployment.
    pub candidate: WorkloadRef,
    /// How it is called.
    pub track: CandidateName,
    /// What moves the traffic to it.
    pub layer: TrafficLayer,
    /// The images that differ from the workload's, by container.
    pub images: Vec<ContainerImage>,
    /// Its pods; 0 when there should be no candidate.
    pub pods: u32,
}

/// What an object that moves traffic should say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DesiredRoute {
    /// The workload whose traffic it moves.
    pub placed: PlacedWorkload,
    /// The cluster's name, for messages.
    pub cluster_name: String,
    /// The mark that the write carries.
    pub stamp: Stamp,
    /// The Deployment that gets the share.
    pub candidate: WorkloadRef,
    /// How it is called.
    pub track: CandidateName,
    /// What moves the traffic.
    pub layer: TrafficLayer,
    /// The share.
    pub weight: Weight,
    /// What the candidate gets beside it.
    pub aside: Aside,
    /// The shares over which it may be written; any where this is empty.
    pub over: Vec<Weight>,
    /// What the object said before, to be put back when the share is nothing.
    pub saved: serde_json::Value,
}

/// What the clusters should look like now; `None` when this promotion wants nothing of them.
#[must_use]
pub fn desired(promotion: &Promotion) -> Option<Desired> {
    let (run, cause) = match &promotion.phase {
        Phase::Progressing { run, .. } => (run, None),
        Phase::TakingBack { run, cause, .. } => (run, Some(cause)),
        Phase::Waiting { .. }
        | Phase::Starting { .. }
        | Phase::Watching { .. }
        | Phase::Succeeded { .. }
        | Phase::Failed { .. }
        | Phase::Aborted { .. }
        | Phase::Rejected { .. }
        | Phase::Cancelled { .. }
        | Phase::Expired { .. }
        | Phase::Superseded { .. } => return None,
    };
    let planned = &promotion.plan.workloads;
    let is_taken = |part| move |planned: &&WorkloadPlan| !run.is_refused(&planned.placed, part);
    // A tool writes the objects of such a target, and nobody else.
    let is_by_git = promotion.git().is_some();
    let is_ours = |planned: &&WorkloadPlan| !is_by_git && cause.is_none_or(|cause| is_put_back(planned, cause));
    let is_routed = |planned: &&WorkloadPlan| cause.is_none_or(|cause| is_route_put_back(planned, cause));
    Some(Desired {
        workloads: planned
            .iter()
            .filter(is_ours)
            .filter(is_taken(WritePart::Workload))
            .filter_map(|one| workload(promotion, one, run))
            .collect(),
        candidates: planned
            .iter()
            .filter(is_taken(WritePart::Candidate))
            .filter_map(|one| candidate(promotion, one, run))
            .collect(),
        routes: planned
            .iter()
            .filter(is_routed)
            .filter(is_taken(WritePart::Route))
            .filter_map(|one| route(promotion, one, run))
            .collect(),
        commit: by_git::commit(promotion, run),
        nudges: by_git::nudges(promotion, run),
        jobs: run.jobs.iter().filter(|one| one.is_to_write()).map(|one| job(promotion, one, run)).collect(),
    })
}

impl Promotion {
    /// Whether a tool that goes step by step leaves its steps out: what has worked here before is not tried again.
    #[must_use]
    pub fn leaves_steps_out(&self) -> bool {
        self.cause == Cause::Rollback
    }

    /// Whether our mark of what is wanted was seen on everything that it belongs on: there is nothing
    /// to write then.
    #[must_use]
    pub fn is_all_told(&self) -> bool {
        let Some(run) = self.run() else { return false };
        if self.git().is_some() {
            return by_git::is_all_told(self, run);
        }
        if run.jobs.iter().any(JobRun::is_to_write) {
            return false;
        }
        let is_untouched = run.wanted.stable.generation == 0;
        // A tool is told again until it has done what was asked of it.
        let is_asked = run.asked.is_some() || matches!(self.phase, Phase::TakingBack { .. });
        if run.progress.iter().any(|progress| progress.tool.as_ref().is_some_and(|tool| tool.is_idle)) {
            return false;
        }
        let is_told_again = |progress: &WorkloadProgress| {
            is_asked || (self.leaves_steps_out() && progress.placed.workload.kind == WorkloadKind::Rollout)
        };
        let is_open = |progress: &WorkloadProgress| progress.tool.is_some() && !progress.is_complete;
        if run.progress.iter().any(|progress| is_open(progress) && is_told_again(progress)) {
            return false;
        }
        !run.progress.is_empty()
            && (is_untouched || run.progress.iter().all(|progress| progress.was_ours))
            && (!run.wanted.has_candidates() || run.candidates.iter().all(|progress| progress.was_ours))
            && (run.wanted.weight.generation == 0 || run.routes.iter().all(|route| route.was_ours))
    }
}

/// The mark of what was last wanted in `generation`.
pub(super) fn stamp(promotion: &Promotion, run: &Run, generation: u32) -> Stamp {
    Stamp { target: promotion.target, promotion: promotion.id, sequence: run.sequence, generation }
}

/// How a workload is named in messages: `eu-1 shop/cart`.
pub(super) fn shown(planned: &WorkloadPlan) -> String {
    format!("{} {}", planned.cluster_name, planned.placed.workload)
}

/// How what moves a workload's traffic is named in messages: `eu-1 shop/HTTPRoute cart`.
pub(super) fn shown_route(planned: &WorkloadPlan) -> String {
    let layer = planned.candidate.as_ref().map(|candidate| candidate.layer.words()).unwrap_or_default();
    format!("{} {}/{layer}", planned.cluster_name, planned.placed.workload.namespace)
}

/// A workload that someone else changed, or deleted, in the middle stays as they left it.
pub(super) fn is_put_back(planned: &WorkloadPlan, cause: &TakeBackCause) -> bool {
    match cause {
        TakeBackCause::ChangedByOthers { workload, .. } | TakeBackCause::Deleted { workload } => {
            *workload != shown(planned)
        }
        TakeBackCause::Rollout { .. }
        | TakeBackCause::Budget { .. }
        | TakeBackCause::Aborted { .. }
        | TakeBackCause::Superseded { .. }
        | TakeBackCause::RouteChanged { .. }
        | TakeBackCause::RefusedByCluster { .. }
        | TakeBackCause::Unserved { .. }
        | TakeBackCause::Deployer { .. }
        | TakeBackCause::Job { .. }
        | TakeBackCause::Breach { .. }
        | TakeBackCause::Undecided { .. }
        | TakeBackCause::Alert { .. } => true,
    }
}

/// The same for what moves its traffic.
pub(super) fn is_route_put_back(planned: &WorkloadPlan, cause: &TakeBackCause) -> bool {
    !matches!(cause, TakeBackCause::RouteChanged { route, .. } if *route == shown_route(planned))
}

/// The images that this run knows in the containers that it sets: those from before, and its own.
pub(super) fn known_images(planned: &WorkloadPlan, run: &Run) -> Vec<ContainerImage> {
    let is_set = |c: &&ContainerImage| planned.images.iter().any(|i| i.container == c.container);
    let saved = run.saved.iter().find(|saved| saved.placed == planned.placed);
    let before = saved.into_iter().flat_map(|saved| &saved.images).filter(is_set);
    planned.images.iter().chain(before).cloned().collect()
}

fn workload(promotion: &Promotion, planned: &WorkloadPlan, run: &Run) -> Option<DesiredWorkload> {
    let (template, act) = match run.wanted.stable.want {
        StableWant::AsItIs => return None,
        StableWant::Version => {
            let whole = promotion.templates.iter().find(|whole| whole.placed == planned.placed);
            let images = || DesiredTemplate::Images(planned.images.clone());
            let template = whole.map_or_else(images, |whole| DesiredTemplate::Restored(whole.template.clone()));
            (template, run.asked.or_else(|| promotion.leaves_steps_out().then_some(ToolAct::PromoteNow)))
        }
        StableWant::Before => {
            let saved = run.saved.iter().find(|saved| saved.placed == planned.placed)?;
            (DesiredTemplate::Restored(saved.template.clone()), Some(ToolAct::Back))
        }
    };
    Some(DesiredWorkload {
        placed: planned.placed.clone(),
        cluster_name: planned.cluster_name.clone(),
        stamp: stamp(promotion, run, run.wanted.stable.generation),
        template,
        over: known_images(planned, run),
        act: tool_act(planned.placed.workload.kind, act),
        may_write_helm: promotion.plan.may_write_helm,
    })
}

/// What a tool of this kind is asked besides: Argo CD, where it does not begin by itself, to begin.
fn tool_act(kind: WorkloadKind, act: Option<ToolAct>) -> Option<ToolAct> {
    match kind {
        WorkloadKind::Rollout => act,
        WorkloadKind::Application => match act {
            Some(ToolAct::Back) => act,
            Some(ToolAct::GoOn { .. } | ToolAct::Begin | ToolAct::PromoteNow) | None => Some(ToolAct::Begin),
        },
        WorkloadKind::Deployment | WorkloadKind::Kustomization | WorkloadKind::HelmRelease => None,
    }
}

fn candidate(promotion: &Promotion, planned: &WorkloadPlan, run: &Run) -> Option<DesiredCandidate> {
    let plan = planned.candidate.as_ref().filter(|_| run.wanted.has_candidates())?;
    Some(DesiredCandidate {
        placed: planned.placed.clone(),
        cluster_name: planned.cluster_name.clone(),
        stamp: stamp(promotion, run, run.wanted.candidates.generation),
        candidate: plan.workload.clone(),
        track: promotion.plan.strategy.candidate()?.0,
        layer: plan.layer.clone(),
        images: planned.images.clone(),
        pods: run.wanted.pods_of(&planned.placed),
    })
}

fn job(promotion: &Promotion, wanted: &JobRun, run: &Run) -> DesiredJob {
    let planned = promotion.plan.workloads.iter().find(|planned| planned.placed == wanted.placed);
    let candidate = planned.and_then(|planned| planned.candidate.as_ref());
    DesiredJob {
        placed: wanted.placed.clone(),
        cluster_name: wanted.cluster_name.clone(),
        stamp: stamp(promotion, run, wanted.generation),
        job: wanted.job.clone(),
        template: wanted.template.clone(),
        seconds: wanted.seconds,
        is_wanted: wanted.unwanted_since.is_none(),
        number: promotion.number,
        image: planned.and_then(|planned| planned.images.first()).map(|one| one.image.clone()),
        candidate: candidate.filter(|one| one.layer.service().is_some()).map(|one| one.workload.name.clone()),
    }
}

fn route(promotion: &Promotion, planned: &WorkloadPlan, run: &Run) -> Option<DesiredRoute> {
    let is_to_say = run.wanted.weight.generation > 0 && !run.wanted.is_without(&planned.placed);
    let plan = planned.candidate.as_ref().filter(|plan| plan.layer.has_route() && is_to_say)?;
    // What was not looked at yet is not written: its candidate may not be there.
    let last = run.routes.iter().find(|route| route.placed == planned.placed)?;
    let waits = |last: &RouteProgress| {
        stands_against(run, last, run.wanted.weight.want, &run.wanted.aside).is_some() || waits_for_its_own(run, last)
    };
    // Pods may have died since the share was decided: it waits for them.
    if !last.was_ours && waits(last) {
        return None;
    }
    let saved = run.saved_routes.iter().find(|saved| saved.placed == planned.placed)?;
    Some(DesiredRoute {
        placed: planned.placed.clone(),
        cluster_name: planned.cluster_name.clone(),
        stamp: stamp(promotion, run, run.wanted.weight.generation),
        candidate: plan.workload.clone(),
        track: promotion.plan.strategy.candidate()?.0,
        layer: plan.layer.clone(),
        weight: run.wanted.weight.want,
        aside: run.wanted.aside.clone(),
        over: run.wanted.over.clone(),
        saved: saved.rules.clone(),
    })
}
