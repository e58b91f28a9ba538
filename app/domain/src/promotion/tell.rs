//! What the objects of a live promotion tell: each workload, each candidate, each object that moves
//! traffic is judged by itself, against what the run wants of it.

use std::collections::BTreeMap;

use super::{
    Phase, Promotion, RouteProgress, Run, Sight, StableWant, TakeBackCause, WorkloadPlan, WorkloadProgress, WritePart,
    by_git,
    desired::{is_put_back, is_route_put_back, known_images, shown, shown_route, stamp},
};
use crate::{
    capacity::Capacity,
    delegated::ToolStatus,
    git::GitSight,
    ids::ClusterId,
    image::ContainerImage,
    job::{JobObserved, JobPlace, JobRef},
    observation::{Observed, PlacedWorkload, PodCounts, Stamp, WorkloadObservation},
    rollout::{Rollout, judge},
    traffic::{RouteObserved, TrafficLayer, Weight},
};

/// What was read, by object.
pub(super) struct Seen<'a> {
    workloads: BTreeMap<&'a PlacedWorkload, &'a Observed>,
    routes: BTreeMap<&'a PlacedWorkload, &'a RouteObserved>,
    pub(super) capacities: &'a [(PlacedWorkload, Capacity)],
    pub(super) git: Option<&'a GitSight>,
    jobs: &'a [((ClusterId, JobRef), JobObserved)],
}

impl<'a> Seen<'a> {
    pub(super) fn new(sight: &'a Sight) -> Self {
        Self {
            workloads: sight.workloads.iter().map(|(placed, seen)| (placed, seen)).collect(),
            routes: sight.routes.iter().map(|(placed, seen)| (placed, seen)).collect(),
            capacities: &sight.capacities,
            git: sight.git.as_ref(),
            jobs: &sight.jobs,
        }
    }

    pub(super) fn workload(&self, placed: &PlacedWorkload) -> Option<&'a Observed> {
        self.workloads.get(placed).copied()
    }

    pub(super) fn route(&self, placed: &PlacedWorkload) -> Option<&'a RouteObserved> {
        self.routes.get(placed).copied()
    }

    pub(super) fn job(&self, place: &JobPlace) -> Option<&'a JobObserved> {
        let is_it = |((cluster, job), _): &&((ClusterId, JobRef), JobObserved)| {
            *cluster == place.placed.cluster && *job == place.job
        };
        self.jobs.iter().find(is_it).map(|(_, seen)| seen)
    }

    /// Whether everything that a plan names was read; before the start the templates of its Jobs too.
    pub(super) fn is_whole(&self, promotion: &Promotion) -> bool {
        let is_starting = matches!(promotion.phase, Phase::Starting { .. });
        if is_starting && promotion.jobs().iter().any(|place| self.job(place).is_none()) {
            return false;
        }
        promotion.plan.workloads.iter().all(|planned| self.is_read(planned))
    }

    /// Whether a workload was read, with its candidate and what moves its traffic, where there are such.
    pub(super) fn is_read(&self, planned: &WorkloadPlan) -> bool {
        let is_routed = planned.candidate.as_ref().is_some_and(|candidate| candidate.layer.has_route());
        self.workload(&planned.placed).is_some()
            && planned.placed_candidate().is_none_or(|placed| self.workload(&placed).is_some())
            && (!is_routed || self.route(&planned.placed).is_some())
    }
}

/// What one object tells a live promotion.
pub(super) enum Told<P> {
    /// It is as far as its progress says.
    Progress(P),
    /// It went bad.
    Bad(P, TakeBackCause),
    /// Someone marked it after us.
    Overtaken(String),
}

/// What all of them tell.
#[derive(Default)]
pub(super) struct Telling {
    pub(super) workloads: Vec<WorkloadProgress>,
    pub(super) candidates: Vec<WorkloadProgress>,
    pub(super) routes: Vec<RouteProgress>,
    /// The first that is bad.
    pub(super) bad: Option<TakeBackCause>,
    /// What is left as somebody else has set it.
    pub(super) left: Vec<String>,
    /// Whether somebody else's share still reaches a candidate, which must stay then.
    pub(super) keeps_candidate: bool,
    pub(super) overtaken: Option<String>,
}

