//! The steps of a strategy as a line that people write: `testers, mirror:10%, 10m, 10%, 30m, ask, 100%`.

use crate::{
    aside::{MatchBy, TesterMatch},
    strategy::Step,
    traffic::Weight,
};

/// Why a line could not be read; the text says which word and what is possible.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{word}' is no step: write a weight (10%), a pause (30s, 10m, 2h), preview, ask, testers (by the header canary: true), \
     header:name=value, cookie:name=value or mirror:10%"
)]
pub struct StepsTextError {
    /// The word.
    pub word: String,
}

/// Reads a line of steps, separated by commas or white space.
///
/// # Errors
/// [`StepsTextError`] names the first word that is no step. Whether the steps make sense together is
/// judged by [`crate::strategy::CandidateSettings::new`].
pub fn parse(line: &str) -> Result<Vec<Step>, StepsTextError> {
    line.split([',', ' ', '\n', '\t', '\r']).filter(|word| !word.is_empty()).map(parse_one).collect()
}

fn parse_one(word: &str) -> Result<Step, StepsTextError> {
    let lower = word.to_ascii_lowercase();
    let unknown = || StepsTextError { word: word.chars().take(40).collect() };
    match lower.as_str() {
        "preview" => return Ok(Step::Preview),
        "ask" => return Ok(Step::Ask),
        "testers" => return Ok(Step::Testers { testers: TesterMatch::usual() }),
        _ => {}
    }
    if let Some((what, rest)) = word.split_once(':') {
        return parse_aside(&what.to_ascii_lowercase(), rest).ok_or_else(unknown);
    }
    let unit_at = lower.find(|c: char| !c.is_ascii_digit()).ok_or_else(unknown)?;
    let (digits, unit) = lower.split_at(unit_at);
    let number: u32 = digits.parse().map_err(|_| unknown())?;
    let seconds_each = match unit {
        "%" => {
            let weight = u8::try_from(number).ok().and_then(|percent| Weight::percent(percent).ok());
            return weight.map(|weight| Step::Weight { weight }).ok_or_else(unknown);
        }
        "s" => 1,
        "m" | "min" => 60,
        "h" => 3_600,
        _ => return Err(unknown()),
    };
    number.checked_mul(seconds_each).map(|seconds| Step::Pause { seconds }).ok_or_else(unknown)
}

/// What a candidate gets beside its share.
fn parse_aside(what: &str, rest: &str) -> Option<Step> {
    let by = match what {
        "header" => MatchBy::Header,
        "cookie" => MatchBy::Cookie,
        "mirror" => {
            let share = rest.strip_suffix('%')?.parse().ok().and_then(|percent| Weight::percent(percent).ok())?;
            return Some(Step::Mirror { share });
        }
        _ => return None,
    };
    let (name, value) = rest.split_once('=')?;
    Some(Step::Testers { testers: TesterMatch::new(by, name, value).ok()? })
}

fn write_testers(testers: &TesterMatch) -> String {
    if *testers == TesterMatch::usual() {
        return "testers".to_owned();
    }
    let by = match testers.by() {
        MatchBy::Header => "header",
        MatchBy::Cookie => "cookie",
    };
    format!("{by}:{}={}", testers.name(), testers.value())
}

/// Writes steps as [`parse`] reads them. The rollout is left out: it comes by itself.
#[must_use]
pub fn write(steps: &[Step]) -> String {
    let word = |step: &Step| match step {
        Step::Preview => Some("preview".to_owned()),
        Step::Ask => Some("ask".to_owned()),
        Step::Weight { weight } => Some(format!("{}%", weight.as_percent())),
        Step::Testers { testers } => Some(write_testers(testers)),
        Step::Mirror { share } => Some(format!("mirror:{}%", share.as_percent())),
        Step::Pause { seconds } if *seconds > 0 && seconds % 3_600 == 0 => Some(format!("{}h", seconds / 3_600)),
        Step::Pause { seconds } if *seconds > 0 && seconds % 60 == 0 => Some(format!("{}m", seconds / 60)),
        Step::Pause { seconds } => Some(format!("{seconds}s")),
        Step::Rollout => None,
    };
    steps.iter().filter_map(word).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_line_is_read_as_it_is_written() {
        for line in [
            "10%, 30m, 25%, 10m, 50%, ask, 100%",
            "preview, ask, 100%, 30s",
            "5%, 2h, 100%",
            "testers, mirror:10%, 10m, 10%",
            "header:x-beta=1, cookie:beta=Yes.1, ask",
            "",
        ] {
            assert_eq!(write(&parse(line).unwrap()), line);
        }
        assert_eq!(parse("10% 30min\n Ask").unwrap(), parse("10%, 30m, ask").unwrap());
    }

    #[test]
    fn a_word_that_is_no_step_is_named() {
        for word in [
            "10",
            "101%",
            "-5%",
            "ten",
            "5d",
            "99999999999s",
            "4294967295h",
            "%",
            "öäü",
            "header:x",
            "cookie:a=.*",
            "mirror:10",
            "mirror:101%",
            "header:a=b=c",
            "tester",
        ] {
            assert_eq!(parse(&format!("10%, {word}")).unwrap_err().word, word);
        }
    }

    fn step() -> impl proptest::strategy::Strategy<Value = Step> {
        use proptest::prelude::*;
        let percent = || (0_u8..=100).prop_map(Weight::at_most);
        let by = prop_oneof![Just(MatchBy::Header), Just(MatchBy::Cookie)];
        prop_oneof![
            Just(Step::Preview),
            Just(Step::Ask),
            percent().prop_map(|weight| Step::Weight { weight }),
            percent().prop_map(|share| Step::Mirror { share }),
            (1_u32..1_000_000).prop_map(|seconds| Step::Pause { seconds }),
            (by, "[a-z0-9_-]{1,12}", "[A-Za-z0-9_.-]{1,12}")
                .prop_map(|(by, name, value)| Step::Testers { testers: TesterMatch::new(by, &name, &value).unwrap() }),
        ]
    }

    proptest::proptest! {
        #[test]
        fn every_line_that_is_written_is_read_as_the_same_steps(steps in proptest::collection::vec(step(), 0..12)) {
            proptest::prop_assert_eq!(parse(&write(&steps)).unwrap(), steps);
        }
    }
}
