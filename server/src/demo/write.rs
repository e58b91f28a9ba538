//! Writes the company's history into an empty database, all of it in one transaction.

use std::collections::{BTreeMap, HashMap};

use anyhow::Context as _;
use chrono::{DateTime, Duration, Utc};
use domain::{
    actor::{Actor, Identity},
    deployment::{Cause, Outcome},
    environment::{EnvironmentRules, Quorum},
    ids::{
        AuditId, DeploymentId, EnvironmentId, IncidentId, PersonId, PromotionId, ServiceId, TargetId, TeamId, VersionId,
    },
    image::{ContainerImage, Image},
    names::{ContainerName, EnvironmentName, Namespace, ServiceName, TeamName, WorkloadName},
    observation::{PlacedWorkload, WorkloadRef},
    state::Mark,
    strategy::Strategy,
    version::{Check, CheckCounts, Commit, CommitHash, Verdict, VersionFlags, VersionImage, VersionLabel, WebLink},
};
use ports::Randomness as _;
use practice::SeededRandomness;
use serde_json::json;
use store::{
    AuditEntry, AuditResult, Deployment, Environment, Incident, NewVersion, Person, Running, Service, Store, Target,
    TargetWorkload, Team, Tx,
};

use super::{
    GroundWorkload, Place, SeededPerson,
    chance::Chance,
    company::{self, EnvironmentSpec, ServiceSpec, Today},
    past::{Part, PastMove},
    timeline::{self, DAYS, MoveStory, PRODUCTION, Timeline, VersionStory},
};

/// Where the company's images come from.
const REGISTRY: &str = "registry.larder.example";

/// The token's name by which pipelines report.
const PIPELINE: &str = "larder-ci (token)";

/// An image that no version of the company has: someone tried something out by hand.
const UNKNOWN_TAG: &str = "debug-memory";

/// A service with its story.
pub struct Story {
    pub spec: &'static ServiceSpec,
    pub told: Timeline,
}

/// The stories of all services.
///
/// # Errors
/// When a service names a team that is not there.
pub fn stories(now: DateTime<Utc>, seed: u64) -> anyhow::Result<Vec<Story>> {
    let mut stories = Vec::with_capacity(company::SERVICES.len());
    for spec in company::SERVICES {
        let team = company::TEAMS.iter().find(|t| t.name == spec.team).context("the team of a service")?;
        stories.push(Story { spec, told: timeline::tell(spec, team, now, seed) });
    }
    Ok(stories)
}

/// What was written, for what comes after.
pub struct Written {
    pub people: Vec<SeededPerson>,
    /// The Deployments to make.
    pub workloads: Vec<GroundWorkload>,
}

/// A service as it was written.
struct Kept<'a> {
    story: &'a Story,
    id: ServiceId,
    /// One for each environment.
    targets: Vec<Target>,
    versions: Vec<VersionId>,
}

struct Writer<'a> {
    tx: Tx,
    randomness: &'a SeededRandomness,
    place: &'a Place,
    now: DateTime<Utc>,
    chance: Chance,
    environments: Vec<Environment>,
    people: HashMap<&'static str, PersonId>,
}

/// Writes everything.
///
/// # Errors
/// When the store fails, or knows a name of the company already.
pub async fn write(
    store: &Store,
    randomness: &SeededRandomness,
    place: &Place,
    stories: &[Story],
    now: DateTime<Utc>,
) -> anyhow::Result<Written> {
    let mut writer = Writer {
        tx: store.begin().await?,
        randomness,
        place,
        now,
        chance: Chance::new(super::SEED, "pipelines"),
        environments: vec![],
        people: HashMap::new(),
    };
    let people = writer.people().await.context("people")?;
    writer.environments().await.context("environments")?;
    let teams = writer.teams().await.context("teams")?;
    let mut kept = Vec::with_capacity(stories.len());
    for story in stories {
        let team = teams.get(story.spec.team).copied().context("the team of a service")?;
        kept.push(writer.service(story, team).await.with_context(|| story.spec.name)?);
    }
    writer.moves(&kept).await.context("deployments")?;
    let mut workloads = Vec::new();
    for service in &kept {
        workloads.extend(writer.runs(service).await.with_context(|| service.story.spec.name)?);
    }
    writer.tx.commit().await?;
    Ok(Written { people, workloads })
}

