//! Starting with what is there: Deployments that run become services with a first version, which is
//! a rollback target from then on.

use std::collections::HashMap;

use contract::{
    Answer, ApiError,
    clusters::{AdoptWorkload, Adopted, FoundWorkload},
};
use domain::{
    actor::Actor,
    deployment::{Cause, Outcome},
    ids::{DeploymentId, ServiceId, TargetId, TeamId, VersionId},
    image::{Image, ImageError},
    names::{ContainerName, EnvironmentName, ServiceName, TeamName},
    observation::WorkloadObservation,
    strategy::Strategy,
    version::{VersionFlags, VersionImage, VersionLabel},
};
use ports::DiscoveredWorkload;
use store::{Cluster, Deployment, Environment, NewVersion, Service, Target, TargetWorkload, Team, Tx};

use crate::{Engine, audit, error::OrFail};

/// Tier of a service that nobody has judged yet: the middle one.
const TIER: u8 = 2;

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
    let mut owners = HashMap::new();
    for target in read.targets().await.or_fail(engine)? {
        for row in target.workloads.into_iter().filter(|w| w.cluster == cluster.id) {
            owners.insert(row.workload, target.service);
        }
    }
    let mut names = HashMap::new();
    for id in owners.values() {
        if let Some(service) = read.service(*id).await.or_fail(engine)? {
            names.insert(*id, service.name.to_string());
        }
    }
    let offer = |one: DiscoveredWorkload| {
        let seen = &one.observation;
        let label = |keys: &[&str]| {
            keys.iter().find_map(|key| one.labels.iter().find(|(k, _)| k == key)).map(|(_, value)| value.clone())
        };
        FoundWorkload {
            namespace: seen.workload.namespace.to_string(),
            name: seen.workload.name.to_string(),
            containers: seen.images.iter().map(|i| (i.container.to_string(), i.image.clone())).collect(),
            ready: seen.ready_replicas,
            wanted: seen.wanted_replicas,
            service: owners.get(&seen.workload).and_then(|id| names.get(id)).cloned(),
            managed_by: seen.manager.as_ref().map(domain::observation::Manager::words),
            suggested_service: label(&["app.kubernetes.io/name", "app"])
                .filter(|name| ServiceName::parse(name).is_ok())
                .unwrap_or_else(|| seen.workload.name.to_string()),
            suggested_team: label(&["team", "app.kubernetes.io/part-of"]).unwrap_or_default(),
            suggested_environment: environment_for(&environments, seen),
        }
    };
    Ok(found.into_iter().map(offer).collect())
}

/// An environment whose name is a part of the namespace's, or nothing.
fn environment_for(environments: &[Environment], seen: &WorkloadObservation) -> String {
    let parts: Vec<_> = seen.workload.namespace.as_str().split('-').collect();
    let whole = seen.workload.namespace.as_str();
    let fits = |e: &&Environment| whole == e.name.as_str() || parts.contains(&e.name.as_str());
    environments.iter().find(fits).map(|e| e.name.to_string()).unwrap_or_default()
}

/// Makes services, targets, first versions and their deployments; each workload for itself, so that
/// one that cannot be taken is left out with its reason.
///
/// # Errors
/// The store's trouble; nothing is kept then.
pub(crate) async fn adopt(
    engine: &Engine,
    actor: &Actor,
    cluster: &Cluster,
    found: Vec<DiscoveredWorkload>,
    wanted: Vec<AdoptWorkload>,
) -> Answer<Adopted> {
    let mut done = Adopted::default();
    for one in wanted {
        let name = format!("{}/{}", one.namespace, one.name);
        let seen = found.iter().map(|f| &f.observation).find(|s| s.workload.to_string() == name);
        let taken = match seen {
            None => Err("it is not there any more".to_owned()),
            Some(seen) => take(engine, actor, cluster, seen, &one, &mut done).await?,
        };
        if let Err(why) = taken {
            done.left_out.push(format!("{name}: {why}"));
        }
    }
    Ok(done)
}

