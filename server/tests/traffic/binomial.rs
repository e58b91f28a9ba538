//! Whether a count of answers fits a share.

/// How rarely a share that is right may be taken for wrong, on both sides together.
const RARE: f64 = 1e-6;

/// The least and the most of `n` requests that a share of `percent` gives, but for one case in a million
/// (the 99.9999 % interval of the binomial distribution).
pub fn interval(n: u64, percent: u8) -> (u64, u64) {
    let p = f64::from(percent) / 100.0;
    match percent {
        0 => return (0, 0),
        100 => return (n, n),
        _ => {}
    }
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let float = |number: u64| number as f64;
    // In logarithms: the chance of 0 of 4,000 is less than a float can say.
    let mut log = float(n) * (1.0 - p).ln();
    let (mut below, mut least, mut most) = (0.0, None, n);
    for k in 0..=n {
        below += log.exp();
        if least.is_none() && below > RARE / 2.0 {
            least = Some(k);
        }
        if below >= 1.0 - RARE / 2.0 {
            most = k;
            break;
        }
        log += (float(n - k) / float(k + 1)).ln() + (p / (1.0 - p)).ln();
    }
    (least.unwrap_or(0), most)
}

#[test]
fn the_interval_is_that_of_the_tables() {
    // By hand: the sum of the binomial chances below and above is 5e-7 at most on either side.
    assert_eq!(interval(10, 50), (0, 10));
    assert_eq!(interval(4_000, 0), (0, 0));
    assert_eq!(interval(4_000, 100), (4_000, 4_000));
    let (least, most) = interval(4_000, 10);
    // 400 and 4.9 times the deviation of 18.97, a little skewed to the right.
    assert!((305..=312).contains(&least) && (494..=502).contains(&most), "{least} {most}");
    let (least, most) = interval(4_000, 50);
    assert_eq!(least + most, 4_000);
    assert!((1_843..=1_848).contains(&least), "{least}");
}
