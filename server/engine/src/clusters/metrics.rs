//! Where the metrics of clusters are asked for: setting it, and the handle to it. The
//! practice cluster has its own numbers; every other one has what a person has set, or nothing.

use std::sync::Arc;

use contract::{
    Answer, ApiError,
    analysis::{MetricAccess, MetricSourceInput, MetricSourceView},
};
use domain::{
    actor::Actor,
    analysis::{Matchers, Tenant},
    ids::ClusterId,
};
use ports::{MetricCredentials, MetricError, MetricSettings};
use secrecy::{ExposeSecret as _, SecretString};
use store::{Cluster, ClusterKind, Held, MetricSource, MetricSourceKind, StoreError};

use crate::{Engine, edge, error::OrFail};

/// How long a question may take, also one of a person who tests: what is not answered by then would
/// hold up the next evaluation.
pub(crate) const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);

/// Addresses are shorter; what is longer is a mistake.
const ADDRESS_AT_MOST: usize = 500;

/// The longest token that is kept: signed ones carry a few kilobytes of claims.
const SECRET_AT_MOST: usize = 16_000;

/// Where a source's sealed token or password belongs.
fn secret_place(id: ClusterId) -> String {
    format!("metric_source:{id}")
}

/// A cluster's metric source, with what names the cluster there.
pub(crate) struct ClusterMetrics {
    /// What is asked.
    pub source: Arc<dyn ports::MetricSource>,
    /// What every question about the cluster says.
    pub cluster: Matchers,
}

/// Waits for an answer for a while.
///
/// # Errors
/// As the call, or [`MetricError::Unreachable`] when it takes too long.
pub(crate) async fn patiently<T>(call: impl Future<Output = Result<T, MetricError>>) -> Result<T, MetricError> {
    match tokio::time::timeout(PATIENCE, call).await {
        Ok(result) => result,
        Err(_) => Err(MetricError::Unreachable(format!("no answer within {} s", PATIENCE.as_secs()))),
    }
}

impl Engine {
    /// The handle to a cluster's metric source, by its settings of this moment.
    ///
    /// # Errors
    /// [`MetricError::Settings`] when nobody has set one, or it cannot be used,
    /// [`MetricError::Unreachable`] when our own database does not answer.
    pub(crate) async fn metrics_of(&self, id: ClusterId) -> Result<ClusterMetrics, MetricError> {
        let settings = self.metric_settings(id).await;
        let (settings, cluster) =
            settings.map_err(|e| MetricError::Unreachable(format!("its settings cannot be read: {e}")))??;
        Ok(ClusterMetrics { source: self.parts.metrics.connect(&settings)?, cluster })
    }

    async fn metric_settings(
        &self,
        id: ClusterId,
    ) -> Result<Result<(MetricSettings, Matchers), MetricError>, StoreError> {
        let mut read = self.store().read().await?;
        let Some(cluster) = read.cluster(id).await? else {
            return Ok(Err(MetricError::Settings("this cluster is not connected any more".to_owned())));
        };
        if cluster.kind == ClusterKind::Practice {
            return Ok(Ok((MetricSettings::Practice, Matchers::default())));
        }
        let Some(source) = read.metric_source(id).await? else {
            let why = format!("cluster {} has no metric source; an administrator can set one", cluster.name);
            return Ok(Err(MetricError::Settings(why)));
        };
        Ok(self.opened(&source).map(|settings| (settings, source.matchers)))
    }

    fn opened(&self, source: &MetricSource) -> Result<MetricSettings, MetricError> {
        let open = |sealed: &Vec<u8>| {
            let opened = self.sealer().open(&secret_place(source.cluster_id), sealed);
            opened.map_err(|e| MetricError::Settings(e.to_string()))
        };
        let secret = source.sealed_secret.as_ref().map(open).transpose()?;
        let credentials = match (&source.user_name, secret) {
            (Some(user), Some(password)) => MetricCredentials::Password { user: user.clone(), password },
            (None, Some(token)) => MetricCredentials::Token(token),
            (_, None) => MetricCredentials::None,
        };
        match source.kind {
            MetricSourceKind::Prometheus => {
                let (address, tenant) = (source.address.clone(), source.tenant.clone());
                Ok(MetricSettings::Prometheus { address, credentials, tenant })
            }
        }
    }

    pub(super) async fn metric_source_of(&self, cluster: &str) -> Answer<Option<MetricSourceView>> {
        let mut read = self.store().read().await.or_fail(self)?;
        let found = self.cluster_named(&mut read, cluster).await?;
        if found.kind == ClusterKind::Practice {
            let address = "practice".to_owned();
            let (access, matchers) = (MetricAccess::Open, String::new());
            let practice = MetricSourceView { address, is_practice: true, access, user: None, matchers, tenant: None };
            return Ok(Some(practice));
        }
        let source = read.metric_source(found.id).await.or_fail(self)?;
        Ok(source.map(|source| MetricSourceView {
            address: source.address,
            is_practice: false,
            access: match (&source.user_name, &source.sealed_secret) {
                (Some(_), _) => MetricAccess::Password,
                (None, Some(_)) => MetricAccess::Token,
                (None, None) => MetricAccess::Open,
            },
            user: source.user_name,
            matchers: source.matchers.to_string(),
            tenant: source.tenant.map(String::from),
        }))
    }

