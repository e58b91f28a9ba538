//! The part of the REST API that is about judging versions: where metrics are asked for.

use std::sync::Arc;

use axum::{
    Extension, Json,
    extract::{Path, State},
    http::{Method, StatusCode},
};
use contract::{
    ApiError,
    analysis::{MetricAccess, MetricSourceInput, MetricSourceView, MetricTestView},
};
use domain::actor::Actor;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    Web,
    body::ApiJson,
    problem::Problem,
    routes::{Access, Routes},
};

type Out<T> = Result<T, Problem>;

/// Adds the routes.
pub(super) fn add(routes: &mut Routes) {
    routes.add(Access::Token, Method::GET, "/api/v1/clusters/{cluster}/metrics", metric_source);
    routes.add(Access::Token, Method::PUT, "/api/v1/clusters/{cluster}/metrics", set_metric_source);
    routes.add(Access::Token, Method::DELETE, "/api/v1/clusters/{cluster}/metrics", clear_metric_source);
    routes.add(Access::Token, Method::POST, "/api/v1/clusters/{cluster}/metrics/test", test_metric_source);
}

/// Where a cluster's metrics are asked for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewMetricSource {
    /// The address before `/api/v1`. One in a private network, or with http, must be named in the setting
    /// `outgoing_allow`.
    #[schema(example = "https://prometheus.example")]
    address: String,
    /// How it lets Slipway in.
    #[serde(default)]
    access: MetricAccess,
    /// The bearer token, with `access` token. Left out, the one that is known stays, at the same address only.
    #[serde(default)]
    token: String,
    /// The user name, with `access` password.
    #[serde(default)]
    user: String,
    /// The password, with `access` password. Left out, the one that is known stays, as with `token`.
    #[serde(default)]
    password: String,
}

/// What to test.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MetricTest {
    /// Whose numbers to look for: `envoy_gateway`, `istio_gateway`, `istio`, `istio_stock_envoy`, `ingress_nginx`;
    /// nobody's when left out.
    #[serde(default)]
    #[schema(example = "envoy_gateway")]
    plane: String,
}

/// Where a cluster's metrics are asked for. Secrets are never shown.
#[utoipa::path(get, path = "/api/v1/clusters/{cluster}/metrics", tag = "analysis",
    params(("cluster" = String, Path, description = "The cluster's name")),
    responses((status = 200, description = "As it is set", body = MetricSourceView),
        (status = 404, description = "There is no such cluster, or nobody has set a source", body = Problem)))]
async fn metric_source(
    State(web): State<Arc<Web>>,
    Extension(actor): Extension<Actor>,
    Path(cluster): Path<String>,
) -> Out<Json<MetricSourceView>> {
    let found = web.backend.metric_source(&actor, &cluster).await?;
    Ok(Json(found.ok_or_else(|| ApiError::not_found("metric source of cluster", &cluster))?))
}

/// Sets where a cluster's metrics are asked for.
#[utoipa::path(put, path = "/api/v1/clusters/{cluster}/metrics", tag = "analysis", request_body = NewMetricSource,
    params(("cluster" = String, Path, description = "The cluster's name")),
    responses((status = 204, description = "Set"),
        (status = 409, description = "The practice cluster has its own numbers", body = Problem)))]
async fn set_metric_source(
    State(web): State<Arc<Web>>,
    Extension(actor): Extension<Actor>,
    Path(cluster): Path<String>,
    ApiJson(new): ApiJson<NewMetricSource>,
) -> Out<StatusCode> {
    let NewMetricSource { address, access, token, user, password } = new;
    let input = MetricSourceInput { cluster, address, access, token, user, password };
    web.backend.set_metric_source(&actor, input).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Forgets where a cluster's metrics are asked for.
#[utoipa::path(delete, path = "/api/v1/clusters/{cluster}/metrics", tag = "analysis",
    params(("cluster" = String, Path, description = "The cluster's name")),
    responses((status = 204, description = "Forgotten")))]
async fn clear_metric_source(
    State(web): State<Arc<Web>>,
    Extension(actor): Extension<Actor>,
    Path(cluster): Path<String>,
) -> Out<StatusCode> {
    web.backend.clear_metric_source(&actor, &cluster).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Asks a cluster's metric source what it is, and whether it has numbers of a data plane. What is wrong
/// stands in `problem`.
#[utoipa::path(post, path = "/api/v1/clusters/{cluster}/metrics/test", tag = "analysis", request_body = MetricTest,
    params(("cluster" = String, Path, description = "The cluster's name")),
    responses((status = 200, description = "What was found", body = MetricTestView)))]
async fn test_metric_source(
    State(web): State<Arc<Web>>,
    Extension(actor): Extension<Actor>,
    Path(cluster): Path<String>,
    ApiJson(test): ApiJson<MetricTest>,
) -> Out<Json<MetricTestView>> {
    Ok(Json(web.backend.test_metric_source(&actor, &cluster, &test.plane).await?))
}
