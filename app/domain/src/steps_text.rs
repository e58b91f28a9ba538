//! The steps of a strategy as a line that people write: `testers, mirror:10%, 10m, 10%, 30m, ask, 100%`.

use crate::{
    actor::Role,
    aside::{MatchBy, TesterMatch},
    job::USUAL_JOB_SECONDS,
    names::WorkloadName,
    strategy::{AnalysisLength, Asked, Notice, Step},
    traffic::Weight,
};

/// Why a line could not be read; the text says which word and what is possible.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{word}' is no step: write a weight (10%), a pause (30s, 10m, 2h), preview, ask, ask:approver, ask:admin, testers (by the \
     header canary: true), \
     header:name=value, cookie:name=value, mirror:10%, an analysis (analysis:10m, analysis:5x), a \
     message (notify:\"text\") or a Job by the name of its CronJob (job:smoke-test, job:smoke-test:15m)"
)]
pub struct StepsTextError {
    /// The word.
    pub word: String,
}

/// Reads a line of steps, separated by commas or white space; within quotation marks both are text.
///
/// # Errors
/// [`StepsTextError`] names the first word that is no step. Whether the steps make sense together is
/// judged by [`crate::strategy::CandidateSettings::new`].
pub fn parse(line: &str) -> Result<Vec<Step>, StepsTextError> {
    words(line).into_iter().map(parse_one).collect()
}

fn words(line: &str) -> Vec<&str> {
    let mut is_quoted = false;
    let is_between = move |c: char| {
        is_quoted ^= c == '"';
        !is_quoted && matches!(c, ',' | ' ' | '\n' | '\t' | '\r')
    };
    line.split(is_between).filter(|word| !word.is_empty()).collect()
}

fn parse_one(word: &str) -> Result<Step, StepsTextError> {
    let lower = word.to_ascii_lowercase();
    let unknown = || StepsTextError { word: word.chars().take(40).collect() };
    match lower.as_str() {
        "preview" => return Ok(Step::Preview),
        "ask" => return Ok(Step::ask()),
        "testers" => return Ok(Step::Testers { testers: TesterMatch::usual() }),
        _ => {}
    }
    let step = match word.split_once(':') {
        Some((what, rest)) => parse_named(&what.to_ascii_lowercase(), rest),
        None if lower.ends_with('%') => percent(&lower).map(|weight| Step::Weight { weight }),
        None => seconds(&lower).map(|seconds| Step::Pause { seconds }),
    };
    step.ok_or_else(unknown)
}

/// A step of a name and what it is about.
fn parse_named(name: &str, rest: &str) -> Option<Step> {
    let testers = |by| {
        let (name, value) = rest.split_once('=')?;
        let testers = TesterMatch::new(by, name, value).ok()?;
        let is_of_the_connection = by == MatchBy::Header && OF_THE_CONNECTION.contains(&testers.name());
        (!is_of_the_connection).then_some(Step::Testers { testers })
    };
    match name {
        "header" => testers(MatchBy::Header),
        "cookie" => testers(MatchBy::Cookie),
        "ask" => {
            let role = Role::parse(&rest.to_ascii_lowercase())?;
            Asked::ALL.into_iter().find(|asked| asked.role() == role).map(|asked| Step::Ask { asked })
        }
        "mirror" => Some(Step::Mirror { share: percent(rest)? }),
        "analysis" => {
            let rest = rest.to_ascii_lowercase();
            let length = match rest.strip_suffix('x') {
                Some(count) => AnalysisLength::Measurements(digits(count)?),
                None => AnalysisLength::Seconds(seconds(&rest)?),
            };
            Some(Step::Analysis { length })
        }
        "notify" => {
            let quoted = rest.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
            Some(Step::Notify { notice: Notice::new(quoted.unwrap_or(rest)).ok()? })
        }
        "job" => {
            let (template, time) = rest.split_once(':').map_or((rest, None), |(name, time)| (name, Some(time)));
            let seconds = time.map_or(Some(USUAL_JOB_SECONDS), |time| seconds(&time.to_ascii_lowercase()))?;
            Some(Step::Job { template: WorkloadName::parse(template).ok()?, seconds })
        }
        _ => None,
    }
}

/// Headers that say how a request travels, not who sends it: everybody's could be the same, and proxies change them.
const OF_THE_CONNECTION: [&str; 8] =
    ["host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer", "keep-alive"];

