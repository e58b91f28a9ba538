//! A promotion, its facts and a cluster of plain values, for scripts of inputs.

use std::{collections::BTreeSet, fmt::Write as _};

use chrono::{DateTime, Duration, TimeZone, Utc};
use domain::{
    actor::{Actor, Identity, Role},
    aside::Aside,
    capacity::Capacity,
    deployment::Cause,
    environment::{EnvironmentRules, Quorum},
    ids::{ClusterId, EnvironmentId, PersonId, PromotionId, ServiceId, TargetId, VersionId},
    image::ContainerImage,
    job::{JobObservation, JobObserved, JobRef, JobState},
    names::{ContainerName, Namespace, WorkloadName},
    observation::{
        ContainerTrouble, Observed, PlacedWorkload, PodObservation, ReplacementSettings, Stamp, WorkloadObservation,
        WorkloadRef,
    },
    promotion::{
        CandidatePlan, Decision, DesiredTemplate, Facts, Input, Phase, Plan, Promotion, Refusal, Sight, Supersedes,
        WorkloadPlan, decide, desired, headline,
    },
    strategy::Strategy,
    traffic::{RouteObservation, RouteObserved, Weight, candidate_of},
};
use uuid::Uuid;

pub const OLD: &str = "r.example/cart:1.0";
pub const NEW: &str = "r.example/cart:2.0";

pub fn person(n: u128, name: &str) -> Identity {
    Identity::Person { id: PersonId::new(Uuid::from_u128(n)), name: name.to_owned() }
}

pub fn actor(identity: &Identity, role: Role) -> Actor {
    Actor { identity: identity.clone(), role, from: None }
}

pub fn theo() -> Identity {
    person(1, "Theo Lind")
}
pub fn ines() -> Identity {
    person(2, "Ines Okafor")
}
pub fn rosa() -> Identity {
    person(3, "Rosa Mint")
}

pub fn noon() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 21, 12, 0, 0).unwrap()
}

pub fn image(image: &str) -> ContainerImage {
    ContainerImage { container: ContainerName::parse("app").unwrap(), image: image.to_owned() }
}

pub fn placed(name: &str) -> PlacedWorkload {
    PlacedWorkload {
        cluster: ClusterId::new(Uuid::from_u128(77)),
        workload: WorkloadRef::deployment(Namespace::parse("shop").unwrap(), WorkloadName::parse(name).unwrap()),
    }
}

pub fn pod(name: &str, is_updated: bool, is_ready: bool) -> PodObservation {
    PodObservation {
        name: name.to_owned(),
        is_updated,
        is_ready,
        is_terminating: false,
        restarts: 0,
        trouble: None,
        created_at: None,
    }
}

pub fn crash() -> ContainerTrouble {
    ContainerTrouble { container: "app".into(), reason: "CrashLoopBackOff".into(), exit_code: Some(1), message: None }
}

/// A workload of 3 pods that runs `image` and is settled.
pub fn settled(placed: &PlacedWorkload, image_now: &str, stamp: Option<Stamp>) -> WorkloadObservation {
    WorkloadObservation {
        workload: placed.workload.clone(),
        uid: "uid".into(),
        resource_version: "1".into(),
        generation: 1,
        observed_generation: 1,
        is_paused: false,
        wanted_replicas: 3,
        replicas: 3,
        updated_replicas: 3,
        ready_replicas: 3,
        available_replicas: 3,
        progressing_reason: Some("NewReplicaSetAvailable".into()),
        replica_failure: None,
        revision: None,
        replacement: ReplacementSettings::RollingUpdate { max_unavailable: 0, max_surge: 1 },
        progress_deadline_seconds: 600,
        images: vec![image(image_now)],
        template: serde_json::json!({ "image": image_now }),
        stamp,
        manager: None,
        tool: None,
        pods: (0..3).map(|n| pod(&format!("{}-{n}", placed.workload.name), true, true)).collect(),
    }
}

fn untouched_route() -> RouteObservation {
    RouteObservation {
        uid: "route".into(),
        weight: Weight::NONE,
        aside: Aside::NOTHING,
        is_accepted: true,
        complaint: None,
        unfit: None,
        candidate_endpoints: Some(30),
        rules: serde_json::json!([{ "backendRefs": [{ "name": "cart" }] }]),
        stamp: None,
        manager: None,
    }
}

/// The same in the second of two clusters.
fn elsewhere(placed: &PlacedWorkload) -> PlacedWorkload {
    PlacedWorkload { cluster: ClusterId::new(Uuid::from_u128(78)), workload: placed.workload.clone() }
}

