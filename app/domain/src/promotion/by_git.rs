//! A promotion to a target whose version lives in a Git repository. What is desired is a commit; a tool
//! brings it into the clusters, and what is observed there is whether it has done so. Nothing is written
//! into the objects but what is asked of the tool itself: to look, to begin, to go on.

use std::borrow::Cow;

use super::{
    JournalEvent, Phase, Promotion, Run, StableWant, TakeBackCause, WorkloadPlan, WorkloadProgress,
    decide::Draft,
    desired::shown,
    tell::{Told, changed_by_others, judged, progress_of},
};
use crate::{
    delegated::{ApplicationStatus, ToolAct, ToolStatus},
    git::{Carries, CommitHash, CommitMark, GitCommit, GitPlan, GitRun, GitSight, GitWrite, GitWritten},
    image::{ContainerImage, Image},
    observation::{Manager, Observed, PlacedWorkload, WorkloadKind, WorkloadObservation},
};

/// The commit that should be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DesiredCommit {
    /// Where, and what the fields should say.
    pub plan: GitPlan,
    /// By which it is found again.
    pub mark: CommitMark,
    /// What each field may say now to be written over, in the order of the writes: what was there before
    /// this promotion and what it has set. Anything else was written by someone else and stays.
    pub over: Vec<Vec<String>>,
    /// Whether it puts back what was there before.
    pub is_back: bool,
    /// Whether a commit of an earlier generation may still be on its way: it was wanted, and nobody knows of one.
    /// The host may have taken it and not yet put it on the branch when its answer was no longer waited for.
    pub shuts_out_earlier: bool,
}

/// What is asked of a tool so that it brings a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DesiredNudge {
    /// Which object.
    pub placed: PlacedWorkload,
    /// The cluster's name, for messages.
    pub cluster_name: String,
    /// What.
    pub nudge: Nudge,
}

/// What a tool is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nudge {
    /// To look into the repository now.
    Look,
    /// To begin with what it has seen there.
    Begin,
    /// What a person asks of it.
    Act(ToolAct),
}

impl Promotion {
    /// What it writes into a Git repository, where the version lives in one.
    #[must_use]
    pub const fn git(&self) -> Option<&GitPlan> {
        self.plan.git.as_ref()
    }

    /// What is known of the repository.
    #[must_use]
    pub fn git_run(&self) -> Option<&GitRun> {
        self.run()?.git.as_ref()
    }

    /// The commit of what is wanted now, once there is one.
    #[must_use]
    pub fn commit_now(&self) -> Option<&GitCommit> {
        present_commit(self.run()?)
    }
}

/// The commit of what a run wants now.
fn present_commit(run: &Run) -> Option<&GitCommit> {
    run.git.as_ref()?.commit_of(run.wanted.stable.generation)
}

/// The commit that is still to be made.
pub(super) fn commit(promotion: &Promotion, run: &Run) -> Option<DesiredCommit> {
    let (plan, git) = (promotion.git()?, run.git.as_ref()?);
    if git.commit_of(run.wanted.stable.generation).is_some() {
        return None;
    }
    let before = || plan.writes.iter().zip(&git.before);
    let back = || before().map(|(write, value)| GitWrite { field: write.field.clone(), value: value.clone() });
    let (writes, is_back) = match run.wanted.stable.want {
        StableWant::AsItIs => return None,
        StableWant::Version => (plan.writes.clone(), false),
        StableWant::Before => (back().collect(), true),
    };
    Some(DesiredCommit {
        plan: GitPlan { writes, ..plan.clone() },
        mark: CommitMark { promotion: promotion.id, generation: run.wanted.stable.generation },
        over: before().map(|(write, value)| vec![write.value.clone(), value.clone()]).collect(),
        is_back,
        shuts_out_earlier: is_back && git.commits.is_empty(),
    })
}

/// What tools are asked now.
pub(super) fn nudges(promotion: &Promotion, run: &Run) -> Vec<DesiredNudge> {
    if promotion.git().is_none() {
        return Vec::new();
    }
    let of = |planned: &WorkloadPlan| {
        let progress = run.progress.iter().find(|progress| progress.placed == planned.placed)?;
        let tool = progress.tool.as_ref().filter(|_| !progress.is_complete)?;
        let nudge = match (planned.placed.workload.kind, run.asked) {
            (WorkloadKind::Application, _) if tool.is_behind => Nudge::Look,
            (WorkloadKind::Application, _) if tool.is_idle => Nudge::Begin,
            (WorkloadKind::Rollout, Some(act)) => Nudge::Act(act),
            // Before the commit is there its steps are those of something else.
            (WorkloadKind::Rollout, None) if progress.was_ours => Nudge::Act(left_out(promotion, run)?),
            _ => return None,
        };
        Some(DesiredNudge { placed: planned.placed.clone(), cluster_name: planned.cluster_name.clone(), nudge })
    };
    promotion.plan.workloads.iter().filter_map(of).collect()
}

