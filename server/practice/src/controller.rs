//! What Kubernetes' Deployment controller, replica set controller and kubelet do, played from one
//! event to the next. The same Deployment played to the same time is always the same, in one go or
//! in many. Written after kubernetes pkg/controller/deployment (rolling.go, recreate.go,
//! progress.go, util/deployment_util.go).

use chrono::{DateTime, TimeDelta, Utc};
use domain::observation::ReplacementSettings;

use crate::{
    behaviour::{Behaviour, Container, Timing},
    deployment::{Counts, Deployment, Pod, Progress, ReplicaSet},
    randomness::{hash, mix, name_suffix},
};

/// Kubernetes' default of `revisionHistoryLimit`.
const OLD_REPLICA_SETS_KEPT: usize = 10;

/// Kubernetes' words for the condition `Progressing`.
const CREATED: &str = "NewReplicaSetCreated";
const UPDATED: &str = "ReplicaSetUpdated";
const AVAILABLE: &str = "NewReplicaSetAvailable";
const EXCEEDED: &str = "ProgressDeadlineExceeded";
const PAUSED: &str = "DeploymentPaused";
const RESUMED: &str = "DeploymentResumed";

/// How quickly things happen, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    pub(crate) timing: Timing,
    /// The shortest start of a container.
    pub(crate) start_min_ms: i64,
    /// The longest start of a container.
    pub(crate) start_max_ms: i64,
    /// The start of a slow one.
    pub(crate) slow_ms: i64,
    /// How long a pod takes to end.
    pub(crate) end_ms: i64,
    /// How long the controller takes to see a change.
    pub(crate) lag_ms: i64,
}

impl Deployment {
    /// Plays everything that happens until `to`. Never goes back.
    pub(crate) fn play(&mut self, to: DateTime<Utc>, pace: &Pace) {
        while let Some(at) = self.next_event(pace) {
            if at > to {
                break;
            }
            self.played_to = at;
            self.reconcile(at, pace);
        }
        self.played_to = self.played_to.max(to);
    }

    /// Notes that the spec was changed at `at`: the controller will see it in a moment.
    pub(crate) fn spec_changed(&mut self, at: DateTime<Utc>, pace: &Pace) {
        self.generation += 1;
        self.resource_version += 1;
        self.observe_at.get_or_insert(at + TimeDelta::milliseconds(pace.lag_ms));
    }

    /// Has the controller look at it once more, without a change of the spec.
    pub(crate) fn look_again(&mut self, at: DateTime<Utc>, pace: &Pace) {
        self.resource_version += 1;
        self.observe_at.get_or_insert(at + TimeDelta::milliseconds(pace.lag_ms));
    }

    fn next_event(&self, pace: &Pace) -> Option<DateTime<Utc>> {
        if self.is_settled() {
            return None;
        }
        let now = self.played_to;
        let ends = self.pods.iter().filter_map(|p| p.gone_at);
        let readiness = self.active_pods().filter_map(|p| p.next_ready_change(now, &pace.timing));
        let pods = ends.chain(readiness).filter(|at| *at > now);
        let deadline = self.deadline().filter(|at| *at > now);
        let step = self.next_step_at().filter(|at| *at > now);
        pods.chain(deadline).chain(self.observe_at).chain(step).min()
    }

    /// Whether nothing that pods do can make the controller act: what they show is worked out when
    /// it is read, so long times are played in no time.
    fn is_settled(&self) -> bool {
        let is_available = self.progress.as_ref().is_some_and(|p| p.reason == AVAILABLE);
        let wanted = usize::try_from(self.replicas).unwrap_or(usize::MAX);
        is_available
            && self.observe_at.is_none()
            && self.pods.len() == wanted
            && self.pods.iter().all(|p| p.is_active() && self.is_current(p))
    }

    fn deadline(&self) -> Option<DateTime<Utc>> {
        let progress = self.progress.as_ref()?;
        let runs = !self.is_paused && !self.is_held() && progress.reason != AVAILABLE && progress.reason != EXCEEDED;
        let after = TimeDelta::seconds(i64::from(self.progress_deadline_seconds)) + TimeDelta::milliseconds(1);
        runs.then(|| progress.updated_at + after)
    }

    fn reconcile(&mut self, at: DateTime<Utc>, pace: &Pace) {
        self.drop_gone_pods(at, pace);
        if self.observe_at.is_some_and(|due| due <= at) {
            self.observe_at = None;
            self.observed_generation = self.generation;
            self.note_pause(at);
        }
        // An unseen change of the spec is not acted on before the controller sees it.
        if self.observe_at.is_none() {
            self.find_current(at);
            if self.is_paused {
                self.scale_paused(at, pace);
            } else {
                self.begin_steps(at, pace);
                while self.roll(at, pace) || self.go_through_steps(at, &pace.timing) {}
            }
        }
        self.note_status(at, pace);
        self.resource_version += 1;
    }

