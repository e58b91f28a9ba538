//! What is looked at before the first write: everything that would make the change wrong is found here, and can be
//! found before anybody decides.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{
    JournalEvent, Phase, Plan, Promotion, Run, SavedRoute, SavedWorkload, Sight, Supersedes, WorkloadPlan, by_git,
    decide::Draft,
    desired::{shown, shown_route},
    jobs, progress,
    tell::Seen,
};
use crate::{
    actor::Identity,
    delegated::ToolStatus,
    deployment::Cause,
    ids::{EnvironmentId, PromotionId, ServiceId, TargetId},
    image::ContainerImage,
    observation::{Observed, PlacedWorkload, Stamp, WorkloadKind, WorkloadObservation},
    strategy::Step,
    traffic::{RouteObservation, RouteObserved, TrafficLayer, Weight, is_to_service},
};

impl Promotion {
    /// A promotion that nobody asked for, at its start: what a plan would meet in a target at this moment is what
    /// this one meets. Never kept.
    #[must_use]
    pub fn rehearsal(
        plan: Plan,
        (service, environment, target): (ServiceId, EnvironmentId, TargetId),
        now: DateTime<Utc>,
    ) -> Self {
        Self {
            id: PromotionId::new(Uuid::nil()),
            number: 0,
            service,
            environment,
            target,
            cause: Cause::Planned,
            supersedes: Supersedes::Nobody,
            reason: String::new(),
            requested_by: Identity::rule("rehearsal"),
            requested_at: now,
            approved_at: None,
            plan,
            previous_version: None,
            approvals: Vec::new(),
            templates: Vec::new(),
            phase: Phase::Starting { run: Run::new(0, now) },
            trouble: None,
        }
    }

    /// For which reasons its start would be refused as things are, as far as they were read: each says what to do.
    /// What a Git repository says is not among them.
    #[must_use]
    pub fn refused_at_start(&self, sight: &Sight) -> Vec<String> {
        let Some(run) = self.run() else { return Vec::new() };
        let seen = Seen::new(sight);
        let read = self.plan.workloads.iter().filter(|planned| seen.is_read(planned));
        let unfit = read.filter_map(|planned| save(self, planned, &mut run.clone(), &seen).err());
        jobs::not_there(self, &seen).into_iter().chain(unfit).collect()
    }
}

/// Looks before the first write: everything that would make the change wrong is found here.
pub(super) fn starting(draft: &mut Draft, mut run: Run, seen: &Seen) {
    if draft.next.plan.workloads.is_empty() {
        let message = "the target has no workloads any more; set them on the service's page, then promote again";
        return draft.fail_at_start(run, message.to_owned());
    }
    match by_git::save(&draft.next, &mut run, seen.git) {
        Ok(true) => {}
        // Nobody could read the file: it is looked at again.
        Ok(false) => return,
        Err(message) => return draft.fail_at_start(run, message),
    }
    if let Some(message) = jobs::not_there(&draft.next, seen) {
        return draft.fail_at_start(run, message);
    }
    for planned in draft.next.plan.workloads.clone() {
        if let Err(message) = save(&draft.next, &planned, &mut run, seen) {
            return draft.fail_at_start(run, message);
        }
    }
    let from = run.saved.iter().flat_map(|saved| touched(&draft.next, saved)).collect();
    let to = draft.next.plan.workloads.iter().flat_map(|w| w.images.iter().map(|i| i.image.clone())).collect();
    draft.note_rule("rollout", JournalEvent::RollingOut { from, to });
    progress::begin(draft, run, seen);
}

/// A database that was restored may have forgotten later starts at this target; their marks are still on
/// the objects that they wrote.
fn start_after(promotion: &Promotion, run: &mut Run, left: Option<Stamp>) {
    let left = left.filter(|left| left.target == promotion.target);
    run.sequence = left.map_or(run.sequence, |left| run.sequence.max(left.sequence + 1));
}

