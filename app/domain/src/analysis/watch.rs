//! A rule at work: the samples of one rule folded into what a decision needs, and the conclusion that
//! all rules together lead to. The samples themselves are kept elsewhere.

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};

use super::{Comparison, MetricRule, OnMissing, RuleName, Sample, SideBySide, Trigger, Verdict, words};

/// What is known of the latest sample that counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Latest {
    at: DateTime<Utc>,
    verdict: Verdict,
    words: String,
}

/// A breach that was established. It stays: a version that was bad is not made good by waiting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Established {
    at: DateTime<Utc>,
    words: String,
}

/// The counters of one rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetricState {
    /// Since when the weight is as it is: windows that begin earlier are not about it.
    counts_from: DateTime<Utc>,
    /// Which of the last judged evaluations were beyond the breach limit, the newest last; never more
    /// than the trigger looks at.
    #[serde(default)]
    beyond: Vec<bool>,
    /// Failures of the source in a row.
    #[serde(default)]
    errors: u8,
    /// Samples that counted since `counts_from`.
    #[serde(default)]
    counted: u32,
    #[serde(default)]
    latest: Option<Latest>,
    #[serde(default)]
    breach: Option<Established>,
}

/// A rule and its counters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watch {
    /// The rule.
    pub rule: MetricRule,
    /// Its counters.
    pub state: MetricState,
}

/// What a sample did to the counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Folded {
    /// It counted.
    Counted {
        /// Whether the verdict is another than the one before: the moment to tell people.
        is_news: bool,
    },
    /// Its window begins before the weight was changed; it is kept, but says nothing.
    TooEarly,
    /// It is not newer than the latest one.
    Repeated,
}

/// When a conclusion is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// While a step runs: what is not known yet may still come.
    Underway,
    /// When the time of a step is over: what is not known now is inconclusive.
    Ending,
}

/// What the rules together ask for, the best first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Conclusion {
    /// Nothing speaks against going on.
    GoOn,
    /// Not known yet: do not raise the weight, look again.
    Wait {
        /// The rule that is waited for.
        rule: RuleName,
        /// What for.
        why: String,
    },
    /// The time is over and it is not known: pause with a deadline and let a person decide.
    Inconclusive {
        /// The rule.
        rule: RuleName,
        /// What is not known.
        why: String,
    },
    /// Pause and ask; it goes on by itself when the next sample is good.
    Hold {
        /// The rule.
        rule: RuleName,
        /// Why.
        why: String,
        /// Whether somebody must mend something (the source keeps failing), so that a person is called.
        calls_a_person: bool,
    },
    /// The version is bad: take it back.
    Breach {
        /// The rule that says so.
        rule: RuleName,
        /// Why, for people: `error rate 7.1 % is above 5 % in 3 evaluations in a row`.
        words: String,
    },
}

impl Conclusion {
    /// How bad it is, for 'the worst wins'.
    const fn weight(&self) -> u8 {
        match self {
            Self::GoOn => 0,
            Self::Wait { .. } => 1,
            Self::Inconclusive { .. } => 2,
            Self::Hold { calls_a_person: false, .. } => 3,
            Self::Hold { calls_a_person: true, .. } => 4,
            Self::Breach { .. } => 5,
        }
    }
}

/// Which values a comparison with the stable version takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SampleRange {
    /// The end of the first window.
    pub from: DateTime<Utc>,
    /// The end of the last window.
    pub to: DateTime<Utc>,
    /// From one to the next, in seconds: the window's length, so that no second is in two values (the
    /// test takes values as independent).
    pub step_seconds: u32,
}

impl Watch {
    /// A rule that begins to count at `counts_from`, when its version first gets requests.
    #[must_use]
    pub fn new(rule: MetricRule, counts_from: DateTime<Utc>) -> Self {
        let state = MetricState { counts_from, beyond: Vec::new(), errors: 0, counted: 0, latest: None, breach: None };
        Self { rule, state }
    }

    /// The weight was changed: from now on only windows that begin at or after `at` count. What was
    /// established and what was counted before stays.
    pub fn weight_changed(&mut self, at: DateTime<Utc>) {
        if at > self.state.counts_from {
            self.state.counts_from = at;
            self.state.counted = 0;
        }
    }

