//! The deployment that a promotion is, derived from its state whenever that is saved.

use domain::{ids::DeploymentId, promotion::Promotion};
use store::Deployment;

/// The deployment that this promotion is; `None` before its start. Its identity is the
/// promotion's, so that saving it again is the same row.
pub(crate) fn of(promotion: &Promotion) -> Option<Deployment> {
    let outcome = promotion.outcome()?;
    let run = promotion.run()?;
    Some(Deployment {
        id: DeploymentId::new(promotion.id.uuid()),
        promotion_id: Some(promotion.id),
        service_id: promotion.service,
        environment_id: promotion.environment,
        version_id: promotion.plan.version,
        previous_version_id: promotion.previous_version,
        cause: promotion.cause,
        outcome,
        requested_at: Some(promotion.requested_at),
        approved_at: promotion.approved_at,
        started_at: run.started_at,
        finished_at: promotion.finished_at(),
        requested_by: promotion.requested_by.shown(),
        reported_by: None,
        external_id: None,
    })
}
