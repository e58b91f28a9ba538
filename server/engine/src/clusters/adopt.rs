//! Starting with what is there: Deployments that run become services with a first version, which is
//! a rollback target from then on. Those ticked for the same service and environment become one target;
//! one that cannot be taken is left out with its reason, and the others are taken all the same.

use std::collections::{HashMap, HashSet};

use contract::{
    Answer,
    clusters::{AdoptWorkload, Adopted, FoundWorkload},
};
use domain::{
    actor::Actor,
    deployment::{Cause, Outcome},
    ids::{DeploymentId, ServiceId, TargetId, TeamId, VersionId},
    image::{Image, ImageError, TagAlone, in_words},
    names::{ContainerName, EnvironmentName, ServiceName, TeamName},
    observation::{Manager, WorkloadObservation, WorkloadRef},
    outside::Deployer,
    strategy::Strategy,
    version::{VersionFlags, VersionImage, VersionLabel},
};
use ports::DiscoveredWorkload;
use store::{Cluster, Deployment, Environment, NewVersion, Service, StoreError, Target, TargetWorkload, Team, Tx};

use crate::{Engine, audit, clusters::owners, error::OrFail};

/// Tier of a service that nobody has judged yet: the middle one.
const TIER: u8 = 2;

/// Who reported a deployment that nobody made while Slipway was there.
const FOUND: &str = "found in the cluster";

/// What can be adopted, with guesses from labels and namespaces.
///
/// # Errors
/// The store's trouble.
pub(crate) async fn offers(
    engine: &Engine,
    cluster: &Cluster,
    found: Vec<DiscoveredWorkload>,
) -> Answer<Vec<FoundWorkload>> {
    let mut read = engine.store().read().await.or_fail(engine)?;
    let environments = read.environments().await.or_fail(engine)?;
    let owners = read.owners_in_cluster(cluster.id).await.or_fail(engine)?;
    let owners: HashMap<_, _> = owners.into_iter().collect();
    let offer = |one: DiscoveredWorkload| {
        let seen = &one.observation;
        let label = |keys: &[&str]| {
            keys.iter().find_map(|key| one.labels.iter().find(|(k, _)| k == key)).map(|(_, value)| value.clone())
        };
        FoundWorkload {
            namespace: seen.workload.namespace.to_string(),
            name: seen.workload.name.to_string(),
            kind: seen.workload.kind,
            containers: seen.shown_images().iter().map(|i| (i.container.to_string(), in_words(&i.image))).collect(),
            ready: seen.ready_replicas,
            wanted: seen.wanted_replicas,
            service: owners.get(&seen.workload).map(ToString::to_string),
            managed_by: not_taken_because(seen),
            caution: caution(seen),
            suggested_service: label(&["app.kubernetes.io/name", "app"])
                .filter(|name| ServiceName::parse(name).is_ok())
                .unwrap_or_else(|| seen.workload.name.to_string()),
            suggested_team: label(&["team", "app.kubernetes.io/part-of"]).unwrap_or_default(),
            suggested_environment: environment_for(&environments, seen),
        }
    };
    Ok(found.into_iter().map(offer).collect())
}

/// Why an object cannot be a target, in words that follow its name.
fn not_taken_because(seen: &WorkloadObservation) -> Option<String> {
    if let Some(manager) = seen.manager.as_ref().filter(|manager| !is_by_consent(manager, seen)) {
        return Some(format!("{}: {}", manager.words(), manager.advice_for(seen.workload.kind)));
    }
    // A rollout under way passes; a place for a version does not come by itself.
    let unfit = seen.tool.as_ref().and_then(domain::delegated::ToolStatus::unfit);
    unfit.filter(|_| seen.shown_images().is_empty()).map(str::to_owned)
}

/// Whether a person's word is all that a promotion of it needs.
fn is_by_consent(manager: &Manager, seen: &WorkloadObservation) -> bool {
    seen.workload.kind.is_deployment() && manager.allows(true)
}