    /// A person answered for what this rule does not know: it begins anew. What speaks against the
    /// version stays.
    pub fn restarted(&mut self, at: DateTime<Utc>) {
        self.weight_changed(at);
        self.state.errors = 0;
    }

    /// Windows that begin earlier are not about the weight as it is.
    #[must_use]
    pub const fn counts_from(&self) -> DateTime<Utc> {
        self.state.counts_from
    }

    /// Whether the rule is to be evaluated at `now`.
    #[must_use]
    pub fn is_due(&self, now: DateTime<Utc>) -> bool {
        self.next_evaluation() <= now
    }

    /// How long before an evaluation the first second lies that it is about.
    fn looks_back(&self) -> Duration {
        let window = Duration::seconds(i64::from(self.rule.window_seconds()));
        match self.rule.comparison() {
            Comparison::Limits(_) => window,
            Comparison::Stable(_) => window * i32::from(SideBySide::LEAST_SAMPLES),
        }
    }

    /// When the rule is to be evaluated next. The first time is a whole window after the weight was
    /// changed: what was measured before would leak in.
    #[must_use]
    pub fn next_evaluation(&self) -> DateTime<Utc> {
        let first = self.state.counts_from + self.looks_back();
        let Some(latest) = &self.state.latest else {
            return first;
        };
        let is_retry = latest.verdict == Verdict::Error && self.state.errors < self.rule.error_limit();
        let seconds = if is_retry { self.rule.error_backoff_seconds() } else { self.rule.interval_seconds() };
        first.max(latest.at + Duration::seconds(i64::from(seconds)))
    }

    /// Which values to compare with the stable version's at `at`; `None` when the rule compares with
    /// limits, or when it is too early for a single value.
    #[must_use]
    pub fn range(&self, at: DateTime<Utc>) -> Option<SampleRange> {
        let Comparison::Stable(side) = self.rule.comparison() else {
            return None;
        };
        let step_seconds = self.rule.window_seconds();
        let step = i64::from(step_seconds);
        let fit = (at - self.state.counts_from).num_seconds() / step;
        let taken = fit.min(i64::from(side.samples));
        (taken >= 1).then(|| SampleRange { from: at - Duration::seconds((taken - 1) * step), to: at, step_seconds })
    }

    /// Takes a sample in. A sample that is not newer than the latest changes nothing.
    pub fn fold(&mut self, sample: &Sample) -> Folded {
        let verdict = sample.judgement.verdict;
        if self.state.latest.as_ref().is_some_and(|latest| sample.at <= latest.at) {
            return Folded::Repeated;
        }
        if sample.at - self.looks_back() < self.state.counts_from {
            return Folded::TooEarly;
        }
        let is_news = self.state.latest.as_ref().is_none_or(|latest| latest.verdict != verdict);
        let words = sample.judgement.words.clone();
        self.state.latest = Some(Latest { at: sample.at, verdict, words });
        // What could not be read is no measurement.
        self.state.counted = self.state.counted.saturating_add(u32::from(verdict != Verdict::Error));
        self.state.errors = if verdict == Verdict::Error { self.state.errors.saturating_add(1) } else { 0 };
        match self.counts_as(verdict) {
            Some(is_beyond) => self.note(is_beyond, sample),
            None if self.is_broken() && self.rule.on_error() == OnMissing::Fail => {
                self.establish(sample, self.broken_words(&sample.judgement.words));
            }
            None => {}
        }
        Folded::Counted { is_news }
    }

    /// Whether an evaluation counts for or against the version; `None` when it says nothing of it.
    fn counts_as(&self, verdict: Verdict) -> Option<bool> {
        match verdict {
            Verdict::Ok | Verdict::Warning => Some(false),
            Verdict::Breach => Some(true),
            Verdict::NoData => match self.rule.on_no_data() {
                OnMissing::Hold => None,
                OnMissing::Fail => Some(true),
                OnMissing::Pass => Some(false),
            },
            Verdict::Error => None,
        }
    }

