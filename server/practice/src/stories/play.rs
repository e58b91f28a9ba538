//! Plays a story and writes its transcript in words that do not depend on speed: names of pods,
//! versions of objects and times are left out.

use std::sync::Arc;

use domain::{
    ids::{PromotionId, TargetId},
    image::ContainerImage,
    names::ContainerName,
    observation::{Observed, Stamp, WorkloadObservation, WorkloadRef},
    rollout::{Rollout, RolloutFailure, judge},
};
use ports::{ApplyOutcome, Cluster, ClusterError, TemplateChange, WorkloadChange};
use serde_json::Value;

use super::{Mark, Stage, StageError, Step, Story, Until};
use crate::seed::NewDeployment;

/// The target for which every story writes.
pub(super) const TARGET: TargetId = TargetId::new(uuid::Uuid::from_u128(8));

/// Why a story could not be played to its end.
#[derive(Debug, thiserror::Error)]
pub enum StoryError {
    /// The stage failed.
    #[error(transparent)]
    Stage(#[from] StageError),
    /// Slipway's own cluster failed where it must not.
    #[error("the cluster failed: {0}")]
    Cluster(#[from] ClusterError),
    /// What was waited for did not come.
    #[error("waited in vain for {until:?}; seen: {seen}")]
    InVain {
        /// What was waited for.
        until: Until,
        /// What was seen at last.
        seen: String,
    },
    /// The share that was waited for did not come.
    #[error("waited in vain for {percent} %; seen: {seen}")]
    NoShare {
        /// What was waited for.
        percent: u8,
        /// What was seen at last.
        seen: String,
    },
    /// Something was seen on the way that must not be.
    #[error("on the way to {until:?} this was seen: {seen}")]
    Astray {
        /// What was waited for.
        until: Until,
        /// What was seen.
        seen: String,
    },
    /// A step went wrong.
    #[error("{at}: {cause}")]
    Step {
        /// Which step of which story.
        at: String,
        /// How.
        cause: Box<StoryError>,
    },
    /// A step left another line than expected.
    #[error("{at}:\nexpected {expected}\n    seen {seen}")]
    Line {
        /// Which step of which story.
        at: String,
        /// What the table says.
        expected: &'static str,
        /// What was seen.
        seen: String,
    },
    /// The table itself is wrong.
    #[error("the story is wrong: {0}")]
    Table(String),
}

/// Plays `story` on `stage`; each step must leave its line in the transcript.
///
/// # Errors
/// [`StoryError`], with the step at which it happened.
pub async fn play(story: &Story, stage: &dyn Stage) -> Result<(), StoryError> {
    let deployment = (story.deployment)(stage.namespace());
    let workload = WorkloadRef::deployment(deployment.namespace.clone(), deployment.name.clone());
    let mut player =
        Player { stage, cluster: stage.cluster(), deployment, workload, saved: None, uid: None, saved_route: None };
    for (number, (step, expected)) in (1..).zip(&story.steps) {
        let at = || format!("step {number} of '{}'", story.name);
        let seen = player.step(step).await.map_err(|cause| StoryError::Step { at: at(), cause: Box::new(cause) })?;
        if !is_like(expected, &seen) {
            return Err(StoryError::Line { at: at(), expected, seen });
        }
    }
    Ok(())
}

/// Whether a line is as expected, with `*` for anything.
fn is_like(expected: &str, seen: &str) -> bool {
    let Some((begin, rest)) = expected.split_once('*') else {
        return expected == seen;
    };
    let Some(mut left) = seen.strip_prefix(begin) else {
        return false;
    };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let end = parts.pop().unwrap_or_default();
    for part in parts {
        match left.split_once(part) {
            Some((_, after)) => left = after,
            None => return false,
        }
    }
    left.ends_with(end)
}

pub(super) struct Player<'a> {
    pub(super) stage: &'a dyn Stage,
    pub(super) cluster: Arc<dyn Cluster>,
    deployment: NewDeployment,
    pub(super) workload: WorkloadRef,
    saved: Option<Value>,
    uid: Option<String>,
    /// What the Service said before the first share.
    pub(super) saved_route: Option<Value>,
}

impl Player<'_> {
    async fn step(&mut self, step: &Step) -> Result<String, StoryError> {
        Ok(match step {
            Step::Create => {
                self.stage.create(&self.deployment).await?;
                "made".to_owned()
            }
            Step::Disturb(act) => {
                self.stage.disturb(&self.workload, act).await?;
                "done by others".to_owned()
            }
            Step::SaveTemplate => {
                self.saved = Some(self.present().await?.template);
                "saved".to_owned()
            }
            Step::SetImages(mark, images) => {
                let images = images.iter().map(|(container, image)| pair(container, image));
                let template = TemplateChange::Images(images.collect::<Result<_, _>>()?);
                self.apply(*mark, template).await?
            }
            Step::Restore(mark) => {
                let saved = self.saved.clone().ok_or_else(|| StoryError::Table("nothing was saved".to_owned()))?;
                self.apply(*mark, TemplateChange::Restore(saved)).await?
            }
            Step::CreateService => {
                self.stage.create_service(&self.workload).await?;
                "made".to_owned()
            }
            Step::Candidate(mark, candidate) => self.candidate(*mark, candidate).await?,
            Step::WaitCandidate(until) => {
                let candidate = self.route().candidate;
                self.wait(&candidate, *until).await?
            }
            Step::DisturbCandidate(act) => {
                self.stage.disturb(&self.route().candidate, act).await?;
                "done by others".to_owned()
            }
            Step::SaveRoute => self.save_route().await?,
            Step::Share(mark, percent) => self.share(*mark, *percent).await?,
            Step::WaitShare(percent, addresses) => self.wait_share(*percent, *addresses).await?,
            Step::Race(both) => self.race(both).await?,
            Step::Wait(until) => {
                let workload = self.workload.clone();
                self.wait(&workload, *until).await?
            }
            Step::Look => {
                let seen = self.cluster.observe(&self.workload).await?;
                self.words(&seen)
            }
        })
    }