/// The address of a person of the company.
fn email(name: &str) -> String {
    format!("{}@larder.example", name.to_lowercase().replace(' ', "."))
}

impl Writer<'_> {
    fn uuid(&self) -> uuid::Uuid {
        self.randomness.uuid()
    }

    async fn people(&mut self) -> anyhow::Result<Vec<SeededPerson>> {
        let mut people = Vec::new();
        for spec in company::PEOPLE {
            let id = PersonId::new(self.uuid());
            self.people.insert(spec.name, id);
            people.push(SeededPerson { id, name: spec.name, role: spec.role, has_link: spec.has_link });
            let person = Person {
                id,
                name: spec.name.to_owned(),
                email: email(spec.name),
                password_hash: None,
                role: spec.role,
                is_active: true,
                created_at: self.now - Duration::days(DAYS + 30),
                last_seen_at: None,
            };
            self.tx.insert_person(&person).await?;
        }
        Ok(people)
    }

    fn identity(&self, name: &str) -> Identity {
        match self.people.get(name) {
            Some(id) => Identity::Person { id: *id, name: name.to_owned() },
            None => Identity::rule("unknown"),
        }
    }

    async fn environments(&mut self) -> anyhow::Result<()> {
        let mut before: Option<EnvironmentId> = None;
        for (position, spec) in (1_i64..).zip(&company::ENVIRONMENTS) {
            let environment = self.environment(spec, position, before)?;
            self.tx.insert_environment(&environment).await?;
            self.tx.bind_clusters(environment.id, &[self.place.cluster]).await?;
            before = Some(environment.id);
            self.environments.push(environment);
        }
        Ok(())
    }

    fn environment(
        &self,
        spec: &EnvironmentSpec,
        position: i64,
        before: Option<EnvironmentId>,
    ) -> anyhow::Result<Environment> {
        Ok(Environment {
            id: EnvironmentId::new(self.uuid()),
            name: EnvironmentName::parse(spec.name)?,
            title: spec.title.to_owned(),
            kind: spec.kind,
            position,
            rules: EnvironmentRules {
                approvals: Quorum::new(spec.approvals).map_err(anyhow::Error::msg)?,
                healthy_in: before.filter(|_| spec.needs_before),
                ..EnvironmentRules::default()
            },
        })
    }

    async fn teams(&mut self) -> anyhow::Result<HashMap<&'static str, TeamId>> {
        let mut teams = HashMap::new();
        for spec in company::TEAMS {
            let id = TeamId::new(self.uuid());
            let team = Team { id, name: TeamName::parse(spec.name)?, title: spec.title.to_owned() };
            self.tx.insert_team(&team).await?;
            teams.insert(spec.name, id);
        }
        Ok(teams)
    }

    async fn service<'s>(&mut self, story: &'s Story, team_id: TeamId) -> anyhow::Result<Kept<'s>> {
        let spec = story.spec;
        let id = ServiceId::new(self.uuid());
        let service = Service {
            id,
            name: ServiceName::parse(spec.name)?,
            title: spec.name.to_owned(),
            team_id,
            tier: spec.tier,
            description: spec.description.to_owned(),
            repository: Some(WebLink::parse(&format!("https://git.larder.example/{}/{}", spec.team, spec.name))?),
            runbook: Some(WebLink::parse(&format!("https://wiki.larder.example/runbooks/{}", spec.name))?),
            created_at: self.now - Duration::days(DAYS + 20),
        };
        self.tx.insert_service(&service).await?;
        let mut targets = Vec::new();
        for index in 0..self.environments.len() {
            let target = self.target(spec, id, index)?;
            self.tx.insert_target(&target).await?;
            targets.push(target);
        }
        let mut versions = Vec::with_capacity(story.told.versions.len());
        for version in &story.told.versions {
            let new = self.version(spec, id, version)?;
            versions.push(new.id);
            self.tx.insert_version(&new).await?;
        }
        Ok(Kept { story, id, targets, versions })
    }

    fn target(&self, spec: &ServiceSpec, service: ServiceId, index: usize) -> anyhow::Result<Target> {
        let environment = self.environments.get(index).context("environment")?;
        let namespace = Namespace::parse(environment.name.as_str())?;
        let team = company::TEAMS.iter().find(|t| t.name == spec.team);
        let is_outside = index == 0 && team.is_some_and(|t| t.has_own_development);
        let mut workloads = Vec::new();
        for name in spec.workloads.iter().filter(|_| !is_outside) {
            workloads.push(TargetWorkload {
                cluster: self.place.cluster,
                workload: WorkloadRef { namespace: namespace.clone(), name: WorkloadName::parse(name)? },
                container: container(spec, name)?,
                component: component(spec, name)?,
            });
        }
        let id = TargetId::new(self.uuid());
        Ok(Target { id, service, environment: environment.id, strategy: Strategy::Rolling, workloads })
    }

    fn version(&self, spec: &ServiceSpec, service: ServiceId, told: &VersionStory) -> anyhow::Result<NewVersion> {
        let mut images = Vec::new();
        for ((name, _), image) in spec.workloads.iter().zip(&told.digests).zip(images_of(spec, told)?) {
            images.push(VersionImage { component: component(spec, name)?, image });
        }
        let mut commits = Vec::with_capacity(told.commits.len());
        for commit in &told.commits {
            commits.push(Commit {
                hash: CommitHash::parse(&commit.hash)?,
                author: commit.author.to_owned(),
                title: commit.title.clone(),
                committed_at: commit.at,
            });
        }
        Ok(NewVersion {
            id: VersionId::new(self.uuid()),
            service,
            label: VersionLabel::parse(&told.label)?,
            commit: commits.first().map(|c: &Commit| c.hash.clone()),
            flags: VersionFlags { is_hotfix: told.is_hotfix, has_irreversible_migration: told.has_migration },
            images,
            commits,
            checks: checks(spec, told)?,
            created_at: told.at,
            registered_by: PIPELINE.to_owned(),
        })
    }

    /// All moves of all services in the order in which they were asked for, so that numbers rise.
    async fn moves(&mut self, kept: &[Kept<'_>]) -> anyhow::Result<()> {
        let mut order: Vec<(&Kept, usize, &MoveStory)> = Vec::new();
        for service in kept {
            order.extend(service.story.told.moves.iter().enumerate().map(|(index, told)| (service, index, told)));
        }
        order.sort_by_key(|(service, index, told)| (told.requested_at, service.story.spec.name, *index));
        let mut sequences: HashMap<TargetId, i64> = HashMap::new();
        let mut deployments: HashMap<(ServiceId, usize), DeploymentId> = HashMap::new();
        for (service, index, told) in order {
            let target = service.targets.get(told.environment).context("target")?;
            // Development is deployed to by pipelines, which report it.
            let id = if told.environment == 0 {
                self.reported(service, target, told, index).await?
            } else {
                let sequence = sequences.entry(target.id).or_default();
                *sequence += 1;
                self.promoted(service, target, told, *sequence).await?
            };
            deployments.insert((service.id, index), id);
        }
        self.incidents(kept, &deployments).await
    }

    async fn reported(
        &mut self,
        service: &Kept<'_>,
        target: &Target,
        told: &MoveStory,
        index: usize,
    ) -> anyhow::Result<DeploymentId> {
        let deployment = Deployment {
            promotion_id: None,
            requested_at: None,
            approved_at: None,
            requested_by: PIPELINE.to_owned(),
            reported_by: Some(PIPELINE.to_owned()),
            external_id: Some(format!("run-{}", 4_000 + index * 7)),
            ..self.deployment(DeploymentId::new(self.uuid()), service, target, told)?
        };
        self.tx.insert_deployment(&deployment).await?;
        Ok(deployment.id)
    }

    fn deployment(
        &self,
        id: DeploymentId,
        service: &Kept<'_>,
        target: &Target,
        told: &MoveStory,
    ) -> anyhow::Result<Deployment> {
        Ok(Deployment {
            id,
            promotion_id: Some(PromotionId::new(id.uuid())),
            service_id: service.id,
            environment_id: target.environment,
            version_id: service.versions.get(told.version).copied().context("version")?,
            previous_version_id: told.previous.and_then(|p| service.versions.get(p).copied()),
            cause: told.cause,
            outcome: told.outcome,
            requested_at: Some(told.requested_at),
            approved_at: told.approval.map(|(_, at, _)| at),
            started_at: told.started_at,
            finished_at: Some(told.finished_at),
            requested_by: told.requester.to_owned(),
            reported_by: None,
            external_id: None,
        })
    }

    async fn promoted(
        &mut self,
        service: &Kept<'_>,
        target: &Target,
        told: &MoveStory,
        sequence: i64,
    ) -> anyhow::Result<DeploymentId> {
        let number = self.tx.next("promotion").await?;
        let id = PromotionId::new(self.uuid());
        let environment = self.environments.get(told.environment).cloned().context("environment")?;
        let past = PastMove {
            id,
            number,
            sequence,
            told,
            environment: &environment,
            target,
            version: service.versions.get(told.version).copied().context("version")?,
            previous: told.previous.and_then(|p| service.versions.get(p).copied()),
            requester: self.identity(told.requester),
            approver: told.approval.map(|(name, _, _)| self.identity(name)),
            parts: self.parts(service, target, told)?,
        };
        self.tx.insert_promotion(&past.promotion(), None).await?;
        self.tx.append_journal(id, &past.journal()).await?;
        let deployment = self.deployment(DeploymentId::new(id.uuid()), service, target, told)?;
        self.tx.put_deployment(&deployment).await?;
        self.audit(service, told, number, id, &environment.title).await?;
        Ok(deployment.id)
    }

    fn parts(&self, service: &Kept<'_>, target: &Target, told: &MoveStory) -> anyhow::Result<Vec<Part>> {
        let spec = service.story.spec;
        let to = service.story.told.versions.get(told.version).context("version")?;
        let from = told.previous.and_then(|p| service.story.told.versions.get(p));
        let mut parts = Vec::new();
        for (index, workload) in target.workloads.iter().enumerate() {
            let image = |version: &VersionStory| -> anyhow::Result<Vec<ContainerImage>> {
                let image = images_of(spec, version)?.into_iter().nth(index).context("image")?;
                Ok(vec![ContainerImage { container: workload.container.clone(), image: image.reference() }])
            };
            parts.push(Part {
                placed: PlacedWorkload { cluster: workload.cluster, workload: workload.workload.clone() },
                cluster_name: self.place.name.to_string(),
                to: image(to)?,
                from: from.map(image).transpose()?.unwrap_or_default(),
                replicas: replicas(spec, told.environment),
            });
        }
        Ok(parts)
    }

    async fn audit(
        &mut self,
        service: &Kept<'_>,
        told: &MoveStory,
        number: i64,
        id: PromotionId,
        environment: &str,
    ) -> anyhow::Result<()> {
        let label = service.story.told.versions.get(told.version).map_or("", |v| v.label.as_str());
        let what = format!("promotion {number} ({} {label} to {environment})", service.story.spec.name);
        let (act, verb) = match told.cause {
            Cause::Rollback => ("promotion.roll_back", "rolled back with"),
            Cause::Planned | Cause::Hotfix => ("promotion.request", "asked for"),
        };
        let who = self.identity(told.requester);
        let reason = Some(told.reason.clone());
        self.audit_entry(told.requested_at, who, act, number, id, format!("{verb} {what}"), reason).await?;
        if let Some((name, at, comment)) = told.approval {
            let (who, reason) = (self.identity(name), Some(comment.to_owned()));
            self.audit_entry(at, who, "promotion.approve", number, id, format!("approved {what}"), reason).await?;
        }
        Ok(())
    }

    #[expect(clippy::too_many_arguments, reason = "the columns of a row")]
    async fn audit_entry(
        &mut self,
        at: DateTime<Utc>,
        who: Identity,
        act: &str,
        number: i64,
        id: PromotionId,
        sentence: String,
        reason: Option<String>,
    ) -> anyhow::Result<()> {
        let entry = AuditEntry {
            id: AuditId::new(self.uuid()),
            at,
            who,
            act: act.to_owned(),
            entity_kind: "promotion".to_owned(),
            entity_id: Some(id.uuid()),
            entity_label: format!("promotion {number}"),
            reason,
            from_address: None,
            result: AuditResult::Done,
            details: json!({ "sentence": sentence }),
        };
        Ok(self.tx.insert_audit(&entry).await?)
    }

    async fn incidents(
        &mut self,
        kept: &[Kept<'_>],
        deployments: &HashMap<(ServiceId, usize), DeploymentId>,
    ) -> anyhow::Result<()> {
        let mut order: Vec<_> = kept.iter().flat_map(|s| s.story.told.incidents.iter().map(move |i| (s, i))).collect();
        order.sort_by_key(|(service, incident)| (incident.opened_at, service.story.spec.name));
        for (service, told) in order {
            let number = self.tx.next("incident").await?;
            let noticed = Duration::minutes(self.chance.between(1, 5));
            let incident = Incident {
                id: IncidentId::new(self.uuid()),
                number,
                title: told.title.clone(),
                severity: told.severity,
                opened_at: told.opened_at,
                detected_at: Some((told.opened_at + noticed).min(told.resolved_at)),
                resolved_at: Some(told.resolved_at),
                service_id: Some(service.id),
                environment_id: self.environments.get(PRODUCTION).map(|e| e.id),
                deployment_id: deployments.get(&(service.id, told.caused_by)).copied(),
                summary: String::new(),
            };
            self.tx.insert_incident(&incident).await?;
        }
        Ok(())
    }

    /// What runs now: the rows that the Board reads until the watches tell more, and the Deployments
    /// to make.
    async fn runs(&mut self, service: &Kept<'_>) -> anyhow::Result<Vec<GroundWorkload>> {
        let spec = service.story.spec;
        let mut made = Vec::new();
        for (index, target) in service.targets.iter().enumerate() {
            let Some(version) = service.story.told.runs.get(index).copied().flatten() else { continue };
            let told = service.story.told.versions.get(version).context("version")?;
            let mut moves = service.story.told.moves.iter().rev();
            let last = moves.find(|m| m.environment == index && m.outcome == Outcome::Succeeded);
            let is_foreign = spec.today == Today::ChangedByOthers && index == 2;
            let deployed_at = last.map_or(self.now, |m| m.finished_at);
            let since = if is_foreign { self.now - Duration::hours(2) } else { deployed_at };
            for (workload, image) in target.workloads.iter().zip(images_of(spec, told)?) {
                let reference =
                    if is_foreign { format!("{}:{UNKNOWN_TAG}", image.repository()) } else { image.reference() };
                let images = vec![ContainerImage { container: workload.container.clone(), image: reference }];
                let replicas = replicas(spec, index);
                let known = service.versions.get(version).copied().filter(|_| !is_foreign);
                self.running(target, workload, &images, known, replicas, since).await?;
                made.push(GroundWorkload {
                    namespace: workload.workload.namespace.clone(),
                    name: workload.workload.name.clone(),
                    replicas,
                    containers: images,
                    labels: labels(spec),
                    since,
                });
            }
        }
        Ok(made)
    }

    async fn running(
        &mut self,
        target: &Target,
        workload: &TargetWorkload,
        images: &[ContainerImage],
        version_id: Option<VersionId>,
        pods: u32,
        since: DateTime<Utc>,
    ) -> anyhow::Result<()> {
        let running = Running {
            target_id: target.id,
            cluster_id: workload.cluster,
            namespace: workload.workload.namespace.clone(),
            workload: workload.workload.name.clone(),
            images: images.to_vec(),
            version_id,
            mark: Mark::Done,
            words: if pods == 1 { "1 pod".to_owned() } else { format!("{pods} pods") },
            wanted: pods,
            updated: pods,
            ready: pods,
            available: pods,
            is_changed_by_others: version_id.is_none(),
            since,
            seen_at: self.now,
        };
        self.tx.put_running(&running).await?;
        Ok(())
    }
}

fn labels(spec: &ServiceSpec) -> BTreeMap<String, String> {
    let pairs = [("app.kubernetes.io/name", spec.name), ("team", spec.team)];
    pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).into()
}

