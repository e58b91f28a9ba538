//! What would change between two versions: the commits of all versions between them, each once.

use async_trait::async_trait;
use contract::{
    Answer,
    compare::{CompareBackend, Comparison},
    versions::{CheckView, CommitView, ImageView},
};
use domain::{
    actor::{Act, Actor},
    comparison::{Between, authors},
    version::{Check, VersionImage},
};
use store::{CommitRow, Read, Service, Version};

use crate::{Engine, error::OrFail};

/// Commits that are shown; the count says how many there are.
const COMMITS_AT_MOST: u32 = 200;

/// Versions in the range that are named.
const VERSIONS_AT_MOST: u32 = 100;

/// The comparison of two versions of a service; `from` is `None` when nothing ran before, then only
/// what `to` itself brings is shown.
///
/// # Errors
/// The store's trouble.
pub(crate) async fn between(
    engine: &Engine,
    read: &mut Read,
    service: &Service,
    from: Option<&Version>,
    to: &Version,
) -> Answer<Comparison> {
    let range = Between::new(from.map(|v| v.ordinal), to.ordinal);
    let after = range.after.unwrap_or(range.until - 1);
    let commits = read.commits_between(service.id, after, range.until, COMMITS_AT_MOST).await.or_fail(engine)?;
    let versions = read.versions_between(service.id, after, range.until, VERSIONS_AT_MOST).await.or_fail(engine)?;
    let checks = read.version_checks(to.id).await.or_fail(engine)?;
    let images = read.version_images(to.id).await.or_fail(engine)?;
    Ok(Comparison {
        service: service.name.to_string(),
        from: from.map(|v| v.label.to_string()),
        to: to.label.to_string(),
        is_backward: range.is_backward,
        versions: versions.iter().map(|v| v.label.to_string()).collect(),
        commit_count: u64::try_from(commits.total).unwrap_or_default(),
        authors: authors(commits.commits.iter().map(|c| c.author.as_str())),
        commits: commits.commits.into_iter().map(commit).collect(),
        checks: checks.into_iter().map(check).collect(),
        images: images.into_iter().map(image).collect(),
        migrations: versions
            .iter()
            .filter(|v| v.flags.has_irreversible_migration)
            .map(|v| v.label.to_string())
            .collect(),
    })
}

/// A commit for reading.
pub(crate) fn commit(row: CommitRow) -> CommitView {
    CommitView {
        hash: row.hash.to_string(),
        author: row.author,
        title: row.title,
        committed_at: row.committed_at,
        version: row.label.to_string(),
    }
}

/// A check for reading.
pub(crate) fn check(check: Check) -> CheckView {
    CheckView {
        words: check.counts.words(),
        name: check.name,
        verdict: check.verdict,
        link: check.link.map(String::from),
    }
}

/// An image for reading.
pub(crate) fn image(one: VersionImage) -> ImageView {
    let tag = one.image.tag().map(|t| format!(":{t}")).unwrap_or_default();
    ImageView {
        component: one.component.map(String::from),
        reference: format!("{}{tag}", one.image.repository()),
        digest: one.image.digest().map(ToString::to_string),
    }
}

#[async_trait]
impl CompareBackend for Engine {
    async fn compare(&self, actor: &Actor, service: &str, from: Option<&str>, to: &str) -> Answer<Comparison> {
        actor.may(Act::Read)?;
        let mut read = self.store().read().await.or_fail(self)?;
        let service = self.service_named(&mut read, service).await?;
        let to = self.version_of(&mut read, &service, to).await?;
        let from = match from.filter(|label| !label.is_empty()) {
            Some(label) => Some(self.version_of(&mut read, &service, label).await?),
            None => None,
        };
        between(self, &mut read, &service, from.as_ref(), &to).await
    }
}
