//! Building the control plane's programs from Go modules, once, into the cache.
//!
//! The programs of one `go.mod` and one set of flags lie in `<cache>/bin/<hash of both>/`; another
//! version of anything gets another folder. `KUBEBUILDER_ASSETS` is honoured: programs that lie
//! there are not built.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::digest::Hash;
use crate::paths;
use crate::process;
use crate::steps::{say, step};

/// One program: its name here, its Go package, the folder of its `go.mod` below `end2end/`.
struct Program {
    name: &'static str,
    package: &'static str,
    module: &'static str,
}

const PROGRAMS: &[Program] = &[
    Program { name: "etcd", package: "go.etcd.io/etcd/server/v3", module: "controlplane" },
    Program { name: "kube-apiserver", package: "k8s.io/kubernetes/cmd/kube-apiserver", module: "controlplane" },
    Program {
        name: "kube-controller-manager",
        package: "k8s.io/kubernetes/cmd/kube-controller-manager",
        module: "controlplane",
    },
    Program { name: "kube-scheduler", package: "k8s.io/kubernetes/cmd/kube-scheduler", module: "controlplane" },
    Program { name: "kubectl", package: "k8s.io/kubernetes/cmd/kubectl", module: "controlplane" },
    Program { name: "kwok", package: "sigs.k8s.io/kwok/cmd/kwok", module: "controlplane/kwok" },
    Program {
        name: "pilot-discovery",
        package: "istio.io/istio/pilot/cmd/pilot-discovery",
        module: "controlplane/istio",
    },
    Program {
        name: "rollouts-controller",
        package: "github.com/argoproj/argo-rollouts/cmd/rollouts-controller",
        module: "controlplane/rollouts",
    },
    Program { name: "argocd", package: "github.com/argoproj/argo-cd/v3/cmd", module: "controlplane/argocd" },
    Program { name: "kustomize", package: "sigs.k8s.io/kustomize/kustomize/v5", module: "controlplane/kustomize" },
];

/// Modules and the files in them that define kinds, with the folder of the `go.mod` that names the version.
const CUSTOM_RESOURCE_DEFINITIONS: &[(&str, &str, &[&str])] = &[
    (
        "crds",
        "sigs.k8s.io/gateway-api",
        &[
            "config/crd/standard/gateway.networking.k8s.io_httproutes.yaml",
            "config/crd/standard/gateway.networking.k8s.io_grpcroutes.yaml",
        ],
    ),
    ("crds", "istio.io/api", &["kubernetes/customresourcedefinitions.gen.yaml"]),
    (
        "rollouts",
        "github.com/argoproj/argo-rollouts",
        &[
            "manifests/crds/rollout-crd.yaml",
            "manifests/crds/analysis-run-crd.yaml",
            "manifests/crds/analysis-template-crd.yaml",
            "manifests/crds/cluster-analysis-template-crd.yaml",
            "manifests/crds/experiment-crd.yaml",
        ],
    ),
    (
        "argocd",
        "github.com/argoproj/argo-cd/v3",
        &[
            "manifests/crds/application-crd.yaml",
            "manifests/crds/appproject-crd.yaml",
            "manifests/crds/applicationset-crd.yaml",
        ],
    ),
];

/// The same for the kinds that a gateway is made of.
const GATEWAY_DEFINITIONS: &[(&str, &str, &[&str])] = &[(
    "crds",
    "sigs.k8s.io/gateway-api",
    &[
        "config/crd/standard/gateway.networking.k8s.io_gatewayclasses.yaml",
        "config/crd/standard/gateway.networking.k8s.io_gateways.yaml",
        "config/crd/standard/gateway.networking.k8s.io_referencegrants.yaml",
    ],
)];

/// Where each program of the control plane lies.
pub struct Programs {
    /// etcd.
    pub etcd: PathBuf,
    /// The API server.
    pub apiserver: PathBuf,
    /// The controllers: Deployments, ReplicaSets, Namespaces and so on.
    pub controllers: PathBuf,
    /// The scheduler.
    pub scheduler: PathBuf,
    /// The client.
    pub kubectl: PathBuf,
    /// What plays nodes and pods.
    pub kwok: PathBuf,
}

