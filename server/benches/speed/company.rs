//! The company that everything is measured on: 1,000 services of 20 teams in 4 environments, each with
//! three versions and what runs of them; 30 promotions wait for an approval.

use std::sync::Arc;

use anyhow::Context as _;
use chrono::{DateTime, Duration, Utc};
use contract::{
    promotions::{PromotionsBackend as _, RequestPromotion},
    tokens::{TokenInput, TokensBackend as _},
};
use domain::{
    actor::{Actor, Identity, Role},
    deployment::{Cause, Outcome},
    environment::{EnvironmentKind, EnvironmentRules, Quorum},
    ids::{ClusterId, DeploymentId, EnvironmentId, PersonId, ServiceId, TargetId, TeamId, VersionId},
    image::{ContainerImage, Image},
    names::{ClusterName, ContainerName, EnvironmentName, Namespace, ServiceName, TeamName, WorkloadName},
    observation::WorkloadRef,
    state::Mark,
    strategy::Strategy,
    version::{Commit, CommitHash, VersionFlags, VersionImage, VersionLabel},
};
use engine::{Engine, Parts};
use ports::{Clock as _, Randomness as _};
use practice::RecordingMessenger;
use server::wiring::{Connector, SystemClock, SystemRandomness};
use store::{
    Cluster, ClusterKind, Deployment, Durability, Environment, NewVersion, Person, Running, Service, Store,
    StoreOptions, Target, TargetWorkload, Team, Tx,
};

/// How many services there are.
pub(crate) const SERVICES: usize = 1_000;

const TEAMS: usize = 20;

/// Promotions that wait for an approval.
const WAITING: usize = 30;

/// The environments, with the version that runs there: the number of it, or `None` where it differs
/// between services.
pub(crate) const ENVIRONMENTS: [(&str, EnvironmentKind, Option<usize>); 4] = [
    ("development", EnvironmentKind::Development, Some(2)),
    ("test", EnvironmentKind::Development, Some(2)),
    ("staging", EnvironmentKind::Staging, Some(1)),
    ("production", EnvironmentKind::Production, None),
];

/// The versions that each service has.
pub(crate) const LABELS: [&str; 3] = ["1.4.0", "1.4.1", "1.5.0"];

/// An engine over this database that does nothing by itself.
pub(crate) fn engine(store: Store) -> Engine {
    let practice = practice::PracticeCluster::for_tests(Arc::new(SystemClock));
    let metrics = Arc::new(practice::PracticeMetrics::new(practice, 1));
    engine_on(store, Arc::new(SystemClock), Arc::new(Connector::new(None, outgoing::Judge::default())), metrics)
}

/// The same by another clock, with other clusters and another source of numbers.
pub(crate) fn engine_on(
    store: Store,
    clock: Arc<dyn ports::Clock>,
    connector: Arc<dyn ports::ClusterConnector>,
    metrics: Arc<dyn ports::MetricConnector>,
) -> Engine {
    let messenger = RecordingMessenger::new(Arc::clone(&clock));
    Engine::new(Parts {
        store,
        clock,
        randomness: Arc::new(SystemRandomness),
        connector,
        metrics,
        messengers: Arc::new(move |_| Arc::new(messenger.clone())),
        repositories: Arc::new(practice::PracticeRepositories::new()),
        webhooks: Arc::new(practice::PracticeDeployer::new(Arc::new(SystemClock))),
        sealing_key: [7; 32],
        public_url: "http://127.0.0.1:3000".to_owned(),
    })
}

/// The number of the version that runs in an environment.
pub(crate) fn runs(service: usize, environment: usize) -> usize {
    ENVIRONMENTS.get(environment).and_then(|(_, _, runs)| *runs).unwrap_or(service % 2)
}

/// The name of a service.
pub(crate) fn service_name(number: usize) -> String {
    format!("service-{number:04}")
}

/// What was filled in.
pub(crate) struct Company {
    /// The administrator, who looks at pages.
    pub(crate) ada: Actor,
    /// Who asks for promotions.
    pub(crate) theo: Actor,
    /// Who approves them.
    pub(crate) ines: Actor,
    /// The path of a link that signs the administrator in.
    pub(crate) link: String,
    /// A pipeline's token.
    pub(crate) token: String,
}

struct Writer {
    tx: Tx,
    now: DateTime<Utc>,
    cluster: ClusterId,
    environments: Vec<EnvironmentId>,
}

fn uuid() -> uuid::Uuid {
    SystemRandomness.uuid()
}