/// The inner result is the reason for leaving this one out.
async fn take(
    engine: &Engine,
    actor: &Actor,
    cluster: &Cluster,
    seen: &WorkloadObservation,
    wanted: &AdoptWorkload,
    done: &mut Adopted,
) -> Answer<Result<(), String>> {
    if let Some(manager) = &seen.manager {
        return Ok(Err(format!("it belongs to {}. {}", manager.words(), manager.advice())));
    }
    let parsed = match Parsed::from(wanted, seen) {
        Ok(parsed) => parsed,
        Err(why) => return Ok(Err(why)),
    };
    let mut tx = engine.store().begin().await.or_fail(engine)?;
    let environment = tx.environment_by_name(&parsed.environment).await.or_fail(engine)?;
    let Some(environment) = environment else {
        return Ok(Err(format!("there is no environment {}", parsed.environment)));
    };
    let (service, is_new) = service_of(engine, &mut tx, &parsed).await?;
    if tx.target_of(service, environment.id).await.or_fail(engine)?.is_some() {
        return Ok(Err(format!("{} has a target in {} already", parsed.service, environment.title)));
    }
    let target = Target {
        id: TargetId::new(engine.uuid()),
        service,
        environment: environment.id,
        strategy: Strategy::Rolling,
        workloads: vec![TargetWorkload {
            cluster: cluster.id,
            workload: seen.workload.clone(),
            container: parsed.container.clone(),
            component: None,
        }],
    };
    tx.insert_target(&target).await.or_fail(engine)?;
    let (version, is_new_version) = version_of(engine, &mut tx, service, &parsed, actor).await?;
    let deployment = first_deployment(engine, &target, version, actor);
    tx.insert_deployment(&deployment).await.or_fail(engine)?;
    let sentence = format!("took over {} in {} as {}", seen.workload, cluster.name, parsed.service);
    let label = parsed.service.to_string();
    let mut entry = audit::Entry::done("cluster.adopt", "service", &label, sentence);
    entry.id = Some(service.uuid());
    audit::record(&mut tx, engine, actor, entry).await.or_fail(engine)?;
    tx.signal(store::Entity::Service, service.uuid(), 0);
    tx.commit().await.or_fail(engine)?;
    done.targets += 1;
    done.services += u64::from(is_new);
    done.versions += u64::from(is_new_version);
    // What runs is known from this very look, so the Board need not wait for the next change.
    engine.take_in_workload(cluster.id, seen).await.or_fail(engine)?;
    Ok(Ok(()))
}

/// What a person chose, parsed.
struct Parsed {
    service: ServiceName,
    team: TeamName,
    environment: EnvironmentName,
    container: ContainerName,
    image: Image,
}

impl Parsed {
    fn from(wanted: &AdoptWorkload, seen: &WorkloadObservation) -> Result<Self, String> {
        let container = ContainerName::parse(&wanted.container).map_err(|e| format!("container: {e}"))?;
        let image = seen.image_of(container.as_str()).ok_or_else(|| format!("it has no container {container}"))?;
        let image = Image::parse(image, None).map_err(|e: ImageError| e.to_string())?;
        Ok(Self {
            service: ServiceName::parse(&wanted.service).map_err(|e| format!("service: {e}"))?,
            team: TeamName::parse(&wanted.team).map_err(|e| format!("team: {e}"))?,
            environment: EnvironmentName::parse(&wanted.environment).map_err(|e| format!("environment: {e}"))?,
            container,
            image,
        })
    }

    /// The tag when it is a label, otherwise the digest's beginning.
    fn label(&self) -> Option<VersionLabel> {
        let tag = self.image.tag().and_then(|tag| VersionLabel::parse(tag).ok());
        let digest = || self.image.digest().map(|d| d.as_str().trim_start_matches("sha256:")[..12].to_owned());
        tag.or_else(|| digest().and_then(|d| VersionLabel::parse(&d).ok()))
    }
}

async fn service_of(engine: &Engine, tx: &mut Tx, parsed: &Parsed) -> Answer<(ServiceId, bool)> {
    if let Some(service) = tx.service_by_name(&parsed.service).await.or_fail(engine)? {
        return Ok((service.id, false));
    }
    let team = match tx.team_by_name(&parsed.team).await.or_fail(engine)? {
        Some(team) => team.id,
        None => {
            let id = TeamId::new(engine.uuid());
            let title = title_of(parsed.team.as_str());
            tx.insert_team(&Team { id, name: parsed.team.clone(), title }).await.or_fail(engine)?;
            id
        }
    };
    let service = Service {
        id: ServiceId::new(engine.uuid()),
        name: parsed.service.clone(),
        title: parsed.service.to_string(),
        team_id: team,
        tier: TIER,
        description: String::new(),
        repository: None,
        runbook: None,
        created_at: engine.now(),
    };
    tx.insert_service(&service).await.or_fail(engine)?;
    Ok((service.id, true))
}

async fn version_of(
    engine: &Engine,
    tx: &mut Tx,
    service: ServiceId,
    parsed: &Parsed,
    actor: &Actor,
) -> Answer<(VersionId, bool)> {
    let known = tx.versions_by_image(service, &parsed.image).await.or_fail(engine)?;
    if let Some(version) = known.first() {
        return Ok((version.id, false));
    }
    let label = parsed.label().ok_or_else(|| ApiError::conflict("the image's tag cannot be a version's label"))?;
    let version = NewVersion {
        id: VersionId::new(engine.uuid()),
        service,
        label,
        commit: None,
        flags: VersionFlags::default(),
        images: vec![VersionImage { component: None, image: parsed.image.clone() }],
        commits: vec![],
        checks: vec![],
        created_at: engine.now(),
        registered_by: format!("{} (found in the cluster)", actor.identity.shown()),
    };
    let version = tx.insert_version(&version).await.or_fail(engine)?;
    Ok((version.id, true))
}

/// What runs got there somehow; from now on it is what a rollback can go back to.
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
        reported_by: Some("found in the cluster".to_owned()),
        external_id: Some(format!("adopted-{}", target.id)),
    }
}

/// `platform-tools` becomes `Platform tools`.
pub(crate) fn title_of(name: &str) -> String {
    let words = name.replace('-', " ");
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