/// Pods in an environment: all in production, fewer before it.
fn replicas(spec: &ServiceSpec, environment: usize) -> u32 {
    match environment {
        PRODUCTION => spec.pods,
        2 => spec.pods.div_ceil(2).max(2),
        // Enough pods to be watched one by one.
        1 if spec.today == Today::RollsWithQueue => 5,
        1 => 2,
        _ => 1,
    }
}

/// The container of a workload: `app`, or the component where there are several.
fn container(spec: &ServiceSpec, workload: &str) -> anyhow::Result<ContainerName> {
    Ok(component(spec, workload)?.map_or_else(|| ContainerName::parse("app"), Ok)?)
}

/// The component that a workload is, where a service has several: `orders-api` is `api`.
fn component(spec: &ServiceSpec, workload: &str) -> anyhow::Result<Option<ContainerName>> {
    if spec.workloads.len() < 2 {
        return Ok(None);
    }
    let name = workload.strip_prefix(spec.name).map_or(workload, |rest| rest.trim_start_matches('-'));
    Ok(Some(ContainerName::parse(name)?))
}

/// The images of a version, one for each workload.
fn images_of(spec: &ServiceSpec, told: &VersionStory) -> anyhow::Result<Vec<Image>> {
    let image = |(workload, digest): (&&str, &String)| {
        let reference = format!("{REGISTRY}/{workload}:{}{}", told.label, told.tag_end);
        Ok(Image::parse(&reference, Some(&format!("sha256:{digest}")))?)
    };
    spec.workloads.iter().zip(&told.digests).map(image).collect()
}