/// Keeps what one workload and its traffic are now, when they can be changed.
fn save(promotion: &Promotion, planned: &WorkloadPlan, run: &mut Run, seen: &Seen) -> Result<(), String> {
    let Some(Observed::Present(now)) = seen.workload(&planned.placed) else {
        return Err(format!(
            "{} is not there; create the {} or correct the target, then promote again",
            shown(planned),
            planned.placed.workload.kind.words()
        ));
    };
    if promotion.git().is_some() {
        fit_for_git(planned, now)?;
    } else {
        fit_to_start(planned, now, promotion.plan.may_write_helm)?;
    }
    start_after(promotion, run, now.stamp);
    run.saved.push(SavedWorkload {
        placed: planned.placed.clone(),
        uid: now.uid.clone(),
        images: now.images.clone(),
        template: now.template.clone(),
    });
    let Some(placed) = planned.placed_candidate() else { return Ok(()) };
    if let Some(Observed::Present(candidate)) = seen.workload(&placed) {
        candidate_is_ours(promotion, planned, &placed, candidate)?;
        start_after(promotion, run, candidate.stamp);
    }
    match seen.route(&planned.placed) {
        None => Ok(()),
        Some(RouteObserved::Missing) => Err(missing_route(planned)),
        Some(RouteObserved::Present(route)) => {
            route_fits(planned, route)?;
            testers_fit(promotion, planned, route)?;
            start_after(promotion, run, route.stamp);
            let (placed, uid, rules) = (planned.placed.clone(), route.uid.clone(), route.rules.clone());
            run.saved_routes.push(SavedRoute { placed, uid, rules });
            Ok(())
        }
    }
}

/// A Deployment of the candidate's name that Slipway did not make for this target is never touched.
fn candidate_is_ours(
    promotion: &Promotion,
    planned: &WorkloadPlan,
    placed: &PlacedWorkload,
    candidate: &WorkloadObservation,
) -> Result<(), String> {
    if candidate.stamp.is_some_and(|stamp| stamp.target == promotion.target) {
        return Ok(());
    }
    Err(format!(
        "{} {} is there already and was not made for this target; rename or delete it, then promote again",
        planned.cluster_name, placed.workload
    ))
}

fn missing_route(planned: &WorkloadPlan) -> String {
    let version = planned.candidate.as_ref().and_then(|candidate| candidate.layer.served_as());
    let version = version.map(|version| format!(" (it is read as {version})")).unwrap_or_default();
    format!(
        "{} is not there{version}; create it or correct the target's traffic, then promote again",
        shown_route(planned)
    )
}

/// The most rules of a route, and matches in all of them, by the schema of the Gateway API.
const MOST_RULES: usize = 16;
const MOST_MATCHES: usize = 128;

/// Whether a route has room for the rules of testers, where a step asks for them: found out half way it would take a
/// good version back.
fn testers_fit(promotion: &Promotion, planned: &WorkloadPlan, route: &RouteObservation) -> Result<(), String> {
    let layer = planned.candidate.as_ref().map(|candidate| &candidate.layer);
    let Some(TrafficLayer::GatewayApi { service, .. }) = layer else { return Ok(()) };
    if !promotion.plan.steps.iter().any(|step| matches!(step, Step::Testers { .. })) {
        return Ok(());
    }
    let list = |of: &serde_json::Value, field: &str| of.get(field).and_then(|list| list.as_array().cloned());
    let rules = route.rules.as_array().map_or(&[][..], Vec::as_slice);
    let namespace = planned.placed.workload.namespace.as_str();
    let is_shared = |rule: &&serde_json::Value| {
        let references = list(rule, "backendRefs").unwrap_or_default();
        references.iter().any(|one| is_to_service(one, namespace, service.as_str()))
    };
    let matches = |rule: &serde_json::Value| list(rule, "matches").map_or(0, |list| list.len()).max(1);
    let added = rules.iter().filter(is_shared);
    let (more, more_matches) = (added.clone().count(), added.map(matches).sum::<usize>());
    let (all, all_matches) = (rules.len() + more, rules.iter().map(matches).sum::<usize>() + more_matches);
    if all <= MOST_RULES && all_matches <= MOST_MATCHES {
        return Ok(());
    }
    Err(format!(
        "{} has no room for testers: with a rule of theirs before each of the {more} that send to {service} it would have \
         {all} rules with {all_matches} matches, and the Gateway API allows {MOST_RULES} and {MOST_MATCHES}; leave the \
         testers out, or divide the route",
        shown_route(planned)
    ))
}

