//! Versions that live in Git repositories: saying where for a target, trying it, the commits of a promotion.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::{actor::Actor, state::Mark};
use serde::{Deserialize, Serialize};

use crate::Answer;

/// Where the version of a target lives, as it is typed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct GitInput {
    /// The repository: `https://git.example/shop/deploy.git` with a token, or `git@git.example:shop/deploy.git` with a
    /// deploy key.
    #[cfg_attr(feature = "openapi", schema(example = "https://git.example/shop/deploy.git"))]
    pub repository: String,
    /// The branch that the tool in charge reads.
    #[cfg_attr(feature = "openapi", schema(example = "main"))]
    pub branch: String,
    /// The file, from the top of the repository: YAML or JSON.
    #[cfg_attr(feature = "openapi", schema(example = "apps/cart/kustomization.yaml"))]
    pub file: String,
    /// The fields that say the version, one on each line: `spec.values.image.tag`, `images[name=cart].newTag`. After
    /// ` = ` may stand what goes there (`tag`, `image`, `digest`, `version`) and `of NAME` for one of several images.
    #[cfg_attr(feature = "openapi", schema(example = "images[name=cart].newTag"))]
    pub fields: String,
    /// The user whose password the token is; `slipway` when empty, which most hosts take.
    pub user: String,
    /// The token, over https. Left out, the one that is known stays, for the same repository only.
    pub token: String,
    /// The deploy key in OpenSSH's form, without a passphrase, over ssh. Left out, the one that is known stays, as with
    /// `token`.
    pub deploy_key: String,
    /// The host's own keys, over ssh, as `ssh-keyscan` prints them: no other host is believed.
    pub known_hosts: String,
}

/// Where the version of a target lives. Secrets are never shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GitView {
    /// The repository.
    pub repository: String,
    /// The branch.
    pub branch: String,
    /// The file.
    pub file: String,
    /// The fields, one on each line.
    pub fields: String,
    /// Whether it is the demo's stand-in.
    pub is_practice: bool,
    /// Whether a deploy key opens it; otherwise a token does.
    pub is_by_key: bool,
    /// The user of the token.
    pub user: String,
    /// The host's own keys.
    pub known_hosts: String,
    /// When it was set.
    pub changed_at: DateTime<Utc>,
}

/// What came of trying it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GitTestView {
    /// Whether the fields could be read.
    pub is_good: bool,
    /// What they say now; or what is wrong, and what to do.
    pub words: String,
}

/// The commits of a promotion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitsView {
    /// The file: `apps/cart.yaml on main of github.com/shop/deploy`.
    pub place: String,
    /// Each field with what it should say and what it said before.
    pub fields: Vec<FieldChange>,
    /// The commits, oldest first.
    pub commits: Vec<CommitView>,
}

/// A field of a promotion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldChange {
    /// The field.
    pub field: String,
    /// What it said before; `None` before anybody has looked.
    pub before: Option<String>,
    /// What the promotion wants it to say.
    pub wanted: String,
}

/// A commit of a promotion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitView {
    /// Icon and colour.
    pub mark: Mark,
    /// `set 2.30.4`, `set back`; when the file said so already, that.
    pub words: String,
    /// All digits of the commit.
    pub hash: String,
    /// The first ones, for people.
    pub short: String,
    /// Its page, where the host is one whose pages are known.
    pub link: Option<String>,
    /// When it was known.
    pub at: DateTime<Utc>,
}

/// Use cases of versions in Git repositories.
#[async_trait]
pub trait GitBackend: Send + Sync {
    /// Where the version of a target lives; `None` when it is set in the cluster.
    ///
    /// # Errors
    /// Not found, with the name.
    async fn git_place(&self, actor: &Actor, service: &str, environment: &str) -> Answer<Option<GitView>>;

    /// Says where the version of a target lives; from then on promotions commit there.
    ///
    /// # Errors
    /// Invalid with the field that cannot be.
    async fn set_git_place(&self, actor: &Actor, service: &str, environment: &str, input: GitInput) -> Answer<()>;

    /// Forgets it: from then on promotions set the version in the cluster.
    ///
    /// # Errors
    /// Not found when there is none.
    async fn clear_git_place(&self, actor: &Actor, service: &str, environment: &str) -> Answer<()>;

    /// Reads the fields, and changes nothing.
    ///
    /// # Errors
    /// Not found when there is none; what keeps it from being read is in the answer.
    async fn test_git_place(&self, actor: &Actor, service: &str, environment: &str) -> Answer<GitTestView>;
}
