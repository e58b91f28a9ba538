//! The OpenAPI document of the API, made from its handlers: `GET /api/openapi.json`.

use std::sync::OnceLock;

use axum::{
    http::{Method, header},
    response::{IntoResponse as _, Response},
};
use utoipa::{
    Modify, OpenApi,
    openapi::{
        ContentBuilder, Ref, RefOr, ResponseBuilder, Responses,
        path::Operation,
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

use super::{
    api, api_alerts, api_analysis, api_git, problem,
    problem::Problem,
    routes::{Access, Routes},
};

/// Adds the document.
pub(super) fn add(routes: &mut Routes) {
    routes.add(Access::Public, Method::GET, "/api/openapi.json", document);
}

#[derive(OpenApi)]
#[openapi(
    info(title = "Slipway", description = "For pipelines: register versions, report deployments, ask for promotions. \
        Errors are problem details (RFC 9457)."),
    paths(
        api::add_service, api::register_version, api::report_checks, api::versions, api::report_deployment,
        api::request_promotion, api::promotion, api::report_progress, api::open_incident, api::resolve_incident,
        api_analysis::metric_source, api_analysis::set_metric_source, api_analysis::clear_metric_source,
        api_analysis::test_metric_source, api_analysis::rules, api_analysis::set_rule, api_analysis::clear_rule,
        api_analysis::set_judging, api_analysis::set_health,
        api_alerts::take_alerts,
        api_git::git_place, api_git::set_git_place, api_git::clear_git_place, api_git::test_git_place,
    ),
    components(schemas(Problem)),
    security(("token" = [])),
    modifiers(&Token, &Problems),
)]
struct Api;

/// Every route asks for an API token.
struct Token;

impl Modify for Token {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let bearer =
            HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("An API token (Settings, Tokens)"));
        let components = openapi.components.get_or_insert_with(Default::default);
        components.add_security_scheme("token", SecurityScheme::Http(bearer.build()));
    }
}

/// Every route may answer each of these; errors have the media type of problems.
struct Problems;

impl Modify for Problems {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        for item in openapi.paths.paths.values_mut() {
            for operation in [&mut item.get, &mut item.post, &mut item.put, &mut item.delete].into_iter().flatten() {
                complete(operation);
            }
        }
    }
}

fn complete(operation: &mut Operation) {
    let Responses { responses, .. } = &mut operation.responses;
    let always = [
        ("400", "The request cannot be read"),
        ("401", "The token is missing, wrong, expired or revoked"),
        ("403", "The token's role does not include this"),
        ("404", "There is no such thing"),
        ("413", "The request is too large"),
        ("422", "A value is wrong; `field` names it"),
        ("503", "Something that is needed does not answer; try again"),
    ];
    for (status, description) in always {
        let response = ResponseBuilder::new().description(description).build();
        responses.entry(status.to_owned()).or_insert(RefOr::T(response));
    }
    for (status, response) in responses {
        if let (true, RefOr::T(response)) = (status.starts_with(['4', '5']), response) {
            let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
            response.content.clear();
            response.content.insert(problem::MEDIA_TYPE.to_owned(), RefOr::T(content));
        }
    }
}

async fn document() -> Response {
    static DOCUMENT: OnceLock<String> = OnceLock::new();
    let text = DOCUMENT.get_or_init(|| {
        let mut document = Api::openapi();
        env!("CARGO_PKG_VERSION").clone_into(&mut document.info.version);
        document.to_json().unwrap_or_default()
    });
    ([(header::CONTENT_TYPE, "application/json")], text.as_str()).into_response()
}
