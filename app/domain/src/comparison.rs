//! What lies between two versions of a service: a range in the order of its versions, and who wrote
//! what is in it. Cannot fail.

use std::collections::BTreeMap;

/// The versions between two, by their places in the service's order: above `after`, up to and with
/// `until`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Between {
    /// The older end, not included; `None` when nothing ran before.
    pub after: Option<i64>,
    /// The newer end, included.
    pub until: i64,
    /// Whether going from the one to the other is a step back: the range is what would be taken away.
    pub is_backward: bool,
}

impl Between {
    /// The range between what runs and what would run.
    #[must_use]
    pub fn new(from: Option<i64>, to: i64) -> Self {
        match from {
            Some(from) if from > to => Self { after: Some(to), until: from, is_backward: true },
            from => Self { after: from, until: to, is_backward: false },
        }
    }

    /// Whether a version lies in the range.
    #[must_use]
    pub fn contains(&self, version: i64) -> bool {
        self.after.is_none_or(|after| version > after) && version <= self.until
    }
}

/// Authors with their number of commits, most first, then by name.
#[must_use]
pub fn authors<'a>(authors: impl Iterator<Item = &'a str>) -> Vec<(String, u64)> {
    let mut counts = BTreeMap::<&str, u64>::new();
    for author in authors {
        *counts.entry(author).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().map(|(name, count)| (name.to_owned(), count)).collect();
    counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_range_has_the_skipped_versions_and_the_newer_end() {
        let forward = Between::new(Some(3), 6);
        assert_eq!((1..=8).filter(|v| forward.contains(*v)).collect::<Vec<_>>(), [4, 5, 6]);
        assert!(!forward.is_backward);
        let backward = Between::new(Some(6), 3);
        assert_eq!((1..=8).filter(|v| backward.contains(*v)).collect::<Vec<_>>(), [4, 5, 6]);
        assert!(backward.is_backward);
        assert!((1..=8).all(|v| !Between::new(Some(4), 4).contains(v)));
        assert_eq!((1..=8).filter(|v| Between::new(None, 2).contains(*v)).count(), 2);
    }

    #[test]
    fn authors_are_counted() {
        let counted = authors(["Bo", "Ada", "Bo", "Cy"].into_iter());
        assert_eq!(counted, [("Bo".to_owned(), 2), ("Ada".to_owned(), 1), ("Cy".to_owned(), 1)]);
    }
}
