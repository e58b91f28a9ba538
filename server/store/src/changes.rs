//! Tells what was committed. Within one server by a broadcast channel; between servers on one
//! PostgreSQL by notifications, sent in batches by a task of their own after the commit (inside a
//! transaction they would make all commits wait for each other), received by another task.
//!
//! A change says that something is newer now, never what it is: who hears it reads the truth. A
//! lost notification costs time, not correctness; where one may be lost, [`Entity::Everything`] is
//! told.

use std::time::Duration;

use domain::ids::PromotionId;
use serde::{Deserialize, Serialize};
use sqlx::{
    PgPool,
    postgres::{PgListener, PgPoolOptions},
};
use tokio::{
    sync::{broadcast, mpsc},
    task::JoinHandle,
};
use uuid::Uuid;

use crate::{StoreError, statements::statements};

/// What changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entity {
    /// A promotion moved; the identifier is the promotion's.
    Promotion,
    /// A service, its team or its targets.
    Service,
    /// A version was registered or got checks.
    Version,
    /// An environment or its rules.
    Environment,
    /// A cluster or its state.
    Cluster,
    /// What runs in a target; the identifier is the target's.
    Target,
    /// A deployment.
    Deployment,
    /// An incident.
    Incident,
    /// A person or their role.
    Person,
    /// A setting; the identifier says nothing.
    Settings,
    /// Changes may have been missed: everything that is shown should be read again.
    Everything,
}

/// Something is newer than it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Change {
    /// What kind.
    pub entity: Entity,
    /// Which one.
    pub id: Uuid,
    /// Its revision now; 0 for what has none.
    pub revision: i64,
}

impl Change {
    /// A promotion moved to this revision.
    #[must_use]
    pub const fn promotion(id: PromotionId, revision: i64) -> Self {
        Self { entity: Entity::Promotion, id: id.uuid(), revision }
    }

    /// Changes may have been missed.
    pub const EVERYTHING: Self = Self { entity: Entity::Everything, id: Uuid::nil(), revision: 0 };

    /// Whether this promotion may be newer than it was.
    #[must_use]
    pub fn may_be_about(&self, promotion: PromotionId) -> bool {
        match self.entity {
            Entity::Promotion => self.id == promotion.uuid(),
            entity => entity == Entity::Everything,
        }
    }
}

/// How many changes a slow receiver may be behind before it hears of a gap.
const BROADCAST_CAPACITY: usize = 4_096;

static CHANNEL: &str = "slipway_changes";

/// PostgreSQL refuses a notification of 8,000 bytes or more; one change takes at most 90.
const CHANGES_PER_NOTIFICATION: usize = 80;

/// How long to wait before talking to a PostgreSQL that does not answer again.
const PATIENCE: Duration = Duration::from_secs(1);

const NOTIFY_POSTGRES: &str = "SELECT pg_notify($1, $2)";

const SERVER_IDENTITY_POSTGRES: &str = "SELECT gen_random_uuid()";

statements!("changes.rs": NOTIFY_POSTGRES, SERVER_IDENTITY_POSTGRES);

/// The channel of one store.
pub(crate) struct Changes {
    local: broadcast::Sender<Change>,
    remote: Option<Remote>,
}

struct Remote {
    outgoing: mpsc::UnboundedSender<Vec<Change>>,
    tasks: [JoinHandle<()>; 2],
}

impl Drop for Remote {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Notification {
    from: Uuid,
    changes: Vec<Change>,
}

impl Changes {
    /// For a database that one server has for itself.
    pub(crate) fn local() -> Self {
        Self { local: broadcast::Sender::new(BROADCAST_CAPACITY), remote: None }
    }

    /// For a database that several servers share.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when listening cannot begin.
    pub(crate) async fn shared(pool: &PgPool) -> Result<Self, StoreError> {
        let local = broadcast::Sender::new(BROADCAST_CAPACITY);
        let server: Uuid = sqlx::query_scalar(SERVER_IDENTITY_POSTGRES).fetch_one(pool).await?;
        // A pool of its own: listening takes a connection for ever.
        let options = (*pool.connect_options()).clone();
        let own = PgPoolOptions::new().max_connections(1).connect_lazy_with(options);
        let listener = listen(&own).await?;
        let (outgoing, incoming) = mpsc::unbounded_channel();
        let tasks = [
            tokio::spawn(send(pool.clone(), server, incoming)),
            tokio::spawn(receive(own, listener, server, local.clone())),
        ];
        Ok(Self { local, remote: Some(Remote { outgoing, tasks }) })
    }

    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Change> {
        self.local.subscribe()
    }

    /// Tells what a transaction changed, after its commit. Nobody listening is no error.
    pub(crate) fn tell(&self, changes: Vec<Change>) {
        for change in &changes {
            let _heard_by = self.local.send(*change);
        }
        if let Some(remote) = &self.remote
            && !changes.is_empty()
        {
            // The task ends only with the store itself.
            let _sent = remote.outgoing.send(changes);
        }
    }
}

async fn send(pool: PgPool, server: Uuid, mut incoming: mpsc::UnboundedReceiver<Vec<Change>>) {
    let mut is_gap = false;
    while let Some(mut changes) = incoming.recv().await {
        while let Ok(more) = incoming.try_recv() {
            changes.extend(more);
        }
        if is_gap {
            changes = vec![Change::EVERYTHING];
        }
        let told = notify(&pool, server, &changes).await;
        is_gap = told.is_err();
        if let Err(error) = told {
            tracing::warn!(%error, changes = changes.len(), "other servers could not be told what changed");
            tokio::time::sleep(PATIENCE).await;
        }
    }
}

async fn notify(pool: &PgPool, server: Uuid, changes: &[Change]) -> Result<(), StoreError> {
    for some in changes.chunks(CHANGES_PER_NOTIFICATION) {
        let notification = Notification { from: server, changes: some.to_vec() };
        let text = serde_json::to_string(&notification).map_err(StoreError::internal)?;
        sqlx::query(NOTIFY_POSTGRES).bind(CHANNEL).bind(text).execute(pool).await?;
    }
    Ok(())
}

async fn listen(own: &PgPool) -> Result<PgListener, StoreError> {
    let mut listener = PgListener::connect_with(own).await?;
    listener.listen(CHANNEL).await?;
    Ok(listener)
}

async fn receive(own: PgPool, mut listener: PgListener, server: Uuid, local: broadcast::Sender<Change>) {
    loop {
        let changes = match listener.try_recv().await {
            Ok(Some(notification)) => read(notification.payload(), server),
            // The connection was lost and is there again.
            Ok(None) => vec![Change::EVERYTHING],
            Err(error) => {
                tracing::warn!(%error, "changes of other servers cannot be heard");
                listener = listen_again(&own).await;
                tracing::info!("changes of other servers are heard again");
                vec![Change::EVERYTHING]
            }
        };
        for change in changes {
            let _heard_by = local.send(change);
        }
    }
}

async fn listen_again(own: &PgPool) -> PgListener {
    loop {
        tokio::time::sleep(PATIENCE).await;
        if let Ok(listener) = listen(own).await {
            return listener;
        }
    }
}

/// What a notification tells, unless it is our own.
fn read(payload: &str, server: Uuid) -> Vec<Change> {
    match serde_json::from_str::<Notification>(payload) {
        Ok(told) if told.from == server => vec![],
        Ok(told) => told.changes,
        Err(error) => {
            tracing::warn!(%error, "a notification of another server cannot be read; its version may differ");
            vec![Change::EVERYTHING]
        }
    }
}