fn route_fits(planned: &WorkloadPlan, route: &RouteObservation) -> Result<(), String> {
    let name = shown_route(planned);
    if let Some(manager) = &route.manager {
        return Err(format!(
            "{name} belongs to {}, which would undo a change of its shares; take the object out of that tool, or choose another one for the target's traffic",
            manager.words()
        ));
    }
    if let Some(why) = &route.unfit {
        return Err(format!("{name} cannot move the traffic: {why}"));
    }
    if !route.aside.is_nothing() {
        return Err(format!(
            "{name} has {} for a candidate already; take that out by hand, then promote again",
            route.aside.words()
        ));
    }
    if route.weight > Weight::NONE {
        return Err(format!(
            "{name} gives {} to a candidate already; set it to 0 by hand, then promote again",
            route.weight
        ));
    }
    Ok(())
}

fn fit_to_start(planned: &WorkloadPlan, now: &WorkloadObservation, may_write_helm: bool) -> Result<(), String> {
    let name = shown(planned);
    let kind = planned.placed.workload.kind;
    if let Some(manager) = now.manager.as_ref().filter(|manager| !manager.allows(may_write_helm)) {
        return Err(format!(
            "{name} belongs to {}, which would undo this change. {}",
            manager.words(),
            manager.advice_for(kind)
        ));
    }
    not_paused(planned, now)?;
    if let Some(why) = now.tool.as_ref().and_then(ToolStatus::unfit) {
        return Err(format!("{name} cannot get a version: {why}"));
    }
    has_containers(planned, now)
}

/// A tool writes the object: it may belong to it, and needs no place of its own for a version.
fn fit_for_git(planned: &WorkloadPlan, now: &WorkloadObservation) -> Result<(), String> {
    not_paused(planned, now)?;
    if let Some(why) = now.tool.as_ref().and_then(ToolStatus::unfit_for_commits) {
        return Err(format!("{} cannot tell which commit it has brought: {why}", shown(planned)));
    }
    match planned.placed.workload.kind {
        WorkloadKind::Application | WorkloadKind::Kustomization => Ok(()),
        WorkloadKind::Deployment | WorkloadKind::Rollout | WorkloadKind::HelmRelease => has_containers(planned, now),
    }
}

fn not_paused(planned: &WorkloadPlan, now: &WorkloadObservation) -> Result<(), String> {
    if !now.is_paused {
        return Ok(());
    }
    let (name, how) = (shown(planned), how_to_resume(planned.placed.workload.kind));
    Err(format!("{name} is paused in the cluster; resume it ({how}) and promote again"))
}

fn has_containers(planned: &WorkloadPlan, now: &WorkloadObservation) -> Result<(), String> {
    let (name, kind) = (shown(planned), planned.placed.workload.kind);
    if let Some(absent) = planned.images.iter().find(|i| now.image_of(i.container.as_str()).is_none()) {
        let there: Vec<_> = now.images.iter().map(|i| i.container.as_str()).collect();
        return Err(format!(
            "{name} has no {} {}, only {}; correct the target's containers",
            kind.place(),
            absent.container,
            if there.is_empty() { "none".to_owned() } else { there.join(", ") }
        ));
    }
    Ok(())
}

fn how_to_resume(kind: WorkloadKind) -> &'static str {
    match kind {
        WorkloadKind::Deployment => "kubectl rollout resume",
        WorkloadKind::Rollout => "set its spec.paused to false",
        WorkloadKind::Application => "end its suspension in Argo CD",
        WorkloadKind::Kustomization | WorkloadKind::HelmRelease => "flux resume",
    }
}

/// The saved images of the containers that this promotion sets.
fn touched(promotion: &Promotion, saved: &SavedWorkload) -> Vec<String> {
    let planned = promotion.plan.workloads.iter().find(|w| w.placed == saved.placed);
    let set = |c: &ContainerImage| planned.is_some_and(|w| w.images.iter().any(|i| i.container == c.container));
    saved.images.iter().filter(|c| set(c)).map(|c| c.image.clone()).collect()
}
