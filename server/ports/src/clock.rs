//! Time and chance, passed in so that a test decides both.

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// Tells the time.
pub trait Clock: Send + Sync + 'static {
    /// The time now in UTC, truncated to microseconds (what PostgreSQL keeps).
    fn now(&self) -> DateTime<Utc>;
}

/// Makes identifiers and secrets.
pub trait Randomness: Send + Sync + 'static {
    /// A new identifier that sorts after earlier ones (UUID version 7 in production).
    fn uuid(&self) -> Uuid;

    /// Fills `bytes` with unpredictable ones, fit for keys and tokens.
    fn fill(&self, bytes: &mut [u8]);
}