    /// What a pod changed stays counted when it is gone: the version never falls.
    fn drop_gone_pods(&mut self, at: DateTime<Utc>, pace: &Pace) {
        let is_gone = |pod: &Pod| pod.gone_at.is_some_and(|gone| gone <= at);
        let changes = self.pods.iter().filter(|p| is_gone(p)).map(|p| p.changes(at, &pace.timing)).sum::<u64>();
        self.resource_version += changes;
        self.pods.retain(|p| !is_gone(p));
    }

    fn note_pause(&mut self, at: DateTime<Utc>) {
        let reason = self.progress.as_ref().map(|p| p.reason.as_str());
        if self.is_paused && reason != Some(PAUSED) && reason != Some(EXCEEDED) {
            self.progress = Some(Progress { reason: PAUSED.to_owned(), updated_at: at });
        } else if !self.is_paused && reason == Some(PAUSED) {
            self.progress = Some(Progress { reason: RESUMED.to_owned(), updated_at: at });
        }
    }

    /// Finds the replica set of the template, or makes it. One that becomes current again gets the
    /// next revision number.
    fn find_current(&mut self, at: DateTime<Utc>) {
        let newest = self.replica_sets.iter().map(|rs| rs.revision).max().unwrap_or(0);
        if let Some(found) = self.replica_sets.iter_mut().find(|rs| rs.template == self.template) {
            if found.revision < newest && !self.is_paused {
                found.revision = newest + 1;
            }
            self.current = Some(found.hash.clone());
            return;
        }
        if self.is_paused {
            self.current = None;
            return;
        }
        let number = hash(&[&self.uid, &self.template.to_string()]);
        let set = ReplicaSet { hash: name_suffix(number, 10), template: self.template.clone(), revision: newest + 1 };
        self.current = Some(set.hash.clone());
        self.replica_sets.push(set);
        self.progress = Some(Progress { reason: CREATED.to_owned(), updated_at: at });
        // The controller notes the new set while it is still empty: its first pod is progress.
        self.counts.updated = 0;
        self.forget_old_sets();
    }

    /// The steps begin anew with another template, before its first pod is made.
    fn begin_steps(&mut self, at: DateTime<Utc>, pace: &Pace) {
        if self.steps.as_ref().is_some_and(|steps| steps.of.as_ref() != Some(&self.template)) {
            self.go_through_steps(at, &pace.timing);
        }
    }

    fn forget_old_sets(&mut self) {
        let is_used = |set: &ReplicaSet| {
            self.current.as_deref() == Some(set.hash.as_str()) || self.pods.iter().any(|p| p.hash == set.hash)
        };
        let mut unused: Vec<(u64, String)> =
            self.replica_sets.iter().filter(|s| !is_used(s)).map(|s| (s.revision, s.hash.clone())).collect();
        unused.sort();
        unused.truncate(unused.len().saturating_sub(OLD_REPLICA_SETS_KEPT));
        self.replica_sets.retain(|set| !unused.iter().any(|(_, hash)| *hash == set.hash));
    }

    /// One move of a rollout; false when there is nothing to do now.
    fn roll(&mut self, at: DateTime<Utc>, pace: &Pace) -> bool {
        match self.replacement.settings(self.replicas) {
            ReplacementSettings::Recreate => self.recreate(at, pace),
            ReplacementSettings::RollingUpdate { max_unavailable, max_surge } => {
                self.scale_new(max_surge, at, pace) || self.scale_old(max_unavailable, at, pace)
            }
        }
    }

    fn recreate(&mut self, at: DateTime<Utc>, pace: &Pace) -> bool {
        let old = self.active_pods().filter(|p| !self.is_current(p)).count();
        if old > 0 {
            return self.end_pods(old, at, pace, |d, p| !d.is_current(p)) > 0;
        }
        let is_old_there = self.pods.iter().any(|p| !self.is_current(p));
        !is_old_there && self.scale_new(0, at, pace)
    }

    /// `reconcileNewReplicaSet`: as many new pods as the surge allows.
    fn scale_new(&mut self, max_surge: u32, at: DateTime<Utc>, pace: &Pace) -> bool {
        let all = self.count(|_, _| true);
        let new = self.count(Self::is_current);
        let wanted = self.new_pods_wanted();
        if new > wanted {
            let excess = usize::try_from(new - wanted).unwrap_or(0);
            return self.end_pods(excess, at, pace, Self::is_current) > 0;
        }
        let room = (self.replicas + max_surge).saturating_sub(all);
        let more = room.min(wanted - new);
        for _ in 0..more {
            self.make_pod(at, pace);
        }
        more > 0
    }

