//! Environments: their order, their rules, their clusters.

use async_trait::async_trait;
use contract::{
    Answer, ApiError,
    environments::{EnvironmentInput, EnvironmentView, EnvironmentsBackend},
};
use domain::{
    actor::{Act, Actor},
    environment::{EnvironmentRules, Quorum},
    ids::{ClusterId, EnvironmentId},
    names::{ClusterName, EnvironmentName},
};
use store::{Environment, Held, Tx};

use crate::{Engine, audit, edge, error::OrFail};

#[async_trait]
impl EnvironmentsBackend for Engine {
    async fn environments(&self, actor: &Actor) -> Answer<Vec<EnvironmentView>> {
        actor.may(Act::Read)?;
        let mut read = self.store().read().await.or_fail(self)?;
        let environments = read.environments().await.or_fail(self)?;
        let clusters = read.clusters().await.or_fail(self)?;
        let bound = read.environment_clusters().await.or_fail(self)?;
        let targets = read.count_targets().await.or_fail(self)?;
        let name_of = |id: EnvironmentId| environments.iter().find(|e| e.id == id).map(|e| e.name.to_string());
        let view = |e: &Environment| EnvironmentView {
            name: e.name.to_string(),
            title: e.title.clone(),
            kind: e.kind,
            approvals: e.rules.approvals.people(),
            healthy_in: e.rules.healthy_in.and_then(name_of),
            rollout_budget_seconds: e.rules.rollout_budget_seconds,
            watch_seconds: e.rules.watch_seconds,
            clusters: clusters.iter().filter(|c| bound.contains(&(e.id, c.id))).map(|c| c.name.to_string()).collect(),
            targets: targets.get(&e.id).copied().unwrap_or_default(),
        };
        Ok(environments.iter().map(view).collect())
    }

    async fn add_environment(&self, actor: &Actor, input: EnvironmentInput) -> Answer<()> {
        actor.may(Act::ManageEnvironments)?;
        let mut tx = self.store().begin().await.or_fail(self)?;
        tx.hold(Held::Environments).await.or_fail(self)?;
        let name = parse_name("name", &input.name)?;
        if tx.environment_by_name(&name).await.or_fail(self)?.is_some() {
            return Err(ApiError::invalid("name", format!("there is an environment {name} already")));
        }
        let rules = self.rules_of(&mut tx, &input, None).await?;
        let position = tx.environments().await.or_fail(self)?.last().map_or(1, |last| last.position + 1);
        let environment = Environment {
            id: EnvironmentId::new(self.uuid()),
            name,
            title: edge::some_line("title", &input.title, edge::NAME_AT_MOST)?,
            kind: input.kind,
            position,
            rules,
        };
        tx.insert_environment(&environment).await.or_fail(self)?;
        self.bind(&mut tx, environment.id, &input.clusters).await?;
        let label = environment.name.to_string();
        let entry =
            audit::Entry::done("environment.add", "environment", &label, format!("added the environment {label}"));
        self.keep(tx, actor, entry, environment.id).await
    }

    async fn change_environment(&self, actor: &Actor, input: EnvironmentInput) -> Answer<()> {
        actor.may(Act::ManageEnvironments)?;
        let mut tx = self.store().begin().await.or_fail(self)?;
        tx.hold(Held::Environments).await.or_fail(self)?;
        let found = self.environment_named(&mut tx, &input.name).await?;
        let rules = self.rules_of(&mut tx, &input, Some(&found)).await?;
        let changed = Environment {
            title: edge::some_line("title", &input.title, edge::NAME_AT_MOST)?,
            kind: input.kind,
            ..found.clone()
        };
        tx.update_environment(&changed).await.or_fail(self)?;
        if rules != found.rules {
            tx.update_rules(found.id, &rules).await.or_fail(self)?;
        }
        self.bind(&mut tx, found.id, &input.clusters).await?;
        let sentence = format!("changed the environment {}: {}", found.name, rules_in_words(&rules));
        let entry = audit::Entry::done("environment.change", "environment", found.name.as_str(), sentence);
        self.keep(tx, actor, entry, found.id).await
    }

