//! Clusters: connecting, testing, discovering what runs.

pub(crate) mod adopt;
pub(crate) mod metrics;
pub(crate) mod owners;
pub(crate) mod registry;
pub(crate) mod signs;

use std::time::Duration;

use async_trait::async_trait;
use contract::{
    Answer, ApiError,
    analysis::{MetricSourceInput, MetricSourceView, MetricTestView},
    clusters::{
        AdoptWorkload, Adopted, ClusterInput, ClusterView, ClustersBackend, ConnectionView, FoundWorkload,
        PermissionLine, PermissionNeed,
    },
};
use domain::{
    actor::{Act, Actor},
    ids::ClusterId,
    names::{ClusterName, Namespace},
    state::Mark,
};
use ports::{ClusterError, ConnectionSettings, Permission, PermissionUse};
use secrecy::SecretString;
use store::{Cluster, ClusterKind, ClusterState, ClusterTrouble, Held, Read, Tx};

use crate::{Engine, audit, error::OrFail, inventory::scope_of};

/// How long a person waits for 'Test connection' and for the list of what runs.
const PATIENCE: Duration = Duration::from_secs(20);

/// Where a cluster's sealed token belongs.
pub(crate) fn token_place(id: ClusterId) -> String {
    format!("cluster:{id}")
}

#[async_trait]
impl ClustersBackend for Engine {
    async fn clusters(&self, actor: &Actor) -> Answer<Vec<ClusterView>> {
        actor.may(Act::Read)?;
        let mut read = self.store().read().await.or_fail(self)?;
        let environments = read.environments().await.or_fail(self)?;
        let bound = read.environment_clusters().await.or_fail(self)?;
        let workloads = read.count_workloads().await.or_fail(self)?;
        let view = |c: &Cluster| {
            let (mark, words, since) = state_of(c);
            ClusterView {
                name: c.name.to_string(),
                address: match c.kind {
                    ClusterKind::Token => c.server.clone().unwrap_or_default(),
                    ClusterKind::InCluster => "in-cluster".to_owned(),
                    ClusterKind::Practice => "practice".to_owned(),
                },
                is_practice: c.kind == ClusterKind::Practice,
                namespaces: c.namespaces.iter().flatten().map(ToString::to_string).collect(),
                mark,
                words,
                since,
                environments: environments
                    .iter()
                    .filter(|e| bound.contains(&(e.id, c.id)))
                    .map(|e| e.title.clone())
                    .collect(),
                workloads: workloads.get(&c.id).copied().unwrap_or_default(),
            }
        };
        Ok(read.clusters().await.or_fail(self)?.iter().map(view).collect())
    }

    async fn add_cluster(&self, actor: &Actor, input: ClusterInput) -> Answer<()> {
        actor.may(Act::ManageClusters)?;
        let name = parse_name(&input.name)?;
        let id = ClusterId::new(self.uuid());
        let empty = Cluster {
            id,
            name,
            kind: ClusterKind::Token,
            server: None,
            certificate_authority: None,
            sealed_token: None,
            namespaces: None,
            created_at: self.now(),
            reachable_since: None,
            unreachable_since: None,
            trouble: None,
            message: None,
            version: None,
        };
        let cluster = self.with_input(empty, &input)?;
        let mut tx = self.store().begin().await.or_fail(self)?;
        if tx.clusters().await.or_fail(self)?.iter().any(|c| c.name == cluster.name) {
            return Err(ApiError::invalid("name", format!("there is a cluster {} already", cluster.name)));
        }
        tx.insert_cluster(&cluster).await.or_fail(self)?;
        self.keep_cluster(tx, actor, "cluster.add", "connected the cluster", &cluster).await
    }

