//! Who acts, and the one place where permission is asked: [`Actor::may`]. The default is no.

use serde::{Deserialize, Serialize};

use crate::ids::{PersonId, TokenId};

/// What a person or a token is trusted with, for the whole installation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Reads everything but settings and secrets.
    Viewer,
    /// For a monitoring system: reads, and tells of alerts, which pause and take back.
    Monitor,
    /// Reports versions and asks for promotions.
    Developer,
    /// Approves and rejects.
    Approver,
    /// Runs releases: aborts, rolls back, sets up services.
    ReleaseManager,
    /// Everything.
    Admin,
    /// Reports how an outside deployment gets on, and nothing else; for tokens alone.
    Deployer,
}

impl Role {
    /// The roles of people, least trusted first.
    pub const ALL: [Self; 5] = [Self::Viewer, Self::Developer, Self::Approver, Self::ReleaseManager, Self::Admin];

    /// The roles that a token can have.
    pub const OF_TOKENS: [Self; 7] = [
        Self::Deployer,
        Self::Monitor,
        Self::Viewer,
        Self::Developer,
        Self::Approver,
        Self::ReleaseManager,
        Self::Admin,
    ];

    /// The word for machines and columns.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Monitor => "monitor",
            Self::Developer => "developer",
            Self::Approver => "approver",
            Self::ReleaseManager => "release_manager",
            Self::Admin => "admin",
            Self::Deployer => "deployer",
        }
    }

    /// The words for people.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Monitor => "monitor",
            Self::Developer => "developer",
            Self::Approver => "approver",
            Self::ReleaseManager => "release manager",
            Self::Admin => "admin",
            Self::Deployer => "deployer",
        }
    }

    /// Reads the word for machines.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::OF_TOKENS.into_iter().find(|role| role.as_str() == text)
    }
}

/// Who it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "who", rename_all = "snake_case")]
pub enum Identity {
    /// A person who signed in.
    Person {
        /// The person.
        id: PersonId,
        /// Their name as shown.
        name: String,
    },
    /// A machine with an API token.
    Token {
        /// The token.
        id: TokenId,
        /// The token's name.
        name: String,
        /// The person who made the token; what the token asks for, they cannot approve.
        owner: PersonId,
    },
    /// A rule of Slipway, always named.
    Rule {
        /// Which rule: `rollout`, `expiry`, …
        name: String,
    },
}

impl Identity {
    /// A rule by its name.
    #[must_use]
    pub fn rule(name: &str) -> Self {
        Self::Rule { name: name.to_owned() }
    }

    /// How this identity is shown: a person's or token's name, or `rule: rollout`.
    #[must_use]
    pub fn shown(&self) -> String {
        match self {
            Self::Person { name, .. } => name.clone(),
            Self::Token { name, .. } => format!("{name} (token)"),
            Self::Rule { name } => format!("rule: {name}"),
        }
    }

    /// The person who answers for it: the person, or the one who made the token.
    #[must_use]
    pub fn person(&self) -> Option<PersonId> {
        match self {
            Self::Person { id, .. } => Some(*id),
            Self::Token { owner, .. } => Some(*owner),
            Self::Rule { .. } => None,
        }
    }
}

/// An identity with its role, made anew for each request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// Who.
    pub identity: Identity,
    /// Trusted with what.
    pub role: Role,
    /// From where, for the audit: an address, as far as it is known.
    pub from: Option<String>,
}

/// What can be done. Every use case names one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// Read boards, services, versions, promotions, deployments, figures.
    Read,
    /// Read who did what.
    ReadAudit,
    /// Register versions and their checks.
    RegisterVersion,
    /// Report a deployment that another pipeline did.
    ReportDeployment,
    /// Report how an outside deployer gets on with a promotion.
    ReportProgress,
    /// Ask for a promotion.
    RequestPromotion,
    /// Approve or reject a promotion.
    Approve,
    /// Cancel or abort a promotion that the actor asked for.
    StopOwnPromotion,
    /// Cancel or abort any promotion.
    StopAnyPromotion,
    /// Let a promotion go on where one of its steps asks them.
    AnswerStep,
    /// Let a promotion go on, skip its steps, set its share of the traffic.
    SteerPromotion,
    /// Tell of alerts, which pause promotions and take them back.
    SendAlerts,
    /// Roll back to an earlier version.
    RollBack,
    /// Open, change and resolve incidents.
    ManageIncidents,
    /// Add and change services, teams and targets.
    ManageServices,
    /// Add and change environments and their rules.
    ManageEnvironments,
    /// Connect clusters.
    ManageClusters,
    /// Invite people and set their roles.
    ManagePeople,
    /// Make and revoke API tokens.
    ManageTokens,
    /// Set up Slack and the like.
    ManageIntegrations,
}

