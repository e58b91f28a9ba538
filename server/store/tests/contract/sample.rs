//! A small company to try things on. Identities are small numbers, times are days of 2026.

use chrono::{DateTime, Duration, Utc};
use domain::{
    actor::{Identity, Role},
    deployment::{Cause, Outcome},
    environment::{EnvironmentKind, EnvironmentRules},
    ids::{ClusterId, DeploymentId, EnvironmentId, PersonId, PromotionId, ServiceId, TargetId, TeamId, VersionId},
    image::{ContainerImage, Image},
    names::{ClusterName, ContainerName, EnvironmentName, Namespace, ServiceName, TeamName, WorkloadName},
    observation::{PlacedWorkload, WorkloadRef},
    promotion::{Blocker, Phase, Plan, Promotion, Run, Supersedes, WorkloadPlan},
    strategy::{Step, Strategy},
    version::{Commit, CommitHash, VersionFlags, VersionImage, VersionLabel},
};
use store::{
    Cluster, ClusterKind, Deployment, Environment, NewVersion, Person, Service, Store, Target, TargetWorkload, Team, Tx,
};
use uuid::Uuid;

pub fn uuid(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

/// A day of 2026 at noon, with microseconds, which both databases must keep.
pub fn day(number: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_268_800, 123_456_000).unwrap() + Duration::days(number)
}

pub const TEAM: TeamId = TeamId::new(Uuid::from_u128(1));
pub const CART: ServiceId = ServiceId::new(Uuid::from_u128(11));
pub const PAY: ServiceId = ServiceId::new(Uuid::from_u128(12));
pub const STAGING: EnvironmentId = EnvironmentId::new(Uuid::from_u128(21));
pub const PRODUCTION: EnvironmentId = EnvironmentId::new(Uuid::from_u128(22));
pub const CLUSTER: ClusterId = ClusterId::new(Uuid::from_u128(31));
pub const CART_STAGING: TargetId = TargetId::new(Uuid::from_u128(41));
pub const CART_PRODUCTION: TargetId = TargetId::new(Uuid::from_u128(42));
pub const PAY_PRODUCTION: TargetId = TargetId::new(Uuid::from_u128(43));
pub const DANA: PersonId = PersonId::new(Uuid::from_u128(51));

/// The version `number` of a service: `cart 1.0.3` is the third.
pub fn version_id(service: ServiceId, number: i64) -> VersionId {
    VersionId::new(uuid(service.uuid().as_u128() * 1000 + u128::try_from(number).unwrap()))
}

pub fn team() -> Team {
    Team { id: TEAM, name: TeamName::parse("checkout").unwrap(), title: "Checkout".into() }
}

pub fn service(id: ServiceId, name: &str) -> Service {
    Service {
        id,
        name: ServiceName::parse(name).unwrap(),
        title: format!("The {name}"),
        team_id: TEAM,
        tier: 1,
        description: String::new(),
        repository: None,
        runbook: None,
        created_at: day(0),
    }
}

pub fn environment(id: EnvironmentId, name: &str, kind: EnvironmentKind, position: i64) -> Environment {
    Environment {
        id,
        name: EnvironmentName::parse(name).unwrap(),
        title: name.to_owned(),
        kind,
        position,
        rules: EnvironmentRules::default(),
    }
}

pub fn cluster(id: ClusterId, name: &str) -> Cluster {
    Cluster {
        id,
        name: ClusterName::parse(name).unwrap(),
        kind: ClusterKind::Practice,
        server: None,
        certificate_authority: None,
        sealed_token: None,
        namespaces: None,
        created_at: day(0),
        reachable_since: None,
        unreachable_since: None,
        trouble: None,
        message: None,
        version: None,
    }
}

pub fn workload(name: &str) -> WorkloadRef {
    WorkloadRef::deployment(Namespace::parse("shop").unwrap(), WorkloadName::parse(name).unwrap())
}

pub fn target(id: TargetId, service: ServiceId, environment: EnvironmentId, name: &str) -> Target {
    let container = ContainerName::parse("app").unwrap();
    let place = TargetWorkload { cluster: CLUSTER, workload: workload(name), container, component: None };
    Target {
        id,
        service,
        environment,
        strategy: Strategy::Rolling,
        deployer: domain::outside::Deployer::Clusters,
        workloads: vec![place],
    }
}

pub fn person(id: PersonId, name: &str, role: Role) -> Person {
    Person {
        id,
        name: name.to_owned(),
        email: format!("{}@shop.example", name.to_lowercase()),
        password_hash: None,
        role,
        is_active: true,
        created_at: day(0),
        last_seen_at: None,
    }
}

pub fn hash(text: &str) -> CommitHash {
    CommitHash::parse(&format!("{text:0<40}")).unwrap()
}

pub fn commit(text: &str, committed_at: DateTime<Utc>) -> Commit {
    Commit { hash: hash(text), author: "Dana".into(), title: format!("Change {text}"), committed_at }
}