impl Telling {
    /// Hears everything that was read. While it is taken back for a cause, what somebody else has set
    /// is left, and trouble of what ran before is left to the budget.
    pub(super) fn hear(promotion: &Promotion, run: &Run, seen: &Seen, back: Option<&TakeBackCause>) -> Self {
        let mut telling = Self::default();
        for planned in &promotion.plan.workloads {
            let is_refused = |part| back.is_some() && run.is_refused(&planned.placed, part);
            let is_kept = is_refused(WritePart::Workload);
            match seen.workload(&planned.placed) {
                Some(observed) if !is_kept && back.is_none_or(|cause| is_put_back(planned, cause)) => {
                    let told = match promotion.git() {
                        Some(git) => by_git::workload(git, planned, observed, run),
                        None => workload(promotion, planned, observed, run),
                    };
                    if let Some(progress) = telling.take(told, back.is_some(), set_complete) {
                        telling.workloads.push(progress);
                    }
                }
                // It stays as somebody has set it, and its pods serve all the same.
                Some(Observed::Present(now)) => telling.workloads.push(left(planned, now, is_kept)),
                Some(Observed::Missing) | None => {}
            }
            let Some(placed) = planned.placed_candidate() else { continue };
            if let Some(observed) = seen.workload(&placed) {
                let told = candidate(promotion, planned, &placed, observed, run);
                if let Some(mut progress) = telling.take(told, back.is_some(), |_| {}) {
                    if is_refused(WritePart::Candidate) {
                        (progress.is_complete, progress.was_ours) = (true, true);
                    }
                    telling.candidates.push(progress);
                }
            }
            if let Some(observed) = seen.route(&planned.placed) {
                telling.hear_route(promotion, planned, &placed, observed, run, back);
            }
        }
        telling
    }

    fn hear_route(
        &mut self,
        promotion: &Promotion,
        planned: &WorkloadPlan,
        candidate: &PlacedWorkload,
        observed: &RouteObserved,
        run: &Run,
        back: Option<&TakeBackCause>,
    ) {
        let share = match observed {
            RouteObserved::Present(now) => now.weight,
            RouteObserved::Missing => Weight::NONE,
        };
        let is_left = back.is_some_and(|cause| {
            !is_route_put_back(planned, cause) || run.is_refused(&planned.placed, WritePart::Route)
        });
        if share == Weight::NONE && run.wanted.is_without(&planned.placed) {
            return;
        }
        let told = route(promotion, planned, candidate, observed, run);
        let is_bad = matches!(told, Told::Bad(..));
        let has_aside = matches!(observed, RouteObserved::Present(now) if !now.aside.is_nothing());
        // What cannot be read may send to the candidate, whatever share it seems to give.
        let unknown = match observed {
            RouteObserved::Present(now) => now.unfit.as_ref(),
            RouteObserved::Missing => None,
        };
        if back.is_some() && (is_left || is_bad) && (share > Weight::NONE || has_aside || unknown.is_some()) {
            self.keeps_candidate = true;
            let (shown, name) = (shown_route(planned), &candidate.workload.name);
            self.left.push(match unknown {
                Some(why) => format!("{shown} may still send to {name} ({why}); correct it, then delete {name}"),
                None => format!("{shown} gives {share} to {name}; set it to 0, then delete {name}"),
            });
        }
        if is_left {
            return;
        }
        let leave = |route: &mut RouteProgress| (route.is_settled, route.is_left) = (true, true);
        if let Some(progress) = self.take(told, back.is_some(), leave) {
            self.routes.push(progress);
        }
    }

    fn take<P>(&mut self, told: Told<P>, is_going_back: bool, leave: impl FnOnce(&mut P)) -> Option<P> {
        match told {
            Told::Progress(progress) => Some(progress),
            Told::Overtaken(object) => {
                self.overtaken.get_or_insert(object);
                None
            }
            // Nothing better is known than what ran before, so its trouble is left to the budget.
            Told::Bad(progress, TakeBackCause::Rollout { .. }) if is_going_back => Some(progress),
            Told::Bad(mut progress, cause) if is_going_back => {
                self.left.push(cause.words());
                leave(&mut progress);
                Some(progress)
            }
            Told::Bad(progress, cause) => {
                self.bad.get_or_insert(cause);
                Some(progress)
            }
        }
    }
}

