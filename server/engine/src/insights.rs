//! Insights: reads the facts of a range and of the one before it, has `domain::insights` judge them,
//! and words the figures.

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use chrono::{DateTime, Duration, Utc};
use contract::{
    Answer, ApiError,
    insights::{InsightsBackend, InsightsQuery, InsightsView, RecoveryPoint, ServiceWeeks, Tile, WeekBar},
};
use domain::{
    actor::{Act, Actor},
    duration_words,
    environment::EnvironmentKind,
    ids::{DeploymentId, ServiceId},
    insights::{
        Change, CommitFact, DeploymentFact, Facts, Figures, IncidentFact, Ledger, Range, Recovery, Row, Unit, Week,
        count_change, duration_change, frequency, how, percentage, point_change,
    },
};
use store::{InsightsDeployment, InsightsFilter, Read, StoreError};

use crate::{
    Engine,
    error::OrFail,
    lists::{self, given},
};

/// The ranges that can be asked for, in days.
const RANGES: [u16; 3] = [30, 90, 365];
const USUAL_RANGE: u16 = 90;

/// Before the two ranges: what was deployed there may have been rolled back or recovered in them.
const LEAD_IN_DAYS: i64 = 30;

/// Facts with the names of their services.
struct Loaded {
    facts: Facts,
    names: HashMap<ServiceId, String>,
}

#[async_trait]
impl InsightsBackend for Engine {
    async fn insights(&self, actor: &Actor, query: InsightsQuery) -> Answer<InsightsView> {
        actor.may(Act::Read)?;
        let days = query.days.unwrap_or(USUAL_RANGE);
        if !RANGES.contains(&days) {
            return Err(ApiError::invalid("days", "30, 90 or 365 days can be shown"));
        }
        let now = self.now();
        let range = Range::back_from(now, days);
        let mut read = self.store().read().await.or_fail(self)?;
        let filter = InsightsFilter {
            from: range.before().begins_at() - Duration::days(LEAD_IN_DAYS),
            to: range.ends_at(),
            service: match given(query.service.as_ref()) {
                Some(name) => Some(self.service_named(&mut read, name).await?.id),
                None => None,
            },
            team: given(query.team.as_ref()).map(lists::team_name).transpose()?,
        };
        let loaded = load(&mut read, &filter).await.or_fail(self)?;
        let teams = lists::teams(&mut read).await.or_fail(self)?;
        let mut production = read.environments().await.or_fail(self)?;
        production.retain(|environment| environment.kind == EnvironmentKind::Production);
        drop(read);
        let ledger = Ledger::new(&loaded.facts, now);
        let weeks = ledger.weeks(&range, |_| true);
        Ok(InsightsView {
            query: InsightsQuery { days: Some(days), ..query },
            from: range.from(),
            to: range.to(),
            environment: match production.as_slice() {
                [only] => Some(only.name.to_string()),
                _ => None,
            },
            tiles: tiles(&ledger, &range, &weeks),
            weeks: weeks.iter().map(bar).collect(),
            recoveries: recoveries(&ledger, range, &loaded.names),
            services: services(&ledger, &range, &loaded.names),
            how: how(),
            teams,
        })
    }
}

async fn load(read: &mut Read, filter: &InsightsFilter) -> Result<Loaded, StoreError> {
    let deployments = read.insights_deployments(filter).await?;
    let commits = read.insights_commits(filter).await?;
    let incidents = read.insights_incidents(filter).await?;
    let names = deployments.iter().map(|d| (d.service_id, d.service.to_string())).collect();
    // Several deployments may list the commits of one version; each counts from the first that does.
    let mut listed_by: HashMap<(ServiceId, i64), DeploymentId> = HashMap::new();
    let commits = commits
        .into_iter()
        .filter(|c| *listed_by.entry((c.service_id, c.version_ordinal)).or_insert(c.deployment_id) == c.deployment_id);
    let commits =
        commits.map(|c| CommitFact { service: c.service_id, version: c.version_ordinal, committed_at: c.committed_at });
    let incidents = incidents.into_iter().filter_map(|i| {
        Some(IncidentFact {
            deployment: i.deployment_id?,
            severity: i.severity,
            opened_at: i.opened_at,
            resolved_at: i.resolved_at,
        })
    });
    let facts = Facts {
        commits: commits.collect(),
        incidents: incidents.collect(),
        reached_before: reached_before(&deployments),
        deployments: deployments.iter().map(fact).collect(),
    };
    Ok(Loaded { facts, names })
}