fn digits(text: &str) -> Option<u32> {
    text.chars().all(|c| c.is_ascii_digit()).then(|| text.parse().ok())?
}

fn percent(text: &str) -> Option<Weight> {
    let percent = u8::try_from(digits(text.strip_suffix('%')?)?).ok()?;
    Weight::percent(percent).ok()
}

fn seconds(text: &str) -> Option<u32> {
    let (count, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit())?);
    let each = match unit {
        "s" => 1,
        "m" | "min" => 60,
        "h" => 3_600,
        _ => return None,
    };
    digits(count)?.checked_mul(each)
}

fn write_seconds(seconds: u32) -> String {
    match seconds {
        1.. if seconds.is_multiple_of(3_600) => format!("{}h", seconds / 3_600),
        1.. if seconds.is_multiple_of(60) => format!("{}m", seconds / 60),
        _ => format!("{seconds}s"),
    }
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
        Step::Ask { asked } if asked.is_usual() => Some("ask".to_owned()),
        Step::Ask { asked } => Some(format!("ask:{}", asked.role().as_str())),
        Step::Weight { weight } => Some(format!("{}%", weight.as_percent())),
        Step::Testers { testers } => Some(write_testers(testers)),
        Step::Mirror { share } => Some(format!("mirror:{}%", share.as_percent())),
        Step::Pause { seconds } => Some(write_seconds(*seconds)),
        Step::Analysis { length: AnalysisLength::Seconds(seconds) } => {
            Some(format!("analysis:{}", write_seconds(*seconds)))
        }
        Step::Analysis { length: AnalysisLength::Measurements(count) } => Some(format!("analysis:{count}x")),
        Step::Notify { notice } => Some(format!("notify:\"{}\"", notice.as_str())),
        Step::Job { template, seconds: USUAL_JOB_SECONDS } => Some(format!("job:{template}")),
        Step::Job { template, seconds } => Some(format!("job:{template}:{}", write_seconds(*seconds))),
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
            "preview, job:smoke-test, ask, 100%, job:load.v2:90s, 30s",
            "5%, 2h, 100%",
            "preview, ask:approver, 10%, ask, 50%, ask:admin, 100%",
            "testers, mirror:10%, 10m, 10%",
            "header:x-beta=1, cookie:beta=Yes.1, ask",
            "10%, analysis:5x, notify:\"10 % is good, more comes\", 50%, analysis:10m, 100%",
            "",
        ] {
            assert_eq!(write(&parse(line).unwrap()), line);
        }
        assert_eq!(parse("10% 30min\n Ask").unwrap(), parse("10%, 30m, ask").unwrap());
        assert_eq!(
            parse("Notify:Hello 10% Analysis:5X").unwrap(),
            parse("notify:\"Hello\", 10%, analysis:5x").unwrap()
        );
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
            "header:Host=shop.example",
            "header:content-length=0",
            "notify:\"\u{202E}done\"",
            "analysis",
            "analysis:5",
            "analysis:x",
            "notify:",
            "job:",
            "job:Smoke",
            "job:smoke:",
            "job:smoke:15",
            "ask:",
            "ask:viewer",
            "ask:somebody",
            "notify:\"\"",
            "notify:\"no end",
            "notify:\"a\"b\"c\"",
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
            proptest::sample::select(Asked::ALL.to_vec()).prop_map(|asked| Step::Ask { asked }),
            percent().prop_map(|weight| Step::Weight { weight }),
            percent().prop_map(|share| Step::Mirror { share }),
            (1_u32..1_000_000).prop_map(|seconds| Step::Pause { seconds }),
            (1_u32..1_000_000).prop_map(|s| Step::Analysis { length: AnalysisLength::Seconds(s) }),
            (1_u32..1_000).prop_map(|n| Step::Analysis { length: AnalysisLength::Measurements(n) }),
            ("[a-z0-9]{1,9}", 1_u32..10_000)
                .prop_map(|(name, seconds)| { Step::Job { template: WorkloadName::parse(&name).unwrap(), seconds } }),
            "[a-zA-Zöß,.:%=-]([a-zA-Zöß,.:%= -]{0,30}[a-z!,])?"
                .prop_map(|text| Step::Notify { notice: Notice::new(&text).unwrap() }),
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
