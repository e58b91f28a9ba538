//! Versions: what CI registers, what people read.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::{
    actor::Actor,
    version::{CheckCounts, Verdict},
};
use serde::{Deserialize, Serialize};

use crate::{Answer, Page, PageRequest};

/// A version as a pipeline registers it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RegisterVersion {
    /// The label, such as `2.30.4`.
    pub version: String,
    /// The image, for a version with one: `registry.example/cart:2.30.4`.
    #[serde(default)]
    pub image: Option<String>,
    /// The image's digest, `sha256:…`.
    #[serde(default)]
    pub digest: Option<String>,
    /// The images, for a version with several.
    #[serde(default)]
    pub images: Vec<ComponentImage>,
    /// The commit that was built.
    #[serde(default)]
    pub commit: Option<String>,
    /// The commits since the version before, newest first.
    #[serde(default)]
    pub commits: Vec<CommitInput>,
    /// Tests, scans and other checks so far; more may be reported later.
    #[serde(default)]
    pub checks: Vec<CheckInput>,
    /// Whether it mends something that is broken in production.
    #[serde(default)]
    pub hotfix: bool,
    /// Whether it carries a migration that the version before cannot run with.
    #[serde(default)]
    pub irreversible_migration: bool,
    /// When it was built; now when absent.
    #[serde(default)]
    pub built_at: Option<DateTime<Utc>>,
}

/// One of several images of a version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ComponentImage {
    /// The component, by the name of its container.
    pub component: String,
    /// The image reference.
    pub image: String,
    /// The digest.
    #[serde(default)]
    pub digest: Option<String>,
}

/// A commit as a pipeline reports it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CommitInput {
    /// The hash.
    pub hash: String,
    /// The author.
    pub author: String,
    /// The first line of the message.
    pub title: String,
    /// When it was committed.
    pub committed_at: DateTime<Utc>,
}

/// A check as a pipeline reports it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CheckInput {
    /// What was checked.
    pub name: String,
    /// `passed`, `failed`, `running` or `skipped`.
    #[cfg_attr(feature = "openapi", schema(value_type = String, example = "passed"))]
    pub verdict: Verdict,
    /// Where the evidence is.
    #[serde(default)]
    pub link: Option<String>,
    /// Tests run and failed; findings by severity.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub counts: CheckCounts,
}

/// What registering gave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Registered {
    /// The service.
    pub service: String,
    /// The label.
    pub version: String,
    /// Whether it was new; `false` when the same was registered before.
    pub is_new: bool,
    /// Whether every image is bound by digest.
    pub is_pinned: bool,
}

/// A version in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionLine {
    /// The label.
    pub label: String,
    /// The commit that was built.
    pub commit: Option<String>,
    /// When it was built.
    pub created_at: DateTime<Utc>,
    /// Commits since the version before.
    pub commits: u64,
    /// The first line of its newest commit.
    pub title: Option<String>,
    /// Whether a check failed, one is running, or all passed; `None` without checks.
    pub checks: Option<Verdict>,
    /// Flags.
    pub is_hotfix: bool,
    /// Flags.
    pub has_irreversible_migration: bool,
    /// Whether every image is bound by digest.
    pub is_pinned: bool,
    /// Titles of the environments where it runs now.
    pub runs_in: Vec<String>,
}

/// A commit for reading.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitView {
    /// The whole hash.
    pub hash: String,
    /// The author.
    pub author: String,
    /// The first line of the message.
    pub title: String,
    /// When it was committed.
    pub committed_at: DateTime<Utc>,
    /// The version that brought it.
    pub version: String,
}

/// A check for reading.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckView {
    /// What was checked.
    pub name: String,
    /// The result.
    pub verdict: Verdict,
    /// Counts in words; may be empty.
    pub words: String,
    /// Where the evidence is.
    pub link: Option<String>,
}

/// An image for reading.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageView {
    /// The component, when there are several.
    pub component: Option<String>,
    /// The reference without its digest.
    pub reference: String,
    /// The digest, when known.
    pub digest: Option<String>,
}

/// Where a version is or was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionPlace {
    /// The environment's name.
    pub environment: String,
    /// Its title.
    pub title: String,
    /// Whether it runs there now.
    pub runs_now: bool,
    /// When it got there last.
    pub since: Option<DateTime<Utc>>,
}

/// A version's page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionView {
    /// The service.
    pub service: String,
    /// The line that lists show.
    pub line: VersionLine,
    /// Who registered it.
    pub registered_by: String,
    /// The images.
    pub images: Vec<ImageView>,
    /// The commits since the version before, newest first, at most 200.
    pub commits: Vec<CommitView>,
    /// The checks.
    pub checks: Vec<CheckView>,
    /// Where it is and was.
    pub places: Vec<VersionPlace>,
    /// The label of the version before.
    pub previous: Option<String>,
    /// Environments that the actor can promote it to: name and title.
    pub promotable_to: Vec<(String, String)>,
}

/// Use cases of versions.
#[async_trait]
pub trait VersionsBackend: Send + Sync {
    /// Registers a version. The same again changes nothing; the same label with other images is a conflict.
    async fn register_version(&self, actor: &Actor, service: &str, version: RegisterVersion) -> Answer<Registered>;
    /// Adds or replaces checks of a version by their names.
    async fn report_checks(&self, actor: &Actor, service: &str, version: &str, checks: Vec<CheckInput>) -> Answer<()>;
    /// The versions of a service, newest first.
    async fn versions(&self, actor: &Actor, service: &str, page: PageRequest) -> Answer<Page<VersionLine>>;
    /// A version's page.
    async fn version(&self, actor: &Actor, service: &str, version: &str) -> Answer<VersionView>;
}