impl Company {
    /// Fills an empty database.
    ///
    /// # Errors
    /// When the store or the engine refuses something.
    pub(crate) async fn fill(url: &str) -> anyhow::Result<Self> {
        let options = StoreOptions { durability: Durability::ProcessEnd, ..StoreOptions::default() };
        let store = Store::open(url, options).await?;
        let mut tx = store.begin().await?;
        let mut actors = Vec::new();
        for (name, role) in [("Ada", Role::Admin), ("Theo", Role::Developer), ("Ines", Role::Approver)] {
            actors.push(person(&mut tx, name, role).await?);
        }
        let [ada, theo, ines]: [Actor; 3] = actors.try_into().map_err(|_| anyhow::anyhow!("three people"))?;
        let now = SystemClock.now();
        let mut writer = Writer { tx, now, cluster: ClusterId::new(uuid()), environments: vec![] };
        writer.places().await?;
        writer.services().await?;
        writer.tx.commit().await?;
        let engine = engine(store);
        for service in 0..WAITING {
            ask(&engine, &theo, service, 3).await?;
        }
        let person = ada.identity.person().context("a person")?;
        let link = engine.sign_in_link(person, 1).await?;
        let token = TokenInput { name: "pipeline".to_owned(), role: Role::Developer, days: 1 };
        let token = engine.make_token(&ada, token).await?;
        engine.store().close().await;
        Ok(Self { ada, theo, ines, link, token })
    }

    /// What it is, in words.
    pub(crate) fn words(&self) -> String {
        format!(
            "{SERVICES} services of {TEAMS} teams in {} environments, {} versions, {WAITING} promotions that wait",
            ENVIRONMENTS.len(),
            SERVICES * LABELS.len()
        )
    }
}

/// Asks for another version of a service than the one that runs in an environment.
///
/// # Errors
/// When the engine refuses it.
pub(crate) async fn ask(engine: &Engine, by: &Actor, service: usize, environment: usize) -> anyhow::Result<i64> {
    let other = if environment == ENVIRONMENTS.len() - 1 { 2 } else { 0 };
    let request = RequestPromotion {
        service: service_name(service),
        version: LABELS.get(other).copied().unwrap_or_default().to_owned(),
        environment: ENVIRONMENTS.get(environment).map_or("", |(name, _, _)| name).to_owned(),
        reason: "Refunds once per payment id".to_owned(),
        supersede: false,
        key: None,
    };
    Ok(engine.request_promotion(by, request).await?)
}

/// Somebody who may sign in.
pub(crate) async fn person(tx: &mut Tx, name: &str, role: Role) -> anyhow::Result<Actor> {
    let id = PersonId::new(uuid());
    let person = Person {
        id,
        name: name.to_owned(),
        email: format!("{}@example.com", name.to_lowercase()),
        password_hash: None,
        role,
        is_active: true,
        created_at: SystemClock.now(),
        last_seen_at: None,
    };
    tx.insert_person(&person).await?;
    Ok(Actor { identity: Identity::Person { id, name: name.to_owned() }, role, from: None })
}

impl Writer {
    async fn places(&mut self) -> anyhow::Result<()> {
        let cluster = Cluster {
            id: self.cluster,
            name: ClusterName::parse("main")?,
            // Without a token nothing is called: what runs stays as it was filled in.
            kind: ClusterKind::Token,
            server: Some("https://127.0.0.1:6443".to_owned()),
            certificate_authority: None,
            sealed_token: None,
            namespaces: None,
            created_at: self.now,
            reachable_since: None,
            unreachable_since: Some(self.now),
            trouble: None,
            message: None,
            version: None,
        };
        self.tx.insert_cluster(&cluster).await?;
        for (position, (name, kind, _)) in (1_i64..).zip(ENVIRONMENTS) {
            let id = EnvironmentId::new(uuid());
            let approvals = Quorum::new(1).map_err(anyhow::Error::msg)?;
            let environment = Environment {
                id,
                name: EnvironmentName::parse(name)?,
                title: name.to_owned(),
                kind,
                position,
                rules: EnvironmentRules { approvals, ..EnvironmentRules::default() },
            };
            self.tx.insert_environment(&environment).await?;
            self.tx.bind_clusters(id, &[self.cluster]).await?;
            self.environments.push(id);
        }
        Ok(())
    }

    async fn services(&mut self) -> anyhow::Result<()> {
        let mut teams = Vec::new();
        for number in 0..TEAMS {
            let id = TeamId::new(uuid());
            let name = TeamName::parse(&format!("team-{number:02}"))?;
            self.tx.insert_team(&Team { id, name, title: format!("Team {number:02}") }).await?;
            teams.push(id);
        }
        for number in 0..SERVICES {
            let team = teams.get(number % TEAMS).copied().context("a team")?;
            self.service(number, team).await.with_context(|| service_name(number))?;
        }
        Ok(())
    }

