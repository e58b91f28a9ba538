//! Environments, what each asks of a promotion, and the clusters each is bound to.

use domain::{
    environment::{EnvironmentKind, EnvironmentRules, Quorum},
    ids::{ClusterId, EnvironmentId},
    names::EnvironmentName,
};

use crate::{
    Entity, Read, StoreError, Tx,
    columns::record,
    connection::{execute, fetch_all, fetch_optional},
    statements::statements,
};

/// An environment.
#[derive(Clone, Debug, PartialEq)]
pub struct Environment {
    /// Identity.
    pub id: EnvironmentId,
    /// Its name in addresses.
    pub name: EnvironmentName,
    /// Its name for people.
    pub title: String,
    /// Its kind.
    pub kind: EnvironmentKind,
    /// Its place in the order, first to last.
    pub position: i64,
    /// What it asks of a promotion.
    pub rules: EnvironmentRules,
}

record! {
    struct EnvironmentColumns {
        id: EnvironmentId,
        name: EnvironmentName,
        title: String,
        kind: EnvironmentKind,
        position: i64,
        rules_revision: i64,
        approvals: Quorum,
        healthy_in_id: Option<EnvironmentId>,
        rollout_budget_seconds: u32,
        watch_seconds: u32,
    }
}

impl From<EnvironmentColumns> for Environment {
    fn from(row: EnvironmentColumns) -> Self {
        let rules = EnvironmentRules {
            revision: row.rules_revision,
            approvals: row.approvals,
            healthy_in: row.healthy_in_id,
            rollout_budget_seconds: row.rollout_budget_seconds,
            watch_seconds: row.watch_seconds,
        };
        Self { id: row.id, name: row.name, title: row.title, kind: row.kind, position: row.position, rules }
    }
}

macro_rules! columns {
    () => {
        "id, name, title, kind, position, rules_revision, approvals, healthy_in_id, rollout_budget_seconds, watch_seconds"
    };
}

const INSERT: &str =
    concat!("INSERT INTO environments (", columns!(), ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)");

const UPDATE: &str = "UPDATE environments SET name = $2, title = $3, kind = $4, position = $5 WHERE id = $1";

const UPDATE_RULES: &str = "
    UPDATE environments SET rules_revision = rules_revision + 1, approvals = $3, healthy_in_id = $4,
        rollout_budget_seconds = $5, watch_seconds = $6
    WHERE id = $1 AND rules_revision = $2";

const BY_ID: &str = concat!("SELECT ", columns!(), " FROM environments WHERE id = $1");

const BY_NAME: &str = concat!("SELECT ", columns!(), " FROM environments WHERE name = $1");

const LIST: &str = concat!("SELECT ", columns!(), " FROM environments ORDER BY position, name, id");

const DELETE: &str = "DELETE FROM environments WHERE id = $1";

const UNBIND: &str = "DELETE FROM environment_clusters WHERE environment_id = $1";

const BIND: &str = "INSERT INTO environment_clusters (environment_id, cluster_id) VALUES ($1, $2)";

const BOUND: &str = "SELECT environment_id, cluster_id FROM environment_clusters ORDER BY environment_id, cluster_id";

statements!("environments.rs": INSERT, UPDATE, UPDATE_RULES, BY_ID, BY_NAME, LIST, DELETE, UNBIND, BIND, BOUND);

record! {
    struct Binding {
        environment_id: EnvironmentId,
        cluster_id: ClusterId,
    }
}

impl Tx {
    /// Adds an environment with its rules.
    ///
    /// # Errors
    /// [`StoreError::Unique`] with [`crate::Unique::EnvironmentName`].
    pub async fn insert_environment(&mut self, environment: &Environment) -> Result<(), StoreError> {
        let rules = &environment.rules;
        execute!(
            self,
            INSERT,
            environment.id.uuid(),
            environment.name.as_str(),
            environment.title.as_str(),
            environment.kind.as_str(),
            environment.position,
            rules.revision,
            i64::from(rules.approvals.people()),
            rules.healthy_in.map(EnvironmentId::uuid),
            i64::from(rules.rollout_budget_seconds),
            i64::from(rules.watch_seconds),
        )?;
        self.signal(Entity::Environment, environment.id.uuid(), rules.revision);
        Ok(())
    }

