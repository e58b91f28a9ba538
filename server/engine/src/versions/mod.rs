//! Versions: registering them (the same again changes nothing but checks), adding their checks, reading them.

mod parse;

use std::collections::HashMap;

use async_trait::async_trait;
use contract::{
    Answer, ApiError, Page, PageRequest,
    versions::{
        CheckInput, ImageView, RegisterVersion, Registered, VersionLine, VersionPlace, VersionView, VersionsBackend,
    },
};
use domain::{
    actor::{Act, Actor},
    ids::{EnvironmentId, VersionId},
    version::{Check, Verdict, VersionImage},
};
use store::{NewVersion, Read, Service, StoreError, Tx, Version, VersionRow};

use crate::{Engine, audit, compare, error::OrFail, lists};

/// Commits shown on a version's page.
const COMMITS_AT_MOST: u32 = 200;

/// Where a version was: more than the last few hundred deployments nobody reads.
const PLACES_AT_MOST: u32 = 200;

#[async_trait]
impl VersionsBackend for Engine {
    async fn register_version(&self, actor: &Actor, service: &str, version: RegisterVersion) -> Answer<Registered> {
        actor.may(Act::RegisterVersion)?;
        let parsed = parse::version(&version, self.now())?;
        let mut tx = self.store().begin().await.or_fail(self)?;
        let service = self.service_named(&mut tx, service).await?;
        tx.lock_service(service.id).await.or_fail(self)?;
        let known = tx.version_by_label(service.id, &parsed.label).await.or_fail(self)?;
        let is_pinned = parsed.images.iter().all(|i| i.image.is_pinned());
        let registered = |is_new| Registered {
            service: service.name.to_string(),
            version: parsed.label.to_string(),
            is_new,
            is_pinned,
        };
        if let Some(known) = known {
            let images = tx.version_images(known.id).await.or_fail(self)?;
            same_build(&service, &known, &images, &parsed)?;
            let answer = registered(false);
            self.take_checks(tx, actor, &service, &known, &parsed.checks).await?;
            return Ok(answer);
        }
        let answer = registered(true);
        self.insert(&mut tx, actor, &service, parsed).await?;
        tx.commit().await.or_fail(self)?;
        Ok(answer)
    }

    async fn report_checks(&self, actor: &Actor, service: &str, version: &str, checks: Vec<CheckInput>) -> Answer<()> {
        actor.may(Act::RegisterVersion)?;
        let checks = parse::checks(&checks)?;
        let mut tx = self.store().begin().await.or_fail(self)?;
        let service = self.service_named(&mut tx, service).await?;
        let version = self.version_of(&mut tx, &service, version).await?;
        self.take_checks(tx, actor, &service, &version, &checks).await
    }

    async fn versions(&self, actor: &Actor, service: &str, page: PageRequest) -> Answer<Page<VersionLine>> {
        actor.may(Act::Read)?;
        let mut read = self.store().read().await.or_fail(self)?;
        let service = self.service_named(&mut read, service).await?;
        lines_on(self, &mut read, &service, page).await
    }

    async fn version(&self, actor: &Actor, service: &str, version: &str) -> Answer<VersionView> {
        actor.may(Act::Read)?;
        let mut read = self.store().read().await.or_fail(self)?;
        let service = self.service_named(&mut read, service).await?;
        let version = self.version_of(&mut read, &service, version).await?;
        view(self, &mut read, actor, &service, version).await
    }
}

impl Engine {
    /// Adds checks to a version: they replace those of the same name, the others stay. What is as it was
    /// before is not written, and leaves no entry.
    async fn take_checks(
        &self,
        mut tx: Tx,
        actor: &Actor,
        service: &Service,
        version: &Version,
        checks: &[Check],
    ) -> Answer<()> {
        let known = tx.version_checks(version.id).await.or_fail(self)?;
        let changed: Vec<_> = checks.iter().filter(|check| !known.contains(check)).collect();
        if changed.is_empty() {
            return Ok(());
        }
        for check in &changed {
            tx.put_check(version.id, check).await.or_fail(self)?;
        }
        let names: Vec<_> = changed.iter().map(|c| c.name.as_str()).collect();
        let label = format!("{} {}", service.name, version.label);
        let sentence = format!("reported checks of {label}: {}", names.join(", "));
        let mut entry = audit::Entry::done("version.check", "version", &label, sentence);
        entry.id = Some(version.id.uuid());
        audit::record(&mut tx, self, actor, entry).await.or_fail(self)?;
        tx.commit().await.or_fail(self)
    }

