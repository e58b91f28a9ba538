//! Lists of promotions, newest request first, from the plain columns alone.

use chrono::{DateTime, Utc};
use domain::{
    deployment::Cause,
    ids::{EnvironmentId, PersonId, PromotionId, ServiceId, VersionId},
    names::{EnvironmentName, ServiceName, TeamName},
    state::Mark,
    version::VersionLabel,
};

use crate::{
    Page, Paging, Read, StoreError,
    columns::{anywhere, prefix_end, record},
    connection::{fetch_all, fetch_one},
    paging::COUNTED,
    statements::statements,
};

record! {
    /// A promotion in a list.
    pub struct PromotionRow {
        /// Identity.
        pub id: PromotionId,
        /// The number that people use.
        pub number: i64,
        /// The service.
        pub service_id: ServiceId,
        /// The service's name.
        pub service: ServiceName,
        /// The service's name for people.
        pub service_title: String,
        /// The environment.
        pub environment_id: EnvironmentId,
        /// The environment's name.
        pub environment: EnvironmentName,
        /// The environment's name for people.
        pub environment_title: String,
        /// The version.
        pub version_id: VersionId,
        /// The version's label.
        pub version: VersionLabel,
        /// What ran before, when it was asked for.
        pub previous_version_id: Option<VersionId>,
        /// That version's label.
        pub previous_version: Option<VersionLabel>,
        /// The phase's word: `waiting`, `progressing`, …
        pub phase: String,
        /// Why it is made.
        pub cause: Cause,
        /// What the requester said.
        pub reason: String,
        /// Whether it holds its target.
        pub occupies: bool,
        /// Whether it has ended.
        pub is_over: bool,
        /// Whether it waits for consent.
        pub needs_approval: bool,
        /// Icon and colour.
        pub mark: Mark,
        /// The state in words.
        pub words: String,
        /// Progress in percent while it moves.
        pub percent: Option<u8>,
        /// Rises with each change.
        pub revision: i64,
        /// Who asked, as shown.
        pub requested_by: String,
        /// The person who answers for the request.
        pub requested_by_id: Option<PersonId>,
        /// When it was asked for.
        pub requested_at: DateTime<Utc>,
        /// When the last needed approval was given.
        pub approved_at: Option<DateTime<Utc>>,
        /// When it started.
        pub started_at: Option<DateTime<Utc>>,
        /// When it ended, or when the rollout was complete.
        pub finished_at: Option<DateTime<Utc>>,
    }
}

/// How far a promotion is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PromotionStage {
    /// Not over: waiting, live or watched.
    Open,
    /// Not started.
    Waiting,
    /// Not started, and consent is missing.
    NeedsApproval,
    /// Holding the target.
    Live,
    /// Ended.
    Over,
}

/// Which promotions of a list; what is `None` does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PromotionFilter {
    /// How far.
    pub stage: Option<PromotionStage>,
    /// The phase's word.
    pub phase: Option<String>,
    /// The service.
    pub service: Option<ServiceId>,
    /// The environment.
    pub environment: Option<EnvironmentId>,
    /// The team that owns the service.
    pub team: Option<TeamName>,
    /// The person who answers for the request.
    pub requester: Option<PersonId>,
    /// The number, somewhere in the service's name or title, or the beginning of the version's label.
    pub text: Option<String>,
}

/// The columns of [`PromotionRow`] and the tables that they come from.
macro_rules! promotion_row {
    () => {
        concat!(
            "SELECT p.id, p.number, p.service_id, s.name AS service, s.title AS service_title, p.environment_id,
                e.name AS environment, e.title AS environment_title, p.version_id, v.label AS version,
                p.previous_version_id, b.label AS previous_version, p.phase, p.cause, p.reason, p.occupies, p.is_over,
                p.needs_approval, p.mark, p.words, p.percent, p.revision, p.requested_by, p.requested_by_id,
                p.requested_at, p.approved_at, p.started_at, p.finished_at",
            " FROM promotions p
            JOIN services s ON s.id = p.service_id
            JOIN environments e ON e.id = p.environment_id
            JOIN versions v ON v.id = p.version_id
            LEFT JOIN versions b ON b.id = p.previous_version_id "
        )
    };
}
pub(crate) use promotion_row;

// Looks at `promotions` alone, so that counting joins nothing; the sets are made once, if at all.
macro_rules! filters {
    () => {
        " ($2 IS NULL OR p.environment_id = $2)
          AND ($3 IS NULL OR p.service_id IN (
              SELECT o.id FROM services o JOIN teams t ON t.id = o.team_id WHERE t.name = $3))
          AND ($4 IS NULL OR p.requested_by_id = $4)
          AND ($5 IS NULL OR p.number = $8
              OR p.service_id IN (SELECT id FROM services WHERE search LIKE $5 ESCAPE '\\')
              OR p.version_id IN (SELECT id FROM versions WHERE label_search >= $6 AND label_search < $7))
          AND ($9 IS NULL OR p.phase = $9) AND ($10 IS NULL OR p.occupies = $10)
          AND ($11 IS NULL OR p.needs_approval = $11) AND ($12 IS NULL OR p.is_over = $12) "
    };
}

macro_rules! page {
    ($where:expr) => {
        concat!(
            promotion_row!(),
            "WHERE ",
            $where,
            " AND ",
            filters!(),
            "ORDER BY p.requested_at DESC, p.id DESC LIMIT $13 OFFSET $14"
        )
    };
}

