//! Makes a handle to a cluster from settings: the given address, the given certificate authority
//! only, the given token, and timeouts that keep a cluster that is down from slowing anybody.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use domain::{
    capacity::Capacity,
    evidence::PodReport,
    job::{JobObserved, JobRef},
    names::{Namespace, WorkloadName},
    observation::{Observed, PodObservation, WorkloadRef},
    promotion::Nudge,
    traffic::RouteObserved,
};
use futures::stream::BoxStream;
use k8s_openapi::api::{apps::v1::ReplicaSet, core::v1::Pod};
use kube::{Api, Client, Config, api::DynamicObject, client::ClientBuilder, core::ApiResource};
use ports::{
    ApplyOutcome, CandidateChange, CandidateFound, Cluster, ClusterConnector, ClusterError, ConnectionReport,
    ConnectionSettings, DiscoveredWorkload, InventoryEvent, JobChange, JobFound, NamespaceScope, Route, RouteChange,
    WorkloadChange,
};
use rustls::pki_types::{CertificateDer, pem::PemObject};
use secrecy::{ExposeSecret, SecretString};

use crate::{kubeconfig, limits::LimitLayer, objects::deployments, watch};

/// How long making a connection may take. Three seconds is a lost packet and its two repeats.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Connects to real clusters.
#[derive(Clone, Copy, Debug, Default)]
pub struct KubeConnector;

impl ClusterConnector for KubeConnector {
    fn connect(&self, settings: &ConnectionSettings) -> Result<Arc<dyn Cluster>, ClusterError> {
        Ok(Arc::new(KubeCluster::new(config(settings)?)?))
    }

    fn read_kubeconfig(&self, text: &str, context: Option<&str>) -> Result<ConnectionSettings, ClusterError> {
        kubeconfig::take_one(text, context).map_err(ClusterError::Settings)
    }

    fn access_commands(&self) -> String {
        kubeconfig::service_account_commands(None).unwrap_or_default()
    }
}

/// A real cluster; clones share its connections.
#[derive(Clone)]
pub struct KubeCluster {
    client: Client,
}

impl KubeCluster {
    pub(crate) fn new(config: Config) -> Result<Self, ClusterError> {
        // kube asks rustls for the process's provider; the first to set it wins, and any will do.
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            drop(rustls::crypto::ring::default_provider().install_default());
        }
        let builder = ClientBuilder::try_from(config).map_err(|e| ClusterError::Settings(e.to_string()))?;
        Ok(Self { client: builder.with_layer(&LimitLayer).build() })
    }

    /// A cluster reached through a client that is there already: for tests with a stand-in server.
    #[must_use]
    pub const fn with_client(client: Client) -> Self {
        Self { client }
    }

    pub(crate) const fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn deployments(&self, namespace: &str) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), namespace, &deployments())
    }

    pub(crate) fn replica_sets(&self, namespace: &str) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), namespace, &replica_set_kind())
    }

    pub(crate) fn pods(&self, namespace: &str) -> Api<Pod> {
        Api::namespaced(self.client.clone(), namespace)
    }

    /// The three kinds that make up a workload, once per namespace or once for all of them.
    pub(crate) fn kinds_in(&self, scope: &NamespaceScope) -> Vec<Kinds> {
        match scope {
            NamespaceScope::All => vec![Kinds {
                namespace: None,
                deployments: Api::all_with(self.client.clone(), &deployments()),
                replica_sets: Api::all_with(self.client.clone(), &replica_set_kind()),
                pods: Api::all(self.client.clone()),
            }],
            NamespaceScope::Only(namespaces) => {
                let mut names: Vec<&str> = namespaces.iter().map(|n| n.as_str()).collect();
                names.sort_unstable();
                names.dedup();
                let kinds = names.into_iter().map(|namespace| Kinds {
                    namespace: Some(namespace.to_owned()),
                    deployments: self.deployments(namespace),
                    replica_sets: self.replica_sets(namespace),
                    pods: self.pods(namespace),
                });
                kinds.collect()
            }
        }
    }
}