/// What has a Rollout leave its steps out, where what comes has worked there before.
fn left_out(promotion: &Promotion, run: &Run) -> Option<ToolAct> {
    match run.wanted.stable.want {
        StableWant::AsItIs => None,
        StableWant::Version => promotion.leaves_steps_out().then_some(ToolAct::PromoteNow),
        StableWant::Before => Some(ToolAct::Back),
    }
}

/// Whether there is nothing to write and nothing to ask.
pub(super) fn is_all_told(promotion: &Promotion, run: &Run) -> bool {
    present_commit(run).is_some() && nudges(promotion, run).is_empty()
}

/// The commits that tools name and of which nobody knows yet whether they have ours in them, with ours.
#[must_use]
pub fn revisions_to_ask(
    promotion: &Promotion,
    seen: &[(PlacedWorkload, Observed)],
) -> Option<(CommitHash, Vec<CommitHash>)> {
    let (git, commit) = (promotion.git_run()?, promotion.commit_now()?);
    let mut open: Vec<CommitHash> = Vec::new();
    for (_, observed) in seen {
        let Observed::Present(now) = observed else { continue };
        let named = now.tool.iter().flat_map(ToolStatus::revisions).filter_map(CommitHash::of_revision);
        for revision in named {
            if git.carries(commit, &revision).is_none() && !open.contains(&revision) {
                open.push(revision);
            }
        }
    }
    (!open.is_empty()).then(|| (commit.hash.clone(), open))
}

/// Takes in what was heard of the repository.
pub(super) fn hear(draft: &mut Draft, sight: &GitSight) {
    let (now, mut noted) = (draft.now, None);
    // Others go on writing to the branch while the version is only watched.
    if let Phase::Watching { run, .. } = &mut draft.next.phase {
        if let Some(git) = run.git.as_mut() {
            git.learn(&sight.named);
        }
        return;
    }
    let (Phase::Progressing { run, .. } | Phase::TakingBack { run, .. }) = &mut draft.next.phase else { return };
    let (present, is_back) = (run.wanted.stable.generation, run.wanted.stable.want == StableWant::Before);
    let Some(git) = run.git.as_mut() else { return };
    match &sight.written {
        Some(GitWritten::Committed { generation, hash, is_ours })
            if *generation == present && git.commit_of(present).is_none() =>
        {
            git.others = None;
            git.take(GitCommit { generation: present, hash: hash.clone(), is_ours: *is_ours, is_back, at: now });
            noted = Some(JournalEvent::Committed { hash: hash.clone(), is_ours: *is_ours, is_back });
            run.wanted_since = Some(now);
        }
        Some(GitWritten::ChangedByOthers { generation, values }) if *generation == present => {
            git.others = Some((present, values.clone()));
        }
        Some(GitWritten::Committed { .. } | GitWritten::ChangedByOthers { .. }) | None => {}
    }
    git.learn(&sight.named);
    if let Some(event) = noted {
        draft.note_rule("git", event);
    }
}

/// Keeps what the fields say before the first write. `Ok(false)` when nobody could read them yet.
pub(super) fn save(promotion: &Promotion, run: &mut Run, sight: Option<&GitSight>) -> Result<bool, String> {
    let Some(plan) = promotion.git() else { return Ok(true) };
    let Some(sight) = sight else { return Ok(false) };
    if let Some(why) = &sight.unfit {
        return Err(format!("{}: {why}", plan.words()));
    }
    let Some(values) = sight.values.as_ref().filter(|values| values.len() == plan.writes.len()) else {
        return Ok(false);
    };
    run.git = Some(GitRun { before: values.clone(), ..GitRun::default() });
    Ok(true)
}

