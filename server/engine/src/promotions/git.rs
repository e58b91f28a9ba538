//! The part of a pass that talks to a Git repository: read what the fields say before the first write, make
//! the commit that the promotion wants, ask what the commits that tools name build on. No transaction is open
//! meanwhile, and no cluster's place is taken.

use contract::git::{CommitView, CommitsView, FieldChange};
use domain::{
    git::{Carries, CommitHash, GitPlan, GitSight},
    promotion::{DesiredCommit, Input, Phase, Promotion, desired, revisions_to_ask},
    state::Mark,
};
use ports::{GitChange, GitError};
use store::StoreError;

use crate::{Engine, git_places::patiently, places::Peer};

/// What was heard of the repository.
#[derive(Default)]
pub(super) struct Heard {
    /// What it says.
    pub(super) sight: Option<GitSight>,
    /// Why it says nothing.
    pub(super) trouble: Option<String>,
}

impl Engine {
    /// Reads or writes what the promotion wants of its repository now; nothing where it has none. `None` when
    /// the host has no place for it now.
    ///
    /// # Errors
    /// The store's trouble; that of the repository is in the answer.
    pub(super) async fn git_work(&self, promotion: &Promotion) -> Result<Option<Heard>, StoreError> {
        let Some(plan) = promotion.git() else { return Ok(Some(Heard::default())) };
        let commit = desired(promotion).and_then(|desired| desired.commit);
        let is_start = matches!(promotion.phase, Phase::Starting { .. });
        if commit.is_none() && !is_start {
            return Ok(Some(Heard::default()));
        }
        let Some(_place) = self.places().take([Peer::of_git(plan)].into()).await else { return Ok(None) };
        let gave = match commit {
            Some(commit) if !is_start => {
                let message = self.commit_message(promotion, &commit).await?;
                patiently(self.git_commit(promotion, commit, message)).await
            }
            Some(_) | None => patiently(self.git_values(promotion, plan)).await,
        };
        Ok(Some(heard(promotion, plan, gave)))
    }

    async fn git_values(&self, promotion: &Promotion, plan: &GitPlan) -> Result<GitSight, GitError> {
        let credentials = self.git_credentials(promotion.target, plan).await?;
        match self.parts.repositories.read(plan, &credentials).await {
            Ok(values) => Ok(GitSight { values: Some(values), ..GitSight::default() }),
            // Before the start this is a reason not to start; later it is trouble that a person can mend.
            Err(GitError::Unfit(why)) => Ok(GitSight { unfit: Some(why), ..GitSight::default() }),
            Err(error) => Err(error),
        }
    }

    async fn git_commit(
        &self,
        promotion: &Promotion,
        commit: DesiredCommit,
        message: String,
    ) -> Result<GitSight, GitError> {
        let credentials = self.git_credentials(promotion.target, &commit.plan).await?;
        let DesiredCommit { plan, mark, over, shuts_out_earlier, .. } = commit;
        let change = GitChange { plan, mark, over, shuts_out_earlier, message };
        let written = self.parts.repositories.commit(&change, &credentials).await?;
        tracing::info!(promotion.number = promotion.number, git.written = ?written, "committed what the promotion wants");
        Ok(GitSight { written: Some(written), ..GitSight::default() })
    }

    /// Asks what the commits build on that tools name and nobody has asked about, and adds it to what was seen.
    pub(super) async fn git_revisions(&self, promotion: &Promotion, mut inputs: Vec<Input>) -> Vec<Input> {
        let Some(plan) = promotion.git() else { return inputs };
        for input in &mut inputs {
            let Input::Observed(seen) = input else { continue };
            let Some((commit, open)) = revisions_to_ask(promotion, &seen.workloads) else { continue };
            // Who has no place now asks at the next look.
            let Some(_place) = self.places().take([Peer::of_git(plan)].into()).await else { continue };
            match patiently(self.git_carried(promotion, plan, &commit, &open)).await {
                Ok(named) => seen.git.get_or_insert_default().named = named,
                Err(error) => seen.trouble = Some(in_words(promotion, plan, &error)),
            }
        }
        inputs
    }

    async fn git_carried(
        &self,
        promotion: &Promotion,
        plan: &GitPlan,
        commit: &CommitHash,
        open: &[CommitHash],
    ) -> Result<Vec<(CommitHash, Carries)>, GitError> {
        let credentials = self.git_credentials(promotion.target, plan).await?;
        self.parts.repositories.carries(plan, &credentials, commit, open).await
    }