fn caution(seen: &WorkloadObservation) -> Option<String> {
    let manager = seen.manager.as_ref().filter(|manager| is_by_consent(manager, seen))?;
    Some(format!(
        "belongs to {}: promotions are refused until a release manager says on the target's page that Slipway may write it",
        manager.words()
    ))
}

/// An environment whose name is a part of the namespace's, or nothing.
fn environment_for(environments: &[Environment], seen: &WorkloadObservation) -> String {
    let parts: Vec<_> = seen.workload.namespace.as_str().split('-').collect();
    let whole = seen.workload.namespace.as_str();
    let fits = |e: &&Environment| whole == e.name.as_str() || parts.contains(&e.name.as_str());
    environments.iter().find(fits).map(|e| e.name.to_string()).unwrap_or_default()
}

/// Why something is not taken.
enum LeftOut {
    /// For this reason; the others go on.
    Because(String),
    /// The store failed.
    Failed(StoreError),
}

impl From<StoreError> for LeftOut {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unique { what } => Self::Because(format!("{} is taken", what.words())),
            error => Self::Failed(error),
        }
    }
}

impl LeftOut {
    fn because(reason: impl Into<String>) -> Self {
        Self::Because(reason.into())
    }
}

/// Makes services, targets, first versions and their deployments: all workloads of a target in one
/// transaction, each target for itself. What cannot be taken is left out with its reason.
///
/// # Errors
/// The store's trouble when nothing was taken yet; later it is a reason for leaving out.
pub(crate) async fn adopt(
    engine: &Engine,
    actor: &Actor,
    cluster: &Cluster,
    found: Vec<DiscoveredWorkload>,
    wanted: Vec<AdoptWorkload>,
) -> Answer<Adopted> {
    let mut done = Adopted::default();
    let mut groups: Vec<Vec<Chosen<'_>>> = Vec::new();
    let mut ticked = HashSet::new();
    for one in &wanted {
        let name = format!("{}/{}", one.namespace, one.name);
        let seen = found.iter().map(|f| &f.observation).find(|s| is_it(s, one));
        let chosen = seen.ok_or_else(|| "it is not there any more".to_owned()).and_then(|seen| Chosen::from(one, seen));
        match chosen {
            Ok(chosen) if !ticked.insert((name.clone(), chosen.container.clone())) => {}
            Ok(chosen) => match groups.iter_mut().find(|g| g.first().is_some_and(|c| c.has_place_of(&chosen))) {
                Some(group) => group.push(chosen),
                None => groups.push(vec![chosen]),
            },
            Err(why) => done.left_out.push(format!("{name}: {why}")),
        }
    }
    for group in groups {
        let why = match take(engine, actor, cluster, &group, &mut done).await {
            Ok(()) => continue,
            Err(LeftOut::Because(why)) => why,
            Err(LeftOut::Failed(error)) => {
                let error = engine.store_failed(error);
                if done == Adopted::default() {
                    return Err(error);
                }
                error.message
            }
        };
        done.left_out.extend(group.iter().map(|c| format!("{}: {why}", c.seen.workload)));
    }
    // What runs is known from this very look, so the Board need not wait for the watch.
    for seen in found.iter().map(|f| &f.observation) {
        if wanted.iter().any(|one| is_it(seen, one))
            && let Err(error) = engine.take_in_workload(cluster.id, seen).await
        {
            tracing::warn!(cluster.id = %cluster.id, error.message = %error, "what was taken over is not shown yet");
        }
    }
    Ok(done)
}

fn is_it(seen: &WorkloadObservation, wanted: &AdoptWorkload) -> bool {
    let WorkloadRef { namespace, name, kind } = &seen.workload;
    (namespace.as_str(), name.as_str(), *kind) == (wanted.namespace.as_str(), wanted.name.as_str(), wanted.kind)
}

