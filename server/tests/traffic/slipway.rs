//! The real server as a process of its own, with a company that the test prepares in its database; the
//! test steers through the same database, as another server would.

use std::{
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use contract::{
    analysis::{MetricAccess, MetricSourceInput},
    clusters::{AdoptWorkload, ClusterInput, ClustersBackend as _},
    environments::{EnvironmentInput, EnvironmentsBackend as _},
    promotions::{PromotionView, PromotionsBackend as _, RequestPromotion, RequestRollback, Steer},
    services::{ServicesBackend as _, StrategyInput},
    versions::{RegisterVersion, VersionsBackend as _},
};
use domain::{actor::Actor, environment::EnvironmentKind, observation::WorkloadKind, promotion::AsSeen};
use engine::Engine;
use server::{
    config::{Config, Flags, Sources},
    wiring,
};
use tokio_util::sync::CancellationToken;

use crate::ground::{Ground, Way, image, variable};

/// The longest wait: what a killed server held, draining, and a machine that does other things.
const PATIENCE: Duration = Duration::from_secs(150);

/// A server over a company with the service `cart`.
pub struct Slipway {
    engine: Engine,
    admin: Actor,
    way: Way,
    child: Option<Child>,
    folder: tempfile::TempDir,
}

impl Slipway {
    /// Prepares the company and starts the server.
    pub async fn on(ground: &Ground) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let flags = Flags {
            data_dir: Some(folder.path().display().to_string()),
            outgoing_allow: Some("127.0.0.1".to_owned()),
            ..Flags::default()
        };
        let config = Config::read(&Sources::new(flags, |_| None).unwrap()).unwrap();
        let engine = wiring::wire(&config, None, CancellationToken::new()).await.unwrap().engine;
        let link = engine.first_link().await.unwrap().unwrap();
        let token = link.strip_prefix("/link/").unwrap();
        let password = "correct horse battery".into();
        let made = engine.use_link_first_administrator(token, "Ada", "ada@slipway.test", &password, None);
        let admin = engine.actor_of_person(made.await.unwrap(), None).await.unwrap();
        let mut slipway = Self { engine, admin, way: ground.way, child: None, folder };
        slipway.company(ground).await;
        slipway.start();
        slipway
    }

    async fn company(&self, ground: &Ground) {
        let kubeconfig = std::fs::read_to_string(variable("SLIPWAY_TEST_KUBECONFIG_MINIMAL")).unwrap();
        let cluster = ClusterInput {
            name: "real".to_owned(),
            method: "kubeconfig".to_owned(),
            kubeconfig,
            namespaces: ground.namespace.clone(),
            ..ClusterInput::default()
        };
        self.engine.add_cluster(&self.admin, cluster).await.unwrap();
        let environment = EnvironmentInput {
            name: "production".to_owned(),
            title: "Production".to_owned(),
            kind: EnvironmentKind::Production,
            approvals: 0,
            healthy_in: String::new(),
            rollout_budget_seconds: 300,
            watch_seconds: 0,
            clusters: vec!["real".to_owned()],
        };
        self.engine.add_environment(&self.admin, environment).await.unwrap();
        let workload = AdoptWorkload {
            kind: if self.way == Way::ArgoRollouts { WorkloadKind::Rollout } else { WorkloadKind::Deployment },
            namespace: ground.namespace.clone(),
            name: "cart".to_owned(),
            container: "app".to_owned(),
            service: "cart".to_owned(),
            team: "checkout".to_owned(),
            environment: "production".to_owned(),
        };
        let adopted = self.engine.adopt(&self.admin, "real", vec![workload]).await.unwrap();
        assert_eq!(adopted.targets, 1, "{:?}", adopted.left_out);
    }

    /// Starts the server.
    pub fn start(&mut self) {
        assert!(self.child.is_none(), "one server is enough");
        let log = std::fs::File::options().create(true).append(true).open(self.folder.path().join("log")).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_slipway"));
        command
            .args(["run", "--listen", "127.0.0.1:0", "--outgoing-allow", "127.0.0.1", "--data-dir"])
            .arg(self.folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        self.child = Some(command.spawn().unwrap());
    }

    /// Kills it where it stands: SIGKILL.
    pub fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Sets how versions come into the target.
    pub async fn strategy(&self, strategy: &str, layer: &str, steps: &str) {
        self.judged_strategy(strategy, layer, steps, "", "").await;
    }

    /// The same with numbers over a window of so many seconds.
    pub async fn judged_strategy(&self, strategy: &str, layer: &str, steps: &str, metrics: &str, window: &str) {
        let input = StrategyInput {
            strategy: strategy.to_owned(),
            exposed: "cart".to_owned(),
            layer: layer.to_owned(),
            service: "cart".to_owned(),
            route: if layer == "selector" { String::new() } else { "web".to_owned() },
            steps: steps.to_owned(),
            metrics: metrics.to_owned(),
            window: window.to_owned(),
        };
        self.engine.set_strategy(&self.admin, "cart", "production", input).await.unwrap();
    }

    /// The layer by which weights are moved here.
    pub const fn weights(&self) -> &'static str {
        match self.way {
            Way::GatewayApi => "http_route",
            Way::Istio | Way::ArgoRollouts => "istio",
        }
    }

    /// Says where the numbers are.
    pub async fn metrics_at(&self, address: &str) {
        let input = MetricSourceInput {
            cluster: "real".to_owned(),
            address: address.to_owned(),
            access: MetricAccess::Open,
            ..MetricSourceInput::default()
        };
        self.engine.set_metric_source(&self.admin, input).await.unwrap();
    }

    /// Registers a version and asks for it; answers the promotion's number.
    pub async fn promote(&self, label: &str) -> i64 {
        let version =
            RegisterVersion { version: label.to_owned(), image: Some(image(label)), ..RegisterVersion::default() };
        self.engine.register_version(&self.admin, "cart", version).await.unwrap();
        let request = RequestPromotion {
            service: "cart".to_owned(),
            version: label.to_owned(),
            environment: "production".to_owned(),
            reason: "Mends refunds".to_owned(),
            supersede: false,
            key: None,
        };
        self.engine.request_promotion(&self.admin, request).await.unwrap()
    }

    pub async fn view(&self, number: i64) -> PromotionView {
        self.engine.promotion(&self.admin, number).await.unwrap()
    }

    async fn until(&self, number: i64, what: &str, is_it: impl Fn(&PromotionView) -> bool) {
        let began = Instant::now();
        loop {
            let view = self.view(number).await;
            if is_it(&view) {
                return;
            }
            if began.elapsed() > PATIENCE {
                self.give_up(&view, what);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    fn give_up(&self, view: &PromotionView, what: &str) -> ! {
        let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().rev().take(30).collect();
        let journal: Vec<_> =
            view.journal.iter().map(|line| format!("{} {}: {}", line.at, line.title, line.detail)).collect();
        panic!("{what} is waited for; {}\n{journal:#?}\nthe server's last lines: {lines:#?}", view.next);
    }

    /// Waits until this step is reached: the one that asks, after the step before it is done.
    pub async fn until_step(&self, number: i64, step: usize) {
        let is_it = |view: &PromotionView| view.traffic.as_ref().and_then(|traffic| traffic.step) == Some(step);
        self.until(number, &format!("step {step}"), is_it).await;
    }

    /// Waits for the end.
    pub async fn until_over(&self, number: i64, phase: &str) {
        let began = Instant::now();
        loop {
            let status = self.engine.promotion_status(&self.admin, number).await.unwrap();
            if status.is_over && status.phase == phase {
                return;
            }
            if status.is_over || began.elapsed() > PATIENCE {
                self.give_up(&self.view(number).await, phase);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    pub async fn go_on(&self, number: i64, step: usize) {
        self.engine.steer(&self.admin, number, Steer::GoOn { seen: AsSeen::step(step) }).await.unwrap();
    }

    /// Rolls back to a version that ran before; answers the promotion's number.
    pub async fn roll_back(&self, label: &str) -> i64 {
        let request = RequestRollback {
            service: "cart".to_owned(),
            environment: "production".to_owned(),
            version: Some(label.to_owned()),
            whole_templates: false,
            reason: "as it was".to_owned(),
        };
        self.engine.roll_back(&self.admin, request).await.unwrap()
    }

    pub async fn abort(&self, number: i64) {
        self.engine.abort(&self.admin, number, "it looks bad".to_owned()).await.unwrap();
    }
}

impl Drop for Slipway {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // It may have ended by itself; then there is nothing to do.
            drop(child.kill());
            drop(child.wait());
        }
    }
}