#[async_trait]
impl Cluster for KubeCluster {
    async fn observe(&self, workload: &WorkloadRef) -> Result<Observed, ClusterError> {
        self.observe_workload(workload).await
    }

    async fn apply(&self, change: &WorkloadChange) -> Result<ApplyOutcome, ClusterError> {
        self.apply_change(change).await
    }

    async fn nudge(&self, workload: &WorkloadRef, nudge: Nudge) -> Result<ApplyOutcome, ClusterError> {
        self.nudge_tool(workload, nudge).await
    }

    async fn apply_candidate(&self, change: &CandidateChange) -> Result<ApplyOutcome, ClusterError> {
        self.apply_candidate_change(change).await
    }

    async fn observe_route(&self, route: &Route) -> Result<RouteObserved, ClusterError> {
        self.observe_route_objects(route).await
    }

    async fn observe_capacity(&self, route: &Route) -> Result<Capacity, ClusterError> {
        self.read_capacity(route).await
    }

    async fn apply_route(&self, change: &RouteChange) -> Result<ApplyOutcome, ClusterError> {
        self.apply_route_change(change).await
    }

    async fn observe_job(&self, job: &JobRef, template: &WorkloadName) -> Result<JobObserved, ClusterError> {
        self.read_job(job, template).await
    }

    async fn apply_job(&self, change: &JobChange) -> Result<ApplyOutcome, ClusterError> {
        self.apply_job_change(change).await
    }

    async fn jobs(&self, scope: &NamespaceScope) -> Result<Vec<JobFound>, ClusterError> {
        self.list_jobs(scope).await
    }

    async fn report_of_pod(&self, namespace: &Namespace, pod: &PodObservation) -> Result<PodReport, ClusterError> {
        self.read_report(namespace.as_str(), pod).await
    }

    async fn candidates(&self, scope: &NamespaceScope) -> Result<Vec<CandidateFound>, ClusterError> {
        self.list_candidates(scope).await
    }

    async fn discover(&self, scope: &NamespaceScope) -> Result<Vec<DiscoveredWorkload>, ClusterError> {
        self.list_workloads(scope).await
    }

    async fn check(&self, scope: &NamespaceScope) -> Result<ConnectionReport, ClusterError> {
        self.report(scope).await
    }

    fn watch(&self, scope: NamespaceScope) -> BoxStream<'static, InventoryEvent> {
        watch::stream(self.clone(), scope)
    }
}

/// The three kinds that make up a workload.
pub(crate) struct Kinds {
    /// The namespace; `None` for all of them.
    pub(crate) namespace: Option<String>,
    pub(crate) deployments: Api<DynamicObject>,
    pub(crate) replica_sets: Api<DynamicObject>,
    pub(crate) pods: Api<Pod>,
}

fn replica_set_kind() -> ApiResource {
    ApiResource::erase::<ReplicaSet>(&())
}

fn config(settings: &ConnectionSettings) -> Result<Config, ClusterError> {
    let mut config = match settings {
        ConnectionSettings::Token { server, certificate_authority, token } => {
            with_token(server, certificate_authority.as_deref(), token)?
        }
        ConnectionSettings::InCluster => Config::incluster().map_err(|e| {
            ClusterError::Settings(format!("this process does not run in a cluster with a service account: {e}"))
        })?,
        ConnectionSettings::Practice => {
            return Err(ClusterError::Settings("the practice cluster is not a Kubernetes cluster".to_owned()));
        }
    };
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    // Whoever calls decides about trying again: it knows what a repeat means and how long to wait.
    config.default_retry = false;
    Ok(config)
}

