//! A promotion, its facts and a cluster of plain values, for scripts of inputs.

use std::{collections::BTreeSet, fmt::Write as _};

use chrono::{DateTime, Duration, TimeZone, Utc};
use domain::{
    actor::{Actor, Identity, Role},
    deployment::Cause,
    environment::{EnvironmentRules, Quorum},
    ids::{ClusterId, EnvironmentId, PersonId, PromotionId, ServiceId, TargetId, VersionId},
    image::ContainerImage,
    names::{ContainerName, Namespace, WorkloadName},
    observation::{
        ContainerTrouble, Observed, PlacedWorkload, PodObservation, ReplacementSettings, Stamp, WorkloadObservation,
        WorkloadRef,
    },
    promotion::{
        Decision, DesiredTemplate, Facts, Input, Phase, Plan, Promotion, Refusal, Supersedes, WorkloadPlan, decide,
        desired, headline,
    },
    strategy::Strategy,
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
        workload: WorkloadRef {
            namespace: Namespace::parse("shop").unwrap(),
            name: WorkloadName::parse(name).unwrap(),
        },
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
        pods: (0..3).map(|n| pod(&format!("{}-{n}", placed.workload.name), true, true)).collect(),
    }
}

pub struct World {
    pub promotion: Promotion,
    pub facts: Facts,
    pub now: DateTime<Utc>,
    pub cluster: Vec<(PlacedWorkload, Observed)>,
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
                })
                .collect(),
            rules_revision: rules.revision,
            approvals,
            healthy_in: None,
            rollout_budget_seconds: rules.rollout_budget_seconds,
            watch_seconds: 0,
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
            phase: Phase::Waiting { blockers: vec![] },
            trouble: None,
        };
        let may_approve: BTreeSet<_> = [ines(), rosa(), theo()].iter().filter_map(Identity::person).collect();
        let facts =
            Facts { rules, plan_now: plan, healthy_before: None, occupant: None, next_sequence: 7, may_approve };
        let cluster = workloads
            .iter()
            .map(|n| (placed(n), Observed::Present(Box::new(settled(&placed(n), OLD, None)))))
            .collect();
        Self { promotion, facts, now: noon(), cluster, writes: 0, transcript: String::new() }
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
        let seen = self.cluster.clone();
        self.give(Input::Observed(seen)).unwrap()
    }

    /// Writes what is desired, as a cluster would: fenced by the stamp, and only what differs.
    pub fn apply(&mut self) {
        let Some(desired) = desired(&self.promotion) else { return };
        for wanted in desired.workloads {
            let entry = self.cluster.iter_mut().find(|(p, _)| *p == wanted.placed);
            let Some((_, Observed::Present(now))) = entry else { continue };
            if now.stamp.is_some_and(|s| s.is_after(&desired.stamp)) || now.stamp == Some(desired.stamp) {
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
            now.stamp = Some(desired.stamp);
            now.generation += 1;
            now.updated_replicas = 0;
            for pod in &mut now.pods {
                pod.is_updated = false;
            }
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
