//! The REST API for pipelines: JSON under `/api/v1`, by API token. Each route is one use case of the
//! engine; what it refuses is a problem (RFC 9457).

use std::sync::Arc;

use axum::{
    Extension, Json,
    extract::{Path, Query, State, rejection::QueryRejection},
    http::{Method, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use chrono::{DateTime, Utc};
use contract::{
    PageRequest,
    deployers::{ReportInput, ReportTaken},
    deployments::ReportDeployment,
    incidents::OpenIncident,
    promotions::{PromotionStatus, RequestPromotion},
    services::ServiceInput,
    versions::{CheckInput, RegisterVersion, Registered, VersionLine},
};
use domain::{actor::Actor, version::Verdict};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    Web,
    body::ApiJson,
    problem::Problem,
    routes::{Access, Routes},
};

/// The longest that an answer is held back; proxies give up after a minute.
const LONGEST_WAIT_SECONDS: u64 = 50;

type Out<T> = Result<T, Problem>;

/// Adds the routes.
pub(super) fn add(routes: &mut Routes) {
    routes.add(Access::Token, Method::POST, "/api/v1/services", add_service);
    routes.add(Access::Token, Method::GET, "/api/v1/services/{service}/versions", versions);
    routes.add(Access::Token, Method::POST, "/api/v1/services/{service}/versions", register_version);
    routes.add(Access::Token, Method::POST, "/api/v1/services/{service}/versions/{version}/checks", report_checks);
    routes.add(Access::Token, Method::POST, "/api/v1/deployments", report_deployment);
    routes.add(Access::Token, Method::POST, "/api/v1/promotions", request_promotion);
    routes.add(Access::Token, Method::GET, "/api/v1/promotions/{number}", promotion);
    routes.add(Access::Token, Method::POST, "/api/v1/promotions/{number}/report", report_progress);
    routes.add(Access::Token, Method::POST, "/api/v1/incidents", open_incident);
    routes.add(Access::Token, Method::POST, "/api/v1/incidents/{number}/resolve", resolve_incident);
}

/// A service to add.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewService {
    /// Its name, as it stands in addresses.
    #[schema(example = "cart")]
    name: String,
    /// The team's name; made when it is not there.
    #[schema(example = "checkout")]
    team: String,
    /// 1 to 3; 2 when absent.
    #[serde(default = "second_tier")]
    tier: u8,
    /// What it is for.
    #[serde(default)]
    description: String,
    /// Link to the repository.
    #[serde(default)]
    repository: String,
    /// Link to the runbook.
    #[serde(default)]
    runbook: String,
}

const fn second_tier() -> u8 {
    2
}

/// Checks of a version.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Checks {
    /// Each replaces the one of the same name.
    checks: Vec<CheckInput>,
}

/// Which page of a list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// The page, from 1.
    page: Option<u32>,
    /// Rows on a page, 1 to 200; 50 when absent.
    size: Option<u32>,
}

/// A page of versions, newest first.
#[derive(Serialize, ToSchema)]
pub struct Versions {
    /// The versions.
    versions: Vec<VersionItem>,
    /// All there are, on all pages.
    total: u64,
    /// Which page this is.
    page: u32,
    /// Rows on a page.
    size: u32,
}

/// A version in a list.
#[derive(Serialize, ToSchema)]
pub struct VersionItem {
    /// The label.
    #[schema(example = "2.30.4")]
    version: String,
    /// The commit that was built.
    commit: Option<String>,
    /// When it was built.
    built_at: DateTime<Utc>,
    /// Commits since the version before.
    commits: u64,
    /// Whether a check failed, one is running, or all passed; absent without checks.
    #[schema(value_type = Option<String>, example = "passed")]
    checks: Option<Verdict>,
    /// Whether it mends something that is broken in production.
    hotfix: bool,
    /// Whether every image is bound by digest.
    pinned: bool,
    /// Titles of the environments where it runs now.
    runs_in: Vec<String>,
}

impl From<VersionLine> for VersionItem {
    fn from(line: VersionLine) -> Self {
        Self {
            version: line.label,
            commit: line.commit,
            built_at: line.created_at,
            commits: line.commits,
            checks: line.checks,
            hotfix: line.is_hotfix,
            pinned: line.is_pinned,
            runs_in: line.runs_in,
        }
    }
}

