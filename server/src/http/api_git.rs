//! The part of the REST API that is about versions in Git repositories: where a target's version lives.

use std::sync::Arc;

use axum::{
    Extension, Json,
    extract::{Path, State},
    http::{Method, StatusCode},
};
use contract::{
    ApiError,
    git::{GitInput, GitTestView, GitView},
};
use domain::actor::Actor;

use super::{
    Web,
    body::ApiJson,
    problem::Problem,
    routes::{Access, Routes},
};

type Out<T> = Result<T, Problem>;

/// Adds the routes.
pub(super) fn add(routes: &mut Routes) {
    let path = "/api/v1/services/{service}/targets/{environment}/git";
    routes.add(Access::Token, Method::GET, path, git_place);
    routes.add(Access::Token, Method::PUT, path, set_git_place);
    routes.add(Access::Token, Method::DELETE, path, clear_git_place);
    routes.add(Access::Token, Method::POST, &format!("{path}/test"), test_git_place);
}

/// Where the version of a target lives. Secrets are never shown.
#[utoipa::path(get, path = "/api/v1/services/{service}/targets/{environment}/git", tag = "git",
    params(("service" = String, Path, description = "The service's name"),
        ("environment" = String, Path, description = "The environment's name")),
    responses((status = 200, description = "As it is set", body = GitView),
        (status = 404, description = "There is no such target, or its version is set in the cluster", body = Problem)))]
async fn git_place(
    State(web): State<Arc<Web>>,
    Extension(actor): Extension<Actor>,
    Path((service, environment)): Path<(String, String)>,
) -> Out<Json<GitView>> {
    let found = web.backend.git_place(&actor, &service, &environment).await?;
    Ok(Json(found.ok_or_else(|| ApiError::not_found("Git place of", &format!("{service} in {environment}")))?))
}

/// Says where the version of a target lives: promotions commit it there from then on.
#[utoipa::path(put, path = "/api/v1/services/{service}/targets/{environment}/git", tag = "git", request_body = GitInput,
    params(("service" = String, Path, description = "The service's name"),
        ("environment" = String, Path, description = "The environment's name")),
    responses((status = 204, description = "Set"),
        (status = 409, description = "The target is deployed by a program outside", body = Problem)))]
async fn set_git_place(
    State(web): State<Arc<Web>>,
    Extension(actor): Extension<Actor>,
    Path((service, environment)): Path<(String, String)>,
    ApiJson(input): ApiJson<GitInput>,
) -> Out<StatusCode> {
    web.backend.set_git_place(&actor, &service, &environment, input).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Forgets where the version of a target lives: promotions set it in the cluster from then on.
#[utoipa::path(delete, path = "/api/v1/services/{service}/targets/{environment}/git", tag = "git",
    params(("service" = String, Path, description = "The service's name"),
        ("environment" = String, Path, description = "The environment's name")),
    responses((status = 204, description = "Forgotten")))]
async fn clear_git_place(
    State(web): State<Arc<Web>>,
    Extension(actor): Extension<Actor>,
    Path((service, environment)): Path<(String, String)>,
) -> Out<StatusCode> {
    web.backend.clear_git_place(&actor, &service, &environment).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Reads the fields of a target's file, and changes nothing. What is wrong stands in `words`.
#[utoipa::path(post, path = "/api/v1/services/{service}/targets/{environment}/git/test", tag = "git",
    params(("service" = String, Path, description = "The service's name"),
        ("environment" = String, Path, description = "The environment's name")),
    responses((status = 200, description = "What was read", body = GitTestView)))]
async fn test_git_place(
    State(web): State<Arc<Web>>,
    Extension(actor): Extension<Actor>,
    Path((service, environment)): Path<(String, String)>,
) -> Out<Json<GitTestView>> {
    Ok(Json(web.backend.test_git_place(&actor, &service, &environment).await?))
}
