//! A version: an immutable build of a service, with its images, commits and checks.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{image::Image, names::ContainerName};

/// Why a label, commit or check was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VersionError {
    /// The label is empty, too long or has characters outside the allowed set.
    #[error("a version label has 1 to 80 letters, digits, and . _ + - (such as 2.30.4); '{0}' is not one")]
    Label(String),
    /// The commit is not a hash.
    #[error("a commit is a hash of 7 to 64 hexadecimal digits; '{0}' is not one")]
    Commit(String),
    /// The link is not http or https.
    #[error("a link starts with https:// or http://; '{0}' does not")]
    Link(String),
}

/// What people call a version: `2.30.4`, `2026-11-21.3`. Compared as semver where both are.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct VersionLabel(String);

impl VersionLabel {
    /// Parses a label.
    ///
    /// # Errors
    /// [`VersionError::Label`].
    pub fn parse(text: &str) -> Result<Self, VersionError> {
        let text = text.trim();
        let allowed = |c: char| c.is_ascii_alphanumeric() || "._+-".contains(c);
        if text.is_empty() || text.len() > 80 || !text.chars().all(allowed) || text.starts_with(['.', '-']) {
            return Err(VersionError::Label(text.chars().take(100).collect()));
        }
        Ok(Self(text.to_owned()))
    }

    /// The label as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The label as a semantic version, with or without a leading `v`.
    #[must_use]
    pub fn semver(&self) -> Option<semver::Version> {
        semver::Version::parse(self.0.strip_prefix('v').unwrap_or(&self.0)).ok()
    }
}

impl TryFrom<String> for VersionLabel {
    type Error = VersionError;

    fn try_from(text: String) -> Result<Self, VersionError> {
        Self::parse(&text)
    }
}

impl From<VersionLabel> for String {
    fn from(label: VersionLabel) -> String {
        label.0
    }
}

impl std::fmt::Display for VersionLabel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A commit's hash: 7 to 64 lower-case hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CommitHash(String);

impl CommitHash {
    /// Parses a hash; upper-case digits are lowered.
    ///
    /// # Errors
    /// [`VersionError::Commit`].
    pub fn parse(text: &str) -> Result<Self, VersionError> {
        let lower = text.trim().to_ascii_lowercase();
        if (7..=64).contains(&lower.len()) && lower.bytes().all(|b| b.is_ascii_hexdigit()) {
            Ok(Self(lower))
        } else {
            Err(VersionError::Commit(text.chars().take(80).collect()))
        }
    }

    /// The whole hash.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first seven digits.
    #[must_use]
    pub fn short(&self) -> &str {
        &self.0[..7]
    }
}

impl TryFrom<String> for CommitHash {
    type Error = VersionError;

    fn try_from(text: String) -> Result<Self, VersionError> {
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

/// A web link that is safe to show as one: only http and https.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WebLink(String);

impl WebLink {
    /// Parses a link.
    ///
    /// # Errors
    /// [`VersionError::Link`] for any other scheme, white space or control characters.
    pub fn parse(text: &str) -> Result<Self, VersionError> {
        let text = text.trim();
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        let is_good = rest.is_some_and(|r| !r.is_empty() && !r.starts_with('/'))
            && text.len() <= 2000
            && !text.chars().any(|c| c.is_whitespace() || c.is_control());
        if is_good { Ok(Self(text.to_owned())) } else { Err(VersionError::Link(text.chars().take(80).collect())) }
    }

    /// The link as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for WebLink {
    type Error = VersionError;

    fn try_from(text: String) -> Result<Self, VersionError> {
        Self::parse(&text)
    }
}

impl From<WebLink> for String {
    fn from(link: WebLink) -> String {
        link.0
    }
}

/// A commit that a version contains and its predecessor does not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// The hash.
    pub hash: CommitHash,
    /// Who wrote it, as the repository says.
    pub author: String,
    /// The first line of its message.
    pub title: String,
    /// When it was committed.
    pub committed_at: DateTime<Utc>,
}

/// The image of a version for one of its components. A version with one image leaves the component
/// out; one with several (an API and its worker) names each by the container it belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionImage {
    /// The component, by its container's name; `None` when the version has a single image.
    pub component: Option<ContainerName>,
    /// The image.
    pub image: Image,
}

/// The result of a test run, a scan or another check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It passed.
    Passed,
    /// It failed.
    Failed,
    /// It is still running.
    Running,
    /// It was left out on purpose.
    Skipped,
}

/// Counts that a check may carry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckCounts {
    /// Tests run.
    pub tests_run: Option<u32>,
    /// Tests failed.
    pub tests_failed: Option<u32>,
    /// Findings of severity critical.
    pub critical: Option<u32>,
    /// Findings of severity high.
    pub high: Option<u32>,
    /// Findings of severity medium.
    pub medium: Option<u32>,
    /// Findings of severity low.
    pub low: Option<u32>,
}

impl CheckCounts {
    /// The counts in words: `412 passed`, `3 of 412 failed`, `0 critical, 2 high`; empty when there are none.
    #[must_use]
    pub fn words(&self) -> String {
        let mut parts = Vec::new();
        match (self.tests_run, self.tests_failed.unwrap_or(0)) {
            (Some(run), 0) => parts.push(format!("{run} passed")),
            (Some(run), failed) => parts.push(format!("{failed} of {run} failed")),
            (None, 0) => {}
            (None, failed) => parts.push(format!("{failed} failed")),
        }
        let severities = [("critical", self.critical), ("high", self.high), ("medium", self.medium), ("low", self.low)];
        for (word, count) in severities {
            if let Some(count) = count.filter(|c| *c > 0 || word == "critical") {
                parts.push(format!("{count} {word}"));
            }
        }
        parts.join(", ")
    }
}

/// A check of a version: tests, a scan, a signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// What was checked: `unit tests`, `image scan`.
    pub name: String,
    /// The result.
    pub verdict: Verdict,
    /// Where the evidence is.
    pub link: Option<WebLink>,
    /// Counts, where there are any.
    #[serde(default)]
    pub counts: CheckCounts,
}

/// What is special about a version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionFlags {
    /// Made to mend something that is broken in production.
    #[serde(default)]
    pub is_hotfix: bool,
    /// Carries a database migration that the version before cannot run with.
    #[serde(default)]
    pub has_irreversible_migration: bool,
}