/// A workload that somebody else has set, or whose change the cluster refused: nothing is wanted of it any more.
fn left(planned: &WorkloadPlan, now: &WorkloadObservation, is_refused: bool) -> WorkloadProgress {
    let words = if is_refused { "left: the cluster refused the change" } else { "left as someone else has set it" };
    let words = words.to_owned();
    let progress = progress_of(planned, &planned.placed, Some(now), words);
    WorkloadProgress { is_complete: true, was_ours: true, tool: None, ..progress }
}

fn set_complete(progress: &mut WorkloadProgress) {
    progress.is_complete = true;
}

/// Judges a workload against what the run wants of it.
fn workload(promotion: &Promotion, planned: &WorkloadPlan, observed: &Observed, run: &Run) -> Told<WorkloadProgress> {
    let saved = run.saved.iter().find(|saved| saved.placed == planned.placed);
    let wanted: &[ContainerImage] = match run.wanted.stable.want {
        StableWant::AsItIs => return untouched(planned, observed, run),
        StableWant::Version => &planned.images,
        StableWant::Before => saved.map_or(&[], |saved| &saved.images),
    };
    let mark = stamp(promotion, run, run.wanted.stable.generation);
    written(planned, observed, mark, wanted, run)
}

/// A workload that this promotion has not written: what it runs must be what was saved, and how its
/// pods are is not this version's doing.
fn untouched(planned: &WorkloadPlan, observed: &Observed, run: &Run) -> Told<WorkloadProgress> {
    let at = &planned.placed;
    let Observed::Present(now) = observed else {
        let gone = progress_of(planned, at, None, "it was deleted".to_owned());
        return Told::Bad(gone, TakeBackCause::Deleted { workload: shown(planned) });
    };
    let progress = WorkloadProgress {
        is_complete: true,
        ..progress_of(
            planned,
            at,
            Some(now),
            format!("{} of {} pods available", now.available_replicas, now.wanted_replicas),
        )
    };
    let saved = run.saved.iter().find(|saved| saved.placed == planned.placed);
    if saved.is_some_and(|saved| saved.images != now.images) {
        return Told::Bad(progress, changed_by_others(planned, now));
    }
    Told::Progress(progress)
}

/// A workload that should carry `mark` and run `wanted`.
fn written(
    planned: &WorkloadPlan,
    observed: &Observed,
    mark: Stamp,
    wanted: &[ContainerImage],
    run: &Run,
) -> Told<WorkloadProgress> {
    let at = &planned.placed;
    let was_ours = run.progress.iter().any(|p| p.placed == planned.placed && p.was_ours);
    let Observed::Present(now) = observed else {
        let gone = WorkloadProgress { was_ours, ..progress_of(planned, at, None, "it was deleted".to_owned()) };
        return Told::Bad(gone, TakeBackCause::Deleted { workload: shown(planned) });
    };
    if now.stamp.is_some_and(|found| found.is_after(&mark)) {
        return Told::Overtaken(shown(planned));
    }
    let is_ours = now.stamp == Some(mark);
    if !is_ours && !was_ours && now.shows_only(&known_images(planned, run)) {
        let mut progress = progress_of(planned, at, Some(now), "about to be changed".to_owned());
        // Pods that are about to end carry nothing of what is coming.
        (progress.counts.updated, progress.counts.available) = (0, 0);
        return Told::Progress(progress);
    }
    let runs_wanted = now.runs(wanted);
    if !is_ours || !runs_wanted {
        let words = "changed by someone else".to_owned();
        let progress = WorkloadProgress { was_ours: true, ..progress_of(planned, at, Some(now), words) };
        return Told::Bad(progress, changed_by_others(planned, now));
    }
    judged(planned, at, now, shown(planned))
}

