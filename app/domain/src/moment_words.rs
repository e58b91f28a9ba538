//! Moments in sentences: `2026-11-22 13:02 UTC`. A sentence is made where nobody knows the reader's zone, so it
//! names a moment in full, always in the same form; whoever shows the sentence finds it again and writes it as the
//! reader knows it. Nothing here can fail.

use chrono::{DateTime, NaiveDateTime, Utc};

const MINUTE: &str = "%Y-%m-%d %H:%M";
const SECOND: &str = "%Y-%m-%d %H:%M:%S";
const ZONE: &str = " UTC";

/// A moment to the minute: `2026-11-22 13:02 UTC`.
#[must_use]
pub fn minute(at: DateTime<Utc>) -> String {
    format!("{}{ZONE}", at.format(MINUTE))
}

/// A moment to the second: `2026-11-22 13:02:40 UTC`.
#[must_use]
pub fn second(at: DateTime<Utc>) -> String {
    format!("{}{ZONE}", at.format(SECOND))
}

/// A part of a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Words as they are.
    Text(&'a str),
    /// A moment.
    Moment {
        /// When.
        at: DateTime<Utc>,
        /// Whether it was written to the second.
        to_the_second: bool,
        /// How it was written.
        written: &'a str,
    },
}

/// A sentence in its parts, in order. Together, as they were written, they are the sentence.
#[must_use]
pub fn pieces(sentence: &str) -> Vec<Piece<'_>> {
    let mut found = Vec::new();
    let mut rest = sentence;
    let mut from = 0;
    while let Some(zone) = rest.get(from..).and_then(|after| after.find(ZONE)).map(|place| place + from) {
        let end = zone + ZONE.len();
        let Some((begin, at, to_the_second)) = moment_before(rest, zone) else {
            from = end;
            continue;
        };
        let (before, after) = rest.split_at(end);
        let (words, written) = before.split_at(begin);
        if !words.is_empty() {
            found.push(Piece::Text(words));
        }
        found.push(Piece::Moment { at, to_the_second, written });
        (rest, from) = (after, 0);
    }
    if !rest.is_empty() {
        found.push(Piece::Text(rest));
    }
    found
}

/// The moment that is written right before a place, with where it begins.
fn moment_before(text: &str, end: usize) -> Option<(usize, DateTime<Utc>, bool)> {
    let read = |length: usize, format: &str| {
        let begin = end.checked_sub(length)?;
        let at = NaiveDateTime::parse_from_str(text.get(begin..end)?, format).ok()?;
        Some((begin, at.and_utc()))
    };
    let to_second = read("2026-11-22 13:02:40".len(), SECOND).map(|(begin, at)| (begin, at, true));
    to_second.or_else(|| read("2026-11-22 13:02".len(), MINUTE).map(|(begin, at)| (begin, at, false)))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use chrono::TimeZone;
    use proptest::prelude::*;

    use super::*;

    fn at(hour: u32, minute: u32, second: u32) -> DateTime<Utc> {
        Utc.with_ymd_and_hms(2026, 11, 22, hour, minute, second).unwrap()
    }

    #[test]
    fn moments_are_found_where_they_stand() {
        let (first, last) = (at(13, 2, 0), at(23, 59, 7));
        let sentence = format!("UTC: since {}, until {}.", minute(first), second(last));
        assert_eq!(
            pieces(&sentence),
            [
                Piece::Text("UTC: since "),
                Piece::Moment { at: first, to_the_second: false, written: "2026-11-22 13:02 UTC" },
                Piece::Text(", until "),
                Piece::Moment { at: last, to_the_second: true, written: "2026-11-22 23:59:07 UTC" },
                Piece::Text("."),
            ]
        );
    }

    #[test]
    fn what_is_no_moment_stays_as_it_is() {
        for text in ["", "days are those of UTC", "13:02 UTC", "2026-13-40 25:61 UTC", "ä2026-11-2 UTC UTC UTC"] {
            assert!(pieces(text).iter().all(|piece| matches!(piece, Piece::Text(_))), "{text}");
        }
    }

    proptest! {
        #[test]
        fn nothing_of_a_sentence_is_lost(
            before in ".{0,20}", after in ".{0,20}", seconds in 0_i64..4_000_000_000, to_the_second: bool,
        ) {
            let when = DateTime::from_timestamp(seconds, 0).unwrap();
            let words = if to_the_second { second(when) } else { minute(when) };
            let sentence = format!("{before}{words}{after}");
            let found = pieces(&sentence);
            let whole: String = found
                .iter()
                .map(|piece| match piece {
                    Piece::Text(text) => *text,
                    Piece::Moment { written, .. } => written,
                })
                .collect();
            prop_assert_eq!(&whole, &sentence);
            let is_it = |piece: &&Piece<'_>| matches!(piece, Piece::Moment { at, .. } if at.timestamp() / 60 == seconds / 60);
            prop_assert!(found.iter().any(|piece| is_it(&piece)));
        }
    }
}