    pub(super) async fn write_metric_source(&self, actor: &Actor, input: MetricSourceInput) -> Answer<()> {
        let mut tx = self.store().begin().await.or_fail(self)?;
        tx.hold(Held::Clusters).await.or_fail(self)?;
        let cluster = self.cluster_named(&mut tx, &input.cluster).await?;
        refuse_practice(&cluster)?;
        let known = tx.metric_source(cluster.id).await.or_fail(self)?;
        let address = edge::some_line("address", &input.address, ADDRESS_AT_MOST)?;
        let user = match input.access {
            MetricAccess::Password => Some(edge::some_line("user", &input.user, edge::NAME_AT_MOST)?),
            MetricAccess::Open | MetricAccess::Token => None,
        };
        let secret = self.secret_of(&input, known.as_ref(), &address, user.as_deref())?;
        let credentials = match (&user, &secret) {
            (Some(user), Some(password)) => {
                MetricCredentials::Password { user: user.clone(), password: password.clone() }
            }
            (None, Some(token)) => MetricCredentials::Token(token.clone()),
            (_, None) => MetricCredentials::None,
        };
        // What cannot be used at all is refused before it is kept; whether it answers is another question.
        let (matchers, tenant) = scope_of(&input)?;
        let settings = MetricSettings::Prometheus { address: address.clone(), credentials, tenant: tenant.clone() };
        self.parts.metrics.connect(&settings).map_err(|e| ApiError::invalid("address", reason_of(e)))?;
        let seal = |secret: &SecretString| {
            let sealed = self.sealer().seal(&*self.parts.randomness, &secret_place(cluster.id), secret);
            sealed.map_err(|e| self.defect(&e))
        };
        let source = MetricSource {
            cluster_id: cluster.id,
            kind: MetricSourceKind::Prometheus,
            address,
            user_name: user,
            sealed_secret: secret.as_ref().map(seal).transpose()?,
            matchers,
            tenant,
            changed_at: self.now(),
        };
        tx.put_metric_source(&source).await.or_fail(self)?;
        self.keep_cluster(tx, actor, "cluster.metrics", "set the metric source of", &cluster).await
    }

    /// The token or password that was typed, or the known one: that is never sent to another place, nor
    /// under another name.
    fn secret_of(
        &self,
        input: &MetricSourceInput,
        known: Option<&MetricSource>,
        address: &str,
        user: Option<&str>,
    ) -> Answer<Option<SecretString>> {
        let (field, typed) = match input.access {
            MetricAccess::Open => return Ok(None),
            MetricAccess::Token => ("token", &input.token),
            MetricAccess::Password => ("password", &input.password),
        };
        let typed = edge::line(field, typed, SECRET_AT_MOST)?;
        if !typed.is_empty() {
            return Ok(Some(SecretString::from(typed)));
        }
        let Some(known) = known.filter(|known| known.sealed_secret.is_some()) else {
            return Err(ApiError::invalid(field, "this is needed"));
        };
        if known.address != address || known.user_name.as_deref() != user {
            let message =
                "the address or the user changes, and what is known is not sent to another place: type it again";
            return Err(ApiError::invalid(field, message));
        }
        match self.opened(known).map_err(|e| ApiError::invalid(field, e.to_string()))? {
            MetricSettings::Prometheus { credentials: MetricCredentials::Token(secret), .. }
            | MetricSettings::Prometheus {
                credentials: MetricCredentials::Password { password: secret, .. }, ..
            } => Ok(Some(SecretString::from(secret.expose_secret()))),
            MetricSettings::Prometheus { credentials: MetricCredentials::None, .. } | MetricSettings::Practice => {
                Ok(None)
            }
        }
    }

    pub(super) async fn forget_metric_source(&self, actor: &Actor, cluster: &str) -> Answer<()> {
        let mut tx = self.store().begin().await.or_fail(self)?;
        let cluster = self.cluster_named(&mut tx, cluster).await?;
        refuse_practice(&cluster)?;
        if !tx.delete_metric_source(cluster.id).await.or_fail(self)? {
            return Err(ApiError::not_found("metric source of cluster", cluster.name.as_str()));
        }
        self.keep_cluster(tx, actor, "cluster.metrics_clear", "took away the metric source of", &cluster).await
    }
}

/// What tells the cluster from others there, as it was typed.
fn scope_of(input: &MetricSourceInput) -> Answer<(Matchers, Option<Tenant>)> {
    let matchers = Matchers::parse(&input.matchers).map_err(|e| ApiError::invalid("matchers", e.to_string()))?;
    let tenant = match input.tenant.trim() {
        "" => None,
        text => Some(Tenant::parse(text).map_err(|e| ApiError::invalid("tenant", e.to_string()))?),
    };
    Ok((matchers, tenant))
}

fn refuse_practice(cluster: &Cluster) -> Answer<()> {
    match cluster.kind {
        ClusterKind::Practice => Err(ApiError::conflict("the practice cluster has its own numbers")),
        ClusterKind::Token | ClusterKind::InCluster => Ok(()),
    }
}

/// The reason alone; that it is about the settings shows from the field.
fn reason_of(error: MetricError) -> String {
    match error {
        MetricError::Settings(reason) => reason,
        error => error.to_string(),
    }
}
