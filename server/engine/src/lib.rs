//! The application layer: one function per use case for pages and API alike, and the reconcilers
//! that drive promotions. Knows the outside by ports only.
//!
//! [`Engine`] implements [`contract::Backend`]. Every use case asks for permission first, writes in
//! one transaction together with its audit row, and signals afterwards.

mod alerts;
mod approvals;
mod audit;
mod audit_view;
mod board;
mod cells;
mod clusters;
mod compare;
mod credentials;
mod deliveries;
mod deployers;
mod deployments;
mod edge;
mod environments;
mod error;
mod frame;
mod git_places;
mod helm;
mod incidents;
mod insights;
mod inventory;
mod judging;
mod lists;
mod outbox;
mod people;
mod places;
mod promotions;
mod seal;
mod search;
mod services;
mod sign_ins;
mod slack;
mod strategies;
mod supervise;
mod tokens;
mod versions;
mod watches;

use std::{sync::Arc, time::Duration};

use clusters::{registry::Registry, signs::Signs};
use credentials::Passwords;
use places::Places;
use ports::{Clock, ClusterConnector, GitRepositories, Messenger, MetricConnector, Randomness, WebhookSender};
use promotions::leftovers::Idle;
use seal::Sealer;
use secrecy::SecretString;
use sign_ins::Refusals;
use store::{Change, Store};
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub use clusters::signs::ClusterSign;
pub use promotions::reconcile::Vitals;

/// Makes a messenger from its token.
pub type MakeMessenger = Arc<dyn Fn(&SecretString) -> Arc<dyn Messenger> + Send + Sync>;

/// What the engine is made of; the composition root fills it in.
#[derive(Clone)]
pub struct Parts {
    /// The database.
    pub store: Store,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Identifiers and secrets.
    pub randomness: Arc<dyn Randomness>,
    /// Makes handles to clusters.
    pub connector: Arc<dyn ClusterConnector>,
    /// Makes handles to metric sources.
    pub metrics: Arc<dyn MetricConnector>,
    /// Makes messengers (Slack).
    pub messengers: MakeMessenger,
    /// Git repositories in which versions live.
    pub repositories: Arc<dyn GitRepositories>,
    /// Sends webhooks to outside deployers.
    pub webhooks: Arc<dyn WebhookSender>,
    /// Encrypts what must not be read from the database.
    pub sealing_key: [u8; 32],
    /// Where this installation is reached: `https://slipway.example`, without a slash at the end.
    pub public_url: String,
}

/// The use cases. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    parts: Arc<Parts>,
    own: Arc<Own>,
}

/// What the engine makes for itself.
struct Own {
    registry: Registry,
    places: Places,
    signs: Signs,
    refusals: Refusals,
    sealer: Arc<Sealer>,
    passwords: Passwords,
    vitals: Vitals,
    idle: Idle,
    owner: Uuid,
}

impl Engine {
    /// An engine of these parts; starts nothing by itself.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let sealer = Arc::new(Sealer::new(&parts.sealing_key));
        let registry = Registry::new(parts.store.clone(), Arc::clone(&parts.connector), Arc::clone(&sealer));
        let owner = parts.randomness.uuid();
        let own = Own {
            registry,
            places: Places::default(),
            signs: Signs::default(),
            refusals: Refusals::default(),
            sealer,
            passwords: Passwords::new(),
            vitals: Vitals::default(),
            idle: Idle::default(),
            owner,
        };
        Self { parts: Arc::new(parts), own: Arc::new(own) }
    }

    /// The same engine for the edge, where somebody waits for the answer: beginning to read takes at most
    /// `patience`. What the engine does by itself keeps the patience of the store.
    #[must_use]
    pub fn impatient(&self, patience: Duration) -> Self {
        let parts = Parts { store: self.parts.store.impatient(patience), ..Parts::clone(&self.parts) };
        Self { parts: Arc::new(parts), own: Arc::clone(&self.own) }
    }

    /// Runs what the engine does by itself until cancelled: reconciling, delivering, watching
    /// clusters, tidying up, sweeping what promotions have left, each in a task of its own that begins anew when it panics. Returns when all
    /// of it has ended.
    pub async fn run(&self, cancel: CancellationToken) {
        /// What begins a loop, again and again.
        macro_rules! keep {
            ($name:literal, $begin:ident) => {
                supervise::keep_running($name, cancel.clone(), || {
                    let (engine, cancel) = (self.clone(), cancel.clone());
                    async move { engine.$begin(cancel).await }
                })
            };
        }
        tokio::join!(
            keep!("reconciler", reconcile_for_ever),
            keep!("outbox", deliver_for_ever),
            keep!("webhooks", send_for_ever),
            keep!("inventory", keep_inventory),
            keep!("tidying", tidy_for_ever),
            keep!("sweeping", sweep_for_ever),
        );
    }

    /// Hears of everything that changes from now on.
    #[must_use]
    pub fn changes(&self) -> broadcast::Receiver<Change> {
        self.parts.store.changes()
    }

    /// How the reconciler is.
    #[must_use]
    pub fn vitals(&self) -> &Vitals {
        &self.own.vitals
    }

    /// The database, for the edge's own needs: sessions, health, metrics.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.parts.store
    }

    /// The time now.
    #[must_use]
    pub fn now(&self) -> chrono::DateTime<chrono::Utc> {
        self.parts.clock.now()
    }

    /// A new identifier.
    #[must_use]
    pub fn uuid(&self) -> Uuid {
        self.parts.randomness.uuid()
    }

    pub(crate) fn clusters(&self) -> &Registry {
        &self.own.registry
    }

    pub(crate) fn places(&self) -> &Places {
        &self.own.places
    }

    pub(crate) fn signs(&self) -> &Signs {
        &self.own.signs
    }

    pub(crate) fn idle(&self) -> &Idle {
        &self.own.idle
    }

    pub(crate) fn refusals(&self) -> &Refusals {
        &self.own.refusals
    }

    pub(crate) fn sealer(&self) -> &Sealer {
        &self.own.sealer
    }

    pub(crate) fn passwords(&self) -> &Passwords {
        &self.own.passwords
    }

    /// Who holds the leases that this engine claims.
    pub(crate) fn owner(&self) -> Uuid {
        self.own.owner
    }

    /// Deletes what has expired: sessions and links.
    async fn tidy_for_ever(&self, cancel: CancellationToken) {
        loop {
            if let Err(error) = self.tidy().await {
                tracing::warn!(error.message = %error, "expired sessions could not be deleted; it is tried again");
            }
            tokio::select! {
                () = cancel.cancelled() => return,
                () = tokio::time::sleep(Duration::from_secs(600)) => {}
            }
        }
    }

    async fn tidy(&self) -> Result<(), store::StoreError> {
        let now = self.now();
        let mut tx = self.store().begin().await?;
        tx.delete_expired_sessions(now.timestamp()).await?;
        tx.delete_expired_links(now).await?;
        tx.commit().await
    }
}
