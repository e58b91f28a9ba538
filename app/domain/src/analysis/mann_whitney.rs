//! The rank test of Mann and Whitney by its normal approximation, with the correction for ties and for
//! continuity, as `scipy.stats.mannwhitneyu(method="asymptotic")` and R's `wilcox.test(exact=FALSE)`
//! compute it; beside it the shift of Hodges and Lehmann and the common language effect size.

/// What the test found about two samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MannWhitney {
    /// In how many pairs the first sample's value is larger; ties count half.
    pub u: f64,
    /// How likely so high (or higher) a first sample is by chance alone.
    pub p_greater: f64,
    /// How likely so low (or lower) a first sample is by chance alone.
    pub p_less: f64,
    /// How likely so large a difference is, whichever way.
    pub p_two_sided: f64,
    /// The median of all differences between a value of the first and one of the second sample
    /// (Hodges and Lehmann).
    pub shift: f64,
    /// The chance that a value of the first sample is the larger one (common language effect size).
    pub cles: f64,
}

/// Compares two samples; `None` when one is empty or has a number that is not finite. With fewer than 8
/// values of each the probabilities are rough.
#[must_use]
pub fn mann_whitney(first: &[f64], second: &[f64]) -> Option<MannWhitney> {
    if first.is_empty() || second.is_empty() || first.iter().chain(second).any(|v| !v.is_finite()) {
        return None;
    }
    let (n, m) = (count(first.len()), count(second.len()));
    let ranked = ranks(first, second);
    let u = ranked.sum_of_first - n * (n + 1.0) / 2.0;
    let all = n + m;
    let spread =
        if all > 1.0 { (n * m / 12.0 * (all + 1.0 - ranked.ties / (all * (all - 1.0)))).max(0.0).sqrt() } else { 0.0 };
    let mean = n * m / 2.0;
    Some(MannWhitney {
        u,
        p_greater: upper_tail(u - mean - 0.5, spread),
        p_less: upper_tail(mean - u - 0.5, spread),
        p_two_sided: (2.0 * upper_tail((u - mean).abs() - 0.5, spread)).min(1.0),
        shift: shift(first, second)?,
        cles: u / (n * m),
    })
}

struct Ranks {
    sum_of_first: f64,
    /// The sum of t³ − t over all groups of t equal values.
    ties: f64,
}

fn ranks(first: &[f64], second: &[f64]) -> Ranks {
    let mut all: Vec<(f64, bool)> =
        first.iter().map(|v| (*v, true)).chain(second.iter().map(|v| (*v, false))).collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut ranks = Ranks { sum_of_first: 0.0, ties: 0.0 };
    let mut before = 0.0;
    // Not `==` on the bits: 0 and -0 are the same value.
    for group in all.chunk_by(|a, b| a.0 >= b.0) {
        let size = count(group.len());
        let of_first = count(group.iter().filter(|(_, is_first)| *is_first).count());
        ranks.sum_of_first += of_first * (before + (size + 1.0) / 2.0);
        ranks.ties += size * size * size - size;
        before += size;
    }
    ranks
}

fn shift(first: &[f64], second: &[f64]) -> Option<f64> {
    let mut differences: Vec<f64> = first.iter().flat_map(|a| second.iter().map(move |b| a - b)).collect();
    differences.sort_by(f64::total_cmp);
    let middle = differences.len() / 2;
    let upper = *differences.get(middle)?;
    if differences.len() % 2 == 1 {
        return Some(upper);
    }
    let lower = *differences.get(middle.checked_sub(1)?)?;
    Some(f64::midpoint(lower, upper))
}

/// How likely a normal value lies `distance` or more above its mean. Without any spread all values are
/// the same, which is no evidence of a difference.
fn upper_tail(distance: f64, spread: f64) -> f64 {
    if spread > 0.0 { complementary_error(distance / spread / std::f64::consts::SQRT_2) / 2.0 } else { 1.0 }
}

