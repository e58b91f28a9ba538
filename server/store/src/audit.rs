//! Who did what. Entries are only ever added, in the transaction of the act itself.

use chrono::{DateTime, Utc};
use domain::{
    actor::Identity,
    ids::{AuditId, PersonId},
};
use serde_json::Value;
use sqlx::types::Json;
use uuid::Uuid;

use crate::{
    Page, Paging, Read, StoreError, Tx,
    columns::{BoxError, END_OF_TIME, Stored, anywhere, record},
    connection::{execute, fetch_all, fetch_one},
    paging::COUNTED,
    statements::statements,
};

/// How an act ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditResult {
    /// It was done.
    Done,
    /// It was refused by a rule or a permission.
    Refused,
    /// It was tried and failed.
    Failed,
}

impl AuditResult {
    const ALL: [Self; 3] = [Self::Done, Self::Refused, Self::Failed];

    /// The word for columns and people.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

impl Stored for AuditResult {
    type Raw = String;

    fn from_raw(raw: String) -> Result<Self, BoxError> {
        let found = Self::ALL.into_iter().find(|result| result.as_str() == raw);
        found.ok_or_else(|| format!("unknown result '{raw}'").into())
    }
}

record! {
    /// An entry.
    pub struct AuditEntry {
        /// Identity; sorts after earlier ones at the same time.
        pub id: AuditId,
        /// When.
        pub at: DateTime<Utc>,
        /// Who: a person, a token, or a rule by its name.
        pub who: Identity,
        /// What, as a word: `approve`, `sign_in`, …
        pub act: String,
        /// On what kind of thing: `promotion`, `service`, …
        pub entity_kind: String,
        /// On which one, when it has an identity.
        pub entity_id: Option<Uuid>,
        /// How it is shown, also when it is gone: `promotion 1042`.
        pub entity_label: String,
        /// Why, in the actor's words.
        pub reason: Option<String>,
        /// From where: the network address.
        pub from_address: Option<String>,
        /// How it ended.
        pub result: AuditResult,
        /// What else belongs to it, such as values before and after.
        pub details: Value,
    }
}

/// Which entries of the list; what is `None` does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// The person who acted, or who answers for the token that did.
    pub person: Option<PersonId>,
    /// The actor as shown: `rule: rollout`, `ci (token)`.
    pub actor: Option<String>,
    /// What.
    pub act: Option<String>,
    /// On what kind of thing.
    pub entity_kind: Option<String>,
    /// On which one.
    pub entity: Option<Uuid>,
    /// Then or later.
    pub from: Option<DateTime<Utc>>,
    /// Before then.
    pub to: Option<DateTime<Utc>>,
}

/// Where a page of the list ended: the next one begins after it, whatever was added meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditPosition {
    /// The time of the last entry.
    pub at: DateTime<Utc>,
    /// Its identity.
    pub id: AuditId,
}

/// Which entries of the list for people, by what they remember; what is `None` does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditSearch {
    /// Somewhere in the actor as shown, upper or lower case.
    pub actor: Option<String>,
    /// What, as a word.
    pub act: Option<String>,
    /// Somewhere in how the thing is shown, upper or lower case.
    pub on: Option<String>,
}

macro_rules! columns {
    () => {
        "id, at, who, act, entity_kind, entity_id, entity_label, reason, from_address, result, details"
    };
}

macro_rules! page {
    ($where:literal) => {
        concat!(
            "SELECT ",
            columns!(),
            " FROM audit WHERE ",
            $where,
            " AND ($2 IS NULL OR actor = $2) AND ($3 IS NULL OR act = $3) AND ($4 IS NULL OR entity_kind = $4)
              AND ($5 IS NULL OR entity_id = $5) AND at >= $6 AND (at, id) < ($7, $8)
              ORDER BY at DESC, id DESC LIMIT $9"
        )
    };
}

const INSERT: &str = concat!(
    "INSERT INTO audit (",
    columns!(),
    ", actor, person_id, actor_search, entity_search)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)"
);

