//! A clock that a test moves by hand. It never moves by itself.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use ports::Clock;

/// A clock that shows what it was told; clones show the same time.
#[derive(Clone, Debug)]
pub struct MockClock {
    now: Arc<Mutex<DateTime<Utc>>>,
}

impl MockClock {
    /// A clock that stands at `now`, truncated to microseconds.
    #[must_use]
    pub fn at(now: DateTime<Utc>) -> Self {
        Self { now: Arc::new(Mutex::new(now.trunc_subsecs(6))) }
    }

    /// Moves the clock to `now`, also backwards.
    pub fn set(&self, now: DateTime<Utc>) {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) = now.trunc_subsecs(6);
    }

    /// Moves the clock forward and answers the new time. A step beyond what a date can hold leaves
    /// the clock where it is.
    pub fn advance(&self, by: Duration) -> DateTime<Utc> {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        let moved = TimeDelta::from_std(by).ok().and_then(|by| now.checked_add_signed(by));
        *now = moved.unwrap_or(*now).trunc_subsecs(6);
        *now
    }
}

impl Default for MockClock {
    /// A fixed moment: 2026-03-02 09:00 UTC, a Monday.
    fn default() -> Self {
        Self::at(DateTime::from_timestamp(1_772_442_000, 0).unwrap_or_default())
    }
}

impl Clock for MockClock {
    fn now(&self) -> DateTime<Utc> {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_moves_only_when_told() {
        let clock = MockClock::default();
        assert_eq!(clock.now().to_rfc3339(), "2026-03-02T09:00:00+00:00");
        let twin = clock.clone();
        let later = clock.advance(Duration::from_nanos(1_500_001_500));
        assert_eq!(later.to_rfc3339(), "2026-03-02T09:00:01.500001+00:00");
        assert_eq!(twin.now(), later);
    }
}
