//! Puts the parts together: database, clock, chance, clusters, Slack, engine, edge.
//!
//! Fails with what a person who starts the server can act on: the key of the configuration, or the
//! database's own words.

use std::sync::Arc;

use anyhow::{Context as _, bail};
use chrono::{DateTime, SubsecRound as _, Utc};
use cluster::KubeConnector;
use domain::{
    git::{Carries, CommitHash, GitPlan, GitWritten, RepositoryAddress},
    outside::WebhookAddress,
};
use engine::{Engine, MakeMessenger, Parts};
use outgoing::{Client, HealthRequests, Judge, Prometheus, Repositories, Slack, Webhooks};
use ports::{
    Clock, Cluster, ClusterConnector, ClusterError, ConnectionSettings, GitChange, GitCredentials, GitError,
    GitRepositories, HealthProbe, Messenger, MetricConnector, MetricError, MetricSettings, MetricSource, Randomness,
    Webhook, WebhookAnswer, WebhookSender,
};
use practice::{PracticeCluster, PracticeDeployer, PracticeMetrics, PracticeRepositories};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use store::{Store, StoreOptions};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    config::{self, Config, EncryptionKey},
    http::{Web, WebParts, WebSettings},
    telemetry,
};

/// The setting that tells whether a key is the one that the secrets were sealed with.
const KEY_CHECK: &str = "encryption_key_check";

/// The machine's clock.
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        #[expect(clippy::disallowed_methods, reason = "this is the one home of the machine's time")]
        Utc::now().trunc_subsecs(6)
    }
}

/// The machine's randomness.
pub struct SystemRandomness;

impl Randomness for SystemRandomness {
    fn uuid(&self) -> Uuid {
        #[expect(clippy::disallowed_methods, reason = "this is the one home of new identifiers")]
        Uuid::now_v7()
    }

    fn fill(&self, bytes: &mut [u8]) {
        if getrandom::fill(bytes).is_err() {
            // Going on would hand out secrets that can be guessed.
            std::process::abort();
        }
    }
}

/// Practice clusters are the one that was given; all others are Kubernetes.
pub struct Connector {
    practice: Option<PracticeCluster>,
    kubernetes: KubeConnector,
    judge: Judge,
}

impl Connector {
    /// Without `practice` a practice cluster cannot be connected.
    #[must_use]
    pub const fn new(practice: Option<PracticeCluster>, judge: Judge) -> Self {
        Self { practice, kubernetes: KubeConnector, judge }
    }
}

impl ClusterConnector for Connector {
    fn connect(&self, settings: &ConnectionSettings) -> Result<Arc<dyn Cluster>, ClusterError> {
        match (settings, &self.practice) {
            (ConnectionSettings::Practice, Some(practice)) => Ok(Arc::new(practice.clone())),
            (ConnectionSettings::Practice, None) => {
                Err(ClusterError::Settings("the practice cluster is only there in the demo".to_owned()))
            }
            (ConnectionSettings::Token { server, .. }, _) => {
                self.judge.look_at_text(server).map_err(|e| ClusterError::Settings(e.to_string()))?;
                self.kubernetes.connect(settings)
            }
            // The address comes from the pod's own environment.
            (ConnectionSettings::InCluster, _) => self.kubernetes.connect(settings),
        }
    }

    fn read_kubeconfig(&self, text: &str, context: Option<&str>) -> Result<ConnectionSettings, ClusterError> {
        self.kubernetes.read_kubeconfig(text, context)
    }

    fn access_commands(&self) -> String {
        self.kubernetes.access_commands()
    }
}

/// Practice clusters have the numbers of the one that was given; all others are asked by Prometheus'
/// protocol, where the judge allows it.
pub struct Metrics {
    practice: Option<PracticeMetrics>,
    client: Client,
}

impl Metrics {
    /// Without `practice` a practice cluster has no numbers.
    ///
    /// # Errors
    /// When the machine's certificates cannot be used.
    pub fn new(practice: Option<PracticeCluster>, judge: Judge) -> anyhow::Result<Self> {
        // The unrest of practice numbers is the same in every demo.
        let practice = practice.map(|practice| PracticeMetrics::new(practice, 1));
        Ok(Self { practice, client: Client::new(judge)? })
    }
}