/// Judges a workload into which a tool brings what the repository says.
pub(super) fn workload(
    plan: &GitPlan,
    planned: &WorkloadPlan,
    observed: &Observed,
    run: &Run,
) -> Told<WorkloadProgress> {
    let at = &planned.placed;
    let was_ours = run.progress.iter().any(|p| p.placed == *at && p.was_ours);
    let Observed::Present(now) = observed else {
        let gone = WorkloadProgress { was_ours, ..progress_of(planned, at, None, "it is not there".to_owned()) };
        return if was_ours {
            Told::Bad(gone, TakeBackCause::Deleted { workload: shown(planned) })
        } else {
            Told::Progress(gone)
        };
    };
    let waits = |words: String| progress_of(planned, at, Some(now), words);
    if run.wanted.stable.want == StableWant::AsItIs {
        return Told::Progress(WorkloadProgress { is_complete: true, ..waits("as it was".to_owned()) });
    }
    let Some((git, commit)) = run.git.as_ref().and_then(|git| Some((git, present_commit(run)?))) else {
        let others = run.git.as_ref().and_then(|git| git.others.clone());
        return match others {
            Some((generation, images)) if generation == run.wanted.stable.generation => {
                let cause = TakeBackCause::ChangedByOthers { workload: plan.words(), images };
                Told::Bad(waits("the file was changed by someone else".to_owned()), cause)
            }
            Some(_) | None => Told::Progress(waits("about to be committed".to_owned())),
        };
    };
    match arrival(planned, now, run, git, commit) {
        Arrival::There(seen) => judged(planned, at, &seen, shown(planned)),
        Arrival::Tried(seen) => match judged(planned, at, &seen, shown(planned)) {
            Told::Bad(progress, cause) => Told::Bad(WorkloadProgress { was_ours, ..progress }, cause),
            Told::Progress(progress) => {
                let words = format!("{} brings commit {}: {}", bringer(now), commit.hash.short(), progress.words);
                Told::Progress(WorkloadProgress {
                    words,
                    is_complete: false,
                    was_ours,
                    ..told(progress, now, git, commit)
                })
            }
            Told::Overtaken(object) => Told::Overtaken(object),
        },
        Arrival::Changed => {
            let progress = WorkloadProgress { was_ours, ..waits("changed by someone else".to_owned()) };
            Told::Bad(progress, changed_by_others(planned, now))
        }
        Arrival::WrittenOver(values) => {
            let progress = WorkloadProgress { was_ours, ..waits("the file was changed by someone else".to_owned()) };
            Told::Bad(progress, TakeBackCause::ChangedByOthers { workload: plan.words(), images: values })
        }
        Arrival::Unknown if was_ours => {
            // What has arrived has arrived; that others commit after it opens nothing again.
            let is_complete = run.progress.iter().any(|p| p.placed == *at && p.is_complete);
            let words = format!("what {} has brought is not known yet", bringer(now));
            Told::Progress(WorkloadProgress { was_ours, is_complete, ..told(waits(words), now, git, commit) })
        }
        Arrival::NotYet if was_ours => {
            let progress = WorkloadProgress { was_ours, ..waits("changed by someone else".to_owned()) };
            Told::Bad(progress, changed_by_others(planned, now))
        }
        Arrival::NotYet | Arrival::Unknown => {
            let words = format!("waits for {} to bring commit {}", bringer(now), commit.hash.short());
            Told::Progress(told(waits(words), now, git, commit))
        }
    }
}

