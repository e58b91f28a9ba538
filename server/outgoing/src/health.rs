//! Asks targets over HTTP whether they are healthy. Addresses are judged like all others; redirects are not
//! followed, so that what is asked is what was judged, and say that the target is not there.

use std::time::Duration;

use async_trait::async_trait;
use domain::analysis::Reading;
use ports::{HealthProbe, MetricError};
use reqwest::Url;

use crate::client::{CallError, Client};

/// Requests for health.
#[derive(Clone)]
pub struct HealthRequests {
    client: Client,
}

impl HealthRequests {
    /// Requests by this client, where its judge allows them.
    #[must_use]
    pub const fn new(client: Client) -> Self {
        Self { client }
    }
}

fn parsed(address: &str) -> Result<Url, MetricError> {
    Url::parse(address).map_err(|error| MetricError::Settings(error.to_string()))
}

#[async_trait]
impl HealthProbe for HealthRequests {
    fn look_at(&self, address: &str) -> Result<(), MetricError> {
        self.client.look_at(&parsed(address)?).map_err(|denied| MetricError::Settings(denied.to_string()))
    }

    async fn ask(&self, address: &str, patience: Duration) -> Result<Reading, MetricError> {
        match self.client.status(parsed(address)?, patience).await {
            Ok(status @ 200..=299) => Ok(Reading::value(0.0).with_note(&format!("status {status}"))),
            Ok(status) => Ok(Reading::value(1.0).with_note(&format!("status {status}"))),
            Err(CallError::NoAnswer(what)) => Ok(Reading::value(1.0).with_note(&what)),
            Err(CallError::Denied(denied)) => Err(MetricError::Settings(denied.to_string())),
            Err(error @ CallError::TooLarge) => Err(MetricError::Settings(error.to_string())),
        }
    }
}