/// Nothing could be read.
pub fn trouble(message: &str) -> Input {
    Input::Observed(Sight { trouble: Some(message.to_owned()), ..Sight::default() })
}

#[derive(Clone)]
pub struct World {
    pub promotion: Promotion,
    pub facts: Facts,
    pub now: DateTime<Utc>,
    pub cluster: Vec<(PlacedWorkload, Observed)>,
    pub routes: Vec<(PlacedWorkload, RouteObserved)>,
    /// What decides about the pods of workloads, as it is read.
    pub capacities: Vec<(PlacedWorkload, Capacity)>,
    /// Jobs, as they are read.
    pub jobs: Vec<((ClusterId, JobRef), JobObserved)>,
    /// Whether Jobs cannot be removed.
    pub keeps_jobs: bool,
    /// How often a Job was made.
    pub jobs_made: usize,
    /// How often the cluster was written.
    pub writes: usize,
    transcript: String,
}

impl World {
    pub fn new(workloads: &[&str], approvals: u8) -> Self {
        let rules = EnvironmentRules { approvals: Quorum::new(approvals).unwrap(), ..EnvironmentRules::default() };
        let plan = Plan {
            number: 1,
            version: VersionId::new(Uuid::from_u128(20)),
            strategy: Strategy::Rolling,
            steps: Strategy::Rolling.steps(),
            workloads: workloads
                .iter()
                .map(|name| WorkloadPlan {
                    placed: placed(name),
                    cluster_name: "eu-1".into(),
                    images: vec![image(NEW)],
                    candidate: None,
                })
                .collect(),
            deployer: domain::outside::Deployer::Clusters,
            may_write_helm: false,
            git: None,
            rules_revision: rules.revision,
            approvals,
            healthy_in: None,
            rollout_budget_seconds: rules.rollout_budget_seconds,
            watch_seconds: 0,
            analysis: vec![],
            judging: domain::analysis::JudgingPolicy::default(),
        };
        let promotion = Promotion {
            id: PromotionId::new(Uuid::from_u128(9)),
            number: 1042,
            service: ServiceId::new(Uuid::from_u128(10)),
            environment: EnvironmentId::new(Uuid::from_u128(11)),
            target: TargetId::new(Uuid::from_u128(12)),
            cause: Cause::Planned,
            supersedes: Supersedes::Nobody,
            reason: "Stops double refunds".into(),
            requested_by: theo(),
            requested_at: noon(),
            approved_at: None,
            plan: plan.clone(),
            previous_version: None,
            approvals: vec![],
            templates: vec![],
            phase: Phase::Waiting { blockers: vec![] },
            trouble: None,
        };
        let may_approve: BTreeSet<_> = [ines(), rosa(), theo()].iter().filter_map(Identity::person).collect();
        let facts =
            Facts { plan_now: plan, healthy_before: None, occupant: None, next_sequence: 7, runs: None, may_approve };
        let cluster = workloads
            .iter()
            .map(|n| (placed(n), Observed::Present(Box::new(settled(&placed(n), OLD, None)))))
            .collect();
        Self {
            promotion,
            facts,
            now: noon(),
            cluster,
            routes: vec![],
            capacities: vec![],
            jobs: vec![],
            keeps_jobs: false,
            jobs_made: 0,
            writes: 0,
            transcript: String::new(),
        }
    }

    /// A promotion by a strategy that tries a candidate of `cart` first.
    pub fn with_candidate(strategy: Strategy, workloads: &[&str]) -> Self {
        let mut world = Self::new(workloads, 0);
        let (ending, settings) = strategy.candidate().unwrap();
        let plan = &mut world.promotion.plan;
        for planned in plan.workloads.iter_mut().filter(|w| w.placed.workload.name == *settings.exposed()) {
            let workload = candidate_of(&planned.placed.workload, ending);
            world.cluster.push((placed(workload.name.as_str()), Observed::Missing));
            if settings.layer().has_route() {
                world.routes.push((planned.placed.clone(), RouteObserved::Present(Box::new(untouched_route()))));
            }
            planned.candidate = Some(CandidatePlan { workload, layer: settings.layer().clone() });
        }
        plan.steps = strategy.steps();
        plan.strategy = strategy;
        world.facts.plan_now = plan.clone();
        world
    }

