//! What is asked for: a promotion of `cart` to another version, and what is known beside it.

use std::collections::BTreeSet;

use chrono::{TimeZone, Utc};
use domain::{
    actor::Identity,
    analysis::JudgingPolicy,
    deployment::Cause,
    environment::EnvironmentRules,
    git::GitPlan,
    ids::{ClusterId, EnvironmentId, PersonId, PromotionId, ServiceId, TargetId, VersionId},
    image::ContainerImage,
    names::{ContainerName, Namespace, WorkloadName},
    observation::{PlacedWorkload, WorkloadRef},
    outside::Deployer,
    promotion::{CandidatePlan, Facts, Phase, Plan, Promotion, Supersedes, WorkloadPlan},
    strategy::Strategy,
    traffic::candidate_of,
};
use practice::MockClock;
use uuid::Uuid;

/// What runs before, in every run.
pub const BEFORE: &str = "1.0";

/// What differs from one request to the next.
pub struct Request {
    /// The object that gets the version; none where no cluster has one.
    pub workload: Option<WorkloadRef>,
    pub tag: String,
    pub strategy: Strategy,
    pub cause: Cause,
    pub git: Option<GitPlan>,
    pub deployer: Deployer,
    pub watch_seconds: u32,
}

impl Request {
    /// A rolling promotion of this object.
    pub fn of(workload: Option<WorkloadRef>, tag: &str) -> Self {
        Self {
            workload,
            tag: tag.to_owned(),
            strategy: Strategy::Rolling,
            cause: Cause::Planned,
            git: None,
            deployer: Deployer::Clusters,
            watch_seconds: 0,
        }
    }

    pub fn ask(self, clock: &MockClock) -> (Promotion, Facts) {
        let rules = EnvironmentRules { rollout_budget_seconds: 120, ..EnvironmentRules::default() };
        let cause = self.cause;
        let plan = self.plan(&rules);
        let promotion = Promotion {
            id: PromotionId::new(Uuid::from_u128(9)),
            number: 1042,
            service: ServiceId::new(Uuid::from_u128(10)),
            environment: EnvironmentId::new(Uuid::from_u128(11)),
            target: TargetId::new(Uuid::from_u128(12)),
            cause,
            supersedes: Supersedes::Nobody,
            reason: "why not".to_owned(),
            requested_by: person(1, "Theo"),
            requested_at: ports::Clock::now(clock),
            approved_at: None,
            plan: plan.clone(),
            previous_version: None,
            approvals: vec![],
            templates: vec![],
            phase: Phase::Waiting { blockers: vec![] },
            trouble: None,
        };
        let facts = Facts {
            plan_now: plan,
            healthy_before: None,
            occupant: None,
            next_sequence: 7,
            runs: None,
            may_approve: BTreeSet::new(),
        };
        (promotion, facts)
    }

    fn plan(self, rules: &EnvironmentRules) -> Plan {
        let analysis = self.strategy.candidate().map(|(_, settings)| settings.rules()).unwrap_or_default();
        let workloads = self.workload.clone().map(|workload| self.planned(workload));
        Plan {
            number: 1,
            version: VersionId::new(Uuid::from_u128(20)),
            steps: self.strategy.steps(),
            workloads: workloads.into_iter().collect(),
            strategy: self.strategy,
            deployer: self.deployer,
            may_write_helm: false,
            git: self.git,
            rules_revision: rules.revision,
            approvals: 0,
            healthy_in: None,
            rollout_budget_seconds: rules.rollout_budget_seconds,
            watch_seconds: self.watch_seconds,
            analysis,
            judging: JudgingPolicy::default(),
        }
    }

    fn planned(&self, workload: WorkloadRef) -> WorkloadPlan {
        let candidate = self.strategy.candidate().map(|(ending, settings)| CandidatePlan {
            workload: candidate_of(&workload, ending),
            layer: settings.layer().clone(),
        });
        WorkloadPlan {
            placed: PlacedWorkload { cluster: ClusterId::new(Uuid::from_u128(77)), workload },
            cluster_name: "practice".to_owned(),
            images: vec![image(&self.tag)],
            candidate,
        }
    }
}

pub fn person(id: u128, name: &str) -> Identity {
    Identity::Person { id: PersonId::new(Uuid::from_u128(id)), name: name.to_owned() }
}

pub fn namespace() -> Namespace {
    Namespace::parse("shop").unwrap()
}

pub fn cart() -> WorkloadName {
    WorkloadName::parse("cart").unwrap()
}

pub fn image(tag: &str) -> ContainerImage {
    ContainerImage { container: ContainerName::parse("app").unwrap(), image: format!("r.test/cart:{tag}") }
}

pub fn noon() -> MockClock {
    MockClock::at(Utc.with_ymd_and_hms(2026, 11, 21, 12, 0, 0).unwrap())
}