macro_rules! count {
    ($where:expr) => {
        concat!(
            "SELECT COUNT(*) FROM (SELECT 1 FROM promotions p WHERE ",
            $where,
            " AND ",
            filters!(),
            "LIMIT $13) AS counted"
        )
    };
}

macro_rules! with_text {
    () => {
        "($1 IS NULL OR p.service_id = $1) AND p.id IN (
            SELECT id FROM promotions WHERE number = $8
            UNION SELECT id FROM promotions
                WHERE service_id IN (SELECT id FROM services WHERE search LIKE $5 ESCAPE '\\')
            UNION SELECT id FROM promotions
                WHERE version_id IN (SELECT id FROM versions WHERE label_search >= $6 AND label_search < $7))"
    };
}

// One text for each index that can carry a page; a filter written as `($1 IS NULL OR …)` uses none.
const PAGE: &str = page!("($1 IS NULL OR p.service_id = $1)");

const PAGE_OPEN: &str = page!("NOT p.is_over AND ($1 IS NULL OR p.service_id = $1)");

const PAGE_OF_SERVICE: &str = page!("p.service_id = $1");

const PAGE_OF_REQUESTER: &str = page!("($1 IS NULL OR p.service_id = $1) AND p.requested_by_id = $4");

const PAGE_WITH_TEXT: &str = page!(with_text!());

const COUNT: &str = count!("($1 IS NULL OR p.service_id = $1)");

const COUNT_OPEN: &str = count!("NOT p.is_over AND ($1 IS NULL OR p.service_id = $1)");

const COUNT_OF_SERVICE: &str = count!("p.service_id = $1");

const COUNT_OF_REQUESTER: &str = count!("($1 IS NULL OR p.service_id = $1) AND p.requested_by_id = $4");

// Counting one team's promotions would otherwise read all of them.
const COUNT_OF_TEAM: &str = count!(
    "($1 IS NULL OR p.service_id = $1) AND p.service_id IN (
        SELECT o.id FROM services o JOIN teams t ON t.id = o.team_id WHERE t.name = $3)"
);

const COUNT_WITH_TEXT: &str = count!(with_text!());

const OPEN_BY_PHASE: &str =
    "SELECT phase, COUNT(*) AS promotions FROM promotions WHERE NOT is_over GROUP BY phase ORDER BY phase";

statements!("promotion_lists.rs":
    PAGE, PAGE_OPEN, PAGE_OF_SERVICE, PAGE_OF_REQUESTER, PAGE_WITH_TEXT, COUNT, COUNT_OPEN, COUNT_OF_SERVICE,
    COUNT_OF_REQUESTER, COUNT_OF_TEAM, COUNT_WITH_TEXT, OPEN_BY_PHASE,
);

impl Read {
    /// A page of promotions, newest request first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn promotions(
        &mut self,
        filter: &PromotionFilter,
        paging: Paging,
    ) -> Result<Page<PromotionRow>, StoreError> {
        use PromotionStage::{Live, NeedsApproval, Open, Over, Waiting};
        let text = anywhere(filter.text.as_deref());
        let text = text.as_deref();
        let (page, count) = match filter.stage {
            Some(Open | Waiting | NeedsApproval | Live) => (PAGE_OPEN, COUNT_OPEN),
            Some(Over) | None => match filter {
                PromotionFilter { service: Some(_), .. } => (PAGE_OF_SERVICE, COUNT_OF_SERVICE),
                _ if text.is_some() => (PAGE_WITH_TEXT, COUNT_WITH_TEXT),
                PromotionFilter { requester: Some(_), .. } => (PAGE_OF_REQUESTER, COUNT_OF_REQUESTER),
                PromotionFilter { team: Some(_), .. } => (PAGE, COUNT_OF_TEAM),
                PromotionFilter { .. } => (PAGE, COUNT),
            },
        };
        let service = filter.service.map(ServiceId::uuid);
        let environment = filter.environment.map(EnvironmentId::uuid);
        let team = filter.team.as_ref().map(TeamName::as_str);
        let requester = filter.requester.map(PersonId::uuid);
        let label = filter.text.as_deref().unwrap_or_default().trim().to_lowercase();
        let label_end = prefix_end(&label);
        let (label, label_end) = (label.as_str(), label_end.as_str());
        let number = label.trim_start_matches('#').parse::<i64>().ok();
        let phase = match filter.stage {
            Some(Waiting | NeedsApproval) => Some("waiting"),
            Some(Open | Live | Over) | None => filter.phase.as_deref(),
        };
        let occupies = (filter.stage == Some(Live)).then_some(true);
        let needs_approval = (filter.stage == Some(NeedsApproval)).then_some(true);
        let is_over = (filter.stage == Some(Over)).then_some(true);
        let (limit, offset) = (i64::from(paging.limit), i64::from(paging.offset));
        let rows = fetch_all!(
            self, page => PromotionRow, service, environment, team, requester, text, label, label_end, number, phase, occupies,
            needs_approval, is_over, limit, offset
        )?;
        let (total,) = fetch_one!(
            self, count => (i64,), service, environment, team, requester, text, label, label_end, number, phase, occupies,
            needs_approval, is_over, COUNTED
        )?;
        Ok(Page { rows, total })
    }

    /// How many promotions are in each phase that is not an end, by the phase's word.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn open_promotions_by_phase(&mut self) -> Result<Vec<(String, i64)>, StoreError> {
        fetch_all!(self, OPEN_BY_PHASE => (String, i64))
    }
}
