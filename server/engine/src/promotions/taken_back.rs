//! When a version is taken back by itself, in words.

use domain::{
    analysis::Watch,
    promotion::{Promotion, Run},
};

use super::pieces::sentence;

/// What takes a version back without anybody, by what its plan says: `when pods crash, or when error rate or
/// p95 time is beyond its limit`.
pub(super) fn when(promotion: &Promotion) -> String {
    if promotion.outside().is_some() {
        return "when its deployer gives up or says nothing in time".to_owned();
    }
    let crashes = "when pods crash".to_owned();
    if promotion.plan.strategy.candidate().is_none() {
        let tool = promotion.plan.workloads.iter().find_map(|planned| planned.placed.workload.kind.tool());
        return tool.map_or(crashes.clone(), |tool| format!("{crashes}, or when {} gives up", tool.name()));
    }
    let judged = promotion.plan.analysis.iter().filter(|rule| !rule.is_dry_run() && !rule.only_warns());
    let mut measures: Vec<&str> = Vec::new();
    for rule in judged {
        let words = rule.measure().words();
        if !measures.contains(&words) {
            measures.push(words);
        }
    }
    match measures.split_last() {
        None => crashes,
        Some((last, [])) => format!("{crashes}, or when {last} is beyond its limit"),
        Some((last, others)) => format!("{crashes}, or when {} or {last} is beyond its limit", others.join(", ")),
    }
}

/// What speaks against the version already, where it is not enough yet to take it back.
pub(super) fn soon(run: &Run) -> Option<String> {
    let (have, need, words) = run.watches.iter().find_map(Watch::speaks_against)?;
    let what = sentence(words);
    Some(match need.saturating_sub(have) {
        0 | 1 => format!("{what}. Taken back when the next measurement says so too."),
        more => format!("{what}. Taken back when {more} more measurements say so too."),
    })
}
