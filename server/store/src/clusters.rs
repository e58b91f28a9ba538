//! Connected clusters: how to get in (the token sealed by the caller, bytes to this crate) and how
//! they answered last.

use chrono::{DateTime, Utc};
use domain::{
    ids::ClusterId,
    names::{ClusterName, Namespace},
};
use sqlx::types::Json;

use crate::{
    Entity, Read, StoreError, Tx,
    columns::{BoxError, Stored, record},
    connection::{execute, fetch_all, fetch_optional},
    statements::statements,
};

/// How a cluster is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClusterKind {
    /// By address, certificate authority and token.
    Token,
    /// The cluster that Slipway itself runs in.
    InCluster,
    /// The practice cluster.
    Practice,
}

impl ClusterKind {
    const ALL: [Self; 3] = [Self::Token, Self::InCluster, Self::Practice];

    /// The word for machines and columns.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::InCluster => "in_cluster",
            Self::Practice => "practice",
        }
    }
}

impl Stored for ClusterKind {
    type Raw = String;

    fn from_raw(raw: String) -> Result<Self, BoxError> {
        let found = Self::ALL.into_iter().find(|kind| kind.as_str() == raw);
        found.ok_or_else(|| format!("unknown kind of cluster '{raw}'").into())
    }
}

/// What kind of trouble there is with a cluster: who must do something about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClusterTrouble {
    /// No answer, or one that says 'later'.
    Unreachable,
    /// It answers and does not accept the credentials.
    Unauthorized,
    /// It answers and does not allow what Slipway needs.
    Forbidden,
    /// Address, certificate or token cannot be used.
    Settings,
}

impl ClusterTrouble {
    const ALL: [Self; 4] = [Self::Unreachable, Self::Unauthorized, Self::Forbidden, Self::Settings];

    /// The word for machines and columns.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::Settings => "settings",
        }
    }

    /// What there is to say of the cluster, without addresses: `does not allow it`.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Unreachable => "cannot be reached",
            Self::Unauthorized => "does not accept the credentials",
            Self::Forbidden => "does not allow it",
            Self::Settings => "cannot be used as it is set up",
        }
    }
}

impl Stored for ClusterTrouble {
    type Raw = String;

    fn from_raw(raw: String) -> Result<Self, BoxError> {
        let found = Self::ALL.into_iter().find(|trouble| trouble.as_str() == raw);
        found.ok_or_else(|| format!("unknown trouble with a cluster '{raw}'").into())
    }
}

record! {
    /// A connected cluster.
    pub struct Cluster {
        /// Identity.
        pub id: ClusterId,
        /// Its name.
        pub name: ClusterName,
        /// How it is reached.
        pub kind: ClusterKind,
        /// `https://host:port`, for [`ClusterKind::Token`].
        pub server: Option<String>,
        /// PEM of the certificate authority.
        pub certificate_authority: Option<String>,
        /// The token as the engine sealed it.
        pub sealed_token: Option<Vec<u8>>,
        /// The namespaces to look at; `None` for all.
        pub namespaces: Option<Vec<Namespace>>,
        /// When it was connected.
        pub created_at: DateTime<Utc>,
        /// Since when it answers; `None` while it does not.
        pub reachable_since: Option<DateTime<Utc>>,
        /// Since when it does not answer; `None` while it does, and before the first try.
        pub unreachable_since: Option<DateTime<Utc>>,
        /// What kind of trouble there is while it does not; `None` also where it began under a Slipway that
        /// did not note it.
        pub trouble: Option<ClusterTrouble>,
        /// Why it does not answer, in words.
        pub message: Option<String>,
        /// The API server's version.
        pub version: Option<String>,
    }
}

/// How a cluster answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClusterState {
    /// It answers.
    Reachable {
        /// The API server's version, when it was asked; `None` keeps the one that is known.
        version: Option<String>,
    },
    /// It does not answer, or does not let us in.
    Unreachable {
        /// Of which kind it is.
        trouble: ClusterTrouble,
        /// Why, in words.
        message: String,
    },
}

macro_rules! columns {
    () => {
        "id, name, kind, server, certificate_authority, sealed_token, namespaces, created_at,
         reachable_since, unreachable_since, trouble, message, version"
    };
}

const INSERT: &str =
    concat!("INSERT INTO clusters (", columns!(), ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)");

