//! A strategy's steps in as many pieces as fit side by side: a share with the waits after it is one piece. What was left
//! out is never shown as done.

use std::ops::Range;

use domain::state::Mark;

/// Steps that are one piece of the bar.
pub(super) struct Stage {
    pub title: String,
    /// What it waits for after that, in words.
    waits: Vec<String>,
    /// The indexes of its steps.
    pub steps: Range<usize>,
}

/// The pieces of steps in words, each with whether it only waits where the one before it has led.
pub(super) fn stages(steps: impl IntoIterator<Item = (String, bool)>) -> Vec<Stage> {
    let mut stages: Vec<Stage> = Vec::new();
    for (index, (words, is_wait)) in steps.into_iter().enumerate() {
        match stages.last_mut().filter(|_| is_wait) {
            Some(stage) => {
                stage.waits.push(words);
                stage.steps.end = index + 1;
            }
            None => stages.push(Stage { title: words, waits: vec![], steps: index..index + 1 }),
        }
    }
    stages
}

impl Stage {
    /// The mark and the words of a piece that would have `mark`, where the steps of these indexes were left out.
    pub fn as_it_went(&self, mark: Mark, left_out: &[usize]) -> (Mark, String) {
        let is_left_out = |index: usize| left_out.contains(&index);
        let is_behind = mark == Mark::Done || mark == Mark::Nothing;
        if is_behind && self.steps.clone().all(is_left_out) {
            return (Mark::Nothing, "left out".to_owned());
        }
        let waits = self.waits.iter().zip(self.steps.clone().skip(1));
        let words = waits.map(|(words, index)| match is_left_out(index) {
            true => format!("{words} left out"),
            false => words.clone(),
        });
        (mark, words.collect::<Vec<_>>().join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn went(mark: Mark, left_out: &[usize]) -> Vec<(Mark, String)> {
        let steps = [("10 %", false), ("Pause 5 min", true), ("Go on?", true), ("25 %", false), ("100 %", false)];
        let stages = stages(steps.map(|(words, is_wait)| (words.to_owned(), is_wait)));
        stages.iter().map(|stage| stage.as_it_went(mark, left_out)).collect()
    }

    #[test]
    fn what_was_left_out_is_not_done() {
        let done = |words: &str| (Mark::Done, words.to_owned());
        let nothing = (Mark::Nothing, "left out".to_owned());
        assert_eq!(went(Mark::Done, &[]), [done("Pause 5 min, Go on?"), done(""), done("")]);
        assert_eq!(went(Mark::Done, &[1]), [done("Pause 5 min left out, Go on?"), done(""), done("")]);
        assert_eq!(
            went(Mark::Done, &[1, 2, 3]),
            [done("Pause 5 min left out, Go on? left out"), nothing.clone(), done("")]
        );
        assert_eq!(went(Mark::Done, &[0, 1, 2]), [nothing, done(""), done("")]);
    }

    #[test]
    fn what_is_under_way_is_not_left_out_yet() {
        assert!(went(Mark::Moving, &[0, 1, 2, 3, 4]).iter().all(|(mark, _)| *mark == Mark::Moving));
    }
}
