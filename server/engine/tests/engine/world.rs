//! An engine over a real store, a practice cluster and a recording messenger, with a clock that the
//! test moves.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeZone, Utc};
use contract::{
    clusters::{AdoptWorkload, ClustersBackend},
    environments::{EnvironmentInput, EnvironmentsBackend},
    promotions::{PromotionStatus, PromotionsBackend, RequestPromotion},
    slack::{SlackBackend, SlackInput},
    versions::{RegisterVersion, VersionsBackend},
};
use domain::{
    actor::{Actor, Identity, Role},
    environment::EnvironmentKind,
    ids::{ClusterId, PersonId},
    image::ContainerImage,
    names::{ClusterName, ContainerName, Namespace, WorkloadName},
    observation::WorkloadRef,
};
use engine::{Engine, Parts};
use ports::{
    Cluster, ClusterConnector, ClusterError, ConnectionSettings, GitRepositories, Messenger, MetricConnector,
    MetricError, MetricSettings, MetricSource,
};
use practice::{
    MockClock, PracticeCluster, PracticeMetrics, PracticeRepositories, RecordingMessenger, SeededRandomness,
};
use store::{ClusterKind, Person, Store, StoreOptions};
use uuid::Uuid;

/// Connects to the one practice cluster.
pub struct PracticeConnector(pub Arc<dyn Cluster>);

impl ClusterConnector for PracticeConnector {
    fn connect(&self, settings: &ConnectionSettings) -> Result<Arc<dyn Cluster>, ClusterError> {
        match settings {
            ConnectionSettings::Practice => Ok(Arc::clone(&self.0)),
            other => Err(ClusterError::Settings(format!("{other:?} is not the practice cluster"))),
        }
    }

    fn read_kubeconfig(&self, _text: &str, _context: Option<&str>) -> Result<ConnectionSettings, ClusterError> {
        Err(ClusterError::Settings("the practice cluster has no kubeconfig".to_owned()))
    }

    fn access_commands(&self) -> String {
        String::new()
    }
}

pub struct World {
    pub engine: Engine,
    pub clock: MockClock,
    pub practice: PracticeCluster,
    pub messenger: RecordingMessenger,
    pub repositories: PracticeRepositories,
    pub admin: Actor,
    pub rosa: Actor,
    pub ines: Actor,
    pub theo: Actor,
    dir: tempfile::TempDir,
}

pub fn noon() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 21, 12, 0, 0).unwrap()
}

pub fn workload(name: &str) -> WorkloadRef {
    WorkloadRef::deployment(Namespace::parse("production").unwrap(), WorkloadName::parse(name).unwrap())
}

pub fn image(container: &str, image: &str) -> ContainerImage {
    ContainerImage { container: ContainerName::parse(container).unwrap(), image: image.to_owned() }
}

/// An engine over these; `seed` decides its identifiers, so that two processes on one database
/// draw different ones.
pub fn engine_of(
    store: Store,
    clock: &MockClock,
    cluster: Arc<dyn Cluster>,
    messengers: engine::MakeMessenger,
    seed: u64,
) -> Engine {
    engine_with(store, clock, Arc::new(PracticeConnector(cluster)), messengers, seed)
}

/// Where nothing is measured.
pub struct NoMetrics;

impl MetricConnector for NoMetrics {
    fn connect(&self, _settings: &MetricSettings) -> Result<Arc<dyn MetricSource>, MetricError> {
        Err(MetricError::Settings("nothing is measured here".to_owned()))
    }
}

/// The same with a connector of one's own.
pub fn engine_with(
    store: Store,
    clock: &MockClock,
    connector: Arc<dyn ClusterConnector>,
    messengers: engine::MakeMessenger,
    seed: u64,
) -> Engine {
    engine_measured(store, clock, connector, Arc::new(NoMetrics), messengers, seed)
}

/// The same with a metric source of one's own.
pub fn engine_measured(
    store: Store,
    clock: &MockClock,
    connector: Arc<dyn ClusterConnector>,
    metrics: Arc<dyn MetricConnector>,
    messengers: engine::MakeMessenger,
    seed: u64,
) -> Engine {
    engine_committing(store, clock, connector, metrics, Arc::new(PracticeRepositories::new()), messengers, seed)
}

/// The same with repositories of one's own.
fn engine_committing(
    store: Store,
    clock: &MockClock,
    connector: Arc<dyn ClusterConnector>,
    metrics: Arc<dyn MetricConnector>,
    repositories: Arc<dyn GitRepositories>,
    messengers: engine::MakeMessenger,
    seed: u64,
) -> Engine {
    let shared: Arc<dyn ports::Clock> = Arc::new(clock.clone());
    Engine::new(Parts {
        store,
        clock: Arc::clone(&shared),
        repositories,
        webhooks: Arc::new(practice::PracticeDeployer::new(Arc::clone(&shared))),
        randomness: Arc::new(SeededRandomness::new(seed, shared)),
        connector,
        metrics,
        messengers,
        sealing_key: [7; 32],
        public_url: "http://127.0.0.1:3000".to_owned(),
    })
}