/// Whether a report was the first of its key.
#[derive(Serialize, ToSchema)]
pub struct Reported {
    /// `false` when it changed what was reported before.
    is_new: bool,
}

/// An incident's number.
#[derive(Serialize, ToSchema)]
pub struct Opened {
    /// The number.
    number: i64,
}

/// For how long to wait.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct WaitQuery {
    /// Answer as soon as the promotion is over, at most after so many seconds (0 to 50).
    wait: Option<u64>,
}

/// Adds a service.
#[utoipa::path(post, path = "/api/v1/services", tag = "services", request_body = NewService,
    responses((status = 201, description = "Added")))]
async fn add_service(
    State(web): State<Arc<Web>>,
    Extension(actor): Extension<Actor>,
    ApiJson(new): ApiJson<NewService>,
) -> Out<StatusCode> {
    let NewService { name, team, tier, description, repository, runbook } = new;
    let input = ServiceInput { name, team, tier, description, repository, runbook };
    web.backend.add_service(&actor, input).await?;
    Ok(StatusCode::CREATED)
}

/// Registers a version. Sending the same again changes nothing, and what is left out then stays as it was;
/// checks that are given again replace those of the same name, and the others stay. A version itself never
/// changes: the same label with other images or digests, another commit, or a flag that it was not registered
/// with is a conflict. Commits and `built_at` are those of the first registration.
#[utoipa::path(post, path = "/api/v1/services/{service}/versions", tag = "versions", request_body = RegisterVersion,
    params(("service" = String, Path, description = "The service's name")),
    responses((status = 201, description = "Registered", body = Registered),
        (status = 200, description = "Was registered before; checks that were given are taken", body = Registered),
        (status = 409, description = "The label is taken by another build: other images, another commit, another flag",
            body = Problem)))]
async fn register_version(
    State(web): State<Arc<Web>>,
    Extension(actor): Extension<Actor>,
    Path(service): Path<String>,
    ApiJson(version): ApiJson<RegisterVersion>,
) -> Out<(StatusCode, Json<Registered>)> {
    let registered = web.backend.register_version(&actor, &service, version).await?;
    let status = if registered.is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(registered)))
}

/// Adds or replaces checks of a version, by their names.
#[utoipa::path(post, path = "/api/v1/services/{service}/versions/{version}/checks", tag = "versions",
    request_body = Checks,
    params(("service" = String, Path, description = "The service's name"),
        ("version" = String, Path, description = "The version's label")),
    responses((status = 204, description = "Taken")))]
async fn report_checks(
    State(web): State<Arc<Web>>,
    Extension(actor): Extension<Actor>,
    Path((service, version)): Path<(String, String)>,
    ApiJson(Checks { checks }): ApiJson<Checks>,
) -> Out<StatusCode> {
    web.backend.report_checks(&actor, &service, &version, checks).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The versions of a service, newest first.
#[utoipa::path(get, path = "/api/v1/services/{service}/versions", tag = "versions",
    params(("service" = String, Path, description = "The service's name"), PageQuery),
    responses((status = 200, description = "A page of them", body = Versions)))]
async fn versions(
    State(web): State<Arc<Web>>,
    Extension(actor): Extension<Actor>,
    Path(service): Path<String>,
    query: Result<Query<PageQuery>, QueryRejection>,
) -> Out<Json<Versions>> {
    let Query(query) = query.map_err(|e| Problem::new(StatusCode::BAD_REQUEST, e.body_text()))?;
    let request = PageRequest::new(query.page.unwrap_or(1), query.size.unwrap_or(PageRequest::default().size));
    let page = web.backend.versions(&actor, &service, request).await?;
    let versions = page.rows.into_iter().map(VersionItem::from).collect();
    Ok(Json(Versions { versions, total: page.total, page: page.request.page, size: page.request.size }))
}

/// Reports a deployment that another pipeline did. The same key again updates it.
#[utoipa::path(post, path = "/api/v1/deployments", tag = "deployments", request_body = ReportDeployment,
    responses((status = 201, description = "New", body = Reported), (status = 200, description = "Updated", body = Reported)))]