/// Takes what was ticked for one service in one environment.
async fn take(
    engine: &Engine,
    actor: &Actor,
    cluster: &Cluster,
    group: &[Chosen<'_>],
    done: &mut Adopted,
) -> Result<(), LeftOut> {
    let Some(first) = group.first() else { return Ok(()) };
    let mut tx = engine.store().begin().await?;
    let environment = tx.environment_by_name(&first.environment).await?;
    let environment =
        environment.ok_or_else(|| LeftOut::because(format!("there is no environment {}", first.environment)))?;
    let (service, is_new) = service_of(engine, &mut tx, first).await?;
    tx.lock_service(service).await?;
    let mut known = tx.target_of(service, environment.id).await?;
    if let Some(target) = &known {
        // Read again once it is ours: its strategy is written with it, and may have been set meanwhile.
        tx.hold_target(target.id).await?;
        known = tx.target_of(service, environment.id).await?;
    }
    not_taken(&mut tx, cluster, group, known.as_ref()).await?;
    let (version, components) = match &known {
        Some(known) => components_like(&mut tx, known, group).await?,
        None => components_of(group)?,
    };
    let (version, is_new_version) = match version {
        Some(version) => (version, false),
        None => version_of(engine, &mut tx, service, group, &components, actor).await?,
    };
    let places = group.iter().zip(components).map(|(chosen, component)| TargetWorkload {
        cluster: cluster.id,
        workload: chosen.seen.workload.clone(),
        container: chosen.container.clone(),
        component,
    });
    let is_new_target = known.is_none();
    let mut target = known.unwrap_or_else(|| Target {
        id: TargetId::new(engine.uuid()),
        service,
        environment: environment.id,
        strategy: Strategy::Rolling,
        deployer: Deployer::Clusters,
        workloads: vec![],
    });
    target.deployer = Deployer::Clusters;
    target.workloads.extend(places);
    if is_new_target {
        tx.insert_target(&target).await?;
        let deployment = first_deployment(engine, &target, version, actor);
        tx.insert_deployment(&deployment).await?;
        tx.mark_deployment_found(deployment.id).await?;
    } else {
        tx.replace_target(&target).await?;
    }
    let names: Vec<_> = group.iter().map(|c| c.seen.workload.to_string()).collect();
    let sentence = format!("took over {} in {} as {}", names.join(", "), cluster.name, first.service);
    let label = first.service.to_string();
    let mut entry = audit::Entry::done("cluster.adopt", "service", &label, sentence);
    entry.id = Some(service.uuid());
    audit::record(&mut tx, engine, actor, entry).await?;
    tx.commit().await?;
    done.targets += u64::from(is_new_target);
    done.services += u64::from(is_new);
    done.versions += u64::from(is_new_version);
    Ok(())
}

/// Refuses what belongs to a target already: to another one altogether, to this one container by container.
async fn not_taken(
    tx: &mut Tx,
    cluster: &Cluster,
    group: &[Chosen<'_>],
    known: Option<&Target>,
) -> Result<(), LeftOut> {
    for chosen in group {
        let workload = &chosen.seen.workload;
        if let Some(other) = owners::other_target(tx, cluster.id, workload, known.map(|t| t.id)).await? {
            return Err(LeftOut::because(owners::is_taken(workload, &other)));
        }
        let has_it =
            |w: &TargetWorkload| w.cluster == cluster.id && w.workload == *workload && w.container == chosen.container;
        if known.is_some_and(|t| t.workloads.iter().any(has_it)) {
            return Err(LeftOut::because(format!("the container {} is a target already", chosen.container)));
        }
    }
    Ok(())
}

/// The version and, for each chosen one, its component.
type Fitting = (Option<VersionId>, Vec<Option<ContainerName>>);

/// Which of a version's images each chosen one runs, when they are to be a target of their own: none
/// in particular when all run the same, otherwise one named after the container, or after the workload
/// where containers of one name run different images.
fn components_of(group: &[Chosen<'_>]) -> Result<Fitting, LeftOut> {
    if group.iter().all(|c| c.image == group[0].image) {
        return Ok((None, vec![None; group.len()]));
    }
    let is_named_well = group.iter().all(|a| {
        let namesakes = group.iter().filter(|b| b.container == a.container);
        namesakes.into_iter().all(|b| b.image == a.image)
    });
    let name = |chosen: &Chosen<'_>| {
        if is_named_well {
            return Ok(Some(chosen.container.clone()));
        }
        let name = ContainerName::parse(chosen.seen.workload.name.as_str());
        name.map(Some).map_err(|_| {
            LeftOut::because(format!(
                "several containers {} run different images; set the workloads of the target by hand",
                chosen.container
            ))
        })
    };
    Ok((None, group.iter().map(name).collect::<Result<_, _>>()?))
}

/// As [`components_of`], for a target that is there: what is added must run a version that the service
/// has, in the same way as what is there, or a new one where versions have a single image.
async fn components_like(tx: &mut Tx, known: &Target, group: &[Chosen<'_>]) -> Result<Fitting, LeftOut> {
    let mut version = None;
    let mut components = Vec::with_capacity(group.len());
    for chosen in group {
        let found = tx.versions_by_image(known.service, &chosen.image).await?.into_iter().next();
        let Some(found) = found else { break };
        let images = tx.version_images(found.id).await?;
        let image = images.iter().find(|i| i.image.repository() == chosen.image.repository());
        components.push(image.and_then(|i| i.component.clone()));
        version.get_or_insert(found.id);
    }
    if components.len() == group.len() {
        return Ok((version, components));
    }
    let is_single = known.workloads.iter().all(|w| w.component.is_none());
    if is_single && group.iter().all(|c| c.image == group[0].image) {
        return Ok((None, vec![None; group.len()]));
    }
    Err(LeftOut::because(
        "the service has a target there already, and no version of it has this image; set the target's workloads by hand",
    ))
}

/// What a person chose, parsed, and what runs there.
struct Chosen<'a> {
    seen: &'a WorkloadObservation,
    service: ServiceName,
    team: TeamName,
    environment: EnvironmentName,
    container: ContainerName,
    image: Image,
}

impl<'a> Chosen<'a> {
    fn from(wanted: &AdoptWorkload, seen: &'a WorkloadObservation) -> Result<Self, String> {
        if let Some(manager) = &seen.manager {
            return Err(format!("it belongs to {}. {}", manager.words(), manager.advice_for(seen.workload.kind)));
        }
        let container = ContainerName::parse(&wanted.container).map_err(|e| format!("container: {e}"))?;
        let image = seen.shown_images().into_iter().find(|one| one.container == container).map(|one| one.image);
        let image = image.ok_or_else(|| format!("it has no {} {container}", seen.workload.kind.place()))?;
        let image = image.as_str();
        if TagAlone::parse(image).is_some() {
            return Err(format!(
                "it says the {} alone, and nothing that runs shows of which image; report the version to Slipway, and add this \
                 to a target of the service on the target's page",
                in_words(image)
            ));
        }
        let image = Image::parse(image, None).map_err(|e: ImageError| e.to_string())?;
        Ok(Self {
            seen,
            service: ServiceName::parse(&wanted.service).map_err(|e| format!("service: {e}"))?,
            team: TeamName::parse(&wanted.team).map_err(|e| format!("team: {e}"))?,
            environment: EnvironmentName::parse(&wanted.environment).map_err(|e| format!("environment: {e}"))?,
            container,
            image,
        })
    }

    fn has_place_of(&self, other: &Self) -> bool {
        self.service == other.service && self.environment == other.environment
    }

    /// The tag when it is a label, otherwise the digest's beginning.
    fn label(&self) -> Option<VersionLabel> {
        let tag = self.image.tag().and_then(|tag| VersionLabel::parse(tag).ok());
        let digest = || self.image.digest()?.as_str().trim_start_matches("sha256:").get(..12);
        tag.or_else(|| digest().and_then(|d| VersionLabel::parse(d).ok()))
    }
}

async fn service_of(engine: &Engine, tx: &mut Tx, chosen: &Chosen<'_>) -> Result<(ServiceId, bool), StoreError> {
    if let Some(service) = tx.service_by_name(&chosen.service).await? {
        return Ok((service.id, false));
    }
    let team = match tx.team_by_name(&chosen.team).await? {
        Some(team) => team.id,
        None => {
            let id = TeamId::new(engine.uuid());
            let title = title_of(chosen.team.as_str());
            tx.insert_team(&Team { id, name: chosen.team.clone(), title }).await?;
            id
        }
    };
    let service = Service {
        id: ServiceId::new(engine.uuid()),
        name: chosen.service.clone(),
        title: chosen.service.to_string(),
        team_id: team,
        tier: TIER,
        description: String::new(),
        repository: None,
        runbook: None,
        created_at: engine.now(),
    };
    tx.insert_service(&service).await?;
    Ok((service.id, true))
}

/// The version that runs: one that is known with all of these images, or a new one.
async fn version_of(
    engine: &Engine,
    tx: &mut Tx,
    service: ServiceId,
    group: &[Chosen<'_>],
    components: &[Option<ContainerName>],
    actor: &Actor,
) -> Result<(VersionId, bool), LeftOut> {
    let mut common: Option<Vec<VersionId>> = None;
    for chosen in group {
        let known = tx.versions_by_image(service, &chosen.image).await?.into_iter().map(|v| v.id);
        common = Some(match common {
            None => known.collect(),
            Some(common) => known.filter(|id| common.contains(id)).collect(),
        });
    }
    if let Some(version) = common.unwrap_or_default().first() {
        return Ok((*version, false));
    }
    let first = &group[0];
    let label = first.label().ok_or_else(|| LeftOut::because("the image's tag cannot be a version's label"))?;
    if tx.version_by_label(service, &label).await?.is_some() {
        return Err(LeftOut::because(format!(
            "{} {label} is registered with another image than {}",
            first.service,
            first.image.reference()
        )));
    }
    let mut images: Vec<VersionImage> = Vec::new();
    for (chosen, component) in group.iter().zip(components) {
        let image = VersionImage { component: component.clone(), image: chosen.image.clone() };
        if !images.contains(&image) {
            images.push(image);
        }
    }
    let version = NewVersion {
        id: VersionId::new(engine.uuid()),
        service,
        label,
        commit: None,
        flags: VersionFlags::default(),
        images,
        commits: vec![],
        checks: vec![],
        created_at: engine.now(),
        registered_by: format!("{} ({FOUND})", actor.identity.shown()),
    };
    let version = tx.insert_version(&version).await?;
    Ok((version.id, true))
}

/// What runs got there somehow; from now on it is what a rollback can go back to. When and how is not
/// known, so it counts in no figure.
fn first_deployment(engine: &Engine, target: &Target, version: VersionId, actor: &Actor) -> Deployment {
    let now = engine.now();
    Deployment {
        id: DeploymentId::new(engine.uuid()),
        promotion_id: None,
        service_id: target.service,
        environment_id: target.environment,
        version_id: version,
        previous_version_id: None,
        cause: Cause::Planned,
        outcome: Outcome::Succeeded,
        requested_at: None,
        approved_at: None,
        started_at: now,
        finished_at: Some(now),
        requested_by: actor.identity.shown(),
        reported_by: Some(FOUND.to_owned()),
        external_id: Some(format!("adopted-{}", target.id)),
    }
}

/// `platform-tools` becomes `Platform tools`.
pub(crate) fn title_of(name: &str) -> String {
    let words = name.replace('-', " ");
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