impl World {
    /// An empty installation with four people, one practice cluster and one environment,
    /// production, that asks for `approvals`.
    pub async fn new(approvals: u8) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/slipway.db", dir.path().display());
        Self::in_database(&url, approvals, dir).await
    }

    /// The same in an empty database of one's own.
    pub async fn at(url: &str, approvals: u8) -> Self {
        Self::in_database(url, approvals, tempfile::tempdir().unwrap()).await
    }

    async fn in_database(url: &str, approvals: u8, dir: tempfile::TempDir) -> Self {
        let options = StoreOptions { durability: store::Durability::ProcessEnd, ..StoreOptions::default() };
        let store = Store::open(url, options).await.unwrap();
        let clock = MockClock::at(noon());
        let practice = PracticeCluster::for_tests(Arc::new(clock.clone()));
        Self::on(store, clock, practice, approvals, dir).await
    }

    /// The same on a store and a practice cluster of one's own, both new.
    pub async fn on(
        store: Store,
        clock: MockClock,
        practice: PracticeCluster,
        approvals: u8,
        dir: tempfile::TempDir,
    ) -> Self {
        let metrics = Arc::new(PracticeMetrics::new(practice.clone(), 7));
        Self::measured(store, clock, practice, metrics, approvals, dir).await
    }

    /// The same with a metric source of one's own.
    pub async fn measured(
        store: Store,
        clock: MockClock,
        practice: PracticeCluster,
        metrics: Arc<dyn MetricConnector>,
        approvals: u8,
        dir: tempfile::TempDir,
    ) -> Self {
        let messenger = RecordingMessenger::new(Arc::new(clock.clone()));
        let told = messenger.clone();
        let cluster = Arc::new(PracticeConnector(Arc::new(practice.clone())));
        let messengers: engine::MakeMessenger = Arc::new(move |_| -> Arc<dyn Messenger> { Arc::new(told.clone()) });
        let repositories = PracticeRepositories::new();
        let git = Arc::new(repositories.clone());
        let engine = engine_committing(store, &clock, cluster, metrics, git, messengers, 1);
        let [admin, rosa, ines, theo] = people(&engine).await;
        let world = Self { engine, clock, practice, messenger, repositories, admin, rosa, ines, theo, dir };
        connect(&world.engine, 77, "practice", ClusterKind::Practice).await;
        world.add_environment("production", EnvironmentKind::Production, approvals, "").await;
        world
    }

    pub async fn add_environment(&self, name: &str, kind: EnvironmentKind, approvals: u8, healthy_in: &str) {
        let (name, healthy_in) = (name.to_owned(), healthy_in.to_owned());
        let input = EnvironmentInput { title: name.clone(), name, kind, approvals, healthy_in, ..self.environment() };
        self.engine.add_environment(&self.admin, input).await.unwrap();
    }

    /// Production as it was added, without approvals.
    pub fn environment(&self) -> EnvironmentInput {
        EnvironmentInput {
            name: "production".to_owned(),
            title: "production".to_owned(),
            kind: EnvironmentKind::Production,
            approvals: 0,
            healthy_in: String::new(),
            rollout_budget_seconds: 600,
            watch_seconds: 0,
            clusters: vec!["practice".to_owned()],
        }
    }

    /// A service whose Deployment of 3 pods runs 1.0 and was adopted.
    pub async fn service(&self, name: &str) {
        deploy(&self.practice, name, name, "1.0");
        self.clock.advance(Duration::from_secs(60));
        let one = ticked(name, name);
        let adopted = self.engine.adopt(&self.rosa, "practice", vec![one]).await.unwrap();
        assert_eq!((adopted.services, adopted.targets, adopted.versions), (1, 1, 1), "{:?}", adopted.left_out);
    }

    pub async fn version(&self, service: &str, label: &str) {
        self.engine.register_version(&self.theo, service, build(service, label)).await.unwrap();
    }

    /// Rosa leaves out what is left of the steps, as her page shows them.
    pub async fn promote_now(&self, number: i64, reason: &str) -> contract::Answer<()> {
        let view = self.engine.promotion(&self.rosa, number).await.unwrap();
        let seen = view.traffic.and_then(|traffic| traffic.as_seen).unwrap_or_default();
        let steer = contract::promotions::Steer::PromoteNow { seen, reason: reason.to_owned() };
        self.engine.steer(&self.rosa, number, steer).await
    }

    /// Rosa rolls a service back, to the version that is offered where she names none.
    pub async fn roll_back(&self, service: &str, version: Option<&str>) -> contract::Answer<i64> {
        let request = contract::promotions::RequestRollback {
            service: service.to_owned(),
            environment: "production".to_owned(),
            version: version.map(str::to_owned),
            reason: "It is broken".to_owned(),
            whole_templates: false,
        };
        self.engine.roll_back(&self.rosa, request).await
    }

    pub async fn ask(&self, service: &str, label: &str) -> i64 {
        let request = RequestPromotion {
            service: service.to_owned(),
            version: label.to_owned(),
            environment: "production".to_owned(),
            reason: "Stops double refunds".to_owned(),
            supersede: false,
            key: None,
        };
        self.engine.request_promotion(&self.theo, request).await.unwrap()
    }

    /// The address of the database of [`World::new`].
    pub fn database(&self) -> String {
        format!("sqlite://{}/slipway.db", self.dir.path().display())
    }

    /// Has the engine take in what the cluster shows now.
    pub async fn see(&self) {
        self.engine.look_once().await.unwrap();
    }

    pub async fn status(&self, number: i64) -> PromotionStatus {
        self.engine.promotion_status(&self.theo, number).await.unwrap()
    }

    /// Lets time go by in steps of a second, reconciling and delivering at each.
    pub async fn pass(&self, seconds: u64) {
        for _ in 0..seconds {
            self.engine.reconcile_due().await.unwrap();
            self.engine.deliver_due().await.unwrap();
            self.clock.advance(Duration::from_secs(1));
        }
    }

    /// Passes until the promotion is over; answers its last words.
    pub async fn finish(&self, number: i64) -> PromotionStatus {
        for _ in 0..1_500 {
            let status = self.status(number).await;
            if status.is_over {
                return status;
            }
            self.pass(1).await;
        }
        panic!("promotion {number} does not end: {}", self.status(number).await.words)
    }

    pub async fn with_slack(&self) {
        let input = SlackInput { token: "xoxb-test".to_owned(), channel: "releases".to_owned() };
        self.engine.set_slack(&self.admin, input).await.unwrap();
    }

    pub async fn image_of(&self, name: &str) -> String {
        match self.practice.observe(&workload(name)).await.unwrap() {
            domain::observation::Observed::Present(seen) => seen.images[0].image.clone(),
            domain::observation::Observed::Missing => "missing".to_owned(),
        }
    }

    /// Writes that Slipway did to this workload.
    pub fn writes(&self, name: &str) -> usize {
        let all = self.practice.writes_of(&workload(name)).unwrap();
        all.iter().filter(|w| w.by == practice::Writer::Slipway).count()
    }
}

