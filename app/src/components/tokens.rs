//! Holds the colour tokens to their contrast: text at 4.5 : 1 on each ground it stands on, in both themes, and marks of
//! charts and edges of fields at 3 : 1.

use std::collections::BTreeMap;

const TOKENS: &str = include_str!("../../../style/tokens.css");

/// The tokens that are a light and a dark colour.
fn colours() -> BTreeMap<&'static str, [[u8; 3]; 2]> {
    let colour = |text: &str| -> Option<[u8; 3]> {
        let digits = text.trim().strip_prefix('#').filter(|digits| digits.len() == 6)?;
        let part = |at: usize| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
        Some([part(0)?, part(2)?, part(4)?])
    };
    TOKENS
        .lines()
        .filter_map(|line| {
            let (name, value) = line.trim().strip_prefix("--")?.split_once(": light-dark(")?;
            let (light, dark) = value.strip_suffix(");")?.split_once(',')?;
            Some((name, [colour(light)?, colour(dark)?]))
        })
        .collect()
}

/// Relative luminance as WCAG 2.2 defines it.
fn luminance(colour: [u8; 3]) -> f64 {
    let [red, green, blue] = colour.map(|part| {
        let part = f64::from(part) / 255.0;
        if part <= 0.040_45 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
    });
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

fn contrast(a: [u8; 3], b: [u8; 3]) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

/// Every pair that falls short, in words.
fn short(pairs: &[(&'static str, &'static str)], least: f64) -> Vec<String> {
    let colours = colours();
    let mut short = Vec::new();
    for (ink, ground) in pairs {
        let (Some(ink_colours), Some(ground_colours)) = (colours.get(ink), colours.get(ground)) else {
            short.push(format!("{ink} or {ground} is not a token"));
            continue;
        };
        for (theme, index) in [("light", 0), ("dark", 1)] {
            let ratio = contrast(ink_colours[index], ground_colours[index]);
            if ratio < least {
                short.push(format!("{ink} on {ground}, {theme}: {ratio:.2}"));
            }
        }
    }
    short
}

#[test]
fn text_can_be_read_on_every_ground_it_stands_on() {
    let mut pairs = vec![
        ("on-accent", "accent"),
        ("on-accent", "accent-strong"),
        ("accent", "accent-soft"),
        ("ink", "accent-soft"),
        ("ink-2", "accent-soft"),
        ("series-1-text", "series-1-soft"),
        ("series-2-text", "series-2-soft"),
        ("series-3-text", "series-3-soft"),
        ("done", "done-soft"),
        ("moving", "moving-soft"),
        ("waiting", "waiting-soft"),
        ("failed", "failed-soft"),
        ("nothing", "nothing-soft"),
        ("ink-2", "done-soft"),
        ("ink-2", "moving-soft"),
        ("ink-2", "waiting-soft"),
        ("ink-2", "failed-soft"),
        ("ink-2", "nothing-soft"),
    ];
    for ground in ["canvas", "surface", "sunken", "hover"] {
        for ink in [
            "ink",
            "ink-2",
            "ink-3",
            "accent",
            "done",
            "moving",
            "waiting",
            "failed",
            "nothing",
            "series-1-text",
            "series-2-text",
            "series-3-text",
        ] {
            pairs.push((ink, ground));
        }
    }
    assert_eq!(short(&pairs, 4.5), Vec::<String>::new());
}

#[test]
fn marks_and_edges_of_fields_can_be_seen() {
    let pairs = [
        ("series-1", "surface"),
        ("series-2", "surface"),
        ("series-3", "surface"),
        ("failed", "surface"),
        ("line-field", "surface"),
        ("accent", "canvas"),
    ];
    assert_eq!(short(&pairs, 3.0), Vec::<String>::new());
}

#[test]
fn contrast_is_computed_as_the_guidelines_do() {
    assert!((contrast([0; 3], [255; 3]) - 21.0).abs() < 1e-9);
    assert!((contrast([0x76; 3], [255; 3]) - 4.54).abs() < 0.01);
}
