//! The company's own Argo CD, for the one service whose version lives in Git: a tool in the cluster that is
//! played in the process. It brings what the branch says some seconds after it was committed.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use contract::git::{GitBackend as _, GitInput};
use domain::{
    actor::{Actor, Identity, Role},
    image::Image,
    names::{ContainerName, Namespace, WorkloadName},
    observation::{Manager, Observed, WorkloadRef},
};
use engine::Engine;
use practice::{PracticeCluster, PracticeRepositories};
use tokio_util::sync::CancellationToken;

use super::company;
use crate::wiring::Played;

/// The branch that Argo CD reads.
const BRANCH: &str = "main";

/// The file on it.
const FILE: &str = "production/routing/kustomization.yaml";

/// The field that says the version.
const FIELD: &str = "images[name=routing].newTag";

/// What lets Slipway into the repository. There is nothing to protect.
const TOKEN: &str = "practice";

/// How often Argo CD looks.
const PERIOD: Duration = Duration::from_millis(500);

/// How long it takes to bring a commit: as long as one that is told by a webhook of its host.
const BRINGS_WITHIN: Duration = Duration::from_secs(5);

/// Gives the service over to Argo CD, and its version into the repository.
///
/// # Errors
/// When the database, the cluster or the repository fails, or the company is not there.
pub async fn move_there(engine: &Engine, played: &Played) -> anyhow::Result<()> {
    let workload = workload()?;
    let manager = Manager::ArgoCd { application: company::IN_GIT.to_owned() };
    played.cluster.set_manager(&workload, Some(manager))?;
    let (_, image) = runs(&played.cluster, &workload)?.context("the service runs nowhere")?;
    let tag = image.tag().context("its image has no tag")?;
    played.repositories.set(PracticeRepositories::ADDRESS, BRANCH, FILE, FIELD, tag)?;
    let admin = Actor { identity: Identity::rule("demo"), role: Role::Admin, from: None };
    let place = GitInput {
        repository: PracticeRepositories::ADDRESS.to_owned(),
        branch: BRANCH.to_owned(),
        file: FILE.to_owned(),
        fields: FIELD.to_owned(),
        token: TOKEN.to_owned(),
        ..GitInput::default()
    };
    engine.set_git_place(&admin, company::IN_GIT, "production", place).await?;
    Ok(())
}

/// Brings what the branch says until cancelled.
pub async fn sync_for_ever(played: Played, cancel: CancellationToken) {
    let mut seen = BTreeMap::new();
    loop {
        if let Err(error) = sync(&played, &mut seen) {
            tracing::warn!(error.message = %error, "the practice Argo CD cannot bring what the branch says");
        }
        tokio::select! {
            () = cancel.cancelled() => return,
            () = tokio::time::sleep(PERIOD) => {}
        }
    }
}

/// Brings the head of the branch where it was seen long enough ago; `seen` keeps since when each was.
fn sync(played: &Played, seen: &mut BTreeMap<String, Instant>) -> anyhow::Result<()> {
    let Some(head) = played.repositories.log(PracticeRepositories::ADDRESS, BRANCH).pop() else { return Ok(()) };
    let since = *seen.entry(head.hash.to_string()).or_insert_with(Instant::now);
    let Some(tag) = head.values.get(&format!("{FILE}: {FIELD}")) else { return Ok(()) };
    let workload = workload()?;
    let Some((container, image)) = runs(&played.cluster, &workload)? else { return Ok(()) };
    if image.tag() == Some(tag) || since.elapsed() < BRINGS_WITHIN {
        return Ok(());
    }
    let wanted = format!("{}:{tag}", image.repository());
    played.cluster.set_image_by_other(&workload, container.as_str(), &wanted)?;
    Ok(())
}

fn workload() -> anyhow::Result<WorkloadRef> {
    Ok(WorkloadRef::deployment(Namespace::parse("production")?, WorkloadName::parse(company::IN_GIT)?))
}

/// The image that the service runs, and in which container.
fn runs(cluster: &PracticeCluster, workload: &WorkloadRef) -> anyhow::Result<Option<(ContainerName, Image)>> {
    let Observed::Present(now) = cluster.peek(workload)? else { return Ok(None) };
    let first = now.images.into_iter().next();
    first.map(|one| Ok((one.container, Image::parse(&one.image, None)?))).transpose()
}
