//! Services, their teams and their targets.

use std::collections::HashMap;

use async_trait::async_trait;
use chrono::Duration;
use contract::{
    Answer, ApiError, Page, PageRequest,
    board::TeamChoice,
    services::{
        CommitWhereabouts, ServiceInput, ServiceLine, ServiceView, ServicesBackend, ServicesQuery, StrategyInput,
        TargetInput, TargetNow, TargetView, TargetWorkloadInput,
    },
};
use domain::{
    actor::{Act, Actor},
    duration_words,
    ids::{EnvironmentId, ServiceId, TargetId, TeamId},
    names::{ClusterName, ContainerName, Namespace, ServiceName, TeamName, WorkloadName},
    observation::WorkloadRef,
    version::{VersionLabel, WebLink},
};
use store::{
    DeploymentFilter, DeploymentSort, Entity, Environment, Paging, Read, Service, ServiceFilter, ServiceRow, Target,
    TargetWorkload, Team, Tx,
};

use crate::{
    Engine, audit,
    board::RED_FOR_HOURS,
    cells::cells,
    deployments, edge,
    error::OrFail,
    lists::{self, Columns, given},
    promotions::{
        beforehand,
        request::{self, Asked, last_good},
    },
    strategies, versions,
};

/// Longest description: a paragraph.
const DESCRIPTION_AT_MOST: usize = 500;

/// Deployments on a service's page; the list has the rest.
const DEPLOYMENTS_ON_PAGE: u32 = 20;

/// Workloads of one target: more than a few components in a few clusters is a mistake.
const WORKLOADS_AT_MOST: usize = 100;

/// Commits that one beginning of a hash is shown for.
const COMMITS_AT_MOST: usize = 10;

/// Services of one repository that are looked through for a hash.
const PLACES_AT_MOST: u32 = 500;

/// A service as it was given, in domain types.
struct Parsed {
    name: ServiceName,
    team: TeamName,
    tier: u8,
    description: String,
    repository: Option<WebLink>,
    runbook: Option<WebLink>,
}

fn parse(input: &ServiceInput) -> Answer<Parsed> {
    let link = |field: &str, text: &str| -> Answer<Option<WebLink>> {
        let text = text.trim();
        let parsed = (!text.is_empty()).then(|| WebLink::parse(text)).transpose();
        parsed.map_err(|e| ApiError::invalid(field, e.to_string()))
    };
    if !(1..=3).contains(&input.tier) {
        return Err(ApiError::invalid("tier", "a tier is 1 (most depends on it), 2 or 3"));
    }
    Ok(Parsed {
        name: ServiceName::parse(&input.name).map_err(|e| ApiError::invalid("name", e.to_string()))?,
        team: TeamName::parse(&input.team).map_err(|e| ApiError::invalid("team", e.to_string()))?,
        tier: input.tier,
        description: edge::line("description", &input.description, DESCRIPTION_AT_MOST)?,
        repository: link("repository", &input.repository)?,
        runbook: link("runbook", &input.runbook)?,
    })
}

