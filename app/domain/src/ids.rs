//! One identifier type per entity, declared in one list. An identifier is a UUID that the server
//! makes; it never fails to print and refuses to parse anything else.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! id_types {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Wraps a UUID that was made or stored for this entity.
            #[must_use]
            pub const fn new(id: Uuid) -> Self {
                Self(id)
            }

            /// The UUID itself, as the store keeps it.
            #[must_use]
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }
    )+};
}

id_types! {
    /// A team that owns services.
    TeamId,
    /// A service.
    ServiceId,
    /// A version of a service.
    VersionId,
    /// An environment.
    EnvironmentId,
    /// A cluster that Slipway is connected to.
    ClusterId,
    /// A service in an environment.
    TargetId,
    /// A promotion.
    PromotionId,
    /// A deployment.
    DeploymentId,
    /// An incident.
    IncidentId,
    /// A person who signs in.
    PersonId,
    /// An API token, which is a machine identity.
    TokenId,
    /// An audit entry.
    AuditId,
}
