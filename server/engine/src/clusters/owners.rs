//! Whose a Deployment is: it belongs to one target, for two would undo what the other wrote. The store
//! refuses a second one in any case; here the reader is told which target has it.

use domain::{
    ids::{ClusterId, TargetId},
    observation::{WorkloadKind, WorkloadRef},
};
use store::{Read, StoreError, Target};

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

async fn label(read: &mut Read, target: &Target) -> Result<String, StoreError> {
    let service = read.service(target.service).await?.map_or_else(String::new, |s| s.name.to_string());
    let environment = read.environment(target.environment).await?.map_or_else(String::new, |e| e.title);
    Ok(format!("{service} in {environment}"))
}
