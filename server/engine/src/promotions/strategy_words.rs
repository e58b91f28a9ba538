//! How a promotion moves, in words: before it is asked for, and while it is under way.

use std::collections::BTreeSet;

use domain::{delegated::Tool, duration_words, observation::WorkloadKind, promotion::Promotion, strategy::Step};

use super::{outside::OUTSIDE, request::Asked};

/// Who changes workloads of these kinds, each once: Slipway itself, which is `None`, or a tool.
fn by_whom(kinds: impl Iterator<Item = WorkloadKind>) -> BTreeSet<Option<Tool>> {
    kinds.map(WorkloadKind::tool).collect()
}

/// In a word or two: `canary`, `rolling and by Argo Rollouts`.
pub(crate) fn in_short(promotion: &Promotion) -> String {
    if promotion.outside().is_some() {
        return OUTSIDE.to_owned();
    }
    let strategy = &promotion.plan.strategy;
    let by = by_whom(promotion.plan.workloads.iter().map(|planned| planned.placed.workload.kind));
    if strategy.candidate().is_some() || by.is_empty() {
        return strategy.words().to_owned();
    }
    let ways = by.into_iter().map(|tool| match tool {
        Some(tool) => format!("by {}", tool.name()),
        None => strategy.words().to_owned(),
    });
    ways.collect::<Vec<_>>().join(" and ")
}

/// What will happen, with the time that it has.
pub(crate) fn in_full(asked: &Asked) -> String {
    let rules = &asked.environment.rules;
    let watch = match rules.watch_seconds {
        0 => String::new(),
        seconds => format!(", then watched for {} min", seconds.div_ceil(60)),
    };
    let budget = rules.rollout_budget_seconds.div_ceil(60);
    if let Some(outside) = asked.target.deployer.outside() {
        let deadline = duration_words::exact(i64::from(outside.deadline_seconds()));
        return format!(
            "{OUTSIDE}: it is told by a webhook, reports how it gets on, and has {deadline}{watch}. Without its word by \
             then it is told to bring back what ran before"
        );
    }
    if let Some((_, settings)) = asked.target.strategy.candidate() {
        let steps: Vec<String> = asked.target.strategy.steps().iter().map(Step::words).collect();
        let (word, layer) = (asked.target.strategy.words(), settings.layer().words());
        return format!("{word} by {layer}: {}; each move within {budget} min{watch}", steps.join(" → "));
    }
    let rolling = || {
        format!(
            "rolling: pods are replaced a few at a time{watch}. All of them have {budget} min, this environment's time \
             for a rollout; a Deployment's own progress deadline counts anew with each pod that comes up, and can end it \
             sooner"
        )
    };
    let by = by_whom(asked.target.workloads.iter().map(|row| row.workload.kind));
    let ways = by.into_iter().map(|tool| match tool.map(Tool::name) {
        Some(tool) => format!(
            "by {tool}: the version is set, {tool} brings it in its own way, and each of its steps has {budget} min{watch}"
        ),
        None => rolling(),
    });
    let ways = ways.collect::<Vec<_>>().join(". And ");
    if ways.is_empty() { rolling() } else { ways }
}
