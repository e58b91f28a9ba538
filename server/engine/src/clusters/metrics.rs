//! Where the metrics of clusters are asked for: setting it, testing it, and the handle to it. The
//! practice cluster has its own numbers; every other one has what a person has set, or nothing.

use std::sync::Arc;

use contract::{
    Answer, ApiError,
    analysis::{MetricAccess, MetricSourceInput, MetricSourceView, MetricTestView, PlaneFound},
};
use domain::{
    actor::Actor,
    analysis::{DataPlane, Reading, series_of_plane},
    ids::ClusterId,
};
use ports::{MetricCredentials, MetricError, MetricSettings};
use secrecy::{ExposeSecret as _, SecretString};
use store::{Cluster, ClusterKind, Held, MetricSource, MetricSourceKind, StoreError};

use crate::{Engine, edge, error::OrFail, strategies};

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
    pub(crate) async fn metrics_of(&self, id: ClusterId) -> Result<Arc<dyn ports::MetricSource>, MetricError> {
        let settings = self.metric_settings(id).await;
        let settings =
            settings.map_err(|e| MetricError::Unreachable(format!("its settings cannot be read: {e}")))??;
        self.parts.metrics.connect(&settings)
    }

    async fn metric_settings(&self, id: ClusterId) -> Result<Result<MetricSettings, MetricError>, StoreError> {
        let mut read = self.store().read().await?;
        let Some(cluster) = read.cluster(id).await? else {
            return Ok(Err(MetricError::Settings("this cluster is not connected any more".to_owned())));
        };
        if cluster.kind == ClusterKind::Practice {
            return Ok(Ok(MetricSettings::Practice));
        }
        let Some(source) = read.metric_source(id).await? else {
            let why = format!("cluster {} has no metric source; an administrator can set one", cluster.name);
            return Ok(Err(MetricError::Settings(why)));
        };
        Ok(self.opened(&source))
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
                Ok(MetricSettings::Prometheus { address: source.address.clone(), credentials })
            }
        }
    }

    pub(super) async fn metric_source_of(&self, cluster: &str) -> Answer<Option<MetricSourceView>> {
        let mut read = self.store().read().await.or_fail(self)?;
        let found = self.cluster_named(&mut read, cluster).await?;
        if found.kind == ClusterKind::Practice {
            let address = "practice".to_owned();
            let access = MetricAccess::Open;
            return Ok(Some(MetricSourceView { address, is_practice: true, access, user: None }));
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
        let settings = MetricSettings::Prometheus { address: address.clone(), credentials };
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

    pub(super) async fn try_metric_source(&self, cluster: &str, plane: &str) -> Answer<MetricTestView> {
        let plane = strategies::plane(plane)?;
        let cluster = self.cluster_to_read(cluster).await?;
        let source = match self.metrics_of(cluster.id).await {
            Ok(source) => source,
            Err(error) => return Ok(problem(&error)),
        };
        let version = match patiently(source.check(self.now())).await {
            Ok(version) => version,
            Err(error) => return Ok(problem(&error)),
        };
        let plane = match plane.and_then(|plane| Some((plane, series_of_plane(plane)?))) {
            Some((plane, query)) => Some(found_of(plane, query, patiently(source.instant(query, self.now())).await)),
            None => None,
        };
        Ok(MetricTestView { problem: None, version, plane })
    }
}

fn problem(error: &MetricError) -> MetricTestView {
    MetricTestView { problem: Some(error.to_string()), ..MetricTestView::default() }
}

/// Whether a source has numbers of a data plane. A source that has none is none that judges a version.
fn found_of(plane: DataPlane, query: &str, answer: Result<Reading, MetricError>) -> PlaneFound {
    let (series, problem) = match answer {
        Ok(reading) => {
            let series = reading.latest().map_or(0, whole);
            let missing = "it has no requests of it; see that its metrics are scraped, and that some were sent";
            (series, (series == 0).then(|| missing.to_owned()))
        }
        Err(error) => (0, Some(error.to_string())),
    };
    PlaneFound { plane: plane.words().to_owned(), series, query: query.to_owned(), problem }
}

/// A number of series, which is never negative and never larger than memory.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast of a float stops at the ends of the whole numbers"
)]
fn whole(count: f64) -> u64 {
    count as u64
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
