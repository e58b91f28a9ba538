//! How domain types lie in columns. [`record!`] declares a row: its fields are the columns by name,
//! parsed into domain types; what does not parse is [`crate::StoreError::Corrupt`].

use chrono::{DateTime, Utc};
use domain::{
    actor::{Identity, Role},
    analysis::{JudgingSettings, Matchers, Tenant},
    deployment::{Cause, Outcome, Severity},
    environment::{EnvironmentKind, Quorum},
    git::GitPlace,
    ids::{
        AuditId, ClusterId, DeploymentId, EnvironmentId, IncidentId, PersonId, PromotionId, ServiceId, TargetId,
        TeamId, TokenId, VersionId,
    },
    image::{ContainerImage, Digest},
    names::{ClusterName, ContainerName, EnvironmentName, Namespace, ServiceName, TeamName, WorkloadName},
    observation::WorkloadKind,
    outside::Deployer,
    promotion::{Effect, JournalEvent},
    state::Mark,
    strategy::Strategy,
    version::{CommitHash, Verdict, VersionLabel, WebLink},
};
use sqlx::types::Json;
use uuid::Uuid;

pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A type that a column holds in another, raw form.
pub(crate) trait Stored: Sized {
    /// What the database driver reads.
    type Raw;

    /// Parses what was stored.
    fn from_raw(raw: Self::Raw) -> Result<Self, BoxError>;
}

macro_rules! stored_as_is {
    ($($type:ty),+ $(,)?) => {$(
        impl Stored for $type {
            type Raw = Self;

            fn from_raw(raw: Self) -> Result<Self, BoxError> {
                Ok(raw)
            }
        }
    )+};
}

stored_as_is!(String, i64, bool, Vec<u8>, DateTime<Utc>, Uuid, serde_json::Value);

macro_rules! stored_by {
    ($raw:ty, $parse:expr => $($type:ty),+ $(,)?) => {$(
        impl Stored for $type {
            type Raw = $raw;

            fn from_raw(raw: $raw) -> Result<Self, BoxError> {
                let parse: fn($raw) -> Result<Self, BoxError> = $parse;
                parse(raw)
            }
        }
    )+};
}

stored_by!(Uuid, |raw| Ok(Self::new(raw)) =>
    TeamId, ServiceId, VersionId, EnvironmentId, ClusterId, TargetId, PromotionId, DeploymentId, IncidentId,
    PersonId, TokenId, AuditId,
);

stored_by!(String, |raw| Ok(Self::try_from(raw)?) =>
    ServiceName, EnvironmentName, TeamName, ClusterName, Namespace, ContainerName, WorkloadName, VersionLabel,
    CommitHash, WebLink, Digest, Matchers, Tenant,
);

stored_by!(String, |raw| Self::parse(&raw).ok_or_else(|| format!("unknown word '{raw}'").into()) =>
    EnvironmentKind, Cause, Outcome, Severity, Role, WorkloadKind,
);

// Words that serde knows already; a stored word is a JSON string without its quotes.
stored_by!(String, |raw| Ok(serde_json::from_value(serde_json::Value::String(raw))?) => Mark, Verdict);

stored_by!(i64, |raw| Ok(raw.try_into()?) => u8, u32, u64);

stored_by!(i64, |raw| Ok(Self::new(raw.try_into()?)?) => Quorum);

impl<T: Stored> Stored for Option<T> {
    type Raw = Option<T::Raw>;

    fn from_raw(raw: Self::Raw) -> Result<Self, BoxError> {
        raw.map(T::from_raw).transpose()
    }
}

/// Types that lie in a column as JSON.
macro_rules! stored_as_json {
    ($($type:ty),+ $(,)?) => {$(
        impl Stored for $type {
            type Raw = Json<Self>;

            fn from_raw(raw: Json<Self>) -> Result<Self, BoxError> {
                Ok(raw.0)
            }
        }
    )+};
}

