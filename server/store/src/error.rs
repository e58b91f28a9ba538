//! What went wrong in the database, by what the caller does about it. The lower error is the
//! source and is not repeated in the text.

use sqlx::error::{DatabaseError, ErrorKind};

/// What must be unique and was given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unique {
    /// The name of a team.
    TeamName,
    /// The name of a service.
    ServiceName,
    /// The name of an environment.
    EnvironmentName,
    /// The name of a cluster.
    ClusterName,
    /// The target of a service in an environment.
    Target,
    /// A Deployment that a version's images go to: it belongs to one target.
    Deployment,
    /// A container that a version's image goes to: it belongs to a target once.
    Container,
    /// The label of a version within its service.
    VersionLabel,
    /// The place of a version in the order of its service: two were registered at the same time.
    VersionOrdinal,
    /// Another promotion holds the target.
    Occupancy,
    /// The deployment that a promotion is.
    PromotionDeployment,
    /// A pipeline's own identifier of a deployment.
    ExternalDeployment,
    /// A pipeline's own key of a request for a promotion.
    RequestKey,
    /// The e-mail address of a person.
    Email,
    /// Something that only Slipway itself numbers or names.
    Other,
}

impl Unique {
    /// The index on PostgreSQL, the columns as SQLite names them, what it means.
    const KNOWN: [(&'static str, &'static str, Self); 14] = [
        ("teams_name_unique", "teams.name", Self::TeamName),
        ("services_name_unique", "services.name", Self::ServiceName),
        ("environments_name_unique", "environments.name", Self::EnvironmentName),
        ("clusters_name_unique", "clusters.name", Self::ClusterName),
        ("targets_service_unique", "targets.service_id, targets.environment_id", Self::Target),
        (
            "target_deployments_pkey",
            "target_deployments.cluster_id, target_deployments.namespace, target_deployments.workload",
            Self::Deployment,
        ),
        (
            "target_workloads_pkey",
            "target_workloads.cluster_id, target_workloads.namespace, target_workloads.workload, target_workloads.container",
            Self::Container,
        ),
        ("versions_label_unique", "versions.service_id, versions.label", Self::VersionLabel),
        ("versions_ordinal_unique", "versions.service_id, versions.ordinal", Self::VersionOrdinal),
        ("promotions_occupied_unique", "promotions.target_id", Self::Occupancy),
        ("deployments_promotion_unique", "deployments.promotion_id", Self::PromotionDeployment),
        (
            "deployments_external_unique",
            "deployments.service_id, deployments.environment_id, deployments.external_id",
            Self::ExternalDeployment,
        ),
        ("request_keys_pkey", "request_keys.key", Self::RequestKey),
        ("people_email_unique", "people.email", Self::Email),
    ];

    fn of(error: &dyn DatabaseError) -> Self {
        let message = error.message();
        let on_sqlite = message.strip_prefix("UNIQUE constraint failed: ");
        let found = Self::KNOWN.iter().find(|(index, columns, _)| match error.constraint() {
            Some(name) => name == *index,
            None => on_sqlite == Some(columns),
        });
        found.map_or(Self::Other, |(_, _, unique)| *unique)
    }

    /// What is taken, for people: `this service name`.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::TeamName => "this team name",
            Self::ServiceName => "this service name",
            Self::EnvironmentName => "this environment name",
            Self::ClusterName => "this cluster name",
            Self::Target => "this service in this environment",
            Self::Deployment => "this Deployment",
            Self::Container => "this container of this workload",
            Self::VersionLabel => "this version label",
            Self::VersionOrdinal => "this place in the order of versions",
            Self::Occupancy => "this target, which another promotion holds",
            Self::PromotionDeployment => "the deployment of this promotion",
            Self::ExternalDeployment => "this deployment",
            Self::RequestKey => "this key",
            Self::Email => "this e-mail address",
            Self::Other => "this",
        }
    }
}

/// Why the store did not do what was asked. After any of them the transaction is over: nothing of
/// it is kept, and [`crate::Tx::commit`] refuses.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Someone else changed it since it was read: load again, decide again.
    #[error("it was changed by someone else at the same time")]
    Conflict,
    /// It is there already: tell the user, or take the one that is there.
    #[error("{} is taken", what.words())]
    Unique {
        /// What.
        what: Unique,
    },
    /// It refers to something that is not there, or something still refers to it.
    #[error("it refers to something that is not there, or is still referred to")]
    ForeignKey,
    /// The database cannot hold this text (PostgreSQL refuses the character U+0000).
    #[error("the text has a character that cannot be stored")]
    Text,
    /// The database is busy or away: try again later, nothing was changed. After a commit that
    /// failed like this the change may have been made.
    #[error("the database is not available")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// What is stored cannot be read: an operator must look.
    #[error("the stored {what} cannot be read")]
    Corrupt {
        /// The column or row.
        what: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The installation or the program is at fault: an operator must look.
    #[error("the database refused a statement or the configuration")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl StoreError {
    /// Whether doing the whole transaction again, from loading on, can help.
    #[must_use]
    pub const fn is_worth_retrying(&self) -> bool {
        matches!(self, Self::Conflict | Self::Unavailable(_))
    }

    pub(crate) fn corrupt(what: &str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Corrupt { what: what.to_owned(), source: source.into() }
    }

    pub(crate) fn internal(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Internal(source.into())
    }

    fn from_database(error: Box<dyn DatabaseError>) -> Self {
        match error.kind() {
            ErrorKind::UniqueViolation => return Self::Unique { what: Unique::of(error.as_ref()) },
            ErrorKind::ForeignKeyViolation => return Self::ForeignKey,
            ErrorKind::NotNullViolation
            | ErrorKind::CheckViolation
            | ErrorKind::ExclusionViolation
            | ErrorKind::Other
            | _ => {}
        }
        let code = error.code().unwrap_or_default().into_owned();
        // PostgreSQL answers with five characters, SQLite with its (extended) result code.
        if code.len() == 5 {
            match code.as_str() {
                // Serialization failure, deadlock.
                "40001" | "40P01" => Self::Conflict,
                // Characters that the database's encoding or JSONB cannot hold.
                "22021" | "22P05" => Self::Text,
                // Connection trouble, resources, shutting down, lock and statement timeouts.
                "55P03" | "57014" => Self::Unavailable(error),
                _ if code.starts_with("08") || code.starts_with("53") || code.starts_with("57P") => {
                    Self::Unavailable(error)
                }
                _ => Self::Internal(error),
            }
        } else {
            // The low byte is the primary result code: 5 BUSY, 6 LOCKED, 10 IOERR, 13 FULL, 14 CANTOPEN.
            match code.parse::<u32>().map(|code| code & 0xff) {
                Ok(5 | 6 | 10 | 13 | 14) => Self::Unavailable(error),
                _ => Self::Internal(error),
            }
        }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        use sqlx::Error;
        match error {
            Error::Database(error) => Self::from_database(error),
            Error::ColumnDecode { index, source } => Self::Corrupt { what: index, source },
            Error::Decode(source) => Self::Corrupt { what: "row".to_owned(), source },
            Error::Io(_)
            | Error::Tls(_)
            | Error::Protocol(_)
            | Error::PoolTimedOut
            | Error::PoolClosed
            | Error::WorkerCrashed => Self::Unavailable(Box::new(error)),
            error => Self::Internal(Box::new(error)),
        }
    }
}