    /// The same promotion in two clusters, of which each has all of it.
    pub fn in_two_clusters(strategy: Strategy) -> Self {
        let mut world = Self::with_candidate(strategy, &["cart"]);
        let mut second = world.promotion.plan.workloads[0].clone();
        second.placed = elsewhere(&second.placed);
        second.cluster_name = "us-1".into();
        world.promotion.plan.workloads.push(second);
        world.facts.plan_now = world.promotion.plan.clone();
        world.cluster.extend(world.cluster.clone().into_iter().map(|(placed, seen)| (elsewhere(&placed), seen)));
        world.routes.extend(world.routes.clone().into_iter().map(|(placed, seen)| (elsewhere(&placed), seen)));
        world
    }

    /// Reads what the first of two clusters shows, while the other does not answer.
    pub fn look_at_one(&mut self) -> Decision {
        let first = placed("cart").cluster;
        let workloads = self.cluster.iter().filter(|(placed, _)| placed.cluster == first).cloned().collect();
        let routes = self.routes.iter().filter(|(placed, _)| placed.cluster == first).cloned().collect();
        let trouble = Some("cluster us-1: no answer".to_owned());
        let (capacities, jobs) = (self.capacities.clone(), self.jobs.clone());
        self.give(Input::Observed(Sight { workloads, routes, capacities, jobs, git: None, trouble })).unwrap()
    }

    /// Rosa leaves out what is left of the steps, as her page shows them.
    pub fn promote_now(&mut self) -> Result<(), Refusal> {
        let step = match &self.promotion.phase {
            Phase::Progressing { step, .. } => *step,
            _ => 0,
        };
        self.give(Input::PromoteNow { by: rosa(), step, reason: "good".into() }).map(drop)
    }

    pub fn give(&mut self, input: Input) -> Result<Decision, Refusal> {
        let decision = decide(&self.promotion, &self.facts, input, self.now)?;
        assert_eq!(decision.wake_at.is_none(), decision.next.is_over(), "a live promotion has a time to wake");
        for entry in &decision.journal {
            let (by, event) = (entry.by.shown(), &entry.event);
            writeln!(
                self.transcript,
                "{} | {} | {} | {by}",
                entry.at.format("%H:%M:%S"),
                event.title(),
                event.detail()
            )
            .unwrap();
        }
        self.promotion = decision.next.clone();
        Ok(decision)
    }

    /// Reads the cluster and takes it in.
    pub fn look(&mut self) -> Decision {
        let (workloads, routes) = (self.cluster.clone(), self.routes.clone());
        let (capacities, jobs) = (self.capacities.clone(), self.jobs.clone());
        self.give(Input::Observed(Sight { workloads, routes, capacities, jobs, git: None, trouble: None })).unwrap()
    }

    /// Writes what is desired, as a cluster would: fenced by the stamp, and only what differs.
    pub fn apply(&mut self) {
        let Some(desired) = desired(&self.promotion) else { return };
        for wanted in desired.workloads {
            let entry = self.cluster.iter_mut().find(|(p, _)| *p == wanted.placed);
            let Some((_, Observed::Present(now))) = entry else { continue };
            if now.stamp.is_some_and(|s| s.is_after(&wanted.stamp)) || now.stamp == Some(wanted.stamp) {
                continue;
            }
            if !now.shows_only(&wanted.over) {
                continue;
            }
            let images = match &wanted.template {
                DesiredTemplate::Images(images) => images.clone(),
                DesiredTemplate::Restored(template) => vec![image(template["image"].as_str().unwrap())],
            };
            self.writes += 1;
            now.template = serde_json::json!({ "image": images[0].image });
            now.images = images;
            now.stamp = Some(wanted.stamp);
            now.generation += 1;
            now.updated_replicas = 0;
            for pod in &mut now.pods {
                pod.is_updated = false;
            }
        }
    }

    /// Makes candidates and sets shares as they are desired, fenced as a cluster would.
    pub fn apply_candidates(&mut self) {
        let Some(desired) = desired(&self.promotion) else { return };
        for wanted in desired.candidates {
            let at = PlacedWorkload { cluster: wanted.placed.cluster, workload: wanted.candidate.clone() };
            let (_, found) = self.cluster.iter_mut().find(|(p, _)| *p == at).unwrap();
            match found {
                Observed::Present(now) if now.stamp == Some(wanted.stamp) => {}
                _ if wanted.pods == 0 => *found = Observed::Missing,
                Observed::Present(now) => {
                    now.stamp = Some(wanted.stamp);
                    now.wanted_replicas = wanted.pods;
                }
                Observed::Missing => {
                    let mut made = settled(&at, &wanted.images[0].image, Some(wanted.stamp));
                    (made.wanted_replicas, made.updated_replicas, made.replicas) = (wanted.pods, 0, 0);
                    (made.available_replicas, made.ready_replicas) = (0, 0);
                    made.pods.clear();
                    *found = Observed::Present(Box::new(made));
                }
            }
        }
        for wanted in desired.routes {
            let Some((_, RouteObserved::Present(now))) = self.routes.iter_mut().find(|(p, _)| *p == wanted.placed)
            else {
                continue;
            };
            if now.stamp != Some(wanted.stamp) {
                now.is_accepted = now.weight == wanted.weight && now.aside == wanted.aside;
                now.weight = wanted.weight;
                now.aside = wanted.aside;
                now.stamp = Some(wanted.stamp);
            }
        }
    }

