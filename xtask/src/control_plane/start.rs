//! Starting a control plane on free ports, ready for tests.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::build::{Programs, Tools};
use super::credentials::Credentials;
use crate::children::{self, Background, Folder};
use crate::paths;
use crate::process;
use crate::steps::step;

/// Long enough for a machine that compiles beside it; usually it takes 3 s.
pub(super) const READY_WITHIN: Duration = Duration::from_secs(90);

/// The controllers that the workloads, namespaces and service accounts of tests need. Those that
/// watch nodes are left out: nobody plays their heartbeats.
const CONTROLLERS: &str = "deployment,replicaset,endpointslice,endpoint,namespace,serviceaccount,\
     garbagecollector,horizontalpodautoscaling,disruption,job,cronjob,statefulset,podgc";

/// A running control plane; dropping it ends it and removes its folder.
pub struct ControlPlane {
    kubeconfig: PathBuf,
    minimal: PathBuf,
    // Dropped in the order of declaration: clients before servers, the folder last.
    clients: Vec<Background>,
    _apiserver: Background,
    _etcd: Background,
    credentials: Credentials,
    folder: Folder,
}

impl ControlPlane {
    /// Starts everything and waits until a pod could be scheduled.
    ///
    /// # Errors
    /// When one of the programs does not become ready; the message carries the end of its log.
    pub fn start(programs: &Programs) -> Result<Self> {
        step("starting a Kubernetes control plane", || start(programs))
    }

    /// Starts the tools beside it to which the tests delegate.
    ///
    /// # Errors
    /// When one of them does not become ready; the message carries the end of its log.
    pub fn with_tools(mut self, tools: &Tools) -> Result<Self> {
        let started = step("starting Argo Rollouts and Argo CD", || {
            super::tools::start(tools, &self.credentials, &self.admin(), self.folder.path())
        })?;
        self.clients.splice(0..0, started);
        Ok(self)
    }

    /// Starts Argo Rollouts' controller alone beside it.
    ///
    /// # Errors
    /// When it does not become ready; the message carries the end of its log.
    pub fn with_rollouts(mut self, program: &Path) -> Result<Self> {
        let started =
            step("starting Argo Rollouts", || super::tools::rollouts(program, &self.credentials, self.folder.path()))?;
        self.clients.insert(0, started);
        Ok(self)
    }

    /// The administrator's kubeconfig.
    pub fn administrator(&self) -> &Path {
        &self.kubeconfig
    }

    /// The kubeconfig of the role that Slipway needs.
    pub fn minimal(&self) -> &Path {
        &self.minimal
    }

    /// The folder of its files and logs.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// `kubectl` as the administrator.
    pub(super) fn admin(&self) -> Kubectl {
        Kubectl::new(&self.kubectl(), &self.kubeconfig, self.folder.path())
    }

    /// A kubectl of the same version.
    pub fn kubectl(&self) -> PathBuf {
        self.folder.path().join("kubectl")
    }