    async fn change_cluster(&self, actor: &Actor, input: ClusterInput) -> Answer<()> {
        actor.may(Act::ManageClusters)?;
        let mut tx = self.store().begin().await.or_fail(self)?;
        tx.hold(Held::Clusters).await.or_fail(self)?;
        let found = self.cluster_named(&mut tx, &input.name).await?;
        let cluster = self.with_input(found, &input)?;
        tx.update_cluster(&cluster).await.or_fail(self)?;
        self.keep_cluster(tx, actor, "cluster.change", "changed the cluster", &cluster).await
    }

    async fn remove_cluster(&self, actor: &Actor, name: &str) -> Answer<()> {
        actor.may(Act::ManageClusters)?;
        let mut tx = self.store().begin().await.or_fail(self)?;
        let found = self.cluster_named(&mut tx, name).await?;
        tx.delete_cluster(found.id).await.map_err(|error| match error {
            store::StoreError::ForeignKey => {
                ApiError::conflict("targets or environments still use this cluster; take them off it first")
            }
            error => self.store_failed(error),
        })?;
        self.keep_cluster(tx, actor, "cluster.remove", "removed the cluster", &found).await
    }

    async fn test_cluster(&self, actor: &Actor, name: &str) -> Answer<ConnectionView> {
        actor.may(Act::ManageClusters)?;
        let cluster = self.cluster_to_read(name).await?;
        let report = match self.clusters().handle_of(&cluster).await {
            Ok(handle) => patiently(handle.check(&scope_of(&cluster))).await,
            Err(error) => Err(error),
        };
        let commands = || Some(self.parts.connector.access_commands()).filter(|c| !c.is_empty());
        Ok(match report {
            Ok(report) => {
                let is_missing = report.permissions.iter().any(|p| !p.is_granted);
                let is_needed = |p: &Permission| !p.is_granted && p.used == PermissionUse::Always;
                let is_lamed = report.permissions.iter().any(is_needed);
                ConnectionView {
                    version: Some(report.version),
                    problem: is_lamed.then(|| "some permissions are missing".to_owned()),
                    permissions: report.permissions.into_iter().map(permission).collect(),
                    commands: commands().filter(|_| is_missing),
                }
            }
            Err(error) => ConnectionView {
                version: None,
                problem: Some(error.to_string()),
                permissions: vec![],
                commands: commands()
                    .filter(|_| matches!(error, ClusterError::Unauthorized(_) | ClusterError::Forbidden(_))),
            },
        })
    }

    async fn discover(&self, actor: &Actor, cluster: &str) -> Answer<Vec<FoundWorkload>> {
        actor.may(Act::ManageServices)?;
        let cluster = self.cluster_to_read(cluster).await?;
        let found = self.found_in(&cluster).await?;
        adopt::offers(self, &cluster, found).await
    }

    async fn adopt(&self, actor: &Actor, cluster: &str, workloads: Vec<AdoptWorkload>) -> Answer<Adopted> {
        actor.may(Act::ManageServices)?;
        let cluster = self.cluster_to_read(cluster).await?;
        let found = self.found_in(&cluster).await?;
        adopt::adopt(self, actor, &cluster, found, workloads).await
    }

    async fn metric_source(&self, actor: &Actor, cluster: &str) -> Answer<Option<MetricSourceView>> {
        actor.may(Act::Read)?;
        self.metric_source_of(cluster).await
    }

    async fn set_metric_source(&self, actor: &Actor, input: MetricSourceInput) -> Answer<()> {
        actor.may(Act::ManageIntegrations)?;
        self.write_metric_source(actor, input).await
    }

    async fn clear_metric_source(&self, actor: &Actor, cluster: &str) -> Answer<()> {
        actor.may(Act::ManageIntegrations)?;
        self.forget_metric_source(actor, cluster).await
    }

    async fn test_metric_source(&self, actor: &Actor, cluster: &str, plane: &str) -> Answer<MetricTestView> {
        actor.may(Act::ManageIntegrations)?;
        self.try_metric_source(cluster, plane).await
    }
}