/// The complementary error function by the Chebyshev fit of Numerical Recipes (`erfcc`): its relative
/// error is below 1.2e-7 everywhere, far finer than any confidence that is asked for.
fn complementary_error(x: f64) -> f64 {
    const FIT: [f64; 10] = [
        -1.265_512_23,
        1.000_023_68,
        0.374_091_96,
        0.096_784_18,
        -0.186_288_06,
        0.278_868_07,
        -1.135_203_98,
        1.488_515_87,
        -0.822_152_23,
        0.170_872_77,
    ];
    let t = 1.0 / (1.0 + 0.5 * x.abs());
    let fit = FIT.iter().rev().fold(0.0, |sum, c| sum * t + c);
    let above = t * (-x * x + fit).exp();
    if x >= 0.0 { above } else { 2.0 - above }
}

/// Exact for every count that fits into memory's first few million values.
fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn near(found: f64, published: f64, within: f64) {
        assert!((found - published).abs() <= within, "{found} is not {published}");
    }

    #[test]
    fn the_error_function_is_that_of_the_tables() {
        // Abramowitz and Stegun, table 7.1, and symmetry.
        for (x, published) in [
            (0.0, 1.0),
            (0.5, 0.479_500_122_2),
            (1.0, 0.157_299_207_1),
            (2.0, 0.004_677_734_98),
            (3.0, 2.209_049_7e-5),
            (-1.0, 1.842_700_792_9),
        ] {
            near(complementary_error(x), published, published * 2e-7);
        }
    }

    #[test]
    fn it_agrees_with_scipys_documented_example() {
        // SciPy's documentation of mannwhitneyu: ages at diagnosis; U1 = 17, U2 = 3, and by the normal
        // approximation with continuity p = 0.11134688653314041.
        let males = [19.0, 22.0, 16.0, 29.0, 24.0];
        let females = [20.0, 11.0, 17.0, 12.0];
        let test = mann_whitney(&males, &females).unwrap();
        near(test.u, 17.0, 0.0);
        near(test.p_two_sided, 0.111_346_886_533, 1e-7);
        near(mann_whitney(&females, &males).unwrap().u, 3.0, 0.0);
        near(test.cles, 0.85, 1e-12);
    }

    #[test]
    fn it_agrees_with_hollander_and_wolfe() {
        // Permeability of the human chorioamnion (Hollander and Wolfe 1973, p. 69), as in R's
        // documentation of wilcox.test: W = 35; the large-sample p without continuity is 0.1103.
        let at_term = [0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46];
        let early = [1.15, 0.88, 0.90, 0.74, 1.21];
        let test = mann_whitney(&at_term, &early).unwrap();
        near(test.u, 35.0, 0.0);
        let spread = (10.0_f64 * 5.0 * 16.0 / 12.0).sqrt();
        near(upper_tail(test.u - 25.0, spread), 0.1103, 5e-5);
        near(test.shift, 0.305, 1e-9);
    }

    #[test]
    fn ties_share_their_ranks_and_narrow_the_spread() {
        // By hand: values 1 | 2 2 2 | 3 3 | 4, ranks 1, 3 3 3, 5.5 5.5, 7. First = {2, 3, 4}: ranks
        // 3 + 5.5 + 7 = 15.5, U = 9.5; ties = 24 + 6 = 30; variance = 12/12 * (8 - 30/42).
        let (first, second) = ([2.0, 3.0, 4.0], [1.0, 2.0, 2.0, 3.0]);
        let test = mann_whitney(&first, &second).unwrap();
        near(test.u, 9.5, 0.0);
        let variance: f64 = 8.0 - 30.0 / 42.0;
        near(test.p_greater, upper_tail(3.5 - 0.5, variance.sqrt()), 1e-12);
        near(test.cles, 9.5 / 12.0, 1e-12);
    }

    #[test]
    fn what_is_all_the_same_is_no_difference() {
        let same = [3.0; 12];
        let test = mann_whitney(&same, &same).unwrap();
        assert_eq!((test.p_greater, test.p_less, test.p_two_sided, test.shift, test.cles), (1.0, 1.0, 1.0, 0.0, 0.5));
        let signed = mann_whitney(&[0.0, 0.0], &[-0.0, -0.0]).unwrap();
        assert_eq!((signed.p_two_sided, signed.cles), (1.0, 0.5));
        assert!(mann_whitney(&[], &same).is_none() && mann_whitney(&same, &[f64::NAN]).is_none());
        assert!(mann_whitney(&[1.0], &[2.0]).is_some());
    }
}
