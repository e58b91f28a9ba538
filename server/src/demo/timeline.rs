//! What happened to one service in 120 days, told from a seed: versions built, moved from environment
//! to environment, failures, incidents, rollbacks, hotfixes; and where it stands today. Pure.
//!
//! Times are relative to `now`; the same seed and the same `now` give the same story.

mod today;

use chrono::{DateTime, Datelike, Duration, SubsecRound, Timelike, Utc, Weekday};
use domain::deployment::{Cause, Outcome, Severity};

use super::{
    chance::Chance,
    company::{self, ServiceSpec, TeamSpec},
};

/// How far the history goes back.
pub const DAYS: i64 = 120;

/// Where chance ends and what is told of today begins.
const TOLD_FROM_HOURS: i64 = 100;

/// Place of production among the environments.
pub const PRODUCTION: usize = 3;

/// A commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitStory {
    pub hash: String,
    pub author: &'static str,
    pub title: String,
    pub at: DateTime<Utc>,
}

/// A version that was built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionStory {
    pub label: String,
    pub at: DateTime<Utc>,
    pub commits: Vec<CommitStory>,
    pub is_hotfix: bool,
    pub has_migration: bool,
    /// End of the image's tag; it decides how the practice cluster's pods behave.
    pub tag_end: &'static str,
    /// Whether its tests passed.
    pub is_good: bool,
    pub tests: u32,
    /// 64 hexadecimal digits for each component.
    pub digests: Vec<String>,
}

/// A version that went into an environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MoveStory {
    /// Index of the environment.
    pub environment: usize,
    /// Index of the version.
    pub version: usize,
    /// Index of what ran before.
    pub previous: Option<usize>,
    pub cause: Cause,
    pub outcome: Outcome,
    pub requested_at: DateTime<Utc>,
    pub started_at: DateTime<Utc>,
    pub finished_at: DateTime<Utc>,
    pub requester: &'static str,
    /// Who approved, when, with which words.
    pub approval: Option<(&'static str, DateTime<Utc>, &'static str)>,
    pub reason: String,
}

/// Something that broke.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncidentStory {
    /// Index of the move that caused it.
    pub caused_by: usize,
    pub title: String,
    pub severity: Severity,
    pub opened_at: DateTime<Utc>,
    pub resolved_at: DateTime<Utc>,
}

/// A promotion that is open now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenStory {
    pub environment: usize,
    pub version: usize,
    pub asked_at: DateTime<Utc>,
    pub requester: &'static str,
    pub reason: String,
    /// Who approves it and when; nobody yet when absent.
    pub approval: Option<(&'static str, DateTime<Utc>)>,
}

/// A service's story.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeline {
    pub versions: Vec<VersionStory>,
    /// By their end.
    pub moves: Vec<MoveStory>,
    pub incidents: Vec<IncidentStory>,
    pub open: Vec<OpenStory>,
    /// Which version runs in each environment now.
    pub runs: [Option<usize>; 4],
}

/// Tells the story of a service.
#[must_use]
pub fn tell(service: &ServiceSpec, team: &TeamSpec, now: DateTime<Utc>, seed: u64) -> Timeline {
    let now = now.trunc_subsecs(0);
    let mut teller = Teller {
        service,
        team,
        now,
        chance: Chance::new(seed, service.name),
        label: service.first,
        free_at: [now - Duration::days(DAYS + 1); 4],
        told: Timeline { versions: vec![], moves: vec![], incidents: vec![], open: vec![], runs: [None; 4] },
    };
    teller.past();
    teller.today();
    teller.known_commit();
    teller.told.sorted()
}

impl Timeline {
    /// Moves by their end; incidents keep pointing at theirs.
    fn sorted(mut self) -> Self {
        let mut order: Vec<usize> = (0..self.moves.len()).collect();
        order.sort_by_key(|i| self.moves.get(*i).map(|m| (m.finished_at, m.environment)));
        let place: Vec<usize> = {
            let mut place = vec![0; order.len()];
            for (new, old) in order.iter().enumerate() {
                if let Some(slot) = place.get_mut(*old) {
                    *slot = new;
                }
            }
            place
        };
        self.moves = order.iter().filter_map(|i| self.moves.get(*i).cloned()).collect();
        for incident in &mut self.incidents {
            incident.caused_by = place.get(incident.caused_by).copied().unwrap_or_default();
        }
        self
    }
}