    fn is_broken(&self) -> bool {
        self.state.errors >= self.rule.error_limit()
    }

    fn note(&mut self, is_beyond: bool, sample: &Sample) {
        let trigger = self.rule.trigger();
        self.state.beyond.push(is_beyond);
        let excess = self.state.beyond.len().saturating_sub(usize::from(trigger.looks_at()));
        self.state.beyond.drain(..excess);
        let count = self.against();
        let is_enough = match trigger {
            Trigger::Consecutive(n) => count >= n,
            Trigger::OfLast { m, .. } => is_beyond && count >= m,
        };
        if is_enough {
            self.establish(sample, format!("{}{}", sample.judgement.words, words::often(trigger, count)));
        }
    }

    /// The first breach stays the reason.
    fn establish(&mut self, sample: &Sample, words: String) {
        self.state.breach.get_or_insert(Established { at: sample.at, words });
    }

    /// How many evaluations speak against the version, as the trigger counts them.
    fn against(&self) -> u8 {
        let count = match self.rule.trigger() {
            Trigger::Consecutive(_) => self.state.beyond.iter().rev().take_while(|b| **b).count(),
            Trigger::OfLast { .. } => self.state.beyond.iter().filter(|b| **b).count(),
        };
        u8::try_from(count).unwrap_or(u8::MAX)
    }

    /// Whether its source failed just now, and is tried again.
    fn is_unread(&self) -> bool {
        matches!(self.latest(), Some((_, Verdict::Error, _)))
    }

    fn broken_words(&self, why: &str) -> String {
        let times = self.state.errors;
        format!("{} could not be read {times} times in a row: {why}", self.rule.measure().words())
    }

    /// The latest verdict about the weight as it is, with its words; `None` before there is one.
    #[must_use]
    pub fn latest(&self) -> Option<(DateTime<Utc>, Verdict, &str)> {
        let latest = self.state.latest.as_ref()?;
        let is_current = latest.at - self.looks_back() >= self.state.counts_from;
        is_current.then_some((latest.at, latest.verdict, latest.words.as_str()))
    }

    /// The breach that was established, with its moment and its words.
    #[must_use]
    pub fn breach(&self) -> Option<(DateTime<Utc>, &str)> {
        self.state.breach.as_ref().map(|b| (b.at, b.words.as_str()))
    }

    /// How many evaluations speak against the version and how many of them take it back, with the words of the
    /// latest one, while that speaks against it and they are not enough yet.
    #[must_use]
    pub fn speaks_against(&self) -> Option<(u8, u8, &str)> {
        let need = match self.rule.trigger() {
            Trigger::Consecutive(n) => n,
            Trigger::OfLast { m, .. } => m,
        };
        match self.latest() {
            Some((_, Verdict::Breach, words)) if self.decides() && self.state.breach.is_none() => {
                Some((self.against(), need, words))
            }
            _ => None,
        }
    }

    /// How many samples counted since the weight was changed.
    #[must_use]
    pub const fn counted(&self) -> u32 {
        self.state.counted
    }

    /// Whether its word is needed to call a version good: a rule that is only recorded, or only warns, never
    /// speaks against it.
    #[must_use]
    pub fn decides(&self) -> bool {
        !self.rule.is_dry_run() && !self.rule.only_warns()
    }

    /// How many evaluations are to come until `end`, that one included.
    #[must_use]
    pub fn left_until(&self, end: DateTime<Utc>) -> u32 {
        let ahead = (end - self.next_evaluation()).num_seconds();
        let more = ahead.div_euclid(i64::from(self.rule.interval_seconds().max(1))) + 1;
        u32::try_from(more.max(0)).unwrap_or(u32::MAX)
    }

    /// Whether the version is decided as good by this rule: what it saw of the weight as it is was good, and
    /// not even if all of the `left` evaluations speak against the version is that a breach.
    #[must_use]
    pub fn is_decided_as_good(&self, left: u32) -> bool {
        let is_good = matches!(self.latest(), Some((_, Verdict::Ok | Verdict::Warning, _)));
        // Tries after an error come faster than evaluations do.
        let could_fail = self.rule.on_error() == OnMissing::Fail && left > 0;
        let needed = match self.rule.trigger() {
            Trigger::Consecutive(count) => count,
            Trigger::OfLast { m, .. } => m,
        };
        let most = u32::from(self.against()).saturating_add(left);
        is_good && !could_fail && self.breach().is_none() && most < u32::from(needed)
    }

