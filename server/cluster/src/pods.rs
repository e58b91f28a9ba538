//! What a pod shows: whether it is ready, how often it restarted, and why it does not run.

use chrono::{DateTime, Utc};
use domain::observation::{ContainerTrouble, PodObservation};
use k8s_openapi::api::core::v1::{ContainerStateTerminated, ContainerStatus, Pod, PodStatus};

use crate::error::cut;

/// The longest message of a container that is shown: a screen's width or two.
const MESSAGE_LENGTH: usize = 300;

/// Waiting reasons of a container that is about to start and has no trouble.
const STARTING: [&str; 2] = ["ContainerCreating", "PodInitializing"];

/// What is kept of a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PodRecord {
    pub(crate) uid: String,
    /// The identity of the controller that made it: a replica set's, for a Deployment's pods.
    pub(crate) owner: Option<String>,
    name: String,
    is_ready: bool,
    is_terminating: bool,
    restarts: u32,
    trouble: Option<ContainerTrouble>,
    created_at: Option<DateTime<Utc>>,
}

impl PodRecord {
    pub(crate) fn new(pod: Pod) -> Option<Self> {
        let metadata = pod.metadata;
        let status = pod.status.unwrap_or_default();
        let first = pod.spec.and_then(|s| s.containers.into_iter().next()).map(|c| c.name).unwrap_or_default();
        let is_ready = condition(&status, "Ready").is_some_and(|(value, _)| value == "True");
        let owners = metadata.owner_references.into_iter().flatten();
        Some(Self {
            uid: metadata.uid?,
            owner: owners.into_iter().find(|o| o.controller == Some(true)).map(|o| o.uid),
            name: metadata.name?,
            is_ready,
            is_terminating: metadata.deletion_timestamp.is_some(),
            restarts: restarts(&status),
            trouble: if is_ready { None } else { trouble(&status, &first) },
            created_at: metadata.creation_timestamp.and_then(|t| {
                let time = t.0;
                DateTime::from_timestamp(time.as_second(), u32::try_from(time.subsec_nanosecond()).unwrap_or(0))
            }),
        })
    }

    pub(crate) fn observe(&self, is_updated: bool) -> PodObservation {
        PodObservation {
            name: self.name.clone(),
            is_updated,
            is_ready: self.is_ready,
            is_terminating: self.is_terminating,
            restarts: self.restarts,
            trouble: self.trouble.clone(),
            created_at: self.created_at,
        }
    }
}

fn condition<'a>(status: &'a PodStatus, kind: &str) -> Option<(&'a str, &'a str)> {
    let found = status.conditions.iter().flatten().find(|c| c.type_ == kind)?;
    Some((found.status.as_str(), found.reason.as_deref().unwrap_or_default()))
}

fn containers(status: &PodStatus) -> impl Iterator<Item = (&ContainerStatus, bool)> {
    let init = status.init_container_statuses.iter().flatten().map(|c| (c, true));
    let main = status.container_statuses.iter().flatten().map(|c| (c, false));
    init.chain(main)
}

fn restarts(status: &PodStatus) -> u32 {
    let most = containers(status).map(|(c, _)| c.restart_count).max().unwrap_or(0);
    u32::try_from(most).unwrap_or(0)
}

fn trouble(status: &PodStatus, first: &str) -> Option<ContainerTrouble> {
    containers(status).find_map(|(c, is_init)| container_trouble(c, is_init)).or_else(|| pod_trouble(status, first))
}

/// Why a container does not run. What killed the last run says more than that Kubernetes waits
/// before the next one, when it was the memory limit.
fn container_trouble(container: &ContainerStatus, is_init: bool) -> Option<ContainerTrouble> {
    let state = container.state.as_ref()?;
    let last = container.last_state.as_ref().and_then(|s| s.terminated.as_ref());
    if let Some(waiting) = &state.waiting {
        let reason = waiting.reason.as_deref().filter(|r| !STARTING.contains(r))?;
        let was_killed = last.is_some_and(|l| l.reason.as_deref() == Some("OOMKilled"));
        let reason = if reason == "CrashLoopBackOff" && was_killed { "OOMKilled" } else { reason };
        let exit_code = last.map(|l| l.exit_code);
        return Some(in_words(container, reason, exit_code, waiting.message.as_deref()));
    }
    if let Some(ended) = &state.terminated {
        // An init container that ended well has done its work.
        let is_done = is_init && ended.exit_code == 0;
        return (!is_done).then(|| after_end(container, ended));
    }
    // It runs again, but is not ready: what ended it before is still the best that can be said.
    let ended = last.filter(|_| !container.ready && container.restart_count > 0)?;
    (!is_init || ended.exit_code != 0).then(|| after_end(container, ended))
}

fn after_end(container: &ContainerStatus, ended: &ContainerStateTerminated) -> ContainerTrouble {
    let reason = ended.reason.as_deref().unwrap_or("Error");
    in_words(container, reason, Some(ended.exit_code), ended.message.as_deref())
}

