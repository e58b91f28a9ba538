//! From numbers to places, without drawing anything.
//!
//! A place is a share of the plot from 0 to 1. Nothing here fails: numbers that are none, ranges without extent and
//! empty lists give places at the near end.

/// A number for an attribute: two decimals, no needless noughts; no number is 0.
pub fn figure(value: f64) -> String {
    if !value.is_finite() {
        return "0".to_owned();
    }
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// A measured value for a reader: as many digits as say something, '1.1', '212', '0.04'.
pub fn sample(value: f64) -> String {
    let size = value.abs();
    if !value.is_finite() {
        "no data".to_owned()
    } else if size == 0.0 {
        "0".to_owned()
    } else if size >= 100.0 {
        format!("{value:.0}")
    } else if size >= 1.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    }
}

/// A share within 0 and 1; no number is 0.
pub fn clamp_share(share: f64) -> f64 {
    if share.is_nan() { 0.0 } else { share.clamp(0.0, 1.0) }
}

/// A range of numbers laid evenly over the plot.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Linear {
    low: f64,
    high: f64,
}

impl Linear {
    /// From `low` to `high`; when they are the same or none, everything lies at the near end.
    pub fn new(low: f64, high: f64) -> Self {
        Self { low, high }
    }

    /// Where a number lies, within 0 and 1.
    pub fn at(self, value: f64) -> f64 {
        let extent = self.high - self.low;
        if extent.is_finite() && extent > 0.0 { clamp_share((value - self.low) / extent) } else { 0.0 }
    }
}

/// Durations in seconds over powers: as far from a minute to ten as from an hour to ten.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Logarithmic {
    inner: Linear,
}

impl Logarithmic {
    /// From `low` to `high`, both over 0 (what is not counts as one).
    pub fn new(low: f64, high: f64) -> Self {
        Self { inner: Linear::new(low.max(1.0).ln(), high.max(1.0).ln()) }
    }

    /// Where a number lies, within 0 and 1.
    pub fn at(self, value: f64) -> f64 {
        self.inner.at(value.max(1.0).ln())
    }
}

/// A round step of an axis: 1, 2, 4 or 5 times a power of ten.
fn round_step(rough: f64) -> f64 {
    let power = 10_f64.powf(rough.log10().floor());
    let digit = rough / power;
    let rounded = if digit <= 1.0 {
        1.0
    } else if digit <= 2.0 {
        2.0
    } else if digit <= 4.0 {
        4.0
    } else if digit <= 5.0 {
        5.0
    } else {
        10.0
    };
    rounded * power
}

/// Round numbers from 0 to at least `highest`, about `wanted` steps. Without anything to show: 0 and 1.
pub fn ticks(highest: f64, wanted: u32) -> Vec<f64> {
    if !highest.is_finite() || highest <= 0.0 {
        return vec![0.0, 1.0];
    }
    let step = round_step(highest / f64::from(wanted.max(1)));
    // The small allowance keeps 0.3 / 0.1 from becoming four steps.
    let steps = (highest / step - 1e-9).ceil().max(1.0) as u32;
    (0..=steps).map(|index| f64::from(index) * step).collect()
}

/// As `ticks`, for things that come whole: no half deployments.
pub fn whole_ticks(highest: f64, wanted: u32) -> Vec<f64> {
    let all = ticks(highest, wanted);
    if all.get(1).is_some_and(|step| *step < 1.0) { ticks(highest.ceil(), 1) } else { all }
}

/// Steps of a duration axis that people think in: seconds and words.
const DURATIONS: [(f64, &str); 11] = [
    (10.0, "10 s"),
    (60.0, "1 min"),
    (300.0, "5 min"),
    (900.0, "15 min"),
    (3_600.0, "1 h"),
    (14_400.0, "4 h"),
    (86_400.0, "1 day"),
    (259_200.0, "3 days"),
    (604_800.0, "1 week"),
    (2_419_200.0, "4 weeks"),
    (31_536_000.0, "1 year"),
];