impl Engine {
    pub(crate) async fn cluster_named(&self, read: &mut Read, name: &str) -> Answer<Cluster> {
        let name = parse_name(name)?;
        let found = read.clusters().await.or_fail(self)?.into_iter().find(|c| c.name == name);
        found.ok_or_else(|| ApiError::not_found("cluster", name.as_str()))
    }

    pub(crate) async fn cluster_to_read(&self, name: &str) -> Answer<Cluster> {
        let mut read = self.store().read().await.or_fail(self)?;
        self.cluster_named(&mut read, name).await
    }

    async fn found_in(&self, cluster: &Cluster) -> Answer<Vec<ports::DiscoveredWorkload>> {
        let found = match self.clusters().handle_of(cluster).await {
            Ok(handle) => patiently(handle.discover(&scope_of(cluster))).await,
            Err(error) => Err(error),
        };
        found.map_err(|e| ApiError::unavailable(format!("cluster {}: {e}", cluster.name)))
    }

    /// The cluster as the form asks for it. What the form leaves empty on a change stays.
    fn with_input(&self, mut cluster: Cluster, input: &ClusterInput) -> Answer<Cluster> {
        cluster.namespaces = namespaces(&input.namespaces)?;
        let settings = match input.method.as_str() {
            "in_cluster" => ConnectionSettings::InCluster,
            "kubeconfig" => {
                let context = Some(input.context.trim()).filter(|c| !c.is_empty());
                self.parts
                    .connector
                    .read_kubeconfig(&input.kubeconfig, context)
                    .map_err(|e| ApiError::invalid("kubeconfig", reason_of(e)))?
            }
            "token" => {
                let given = input.token.trim();
                let authority = input.certificate_authority.trim();
                let server = input.server.trim().trim_end_matches('/').to_owned();
                let certificate_authority = Some(authority.to_owned()).filter(|a| !a.is_empty());
                let is_same_place =
                    cluster.server.as_ref() == Some(&server) && cluster.certificate_authority == certificate_authority;
                let token = match given.is_empty() {
                    false => SecretString::from(given),
                    true if cluster.sealed_token.is_none() || is_same_place => self.known_token(&cluster)?,
                    true => {
                        let message = "the address or its authority changes, and the present token is not sent to \
                                       another place: give a token";
                        return Err(ApiError::invalid("token", message));
                    }
                };
                ConnectionSettings::Token { server, certificate_authority, token }
            }
            _ => return Err(ApiError::invalid("method", "token, kubeconfig or in_cluster")),
        };
        // What cannot be used at all is refused before it is kept; whether it answers is another question.
        self.parts.connector.connect(&settings).map_err(|e| ApiError::invalid("server", reason_of(e)))?;
        match settings {
            ConnectionSettings::Token { server, certificate_authority, token } => {
                let place = token_place(cluster.id);
                let sealed = self.sealer().seal(&*self.parts.randomness, &place, &token);
                cluster.kind = ClusterKind::Token;
                cluster.server = Some(server);
                cluster.certificate_authority = certificate_authority;
                cluster.sealed_token = Some(sealed.map_err(|e| self.defect(&e))?);
            }
            ConnectionSettings::InCluster | ConnectionSettings::Practice => {
                cluster.kind = ClusterKind::InCluster;
                cluster.server = None;
                cluster.certificate_authority = None;
                cluster.sealed_token = None;
            }
        }
        Ok(cluster)
    }

    /// A change without a new token keeps the present one.
    fn known_token(&self, cluster: &Cluster) -> Answer<SecretString> {
        let sealed = cluster.sealed_token.as_deref().ok_or_else(|| ApiError::invalid("token", "a token is needed"))?;
        self.sealer().open(&token_place(cluster.id), sealed).map_err(|e| ApiError::invalid("token", e.to_string()))
    }