const UPDATE: &str = "
    UPDATE clusters SET name = $2, kind = $3, server = $4, certificate_authority = $5, sealed_token = $6,
        namespaces = $7
    WHERE id = $1";

const BY_ID: &str = concat!("SELECT ", columns!(), " FROM clusters WHERE id = $1");

const LIST: &str = concat!("SELECT ", columns!(), " FROM clusters ORDER BY name, id");

const SET_REACHABLE: &str = "
    UPDATE clusters SET reachable_since = COALESCE(reachable_since, $2), unreachable_since = NULL, trouble = NULL,
        message = NULL, version = COALESCE($3, version)
    WHERE id = $1 AND (reachable_since IS NULL OR version IS DISTINCT FROM COALESCE($3, version))";

const SET_UNREACHABLE: &str = "
    UPDATE clusters SET unreachable_since = COALESCE(unreachable_since, $2), reachable_since = NULL, trouble = $3,
        message = $4
    WHERE id = $1 AND (unreachable_since IS NULL OR trouble IS DISTINCT FROM $3 OR message IS DISTINCT FROM $4)";

const DELETE: &str = "DELETE FROM clusters WHERE id = $1";

statements!("clusters.rs": INSERT, UPDATE, BY_ID, LIST, SET_REACHABLE, SET_UNREACHABLE, DELETE);

impl Tx {
    /// Adds a cluster.
    ///
    /// # Errors
    /// [`StoreError::Unique`] with [`crate::Unique::ClusterName`].
    pub async fn insert_cluster(&mut self, cluster: &Cluster) -> Result<(), StoreError> {
        execute!(
            self,
            INSERT,
            cluster.id.uuid(),
            cluster.name.as_str(),
            cluster.kind.as_str(),
            cluster.server.as_deref(),
            cluster.certificate_authority.as_deref(),
            cluster.sealed_token.as_deref(),
            cluster.namespaces.as_ref().map(Json),
            cluster.created_at,
            cluster.reachable_since,
            cluster.unreachable_since,
            cluster.trouble.map(ClusterTrouble::as_str),
            cluster.message.as_deref(),
            cluster.version.as_deref(),
        )?;
        self.signal(Entity::Cluster, cluster.id.uuid(), 0);
        Ok(())
    }

    /// Changes how a cluster is reached; how it answered stays. Tells whether it is there.
    ///
    /// # Errors
    /// [`StoreError::Unique`] with [`crate::Unique::ClusterName`].
    pub async fn update_cluster(&mut self, cluster: &Cluster) -> Result<bool, StoreError> {
        let written = execute!(
            self,
            UPDATE,
            cluster.id.uuid(),
            cluster.name.as_str(),
            cluster.kind.as_str(),
            cluster.server.as_deref(),
            cluster.certificate_authority.as_deref(),
            cluster.sealed_token.as_deref(),
            cluster.namespaces.as_ref().map(Json),
        )?;
        self.signal(Entity::Cluster, cluster.id.uuid(), 0);
        Ok(written == 1)
    }

    /// Notes how a cluster answered. The time since when is kept while the answer stays the same.
    /// Tells whether anything is new.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_cluster_state(
        &mut self,
        id: ClusterId,
        state: &ClusterState,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let written = match state {
            ClusterState::Reachable { version } => execute!(self, SET_REACHABLE, id.uuid(), now, version.as_deref())?,
            ClusterState::Unreachable { trouble, message } => {
                execute!(self, SET_UNREACHABLE, id.uuid(), now, trouble.as_str(), message.as_str())?
            }
        };
        if written == 1 {
            self.signal(Entity::Cluster, id.uuid(), 0);
        }
        Ok(written == 1)
    }

    /// Forgets a cluster that nothing uses. Tells whether it was there.
    ///
    /// # Errors
    /// [`StoreError::ForeignKey`] while environments, targets or inventory refer to it.
    pub async fn delete_cluster(&mut self, id: ClusterId) -> Result<bool, StoreError> {
        let written = execute!(self, DELETE, id.uuid())?;
        self.signal(Entity::Cluster, id.uuid(), 0);
        Ok(written == 1)
    }
}

impl Read {
    /// The cluster with this identity.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn cluster(&mut self, id: ClusterId) -> Result<Option<Cluster>, StoreError> {
        fetch_optional!(self, BY_ID => Cluster, id.uuid())
    }

    /// All clusters by name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn clusters(&mut self) -> Result<Vec<Cluster>, StoreError> {
        fetch_all!(self, LIST => Cluster)
    }
}
