//! The middle and the upper end of a list of durations.

/// How durations are spread. Medians are interpolated, as people expect of a median; some tools take
/// the lower of the two middle values instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spread {
    /// Half of them took at most this long, in seconds.
    pub median_seconds: i64,
    /// Nine of ten took at most this long, in seconds.
    pub p90_seconds: i64,
    /// How many there are, at least 1.
    pub count: u32,
}

impl Spread {
    /// The spread of these seconds in any order; `None` when there are none.
    #[must_use]
    pub fn of(mut seconds: Vec<i64>) -> Option<Self> {
        seconds.sort_unstable();
        let median_seconds = quantile(&seconds, 1, 2)?;
        let p90_seconds = quantile(&seconds, 9, 10)?;
        Some(Self { median_seconds, p90_seconds, count: u32::try_from(seconds.len()).unwrap_or(u32::MAX) })
    }
}

/// The quantile `part`/`of` of sorted values by linear interpolation between the two nearest (type 7
/// of Hyndman and Fan, which spreadsheets and PERCENTILE_CONT use), in whole numbers, rounded down.
fn quantile(sorted: &[i64], part: usize, of: usize) -> Option<i64> {
    let position = sorted.len().checked_sub(1)? * part;
    let (below, rest) = (position / of, position % of);
    let low = *sorted.get(below)?;
    let high = sorted.get(below + 1).copied().unwrap_or(low);
    let between = i128::from(high - low) * i128::try_from(rest).ok()? / i128::try_from(of).ok()?;
    Some(low + i64::try_from(between).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_lies_between_the_two_middle_values() {
        let median = |values: &[i64]| Spread::of(values.to_vec()).map(|s| (s.median_seconds, s.p90_seconds, s.count));
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[7]), Some((7, 7, 1)));
        assert_eq!(median(&[10, 20]), Some((15, 19, 2)));
        assert_eq!(median(&[30, 10, 20]), Some((20, 28, 3)));
        assert_eq!(median(&[40, 10, 30, 20]), Some((25, 37, 4)));
        assert_eq!(median(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]), Some((6, 10, 11)));
    }

    #[test]
    fn with_an_odd_count_it_is_also_the_lower_median_of_other_tools() {
        // Apache DevLake takes sorted[(n - 1) / 2]; only an even count can differ.
        for n in [1_i64, 3, 5, 99] {
            let values: Vec<i64> = (0..n).map(|i| i * i + 3).collect();
            let lower = values[values.len().saturating_sub(1) / 2];
            assert_eq!(Spread::of(values).map(|s| s.median_seconds), Some(lower));
        }
    }
}