impl MetricConnector for Metrics {
    fn connect(&self, settings: &MetricSettings) -> Result<Arc<dyn MetricSource>, MetricError> {
        match (settings, &self.practice) {
            (MetricSettings::Practice, Some(practice)) => Ok(Arc::new(practice.clone())),
            (MetricSettings::Practice, None) => {
                Err(MetricError::Settings("the practice cluster is only there in the demo".to_owned()))
            }
            (MetricSettings::Prometheus { address, credentials, tenant }, _) => {
                let source = Prometheus::new(self.client.clone(), address, credentials.clone())?;
                Ok(Arc::new(source.of_tenant(tenant.clone())))
            }
        }
    }

    fn health(&self) -> Arc<dyn HealthProbe> {
        Arc::new(HealthRequests::new(self.client.clone()))
    }
}

/// Webhooks go out where the judge allows it; those to the demo's stand-in go to it.
struct Deployers {
    practice: Option<PracticeDeployer>,
    outside: Webhooks,
}

impl Deployers {
    fn of(&self, address: &str) -> &dyn WebhookSender {
        let host = WebhookAddress::parse(address).map(|address| address.host() == WebhookAddress::PRACTICE_HOST);
        match &self.practice {
            Some(practice) if host == Ok(true) => practice,
            _ => &self.outside,
        }
    }
}

#[async_trait::async_trait]
impl WebhookSender for Deployers {
    fn look_at(&self, address: &str) -> Result<(), String> {
        self.of(address).look_at(address)
    }

    async fn send(&self, webhook: &Webhook) -> WebhookAnswer {
        self.of(&webhook.address).send(webhook).await
    }
}

/// Repositories are reached where the judge allows it; the demo's stand-in is reached in the process.
struct AllRepositories {
    practice: Option<PracticeRepositories>,
    outside: Repositories,
}

impl AllRepositories {
    fn of(&self, repository: &RepositoryAddress) -> &dyn GitRepositories {
        match &self.practice {
            Some(practice) if repository.is_practice() => practice,
            _ => &self.outside,
        }
    }
}

#[async_trait::async_trait]
impl GitRepositories for AllRepositories {
    fn look_at(&self, repository: &RepositoryAddress) -> Result<(), String> {
        self.of(repository).look_at(repository)
    }

    async fn read(&self, plan: &GitPlan, credentials: &GitCredentials) -> Result<Vec<String>, GitError> {
        self.of(&plan.repository).read(plan, credentials).await
    }

    async fn commit(&self, change: &GitChange, credentials: &GitCredentials) -> Result<GitWritten, GitError> {
        self.of(&change.plan.repository).commit(change, credentials).await
    }

    async fn carries(
        &self,
        plan: &GitPlan,
        credentials: &GitCredentials,
        commit: &CommitHash,
        revisions: &[CommitHash],
    ) -> Result<Vec<(CommitHash, Carries)>, GitError> {
        self.of(&plan.repository).carries(plan, credentials, commit, revisions).await
    }
}

/// What is played in the process in the demo.
#[derive(Clone)]
pub struct Played {
    /// The cluster.
    pub cluster: PracticeCluster,
    /// The Git repositories.
    pub repositories: PracticeRepositories,
    /// The outside deployer.
    pub deployer: PracticeDeployer,
}

/// A server that is put together but does nothing yet.
pub struct Wired {
    /// The use cases and reconcilers.
    pub engine: Engine,
    /// The web edge.
    pub web: Arc<Web>,
    /// Time, as the engine has it.
    pub clock: Arc<dyn Clock>,
}

