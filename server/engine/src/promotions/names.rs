//! What people call the parts of a promotion.

use domain::promotion::Promotion;
use store::{Read, StoreError};

/// Names and titles.
pub(crate) struct Names {
    pub(crate) service: String,
    pub(crate) team: String,
    pub(crate) version: String,
    pub(crate) previous: Option<String>,
    pub(crate) environment: String,
    pub(crate) environment_title: String,
}

/// Looks them up. What is gone is called by its identity, so that history stays readable.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn of(read: &mut Read, promotion: &Promotion) -> Result<Names, StoreError> {
    let service = read.service(promotion.service).await?;
    let environment = read.environment(promotion.environment).await?;
    let version = read.version(promotion.plan.version).await?;
    let previous = match promotion.previous_version {
        Some(id) => read.version(id).await?.map(|v| v.label.to_string()),
        None => None,
    };
    let team = match &service {
        Some(service) => {
            let teams = read.teams().await?;
            teams.into_iter().find(|t| t.id == service.team_id).map(|t| t.title).unwrap_or_default()
        }
        None => String::new(),
    };
    Ok(Names {
        service: service.map_or_else(|| promotion.service.to_string(), |s| s.name.to_string()),
        team,
        version: version.map_or_else(|| promotion.plan.version.to_string(), |v| v.label.to_string()),
        previous,
        environment: environment.as_ref().map_or_else(String::new, |e| e.name.to_string()),
        environment_title: environment.as_ref().map_or_else(|| promotion.environment.to_string(), |e| e.title.clone()),
    })
}
