//! `POST /api/v1/alerts`: Alertmanager's webhook (its JSON, version 4). Which labels name what, and which
//! severities do what, stands in the receiver's own address, so that several systems can differ.

use std::sync::Arc;

use axum::{
    Extension, Json,
    extract::{Query, State, rejection::QueryRejection},
    http::{Method, StatusCode},
};
use contract::{
    ApiError,
    alerts::{AlertInput, AlertRules, AlertsTaken},
};
use domain::actor::Actor;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::{
    Web,
    body::ApiJson,
    problem::Problem,
    routes::{Access, Routes},
};

/// Adds the route.
pub(super) fn add(routes: &mut Routes) {
    routes.add(Access::Token, Method::POST, "/api/v1/alerts", take_alerts);
}

/// What Alertmanager sends. What is not named here is not looked at.
#[derive(Deserialize, ToSchema)]
pub struct AlertmanagerWebhook {
    /// The version of this JSON; 4.
    #[schema(example = "4")]
    version: String,
    /// The alerts of a group; one call holds up to 1 MB of them.
    alerts: Vec<AlertInput>,
}

/// How to read the labels of alerts.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct AlertQuery {
    /// The label that names the service; `service` when left out.
    service: Option<String>,
    /// The label that names the environment; `environment` when left out.
    environment: Option<String>,
    /// The label that names the namespace; `namespace` when left out.
    namespace: Option<String>,
    /// The label that names the Deployment; `deployment` when left out.
    deployment: Option<String>,
    /// The label that names the severity; `severity` when left out.
    severity: Option<String>,
    /// The severities that take back, separated by commas; `critical` when left out, none when empty.
    take_back: Option<String>,
    /// The severities that pause, separated by commas; `warning` when left out, none when empty.
    pause: Option<String>,
}

impl From<AlertQuery> for AlertRules {
    fn from(query: AlertQuery) -> Self {
        let usual = Self::default();
        let words = |given: Option<String>, usual: Vec<String>| match given {
            None => usual,
            Some(text) => text.split(',').map(|word| word.trim().to_owned()).filter(|word| !word.is_empty()).collect(),
        };
        Self {
            service: query.service.unwrap_or(usual.service),
            environment: query.environment.unwrap_or(usual.environment),
            namespace: query.namespace.unwrap_or(usual.namespace),
            deployment: query.deployment.unwrap_or(usual.deployment),
            severity: query.severity.unwrap_or(usual.severity),
            take_back: words(query.take_back, usual.take_back),
            pause: words(query.pause, usual.pause),
        }
    }
}

/// Takes alerts of Alertmanager in. An alert touches the promotions under way that all of its labels fit, among
/// them one for the service or the Deployment. By its severity, or by a label `slipway`, it pauses them, takes them
/// back, or is only noted; when it is resolved, that is noted. Telling of an alert again changes nothing. The token
/// has the role monitor.
#[utoipa::path(post, path = "/api/v1/alerts", tag = "alerts", request_body = AlertmanagerWebhook, params(AlertQuery),
    responses((status = 200, description = "What they did", body = AlertsTaken)))]
async fn take_alerts(
    State(web): State<Arc<Web>>,
    Extension(actor): Extension<Actor>,
    query: Result<Query<AlertQuery>, QueryRejection>,
    ApiJson(webhook): ApiJson<AlertmanagerWebhook>,
) -> Result<Json<AlertsTaken>, Problem> {
    let Query(query) = query.map_err(|e| Problem::new(StatusCode::BAD_REQUEST, e.body_text()))?;
    if webhook.version != "4" {
        let message = "only version 4 of Alertmanager's webhook is known";
        return Err(ApiError::invalid("version", message).into());
    }
    Ok(Json(web.backend.take_alerts(&actor, query.into(), webhook.alerts).await?))
}