struct Teller<'a> {
    service: &'a ServiceSpec,
    team: &'a TeamSpec,
    now: DateTime<Utc>,
    chance: Chance,
    label: (u32, u32, u32),
    /// Until when each environment is busy.
    free_at: [DateTime<Utc>; 4],
    told: Timeline,
}

/// How a version is built.
#[derive(Clone, Copy, Default)]
struct Build {
    is_hotfix: bool,
    tag_end: &'static str,
}

impl Teller<'_> {
    fn past(&mut self) {
        let cut = self.now - Duration::hours(TOLD_FROM_HOURS);
        let mut at = self.now - Duration::days(DAYS) + Duration::hours(self.chance.between(1, 40));
        at = working(at);
        let first = self.build(at, Build::default());
        let mut later = at;
        for environment in 0..=PRODUCTION {
            later = self.go(environment, first, Cause::Planned, later + Duration::hours(1));
        }
        loop {
            at += self.interval();
            let built_at = working(at);
            if built_at > cut - Duration::hours(12) {
                return;
            }
            at = built_at;
            let version = self.build(built_at, Build::default());
            self.advance(version, cut);
        }
    }

    fn interval(&mut self) -> Duration {
        #[expect(clippy::cast_possible_truncation, reason = "minutes of a few days")]
        let usual = (7.0 * 24.0 * 60.0 / self.service.cadence) as i64;
        Duration::minutes(self.chance.between(usual * 3 / 10, usual * 17 / 10))
    }

    /// Moves a version as far as it gets by chance.
    fn advance(&mut self, version: usize, cut: DateTime<Utc>) {
        let built_at = self.built_at(version);
        let mut at = built_at + Duration::minutes(self.chance.between(4, 9));
        at = self.go(0, version, Cause::Planned, at);
        if !self.told.versions.get(version).is_some_and(|v| v.is_good) {
            return;
        }
        let ways = [(1, 94, 15, 240, false), (2, 85, 60, 700, true), (PRODUCTION, 85, 240, 1_500, true)];
        for (environment, percent, soonest, latest, in_hours) in ways {
            if !self.chance.happens(percent) {
                return;
            }
            at += Duration::minutes(self.chance.between(soonest, latest));
            at = if in_hours { working(at) } else { at };
            if at > cut {
                return;
            }
            if environment == PRODUCTION {
                self.reach_production(version, at, cut);
            } else {
                at = self.go(environment, version, Cause::Planned, at);
            }
        }
    }

    /// Production has stories of its own: taken back, rolled back, mended.
    fn reach_production(&mut self, version: usize, at: DateTime<Utc>, cut: DateTime<Utc>) {
        match self.chance.between(0, 99) {
            0..4 => {
                let at = self.soonest(PRODUCTION, at);
                self.record(PRODUCTION, version, Cause::Planned, Outcome::Failed, at, None);
            }
            4..11 => self.broken(version, at, cut),
            _ => {
                self.go(PRODUCTION, version, Cause::Planned, at);
            }
        }
    }

    fn broken(&mut self, version: usize, at: DateTime<Utc>, cut: DateTime<Utc>) {
        let before = self.told.runs.get(PRODUCTION).copied().flatten();
        let finished_at = self.go(PRODUCTION, version, Cause::Planned, at);
        let caused_by = self.told.moves.len().saturating_sub(1);
        let opened_at = finished_at + Duration::minutes(self.chance.between(6, 50));
        let severity = match self.chance.between(0, 9) {
            0 => Severity::Critical,
            1..5 => Severity::Major,
            _ => Severity::Minor,
        };
        let template = self.chance.pick(company::INCIDENTS);
        let title = self.about(template);
        let is_rolled_back = self.chance.happens(60);
        let mut resolved_at = opened_at + Duration::minutes(self.chance.between(25, 200));
        if let (true, Some(before)) = (is_rolled_back, before) {
            let asked = opened_at + Duration::minutes(self.chance.between(4, 35));
            let at = self.soonest(PRODUCTION, asked);
            resolved_at = self.record(PRODUCTION, before, Cause::Rollback, Outcome::Succeeded, at, None)
                + Duration::minutes(self.chance.between(2, 12));
        } else {
            let built_at = opened_at + Duration::minutes(self.chance.between(35, 140));
            if built_at < cut {
                resolved_at = self.hotfix(built_at) + Duration::minutes(self.chance.between(5, 20));
            }
        }
        self.told.incidents.push(IncidentStory { caused_by, title, severity, opened_at, resolved_at });
    }

    fn hotfix(&mut self, built_at: DateTime<Utc>) -> DateTime<Utc> {
        let version = self.build(built_at, Build { is_hotfix: true, tag_end: "" });
        let mut at = built_at;
        for environment in 0..=PRODUCTION {
            at += Duration::minutes(self.chance.between(5, 14));
            at = self.go(environment, version, Cause::Hotfix, at);
        }
        at
    }

    /// Brings a version to an environment when it is free and has nothing newer; gives the end.
    fn go(&mut self, environment: usize, version: usize, cause: Cause, at: DateTime<Utc>) -> DateTime<Utc> {
        let runs = self.told.runs.get(environment).copied().flatten();
        if runs.is_some_and(|runs| runs >= version) {
            return at;
        }
        let at = self.soonest(environment, at);
        self.record(environment, version, cause, Outcome::Succeeded, at, None)
    }

    fn soonest(&self, environment: usize, at: DateTime<Utc>) -> DateTime<Utc> {
        self.free_at.get(environment).map_or(at, |free| at.max(*free + Duration::minutes(3)))
    }

    /// Notes a move that starts at `at`; gives its end.
    fn record(
        &mut self,
        environment: usize,
        version: usize,
        cause: Cause,
        outcome: Outcome,
        started_at: DateTime<Utc>,
        reason: Option<String>,
    ) -> DateTime<Utc> {
        let previous = self.told.runs.get(environment).copied().flatten();
        let is_gated = environment == PRODUCTION && cause != Cause::Rollback;
        let waited = if is_gated { self.chance.between(6, 240) } else { 0 };
        let hurried = if cause == Cause::Hotfix { waited.min(9) } else { waited };
        let requested_at = (started_at - Duration::minutes(hurried)).max(self.built_at(version));
        let requester = self.requester(cause);
        let approval = is_gated.then(|| {
            let approver = self.chance.pick(&[company::PRODUCT_OWNER, "Noor Haddad", company::RELEASE_MANAGER]);
            let approver = if approver == requester { company::PRODUCT_OWNER } else { approver };
            (approver, started_at - Duration::seconds(2), self.chance.pick(company::COMMENTS))
        });
        let finished_at = started_at + Duration::seconds(self.chance.between(35, 170));
        let template = match cause {
            Cause::Planned if environment == PRODUCTION => self.chance.pick(company::REASONS),
            Cause::Planned => self.chance.pick(company::REASONS_BEFORE),
            Cause::Hotfix => "Mends {}",
            Cause::Rollback => self.chance.pick(company::ROLLBACK_REASONS),
        };
        let told = self.about(template);
        let reason = reason.unwrap_or(told);
        self.told.moves.push(MoveStory {
            environment,
            version,
            previous,
            cause,
            outcome,
            requested_at,
            started_at,
            finished_at,
            requester,
            approval,
            reason,
        });
        if let Some(free) = self.free_at.get_mut(environment) {
            *free = finished_at;
        }
        if outcome == Outcome::Succeeded
            && let Some(runs) = self.told.runs.get_mut(environment)
        {
            *runs = Some(version);
        }
        finished_at
    }

    fn requester(&mut self, cause: Cause) -> &'static str {
        if cause == Cause::Rollback {
            return company::RELEASE_MANAGER;
        }
        let can_ask = |name: &&str| company::PEOPLE.iter().any(|p| p.name == *name);
        let all: Vec<&'static str> = self.team.authors.iter().copied().filter(can_ask).collect();
        if all.is_empty() { company::DEVELOPER } else { self.chance.pick(&all) }
    }

    fn about(&mut self, template: &str) -> String {
        let topic = self.chance.pick(self.service.topics);
        let text = template.replace("{}", topic);
        let mut letters = text.chars();
        letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
    }

    fn built_at(&self, version: usize) -> DateTime<Utc> {
        self.told.versions.get(version).map_or(self.now, |v| v.at)
    }

    fn build(&mut self, at: DateTime<Utc>, how: Build) -> usize {
        let before = self.told.versions.last().map_or(at - Duration::days(2), |v| v.at);
        if !self.told.versions.is_empty() {
            self.label = match (how.is_hotfix, self.chance.between(0, 99)) {
                (true, _) | (false, 30..) => (self.label.0, self.label.1, self.label.2 + 1),
                (false, _) => (self.label.0, self.label.1 + 1, 0),
            };
        }
        let index = self.told.versions.len();
        let count = if how.is_hotfix { 1 } else { self.chance.between(1, 7) };
        let mut commits: Vec<_> = (0..count).map(|_| self.commit(before, at, how.is_hotfix)).collect();
        commits.sort_by_key(|c| std::cmp::Reverse(c.at));
        let tests =
            180 + u32::try_from(index).unwrap_or(0) * 3 + u32::try_from(self.service.name.len() * 17).unwrap_or(0);
        let digests = self.service.workloads.iter().map(|_| self.digest()).collect();
        let (major, minor, patch) = self.label;
        let is_told = !how.tag_end.is_empty() || how.is_hotfix;
        let version = VersionStory {
            label: format!("{major}.{minor}.{patch}"),
            at,
            commits,
            is_hotfix: how.is_hotfix,
            has_migration: !is_told && self.chance.happens(3),
            tag_end: how.tag_end,
            is_good: is_told || self.chance.happens(96),
            tests,
            digests,
        };
        self.told.versions.push(version);
        index
    }

    /// The practice cluster reads a behaviour into digests that begin with `bad`; these never do.
    fn digest(&mut self) -> String {
        format!("5{}", self.chance.hex(63))
    }

    fn commit(&mut self, after: DateTime<Utc>, before: DateTime<Utc>, is_fix: bool) -> CommitStory {
        let span = (before - after).num_minutes().clamp(30, 2 * 24 * 60);
        let soonest = if is_fix { 6 } else { 12 };
        let latest = if is_fix { 28 } else { span };
        let at = before - Duration::minutes(self.chance.between(soonest, latest.max(soonest)));
        let template = self.chance.pick(if is_fix { company::FIXES } else { company::TITLES });
        CommitStory {
            hash: self.chance.hex(40),
            author: self.chance.pick(self.team.authors),
            title: self.about(template),
            at,
        }
    }
}

/// The same moment, or the next working morning when nobody works then.
fn working(at: DateTime<Utc>) -> DateTime<Utc> {
    let morning = |at: DateTime<Utc>, days: i64| {
        let midnight = at.date_naive().and_time(chrono::NaiveTime::MIN).and_utc();
        // A quarter past seven and later, depending on the minute that chance gave.
        midnight + Duration::days(days) + Duration::minutes(435 + i64::from(at.minute()) * 2)
    };
    let at = match at.hour() {
        0..7 => morning(at, 0),
        7..17 => at,
        _ => morning(at, 1),
    };
    match at.weekday() {
        Weekday::Sat => morning(at, 2),
        Weekday::Sun => morning(at, 1),
        Weekday::Mon | Weekday::Tue | Weekday::Wed | Weekday::Thu | Weekday::Fri => at,
    }
}

#[cfg(test)]
mod tests;