    async fn service(&mut self, number: usize, team_id: TeamId) -> anyhow::Result<()> {
        let id = ServiceId::new(uuid());
        let name = service_name(number);
        let service = Service {
            id,
            name: ServiceName::parse(&name)?,
            title: name.clone(),
            team_id,
            tier: u8::try_from(number % 3)? + 1,
            description: String::new(),
            repository: None,
            runbook: None,
            created_at: self.now - Duration::days(200),
        };
        self.tx.insert_service(&service).await?;
        let mut versions = Vec::new();
        for (index, label) in LABELS.into_iter().enumerate() {
            versions.push(self.version(id, number, index, label).await?);
        }
        for (place, environment) in self.environments.clone().into_iter().enumerate() {
            self.target(number, place, id, environment, &versions).await?;
        }
        Ok(())
    }

    async fn version(
        &mut self,
        service: ServiceId,
        number: usize,
        index: usize,
        label: &str,
    ) -> anyhow::Result<VersionId> {
        let id = VersionId::new(uuid());
        let built_at = self.now - Duration::days(i64::try_from(40 - 10 * index)?);
        let commits = (0..3).map(|commit| {
            anyhow::Ok(Commit {
                hash: CommitHash::parse(&format!("{number:04x}{index:02x}{commit:02x}8c1f02e4"))?,
                author: "Theo".to_owned(),
                title: format!("Refund once per payment id, part {commit}"),
                committed_at: built_at - Duration::hours(commit),
            })
        });
        let commits = commits.collect::<anyhow::Result<Vec<_>>>()?;
        let version = NewVersion {
            id,
            service,
            label: VersionLabel::parse(label)?,
            commit: commits.first().map(|commit| commit.hash.clone()),
            flags: VersionFlags { is_hotfix: false, has_irreversible_migration: false },
            images: vec![VersionImage { component: None, image: Image::parse(&image(number, label), None)? }],
            commits,
            checks: vec![],
            created_at: built_at,
            registered_by: "pipeline (token)".to_owned(),
        };
        self.tx.insert_version(&version).await?;
        Ok(id)
    }

    async fn target(
        &mut self,
        number: usize,
        place: usize,
        service: ServiceId,
        environment: EnvironmentId,
        versions: &[VersionId],
    ) -> anyhow::Result<()> {
        let workload = WorkloadRef::deployment(
            Namespace::parse(ENVIRONMENTS.get(place).map_or("", |(name, _, _)| name))?,
            WorkloadName::parse(&service_name(number))?,
        );
        let container = ContainerName::parse("app")?;
        let of = TargetWorkload {
            cluster: self.cluster,
            workload: workload.clone(),
            container: container.clone(),
            component: None,
        };
        let id = TargetId::new(uuid());
        let target = Target {
            id,
            service,
            environment,
            strategy: Strategy::Rolling,
            deployer: domain::outside::Deployer::Clusters,
            workloads: vec![of],
        };
        self.tx.insert_target(&target).await?;
        let now = runs(number, place);
        let version_id = versions.get(now).copied().context("a version")?;
        let since = self.now - Duration::days(i64::try_from(3 + number % 20)?) - Duration::hours(1);
        let previous = now.checked_sub(1).and_then(|before| versions.get(before).copied());
        if let Some(previous) = previous {
            self.deployed(service, environment, previous, None, since - Duration::days(9)).await?;
        }
        self.deployed(service, environment, version_id, previous, since).await?;
        let label = LABELS.get(now).copied().unwrap_or_default();
        let running = Running {
            kind: workload.kind,
            target_id: id,
            cluster_id: self.cluster,
            namespace: workload.namespace,
            workload: workload.name,
            images: vec![ContainerImage { container, image: image(number, label) }],
            version_id: Some(version_id),
            mark: Mark::Done,
            words: "3 pods".to_owned(),
            wanted: 3,
            updated: 3,
            ready: 3,
            available: 3,
            is_changed_by_others: false,
            since,
            seen_at: self.now,
        };
        self.tx.put_running(&running).await?;
        Ok(())
    }

    async fn deployed(
        &mut self,
        service_id: ServiceId,
        environment_id: EnvironmentId,
        version_id: VersionId,
        previous_version_id: Option<VersionId>,
        at: DateTime<Utc>,
    ) -> anyhow::Result<()> {
        let deployment = Deployment {
            id: DeploymentId::new(uuid()),
            promotion_id: None,
            service_id,
            environment_id,
            version_id,
            previous_version_id,
            cause: Cause::Planned,
            outcome: Outcome::Succeeded,
            requested_at: None,
            approved_at: None,
            started_at: at - Duration::minutes(2),
            finished_at: Some(at),
            requested_by: "pipeline (token)".to_owned(),
            reported_by: Some("pipeline (token)".to_owned()),
            external_id: None,
        };
        Ok(self.tx.insert_deployment(&deployment).await?)
    }
}

fn image(service: usize, label: &str) -> String {
    format!("registry.example/{}:{label}", service_name(service))
}
