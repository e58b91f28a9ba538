//! Git repositories in memory or in a file: branches with commits that say what fields hold. Answers can be
//! prescribed, and somebody else can commit meanwhile.

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use domain::git::{Carries, CommitHash, CommitMark, GitPlan, GitWritten, RepositoryAddress};
use ports::{GitChange, GitCredentials, GitError, GitRepositories};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};

use crate::kept;

/// A commit of a practice repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PracticeCommit {
    /// Which.
    pub hash: CommitHash,
    /// Whose, when Slipway made it: the mark as text.
    pub mark: Option<String>,
    /// The message.
    pub message: String,
    /// What the fields hold since, by file and field.
    pub values: BTreeMap<String, String>,
}

/// What a call meets instead of its answer; one without an answer is a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meets {
    /// This error, and nothing was done.
    Error(GitError),
    /// No answer, though what it asked was done.
    LostAnswer,
    /// No answer, and what it asked is done later: when [`PracticeRepositories::late_ones_come`].
    ComesLate,
}

/// Branches, by repository and name; the last commit is the head.
type Branches = BTreeMap<String, Vec<PracticeCommit>>;

#[derive(Default)]
struct State {
    branches: Branches,
    /// The file that keeps the branches; memory when absent.
    file: Option<PathBuf>,
    meets: VecDeque<Meets>,
    /// Commits that were taken and not yet put on their branch, with where the branch must be for that.
    late: Vec<(GitChange, Option<CommitHash>)>,
    token: Option<String>,
}

/// The repositories; clones are the same ones.
#[derive(Clone, Default)]
pub struct PracticeRepositories {
    state: Arc<Mutex<State>>,
}

fn branch_of(plan: &GitPlan) -> String {
    format!("{} {}", plan.repository, plan.branch)
}

fn keys(plan: &GitPlan) -> Vec<String> {
    plan.writes.iter().map(|write| format!("{}: {}", plan.file, write.field)).collect()
}

impl PracticeRepositories {
    /// Where the demo's repository is.
    pub const ADDRESS: &str = "https://git.practice.invalid/larder/deploy.git";

    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Those that the file at `path` keeps; a file that is not there has none.
    ///
    /// # Errors
    /// [`std::io::Error`] when the file is there but cannot be read.
    pub fn in_file(path: PathBuf) -> io::Result<Self> {
        let branches: Branches = kept::read(&path)?;
        let state = State { branches, file: Some(path), ..State::default() };
        Ok(Self { state: Arc::new(Mutex::new(state)) })
    }

    /// From now on nobody is let in but with this token.
    pub fn ask_for(&self, token: &str) {
        self.state().token = Some(token.to_owned());
    }

    /// Prescribes what the next call meets; several queue up.
    pub fn next_meets(&self, meets: Meets) {
        self.state().meets.push_back(meets);
    }

    /// What was taken late is put on its branch now, where that has not moved meanwhile.
    ///
    /// # Errors
    /// As the call would have had them.
    pub fn late_ones_come(&self) -> Result<(), GitError> {
        let mut state = self.state();
        for (change, head) in std::mem::take(&mut state.late) {
            if state.head(&branch_of(&change.plan)) == head {
                state.write(&change)?;
            }
        }
        Ok(())
    }

    /// Somebody commits: the field of the file holds this from now on. Answers the commit.
    ///
    /// # Errors
    /// [`GitError::Unreachable`] when the file cannot be written.
    pub fn set(
        &self,
        repository: &str,
        branch: &str,
        file: &str,
        field: &str,
        value: &str,
    ) -> Result<CommitHash, GitError> {
        let values = [(format!("{file}: {field}"), value.to_owned())];
        self.state().commit(&format!("{repository} {branch}"), values.into(), None, format!("{field}: {value}"))
    }

