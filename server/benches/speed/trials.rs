//! An installation whose services are promoted by canaries on the practice cluster.

use std::sync::Arc;

use anyhow::{Context as _, ensure};
use chrono::{DateTime, Utc};
use contract::{
    clusters::{AdoptWorkload, ClustersBackend as _},
    environments::{EnvironmentInput, EnvironmentsBackend as _},
    promotions::{PromotionsBackend as _, RequestPromotion},
    services::{ServicesBackend as _, StrategyInput},
    versions::{RegisterVersion, VersionsBackend as _},
};
use domain::{
    actor::{Actor, Role},
    environment::EnvironmentKind,
    ids::ClusterId,
    image::ContainerImage,
    names::{ClusterName, ContainerName, Namespace, ObjectName, WorkloadName},
    traffic::{RouteKind, TrafficLayer},
};
use engine::Engine;
use ports::{Clock, MetricConnector, Randomness as _};
use practice::{NewDeployment, PracticeCluster};
use server::wiring::{Connector, SystemRandomness};
use store::{Cluster, ClusterKind, Durability, Store, StoreOptions};

use crate::company;

const NAMESPACE: &str = "production";

/// The installation.
pub(crate) struct Trials {
    /// Its use cases; they do nothing by themselves.
    pub(crate) engine: Engine,
    /// The cluster.
    pub(crate) practice: PracticeCluster,
    /// Who may do everything that is needed here.
    pub(crate) admin: Actor,
}

impl Trials {
    /// An empty database with so many services that run `1.0` and are promoted by `strategy`, whose
    /// Deployment, Service and route have the service's name.
    ///
    /// # Errors
    /// When the store or the engine refuses something.
    pub(crate) async fn new(
        url: &str,
        services: usize,
        strategy: &StrategyInput,
        clock: Arc<dyn Clock>,
        practice: PracticeCluster,
        metrics: Arc<dyn MetricConnector>,
    ) -> anyhow::Result<Self> {
        let options = StoreOptions { durability: Durability::ProcessEnd, ..StoreOptions::default() };
        let store = Store::open(url, options).await?;
        let mut tx = store.begin().await?;
        let admin = company::person(&mut tx, "Ada", Role::Admin).await?;
        tx.insert_cluster(&cluster(clock.now())?).await?;
        tx.commit().await?;
        let connector = Arc::new(Connector::new(Some(practice.clone()), outgoing::Judge::default()));
        let engine = company::engine_on(store, clock, connector, metrics);
        let trials = Self { engine, practice, admin };
        trials.engine.add_environment(&trials.admin, production()).await?;
        trials.take_over(services).await?;
        for number in 0..services {
            let name = company::service_name(number);
            let (exposed, service, route) = (name.clone(), name.clone(), name.clone());
            let strategy = StrategyInput { exposed, service, route, ..strategy.clone() };
            trials.engine.set_strategy(&trials.admin, &name, NAMESPACE, strategy).await?;
        }
        Ok(trials)
    }

    async fn take_over(&self, services: usize) -> anyhow::Result<()> {
        let mut wanted = Vec::new();
        for number in 0..services {
            let name = company::service_name(number);
            let container = ContainerImage { container: ContainerName::parse("app")?, image: image(&name, "1.0") };
            let (namespace, workload) = (Namespace::parse(NAMESPACE)?, WorkloadName::parse(&name)?);
            let object = ObjectName::parse(&name)?;
            let layer = TrafficLayer::GatewayApi { service: object.clone(), kind: RouteKind::Http, route: object };
            self.practice.create_deployment(&NewDeployment::new(namespace.clone(), workload, 3, vec![container]))?;
            self.practice.create_route(&namespace, &layer)?;
            wanted.push(AdoptWorkload {
                kind: domain::observation::WorkloadKind::Deployment,
                namespace: NAMESPACE.to_owned(),
                name: name.clone(),
                container: "app".to_owned(),
                service: name,
                team: "team".to_owned(),
                environment: NAMESPACE.to_owned(),
            });
        }
        let adopted = self.engine.adopt(&self.admin, "practice", wanted).await?;
        ensure!(adopted.left_out.is_empty(), "left out: {:?}", adopted.left_out);
        Ok(())
    }

    /// Registers a version of a service and asks for it; answers the promotion's number.
    ///
    /// # Errors
    /// When the engine refuses it.
    pub(crate) async fn ask(&self, service: usize, label: &str) -> anyhow::Result<i64> {
        let name = company::service_name(service);
        let version = RegisterVersion {
            version: label.to_owned(),
            image: Some(image(&name, label)),
            ..RegisterVersion::default()
        };
        self.engine.register_version(&self.admin, &name, version).await?;
        let request = RequestPromotion {
            service: name,
            version: label.to_owned(),
            environment: NAMESPACE.to_owned(),
            reason: "Refunds once per payment id".to_owned(),
            supersede: false,
            key: None,
        };
        Ok(self.engine.request_promotion(&self.admin, request).await?)
    }
}

fn image(service: &str, label: &str) -> String {
    format!("registry.example/{service}:{label}")
}

fn cluster(now: DateTime<Utc>) -> anyhow::Result<Cluster> {
    Ok(Cluster {
        id: ClusterId::new(SystemRandomness.uuid()),
        name: ClusterName::parse("practice").context("a cluster's name")?,
        kind: ClusterKind::Practice,
        server: None,
        certificate_authority: None,
        sealed_token: None,
        namespaces: None,
        created_at: now,
        reachable_since: None,
        unreachable_since: None,
        trouble: None,
        message: None,
        version: None,
    })
}

fn production() -> EnvironmentInput {
    EnvironmentInput {
        name: NAMESPACE.to_owned(),
        title: "Production".to_owned(),
        kind: EnvironmentKind::Production,
        approvals: 0,
        healthy_in: String::new(),
        rollout_budget_seconds: 600,
        watch_seconds: 0,
        clusters: vec!["practice".to_owned()],
    }
}