    /// Service, version, environment, promotion, and who asked.
    async fn commit_message(&self, promotion: &Promotion, commit: &DesiredCommit) -> Result<String, StoreError> {
        let mut read = self.store().read().await?;
        let names = super::names::of(&mut read, promotion).await?;
        let line = |text: &str| text.chars().filter(|c| !c.is_control()).take(200).collect::<String>();
        let (number, by) = (promotion.number, line(&promotion.requested_by.shown()));
        let (service, version, environment) = (names.service, names.version, names.environment);
        let link = format!("{}/promotions/{number}", self.parts.public_url);
        Ok(match &promotion.phase {
            Phase::TakingBack { cause, .. } if commit.is_back => format!(
                "Take {service} {version} back from {environment}\n\nPromotion {number}, asked by {by}, is taken back: {}\n{link}",
                line(&cause.words())
            ),
            _ => format!(
                "Put {service} {version} into {environment}\n\nPromotion {number}, asked by {by}: {}\n{link}",
                line(&promotion.reason)
            ),
        })
    }
}

fn heard(promotion: &Promotion, plan: &GitPlan, gave: Result<GitSight, GitError>) -> Heard {
    match gave {
        Ok(sight) => Heard { sight: Some(sight), trouble: None },
        Err(error) => Heard { sight: None, trouble: Some(in_words(promotion, plan, &error)) },
    }
}

fn in_words(promotion: &Promotion, plan: &GitPlan, error: &GitError) -> String {
    tracing::warn!(promotion.number = promotion.number, error.message = %error, "the repository could not be used");
    match error {
        GitError::Unreachable(_) => format!("{}: {error}", plan.repository.shown()),
        GitError::Refused(words) | GitError::Unfit(words) => words.clone(),
    }
}

/// What happens next, where the version is committed and that is not said elsewhere.
pub(super) fn next(promotion: &Promotion) -> Option<String> {
    let plan = promotion.git()?;
    match &promotion.phase {
        Phase::Starting { .. } => Some(format!("Reads {}, then commits the version there.", plan.file)),
        Phase::Progressing { .. } if promotion.trouble.is_none() => Some(format!(
            "Done when the tool that reads {} has brought the commit and everything runs; otherwise taken back, by \
             a commit too.",
            plan.file
        )),
        Phase::TakingBack { .. } if promotion.trouble.is_none() => Some(
            "Over when the tool has brought the commit that sets it back, and what ran before runs again.".to_owned(),
        ),
        _ => None,
    }
}

/// The commands that take a promotion back without Slipway: what Slipway would commit.
pub(super) fn by_hand(promotion: &Promotion) -> Option<String> {
    let (plan, commit) = (promotion.git()?, promotion.git_run()?.commits.iter().rfind(|commit| commit.is_ours)?);
    (!commit.is_back).then(|| {
        let branch = &plan.branch;
        format!(
            "git fetch origin {branch} && git switch --detach FETCH_HEAD && git revert --no-edit {} && git push origin \
             HEAD:{branch}",
            commit.hash
        )
    })
}

/// The commits for the promotion's page, where the version lives in a repository.
pub(super) fn view(promotion: &Promotion) -> Option<CommitsView> {
    let plan = promotion.git()?;
    let run = promotion.git_run();
    let before = |at: usize| run.and_then(|run| run.before.get(at).cloned());
    let fields = plan.writes.iter().enumerate().map(|(at, write)| FieldChange {
        field: write.field.to_string(),
        before: before(at),
        wanted: write.value.clone(),
    });
    let commits = run.map_or(&[][..], |run| &run.commits).iter().map(|commit| CommitView {
        mark: if commit.is_back { Mark::Waiting } else { Mark::Done },
        words: match (commit.is_ours, commit.is_back) {
            (true, false) => format!("sets {}", plan.values().join(", ")),
            (true, true) => format!("sets back {}", run.map(|run| run.before.join(", ")).unwrap_or_default()),
            (false, false) => "says it already, so none was made".to_owned(),
            (false, true) => "says what was there before, so none was made".to_owned(),
        },
        hash: commit.hash.to_string(),
        short: commit.hash.short().to_owned(),
        link: plan.repository.web_link(&commit.hash),
        at: commit.at,
    });
    Some(CommitsView { place: plan.words(), fields: fields.collect(), commits: commits.collect() })
}
