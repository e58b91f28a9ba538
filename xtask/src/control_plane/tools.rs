//! The tools to which Slipway delegates, beside the control plane: Argo Rollouts' controller, and Argo CD
//! (its repository server, its application controller, and a redis).
//!
//! They are administrators of the control plane, as they are in a real cluster. Argo CD reads the Git
//! repositories that tests make in folders.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::json;

use super::build::Tools;
use super::credentials::Credentials;
use super::start::Kubectl;
use crate::children::{self, Background};
use crate::process;

/// Long enough for a machine that compiles beside it.
const READY_WITHIN: Duration = Duration::from_secs(90);

/// Where Argo CD lives in the cluster.
const NAMESPACE: &str = "argocd";

/// Starts the tools and waits until they answer.
///
/// # Errors
/// When one does not become ready; the message carries the end of its log.
pub(super) fn start(tools: &Tools, credentials: &Credentials, admin: &Kubectl, here: &Path) -> Result<Vec<Background>> {
    let mut running = vec![rollouts(&tools.rollouts, credentials, here)?];
    running.extend(argo_cd(tools, credentials, admin, here)?);
    Ok(running)
}

/// Starts Argo Rollouts' controller and waits until it answers.
///
/// # Errors
/// When it does not become ready; the message carries the end of its log.
pub(super) fn rollouts(program: &Path, credentials: &Credentials, here: &Path) -> Result<Background> {
    let [metrics, health] = children::free_ports()?;
    let mut command = children::tied(program);
    command
        .arg("--kubeconfig")
        .arg(&credentials.kubeconfig)
        .args(["--leader-elect=false", "--qps=200", "--burst=400", "--loglevel=warn"])
        .arg(format!("--metricsPort={metrics}"))
        .arg(format!("--healthzPort={health}"));
    let mut controller = Background::start("rollouts-controller", &mut command, here)?;
    controller.wait_ready(READY_WITHIN, || answers(health))?;
    Ok(controller)
}

fn argo_cd(tools: &Tools, credentials: &Credentials, admin: &Kubectl, here: &Path) -> Result<Vec<Background>> {
    let names = here.join("argocd-programs");
    fs::create_dir_all(&names).with_context(|| format!("cannot make {}", names.display()))?;
    for name in ["argocd-repo-server", "argocd-application-controller"] {
        std::os::unix::fs::symlink(&tools.argocd, names.join(name)).with_context(|| format!("cannot link {name}"))?;
    }
    std::os::unix::fs::symlink(&tools.kustomize, names.join("kustomize")).context("cannot link kustomize")?;
    // Asked for at the start also where nothing is signed.
    let verify = names.join("git-verify-wrapper.sh");
    fs::write(&verify, "#!/bin/sh\n").with_context(|| format!("cannot write {}", verify.display()))?;
    fs::set_permissions(&verify, std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .with_context(|| format!("cannot make {} a program", verify.display()))?;
    let settings = here.join("argocd.json");
    fs::write(&settings, objects(credentials).to_string())
        .with_context(|| format!("cannot write {}", settings.display()))?;
    admin.apply(&settings)?;

    let [redis_port, repo, repo_metrics, controller_metrics] = children::free_ports()?;
    let mut redis = children::tied(&redis_program()?);
    redis.args(["--port", &redis_port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
    let mut redis = Background::start("redis-server", &mut redis, here)?;
    redis.wait_ready(READY_WITHIN, || answers(redis_port))?;

    let redis_at = format!("127.0.0.1:{redis_port}");
    let argo = |name: &str| -> Command {
        let mut command = children::tied(&names.join(name));
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut all = vec![names.clone()];
        all.extend(std::env::split_paths(&path));
        command
            .args(["--redis", &redis_at, "--loglevel", "warn"])
            .env("ARGOCD_BINARY_NAME", name)
            .env("HOME", here)
            .env("TMPDIR", here)
            // Nothing is signed here, and no keys are kept.
            .env("ARGOCD_GPG_ENABLED", "false")
            .env("ARGOCD_EXEC_TIMEOUT", "30s");
        if let Ok(joined) = std::env::join_paths(all) {
            command.env("PATH", joined);
        }
        command
    };
    let mut repo_server = argo("argocd-repo-server");
    repo_server
        .args(["--address", "127.0.0.1", "--disable-tls", "--client-ca-path=", "--metrics-address", "127.0.0.1"])
        .args(["--port", &repo.to_string(), "--metrics-port", &repo_metrics.to_string()]);
    let mut repo_server = Background::start("argocd-repo-server", &mut repo_server, here)?;
    repo_server.wait_ready(READY_WITHIN, || answers(repo))?;

    let mut controller = argo("argocd-application-controller");
    controller
        .arg("--kubeconfig")
        .arg(&credentials.kubeconfig)
        .args(["--namespace", NAMESPACE])
        .args(["--repo-server", &format!("127.0.0.1:{repo}"), "--repo-server-plaintext"])
        .args(["--metrics-port", &controller_metrics.to_string()])
        .args(["--app-resync", "10", "--self-heal-timeout-seconds", "1"]);
    let mut controller = Background::start("argocd-application-controller", &mut controller, here)?;
    controller.wait_ready(READY_WITHIN, || answers(controller_metrics))?;
    Ok(vec![controller, repo_server, redis])
}

/// Whether somebody listens on this port of loopback.
fn answers(port: u16) -> bool {
    std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
}

fn redis_program() -> Result<PathBuf> {
    crate::setup::program(
        "the tests with Argo CD need redis-server",
        || process::which("redis-server"),
        &["redis-server"],
        "redis-server on PATH, for Argo CD",
    )
}

/// What Argo CD finds in its namespace: its settings, and the cluster itself, which it knows by its address
/// since it does not run in it.
fn objects(credentials: &Credentials) -> serde_json::Value {
    let labelled = |kind: &str, name: &str, data: serde_json::Value| {
        let field = if kind == "Secret" { "stringData" } else { "data" };
        json!({
            "apiVersion": "v1", "kind": kind,
            "metadata": {"name": name, "namespace": NAMESPACE, "labels": {"app.kubernetes.io/part-of": "argocd"}},
            field: data,
        })
    };
    let config = json!({
        "bearerToken": credentials.token,
        "tlsClientConfig": {"caData": credentials.authority_base64()},
    });
    let mut cluster = labelled(
        "Secret",
        "in-tests",
        json!({"name": "in-tests", "server": credentials.server, "config": config.to_string()}),
    );
    cluster["metadata"]["labels"]["argocd.argoproj.io/secret-type"] = json!("cluster");
    json!({"apiVersion": "v1", "kind": "List", "items": [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        labelled("ConfigMap", "argocd-cm", json!({"timeout.reconciliation": "10s"})),
        labelled("ConfigMap", "argocd-cmd-params-cm", json!({})),
        labelled("ConfigMap", "argocd-rbac-cm", json!({})),
        labelled("ConfigMap", "argocd-ssh-known-hosts-cm", json!({})),
        labelled("ConfigMap", "argocd-tls-certs-cm", json!({})),
        labelled("ConfigMap", "argocd-gpg-keys-cm", json!({})),
        labelled("Secret", "argocd-secret", json!({"server.secretkey": "tests"})),
        cluster,
        {"apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject",
         "metadata": {"name": "default", "namespace": NAMESPACE},
         "spec": {"sourceRepos": ["*"], "destinations": [{"namespace": "*", "server": "*"}],
                  "clusterResourceWhitelist": [{"group": "*", "kind": "*"}]}},
    ]})
}
