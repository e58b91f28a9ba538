//! How a promotion moves, in words: before it is asked for, and while it is under way.

use std::collections::BTreeSet;

use domain::{
    delegated::Tool,
    duration_words,
    git::GitPlan,
    observation::WorkloadKind,
    promotion::Promotion,
    strategy::{Step, Strategy},
};

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
    if promotion.git().is_some() {
        return "by Git".to_owned();
    }
    if strategy.candidate().is_some() || by.is_empty() {
        return strategy.words().to_owned();
    }
    let ways = by.into_iter().map(|tool| match tool {
        Some(tool) => format!("by {}", tool.name()),
        None => strategy.words().to_owned(),
    });
    ways.collect::<Vec<_>>().join(" and ")
}

/// What says how it moves: a target as it is set, or a plan.
struct Way<'a> {
    strategy: &'a Strategy,
    steps: &'a [Step],
    kinds: Vec<WorkloadKind>,
    /// What is committed, where the version lives in a Git repository.
    git: Option<&'a GitPlan>,
    /// How long an outside deployer has, where there is one.
    deadline_seconds: Option<u32>,
    budget_seconds: u32,
    watch_seconds: u32,
}

/// What will happen, with the time that it has; `git` is what would be committed, where something would.
pub(crate) fn in_full(asked: &Asked, git: Option<&GitPlan>) -> String {
    let rules = &asked.environment.rules;
    let way = Way {
        strategy: &asked.target.strategy,
        steps: &asked.target.strategy.steps(),
        kinds: asked.target.workloads.iter().map(|row| row.workload.kind).collect(),
        git,
        deadline_seconds: asked.target.deployer.outside().map(|outside| outside.deadline_seconds()),
        budget_seconds: rules.rollout_budget_seconds,
        watch_seconds: rules.watch_seconds,
    };
    way.words()
}

/// The same of a promotion, by its plan.
pub(crate) fn planned_in_full(promotion: &Promotion) -> String {
    let plan = &promotion.plan;
    let way = Way {
        strategy: &plan.strategy,
        steps: &plan.steps,
        kinds: plan.workloads.iter().map(|planned| planned.placed.workload.kind).collect(),
        git: promotion.git(),
        deadline_seconds: promotion.outside().map(|outside| outside.deadline_seconds()),
        budget_seconds: plan.rollout_budget_seconds,
        watch_seconds: plan.watch_seconds,
    };
    way.words()
}

fn by_git(git: &GitPlan, budget_minutes: u32, watch: &str) -> String {
    let writes = git.writes.iter().map(|write| format!("{} to {}", write.field, write.value));
    format!(
        "by Git: a commit on {} of {} sets {} in {}; the tool that reads it there brings it to the cluster within \
         {budget_minutes} min{watch}. Taking back is a commit too",
        git.branch,
        git.repository.shown(),
        writes.collect::<Vec<_>>().join(", "),
        git.file
    )
}

impl Way<'_> {
    fn words(&self) -> String {
        let watch = match self.watch_seconds {
            0 => String::new(),
            seconds => format!(", then watched for {} min", seconds.div_ceil(60)),
        };
        let budget = self.budget_seconds.div_ceil(60);
        if let Some(deadline) = self.deadline_seconds {
            let deadline = duration_words::exact(i64::from(deadline));
            return format!(
                "{OUTSIDE}: it is told by a webhook, reports how it gets on, and has {deadline}{watch}. Without its word \
                 by then it is told to bring back what ran before"
            );
        }
        if let Some(git) = self.git {
            return by_git(git, budget, &watch);
        }
        if let Some((_, settings)) = self.strategy.candidate() {
            let steps: Vec<String> = self.steps.iter().map(Step::words).collect();
            let (word, layer) = (self.strategy.words(), settings.layer().words());
            return format!("{word} by {layer}: {}; each move within {budget} min{watch}", steps.join(" → "));
        }
        let rolling = || {
            format!(
                "rolling: pods are replaced a few at a time{watch}. All of them have {budget} min, this environment's \
                 time for a rollout; a Deployment's own progress deadline counts anew with each pod that comes up, and \
                 can end it sooner"
            )
        };
        let by = by_whom(self.kinds.iter().copied());
        let ways = by.into_iter().map(|tool| match tool.map(Tool::name) {
            Some(tool) => format!(
                "by {tool}: the version is set, {tool} brings it in its own way, and each of its steps has {budget} \
                 min{watch}"
            ),
            None => rolling(),
        });
        let ways = ways.collect::<Vec<_>>().join(". And ");
        if ways.is_empty() { rolling() } else { ways }
    }
}