    /// Changes name, title, kind and position; the rules stay. Tells whether it is there.
    ///
    /// # Errors
    /// [`StoreError::Unique`] with [`crate::Unique::EnvironmentName`].
    pub async fn update_environment(&mut self, environment: &Environment) -> Result<bool, StoreError> {
        let written = execute!(
            self,
            UPDATE,
            environment.id.uuid(),
            environment.name.as_str(),
            environment.title.as_str(),
            environment.kind.as_str(),
            environment.position,
        )?;
        self.signal(Entity::Environment, environment.id.uuid(), environment.rules.revision);
        Ok(written == 1)
    }

    /// Changes the rules of an environment that were read at `rules.revision`; gives the new
    /// revision. Approvals given under the former are void by it.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the rules are of another revision by now (or the environment
    /// is gone); [`StoreError::ForeignKey`] for an unknown environment before.
    pub async fn update_rules(&mut self, id: EnvironmentId, rules: &EnvironmentRules) -> Result<i64, StoreError> {
        let written = execute!(
            self,
            UPDATE_RULES,
            id.uuid(),
            rules.revision,
            i64::from(rules.approvals.people()),
            rules.healthy_in.map(EnvironmentId::uuid),
            i64::from(rules.rollout_budget_seconds),
            i64::from(rules.watch_seconds),
        )?;
        if written != 1 {
            return Err(self.lost_race());
        }
        self.signal(Entity::Environment, id.uuid(), rules.revision + 1);
        Ok(rules.revision + 1)
    }

    /// Deletes an environment that nothing uses. Tells whether it was there.
    ///
    /// # Errors
    /// [`StoreError::ForeignKey`] while targets, deployments or other environments refer to it.
    pub async fn delete_environment(&mut self, id: EnvironmentId) -> Result<bool, StoreError> {
        let written = execute!(self, DELETE, id.uuid())?;
        self.signal(Entity::Environment, id.uuid(), 0);
        Ok(written == 1)
    }

    /// Sets the clusters that an environment is bound to.
    ///
    /// # Errors
    /// [`StoreError::ForeignKey`] for an unknown environment or cluster.
    pub async fn bind_clusters(&mut self, id: EnvironmentId, clusters: &[ClusterId]) -> Result<(), StoreError> {
        execute!(self, UNBIND, id.uuid())?;
        for cluster in clusters {
            execute!(self, BIND, id.uuid(), cluster.uuid())?;
        }
        self.signal(Entity::Environment, id.uuid(), 0);
        Ok(())
    }
}

impl Read {
    /// The environment with this identity.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn environment(&mut self, id: EnvironmentId) -> Result<Option<Environment>, StoreError> {
        Ok(fetch_optional!(self, BY_ID => EnvironmentColumns, id.uuid())?.map(Environment::from))
    }

    /// The environment of this name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn environment_by_name(&mut self, name: &EnvironmentName) -> Result<Option<Environment>, StoreError> {
        Ok(fetch_optional!(self, BY_NAME => EnvironmentColumns, name.as_str())?.map(Environment::from))
    }

    /// All environments in their order.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn environments(&mut self) -> Result<Vec<Environment>, StoreError> {
        Ok(fetch_all!(self, LIST => EnvironmentColumns)?.into_iter().map(Environment::from).collect())
    }

    /// Which environment is bound to which clusters, all of them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn environment_clusters(&mut self) -> Result<Vec<(EnvironmentId, ClusterId)>, StoreError> {
        let rows = fetch_all!(self, BOUND => Binding)?;
        Ok(rows.into_iter().map(|row| (row.environment_id, row.cluster_id)).collect())
    }
}