    async fn move_environment_up(&self, actor: &Actor, name: &str) -> Answer<()> {
        actor.may(Act::ManageEnvironments)?;
        let mut tx = self.store().begin().await.or_fail(self)?;
        tx.hold(Held::Environments).await.or_fail(self)?;
        let found = self.environment_named(&mut tx, name).await?;
        let all = tx.environments().await.or_fail(self)?;
        let Some(before) = all.iter().rev().find(|e| e.position < found.position) else {
            return Ok(());
        };
        let swapped = [(before, found.position), (&found, before.position)];
        for (environment, position) in swapped {
            tx.update_environment(&Environment { position, ..environment.clone() }).await.or_fail(self)?;
        }
        let sentence = format!("moved the environment {} before {}", found.name, before.name);
        let entry = audit::Entry::done("environment.move", "environment", found.name.as_str(), sentence);
        self.keep(tx, actor, entry, found.id).await
    }
}

impl Engine {
    async fn rules_of(
        &self,
        tx: &mut Tx,
        input: &EnvironmentInput,
        now: Option<&Environment>,
    ) -> Answer<EnvironmentRules> {
        let approvals = Quorum::new(input.approvals).map_err(|e| ApiError::invalid("approvals", e))?;
        let healthy_in = if input.healthy_in.trim().is_empty() {
            None
        } else {
            let name = parse_name("healthy_in", &input.healthy_in)?;
            let before = tx.environment_by_name(&name).await.or_fail(self)?;
            let before =
                before.ok_or_else(|| ApiError::invalid("healthy_in", format!("there is no environment {name}")))?;
            if now.is_some_and(|e| e.id == before.id) {
                return Err(ApiError::invalid("healthy_in", "a version cannot have to be healthy here to come here"));
            }
            let all = tx.environments().await.or_fail(self)?;
            if let Some(circle) = now.and_then(|now| circle(&all, now, &before)) {
                return Err(ApiError::invalid("healthy_in", circle));
            }
            Some(before.id)
        };
        if !(30..=86_400).contains(&input.rollout_budget_seconds) {
            return Err(ApiError::invalid("rollout_budget_seconds", "30 seconds to 24 hours (86,400)"));
        }
        if input.watch_seconds > 86_400 {
            return Err(ApiError::invalid("watch_seconds", "at most 24 hours (86,400)"));
        }
        Ok(EnvironmentRules {
            revision: now.map_or(1, |e| e.rules.revision),
            approvals,
            healthy_in,
            rollout_budget_seconds: input.rollout_budget_seconds,
            watch_seconds: input.watch_seconds,
        })
    }

    async fn bind(&self, tx: &mut Tx, id: EnvironmentId, names: &[String]) -> Answer<()> {
        let all = tx.clusters().await.or_fail(self)?;
        let mut clusters: Vec<ClusterId> = Vec::new();
        for name in names {
            let name = ClusterName::parse(name).map_err(|e| ApiError::invalid("clusters", e.to_string()))?;
            let found = all.iter().find(|c| c.name == name);
            let found = found.ok_or_else(|| ApiError::invalid("clusters", format!("there is no cluster {name}")))?;
            if !clusters.contains(&found.id) {
                clusters.push(found.id);
            }
        }
        tx.bind_clusters(id, &clusters).await.or_fail(self)
    }

    async fn keep(&self, mut tx: Tx, actor: &Actor, mut entry: audit::Entry, id: EnvironmentId) -> Answer<()> {
        entry.id = Some(id.uuid());
        audit::record(&mut tx, self, actor, entry).await.or_fail(self)?;
        tx.signal(store::Entity::Environment, id.uuid(), 0);
        tx.commit().await.or_fail(self)
    }
}

/// Why `now` cannot ask for what is healthy in `before`: that asks for `now` in its turn, and no version could ever
/// come in.
fn circle(all: &[Environment], now: &Environment, before: &Environment) -> Option<String> {
    let mut names = Vec::new();
    let mut one = before;
    while names.len() < all.len() {
        names.push(one.name.as_str());
        let asks_for = one.rules.healthy_in?;
        if asks_for == now.id {
            let way = names.join(", that for ");
            return Some(format!("a circle: {way}, and that for {}; no version could ever come in", now.name));
        }
        one = all.iter().find(|other| other.id == asks_for)?;
    }
    None
}

fn parse_name(field: &str, text: &str) -> Answer<EnvironmentName> {
    EnvironmentName::parse(text).map_err(|e| ApiError::invalid(field, e.to_string()))
}

fn rules_in_words(rules: &EnvironmentRules) -> String {
    let healthy = if rules.healthy_in.is_some() { ", healthy in the one before" } else { "" };
    format!("{} approvals{healthy}, rollout within {} s", rules.approvals.people(), rules.rollout_budget_seconds)
}