fn checks(spec: &ServiceSpec, told: &VersionStory) -> anyhow::Result<Vec<Check>> {
    let link = |page: &str| {
        WebLink::parse(&format!("https://ci.larder.example/{}/{}/{page}", spec.name, told.label)).map(Some)
    };
    let failed = u32::from(!told.is_good) * 3;
    let verdict = if told.is_good { Verdict::Passed } else { Verdict::Failed };
    let tests = CheckCounts { tests_run: Some(told.tests), tests_failed: Some(failed), ..CheckCounts::default() };
    let contract = CheckCounts { tests_run: Some(told.tests / 9), tests_failed: Some(0), ..CheckCounts::default() };
    let scan = CheckCounts {
        critical: Some(0),
        high: Some(told.tests % 3),
        medium: Some(told.tests % 7),
        ..CheckCounts::default()
    };
    let check = |name: &str, verdict, link, counts| Check { name: name.to_owned(), verdict, link, counts };
    Ok(vec![
        check("unit tests", verdict, link("tests")?, tests),
        check("contract tests", Verdict::Passed, link("contracts")?, contract),
        check("image scan", Verdict::Passed, link("scan")?, scan),
    ])
}

/// Who acts, from an office of the company.
pub fn actor(person: &SeededPerson) -> Actor {
    Actor { identity: Identity::Person { id: person.id, name: person.name.to_owned() }, role: person.role, from: None }
}