/// Opens the database and puts everything together. `played` is there in the demo.
///
/// # Errors
/// What is wrong with the configuration, the data folder or the database.
pub async fn wire(config: &Config, played: Option<Played>, shutdown: CancellationToken) -> anyhow::Result<Wired> {
    // An error only says that a provider is installed already, which is what is wanted.
    drop(rustls::crypto::ring::default_provider().install_default());
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let randomness: Arc<dyn Randomness> = Arc::new(SystemRandomness);
    std::fs::create_dir_all(&config.data_dir)
        .with_context(|| format!("data_dir: {} cannot be made", config.data_dir.display()))?;
    let key = encryption_key(config, &*randomness)?;
    let store = Store::open(config.database_url.expose_secret(), StoreOptions::default())
        .await
        .context("database_url: the database cannot be opened")?;
    check_key(&store, &key).await?;
    let (practice, repositories, deployer) = match played {
        Some(played) => (Some(played.cluster), Some(played.repositories), Some(played.deployer)),
        None => (None, None, None),
    };
    let git = Repositories::new(Judge::new(config.outgoing_allow.clone()), host(&config.public_url.url));
    let outside = Webhooks::new(Client::new(Judge::new(config.outgoing_allow.clone()))?);
    let engine = Engine::new(Parts {
        repositories: Arc::new(AllRepositories { practice: repositories, outside: git }),
        webhooks: Arc::new(Deployers { practice: deployer, outside }),
        store: store.clone(),
        clock: Arc::clone(&clock),
        randomness: Arc::clone(&randomness),
        metrics: Arc::new(Metrics::new(practice.clone(), Judge::new(config.outgoing_allow.clone()))?),
        connector: Arc::new(Connector::new(practice, judge_of_clusters(config))),
        messengers: messengers(config)?,
        sealing_key: key.bytes(),
        public_url: config.public_url.url.clone(),
    });
    let settings = WebSettings {
        public_url: config.public_url.clone(),
        trusted_proxies: config.trusted_proxies.clone(),
        session_hours: config.session_hours,
        metrics_token: config.metrics_token.clone(),
    };
    let metrics = telemetry::metrics().context("the recorder of metrics cannot be installed")?;
    let parts =
        WebParts { engine: engine.clone(), store, clock: Arc::clone(&clock), randomness, settings, metrics, shutdown };
    Ok(Wired { engine, web: Web::new(parts), clock })
}

fn encryption_key(config: &Config, randomness: &dyn Randomness) -> anyhow::Result<EncryptionKey> {
    match &config.encryption_key {
        Some(key) => Ok(key.clone()),
        None if config.is_sqlite() => Ok(config::load_or_make(&config.data_dir, randomness)?),
        None => bail!(
            "encryption_key: must be set with PostgreSQL, for a key in one server's data folder is unknown to the \
             others; `openssl rand -base64 32` makes one"
        ),
    }
}

/// Compares the key with the one that this database was first used with.
async fn check_key(store: &Store, key: &EncryptionKey) -> anyhow::Result<()> {
    let context = "the encryption key cannot be checked against the database";
    let digest = Sha256::new().chain_update(b"slipway encryption key check 1:").chain_update(key.bytes()).finalize();
    let check: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut tx = store.begin().await.context(context)?;
    match tx.setting::<String>(KEY_CHECK).await.context(context)? {
        Some(known) if known == check => Ok(()),
        Some(_) => bail!("encryption_key: this is not the key that the secrets in this database are sealed with"),
        None => {
            tx.put_setting(KEY_CHECK, &check).await.context(context)?;
            tx.commit().await.context(context)
        }
    }
}

/// Where API servers may be. A Slipway that only this machine can reach may reach clusters on it.
fn judge_of_clusters(config: &Config) -> Judge {
    let mut rules = config.outgoing_allow.clone();
    if config.listen.ip().is_loopback() {
        rules.extend(["127.0.0.0/8", "::1", "localhost"].iter().filter_map(|own| own.parse().ok()));
    }
    Judge::of_clusters(rules)
}

/// The host of an address, without a port: commits are of Slipway there.
fn host(address: &str) -> &str {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    rest.split(['/', ':']).next().filter(|host| !host.is_empty() && !host.starts_with('[')).unwrap_or("slipway.invalid")
}

/// Slack by its token.
fn messengers(config: &Config) -> anyhow::Result<MakeMessenger> {
    let client = Client::new(Judge::new(config.outgoing_allow.clone()))?;
    let slack = Slack::new(client, &config.slack_base_url, SecretString::default()).context("slack_base_url")?;
    Ok(Arc::new(move |token: &SecretString| Arc::new(slack.with_token(token.clone())) as Arc<dyn Messenger>))
}
