//! The two ways into the control plane, and namespaces of a test's own.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use cluster::{KubeConnector, kubeconfig};
use domain::names::Namespace;
use k8s_openapi::api::core::v1::Namespace as NamespaceObject;
use kube::{
    Api, Client, Config,
    api::{DeleteParams, PostParams},
    config::{KubeConfigOptions, Kubeconfig},
};
use ports::{Cluster, ClusterConnector, ConnectionSettings};
use serde_json::json;

pub const ADMIN: &str = "SLIPWAY_TEST_KUBECONFIG";
pub const MINIMAL: &str = "SLIPWAY_TEST_KUBECONFIG_MINIMAL";

pub fn path_in(variable: &str) -> PathBuf {
    match std::env::var_os(variable) {
        Some(path) => PathBuf::from(path),
        None => panic!(
            "{variable} is not set: these tests need a real control plane. Run them by\n    \
             cargo xtask controlplane start --for-tests -- cargo test -p cluster --features control-plane"
        ),
    }
}

/// The administrator, who prepares.
pub async fn admin() -> Client {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        drop(rustls::crypto::ring::default_provider().install_default());
    }
    let kubeconfig = Kubeconfig::read_from(path_in(ADMIN)).unwrap();
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
    Client::try_from(config).unwrap()
}

/// What Slipway takes of the minimal kubeconfig.
pub fn minimal_settings() -> ConnectionSettings {
    let text = std::fs::read_to_string(path_in(MINIMAL)).unwrap();
    let mut choices = kubeconfig::parse(&text).unwrap();
    choices.remove(0).settings.unwrap_or_else(|refusal| panic!("{}", refusal.reason))
}

/// The cluster as Slipway reaches it.
pub fn slipway() -> Arc<dyn Cluster> {
    KubeConnector.connect(&minimal_settings()).unwrap()
}

/// A namespace that nobody else uses.
pub struct Room {
    pub admin: Client,
    pub namespace: Namespace,
}

impl Room {
    pub async fn new() -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let admin = admin().await;
        // A cluster that lasts may have namespaces of earlier runs that are still ending.
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("slipway-test-{}-{number}", std::process::id());
        let namespace = Namespace::parse(&name).unwrap();
        let object = serde_json::from_value(json!({"metadata": {"name": name}})).unwrap();
        Api::<NamespaceObject>::all(admin.clone()).create(&PostParams::default(), &object).await.unwrap();
        Self { admin, namespace }
    }

    pub async fn leave(self) {
        let api = Api::<NamespaceObject>::all(self.admin);
        drop(api.delete(self.namespace.as_str(), &DeleteParams::default()).await.unwrap());
    }
}
