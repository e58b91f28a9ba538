//! Durations in words: `12 min`, `9 h 20 min`, `3 days`. A duration is a number of seconds; a negative
//! one is shown as none at all. Nothing here can fail.

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Days from which hours do not matter any more.
const DAYS_ALONE: i64 = 10;

/// How long something took, rounded to the smallest unit shown: `45 s`, `12 min`, `9 h 20 min`,
/// `2 h 05 min`, `3 days 4 h`, `12 days`.
#[must_use]
pub fn exact(seconds: i64) -> String {
    let seconds = seconds.max(0);
    if seconds < MINUTE {
        return format!("{seconds} s");
    }
    let minutes = rounded(seconds, MINUTE);
    if minutes < 60 {
        return format!("{minutes} min");
    }
    if minutes < DAY / MINUTE {
        return match minutes % 60 {
            0 => format!("{} h", minutes / 60),
            rest => format!("{} h {rest:02} min", minutes / 60),
        };
    }
    let hours = rounded(seconds, HOUR);
    match (hours / 24, hours % 24) {
        (days, 0) => days_in_words(days),
        (days, _) if days >= DAYS_ALONE => days_in_words(rounded(seconds, DAY)),
        (days, rest) => format!("{} {rest} h", days_in_words(days)),
    }
}

/// How long something is as it is, in whole units that are over: `less than 1 min`, `12 min`, `5 h`,
/// `3 days`.
#[must_use]
pub fn age(seconds: i64) -> String {
    match seconds {
        ..MINUTE => "less than 1 min".to_owned(),
        MINUTE..HOUR => format!("{} min", seconds / MINUTE),
        HOUR..DAY => format!("{} h", seconds / HOUR),
        DAY.. => days_in_words(seconds / DAY),
    }
}

fn rounded(seconds: i64, unit: i64) -> i64 {
    // Without adding to the seconds first, which could overflow.
    seconds / unit + i64::from(seconds % unit >= unit - unit / 2)
}

fn days_in_words(days: i64) -> String {
    if days == 1 { "1 day".to_owned() } else { format!("{days} days") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_rounded_to_what_is_shown() {
        for (seconds, words) in [
            (-5, "0 s"),
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (89, "1 min"),
            (90, "2 min"),
            (3_569, "59 min"),
            (3_570, "1 h"),
            (7_500, "2 h 05 min"),
            (33_600, "9 h 20 min"),
            (86_369, "23 h 59 min"),
            (86_370, "1 day"),
            (90_000, "1 day 1 h"),
            (273_600, "3 days 4 h"),
            (863_999, "10 days"),
            (1_000_000, "12 days"),
            (i64::MAX, "106751991167301 days"),
        ] {
            assert_eq!(exact(seconds), words, "{seconds} s");
        }
    }

    #[test]
    fn an_age_is_in_whole_units_that_are_over() {
        for (seconds, words) in [
            (i64::MIN, "less than 1 min"),
            (59, "less than 1 min"),
            (60, "1 min"),
            (3_599, "59 min"),
            (3_600, "1 h"),
            (86_399, "23 h"),
            (86_400, "1 day"),
            (172_799, "1 day"),
            (172_800, "2 days"),
        ] {
            assert_eq!(age(seconds), words, "{seconds} s");
        }
    }
}