    /// What this rule alone asks for while a step runs.
    fn asks_for(&self) -> Conclusion {
        let rule = self.rule.name().clone();
        if let Some((_, words)) = self.breach() {
            return Conclusion::Breach { rule, words: words.to_owned() };
        }
        let Some((_, verdict, why)) = self.latest() else {
            // Its window may be far longer than the step; whatever it will see, it will not speak against this.
            if self.rule.only_warns() {
                return Conclusion::GoOn;
            }
            let why = format!("{} has not been looked at since the weight changed", self.rule.measure().words());
            return Conclusion::Wait { rule, why };
        };
        match verdict {
            Verdict::Ok | Verdict::Warning => Conclusion::GoOn,
            Verdict::Breach => {
                let so_far = words::so_far(self.rule.trigger(), self.against());
                Conclusion::Wait { rule, why: format!("{why}, {so_far}") }
            }
            Verdict::NoData => match self.rule.on_no_data() {
                OnMissing::Hold => Conclusion::Hold { rule, why: why.to_owned(), calls_a_person: false },
                OnMissing::Fail => {
                    let so_far = words::so_far(self.rule.trigger(), self.against());
                    Conclusion::Wait { rule, why: format!("{why}, {so_far}") }
                }
                OnMissing::Pass => Conclusion::GoOn,
            },
            Verdict::Error => match self.rule.on_error() {
                OnMissing::Pass => Conclusion::GoOn,
                OnMissing::Hold if self.is_broken() => {
                    Conclusion::Hold { rule, why: self.broken_words(why), calls_a_person: true }
                }
                OnMissing::Hold | OnMissing::Fail => {
                    let (tries, limit) = (self.state.errors, self.rule.error_limit());
                    let what = self.rule.measure().words();
                    Conclusion::Wait { rule, why: format!("{what} cannot be read (try {tries} of {limit}): {why}") }
                }
            },
        }
    }
}

/// What all rules together ask for: the worst wins, the first among equals. Rules that are only
/// recorded are not asked. No rules at all speak against nothing.
#[must_use]
pub fn conclude<'a>(watches: impl IntoIterator<Item = &'a Watch>, moment: Moment) -> Conclusion {
    // A source that fails for a moment says nothing of the version: it is tried again, and then asked about.
    let at_the_end = |watch: &Watch| match (watch.asks_for(), moment) {
        (Conclusion::Wait { rule, why }, Moment::Ending) if !watch.is_unread() => {
            Conclusion::Inconclusive { rule, why }
        }
        (asked, Moment::Underway | Moment::Ending) => asked,
    };
    let asked = watches.into_iter().filter(|w| !w.rule.is_dry_run()).map(at_the_end);
    asked.fold(Conclusion::GoOn, |worst, next| if next.weight() > worst.weight() { next } else { worst })
}

/// Rules whose latest sample is beyond the warning limit, or beyond the breach limit but not often
/// enough yet, with their words: what people are told.
#[must_use]
pub fn warnings(watches: &[Watch]) -> Vec<(RuleName, String)> {
    let warning = |watch: &Watch| match watch.latest() {
        Some((_, Verdict::Warning | Verdict::Breach, words)) => Some((watch.rule.name().clone(), words.to_owned())),
        Some((_, Verdict::Ok | Verdict::NoData | Verdict::Error, _)) | None => None,
    };
    watches.iter().filter_map(warning).collect()
}

/// What rules that are only recorded would have taken the version back for.
#[must_use]
pub fn dry_run_breaches(watches: &[Watch]) -> Vec<(RuleName, String)> {
    let breach = |watch: &Watch| watch.breach().map(|(_, words)| (watch.rule.name().clone(), words.to_owned()));
    watches.iter().filter(|w| w.rule.is_dry_run()).filter_map(breach).collect()
}
