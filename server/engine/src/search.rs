//! One search: services, versions, commits and where they run, promotions, acts. A question such as
//! 'is 8c1f02e in production?' is answered in what is found.

use async_trait::async_trait;
use contract::{
    Answer,
    search::{Found, FoundKind, SearchBackend},
};
use domain::{
    actor::{Act, Actor},
    duration_words,
    ids::ServiceId,
    question::{self, Called},
    state::Mark,
};
use store::{CommitPlace, Environment, Read};

use crate::{
    Engine,
    error::OrFail,
    services::{Reached, Runs},
};

/// Things found in all.
const AT_MOST: usize = 30;

/// Of each kind, so that one kind does not push out the others.
const OF_EACH_KIND: u32 = 8;

/// Longer texts are pasted by mistake.
const TEXT_AT_MOST: usize = 200;

/// Words that begin an act, and what it does.
const ACTS: [(&str, Verb); 3] =
    [("roll back", Verb::RollBack), ("rollback", Verb::RollBack), ("promote", Verb::Promote)];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verb {
    Promote,
    RollBack,
}

impl Verb {
    const fn act(self) -> Act {
        match self {
            Self::Promote => Act::RequestPromotion,
            Self::RollBack => Act::RollBack,
        }
    }
}

#[async_trait]
impl SearchBackend for Engine {
    async fn search(&self, actor: &Actor, text: &str) -> Answer<Vec<Found>> {
        actor.may(Act::Read)?;
        let text: String = text.trim().chars().filter(|c| !c.is_control()).take(TEXT_AT_MOST).collect();
        if text.is_empty() {
            return Ok(vec![]);
        }
        let mut read = self.store().read().await.or_fail(self)?;
        let environments = read.environments().await.or_fail(self)?;
        let called: Vec<_> = environments.iter().map(|e| Called { name: e.name.as_str(), title: &e.title }).collect();
        if let Some(question) = question::read(&text, &called) {
            let about = question.environment.and_then(|at| environments.get(at));
            let all = self.find(&mut read, actor, &question.term, &environments, about).await?;
            if !all.is_empty() {
                return Ok(all);
            }
        }
        self.find(&mut read, actor, &text, &environments, None).await
    }
}

impl Engine {
    /// What a term finds; `about` is the environment that was asked about.
    async fn find(
        &self,
        read: &mut Read,
        actor: &Actor,
        text: &str,
        environments: &[Environment],
        about: Option<&Environment>,
    ) -> Answer<Vec<Found>> {
        let places = Places { environments, about };
        let mut all = self.acts(read, actor, &text.to_lowercase(), places).await?;
        let found = read.search(text, OF_EACH_KIND).await.or_fail(self)?;
        all.extend(found.promotions.into_iter().map(|p| Found {
            kind: FoundKind::Promotion,
            title: format!("promotion {}: {} {} to {}", p.number, p.service, p.version, p.environment),
            detail: p.words,
            mark: p.mark,
            link: format!("/promotions/{}", p.number),
        }));
        for place in found.commits {
            all.push(self.commit(read, place, places).await?);
        }
        for service in found.services {
            let (mark, detail) = match about {
                Some(about) => self.service_in(read, service.id, about).await?,
                None => (Mark::Nothing, format!("service of team {}", service.team)),
            };
            let link = format!("/services/{}", service.name);
            all.push(Found { kind: FoundKind::Service, title: service.name.to_string(), detail, mark, link });
        }
        for version in found.versions {
            let title = format!("{} {}", version.service, version.label);
            let link = format!("/services/{}/versions/{}", version.service, version.label);
            let (mark, detail) = self.version_whereabouts(read, &version, places).await?;
            all.push(Found { kind: FoundKind::Version, title, detail, mark, link });
        }
        all.truncate(AT_MOST);
        Ok(all)
    }

    /// 'roll back cart': one act for each environment where it can be done, or for the one asked about.
    async fn acts(&self, read: &mut Read, actor: &Actor, text: &str, places: Places<'_>) -> Answer<Vec<Found>> {
        let asked = ACTS.iter().find_map(|(words, verb)| {
            let rest = text.strip_prefix(words)?;
            let rest = rest.strip_prefix(' ')?.trim();
            (!rest.is_empty()).then_some((*verb, rest))
        });
        let Some((verb, rest)) = asked.filter(|(verb, _)| actor.may(verb.act()).is_ok()) else {
            return Ok(vec![]);
        };
        let services = read.search(rest, 3).await.or_fail(self)?.services;
        let mut acts = Vec::new();
        for service in services {
            let targets = read.targets_of_service(service.id).await.or_fail(self)?;
            // Production first: it is what people hurry for.
            for environment in places.environments.iter().rev() {
                let is_meant = places.about.is_none_or(|about| about.id == environment.id);
                let is_here = |t: &store::Target| t.environment == environment.id && !t.workloads.is_empty();
                if !is_meant || !targets.iter().any(is_here) {
                    continue;
                }
                let (title, link) = match verb {
                    Verb::Promote => (
                        format!("Promote {} to {}", service.name, environment.title),
                        format!("/promote?service={}&environment={}", service.name, environment.name),
                    ),
                    Verb::RollBack => {
                        let before = read.succeeded_before(service.id, environment.id, 2).await.or_fail(self)?;
                        if before.len() < 2 {
                            continue;
                        }
                        (
                            format!("Roll back {} in {}", service.name, environment.title),
                            format!("/services/{}/roll-back?environment={}", service.name, environment.name),
                        )
                    }
                };
                acts.push(Found { kind: FoundKind::Act, title, detail: String::new(), mark: Mark::Nothing, link });
            }
        }
        acts.truncate(OF_EACH_KIND as usize);
        Ok(acts)
    }

