//! Git repositories in which versions live: read the fields of a file, write them by a commit, tell what a
//! commit builds on. Nothing of a repository is run and nothing of it is kept.
//!
//! [`GitRepositories::commit`] states a wanted end: it looks for the commit of its mark first, so that a try
//! whose answer was lost is found again and never made twice.

use async_trait::async_trait;
use domain::git::{Carries, CommitHash, CommitMark, GitPlan, GitWritten, RepositoryAddress};
use secrecy::SecretString;

/// What lets Slipway into a repository.
#[derive(Clone, Debug)]
pub enum GitCredentials {
    /// A token over https, as the password of a user.
    Token {
        /// The user; hosts mostly take any.
        user: String,
        /// The token.
        token: SecretString,
    },
    /// A deploy key over ssh.
    Key {
        /// The private key, in OpenSSH's form, without a passphrase.
        key: SecretString,
        /// The host's own keys, as lines of a `known_hosts` file: no other host is believed.
        known_hosts: String,
    },
}

/// A commit to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitChange {
    /// Where, and what the fields should say.
    pub plan: GitPlan,
    /// By which it is found again: a trailer of its message.
    pub mark: CommitMark,
    /// What each field may say now to be written over, in the order of the writes.
    pub over: Vec<Vec<String>>,
    /// Whether a commit of an earlier generation may still be on its way, its answer being lost. Then a commit is
    /// made also where the fields say already what is wanted: the branch moves, and that one comes too late.
    pub shuts_out_earlier: bool,
    /// The message, without the trailer.
    pub message: String,
}

/// What the caller can do about a failed call. Each text names no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GitError {
    /// No answer, or one that says 'later': try again. A commit may or may not have been pushed.
    #[error("the repository cannot be reached: {0}")]
    Unreachable(String),
    /// The host lets nobody in with this, or does not take the commit: a person must change that.
    #[error("{0}")]
    Refused(String),
    /// Branch, file or field is not as it was set: a person must correct the one or the other.
    #[error("{0}")]
    Unfit(String),
}

/// Git repositories.
#[async_trait]
pub trait GitRepositories: Send + Sync + 'static {
    /// Whether calls may go to a repository, as far as that can be known without a call.
    ///
    /// # Errors
    /// Why not, in words.
    fn look_at(&self, repository: &RepositoryAddress) -> Result<(), String>;

    /// What the fields say on the branch now, in the order of the plan's writes.
    ///
    /// # Errors
    /// [`GitError`].
    async fn read(&self, plan: &GitPlan, credentials: &GitCredentials) -> Result<Vec<String>, GitError>;

    /// Makes the fields say what the change wants, by a commit on top of the branch. When the branch moves
    /// meanwhile it is done again on top of that; nothing is ever forced. Where the commit was made before, none is
    /// made, nor where they say it already, but for [`GitChange::shuts_out_earlier`].
    ///
    /// # Errors
    /// [`GitError`]; after [`GitError::Unreachable`] the commit may or may not be there.
    async fn commit(&self, change: &GitChange, credentials: &GitCredentials) -> Result<GitWritten, GitError>;

    /// What each of `revisions` has of `commit`. One of which that cannot be told is left out of the answer: the
    /// repository gives one of the two no more, or not the whole way between them.
    ///
    /// # Errors
    /// [`GitError`].
    async fn carries(
        &self,
        plan: &GitPlan,
        credentials: &GitCredentials,
        commit: &CommitHash,
        revisions: &[CommitHash],
    ) -> Result<Vec<(CommitHash, Carries)>, GitError>;
}
