//! Judges each production deployment once, from all facts: what it brought, whether it failed, and
//! how long recovering took. Sums are made of this elsewhere. It cannot fail: what contradicts itself
//! (a commit dated after its deployment) is left out of the figure that it would spoil.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Duration, Utc};

use super::{CommitFact, DeploymentFact, EVALUATION_WINDOW_HOURS, Facts, IncidentFact, Unit};
use crate::{
    deployment::{Cause, Outcome, Severity},
    environment::EnvironmentKind,
    ids::{DeploymentId, ServiceId},
};

/// Why a change counts as failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Because {
    /// It did not succeed, or a person aborted it.
    Outcome,
    /// A rollback took it away.
    RolledBack,
    /// A hotfix followed within the evaluation window.
    Hotfixed,
    /// An incident is linked to it.
    Incident,
}

/// Whether a deployment was a good change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// A rollback is the remedy of a change, not one itself.
    NotAChange,
    /// Nothing bad is known, but it is too early to say.
    Pending {
        /// When it will be judged.
        until: DateTime<Utc>,
    },
    /// Nothing bad came of it.
    Good,
    /// It failed, once, for these reasons (at least one).
    Failed {
        /// Why, in a fixed order.
        because: Vec<Because>,
    },
}

/// Whether and how a failed change was recovered from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recovery {
    /// There was nothing to recover from: it did not fail, or was back before it was through.
    NotNeeded,
    /// It is not over.
    Open,
    /// It is over.
    Done {
        /// When.
        at: DateTime<Utc>,
        /// How long it took.
        seconds: i64,
        /// The worst severity of its incidents, when there were any.
        severity: Option<Severity>,
    },
}

/// One production deployment that has ended, judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The deployment.
    pub deployment: DeploymentId,
    /// Where.
    pub unit: Unit,
    /// Why it was made.
    pub cause: Cause,
    /// How it ended.
    pub outcome: Outcome,
    /// When it ended.
    pub finished_at: DateTime<Utc>,
    /// Whether it was a good change.
    pub judgement: Judgement,
    /// From commit to here, in seconds, for each commit that was new here.
    pub lead_seconds: Vec<i64>,
    /// Whether and how it was recovered from.
    pub recovery: Recovery,
}

impl Row {
    /// Whether it counts as a deployment: only those that succeeded do.
    #[must_use]
    pub fn is_counted(&self) -> bool {
        self.outcome == Outcome::Succeeded
    }

    /// Whether it was unplanned work.
    #[must_use]
    pub fn is_rework(&self) -> bool {
        matches!(self.cause, Cause::Hotfix | Cause::Rollback)
    }

    /// Whether it is a failed change.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        matches!(self.judgement, Judgement::Failed { .. })
    }
}

/// All production deployments that have ended, judged, oldest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ledger {
    pub(super) rows: Vec<Row>,
    pub(super) now: DateTime<Utc>,
}

impl Ledger {
    /// Judges all facts as of `now`.
    #[must_use]
    pub fn new(facts: &Facts, now: DateTime<Utc>) -> Self {
        let commits = commits_by_service(&facts.commits);
        let mut incidents: HashMap<DeploymentId, Vec<&IncidentFact>> = HashMap::new();
        for incident in &facts.incidents {
            incidents.entry(incident.deployment).or_default().push(incident);
        }
        let mut units: BTreeMap<Unit, Vec<&DeploymentFact>> = BTreeMap::new();
        for deployment in facts.deployments.iter().filter(|d| d.kind == EnvironmentKind::Production) {
            units.entry(deployment.unit).or_default().push(deployment);
        }
        let mut rows = Vec::with_capacity(facts.deployments.len());
        for (unit, deployments) in units {
            let history = History::new(deployments, &incidents);
            let commits = commits.get(&unit.service).map(Vec::as_slice).unwrap_or_default();
            let leads = history.lead_times(commits, facts.reached_before.get(&unit).copied());
            rows.extend(history.rows(leads, now));
        }
        rows.sort_by_key(|row| (row.finished_at, row.deployment));
        Self { rows, now }
    }

