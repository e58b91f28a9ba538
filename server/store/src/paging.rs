//! One page of a list.

/// Which page of a list is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paging {
    /// How many rows at most.
    pub limit: u32,
    /// How many rows to leave out before.
    pub offset: u32,
}

impl Paging {
    /// The first `limit` rows.
    #[must_use]
    pub const fn first(limit: u32) -> Self {
        Self { limit, offset: 0 }
    }

    /// Page `number`, counted from 1, of pages with `limit` rows.
    #[must_use]
    pub const fn page(number: u32, limit: u32) -> Self {
        Self { limit, offset: number.saturating_sub(1).saturating_mul(limit) }
    }
}

/// The rows of a page, and how many there are on all pages.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// How many rows the list has; [`Page::COUNTED`] means that or more.
    pub total: i64,
}

impl<T> Page<T> {
    /// Counting stops here: nobody turns to page 200, and counting millions takes seconds.
    pub const COUNTED: i64 = 10_000;

    /// Whether there are more rows than were counted.
    #[must_use]
    pub const fn is_total_capped(&self) -> bool {
        self.total >= Self::COUNTED
    }
}

/// The cap of [`Page::COUNTED`] for statements.
pub(crate) const COUNTED: i64 = Page::<()>::COUNTED;