/// Where the tools lie that the tests drive beside the control plane.
pub struct Tools {
    /// Argo Rollouts' controller.
    pub rollouts: PathBuf,
    /// Argo CD: one program under several names.
    pub argocd: PathBuf,
    /// What it makes manifests with.
    pub kustomize: PathBuf,
}

/// The tools, built first where they are missing.
///
/// # Errors
/// As [`programs`].
pub fn tools() -> Result<Tools> {
    Ok(Tools { rollouts: rollouts()?, argocd: locate("argocd")?, kustomize: locate("kustomize")? })
}

/// Argo Rollouts' controller alone.
///
/// # Errors
/// As [`programs`].
pub fn rollouts() -> Result<PathBuf> {
    locate("rollouts-controller")
}

/// The programs, built first where they are missing.
///
/// # Errors
/// When Go is missing or too old (the message says what to install), or a build fails.
pub fn programs() -> Result<Programs> {
    Ok(Programs {
        etcd: locate("etcd")?,
        apiserver: locate("kube-apiserver")?,
        controllers: locate("kube-controller-manager")?,
        scheduler: locate("kube-scheduler")?,
        kubectl: locate("kubectl")?,
        kwok: locate("kwok")?,
    })
}

/// Istio's control plane, built first where it is missing.
///
/// # Errors
/// As [`programs`].
pub fn istiod() -> Result<PathBuf> {
    locate("pilot-discovery")
}

fn locate(name: &str) -> Result<PathBuf> {
    let program = PROGRAMS
        .iter()
        .find(|program| program.name == name)
        .with_context(|| format!("{name} is no program of the control plane"))?;
    let assets = env::var_os("KUBEBUILDER_ASSETS").map(PathBuf::from);
    if let Some(given) = assets.map(|folder| folder.join(name))
        && process::is_executable(&given)
    {
        say(&format!("{name}: taken from KUBEBUILDER_ASSETS"));
        return Ok(given);
    }
    built(program)
}

/// The files that define the kinds which are not Kubernetes' own, from their Go modules.
///
/// # Errors
/// As [`programs`].
pub fn custom_resource_definitions() -> Result<Vec<PathBuf>> {
    let mut files = vec![paths::root().join("end2end/controlplane/flux/definitions.yaml")];
    files.extend(definitions(CUSTOM_RESOURCE_DEFINITIONS)?);
    Ok(files)
}

/// The files that define the kinds which a gateway is made of.
///
/// # Errors
/// As [`programs`].
pub fn gateway_definitions() -> Result<Vec<PathBuf>> {
    definitions(GATEWAY_DEFINITIONS)
}

fn definitions(wanted: &[(&str, &str, &[&str])]) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for (group, name, inside) in wanted {
        let module = paths::root().join("end2end/controlplane").join(group);
        let told =
            process::output(process::command(&go()?).current_dir(&module).args(["mod", "download", "-json", name]))?;
        let told: serde_json::Value =
            serde_json::from_str(&told).with_context(|| format!("cannot read what Go says of {name}"))?;
        let folder = told["Dir"].as_str().with_context(|| format!("Go does not say where {name} lies"))?;
        files.extend(inside.iter().map(|file| Path::new(folder).join(file)));
    }
    Ok(files)
}

fn built(program: &Program) -> Result<PathBuf> {
    let module = paths::root().join("end2end").join(program.module);
    let flags = linker_flags()?;
    let mut hash = Hash::new();
    for file in ["go.mod", "go.sum"] {
        let path = module.join(file);
        let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        hash.add(file, &bytes);
    }
    hash.add("flags", flags.as_bytes());
    let folder = paths::cache()?.join("bin").join(hash.short());
    let finished = folder.join(program.name);
    if process::is_executable(&finished) {
        return Ok(finished);
    }
    let go = go()?;
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    // Built beside and renamed, so that a build cut short leaves nothing that looks finished.
    let unfinished = folder.join(format!(".{}.{}", program.name, std::process::id()));
    step(&format!("building {} from its sources (once, a few minutes)", program.name), || {
        process::run(
            process::command(&go)
                .current_dir(&module)
                .env("CGO_ENABLED", "0")
                .args(["build", "-trimpath", "-ldflags", &flags, "-o"])
                .arg(&unfinished)
                .arg(program.package),
        )
    })?;
    fs::rename(&unfinished, &finished).with_context(|| format!("cannot write {}", finished.display()))?;
    Ok(finished)
}

