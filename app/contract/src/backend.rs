//! The sum of all use cases, taken by pages and API alike.

use crate::{
    alerts::AlertsBackend, approvals::ApprovalsBackend, audit::AuditBackend, board::BoardBackend,
    clusters::ClustersBackend, compare::CompareBackend, deployers::DeployersBackend, deployments::DeploymentsBackend,
    environments::EnvironmentsBackend, frame::FrameBackend, git::GitBackend, helm::HelmBackend,
    incidents::IncidentsBackend, insights::InsightsBackend, judging::JudgingBackend, people::PeopleBackend,
    promotions::PromotionsBackend, search::SearchBackend, services::ServicesBackend, slack::SlackBackend,
    tokens::TokensBackend, versions::VersionsBackend,
};

/// Everything that can be asked of the engine. Every function asks for permission first.
pub trait Backend:
    FrameBackend
    + AlertsBackend
    + GitBackend
    + HelmBackend
    + BoardBackend
    + ServicesBackend
    + VersionsBackend
    + CompareBackend
    + PromotionsBackend
    + ApprovalsBackend
    + DeployersBackend
    + DeploymentsBackend
    + InsightsBackend
    + JudgingBackend
    + IncidentsBackend
    + EnvironmentsBackend
    + ClustersBackend
    + PeopleBackend
    + TokensBackend
    + SearchBackend
    + AuditBackend
    + SlackBackend
    + 'static
{
}

impl<T> Backend for T where
    T: FrameBackend
        + AlertsBackend
        + GitBackend
        + HelmBackend
        + BoardBackend
        + ServicesBackend
        + VersionsBackend
        + CompareBackend
        + PromotionsBackend
        + ApprovalsBackend
        + DeployersBackend
        + DeploymentsBackend
        + InsightsBackend
        + JudgingBackend
        + IncidentsBackend
        + EnvironmentsBackend
        + ClustersBackend
        + PeopleBackend
        + TokensBackend
        + SearchBackend
        + AuditBackend
        + SlackBackend
        + 'static
{
}
