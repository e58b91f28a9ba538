//! Commands that pages offer to copy.

/// Registers a version of a service from a pipeline.
#[must_use]
pub fn register_version(service: &str) -> String {
    format!(
        "curl --fail-with-body -sS -X POST \"$SLIPWAY_URL/api/v1/services/{service}/versions\" \\\n  \
         -H \"Authorization: Bearer $SLIPWAY_TOKEN\" -H 'Content-Type: application/json' \\\n  \
         -d '{{\"version\": \"1.0.0\", \"image\": \"registry.example/{service}:1.0.0\", \"commit\": \"'\"$(git rev-parse HEAD)\"'\"}}'"
    )
}

/// Reports a deployment that another pipeline did.
#[must_use]
pub fn report_deployment() -> String {
    "curl --fail-with-body -sS -X POST \"$SLIPWAY_URL/api/v1/deployments\" \\\n  \
     -H \"Authorization: Bearer $SLIPWAY_TOKEN\" -H 'Content-Type: application/json' \\\n  \
     -d '{\"service\": \"cart\", \"environment\": \"production\", \"version\": \"1.0.0\", \"outcome\": \"succeeded\", \"key\": \"'\"$CI_JOB_ID\"'\"}'"
        .to_owned()
}