stored_as_json!(
    GitPlace,
    Identity,
    JournalEvent,
    Effect,
    JudgingSettings,
    Strategy,
    Deployer,
    Vec<ContainerImage>,
    Vec<Namespace>
);

/// Reads a column of a row by its name.
pub(crate) fn column<'r, R, T>(row: &'r R, name: &'static str) -> Result<T, sqlx::Error>
where
    R: sqlx::Row,
    T: Stored,
    T::Raw: sqlx::Decode<'r, R::Database> + sqlx::Type<R::Database>,
    &'static str: sqlx::ColumnIndex<R>,
{
    let raw = row.try_get::<T::Raw, _>(name)?;
    T::from_raw(raw).map_err(|source| sqlx::Error::ColumnDecode { index: name.to_owned(), source })
}

/// Declares a row type: each field is read from the column of its name.
macro_rules! record {
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident {
            $( $(#[$field_meta:meta])* $field_vis:vis $field:ident : $type:ty ),+ $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq)]
        $vis struct $name {
            $( $(#[$field_meta])* $field_vis $field: $type, )+
        }

        impl sqlx::FromRow<'_, sqlx::sqlite::SqliteRow> for $name {
            fn from_row(row: &sqlx::sqlite::SqliteRow) -> Result<Self, sqlx::Error> {
                Ok(Self { $( $field: $crate::columns::column(row, stringify!($field))?, )+ })
            }
        }

        impl sqlx::FromRow<'_, sqlx::postgres::PgRow> for $name {
            fn from_row(row: &sqlx::postgres::PgRow) -> Result<Self, sqlx::Error> {
                Ok(Self { $( $field: $crate::columns::column(row, stringify!($field))?, )+ })
            }
        }
    };
}
pub(crate) use record;

/// Later than every time, and ordered rightly as text and as time on both databases.
pub(crate) const END_OF_TIME: DateTime<Utc> = match DateTime::from_timestamp(253_402_300_799, 0) {
    Some(end) => end,
    None => DateTime::UNIX_EPOCH,
};

/// A word of a domain type as serde writes it, for a text column.
pub(crate) fn word<T: serde::Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        // Only enums without data are written as words; anything else would be a programming
        // error, and a word that no enum has is found when it is read.
        Ok(_) | Err(_) => String::new(),
    }
}

/// Longest text that is searched for: what is longer finds what its beginning finds. SQLite refuses
/// patterns of more than 50,000 bytes.
const SEARCHED_CHARACTERS: usize = 200;

/// A pattern for `LIKE … ESCAPE '\'` that finds `text` anywhere, in lower case; `None` for nothing.
pub(crate) fn anywhere(text: Option<&str>) -> Option<String> {
    let text = text.map(str::trim).filter(|text| !text.is_empty())?;
    let mut pattern = String::from("%");
    for c in text.to_lowercase().chars().take(SEARCHED_CHARACTERS) {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    Some(pattern)
}

/// The end of the range of texts that begin with `prefix`, byte by byte: `from <= text < end`.
/// `\u{10FFFF}` comes after every character that a name, label or hash may have.
pub(crate) fn prefix_end(prefix: &str) -> String {
    format!("{prefix}\u{10FFFF}")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_search_text_is_taken_literally() {
        assert_eq!(anywhere(Some(" 50%_Off\\ ")).unwrap(), "%50\\%\\_off\\\\%");
        assert_eq!(anywhere(Some("  ")), None);
        assert_eq!(anywhere(None), None);
    }

    #[test]
    fn the_words_of_marks_and_verdicts_can_be_read_again() {
        for mark in [Mark::Done, Mark::Moving, Mark::Waiting, Mark::Failed, Mark::Nothing] {
            assert_eq!(word(&mark), mark.as_str());
            assert_eq!(Mark::from_raw(word(&mark)).unwrap(), mark);
        }
        for verdict in [Verdict::Passed, Verdict::Failed, Verdict::Running, Verdict::Skipped] {
            assert_eq!(Verdict::from_raw(word(&verdict)).unwrap(), verdict);
        }
    }
}
