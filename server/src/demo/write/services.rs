//! Services, their targets and the versions that their pipelines registered.

use std::collections::BTreeMap;

use anyhow::Context as _;
use chrono::Duration;
use domain::analysis::DataPlane;
use domain::ids::{ServiceId, TargetId, TeamId, VersionId};
use domain::image::Image;
use domain::names::{ContainerName, Namespace, ServiceName, WorkloadName};
use domain::observation::{WorkloadKind, WorkloadRef};
use domain::outside::{Deployer, OutsideDeployer, WebhookAddress};
use domain::steps_text;
use domain::strategy::{CandidateSettings, Strategy};
use domain::traffic::{RouteKind, TrafficLayer};
use domain::version::{
    Check, CheckCounts, Commit, CommitHash, Verdict, VersionFlags, VersionImage, VersionLabel, WebLink,
};
use practice::PracticeDeployer;
use store::{NewVersion, Service, Target, TargetWorkload};

use super::{Kept, PIPELINE, REGISTRY, Story, Writer};
use crate::demo::company;
use crate::demo::company::{RolloutShare, ServiceSpec, StrategySpec, Today};
use crate::demo::timeline::{DAYS, PRODUCTION, VersionStory};

impl Writer<'_> {
    pub(super) async fn service<'s>(&mut self, story: &'s Story, team_id: TeamId) -> anyhow::Result<Kept<'s>> {
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
        let namespace = Namespace::parse(&format!("{}{}", self.place.namespace_prefix, environment.name))?;
        let team = company::TEAMS.iter().find(|t| t.name == spec.team);
        let is_reported = index == 0 && team.is_some_and(|t| t.has_own_development);
        let deployer = deployer(spec, index)?;
        let mut workloads = Vec::new();
        for name in spec.workloads.iter().filter(|_| !is_reported && deployer.is_clusters()) {
            workloads.push(TargetWorkload {
                cluster: self.place.cluster,
                workload: WorkloadRef {
                    kind: if self.rollout(spec, index).is_some() {
                        WorkloadKind::Rollout
                    } else {
                        WorkloadKind::Deployment
                    },
                    namespace: namespace.clone(),
                    name: WorkloadName::parse(name)?,
                },
                container: container(spec, name)?,
                component: component(spec, name)?,
            });
        }
        let id = TargetId::new(self.uuid());
        let strategy = self.strategy(spec, index)?;
        Ok(Target { id, service, environment: environment.id, strategy, deployer, workloads })
    }

    /// The steps of a service's Rollout in an environment: shares, and the seconds of their pauses.
    pub(super) fn rollout(&self, spec: &ServiceSpec, environment: usize) -> Option<&'static [RolloutShare]> {
        match spec.strategy {
            StrategySpec::Rollout(steps) if environment == PRODUCTION && self.place.moves_traffic => Some(steps),
            _ => None,
        }
    }

    fn strategy(&self, spec: &ServiceSpec, environment: usize) -> anyhow::Result<Strategy> {
        let Some(exposed) = spec.workloads.first().filter(|_| environment == PRODUCTION) else {
            return Ok(Strategy::Rolling);
        };
        let exposed = WorkloadName::parse(exposed)?;
        let (service, route) = (exposed.clone(), exposed.clone());
        let (steps, layer) = match spec.strategy {
            StrategySpec::Canary(steps) if self.place.moves_traffic => {
                (steps, TrafficLayer::GatewayApi { service, kind: RouteKind::Http, route })
            }
            StrategySpec::Canary(steps) => (steps, TrafficLayer::Replicas),
            StrategySpec::BlueGreen(steps) if self.place.moves_traffic => (steps, TrafficLayer::Selector { service }),
            StrategySpec::BlueGreen(_) | StrategySpec::Rollout(_) | StrategySpec::Rolling => {
                return Ok(Strategy::Rolling);
            }
        };
        let settings = CandidateSettings::new(exposed, layer, steps_text::parse(steps)?)?;
        let settings = settings.measured_by(self.place.moves_traffic.then_some(DataPlane::Practice));
        // Nobody who tries Slipway out waits for minutes.
        let settings = settings.judged_over(Some(15))?;
        Ok(if matches!(spec.strategy, StrategySpec::BlueGreen(_)) {
            Strategy::BlueGreen(settings)
        } else {
            Strategy::Canary(settings)
        })
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
}

/// Who brings versions there.
fn deployer(spec: &ServiceSpec, environment: usize) -> anyhow::Result<Deployer> {
    if spec.name != company::ON_MACHINES || environment != PRODUCTION {
        return Ok(Deployer::Clusters);
    }
    let address = || WebhookAddress::parse(PracticeDeployer::ADDRESS);
    Ok(Deployer::Outside(OutsideDeployer::new(address()?, Some(address()?), 300, Some(30))?))
}

pub(super) fn labels(spec: &ServiceSpec) -> BTreeMap<String, String> {
    let pairs = [("app.kubernetes.io/name", spec.name), ("team", spec.team)];
    pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).into()
}

/// Pods in an environment: all in production, fewer before it.
pub(super) fn replicas(spec: &ServiceSpec, environment: usize) -> u32 {
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
pub(super) fn container(spec: &ServiceSpec, workload: &str) -> anyhow::Result<ContainerName> {
    Ok(component(spec, workload)?.map_or_else(|| ContainerName::parse("app"), Ok)?)
}

/// The component that a workload is, where a service has several: `orders-api` is `api`.
pub(super) fn component(spec: &ServiceSpec, workload: &str) -> anyhow::Result<Option<ContainerName>> {
    if spec.workloads.len() < 2 {
        return Ok(None);
    }
    let name = workload.strip_prefix(spec.name).map_or(workload, |rest| rest.trim_start_matches('-'));
    Ok(Some(ContainerName::parse(name)?))
}

/// The images of a version, one for each workload.
pub(super) fn images_of(spec: &ServiceSpec, told: &VersionStory) -> anyhow::Result<Vec<Image>> {
    let image = |(workload, digest): (&&str, &String)| {
        let reference = format!("{REGISTRY}/{workload}:{}{}", told.label, told.tag_end);
        Ok(Image::parse(&reference, Some(&format!("sha256:{digest}")))?)
    };
    spec.workloads.iter().zip(&told.digests).map(image).collect()
}

pub(super) fn checks(spec: &ServiceSpec, told: &VersionStory) -> anyhow::Result<Vec<Check>> {
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
