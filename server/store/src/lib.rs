//! All SQL of Slipway, for SQLite and PostgreSQL from one set of statements.
//!
//! [`Store`] opens a database; [`Store::begin`] gives a [`Tx`] that writes, [`Store::read`] a
//! [`Read`] that only reads. The functions on them take and give domain types; what is stored and
//! cannot be read is [`StoreError::Corrupt`]. Nothing here knows the time or makes an identifier:
//! both come in as arguments, times in UTC with microseconds at most.
//!
//! Text must be free of the character U+0000: PostgreSQL cannot hold it ([`StoreError::Text`]).

mod alerting;
mod audit;
mod board;
mod board_fold;
mod changes;
mod clusters;
mod columns;
mod commits;
mod connection;
mod consents;
mod deliveries;
mod deployment_lists;
mod deployments;
mod dialect;
mod environments;
mod error;
mod evidence;
mod git_places;
mod helm_consents;
mod holds;
mod incidents;
mod insights;
mod inventory;
mod judging;
mod links;
mod metric_sources;
mod outbox;
mod paging;
mod people;
mod promotion_lists;
mod promotions;
mod request_keys;
mod rollbacks;
mod samples;
mod search;
mod services;
mod sessions;
mod settings;
mod statements;
mod store;
mod targets;
mod teams;
mod tokens;
mod unit;
mod versions;

pub use alerting::TargetNames;
pub use audit::{AuditEntry, AuditFilter, AuditPosition, AuditResult, AuditSearch};
pub use board::{
    Ahead, BoardCell, BoardCounts, BoardDeployment, BoardFilter, BoardPage, BoardPromotion, BoardRow, BoardRunning,
    BoardState,
};
pub use changes::{Change, Entity};
pub use clusters::{Cluster, ClusterKind, ClusterState, ClusterTrouble};
pub use commits::{CommitPlace, CommitRow, CommitsBetween};
pub use deliveries::{AfterAttempt, AttemptEnd, Delivery, DeliveryAttempt, DeliveryState, DeployerSecret};
pub use deployment_lists::{DeploymentFilter, DeploymentRow, DeploymentSort};
pub use deployments::{Deployment, LatestDeployment, SucceededBefore};
pub use dialect::Dialect;
pub use environments::Environment;
pub use error::{StoreError, Unique};
pub use evidence::EVIDENCE_PER_PROMOTION;
pub use git_places::TargetGit;
pub use helm_consents::HelmConsent;
pub use holds::Held;
pub use incidents::{Incident, IncidentFilter, IncidentRow};
pub use insights::{CommitTime, InsightsDeployment, InsightsFilter, InsightsIncident};
pub use inventory::{Running, RunningPlace};
pub use judging::JudgingScope;
pub use links::{LinkPurpose, OneTimeLink};
pub use metric_sources::{MetricSource, MetricSourceKind};
pub use outbox::{DueEffect, EffectKey, Message};
pub use paging::{Page, Paging};
pub use people::Person;
pub use promotion_lists::{PromotionFilter, PromotionRow, PromotionStage};
pub use promotions::{JournalRow, LoadedPromotion};
pub use rollbacks::NextSuccess;
pub use samples::SAMPLES_PER_RULE;
pub use search::{Found, FoundPerson, FoundPromotion, FoundService, FoundVersion};
pub use services::{Service, ServiceFacts, ServiceFilter, ServiceRow};
pub use sessions::Session;
pub use store::{Durability, PoolNumbers, Probe, Store, StoreOptions};
pub use targets::{Target, TargetWorkload};
pub use teams::Team;
pub use tokens::Token;
pub use unit::{Read, Tx};
pub use versions::{NewVersion, Version, VersionRow};

pub use statements::{For, Statement};

/// Every SQL statement of this crate, for the test that prepares them all on both databases.
#[must_use]
pub fn statements() -> Vec<Statement> {
    [
        alerting::STATEMENTS,
        audit::STATEMENTS,
        board::STATEMENTS,
        changes::STATEMENTS,
        clusters::STATEMENTS,
        commits::STATEMENTS,
        deliveries::STATEMENTS,
        deployment_lists::STATEMENTS,
        deployments::STATEMENTS,
        dialect::STATEMENTS,
        environments::STATEMENTS,
        evidence::STATEMENTS,
        git_places::STATEMENTS,
        helm_consents::STATEMENTS,
        incidents::STATEMENTS,
        insights::STATEMENTS,
        inventory::STATEMENTS,
        links::STATEMENTS,
        judging::STATEMENTS,
        metric_sources::STATEMENTS,
        outbox::STATEMENTS,
        people::STATEMENTS,
        consents::STATEMENTS,
        promotion_lists::STATEMENTS,
        promotions::STATEMENTS,
        request_keys::STATEMENTS,
        rollbacks::STATEMENTS,
        samples::STATEMENTS,
        search::STATEMENTS,
        services::STATEMENTS,
        sessions::STATEMENTS,
        settings::STATEMENTS,
        store::STATEMENTS,
        targets::STATEMENTS,
        teams::STATEMENTS,
        tokens::STATEMENTS,
        versions::STATEMENTS,
    ]
    .concat()
}