/// How far a commit has come.
enum Arrival<'a> {
    /// The object is what the commit says; what it says of other commits is left out.
    There(Cow<'a, WorkloadObservation>),
    /// The tool is at it: the object, with what it says of other commits left out.
    Tried(Cow<'a, WorkloadObservation>),
    /// The repository has not said yet whether what the tool names has the commit in it, or cannot tell.
    Unknown,
    /// It is what it was before.
    NotYet,
    /// The tool has come past the commit, to one in which somebody else has written these into the fields.
    WrittenOver(Vec<String>),
    /// It is something third.
    Changed,
}

fn arrival<'a>(
    planned: &WorkloadPlan,
    now: &'a WorkloadObservation,
    run: &Run,
    git: &GitRun,
    commit: &GitCommit,
) -> Arrival<'a> {
    let saved = run.saved.iter().find(|saved| saved.placed == planned.placed);
    let before = || saved.map_or(&[][..], |saved| &saved.images);
    let wanted = if commit.is_back { before() } else { &planned.images };
    // What is no commit has none in it.
    let known = |revision: Option<&str>| {
        let hash = revision.and_then(CommitHash::of_revision);
        hash.map_or(Some(Carries::Nothing), |hash| git.carries(commit, &hash).cloned())
    };
    let carries = |revision: Option<&str>| known(revision) == Some(Carries::TheFields);
    // An Application that stands in the repository itself says the images; of others the commit tells what they run.
    let says_images = |status: &ApplicationStatus| {
        status.running.is_some() && planned.images.iter().all(|one| now.image_of(one.container.as_str()).is_some())
    };
    match now.tool.as_ref() {
        Some(ToolStatus::ArgoCd(status)) if status.revision.is_some() && !says_images(status) => {
            match known(status.revision.as_deref()) {
                None => return Arrival::Unknown,
                Some(Carries::Nothing) => return Arrival::NotYet,
                Some(Carries::WrittenOver(values)) => return Arrival::WrittenOver(values),
                Some(Carries::TheFields) => {}
            }
            let is_of_another = !carries(status.operation_revision.as_deref());
            let is_syncing = status.is_busy || status.operation.as_deref() == Some("Running");
            // What was so already needs no sync of this commit; one of another is about to change it.
            let is_there = status.sync == "Synced" && !(is_of_another && is_syncing);
            let mut seen = now.clone();
            if let Some(ToolStatus::ArgoCd(status)) = seen.tool.as_mut()
                && is_of_another
            {
                status.operation = None;
                status.message = status.message.take().filter(|_| status.is_broken);
            }
            let seen = Cow::Owned(seen);
            if is_there { Arrival::There(seen) } else { Arrival::Tried(seen) }
        }
        Some(ToolStatus::Flux(status)) if status.revision.is_some() || status.attempted.is_some() => {
            match (known(status.revision.as_deref()), known(status.attempted.as_deref())) {
                (Some(Carries::TheFields), _) => Arrival::There(Cow::Borrowed(now)),
                (_, Some(Carries::TheFields)) => Arrival::Tried(Cow::Borrowed(now)),
                (Some(Carries::WrittenOver(values)), _) | (_, Some(Carries::WrittenOver(values))) => {
                    Arrival::WrittenOver(values)
                }
                (None, _) | (_, None) => Arrival::Unknown,
                (Some(Carries::Nothing), Some(Carries::Nothing)) => Arrival::NotYet,
            }
        }
        Some(_) | None if shows(now, wanted) => Arrival::There(Cow::Borrowed(now)),
        Some(_) | None if shows(now, before()) || shows(now, &planned.images) => Arrival::NotYet,
        Some(_) | None => Arrival::Changed,
    }
}

/// Whether every container that the promotion sets has the image, by digest where both have one, else by tag.
fn shows(now: &WorkloadObservation, wanted: &[ContainerImage]) -> bool {
    let is_same = |wanted: &ContainerImage| {
        let Some(seen) = now.image_of(wanted.container.as_str()) else { return false };
        seen == wanted.image || Image::parse(&wanted.image, None).is_ok_and(|image| image.is_named_by(seen))
    };
    !wanted.is_empty() && wanted.iter().all(is_same)
}

/// Who brings what the repository says.
fn bringer(now: &WorkloadObservation) -> &'static str {
    match (&now.tool, &now.manager) {
        (Some(tool @ (ToolStatus::ArgoCd(_) | ToolStatus::Flux(_))), None) => tool.tool().name(),
        (_, Some(Manager::ArgoCd { .. })) => "Argo CD",
        (_, Some(Manager::FluxKustomization { .. } | Manager::FluxHelmRelease { .. })) => "Flux",
        _ => "the tool in charge",
    }
}

/// Whether the tool must be asked to look, or to begin.
fn told(
    mut progress: WorkloadProgress,
    now: &WorkloadObservation,
    git: &GitRun,
    commit: &GitCommit,
) -> WorkloadProgress {
    let (Some(tool), Some(ToolStatus::ArgoCd(status))) = (progress.tool.as_mut(), now.tool.as_ref()) else {
        return progress;
    };
    let hash = |revision: &Option<String>| revision.as_deref().and_then(CommitHash::of_revision);
    let carries = |revision: &Option<String>| hash(revision).and_then(|hash| git.carries(commit, &hash));
    // What nobody has looked at yet may well have it.
    tool.is_behind = carries(&status.revision) == Some(&Carries::Nothing) && !status.is_looking;
    let was_tried = carries(&status.operation_revision) == Some(&Carries::TheFields);
    tool.is_idle = carries(&status.revision) == Some(&Carries::TheFields)
        && status.sync == "OutOfSync"
        && !(status.is_automatic || status.is_busy || was_tried);
    progress
}