    async fn insert(&self, tx: &mut Tx, actor: &Actor, service: &Service, parsed: parse::Parsed) -> Answer<()> {
        let label = format!("{} {}", service.name, parsed.label);
        let new = NewVersion {
            id: VersionId::new(self.parts.randomness.uuid()),
            service: service.id,
            label: parsed.label,
            commit: parsed.commit,
            flags: parsed.flags,
            images: parsed.images,
            commits: parsed.commits,
            checks: parsed.checks,
            created_at: parsed.built_at,
            registered_by: actor.identity.shown(),
        };
        tx.insert_version(&new).await.or_fail(self)?;
        let mut entry = audit::Entry::done("version.register", "version", &label, format!("registered {label}"));
        entry.id = Some(new.id.uuid());
        audit::record(tx, self, actor, entry).await.or_fail(self)
    }
}

/// Whether what is registered again is the same build.
///
/// # Errors
/// A conflict that says what differs.
fn same_build(service: &Service, known: &Version, images: &[VersionImage], given: &parse::Parsed) -> Answer<()> {
    let sorted = |images: &[VersionImage]| {
        let mut list: Vec<_> = images.iter().map(|i| (i.component.clone(), i.image.clone())).collect();
        list.sort();
        list
    };
    let differs = |what: &str| {
        Err(ApiError::conflict(format!(
            "{} {} is registered already with {what}; a version never changes, so give this build a label of its own",
            service.name, known.label
        )))
    };
    if sorted(images) != sorted(&given.images) {
        let references: Vec<_> = images.iter().map(|i| i.image.reference()).collect();
        return differs(&format!("another image ({})", references.join(", ")));
    }
    if let (Some(known), Some(given)) = (&known.commit, &given.commit)
        && known != given
    {
        return differs(&format!("another commit ({})", known.short()));
    }
    // A flag that is not given may have been left out. One that is must not be lost without a word: somebody
    // decided, or will, by what the version is said to be.
    if given.flags.is_hotfix && !known.flags.is_hotfix {
        return differs("no mark as a hotfix");
    }
    if given.flags.has_irreversible_migration && !known.flags.has_irreversible_migration {
        return differs("no mark of an irreversible migration");
    }
    Ok(())
}

/// Where the versions of a service run now: environments by version, and since when.
pub(crate) struct RunsWhere {
    places: Vec<(EnvironmentId, Option<VersionId>)>,
}

impl RunsWhere {
    /// Loads it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn load(read: &mut Read, service: &Service) -> Result<Self, StoreError> {
        let targets = read.targets_of_service(service.id).await?;
        let running = read.running_of_service(service.id).await?;
        let mut latest: HashMap<EnvironmentId, VersionId> =
            read.latest_deployments(service.id).await?.into_iter().map(|d| (d.environment_id, d.version_id)).collect();
        let mut places = Vec::new();
        for target in &targets {
            let deployed = latest.remove(&target.environment);
            let mut seen = running.iter().filter(|r| r.target_id == target.id).map(|r| r.version_id);
            let runs = match seen.next() {
                // Workloads that differ are between two versions; what was deployed last is the better answer.
                Some(first) if seen.all(|other| other == first) => first,
                Some(_) | None => deployed,
            };
            places.push((target.environment, runs));
        }
        places.extend(latest.into_iter().map(|(environment, version)| (environment, Some(version))));
        Ok(Self { places })
    }

    /// Whether a version runs in an environment now.
    pub(crate) fn runs(&self, version: VersionId, environment: EnvironmentId) -> bool {
        self.places.contains(&(environment, Some(version)))
    }

    /// The version that runs in an environment, when it is known.
    pub(crate) fn version_in(&self, environment: EnvironmentId) -> Option<VersionId> {
        self.places.iter().find(|(e, _)| *e == environment).and_then(|(_, version)| *version)
    }
}

/// The newest versions of a service as lines.
///
/// # Errors
/// The store's trouble.
pub(crate) async fn lines(engine: &Engine, read: &mut Read, service: &Service, limit: u32) -> Answer<Vec<VersionLine>> {
    Ok(lines_on(engine, read, service, PageRequest::new(1, limit)).await?.rows)
}

/// A page of versions as lines.
///
/// # Errors
/// The store's trouble.
pub(crate) async fn lines_on(
    engine: &Engine,
    read: &mut Read,
    service: &Service,
    request: PageRequest,
) -> Answer<Page<VersionLine>> {
    let found = read.versions_of_service(service.id, lists::paging(request)).await.or_fail(engine)?;
    let environments = read.environments().await.or_fail(engine)?;
    let places = RunsWhere::load(read, service).await.or_fail(engine)?;
    let mut titles = newest_titles(read, service, &found.rows).await.or_fail(engine)?;
    let oldest = found.rows.last().map_or(0, |row| row.version.ordinal);
    let newest = found.rows.first().map_or(0, |row| row.version.ordinal);
    let unpinned = read.unpinned_versions(service.id, oldest, newest).await.or_fail(engine)?;
    Ok(lists::page(found, request, |row| {
        let runs = environments.iter().filter(|e| places.runs(row.version.id, e.id));
        let runs_in = runs.map(|e| e.title.clone()).collect();
        let title = titles.remove(&row.version.id);
        let is_pinned = !unpinned.contains(&row.version.id);
        line(row.version, &row.checks, title, runs_in, is_pinned)
    }))
}