/// A title made of a name: `payment-api` becomes `Payment api`.
pub(crate) fn title_of(name: &str) -> String {
    let words = name.replace('-', " ");
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

impl Engine {
    /// The team of this name, made when it is not there.
    ///
    /// # Errors
    /// The store's trouble.
    pub(crate) async fn team_or_new(&self, tx: &mut Tx, name: &TeamName) -> Answer<TeamId> {
        if let Some(team) = tx.team_by_name(name).await.or_fail(self)? {
            return Ok(team.id);
        }
        let team = Team { id: TeamId::new(self.uuid()), name: name.clone(), title: title_of(name.as_str()) };
        tx.insert_team(&team).await.or_fail(self)?;
        Ok(team.id)
    }

    async fn write_service(&self, actor: &Actor, input: ServiceInput, is_new: bool) -> Answer<()> {
        let parsed = parse(&input)?;
        let mut tx = self.store().begin().await.or_fail(self)?;
        let known = tx.service_by_name(&parsed.name).await.or_fail(self)?;
        let team_id = self.team_or_new(&mut tx, &parsed.team).await?;
        let name = parsed.name.to_string();
        let (id, created_at) = match (&known, is_new) {
            (None, true) => (ServiceId::new(self.uuid()), self.now()),
            (Some(known), false) => (known.id, known.created_at),
            (Some(_), true) => return Err(ApiError::invalid("name", format!("there is a service {name} already"))),
            (None, false) => return Err(ApiError::not_found("service", &name)),
        };
        let service = Service {
            id,
            title: title_of(&name),
            name: parsed.name,
            team_id,
            tier: parsed.tier,
            description: parsed.description,
            repository: parsed.repository,
            runbook: parsed.runbook,
            created_at,
        };
        let (act, sentence) = if is_new {
            tx.insert_service(&service).await.or_fail(self)?;
            ("service.add", format!("added the service {name} of team {}", parsed.team))
        } else {
            tx.update_service(&service).await.or_fail(self)?;
            ("service.change", format!("changed the service {name}"))
        };
        tx.signal(Entity::Service, id.uuid(), 0);
        let mut entry = audit::Entry::done(act, "service", &name, sentence);
        entry.id = Some(id.uuid());
        audit::record(&mut tx, self, actor, entry).await.or_fail(self)?;
        tx.commit().await.or_fail(self)
    }

    async fn workload(&self, read: &mut Read, i: usize, given: &TargetWorkloadInput) -> Answer<TargetWorkload> {
        let field = |name: &str| format!("workloads[{i}].{name}");
        let invalid = |name: &str, error: &dyn std::fmt::Display| ApiError::invalid(&field(name), error.to_string());
        let cluster = ClusterName::parse(&given.cluster).map_err(|e| invalid("cluster", &e))?;
        let clusters = read.clusters().await.or_fail(self)?;
        let found = clusters.into_iter().find(|c| c.name == cluster);
        let found = found.ok_or_else(|| invalid("cluster", &format!("there is no cluster {cluster}")))?;
        let component = given.component.as_deref().map(str::trim).filter(|c| !c.is_empty());
        Ok(TargetWorkload {
            cluster: found.id,
            workload: WorkloadRef {
                namespace: Namespace::parse(&given.namespace).map_err(|e| invalid("namespace", &e))?,
                name: WorkloadName::parse(&given.workload).map_err(|e| invalid("workload", &e))?,
                kind: given.kind,
            },
            container: ContainerName::parse(&given.container).map_err(|e| invalid("container", &e))?,
            component: component.map(ContainerName::parse).transpose().map_err(|e| invalid("component", &e))?,
        })
    }

    async fn target_views(
        &self,
        read: &mut Read,
        actor: &Actor,
        service: &Service,
        columns: Columns,
    ) -> Answer<Vec<TargetView>> {
        let teams = read.teams().await.or_fail(self)?;
        let team = teams.into_iter().find(|t| t.id == service.team_id);
        let team = team.ok_or_else(|| ApiError::not_found("team", &service.team_id.to_string()))?;
        let head = ServiceRow {
            id: service.id,
            name: service.name.clone(),
            title: service.title.clone(),
            team: team.name,
            team_title: team.title,
            tier: service.tier,
        };
        let since = self.now() - Duration::hours(RED_FOR_HOURS);
        let row = read.board_row(head, &columns.ids(), since).await.or_fail(self)?;
        let folded = row.map(|row| cells(row, actor)).unwrap_or_default();
        let targets = read.targets_of_service(service.id).await.or_fail(self)?;
        let clusters = read.clusters().await.or_fail(self)?;
        let runs = versions::RunsWhere::load(read, service).await.or_fail(self)?;
        let mut views = Vec::new();
        for ((environment, head), cell) in columns.environments.iter().zip(columns.heads).zip(folded) {
            let Some(cell) = cell else { continue };
            let before = read.succeeded_before(service.id, environment.id, 20).await.or_fail(self)?;
            let now = runs.version_in(environment.id);
            let roll_back_to = last_good(before, now).map(|b| b.label.to_string());
            let target = targets.iter().find(|t| t.environment == environment.id);
            let tried = match target {
                Some(target) => self.tried_beside(read, service, environment, target).await?,
                None => None,
            };
            let (aborts, stays) = tried.unzip();
            let roll_back_to = stays.or(roll_back_to);
            let workloads = target.map(|t| t.workloads.as_slice());
            let shown = |w: &TargetWorkload| TargetWorkloadInput {
                cluster: clusters.iter().find(|c| c.id == w.cluster).map_or_else(String::new, |c| c.name.to_string()),
                namespace: w.workload.namespace.to_string(),
                workload: w.workload.name.to_string(),
                kind: w.workload.kind,
                container: w.container.to_string(),
                component: w.component.as_ref().map(ToString::to_string),
            };
            let deployer = match target {
                Some(target) => crate::deployers::view(read, actor, target).await.or_fail(self)?,
                None => None,
            };
            let (git, helm) = match target {
                Some(target) => (
                    crate::git_places::view(read, target.id).await.or_fail(self)?,
                    crate::helm::view(read, target.id).await.or_fail(self)?,
                ),
                None => (None, None),
            };
            views.push(TargetView {
                environment: head,
                workloads: workloads.unwrap_or_default().iter().map(shown).collect(),
                strategy: target.map(|t| strategies::input_of(&t.strategy)).unwrap_or_default(),
                deployer,
                git,
                helm,
                roll_back_to: roll_back_to.filter(|_| cell.view.can_roll_back),
                aborts: aborts.filter(|_| cell.view.can_roll_back),
                cell: cell.view,
            });
        }
        Ok(views)
    }
}

impl Engine {
    /// The promotion whose version is only tried beside what runs, and the version that stays when it is taken back.
    async fn tried_beside(
        &self,
        read: &mut Read,
        service: &Service,
        environment: &Environment,
        target: &Target,
    ) -> Answer<Option<(i64, String)>> {
        let (service, environment, target) = (service.clone(), environment.clone(), target.clone());
        let asked = Asked { service, environment, target };
        let tried = request::tried_beside(read, &asked).await.or_fail(self)?;
        Ok(tried.map(|(live, runs)| (live.number, runs.label.to_string())))
    }
}

#[async_trait]
impl ServicesBackend for Engine {
    async fn services(&self, actor: &Actor, query: ServicesQuery) -> Answer<Page<ServiceLine>> {
        actor.may(Act::Read)?;
        let filter = ServiceFilter {
            text: given(query.text.as_ref()).map(str::to_owned),
            team: given(query.team.as_ref()).map(lists::team_name).transpose()?,
            tier: None,
        };
        let mut read = self.store().read().await.or_fail(self)?;
        let found = read.services(&filter, lists::paging(query.page)).await.or_fail(self)?;
        let ids: Vec<_> = found.rows.iter().map(|row| row.id).collect();
        let mut facts: HashMap<_, _> =
            read.service_facts(&ids).await.or_fail(self)?.into_iter().map(|f| (f.service_id, f)).collect();
        Ok(lists::page(found, query.page, |row| {
            let facts = facts.remove(&row.id);
            ServiceLine {
                name: row.name.to_string(),
                team: row.team_title,
                tier: row.tier,
                newest: facts.as_ref().and_then(|f| f.newest.as_ref()).map(ToString::to_string),
                newest_at: facts.as_ref().and_then(|f| f.newest_at),
                targets: facts.as_ref().map_or(0, |f| u64::try_from(f.targets).unwrap_or_default()),
                description: facts.map(|f| f.description).unwrap_or_default(),
            }
        }))
    }

    async fn teams(&self, actor: &Actor) -> Answer<Vec<TeamChoice>> {
        actor.may(Act::Read)?;
        let mut read = self.store().read().await.or_fail(self)?;
        lists::teams(&mut read).await.or_fail(self)
    }

    async fn service(&self, actor: &Actor, name: &str, versions: PageRequest) -> Answer<ServiceView> {
        actor.may(Act::Read)?;
        let mut read = self.store().read().await.or_fail(self)?;
        let service = self.service_named(&mut read, name).await?;
        let columns = Columns::load(&mut read).await.or_fail(self)?;
        let teams = read.teams().await.or_fail(self)?;
        let team = teams.into_iter().find(|t| t.id == service.team_id);
        let versions = versions::lines_on(self, &mut read, &service, versions).await?;
        let filter = DeploymentFilter { service: Some(service.id), ..DeploymentFilter::default() };
        let sort = DeploymentSort::Started;
        let found = read.deployments(&filter, sort, Paging::first(DEPLOYMENTS_ON_PAGE)).await.or_fail(self)?;
        Ok(ServiceView {
            name: service.name.to_string(),
            team: team.map_or_else(
                || TeamChoice { name: String::new(), title: String::new() },
                |t| TeamChoice { name: t.name.to_string(), title: t.title },
            ),
            tier: service.tier,
            description: service.description.clone(),
            repository: service.repository.as_ref().map(|l| l.as_str().to_owned()),
            runbook: service.runbook.as_ref().map(|l| l.as_str().to_owned()),
            targets: self.target_views(&mut read, actor, &service, columns).await?,
            versions,
            deployments: deployments::history(found.rows),
        })
    }

    async fn add_service(&self, actor: &Actor, input: ServiceInput) -> Answer<()> {
        actor.may(Act::ManageServices)?;
        self.write_service(actor, input, true).await
    }

    async fn change_service(&self, actor: &Actor, input: ServiceInput) -> Answer<()> {
        actor.may(Act::ManageServices)?;
        self.write_service(actor, input, false).await
    }

    async fn set_target(&self, actor: &Actor, service: &str, environment: &str, input: TargetInput) -> Answer<()> {
        actor.may(Act::ManageServices)?;
        let TargetInput { workloads, leaves } = input;
        edge::at_most("workloads", &workloads, WORKLOADS_AT_MOST)?;
        let mut tx = self.store().begin().await.or_fail(self)?;
        let service = self.service_named(&mut tx, service).await?;
        let environment = self.environment_named(&mut tx, environment).await?;
        let mut parsed = Vec::with_capacity(workloads.len());
        for (i, given) in workloads.iter().enumerate() {
            let one = self.workload(&mut tx, i, given).await?;
            if parsed.contains(&one) {
                return Err(ApiError::invalid(&format!("workloads[{i}].container"), "this container is given twice"));
            }
            parsed.push(one);
        }
        let mut known = tx.target_of(service.id, environment.id).await.or_fail(self)?;
        if let Some(target) = &known {
            // Read again once it is ours: its strategy is written with it, and may have been set meanwhile.
            tx.hold_target(target.id).await.or_fail(self)?;
            self.nothing_under_way(&mut tx, target.id).await?;
            known = tx.target_of(service.id, environment.id).await.or_fail(self)?;
        }
        self.not_of_others(&mut tx, &parsed, known.as_ref().map(|t| t.id)).await?;
        if parsed.is_empty() && known.as_ref().is_some_and(|target| target.deployer.outside().is_some()) {
            let words = "no workload is given, and a deployer of your own deploys here already";
            return Err(ApiError::invalid("workloads", words));
        }
        if parsed.is_empty() && !leaves && known.as_ref().is_some_and(|target| !target.workloads.is_empty()) {
            let words = "no workload is given; say that those that are here are to leave Slipway's hands";
            return Err(ApiError::invalid("leaves", words));
        }
        let target = Target {
            id: known.as_ref().map_or_else(|| TargetId::new(self.uuid()), |t| t.id),
            service: service.id,
            environment: environment.id,
            strategy: known.as_ref().map(|t| t.strategy.clone()).unwrap_or_default(),
            deployer: known.as_ref().filter(|_| parsed.is_empty()).map(|t| t.deployer.clone()).unwrap_or_default(),
            workloads: parsed,
        };
        if known.is_some() {
            tx.replace_target(&target).await.or_fail(self)?;
            tx.wake_open(target.id, self.now()).await.or_fail(self)?;
            // What was seen of workloads that do not belong to it any more must not stay on the Board.
            for seen in tx.running_in_target(target.id).await.or_fail(self)? {
                let workload = WorkloadRef { namespace: seen.namespace, name: seen.workload, kind: seen.kind };
                if !target.workloads.iter().any(|w| w.cluster == seen.cluster_id && w.workload == workload) {
                    tx.delete_running(target.id, seen.cluster_id, &workload).await.or_fail(self)?;
                }
            }
        } else {
            tx.insert_target(&target).await.or_fail(self)?;
        }
        tx.signal(Entity::Service, service.id.uuid(), 0);
        let label = format!("{} in {}", service.name, environment.title);
        let names: Vec<_> = target.workloads.iter().map(|w| w.workload.to_string()).collect();
        let sentence = match names.as_slice() {
            [] => format!("made {label} a target that others deploy to"),
            names => format!("set the workloads of {label}: {}", names.join(", ")),
        };
        let mut entry = audit::Entry::done("target.set", "target", &label, sentence);
        entry.id = Some(target.id.uuid());
        audit::record(&mut tx, self, actor, entry).await.or_fail(self)?;
        tx.commit().await.or_fail(self)
    }

    async fn set_strategy(&self, actor: &Actor, service: &str, environment: &str, input: StrategyInput) -> Answer<()> {
        actor.may(Act::ManageServices)?;
        self.write_strategy(actor, service, environment, input).await
    }

    async fn target_now(&self, actor: &Actor, service: &str, environment: &str) -> Answer<TargetNow> {
        actor.may(Act::Read)?;
        beforehand::target_now(self, service, environment).await
    }

    async fn where_is_commit(&self, actor: &Actor, service: &str, hash: &str) -> Answer<Vec<CommitWhereabouts>> {
        actor.may(Act::Read)?;
        let prefix = hash.trim().to_ascii_lowercase();
        if prefix.len() < 4 || prefix.len() > 64 || !prefix.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(ApiError::invalid("hash", "give at least the first 4 digits of the commit's hash"));
        }
        let mut read = self.store().read().await.or_fail(self)?;
        let service = self.service_named(&mut read, service).await?;
        let found = read.commit_places(&prefix, PLACES_AT_MOST).await.or_fail(self)?;
        let environments = read.environments().await.or_fail(self)?;
        let mut all = Vec::new();
        for place in found.into_iter().filter(|p| p.service_id == service.id).take(COMMITS_AT_MOST) {
            let since = self.reached(&mut read, &service, &environments, place.ordinal).await?;
            all.push(CommitWhereabouts {
                hash: place.hash.to_string(),
                title: place.title.unwrap_or_default(),
                version: place.label.to_string(),
                places: since.into_iter().map(|r| (r.title.clone(), r.has_it(), r.words())).collect(),
            });
        }
        Ok(all)
    }
}

