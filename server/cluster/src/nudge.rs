//! Asking a tool to bring what a Git repository says: Argo CD to look now, or to begin with a sync; Argo
//! Rollouts to go on. Of the object nothing is changed but what the tool takes for such a wish; our marks stay
//! away from it, for the tool alone writes it.

use domain::{
    observation::{WorkloadKind, WorkloadRef},
    promotion::Nudge,
};
use ports::{ApplyOutcome, ClusterError};
use serde_json::json;

use crate::{
    connect::KubeCluster,
    objects::{Edit, PAUSE, TRIES},
    tools::{self, argo_cd},
};

impl KubeCluster {
    pub(crate) async fn nudge_tool(&self, workload: &WorkloadRef, nudge: Nudge) -> Result<ApplyOutcome, ClusterError> {
        for lost in 0..TRIES {
            let Some(record) = self.read(workload).await? else { return Ok(ApplyOutcome::Missing) };
            let mut edit = Edit::of(Some(&record.without_pods().resource_version));
            let outcome = match (workload.kind, nudge) {
                (WorkloadKind::Application, Nudge::Look) if !argo_cd::is_looking(&record.object) => {
                    if !record.has_annotations {
                        edit.set("/metadata/annotations", json!({}));
                    }
                    edit.set("/metadata/annotations/argocd.argoproj.io~1refresh", json!("normal"));
                    self.write_nudge(workload, edit).await
                }
                (WorkloadKind::Application, Nudge::Begin) => match argo_cd::sync(&record.object) {
                    Some(sync) => {
                        edit.set("/operation", sync);
                        self.write_nudge(workload, edit).await
                    }
                    None => return Ok(ApplyOutcome::Unchanged),
                },
                (WorkloadKind::Rollout, Nudge::Act(act)) => self.act_on(workload, &record, act, true).await,
                _ => return Ok(ApplyOutcome::Unchanged),
            };
            match outcome {
                // Argo CD writes what it says of an Application into the Application.
                Err(ClusterError::Conflict) => tokio::time::sleep(PAUSE * (lost + 1)).await,
                outcome => return outcome,
            }
        }
        Err(ClusterError::Conflict)
    }

    async fn write_nudge(&self, workload: &WorkloadRef, edit: Edit) -> Result<ApplyOutcome, ClusterError> {
        let (namespace, name) = (workload.namespace.as_str(), workload.name.as_str());
        self.edit(&tools::resource(workload.kind), namespace, name, edit).await.map(|_| ApplyOutcome::Written)
    }
}
