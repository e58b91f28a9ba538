//! The part of the REST API that is about judging versions: where metrics are asked for, and the rules.

use std::sync::Arc;

use axum::{
    Extension, Json,
    extract::{Path, Query, State, rejection::QueryRejection},
    http::{Method, StatusCode},
};
use contract::{
    ApiError,
    analysis::{MetricAccess, MetricSourceInput, MetricSourceView, MetricTestView},
    judging::{HealthInput, JudgingPlace, JudgingView, PolicyInput, RuleInput},
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

type Out<T> = Result<T, Problem>;

/// Adds the routes.
pub(super) fn add(routes: &mut Routes) {
    routes.add(Access::Token, Method::GET, "/api/v1/clusters/{cluster}/metrics", metric_source);
    routes.add(Access::Token, Method::PUT, "/api/v1/clusters/{cluster}/metrics", set_metric_source);
    routes.add(Access::Token, Method::DELETE, "/api/v1/clusters/{cluster}/metrics", clear_metric_source);
    routes.add(Access::Token, Method::POST, "/api/v1/clusters/{cluster}/metrics/test", test_metric_source);
    routes.add(Access::Token, Method::GET, "/api/v1/services/{service}/environments/{environment}/rules", rules);
    routes.add(Access::Token, Method::PUT, "/api/v1/rules", set_rule);
    routes.add(Access::Token, Method::DELETE, "/api/v1/rules/{rule}", clear_rule);
    routes.add(Access::Token, Method::PUT, "/api/v1/judging", set_judging);
    routes.add(Access::Token, Method::PUT, "/api/v1/services/{service}/environments/{environment}/health", set_health);
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
    /// The labels that name this cluster in a source that several share; every question about it has them. At most
    /// five, without patterns.
    #[serde(default)]
    #[schema(example = "cluster=\"eu-1\"")]
    matchers: String,
    /// On whose behalf the source is asked, as the header `X-Scope-OrgID` (Mimir).
    #[serde(default)]
    tenant: String,
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
    let NewMetricSource { address, access, token, user, password, matchers, tenant } = new;
    let input = MetricSourceInput { cluster, address, access, token, user, password, matchers, tenant };
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

/// A change of a rule, and whose.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RuleChangeBody {
    /// Whose rule.
    place: JudgingPlace,
    /// What is to be otherwise.
    change: RuleInput,
}

/// What else is decided, and for whom.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct JudgingBody {
    /// For whom.
    place: JudgingPlace,
    /// What is decided; what is left out is as the level before has it.
    policy: PolicyInput,
}

/// Whose rule.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PlaceQuery {
    /// The service's name; with an environment its target there.
    service: Option<String>,
    /// The environment's name.
    environment: Option<String>,
    /// The tier; alone.
    tier: Option<u8>,
}

/// The rules that are in force for a service in an environment, who says so, and what they lead to.
#[utoipa::path(get, path = "/api/v1/services/{service}/environments/{environment}/rules", tag = "analysis",
    params(("service" = String, Path, description = "The service's name"),
        ("environment" = String, Path, description = "The environment's name")),
    responses((status = 200, description = "What is in force", body = JudgingView)))]
async fn rules(
    State(web): State<Arc<Web>>,
    Extension(actor): Extension<Actor>,
    Path((service, environment)): Path<(String, String)>,
) -> Out<Json<JudgingView>> {
    Ok(Json(web.backend.judging(&actor, &service, &environment).await?))
}

/// Changes a rule for a service in an environment, a service, a tier or an environment; the most specific
/// wins. Promotions that have started keep the rules of their start.
#[utoipa::path(put, path = "/api/v1/rules", tag = "analysis", request_body = RuleChangeBody,
    responses((status = 204, description = "Changed")))]
async fn set_rule(
    State(web): State<Arc<Web>>,
    Extension(actor): Extension<Actor>,
    ApiJson(body): ApiJson<RuleChangeBody>,
) -> Out<StatusCode> {
    web.backend.set_rule(&actor, body.place, body.change).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes a change of a rule away, so that it is again as the level before has it.
#[utoipa::path(delete, path = "/api/v1/rules/{rule}", tag = "analysis",
    params(("rule" = String, Path, description = "The rule's name"), PlaceQuery),
    responses((status = 204, description = "Taken away")))]
async fn clear_rule(
    State(web): State<Arc<Web>>,
    Extension(actor): Extension<Actor>,
    Path(rule): Path<String>,
    query: Result<Query<PlaceQuery>, QueryRejection>,
) -> Out<StatusCode> {
    let Query(PlaceQuery { service, environment, tier }) =
        query.map_err(|e| Problem::new(StatusCode::BAD_REQUEST, e.body_text()))?;
    web.backend.clear_rule(&actor, JudgingPlace { service, environment, tier }, &rule).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Sets what a breach after the end leads to, and what comes when nobody answers for what the analysis does
/// not know.
#[utoipa::path(put, path = "/api/v1/judging", tag = "analysis", request_body = JudgingBody,
    responses((status = 204, description = "Set")))]
async fn set_judging(
    State(web): State<Arc<Web>>,
    Extension(actor): Extension<Actor>,
    ApiJson(body): ApiJson<JudgingBody>,
) -> Out<StatusCode> {
    web.backend.set_judging_policy(&actor, body.place, body.policy).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Sets how a target's health is asked over HTTP. An address in a private network, or with http, must be named
/// in the setting `outgoing_allow`.
#[utoipa::path(put, path = "/api/v1/services/{service}/environments/{environment}/health", tag = "analysis",
    request_body = HealthInput,
    params(("service" = String, Path, description = "The service's name"),
        ("environment" = String, Path, description = "The environment's name")),
    responses((status = 204, description = "Set")))]
async fn set_health(
    State(web): State<Arc<Web>>,
    Extension(actor): Extension<Actor>,
    Path((service, environment)): Path<(String, String)>,
    ApiJson(input): ApiJson<HealthInput>,
) -> Out<StatusCode> {
    web.backend.set_health(&actor, &service, &environment, input).await?;
    Ok(StatusCode::NO_CONTENT)
}