    /// A commit with the environment asked about, or the farthest that it has reached.
    async fn commit(&self, read: &mut Read, place: CommitPlace, places: Places<'_>) -> Answer<Found> {
        let service = read.service(place.service_id).await.or_fail(self)?;
        let built_in = format!("{} {}", place.service, place.label);
        let (mark, detail) = match service {
            Some(service) => {
                let reached = self.reached(read, &service, places.environments, place.ordinal).await?;
                match places.asked(&reached) {
                    Some(reached) => answer(reached, reached.has_it(), &format!("{} ", place.service)),
                    None => farthest(&reached, &built_in),
                }
            }
            None => (Mark::Nothing, built_in),
        };
        let hash = place.hash.short().to_owned();
        let title = place.title.filter(|t| !t.is_empty()).unwrap_or_else(|| "built commit".to_owned());
        Ok(Found {
            kind: FoundKind::Commit,
            title: format!("{hash} {title}"),
            detail,
            mark,
            link: format!("/services/{}?commit={}", place.service, place.hash),
        })
    }

    /// Whether a service runs in the environment asked about, and which version.
    async fn service_in(&self, read: &mut Read, id: ServiceId, about: &Environment) -> Answer<(Mark, String)> {
        let Some(service) = read.service(id).await.or_fail(self)? else { return Ok((Mark::Nothing, String::new())) };
        let reached = self.reached(read, &service, std::slice::from_ref(about), i64::MIN).await?;
        Ok(reached.first().map_or((Mark::Nothing, String::new()), |reached| answer(reached, reached.has_it(), "")))
    }

    async fn version_whereabouts(
        &self,
        read: &mut Read,
        found: &store::FoundVersion,
        places: Places<'_>,
    ) -> Answer<(Mark, String)> {
        let service = read.service(found.service_id).await.or_fail(self)?;
        let Some(service) = service else { return Ok((Mark::Nothing, String::new())) };
        if let Some(about) = places.about {
            let version = read.version(found.id).await.or_fail(self)?;
            let ordinal = version.map_or(i64::MAX, |version| version.ordinal);
            let reached = self.reached(read, &service, std::slice::from_ref(about), ordinal).await?;
            if let Some(reached) = reached.first() {
                return Ok(answer(reached, reached.runs.as_ref().is_some_and(|runs| runs.is_it), ""));
            }
        }
        let runs = crate::versions::RunsWhere::load(read, &service).await.or_fail(self)?;
        let titles: Vec<_> =
            places.environments.iter().filter(|e| runs.runs(found.id, e.id)).map(|e| e.title.clone()).collect();
        if titles.is_empty() {
            let age = duration_words::age((self.now() - found.created_at).num_seconds());
            return Ok((Mark::Nothing, format!("runs nowhere, built {age} ago")));
        }
        Ok((Mark::Done, format!("runs in {}", titles.join(", "))))
    }
}

/// The environments, and the one that was asked about.
#[derive(Clone, Copy)]
struct Places<'a> {
    environments: &'a [Environment],
    about: Option<&'a Environment>,
}

impl Places<'_> {
    fn asked<'r>(&self, reached: &'r [Reached]) -> Option<&'r Reached> {
        let about = self.about?;
        reached.iter().find(|reached| reached.environment == about.id)
    }
}

/// 'yes, in Production with cart 2.30.4, deployed 2 days ago', or no and what runs there instead.
fn answer(reached: &Reached, is_there: bool, service: &str) -> (Mark, String) {
    let title = &reached.title;
    match &reached.runs {
        None => (Mark::Nothing, format!("no, nothing known runs in {title}")),
        Some(Runs { label, age: Some(age), .. }) if is_there => {
            (Mark::Done, format!("yes, in {title} with {service}{label}, deployed {age} ago"))
        }
        Some(Runs { label, .. }) if is_there => (Mark::Done, format!("yes, in {title} with {service}{label}")),
        Some(Runs { label, has_it: true, .. }) => (Mark::Waiting, format!("no, {title} runs the later {label}")),
        Some(Runs { label, .. }) => (Mark::Waiting, format!("no, {title} runs {service}{label}")),
    }
}

/// The farthest environment that a commit has reached.
fn farthest(reached: &[Reached], built_in: &str) -> (Mark, String) {
    let last = reached.last().map(|reached| reached.environment);
    match reached.iter().rev().find(|reached| reached.has_it()) {
        Some(place) if Some(place.environment) == last => {
            (Mark::Done, format!("{built_in}, {}: {}", place.title, place.words()))
        }
        Some(place) => (Mark::Waiting, format!("{built_in}, only as far as {}: {}", place.title, place.words())),
        None => (Mark::Nothing, format!("{built_in}, nowhere yet")),
    }
}
