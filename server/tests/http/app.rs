//! [`TestApp`]: the real router over a temporary store, a mock clock and a practice cluster.

use std::{sync::Arc, time::Duration};

use axum::Router;
use contract::{
    PageRequest,
    clusters::{AdoptWorkload, ClustersBackend as _},
    environments::{EnvironmentInput, EnvironmentsBackend as _},
    people::{PeopleBackend as _, PersonInput},
    promotions::{PromotionsBackend as _, RequestPromotion},
    tokens::{TokenInput, TokensBackend as _},
    versions::{RegisterVersion, VersionsBackend as _},
};
use domain::{
    actor::{Actor, Identity, Role},
    environment::EnvironmentKind,
    ids::{ClusterId, PersonId},
    image::ContainerImage,
    names::{ClusterName, ContainerName, Namespace, WorkloadName},
};
use engine::{Engine, Parts};
use practice::{MockClock, NewDeployment, PracticeCluster, RecordingMessenger, SeededRandomness};
use secrecy::SecretString;
use server::{
    config::PublicUrl,
    http::{self, Web, WebParts, WebSettings},
    telemetry,
    wiring::Connector,
};
use store::{ClusterKind, Store, StoreOptions};
use tokio_util::sync::CancellationToken;

use crate::client::{Browser, Machine};

/// The password of everyone.
pub const PASSWORD: &str = "correct horse battery";

/// A test leaves a handful of promotions with a handful of messages each.
const ROUNDS: usize = 50;

/// What can differ from a plain installation on this machine.
#[derive(Default)]
pub struct Settings {
    pub is_https: bool,
    pub metrics_token: Option<&'static str>,
    pub trusted_proxies: Vec<&'static str>,
    /// Where API servers may be, beside where they always may.
    pub clusters_at: Vec<&'static str>,
}

/// A server without a port.
pub struct TestApp {
    pub router: Router,
    pub web: Arc<Web>,
    pub engine: Engine,
    pub clock: MockClock,
    pub practice: PracticeCluster,
    pub deployer: practice::PracticeDeployer,
    pub shutdown: CancellationToken,
    is_finished: bool,
    dir: tempfile::TempDir,
}

impl TestApp {
    /// An empty installation.
    pub async fn new() -> Self {
        Self::with(Settings::default()).await
    }

