//! Text that comes from outside, checked once: no control characters, no lengths that a screen or
//! an index could not take. Errors name the field.

use chrono::{DateTime, Datelike, Duration, SubsecRound, Utc};
use contract::{Answer, ApiError};
use domain::readable;

/// Longest reason or comment.
const COMMENT_AT_MOST: usize = 2_000;

/// Longest name or title.
pub(crate) const NAME_AT_MOST: usize = 200;

/// A line of text of at most `max` characters; may be empty. Surrounding white space is dropped.
///
/// # Errors
/// [`ApiError::invalid`] for `field`.
pub(crate) fn line(field: &str, text: &str, max: usize) -> Answer<String> {
    let text = text.trim();
    if text.chars().count() > max {
        return Err(ApiError::invalid(field, format!("at most {max} characters are allowed")));
    }
    if let Some(found) = text.chars().find(|c| readable::misleads(*c)) {
        let code = u32::from(found);
        return Err(ApiError::invalid(field, format!("control characters are not allowed (U+{code:04X} was found)")));
    }
    Ok(text.to_owned())
}

/// As [`line`], but something must be there.
///
/// # Errors
/// [`ApiError::invalid`] for `field`.
pub(crate) fn some_line(field: &str, text: &str, max: usize) -> Answer<String> {
    let text = line(field, text, max)?;
    // What nobody can read says nothing.
    if !readable::says_something(&text) { Err(ApiError::invalid(field, "this is needed")) } else { Ok(text) }
}

/// A reason: needed, trimmed, at most 2,000 characters.
///
/// # Errors
/// [`ApiError::invalid`] for `reason`.
pub(crate) fn reason(text: &str) -> Answer<String> {
    let text = comment("reason", text)?;
    // What nobody can read says nothing.
    if !readable::says_something(&text) { Err(ApiError::invalid("reason", "a reason is needed")) } else { Ok(text) }
}

/// Several lines that may be empty, trimmed, at most 2,000 characters: a screen's worth.
///
/// # Errors
/// [`ApiError::invalid`] for `field`.
pub(crate) fn comment(field: &str, text: &str) -> Answer<String> {
    let text = text.trim().replace("\r\n", "\n");
    for one in text.split('\n') {
        line(field, &one.replace('\t', " "), COMMENT_AT_MOST)?;
    }
    if text.chars().count() > COMMENT_AT_MOST {
        return Err(ApiError::invalid(field, format!("at most {COMMENT_AT_MOST} characters are allowed")));
    }
    Ok(text)
}

/// A time that something happened: not before 2000 and at most a day ahead of `now` (clocks of
/// pipelines differ). Cut to microseconds, which is what the database keeps.
///
/// # Errors
/// [`ApiError::invalid`] for `field`.
pub(crate) fn past(field: &str, at: DateTime<Utc>, now: DateTime<Utc>) -> Answer<DateTime<Utc>> {
    if at > now + Duration::days(1) {
        return Err(ApiError::invalid(field, "this time lies in the future"));
    }
    if at.year() < 2000 {
        return Err(ApiError::invalid(field, "this time lies before the year 2000"));
    }
    Ok(at.trunc_subsecs(6))
}

/// A list of at most `max` entries.
///
/// # Errors
/// [`ApiError::invalid`] for `field`.
pub(crate) fn at_most<T>(field: &str, list: &[T], max: usize) -> Answer<()> {
    if list.len() <= max {
        Ok(())
    } else {
        Err(ApiError::invalid(field, format!("at most {max} entries are allowed; {} were given", list.len())))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn text_that_could_mislead_is_refused() {
        for text in ["a\u{0}b", "a\nb", "a\u{202E}b", "a\u{7f}b", "toolong"] {
            let refused = line("title", text, 6).unwrap_err();
            assert_eq!(refused.field(), Some("title"), "{text:?}");
        }
        assert_eq!(line("title", " Grüße ", 6).unwrap(), "Grüße");
        assert!(some_line("title", "  ", 6).is_err());
    }

    #[test]
    fn a_reason_that_nobody_can_see_is_none() {
        for text in ["", "  ", "\u{200B}", " \u{FEFF}\n\u{3164}", "\u{2060}\u{FE0F}"] {
            assert_eq!(reason(text).unwrap_err().field(), Some("reason"), "{text:?}");
        }
        assert_eq!(reason(" \u{26A0}\u{FE0F} ").unwrap(), "\u{26A0}\u{FE0F}");
    }

    #[test]
    fn a_time_must_be_one_of_ours() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        assert!(past("at", now + Duration::hours(23), now).is_ok());
        assert!(past("at", now + Duration::hours(25), now).is_err());
        assert!(past("at", DateTime::from_timestamp(0, 0).unwrap(), now).is_err());
        assert!(past("at", DateTime::<Utc>::MAX_UTC, now).is_err());
        let fine = DateTime::from_timestamp(1_700_000_000, 123_456_789).unwrap();
        assert_eq!(past("at", fine, now).unwrap().timestamp_subsec_nanos(), 123_456_000);
    }
}