    /// What a test needs to find it: variables of the environment and their values.
    pub fn environment(&self) -> [(&'static str, OsString); 3] {
        [
            (super::KUBECONFIG, self.kubeconfig.clone().into()),
            (super::KUBECONFIG_MINIMAL, self.minimal.clone().into()),
            (super::FOLDER, self.folder.path().into()),
        ]
    }
}

fn start(programs: &Programs) -> Result<ControlPlane> {
    let folder = Folder::new("controlplane")?;
    let here = folder.path();
    let [api, etcd_clients, etcd_peers] = children::free_ports()?;
    let credentials = Credentials::write(here, api)?;
    std::os::unix::fs::symlink(&programs.kubectl, here.join("kubectl")).context("cannot link kubectl")?;

    let etcd = Background::start("etcd", &mut etcd(programs, here, etcd_clients, etcd_peers), here)?;
    let mut apiserver =
        Background::start("kube-apiserver", &mut apiserver(programs, &credentials, here, api, etcd_clients), here)?;
    let admin = Kubectl::new(&programs.kubectl, &credentials.kubeconfig, here);
    apiserver.wait_ready(READY_WITHIN, || process::ask(admin.command().args(["get", "--raw", "/readyz"])).is_some())?;

    let mut clients = vec![
        Background::start(
            "kube-controller-manager",
            client(&programs.controllers, &credentials)
                .args(["--leader-elect=false", "--secure-port=0"])
                .args(["--kube-api-qps=200", "--kube-api-burst=400"])
                .arg(format!("--controllers={CONTROLLERS}")),
            here,
        )?,
        Background::start(
            "kube-scheduler",
            client(&programs.scheduler, &credentials)
                .args(["--leader-elect=false", "--secure-port=0"])
                .args(["--kube-api-qps=200", "--kube-api-burst=400"]),
            here,
        )?,
    ];
    let sources = paths::root().join("end2end/controlplane");
    admin.apply(&sources.join("node.yaml"))?;
    for definitions in super::build::custom_resource_definitions()? {
        admin.apply(&definitions)?;
    }
    admin.apply(&paths::root().join("server/cluster/src/slipway-role.yaml"))?;
    let mut kwok = Background::start(
        "kwok",
        client(&programs.kwok, &credentials)
            .arg("--config")
            .arg(sources.join("stages.yaml"))
            .args(["--manage-all-nodes=true", "--cidr=10.244.0.1/16"])
            .args(["--node-ip=10.0.0.1"])
            // Its own folder: a configuration in the home of the person must change nothing.
            .env("KWOK_WORKDIR", here),
        here,
    )?;
    kwok.wait_ready(READY_WITHIN, || admin.node_is_ready())?;
    clients.insert(0, kwok);

    let minimal = here.join("minimal.kubeconfig");
    let token = process::output(admin.command().args([
        "--namespace",
        "slipway",
        "create",
        "token",
        "slipway",
        "--duration=24h",
    ]))?;
    credentials.write_kubeconfig(&minimal, "slipway", token.trim())?;
    Ok(ControlPlane {
        kubeconfig: credentials.kubeconfig.clone(),
        minimal,
        clients,
        _apiserver: apiserver,
        _etcd: etcd,
        credentials,
        folder,
    })
}

fn etcd(programs: &Programs, here: &Path, clients: u16, peers: u16) -> Command {
    let clients = format!("http://127.0.0.1:{clients}");
    let peers = format!("http://127.0.0.1:{peers}");
    let mut command = children::tied(&programs.etcd);
    command
        // Nobody needs these data after a crash of the machine.
        .arg("--unsafe-no-fsync")
        .arg("--data-dir")
        .arg(here.join("etcd"))
        .args(["--listen-client-urls", &clients])
        .args(["--advertise-client-urls", &clients])
        .args(["--listen-peer-urls", &peers])
        .args(["--initial-advertise-peer-urls", &peers])
        .args(["--initial-cluster", &format!("default={peers}")]);
    command
}

fn apiserver(programs: &Programs, credentials: &Credentials, here: &Path, port: u16, etcd: u16) -> Command {
    let mut command = children::tied(&programs.apiserver);
    command
        .arg(format!("--etcd-servers=http://127.0.0.1:{etcd}"))
        .arg(format!("--secure-port={port}"))
        .args(["--bind-address=127.0.0.1", "--advertise-address=127.0.0.1"])
        // Endpoints refuse loopback addresses: nobody is told where the API server is.
        .arg("--endpoint-reconciler-type=none")
        .arg("--cert-dir")
        .arg(here.join("certificates"))
        .arg("--tls-cert-file")
        .arg(&credentials.certificate)
        .arg("--tls-private-key-file")
        .arg(&credentials.key)
        .arg("--token-auth-file")
        .arg(&credentials.tokens)
        .arg("--authorization-mode=RBAC")
        .arg("--service-account-issuer=https://kubernetes.default.svc")
        .arg("--service-account-signing-key-file")
        .arg(&credentials.service_accounts)
        .arg("--service-account-key-file")
        .arg(&credentials.service_accounts_public)
        .arg("--service-cluster-ip-range=10.96.0.0/16")
        // ServiceAccount would hold every pod back until a token controller runs;
        // TaintNodesByCondition waits for a node controller, which does not run either.
        .arg("--disable-admission-plugins=ServiceAccount,TaintNodesByCondition");
    command
}

fn client(program: &Path, credentials: &Credentials) -> Command {
    let mut command = children::tied(program);
    command.arg("--kubeconfig").arg(&credentials.kubeconfig);
    command
}

/// `kubectl` as the administrator.
pub(super) struct Kubectl {
    program: PathBuf,
    kubeconfig: PathBuf,
    cache: PathBuf,
}

impl Kubectl {
    fn new(program: &Path, kubeconfig: &Path, here: &Path) -> Self {
        Self { program: program.to_path_buf(), kubeconfig: kubeconfig.to_path_buf(), cache: here.join("kubectl-cache") }
    }

    pub(super) fn command(&self) -> Command {
        let mut command = process::command(&self.program);
        command.arg("--kubeconfig").arg(&self.kubeconfig).arg("--cache-dir").arg(&self.cache);
        command
    }

    pub(super) fn apply(&self, file: &Path) -> Result<()> {
        if !fs::exists(file)? {
            anyhow::bail!("{} is missing", file.display());
        }
        // Some definitions are too large for the annotation that a client-side apply leaves.
        process::output(self.command().args(["apply", "--server-side", "--filename"]).arg(file)).map(drop)
    }

    fn node_is_ready(&self) -> bool {
        let condition = r#"{.items[*].status.conditions[?(@.type=="Ready")].status}"#;
        process::ask(self.command().args(["get", "nodes", "--output", &format!("jsonpath={condition}")]))
            .is_some_and(|status| status.trim() == "True")
    }
}