/// Without its version linked in, the server calls itself v0.0.0 and version checks stumble.
fn linker_flags() -> Result<String> {
    let path = paths::root().join("end2end/controlplane/go.mod");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let version =
        kubernetes_version(&text).with_context(|| format!("{} does not require k8s.io/kubernetes", path.display()))?;
    let mut numbers = version.trim_start_matches('v').split('.');
    let (major, minor) = (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default());
    let package = "k8s.io/component-base/version";
    Ok(format!(
        "-s -w -X {package}.gitVersion={version} -X {package}.gitMajor={major} \
         -X {package}.gitMinor={minor}"
    ))
}

fn kubernetes_version(go_mod: &str) -> Option<&str> {
    go_mod.lines().find_map(|line| {
        let line = line.trim().trim_start_matches("require ");
        let version = line.strip_prefix("k8s.io/kubernetes ")?;
        version.split_whitespace().next()
    })
}

fn go() -> Result<PathBuf> {
    let wanted = wanted_go()?;
    let install = format!(
        "the tests against a real Kubernetes control plane build it from its Go sources and need \
         Go {}.{} or newer.\nPlease install it from your distribution or from go.dev/dl and put \
         its `go` on PATH.\n(With KUBEBUILDER_ASSETS naming a folder of built programs it only \
         fetches the definitions of kinds; with SLIPWAY_TEST_KUBECONFIG naming a cluster that \
         has them, none is needed.)",
        wanted.0, wanted.1
    );
    let Some(go) = find_go() else {
        bail!("Go was not found: {install}");
    };
    let version = process::ask(process::command(&go).args(["env", "GOVERSION"])).unwrap_or_default();
    // An older Go with the network fetches the newer one by itself (GOTOOLCHAIN=auto, the default).
    let fetches = process::ask(process::command(&go).args(["env", "GOTOOLCHAIN"]))
        .is_some_and(|toolchain| toolchain.trim() != "local");
    if !fetches && go_version(&version).is_none_or(|found| found < wanted) {
        bail!("{} is too old: {install}", version.trim());
    }
    Ok(go)
}

fn find_go() -> Option<PathBuf> {
    process::which("go").or_else(|| {
        // Where Go's own instructions put it; often not on the PATH of root.
        let usual = Path::new("/usr/local/go/bin/go");
        process::is_executable(usual).then(|| usual.to_path_buf())
    })
}

fn wanted_go() -> Result<(u32, u32)> {
    // The group that asks for the newest Go decides; both files say it in a line `go X.Y.Z`.
    let mut wanted = (0, 0);
    for program in PROGRAMS {
        let path = paths::root().join("end2end").join(program.module).join("go.mod");
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        if let Some(version) = text.lines().find_map(|line| line.strip_prefix("go ")).and_then(go_version) {
            wanted = wanted.max(version);
        }
    }
    Ok(wanted)
}

/// `go1.26.8`, `1.26.0` and the like as (1, 26).
fn go_version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.trim().trim_start_matches("go").split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_read_from_the_requirement_and_not_from_a_tool_line() {
        let text = "tool (\n\tk8s.io/kubernetes/cmd/kubectl\n)\nrequire (\n\tk8s.io/kubernetes v1.36.3 // x\n)";
        assert_eq!(kubernetes_version(text), Some("v1.36.3"));
        assert_eq!(kubernetes_version("tool k8s.io/kubernetes/cmd/kubectl"), None);
    }

    #[test]
    fn go_versions_compare_by_number() {
        assert!(go_version("go1.9.1") < go_version("go1.26.8\n"));
        assert_eq!(go_version("devel"), None);
    }
}
