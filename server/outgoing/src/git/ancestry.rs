//! What one commit has of another, as far as what was fetched tells. A history is fetched in part, and where it
//! ends is known: what may lie behind that end is not known, and is never taken for absent.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use domain::git::{Carries, CommitHash, GitPlan};
use ports::GitError;

use super::{FETCH, fetch, file_at, good, program::Workspace};

/// How many commits are looked at where the usual number does not tell: what a busy repository of manifests gets in
/// the days in which a version is watched.
const DEEPER: u32 = 2_000;

/// For so long nothing is fetched again for a commit of which it could not be told: a watch that lasts a day looks every
/// few seconds, and a host is not asked for thousands of commits each time.
const AGAIN_AFTER: Duration = Duration::from_secs(300);

/// Commits that were asked for by themselves.
const ASKED: &str = "refs/slipway/asked/";

/// The pairs of commits of which it could not be told, with when that was.
#[derive(Default)]
pub(super) struct InVain(Mutex<Vec<(CommitHash, CommitHash, Instant)>>);

impl InVain {
    /// Those of `revisions` that are worth a question.
    pub(super) fn worth_asking(&self, commit: &CommitHash, revisions: &[CommitHash]) -> Vec<CommitHash> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|(_, _, at)| at.elapsed() < AGAIN_AFTER);
        let is_known = |revision: &&CommitHash| known.iter().any(|(of, one, _)| (of, one) == (commit, revision));
        revisions.iter().filter(|revision| !is_known(revision)).cloned().collect()
    }

    /// Takes note of those that were asked about and are not answered.
    pub(super) fn note(&self, commit: &CommitHash, asked: Vec<CommitHash>, answers: &[(CommitHash, Carries)]) {
        let open = asked.into_iter().filter(|one| !answers.iter().any(|(answered, _)| answered == one));
        let now = Instant::now();
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.extend(open.map(|revision| (commit.clone(), revision, now)));
    }
}

/// What each of `revisions` has of `commit`; those of which it cannot be told are left out.
pub(super) async fn carries(
    workspace: &Workspace,
    plan: &GitPlan,
    commit: &CommitHash,
    revisions: &[CommitHash],
) -> Result<Vec<(CommitHash, Carries)>, GitError> {
    let (mut answers, mut is_deep) = (Vec::with_capacity(revisions.len()), false);
    for revision in revisions {
        let mut found = carried(workspace, plan, commit, revision).await?;
        if found.is_none() && !is_deep {
            deepen(workspace, plan, commit, revisions).await?;
            is_deep = true;
            found = carried(workspace, plan, commit, revision).await?;
        }
        answers.extend(found.map(|carries| (revision.clone(), carries)));
    }
    Ok(answers)
}

/// What `revision` has of `commit`; `None` where what was fetched does not tell.
async fn carried(
    workspace: &Workspace,
    plan: &GitPlan,
    commit: &CommitHash,
    revision: &CommitHash,
) -> Result<Option<Carries>, GitError> {
    let known = listed(workspace, &["--all"]).await?;
    let is_known = |hash: &CommitHash| known.lines().any(|line| line == hash.as_str());
    if !is_known(revision) {
        return Ok(None);
    }
    let without = format!("^{commit}");
    let history = if is_known(commit) {
        if builds_on(workspace, revision, commit).await? {
            return fields_of(workspace, plan, revision, commit).await.map(Some);
        }
        listed(workspace, &[revision.as_str(), &without]).await?
    } else {
        listed(workspace, &[revision.as_str()]).await?
    };
    // Only behind a commit at which the fetched history ends can there be another way to ours.
    let ends = workspace.ends_of_history().await?;
    let is_whole = !history.lines().any(|hash| ends.lines().any(|end| end == hash));
    Ok(is_whole.then_some(Carries::Nothing))
}

/// Fetches more of the branch, and those of the commits that are not on it, where the host gives them.
async fn deepen(
    workspace: &Workspace,
    plan: &GitPlan,
    commit: &CommitHash,
    revisions: &[CommitHash],
) -> Result<(), GitError> {
    fetch(workspace, plan, DEEPER).await?;
    let known = listed(workspace, &["--all"]).await?;
    let depth = format!("--depth={DEEPER}");
    for asked in std::iter::once(commit).chain(revisions) {
        if !known.lines().any(|line| line == asked.as_str()) {
            let refspec = format!("+{asked}:{ASKED}{asked}");
            let arguments = [FETCH.as_slice(), &[&depth, "--", "origin", &refspec]].concat();
            let fetched = workspace.run(&arguments, None).await?;
            if !fetched.is_good {
                tracing::debug!(git.commit = %asked, error.message = %fetched.stderr, "the host does not give a commit");
            }
        }
    }
    Ok(())
}

/// Commits that were fetched, one on each line.
async fn listed(workspace: &Workspace, which: &[&str]) -> Result<String, GitError> {
    let arguments = [["rev-list"].as_slice(), which, &["--"]].concat();
    Ok(good(workspace.run(&arguments, None).await?, "the branch cannot be read")?.text())
}

async fn builds_on(workspace: &Workspace, revision: &CommitHash, commit: &CommitHash) -> Result<bool, GitError> {
    let arguments = ["merge-base", "--is-ancestor", commit.as_str(), revision.as_str()];
    Ok(workspace.run(&arguments, None).await?.is_good)
}

/// What `revision`, which builds on `commit`, says in the fields of that one: somebody may have written over them.
async fn fields_of(
    workspace: &Workspace,
    plan: &GitPlan,
    revision: &CommitHash,
    commit: &CommitHash,
) -> Result<Carries, GitError> {
    // Most commits of others leave the file alone, and then nothing has to be fetched to see it.
    let same_file = ["diff-tree", "-r", "--quiet", commit.as_str(), revision.as_str(), "--", plan.file.as_str()];
    if workspace.run(&same_file, None).await?.is_good {
        return Ok(Carries::TheFields);
    }
    let values = match file_at(workspace, plan, revision.clone()).await {
        Ok(file) => file.values,
        Err(GitError::Unfit(_)) => return Ok(Carries::WrittenOver(Vec::new())),
        Err(error) => return Err(error),
    };
    let then = file_at(workspace, plan, commit.clone()).await?.values;
    Ok(if values == then { Carries::TheFields } else { Carries::WrittenOver(values) })
}
