//! What waits for whose word: counted for every page that somebody opens, so from plain columns and
//! one index over the few promotions that wait.

use domain::ids::PersonId;

use crate::{
    Paging, PromotionRow, Read, StoreError,
    connection::{fetch_all, fetch_one},
    paging::COUNTED,
    promotion_lists::promotion_row,
    statements::statements,
};

// Who asked cannot approve, and nobody approves twice: the rule itself is `Promotion::permits`.
macro_rules! for_person {
    () => {
        "p.needs_approval AND (p.requested_by_id IS NULL OR p.requested_by_id <> $1) AND p.approved_by NOT LIKE $2"
    };
}

macro_rules! count {
    ($where:expr) => {
        concat!("SELECT COUNT(*) FROM (SELECT 1 FROM promotions p WHERE ", $where, " LIMIT $3) AS counted")
    };
}

const COUNT_FOR: &str = count!(for_person!());

const COUNT_ALL: &str = "
    SELECT COUNT(*) FROM (SELECT 1 FROM promotions p WHERE p.needs_approval LIMIT $1) AS counted";

// What mends something broken is more urgent than what waits longer.
const FOR: &str = concat!(
    promotion_row!(),
    "WHERE ",
    for_person!(),
    " ORDER BY CASE WHEN p.cause = 'planned' THEN 1 ELSE 0 END, p.requested_at, p.id LIMIT $3 OFFSET $4"
);

const FOR_OTHERS: &str = concat!(
    promotion_row!(),
    "WHERE p.needs_approval AND (p.requested_by_id = $1 OR p.approved_by LIKE $2)
     ORDER BY p.requested_at, p.id LIMIT $3 OFFSET $4"
);

const ALL: &str = concat!(promotion_row!(), "WHERE p.needs_approval ORDER BY p.requested_at, p.id LIMIT $1 OFFSET $2");

// Of the few that hold a target, which an index of its own knows.
const STANDING: &str =
    concat!(promotion_row!(), "WHERE p.occupies AND p.mark = 'waiting' ORDER BY p.started_at, p.id LIMIT $1");

statements!("consents.rs": COUNT_FOR, COUNT_ALL, FOR, FOR_OTHERS, ALL, STANDING);

fn approved_by(person: PersonId) -> String {
    format!("%{}%", person.uuid())
}

impl Read {
    /// How many promotions wait for a consent that this person could give, if their role allows it:
    /// they neither asked nor approved. Counting stops at [`crate::Page::COUNTED`].
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn count_waiting_for(&mut self, person: PersonId) -> Result<i64, StoreError> {
        Ok(fetch_one!(self, COUNT_FOR => (i64,), person.uuid(), approved_by(person), COUNTED)?.0)
    }

    /// How many promotions wait for anybody's consent. Counting stops at [`crate::Page::COUNTED`].
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn count_waiting(&mut self) -> Result<i64, StoreError> {
        Ok(fetch_one!(self, COUNT_ALL => (i64,), COUNTED)?.0)
    }

    /// A page of what [`Read::count_waiting_for`] counts: hotfixes and rollbacks first, then what was
    /// asked for first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn waiting_for(&mut self, person: PersonId, paging: Paging) -> Result<Vec<PromotionRow>, StoreError> {
        let (limit, offset) = (i64::from(paging.limit), i64::from(paging.offset));
        fetch_all!(self, FOR => PromotionRow, person.uuid(), approved_by(person), limit, offset)
    }

    /// A page of what waits for the consent of others because this person asked for it or has approved
    /// it; what was asked for first comes first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn waiting_for_others(
        &mut self,
        person: PersonId,
        paging: Paging,
    ) -> Result<Vec<PromotionRow>, StoreError> {
        let (limit, offset) = (i64::from(paging.limit), i64::from(paging.offset));
        fetch_all!(self, FOR_OTHERS => PromotionRow, person.uuid(), approved_by(person), limit, offset)
    }

    /// A page of what waits for anybody's consent; what was asked for first comes first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn waiting(&mut self, paging: Paging) -> Result<Vec<PromotionRow>, StoreError> {
        fetch_all!(self, ALL => PromotionRow, i64::from(paging.limit), i64::from(paging.offset))
    }

    /// At most so many of those that hold their target and wait for a person in the middle, what started first
    /// comes first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn standing(&mut self, limit: u32) -> Result<Vec<PromotionRow>, StoreError> {
        fetch_all!(self, STANDING => PromotionRow, i64::from(limit))
    }
}
