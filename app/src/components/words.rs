//! Numbers and durations in words, the same on the server and in the browser.

/// Seconds in a minute, an hour and a day.
const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// How long something has been so, in one unit: '40 s', '12 min', '26 h', '9 days', '7 weeks', '5 months', '3 years'.
///
/// The unit changes late (47 h rather than 1 day), because the smaller one says more. Negative durations count as none.
pub fn age(seconds: i64) -> String {
    let seconds = seconds.max(0);
    if seconds < MINUTE {
        format!("{seconds} s")
    } else if seconds < HOUR {
        format!("{} min", seconds / MINUTE)
    } else if seconds < 48 * HOUR {
        format!("{} h", seconds / HOUR)
    } else if seconds < 28 * DAY {
        format!("{} days", seconds / DAY)
    } else if seconds < 70 * DAY {
        format!("{} weeks", seconds / (7 * DAY))
    } else if seconds < 730 * DAY {
        // A month is taken as 30.4 days, a twelfth of a year.
        format!("{} months", seconds * 10 / (304 * DAY))
    } else {
        format!("{} years", seconds / (365 * DAY))
    }
}

/// How long something took, in two units: '40 s', '12 min', '9 h 20 min', '2 days 3 h', '40 days'.
pub fn duration(seconds: i64) -> String {
    let seconds = seconds.max(0);
    if seconds < MINUTE {
        return format!("{seconds} s");
    }
    if seconds < HOUR {
        let (minutes, rest) = (seconds / MINUTE, seconds % MINUTE);
        // Seconds say something only about what takes a few minutes.
        return if minutes < 10 && rest > 0 { format!("{minutes} min {rest:02} s") } else { format!("{minutes} min") };
    }
    if seconds < DAY {
        let (hours, minutes) = (seconds / HOUR, seconds % HOUR / MINUTE);
        return if minutes > 0 { format!("{hours} h {minutes:02} min") } else { format!("{hours} h") };
    }
    let (days, hours) = (seconds / DAY, seconds % DAY / HOUR);
    let days_word = plural(days.unsigned_abs(), "day", "days");
    if hours > 0 && days < 10 { format!("{days_word} {hours} h") } else { days_word }
}

/// A number with its noun: '1 commit', '17 commits', '1,204 commits'.
pub fn plural(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", thousands(count), if count == 1 { one } else { many })
}

/// A number with separators: '18,240'.
pub fn thousands(count: u64) -> String {
    let digits = count.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A share from 0 to 1 as '25 %', '7.1 %', '0.04 %': as many digits as say something.
pub fn percent(share: f64) -> String {
    if !share.is_finite() {
        return "no data".to_owned();
    }
    let percent = share * 100.0;
    let rounded = (percent * 10.0).round() / 10.0;
    if percent > 0.0 && percent < 0.1 {
        format!("{percent:.2} %")
    } else if rounded.fract() == 0.0 {
        format!("{rounded:.0} %")
    } else {
        format!("{rounded:.1} %")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_has_one_unit_and_changes_it_late() {
        for (seconds, wanted) in [
            (-5, "0 s"),
            (40, "40 s"),
            (60, "1 min"),
            (3_599, "59 min"),
            (3_600, "1 h"),
            (47 * HOUR, "47 h"),
            (48 * HOUR, "2 days"),
            (27 * DAY, "27 days"),
            (28 * DAY, "4 weeks"),
            (92 * DAY, "3 months"),
            (800 * DAY, "2 years"),
        ] {
            assert_eq!(age(seconds), wanted, "{seconds}");
        }
    }

    #[test]
    fn a_duration_has_two_units_where_the_second_says_something() {
        for (seconds, wanted) in [
            (40, "40 s"),
            (125, "2 min 05 s"),
            (120, "2 min"),
            (31 * MINUTE + 12, "31 min"),
            (9 * HOUR + 20 * MINUTE, "9 h 20 min"),
            (2 * HOUR + 5 * MINUTE, "2 h 05 min"),
            (3 * HOUR, "3 h"),
            (DAY + 3 * HOUR, "1 day 3 h"),
            (12 * DAY + 3 * HOUR, "12 days"),
        ] {
            assert_eq!(duration(seconds), wanted, "{seconds}");
        }
    }

    #[test]
    fn numbers_are_grouped_and_take_the_right_noun() {
        assert_eq!(thousands(0), "0");
        assert_eq!(thousands(999), "999");
        assert_eq!(thousands(18_240), "18,240");
        assert_eq!(thousands(1_234_567), "1,234,567");
        assert_eq!(plural(1, "commit", "commits"), "1 commit");
        assert_eq!(plural(0, "commit", "commits"), "0 commits");
    }

    #[test]
    fn a_share_shows_the_digits_that_say_something() {
        for (share, wanted) in
            [(0.25, "25 %"), (0.0707, "7.1 %"), (0.0004, "0.04 %"), (0.0, "0 %"), (1.0, "100 %"), (f64::NAN, "no data")]
        {
            assert_eq!(percent(share), wanted, "{share}");
        }
    }
}