fn with_token(server: &str, authority: Option<&str>, token: &SecretString) -> Result<Config, ClusterError> {
    let mut config = Config::new(address(server)?);
    config.root_cert = authority.map(certificates).transpose()?;
    config.auth_info.token = Some(checked_token(token)?);
    Ok(config)
}

fn address(server: &str) -> Result<http::Uri, ClusterError> {
    let unusable = |why: &str| ClusterError::Settings(format!("the API server's address cannot be used: {why}"));
    let address: http::Uri = server.trim().parse().map_err(|_| unusable("it must be like https://host:6443"))?;
    if address.scheme_str() != Some("https") {
        return Err(unusable("it must begin with https://, or the token could be read on the way"));
    }
    let has_user = address.authority().is_some_and(|a| a.as_str().contains('@'));
    if has_user || address.query().is_some() || address.host().is_none_or(str::is_empty) {
        return Err(unusable("it must be like https://host:6443, without user name or query"));
    }
    Ok(address)
}

fn certificates(pem: &str) -> Result<Vec<Vec<u8>>, ClusterError> {
    let unusable = |why: String| ClusterError::Settings(format!("the certificate authority cannot be used: {why}"));
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    let found = found.map_err(|e| unusable(format!("it is not PEM ({e})")))?;
    if found.is_empty() {
        return Err(unusable("there is no certificate in it (-----BEGIN CERTIFICATE-----)".to_owned()));
    }
    let mut store = rustls::RootCertStore::empty();
    for certificate in &found {
        store.add(certificate.clone()).map_err(|e| unusable(e.to_string()))?;
    }
    Ok(found.into_iter().map(|c| c.to_vec()).collect())
}

fn checked_token(token: &SecretString) -> Result<SecretString, ClusterError> {
    let text = token.expose_secret().trim();
    if text.is_empty() || text.bytes().any(|b| !b.is_ascii_graphic()) {
        return Err(ClusterError::Settings("the token cannot be used: it must be one word without spaces".to_owned()));
    }
    Ok(SecretString::from(text.to_owned()))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::panic, reason = "tests")]
    use super::*;

    fn refusal(server: &str, authority: Option<&str>, token: &str) -> String {
        let settings = ConnectionSettings::Token {
            server: server.to_owned(),
            certificate_authority: authority.map(str::to_owned),
            token: SecretString::from(token.to_owned()),
        };
        match config(&settings) {
            Err(ClusterError::Settings(text)) => text,
            other => panic!("{server} gave {other:?}"),
        }
    }

    #[test]
    fn settings_that_cannot_be_used_are_refused_with_the_reason() {
        let https = "https://10.0.0.1:6443";
        assert!(refusal("http://10.0.0.1:6443", None, "t").contains("https"));
        for server in
            ["", "10.0.0.1", "https://", "https://u:p@h", "https://h/?a=b", "file:///etc/passwd", "https://h h"]
        {
            assert!(refusal(server, None, "t").contains("address"), "{server}");
        }
        for token in ["", "  ", "a b", "a\r\nHost: b", "tökn"] {
            assert!(refusal(https, None, token).contains("token"), "{token:?}");
        }
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for authority in ["", "not pem", broken, "-----BEGIN CERTIFICATE-----\n%%%\n-----END CERTIFICATE-----"] {
            assert!(refusal(https, Some(authority), "t").contains("certificate authority"), "{authority}");
        }
        assert!(config(&ConnectionSettings::Practice).is_err());
    }

    #[test]
    fn a_token_with_a_line_end_is_taken_and_never_shown() {
        let settings = ConnectionSettings::Token {
            server: "https://10.0.0.1:6443".to_owned(),
            certificate_authority: None,
            token: SecretString::from("secret-word\n".to_owned()),
        };
        let config = config(&settings).unwrap_or_else(|e| panic!("{e}"));
        assert!(!format!("{config:?}{settings:?}").contains("secret-word"));
        assert!(!config.default_retry && config.proxy_url.is_none() && !config.accept_invalid_certs);
    }
}