    pub(crate) async fn keep_cluster(
        &self,
        mut tx: Tx,
        actor: &Actor,
        act: &'static str,
        verb: &str,
        cluster: &Cluster,
    ) -> Answer<()> {
        let label = cluster.name.to_string();
        let mut entry = audit::Entry::done(act, "cluster", &label, format!("{verb} {label}"));
        entry.id = Some(cluster.id.uuid());
        audit::record(&mut tx, self, actor, entry).await.or_fail(self)?;
        tx.signal(store::Entity::Cluster, cluster.id.uuid(), 0);
        tx.commit().await.or_fail(self)
    }
}

async fn patiently<T>(call: impl Future<Output = Result<T, ClusterError>>) -> Result<T, ClusterError> {
    match tokio::time::timeout(PATIENCE, call).await {
        Ok(result) => result,
        Err(_) => Err(ClusterError::Unreachable(format!("no answer within {} s", PATIENCE.as_secs()))),
    }
}

fn parse_name(text: &str) -> Answer<ClusterName> {
    ClusterName::parse(text).map_err(|e| ApiError::invalid("name", e.to_string()))
}

/// The reason alone; that it is about the settings shows from the field.
fn reason_of(error: ClusterError) -> String {
    match error {
        ClusterError::Settings(reason) => reason,
        error => error.to_string(),
    }
}

fn namespaces(text: &str) -> Answer<Option<Vec<Namespace>>> {
    let names = text.split([',', ' ', '\n']).map(str::trim).filter(|n| !n.is_empty());
    let parsed: Result<Vec<_>, _> = names.map(Namespace::parse).collect();
    let parsed = parsed.map_err(|e| ApiError::invalid("namespaces", e.to_string()))?;
    Ok(Some(parsed).filter(|p| !p.is_empty()))
}

/// Mark, words and since when of a cluster's state.
pub(crate) fn state_of(cluster: &Cluster) -> (Mark, String, Option<chrono::DateTime<chrono::Utc>>) {
    match (cluster.reachable_since, cluster.unreachable_since) {
        (_, Some(since)) => {
            let words = match (cluster.trouble, cluster.message.as_deref()) {
                (None | Some(ClusterTrouble::Unreachable), why) => {
                    format!("does not answer: {}", why.unwrap_or("no answer"))
                }
                (Some(trouble), None) => trouble.words().to_owned(),
                // The message is a sentence: it says what the cluster does not do, and why.
                (Some(_), Some(why)) => why.to_owned(),
            };
            (Mark::Failed, words, Some(since))
        }
        (Some(since), None) => {
            let version = cluster.version.as_deref().map(|v| format!(", {v}")).unwrap_or_default();
            (Mark::Done, format!("answers{version}"), Some(since))
        }
        (None, None) => (Mark::Waiting, "not asked yet".to_owned(), None),
    }
}

/// What an error of a cluster means for its state.
pub(crate) fn away(error: &ClusterError) -> ClusterState {
    ClusterState::Unreachable { trouble: trouble_of(error), message: error.to_string() }
}

pub(crate) const fn trouble_of(error: &ClusterError) -> ClusterTrouble {
    match error {
        ClusterError::Unreachable(_) | ClusterError::Conflict => ClusterTrouble::Unreachable,
        ClusterError::Unauthorized(_) => ClusterTrouble::Unauthorized,
        ClusterError::Forbidden(_) => ClusterTrouble::Forbidden,
        ClusterError::Invalid(_) | ClusterError::Settings(_) => ClusterTrouble::Settings,
    }
}

fn permission(p: Permission) -> PermissionLine {
    PermissionLine {
        what: format!("{} {}", p.verb, p.resource),
        namespace: p.namespace.map_or_else(|| "all namespaces".to_owned(), |n| n.to_string()),
        needed_for: p.needed_for,
        is_granted: p.is_granted,
        need: match p.used {
            PermissionUse::Always => PermissionNeed::Always,
            PermissionUse::Candidates => PermissionNeed::Candidates,
            PermissionUse::Delegated => PermissionNeed::Delegated,
            PermissionUse::Jobs => PermissionNeed::Jobs,
            PermissionUse::Reasons => PermissionNeed::Reasons,
        },
    }
}