    /// `reconcileOldReplicaSets`: old pods that are not available first, then as many as may be missing.
    fn scale_old(&mut self, max_unavailable: u32, at: DateTime<Utc>, pace: &Pace) -> bool {
        let is_old = |d: &Self, p: &Pod| !d.is_current(p);
        let is_ready = |p: &Pod| p.is_ready(at, &pace.timing);
        if self.count(is_old) == 0 {
            return false;
        }
        let least = self.replicas.saturating_sub(max_unavailable);
        let new_unavailable = self.count(|d, p| d.is_current(p) && !is_ready(p));
        let may_end = self.count(|_, _| true).saturating_sub(least + new_unavailable);
        let kept = self.replicas - self.new_pods_wanted();
        let may_end = may_end.min(self.count(is_old).saturating_sub(kept));
        if may_end == 0 {
            return false;
        }
        let may_end = usize::try_from(may_end).unwrap_or(0);
        let unhealthy = self.end_pods(may_end, at, pace, |d, p| is_old(d, p) && !is_ready(p));
        let spare = self.count(|_, p| is_ready(p)).saturating_sub(least);
        let spare = spare.min(self.count(is_old).saturating_sub(kept));
        let healthy = self.end_pods(usize::try_from(spare).unwrap_or(0), at, pace, is_old);
        unhealthy + healthy > 0
    }

    /// While it is paused only the number of pods follows the spec.
    fn scale_paused(&mut self, at: DateTime<Utc>, pace: &Pace) {
        let newest = self.replica_sets.iter().filter(|set| self.active_pods().any(|p| p.hash == set.hash));
        let Some(hash) = newest.max_by_key(|set| set.revision).map(|set| set.hash.clone()) else {
            return;
        };
        let all = self.count(|_, _| true);
        if all > self.replicas {
            let excess = usize::try_from(all - self.replicas).unwrap_or(0);
            self.end_pods(excess, at, pace, |_, p| p.hash == hash);
        }
        for _ in all..self.replicas {
            self.make_pod_of(&hash, at, pace);
        }
    }

    fn count(&self, test: impl Fn(&Self, &Pod) -> bool) -> u32 {
        u32::try_from(self.active_pods().filter(|p| test(self, p)).count()).unwrap_or(u32::MAX)
    }

    /// Ends up to `most` active pods that pass the test, those that are not ready first, then the
    /// youngest, and answers how many.
    fn end_pods(&mut self, most: usize, at: DateTime<Utc>, pace: &Pace, test: impl Fn(&Self, &Pod) -> bool) -> usize {
        let mut found: Vec<_> = self
            .active_pods()
            .filter(|p| test(self, p))
            .map(|p| (p.is_ready(at, &pace.timing), std::cmp::Reverse(p.created_at), p.name.clone()))
            .collect();
        found.sort();
        found.truncate(most);
        let gone_at = at + TimeDelta::milliseconds(pace.end_ms.max(1));
        for pod in self.pods.iter_mut().filter(|p| found.iter().any(|(_, _, name)| *name == p.name)) {
            pod.gone_at = Some(gone_at);
        }
        found.len()
    }

    fn make_pod(&mut self, at: DateTime<Utc>, pace: &Pace) {
        if let Some(hash) = self.current.clone() {
            self.make_pod_of(&hash, at, pace);
        }
    }

    fn make_pod_of(&mut self, set: &str, at: DateTime<Utc>, pace: &Pace) {
        let Some(template) = self.replica_sets.iter().find(|rs| rs.hash == set).map(|rs| &rs.template) else {
            return;
        };
        let chance = mix(self.seed ^ mix(self.pods_made));
        let start = |behaviour, number: u64| match behaviour {
            Behaviour::Slow => pace.slow_ms,
            _ => {
                let span = u64::try_from(pace.start_max_ms - pace.start_min_ms).unwrap_or(0) + 1;
                pace.start_min_ms + i64::try_from(mix(chance ^ number) % span).unwrap_or(0)
            }
        };
        let container = |(number, c): (u64, domain::image::ContainerImage)| {
            let behaviour = Behaviour::of_image(&c.image);
            Container { name: c.container.into(), image: c.image, behaviour, start_ms: start(behaviour, number) }
        };
        let containers = (0..).zip(ports::template_images(template)).map(container).collect();
        let name = format!("{}-{set}-{}", self.workload.name, name_suffix(chance, 5));
        self.pods_made += 1;
        self.pods.push(Pod { name, hash: set.to_owned(), created_at: at, gone_at: None, containers });
    }

    /// `syncRolloutStatus`: the numbers, and what they say about progress.
    fn note_status(&mut self, at: DateTime<Utc>, pace: &Pace) {
        let (before, now) = (self.counts, self.counts_at(at, &pace.timing));
        self.counts = now;
        let reason = self.progress.as_ref().map(|p| p.reason.as_str());
        let was_complete = reason == Some(AVAILABLE) && now.replicas == now.updated;
        if was_complete {
            return;
        }
        let is_complete = now.updated == self.replicas
            && now.replicas == self.replicas
            && now.ready == self.replicas
            && self.observed_generation >= self.generation;
        let next = if is_complete {
            Some(AVAILABLE)
        } else if has_progressed(before, now) {
            Some(UPDATED)
        } else if self.deadline().is_some_and(|deadline| deadline <= at) {
            Some(EXCEEDED)
        } else {
            None
        };
        if let Some(reason) = next.filter(|_| !self.is_paused) {
            self.progress = Some(Progress { reason: reason.to_owned(), updated_at: at });
        }
    }
}

fn has_progressed(before: Counts, now: Counts) -> bool {
    now.updated > before.updated
        || now.replicas - now.updated < before.replicas - before.updated
        || now.ready > before.ready
}