const PAGE: &str = page!("($1 IS NULL OR person_id = $1)");

const PAGE_OF_PERSON: &str = page!("person_id = $1");

const PAGE_OF_ENTITY: &str = page!("($1 IS NULL OR person_id = $1) AND entity_kind = $4 AND entity_id = $5");

const PAGE_OF_ACT: &str = page!("($1 IS NULL OR person_id = $1) AND act = $3");

macro_rules! searched {
    () => {
        " FROM audit WHERE ($1 IS NULL OR actor_search LIKE $1 ESCAPE '\\') AND ($2 IS NULL OR act = $2)
          AND ($3 IS NULL OR entity_search LIKE $3 ESCAPE '\\') "
    };
}

const SEARCH: &str = concat!("SELECT ", columns!(), searched!(), "ORDER BY at DESC, id DESC LIMIT $4 OFFSET $5");

const COUNT_SEARCHED: &str = concat!("SELECT COUNT(*) FROM (SELECT 1", searched!(), "LIMIT $4) AS counted");

statements!("audit.rs": INSERT, PAGE, PAGE_OF_PERSON, PAGE_OF_ENTITY, PAGE_OF_ACT, SEARCH, COUNT_SEARCHED);

impl Tx {
    /// Adds an entry.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn insert_audit(&mut self, entry: &AuditEntry) -> Result<(), StoreError> {
        execute!(
            self,
            INSERT,
            entry.id.uuid(),
            entry.at,
            Json(&entry.who),
            entry.act.as_str(),
            entry.entity_kind.as_str(),
            entry.entity_id,
            entry.entity_label.as_str(),
            entry.reason.as_deref(),
            entry.from_address.as_deref(),
            entry.result.as_str(),
            Json(&entry.details),
            entry.who.shown(),
            entry.who.person().map(PersonId::uuid),
            entry.who.shown().to_lowercase(),
            entry.entity_label.to_lowercase(),
        )
        .map(drop)
    }
}

impl Read {
    /// A page of entries by number, newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn search_audit(&mut self, search: &AuditSearch, paging: Paging) -> Result<Page<AuditEntry>, StoreError> {
        let (actor, on) = (anywhere(search.actor.as_deref()), anywhere(search.on.as_deref()));
        let (actor, act, on) = (actor.as_deref(), search.act.as_deref(), on.as_deref());
        let (limit, offset) = (i64::from(paging.limit), i64::from(paging.offset));
        let rows = fetch_all!(self, SEARCH => AuditEntry, actor, act, on, limit, offset)?;
        let (total,) = fetch_one!(self, COUNT_SEARCHED => (i64,), actor, act, on, COUNTED)?;
        Ok(Page { rows, total })
    }

    /// A page of entries, newest first, after the position where the page before ended.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn audit(
        &mut self,
        filter: &AuditFilter,
        after: Option<AuditPosition>,
        limit: u32,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        let text = match filter {
            AuditFilter { entity_kind: Some(_), entity: Some(_), .. } => PAGE_OF_ENTITY,
            AuditFilter { person: Some(_), .. } => PAGE_OF_PERSON,
            AuditFilter { act: Some(_), .. } => PAGE_OF_ACT,
            AuditFilter { .. } => PAGE,
        };
        let to = filter.to.unwrap_or(END_OF_TIME);
        // The smallest identity: with it, `before` itself is left out.
        let before = AuditPosition { at: to, id: AuditId::new(Uuid::nil()) };
        let after = after.filter(|position| position.at < to).unwrap_or(before);
        fetch_all!(
            self,
            text => AuditEntry,
            filter.person.map(PersonId::uuid),
            filter.actor.as_deref(),
            filter.act.as_deref(),
            filter.entity_kind.as_deref(),
            filter.entity,
            filter.from.unwrap_or(DateTime::UNIX_EPOCH),
            after.at,
            after.id.uuid(),
            i64::from(limit),
        )
    }
}
