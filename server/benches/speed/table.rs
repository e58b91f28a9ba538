//! The figures, both sides beside each other.

use std::fmt::Write as _;

/// A line of the table.
struct Line {
    what: String,
    ours: String,
    plain: String,
    ratio: String,
}

/// All that was measured.
#[derive(Default)]
pub(crate) struct Table {
    lines: Vec<Line>,
}

impl Table {
    /// Adds a comparison. `ratio` is ours over the plain one; above 1 we do more, or need more.
    pub(crate) fn compare(&mut self, what: impl Into<String>, ours: String, plain: String, ratio: f64) {
        self.push(what.into(), ours, plain, format!("{ratio:.2}"));
    }

    /// Adds a figure that has no other side.
    pub(crate) fn say(&mut self, what: impl Into<String>, ours: String) {
        self.push(what.into(), ours, String::new(), String::new());
    }

    fn push(&mut self, what: String, ours: String, plain: String, ratio: String) {
        // At once too: who watches the run sees that it goes on.
        println!("  {what}: {ours}{}{plain} {ratio}", if plain.is_empty() { "" } else { " | plain " });
        self.lines.push(Line { what, ours, plain, ratio });
    }

    /// The table, as Markdown.
    pub(crate) fn shown(&self) -> String {
        let head = Line {
            what: String::new(),
            ours: "Slipway".to_owned(),
            plain: "plain".to_owned(),
            ratio: "ratio".to_owned(),
        };
        let all = || std::iter::once(&head).chain(&self.lines);
        let width = |of: fn(&Line) -> &str| all().map(|line| of(line).chars().count()).max().unwrap_or_default();
        let widths = [width(|l| &l.what), width(|l| &l.ours), width(|l| &l.plain), width(|l| &l.ratio)];
        let [what, ours, plain, ratio] = widths;
        let mut text = String::new();
        for (number, line) in all().enumerate() {
            // Writing to a String does not fail.
            let _ = writeln!(
                text,
                "| {:what$} | {:>ours$} | {:>plain$} | {:>ratio$} |",
                line.what, line.ours, line.plain, line.ratio
            );
            if number == 0 {
                let rule = |width: usize| "-".repeat(width);
                let _ = writeln!(text, "|-{}-|-{}:|-{}:|-{}:|", rule(what), rule(ours), rule(plain), rule(ratio));
            }
        }
        text
    }
}