async fn report_deployment(
    State(web): State<Arc<Web>>,
    Extension(actor): Extension<Actor>,
    ApiJson(report): ApiJson<ReportDeployment>,
) -> Out<(StatusCode, Json<Reported>)> {
    let is_new = web.backend.report_deployment(&actor, report).await?;
    Ok((if is_new { StatusCode::CREATED } else { StatusCode::OK }, Json(Reported { is_new })))
}

/// Asks for a promotion. With a `key`, asking again finds the first one's promotion.
#[utoipa::path(post, path = "/api/v1/promotions", tag = "promotions", request_body = RequestPromotion,
    responses((status = 201, description = "Asked for", body = PromotionStatus)))]
async fn request_promotion(
    State(web): State<Arc<Web>>,
    Extension(actor): Extension<Actor>,
    ApiJson(request): ApiJson<RequestPromotion>,
) -> Out<Response> {
    let number = web.backend.request_promotion(&actor, request).await?;
    let status = web.backend.promotion_status(&actor, number).await?;
    let location = [(header::LOCATION, format!("/api/v1/promotions/{number}"))];
    Ok((StatusCode::CREATED, location, Json(status)).into_response())
}

/// How a promotion stands; with `wait`, as soon as it is over.
#[utoipa::path(get, path = "/api/v1/promotions/{number}", tag = "promotions",
    params(("number" = i64, Path, description = "The promotion's number"), WaitQuery),
    responses((status = 200, description = "How it stands", body = PromotionStatus),
        (status = 404, description = "There is none", body = Problem)))]
async fn promotion(
    State(web): State<Arc<Web>>,
    Extension(actor): Extension<Actor>,
    Path(number): Path<i64>,
    query: Result<Query<WaitQuery>, QueryRejection>,
) -> Out<Json<PromotionStatus>> {
    let Query(query) = query.map_err(|e| Problem::new(StatusCode::BAD_REQUEST, e.body_text()))?;
    let wait = query.wait.unwrap_or(0).min(LONGEST_WAIT_SECONDS);
    let waited = tokio::select! {
        // Who waits is told how it stands, so that a server that ends keeps nobody.
        () = web.shutdown.cancelled(), if wait > 0 => web.backend.promotion_status(&actor, number).await,
        status = web.backend.wait_for_promotion(&actor, number, wait) => status,
    };
    Ok(Json(waited?))
}

/// Reports how an outside deployer gets on with what a webhook has told it. A token with the role deployer
/// can do this and nothing else. The same report again, by its `id`, changes nothing. What comes too late, out
/// of order, or about a webhook that does not count any more is a conflict, and changes nothing either.
#[utoipa::path(post, path = "/api/v1/promotions/{number}/report", tag = "promotions", request_body = ReportInput,
    params(("number" = i64, Path, description = "The promotion's number")),
    responses((status = 200, description = "Taken, now or before", body = ReportTaken),
        (status = 404, description = "There is none", body = Problem),
        (status = 409, description = "It does not count; nothing was changed", body = Problem)))]
async fn report_progress(
    State(web): State<Arc<Web>>,
    Extension(actor): Extension<Actor>,
    Path(number): Path<i64>,
    ApiJson(report): ApiJson<ReportInput>,
) -> Out<Json<ReportTaken>> {
    Ok(Json(web.backend.report(&actor, number, report).await?))
}

/// Opens an incident.
#[utoipa::path(post, path = "/api/v1/incidents", tag = "incidents", request_body = OpenIncident,
    responses((status = 201, description = "Opened", body = Opened)))]
async fn open_incident(
    State(web): State<Arc<Web>>,
    Extension(actor): Extension<Actor>,
    ApiJson(incident): ApiJson<OpenIncident>,
) -> Out<(StatusCode, Json<Opened>)> {
    let number = web.backend.open_incident(&actor, incident).await?;
    Ok((StatusCode::CREATED, Json(Opened { number })))
}

/// Resolves an incident.
#[utoipa::path(post, path = "/api/v1/incidents/{number}/resolve", tag = "incidents",
    params(("number" = i64, Path, description = "The incident's number")),
    responses((status = 204, description = "Resolved"), (status = 404, description = "There is none", body = Problem)))]
async fn resolve_incident(
    State(web): State<Arc<Web>>,
    Extension(actor): Extension<Actor>,
    Path(number): Path<i64>,
) -> Out<StatusCode> {
    web.backend.resolve_incident(&actor, number).await?;
    Ok(StatusCode::NO_CONTENT)
}