impl Act {
    /// All acts.
    pub const ALL: [Self; 20] = [
        Self::Read,
        Self::ReadAudit,
        Self::RegisterVersion,
        Self::ReportDeployment,
        Self::ReportProgress,
        Self::RequestPromotion,
        Self::Approve,
        Self::StopOwnPromotion,
        Self::StopAnyPromotion,
        Self::AnswerStep,
        Self::SteerPromotion,
        Self::SendAlerts,
        Self::RollBack,
        Self::ManageIncidents,
        Self::ManageServices,
        Self::ManageEnvironments,
        Self::ManageClusters,
        Self::ManagePeople,
        Self::ManageTokens,
        Self::ManageIntegrations,
    ];

    /// The act as it stands in a refusal: `approve promotions`.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::ReadAudit => "read the audit",
            Self::RegisterVersion => "register versions",
            Self::ReportDeployment => "report deployments",
            Self::ReportProgress => "report how a deployment gets on",
            Self::RequestPromotion => "ask for promotions",
            Self::Approve => "approve or reject promotions",
            Self::StopOwnPromotion => "stop their own promotions",
            Self::StopAnyPromotion => "stop promotions of others",
            Self::AnswerStep => "answer what a step asks",
            Self::SteerPromotion => "steer promotions under way",
            Self::SendAlerts => "tell of alerts",
            Self::RollBack => "roll back",
            Self::ManageIncidents => "manage incidents",
            Self::ManageServices => "manage services and targets",
            Self::ManageEnvironments => "manage environments",
            Self::ManageClusters => "manage clusters",
            Self::ManagePeople => "manage people",
            Self::ManageTokens => "manage API tokens",
            Self::ManageIntegrations => "manage integrations",
        }
    }

    /// Whether only a person may do this, whatever a token's role says: a machine identity never
    /// consents (letting a promotion go on answers a question that is put to a person), never rolls back
    /// by itself and never widens who may do what. It may stop what is under way.
    const fn needs_person(self) -> bool {
        matches!(
            self,
            Self::Approve
                | Self::AnswerStep
                | Self::SteerPromotion
                | Self::RollBack
                | Self::ManagePeople
                | Self::ManageTokens
                | Self::ManageClusters
        )
    }

    const fn is_granted_to(self, role: Role) -> bool {
        match self {
            Self::Read => !matches!(role, Role::Deployer),
            Self::ReportProgress => matches!(role, Role::Deployer | Role::Admin),
            Self::RegisterVersion | Self::ReportDeployment => {
                matches!(role, Role::Developer | Role::ReleaseManager | Role::Admin)
            }
            Self::RequestPromotion | Self::StopOwnPromotion | Self::ManageIncidents => {
                !matches!(role, Role::Viewer | Role::Deployer | Role::Monitor)
            }
            Self::SendAlerts => matches!(role, Role::Monitor | Role::ReleaseManager | Role::Admin),
            Self::Approve | Self::AnswerStep => matches!(role, Role::Approver | Role::ReleaseManager | Role::Admin),
            Self::ReadAudit | Self::StopAnyPromotion | Self::SteerPromotion | Self::RollBack | Self::ManageServices => {
                matches!(role, Role::ReleaseManager | Role::Admin)
            }
            Self::ManageEnvironments
            | Self::ManageClusters
            | Self::ManagePeople
            | Self::ManageTokens
            | Self::ManageIntegrations => matches!(role, Role::Admin),
        }
    }
}

/// A permission that is missing. The text names the act and the role.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{actor} may not {}: the role {} does not include it", act.words(), role.words())]
pub struct NotAllowed {
    /// Who asked, as shown.
    pub actor: String,
    /// What was asked.
    pub act: Act,
    /// The role at that moment.
    pub role: Role,
}

impl Actor {
    /// Whether this actor may do `act`.
    ///
    /// # Errors
    /// [`NotAllowed`] when not; the default is no.
    pub fn may(&self, act: Act) -> Result<(), NotAllowed> {
        let is_theirs = match &self.identity {
            Identity::Person { .. } => true,
            Identity::Token { .. } => !act.needs_person(),
            // A person has set the rule by which Slipway rolls back.
            Identity::Rule { .. } => act == Act::RollBack || !act.needs_person(),
        };
        if act.is_granted_to(self.role) && is_theirs {
            Ok(())
        } else {
            Err(NotAllowed { actor: self.identity.shown(), act, role: self.role })
        }
    }
}
