//! Writes the company's history into an empty database, all of it in one transaction.

mod history;
mod running;
mod services;

use std::collections::HashMap;

use anyhow::Context as _;
use chrono::{DateTime, Duration, Utc};
use domain::actor::{Actor, Identity};
use domain::environment::{EnvironmentRules, Quorum};
use domain::ids::{EnvironmentId, PersonId, ServiceId, TeamId, VersionId};
use domain::names::{EnvironmentName, TeamName};
use ports::Randomness as _;
use practice::SeededRandomness;
use store::{Environment, Person, Store, Target, Team, Tx};

use crate::demo::chance::Chance;
use crate::demo::company;
use crate::demo::company::{EnvironmentSpec, ServiceSpec};
use crate::demo::timeline;
use crate::demo::timeline::{DAYS, Timeline};
use crate::demo::{GroundWorkload, Place, SeededPerson};

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
}

/// Who acts, from an office of the company.
pub fn actor(person: &SeededPerson) -> Actor {
    Actor { identity: Identity::Person { id: person.id, name: person.name.to_owned() }, role: person.role, from: None }
}
