//! Handles to the connected clusters, made once and kept while the settings stay the same.

use std::{collections::HashMap, sync::Arc};

use domain::ids::ClusterId;
use ports::{Cluster, ClusterConnector, ClusterError, ConnectionSettings};
use store::{ClusterKind, Store};
use tokio::sync::Mutex;

use crate::seal::Sealer;

/// Keeps the handles.
pub(crate) struct Registry {
    store: Store,
    connector: Arc<dyn ClusterConnector>,
    sealer: Arc<Sealer>,
    handles: Mutex<HashMap<ClusterId, Handle>>,
}

/// A handle and the settings that it was made of.
type Handle = (Settings, Arc<dyn Cluster>);

/// What makes a handle another one.
#[derive(PartialEq, Eq)]
struct Settings {
    kind: ClusterKind,
    server: Option<String>,
    certificate_authority: Option<String>,
    sealed_token: Option<Vec<u8>>,
}

impl Registry {
    pub(crate) fn new(store: Store, connector: Arc<dyn ClusterConnector>, sealer: Arc<Sealer>) -> Self {
        Self { store, connector, sealer, handles: Mutex::new(HashMap::new()) }
    }

    /// The handle to a cluster, by its settings of this moment.
    ///
    /// # Errors
    /// [`ClusterError::Settings`] when it is gone or its settings cannot be used,
    /// [`ClusterError::Unreachable`] when our own database does not answer.
    pub(crate) async fn handle(&self, id: ClusterId) -> Result<Arc<dyn Cluster>, ClusterError> {
        let row = match self.store.read().await {
            Ok(mut read) => read.cluster(id).await,
            Err(error) => Err(error),
        };
        let row = row.map_err(|e| ClusterError::Unreachable(format!("its settings cannot be read: {e}")))?;
        let row = row.ok_or_else(|| ClusterError::Settings("this cluster is not connected any more".to_owned()))?;
        self.handle_of(&row).await
    }

    /// The handle to the cluster of this row.
    ///
    /// # Errors
    /// [`ClusterError::Settings`].
    pub(crate) async fn handle_of(&self, row: &store::Cluster) -> Result<Arc<dyn Cluster>, ClusterError> {
        let settings = Settings {
            kind: row.kind,
            server: row.server.clone(),
            certificate_authority: row.certificate_authority.clone(),
            sealed_token: row.sealed_token.clone(),
        };
        let mut handles = self.handles.lock().await;
        if let Some((known, handle)) = handles.get(&row.id)
            && *known == settings
        {
            return Ok(Arc::clone(handle));
        }
        let handle = self.connector.connect(&self.connection_of(row)?)?;
        handles.insert(row.id, (settings, Arc::clone(&handle)));
        Ok(handle)
    }

    fn connection_of(&self, row: &store::Cluster) -> Result<ConnectionSettings, ClusterError> {
        match row.kind {
            ClusterKind::Practice => Ok(ConnectionSettings::Practice),
            ClusterKind::InCluster => Ok(ConnectionSettings::InCluster),
            ClusterKind::Token => {
                let missing =
                    |what: &str| ClusterError::Settings(format!("{what} is missing; connect the cluster again"));
                let sealed = row.sealed_token.as_deref().ok_or_else(|| missing("the token"))?;
                let place = super::token_place(row.id);
                let token = self.sealer.open(&place, sealed).map_err(|e| ClusterError::Settings(e.to_string()))?;
                Ok(ConnectionSettings::Token {
                    server: row.server.clone().ok_or_else(|| missing("the address"))?,
                    certificate_authority: row.certificate_authority.clone(),
                    token,
                })
            }
        }
    }
}
