//! The analysis on a promotion's page: the rules with their samples, and the steps as stretches of
//! time.

use contract::analysis::{AnalysisView, RuleView, SamplePoint, StepBand};
use domain::{
    analysis::{Comparison, Finite, MetricRule, Reading, Sample, Verdict, Watch, asks_in_words},
    promotion::{JournalEntry, JournalEvent, Promotion},
    state::Mark,
    strategy::Step,
};
use store::{Read, SAMPLES_PER_RULE, StoreError};

/// What is measured; `None` where nothing is.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn view(
    read: &mut Read,
    promotion: &Promotion,
    journal: &[JournalEntry],
) -> Result<Option<AnalysisView>, StoreError> {
    if promotion.plan.analysis.is_empty() {
        return Ok(None);
    }
    let samples = match promotion.run() {
        Some(_) => read.samples(promotion.id, SAMPLES_PER_RULE).await?,
        None => Vec::new(),
    };
    let watches = promotion.run().map(|run| run.watches.as_slice()).unwrap_or_default();
    let one = |measured: &MetricRule| {
        let of_rule: Vec<&Sample> = samples.iter().filter(|sample| sample.rule == *measured.name()).collect();
        rule(measured, &of_rule, watches.iter().find(|watch| watch.rule.name() == measured.name()))
    };
    let rules = promotion.plan.analysis.iter().map(one).collect();
    Ok(Some(AnalysisView { rules, bands: bands(promotion, journal) }))
}

fn rule(rule: &MetricRule, samples: &[&Sample], watch: Option<&Watch>) -> RuleView {
    let limits = match rule.comparison() {
        Comparison::Limits(limits) => Some(limits),
        Comparison::Stable(_) => None,
    };
    let latest = samples.last().map(|sample| (mark(sample.judgement.verdict), sample.judgement.words.clone()));
    let breach = watch.and_then(Watch::breach).map(|(_, words)| (Mark::Failed, words.to_owned()));
    let (mark, words) = breach.or(latest).unwrap_or_else(|| (Mark::Nothing, "not looked at yet".to_owned()));
    RuleView {
        rule: rule.name().to_string(),
        what: rule.measure().words().to_owned(),
        asks: asks_in_words(rule),
        unit: rule.measure().unit(),
        warning: limits.and_then(|limits| limits.warning),
        breach: limits.and_then(|limits| limits.breach),
        mark,
        words,
        is_dry_run: rule.is_dry_run(),
        samples: samples.iter().map(|sample| point(sample)).collect(),
    }
}

const fn mark(verdict: Verdict) -> Mark {
    match verdict {
        Verdict::Ok => Mark::Done,
        Verdict::Warning | Verdict::Error => Mark::Waiting,
        Verdict::NoData => Mark::Nothing,
        Verdict::Breach => Mark::Failed,
    }
}

fn point(sample: &Sample) -> SamplePoint {
    let value = |reading: &Reading| reading.latest().and_then(Finite::new);
    let notes = match &sample.canary {
        Reading::Measured { notes, .. } | Reading::Nothing { notes } => notes.as_slice(),
        Reading::Unreadable { .. } => &[],
    };
    let words: Vec<&str> =
        std::iter::once(sample.judgement.words.as_str()).chain(notes.iter().map(String::as_str)).collect();
    SamplePoint {
        at: sample.at,
        canary: value(&sample.canary),
        stable: sample.stable.as_ref().and_then(value),
        mark: mark(sample.judgement.verdict),
        words: words.join("; "),
        query: sample.query.clone(),
    }
}

/// The steps from the journal, and shares that were set by hand: each lasts until the next begins, the last until it is
/// over or taken back.
fn bands(promotion: &Promotion, journal: &[JournalEntry]) -> Vec<StepBand> {
    let step = |number: usize| promotion.plan.steps.get(number.checked_sub(1)?);
    let mut begun: Vec<(StepBand, Option<&Step>, bool)> = Vec::new();
    for entry in journal {
        let (words, step) = match &entry.event {
            JournalEvent::RollingOut { .. } => (step(1).map(Step::words).unwrap_or_default(), step(1)),
            JournalEvent::StepBegan { number, words } => (words.clone(), step(*number)),
            JournalEvent::WeightSet { weight, .. } => (weight.to_string(), None),
            JournalEvent::TakingBack { .. } => ("back".to_owned(), None),
            JournalEvent::WatchStarted { .. } => ("watched".to_owned(), None),
            _ => continue,
        };
        if let Some((before, ..)) = begun.last_mut() {
            before.to = Some(entry.at);
        }
        let is_share =
            matches!(entry.event, JournalEvent::WeightSet { .. }) || step.is_some_and(|s| s.weight().is_some());
        begun.push((StepBand { words, from: entry.at, to: None }, step.filter(|_| !is_share), is_share));
    }
    if let Some((last, ..)) = begun.last_mut().filter(|_| promotion.is_over()) {
        last.to = journal.last().map(|entry| entry.at);
    }
    // A share that is reached at once is no stretch of time; what stays there has its name.
    let mut bands: Vec<StepBand> = Vec::new();
    let mut share: Option<String> = None;
    for (mut band, step, is_share) in begun {
        if is_share {
            share = Some(band.words.clone());
        } else if let Some(share) = share.as_ref().filter(|_| step.is_some_and(Step::stays)) {
            band.words.clone_from(share);
        }
        match bands.last_mut().filter(|last| last.words == band.words) {
            Some(last) => last.to = band.to,
            None => bands.push(band),
        }
    }
    bands
}