impl Engine {
    /// Where the version at `ordinal`, or a later one, runs: every environment in its order.
    pub(crate) async fn reached(
        &self,
        read: &mut Read,
        service: &Service,
        environments: &[store::Environment],
        ordinal: i64,
    ) -> Answer<Vec<Reached>> {
        let runs = versions::RunsWhere::load(read, service).await.or_fail(self)?;
        let latest = read.latest_deployments(service.id).await.or_fail(self)?;
        let mut places = Vec::new();
        for environment in environments {
            let here = |runs| Reached { environment: environment.id, title: environment.title.clone(), runs };
            let Some(id) = runs.version_in(environment.id) else {
                places.push(here(None));
                continue;
            };
            let Some(version) = read.version(id).await.or_fail(self)? else { continue };
            let deployed = latest.iter().find(|d| d.environment_id == environment.id && d.version_id == id);
            places.push(here(Some(Runs {
                age: deployed.map(|d| duration_words::age((self.now() - d.finished_at).num_seconds())),
                is_it: version.ordinal == ordinal,
                has_it: version.ordinal >= ordinal,
                label: version.label,
            })));
        }
        Ok(places)
    }
}

/// What runs in an environment, seen from one version of a service.
pub(crate) struct Reached {
    /// The environment.
    pub(crate) environment: EnvironmentId,
    /// Its name for people.
    pub(crate) title: String,
    /// What runs there, when it is known.
    pub(crate) runs: Option<Runs>,
}

/// A version that runs, seen from another.
pub(crate) struct Runs {
    /// Its label.
    pub(crate) label: VersionLabel,
    /// How long ago it was deployed, in words, when that is known.
    pub(crate) age: Option<String>,
    /// Whether it is the version itself.
    pub(crate) is_it: bool,
    /// Whether it is the version itself or a later one, which has all that is in it.
    pub(crate) has_it: bool,
}

impl Reached {
    /// Whether the version, or a later one, runs there.
    pub(crate) fn has_it(&self) -> bool {
        self.runs.as_ref().is_some_and(|runs| runs.has_it)
    }

    /// `in 2.30.4 for 2 days`, `not yet: 2.30.3 runs there`.
    pub(crate) fn words(&self) -> String {
        match &self.runs {
            None => "nothing known runs there".to_owned(),
            Some(Runs { label, has_it: false, .. }) => format!("not yet: {label} runs there"),
            Some(Runs { label, age: Some(age), .. }) => format!("in {label} for {age}"),
            Some(Runs { label, age: None, .. }) => format!("in {label}"),
        }
    }
}
