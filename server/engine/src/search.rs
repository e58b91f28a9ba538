//! One search: services, versions, commits and where they run, promotions, acts.

use async_trait::async_trait;
use contract::{
    Answer,
    search::{Found, FoundKind, SearchBackend},
};
use domain::{
    actor::{Act, Actor},
    duration_words,
    state::Mark,
};
use store::{CommitPlace, Read, Service};

use crate::{Engine, error::OrFail};

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
        let mut all = self.acts(&mut read, actor, &text.to_lowercase()).await?;
        let found = read.search(&text, OF_EACH_KIND).await.or_fail(self)?;
        all.extend(found.promotions.into_iter().map(|p| Found {
            kind: FoundKind::Promotion,
            title: format!("promotion {}: {} {} to {}", p.number, p.service, p.version, p.environment),
            detail: p.words,
            mark: p.mark,
            link: format!("/promotions/{}", p.number),
        }));
        for place in found.commits {
            all.push(self.commit(&mut read, place).await?);
        }
        all.extend(found.services.into_iter().map(|s| Found {
            kind: FoundKind::Service,
            title: s.name.to_string(),
            detail: format!("service of team {}", s.team),
            mark: Mark::Nothing,
            link: format!("/services/{}", s.name),
        }));
        for version in found.versions {
            let title = format!("{} {}", version.service, version.label);
            let link = format!("/services/{}/versions/{}", version.service, version.label);
            let (mark, detail) = self.version_whereabouts(&mut read, &version).await?;
            all.push(Found { kind: FoundKind::Version, title, detail, mark, link });
        }
        all.truncate(AT_MOST);
        Ok(all)
    }
}

impl Engine {
    /// 'roll back cart': one act for each environment where it can be done.
    async fn acts(&self, read: &mut Read, actor: &Actor, text: &str) -> Answer<Vec<Found>> {
        let asked = ACTS.iter().find_map(|(words, verb)| {
            let rest = text.strip_prefix(words)?;
            let rest = rest.strip_prefix(' ')?.trim();
            (!rest.is_empty()).then_some((*verb, rest))
        });
        let Some((verb, rest)) = asked.filter(|(verb, _)| actor.may(verb.act()).is_ok()) else {
            return Ok(vec![]);
        };
        let services = read.search(rest, 3).await.or_fail(self)?.services;
        let environments = read.environments().await.or_fail(self)?;
        let mut acts = Vec::new();
        for service in services {
            let targets = read.targets_of_service(service.id).await.or_fail(self)?;
            // Production first: it is what people hurry for.
            for environment in environments.iter().rev() {
                let is_here = |t: &store::Target| t.environment == environment.id && !t.workloads.is_empty();
                if !targets.iter().any(is_here) {
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

    /// A commit with the farthest environment that it has reached: 'is 8c1f02e in production?'.
    async fn commit(&self, read: &mut Read, place: CommitPlace) -> Answer<Found> {
        let service = read.service(place.service_id).await.or_fail(self)?;
        let (mark, detail) = match service {
            Some(service) => self.farthest(read, &service, place.ordinal).await?,
            None => (Mark::Nothing, String::new()),
        };
        let hash = place.hash.short().to_owned();
        let title = place.title.filter(|t| !t.is_empty()).unwrap_or_else(|| "built commit".to_owned());
        Ok(Found {
            kind: FoundKind::Commit,
            title: format!("{hash} {title}"),
            detail: format!("{} {}, {detail}", place.service, place.label),
            mark,
            link: format!("/services/{}?commit={}", place.service, place.hash),
        })
    }

    async fn farthest(&self, read: &mut Read, service: &Service, ordinal: i64) -> Answer<(Mark, String)> {
        let environments = read.environments().await.or_fail(self)?;
        let places = self.reached(read, service, &environments, ordinal).await?;
        let last = environments.last().map(|e| e.title.as_str());
        let farthest = places.iter().rev().find(|(_, is_there, _)| *is_there);
        Ok(match farthest {
            Some((title, _, words)) if Some(title.as_str()) == last => (Mark::Done, format!("{title}: {words}")),
            Some((title, _, words)) => (Mark::Waiting, format!("only as far as {title}: {words}")),
            None => (Mark::Nothing, "nowhere yet".to_owned()),
        })
    }

    async fn version_whereabouts(&self, read: &mut Read, found: &store::FoundVersion) -> Answer<(Mark, String)> {
        let service = read.service(found.service_id).await.or_fail(self)?;
        let Some(service) = service else { return Ok((Mark::Nothing, String::new())) };
        let environments = read.environments().await.or_fail(self)?;
        let runs = crate::versions::RunsWhere::load(read, &service).await.or_fail(self)?;
        let titles: Vec<_> =
            environments.iter().filter(|e| runs.runs(found.id, e.id)).map(|e| e.title.clone()).collect();
        if titles.is_empty() {
            let age = duration_words::age((self.now() - found.created_at).num_seconds());
            return Ok((Mark::Nothing, format!("runs nowhere, built {age} ago")));
        }
        Ok((Mark::Done, format!("runs in {}", titles.join(", "))))
    }
}