/// A candidate that should have the pods that the run wants, or be gone.
fn candidate(
    promotion: &Promotion,
    planned: &WorkloadPlan,
    placed: &PlacedWorkload,
    observed: &Observed,
    run: &Run,
) -> Told<WorkloadProgress> {
    let named = format!("{} {}", planned.cluster_name, placed.workload);
    let mark = stamp(promotion, run, run.wanted.candidates.generation);
    let pods = run.wanted.pods_of(&planned.placed);
    let was_ours = run.candidates.iter().any(|p| p.placed == *placed && p.was_ours);
    let now = match observed {
        Observed::Missing if pods == 0 => {
            let gone = progress_of(planned, placed, None, "removed".to_owned());
            return Told::Progress(WorkloadProgress { is_complete: true, was_ours: true, ..gone });
        }
        Observed::Missing if was_ours => {
            let gone = WorkloadProgress { was_ours, ..progress_of(planned, placed, None, "it was deleted".to_owned()) };
            return Told::Bad(gone, TakeBackCause::Deleted { workload: named });
        }
        Observed::Missing => {
            return Told::Progress(progress_of(planned, placed, None, "about to be made".to_owned()));
        }
        Observed::Present(now) => now,
    };
    if now.stamp.is_some_and(|found| found.is_after(&mark)) {
        return Told::Overtaken(named);
    }
    if pods == 0 {
        let words = "about to be removed".to_owned();
        return Told::Progress(progress_of(planned, placed, Some(now), words));
    }
    let is_ours = now.stamp == Some(mark);
    if !is_ours && !was_ours {
        return Told::Progress(progress_of(planned, placed, Some(now), "about to be changed".to_owned()));
    }
    let runs_wanted = now.runs(&planned.images);
    if !is_ours || !runs_wanted || now.wanted_replicas < pods {
        let words = "changed by someone else".to_owned();
        let progress = WorkloadProgress { was_ours: true, ..progress_of(planned, placed, Some(now), words) };
        let images = now.images.iter().map(|i| i.image.clone()).collect();
        return Told::Bad(progress, TakeBackCause::ChangedByOthers { workload: named, images });
    }
    judged(planned, placed, now, named)
}

/// An object that should give the candidate the share that the run wants.
fn route(
    promotion: &Promotion,
    planned: &WorkloadPlan,
    candidate: &PlacedWorkload,
    observed: &RouteObserved,
    run: &Run,
) -> Told<RouteProgress> {
    let named = shown_route(planned);
    let wanted = run.wanted.weight.want;
    let mark = stamp(promotion, run, run.wanted.weight.generation);
    let is_written = run.wanted.weight.generation > 0;
    let was_ours = run.routes.iter().any(|r| r.placed == planned.placed && r.was_ours);
    let endpoints = match observed {
        RouteObserved::Present(now) => now.candidate_endpoints,
        RouteObserved::Missing => None,
    };
    let progress = |seen: Weight, words: String, is_settled: bool, was_ours: bool| RouteProgress {
        endpoints,
        placed: planned.placed.clone(),
        candidate: candidate.clone(),
        shown: named.clone(),
        seen,
        words,
        is_settled,
        was_ours,
        is_left: false,
    };
    let RouteObserved::Present(now) = observed else {
        let gone = progress(Weight::NONE, "it was deleted".to_owned(), false, was_ours);
        return Told::Bad(gone, TakeBackCause::Deleted { workload: named.clone() });
    };
    if now.stamp.is_some_and(|found| found.is_after(&mark)) {
        return Told::Overtaken(named.clone());
    }
    let is_ours = now.stamp == Some(mark);
    let is_as_wanted = now.unfit.is_none() && now.weight == wanted && now.aside == run.wanted.aside;
    if !is_written {
        // Before the first share nothing of ours is there; what others do to it meanwhile is theirs.
        return Told::Progress(progress(
            now.weight,
            format!("{} to the candidate", now.weight),
            now.weight == wanted,
            false,
        ));
    }
    let over = &run.wanted.over;
    let is_known = over.is_empty() || now.weight == wanted || over.contains(&now.weight);
    if !is_ours && !was_ours && is_known {
        return Told::Progress(progress(now.weight, format!("{}, about to be {wanted}", now.weight), false, false));
    }
    if !is_ours || !is_as_wanted {
        let gives = || match now.aside.is_nothing() {
            true => format!("it gives {} to the candidate", now.weight),
            false => format!("it gives {} to the candidate, and {}", now.weight, now.aside.words()),
        };
        let what = now.unfit.clone().unwrap_or_else(gives);
        let changed = progress(now.weight, "changed by someone else".to_owned(), false, true);
        return Told::Bad(changed, TakeBackCause::RouteChanged { route: named.clone(), what });
    }
    let beside = if now.aside.is_nothing() { String::new() } else { format!(" and {}", now.aside.words()) };
    let wanted = format!("{wanted}{beside}");
    let words = match (&now.complaint, now.is_accepted) {
        (_, true) => format!("{wanted}, accepted"),
        (Some(complaint), false) => format!("{wanted}, not accepted: {complaint}"),
        (None, false) => format!("{wanted}, not accepted yet"),
    };
    Told::Progress(progress(now.weight, words, now.is_accepted, true))
}