/// The version `number` of a service, with one image and these commits.
pub fn version(service: ServiceId, number: i64, commits: Vec<Commit>) -> NewVersion {
    let image = Image::parse(&format!("registry.example/{}:1.0.{number}", service.uuid().as_u128()), None).unwrap();
    NewVersion {
        id: version_id(service, number),
        service,
        label: VersionLabel::parse(&format!("1.0.{number}")).unwrap(),
        commit: None,
        flags: VersionFlags::default(),
        images: vec![VersionImage { component: None, image }],
        commits,
        checks: vec![],
        created_at: day(number),
        registered_by: "ci (token)".into(),
    }
}

pub fn dana() -> Identity {
    Identity::Person { id: DANA, name: "Dana".into() }
}

/// A waiting promotion of a version of cart to production.
pub fn promotion(number: i64, version: VersionId) -> Promotion {
    promotion_to(number, version, CART, PRODUCTION, CART_PRODUCTION)
}

pub fn promotion_to(
    number: i64,
    version: VersionId,
    service: ServiceId,
    environment: EnvironmentId,
    target: TargetId,
) -> Promotion {
    let images = vec![ContainerImage { container: ContainerName::parse("app").unwrap(), image: "cart:1".into() }];
    let placed = PlacedWorkload { cluster: CLUSTER, workload: workload("cart") };
    Promotion {
        id: PromotionId::new(uuid(9000 + u128::try_from(number).unwrap())),
        number,
        service,
        environment,
        target,
        supersedes: Supersedes::Nobody,
        cause: Cause::Planned,
        reason: "Free returns".into(),
        requested_by: dana(),
        requested_at: day(number),
        approved_at: None,
        plan: Plan {
            number: 1,
            version,
            strategy: Strategy::Rolling,
            steps: vec![Step::Rollout],
            workloads: vec![WorkloadPlan { placed, cluster_name: "eu-1".into(), images, candidate: None }],
            deployer: domain::outside::Deployer::Clusters,
            may_write_helm: false,
            git: None,
            rules_revision: 1,
            approvals: 1,
            healthy_in: None,
            rollout_budget_seconds: 600,
            watch_seconds: 0,
            analysis: vec![],
            judging: domain::analysis::JudgingPolicy::default(),
        },
        previous_version: None,
        approvals: vec![],
        templates: vec![],
        phase: Phase::Waiting { blockers: vec![Blocker::Approvals { have: 0, need: 1 }] },
        trouble: None,
    }
}

pub fn run(sequence: i64, started_at: DateTime<Utc>) -> Run {
    Run { generation: 1, ..Run::new(sequence, started_at) }
}

/// The same promotion in another phase.
pub fn in_phase(promotion: &Promotion, phase: Phase) -> Promotion {
    Promotion { phase, ..promotion.clone() }
}

pub fn deployment(
    number: u128,
    version: VersionId,
    outcome: Outcome,
    finished_at: Option<DateTime<Utc>>,
) -> Deployment {
    Deployment {
        id: DeploymentId::new(uuid(8000 + number)),
        promotion_id: None,
        service_id: CART,
        environment_id: PRODUCTION,
        version_id: version,
        previous_version_id: None,
        cause: Cause::Planned,
        outcome,
        requested_at: None,
        approved_at: None,
        started_at: finished_at.unwrap_or(day(100)) - Duration::minutes(5),
        finished_at,
        requested_by: "Dana".into(),
        reported_by: None,
        external_id: None,
    }
}

/// Team, two services, two environments, a cluster, three targets, Dana, and three versions each.
pub async fn company(store: &Store) {
    let mut tx = store.begin().await.unwrap();
    tx.insert_team(&team()).await.unwrap();
    for (id, name) in [(CART, "cart"), (PAY, "payment-api")] {
        tx.insert_service(&service(id, name)).await.unwrap();
    }
    let places = [
        environment(STAGING, "staging", EnvironmentKind::Staging, 1),
        environment(PRODUCTION, "production", EnvironmentKind::Production, 2),
    ];
    for place in places {
        tx.insert_environment(&place).await.unwrap();
    }
    tx.insert_cluster(&cluster(CLUSTER, "eu-1")).await.unwrap();
    tx.insert_target(&target(CART_STAGING, CART, STAGING, "cart-staging")).await.unwrap();
    tx.insert_target(&target(CART_PRODUCTION, CART, PRODUCTION, "cart")).await.unwrap();
    tx.insert_target(&target(PAY_PRODUCTION, PAY, PRODUCTION, "payment")).await.unwrap();
    tx.insert_person(&person(DANA, "Dana", Role::Developer)).await.unwrap();
    versions(&mut tx).await;
    tx.commit().await.unwrap();
}

async fn versions(tx: &mut Tx) {
    for (service, digit) in [(CART, 'a'), (PAY, 'b')] {
        for number in 1..=3 {
            let commits = vec![
                commit(&format!("{digit}{number}2"), day(number - 1)),
                commit(&format!("{digit}{number}1"), day(number - 2)),
            ];
            tx.insert_version(&version(service, number, commits)).await.unwrap();
        }
    }
}