/// The first line of the newest commit of each version, of one page of versions.
async fn newest_titles(
    read: &mut Read,
    service: &Service,
    rows: &[VersionRow],
) -> Result<HashMap<VersionId, String>, StoreError> {
    let (Some(newest), Some(oldest)) = (rows.first(), rows.last()) else {
        return Ok(HashMap::new());
    };
    let (until, after) = (newest.version.ordinal, oldest.version.ordinal - 1);
    let mut titles = HashMap::new();
    for commit in read.commits_between(service.id, after, until, TITLES_AT_MOST).await?.commits {
        titles.entry(commit.version_id).or_insert(commit.title);
    }
    Ok(titles)
}

/// Commits that are looked through for the titles of one page of versions.
const TITLES_AT_MOST: u32 = 5_000;

fn line(
    version: Version,
    checks: &[Check],
    title: Option<String>,
    runs_in: Vec<String>,
    is_pinned: bool,
) -> VersionLine {
    VersionLine {
        label: version.label.to_string(),
        commit: version.commit.map(String::from),
        created_at: version.created_at,
        commits: u64::try_from(version.commits_new).unwrap_or_default(),
        title: title.filter(|t| !t.is_empty()),
        checks: verdict(checks),
        is_hotfix: version.flags.is_hotfix,
        has_irreversible_migration: version.flags.has_irreversible_migration,
        is_pinned,
        runs_in,
    }
}

/// All checks as one: failed wins over running, that over passed; `None` without checks.
fn verdict(checks: &[Check]) -> Option<Verdict> {
    let has = |verdict| checks.iter().any(|c| c.verdict == verdict);
    [Verdict::Failed, Verdict::Running, Verdict::Passed, Verdict::Skipped].into_iter().find(|v| has(*v))
}

async fn view(
    engine: &Engine,
    read: &mut Read,
    actor: &Actor,
    service: &Service,
    version: Version,
) -> Answer<VersionView> {
    let environments = read.environments().await.or_fail(engine)?;
    let targets = read.targets_of_service(service.id).await.or_fail(engine)?;
    let runs = RunsWhere::load(read, service).await.or_fail(engine)?;
    let deployments = read.deployments_of_version(version.id, PLACES_AT_MOST).await.or_fail(engine)?;
    let checks = read.version_checks(version.id).await.or_fail(engine)?;
    let images = read.version_images(version.id).await.or_fail(engine)?;
    let commits = read.version_commits(version.id, COMMITS_AT_MOST).await.or_fail(engine)?;
    let before = version.ordinal - 1;
    let previous = read.versions_between(service.id, before - 1, before, 1).await.or_fail(engine)?;
    let got_there = |environment: EnvironmentId| {
        let there = deployments.iter().filter(|d| d.environment_id == environment);
        there.filter(|d| d.outcome == domain::deployment::Outcome::Succeeded).filter_map(|d| d.finished_at).max()
    };
    let places = environments.iter().filter_map(|e| {
        let (runs_now, since) = (runs.runs(version.id, e.id), got_there(e.id));
        (runs_now || since.is_some()).then(|| VersionPlace {
            environment: e.name.to_string(),
            title: e.title.clone(),
            runs_now,
            since,
        })
    });
    let places = places.collect();
    let may_promote = actor.may(Act::RequestPromotion).is_ok();
    let promotable = environments.iter().filter(|e| {
        let has_workloads = targets.iter().any(|t| t.environment == e.id && !t.workloads.is_empty());
        may_promote && has_workloads && !runs.runs(version.id, e.id)
    });
    let promotable_to = promotable.map(|e| (e.name.to_string(), e.title.clone())).collect();
    let runs_in = environments.iter().filter(|e| runs.runs(version.id, e.id)).map(|e| e.title.clone()).collect();
    let is_pinned = images.iter().all(|i| i.image.is_pinned());
    let title = commits.first().map(|c| c.title.clone());
    let images: Vec<ImageView> = images.into_iter().map(compare::image).collect();
    Ok(VersionView {
        service: service.name.to_string(),
        registered_by: version.registered_by.clone(),
        images,
        commits: commits.into_iter().map(compare::commit).collect(),
        line: line(version, &checks, title, runs_in, is_pinned),
        checks: checks.into_iter().map(compare::check).collect(),
        places,
        previous: previous.into_iter().next().map(|v| v.label.to_string()),
        promotable_to,
    })
}