pub(super) fn changed_by_others(planned: &WorkloadPlan, now: &WorkloadObservation) -> TakeBackCause {
    let images = now.images.iter().map(|i| i.image.clone()).collect();
    TakeBackCause::ChangedByOthers { workload: shown(planned), images }
}

/// A Deployment that is as wanted: how far its pods are.
pub(super) fn judged(
    planned: &WorkloadPlan,
    at: &PlacedWorkload,
    now: &WorkloadObservation,
    named: String,
) -> Told<WorkloadProgress> {
    let rollout = judge(now);
    let is_complete = matches!(rollout, Rollout::Complete { .. });
    let done = now.tool.as_ref().and_then(ToolStatus::done).filter(|_| is_complete);
    let words = done.map_or_else(|| rollout.words(), str::to_owned);
    let mut progress = WorkloadProgress { is_complete, was_ours: true, ..progress_of(planned, at, Some(now), words) };
    if matches!(rollout, Rollout::Unseen) {
        // What is counted as updated is so by the template before.
        (progress.counts.updated, progress.counts.available) = (0, 0);
    }
    progress.is_waiting = matches!(rollout, Rollout::ByTool { waits: true, .. });
    match rollout {
        Rollout::Failed { failure } => Told::Bad(progress, TakeBackCause::Rollout { workload: named, failure }),
        Rollout::Unseen
        | Rollout::Paused
        | Rollout::Moving { .. }
        | Rollout::ByTool { .. }
        | Rollout::Complete { .. } => Told::Progress(progress),
    }
}

pub(super) fn progress_of(
    planned: &WorkloadPlan,
    at: &PlacedWorkload,
    now: Option<&WorkloadObservation>,
    words: String,
) -> WorkloadProgress {
    let pods = now.map(|n| n.pods.iter().take(WorkloadProgress::MAX_PODS).cloned().collect()).unwrap_or_default();
    WorkloadProgress {
        placed: at.clone(),
        cluster_name: planned.cluster_name.clone(),
        counts: now.map(PodCounts::from).unwrap_or_default(),
        pods,
        words,
        is_complete: false,
        was_ours: false,
        most_available: 0,
        is_waiting: false,
        tool: now.and_then(|n| n.tool.as_ref()).map(ToolStatus::progress),
    }
}

/// The pods that candidates need for a share, by what was last seen of their workloads.
pub(super) fn sizes(promotion: &Promotion, run: &Run, share: Weight) -> Vec<super::CandidateSize> {
    let full = |placed: &PlacedWorkload| {
        let wanted = || run.progress.iter().find(|p| p.placed == *placed).map_or(0, |progress| progress.counts.wanted);
        run.loads.iter().find(|load| load.placed == *placed).map_or_else(wanted, |load| load.full)
    };
    let size = |planned: &WorkloadPlan| {
        let layer: &TrafficLayer = &planned.candidate.as_ref()?.layer;
        let pods = layer.candidate_pods(full(&planned.placed), share);
        (pods > 0).then(|| super::CandidateSize { placed: planned.placed.clone(), pods })
    };
    promotion.plan.workloads.iter().filter_map(size).collect()
}