fn unit(row: &InsightsDeployment) -> Unit {
    Unit { service: row.service_id, environment: row.environment_id }
}

fn fact(row: &InsightsDeployment) -> DeploymentFact {
    DeploymentFact {
        id: row.id,
        unit: unit(row),
        // The store asks for production only.
        kind: EnvironmentKind::Production,
        version: row.ordinal,
        cause: row.cause,
        outcome: row.outcome,
        started_at: row.started_at,
        finished_at: Some(row.finished_at),
    }
}

/// What ran before the first deployment that was read of each unit.
fn reached_before(deployments: &[InsightsDeployment]) -> BTreeMap<Unit, i64> {
    let mut first: BTreeMap<Unit, Option<i64>> = BTreeMap::new();
    for row in deployments {
        first.entry(unit(row)).or_insert(row.previous_ordinal);
    }
    first.into_iter().filter_map(|(unit, ordinal)| Some((unit, ordinal?))).collect()
}

/// Minutes as a number for a chart.
fn minutes(seconds: i64) -> f64 {
    // Seconds of any recovery fit into the 52 bits of a float.
    f64::from(i32::try_from(seconds / 6).unwrap_or(i32::MAX)) / 10.0
}

fn bar(week: &Week) -> WeekBar {
    WeekBar {
        monday: week.monday,
        succeeded: week.figures.deployments,
        failed: week.figures.failed,
        is_partial: week.is_partial,
    }
}

/// The five figures with their change to the range before. A range without facts before it has no
/// change.
fn tiles(ledger: &Ledger, range: &Range, weeks: &[Week]) -> Vec<Tile> {
    let now = ledger.figures(range, |_| true);
    let before =
        if covers(ledger, &range.before()) { ledger.figures(&range.before(), |_| true) } else { Figures::default() };
    let has_any = !ledger.rows().is_empty();
    vec![
        frequency_tile(&now, &before, range, weeks, has_any),
        lead_time_tile(&now, &before, weeks),
        fail_rate_tile(&now, &before, weeks),
        recovery_tile(&now, &before, weeks),
        rework_tile(&now, &before, weeks),
    ]
}

/// Whether what is known goes back to the begin of a range, give or take a tenth of it: a range of which
/// only the end is known would make every figure look as if it had risen.
fn covers(ledger: &Ledger, range: &Range) -> bool {
    let tenth = Duration::days(i64::from(range.days() / 10));
    ledger.rows().first().is_some_and(|first| first.finished_at < range.begins_at() + tenth)
}

fn tile(title: &str, figure: Option<String>, basis: String, change: Option<Change>, good: Direction) -> Tile {
    let change = change.filter(|_| figure.is_some());
    let is_better = change.as_ref().and_then(|c| c.has_risen).map(|has_risen| has_risen == (good == Direction::Up));
    Tile {
        title: title.to_owned(),
        figure,
        basis,
        change: change.map(|c| c.words),
        is_better,
        trend: Vec::new(),
        when_empty: String::new(),
    }
}

/// Which way a figure gets better.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Up,
    Down,
}

fn frequency_tile(now: &Figures, before: &Figures, range: &Range, weeks: &[Week], has_any: bool) -> Tile {
    let figure = has_any.then(|| frequency(now.per_day()));
    let basis = counted(now.deployments, "deployment", &format!("in {} days", range.days()));
    let change = count_change(now.deployments, before.deployments);
    Tile {
        trend: weeks.iter().map(|w| Some(f64::from(w.figures.deployments))).collect(),
        when_empty: "Promote to a production environment, or report the deployments that your pipeline does."
            .to_owned(),
        ..tile("Deployment frequency", figure, basis, change, Direction::Up)
    }
}

fn lead_time_tile(now: &Figures, before: &Figures, weeks: &[Week]) -> Tile {
    let spread = now.lead_time;
    let basis = spread.map_or_else(String::new, |s| {
        let p90 = duration_words::exact(s.p90_seconds);
        format!("median of {}; 9 of 10 within {p90}", counted(s.count, "commit", ""))
    });
    let change = spread.zip(before.lead_time).map(|(n, b)| duration_change(n.median_seconds, b.median_seconds));
    Tile {
        trend: weeks.iter().map(|w| w.figures.lead_time.map(|s| minutes(s.median_seconds))).collect(),
        when_empty: "Register versions with their commits; from a service's second deployment on they are timed."
            .to_owned(),
        ..tile(
            "Change lead time",
            spread.map(|s| duration_words::exact(s.median_seconds)),
            basis,
            change,
            Direction::Down,
        )
    }
}