    /// Makes and removes Jobs as they are desired; a CronJob is there for each.
    pub fn apply_jobs(&mut self) {
        for place in self.promotion.jobs() {
            let at = (place.placed.cluster, place.job);
            if !self.jobs.iter().any(|(known, _)| *known == at) {
                self.jobs.push((at, JobObserved::Missing { has_template: true }));
            }
        }
        let Some(desired) = desired(&self.promotion) else { return };
        for wanted in desired.jobs {
            let at = (wanted.placed.cluster, wanted.job);
            let (_, found) = self.jobs.iter_mut().find(|(known, _)| *known == at).unwrap();
            match (found.clone(), wanted.is_wanted) {
                (JobObserved::Missing { .. }, true) => {
                    self.jobs_made += 1;
                    let state = JobState::Running { active: 1, failed: 0 };
                    *found = JobObserved::Present(JobObservation { stamp: Some(wanted.stamp), state, pods: vec![] });
                }
                (JobObserved::Present(job), false) if job.stamp.is_some() && !self.keeps_jobs => {
                    *found = JobObserved::Missing { has_template: true };
                }
                (JobObserved::Present(_), _) | (JobObserved::Missing { .. }, false) => {}
            }
        }
    }

    /// Every Job that runs ends like this.
    pub fn jobs_end(&mut self, state: &JobState) {
        for (_, found) in &mut self.jobs {
            if let JobObserved::Present(job) = found {
                job.state = state.clone();
            }
        }
    }

    /// Everything that is asked for happens: pods come and are ready, routes are accepted.
    pub fn cluster_acts(&mut self) {
        for (_, found) in &mut self.cluster {
            let Observed::Present(now) = found else { continue };
            let pods = now.wanted_replicas;
            now.observed_generation = now.generation;
            (now.updated_replicas, now.replicas) = (pods, pods);
            (now.available_replicas, now.ready_replicas) = (pods, pods);
            now.pods = (0..pods).map(|n| pod(&format!("{}-{n}", now.workload.name), true, true)).collect();
        }
        for (_, found) in &mut self.routes {
            if let RouteObserved::Present(now) = found {
                now.is_accepted = true;
            }
        }
    }

    /// One pass of a promotion whose cluster does what it is told.
    pub fn pass(&mut self) {
        self.give(Input::Clock).unwrap();
        self.apply_jobs();
        self.look();
        self.apply();
        self.apply_candidates();
        self.apply_jobs();
        self.cluster_acts();
        self.look();
    }

    pub fn route(&mut self) -> &mut RouteObservation {
        match &mut self.routes[0].1 {
            RouteObserved::Present(now) => now,
            RouteObserved::Missing => panic!("the route is gone"),
        }
    }

    pub fn workload(&mut self, name: &str) -> &mut WorkloadObservation {
        let entry = self.cluster.iter_mut().find(|(p, _)| *p == placed(name)).unwrap();
        match &mut entry.1 {
            Observed::Present(now) => now,
            Observed::Missing => panic!("{name} is gone"),
        }
    }

    /// The controller brings `count` pods of the new template up.
    pub fn pods_up(&mut self, name: &str, count: u32) {
        let now = self.workload(name);
        now.observed_generation = now.generation;
        now.updated_replicas = count;
        now.available_replicas = 3;
        now.replicas = 3;
        for (n, pod) in now.pods.iter_mut().enumerate() {
            pod.is_updated = n < count as usize;
            pod.is_ready = true;
            pod.trouble = None;
        }
    }

    pub fn pass_seconds(&mut self, seconds: i64) {
        self.now += Duration::seconds(seconds);
    }

    pub fn words(&self) -> String {
        headline(&self.promotion).words
    }

    pub fn transcript(&self) -> &str {
        &self.transcript
    }

    /// Brings a promotion without approvals to the point where the cluster was written.
    pub fn rolling(workloads: &[&str]) -> Self {
        let mut world = Self::new(workloads, 0);
        world.give(Input::Clock).unwrap();
        world.look();
        world.apply();
        world.look();
        world
    }
}