    fn change(&self, mark: Mark, template: TemplateChange) -> WorkloadChange {
        WorkloadChange {
            workload: self.workload.clone(),
            stamp: stamp(mark),
            template,
            over: vec![],
            act: None,
            may_write_helm: false,
            change_cause: cause(mark),
        }
    }

    async fn apply(&self, mark: Mark, template: TemplateChange) -> Result<String, StoryError> {
        let outcome = self.cluster.apply(&self.change(mark, template)).await;
        outcome_words(outcome)
    }

    async fn race(&self, both: &[(Mark, &'static str); 2]) -> Result<String, StoryError> {
        let change = |(mark, image): (Mark, &'static str)| -> Result<WorkloadChange, StoryError> {
            Ok(self.change(mark, TemplateChange::Images(vec![pair("app", image)?])))
        };
        let (one, two) = (change(both[0])?, change(both[1])?);
        let (first, second) = futures::join!(self.cluster.apply(&one), self.cluster.apply(&two));
        // Who comes first is chance: the later mark must stand at the end, whoever that was.
        let late = |outcome: Result<ApplyOutcome, ClusterError>| match outcome {
            Ok(ApplyOutcome::Written | ApplyOutcome::Overtaken(_) | ApplyOutcome::Unchanged) => Ok(()),
            other => outcome_words(other).and_then(|words| Err(StoryError::Table(words))),
        };
        late(first)?;
        late(second)?;
        Ok("raced".to_owned())
    }

    async fn present(&self) -> Result<WorkloadObservation, StoryError> {
        match self.cluster.observe(&self.workload).await? {
            Observed::Present(seen) => Ok(*seen),
            Observed::Missing => Err(StoryError::Table("the object is missing".to_owned())),
        }
    }

    async fn wait(&mut self, workload: &WorkloadRef, until: Until) -> Result<String, StoryError> {
        loop {
            let seen = self.cluster.observe(workload).await?;
            if has_come(until, &seen) {
                let is_its_own = *workload == self.workload;
                return Ok(if is_its_own { self.words(&seen) } else { candidate_words(&seen) });
            }
            if !may_be_passed(until, &seen) {
                return Err(StoryError::Astray { until, seen: format!("{seen:#?}") });
            }
            if !self.stage.wait().await {
                return Err(StoryError::InVain { until, seen: format!("{seen:#?}") });
            }
        }
    }

    fn words(&mut self, seen: &Observed) -> String {
        let seen = match seen {
            Observed::Missing => return "missing".to_owned(),
            Observed::Present(seen) => seen,
        };
        let mut words = words_of(seen);
        if self.saved.as_ref() == Some(&seen.template) {
            words.push("template as saved".to_owned());
        }
        let former = self.uid.replace(seen.uid.clone());
        if former.is_some_and(|former| former != seen.uid) {
            words.push("another object".to_owned());
        }
        words.join("; ")
    }
}

pub(super) fn stamp(Mark(sequence, generation): Mark) -> Stamp {
    let promotion = PromotionId::new(uuid::Uuid::from_u128(u128::from(sequence.unsigned_abs())));
    Stamp { target: TARGET, promotion, sequence, generation }
}

pub(super) fn cause(Mark(sequence, generation): Mark) -> String {
    format!("story: mark {sequence}.{generation}")
}

fn words_of(seen: &WorkloadObservation) -> Vec<String> {
    let images: Vec<String> = seen.images.iter().map(|i| format!("{}={}", i.container, short(&i.image))).collect();
    vec![
        verdict(seen),
        images.join(" "),
        format!("{}/{} updated", seen.updated_replicas, seen.wanted_replicas),
        format!("{} ready", seen.ready_replicas),
        seen.progressing_reason.clone().unwrap_or_else(|| "no condition".to_owned()),
        format!("revision {}", seen.revision.as_deref().unwrap_or("none")),
        mark_words(seen.stamp),
    ]
}

pub(super) fn mark_words(stamp: Option<Stamp>) -> String {
    stamp.map_or("no mark".to_owned(), |s| format!("mark {}.{}", s.sequence, s.generation))
}

fn candidate_words(seen: &Observed) -> String {
    match seen {
        Observed::Missing => "missing".to_owned(),
        Observed::Present(seen) => words_of(seen).join("; "),
    }
}

pub(super) fn pair(container: &str, image: &str) -> Result<ContainerImage, StoryError> {
    let container = ContainerName::parse(container).map_err(|e| StoryError::Table(e.to_string()))?;
    Ok(ContainerImage { container, image: image.to_owned() })
}

/// An image without its registry.
fn short(image: &str) -> &str {
    image.rsplit('/').next().unwrap_or(image)
}

pub(super) fn outcome_words(outcome: Result<ApplyOutcome, ClusterError>) -> Result<String, StoryError> {
    Ok(match outcome {
        Ok(ApplyOutcome::Written) => "written".to_owned(),
        Ok(ApplyOutcome::Unchanged) => "unchanged".to_owned(),
        Ok(ApplyOutcome::ChangedByOthers) => "changed by others".to_owned(),
        Ok(ApplyOutcome::Overtaken(by)) => format!("overtaken by {}.{}", by.sequence, by.generation),
        Ok(ApplyOutcome::Managed(manager)) => format!("managed by {}", manager.words()),
        Ok(ApplyOutcome::Missing) => "missing".to_owned(),
        // The namespace is the stage's own.
        Err(ClusterError::Invalid(why)) => format!("refused: {}", why.split_once('/').map_or("", |(_, rest)| rest)),
        Err(error) => return Err(error.into()),
    })
}

fn verdict(seen: &WorkloadObservation) -> String {
    match judge(seen) {
        Rollout::Unseen => "unseen".to_owned(),
        Rollout::Paused => "paused".to_owned(),
        Rollout::Moving { .. } => "moving".to_owned(),
        Rollout::ByTool { words, .. } => words.clone(),
        Rollout::Complete { counts } => format!("complete {}/{}", counts.available, counts.wanted),
        Rollout::Failed { failure: RolloutFailure::Pod { trouble, .. } } => {
            format!("failed {} in {}", trouble.words(), trouble.container)
        }
        Rollout::Failed { failure } => format!("failed: {}", failure.words()),
    }
}

fn has_come(until: Until, seen: &Observed) -> bool {
    let seen = match (until, seen) {
        (Until::Missing, _) => return *seen == Observed::Missing,
        (_, Observed::Missing) => return false,
        (_, Observed::Present(seen)) => seen,
    };
    let rollout = judge(seen);
    let mut new_pods = seen.pods.iter().filter(|p| p.is_updated && !p.is_terminating);
    match until {
        Until::Complete => matches!(rollout, Rollout::Complete { .. }),
        Until::Failed => matches!(rollout, Rollout::Failed { .. }),
        Until::Moving => matches!(rollout, Rollout::Moving { .. }),
        Until::Paused => rollout == Rollout::Paused,
        Until::Trouble(reason) => new_pods.any(|p| p.trouble.as_ref().is_some_and(|t| t.reason == reason)),
        Until::Restarts(count) => new_pods.any(|p| p.restarts >= count),
        Until::Missing => false,
    }
}

/// What may be seen before it comes: a rollout does not fail on its way to complete, and nothing is
/// complete that is about to fail.
fn may_be_passed(until: Until, seen: &Observed) -> bool {
    let Observed::Present(seen) = seen else {
        return false;
    };
    match (until, judge(seen)) {
        (Until::Missing, _) => true,
        (_, Rollout::Unseen | Rollout::Moving { .. } | Rollout::ByTool { .. }) => true,
        (Until::Moving, Rollout::Complete { .. }) => true,
        (Until::Trouble(_) | Until::Restarts(_), Rollout::Failed { .. }) => true,
        (_, Rollout::Complete { .. } | Rollout::Failed { .. } | Rollout::Paused) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::is_like;

    #[test]
    fn a_star_stands_for_anything_and_nothing_else_does() {
        for (expected, seen, is_alike) in [
            ("written", "written", true),
            ("written", "written twice", false),
            ("*", "", true),
            ("a; *; mark 1.0", "a; b; c; mark 1.0", true),
            ("a; *; mark 1.0", "a; b; mark 1.1", false),
            ("*; x; *; y", "1; x; 2; y", true),
            ("*; x; *; y", "1; 2; y", false),
            ("a*", "ba", false),
        ] {
            assert_eq!(is_like(expected, seen), is_alike, "{expected} {seen}");
        }
    }
}
