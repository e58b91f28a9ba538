//! Versions that live in a Git repository: where (repository, branch, file, fields), and what a promotion
//! writes there. Everything that reaches a program is of a narrow form here: no text of a person begins
//! with a hyphen, leaves the repository or carries a secret.

mod field;
mod place;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub use field::{FieldError, FieldPath, FieldStep, GitField, GitValue};
pub use place::{BranchName, FilePath, GitPlace, PlaceError, RepositoryAddress, Transport};

use crate::{ids::PromotionId, version::VersionImage};

/// One field and what a promotion writes there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GitWrite {
    /// The field.
    pub field: FieldPath,
    /// Its new value.
    pub value: String,
}

/// What a promotion writes, as part of its plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GitPlan {
    /// The repository.
    pub repository: RepositoryAddress,
    /// The branch.
    pub branch: BranchName,
    /// The file.
    pub file: FilePath,
    /// The fields, in the order in which they were set.
    pub writes: Vec<GitWrite>,
}

impl GitPlan {
    /// What putting a version with `images`, called `label`, into a place writes.
    ///
    /// # Errors
    /// [`FieldError`] when the version does not have what a field wants.
    pub fn make(place: &GitPlace, label: &str, images: &[VersionImage]) -> Result<Self, FieldError> {
        let write =
            |field: &GitField| Ok(GitWrite { field: field.path.clone(), value: field.value_of(label, images)? });
        Ok(Self {
            repository: place.repository.clone(),
            branch: place.branch.clone(),
            file: place.file.clone(),
            writes: place.fields.iter().map(write).collect::<Result<_, FieldError>>()?,
        })
    }

    /// The file for people: `apps/cart.yaml on main of github.com/shop/deploy`.
    #[must_use]
    pub fn words(&self) -> String {
        format!("{} on {} of {}", self.file, self.branch, self.repository.shown())
    }

    /// The values that it writes.
    #[must_use]
    pub fn values(&self) -> Vec<String> {
        self.writes.iter().map(|write| write.value.clone()).collect()
    }
}

/// By which a commit is found again: one for each change that a promotion makes there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommitMark {
    /// The promotion.
    pub promotion: PromotionId,
    /// The generation of its run.
    pub generation: u32,
}

impl CommitMark {
    /// The trailer's key.
    pub const KEY: &str = "Slipway-Promotion";
}

impl std::fmt::Display for CommitMark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.promotion, self.generation)
    }
}

/// A commit's name: 40 hexadecimal digits, or 64 in repositories that use SHA-256.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CommitHash(String);

/// A text that is no commit's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a commit")]
pub struct NotACommit(String);

impl CommitHash {
    /// Reads a commit's name.
    ///
    /// # Errors
    /// [`NotACommit`].
    pub fn parse(text: &str) -> Result<Self, NotACommit> {
        let text = text.trim();
        let is_hex = text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if is_hex && (text.len() == 40 || text.len() == 64) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NotACommit(text.chars().take(80).collect()))
        }
    }

    /// The commit that a tool names: Flux says `main@sha1:…`, Argo CD the hash alone.
    #[must_use]
    pub fn of_revision(revision: &str) -> Option<Self> {
        Self::parse(revision.rsplit([':', '/', '@']).next().unwrap_or(revision)).ok()
    }

    /// All of its digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first nine digits, for people.
    #[must_use]
    pub fn short(&self) -> &str {
        self.0.get(..9).unwrap_or(&self.0)
    }
}

impl TryFrom<String> for CommitHash {
    type Error = NotACommit;

    fn try_from(text: String) -> Result<Self, NotACommit> {
        Self::parse(&text)
    }
}

impl From<CommitHash> for String {
    fn from(hash: CommitHash) -> String {
        hash.0
    }
}

impl std::fmt::Display for CommitHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A commit that says what a run wants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GitCommit {
    /// The generation of the run that wanted it.
    pub generation: u32,
    /// Which commit.
    pub hash: CommitHash,
    /// Whether it is Slipway's own; otherwise the fields said so already.
    pub is_ours: bool,
    /// Whether it puts back what was there before.
    pub is_back: bool,
    /// When it was known.
    pub at: DateTime<Utc>,
}

/// What the commit that a tool names has of another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Carries {
    /// It does not build on it.
    Nothing,
    /// It builds on it, and the fields say what that one says.
    TheFields,
    /// It builds on it, and somebody has written the fields since: they say this, or cannot be read any more.
    WrittenOver(Vec<String>),
}

/// What is known of the repository in a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GitRun {
    /// What the fields said before, in the order of the plan's writes.
    pub before: Vec<String>,
    /// The commits, oldest first; at most one for each generation.
    pub commits: Vec<GitCommit>,
    /// Commits that tools have named, and what they have of the last of [`Self::commits`].
    pub named: Vec<(CommitHash, Carries)>,
    /// What somebody else has written into the fields, with the generation that was to be written over it.
    pub others: Option<(u32, Vec<String>)>,
}

impl GitRun {
    /// How many commits of tools are kept; a tool names a handful in the time of a promotion.
    const MOST_NAMED: usize = 20;

    /// The commit of this generation.
    #[must_use]
    pub fn commit_of(&self, generation: u32) -> Option<&GitCommit> {
        self.commits.iter().find(|commit| commit.generation == generation)
    }

    /// What the commit that a tool names has of this one; `None` when nobody has looked yet, or who looked could not
    /// tell.
    #[must_use]
    pub fn carries(&self, commit: &GitCommit, revision: &CommitHash) -> Option<&Carries> {
        if *revision == commit.hash {
            return Some(&Carries::TheFields);
        }
        self.named.iter().find(|(known, _)| known == revision).map(|(_, carries)| carries)
    }

    /// Takes note of the commit of a generation; what was known of others' commits says nothing of it.
    pub(crate) fn take(&mut self, commit: GitCommit) {
        if self.commit_of(commit.generation).is_none() {
            self.commits.push(commit);
            self.named.clear();
        }
    }

    pub(crate) fn learn(&mut self, named: &[(CommitHash, Carries)]) {
        for one in named {
            if !self.named.contains(one) {
                self.named.push(one.clone());
            }
        }
        let surplus = self.named.len().saturating_sub(Self::MOST_NAMED);
        self.named.drain(..surplus);
    }
}

/// What looking at a repository, or writing there, gave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GitSight {
    /// What the fields say now, in the order of the plan's writes; asked for before the first write.
    pub values: Option<Vec<String>>,
    /// Why no version can be set there, with what to do.
    pub unfit: Option<String>,
    /// What came of writing.
    pub written: Option<GitWritten>,
    /// Commits that tools name, and what they have of the commit of the present generation. One that is asked about
    /// again and again and left out here is one of which the repository does not tell.
    pub named: Vec<(CommitHash, Carries)>,
}

/// What came of writing what a generation wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GitWritten {
    /// There is a commit by which the fields say it.
    Committed {
        /// The generation.
        generation: u32,
        /// Which.
        hash: CommitHash,
        /// Whether Slipway made it, now or in a try whose answer was lost.
        is_ours: bool,
    },
    /// The fields say what neither was there before nor is wanted: somebody else has written them.
    ChangedByOthers {
        /// The generation.
        generation: u32,
        /// What they say.
        values: Vec<String>,
    },
}