    /// The commits of a branch, oldest first.
    #[must_use]
    pub fn log(&self, repository: &str, branch: &str) -> Vec<PracticeCommit> {
        self.state().branches.get(&format!("{repository} {branch}")).cloned().unwrap_or_default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn commit(
        &mut self,
        branch: &str,
        changed: BTreeMap<String, String>,
        mark: Option<CommitMark>,
        message: String,
    ) -> Result<CommitHash, GitError> {
        let number = self.branches.values().map(Vec::len).sum::<usize>() + 1;
        // Spread, so that short forms differ as well.
        let spread = (number as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let hash = CommitHash::parse(&format!("{spread:016x}{number:024x}"));
        let hash = hash.map_err(|error| GitError::Unreachable(error.to_string()))?;
        let commits = self.branches.entry(branch.to_owned()).or_default();
        let mut values = commits.last().map(|last| last.values.clone()).unwrap_or_default();
        values.extend(changed);
        let mark = mark.map(|mark| mark.to_string());
        commits.push(PracticeCommit { hash: hash.clone(), mark, message, values });
        self.keep().map_err(|error| GitError::Unreachable(format!("the practice repositories' file: {error}")))?;
        Ok(hash)
    }

    /// Writes the file anew, whole or not at all.
    fn keep(&self) -> io::Result<()> {
        self.file.as_ref().map_or(Ok(()), |path| kept::write(path, &self.branches))
    }

    fn let_in(&self, credentials: &GitCredentials) -> Result<(), GitError> {
        let given = match credentials {
            GitCredentials::Token { token, .. } => Some(token.expose_secret()),
            GitCredentials::Key { .. } => None,
        };
        if self.token.is_none() || self.token.as_deref() == given {
            Ok(())
        } else {
            Err(GitError::Refused(
                "git.example does not accept the token; give a new one on the target's page".to_owned(),
            ))
        }
    }

    fn values(&self, plan: &GitPlan) -> Result<Vec<String>, GitError> {
        let Some(head) = self.branches.get(&branch_of(plan)).and_then(|commits| commits.last()) else {
            return Err(GitError::Unfit(format!("the branch {} is not there", plan.branch)));
        };
        let value = |key: String| {
            head.values.get(&key).cloned().ok_or_else(|| GitError::Unfit(format!("the file has no field {key}")))
        };
        keys(plan).into_iter().map(value).collect()
    }

    fn head(&self, branch: &str) -> Option<CommitHash> {
        self.branches.get(branch).and_then(|commits| commits.last()).map(|commit| commit.hash.clone())
    }

    fn made(&self, branch: &str, mark: CommitMark) -> Option<CommitHash> {
        let (commits, mark) = (self.branches.get(branch)?, mark.to_string());
        commits.iter().find(|commit| commit.mark.as_ref() == Some(&mark)).map(|commit| commit.hash.clone())
    }

    fn write(&mut self, change: &GitChange) -> Result<GitWritten, GitError> {
        let (branch, generation) = (branch_of(&change.plan), change.mark.generation);
        if let Some(hash) = self.made(&branch, change.mark) {
            return Ok(GitWritten::Committed { generation, hash, is_ours: true });
        }
        let (found, wanted) = (self.values(&change.plan)?, change.plan.values());
        if found == wanted && !change.shuts_out_earlier {
            let hash = self.head(&branch).ok_or_else(|| GitError::Unfit("the branch is not there".to_owned()))?;
            return Ok(GitWritten::Committed { generation, hash, is_ours: false });
        }
        if !found.iter().zip(&change.over).all(|(found, over)| over.contains(found)) {
            return Ok(GitWritten::ChangedByOthers { generation, values: found });
        }
        let values = keys(&change.plan).into_iter().zip(wanted).collect();
        let hash = self.commit(&branch, values, Some(change.mark), change.message.clone())?;
        Ok(GitWritten::Committed { generation, hash, is_ours: true })
    }
}

#[async_trait]
impl GitRepositories for PracticeRepositories {
    fn look_at(&self, _repository: &RepositoryAddress) -> Result<(), String> {
        Ok(())
    }

    async fn read(&self, plan: &GitPlan, credentials: &GitCredentials) -> Result<Vec<String>, GitError> {
        let mut state = self.state();
        // What can only be met by a commit waits for one.
        if let Some(Meets::Error(error)) = state.meets.pop_front_if(|meets| matches!(meets, Meets::Error(_))) {
            return Err(error);
        }
        state.let_in(credentials)?;
        state.values(plan)
    }

    async fn commit(&self, change: &GitChange, credentials: &GitCredentials) -> Result<GitWritten, GitError> {
        let mut state = self.state();
        let meets = state.meets.pop_front();
        let broke = || Err(GitError::Unreachable("the connection broke".to_owned()));
        match meets {
            Some(Meets::Error(error)) => return Err(error),
            Some(Meets::ComesLate) => {
                let head = state.head(&branch_of(&change.plan));
                state.late.push((change.clone(), head));
                return broke();
            }
            Some(Meets::LostAnswer) | None => {}
        }
        state.let_in(credentials)?;
        let written = state.write(change)?;
        if meets.is_some() { broke() } else { Ok(written) }
    }

    async fn carries(
        &self,
        plan: &GitPlan,
        _credentials: &GitCredentials,
        commit: &CommitHash,
        revisions: &[CommitHash],
    ) -> Result<Vec<(CommitHash, Carries)>, GitError> {
        let state = self.state();
        let commits = state.branches.get(&branch_of(plan)).map_or(&[][..], Vec::as_slice);
        let place = |hash: &CommitHash| commits.iter().position(|commit| commit.hash == *hash);
        let said = |place: usize| -> Vec<String> {
            let values = commits.get(place).map(|commit| &commit.values);
            keys(plan).iter().filter_map(|key| values.and_then(|values| values.get(key)).cloned()).collect()
        };
        let carries = |revision: &CommitHash| {
            let theirs = place(revision)?;
            Some(match place(commit) {
                Some(ours) if theirs >= ours && said(theirs) == said(ours) => Carries::TheFields,
                Some(ours) if theirs >= ours => Carries::WrittenOver(said(theirs)),
                Some(_) | None => Carries::Nothing,
            })
        };
        Ok(revisions.iter().filter_map(|revision| Some((revision.clone(), carries(revision)?))).collect())
    }
}