    /// The judged deployments, oldest first.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }
}

/// Commits of each service by the version that brought them.
fn commits_by_service(commits: &[CommitFact]) -> HashMap<ServiceId, Vec<&CommitFact>> {
    let mut by_service: HashMap<ServiceId, Vec<&CommitFact>> = HashMap::new();
    for commit in commits {
        by_service.entry(commit.service).or_default().push(commit);
    }
    for commits in by_service.values_mut() {
        commits.sort_by_key(|c| (c.version, c.committed_at));
    }
    by_service
}

/// The deployments of one unit.
struct History<'a> {
    /// Those that have ended, by their end.
    ended: Vec<(DateTime<Utc>, &'a DeploymentFact)>,
    incidents: &'a HashMap<DeploymentId, Vec<&'a IncidentFact>>,
    /// Rollbacks and hotfixes by the change that each is a remedy of; those under way too.
    remedies: HashMap<DeploymentId, Vec<&'a DeploymentFact>>,
}

impl<'a> History<'a> {
    fn new(deployments: Vec<&'a DeploymentFact>, incidents: &'a HashMap<DeploymentId, Vec<&'a IncidentFact>>) -> Self {
        let finished = |d: &'a DeploymentFact| {
            d.finished_at.filter(|_| d.outcome != Outcome::Running).map(|at| (at.max(d.started_at), d))
        };
        let mut ended: Vec<_> = deployments.iter().copied().filter_map(finished).collect();
        ended.sort_by_key(|(at, d)| (*at, d.id));
        let mut remedies: HashMap<DeploymentId, Vec<&DeploymentFact>> = HashMap::new();
        for remedy in deployments.into_iter().filter(|d| d.cause != Cause::Planned) {
            if let Some(change) = remedied_by(remedy, &ended) {
                remedies.entry(change).or_default().push(remedy);
            }
        }
        Self { ended, incidents, remedies }
    }

    fn rows(&self, leads: Vec<Vec<i64>>, now: DateTime<Utc>) -> Vec<Row> {
        let row = |((finished_at, fact), lead_seconds): (&(DateTime<Utc>, &DeploymentFact), Vec<i64>)| Row {
            deployment: fact.id,
            unit: fact.unit,
            cause: fact.cause,
            outcome: fact.outcome,
            finished_at: *finished_at,
            judgement: self.judgement(fact, *finished_at, now),
            lead_seconds,
            recovery: self.recovery(fact, *finished_at),
        };
        self.ended.iter().zip(leads).map(row).collect()
    }

    /// For each ended deployment the times of the commits that no deployment had brought here before.
    fn lead_times(&self, commits: &[&CommitFact], reached_before: Option<i64>) -> Vec<Vec<i64>> {
        let mut reached = reached_before;
        let lead_times = |(finished_at, fact): &(DateTime<Utc>, &DeploymentFact)| {
            if fact.outcome != Outcome::Succeeded {
                return Vec::new();
            }
            let first = reached.replace(reached.unwrap_or(fact.version).max(fact.version));
            let Some(reached_until) = first else {
                return Vec::new();
            };
            let begin = commits.partition_point(|c| c.version <= reached_until);
            let end = commits.partition_point(|c| c.version <= fact.version);
            let new = commits.get(begin..end.max(begin)).unwrap_or_default();
            let seconds = new.iter().map(|c| (*finished_at - c.committed_at).num_seconds());
            seconds.filter(|s| *s >= 0).collect()
        };
        self.ended.iter().map(lead_times).collect()
    }

    fn judgement(&self, fact: &DeploymentFact, finished_at: DateTime<Utc>, now: DateTime<Utc>) -> Judgement {
        if fact.cause == Cause::Rollback {
            return Judgement::NotAChange;
        }
        let until = finished_at + Duration::hours(EVALUATION_WINDOW_HOURS);
        let because = self.reasons(fact, until);
        if !because.is_empty() {
            Judgement::Failed { because }
        } else if now < until {
            Judgement::Pending { until }
        } else {
            Judgement::Good
        }
    }

    fn reasons(&self, fact: &DeploymentFact, until: DateTime<Utc>) -> Vec<Because> {
        let remedies = self.remedies.get(&fact.id).map(Vec::as_slice).unwrap_or_default();
        let mut because = Vec::new();
        if matches!(fact.outcome, Outcome::Failed | Outcome::Aborted) {
            because.push(Because::Outcome);
        }
        if remedies.iter().any(|r| r.cause == Cause::Rollback) {
            because.push(Because::RolledBack);
        }
        if remedies.iter().any(|r| r.cause == Cause::Hotfix && r.started_at < until) {
            because.push(Because::Hotfixed);
        }
        if self.incidents.contains_key(&fact.id) {
            because.push(Because::Incident);
        }
        because
    }

    fn recovery(&self, fact: &DeploymentFact, finished_at: DateTime<Utc>) -> Recovery {
        let incidents = self.incidents.get(&fact.id).map(Vec::as_slice).unwrap_or_default();
        let until = finished_at + Duration::hours(EVALUATION_WINDOW_HOURS);
        if fact.cause == Cause::Rollback || self.reasons(fact, until).is_empty() {
            return Recovery::NotNeeded;
        }
        let begin = match fact.outcome {
            Outcome::Succeeded | Outcome::Running => Some(finished_at),
            // It was taken back before it was through: only an incident says that users felt it.
            Outcome::Failed | Outcome::Aborted => incidents.iter().map(|i| i.opened_at).min(),
        };
        let Some(begin) = begin else {
            return Recovery::NotNeeded;
        };
        let resolved: Option<Vec<_>> = incidents.iter().map(|i| i.resolved_at).collect();
        let resolved_at = resolved.and_then(|times| times.into_iter().max());
        let remedied_at = self.remedied_at(fact.id);
        match resolved_at.into_iter().chain(remedied_at).min() {
            Some(at) => Recovery::Done {
                at,
                seconds: (at - begin).num_seconds().max(0),
                severity: incidents.iter().map(|i| i.severity).min(),
            },
            None => Recovery::Open,
        }
    }

    /// When the first rollback or hotfix for a change was through; a hotfix that failed counts by
    /// its own remedy.
    fn remedied_at(&self, change: DeploymentId) -> Option<DateTime<Utc>> {
        let mut pending = vec![change];
        let mut first: Option<DateTime<Utc>> = None;
        // A remedy starts after its change has ended, so this walks forward in time and ends.
        while let Some(change) = pending.pop() {
            for remedy in self.remedies.get(&change).into_iter().flatten() {
                match (remedy.outcome, remedy.finished_at) {
                    (Outcome::Succeeded, Some(at)) => first = Some(first.map_or(at, |f| f.min(at))),
                    (Outcome::Failed | Outcome::Aborted, _) if remedy.cause == Cause::Hotfix => pending.push(remedy.id),
                    _ => {}
                }
            }
        }
        first
    }
}

/// The change that a rollback or hotfix is a remedy of. A rollback takes away what ran, the last
/// change that succeeded; a hotfix repairs what was tried last, whether it succeeded or not.
fn remedied_by(remedy: &DeploymentFact, ended: &[(DateTime<Utc>, &DeploymentFact)]) -> Option<DeploymentId> {
    let before = ended.partition_point(|(at, _)| *at <= remedy.started_at);
    // Of deployments that took no time at all, each is a remedy only of those before it.
    let itself = remedy.finished_at.map(|at| (at.max(remedy.started_at), remedy.id));
    let is_change = |at: DateTime<Utc>, d: &DeploymentFact| {
        let could_be_taken_away = d.outcome == Outcome::Succeeded || remedy.cause == Cause::Hotfix;
        itself.is_none_or(|itself| (at, d.id) < itself) && d.cause != Cause::Rollback && could_be_taken_away
    };
    let changes = ended.get(..before).unwrap_or_default().iter().rev();
    changes.copied().find(|(at, d)| is_change(*at, d)).map(|(_, d)| d.id)
}