/// Connects a cluster that the engine's connector knows by its kind.
pub async fn connect(engine: &Engine, id: u128, name: &str, kind: ClusterKind) {
    let mut tx = engine.store().begin().await.unwrap();
    let cluster = store::Cluster {
        id: ClusterId::new(Uuid::from_u128(id)),
        name: ClusterName::parse(name).unwrap(),
        kind,
        server: None,
        certificate_authority: None,
        sealed_token: None,
        namespaces: None,
        created_at: noon(),
        reachable_since: None,
        unreachable_since: None,
        trouble: None,
        message: None,
        version: None,
    };
    tx.insert_cluster(&cluster).await.unwrap();
    tx.commit().await.unwrap();
}

/// What a person ticks to take over the Deployment `name` as the service `service`.
pub fn ticked(name: &str, service: &str) -> AdoptWorkload {
    AdoptWorkload {
        kind: domain::observation::WorkloadKind::Deployment,
        namespace: "production".to_owned(),
        name: name.to_owned(),
        container: "app".to_owned(),
        service: service.to_owned(),
        team: "checkout".to_owned(),
        environment: "production".to_owned(),
    }
}

/// Makes a Deployment of 3 pods that runs `label` of `service`.
pub fn deploy(practice: &PracticeCluster, name: &str, service: &str, label: &str) {
    let images = vec![image("app", &format!("r.example/{service}:{label}"))];
    let new = practice::NewDeployment::new(workload(name).namespace, workload(name).name, 3, images);
    practice.create_deployment(&new).unwrap();
}

async fn people(engine: &Engine) -> [Actor; 4] {
    let everybody = [
        (1, "Ada Admin", Role::Admin),
        (2, "Rosa Mint", Role::ReleaseManager),
        (3, "Ines Okafor", Role::Approver),
        (4, "Theo Lind", Role::Developer),
    ];
    let mut tx = engine.store().begin().await.unwrap();
    let mut actors = Vec::new();
    for (n, name, role) in everybody {
        let id = PersonId::new(Uuid::from_u128(n));
        let email = format!("{}@example.com", name.to_lowercase().replace(' ', "."));
        let person = Person {
            id,
            name: name.to_owned(),
            email,
            password_hash: None,
            role,
            is_active: true,
            created_at: noon(),
            last_seen_at: None,
        };
        tx.insert_person(&person).await.unwrap();
        actors.push(Actor { identity: Identity::Person { id, name: name.to_owned() }, role, from: None });
    }
    tx.commit().await.unwrap();
    actors.try_into().unwrap()
}

/// Somebody who may read.
pub fn viewer() -> Actor {
    let identity = Identity::Person { id: PersonId::new(Uuid::from_u128(4)), name: "Theo Lind".to_owned() };
    Actor { identity, role: Role::Viewer, from: None }
}

/// What a pipeline reports of a version, at the least.
pub fn build(service: &str, label: &str) -> RegisterVersion {
    RegisterVersion {
        version: label.to_owned(),
        image: Some(format!("r.example/{service}:{label}")),
        ..RegisterVersion::default()
    }
}