fn fail_rate_tile(now: &Figures, before: &Figures, weeks: &[Week]) -> Tile {
    let rate = now.change_fail_rate();
    let pending = match now.pending {
        0 => String::new(),
        n => format!(", {n} too young to judge"),
    };
    let basis = format!("{} of {}{pending}", now.failed, counted(now.changes, "change", ""));
    let change = rate.zip(before.change_fail_rate()).map(|(n, b)| point_change(n, b));
    Tile {
        trend: weeks.iter().map(|w| w.figures.change_fail_rate()).collect(),
        when_empty: "A change is judged a day after its deployment to production.".to_owned(),
        ..tile("Change fail rate", rate.map(percentage), basis, change, Direction::Down)
    }
}

fn recovery_tile(now: &Figures, before: &Figures, weeks: &[Week]) -> Tile {
    let open = match now.open {
        0 => String::new(),
        n => format!(", {n} not over"),
    };
    let count = now.recovery.map_or(0, |s| s.count);
    let basis = if count == 0 { open } else { format!("median of {}{open}", recoveries_counted(count)) };
    let change = now.recovery.zip(before.recovery).map(|(n, b)| duration_change(n.median_seconds, b.median_seconds));
    Tile {
        trend: weeks.iter().map(|w| w.figures.recovery.map(|s| minutes(s.median_seconds))).collect(),
        when_empty: "Appears when a deployment failed and a rollback, a hotfix or the end of its incident followed."
            .to_owned(),
        ..tile(
            "Failed deployment recovery time",
            now.recovery.map(|s| duration_words::exact(s.median_seconds)),
            basis.trim_start_matches(", ").to_owned(),
            change,
            Direction::Down,
        )
    }
}

fn rework_tile(now: &Figures, before: &Figures, weeks: &[Week]) -> Tile {
    let rate = now.rework_rate();
    let basis = format!("{} of {}", now.rework, counted(now.deployments, "deployment", ""));
    let change = rate.zip(before.rework_rate()).map(|(n, b)| point_change(n, b));
    Tile {
        trend: weeks.iter().map(|w| w.figures.rework_rate()).collect(),
        when_empty: "Appears with the first deployment to production.".to_owned(),
        ..tile("Rework rate", rate.map(percentage), basis, change, Direction::Down)
    }
}

fn counted(count: u32, what: &str, rest: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural} {rest}").trim_end().to_owned()
}

fn recoveries_counted(count: u32) -> String {
    if count == 1 { "1 recovery".to_owned() } else { format!("{count} recoveries") }
}

fn recoveries(ledger: &Ledger, range: Range, names: &HashMap<ServiceId, String>) -> Vec<RecoveryPoint> {
    let point = |(row, recovery): (&Row, Recovery)| match recovery {
        Recovery::Done { at, seconds, severity } => Some(RecoveryPoint {
            at,
            minutes: minutes(seconds),
            severity,
            service: names.get(&row.unit.service).cloned().unwrap_or_default(),
        }),
        Recovery::NotNeeded | Recovery::Open => None,
    };
    let mut points: Vec<_> = ledger.recoveries(range, |_| true).filter_map(point).collect();
    points.sort_by_key(|p: &RecoveryPoint| p.at);
    points
}

/// A row for each service that had a deployment or a failed change in the range.
fn services(ledger: &Ledger, range: &Range, names: &HashMap<ServiceId, String>) -> Vec<ServiceWeeks> {
    let in_range = |at: DateTime<Utc>| range.contains(at);
    let mut seen: Vec<ServiceId> =
        ledger.rows().iter().filter(|r| in_range(r.finished_at)).map(|r| r.unit.service).collect();
    seen.sort();
    seen.dedup();
    let row = |id: ServiceId| {
        let weeks = ledger.weeks(range, |row| row.unit.service == id);
        let weeks: Vec<_> = weeks.iter().map(|w| (w.figures.deployments, w.figures.failed)).collect();
        ServiceWeeks {
            service: names.get(&id).cloned().unwrap_or_default(),
            deployments: weeks.iter().map(|w| w.0).sum(),
            failed: weeks.iter().map(|w| w.1).sum(),
            weeks,
        }
    };
    let mut rows: Vec<_> = seen.into_iter().map(row).collect();
    rows.sort_by(|a, b| b.deployments.cmp(&a.deployments).then_with(|| a.service.cmp(&b.service)));
    rows
}
