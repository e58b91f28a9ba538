//! A range of whole days in UTC, both ends included, and the weeks that it touches.

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveTime, Utc};

/// Days from `from` to `to`, both included. It is never empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    from: NaiveDate,
    to: NaiveDate,
}

impl Range {
    /// The range between two days in either order.
    #[must_use]
    pub fn new(a: NaiveDate, b: NaiveDate) -> Self {
        Self { from: a.min(b), to: a.max(b) }
    }

    /// The last `days` days (at least 1) up to and with the day of `now`.
    #[must_use]
    pub fn back_from(now: DateTime<Utc>, days: u16) -> Self {
        let to = now.date_naive();
        Self { from: earlier(to, u64::from(days.max(1)) - 1), to }
    }

    /// The first day.
    #[must_use]
    pub const fn from(&self) -> NaiveDate {
        self.from
    }

    /// The last day.
    #[must_use]
    pub const fn to(&self) -> NaiveDate {
        self.to
    }

    /// The number of days, at least 1.
    #[must_use]
    pub fn days(&self) -> u32 {
        u32::try_from((self.to - self.from).num_days() + 1).unwrap_or(1).max(1)
    }

    /// The range of the same length right before.
    #[must_use]
    pub fn before(&self) -> Self {
        Self { from: earlier(self.from, u64::from(self.days())), to: earlier(self.from, 1) }
    }

    /// The moment of its begin.
    #[must_use]
    pub fn begins_at(&self) -> DateTime<Utc> {
        self.from.and_time(NaiveTime::MIN).and_utc()
    }

    /// The first moment after it.
    #[must_use]
    pub fn ends_at(&self) -> DateTime<Utc> {
        let after = self.to.checked_add_days(Days::new(1)).unwrap_or(self.to);
        after.and_time(NaiveTime::MIN).and_utc()
    }

    /// Whether a moment lies in it.
    #[must_use]
    pub fn contains(&self, at: DateTime<Utc>) -> bool {
        (self.from..=self.to).contains(&at.date_naive())
    }

    /// The weeks that it touches, oldest first: each Monday with the part of the week in the range.
    #[must_use]
    pub fn weeks(&self) -> Vec<(NaiveDate, Self)> {
        let first = earlier(self.from, u64::from(self.from.weekday().num_days_from_monday()));
        let mondays = first.iter_weeks().take_while(|monday| *monday <= self.to);
        let part = |monday: NaiveDate| {
            let sunday = monday.checked_add_days(Days::new(6)).unwrap_or(self.to);
            (monday, Self { from: monday.max(self.from), to: sunday.min(self.to) })
        };
        mondays.map(part).collect()
    }
}

fn earlier(day: NaiveDate, days: u64) -> NaiveDate {
    day.checked_sub_days(Days::new(days)).unwrap_or(NaiveDate::MIN)
}