/// The steps of a duration axis that hold `lowest` and `highest` seconds between them; at least two.
pub fn duration_ticks(lowest: f64, highest: f64) -> Vec<(f64, &'static str)> {
    let last = DURATIONS.len() - 1;
    let first = DURATIONS.iter().rposition(|(seconds, _)| *seconds <= lowest).unwrap_or(0).min(last - 1);
    let end = DURATIONS.iter().position(|(seconds, _)| *seconds >= highest).unwrap_or(last).max(first + 1);
    DURATIONS.iter().copied().skip(first).take(end - first + 1).collect()
}

/// Which of `count` words are shown, so that at most `most` are: the first of each stretch, from the start.
pub fn thinned(count: usize, most: usize) -> impl Fn(usize) -> bool {
    let every = count.div_ceil(most.max(1)).max(1);
    move |index| index % every == 0
}

/// How strong a cell of a heat strip is, from 0 (nothing) to 4 (the most).
pub fn heat(value: f64, most: f64) -> u8 {
    if !(value > 0.0 && most > 0.0) {
        return 0;
    }
    match clamp_share(value / most) {
        share if share <= 0.25 => 1,
        share if share <= 0.5 => 2,
        share if share <= 0.75 => 3,
        _ => 4,
    }
}

/// Moves heights (0 is the bottom) apart until neighbours are at least `gap` away from one another, keeping their
/// order and staying under `top` where there is room.
pub fn spread(heights: &[f64], gap: f64, top: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..heights.len()).collect();
    order.sort_by(|a, b| at(heights, *a).total_cmp(&at(heights, *b)));
    let mut moved = heights.to_vec();
    let mut floor = f64::NEG_INFINITY;
    for index in order.iter().copied() {
        if let Some(place) = moved.get_mut(index) {
            *place = place.max(floor);
            floor = *place + gap;
        }
    }
    // From the top down again, each only as far as the one above it needs.
    let mut ceiling = top;
    order.sort_by(|a, b| at(&moved, *b).total_cmp(&at(&moved, *a)));
    for index in order {
        if let Some(place) = moved.get_mut(index) {
            *place = place.min(ceiling);
            ceiling = *place - gap;
        }
    }
    moved
}

fn at(places: &[f64], index: usize) -> f64 {
    places.get(index).copied().unwrap_or_default()
}