    /// An empty installation with other settings.
    pub async fn with(settings: Settings) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/slipway.db", dir.path().display());
        let options = StoreOptions { durability: store::Durability::ProcessEnd, ..StoreOptions::default() };
        let store = Store::open(&url, options).await.unwrap();
        let clock = MockClock::default();
        let shared: Arc<dyn ports::Clock> = Arc::new(clock.clone());
        let randomness = Arc::new(SeededRandomness::new(1, Arc::clone(&shared)));
        let practice = PracticeCluster::for_tests(Arc::clone(&shared));
        let messenger = RecordingMessenger::new(Arc::clone(&shared));
        let scheme = if settings.is_https { "https" } else { "http" };
        let public_url = PublicUrl { url: format!("{scheme}://slipway.test"), is_https: settings.is_https };
        let judge = outgoing::Judge::new(settings.clusters_at.iter().map(|rule| rule.parse().unwrap()).collect());
        let deployer = practice::PracticeDeployer::new(Arc::clone(&shared));
        let engine = Engine::new(Parts {
            store: store.clone(),
            clock: Arc::clone(&shared),
            randomness: Arc::clone(&randomness) as Arc<dyn ports::Randomness>,
            connector: Arc::new(Connector::new(Some(practice.clone()), judge)),
            metrics: Arc::new(
                server::wiring::Metrics::new(Some(practice.clone()), outgoing::Judge::default()).unwrap(),
            ),
            messengers: Arc::new(move |_| Arc::new(messenger.clone())),
            repositories: Arc::new(practice::PracticeRepositories::new()),
            webhooks: Arc::new(deployer.clone()),
            sealing_key: [7; 32],
            public_url: public_url.url.clone(),
        });
        let shutdown = CancellationToken::new();
        let web = Web::new(WebParts {
            engine: engine.clone(),
            store,
            clock: shared,
            randomness,
            settings: WebSettings {
                public_url,
                trusted_proxies: settings.trusted_proxies.iter().map(|p| p.parse().unwrap()).collect(),
                session_hours: 24,
                metrics_token: settings.metrics_token.map(SecretString::from),
            },
            metrics: telemetry::metrics().unwrap(),
            shutdown: shutdown.clone(),
        });
        let router = http::router(&web);
        Self { router, web, engine, clock, practice, deployer, shutdown, is_finished: false, dir }
    }

    /// Ends the test: nothing may be left undelivered.
    pub async fn finish(mut self) {
        self.is_finished = true;
        for _ in 0..ROUNDS {
            let moved = self.engine.reconcile_due().await.unwrap();
            let told = self.engine.deliver_due().await.unwrap() + self.engine.send_due().await.unwrap();
            if moved + told == 0 {
                break;
            }
        }
        assert_eq!(self.engine.deliver_due().await.unwrap(), 0, "undelivered work is left");
        self.shutdown.cancel();
    }

    /// Everything that the database's files hold.
    pub fn database_bytes(&self) -> Vec<u8> {
        let files = std::fs::read_dir(self.dir.path()).unwrap();
        files.flat_map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect()
    }

    /// A browser that is not signed in.
    pub fn browser(&self) -> Browser {
        Browser::new(self.router.clone())
    }

    /// A person with this role, by the engine.
    pub async fn person(&self, role: Role) -> Actor {
        let admin = self.admin().await;
        if role == Role::Admin {
            return admin;
        }
        let email = email(role);
        let people = self.engine.people(&admin).await.unwrap();
        let known = people.iter().find(|p| p.email == email);
        let id = match known {
            Some(person) => person.id,
            None => {
                let input = PersonInput { name: format!("The {}", role.words()), email: email.clone(), role };
                let link = self.engine.invite(&admin, input).await.unwrap();
                let token = link.strip_prefix("/link/").unwrap();
                self.engine.use_link_set_password(token, &PASSWORD.into(), None).await.unwrap()
            }
        };
        self.engine.actor_of_person(id, None).await.unwrap()
    }

    /// The first administrator; made on first use.
    pub async fn admin(&self) -> Actor {
        let id = match self.engine.first_link().await.unwrap() {
            Some(link) => {
                let (token, email) = (link.strip_prefix("/link/").unwrap(), email(Role::Admin));
                let password = SecretString::from(PASSWORD);
                let made = self.engine.use_link_first_administrator(token, "Ada", &email, &password, None);
                made.await.unwrap()
            }
            None => self.person_id(Role::Admin).await,
        };
        self.engine.actor_of_person(id, None).await.unwrap()
    }

    /// The identity of the person with this role.
    pub async fn person_id(&self, role: Role) -> PersonId {
        let mut read = self.engine.store().read().await.unwrap();
        read.person_by_email(&email(role)).await.unwrap().unwrap().id
    }

    /// A browser in which somebody with this role is signed in.
    pub async fn signed_in(&self, role: Role) -> Browser {
        self.person(role).await;
        let mut browser = self.browser();
        let answer = browser.post("/sign-in", &[("email", &email(role)), ("password", PASSWORD)]).await;
        assert_eq!((answer.status, answer.location()), (303, app::routes::first_page(role)), "{}", answer.text);
        browser
    }

    /// A pipeline whose token has this role.
    pub async fn machine(&self, role: Role) -> Machine {
        let admin = self.admin().await;
        let input = TokenInput { name: format!("ci {}", role.words()), role, days: 30 };
        let secret = self.engine.make_token(&admin, input).await.unwrap();
        Machine::new(self.router.clone(), secret)
    }

    /// Production on the practice cluster, asking for `approvals`, with the service `cart` that runs 1.0.
    pub async fn company(&self, approvals: u8) {
        let admin = self.admin().await;
        let clusters = vec!["practice".to_owned()];
        let mut tx = self.engine.store().begin().await.unwrap();
        tx.insert_cluster(&practice_cluster(self)).await.unwrap();
        tx.commit().await.unwrap();
        let input = EnvironmentInput {
            name: "production".to_owned(),
            title: "Production".to_owned(),
            kind: EnvironmentKind::Production,
            approvals,
            healthy_in: String::new(),
            rollout_budget_seconds: 600,
            watch_seconds: 0,
            clusters,
        };
        self.engine.add_environment(&admin, input).await.unwrap();
        let namespace = Namespace::parse("production").unwrap();
        let container = ContainerName::parse("app").unwrap();
        let images = vec![ContainerImage { container, image: "r.example/cart:1.0".to_owned() }];
        let deployment = NewDeployment::new(namespace, WorkloadName::parse("cart").unwrap(), 3, images);
        self.practice.create_deployment(&deployment).unwrap();
        self.clock.advance(Duration::from_secs(60));
        let workload = AdoptWorkload {
            kind: domain::observation::WorkloadKind::Deployment,
            namespace: "production".to_owned(),
            name: "cart".to_owned(),
            container: "app".to_owned(),
            service: "cart".to_owned(),
            team: "checkout".to_owned(),
            environment: "production".to_owned(),
        };
        let adopted = self.engine.adopt(&admin, "practice", vec![workload]).await.unwrap();
        assert_eq!(adopted.targets, 1, "{:?}", adopted.left_out);
    }

    /// A cluster of this name that nobody reaches.
    pub async fn connect(&self, name: &str) {
        let name = ClusterName::parse(name).unwrap();
        let cluster = store::Cluster { name, kind: ClusterKind::InCluster, ..practice_cluster(self) };
        let mut tx = self.engine.store().begin().await.unwrap();
        tx.insert_cluster(&cluster).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// Registers a version of `cart`.
    pub async fn version(&self, label: &str) {
        let version = RegisterVersion {
            version: label.to_owned(),
            image: Some(format!("r.example/cart:{label}")),
            ..RegisterVersion::default()
        };
        let admin = self.admin().await;
        self.engine.register_version(&admin, "cart", version).await.unwrap();
    }

    /// Asks for `cart` in production, as the developer; answers the number.
    pub async fn promotion(&self, label: &str) -> i64 {
        let developer = self.person(Role::Developer).await;
        let request = RequestPromotion {
            service: "cart".to_owned(),
            version: label.to_owned(),
            environment: "production".to_owned(),
            reason: "Mends refunds".to_owned(),
            supersede: false,
            key: None,
        };
        self.engine.request_promotion(&developer, request).await.unwrap()
    }

    /// Withdraws a promotion, so that nothing waits at the end of a test.
    pub async fn withdraw(&self, number: i64) {
        let admin = self.admin().await;
        self.engine.cancel(&admin, number, "the test is over".to_owned()).await.unwrap();
    }

    /// The labels of `cart`'s versions, newest first.
    pub async fn labels(&self) -> Vec<String> {
        let admin = self.admin().await;
        let page = self.engine.versions(&admin, "cart", PageRequest::default()).await.unwrap();
        page.rows.into_iter().map(|v| v.label).collect()
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        assert!(self.is_finished || std::thread::panicking(), "a test must end with finish()");
    }
}

/// Everyone's address is made of their role.
pub fn email(role: Role) -> String {
    format!("{}@slipway.test", role.as_str())
}

/// A machine's identity with this role, for asking the rules.
pub fn machine_actor(role: Role, like: &Actor) -> Actor {
    let owner = like.identity.person().unwrap();
    let id = domain::ids::TokenId::new(uuid::Uuid::nil());
    Actor { identity: Identity::Token { id, name: "ci".to_owned(), owner }, role, from: None }
}

fn practice_cluster(app: &TestApp) -> store::Cluster {
    store::Cluster {
        id: ClusterId::new(app.engine.uuid()),
        name: ClusterName::parse("practice").unwrap(),
        kind: ClusterKind::Practice,
        server: None,
        certificate_authority: None,
        sealed_token: None,
        namespaces: None,
        created_at: app.engine.now(),
        reachable_since: Some(app.engine.now()),
        unreachable_since: None,
        trouble: None,
        message: None,
        version: None,
    }
}
