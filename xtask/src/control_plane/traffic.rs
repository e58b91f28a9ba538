//! A data plane beside the control plane: Istio's control plane and a stock Envoy that listens to it; and Argo
//! Rollouts, which moves weights in it.
//!
//! Both run in a network of their own ([`super::network`]), so their ports are fixed. Who plays the pods'
//! network is the command that is run beside them: the tests do, on port 8080 of every pod's address.

use std::ffi::OsString;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::json;

use super::start::{ControlPlane, Kubectl, READY_WITHIN};
use super::{ENVOY_ADMIN, GATEWAY_API, ISTIO, build, envoy, network};
use crate::children::{self, Background};
use crate::paths;
use crate::process;
use crate::steps::step;

/// Where Envoy takes requests for HTTPRoutes: what `gateway.yaml` says.
const GATEWAY_API_PORT: u16 = 10_080;
/// Where Envoy takes requests for VirtualServices.
const ISTIO_PORT: u16 = 10_081;
/// Where Envoy is told what to do.
const DISCOVERY_PORT: u16 = 15_010;
/// Envoy's own page.
const ADMIN_PORT: u16 = 15_000;
/// Where istiod says that it is ready.
const ISTIOD_PORT: u16 = 15_080;

/// A running data plane; dropping it ends it, and the control plane after it.
pub struct Traffic {
    // Dropped in the order of declaration.
    _envoy: Background,
    _istiod: Background,
    plane: ControlPlane,
}

impl Traffic {
    /// Builds and fetches what the data plane needs, while there is a network to do it by.
    ///
    /// # Errors
    /// As for the control plane; and when Envoy cannot be had.
    pub fn set_up() -> Result<()> {
        build::programs()?;
        build::istiod()?;
        build::rollouts()?;
        build::custom_resource_definitions()?;
        build::gateway_definitions()?;
        envoy::program().map(drop)
    }

    /// Starts it with a control plane of its own, in the network that this process is in.
    ///
    /// # Errors
    /// When the process is not in a network of its own, or a program does not become ready.
    pub fn start() -> Result<Self> {
        if !network::is_inside() {
            bail!("a data plane is started in a network of its own only");
        }
        network::prepare()?;
        let plane = ControlPlane::start(&build::programs()?)?.with_rollouts(&build::rollouts()?)?;
        step("starting a data plane (istiod, Envoy)", || beside(plane))
    }

    /// What a test needs to find it.
    pub fn environment(&self) -> Vec<(&'static str, OsString)> {
        let address = |port: u16| OsString::from(format!("127.0.0.1:{port}"));
        let own = [(GATEWAY_API, GATEWAY_API_PORT), (ISTIO, ISTIO_PORT), (ENVOY_ADMIN, ADMIN_PORT)];
        let own = own.map(|(name, port)| (name, address(port)));
        self.plane.environment().into_iter().chain(own).collect()
    }
}

fn beside(plane: ControlPlane) -> Result<Traffic> {
    let (here, admin) = (plane.folder().to_path_buf(), plane.admin());
    for definitions in build::gateway_definitions()? {
        admin.apply(&definitions)?;
    }
    let sources = paths::root().join("end2end/controlplane/traffic");
    admin.apply(&sources.join("gateway.yaml"))?;
    let mut istiod = Background::start("istiod", &mut istiod(&plane, &sources)?, &here)?;
    istiod.wait_ready(READY_WITHIN, || answers(ISTIOD_PORT, "/ready").is_some())?;

    let bootstrap = here.join("envoy.json");
    fs::write(&bootstrap, bootstrap_for(&address_of_pod(&admin)?)).context("cannot write Envoy's bootstrap")?;
    let mut envoy = Background::start("envoy", &mut envoy_command(&bootstrap)?, &here)?;
    let is_open = |port: u16| TcpStream::connect(("127.0.0.1", port)).is_ok();
    envoy.wait_ready(READY_WITHIN, || {
        let is_live = answers(ADMIN_PORT, "/ready").is_some_and(|text| text.contains("LIVE"));
        is_live && is_open(GATEWAY_API_PORT) && is_open(ISTIO_PORT)
    })?;
    Ok(Traffic { _envoy: envoy, _istiod: istiod, plane })
}

