//! Whose a Deployment is: it belongs to one target, for two would undo what the other wrote. The store
//! refuses a second one in any case; here the reader is told which target has it, and which promotion keeps
//! it from being given away.

use contract::{Answer, ApiError};
use domain::{
    ids::{ClusterId, TargetId},
    observation::{WorkloadKind, WorkloadRef},
};
use store::{Read, StoreError, Target, TargetWorkload, Tx};

use crate::{Engine, error::OrFail};

/// The other target that a Deployment belongs to, as people call it: `cart in Production`.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn other_target(
    read: &mut Read,
    cluster: ClusterId,
    workload: &WorkloadRef,
    own: Option<TargetId>,
) -> Result<Option<String>, StoreError> {
    // Two objects of one name, whatever their kinds, are never two targets: one may make the other.
    for kind in WorkloadKind::ALL {
        let owners = read.targets_of_workload(cluster, &WorkloadRef { kind, ..workload.clone() }).await?;
        if let Some(other) = owners.iter().find(|owner| Some(owner.id) != own) {
            return Ok(Some(label(read, other).await?));
        }
    }
    Ok(None)
}

/// Why a Deployment of another target is not taken.
pub(crate) fn is_taken(workload: &WorkloadRef, by: &str) -> String {
    format!("the Deployment {workload} belongs to {by} already; a Deployment belongs to one target")
}

impl Engine {
    /// What a promotion is at work on cannot be given away under it.
    ///
    /// # Errors
    /// Conflict, with the promotion.
    pub(crate) async fn nothing_under_way(&self, read: &mut Read, target: TargetId) -> Answer<()> {
        match read.occupant(target).await.or_fail(self)? {
            Some(live) => Err(ApiError::conflict(format!(
                "promotion {} is at work here; wait for its end, or abort it first",
                live.number
            ))),
            None => Ok(()),
        }
    }

    /// Refuses Deployments of other targets.
    ///
    /// # Errors
    /// Invalid with the field, and whose it is.
    pub(crate) async fn not_of_others(
        &self,
        tx: &mut Tx,
        wanted: &[TargetWorkload],
        own: Option<TargetId>,
    ) -> Answer<()> {
        for (i, one) in wanted.iter().enumerate() {
            let other = other_target(tx, one.cluster, &one.workload, own).await.or_fail(self)?;
            if let Some(other) = other {
                let field = format!("workloads[{i}].workload");
                return Err(ApiError::invalid(&field, is_taken(&one.workload, &other)));
            }
        }
        Ok(())
    }
}

async fn label(read: &mut Read, target: &Target) -> Result<String, StoreError> {
    let service = read.service(target.service).await?.map_or_else(String::new, |s| s.name.to_string());
    let environment = read.environment(target.environment).await?.map_or_else(String::new, |e| e.title);
    Ok(format!("{service} in {environment}"))
}
