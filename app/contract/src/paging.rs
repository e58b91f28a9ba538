//! Lists are paged by the server and their state is in the address.

use serde::{Deserialize, Serialize};

/// Which page of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageRequest {
    /// The page, from 1.
    pub page: u32,
    /// Rows on a page, 1 to 200.
    pub size: u32,
}

impl PageRequest {
    /// Page `page` of `size` rows, both brought into their limits.
    #[must_use]
    pub fn new(page: u32, size: u32) -> Self {
        Self { page: page.clamp(1, 1_000_000), size: size.clamp(1, 200) }
    }

    /// Rows before this page.
    #[must_use]
    pub fn offset(self) -> u64 {
        u64::from(self.page.max(1) - 1) * u64::from(self.size)
    }
}

impl Default for PageRequest {
    fn default() -> Self {
        Self { page: 1, size: 50 }
    }
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// All rows that match, on all pages.
    pub total: u64,
    /// Which page this is.
    pub request: PageRequest,
}

impl<T> Page<T> {
    /// The number of pages, at least 1.
    #[must_use]
    pub fn pages(&self) -> u64 {
        self.total.div_ceil(u64::from(self.request.size.max(1))).max(1)
    }
}