fn istiod(plane: &ControlPlane, sources: &Path) -> Result<Command> {
    let mut command = children::tied(&build::istiod()?);
    command
        .arg("discovery")
        .arg("--kubeconfig")
        .arg(plane.administrator())
        .arg("--meshConfig")
        .arg(sources.join("mesh.yaml"))
        .arg(format!("--grpcAddr=127.0.0.1:{DISCOVERY_PORT}"))
        .arg(format!("--httpAddr=127.0.0.1:{ISTIOD_PORT}"))
        .args(["--secureGRPCAddr=", "--httpsAddr=", "--monitoringAddr=127.0.0.1:15014", "--ctrlz_port=0"])
        .args(["--domain=cluster.local", "--log_output_level=default:warn"])
        .current_dir(plane.folder())
        .env("POD_NAMESPACE", "istio-system")
        .env("POD_NAME", "istiod")
        .env("CLUSTER_ID", "Kubernetes")
        // A stock Envoy has none of Istio's own filters, and refuses a listener for one of them.
        .env("PILOT_ENABLE_METADATA_EXCHANGE", "false")
        .env("PILOT_ENABLE_ALPN_FILTER", "false")
        // The gateway is there already.
        .env("PILOT_ENABLE_GATEWAY_API_DEPLOYMENT_CONTROLLER", "false");
    Ok(command)
}

fn envoy_command(bootstrap: &Path) -> Result<Command> {
    let mut command = children::tied(&envoy::program()?);
    command
        .arg("--config-path")
        .arg(bootstrap)
        // One thread: it shares two cores with everything else, and its round robin is exact.
        .args(["--concurrency", "1", "--log-level", "warning", "--use-dynamic-base-id"]);
    Ok(command)
}

/// The gateway's pod has an address as soon as kwok plays it.
fn address_of_pod(admin: &Kubectl) -> Result<String> {
    let wait = ["wait", "--for=condition=Ready", "pod/gateway", "--timeout=60s"];
    process::output(admin.command().args(["--namespace", "istio-system"]).args(wait))?;
    let get = ["get", "pod", "gateway", "--output", "jsonpath={.status.podIP}"];
    let address = process::output(admin.command().args(["--namespace", "istio-system"]).args(get))?;
    Ok(address.trim().to_owned())
}

fn bootstrap_for(pod: &str) -> String {
    let address = |port: u16| json!({"socket_address": {"address": "127.0.0.1", "port_value": port}});
    let discovered = json!({"ads": {}, "resource_api_version": "V3", "initial_fetch_timeout": "0s"});
    let grpc = json!({"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        "explicit_http_config": {"http2_protocol_options": {}},
    }});
    let bootstrap = json!({
        "node": {
            "id": format!("router~{pod}~gateway.istio-system~istio-system.svc.cluster.local"),
            "cluster": "gateway.istio-system",
            "metadata": {"NAMESPACE": "istio-system", "CLUSTER_ID": "Kubernetes", "LABELS": {"istio": "gateway"}},
        },
        "admin": {"address": address(ADMIN_PORT)},
        "dynamic_resources": {
            "ads_config": {"api_type": "GRPC", "transport_api_version": "V3", "set_node_on_first_message_only": true,
                           "grpc_services": [{"envoy_grpc": {"cluster_name": "istiod"}}]},
            "cds_config": discovered,
            "lds_config": discovered,
        },
        "static_resources": {"clusters": [{
            "name": "istiod",
            "type": "STATIC",
            "typed_extension_protocol_options": grpc,
            "load_assignment": {"cluster_name": "istiod", "endpoints": [{
                "lb_endpoints": [{"endpoint": {"address": address(DISCOVERY_PORT)}}]}]},
        }]},
    });
    format!("{bootstrap:#}\n")
}

/// What a server on loopback answers, when it is well.
fn answers(port: u16, path: &str) -> Option<String> {
    let limit = Duration::from_secs(2);
    let mut stream = TcpStream::connect_timeout(&SocketAddr::from(([127, 0, 0, 1], port)), limit).ok()?;
    stream.set_read_timeout(Some(limit)).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    answer.split_once(' ')?.1.starts_with("200").then_some(answer)
}
