//! How often somebody may try to sign in: per address, and per account (so that many addresses do
//! not help). Kept in memory: several servers count each for itself.
//!
//! When too many addresses are being counted, all new ones share one count: filling the table makes
//! nobody's limit go away.

use std::{
    collections::HashMap,
    hash::Hash,
    net::IpAddr,
    sync::{Mutex, PoisonError},
};

use chrono::{DateTime, TimeDelta, Utc};

/// Attempts from one address: an office behind one address signs in together in the morning.
const PER_ADDRESS: Rate = Rate { burst: 20, seconds_each: 15 };

/// Attempts at one account: a person mistypes a few times, a guesser needs millions.
const PER_ACCOUNT: Rate = Rate { burst: 8, seconds_each: 60 };

/// Keys counted at once; each takes some hundred bytes.
const MOST_KEYS: usize = 50_000;

#[derive(Clone, Copy)]
struct Rate {
    /// Attempts that are free at once.
    burst: i64,
    /// After this many seconds one more is free.
    seconds_each: i64,
}

/// The attempts that are being counted.
#[derive(Default)]
pub struct SignInLimits {
    counts: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    addresses: Table<IpAddr>,
    accounts: Table<String>,
}

/// For each key the time at which all of its attempts are free again.
struct Table<K> {
    free_at: HashMap<K, DateTime<Utc>>,
    /// Shared by keys for which there was no room.
    others: Option<DateTime<Utc>>,
}

impl SignInLimits {
    /// Counts an attempt, or answers after how many seconds one is free. An attempt that is refused
    /// costs nothing.
    ///
    /// # Errors
    /// The seconds to wait.
    pub fn attempt(&self, address: IpAddr, account: &str, now: DateTime<Utc>) -> Result<(), i64> {
        let account = account.trim().to_lowercase();
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.addresses.may(&address, PER_ADDRESS, now)?;
        counts.accounts.may(&account, PER_ACCOUNT, now)?;
        counts.addresses.count(address, PER_ADDRESS, now);
        counts.accounts.count(account, PER_ACCOUNT, now);
        Ok(())
    }

    /// Counts an attempt that names no account (a one-time link).
    ///
    /// # Errors
    /// The seconds to wait.
    pub fn attempt_from(&self, address: IpAddr, now: DateTime<Utc>) -> Result<(), i64> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.addresses.may(&address, PER_ADDRESS, now)?;
        counts.addresses.count(address, PER_ADDRESS, now);
        Ok(())
    }

    /// The right password was given: the account's own mistakes are forgotten.
    pub fn succeeded(&self, account: &str) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.accounts.free_at.remove(&account.trim().to_lowercase());
    }
}

impl<K> Default for Table<K> {
    fn default() -> Self {
        Self { free_at: HashMap::new(), others: None }
    }
}

impl<K: Eq + Hash> Table<K> {
    fn may(&self, key: &K, rate: Rate, now: DateTime<Utc>) -> Result<(), i64> {
        let is_full = self.free_at.len() >= MOST_KEYS;
        let free_at = self.free_at.get(key).copied().or(if is_full { self.others } else { None }).unwrap_or(now);
        let owed = (free_at - now).num_seconds().max(0);
        let most = (rate.burst - 1) * rate.seconds_each;
        if owed <= most { Ok(()) } else { Err(owed - most) }
    }

    fn count(&mut self, key: K, rate: Rate, now: DateTime<Utc>) {
        let cost = TimeDelta::seconds(rate.seconds_each);
        if let Some(free_at) = self.free_at.get_mut(&key) {
            *free_at = (*free_at).max(now) + cost;
            return;
        }
        if self.free_at.len() >= MOST_KEYS {
            self.free_at.retain(|_, free_at| *free_at > now);
        }
        if self.free_at.len() >= MOST_KEYS {
            self.others = Some(self.others.unwrap_or(now).max(now) + cost);
        } else {
            self.free_at.insert(key, now + cost);
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_772_442_000 + seconds, 0).unwrap()
    }

    fn address(number: u32) -> IpAddr {
        IpAddr::from(number.to_be_bytes())
    }

    #[test]
    fn attack_34_an_account_is_guarded_against_many_addresses_and_spellings() {
        let limits = SignInLimits::default();
        for number in 0..8 {
            assert_eq!(limits.attempt(address(number), " Ada@x.test", at(0)), Ok(()));
        }
        assert_eq!(limits.attempt(address(100), "ada@X.test ", at(0)), Err(60));
        assert_eq!(limits.attempt(address(100), "bob@x.test", at(0)), Ok(()));
        assert_eq!(limits.attempt(address(100), "ada@x.test", at(60)), Ok(()));
        assert_eq!(limits.attempt(address(100), "ada@x.test", at(60)), Err(60));
        limits.succeeded("ada@x.test");
        assert_eq!(limits.attempt(address(100), "ada@x.test", at(60)), Ok(()));
    }

    #[test]
    fn attack_34_an_address_is_guarded_over_many_accounts() {
        let limits = SignInLimits::default();
        for number in 0..20 {
            assert_eq!(limits.attempt(address(1), &format!("{number}@x.test"), at(0)), Ok(()));
        }
        assert_eq!(limits.attempt(address(1), "new@x.test", at(0)), Err(15));
        assert_eq!(limits.attempt_from(address(1), at(14)), Err(1));
        assert_eq!(limits.attempt_from(address(1), at(15)), Ok(()));
        assert_eq!(limits.attempt(address(2), "new@x.test", at(0)), Ok(()));
    }

    #[test]
    fn attack_34_filling_the_table_takes_nobodys_limit_away() {
        let limits = SignInLimits::default();
        let most = u32::try_from(MOST_KEYS).unwrap();
        while limits.attempt_from(address(1), at(0)).is_ok() {}
        for number in 2..=most {
            assert_eq!(limits.attempt_from(address(number), at(0)), Ok(()));
        }
        assert!(limits.attempt_from(address(1), at(0)).is_err());
        for number in 0..20 {
            assert_eq!(limits.attempt_from(address(most + 10 + number), at(0)), Ok(()), "{number}");
        }
        assert!(limits.attempt_from(address(most + 100), at(0)).is_err());
        assert_eq!(limits.attempt_from(address(most + 100), at(600)), Ok(()));
    }
}