/// The path of a line on a plot of 1000 by 1000, which starts anew after each gap. Points are shares, 0 is the bottom.
pub fn path(points: impl IntoIterator<Item = (f64, Option<f64>)>) -> String {
    let mut path = String::new();
    let mut drawing = false;
    for (x, y) in points {
        match y {
            Some(y) => {
                path.push(if drawing { 'L' } else { 'M' });
                path.push_str(&figure(x * 1_000.0));
                path.push(' ');
                path.push_str(&figure((1.0 - y) * 1_000.0));
                drawing = true;
            }
            None => drawing = false,
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_two_decimals_and_no_needless_noughts() {
        for (value, wanted) in
            [(1.0, "1"), (0.126, "0.13"), (33.333_33, "33.33"), (-0.001, "0"), (f64::NAN, "0"), (100.0, "100")]
        {
            assert_eq!(figure(value), wanted, "{value}");
        }
    }

    #[test]
    fn samples_have_the_digits_that_say_something() {
        for (value, wanted) in [(1.03, "1.0"), (212.4, "212"), (0.042, "0.04"), (0.0, "0"), (f64::NAN, "no data")] {
            assert_eq!(sample(value), wanted, "{value}");
        }
    }

    #[test]
    fn a_linear_scale_keeps_everything_on_the_plot() {
        let scale = Linear::new(10.0, 20.0);
        assert_eq!([scale.at(10.0), scale.at(15.0), scale.at(99.0), scale.at(f64::NAN)], [0.0, 0.5, 1.0, 0.0]);
        assert_eq!(Linear::new(3.0, 3.0).at(3.0), 0.0);
    }

    #[test]
    fn a_logarithmic_scale_gives_equal_ratios_equal_room() {
        let scale = Logarithmic::new(1.0, 10_000.0);
        let (a, b, c) = (scale.at(1.0), scale.at(100.0), scale.at(10_000.0));
        assert!((b - a - (c - b)).abs() < 1e-9);
        assert_eq!(scale.at(0.0), 0.0);
    }

    #[test]
    fn ticks_are_round_and_reach_over_the_highest() {
        assert_eq!(ticks(57.0, 3), [0.0, 20.0, 40.0, 60.0]);
        assert_eq!(ticks(60.0, 3), [0.0, 20.0, 40.0, 60.0]);
        assert_eq!(ticks(0.08, 2).last().copied().map(figure), Some("0.08".to_owned()));
        assert_eq!(ticks(0.0, 3), [0.0, 1.0]);
        assert_eq!(ticks(f64::NAN, 3), [0.0, 1.0]);
        for highest in [0.3, 0.7, 1.0, 9.99, 123.4, 1e6] {
            let ticks = ticks(highest, 4);
            assert!(ticks.last().is_some_and(|last| *last >= highest - 1e-6), "{highest}: {ticks:?}");
            assert!(ticks.len() <= 6, "{highest}: {ticks:?}");
        }
    }

    #[test]
    fn whole_things_have_whole_ticks() {
        assert_eq!(whole_ticks(1.0, 4), [0.0, 1.0]);
        assert_eq!(whole_ticks(2.0, 4), [0.0, 2.0]);
        assert_eq!(whole_ticks(8.0, 4), [0.0, 2.0, 4.0, 6.0, 8.0]);
    }

    #[test]
    fn duration_ticks_hold_the_values_between_them() {
        let words = |low, high| duration_ticks(low, high).into_iter().map(|(_, words)| words).collect::<Vec<_>>();
        assert_eq!(words(400.0, 20_000.0), ["5 min", "15 min", "1 h", "4 h", "1 day"]);
        assert_eq!(words(60.0, 60.0), ["1 min", "5 min"]);
        assert_eq!(words(0.0, 1.0), ["10 s", "1 min"]);
        assert_eq!(words(1e12, 1e12), ["4 weeks", "1 year"]);
    }

    #[test]
    fn words_are_thinned_from_the_start() {
        let shown = thinned(26, 7);
        assert_eq!((0..26).filter(|index| shown(*index)).collect::<Vec<_>>(), [0, 4, 8, 12, 16, 20, 24]);
        let all = thinned(3, 7);
        assert!((0..3).all(all));
    }

    #[test]
    fn heat_has_five_strengths_and_nought_is_alone() {
        assert_eq!([0.0, 1.0, 4.0, 5.0, 8.0, 9.0].map(|value| heat(value, 9.0)), [0, 1, 2, 3, 4, 4]);
        assert_eq!(heat(0.1, 9.0), 1);
        assert_eq!(heat(5.0, 0.0), 0);
    }

    #[test]
    fn labels_are_moved_apart_and_keep_their_order() {
        let moved = spread(&[0.13, 0.12], 0.1, 1.0);
        assert!((moved[0] - moved[1] - 0.1).abs() < 1e-9, "{moved:?}");
        let moved = spread(&[0.99, 0.98, 0.2], 0.1, 0.9);
        for (place, wanted) in moved.iter().zip([0.9, 0.8, 0.2]) {
            assert!((place - wanted).abs() < 1e-9, "{moved:?}");
        }
        assert_eq!(spread(&[], 0.1, 1.0), Vec::<f64>::new());
    }

    #[test]
    fn a_path_starts_anew_after_a_gap() {
        assert_eq!(
            path([(0.0, Some(0.0)), (0.5, None), (0.75, Some(1.0)), (1.0, Some(0.5))]),
            "M0 1000M750 0L1000 500"
        );
    }
}