fn in_words(
    container: &ContainerStatus,
    reason: &str,
    exit_code: Option<i32>,
    message: Option<&str>,
) -> ContainerTrouble {
    ContainerTrouble {
        container: container.name.clone(),
        reason: reason.to_owned(),
        exit_code,
        message: message.map(|m| cut(m, MESSAGE_LENGTH)),
    }
}

/// A pod without a container that could tell: not scheduled, evicted, failed.
fn pod_trouble(status: &PodStatus, first: &str) -> Option<ContainerTrouble> {
    let of_pod = |reason: &str, message: Option<&str>| ContainerTrouble {
        container: first.to_owned(),
        reason: reason.to_owned(),
        exit_code: None,
        message: message.map(|m| cut(m, MESSAGE_LENGTH)),
    };
    if status.phase.as_deref() == Some("Failed") {
        let reason = status.reason.as_deref().unwrap_or("Failed");
        return Some(of_pod(reason, status.message.as_deref()));
    }
    let scheduled = status.conditions.iter().flatten().find(|c| c.type_ == "PodScheduled")?;
    let is_unschedulable = scheduled.status == "False" && scheduled.reason.as_deref() == Some("Unschedulable");
    is_unschedulable.then(|| of_pod("Unschedulable", scheduled.message.as_deref()))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use serde_json::{Value, json};

    use super::*;

    fn record(status: Value) -> PodRecord {
        let pod = json!({
            "metadata": {"name": "cart-1", "uid": "p1", "creationTimestamp": "2026-03-02T09:00:00Z",
                         "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "cart",
                                              "uid": "rs1", "controller": true}]},
            "spec": {"containers": [{"name": "app"}]},
            "status": status,
        });
        PodRecord::new(serde_json::from_value(pod).unwrap()).unwrap()
    }

    fn container(ready: bool, restarts: i32, state: Value, last: Value) -> Value {
        json!({"name": "app", "image": "i", "imageID": "", "ready": ready, "restartCount": restarts,
               "state": state, "lastState": last})
    }

    fn told(status: Value) -> Option<String> {
        record(status).trouble.map(|t| format!("{} in {}", t.words(), t.container))
    }

    #[test]
    fn every_trouble_is_told_in_kubernetes_own_words() {
        let ended = |reason: &str, code: i32| json!({"terminated": {"reason": reason, "exitCode": code}});
        let waiting = |reason: &str| json!({"waiting": {"reason": reason, "message": "text"}});
        let one = |c: Value| json!({"phase": "Pending", "containerStatuses": [c]});
        let table = [
            (one(container(false, 0, waiting("ContainerCreating"), json!({}))), None),
            (one(container(false, 0, waiting("ErrImagePull"), json!({}))), Some("ErrImagePull in app")),
            (one(container(false, 0, waiting("ImagePullBackOff"), json!({}))), Some("ImagePullBackOff in app")),
            (
                one(container(false, 3, waiting("CrashLoopBackOff"), ended("Error", 1))),
                Some("CrashLoopBackOff, exit code 1 in app"),
            ),
            (
                one(container(false, 3, waiting("CrashLoopBackOff"), ended("OOMKilled", 137))),
                Some("OOMKilled, exit code 137 in app"),
            ),
            (one(container(false, 0, ended("Error", 2), json!({}))), Some("Error, exit code 2 in app")),
            (one(container(false, 1, json!({"running": {}}), ended("Error", 3))), Some("Error, exit code 3 in app")),
            (one(container(false, 0, json!({"running": {}}), json!({}))), None),
            (json!({"phase": "Failed", "reason": "Evicted", "message": "memory"}), Some("Evicted in app")),
            (
                json!({"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}]}),
                Some("Unschedulable in app"),
            ),
            (
                json!({"initContainerStatuses": [container(true, 0, ended("Completed", 0), json!({}))],
                       "containerStatuses": [container(false, 0, waiting("PodInitializing"), json!({}))]}),
                None,
            ),
            (
                json!({"initContainerStatuses": [container(false, 1, ended("Error", 7), json!({}))]}),
                Some("Error, exit code 7 in app"),
            ),
            (json!({}), None),
        ];
        for (status, expected) in table {
            assert_eq!(told(status.clone()).as_deref(), expected, "{status}");
        }
    }

    #[test]
    fn a_ready_pod_has_no_trouble_whatever_it_went_through() {
        let last = json!({"terminated": {"reason": "Error", "exitCode": 1}});
        let pod = record(json!({
            "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": [container(true, 4, json!({"running": {}}), last)],
        }));
        assert_eq!((pod.is_ready, pod.restarts, pod.trouble), (true, 4, None));
        assert_eq!(pod.owner.as_deref(), Some("rs1"));
        assert_eq!(pod.created_at.unwrap().to_rfc3339(), "2026-03-02T09:00:00+00:00");
    }
}
